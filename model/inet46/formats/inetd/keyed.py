"""NetBSD's inetd.conf as its own parser comes to it: classic lines, definitions `service on key = value, ...;`, includes and policies.

A definition may stretch over lines, and several may share one; where the next statement begins depends on what the one before it was. So
this is a cursor that goes through the physical lines the way parse.c does. Two things in it are surprising, and are in the source of
NetBSD 10 as in today's: a definition that is `off`, or invalid, takes what follows it down, the rest of its line or else the line below
(getconfigent goes to `more` after parse_syntax_v2 has read that line already); and a mistake in the syntax ends the file.

Sources: NetBSD/src usr.sbin/inetd parse.c (getconfigent, skip, nextline), parse_v2.c (parse_syntax_v2, parse_invoke_handler, next_value,
parse_quotes, skip_whitespace).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

import attrs

from inet46.diagnostics import Span
from inet46.formats.inetd._costs import Ended
from inet46.formats.inetd.document import SERVER, Document, Fields, Policy, logical_lines, pieces
from inet46.knowledge import InetdBuild

__all__ = ["Cursor", "Definition", "Directive", "Statement", "classic_lines"]

_ESCAPES = {"\\": "\\", "n": "\n", "t": "\t", "r": "\r", "'": "'", '"': '"'}


@attrs.frozen
class Definition:
    """`service on|off key = values, ...;`, the keys in order, unknown ones too."""

    span: Span
    number: int
    service: str
    on: bool
    options: tuple[tuple[str, tuple[str, ...]], ...]


@attrs.frozen
class Directive:
    """`.include PATTERN`, or another word that begins with a dot."""

    span: Span
    number: int
    name: str
    pattern: str | None


Statement = Fields | Policy | Definition | Directive


@attrs.define
class Cursor:
    """A place in a document: the physical line, and how far it has been read.

    `statement` gives the next one; behind a `Definition` the reader says how it went by `go_on` or `swallow`.
    """

    document: Document
    build: InetdBuild
    lines: tuple[Span, ...] = attrs.field(init=False)
    texts: tuple[str, ...] = attrs.field(init=False)  # the same, as C sees them: a line ends at a NUL
    line: int = attrs.field(default=0, init=False)
    at: int = attrs.field(default=0, init=False)
    read: int = attrs.field(default=0, init=False)  # the line in which the last word stood
    place: tuple[int, int] = attrs.field(default=(0, 0), init=False)  # where the last word stood in the text

    @lines.default
    def _cut(self) -> tuple[Span, ...]:
        return tuple(itertools.chain.from_iterable(pieces(line, self.build.line_limit) for line in self.document.lines))

    @texts.default
    def _see(self) -> tuple[str, ...]:
        return tuple(line.text.removesuffix("\n").partition("\0")[0] for line in self.lines)

    @property
    def text(self) -> str:
        """The present line."""
        return self.texts[self.line]

    def _advance(self) -> bool:
        self.line, self.at = self.line + 1, 0
        return self.line < len(self.lines)

    @property
    def _offset(self) -> int:
        return self.lines[self.line].start + self.at

    def _number(self, offset: int) -> int:
        return Span(self.document.source, offset, offset).line

    def statement(self) -> Statement | None:
        """Return the next statement, None at the end.

        Raises Ended where the syntax of a definition is broken: nothing below is read.
        """
        while self.line < len(self.lines):
            start = self._offset
            if self.text.startswith("#", self.at):
                span, said = Span(self.document.source, start, self.lines[self.line].stop), self.text[self.at :]
                self._advance()
                if said.startswith("#@"):
                    return Policy(span, said[2:].strip(" \t\r\v\f"), self._number(start))
                continue
            first = self._word()
            if first is None:
                self._advance()
                continue
            return self._directive(start, first) if first.startswith(".") else self._entry(start, first)
        return None

    def _directive(self, start: int, first: str) -> Directive:
        pattern = self._word() if first == ".include" else None
        span = self._span(start)
        self._advance()
        return Directive(span, self._number(start), first[1:], pattern)

    def _entry(self, start: int, first: str) -> Fields | Definition:
        """Read on after the first word; `host: service` is `host:service`."""
        words, at, places = [first], self.line, [self.place]
        if first.endswith(":") and (name := self._word()) is not None:
            words, places = [first + name], [(places[0][0], self.place[1])]
        following = self._word()
        switch = re.fullmatch(r"(on|off)(#.*)?", following or "", re.DOTALL)
        if switch is not None:
            if switch[2] is not None and not self._advance():
                raise self._broken("the file ends inside the definition")
            options = self._options()
            return Definition(self._span(start), self._number(start), words[0], switch[1] == "on", options)
        lines = [at]
        while following is not None:
            words.append(following)
            places.append(self.place)
            lines.append(self.read)
            following = self._word()
        server = lines[min(len(words), SERVER) - 1]
        below = self.lines[server + 1 : self.read + 1]
        span = self._span(start)
        self._advance()
        spans = tuple(Span(self.document.source, *place) for place in places)
        return Fields(span, tuple(words), lines.count(lines[0]), self._number(start), below=below, places=lambda: spans)

    def _span(self, start: int) -> Span:
        """From a place to the end of the last line that was read; inside a line if another definition follows there."""
        line = self.lines[min(self.read, len(self.lines) - 1)]
        rest = self.text[self.at :].strip(" \t\r\v\f") if self.line == self.read else ""
        if rest and not rest.startswith("#"):
            return Span(self.document.source, start, self._offset)
        return Span(self.document.source, start, line.stop)

    def _word(self) -> str | None:
        """Return the next word of a classic line: quotes join anywhere in it, and an indented line below goes on (skip)."""
        while True:
            while self.at < len(self.text) and self.text[self.at] in " \t":
                self.at += 1
            if self.at < len(self.text):
                break
            if self.line + 1 >= len(self.lines) or self.texts[self.line + 1][:1] not in {" ", "\t"}:
                return None
            self._advance()
        self.read, text, quote, word = self.line, self.text, "", ""
        begin = self._offset
        while self.at < len(text) and (quote or text[self.at] not in " \t"):
            character = text[self.at]
            if character in "'\"" and quote in {"", character}:
                quote = "" if quote else character
            else:
                word += character
            self.at += 1
        self.place = (begin, self._offset)
        self.at = min(self.at + 1, len(text))
        return word

    # -- definitions

    def go_on(self) -> None:
        """Take the next statement from behind a definition that was accepted: in the same line, or in the next one."""
        if not self._rest():
            self._advance()

    def swallow(self) -> Span | None:
        """Pass over what a definition that is off or invalid takes down; return it if it was more than a comment."""
        if not self._rest() and not self._advance():
            return None
        span, lost = Span(self.document.source, self._offset, self.lines[self.line].stop), self.text[self.at :]
        self._advance()
        return span if lost.strip(" \t\r\v\f") and not lost.startswith("#") else None

    def _rest(self) -> str:
        while self.at < len(self.text) and self.text[self.at] in " \t\r\v\f":
            self.at += 1
        return self.text[self.at :]

    def _options(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        options, more = [], True
        while more:
            key = self._key()
            values, more = self._values()
            options.append((key, values))
        self.read = self.line
        return tuple(options)

    def _key(self) -> str:
        """Read `key =`: the equals sign follows at once, or behind a blank."""
        self._space()
        text = self.text
        match = re.compile(r"[A-Za-z_]*").match(text, self.at)
        key = match[0] if match else ""
        self.at += len(key)
        if text[self.at : self.at + 1] not in {"=", " ", "\t", "#"}:
            raise self._broken(f"{text[self.at : self.at + 1] or 'the end of the line'!r} stands where '=' is needed, behind {key!r}")
        if text[self.at] != "=":
            self._space()
        if self.text[self.at : self.at + 1] != "=":
            raise self._broken(f"{self.text[self.at : self.at + 1]!r} stands where '=' is needed, behind {key!r}")
        self.at += 1
        self._space()
        return key

    def _values(self) -> tuple[tuple[str, ...], bool]:
        """Read values up to `,` (another key follows) or `;` (the definition is over)."""
        values: list[str] = []
        while True:
            self._space()
            if self.text[self.at] not in ",;":
                values.append(self._value())
            end = self.text[self.at : self.at + 1]
            if end in {",", ";"}:
                self.at += 1
                return tuple(values), end == ","

    def _value(self) -> str:
        value = ""
        while self.at < len(self.text) and self.text[self.at] not in " \t#,;":
            character = self.text[self.at]
            self.at += 1
            value += self._quoted(character) if character in "'\"" else character
        return _decoded(value.partition("\0")[0])

    def _quoted(self, quote: str) -> str:
        value, text = "", self.text
        while self.at < len(text) and text[self.at] != quote:
            character = text[self.at]
            self.at += 1
            if character != "\\":
                value += character
                continue
            escape = text[self.at : self.at + 1]
            if escape == "x" and (code := re.compile(r"[0-9A-Fa-f]{2}").match(text, self.at + 1)):
                byte = int(code[0], 16)
                value += chr(byte) if byte < 0x80 else chr(0xDC00 + byte)
                self.at += 3
            elif escape in _ESCAPES:
                value += _ESCAPES[escape]
                self.at += 1
            else:
                raise self._broken(f"the escape \\{escape} is not one of \\n \\t \\r \\\\ \\' \\\" \\xXX")
        if self.at >= len(text):
            raise self._broken("a quote is not closed in its line")
        self.at += 1
        return value

    def _space(self) -> None:
        """Go to the next character that says something: past blanks, comments and line ends."""
        while self.text[self.at : self.at + 1] in {"", " ", "\t", "#"}:
            if self.text[self.at : self.at + 1] in {" ", "\t"}:
                self.at += 1
            elif not self._advance():
                raise self._broken("the file ends inside the definition")

    def _broken(self, why: str) -> Ended:
        return Ended("I185", "broken-definition", f"{why}; the rest of the file is not read")


def _decoded(value: str) -> str:
    """Put bytes that were written as escapes together to characters, as they would be in the file."""
    try:
        return value.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return value


def classic_lines(document: Document, build: InetdBuild) -> Iterator[Fields]:
    """Yield the classic lines of a document, broken ones too; where there are definitions, each that is on is taken to be valid."""
    if not build.keyed:
        yield from (line for line in logical_lines(document, build) if isinstance(line, Fields))
        return
    cursor = Cursor(document, build)
    try:
        while (statement := cursor.statement()) is not None:
            match statement:
                case Fields():
                    yield statement
                case Definition(on=True):
                    cursor.go_on()
                case Definition():
                    cursor.swallow()
                case _:
                    pass
    except Ended:
        return
