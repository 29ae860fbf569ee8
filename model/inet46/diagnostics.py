"""What is said about a text: where it stands, how bad it is, what it costs, and what it is called.

Diagnostics are values. They are returned, never raised and never printed; whoever shows them (the command line, a dry run) decides how.
A span holds offsets only; line and column are computed when somebody asks.
"""

from __future__ import annotations

import bisect
import enum
import functools

import attrs

__all__ = ["Cost", "Diagnostic", "Edit", "Fix", "Label", "Severity", "Source", "Span", "render"]


class Severity(enum.Enum):
    """How much of the configuration a fault costs."""

    ERROR = "error"  # this configuration will not do what it says on this host
    WARNING = "warning"  # it does, but something in it is not what it seems
    NOTE = "note"  # worth knowing, nothing to mend


class Cost(enum.Enum):
    """What the daemon itself makes of a fault, from the least damage to the greatest."""

    IGNORED = "ignored"  # one word or line; everything else holds
    ENTRY = "entry lost"
    REST = "rest of the file lost"
    FILE = "file lost"
    DAEMON = "daemon lost"  # it exits, aborts or hangs, and every service with it


@attrs.frozen(slots=False)  # as `Subject` of the linter
class Source:
    """A text and the path it was read from ("" when it came from nowhere)."""

    path: str
    text: str = attrs.field(repr=False)

    @functools.cached_property
    def _starts(self) -> list[int]:
        """Where each line begins; a text with a million lines is asked about a thousand of them."""
        starts, at = [0], self.text.find("\n") + 1
        while at:
            starts.append(at)
            at = self.text.find("\n", at) + 1
        return starts

    def line_of(self, offset: int) -> int:
        """Return the number of the line in which an offset lies, counted from 1."""
        return bisect.bisect_right(self._starts, offset)

    def start_of(self, line: int) -> int:
        """Return the offset at which a line begins."""
        return self._starts[line - 1]


@attrs.frozen
class Span:
    """A stretch of a source: offsets in characters, `stop` exclusive."""

    source: Source
    start: int
    stop: int

    @property
    def line(self) -> int:
        """Line number, counted from 1."""
        return self.source.line_of(self.start)

    @property
    def column(self) -> int:
        """Column in characters, counted from 1; a tab is one character."""
        return self.start - self.source.start_of(self.line) + 1

    @property
    def text(self) -> str:
        """The characters themselves."""
        return self.source.text[self.start : self.stop]


@attrs.frozen
class Label:
    """A second place that has to do with a fault, and what it has to do with it."""

    span: Span
    text: str


@attrs.frozen
class Edit:
    """One replacement in a text; an empty span inserts."""

    span: Span
    text: str


@attrs.frozen(kw_only=True)
class Fix:
    """A way to mend a fault.

    `safe` claims that the predicted sockets stay as they are. It is a claim only: the oracle is asked before a fix is made without
    somebody's word (`inet46.lint.mend`).
    """

    title: str
    edits: tuple[Edit, ...]
    safe: bool = True


@attrs.frozen(kw_only=True)
class Diagnostic:
    """One thing to say about a configuration.

    `code` and `name` are stable: the code by family (I1xx syntax, I2xx sockets, I3xx reach, I4xx portability, I5xx host, I6xx access, I7xx
    reload, I8xx units), the name states the bad thing. `message` states the fault, `help` the remedy; both are lower case and end without
    a full stop. `cost` is what the daemon drops because of it, None where it drops nothing.
    """

    code: str
    name: str
    severity: Severity
    message: str
    span: Span | None = None
    labels: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    help: str | None = None
    cost: Cost | None = None
    fix: Fix | None = attrs.field(default=None, eq=False)

    def __str__(self) -> str:
        """Message with place, for a person."""
        place = f"{self.span.source.path}:{self.span.line}: " if self.span else ""
        return f"{place}{self.message}"


def render(diagnostic: Diagnostic) -> str:
    """Draw a diagnostic with its source line, in the manner of rustc."""
    lines = [f"{diagnostic.severity.value}[{diagnostic.code}]: {diagnostic.message}"]
    if diagnostic.span:
        lines += _excerpts(diagnostic.span, diagnostic.labels)
    if diagnostic.cost is not None:
        lines.append(f"  = cost: {diagnostic.cost.value}")
    lines += [f"  = note: {note}" for note in diagnostic.notes]
    if diagnostic.help:
        lines.append(f"  = help: {diagnostic.help}")
    return "\n".join(lines)


_WIDEST = 160  # characters of a source line; of a longer one only what is marked is shown


def _excerpts(span: Span, labels: tuple[Label, ...]) -> list[str]:
    """Draw the marked lines: the fault first, then what has to do with it, with the place again where the file is another one."""
    pad = " " * max(len(str(one.line)) for one in (span, *(label.span for label in labels)))
    drawn = [f"{pad}--> {span.source.path}:{span.line}:{span.column}", f"{pad} |", *_marked(span, "^", "", pad)]
    path = span.source.path
    for label in labels:
        if label.span.source.path != path:
            path = label.span.source.path
            drawn.append(f"{pad}::: {path}:{label.span.line}:{label.span.column}")
        drawn += _marked(label.span, "-", label.text, pad)
    return drawn


def _marked(span: Span, marker: str, text: str, pad: str) -> list[str]:
    """Return a source line and the marker below it; tabs stay tabs so that the marker stands below what it marks."""
    whole = span.source.text
    span = Span(span.source, span.stop - len(span.text.lstrip(" \t")), span.stop) if span.text.strip() else span
    start = whole.rfind("\n", 0, span.start) + 1
    stop = whole.find("\n", span.start)
    stop = stop if stop >= 0 else len(whole)
    left = max(start, span.start - _WIDEST // 2) if stop - start > _WIDEST else start
    line = whole[left : min(stop, left + _WIDEST)].rstrip("\r")
    lead = "".join("\t" if c == "\t" else " " for c in line[: span.start - left])
    width = max(1, min(span.stop, left + len(line)) - span.start)
    number = str(span.line).rjust(len(pad))
    return [f"{number} | {line}", f"{pad} | {lead}{marker * width}{' ' if text else ''}{text}"]
