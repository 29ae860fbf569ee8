"""What every settings format shares: values that cannot be known, edits that are spliced in, and what no line can hold.

Rules of this module: it knows no syntax. A format says where a value stands; from here come the words for "nobody can tell" and the
check that a value fits on a line at all.
"""

from __future__ import annotations

import attrs

from inet46.errors import Inet46Error, Inexpressible

__all__ = ["Edits", "Unknown", "Unsettled", "line_at", "newline_of", "require_one_line", "splice", "terminated"]


@attrs.frozen(kw_only=True)
class Unknown:
    """A value that cannot be known from the text; distinct from None, which says that nothing is set.

    `line` counts from 1 and names the line that is the cause; `reason` states it, lower case and without a full stop.
    """

    line: int
    reason: str
    path: str = ""

    def __str__(self) -> str:
        """Place and reason, for a person."""
        return f"{self.path or 'line'}:{self.line}: {self.reason}" if self.path else f"line {self.line}: {self.reason}"


class Unsettled(Inet46Error, ValueError):
    """An edit was asked for a value that cannot be known; `unknown` says where and why."""

    def __init__(self, name: str, unknown: Unknown) -> None:
        self.name = name
        self.unknown = unknown
        super().__init__(f"{unknown}, so what {name} is set to cannot be known; edit that line by hand")


@attrs.frozen(kw_only=True)
class Edits:
    """What to write so that a setting holds: `texts` maps each path that changes to its new text, `notes` says what was met on the way.

    Both are empty when the setting holds already.
    """

    texts: dict[str, str] = attrs.Factory(dict)
    notes: tuple[str, ...] = ()


def line_at(text: str, offset: int) -> int:
    """Line number of an offset, counted from 1."""
    return text.count("\n", 0, offset) + 1


def newline_of(text: str) -> str:
    r"""The line ending that a text uses: that of its first line, and "\n" for a text of one line or none."""
    first = text.find("\n")
    return "\r\n" if first > 0 and text[first - 1] == "\r" else "\n"


def terminated(text: str, newline: str) -> str:
    """The text with the final newline that it may lack; an empty text lacks nothing."""
    return text if not text or text.endswith("\n") else text + newline


def splice(text: str, edits: list[tuple[int, int, str]]) -> str:
    """Replace the stretches `(start, stop, new)` of a text; they may come in any order but must not overlap."""
    for start, stop, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[stop:]
    return text


def require_one_line(name: str, value: str) -> None:
    """Refuse a value that no line of a settings file can hold.

    Raises Inexpressible for a newline, a carriage return, a NUL, or a character that is neither text nor an escaped byte.
    """
    for character, title in (("\n", "a newline"), ("\r", "a carriage return"), ("\0", "a NUL")):
        if character in value:
            raise Inexpressible([f"{name}: {value!r} has {title}, a line holds none"])
    try:
        value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise Inexpressible([f"{name}: {value!r} has a lone surrogate, no byte stands for it"]) from error
