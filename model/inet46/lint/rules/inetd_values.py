"""Rules: services, addresses, protocols and users in inetd.conf that mean nothing here. The reader finds them; here are the remedies."""

from __future__ import annotations

import re

import attrs

from inet46.diagnostics import Cost, Severity
from inet46.lint._rules import Found, Subject, rule, tell
from inet46.lint.rules._inetd import KINDS, advised, judged, meant, respelled, swap
from inet46.sockets import Family

__all__: list[str] = []

_USER = 4  # the index of the user among the words of a line


@rule("I110", "unknown-service")
def unknown_service(subject: Subject) -> Found:
    """What it catches: a service that the host's /etc/services does not have with this protocol.

    Why it bites: there is no port to listen on, so the entry is lost. `imap/udp` and friends went from many releases.

    Example:
        mymail stream tcp nowait root /usr/sbin/imapd imapd

    Instead: a name that is there, or a port number where the daemon takes one.

    Source: getservbyname(3) in every inetd, getservbyname and `port` in xinetd; measured: tests/test_daemons.py

    """
    for fault in subject.said("I110"):
        numbers = subject.inetd is None or subject.inetd.numeric_ports
        remedy = "add the name to /etc/services, or write the port number" if numbers else "add the name to /etc/services"
        yield attrs.evolve(fault, help=remedy, cost=Cost.ENTRY)


@rule("I111", "address-family")
def address_family(subject: Subject) -> Found:
    """What it catches: an address before the service that has another family than every socket of the protocol.

    Why it bites: the address cannot be bound on such a socket, so nothing listens.

    Example:
        127.0.0.1:imap stream tcp6 nowait root /usr/sbin/imapd imapd

    Instead: the protocol of the address's family.

    Source: openbsd-inetd inetd.c (getaddrinfo with the family of the protocol); measured: tests/test_daemons.py

    """
    for fault, fields in judged(subject, "I111"):
        fix = None
        if fields is not None:
            wanted = Family.IPV6 if ":" in fields.words[0].rpartition(":")[0] else Family.IPV4
            fix = respelled(fields, subject, frozenset({wanted}))
        yield attrs.evolve(fault, help="write the protocol of the address's family", fix=fix)


@rule("I112", "too-many-arguments")
def too_many_arguments(subject: Subject) -> Found:
    """What it catches: more arguments than the daemon has room for.

    Why it bites: twenty is the usual number, argv[0] counted. FreeBSD drops the line, openbsd-inetd cuts the rest off without a word, and
    the server runs with half its options.

    Example:
        imap stream tcp nowait root /usr/sbin/imapd imapd a b c d e f g h i j k l m n o p q r s t

    Instead: a script that has the arguments in it.

    Source: inetd.c of FreeBSD and OpenBSD (MAXARGV 20, getconfigent); measured: tests/test_daemons.py

    """
    yield from advised(subject, "I112", "put the arguments into a script and name that as the server")


@rule("I113", "half-lost")
def half_lost(subject: Subject) -> Found:
    """What it catches: an entry for both families that is continued before its server.

    Why it bites: for the IPv6 half, Debian's openbsd-inetd reads the entry's first line again, and that one alone. It breaks off, so IPv6
    is lost; IPv4 works.

    Example:
        imap stream tcp nowait root
            /usr/sbin/imapd imapd

    Instead: the entry on one line, or tcp4 and tcp6 in two.

    Source: openbsd-inetd inetd.c with debian/patches/default_v4v6 (getconfigent: saved_line); measured: tests/test_daemons.py

    """
    yield from advised(subject, "I113", "write the entry on one line")


@rule("I114", "half-cut")
def half_cut(subject: Subject) -> Found:
    """What it catches: an entry for both families whose arguments are continued.

    Why it bites: for the IPv6 half, Debian's openbsd-inetd reads the entry's first line again, and that one alone. IPv6 clients get a
    server with fewer arguments than IPv4 clients.

    Example:
        imap stream tcp nowait root /usr/sbin/imapd imapd
            -debug

    Instead: the entry on one line, or tcp4 and tcp6 in two.

    Source: openbsd-inetd inetd.c with debian/patches/default_v4v6 (getconfigent: saved_line); measured: tests/test_daemons.py

    """
    for fault, fields in judged(subject, "I114"):
        if fields is None or not fields.words[fields.first].startswith("#"):  # an indented comment is another fault (I150)
            yield attrs.evolve(fault, help="write the entry on one line")


@rule("I115", "unknown-protocol")
def unknown_protocol(subject: Subject) -> Found:
    """What it catches: a protocol that this daemon does not have, though others do.

    Why it bites: the line is lost. `tcp6only` is inetutils' word, busybox knows no `tcp4`, and xinetd's reading of inetd.conf looks the
    word up in /etc/protocols, where there is only `tcp`.

    Example:
        imap stream tcp6only nowait root /usr/libexec/imapd imapd

    Instead: the word that this daemon has for the same families.

    Source: inetd.c of FreeBSD (getconfigent, config) and of busybox (parse_one_line); xinetd inet.c; measured: tests/test_daemons.py

    """
    for fault, fields in judged(subject, "I115"):
        wanted = meant(fields.words[2]) if fields is not None else None
        fix = respelled(fields, subject, wanted) if fields is not None and wanted is not None else None
        yield attrs.evolve(fault, help=_words_for(subject), fix=fix)


def _words_for(subject: Subject) -> str:
    build = subject.inetd
    names = [token.name for token in build.tokens if token.opens] if build is not None else []
    return f"this inetd has {', '.join(names)}"


@rule("I116", "unknown-address")
def unknown_address(subject: Subject) -> Found:
    """What it catches: an address before the service that this daemon cannot read: brackets where it knows none, or nothing at all.

    Why it bites: the text is looked up as the name of a host, is not found, and the line is lost; within a list only that address is.
    openbsd-inetd wants `[::1]:` or `::1:` and takes no brackets within a list; inetutils takes no brackets at all.

    Example:
        [::1]:imap stream tcp6 nowait root /usr/sbin/imapd imapd

    Instead: the address without brackets, and `*` for every address.

    Source: openbsd-inetd inetd.c (config: brackets, gethost), inetutils inetd.c (getaddrinfo of the whole word); measured:
    tests/test_daemons.py

    """
    for fault, fields in judged(subject, "I116"):
        fix = None
        if fields is not None and re.search(r"\[[^]]+\]", fields.words[0]):
            fix = swap(fields.spans[0], re.sub(r"\[([^]]+)\]", r"\1", fields.words[0]), "take the brackets away")
        yield attrs.evolve(fault, help="write the address without brackets, or * for every one", fix=fix)
    build = subject.inetd
    for fields in subject.lines if build is not None and build.host_prefix and build.host_lists and not build.keeps_addresses else ():
        listed = fields.words[0].rpartition(":")[0].split(",") if fields.words else []
        bracketed = [host for host in listed if re.fullmatch(r"\[.+\]", host)]
        if len(listed) > 1 and bracketed and subject.entry(fields.span) is not None:
            bare = re.sub(r"\[([^]]+)\]", r"\1", fields.words[0])
            yield tell(
                f"{fields.words[0]}: {bracketed[0]} is no address to this inetd within a list; nothing is bound there",
                fields.spans[0],
                cost=Cost.IGNORED,
                remedy="write the address without brackets",
                fix=swap(fields.spans[0], bare, "take the brackets away"),
            )


@rule("I117", "unknown-user")
def unknown_user(subject: Subject) -> Found:
    """What it catches: a fifth field that cannot be the name of a user.

    Why it bites: some daemons look the name up when they read the file, do not find it, and drop the line; the others do so for each
    client, and disconnect it. A path there says that the user, or a field before it, was left out.

    Example:
        imap stream tcp4 nowait /usr/sbin/imapd imapd

    Instead: the user, with the separator before the group that this daemon has.

    Source: inetd.c of FreeBSD (getconfigent: getpwnam), of inetutils (nextconfig), of OpenBSD and busybox (for each client); xinetd inet.c;
    measured: tests/test_daemons.py

    """
    marks = subject.inetd.user_group if subject.inetd is not None else ""
    group = f", and a group behind {' or '.join(repr(mark) for mark in marks)}" if marks else ""
    for fault in subject.said("I117"):
        missing = subject.host.policy.users is not None and " is unknown; " in fault.message
        yield attrs.evolve(fault, help="make it first, or name another one" if missing else f"write the user{group}")
    for fields in subject.lines:
        if subject.entry(fields.span) is not None and fields.words[_USER].startswith("/"):
            text = f"{fields.words[0]}: user {fields.words[_USER]!r} is a path and no name: every client will be disconnected"
            yield tell(text, fields.spans[_USER], severity=Severity.ERROR, remedy=f"write the user before the server{group}")


@rule("I190", "type-and-protocol")
def type_and_protocol(subject: Subject) -> Found:
    """What it catches: a socket type of which the protocol has no socket, where the daemon looks: `dgram` with `tcp`, `raw` with anything.

    Why it bites: inetutils asks getaddrinfo(3), which knows no such pair, and drops the line. A service behind tcpmux has to be `stream`
    and tcp as well. xinetd's reading of inetd.conf looks the service up under that very protocol.

    Example:
        imap dgram tcp wait root /usr/sbin/imapd imapd

    Instead: `stream` with tcp, `dgram` with udp.

    Source: inetutils inetd.c (expand_enter, getconfigent), glibc getaddrinfo (gaih_inet_typeproto), xinetd inet.c (get_next_inet_entry);
    measured: tests/test_daemons.py

    """
    for fault, fields in judged(subject, "I190"):
        wanted = KINDS.get(re.sub(r"[0-9].*", "", fields.words[2])) if fields is not None else None
        fix = None
        if fields is not None and wanted is not None and fields.words[1] in KINDS.values() and fields.words[1] != wanted:
            fix = swap(fields.spans[1], wanted, f"write {wanted}, which goes with {fields.words[2]}")
        yield attrs.evolve(fault, help="write stream with tcp, dgram with udp", fix=fix)


@rule("I191", "bad-rpc-version")
def bad_rpc_version(subject: Subject) -> Found:
    """What it catches: an RPC service without a version, or with a range of versions that ends before it begins.

    Why it bites: the line is lost, and what continues it is read as lines of their own.

    Example:
        rusersd/3-1 dgram rpc/udp wait root /usr/sbin/rpc.rusersd rpc.rusersd

    Instead: `rusersd/1-3`, or one number.

    Source: openbsd-inetd inetd.c (getconfigent: strtol of the versions); measured: tests/test_daemons.py

    """
    yield from advised(subject, "I191", "write NAME/VERSION, or NAME/FIRST-LAST")


@rule("I192", "unknown-rpc-program")
def unknown_rpc_program(subject: Subject) -> Found:
    """What it catches: an RPC service by a number that is 0 or above 65535.

    Why it bites: a number is taken for one of 16 bits, and what does not fit loses the line. The usual programs have larger ones.

    Example:
        100002/3 dgram rpc/udp wait root /usr/sbin/rpc.rusersd rpc.rusersd

    Instead: the name of the program.

    Source: openbsd-inetd inetd.c (getconfigent); measured: tests/test_daemons.py

    """
    yield from advised(subject, "I192", "write the name of the program")


@rule("I193", "default-freed-twice")
def default_freed_twice(subject: Subject) -> Found:
    """What it catches: two default-host lines behind a `*:` that ended a default address.

    Why it bites: inetutils frees the address and keeps it. The next default-host line frees it once more, which is the end of inetd: no
    service is served.

    Example:
        127.0.0.1:
        *:
        *:

    Instead: the address before each service, and no default-host lines.

    Source: inetutils inetd.c (getconfigent: free of global_serv_node); measured: tests/test_daemons.py

    """
    yield from advised(subject, "I193", "write the address before each service instead")
