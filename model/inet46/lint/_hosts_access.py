"""hosts.allow and hosts.deny, as tcp_wrappers reads them.

A line is `daemons : clients [: options]`. A backslash before the line end joins lines, `#` in the first column makes a comment, a colon
within brackets is none. The first line that fits decides; where none fits, hosts.allow says nothing and hosts.deny lets in.

Source: tcp_wrappers 7.6 hosts_access.c (table_match, list_match, split_at), hosts_access(5); patterns measured with Debian's tcpd.
"""

from __future__ import annotations

import enum
import functools
import ipaddress
import itertools
import re

import attrs

from inet46.diagnostics import Source, Span
from inet46.sockets import Family

__all__ = ["ALLOW", "DENY", "AccessLine", "Pattern", "Trouble", "parse"]

ALLOW, DENY = "/etc/hosts.allow", "/etc/hosts.deny"


class Trouble(enum.Enum):
    """Why a line is not read, or a pattern fits nobody."""

    NO_NEWLINE = "no newline"
    NO_COLON = "no colon"
    BARE = "bare"  # an IPv6 address without brackets, which is cut at its colons
    MAPPED = "mapped"  # ::ffff:a.b.c.d: such a client's address is compared as the IPv4 one that it is


@attrs.frozen(kw_only=True)
class Pattern:
    """One word of the clients: the families that it names, both where it is no address; `one`: a single address."""

    text: str
    span: Span
    families: frozenset[Family]
    one: bool = False
    trouble: Trouble | None = None


@attrs.frozen(kw_only=True)
class AccessLine:
    """One line with its continuations; `denies` is what it does to whom it fits."""

    span: Span
    daemons: tuple[str, ...] = ()
    clients: tuple[Pattern, ...] = ()
    denies: bool = False
    trouble: Trouble | None = None

    def speaks_of(self, daemon: str) -> bool:
        """True if a daemon is among those that the line is for."""
        names = {name.partition("@")[0].lower() for name in self.daemons}
        return bool({daemon.lower(), "all"} & names)


@functools.lru_cache(maxsize=16)
def parse(text: str, path: str) -> tuple[AccessLine, ...]:
    """Take a table apart; comments and empty lines are left out."""
    source = Source(path, text)
    lines = []
    for match in re.finditer(r"(?:[^\n\\]|\\[^\n]|\\\n)*(?:\n|\\?\Z)", text):
        whole = match[0]
        if not whole.strip(" \t\r\n\\") or whole.startswith("#"):
            continue
        span = Span(source, match.start(), match.start() + len(whole.rstrip("\r\n")))
        lines.append(_line(span, path) if whole.endswith("\n") else AccessLine(span=span, trouble=Trouble.NO_NEWLINE))
    return tuple(lines)


def _line(span: Span, path: str) -> AccessLine:
    fields = _fields(span)
    if len(fields) < 2:
        return AccessLine(span=span, trouble=Trouble.NO_COLON)
    daemons = tuple(word.text for word in _words(fields[0]))
    rest = Span(span.source, fields[1].start, span.stop)
    options = [span.source.text[field.start : field.stop].strip().lower() for field in fields[2:]]
    denies = "deny" in options or (path == DENY and "allow" not in options)
    bare = tuple(_pattern(word) for word in _words(rest) if _bare(word.text))
    clients = (*bare, *(_pattern(word) for word in _words(fields[1]) if not any(_within(word, one.span) for one in bare)))
    return AccessLine(span=span, daemons=daemons, clients=clients, denies=denies)


def _within(word: Span, other: Span) -> bool:
    return other.start <= word.start < other.stop


def _fields(span: Span) -> list[Span]:
    """Cut a line at its colons, those within brackets left alone."""
    cuts, depth = [span.start - 1], 0
    for at, character in enumerate(span.text, span.start):
        if character == "[":
            depth = 1
        elif character == "]":
            depth = 0
        elif character == ":" and not depth:
            cuts.append(at)
    cuts.append(span.stop)
    return [Span(span.source, start + 1, stop) for start, stop in itertools.pairwise(cuts)]


def _words(field: Span) -> list[Span]:
    found = re.finditer(r"[^\s,\\]+", field.text)
    return [Span(field.source, field.start + match.start(), field.start + match.end()) for match in found]


def _bare(text: str) -> bool:
    return text.count(":") > 1 and _network(text) is not None


def _network(text: str) -> ipaddress.IPv6Network | None:
    try:
        return ipaddress.IPv6Network(text, strict=False)
    except ValueError:
        return None


def _pattern(word: Span) -> Pattern:
    """Weigh one pattern: an address, a network, a name or a wildcard."""
    text = word.text
    inner = re.fullmatch(r"\[([^]]*)\](/\d+)?", text)
    network = _network(inner[1] + (inner[2] or "")) if inner else None
    if _bare(text):
        return Pattern(text=text, span=word, families=frozenset({Family.IPV6}), one="/" not in text, trouble=Trouble.BARE)
    if network is not None and network.network_address.ipv4_mapped is not None and network.prefixlen >= 96:
        return Pattern(text=text, span=word, families=frozenset({Family.IPV4}), one="/" not in text, trouble=Trouble.MAPPED)
    if inner:
        return Pattern(text=text, span=word, families=frozenset({Family.IPV6}), one="/" not in text)
    if re.fullmatch(r"\d+(\.\d+){3}(/[\d.]+)?|(\d+\.){1,3}", text):
        return Pattern(text=text, span=word, families=frozenset({Family.IPV4}), one=not re.search(r"/|\.$", text))
    return Pattern(text=text, span=word, families=frozenset(Family))
