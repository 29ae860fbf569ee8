"""What is said about a text: where it stands, how bad it is, and what it is called.

Diagnostics are values. They are returned, never raised and never printed; whoever shows them (the command line, a dry run) decides how.
A span holds offsets only; line and column are computed when somebody asks.
"""

from __future__ import annotations

import enum

import attrs

__all__ = ["Diagnostic", "Severity", "Source", "Span", "render"]


class Severity(enum.Enum):
    """How much of the configuration a fault costs."""

    ERROR = "error"  # this configuration will not do what it says on this host
    WARNING = "warning"  # it does, but something in it is not what it seems
    NOTE = "note"  # worth knowing, nothing to mend


@attrs.frozen
class Source:
    """A text and the path it was read from ("" when it came from nowhere)."""

    path: str
    text: str = attrs.field(repr=False)


@attrs.frozen
class Span:
    """A stretch of a source: offsets in characters, `stop` exclusive."""

    source: Source
    start: int
    stop: int

    @property
    def line(self) -> int:
        """Line number, counted from 1."""
        return self.source.text.count("\n", 0, self.start) + 1

    @property
    def column(self) -> int:
        """Column in characters, counted from 1; a tab is one character."""
        return self.start - self.source.text.rfind("\n", 0, self.start)

    @property
    def text(self) -> str:
        """The characters themselves."""
        return self.source.text[self.start : self.stop]


@attrs.frozen(kw_only=True)
class Diagnostic:
    """One thing to say about a configuration.

    `code` and `name` are stable: the code by family (I1xx syntax, I2xx sockets, I3xx reach, I5xx host), the name states the bad thing.
    `message` states the fault, `help` the remedy; both are lower case and end without a full stop.
    """

    code: str
    name: str
    severity: Severity
    message: str
    span: Span | None = None
    notes: tuple[str, ...] = ()
    help: str | None = None

    def __str__(self) -> str:
        """Message with place, for a person."""
        place = f"{self.span.source.path}:{self.span.line}: " if self.span else ""
        return f"{place}{self.message}"


def render(diagnostic: Diagnostic) -> str:
    """Draw a diagnostic with its source line, in the manner of rustc."""
    head = f"{diagnostic.severity.value}[{diagnostic.code}]: {diagnostic.message}"
    lines = [head]
    if diagnostic.span:
        lines += _excerpt(diagnostic.span)
    lines += [f"  = note: {note}" for note in diagnostic.notes]
    if diagnostic.help:
        lines.append(f"  = help: {diagnostic.help}")
    return "\n".join(lines)


def _excerpt(span: Span) -> list[str]:
    """Return place, source line and marker; tabs stay tabs so that the marker stands below what it marks."""
    text = span.source.text
    start = text.rfind("\n", 0, span.start) + 1
    stop = text.find("\n", span.start)
    line = text[start : stop if stop >= 0 else len(text)].rstrip("\r")
    lead = "".join("\t" if c == "\t" else " " for c in line[: span.start - start])
    width = max(1, min(span.stop, start + len(line)) - span.start)
    number = str(span.line)
    pad = " " * len(number)
    return [
        f"{pad}--> {span.source.path}:{number}:{span.column}",
        f"{pad} |",
        f"{number} | {line}",
        f"{pad} | {lead}{'^' * width}",
    ]
