"""Rules: bytes and spellings that other programs take and xinetd does not."""

from __future__ import annotations

import re
from collections.abc import Iterator

from inet46.diagnostics import Cost, Edit, Fix, Severity, Span
from inet46.formats.xinetd import Attribute, Document, Include, Paragraph
from inet46.knowledge import Host
from inet46.lint._rules import Found, Subject, rule, tell
from inet46.lint.rules._xinetd import carried, cut, is_defaults_with_cr, off, shown, values_of, within, wrong

__all__: list[str] = []

_WORDY = {"log_on_success", "log_on_failure", "log_type", "groups", "v6only"}
_VARIABLE = re.compile(r"\$\{?[A-Za-z_][A-Za-z_0-9]*\}?|\{\{|\{%|<%")


@rule("I170", "carriage-return")
def carriage_return(subject: Subject) -> Found:
    r"""What it catches: lines that end in CR LF, as an editor on Windows writes them.

    Why it bites: the CR stays with the last word of the line. There is no socket type `stream\r`, so every service of the file is
    disabled; a folder `/etc/xinetd.d\r` is not there; and words of `defaults` that it does not know end xinetd. Behind a number alone it
    does no harm.

    Example:
        socket_type = stream^M

    Instead: LF alone.

    Source: xinetd parsesup.c (values end at a blank or a tab), util.c (parse_int); measured: tests/cases/xinetd/files.toml

    """
    for document in subject.documents:
        carriers = list(_carriers(document))
        if not carriers:
            continue
        edits = tuple(cut(within(line, len(line.text) - 2, len(line.text) - 1)) for line in document.lines if line.text.endswith("\r\n"))
        fatal = any(one is not None and one.defaults and _fatal(attribute, subject.host) for one, attribute, _ in carriers)
        yield tell(
            "lines end with CR LF, and the CR stays in the last word of each",
            carriers[0][2],
            severity=Severity.ERROR,
            remedy="end the lines with LF alone",
            cost=Cost.DAEMON if fatal else Cost.ENTRY,
            fix=Fix(title="take the CR away from every line", edits=edits, safe=False) if edits else None,
        )


def _carriers(document: Document) -> Iterator[tuple[Paragraph | None, Attribute | None, Span]]:
    """Yield the lines in which a CR became part of a word."""
    for fault in document.faults:
        if fault.span and is_defaults_with_cr(fault.span):
            yield None, None, fault.span
    for item in document.items:
        if isinstance(item, Include):
            if item.path.endswith("\r"):
                yield None, None, item.span
            continue
        if item.name.endswith("\r"):
            yield item, None, item.header
        yield from ((item, attribute, attribute.span) for attribute in item.attributes if carried(attribute))


def _fatal(attribute: Attribute | None, host: Host) -> bool:
    """Return True for words that defaults cannot hold; behind a number a CR is a blank (util.c, parse_int)."""
    return attribute is not None and attribute.name in _WORDY and wrong(attribute, host) is not None


@rule("I179", "quotes-are-literal")
def quotes_are_literal(subject: Subject) -> Found:
    """What it catches: quotes around a value, and a backslash at the end of a line.

    Why it bites: xinetd knows no quoting and no continuation. The quotes are characters of the value, a blank inside them splits it, and a
    backslash at the end is one more argument, while the line below is read by itself.

    Example:
        server_args = -c "/etc/my server.conf"

    Instead: no quotes; a value with a blank in it cannot be written, so let a small script be the server.

    Source: xinetd parsesup.c (parse_line, str_parse with blank and tab); measured: tests/cases/xinetd/files.toml

    """
    for paragraph, attribute in _attributes(subject):
        if not any(value[0] in "\"'" or value[-1] == "\\" for value in attribute.values):
            continue
        values = values_of(attribute)
        quoted = [span for span in values if span.text[0] in "\"'"]
        if quoted and any(span.text.endswith(quoted[0].text[0]) and len(span.text) > 1 for span in values):
            whole = [span for span in quoted if len(span.text) > 1 and span.text[-1] == span.text[0]]
            edits = tuple(Edit(span, span.text[1:-1]) for span in whole if span.text[1:-1])
            yield tell(
                f"{_name(paragraph)}: {shown(attribute.name)}: quotes mean nothing to xinetd, and are characters of the value",
                quoted[0],
                remedy="leave the quotes out",
                fix=Fix(title="leave the quotes out", edits=edits, safe=False) if len(whole) == len(quoted) == len(edits) else None,
            )
        elif values and values[-1].text.endswith("\\"):
            yield tell(
                f"{_name(paragraph)}: {shown(attribute.name)}: a backslash continues no line, and is a character of the value",
                values[-1],
                remedy="write all values in one line, or use += where the attribute is a list",
            )


@rule("I180", "variable-is-literal")
def variable_is_literal(subject: Subject) -> Found:
    """What it catches: shell variables and the marks of a template in a value.

    Why it bites: xinetd puts nothing in their place. The server is given the characters `$HOME`; a template that was not rendered is
    read word for word.

    Example:
        server_args = --home $HOME

    Instead: the value itself; `passenv` hands a variable of xinetd's own environment on to the server.

    Source: xinetd parsesup.c (parse_line), child.c (exec_server: execve without a shell); measured on Debian 12

    """
    faults = {(fault.span.source.path, fault.span.start) for fault in subject.reading.faults if fault.span}
    for paragraph, attribute in _attributes(subject):
        if (attribute.span.source.path, attribute.span.start) in faults:
            continue  # what became of it is said there
        if not any(map(_VARIABLE.search, attribute.values)):
            continue
        for span in values_of(attribute):
            if _VARIABLE.search(span.text):
                yield tell(
                    f"{_name(paragraph)}: {shown(span.text)} is not replaced by anything",
                    span,
                    remedy="write the value itself, or render the template first",
                )
                break


@rule("I181", "nul-in-file")
def nul_in_file(subject: Subject) -> Found:
    r"""What it catches: NUL bytes in a file, which is then often UTF-16 or was damaged.

    Why it bites: a line ends for xinetd where the NUL stands, and what is behind it in that line is not seen.

    Example:
        only_from = 192.0.2.1\0 192.0.2.2

    Instead: plain ASCII or UTF-8.

    Source: xinetd parsesup.c (C strings); measured on Debian 12

    """
    for document in subject.documents:
        found = document.source.text.find("\0")
        if found < 0:
            continue
        places = (found, *(one.start() for one in re.finditer("\0", document.source.text) if one.start() != found))
        edits = tuple(cut(Span(document.source, at, at + 1)) for at in places)
        yield tell(
            f"{len(places)} NUL byte{'' if len(places) == 1 else 's'}: a line ends for xinetd at the first one in it",
            edits[0].span,
            remedy="save the file as plain text in UTF-8",
            cost=Cost.IGNORED,
            fix=Fix(title="take the NUL bytes away", edits=edits, safe=False),
        )


def _attributes(subject: Subject) -> Iterator[tuple[Paragraph, Attribute]]:
    """Yield the attributes that are looked at: of defaults, and of services that are not switched off."""
    for paragraph in subject.paragraphs:
        if not off(paragraph):
            yield from ((paragraph, attribute) for attribute in paragraph.attributes)


def _name(paragraph: Paragraph) -> str:
    return shown(paragraph.name or "defaults")
