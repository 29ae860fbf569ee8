"""Rules: units of systemd that are not loaded, not started, or that open less than they say."""

from __future__ import annotations

from inet46.lint._rules import Found, Subject, rule

__all__: list[str] = []


@rule("I802", "unit-broken")
def unit_broken(subject: Subject) -> Found:
    """What it catches: a line that keeps systemd from loading a unit at all.

    Why it bites: most mistakes cost their line. A section header that is not closed, and a line that is not UTF-8, cost the unit: none of
    its sockets is opened. Of the second one the log says that the assignment is ignored, which is not so.

    Example:
        [Socket
        ListenStream=143

    Instead: `[Socket]`, and text in UTF-8.

    Source: conf-parser.c (parse_line) of systemd 252; measured: tests/test_lab_systemd.py

    """
    yield from subject.said("I802")


@rule("I807", "no-service")
def no_service(subject: Subject) -> Found:
    """What it catches: a socket without a service that systemd can start.

    Why it bites: with Accept=no the socket is refused and nothing listens. With Accept=yes it listens, and the first connection ends the
    unit: NAME.socket needs NAME@.service, and NAME.service does not count.

    Example:
        [Socket]
        ListenStream=143
        Accept=yes

    Instead: NAME@.service beside NAME.socket for Accept=yes, NAME.service for Accept=no.

    Source: socket.c (socket_start, socket_enter_running) of systemd 252; measured: tests/test_lab_systemd.py

    """
    yield from subject.said("I807")


@rule("I808", "sockets-for-one")
def sockets_for_one(subject: Subject) -> Found:
    """What it catches: a service with StandardInput=socket that is handed more than one socket.

    Why it bites: the sockets are open, and the first client finds out: systemd cannot put two sockets on one standard input, does not start
    the service, and ends the unit.

    Example:
        [Socket]
        ListenStream=0.0.0.0:143
        ListenStream=[::]:143
        BindIPv6Only=ipv6-only

    Instead: one socket for both families (BindIPv6Only=both), or a .socket and a .service for each of them.

    Source: service.c, execute.c of systemd 252; measured: the service ends with result resources, its socket with service-start-limit-hit

    """
    yield from subject.said("I808")


@rule("I810", "unknown-setting")
def unknown_setting(subject: Subject) -> Found:
    """What it catches: a setting that this systemd does not have, in a socket or in its service.

    Why it bites: it is ignored with a line in the log. The names are told apart by case, and a limit or an access list that is misspelled
    limits nothing.

    Example:
        [Socket]
        ListenStream=143
        MaxConnection=5

    Instead: the name as systemd.socket(5) has it. What is meant for somebody else begins with X-.

    Source: `systemd --dump-configuration-items` of systemd 252; conf-parser.c (next_assignment)

    """
    yield from subject.said("I810")


@rule("I811", "bad-value")
def bad_value(subject: Subject) -> Found:
    """What it catches: a value that systemd cannot read.

    Why it bites: the line is ignored, and what stood above it holds: an address that is a name opens nothing, a list with a host name in it
    lacks that host, and `Accept=` takes nothing back.

    Example:
        [Socket]
        ListenStream=localhost:143

    Instead: numeric addresses, IPv6 in brackets: `ListenStream=[::1]:143`.

    Source: load-fragment.c, socket-util.c (socket_address_parse) of systemd 252; measured: tests/test_lab_systemd.py

    """
    yield from subject.said("I811")


@rule("I812", "access-in-service")
def access_in_service(subject: Subject) -> Found:
    """What it catches: IPAddressAllow= or IPAddressDeny= in the service of a socket.

    Why it bites: a socket belongs to the unit that opened it. The list in the service looks at what the service opens itself, and everybody
    gets through the socket that it was handed.

    Example:
        [Service]
        ExecStart=-/usr/sbin/imapd
        StandardInput=socket
        IPAddressDeny=any

    Instead: the same lines in the .socket.

    Source: systemd.resource-control(5); measured with systemd 252

    """
    yield from subject.said("I812")


@rule("I813", "unit-failed")
def unit_failed(subject: Subject) -> Found:
    """What it catches: a socket unit of which nothing listens, because one of its addresses cannot be bound.

    Why it bites: a unit opens all of its sockets or none. 0.0.0.0 and `[::]` are the usual pair: without BindIPv6Only=ipv6-only the IPv6
    socket takes IPv4 as well, Linux lets no such socket beside the IPv4 one, and the whole unit fails. `systemd-analyze verify` is content
    with it.

    Example:
        [Socket]
        ListenStream=0.0.0.0:143
        ListenStream=[::]:143
        Accept=yes

    Instead: BindIPv6Only=ipv6-only, or `ListenStream=[::]:143` alone with BindIPv6Only=both.

    Source: socket.c (socket_open_fds) of systemd 252; measured: tests/test_lab_systemd.py, which binds every pair of addresses

    """
    yield from subject.said("I813")
