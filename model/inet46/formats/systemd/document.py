r"""Unit files as physical lines, and the assignments that systemd makes of them. No section has a meaning here, and no setting.

    file       := { comment | blank | "[" section "]" | key "=" value }
    comment    := ( "#" | ";" ) ...             between the lines of a continued one too
    continued  := a line that ends in an odd number of "\", which become a blank

A line ends at a newline, a carriage return or a NUL, or at several different ones of these. Sources: conf-parser.c (config_parse,
parse_line) and fileio.c (read_line_full) of systemd 252; measured: tests/test_lab_systemd.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import attrs

from inet46.diagnostics import Cost, Diagnostic, Severity, Source, Span
from inet46.formats._reading import Link, fault, size

__all__ = ["Assignment", "Document", "Link", "emit", "parse"]

_BLANK = " \t\n\r"
_LONGEST = 1024 * 1024
_ENDS = sorted((a + b + c for a in "\n\r\0" for b in "\n\r\0" for c in "\n\r\0" if len({a, b, c}) == 3), key=len)
_LINE = re.compile(rf"[^\n\r\0]*(?:{'|'.join(map(re.escape, _ENDS))}|\n\r|\r\n|\n\0|\0\n|\r\0|\0\r|[\n\r\0])|[^\n\r\0]+")
_LAST = "".join(chr((plane << 16) + last) for plane in range(17) for last in (0xFFFE, 0xFFFF))
_NO_TEXT = re.compile(f"[\ud800-\udfff\ufdd0-\ufdef{_LAST}]")  # what utf8_is_valid does not take


@attrs.frozen
class Assignment:
    """One `key = value`, from wherever its lines stand; the value is without the blanks around it, its continued lines joined."""

    section: str
    key: str
    value: str
    span: Span


@attrs.frozen
class Document:
    """One unit file or drop-in; `broken` is what keeps systemd from loading a unit with it at all."""

    source: Source
    assignments: tuple[Assignment, ...]
    faults: tuple[Diagnostic, ...]
    broken: bool
    lines: tuple[Span, ...] = attrs.field(repr=False)


def parse(text: str, path: str = "/etc/systemd/system/unit.socket") -> Document:
    """Take a text apart; what is wrong with a line costs that line, but for one that is not UTF-8 or a header that is not closed."""
    source = Source(path, text)
    lines = tuple(Span(source, match.start(), match.end()) for match in _LINE.finditer(text))
    scanner = _Scanner()
    for span, said in _logical(lines):
        if not scanner.line(span, said):
            break
    return Document(source, tuple(scanner.assignments), tuple(scanner.faults), scanner.broken, lines)


def emit(document: Document) -> str:
    """Give the text back, byte for byte."""
    return "".join(line.text for line in document.lines)


def _logical(lines: tuple[Span, ...]) -> Iterator[tuple[Span, str]]:
    """Yield what is neither comment nor empty, continued lines joined."""
    begun: Span | None = None
    joined: list[str] = []
    for number, line in enumerate(lines):
        text = line.text.rstrip("\n\r\0")
        if not number:
            text = text.removeprefix("\ufeff")
        text = text.lstrip(_BLANK)
        if text[:1] in {"#", ";"} and text:
            continue
        begun = begun or line
        span = Span(line.source, begun.start, line.start + len(line.text.rstrip("\n\r\0")))
        slashes = len(text) - len(text.rstrip("\\"))
        joined.append(text[:-1] if slashes % 2 else text)
        if slashes % 2 and number + 1 < len(lines):
            joined.append(" ")
            continue
        yield span, "".join(joined).strip(_BLANK)
        begun, joined = None, []
    if begun is not None:
        yield Span(begun.source, begun.start, lines[-1].stop), "".join(joined).strip(_BLANK)


@attrs.define
class _Scanner:
    section: str = ""
    broken: bool = False
    assignments: list[Assignment] = attrs.field(factory=list)
    faults: list[Diagnostic] = attrs.field(factory=list)

    def line(self, span: Span, said: str) -> bool:
        """Read `"[" section "]" | key "=" value`; return False when the file ends here for systemd."""
        if not said:
            return True
        if size(said) > _LONGEST:
            return self._break(f"a line of {size(said)} bytes, and systemd reads {_LONGEST}", span)
        if _NO_TEXT.search(said):
            # The log says that the assignment is ignored, and then the unit is not loaded.
            return self._break("a line that is not UTF-8", span)
        if said.startswith("["):
            if not said.endswith("]"):
                return self._break(f"section header {said!r} is not closed", span)
            self.section = said[1:-1]
        elif "=" not in said:
            self._warn("I803", "no-assignment", f"{said!r} has no '='; it is ignored", span)
        elif not self.section:
            self._warn("I804", "outside-of-section", f"{said!r} stands before every [Section]; it is ignored", span)
        else:
            key, _, value = said.partition("=")
            self.assignments.append(Assignment(self.section, key.strip(_BLANK), value.strip(_BLANK), span))
        return True

    def _break(self, why: str, span: Span) -> bool:
        text = f"{why}: nothing of the unit is loaded, and of a drop-in nothing behind it"
        self.faults.append(fault("I802", "unit-broken", text, span, cost=Cost.FILE))
        self.broken = True
        return False

    def _warn(self, code: str, name: str, message: str, span: Span) -> None:
        self.faults.append(fault(code, name, message, span, severity=Severity.WARNING))
