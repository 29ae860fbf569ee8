"""What the rules for inetds share: texts and lines by their place, fixes of words, and what a protocol takes here and elsewhere."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator

import attrs

from inet46 import formats
from inet46.diagnostics import Diagnostic, Edit, Fix, Label, Source, Span
from inet46.entry import Entry
from inet46.formats import inetd
from inet46.knowledge import HOSTS, Host, InetdBuild, resolve
from inet46.lint._rules import Subject
from inet46.predict import predict
from inet46.sockets import Family

__all__ = [
    "BOTH",
    "KINDS",
    "SERVER",
    "advised",
    "classic",
    "clients",
    "elsewhere",
    "families_of",
    "judged",
    "label_of",
    "meant",
    "opened",
    "parted",
    "physical",
    "place_of",
    "respelled",
    "sources",
    "swap",
]

SERVER = 5
"""The index of the server among the words of a line: service, type, protocol, wait and user stand before it."""

BOTH = frozenset(Family)
KINDS = {"tcp": "stream", "udp": "dgram"}
_MEANT = {"4": frozenset({Family.IPV4}), "46": BOTH, "64": BOTH, "6only": frozenset({Family.IPV6})}


def sources(subject: Subject) -> tuple[Source, ...]:
    """Return the inetd.conf texts that are read, in their order."""
    if subject.inetd is None:
        return ()
    return tuple(source for source in subject.reading.sources if subject.xinetd is None or source.path == formats.COMPAT)


def classic(subject: Subject) -> Iterator[Entry]:
    """Yield what was read, but for xinetd's own files, of which other rules speak."""
    for entry in subject.reading.entries:
        if subject.xinetd is None or (entry.origin is not None and entry.origin.source.path == formats.COMPAT):
            yield entry


def physical(subject: Subject) -> Iterator[Span]:
    """Yield every line of these texts, with its line end."""
    for source in sources(subject):
        yield from inetd.parse(source.text, source.path).lines


def place_of(span: Span) -> tuple[str, int]:
    """Return what tells a logical line from every other."""
    return span.source.path, span.start


def parted(subject: Subject) -> dict[tuple[str, int], inetd.Fields]:
    """Return the logical lines by their places."""
    return {place_of(line.span): line for line in subject.lines}


def judged(subject: Subject, code: str) -> list[tuple[Diagnostic, inetd.Fields | None]]:
    """Join the faults of a code and the lines that they are about."""
    lines = parted(subject)
    return [(fault, lines.get(place_of(fault.span)) if fault.span else None) for fault in subject.said(code)]


def advised(subject: Subject, code: str, remedy: str) -> Iterator[Diagnostic]:
    """Yield the faults of a code with one remedy for all."""
    yield from (attrs.evolve(fault, help=remedy) for fault in subject.said(code))


def swap(place: Span, text: str, title: str, *, safe: bool = False) -> Fix:
    """Make a fix that puts a text in a place."""
    return Fix(title=title, edits=(Edit(place, text),), safe=safe)


def label_of(entry: Entry, text: str) -> tuple[Label, ...]:
    """Mark where an entry stands, if that is known."""
    return (Label(entry.origin, text),) if entry.origin is not None else ()


def families_of(families: Iterable[Family]) -> str:
    """Write families as people do: `IPv4 and IPv6`, or `nothing`."""
    return " and ".join(sorted(family.title for family in families)) or "nothing"


def meant(protocol: str) -> frozenset[Family] | None:
    """Return the families that a protocol names in plain words, None if it leaves them open: `tcp`, and `tcp6`, which is dual to many."""
    return _MEANT.get(protocol[3:]) if protocol[:3] in {"tcp", "udp"} else None


def clients(entry: Entry, host: Host) -> frozenset[Family]:
    """Return which clients an entry has when no other line disturbs it."""
    return frozenset(family for held in predict((entry,), host).sockets for family in held.accepts)


def opened(service: str, kind: str, protocol: str, host: Host) -> frozenset[Family] | None:
    """Return whose clients a line with this protocol takes on a host with an inetd, None where that is not known."""
    wait = "nowait" if kind == "stream" else "wait"
    reading = formats.read({host.config: f"{service} {kind} {protocol} {wait} root /usr/sbin/any any\n"}, host)
    told = predict(reading.entries, host)
    if reading.unknown or told.unknown:
        return None
    return frozenset(family for held in told.sockets for family in held.accepts)


@functools.cache
def elsewhere(service: str, kind: str, protocol: str) -> str:
    """Say what the same protocol takes on each known host with an inetd."""
    groups: dict[str, list[str]] = {}
    for row in HOSTS:
        host = resolve(row.name)
        if isinstance(host.server, InetdBuild):
            taken = opened(service, kind, protocol, host)
            groups.setdefault("not known" if taken is None else families_of(taken), []).append(row.name)
    parts = "; ".join(f"{families} on {', '.join(names)}" for families, names in sorted(groups.items()))
    return f"{protocol} takes {parts}"


def respelled(fields: inetd.Fields, subject: Subject, wanted: frozenset[Family]) -> Fix | None:
    """Make a fix that names the protocol by which this inetd takes these families, None if it has none."""
    host, build = subject.host, subject.inetd
    service, kind, protocol = fields.words[:3]
    if build is None or subject.xinetd is not None:
        return None
    names = [token.name for token in build.tokens if token.transport.socket_type == kind and token.name != protocol and token.opens]
    names.sort(key=lambda name: (name.endswith("64"), meant(name) != wanted))  # the one that says so, if there is a usual one
    name = next((name for name in names if opened(service, kind, name, host) == wanted), None)
    return swap(fields.spans[2], name, f"write {name}, which takes {families_of(wanted)} here") if name else None
