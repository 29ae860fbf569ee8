"""What rules about xinetd share: where values stand, whose fault it is, and edits that touch no byte more than they must."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator

from inet46.diagnostics import Diagnostic, Edit, Span
from inet46.entry import Entry
from inet46.formats.xinetd import Attribute, Paragraph
from inet46.formats.xinetd.values import Unsure, mistake
from inet46.knowledge import Host
from inet46.lint._rules import Subject

__all__ = [
    "above",
    "carried",
    "commented",
    "cut",
    "is_brace",
    "is_defaults_with_cr",
    "lines_after",
    "living",
    "nearest",
    "off",
    "placed",
    "services",
    "shown",
    "values_of",
    "within",
    "wrong",
]

_SHOWN = 60  # characters of somebody's text in a message


def shown(text: str) -> str:
    """Return a text as a message can hold it: control characters and strange bytes escaped, and not all of 20,000 characters."""
    safe = "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text[:_SHOWN])
    return safe if len(text) <= _SHOWN else f"{safe}..."


def services(subject: Subject) -> Iterator[Paragraph]:
    """Yield the paragraphs of services."""
    return (paragraph for paragraph in subject.paragraphs if not paragraph.defaults)


def living(subject: Subject) -> Iterator[tuple[Paragraph, Entry]]:
    """Yield the paragraphs of services that are not switched off or lost, and what was read from each."""
    for paragraph in services(subject):
        entry = subject.entry(paragraph.span)
        if entry is not None:
            yield paragraph, entry


def off(paragraph: Paragraph) -> bool:
    """Return True if the first `disable` of a paragraph, the one that counts, says yes."""
    said = [tuple(map(str.lower, attribute.values)) for attribute in paragraph.attributes if attribute.name == "disable"]
    return said[:1] == [("yes",)]


def within(span: Span, start: int, stop: int) -> Span:
    """Return a part of a stretch, by offsets in it."""
    return Span(span.source, span.start + start, span.start + stop)


def values_of(attribute: Attribute) -> list[Span]:
    """Return where the values of an attribute stand."""
    line = attribute.span.text.rstrip("\n").partition("\0")[0]
    head = re.match(r"[ \t\v\f\r]*[^ \t\v\f\r=]*[ \t\v\f\r]*(\+=|-=|=)", line)
    words = re.compile(r"[^ \t]+").finditer(line, head.end() if head else len(line))
    return [within(attribute.span, word.start(), word.end()) for word in words]


def commented(attribute: Attribute) -> Span | None:
    """Return the words from a `#` behind a value to the end of the line, which somebody meant as a comment."""
    if not any(value.startswith("#") for value in attribute.values[1:]):
        return None
    for span in values_of(attribute)[1:]:
        if span.text.startswith("#"):
            return Span(span.source, span.start, attribute.span.start + len(attribute.span.text.rstrip("\r\n")))
    return None


def carried(attribute: Attribute) -> bool:
    """Return True if the last value ends in the CR of a CR LF line end."""
    return any(value.endswith("\r") for value in attribute.values)


def placed(subject: Subject, code: str) -> Iterator[tuple[Diagnostic, Paragraph | None, Attribute | None]]:
    """Yield the faults with a code, each with the paragraph and the attribute at which it points.

    What a CR or a comment behind the value explains is left to the rules of those.
    """
    said = subject.said(code)
    if not said:
        return
    heads = {(paragraph.header.source.path, paragraph.header.start): paragraph for paragraph in subject.paragraphs}
    inner = {(x.span.source.path, x.span.start): (paragraph, x) for paragraph in subject.paragraphs for x in paragraph.attributes}
    for fault in said:
        place = (fault.span.source.path, fault.span.start) if fault.span else ("", -1)
        paragraph, attribute = inner.get(place, (heads.get(place), None))
        if attribute is None or not (carried(attribute) or commented(attribute)):
            yield fault, paragraph, attribute


def wrong(attribute: Attribute, host: Host) -> str | None:
    """Return what is wrong with the values of an attribute, as far as the host was looked at."""
    try:
        return mistake("bind" if attribute.name == "interface" else attribute.name, attribute.values, host) if attribute.values else None
    except Unsure:
        return None


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that a mistyped one was probably meant to be."""
    names = {name.lower(): name for name in known}
    close = difflib.get_close_matches(word.lower()[:_SHOWN], names, n=1, cutoff=0.75)
    return names[close[0]] if close else None


def is_brace(line: Span, brace: str) -> bool:
    """Return True for a line that holds one brace and nothing else."""
    return line.text.partition("\0")[0].strip(" \t\n\v\f\r") == brace


def is_defaults_with_cr(line: Span) -> bool:
    """Return True for a head of defaults that xinetd does not know because of its CR LF."""
    return line.text.strip(" \t\n").lower() == "defaults\r"


def lines_after(span: Span) -> Iterator[Span]:
    """Yield the lines behind one."""
    text, start = span.source.text, span.stop
    while start < len(text):
        stop = text.find("\n", start) + 1 or len(text)
        yield Span(span.source, start, stop)
        start = stop


def cut(span: Span) -> Edit:
    """Take a stretch away."""
    return Edit(span, "")


def above(line: Span, text: str) -> Edit:
    """Put a line above another one, as far indented."""
    indent = line.text[: len(line.text) - len(line.text.lstrip(" \t"))]
    return Edit(within(line, 0, 0), f"{indent}{text}\n")
