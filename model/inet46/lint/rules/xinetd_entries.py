"""Rules: lines that cost an xinetd an entry or more, because of how it takes a file apart."""

from __future__ import annotations

import re
from collections.abc import Iterator

import attrs

from inet46.diagnostics import Cost, Diagnostic, Edit, Fix, Label, Severity, Span
from inet46.formats.xinetd import Paragraph
from inet46.lint._rules import Found, Subject, rule
from inet46.lint.rules._xinetd import cut, is_brace, is_defaults_with_cr, lines_after, within

__all__: list[str] = []

_KEYWORD = re.compile(r"(service|defaults|include|includedir)\b", re.IGNORECASE)
_JOINED = re.compile(r"([ \t]*[A-Za-z_][A-Za-z_0-9]*)([+-]?=)(?=([ \t]?))")
_TEMPLATE = re.compile(r"\{\{|\{%|<%|\$\{")
_RENDER = "this is a template: render it first"


@rule("I120", "missing-service-keyword")
def missing_service_keyword(subject: Subject) -> Found:
    """What it catches: a line between paragraphs that begins none: a stray `}`, a word that was left over, a comment that lost its `#`.

    Why it bites: xinetd skips everything up to the next line that holds only `}`. The service below is lost with it, and so is an
    `includedir` on the way, with every service in that folder.

    Example:
        }
        includedir /etc/xinetd.d

    Instead: remove the line, or make it a comment.

    Source: xinetd parse.c (find_next_entry, skip_entry); measured: tests/cases/xinetd/files.toml

    """
    for fault in subject.said("I120"):
        span = fault.span
        if span is None or span.text.startswith("\ufeff") or is_defaults_with_cr(span):
            continue  # I182 has the words for a byte order mark, I170 for a CR
        if is_brace(span, "}"):
            fix = Fix(title="remove the stray brace", edits=(cut(span),), safe=not fault.labels)
            yield attrs.evolve(fault, help="remove the brace, which closes nothing", fix=fix)
        elif _TEMPLATE.search(span.text):
            yield attrs.evolve(fault, help=_RENDER)
        else:
            fix = Fix(title="make it a comment", edits=tuple(_comments(span)), safe=False)
            yield attrs.evolve(fault, help="begin the line with service, defaults, include or includedir, or with a #", fix=fix)


def _comments(span: Span) -> Iterator[Edit]:
    """Make comments of a line and of those behind it that begin nothing either."""
    yield Edit(within(span, 0, 0), "# ")
    for line in lines_after(span):
        text = line.text.strip()
        if is_brace(line, "}") or _KEYWORD.match(text):
            return
        if text and not text.startswith("#"):
            yield Edit(within(line, 0, 0), "# ")


@rule("I121", "missing-brace")
def missing_brace(subject: Subject) -> Found:
    """What it catches: a `service` or `defaults` line that is not followed by a line with nothing but `{`.

    Why it bites: the brace has to stand alone in its line. `service imap {` is what every other language would take, and xinetd throws
    the entry away. The same happens when a comment stands behind the brace.

    Example:
        service imap {
            socket_type = stream
        }

    Instead: put the brace on a line of its own.

    Source: xinetd parse.c (find_next_entry, line_has_only_1_char); measured: tests/cases/xinetd/files.toml

    """
    for fault in subject.said("I121"):
        yield attrs.evolve(fault, help="put { alone on the line below", fix=_brace_below(fault))


def _brace_below(fault: Diagnostic) -> Fix | None:
    """Move the brace from behind a name, or the words from behind the brace."""
    header = fault.span
    if header is None:
        return None
    found = re.fullmatch(r"([^{#\0]*?)([ \t]*\{[ \t\r]*)(\n?)", header.text)
    if found:
        return Fix(title="put the brace on its own line", edits=(Edit(within(header, *found.span(2)), "\n{"),), safe=False)
    for line in lines_after(header):
        text = line.text.strip()
        behind = re.match(r"[ \t]*\{([ \t]*)(?=#)", line.text)
        if behind:
            edit = Edit(within(line, *behind.span(1)), "\n")
            return Fix(title="put the comment on its own line", edits=(edit,), safe=False)
        if text and not text.startswith("#"):
            return None
    return None


@rule("I122", "bad-attribute-line")
def bad_attribute_line(subject: Subject) -> Found:
    """What it catches: a line inside a paragraph that is no `name = values`: no blank before the `=`, no `=`, a brace with words beside it.

    Why it bites: one such line costs the whole entry, up to its closing brace. In `defaults` the rest of the paragraph is lost, and what
    follows is looked at as if it began an entry. Where the closing brace of the entry above is missing, the next `service` line is such a
    line too, and both services are lost. A backslash continues nothing: the line below it is read by itself.

    Example:
        user=root

    Instead: a blank before the operator (`user = root`), one line for each attribute, and a `}` alone.

    Source: xinetd parsesup.c (parse_line, get_attr_op), parse.c (parse_entry, skip_entry); measured: tests/cases/xinetd/matrix.toml

    """
    for fault in subject.said("I122"):
        if fault.span is None:
            continue
        yield _explained(fault, fault.span)


def _explained(fault: Diagnostic, line: Span) -> Diagnostic:
    """Say what a line inside a paragraph was meant to be."""
    text = line.text.strip()
    before = line.source.text[: line.start].rstrip("\r\n")
    if before.endswith("\\"):
        return attrs.evolve(fault, help="write the values in one line: a backslash at its end continues nothing")
    if _TEMPLATE.search(text):
        return attrs.evolve(fault, help=_RENDER)
    if _KEYWORD.match(text):
        fix = Fix(title="close the paragraph above", edits=(Edit(within(line, 0, 0), "}\n"),), safe=False)
        return attrs.evolve(fault, help="the paragraph above has no closing brace", fix=fix)
    brace = re.match(r"[ \t]*\}([ \t]*)(?=[^ \t\r\n\0])", line.text)
    if brace:
        mark = "\n" if text[1:].lstrip().startswith("#") else "\n# "
        fix = Fix(title="leave the brace alone in its line", edits=(Edit(within(line, *brace.span(1)), mark),), safe=False)
        return attrs.evolve(fault, help="put } alone on a line", fix=fix)
    if _JOINED.match(line.text):
        fix = Fix(title="put a blank before the operator", edits=tuple(_blanks(line)), safe=False)
        return attrs.evolve(fault, help="put a blank before the operator", fix=fix)
    return attrs.evolve(fault, help="write it as NAME = VALUE, or make it a comment with a # at its beginning")


def _blanks(first: Span) -> Iterator[Edit]:
    """Put blanks around the operators of all attributes from here to the end of the entry, which would be found one by one."""
    for line in (first, *lines_after(first)):
        if is_brace(line, "}"):
            return
        found = _JOINED.match(line.text)
        if found:
            yield Edit(within(line, found.end(1), found.end(1)), " ")
            if not found[3] and line.text[found.end(2) :].strip():
                yield Edit(within(line, found.end(2), found.end(2)), " ")


@rule("I123", "second-defaults")
def second_defaults(subject: Subject) -> Found:
    """What it catches: a second `defaults` paragraph in one file.

    Why it bites: xinetd skips it, and says so only in its log. Each file that is included may have one of its own, and those are merged.

    Example:
        defaults
        {
            instances = 60
        }
        defaults
        {
            cps = 25 30
        }

    Instead: one paragraph for each file.

    Source: xinetd parse.c (parse_conf_file: found_defaults); measured: tests/cases/xinetd/files.toml

    """
    first = {paragraph.header.source.path: paragraph for paragraph in subject.paragraphs if paragraph.defaults}
    for fault in subject.said("I123"):
        one = first.get(fault.span.source.path) if fault.span else None
        labels = (_label(one),) if one else ()
        yield attrs.evolve(fault, severity=Severity.WARNING, labels=labels, help="put its attributes into the first one")


def _label(paragraph: Paragraph) -> Label:
    return Label(paragraph.header, "this one counts")


@rule("I124", "incomplete-entry")
def incomplete_entry(subject: Subject) -> Found:
    """What it catches: a paragraph without its closing brace, at the end of a file.

    Why it bites: the service is lost. What stands in a `defaults` paragraph holds all the same. The next file is not touched.

    Example:
        service imap
        {
            socket_type = stream

    Instead: a line with nothing but `}`.

    Source: xinetd parse.c (parse_entry: incomplete entry); measured: tests/cases/xinetd/files.toml

    """
    for fault in subject.said("I124"):
        if fault.span is None:
            continue
        text = fault.span.source.text
        end = Edit(Span(fault.span.source, len(text), len(text)), "}\n" if text.endswith("\n") else "\n}\n")
        if fault.span.text.split()[0].lower() == "defaults":
            fix = Fix(title="close the paragraph", edits=(end,))
            yield attrs.evolve(fault, severity=Severity.WARNING, cost=Cost.IGNORED, help="close it with a } on a line of its own", fix=fix)
        else:
            fix = Fix(title="close the paragraph", edits=(end,), safe=False)
            yield attrs.evolve(fault, help="close it with a } on a line of its own", fix=fix)


@rule("I146", "line-cut")
def line_cut(subject: Subject) -> Found:
    """What it catches: a line of more than 16,384 bytes in a paragraph.

    Why it bites: xinetd looks at a file through two windows of 8 KiB and cuts what does not fit. The rest of the line is read as a line
    of its own, which is no attribute, and the entry is lost.

    Example:
        only_from = 192.0.2.1 192.0.2.2 ... (a thousand more)

    Instead: several lines with `+=`, or networks in place of single addresses.

    Source: xinetd sio/sio.c (Srdline), xinetd.conf(5) from 2.3.15.4 on; measured: tests/test_xinetd.py

    """
    for fault in subject.said("I146"):
        if fault.span is not None:
            listed = re.match(r"[ \t]*(only_from|no_access|env|passenv)\b", fault.span.text, re.IGNORECASE)
            yield attrs.evolve(fault, help="spread the values over several lines with +=" if listed else "shorten the line")
