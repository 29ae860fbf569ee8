"""Rules: fields of inetd.conf that this build does not read as they look. The reader finds them; here are the remedies."""

from __future__ import annotations

import re

import attrs

from inet46.diagnostics import Edit, Fix
from inet46.formats import inetd
from inet46.formats._reading import NUMBER
from inet46.knowledge import PORTS, InetdBuild, Suffix
from inet46.lint._rules import Found, Subject, rule
from inet46.lint.rules._inetd import BOTH, advised, judged, meant, respelled, swap

__all__: list[str] = []


def _shape(fields: inetd.Fields | None, build: InetdBuild | None) -> str:
    """Guess what a line that is too short was meant to be."""
    if fields is None or build is None or not fields.words:
        return "write service, type, protocol, wait, user and server on one line"
    if fields.words[0] == ".include":
        return "only NetBSD's inetd reads other files this way: put their lines here"
    if "=" in fields.words:
        return "key = value is NetBSD's syntax: write service, type, protocol, wait, user and server, with blanks between"
    if fields.words[0].startswith("#"):
        return "begin the comment at the margin"
    if fields.span.text[:1] in {" ", "\t"} and not build.continuation:
        return "this inetd does not continue lines: write the whole entry on one"
    return "write service, type, protocol, wait, user and server, or make the line a comment"


@rule("I101", "too-few-fields")
def too_few_fields(subject: Subject) -> Found:
    """What it catches: a line with fewer than six fields.

    Why it bites: the daemon drops the line with a word in the log, and the service is not there. Mostly something else was meant: an
    indented comment, the second half of an entry, `.include` or `key = value` of NetBSD.

    Example:
        imap stream tcp nowait root

    Instead: service, type, protocol, wait, user and server on one line, or `#` at the margin.

    Source: openbsd-inetd inetd.c (getconfigent), inetutils inetd.c (nextconfig), xinetd inet.c; measured: tests/test_daemons.py

    """
    for fault, fields in judged(subject, "I101"):
        yield attrs.evolve(fault, help=_shape(fields, subject.inetd))


@rule("I102", "daemon-killer")
def daemon_killer(subject: Subject) -> Found:
    """What it catches: a line with fewer than six fields, where the daemon does not forgive it.

    Why it bites: FreeBSD's inetd says `syntax error` and exits, at start and at every reload. All its services go with it, also those that
    stand above the line.

    Example:
        imap stream tcp4 nowait root

    Instead: complete the line, or make it a comment. Look at the file before each reload, for there is no other test of it.

    Source: FreeBSD usr.sbin/inetd/inetd.c (sskip: exit(EX_DATAERR)), the same in 4.x

    """
    for fault, fields in judged(subject, "I102"):
        yield attrs.evolve(fault, help=_shape(fields, subject.inetd))


@rule("I103", "unknown-socket-type")
def unknown_socket_type(subject: Subject) -> Found:
    """What it catches: a second field that is no socket type.

    Why it bites: no socket can be made of it, so the line is lost. A missing or an extra field before it is the usual cause.

    Example:
        imap tcp4 stream nowait root /usr/sbin/imapd

    Instead: `stream` for TCP, `dgram` for UDP.

    Source: inetd.c of FreeBSD, OpenBSD and inetutils (getconfigent, config); measured: tests/test_daemons.py

    """
    for fault, fields in judged(subject, "I103"):
        fix = _type_fix(fields) if fields is not None else None
        yield attrs.evolve(fault, help="write stream for TCP, dgram for UDP", fix=fix)


def _type_fix(fields: inetd.Fields) -> Fix | None:
    """Name the type that goes with the protocol, or exchange the two."""
    kinds = {"tcp": "stream", "udp": "dgram"}
    kind, protocol = fields.words[1:3]
    if kinds.get(kind[:3]) == protocol:
        edits = (Edit(fields.spans[1], protocol), Edit(fields.spans[2], kind))
        return Fix(title="exchange socket type and protocol", edits=edits, safe=False)
    wanted = kinds.get(protocol[:3])
    return swap(fields.spans[1], wanted, f"write {wanted}, which goes with {protocol}") if wanted else None


@rule("I104", "numeric-port")
def numeric_port(subject: Subject) -> Found:
    """What it catches: a port number in the place of a service name, where the daemon knows names only.

    Why it bites: the number is looked up as a name, is not found, and the line is lost. Linux's inetds take numbers, so the line comes
    from there.

    Example:
        143 stream tcp4 nowait root /usr/local/libexec/imapd imapd

    Instead: the name that the number has in /etc/services.

    Source: FreeBSD usr.sbin/inetd/inetd.c (config: getservbyname only); xinetd inet.c (parse_inet_conf)

    """
    for fault, fields in judged(subject, "I104"):
        fix = None
        if fields is not None:
            number, protocol = fields.words[0], fields.words[2][:3]
            ports = subject.host.policy.services
            known = PORTS if ports is None else dict(ports)
            names = [name.partition("/")[0] for name, port in known.items() if str(port) == number and name.endswith(f"/{protocol}")]
            fix = swap(fields.spans[0], min(names, key=len), "write the service's name") if names else None
        yield attrs.evolve(fault, help="write the name that /etc/services gives the number", fix=fix)


@rule("I105", "token-without-name")
def token_without_name(subject: Subject) -> Found:
    """What it catches: a protocol that this daemon understands with a port number only, beside the name of a service.

    Why it bites: the name is looked up with the protocol's own name less one digit (`tcp4` of `tcp46`), which no line of /etc/services
    has. Nothing listens, and the log says `unknown service`.

    Example:
        imap stream tcp46 nowait root /usr/sbin/imapd imapd

    Instead: a protocol that opens both families under a name too, or two lines, or the port number.

    Source: openbsd-inetd inetd.c (config: getservbyname) with debian/patches/default_v4v6; measured: tests/test_daemons.py

    """
    for fault, fields in judged(subject, "I105"):
        fix = respelled(fields, subject, meant(fields.words[2]) or BOTH) if fields is not None else None
        yield attrs.evolve(fault, help="write another protocol, or the number of the port", fix=fix)


@rule("I106", "odd-wait")
def odd_wait(subject: Subject) -> Found:
    """What it catches: a fourth field that is neither `wait` nor `nowait`, or has a suffix that this daemon does not know.

    Why it bites: each family of inetds has its own suffix: `.N` and `:N` are connections a minute, `/N/N/N` servers at once. Debian's
    openbsd-inetd takes every word that is not exactly `wait` for `nowait`, so `wait/1` becomes its opposite without a word in the log;
    FreeBSD ignores `.N`; and a limit that is not understood is no limit, or the default one.

    Example:
        imap stream tcp nowait:600 root /usr/sbin/imapd imapd

    Instead: the suffix of this daemon, or none.

    Source: inetd.c of FreeBSD (getconfigent: /max-child), OpenBSD (strcmp with "wait"), NetBSD (parse.c), inetutils; measured:
    tests/test_daemons.py

    """
    for fault, fields in judged(subject, "I106"):
        fix = _wait_fix(fields, subject.inetd) if fields is not None and subject.inetd is not None else None
        suffix = subject.inetd.suffix if subject.inetd is not None else Suffix.NONE
        shape = "wait or nowait, and no suffix" if suffix is Suffix.NONE else f"wait or nowait, with {suffix.value} or without"
        yield attrs.evolve(fault, help=f"write {shape}", fix=fix)


def _wait_fix(fields: inetd.Fields, build: InetdBuild) -> Fix | None:
    """Keep what can be kept: a rate where rates are written, a number of servers where those are."""
    match = re.fullmatch(rf"((?:no)?wait)(?:([.:/])({NUMBER})?.*)?", fields.words[3])
    if match is None:
        return None
    word, mark, number = match.groups()
    rate = mark in {".", ":"} and number is not None
    if rate and build.suffix is Suffix.RATE and int(number) > build.rate_offset:
        text = f"{word}.{number}"
    elif mark == "/" and number is not None and build.suffix is Suffix.CHILDREN:
        text = f"{word}/{number}"
    else:
        text = word
    return swap(fields.spans[3], text, f"write {text}") if text != fields.words[3] else None


@rule("I107", "relative-server")
def relative_server(subject: Subject) -> Found:
    """What it catches: a server that is no absolute path.

    Why it bites: the daemon looks along no PATH. FreeBSD's drops the line; the others open the socket, and every client is disconnected at
    once. A field that was left out before it, or a line end of DOS, is a usual cause.

    Example:
        imap stream tcp nowait root imapd imapd

    Instead: the whole path, and the name behind it.

    Source: FreeBSD usr.sbin/inetd/inetd.c (getconfigent); execv(3) in openbsd-inetd and inetutils; measured: tests/test_daemons.py

    """
    yield from advised(subject, "I107", "write the whole path of the program")


@rule("I108", "unknown-builtin")
def unknown_builtin(subject: Subject) -> Found:
    """What it catches: `internal` for a service that the daemon does not perform itself, or under a name that is not the official one.

    Why it bites: the built-in is found by name: a port number is none, and an alias only to some. The line is lost; to inetutils it also
    leaves its address to the next line, and openbsd-inetd reads what continues it as lines of their own.

    Example:
        13 stream tcp nowait root internal

    Instead: the official name (`daytime`), or a program.

    Source: inetd.c of openbsd-inetd (getconfigent: biltins), of inetutils (nextconfig) and of FreeBSD (matchservent); measured:
    tests/test_daemons.py

    """
    yield from advised(subject, "I108", "write the service's official name, or a program in place of internal")


@rule("I109", "daemon-hang")
def daemon_hang(subject: Subject) -> Found:
    """What it catches: an entry at which Debian's openbsd-inetd goes round in circles.

    Why it bites: for the IPv6 half of `tcp` the first line of the entry is read again. Where the line breaks off before the protocol, or
    is indented below an empty one, it is read again for ever. The sockets of the lines above are there, and nobody serves them. An
    indented comment of three words is enough.

    Example:
        imap stream
            tcp nowait root /usr/sbin/imapd imapd

    Instead: the whole entry on one line; comments at the margin. An entry with tcp4 or tcp6 is not read twice.

    Source: openbsd-inetd inetd.c with debian/patches/default_v4v6 (getconfigent: proto_override, goto more); measured:
    tests/test_daemons.py

    """
    for fault, fields in judged(subject, "I109"):
        below = fields is not None and fields.after_empty
        yield attrs.evolve(fault, help="begin it at the margin" if below else "write the entry on one line")
