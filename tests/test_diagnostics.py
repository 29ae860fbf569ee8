"""Diagnostics: where they stand, and how they are drawn."""

from __future__ import annotations

from inet46.diagnostics import Cost, Diagnostic, Label, Severity, Source, Span, render

TEXT = "imap\tstream\ttcp46\tnowait\troot\t/x\timapd\nimap\tstream\ttcp\tnowait\troot\t/x\timapd\n"
FILE = Source("/etc/inetd.conf", TEXT)


def at(source: Source, word: str, after: int = 0) -> Span:
    start = source.text.index(word, after)
    return Span(source, start, start + len(word))


def fault(span: Span, *labels: Label, notes: tuple[str, ...] = (), cost: Cost | None = None, remedy: str | None = None) -> Diagnostic:
    text = "imap binds 0.0.0.0:143 twice"
    return Diagnostic(
        code="I201",
        name="double-bind",
        severity=Severity.ERROR,
        message=text,
        span=span,
        labels=labels,
        notes=notes,
        cost=cost,
        help=remedy,
    )


def test_every_offset_has_the_line_and_column_that_counting_gives() -> None:
    source = Source("x", "a\n\nbc\r\n\td")

    for offset in range(len(source.text)):
        span = Span(source, offset, offset + 1)
        assert span.line == source.text.count("\n", 0, offset) + 1
        assert span.column == offset - source.text.rfind("\n", 0, offset)


def test_a_fault_is_drawn_with_what_it_has_to_do_with() -> None:
    second = at(FILE, "tcp", TEXT.index("\n"))
    first = Label(at(FILE, "tcp46"), "already takes IPv4 here, through [::]:143")

    drawn = render(fault(second, first, notes=("on FreeBSD",), cost=Cost.ENTRY, remedy="remove the tcp line"))

    assert drawn.split("\n") == [
        "error[I201]: imap binds 0.0.0.0:143 twice",
        " --> /etc/inetd.conf:2:13",
        "  |",
        "2 | imap\tstream\ttcp\tnowait\troot\t/x\timapd",
        "  |     \t      \t^^^",
        "1 | imap\tstream\ttcp46\tnowait\troot\t/x\timapd",
        "  |     \t      \t----- already takes IPv4 here, through [::]:143",
        "  = cost: entry lost",
        "  = note: on FreeBSD",
        "  = help: remove the tcp line",
    ]


def test_a_place_in_another_file_is_drawn_with_its_path() -> None:
    other = Source("/etc/inetd.d/mail", "x\nimap stream tcp6 nowait root /x\n")

    drawn = render(fault(at(FILE, "tcp46"), Label(at(other, "tcp6"), "bound first")))

    assert drawn.split("\n")[5:] == [
        " ::: /etc/inetd.d/mail:2:13",
        "2 | imap stream tcp6 nowait root /x",
        "  |             ---- bound first",
    ]


def test_of_a_line_of_20000_characters_only_what_is_marked_is_drawn() -> None:
    long = Source("x", "a" * 9000 + " tcp46 " + "b" * 11000 + "\n")

    drawn = render(fault(at(long, "tcp46")))

    assert all(len(line) < 200 for line in drawn.split("\n"))
    line, marker = drawn.split("\n")[3:5]
    assert line[marker.index("^") : marker.rindex("^") + 1] == "tcp46"
