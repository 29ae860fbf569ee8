"""Rules: what goes wrong between an old file and a new one. `inet46 reload OLD NEW` says it, and the deploys do; one file alone never."""

from __future__ import annotations

from inet46.lint._rules import Found, Subject, rule
from inet46.lint.rules._inetd import advised

__all__: list[str] = []


@rule("I701", "not-applied")
def not_applied(subject: Subject) -> Found:
    """What it catches: a change that xinetd, told to reload, does not bring to its socket.

    Why it bites: a reload makes a socket anew when its family or its `bind` is another one, and at no other time. A `v6only` that came or
    went, and a `bind` that is gone, stay as they were: the file says one thing, and the clients meet the other, until the next restart.

    Example:
        flags  = IPv6
        v6only = yes       (this line is new)

    Instead: restart xinetd, or give the service a new id, so that its socket is made anew.

    Source: xinetd reconfig.c (readjust), conf.c (cnf_extract); measured: tests/test_daemons_changes.py

    """
    yield from advised(subject, "I701", "restart xinetd, or give the service a new id")


@rule("I702", "duty-not-applied")
def duty_not_applied(subject: Subject) -> Found:
    """What it catches: a line that changed between `internal` and a program, or between `wait` and `nowait`, and a reload.

    Why it bites: the daemon takes the new line and keeps what it decided at the old one. Told a program, it goes on as the built-in
    service, or tries to start a program named internal; told `wait`, it starts one server after another; told `nowait`, it hands the
    listening socket to each server and takes no more clients itself.

    Example:
        daytime stream tcp nowait root internal              (the line was)
        daytime stream tcp nowait root /usr/sbin/any any     (the line is)

    Instead: restart the daemon.

    Source: inetd.c of OpenBSD and inetutils (config: se_bi and se_wait are not copied to the entry that is there), busybox inetd.c;
    measured: tests/test_daemons_changes.py

    """
    yield from advised(subject, "I702", "restart the daemon")


@rule("I703", "old-socket-in-the-way")
def old_socket_in_the_way(subject: Subject) -> Found:
    """What it catches: a new line whose socket cannot be bound at a reload, for an old one is still open.

    Why it bites: an inetd binds what is new while it reads, and closes what is gone afterwards. A change from `tcp46` to two lines, or
    from one family to both, collides with itself: the old socket goes, and the new one never came. Some daemons try again minutes later;
    inetutils then binds, and never listens.

    Example:
        imap stream tcp  nowait root /usr/sbin/imapd imapd     (the line was)
        imap stream tcp6 nowait root /usr/sbin/imapd imapd     (the line is)

    Instead: restart the daemon, or activate the change as the last line of `inet46 reload` says.

    Source: inetd.c of FreeBSD, OpenBSD and inetutils (config, setup); measured: tests/test_daemons_changes.py

    """
    yield from advised(subject, "I703", "restart the daemon, or send the signals that inet46 reload names")
