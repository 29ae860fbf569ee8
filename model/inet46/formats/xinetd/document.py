"""xinetd.conf and xinetd.d: paragraphs of attributes, in the grammar of confparse.c, tolerant as it is and strict as it is.

    file      := { comment | blank | include | includedir | defaults | service }
    service   := "service" name NL "{" NL { attribute NL } "}" NL
    attribute := NAME WS ( "=" | "+=" | "-=" ) values          at least one blank before the operator

A `#` begins a comment only as the first thing in a line; there is no quoting, no escape and no continuation. What the daemon skips after a
mistake is skipped here too: to the next line that holds only `}`. Sources: xinetd confparse.c, parse.c, parsesup.c, includedir.c; measured.
"""

from __future__ import annotations

import re

import attrs

from inet46.diagnostics import Cost, Diagnostic, Label, Source, Span
from inet46.formats._reading import fault, size, split_lines

__all__ = ["Attribute", "Document", "Include", "Paragraph", "emit", "parse"]

_BLANK = " \t\n\v\f\r"  # isspace(3), which decides about empty lines and braces; values are split at blanks and tabs only
_KEYWORDS = {"service", "defaults", "include", "includedir"}
_LONGEST = 16384  # two windows of 8 KiB
_ATTRIBUTE = re.compile(r"[ \t\v\f\r]*([^ \t\v\f\r=]*)([ \t\v\f\r]*)([^ \t]*)(.*)", re.DOTALL)
_WORD = re.compile(r"[^ \t]+")
_OPERATOR = re.compile(r"\+=|-=|=")

_Line = tuple[Span, str, str]
"""A line, what a daemon written in C sees of it, and that without the blanks around it: asked for many times, and made once."""


@attrs.frozen
class Attribute:
    """One `name = values` line; names compare without case, so `name` is kept in lower case."""

    name: str
    operator: str
    values: tuple[str, ...]
    span: Span


@attrs.frozen
class Paragraph:
    """`defaults` (name "") or `service NAME`, from its header line to its closing brace."""

    name: str
    attributes: tuple[Attribute, ...]
    span: Span
    header: Span

    @property
    def defaults(self) -> bool:
        """True for the defaults paragraph."""
        return not self.name


@attrs.frozen
class Include:
    """`include FILE` or `includedir FOLDER`."""

    path: str
    folder: bool
    span: Span


@attrs.frozen
class Document:
    """One file of xinetd: what stands in it in order, what was wrong with it, and its text."""

    source: Source
    items: tuple[Paragraph | Include, ...]
    faults: tuple[Diagnostic, ...]
    lines: tuple[Span, ...] = attrs.field(repr=False)


def parse(text: str, path: str = "/etc/xinetd.conf") -> Document:
    """Take a text apart; a mistake costs what it costs the daemon, and is kept in the text all the same."""
    source = Source(path, text)
    lines = split_lines(source)
    scanner = _Scanner(list(map(_line, lines)))
    scanner.file()
    return Document(source, tuple(scanner.items), tuple(scanner.faults), lines)


def emit(document: Document) -> str:
    """Give the text back, byte for byte."""
    return "".join(line.text for line in document.lines)


@attrs.define
class _Scanner:
    lines: list[_Line]
    at: int = 0
    items: list[Paragraph | Include] = attrs.field(factory=list)
    faults: list[Diagnostic] = attrs.field(factory=list)

    def _next(self) -> _Line | None:
        """Return the next line that is neither blank nor a comment."""
        lines = self.lines
        for at in range(self.at, len(lines)):
            line = lines[at]
            if line[2] and line[2][0] != "#":
                self.at = at + 1
                return line
        self.at = len(lines)
        return None

    def file(self) -> None:
        """Read `file := { include | includedir | defaults | service }`."""
        seen_defaults = False
        while (line := self._next()) is not None:
            span, text, _ = line
            words = _WORD.findall(text)
            keyword = words[0].lower()
            if keyword in {"include", "includedir"} and len(words) > 1:
                self.items.append(Include(words[1], keyword == "includedir", span))
            elif keyword == "defaults" or (keyword == "service" and len(words) > 1):
                paragraph = self._paragraph(span, "" if keyword == "defaults" else words[1])
                if paragraph and paragraph.defaults and seen_defaults:
                    self._say("I123", "second-defaults", "a second defaults paragraph in one file is skipped", span)
                elif paragraph:
                    self.items.append(paragraph)
                    seen_defaults = seen_defaults or paragraph.defaults
            else:
                message = f"{words[0]!r} begins no paragraph; everything to the next '}}' is skipped"
                self._lose("I120", "missing-service-keyword", message, span)

    def _paragraph(self, header: Span, name: str) -> Paragraph | None:
        what = f"service {name}" if name else "defaults"
        line = self._next()
        if line is None or line[2] != "{":
            self._lose("I121", "missing-brace", f"{what}: missing '{{' on a line of its own; the entry is lost", header)
            return None
        attributes: list[Attribute] = []
        while (line := self._next()) is not None:
            span, text, bare = line
            if bare == "}":
                return Paragraph(name, tuple(attributes), Span(header.source, header.start, span.stop), header)
            problem = self._attribute(span, text, attributes)
            if problem is None:
                continue
            if not name:
                # Nothing is taken back and nothing is skipped: the next line, if only a brace, is then looked at as the head of an entry.
                self._say("I122", "bad-attribute-line", f"{what}: {problem}; what stands above holds, what stands below is lost", span)
                return Paragraph(name, tuple(attributes), Span(header.source, header.start, span.stop), header)
            self._lose("I122", "bad-attribute-line", f"{what}: {problem}; the entry is lost", span)
            return None
        message = f"{what}: missing '}}' at the end of the file; {'the entry is lost' if name else 'what stands there holds'}"
        self._say("I124", "incomplete-entry", message, header)
        return None if name else Paragraph(name, tuple(attributes), Span(header.source, header.start, self.lines[-1][0].stop), header)

    def _attribute(self, line: Span, text: str, attributes: list[Attribute]) -> str | None:
        """Read `attribute := NAME WS OP values`; return what is wrong with it."""
        if 4 * (line.stop - line.start) > _LONGEST and size(line.text) > _LONGEST:
            return f"a line of {size(line.text)} bytes is cut after {_LONGEST}"
        match = _ATTRIBUTE.fullmatch(text)
        if match is None:
            raise AssertionError("every text is a name, a gap and a rest")
        if match[2] == "" and match[3] == "":
            self._read_on()
            return f"nothing after attribute {match[1]}, so that xinetd reads on in the next line"
        if match[2] == "":
            return f"attribute {match[1]} needs a space before operator"
        if match[3] == "":
            return f"nothing after attribute {match[1]}"
        operator = _OPERATOR.match(match[3])
        if operator is None:
            return f"bad operator {match[3]!r} for attribute {match[1]}"
        values = match[3][operator.end() :] + match[4]
        attributes.append(Attribute(match[1].lower(), operator[0], tuple(_WORD.findall(values)), line))
        return None

    def _read_on(self) -> None:
        """Cut the next line as get_attr_op does, which stops at a blank or a `=` and not at a line's end, and writes a NUL there.

        Where it stops at the end of that line, the line after it is hidden behind the NUL.
        """
        if self.at == len(self.lines):
            return
        line = self.lines[self.at][0]
        stop = re.search(r"[ \t\n\v\f\r=]", line.text)
        if stop is not None:
            end = line.start + stop.start()
            self.lines[self.at] = _line(Span(line.source, line.start, end))
            if stop[0] == "\n" and self.at + 1 < len(self.lines):
                self.lines[self.at + 1] = _line(Span(line.source, end, end))

    def _lose(self, code: str, name: str, message: str, span: Span) -> None:
        """Go on behind the next line that holds only a closing brace, as parse.c does after a mistake; what begins before it is lost."""
        swallowed = []
        while (line := self._next()) is not None and line[2] != "}":
            if _WORD.findall(line[1])[0].lower() in _KEYWORDS:
                swallowed.append(Label(line[0], "this is skipped too"))
        cost = Cost.REST if line is None and swallowed else None
        self.faults.append(attrs.evolve(fault(code, name, message, span, cost=cost), labels=tuple(swallowed)))

    def _say(self, code: str, name: str, message: str, span: Span) -> None:
        self.faults.append(fault(code, name, message, span))


def _line(span: Span) -> _Line:
    """Look at a line as a daemon written in C does: it ends at a NUL."""
    text = span.text.rstrip("\n").partition("\0")[0]
    return span, text, text.strip(_BLANK)
