"""Fixes: edits of only the bytes that must change, made until nothing is left to mend, and held against the oracle.

A fix is made when no host that looks at the texts gets a new error or warning from it; a note is none, for a service that comes to life is
often worth one. It is *safe* when, besides, every host opens the same sockets for the same servers as before; the others wait for
somebody's word. What a rule claims about its fix is not believed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import attrs

from inet46.diagnostics import Diagnostic, Edit, Severity
from inet46.knowledge import Host
from inet46.lint._rules import Rule, Subject, look
from inet46.lint.rules import about

__all__ = ["Mended", "View", "mend"]

_ROUNDS = 20  # a fix may make room for another one; a chain of twenty is none that a rule is meant to make


@attrs.frozen
class View:
    """One host's look at texts: under which of its paths it finds which of them.

    `texts` maps paths of the host to names of texts, `beside` to texts that are nobody's to mend.
    """

    host: Host
    texts: Mapping[str, str]
    beside: Mapping[str, str] = attrs.field(factory=dict, repr=False)

    def look(self, texts: Mapping[str, str]) -> Subject:
        """Read the texts as this host would."""
        files = {**self.beside, **{path: texts[name] for path, name in self.texts.items()}}
        return look(files, self.host)


@attrs.frozen(kw_only=True)
class Mended:
    """The texts that changed, by name; what was mended in them, and whose fixes were not made.

    Not made are unsafe fixes without somebody's word, and those that would bring a new error or warning; `blocked` names these with the
    codes that they would bring (none: they would change sockets after all).
    """

    texts: Mapping[str, str]
    applied: tuple[Diagnostic, ...] = ()
    left: tuple[Diagnostic, ...] = ()
    blocked: tuple[tuple[Diagnostic, tuple[str, ...]], ...] = ()


@attrs.frozen
class _Candidate:
    """A fix with its edits by the names of texts."""

    diagnostic: Diagnostic
    edits: tuple[tuple[str, Edit], ...]

    @property
    def safe(self) -> bool:
        """What the rule claims: an unsafe fix is not even tried without somebody's word."""
        return self.diagnostic.fix is not None and self.diagnostic.fix.safe

    @property
    def key(self) -> object:
        """What makes the fixes of two hosts the same one."""
        return self.diagnostic.code, frozenset((name, edit.span.start, edit.span.stop, edit.text) for name, edit in self.edits)


@attrs.frozen
class _State:
    """What all hosts make of some texts: errors and warnings by code, and the sockets of each."""

    findings: Counter[str]
    sockets: tuple[object, ...]
    candidates: tuple[_Candidate, ...]


def mend(
    texts: Mapping[str, str], views: Sequence[View], rules: Iterable[Rule] | None = None, *, unsafe: bool = False, common: bool = False
) -> Mended:
    """Apply the fixes that the rules offer for these texts, by name; unsafe ones only when that is said.

    With `common` only what is found on every one of the hosts is mended. Without rules everything is that can be.
    """
    trial = _Trial(tuple(views), None if rules is None else tuple(rules), unsafe=unsafe, common=common)
    now, applied = dict(texts), list[Diagnostic]()
    state = trial.state(now)
    for _ in range(_ROUNDS):
        trial.blocked.clear()
        admitted = trial.admit(now, state, (), _apart(one for one in state.candidates if unsafe or one.safe))
        if not admitted:
            break
        now = _edited(now, admitted)
        applied += [one.diagnostic for one in admitted]
        state = trial.state(now)
    changed = {name: text for name, text in now.items() if text != texts[name]}
    left = tuple(one.diagnostic for one in state.candidates)
    return Mended(texts=changed, applied=tuple(applied), left=left, blocked=tuple(trial.blocked))


@attrs.frozen
class _Trial:
    """Who looks at the texts, with which rules, and what may change."""

    views: tuple[View, ...]
    rules: tuple[Rule, ...] | None
    unsafe: bool = attrs.field(kw_only=True)
    common: bool = attrs.field(kw_only=True)
    blocked: list[tuple[Diagnostic, tuple[str, ...]]] = attrs.field(factory=list)

    def state(self, texts: Mapping[str, str]) -> _State:
        """Look at texts with everybody's eyes."""
        findings: Counter[str] = Counter()
        sockets: list[object] = []
        candidates: dict[object, _Candidate] = {}
        offered: Counter[object] = Counter()
        for view in self.views:
            subject = view.look(texts)
            sockets.append([(held.socket, held.accepts, held.service, held.entry.duty) for held in subject.prediction.sockets])
            sockets.append(len(subject.reading.unknown) + len(subject.prediction.unknown))
            for rule in about(view.host):
                for found in rule.check(subject):
                    findings[found.code] += found.severity is not Severity.NOTE
                    one = _candidate(found, view) if self.rules is None or rule in self.rules else None
                    if one is not None:
                        candidates.setdefault(one.key, one)
                        offered[one.key] += 1
        shared = (one for key, one in candidates.items() if not self.common or offered[key] >= len(self.views))
        return _State(findings, tuple(sockets), tuple(shared))

    def admit(
        self, texts: Mapping[str, str], state: _State, sure: tuple[_Candidate, ...], fresh: Sequence[_Candidate]
    ) -> tuple[_Candidate, ...]:
        """Return those fixes that are good together; they are tried all at once, and in halves where that is not so."""
        if not fresh:
            return sure
        then = self.state(_edited(texts, (*sure, *fresh)))
        nothing_new = all(count <= state.findings[code] for code, count in then.findings.items())
        if nothing_new and (self.unsafe or then.sockets == state.sockets):
            return (*sure, *fresh)
        if len(fresh) == 1:
            new = tuple(sorted(code for code, count in then.findings.items() if count > state.findings[code]))
            self.blocked.append((fresh[0].diagnostic, new))
            return sure
        half = len(fresh) // 2
        return self.admit(texts, state, self.admit(texts, state, sure, fresh[:half]), fresh[half:])


def _candidate(found: Diagnostic, view: View) -> _Candidate | None:
    if found.fix is None or any(edit.span.source.path not in view.texts for edit in found.fix.edits):
        return None
    return _Candidate(found, tuple((view.texts[edit.span.source.path], edit) for edit in found.fix.edits))


def _apart(candidates: Iterable[_Candidate]) -> list[_Candidate]:
    """Keep of fixes that touch one another the first; the others have their turn in the next round."""
    chosen: list[_Candidate] = []
    taken: dict[str, list[tuple[int, int]]] = {}
    for one in candidates:
        mine = [(name, edit.span.start, edit.span.stop) for name, edit in one.edits]
        if not any(start <= other[1] and other[0] <= stop for name, start, stop in mine for other in taken.get(name, ())):
            chosen.append(one)
            for name, start, stop in mine:
                taken.setdefault(name, []).append((start, stop))
    return chosen


def _edited(texts: Mapping[str, str], fixes: Iterable[_Candidate]) -> dict[str, str]:
    edits: dict[str, list[Edit]] = {}
    for one in fixes:
        for name, edit in one.edits:
            edits.setdefault(name, []).append(edit)
    result = dict(texts)
    for name, mine in edits.items():
        text, parts, at = texts[name], [], 0
        for edit in sorted(mine, key=lambda edit: (edit.span.start, edit.span.stop)):
            parts += [text[at : edit.span.start], edit.text]
            at = edit.span.stop
        result[name] = "".join((*parts, text[at:]))
    return result
