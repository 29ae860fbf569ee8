"""A manifest of SMF, as text and as a tree of elements.

The tree is built with expat, the parser beneath xml.etree, because expat says where an element stands and what a DTD declares before any
of it is expanded. Rules of this module: nothing outside the text is ever fetched, no entity is expanded, and depth has an end. What would
need any of that is a `doubt`; what is no XML at all is a `problem`. Either way the text is kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from xml.parsers import expat

import attrs

from inet46.diagnostics import Source, Span

__all__ = ["Document", "Element", "emit", "parse"]

_DEEPEST = 64  # elements inside one another; a manifest has about six
_MOST = 5000  # elements; a manifest has about a hundred
_MOST_INSTANCES = 100  # of one service: each has all properties of the service
_ENTITY = re.compile(rb"&(?!(?:amp|lt|gt|quot|apos|#[0-9]+|#x[0-9A-Fa-f]+);)")


@attrs.define(eq=False)
class Element:
    """One element: its name, its attributes, what is inside, and where it starts in the text."""

    tag: str
    attributes: dict[str, str]
    at: int
    children: list[Element] = attrs.field(factory=list, repr=False)

    def all(self, *tags: str) -> Iterator[Element]:
        """Yield the elements directly inside that have one of these names."""
        return (child for child in self.children if child.tag in tags)

    def get(self, name: str) -> str:
        """Return an attribute, "" if it is not there."""
        return self.attributes.get(name, "")


@attrs.frozen
class Document:
    """One manifest. `root` is None if it cannot be read: for a `problem` that the host has with it too, or a `doubt` of ours alone."""

    source: Source
    root: Element | None = attrs.field(repr=False)
    problem: str | None = None
    doubt: str | None = None

    def tag(self, element: Element) -> Span:
        """Return where the start tag of an element stands."""
        stop = self.source.text.find(">", element.at) + 1 or len(self.source.text)
        return Span(self.source, element.at, stop)


class _Doubt(Exception):
    """What stands here is not read, though the host might read it."""


def parse(text: str, path: str = "/lib/svc/manifest/site/service.xml") -> Document:
    """Take a text apart; every text is a document."""
    source = Source(path, text)
    builder = _Builder()
    try:
        root = builder.build(text.encode("utf-8", "surrogateescape"))
    except _Doubt as doubt:
        return Document(source, None, doubt=str(doubt))
    except expat.ExpatError as error:
        return Document(source, None, problem=str(error))
    except (ValueError, LookupError):  # half a character, or an encoding that expat or Python does not know
        return Document(source, None, doubt="its encoding")
    return Document(source, root)


def emit(document: Document) -> str:
    """Give the text back, byte for byte."""
    return document.source.text


@attrs.define
class _Builder:
    """Elements while they are read, in the order in which they start."""

    made: list[Element] = attrs.field(factory=list)
    open: list[Element] = attrs.field(factory=list)

    def build(self, data: bytes) -> Element:
        parser = expat.ParserCreate()
        parser.StartElementHandler = lambda tag, attributes: self._start(tag, attributes, parser.CurrentByteIndex)
        parser.EndElementHandler = self._end
        parser.EntityDeclHandler = self._entity
        parser.Parse(data, True)  # noqa: FBT003 -- expat takes it by position
        self._settle(data)
        return self.made[0]

    def _start(self, tag: str, attributes: dict[str, str], at: int) -> None:
        if len(self.open) >= _DEEPEST:
            raise _Doubt(f"what stands more than {_DEEPEST} elements deep")
        if len(self.made) >= _MOST:
            raise _Doubt(f"what more than {_MOST} elements say")
        if tag.rpartition(":")[2] == "include":
            raise _Doubt(f"what {attributes.get('href', 'another file')} includes")
        element = Element(tag, attributes, at)
        if self.open:
            self.open[-1].children.append(element)
        self.made.append(element)
        self.open.append(element)

    def _end(self, _tag: str) -> None:
        self.open.pop()

    def _entity(self, name: str, *_: Any) -> None:
        raise _Doubt(f"what its DTD declares of its own (the entity {name})")

    def _settle(self, data: bytes) -> None:
        """Turn offsets of bytes into those of characters; refuse a start tag with an entity in it, of which expat says nothing."""
        characters = last = 0
        for element in self.made:
            start = element.at
            stop = data.find(b"<", start + 1)
            if _ENTITY.search(data, start, stop if stop >= 0 else len(data)):
                raise _Doubt("what an entity stands for")
            if sum(child.tag == "instance" for child in element.children) > _MOST_INSTANCES:
                raise _Doubt(f"what more than {_MOST_INSTANCES} instances of one service say")
            characters += len(data[last:start].decode("utf-8", "surrogateescape"))
            last, element.at = start, characters
