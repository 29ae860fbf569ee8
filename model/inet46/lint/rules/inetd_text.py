"""Rules: comments, quotes, line ends and other characters of inetd.conf that are not what they look like."""

from __future__ import annotations

import re
from collections.abc import Iterator

from inet46.diagnostics import Cost, Edit, Fix, Severity, Span
from inet46.formats import inetd
from inet46.formats._reading import size
from inet46.lint._rules import Found, Subject, rule, tell
from inet46.lint.rules._inetd import SERVER, physical, sources, swap

__all__: list[str] = []

_TEMPLATE = re.compile(r"\$\{?[A-Za-z_]\w*\}?|\{\{.*?\}\}|\{%.*?%\}|<%.*?%>|@@?[A-Z][A-Z0-9_]+@@?")
_TEMPLATE_HOME = "the file is a template that nobody has filled in"


def _body(line: Span) -> str:
    """Return a line without its end."""
    return line.text.removesuffix("\n").removesuffix("\r")


def _carriers(subject: Subject) -> dict[tuple[str, int], inetd.Fields]:
    """Return for each line that continues an entry, by its place, that entry."""
    found = {}
    for fields in subject.lines:
        source, at = fields.span.source, fields.span.start
        while (at := source.text.find("\n", at, fields.span.stop - 1) + 1) > 0:
            found[source.path, at] = fields
    return found


@rule("I150", "indented-comment")
def indented_comment(subject: Subject) -> Found:
    """What it catches: a `#` that does not stand at the margin, and so begins no comment.

    Why it bites: to an inetd an indented line continues the entry above it: the comment becomes its arguments. Where nothing stands above,
    or where lines are not continued, it is an entry of its own, and a broken one; that ends FreeBSD's inetd, and makes Debian's
    openbsd-inetd hang.

    Example:
        imap stream tcp nowait root /usr/sbin/imapd imapd
            # pop3 is elsewhere

    Instead: `#` at the margin.

    Source: inetd.c of FreeBSD, OpenBSD and inetutils (getconfigent, nextconfig: only line[0] is looked at); measured:
    tests/test_daemons.py

    """
    build = subject.inetd
    if build is None or build.comment_anywhere:
        return
    carriers = _carriers(subject)
    for line in physical(subject):
        bare = line.text.lstrip(" \t\r\v\f")
        indent = len(line.text) - len(bare)
        if not indent or not bare.startswith("#"):
            continue
        above = carriers.get((line.source.path, line.start))
        what = f"arguments of {above.words[0]} above" if above is not None and above.words else "an entry of its own"
        edit = Edit(Span(line.source, line.start, line.start + indent), "")
        yield tell(
            f"an indented # begins no comment: the line is read as {what}",
            Span(line.source, line.start + indent, line.start + len(_body(line))),
            remedy="begin the comment at the margin",
            cost=Cost.IGNORED if above is None else None,
            fix=Fix(title="move the comment to the margin", edits=(edit,), safe=above is None),
        )


@rule("I151", "trailing-comment")
def trailing_comment(subject: Subject) -> Found:
    """What it catches: a `#` behind an entry.

    Why it bites: a comment has a line of its own in inetd.conf. Behind an entry it is handed to the server, word by word, as arguments.

    Example:
        imap stream tcp nowait root /usr/sbin/imapd imapd # mail

    Instead: the comment on the line above. busybox and illumos alone read it as one.

    Source: inetd.c of FreeBSD, OpenBSD and inetutils (getconfigent, nextconfig); measured: tests/test_daemons.py

    """
    build = subject.inetd
    if build is None or build.comment_anywhere:
        return
    for fields in subject.lines:
        for index, place in enumerate(fields.spans):
            if index <= SERVER or not place.text.startswith("#"):
                continue
            first = _first_of_line(place)
            if first:
                break  # an indented comment, which is another fault
            yield tell(
                f"{fields.words[0]}: # begins no comment behind an entry: the server gets it and what follows as arguments",
                place,
                remedy="put the comment on a line of its own",
                fix=_moved(fields, fields.spans[index - 1].stop, place),
            )
            break


def _first_of_line(place: Span) -> bool:
    text = place.source.text
    return not text[text.rfind("\n", 0, place.start) + 1 : place.start].strip(" \t")


def _moved(fields: inetd.Fields, after: int, place: Span) -> Fix:
    """Move what stands from a place to the end of its line above the entry."""
    source = place.source
    stop = source.text.find("\n", place.start)
    stop = len(source.text) if stop < 0 else stop
    comment = source.text[place.start : stop].rstrip(" \t\r")
    start = fields.span.start
    edits = (Edit(Span(source, start, start), f"{comment}\n"), Edit(Span(source, after, place.start + len(comment)), ""))
    return Fix(title="move the comment above the entry", edits=edits, safe=False)


@rule("I152", "hash-cuts-line")
def hash_cuts_line(subject: Subject) -> Found:
    """What it catches: a `#` within a word, where the daemon takes every `#` for the beginning of a comment.

    Why it bites: the word is cut there, and the arguments behind it are gone. Other inetds hand the word over whole.

    Example:
        imap stream tcp nowait root /usr/sbin/imapd imapd -c#1

    Instead: a script that has the argument in it.

    Source: busybox libbb/parse_config.c (config_read), illumos inetconv.c (strchr); measured: tests/test_daemons.py

    """
    build = subject.inetd
    if build is None or not build.comment_anywhere:
        return
    for line in physical(subject):
        match = re.search(r"[^\s#]#", _body(line))
        if match is not None and "#" not in _body(line)[: match.end() - 1]:
            at = line.start + match.end() - 1
            yield tell("# cuts the line here, in the middle of a word", Span(line.source, at, line.start + len(_body(line))))


@rule("I153", "quotes-taken-literally")
def quotes_taken_literally(subject: Subject) -> Found:
    """What it catches: quotes around arguments, where the daemon knows none.

    Why it bites: the line is cut at every blank, within quotes too, and the server gets the quotes as a part of its arguments.

    Example:
        imap stream tcp nowait root /usr/sbin/imapd imapd 'a b'

    Instead: a script that has the argument in it. FreeBSD and inetutils understand quotes.

    Source: OpenBSD inetd.c (skip), busybox and illumos likewise; measured: tests/test_daemons.py

    """
    build = subject.inetd
    if build is None or build.quotes:
        return
    for fields in subject.lines:
        place = next((place for place in fields.spans[SERVER:] if place.text[:1] in {"'", '"'}), None)
        if place is not None:
            text = f"{fields.words[0]}: this inetd knows no quotes: the line is cut at blanks, and the server gets {place.text[0]} too"
            yield tell(text, place, remedy="put the arguments into a script and name that as the server")


@rule("I154", "dos-line-ends")
def dos_line_ends(subject: Subject) -> Found:
    r"""What it catches: lines that end in CR LF.

    Why it bites: the carriage return belongs to the last word of the line. The server gets `imapd\r` as an argument, a built-in service is
    not found, and an empty line is an entry of one word, which FreeBSD's inetd does not survive. inetutils alone cuts it off.

    Example:
        imap stream tcp nowait root internal\r

    Instead: lines that end in LF.

    Source: inetd.c of FreeBSD, OpenBSD (nextline), busybox; inetutils inetd.c (trims); measured: tests/test_daemons.py

    """
    build = subject.inetd
    for source in sources(subject):
        ends = [Span(source, match.start(), match.start() + 1) for match in re.finditer(r"\r\n|\r\Z", source.text)]
        if not ends or build is None:
            continue
        harm = any("\r" in word for fields in subject.lines if fields.span.source == source for word in fields.words)
        count = f"{len(ends)} lines end" if len(ends) > 1 else "a line ends"
        suffix = ", which belongs to their last words here" if harm else ", which this inetd does not mind"
        yield tell(
            f"{count} in CR LF{suffix}",
            ends[0],
            severity=Severity.WARNING if harm else Severity.NOTE,
            remedy="end lines in LF",
            fix=Fix(title="end the lines in LF", edits=tuple(Edit(end, "") for end in ends), safe=not harm),
        )


@rule("I155", "no-final-newline")
def no_final_newline(subject: Subject) -> Found:
    """What it catches: a last line without its line end.

    Why it bites: the daemon reads it, but the next program that appends a line (`echo ... >> /etc/inetd.conf`) writes it into this one.

    Example:
        imap stream tcp nowait root /usr/sbin/imapd imapd

    Instead: a newline at the end of the file.

    Source: fgets(3) in every inetd; measured: tests/test_daemons.py

    """
    for source in sources(subject):
        last = source.text.rpartition("\n")[2]
        if last:
            end = Span(source, len(source.text), len(source.text))
            start = Span(source, len(source.text) - len(last), len(source.text))
            fix = swap(end, "\n", "add the newline", safe=True)
            yield tell("the last line has no newline", start, severity=Severity.NOTE, remedy="end it with a newline", fix=fix)


@rule("I156", "nul-byte")
def nul_byte(subject: Subject) -> Found:
    """What it catches: a NUL byte.

    Why it bites: a line ends there for a program that is written in C. What follows on it is not read, and no editor shows why.

    Example:
        imap stream tcp nowait root /usr/sbin/imapd imapd<NUL> -debug

    Instead: the line without it. A file full of them was cut off by a crash: write it anew.

    Source: fgets(3) in every inetd; measured: tests/test_daemons.py

    """
    for line in physical(subject):
        at = line.text.find("\0")
        if at >= 0:
            lost = line.text[at + 1 :].strip("\0 \t\r\n") and not line.text.startswith("#")
            yield tell(
                "a NUL byte ends the line here, and what follows is not read" if lost else "a NUL byte",
                Span(line.source, line.start + at, line.start + at + 1),
                severity=Severity.WARNING if lost else Severity.NOTE,
                cost=Cost.IGNORED if lost else None,
                remedy="remove the byte",
            )


@rule("I157", "overlong-line")
def overlong_line(subject: Subject) -> Found:
    """What it catches: a line that does not fit into the daemon's buffer.

    Why it bites: what is over is read as the next line. The end of a long comment becomes an entry that way, and the end of a long entry a
    broken one.

    Example:
        # a comment of a thousand characters ... 7001 stream tcp nowait root /bin/sh sh

    Instead: shorter lines; for a comment, several.

    Source: fgets(3) with 1,024 bytes in openbsd-inetd, 2,048 in FreeBSD (nextline); measured: tests/test_daemons.py

    """
    build = subject.inetd
    if build is None or build.line_limit is None:
        return
    for line in physical(subject):
        if size(line.text) >= build.line_limit and size(line.text.rstrip("\n")) >= build.line_limit - 1:
            first = next(_after(line, build.line_limit))
            text = f"{size(line.text)} bytes in a line, and this inetd reads {build.line_limit - 1}: from here on it is the next line"
            yield tell(text, Span(line.source, first, line.stop), remedy="write shorter lines")


def _after(line: Span, limit: int) -> Iterator[int]:
    """Yield where what does not fit begins."""
    used = 0
    for at, character in enumerate(line.text, line.start):
        used += size(character)
        if used >= limit:
            yield at
    yield line.stop


@rule("I158", "unfilled-template")
def unfilled_template(subject: Subject) -> Found:
    """What it catches: `$NAME`, `{{ name }}`, `<% %>` or `@NAME@` in an entry.

    Why it bites: no inetd fills in variables. The server gets the text itself, and a service or a user of that name does not exist.

    Example:
        imap stream tcp nowait root /usr/sbin/imapd imapd -d $MAILDIR

    Instead: the value. The template belongs where it is filled in.

    Source: inetd.c of FreeBSD, OpenBSD and inetutils (getconfigent, skip): words are taken as they stand

    """
    for fields in subject.lines:
        for line in inetd.parse(fields.span.text).lines:
            match = _TEMPLATE.search(line.text)
            if match is not None:
                start = fields.span.start + line.start + match.start()
                place = Span(fields.span.source, start, start + len(match[0]))
                text = f"{match[0]} is taken as it stands: no inetd fills in variables"
                yield tell(text, place, notes=(_TEMPLATE_HOME,), remedy="write the value")
                break


@rule("I160", "stray-backslash")
def stray_backslash(subject: Subject) -> Found:
    r"""What it catches: a backslash at the end of an entry.

    Why it bites: only busybox and HP-UX continue a line that way. Elsewhere the backslash is one more argument, and the line below is read
    as an entry of its own, or as a continuation if it is indented.

    Example:
        imap stream tcp nowait root \
        /usr/sbin/imapd imapd

    Instead: one line.

    Source: inetd.c of FreeBSD, OpenBSD and inetutils (nextline); measured: tests/test_daemons.py

    """
    if subject.inetd is None or subject.inetd.backslash:
        return
    for fields in subject.lines:
        for place in fields.spans:
            end = place.source.text[place.stop : place.stop + 2]
            if place.text == "\\" and (end.startswith(("\n", "\r\n")) or not end):
                text = f"{fields.words[0]}: a backslash at the end of a line continues nothing here: it is an argument"
                yield tell(text, place, remedy="write the entry on one line")
                break


@rule("I164", "open-quote")
def open_quote(subject: Subject) -> Found:
    """What it catches: a quote that is not closed on its line.

    Why it bites: the rest of the line becomes one argument, the quote included.

    Example:
        imap stream tcp nowait root /usr/sbin/imapd imapd 'a b

    Instead: the second quote.

    Source: FreeBSD usr.sbin/inetd/inetd.c (skip), inetutils argcv; measured: tests/test_daemons.py

    """
    build = subject.inetd
    if build is None or not build.quotes:
        return
    for fields in subject.lines:
        for word, place in zip(fields.words, fields.spans, strict=True):
            if place.text[:1] in {"'", '"'} and word == place.text:
                yield tell(f"{fields.words[0]}: a quote is opened and not closed: the rest of the line is one word", place)
                break
