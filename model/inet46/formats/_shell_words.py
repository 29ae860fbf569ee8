"""Shell words: quotations, escapes and expansions, told apart as far as a text alone tells them.

Rules of this module: it says what stands there, never what it comes to. The grammar is POSIX.1-2017, Shell Command Language, 2.2 (quoting),
2.3 (tokens) and 2.6 (expansions); what shells read differently is `Unreadable`.
"""

from __future__ import annotations

import re

import attrs

__all__ = ["NAME", "PLAIN", "Literal", "Opaque", "Part", "Unreadable", "Variable", "Word", "Words", "literal"]

NAME = r"[A-Za-z_][A-Za-z0-9_]*"


@attrs.frozen(kw_only=True)
class Literal:
    """Characters that stand for themselves; `quoted` when a quote or a backslash made them so."""

    text: str
    quoted: bool


@attrs.frozen(kw_only=True)
class Variable:
    """`$name` or `${name}`."""

    name: str
    quoted: bool


@attrs.frozen(kw_only=True)
class Opaque:
    """An expansion whose value depends on more than the text; `sets` when it may assign a variable on its way."""

    reason: str
    sets: bool = False


Part = Literal | Variable | Opaque


@attrs.frozen(kw_only=True)
class Word:
    """A shell word: where it stands, what it is made of, and for `name=...` the name and where its value begins."""

    start: int
    stop: int
    parts: tuple[Part, ...]
    name: str | None = None
    value_start: int = 0

    @property
    def literal(self) -> str | None:
        """The word as the shell sees it, when the text alone decides that; of `name=value` only the value."""
        return literal(self.parts)


def literal(parts: tuple[Part, ...]) -> str | None:
    """What parts come to, when the text alone decides that."""
    if any(not isinstance(part, Literal) for part in parts):
        return None
    return "".join(part.text for part in parts if isinstance(part, Literal))


class Unreadable(Exception):
    """The text cannot be read on from `at`."""

    def __init__(self, reason: str, at: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.at = at


_BLANKS = re.compile(r"(?:[ \t]|\\\n)*")
PLAIN = re.compile(r"[^ \t\n;&|()<>\"'\\$`]+")
_QUOTED = re.compile(r'[^"\\$`]+')
_OPERATOR = re.compile(r"&&|\|\||;;|[;&|()\n]")
_SIMPLE = re.compile(rf"\$(?:({NAME})|\{{({NAME})\}})")
_POSITIONAL = re.compile(r"\$[0-9@*#?$!-]")
# `${name?word}` may end the shell, `${name/x/y}` is an error in some: neither is here, so both are unreadable.
_BRACED = re.compile(rf"\$\{{(?:#{NAME}|{NAME}(?P<how>:?[-+=]|%%?|##?)(?:[^{{}}$`\"'\\\n]|\$(?:{NAME}|\{{{NAME}\}}))*)\}}")


class Words:
    """A cursor over a text; each method reads one construct and leaves the cursor behind it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.pos = 0

    def substitution(self, inside: str | None) -> None:
        """Read the commands of `$(...)` up to its closing parenthesis, or those of the back-quoted text `inside`."""
        raise NotImplementedError  # pragma: no cover -- _shell has the grammar

    def blanks(self) -> None:
        """Blanks and joined lines."""
        match = _BLANKS.match(self.text, self.pos)
        self.pos = match.end() if match else self.pos

    def blank_lines(self) -> None:
        """Blanks, comments and newlines."""
        while True:
            self.blanks()
            if self.text.startswith("#", self.pos):
                end = self.text.find("\n", self.pos)
                self.pos = len(self.text) if end < 0 else end
            if not self.text.startswith("\n", self.pos):
                return
            self.pos += 1

    def operator(self) -> str:
        """The operator under the cursor, "" for none."""
        match = _OPERATOR.match(self.text, self.pos)
        return match.group() if match else ""

    def word(self) -> Word | None:
        """A word = { plain | escape | 'single' | "double" | expansion }; None when none stands here."""
        start = self.pos
        if self.text.startswith("#", start):  # a comment, since a word is only looked for where a token begins
            return None
        parts: list[Part] = []
        name, value_start = None, 0
        head: str | None = ""  # what may still be the name of an assignment: nothing quoted, and no `=` yet
        while self.pos < len(self.text):
            if match := PLAIN.match(self.text, self.pos):
                run = match.group()
                equals = run.find("=")
                if head is not None and equals >= 0 and re.fullmatch(NAME, head + run[:equals]):
                    name, value_start = head + run[:equals], self.pos + equals + 1
                    # The name is not part of the value, so only what follows is kept in `parts`.
                    parts, run = [], run[equals + 1 :]
                head = head + run if head is not None and equals < 0 else None
                if run:
                    parts.append(Literal(text=run, quoted=False))
                self.pos = match.end()
                continue
            character = self.text[self.pos]
            if character in " \t\n;&|()<>":
                break
            so_far = len(parts)
            self.quoting(character, parts)
            head = head if len(parts) == so_far else None
        if self.pos == start:
            return None
        return Word(start=start, stop=self.pos, parts=tuple(parts), name=name, value_start=value_start)

    def quoting(self, character: str, parts: list[Part]) -> None:
        """One escape, quotation or expansion outside quotes."""
        if character == "\\":
            if self.pos + 1 >= len(self.text):
                raise Unreadable("a backslash ends the file", self.pos)
            if self.text[self.pos + 1] != "\n":
                parts.append(Literal(text=self.text[self.pos + 1], quoted=True))
            self.pos += 2
        elif character == "'":
            end = self.text.find("'", self.pos + 1)
            if end < 0:
                raise Unreadable("a quotation is not closed", self.pos)
            parts.append(Literal(text=self.text[self.pos + 1 : end], quoted=True))
            self.pos = end + 1
        elif character == '"':
            self.double_quoted(parts)
        else:
            parts.append(self.expansion(quoted=False))

    def double_quoted(self, parts: list[Part]) -> None:
        r"""A quotation = '"' { plain | "\" escaped | expansion } '"'."""
        start = self.pos
        self.pos += 1
        parts.append(Literal(text="", quoted=True))
        while self.pos < len(self.text):
            if match := _QUOTED.match(self.text, self.pos):
                parts.append(Literal(text=match.group(), quoted=True))
                self.pos = match.end()
            elif self.text[self.pos] == '"':
                self.pos += 1
                return
            elif self.text[self.pos] == "\\":
                escaped = self.text[self.pos + 1 : self.pos + 2]
                if escaped != "\n":
                    parts.append(Literal(text=escaped if escaped in '$`"\\' else "\\" + escaped, quoted=True))
                self.pos += 2
            else:
                parts.append(self.expansion(quoted=True))
        raise Unreadable("a quotation is not closed", start)

    def expansion(self, *, quoted: bool) -> Part:
        """`$name`, `${...}`, `$(...)` or a back-quoted command; a lone `$` stands for itself."""
        start = self.pos
        if match := _SIMPLE.match(self.text, start):
            self.pos = match.end()
            return Variable(name=match.group(1) or match.group(2), quoted=quoted)
        if match := _POSITIONAL.match(self.text, start):
            self.pos = match.end()
            return Opaque(reason=f"{match.group()} is not known")
        if match := _BRACED.match(self.text, start):
            self.pos = match.end()
            return Opaque(reason=f"{match.group()} is not worked out", sets="=" in (match.group("how") or ""))
        if self.text[start] == "`":
            return self.back_quoted(quoted=quoted)
        if self.text.startswith("$(", start) and not self.text.startswith("$((", start):
            self.pos += 2
            self.substitution(None)
            return Opaque(reason="the output of a command is not known")
        if self.text[start + 1 : start + 2] in ("{", "(", "[") or (not quoted and self.text[start + 1 : start + 2] in ("'", '"')):
            raise Unreadable("an expansion that is not read", start)
        self.pos += 1
        return Literal(text="$", quoted=quoted)

    def back_quoted(self, *, quoted: bool) -> Part:
        """A back-quoted command; one that would have to be unescaped first is not read."""
        end = self.text.find("`", self.pos + 1)
        inside = self.text[self.pos + 1 : end] if end >= 0 else "\\"
        if "\\" in inside or (quoted and '"' in inside):
            raise Unreadable("an expansion that is not read", self.pos)
        self.substitution(inside)
        self.pos = end + 1
        return Opaque(reason="the output of a command is not known")
