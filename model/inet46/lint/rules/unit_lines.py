"""Rules: lines of a unit that systemd passes over, and sockets that it refuses or that nobody asks it for."""

from __future__ import annotations

from inet46.lint._rules import Found, Subject, rule
from inet46.lint.rules._inetd import advised

__all__: list[str] = []


@rule("I801", "unit-not-enabled")
def unit_not_enabled(subject: Subject) -> Found:
    """What it catches: a .socket that no boot starts.

    Why it bites: a file in /etc/systemd/system is there to be asked for, and is not yet asked for. It may be running, and is gone after the
    next boot.

    Example:
        /etc/systemd/system/imap.socket, and no link to it in sockets.target.wants

    Instead: `systemctl enable imap.socket`, if it is meant to be served.

    Source: systemd.unit(5), [Install]; unit files as systemd 252 finds them; measured: tests/test_lab_systemd.py

    """
    yield from advised(subject, "I801", "systemctl enable it, if it is meant to be served")


@rule("I803", "no-assignment")
def no_assignment(subject: Subject) -> Found:
    """What it catches: a line of a unit without an equals sign.

    Why it bites: it is ignored, with a line in the log. A comment that has lost its # is harmless; a setting that has lost its `=` is not.

    Example:
        [Socket]
        ListenStream 143

    Instead: `ListenStream=143`.

    Source: conf-parser.c (parse_line) of systemd 252

    """
    yield from advised(subject, "I803", "write NAME=VALUE, or # before a comment")


@rule("I804", "outside-of-section")
def outside_of_section(subject: Subject) -> Found:
    """What it catches: a setting above the first [Section] of a unit.

    Why it bites: it is ignored, with a line in the log, however right it is.

    Example:
        ListenStream=143
        [Socket]
        Accept=yes

    Instead: the line below its section.

    Source: conf-parser.c (parse_line) of systemd 252; measured: tests/test_lab_systemd.py

    """
    yield from advised(subject, "I804", "put it below its section")


@rule("I805", "no-listen")
def no_listen(subject: Subject) -> Found:
    """What it catches: a .socket that listens on nothing.

    Why it bites: systemd refuses it. A drop-in with an empty `ListenStream=`, which takes everything back that stood above, and nothing
    below it, is the usual cause; a mistake in every address is another one.

    Example:
        [Socket]
        ListenStream=143
        ListenStream=

    Instead: what it is to listen on, below the line that takes everything back.

    Source: socket.c (socket_verify) of systemd 252

    """
    yield from advised(subject, "I805", "say what it listens on, below an empty ListenStream=")


@rule("I806", "not-accepting")
def not_accepting(subject: Subject) -> Found:
    """What it catches: `Accept=yes` of a socket for which systemd does not accept connections.

    Why it bites: systemd refuses the unit, and nothing listens. Datagrams have no connections; `MaxConnections=0` allows none; and with
    Accept=yes the service is NAME@.service and cannot be named.

    Example:
        [Socket]
        ListenDatagram=69
        Accept=yes

    Instead: Accept=no for datagrams and with Service=; MaxConnections= of at least 1.

    Source: socket.c (socket_verify) of systemd 252

    """
    yield from advised(subject, "I806", "write Accept=no, or mend the line that goes against it")


@rule("I809", "unknown-section")
def unknown_section(subject: Subject) -> Found:
    """What it catches: a section that a unit of this kind does not have.

    Why it bites: everything below it is ignored, up to the next section, with a line in the log.

    Example:
        [Sockets]
        ListenStream=143

    Instead: [Socket]. What is meant for somebody else begins with X-.

    Source: conf-parser.c (parse_line) of systemd 252, systemd.unit(5)

    """
    yield from advised(subject, "I809", "write [Unit], [Install], or the section of this kind of unit")
