"""The linter: what is wrong with files that people already have, rule by rule, and what can be mended without asking.

`check` weighs one host; `everywhere` keeps what holds on every one of several. Rules are values in the modules of `inet46.lint.rules`, each
with its page; `mend` applies their fixes, and asks the oracle about each. Where no rules are named, those are meant that can find something
on the host.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence

import attrs

from inet46.diagnostics import Diagnostic, Severity
from inet46.errors import UnknownRule
from inet46.host import HostPolicy
from inet46.knowledge import Host, resolve
from inet46.lint._rules import PARTS, Rule, Subject, look
from inet46.lint.fleet import compare
from inet46.lint.mend import Mended, View, mend
from inet46.lint.rules import about, every

__all__ = [
    "PARTS",
    "Mended",
    "Report",
    "Rule",
    "Subject",
    "View",
    "check",
    "compare",
    "every",
    "everywhere",
    "look",
    "mend",
    "select",
    "weigh",
]


@attrs.frozen(kw_only=True)
class Report:
    """What was found on one host, in the order of the files, and what could not be judged there."""

    host: Host
    diagnostics: tuple[Diagnostic, ...]
    unknown: tuple[str, ...]
    subject: Subject = attrs.field(repr=False)


def check(files: Mapping[str, str], host: str | HostPolicy | Host, rules: Iterable[Rule] | None = None) -> Report:
    """Hold a host's files, by their paths on it, against rules.

    Raises UnknownHost for a host that stands in no knowledge table.
    """
    return weigh(look(files, resolve(host)), rules)


def weigh(subject: Subject, rules: Iterable[Rule] | None = None) -> Report:
    """Hold what was looked at against rules."""
    places = {source.path: number for number, source in enumerate(subject.reading.sources)}
    found = [diagnostic for rule in (about(subject.host) if rules is None else rules) for diagnostic in rule.check(subject)]

    def order(diagnostic: Diagnostic) -> tuple[int, str, int, str]:
        span = diagnostic.span
        if span is None:
            return len(places), "", 0, diagnostic.code
        return places.get(span.source.path, len(places)), span.source.path, span.start, diagnostic.code

    unknown = (*subject.reading.unknown, *subject.prediction.unknown)
    return Report(host=subject.host, diagnostics=tuple(sorted(found, key=order)), unknown=unknown, subject=subject)


def everywhere(reports: Sequence[Report]) -> tuple[tuple[Diagnostic, ...], ...]:
    """Return, for each host, what it finds and every other one finds too, if perhaps in other words or under another code.

    A line with which something is wrong on every host is wrong, whatever each of them makes of it.
    """
    found = [{_key(one) for one in report.diagnostics} for report in reports]
    wrong = [{_line(one) for one in report.diagnostics if one.severity is not Severity.NOTE} for report in reports]
    keys, lines = (set.intersection(*sets) if sets else set() for sets in (found, wrong))
    return tuple(
        tuple(one for one in report.diagnostics if _key(one) in keys or (one.severity is not Severity.NOTE and _line(one) in lines))
        for report in reports
    )


def _key(diagnostic: Diagnostic) -> tuple[object, ...]:
    span = diagnostic.span
    return (diagnostic.code, *((span.source.text, span.start, span.stop) if span else ()))


def _line(diagnostic: Diagnostic) -> tuple[object, ...]:
    span = diagnostic.span
    return (span.source.text, span.line) if span else (diagnostic.code,)


def select(chosen: Iterable[str] = (), ignored: Iterable[str] = ()) -> tuple[Rule, ...]:
    """Return the rules that are chosen (all, when none is) and not ignored; each word is a code, the start of one (I2), or a name.

    Raises UnknownRule with a line for each word that means no rule.
    """
    rules, wanted, unwanted = every(), tuple(chosen), tuple(ignored)
    problems = []
    for word in dict.fromkeys((*wanted, *unwanted)):
        if not any(_means(word, rule) for rule in rules):
            near = difflib.get_close_matches(word, [name for rule in rules for name in (rule.code, rule.name)], n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            problems.append(f"{word!r} is no rule{hint} (inet46 explain lists them all)")
    if problems:
        raise UnknownRule("\n".join(problems))
    return tuple(
        rule
        for rule in rules
        if (not wanted or any(_means(word, rule) for word in wanted)) and not any(_means(word, rule) for word in unwanted)
    )


def _means(word: str, rule: Rule) -> bool:
    code = re.fullmatch(r"[Ii][0-9]{0,3}", word)
    return rule.code.startswith(word.upper()) if code else rule.name == word
