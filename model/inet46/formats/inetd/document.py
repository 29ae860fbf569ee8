"""inetd.conf as physical lines, and the logical lines that a build makes of them.

`parse` and `emit` need no host and lose no byte. Where an entry begins and ends does need one: whether an indented line continues the one
above, where a long line is cut and what a quote does is different from daemon to daemon, and stands in `knowledge.inetds`.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Callable, Iterable, Iterator

import attrs

from inet46.diagnostics import Source, Span
from inet46.formats._reading import split_lines
from inet46.knowledge import InetdBuild, Protocols

__all__ = ["SERVER", "Document", "Fields", "Policy", "emit", "logical_lines", "parse", "pieces", "told_address"]

SERVER = 6  # service, type, protocol, wait and user stand before it
_JOINT = r"\\(?:\n|\Z)"
_WORD = re.compile(r"[^ \t]+")


@attrs.frozen
class Document:
    """An inetd.conf as its physical lines, newline and all."""

    source: Source
    lines: tuple[Span, ...] = attrs.field(repr=False)


@attrs.frozen(slots=False)  # the places of the words are kept, and found only when a rule asks: most lines have nothing wrong with them
class Fields:
    """The words of one logical line; `first` of them stand in its first physical line, which is the `number`th of the file.

    `spans` are where the words stand, quotes included. `after_empty` tells an indented line that no entry precedes but an empty line.
    `below` are the lines that follow the one in which the server stands, `behind` those that follow the first one. `unread` is why the
    daemon passes over the line, if it does.
    """

    span: Span
    words: tuple[str, ...]
    first: int
    number: int
    after_empty: bool = False
    below: tuple[Span, ...] = ()
    _places: Callable[[], tuple[Span, ...]] = attrs.field(default=tuple, repr=False, eq=False)
    behind: tuple[Span, ...] = ()
    unread: str | None = None

    @functools.cached_property
    def spans(self) -> tuple[Span, ...]:
        """Where the words stand."""
        return self._places()


@attrs.frozen
class Policy:
    """`#@ POLICY`, an IPsec policy for what follows."""

    span: Span
    text: str
    number: int

    @property
    def kinds(self) -> tuple[bool | None, ...]:
        """For each of the policies: True for a usual `in|out POLICY`, False for what cannot be one, None for what only the system knows."""
        return tuple(_policy(text.split()) for text in self.text.split(";"))


def _policy(words: list[str]) -> bool | None:
    if not words or words[0] not in {"in", "out"}:
        return False
    plain = len(words) == 2 and words[1] in {"discard", "none", "bypass", "entrust"}
    return True if plain or (len(words) > 2 and words[1] == "ipsec") else None


def parse(text: str, path: str = "/etc/inetd.conf") -> Document:
    """Take a text apart. Every text is a document; what is wrong with it is said by `read`, on a host."""
    source = Source(path, text)
    return Document(source, split_lines(source))


def emit(document: Document) -> str:
    """Give the text back, byte for byte."""
    return "".join(line.text for line in document.lines)


@attrs.define
class _Gathered:
    """An entry's first line and those that continue it."""

    number: int
    after_empty: bool
    lines: list[tuple[Span, str]] = attrs.field(factory=list)

    def fields(self, build: InetdBuild) -> Fields:
        while not self.lines[-1][1].strip(" \t"):
            self.lines.pop()  # blanks behind an entry continue it and say nothing
        lines = tuple(self.lines)
        words = [_words(text, build) for _, text in lines]
        first, last = lines[0][0], lines[-1][0]
        counts = itertools.accumulate(map(len, words))
        upper = next((place for place, count in enumerate(counts, 1) if count >= SERVER), len(words))
        return Fields(
            span=first if first is last else Span(first.source, first.start, last.stop),
            words=tuple(itertools.chain(*words)),
            first=len(words[0]),
            number=self.number,
            after_empty=self.after_empty,
            below=tuple(line for line, _ in lines[upper:]),
            behind=tuple(line for line, _ in lines[1:]),
            places=lambda: tuple(place for piece, text in lines for _, place in _placed(piece, text, build)),
        )


def logical_lines(document: Document, build: InetdBuild, first: int = 1) -> Iterator[Fields | Policy]:
    """Yield what is neither comment nor empty, with its continuations: indented lines that follow an entry, where the dialect has them."""
    gathered: _Gathered | None = None
    empty = False
    for number, line in _joined(document.lines, first) if build.backslash else enumerate(document.lines, first):
        if (unread := _unread(line, build)) is not None:
            yield Fields(line, (), 0, number, unread=unread)
            continue
        for piece in _cut_up(line, build):
            text = _text(piece, build)
            if gathered is not None and build.continuation and text[:1] in {" ", "\t"}:
                gathered.lines.append((piece, text))
                continue
            if gathered is not None:
                yield gathered.fields(build)
            gathered = None if _silent(text, build) else _Gathered(number, empty and text[:1] in {" ", "\t"}, [(piece, text)])
            if build.pragma is not None and text.startswith("#@"):
                yield Policy(piece, text[2:].strip(" \t\r\v\f"), number)
            empty = not text
    if gathered is not None:
        yield gathered.fields(build)


def _joined(lines: Iterable[Span], first: int) -> Iterator[tuple[int, Span]]:
    """Join each line that ends with a backslash and those that it goes on in; whether it is a comment is not asked yet."""
    start: tuple[int, Span] | None = None
    for number, line in enumerate(lines, first):
        begun, head = start or (number, line)
        start = begun, Span(line.source, head.start, line.stop)
        if not line.text.removesuffix("\n").endswith("\\"):
            yield start
            start = None
    if start is not None:
        yield start


def _unread(line: Span, build: InetdBuild) -> str | None:
    """Say why a daemon that cuts no lines passes over one: it is too long, or its end was not seen (inetconv, fgetinetconfent)."""
    text = line.text
    if text.startswith("#"):
        return None
    if not build.cuts_lines and build.line_limit is not None and sum(map(_width, text)) >= build.line_limit:
        return f"it is longer than the {build.line_limit - 1} bytes that are read"
    return "there is no newline at its end" if build.newline_needed and not text.endswith("\n") else None


def _cut_up(line: Span, build: InetdBuild) -> Iterable[Span]:
    limit = build.line_limit if build.cuts_lines else None
    return pieces(line, limit) if limit is not None and 4 * (line.stop - line.start) >= limit else (line,)


def pieces(line: Span, limit: int | None) -> Iterator[Span]:
    """Cut a line as fgets does: what does not fit is the next line."""
    start, used = line.start, 0
    if limit is not None and 4 * (line.stop - line.start) >= limit:
        for at, character in enumerate(line.text, line.start):
            width = _width(character)
            if used + width >= limit:
                yield Span(line.source, start, at)
                start, used = at, 0
            used += width
    yield Span(line.source, start, line.stop)


def _width(character: str) -> int:
    """Return how many bytes a character takes in its file; one that stands for a byte that is no UTF-8 takes one."""
    return 1 if "\udc80" <= character <= "\udcff" else len(character.encode("utf-8", "surrogatepass"))


def _text(piece: Span, build: InetdBuild) -> str:
    """Return what a daemon written in C sees of a line: it ends at a NUL."""
    text = piece.text.rstrip("\n")
    if build.backslash:
        text = re.sub(_JOINT, "", text)
    text = text.partition("\0")[0]
    if build.comment_anywhere:
        text = text.partition("#")[0]
    trimmed = text.strip(" \t\r\v\f")
    if not build.trims or (trimmed.startswith("#") and not text.startswith("#")):
        return text  # an indented comment stays indented: it is none, but a broken entry
    return trimmed


def _silent(text: str, build: InetdBuild) -> bool:
    """Return True for a comment or an empty line; an indented comment is an entry to most daemons, and a broken one."""
    if build.protocols is Protocols.ETC_PROTOCOLS:  # xinetd, parse.c: next_line
        return text.strip(" \t\v\f\r")[:1] in {"", "#"}
    return text.startswith("#") or not text.strip(" \t")


def _words(text: str, build: InetdBuild) -> list[str]:
    """Cut a line into words; a quote that is never closed takes the rest of the line."""
    if build.glues_args or (build.quotes and ("'" in text or '"' in text)):
        return [word for word, _, _ in _cut(text, build)]
    return _WORD.findall(text)


def _cut(text: str, build: InetdBuild) -> Iterator[tuple[str, int, int]]:
    """Yield each word of a line, and where it begins and ends, quotes included."""
    pattern = r"'[^']*'|\"[^\"]*\"|['\"].*|[^ \t]+" if build.quotes else r"[^ \t]+"
    for number, match in enumerate(re.finditer(pattern, text, re.DOTALL)):
        word, begin, end = match[0], match.start(), match.end()
        if build.glues_args and number == SERVER + (build.max_args or 0) - 1:
            word = text[begin:].rstrip(" \t")
            end = begin + len(word)
        quoted = build.quotes and len(word) > 1 and word[0] in "'\"" and word[-1] == word[0]
        yield word[1:-1] if quoted else word, begin, end
        if end > match.end():
            return


def _placed(piece: Span, text: str, build: InetdBuild) -> Iterator[tuple[str, Span]]:
    """Yield each word with its place in the file, where a backslash and a newline may stand within it."""
    joints = [joint.start() - 2 * number for number, joint in enumerate(re.finditer(_JOINT, piece.text))] if build.backslash else []
    start = piece.start + (0 if joints else piece.text.find(text))
    for word, begin, end in _cut(text, build):
        before, within = sum(joint <= begin for joint in joints), sum(joint < end for joint in joints)
        yield word, Span(piece.source, start + begin + 2 * before, start + end + 2 * within)


def told_address(address: str | None, build: InetdBuild) -> str:
    """Spell an address as it stands before a service."""
    return f"[{address}]" if address and build.brackets and ":" in address else address or "*"
