"""The rules of the linter: each with its page and its cases, and the laws of its fixes.

A case is an entry of tests/cases/lint/CODE.toml, and adding one needs no Python:

    [[fail]]                          the rule finds something (`[[pass]]`: it finds nothing)
    host = "debian-12/xinetd"         hosts = [...]: others that get the same main file
    text = '''...'''                  the super-server's main file, and
    before = '''...'''                the main file that the daemon runs with, when it is told of this one by acts = ["reload"]
    files."/etc/hosts.allow" = '''...'''   whatever else there is, by path; a path that begins with the text's own is the main file too
    links."/etc/…" = "../x"           symbolic links, by path
    settings."net.ipv6.bindv6only" = 1     kernel settings; compat = true: xinetd with -inetd_compat
    names.localhost = ["::1"]         the addresses of host names
    programs = ["/usr/sbin/imapd"]    what a look at the host showed; users = ["root"]
    line = 5                          where it is found (without it: at no place), and
    path = "/etc/hosts.allow"         in which file, if that is not the main one
    says = "..."                      the message, verbatim; severity = "note", cost = "entry lost": how bad it is, where that is told
    help = "..."                      what to do instead, verbatim, where that is told
    fixed = '''...'''                 the main file after the safe fixes of this rule; unsafe = '''...''': after the unsafe ones
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest

from inet46 import formats
from inet46.change import predict_change
from inet46.diagnostics import Severity
from inet46.formats import Link
from inet46.host import HostPolicy
from inet46.knowledge import Host, resolve
from inet46.lint import PARTS, Report, Rule, Subject, View, compare, every, look, mend, select, weigh
from inet46.lint.rules import about

CASES = Path(__file__).parent / "cases" / "lint"
BY_CODE = {rule.code: rule for rule in every()}
MAIN = "main"


@attrs.frozen
class Case:
    """One case of one rule."""

    code: str
    kind: str
    number: int
    told: Mapping[str, Any]

    @property
    def host(self) -> Host:
        known = {name: self.told[name] for name in ("settings", "compat", "services", "ipv6", "users", "programs") if name in self.told}
        known |= {"hosts": self.told["names"]} if "names" in self.told else {}
        return resolve(HostPolicy(name=self.told["host"], **known))

    @property
    def main(self) -> str:
        return str(self.told.get("main", self.host.config))

    @property
    def texts(self) -> dict[str, str]:
        texts = {self.main: self.told["text"]} if "text" in self.told else {}
        links = {path: Link(target) for path, target in self.told.get("links", {}).items()}
        return {**texts, **self.told.get("files", {}), **links}

    @property
    def view(self) -> View:
        return View(self.host, {path: path for path in self.texts})

    def report(self, texts: Mapping[str, str] | None = None) -> Report:
        """What is found on the host; where the case names several, also what only they together show."""
        now = self.texts if texts is None else texts
        report = weigh(self._changed(self.view.look(now)))
        others = [look(dict.fromkeys((resolve(name).config,), now[self.main]), resolve(name)) for name in self.told.get("hosts", ())]
        return attrs.evolve(report, diagnostics=(*report.diagnostics, *compare([report.subject, *others]))) if others else report

    def _changed(self, subject: Subject) -> Subject:
        """Put what comes of a change in the place of what comes of a start."""
        if "before" not in self.told:
            return subject
        before = formats.read({**self.texts, self.main: self.told["before"]}, self.host)
        return attrs.evolve(subject, prediction=predict_change(before, subject.reading, self.told.get("acts", ["reload"]), self.host))

    def __str__(self) -> str:
        return f"{self.code}-{self.kind}-{self.number}"


def _cases() -> Iterator[Case]:
    for path in sorted(CASES.glob("I*.toml")):
        for kind, cases in tomllib.loads(path.read_text()).items():
            yield from (Case(path.stem, kind, number, told) for number, told in enumerate(cases))


ALL = list(_cases())
FAILING = [case for case in ALL if case.kind == "fail"]
PASSING = [case for case in ALL if case.kind == "pass"]


# -- pages -----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", every(), ids=lambda rule: rule.code)
def test_every_rule_has_a_whole_page_a_source_and_cases_of_both_kinds(rule: Rule) -> None:
    kinds = {case.kind for case in ALL if case.code == rule.code}

    assert tuple(rule.page) == PARTS
    assert all(rule.page.values())
    assert kinds == {"fail", "pass"}
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", rule.name)


def test_codes_and_names_are_used_once() -> None:
    assert max(Counter(rule.code for rule in every()).values()) == 1
    assert max(Counter(rule.name for rule in every()).values()) == 1


def test_every_file_of_cases_belongs_to_a_rule() -> None:
    assert {case.code for case in ALL} == set(BY_CODE)


KINDS = ("debian-12/openbsd-inetd", "illumos/inetd", "debian-12/xinetd", "debian-12/systemd", "macos-14/launchd")
"""A host for each kind of files that rules are about."""


@pytest.mark.parametrize("case", ALL, ids=str)
def test_the_rules_that_a_host_is_spared_would_find_nothing(case: Case) -> None:
    others = [look({resolve(name).config: case.texts.get(case.main, "")}, resolve(name)) for name in KINDS]

    for subject in (case.report().subject, *others):
        assert weigh(subject).diagnostics == weigh(subject, every()).diagnostics


def test_every_rule_is_about_some_kind_of_host() -> None:
    assert {rule for name in KINDS for rule in about(resolve(name))} == set(every())


# -- cases -----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", FAILING, ids=str)
def test_a_rule_finds_what_its_failing_case_shows(case: Case) -> None:
    found = [diagnostic for diagnostic in case.report().diagnostics if diagnostic.code == case.code]
    shown = [(one.message, one.span.source.path if one.span else None, one.span.line if one.span else None) for one in found]

    place = (case.told.get("path", case.main), case.told["line"]) if "line" in case.told else (None, None)

    assert (case.told.get("says"), *place) in shown, shown
    assert "help" not in case.told or case.told["help"] in {one.help for one in found}
    for key in {"severity", "cost"} & case.told.keys():
        assert case.told[key] in {getattr(getattr(one, key), "value", None) for one in found}


@pytest.mark.parametrize("case", PASSING, ids=str)
def test_a_rule_finds_nothing_in_its_passing_case(case: Case) -> None:
    assert not [str(diagnostic) for diagnostic in case.report().diagnostics if diagnostic.code == case.code]


@pytest.mark.parametrize("case", ALL, ids=str)
def test_messages_are_small_and_have_no_full_stop_and_remedies_too(case: Case) -> None:
    for diagnostic in case.report().diagnostics:
        for text in (diagnostic.message, diagnostic.help or "x", *diagnostic.notes):
            assert not text.endswith("."), text
            assert "\n" not in text
            assert not re.search(r"\b(illegal|invalid value)\b", text, re.IGNORECASE), text


@pytest.mark.parametrize("case", ALL, ids=str)
def test_every_code_that_is_found_has_a_rule(case: Case) -> None:
    subject = case.report().subject
    said = {fault.code: fault.name for fault in (*subject.reading.faults, *subject.prediction.faults)}

    assert {code: BY_CODE[code].name if code in BY_CODE else None for code in said} == said


# -- fixes -----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", [case for case in FAILING if {"fixed", "unsafe"} & case.told.keys()], ids=str)
def test_a_fix_turns_the_text_into_the_one_that_is_wanted(case: Case) -> None:
    rules = [BY_CODE[case.code]]

    if "fixed" in case.told:
        assert mend(case.texts, [case.view], rules).texts == {case.main: case.told["fixed"]}
    if "unsafe" in case.told:
        assert case.told.get("fixed") or not mend(case.texts, [case.view], rules).texts
        assert mend(case.texts, [case.view], rules, unsafe=True).texts == {case.main: case.told["unsafe"]}


@pytest.mark.parametrize("unsafe", [False, True], ids=["safe", "unsafe"])
@pytest.mark.parametrize("case", ALL, ids=str)
def test_fixes_reach_a_fixed_point_bring_nothing_new_and_safe_ones_leave_the_sockets_alone(case: Case, *, unsafe: bool) -> None:
    before = case.report()
    mended = mend(case.texts, [case.view], unsafe=unsafe)
    texts = {**case.texts, **mended.texts}
    after = case.report(texts)

    assert not mend(texts, [case.view], unsafe=unsafe).texts
    assert not _troubles(after) - _troubles(before)
    if not unsafe:
        held = [[(x.socket, x.accepts, x.entry.duty) for x in report.subject.prediction.sockets] for report in (before, after)]
        assert held[0] == held[1]
    assert bool(mended.texts) == bool(mended.applied)


def _troubles(report: Report) -> Counter[str]:
    """Count errors and warnings: a service that comes to life may be worth a note, which is no reason to leave it dead."""
    return Counter(x.code for x in report.diagnostics if x.severity is not Severity.NOTE)


# -- selection and severity ------------------------------------------------------------------------------------------------------------


def test_rules_are_selected_by_code_by_the_start_of_one_and_by_name() -> None:
    assert [rule.code for rule in select(["I304"])] == ["I304"]
    assert {rule.code[:2] for rule in select(["I3"])} == {"I3"}
    assert [rule.code for rule in select(["v6only-no-means-yes"])] == ["I320"]
    assert "I320" not in {rule.code for rule in select([], ["I32"])}


@pytest.mark.parametrize("word", ["I999", "I", "bind-ignord", ""])
def test_a_word_that_means_no_rule_is_refused_with_the_nearest(word: str) -> None:
    from inet46.errors import UnknownRule

    if word == "I":
        assert select([word]) == every()
        return
    with pytest.raises(UnknownRule, match="is no rule"):
        select([word])


def test_an_error_is_never_called_a_cost_of_nothing() -> None:
    for case in FAILING:
        for one in case.report().diagnostics:
            assert one.severity is not Severity.NOTE or one.cost is None, str(one)


def test_looking_twice_gives_the_same() -> None:
    case = FAILING[0]

    assert look(case.texts, case.host).reading == look(case.texts, case.host).reading
