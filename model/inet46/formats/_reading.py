"""What every format answers when it is read on a host, and what it needs to know of other files."""

from __future__ import annotations

import ipaddress
import re

import attrs

from inet46.diagnostics import Cost, Diagnostic, Severity, Source, Span
from inet46.entry import Entry

__all__ = ["NUMBER", "Reading", "fault", "numeric", "size", "split_lines"]

NUMBER = r"[0-9]+"  # ASCII digits only: str.isdigit() and int() both accept more than any daemon does


@attrs.frozen(kw_only=True)
class Reading:
    """Entries in the order in which the daemon comes to them, what is wrong in the files, and what could not be known.

    `sources` are the texts that were read, in order; an entry's origin points into one of them.
    """

    entries: tuple[Entry, ...] = ()
    faults: tuple[Diagnostic, ...] = ()
    unknown: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()


def fault(code: str, name: str, message: str, span: Span, *, severity: Severity = Severity.ERROR, cost: Cost | None = None) -> Diagnostic:
    """Make a diagnostic of a reading; without another word an error costs its entry, and a warning is something ignored."""
    told = cost if cost is not None else _COSTS.get(code, Cost.IGNORED if severity is Severity.WARNING else Cost.ENTRY)
    return Diagnostic(code=code, name=name, severity=severity, message=message, span=span, cost=told)


_COSTS = {
    "I102": Cost.DAEMON,  # FreeBSD's inetd exits at a line that is too short
    "I109": Cost.DAEMON,  # openbsd-inetd hangs
    "I123": Cost.IGNORED,  # a second defaults paragraph
    "I126": Cost.IGNORED,  # an include that is not there
    "I127": Cost.IGNORED,
}


def split_lines(source: Source) -> tuple[Span, ...]:
    """Cut a text after each newline, and nowhere else: the daemons know no other line end."""
    text, start, spans = source.text, 0, []
    while start < len(text):
        stop = text.find("\n", start) + 1 or len(text)
        spans.append(Span(source, start, stop))
        start = stop
    return tuple(spans)


def numeric(text: str) -> str | None:
    """Return a numeric address as `ss` writes it, None for what is none: a name, which only the host can look up."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return _short_form(text)
    mapped = getattr(address, "ipv4_mapped", None)
    return str(address) if mapped is None else f"::ffff:{mapped}"


def _short_form(text: str) -> str | None:
    """Read an IPv4 address as inet_aton(3) does: with one to four numbers, the last of which fills up the rest, and octal behind a 0."""
    parts = text.split(".")
    if len(parts) > 4 or not all(re.fullmatch(r"0[0-7]{0,11}|[1-9][0-9]{0,9}", part) for part in parts):
        return None
    *first, last = (int(part, 8 if part[0] == "0" else 10) for part in parts)
    if any(part > 255 for part in first) or last >= 256 ** (4 - len(first)):
        return None
    return str(ipaddress.IPv4Address(sum(part << 8 * (3 - place) for place, part in enumerate(first)) + last))


def size(text: str) -> int:
    """Return how many bytes a text takes in its file, which is what the daemons' line buffers count."""
    return len(text.encode("utf-8", "surrogateescape"))
