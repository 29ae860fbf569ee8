"""Holds what a daemon did against what inet46 said it would do, and cuts a file down to the part on which the two differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import attrs

from inet46 import formats
from inet46.knowledge import Host
from inet46.predict import predict
from inet46.sockets import Socket
from tests.daemons.bench import Bench, Files, Look, start

__all__ = ["Case", "Expected", "Tally", "judge", "mismatch"]

_SHOWN = 5
_ENOUGH = 300


@attrs.frozen
class Case:
    """Files that a daemon is started with."""

    label: str
    files: Files


@attrs.frozen(kw_only=True)
class Expected:
    """What inet46 makes of a case: `unread` is what it cannot know of the files, `unknown` what it cannot know of the sockets as well."""

    sockets: Counter[Socket]
    entries: int
    unread: tuple[str, ...]
    unknown: tuple[str, ...]


@attrs.define
class Tally:
    """How it went: files and entries looked at, entries of which inet46 says that it does not know, and mismatches in words."""

    files: int = 0
    entries: int = 0
    unknown: list[str] = attrs.field(factory=list)
    mismatches: list[str] = attrs.field(factory=list)

    def __str__(self) -> str:
        return f"{self.files} files, {self.entries} entries, {len(self.unknown)} unknown, {len(self.mismatches)} mismatches"


def expected(files: Files, host: Host) -> Expected:
    """Read and predict."""
    reading = formats.read(files, host)
    prediction = predict(reading.entries, host)
    return Expected(
        sockets=Counter(held.socket for held in prediction.sockets),
        entries=len(reading.entries),
        unread=reading.unknown,
        unknown=(*reading.unknown, *prediction.unknown),
    )


def judge(cases: Sequence[Case], benches: Iterable[Bench]) -> Tally:
    """Start a daemon for every case on every bench, and compare; where a file is not understood there is nothing to compare."""
    tally, working = Tally(), list(benches)
    for bench in working:
        bench.send([start(case.files) for case in cases])
    failed = []
    for bench in working:
        for case, (look,) in zip(cases, bench.receive(), strict=True):
            said = expected(case.files, bench.host)
            tally.files += 1
            tally.entries += said.entries + len(said.unread)
            tally.unknown.extend(said.unknown)
            if not said.unread and said.sockets != look.served:
                failed.append((case, bench))
    for number, (case, bench) in enumerate(failed):
        tally.mismatches.append(_explain(case, bench) if number < _SHOWN else case.label)
    return tally


def mismatch(label: str, files: Files, host: Host, said: Iterable[Socket], look: Look) -> str:
    """Put a difference into words: the files, both answers, and what the daemon wrote to its log."""
    texts = "\n".join(f"--- {path}\n{text}" for path, text in files.items())
    answers = {"inet46 said": _lines(said), f"the daemon ({look.state})": _lines(look.sockets.elements()), "its log": "\n".join(look.log)}
    told = "\n".join(f"{who}:\n  " + (what.replace("\n", "\n  ") or "nothing") for who, what in answers.items())
    return f"{label} on {host.name}, {host.policy.settings}:\n{texts}\n{told}"


def _lines(sockets: Iterable[Socket]) -> str:
    return "\n".join(sorted(f"{socket.transport.value} {socket}" for socket in sockets))


def _explain(case: Case, bench: Bench) -> str:
    files = _smallest(case.files, bench)
    (look,) = bench.run(*start(files))
    return mismatch(case.label, files, bench.host, expected(files, bench.host).sockets.elements(), look)


def _difference(files: Files, bench: Bench) -> tuple[Counter[Socket], Counter[Socket]]:
    """What only inet46 says, and what only the daemon has."""
    said = expected(files, bench.host)
    if said.unread:
        return Counter(), Counter()
    (look,) = bench.run(*start(files))
    return said.sockets - look.served, look.served - said.sockets


def _smallest(files: Files, bench: Bench) -> Files:
    """Take away lines, first many at once and then one by one, for as long as nothing else but the same difference is left."""
    too_much, too_little = _difference(files, bench)
    lines = [(path, line) for path, text in files.items() for line in text.splitlines(keepends=True)]
    width, tries = len(lines) // 2, 0
    while width:
        at = 0
        while at < len(lines) and tries < _ENOUGH:
            fewer = lines[:at] + lines[at + width :]
            tries += 1
            left = _difference(_joined(files, fewer), bench)
            if any(left) and left[0] <= too_much and left[1] <= too_little:
                lines = fewer
            else:
                at += width
        width //= 2
    return _joined(files, lines)


def _joined(files: Files, lines: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    texts = dict.fromkeys(files, "")
    for path, line in lines:
        texts[path] += line
    return texts
