"""Rules: attributes that an xinetd passes over, and what it makes of their values word for word."""

from __future__ import annotations

import re
from collections.abc import Iterator

import attrs

from inet46.diagnostics import Cost, Edit, Fix, Label, Severity, Span
from inet46.formats.xinetd import Attribute, Include, Paragraph
from inet46.formats.xinetd.attributes import COUNTS, DEFAULTS
from inet46.knowledge import Host
from inet46.lint._rules import Found, Subject, rule, tell
from inet46.lint.rules._xinetd import commented, cut, nearest, off, placed, services, shown, within, wrong

__all__: list[str] = []

_SOME = {"rlimit_files", "libwrap", "mdns"}  # I432 says which builds know them
_VITAL = {"socket_type", "protocol", "wait", "user", "server", "port", "id", "bind", "interface", "redirect", "disable"}


@rule("I140", "unknown-attribute")
def unknown_attribute(subject: Subject) -> Found:
    """What it catches: a word that is no attribute of a service.

    Why it bites: xinetd passes over it with a warning in the log. If it is mistyped, what it was to say is not said: `scoket_type` leaves
    the service without a socket_type and disables it, `only_form` leaves it open to everybody.

    Example:
        log_on_failer += USERID

    Instead: log_on_failure += USERID

    Source: xinetd parse.c (attr_lookup: bad service attribute), service_attributes[]; measured: tests/cases/xinetd/matrix.toml

    """
    for fault, paragraph, attribute in placed(subject, "I140"):
        if paragraph is None or attribute is None or paragraph.defaults:
            continue
        better = None if attribute.name in _SOME else nearest(attribute.name, COUNTS)
        if better and (COUNTS[better] == -2 or not any(one.name == better for one in paragraph.attributes)):
            start = len(attribute.span.text) - len(attribute.span.text.lstrip(" \t\v\f\r"))
            word = within(attribute.span, start, start + len(attribute.name))
            fix = Fix(title=f"write {better}", edits=(Edit(word, better),), safe=False)
            yield attrs.evolve(fault, help=f"did you mean {better}?", fix=fix)
        else:
            known = "this build does not know it; " if attribute.name in _SOME else ""
            yield attrs.evolve(fault, help=f"{known}remove the line", fix=_removal(attribute))


def _removal(attribute: Attribute) -> Fix:
    return Fix(title="remove the line", edits=(cut(attribute.span),))


@rule("I141", "operator-on-scalar")
def operator_on_scalar(subject: Subject) -> Found:
    """What it catches: `+=` or `-=` with an attribute that is no list.

    Why it bites: xinetd passes over the line. Only only_from, no_access, log_on_success, log_on_failure, env and passenv are lists: it is
    `flags = REUSE IPv6`, and a second `flags` line adds nothing.

    Example:
        flags += IPv6

    Instead: all values in one line, with `=`.

    Source: xinetd parse.c (identify_attribute: operator cannot be used); measured: tests/cases/xinetd/matrix.toml

    """
    for fault, paragraph, attribute in placed(subject, "I141"):
        if paragraph is None or attribute is None or paragraph.defaults:
            continue
        if not any(one.name == attribute.name and one.span != attribute.span for one in paragraph.attributes):
            at = attribute.span.text.index(attribute.operator)
            edit = Edit(within(attribute.span, at, at + 2), "=")
            yield attrs.evolve(fault, help="write =", fix=Fix(title="write =", edits=(edit,), safe=False))
        else:
            yield attrs.evolve(fault, help="add the values to the line that counts, and remove this one", fix=_removal(attribute))


@rule("I142", "wrong-number-of-values")
def wrong_number_of_values(subject: Subject) -> Found:
    """What it catches: more or fewer values than an attribute takes.

    Why it bites: xinetd passes over the line and goes on without it. `instances =` limits nothing, and `redirect = host` redirects nothing.

    Example:
        cps = 25

    Instead: cps = 25 30

    Source: xinetd parse.c (identify_attribute: expects); measured: tests/cases/xinetd/files.toml

    """
    for fault, paragraph, attribute in placed(subject, "I142"):
        if paragraph is None or attribute is None or paragraph.defaults:
            continue
        count = COUNTS.get(attribute.name, 1)
        empty = not attribute.values and attribute.name not in _VITAL
        remedy = f"give it {count} value{'' if count == 1 else 's'}"
        yield attrs.evolve(fault, help=f"{remedy}, or remove the line", fix=_removal(attribute) if empty else None)


@rule("I143", "attribute-already-set")
def attribute_already_set(subject: Subject) -> Found:
    """What it catches: an attribute that stands twice in one service.

    Why it bites: the first one counts, not the last. A second `flags` line is passed over, and so is `disable = no` below `disable = yes`.
    `interface` is another name of `bind`.

    Example:
        flags = REUSE
        flags = IPv6

    Instead: flags = REUSE IPv6

    Source: xinetd parse.c (identify_attribute: attribute already set); measured: tests/cases/xinetd/matrix.toml

    """
    for fault, paragraph, attribute in placed(subject, "I143"):
        if paragraph is None or attribute is None:
            continue
        names = {attribute.name, *(("bind", "interface") if attribute.name in {"bind", "interface"} else ())}
        first = next((one for one in paragraph.attributes if one.name in names), None)
        labels = (Label(first.span, "this one counts"),) if first and first.span != attribute.span else ()
        yield attrs.evolve(fault, labels=labels, help="remove this line, or the one above", fix=_removal(attribute))


@rule("I173", "comment-behind-value")
def comment_behind_value(subject: Subject) -> Found:
    """What it catches: a `#` behind a value.

    Why it bites: a comment has to begin its line. Behind a value its words are more values: `user = root # c` has three, so that the line
    is passed over and the service disabled for want of a user; `server_args = -x # c` gives the server the argument #; in `flags`
    and the like an unknown word disables the service, and in `defaults` it ends xinetd.

    Example:
        user = root # not nobody

    Instead: the comment on a line of its own, above.

    Source: xinetd parsesup.c (next_line looks at the first character alone), str_parse; measured: tests/cases/xinetd/files.toml

    """
    for paragraph in subject.paragraphs:
        for attribute in paragraph.attributes:
            tail = commented(attribute)
            if tail is None or off(paragraph):
                continue
            cost, text = _price(paragraph, attribute, subject.host)
            yield tell(
                f"{shown(paragraph.name or 'defaults')}: a comment behind {shown(attribute.name)} is no comment: {text}",
                tail,
                severity=Severity.WARNING if cost is Cost.IGNORED else Severity.ERROR,
                remedy="put the comment on a line of its own",
                cost=cost,
                fix=Fix(title="move the comment to a line of its own", edits=tuple(_moved(attribute, tail)), safe=False),
            )


def _price(paragraph: Paragraph, attribute: Attribute, host: Host) -> tuple[Cost, str]:
    """Return what words behind a value cost: a line, the service, or in defaults everything."""
    name = "bind" if attribute.name == "interface" else attribute.name
    known = DEFAULTS if paragraph.defaults else COUNTS
    if name not in known:
        return Cost.IGNORED, "the line is ignored with it"
    if COUNTS.get(name, 1) > 0:
        lost = name in {"socket_type", "wait", "user", "server"}
        return (Cost.ENTRY if lost else Cost.IGNORED), "the line has too many values and is ignored"
    if wrong(attribute, host):
        return (Cost.DAEMON, "xinetd exits") if paragraph.defaults else (Cost.ENTRY, "its words disable the service")
    return Cost.IGNORED, "its words are values"


def _moved(attribute: Attribute, tail: Span) -> Iterator[Edit]:
    """Move words to a line of their own above, and take the blanks before them away."""
    line = attribute.span.text
    indent = line[: len(line) - len(line.lstrip(" \t"))]
    before = attribute.span.source.text[attribute.span.start : tail.start]
    start = attribute.span.start + len(before.rstrip(" \t"))
    yield Edit(within(attribute.span, 0, 0), f"{indent}{tail.text.rstrip()}\n")
    yield cut(Span(tail.source, start, tail.stop))


@rule("I177", "revived-by-disable-no")
def revived_by_disable_no(subject: Subject) -> Found:
    """What it catches: `disable = no` below an attribute with a value that xinetd does not take.

    Why it bites: a bad value only marks the service as disabled, and `disable = no` takes the mark away again. The service runs without
    the attribute: without its flags on the other family, or with an access list that is empty.

    Example:
        flags   = IPv4 BOGUS
        disable = no

    Instead: correct the value, and put `disable` first.

    Source: xinetd parsers.c (svcdisable_parser), parse.c (identify_attribute); measured: tests/test_xinetd.py

    """
    for paragraph in services(subject):
        bad: list[Attribute] = []
        for attribute in paragraph.attributes:
            if attribute.name == "disable" and bad and tuple(map(str.lower, attribute.values)) == ("no",):
                yield tell(
                    f"{shown(paragraph.name)}: a bad {shown(bad[0].name)} disables the service, and disable = no below it"
                    " switches it on again, without that line",
                    attribute.span,
                    severity=Severity.ERROR,
                    labels=(Label(bad[0].span, "this value disables the service"),),
                    remedy="correct the value, and put disable = no first",
                )
                break
            fits = COUNTS.get(attribute.name, 1) in {-2, -1, len(attribute.values)}
            if attribute.operator == "=" and fits and attribute.name != "disable" and wrong(attribute, subject.host):
                bad.append(attribute)


@rule("I178", "words-ignored")
def words_ignored(subject: Subject) -> Found:
    """What it catches: more words behind `service NAME`, `defaults` or the path of an include.

    Why it bites: xinetd takes the first word and says nothing of the others. A second file in an `include` line is not read.

    Example:
        include /etc/xinetd.mail /etc/xinetd.news

    Instead: one line for each file.

    Source: xinetd parse.c (find_next_entry); measured: tests/cases/xinetd/files.toml

    """
    lines = [item.span if isinstance(item, Include) else item.header for document in subject.documents for item in document.items]
    for line in lines:
        found = re.match(r"[ \t]*(?:[Dd][Ee][Ff]\w+|\w+[ \t]+[^ \t\n]+)((?:[ \t]+[^ \t\n\0]+)+)", line.text)
        if found and not found[1].lstrip().startswith(("#", "\r")):
            extra = within(line, found.start(1), found.end(1))
            yield tell(
                f"{shown(found[1].strip())}: more than the first word is ignored here",
                within(line, found.end(1) - len(found[1].lstrip()), found.end(1)),
                remedy="remove what is ignored",
                cost=Cost.IGNORED,
                fix=Fix(title="remove the words", edits=(cut(extra),)),
            )
