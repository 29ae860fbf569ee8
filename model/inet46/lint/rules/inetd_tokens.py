"""Rules: words of inetd.conf that mean one thing to this daemon and another to the next."""

from __future__ import annotations

import re
from collections.abc import Iterator

from inet46.diagnostics import Cost, Severity
from inet46.entry import Entry
from inet46.formats import inetd
from inet46.lint._rules import Found, Subject, rule, tell
from inet46.lint.rules._inetd import KINDS, SERVER, clients, elsewhere, families_of, meant, opened, place_of, respelled, swap
from inet46.sockets import Family

__all__: list[str] = []

_ELSEWHERE = ("rpc/", "faith/", "unix", "sctp")  # protocols that have nothing to do with tcp and udp over two families


def _whole(subject: Subject) -> Iterator[tuple[inetd.Fields, Entry | None]]:
    """Yield the lines that have all their fields, and what was read from each."""
    for fields in subject.lines:
        if len(fields.words) > SERVER:
            yield fields, subject.entry(fields.span)


def _plain(subject: Subject) -> Iterator[tuple[inetd.Fields, frozenset[Family], frozenset[Family]]]:
    """Yield lines whose protocol names its families: what it names, and what it takes here."""
    for fields, entry in _whole(subject):
        wanted = meant(fields.words[2])
        if wanted is None or entry is None or any(bind.address is not None for bind in entry.binds):
            continue
        taken = clients(entry, subject.host)
        if taken:  # else it has no port, which is another fault
            yield fields, wanted, taken


def _note(fields: inetd.Fields) -> tuple[str, ...]:
    """Say what the protocol of a line takes on other hosts."""
    service, kind, protocol = fields.words[:3]
    name = {"stream": "imap", "dgram": "tftp"}.get(kind)
    if name is None:
        return ()
    return (elsewhere("7001" if service.rpartition(":")[2].isdigit() else name, kind, protocol),)


@rule("I402", "token-takes-less")
def token_takes_less(subject: Subject) -> Found:
    """What it catches: a protocol that names both families, and serves one of them here.

    Why it bites: `tcp46` is FreeBSD's word for one socket that takes IPv4 and IPv6. inetutils looks at the fourth character alone and opens
    an IPv4 socket, OpenBSD at the last one, DragonFly's kernel refuses the IPv4 half: everywhere without an error that anybody would look
    for. (Debian's inetd2rlinetd skips such a line.)

    Example:
        imap stream tcp46 nowait root /usr/sbin/imapd imapd

    Instead: the word that this daemon has for both families, or two lines.

    Source: inetd.c of inetutils (nextconfig: char 4 of the protocol), OpenBSD (last character), FreeBSD (getconfigent: v4bind, v6bind);
    measured: tests/test_daemons.py

    """
    for fields, wanted, taken in _plain(subject):
        lost = wanted - taken
        if lost:
            text = f"{fields.words[0]}: {fields.words[2]} takes {families_of(taken)} here, and {families_of(lost)} is lost"
            fix = respelled(fields, subject, wanted)
            remedy = "write another protocol, or one line for each family"
            yield tell(text, fields.spans[2], severity=Severity.ERROR, notes=_note(fields), remedy=remedy, fix=fix)


@rule("I403", "token-takes-more")
def token_takes_more(subject: Subject) -> Found:
    """What it catches: a protocol that names one family, and takes the other one as well, or instead.

    Why it bites: `tcp6only` is inetutils' word. NetBSD looks at the last character and opens an IPv4 socket, Debian's openbsd-inetd opens
    both. Who shut IPv4 out by this word did not.

    Example:
        7001 stream tcp6only nowait root /usr/sbin/imapd imapd

    Instead: the word that this daemon has for the one family.

    Source: inetd.c of inetutils (nextconfig), NetBSD parse.c (parse_protocol), openbsd-inetd with debian/patches/default_v4v6; measured:
    tests/test_daemons.py

    """
    for fields, wanted, taken in _plain(subject):
        more = taken - wanted
        if more:
            text = f"{fields.words[0]}: {fields.words[2]} takes {families_of(taken)} here, not {families_of(wanted)} alone"
            fix = respelled(fields, subject, wanted)
            yield tell(text, fields.spans[2], severity=Severity.ERROR, notes=_note(fields), remedy="write another protocol", fix=fix)


@rule("I404", "unproven-protocol")
def unproven_protocol(subject: Subject) -> Found:
    """What it catches: a protocol of which is not known what this daemon makes of it.

    Why it bites: most inetds look at a character or two and take the rest as it comes. `tcp6only` on a daemon that does not know the word
    may open IPv4, or both families, or nothing. What is only known for other protocols than TCP and UDP (`unix`, `rpc/udp`, `sctp`) is not
    predicted either.

    Example:
        imap stream tcp6only nowait root /usr/sbin/imapd imapd

    Instead: a protocol of this daemon.

    Source: the tokens of each known inetd: `inet46 hosts`

    """
    build = subject.inetd
    if build is None:
        return
    known = {(token.name, token.transport.socket_type) for token in build.tokens}
    said = {place_of(fault.span) for fault in subject.reading.faults if fault.span is not None}
    for fields, entry in _whole(subject):
        kind, protocol = fields.words[1:3]
        if entry is not None or (protocol, kind) in known or place_of(fields.span) in said or "=" in fields.words:
            continue
        if KINDS.get(protocol[:3], kind) != kind:
            continue  # I409
        if protocol.startswith(_ELSEWHERE):
            text = f"{fields.words[0]}: {protocol} sockets are not predicted"
            yield tell(text, fields.spans[2], severity=Severity.NOTE)
            continue
        wanted = meant(protocol)
        notes = _note(fields) if wanted is not None else ()
        fix = respelled(fields, subject, wanted) if wanted is not None else None
        text = f"{fields.words[0]}: what {protocol} with a {kind} socket opens on this inetd is not known"
        yield tell(text, fields.spans[2], notes=notes, remedy="write a protocol that this inetd has", fix=fix)


@rule("I405", "foreign-group-separator")
def foreign_group_separator(subject: Subject) -> Found:
    """What it catches: a user and a group with a separator between that this daemon does not know.

    Why it bites: FreeBSD separates them by a colon, xinetd's reading of inetd.conf by a dot, the others by either. The whole word is
    looked up as the name of a user, and the line is lost.

    Example:
        imap stream tcp4 nowait cyrus.mail /usr/local/libexec/imapd imapd

    Instead: the separator of this daemon.

    Source: FreeBSD usr.sbin/inetd/inetd.c (getconfigent: strchr ':'), xinetd inet.c

    """
    build = subject.inetd
    if build is None or build.user_group != ":":
        return
    for fields, entry in _whole(subject):
        user = fields.words[4]
        if entry is None or "." not in user or ":" in user or user in (subject.host.policy.users or ()):
            continue
        name, _, group = user.partition(".")
        fix = swap(fields.spans[4], f"{name}:{group}", f"write {name}:{group}") if name and group else None
        yield tell(
            f"{fields.words[0]}: {user} is one name here: a group stands behind a colon",
            fields.spans[4],
            remedy="write user:group",
            fix=fix,
        )


@rule("I406", "dotted-user")
def dotted_user(subject: Subject) -> Found:
    """What it catches: a user whose name has a dot in it, where a dot begins the group.

    Why it bites: `first.last` is read as the user `first` and the group `last`. The server runs as somebody else, or every client is
    disconnected.

    Example:
        imap stream tcp nowait first.last /usr/sbin/imapd imapd

    Instead: a user without a dot, or an explicit group where the daemon looks for the colon first.

    Source: openbsd-inetd inetd.c (config: strchr '.'), busybox inetd.c (parse_one_line), inetutils inetd.c (nextconfig); measured:
    tests/test_daemons.py

    """
    build = subject.inetd
    if build is None or "." not in build.user_group:
        return
    for fields, entry in _whole(subject):
        user = fields.words[4]
        if "." in user and user in (subject.host.policy.users or ()) and entry is not None and entry.user != user:
            text = f"{fields.words[0]}: user {user} is read as user {entry.user} with group {entry.group}"
            yield tell(text, fields.spans[4], severity=Severity.ERROR, remedy="use a user without a dot in its name")


@rule("I407", "foreign-address-prefix")
def foreign_address_prefix(subject: Subject) -> Found:
    """What it catches: an address before the service, where the daemon has no such thing.

    Why it bites: the whole word is looked up as the name of a service and is not found: the line is lost. FreeBSD binds all services to
    the addresses of `-a`, or none.

    Example:
        127.0.0.1:imap stream tcp4 nowait root /usr/local/libexec/imapd imapd

    Instead: the service alone, and `inetd_flags="-a address"` for all of them, or xinetd with `bind`.

    Source: FreeBSD usr.sbin/inetd/inetd.c (getconfigent: no prefix; main: -a), xinetd inet.c

    """
    build = subject.inetd
    if build is None or build.host_prefix:
        return
    for fields in subject.lines:
        service = fields.words[0] if fields.words else ""
        _, colon, _ = service.rpartition(":")
        if colon and not (len(fields.words) > 2 and fields.words[2] == "unix"):
            # No fix: without the address the service would be open to everybody.
            text = f"{service}: this inetd reads no address before a service; the line is lost"
            remedy = "write the service alone: it is then served on every address"
            yield tell(text, fields.spans[0], severity=Severity.ERROR, cost=Cost.ENTRY, remedy=remedy)


@rule("I408", "exclusive-token")
def exclusive_token(subject: Subject) -> Found:
    """What it catches: `tcp64`, `udp64` and their like: words that do on this host what they say, and on no other.

    Why it bites: FreeBSD reads the digits in any order. Elsewhere the same word opens one family, or nothing.

    Example:
        imap stream tcp64 nowait root /usr/local/libexec/imapd imapd

    Instead: `tcp46`, as the manual writes it, or two lines that mean the same everywhere: tcp4 and tcp6.

    Source: FreeBSD usr.sbin/inetd/inetd.c (getconfigent) and inetd(8); measured on other hosts: tests/test_daemons.py

    """
    for fields, wanted, taken in _plain(subject):
        protocol = fields.words[2]
        usual = f"{protocol[:3]}46"
        if protocol.endswith("64") and wanted == taken and opened(fields.words[0], fields.words[1], usual, subject.host) == taken:
            fix = swap(fields.spans[2], usual, f"write {usual}", safe=True)
            text = f"{fields.words[0]}: {protocol} is an odd way to write {usual}"
            yield tell(text, fields.spans[2], severity=Severity.NOTE, notes=_note(fields), remedy=f"write {usual}", fix=fix)


@rule("I409", "unusual-socket-type")
def unusual_socket_type(subject: Subject) -> Found:
    """What it catches: a line whose socket type and protocol belong to different transports: `stream` with `udp`, `dgram` with `tcp`.

    Why it bites: openbsd-inetd goes by the type and opens a TCP socket whatever the protocol says; busybox rejects the line, and so does
    inetutils (I190).

    Example:
        tftp stream udp wait root /usr/sbin/tftpd tftpd

    Instead: `stream` with tcp, `dgram` with udp.

    Source: openbsd-inetd inetd.c (setup: socket(family, type, 0)), inetutils inetd.c (getaddrinfo); measured: tests/test_daemons.py

    """
    said = {place_of(fault.span) for fault in subject.said("I190") if fault.span is not None}
    for fields in subject.lines:
        if len(fields.words) < 3 or place_of(fields.span) in said:
            continue
        kind, protocol = fields.words[1:3]
        wanted = KINDS.get(re.sub(r"[0-9].*", "", protocol))
        if wanted is not None and kind in KINDS.values() and kind != wanted:
            fix = swap(fields.spans[1], wanted, f"write {wanted}, which goes with {protocol}")
            text = f"{fields.words[0]}: a {kind} socket does not go with {protocol}"
            yield tell(text, fields.spans[1], severity=Severity.ERROR, remedy="write stream with tcp, dgram with udp", fix=fix)
