"""Rules: hosts.allow and hosts.deny, for services that tcp_wrappers guards: patterns that fit nobody, and lists for one family."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from inet46.diagnostics import Cost, Fix, Severity
from inet46.entry import Entry
from inet46.knowledge import InetdBuild, XinetdBuild
from inet46.lint._hosts_access import ALLOW, DENY, AccessLine, Pattern, Trouble, parse
from inet46.lint._rules import Found, Subject, rule, tell
from inet46.lint.rules._inetd import BOTH, families_of, label_of, swap
from inet46.service import Program
from inet46.sockets import Family

__all__: list[str] = []


def _guarded(subject: Subject) -> Iterator[tuple[Entry, str]]:
    """Yield the entries whose clients tcpd or the daemon's own libwrap looks at, and the name by which they are known there."""
    server = subject.host.server
    for entry in subject.reading.entries:
        program = entry.program
        if not isinstance(program, Program):
            continue
        base = program.path.rpartition("/")[2]
        if base == "tcpd":
            yield entry, (program.argv0 or (program.args[0] if program.args else base)).rpartition("/")[2]
        elif isinstance(server, InetdBuild | XinetdBuild) and server.wraps and not any("NOLIBWRAP" in word for word in entry.extra):
            yield entry, (program.argv0 or base).rpartition("/")[2]


def _lines(subject: Subject, *paths: str) -> list[AccessLine]:
    """Return the lines of these tables, none where nothing is guarded by them."""
    if not any(_guarded(subject)):
        return []
    return [line for path in paths if path in subject.files for line in parse(subject.files[path], path)]


def _troubled(subject: Subject, trouble: Trouble) -> Iterator[Pattern]:
    for line in _lines(subject, ALLOW, DENY):
        yield from (pattern for pattern in line.clients if pattern.trouble is trouble)


@rule("I601", "unbracketed-pattern")
def unbracketed_pattern(subject: Subject) -> Found:
    """What it catches: an IPv6 address in hosts.allow or hosts.deny without brackets.

    Why it bites: the line is cut at every colon. `2001:db8::/32` is the client `2001` with the option `db8`, and fits nobody: an allow line
    lets nobody in, a deny line keeps nobody out.

    Example:
        imapd: 2001:db8::/32

    Instead: `imapd: [2001:db8::]/32`.

    Source: tcp_wrappers hosts_access.c (table_match, split_at), hosts_access(5); measured with Debian's tcpd on accepted connections

    """
    for pattern in _troubled(subject, Trouble.BARE):
        address, slash, length = pattern.text.partition("/")
        text = f"[{address}]{slash}{length}"
        fix = swap(pattern.span, text, f"write {text}")
        yield tell(
            f"{pattern.text} is cut at its colons and fits nobody", pattern.span, severity=Severity.ERROR, remedy=f"write {text}", fix=fix
        )


@rule("I602", "mapped-pattern")
def mapped_pattern(subject: Subject) -> Found:
    """What it catches: a pattern such as [::ffff:192.0.2.1] in hosts.allow or hosts.deny.

    Why it bites: tcp_wrappers takes the prefix off a client's address before it compares, on IPv4 sockets and on those for both families.
    The pattern fits nobody.

    Example:
        imapd: [::ffff:192.0.2.0]/120

    Instead: the IPv4 address: `imapd: 192.0.2.0/24`.

    Source: tcp_wrappers socket.c with Debian's patches (sock_host); measured with Debian's tcpd 7.6.q-32 on accepted connections

    """
    for pattern in _troubled(subject, Trouble.MAPPED):
        plain = _unmapped(pattern.text)
        fix: Fix | None = swap(pattern.span, plain, f"write {plain}")
        text = f"{pattern.text} fits nobody: an IPv4 client is compared as {plain.partition('/')[0]}"
        yield tell(text, pattern.span, severity=Severity.ERROR, remedy=f"write {plain}", fix=fix)


def _unmapped(text: str) -> str:
    address, _, length = text.replace("[", "").replace("]", "").partition("/")
    mapped = ipaddress.IPv6Address(address).ipv4_mapped
    bits = int(length) - 96 if length else 32
    return str(mapped) if bits == 32 else f"{ipaddress.IPv4Network((str(mapped), bits), strict=False).network_address}/{bits}"


def _open_to_both(subject: Subject) -> dict[str, Entry]:
    """Return the daemons that clients of both families reach, each with the first of its entries."""
    taken: dict[int, set[Family]] = {}
    for held in subject.prediction.sockets:
        taken.setdefault(id(held.entry), set()).update(held.accepts)
    found: dict[str, Entry] = {}
    for entry, daemon in _guarded(subject):
        if frozenset(taken.get(id(entry), ())) == BOTH:
            found.setdefault(daemon, entry)
    return found


def _one_sided(lines: list[AccessLine], daemon: str, *, denies: bool) -> tuple[AccessLine, frozenset[Family]] | None:
    """Return the first line for a daemon, and the family it leaves out, if its lines of this kind together name one family only."""
    mine = [line for line in lines if line.speaks_of(daemon) and line.denies is denies]
    named = {family for line in mine for pattern in line.clients for family in pattern.families}
    if len(named) != 1 or (denies and all(pattern.one for line in mine for pattern in line.clients)):
        return None
    return mine[0], BOTH - named


@rule("I603", "allow-list-of-one-family")
def allow_list_of_one_family(subject: Subject) -> Found:
    """What it catches: a list of clients to let in that names one family, for a service that takes both, where all others are kept out.

    Why it bites: the service was given IPv6, and its list was not. Clients of the other family reach the port and are turned away, from the
    same machines that are let in over the first.

    Example:
        /etc/hosts.allow   imapd: 192.0.2.0/24
        /etc/hosts.deny    ALL: ALL

    Instead: the networks of both families: `imapd: 192.0.2.0/24 [2001:db8::]/32`.

    Source: tcp_wrappers hosts_access.c (hosts_access), hosts_access(5); measured with Debian's tcpd

    """
    lines, allowed = _lines(subject, ALLOW, DENY), _lines(subject, ALLOW)
    closing = [line for line in lines if line.denies and any(pattern.text.upper() == "ALL" for pattern in line.clients)]
    for daemon, entry in _open_to_both(subject).items():
        closed = any(line.speaks_of(daemon) for line in closing)
        found = _one_sided(allowed, daemon, denies=False) if closed else None
        if found is not None:
            line, missing = found
            text = f"{daemon}: no {families_of(missing)} client is let in, and {entry.service} takes both families"
            labels = label_of(entry, "serves both")
            yield tell(text, line.span, labels=labels, remedy=f"add the {families_of(missing)} networks")


@rule("I604", "deny-list-of-one-family")
def deny_list_of_one_family(subject: Subject) -> Found:
    """What it catches: a list of clients to keep out that names one family, for a service that takes both.

    Why it bites: whoever is kept out over IPv4 comes in over IPv6.

    Example:
        /etc/hosts.deny    imapd: 203.0.113.0/24

    Instead: a list of whom to let in, and `ALL: ALL` in hosts.deny; or the networks of both families.

    Source: tcp_wrappers hosts_access.c (hosts_access), hosts_access(5); measured with Debian's tcpd

    """
    denied = _lines(subject, DENY)
    for daemon, entry in _open_to_both(subject).items():
        found = _one_sided(denied, daemon, denies=True)
        if found is not None:
            line, missing = found
            text = f"{daemon}: nobody is kept out over {families_of(missing)}, and {entry.service} takes both families"
            yield tell(text, line.span, labels=label_of(entry, "serves both"), remedy=f"add the {families_of(missing)} networks")


@rule("I605", "access-line-lost")
def access_line_lost(subject: Subject) -> Found:
    """What it catches: a line of hosts.allow or hosts.deny that has no newline at its end, or no colon.

    Why it bites: tcp_wrappers logs it and reads on. A last line without its newline is not read at all: the `ALL: ALL` that was to close
    the host may be the one.

    Example:
        ALL: ALL

    Instead: end the file with a newline; `daemons : clients` on each line.

    Source: tcp_wrappers hosts_access.c (table_match: missing newline or line too long; missing ":" separator)

    """
    for line in _lines(subject, ALLOW, DENY):
        if line.trouble is Trouble.NO_NEWLINE:
            end = type(line.span)(line.span.source, len(line.span.source.text), len(line.span.source.text))
            fix = swap(end, "\n", "add the newline")
            text = "the last line has no newline and is not read"
            yield tell(text, line.span, severity=Severity.ERROR, cost=Cost.IGNORED, remedy="end it with a newline", fix=fix)
        elif line.trouble is Trouble.NO_COLON:
            text = "there is no colon between daemons and clients: the line is not read"
            yield tell(text, line.span, severity=Severity.ERROR, cost=Cost.IGNORED, remedy="write daemons : clients")
