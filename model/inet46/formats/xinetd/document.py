"""xinetd.conf and xinetd.d: paragraphs of attributes, in the grammar of confparse.c, tolerant as it is and strict as it is.

    file      := { comment | blank | include | includedir | defaults | service }
    service   := "service" name NL "{" NL { attribute NL } "}" NL
    attribute := NAME WS ( "=" | "+=" | "-=" ) values          at least one blank before the operator

A `#` begins a comment only as the first thing in a line; there is no quoting, no escape and no continuation. What the daemon skips after a
mistake is skipped here too: to the next line that holds only `}`. Sources: xinetd confparse.c, parse.c, parsesup.c, includedir.c; measured.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterator

import attrs

from inet46.diagnostics import Cost, Diagnostic, Label, Source, Span
from inet46.formats._reading import fault, size, split_lines

__all__ = ["Attribute", "Document", "Include", "Paragraph", "emit", "parse"]

_BLANK = " \t\n\v\f\r"  # isspace(3), which decides about empty lines and braces; values are split at blanks and tabs only
_KEYWORDS = {"service", "defaults", "include", "includedir"}
_NAME_ENDS = re.compile(rb"[ \t\n\v\f\r=]")
_WORD_ENDS = re.compile(rb"[ \t\n\0]")
_WORD = re.compile(rb"[^ \t]+")
_OPERATOR = re.compile(rb"\+=|-=|=")
_SHOWN = 60  # characters of an attribute's name
_BLOCK = 8192  # what xinetd reads at a time, and holds two of


@attrs.frozen
class Attribute:
    """One `name = values` line; names compare without case, so `name` is kept in lower case."""

    name: str
    operator: str
    values: tuple[str, ...]
    span: Span


@attrs.frozen
class Paragraph:
    """`defaults` (name "") or `service NAME`, from its header line to its closing brace.

    What stands in defaults holds without one too; they are not `whole` then.
    """

    name: str
    attributes: tuple[Attribute, ...]
    span: Span
    header: Span
    whole: bool = True

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
    """One file of xinetd: what stands in it in order, what was wrong with it, what nobody can know of it, and its text."""

    source: Source
    items: tuple[Paragraph | Include, ...]
    faults: tuple[Diagnostic, ...]
    unknown: tuple[str, ...]
    lines: tuple[Span, ...] = attrs.field(repr=False)

    @property
    def paragraphs(self) -> Iterator[Paragraph]:
        """The paragraphs in it, `defaults` too."""
        return (item for item in self.items if isinstance(item, Paragraph))


def parse(text: str, path: str = "/etc/xinetd.conf", *, final: bool = False) -> Document:
    """Take a text apart; a mistake costs what it costs the daemon, and is kept in the text all the same.

    `final`: behind `disable = yes` an entry is not looked at, as some builds have it.
    """
    source = Source(path, text)
    lines = split_lines(source)
    scanner = _Scanner(source, text, _blocks(text), final)
    scanner.file()
    return Document(source, tuple(scanner.items), tuple(scanner.faults), tuple(scanner.unknown), lines)


def emit(document: Document) -> str:
    """Give the text back, byte for byte."""
    return "".join(line.text for line in document.lines)


@attrs.define
class _Scanner:
    """The daemon's buffer, in which it writes a NUL at the end of each word, and how far it has read.

    `buffer` has one byte for each character of `text`, so that a NUL can be written: whatever means something to xinetd is ASCII.
    """

    source: Source
    text: str
    blocks: list[int]  # where each block begins, in characters, and where the last one ends
    final: bool = False
    buffer: bytearray = attrs.field(init=False, repr=False)
    at: int = 0
    end: int = 0  # of the line that was read last, without its newline
    newline: int = -1  # the next one, or the end of the text
    counted: tuple[int, int, int] = (0, 0, 0)  # of the last line that was cut: where it begins and ends, and its bytes
    items: list[Paragraph | Include] = attrs.field(factory=list)
    faults: list[Diagnostic] = attrs.field(factory=list)
    unknown: list[str] = attrs.field(factory=list)

    def __attrs_post_init__(self) -> None:
        self.buffer = bytearray(self.text, "ascii", "replace")

    def _next(self) -> Span | None:
        """Return the next line that is neither blank nor a comment."""
        while self.at < len(self.text):
            start = self.at
            self._read_line()
            line = Span(self.source, start, self.at)
            text = self._text(line).strip(_BLANK)
            if text and not text.startswith("#"):
                return line
        return None

    def _read_line(self) -> None:
        """Read to the newline, or to the end of the block behind the one in which the line begins: there it is cut, and loses a byte.

        Sources: sio.c (Srdline), siosup.c (__sio_extend_buffer); measured.
        """
        if self.newline < self.at:
            found = self.buffer.find(b"\n", self.at)
            self.newline = found if found >= 0 else len(self.text)
        self.end = self.newline
        stop = min(self.end + 1, len(self.text))
        following = bisect.bisect_left(self.blocks, self.at)  # the line itself may begin a block, which is then the last one for it
        limit = self.blocks[min(following + 1, len(self.blocks) - 1)]
        if stop > limit:
            line = Span(self.source, self.at, stop)
            text = f"a line of {self._size(line)} bytes is cut where xinetd has no more room for it; the rest is read as a line of its own"
            self._say("I146", "line-cut", text, line)
            self.end, stop = limit - 1, limit
        self.at = stop

    def _size(self, line: Span) -> int:
        """Return the bytes of a line that is cut. A line of megabytes is cut hundreds of times, and its bytes are counted once."""
        start, stop, whole = self.counted
        if (line.stop, line.start > start) == (stop, True):
            whole -= size(self.text[start : line.start])
        else:
            whole = size(line.text)
        self.counted = line.start, line.stop, whole
        return whole

    def _text(self, line: Span) -> str:
        """Return what a daemon written in C sees of a line: it ends at a NUL."""
        return self._read(line.start, self.end)

    def _read(self, start: int, stop: int) -> str:
        nul = self.buffer.find(b"\0", start, stop)
        return self.text[start : stop if nul < 0 else nul]

    def file(self) -> None:
        """Read `file := { include | includedir | defaults | service }`."""
        seen_defaults = False
        while (line := self._next()) is not None:
            words = re.findall(r"[^ \t]+", self._text(line))
            keyword = words[0].lower()
            if keyword in {"include", "includedir"} and len(words) > 1:
                self.items.append(Include(words[1], keyword == "includedir", line))
            elif keyword == "defaults" or (keyword == "service" and len(words) > 1):
                paragraph = self._paragraph(line, "" if keyword == "defaults" else words[1])
                if paragraph and paragraph.defaults and seen_defaults:
                    self._say("I123", "second-defaults", "a second defaults paragraph in one file is skipped", line)
                elif paragraph:
                    self.items.append(paragraph)
                    seen_defaults = seen_defaults or (paragraph.defaults and paragraph.whole)
            else:
                text = f"{words[0]!r} begins no paragraph; everything to the next '}}' is skipped"
                self._lose("I120", "missing-service-keyword", text, line)

    def _paragraph(self, header: Span, name: str) -> Paragraph | None:
        what = f"service {name}" if name else "defaults"
        line = self._next()
        if line is None or not self._is(line, "{"):
            self._lose("I121", "missing-brace", f"{what}: missing '{{' on a line of its own; the entry is lost", header)
            return None
        attributes: list[Attribute] = []
        while (line := self._next()) is not None:
            if self._is(line, "}"):
                return Paragraph(name, tuple(attributes), Span(header.source, header.start, line.stop), header)
            problem = self._attribute(line, attributes)
            if problem is None and not (self.final and name and _switched_off(attributes)):
                continue
            if problem is None:
                self._skip()
                return Paragraph(name, tuple(attributes), Span(header.source, header.start, self.at), header)
            if not name:
                # Nothing is taken back and nothing is skipped: the next line, if only a brace, is then looked at as the head of an entry.
                self._say("I122", "bad-attribute-line", f"{what}: {problem}; what stands above holds, what stands below is lost", line)
                return Paragraph(name, tuple(attributes), Span(header.source, header.start, line.stop), header, whole=False)
            self._lose("I122", "bad-attribute-line", f"{what}: {problem}; the entry is lost", line)
            return None
        text = f"{what}: missing '}}' at the end of the file; {'the entry is lost' if name else 'what stands there holds'}"
        self._say("I124", "incomplete-entry", text, header)
        return None if name else Paragraph(name, tuple(attributes), Span(header.source, header.start, len(self.text)), header, whole=False)

    def _attribute(self, line: Span, attributes: list[Attribute]) -> str | None:
        """Read `attribute := NAME WS OP values`; return what is wrong with it.

        The name ends at a blank or a `=`, and nowhere else: behind a NUL or the end of the line xinetd reads on, into the next one.
        """
        start = self._past_blanks(line.start)
        found = _NAME_ENDS.search(self.buffer, start, self._buffered())
        on = found is None or found.start() >= self.end  # the newline of this line is a NUL by now
        if on:
            found = _NAME_ENDS.search(self.buffer, self.at, self._buffered())
        name = self._read(start, self.end if found is None else min(found.start(), self.end))
        shown = name if len(name) < _SHOWN else f"{name[:_SHOWN]}..."
        if found is None:
            # Nothing but a blank or a `=` stops it, wherever in its memory one comes; without any it dies (parsesup.c, get_attr_op).
            self.unknown.append(f"{self.source.path}:{line.line}: {shown}: xinetd looks for the end of this name in memory behind the file")
            return f"nothing after attribute {shown}"
        ends = found[0]
        self.buffer[found.start()] = 0
        if ends == b"=":
            return f"attribute {shown} needs a space before operator"
        place = self._past_blanks(found.end())
        operator = _OPERATOR.match(self.buffer, place)
        if operator is None or place == self.end:
            stop = _WORD_ENDS.search(self.buffer, place)
            said = self.text[place : len(self.text) if stop is None else stop.start()] if place != self.end else ""
            nothing = f"nothing after attribute {shown}" + (", so that xinetd reads on in the next line" if on else "")
            return nothing if on or not said else f"bad operator {said!r} for attribute {shown}"
        attributes.append(Attribute(name.lower(), operator[0].decode(), self._values(operator.end(), on=on), line))
        return None

    def _past_blanks(self, place: int) -> int:
        """Return the first place that holds no blank; the end of the line is none."""
        while place < len(self.text) and place != self.end and self.text[place] in _BLANK and self.buffer[place]:
            place += 1
        return place

    def _buffered(self) -> int:
        """Return where what was read from the file ends."""
        return self.blocks[min(bisect.bisect_left(self.blocks, self.at), len(self.blocks) - 1)]

    def _values(self, place: int, *, on: bool) -> tuple[str, ...]:
        """Split values at blanks and tabs, each of which becomes a NUL: when xinetd has read on, in all that it holds of the file."""
        stop = self._buffered() if on else self.end
        nul = self.buffer.find(b"\0", place, stop)
        words = [word.span() for word in _WORD.finditer(self.buffer, place, stop if nul < 0 else nul)]
        if on:
            for _, end in words:
                if end < stop:
                    self.buffer[end] = 0
        return tuple(self.text[start:end] for start, end in words)

    def _lose(self, code: str, name: str, message: str, span: Span) -> None:
        """Go on behind the next line that holds only a closing brace, as parse.c does after a mistake; what begins before it is lost."""
        closed, swallowed = self._skip()
        cost = Cost.REST if not closed and swallowed else None
        self.faults.append(attrs.evolve(fault(code, name, message, span, cost=cost), labels=swallowed))

    def _skip(self) -> tuple[bool, tuple[Label, ...]]:
        """Go on behind the next closing brace; return whether there is one, and what begins before it."""
        swallowed = []
        while (line := self._next()) is not None and not self._is(line, "}"):
            if re.split(r"[ \t]", self._text(line).strip(_BLANK), maxsplit=1)[0].lower() in _KEYWORDS:
                swallowed.append(Label(line, "this is skipped too"))
        return line is not None, tuple(swallowed)

    def _say(self, code: str, name: str, message: str, span: Span) -> None:
        self.faults.append(fault(code, name, message, span))

    def _is(self, line: Span, brace: str) -> bool:
        return self._text(line).strip(_BLANK) == brace


def _switched_off(attributes: list[Attribute]) -> bool:
    """Return True if the last attribute is the first `disable`, and says yes."""
    if not attributes or attributes[-1].name != "disable":
        return False
    first = next((one for one in attributes if one.name == "disable" and one.operator == "=" and len(one.values) == 1), None)
    return first is attributes[-1] and first.values[0].lower() == "yes"


def _blocks(text: str) -> list[int]:
    """Return where the blocks begin that xinetd reads, and where the last one ends: counted in bytes, told in characters."""
    data = text.encode("utf-8", "surrogateescape")
    if len(data) < _BLOCK:
        return [0, len(text)]
    places = [0]
    for start in range(0, len(data), _BLOCK):
        places.append(places[-1] + len(data[start : start + _BLOCK].decode("utf-8", "surrogateescape")))
    return [min(place, len(text)) for place in places]
