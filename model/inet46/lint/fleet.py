"""What only several hosts together show: a line that does one thing here and another there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from inet46.diagnostics import Diagnostic, Severity, Span
from inet46.lint._rules import Found, Rule, Subject, rule
from inet46.sockets import Family
from inet46.words import answers

__all__ = ["MEANING_DIFFERS", "compare"]


@rule("I401", "meaning-differs-by-host")
def _meaning_differs(_: Subject) -> Found:
    """What it catches: an entry that is answered on other families on one of the hosts than on another. Only several `--host` show it.

    Why it bites: one file is pushed to a whole fleet, works where it was tried, and on the other half of the hosts one family is gone.

    Example:
        imap stream tcp nowait root /usr/sbin/imapd imapd

    takes IPv4 and IPv6 on debian-12/openbsd-inetd, and IPv4 only on debian-12/inetutils-inetd.

    Instead: a spelling that means the same everywhere, such as a line for each family where all hosts have one, or a file for each kind of
    host: `inet46 plan` writes it.

    Source: the rows of both hosts, as `inet46 hosts` shows them; measured: tests/test_daemons.py

    """
    return iter(())


MEANING_DIFFERS: Rule = _meaning_differs

_Place = tuple[str, int, int]


def compare(subjects: Sequence[Subject]) -> tuple[Diagnostic, ...]:
    """Return the entries that clients reach differently on these hosts, all of which look at the same texts."""
    reached = [_reached(subject) for subject in subjects]
    spans: dict[_Place, Span] = {}
    for subject in subjects:
        for entry in subject.reading.entries:
            if entry.origin is not None:
                spans.setdefault(_place(entry.origin), entry.origin)
    found = []
    for place, span in spans.items():
        ways: dict[tuple[frozenset[Family], bool], list[str]] = {}
        for subject, mine in zip(subjects, reached, strict=True):
            ways.setdefault((mine.get(place, frozenset()), place in mine), []).append(subject.host.name)
        if len({families for families, _ in ways}) > 1:
            found.append(_differs(span, [(families, names) for (families, _), names in ways.items()]))
    return tuple(found)


def _place(span: Span) -> _Place:
    return span.source.text, span.start, span.stop


def _reached(subject: Subject) -> dict[_Place, frozenset[Family]]:
    """Return which clients get through to each entry."""
    reached: dict[_Place, frozenset[Family]] = {}
    for held in subject.prediction.sockets:
        if held.entry.origin is not None:
            place = _place(held.entry.origin)
            reached[place] = reached.get(place, frozenset()) | held.accepts
    return reached


def _differs(span: Span, ways: Iterable[tuple[frozenset[Family], list[str]]]) -> Diagnostic:
    told = "; ".join(f"{answers(families)} on {', '.join(names)}" for families, names in ways)
    what = span.text.split(None, 2)
    name = what[1] if what[:1] == ["service"] else what[0] if what else "this"
    return Diagnostic(
        code=MEANING_DIFFERS.code,
        name=MEANING_DIFFERS.name,
        severity=Severity.WARNING,
        message=f"{name} is answered differently: {told}",
        span=Span(span.source, span.start, span.start + len(span.text.split("\n", 1)[0])),
        help="write it in a spelling that means the same on all of them, or give each kind of host its own file (inet46 plan)",
    )
