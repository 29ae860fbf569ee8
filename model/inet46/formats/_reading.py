"""What every format answers when it is read on a host, and what it needs to know of other files."""

from __future__ import annotations

import ipaddress
import re

import attrs

from inet46.diagnostics import Cost, Diagnostic, Severity, Source, Span
from inet46.entry import Bind, Entry
from inet46.sockets import Family

__all__ = ["NUMBER", "Included", "Link", "Reading", "contend", "fault", "numeric", "size", "split_lines"]

NUMBER = r"[0-9]+"  # ASCII digits only: str.isdigit() and int() both accept more than any daemon does


class Link(str):
    """What stands at a path that is a symbolic link, in a mapping of paths to texts: where it points, as readlink(2) has it.

    Units are enabled by links (`sockets.target.wants/imap.socket`), masked by links to /dev/null, and named otherwise by links. An empty
    one is a link that is to be taken away, and as good as none.
    """

    __slots__ = ()


@attrs.frozen(kw_only=True)
class Reading:
    """Entries in the order in which the daemon comes to them, what is wrong in the files, and what could not be known.

    `sources` are the texts that were read, in order; an entry's origin points into one of them. `unordered` are groups of files of which
    it is not known which is read first. `carries` is the default host that the daemon still has when it reads its files the next time;
    `poisons` tells that it crashes then. `nameless` is the first service of an inetd.conf that xinetd takes without an id.
    """

    entries: tuple[Entry, ...] = ()
    faults: tuple[Diagnostic, ...] = ()
    unknown: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()
    unordered: tuple[tuple[str, ...], ...] = ()
    carries: str | None = None
    poisons: bool = False
    nameless: Span | None = None


_DEEPEST = 40  # files that include one another; the daemons have their stack and their open files for a bound
_MOST = 10_000  # includes at all: files that each name the next one twice would be two to the power of their number
_LARGEST = 32 * 1024 * 1024  # characters of what is read because of them


@attrs.define
class Included:
    """How much has been read because of includes: what is small on the disk may have no end when it is read."""

    files: int = 0
    size: int = 0

    def one_more(self, text: str, depth: int) -> bool:
        """Count an include of a text by the last of `depth` files; return True if it is one too many, and must not be followed."""
        self.files += 1
        self.size += len(text)
        return depth > _DEEPEST or self.files > _MOST or self.size > _LARGEST


def fault(code: str, name: str, message: str, span: Span, *, severity: Severity = Severity.ERROR, cost: Cost | None = None) -> Diagnostic:
    """Make a diagnostic of a reading; without another word an error costs its entry, a warning is something ignored, a note nothing."""
    usual = {Severity.ERROR: Cost.ENTRY, Severity.WARNING: Cost.IGNORED, Severity.NOTE: None}[severity]
    told = cost if cost is not None or severity is Severity.NOTE else _COSTS.get(code, usual)
    return Diagnostic(code=code, name=name, severity=severity, message=message, span=span, cost=told)


_COSTS = {
    "I102": Cost.DAEMON,  # FreeBSD's inetd exits at a line that is too short
    "I109": Cost.DAEMON,  # openbsd-inetd hangs
    "I118": Cost.DAEMON,  # inetutils crashes over an address that no line has taken
    "I123": Cost.IGNORED,  # a second defaults paragraph
    "I126": Cost.IGNORED,  # an include that is not there
    "I127": Cost.IGNORED,
    "I145": Cost.DAEMON,  # xinetd dies over the bind of defaults that never end
    "I149": Cost.DAEMON,  # and over lists of ids where a service has none
    "I174": Cost.DAEMON,  # xinetd exits at a bad value in defaults
    "I193": Cost.DAEMON,  # inetutils frees its default host twice
    "I129": Cost.REST,  # NetBSD's inetd reads no further behind these three
    "I185": Cost.REST,
    "I189": Cost.REST,
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


def contend(one: Bind, other: Bind) -> bool:
    """Return True unless two binds of one port leave each other alone on every kernel: families that do not meet, or two addresses."""
    if one.family is other.family:
        return one.address == other.address or None in {one.address, other.address}
    return any(bind.family is Family.IPV6 and bind.v6only is not True for bind in (one, other))
