"""Holds what a daemon did against what inet46 said it would do, and cuts a file down to the part on which the two differ."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import attrs

from inet46 import formats
from inet46.change import State, fate
from inet46.entry import Entry
from inet46.knowledge import Host, InetdBuild
from inet46.predict import predict
from inet46.sockets import Socket
from tests.daemons.bench import KNOB, Bench, Files, Look, start

__all__ = ["Case", "Expected", "Tally", "differences", "judge", "mismatch"]

_SHOWN = 5
_ENOUGH = 300


@attrs.frozen
class Case:
    """Files that a daemon is started with."""

    label: str
    files: Files


@attrs.frozen(kw_only=True)
class Expected:
    """What inet46 makes of a case: sockets and refused binds in their order, and whether the daemon comes to an end or a standstill.

    `paths` are the files of the sockets; of a folder that is read as readdir(3) has it, only the order within each file is known.
    `unread` is what it cannot know of the files, `unknown` what it cannot know of the sockets as well.
    """

    order: tuple[Socket, ...]
    paths: tuple[str, ...]
    refused: tuple[str, ...]
    over: bool
    entries: int
    unread: tuple[str, ...]
    unknown: tuple[str, ...]

    @property
    def sockets(self) -> Counter[Socket]:
        """The sockets, in whatever order they are made."""
        return Counter(self.order)


@attrs.define
class Tally:
    """How it went: files and entries looked at, entries of which inet46 says that it does not know, and mismatches in words."""

    files: int = 0
    entries: int = 0
    unknown: list[str] = attrs.field(factory=list)
    mismatches: list[str] = attrs.field(factory=list)

    def add(self, other: Tally) -> None:
        """Take in how other cases went."""
        self.files += other.files
        self.entries += other.entries
        self.unknown += other.unknown
        self.mismatches += other.mismatches

    def __str__(self) -> str:
        return f"{self.files} files, {self.entries} entries, {len(self.unknown)} unknown, {len(self.mismatches)} mismatches"


def expected(files: Files, host: Host) -> Expected:
    """Read and predict."""
    reading = formats.read(files, host)
    prediction = predict(reading.entries, host)
    return Expected(
        order=tuple(held.socket for held in prediction.sockets),
        paths=tuple(_path(held.entry, host) for held in prediction.sockets),
        refused=tuple(
            f"{x.entry.service}/{x.bind.key.partition(' ')[0]}" if x.bind.key else x.entry.id or x.entry.service for x in prediction.refused
        ),
        over=fate(reading) is not State.SERVES,
        entries=len(reading.entries),
        unread=reading.unknown,
        unknown=(*reading.unknown, *prediction.unknown),
    )


def _path(entry: Entry, host: Host) -> str:
    """Return the file of an entry where it is read in no known order, else "": one order holds for all of them."""
    path = entry.origin.source.path if entry.origin is not None else ""
    return path if host.directory and isinstance(host.server, InetdBuild) else ""


def _orders(sockets: Iterable[Socket], said: Expected) -> dict[str, list[Socket]]:
    """Sort sockets by the file that said them, each group in its own order."""
    paths, groups = dict(zip(said.order, said.paths, strict=True)), dict[str, list[Socket]]()
    for socket in sockets:
        groups.setdefault(paths.get(socket, ""), []).append(socket)
    return groups


def differences(said: Expected, look: Look) -> Counter[str]:
    """What is different, each thing in a few words; nothing where a file is not understood."""
    if said.unread:
        return Counter()
    seen = _with_picked_ports(look.order if look.state != "hangs" else (), said.order)
    found = Counter({f"too much: {socket}": count for socket, count in (said.sockets - Counter(seen)).items()})
    found += Counter({f"too little: {socket}": count for socket, count in (Counter(seen) - said.sockets).items()})
    if said.over != (look.state != "serves"):
        found[f"the daemon {look.state}"] += 1
    if not found and _orders(seen, said) != _orders(said.order, said):
        found["another order"] += 1
    several = len(set(said.paths)) > 1
    if not found and not several and look.state == "serves" and _refused(look.log) != said.refused:
        found["other refusals"] += 1
    return found


def _with_picked_ports(seen: Iterable[Socket], said: Sequence[Socket]) -> tuple[Socket, ...]:
    """Write 0 for each port that only the kernel can have picked."""
    known, picked, sockets = Counter(said), Counter(socket for socket in said if not socket.port), []
    for socket in seen:
        bare = attrs.evolve(socket, port=0)
        fixed = known[socket] > 0
        pool, one = (known, socket) if fixed or not picked[bare] else (picked, bare)
        pool[one] -= 1
        sockets.append(one)
    return tuple(sockets)


def _refused(log: Iterable[str]) -> tuple[str, ...]:
    """Return what could not be bound, by the daemon's own words; their reason may be another one (errno is touched in between)."""
    plain = (re.search(r"(\S+): bind: ", line) for line in log)
    services = [match[1] for match in plain if match is not None]
    tries = (re.search(r"bind failed \(.*\)\. service = (\S+)", line) for line in log)
    runs = ((name, len(list(run))) for name, run in itertools.groupby(match[1] for match in tries if match is not None))
    return (*services, *(name for name, count in runs for _ in range(count // 11)))  # xinetd tries each eleven times


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
            if differences(said, look):
                failed.append((case, bench))
    for number, (case, bench) in enumerate(failed):
        tally.mismatches.append(_explain(case, bench) if number < _SHOWN else case.label)
    return tally


def mismatch(label: str, files: Files, host: Host, said: Iterable[Socket], look: Look) -> str:
    """Put a difference into words: the files, both answers, and what the daemon wrote to its log."""
    texts = "\n".join(f"--- {path}\n{text}" for path, text in files.items())
    answers = {"inet46 said": _lines(said), f"the daemon ({look.state})": _lines(look.order), "its log": "\n".join(look.log)}
    told = "\n".join(f"{who}:\n  " + (what.replace("\n", "\n  ") or "nothing") for who, what in answers.items())
    return f"{label} on {host.name}, net.ipv6.bindv6only {dict(host.policy.settings)[KNOB]}:\n{texts}\n{told}"


def _lines(sockets: Iterable[Socket]) -> str:
    return "\n".join(f"{socket.transport.value} {socket}" for socket in sockets)


def _explain(case: Case, bench: Bench) -> str:
    files = _smallest(case.files, bench)
    (look,) = bench.run(*start(files))
    said = expected(files, bench.host)
    what = ", ".join(differences(said, look))
    return mismatch(f"{case.label} ({what})", files, bench.host, said.order, look)


def _look_at(files: Files, bench: Bench) -> Counter[str]:
    said = expected(files, bench.host)
    if said.unread:
        return Counter()
    (look,) = bench.run(*start(files))
    return differences(said, look)


def _smallest(files: Files, bench: Bench) -> Files:
    """Take away lines, first many at once and then one by one, for as long as nothing else but the same difference is left."""
    wrong = _look_at(files, bench)
    lines = [(path, line) for path, text in files.items() for line in text.splitlines(keepends=True)]
    width, tries = len(lines) // 2, 0
    while width:
        at = 0
        while at < len(lines) and tries < _ENOUGH:
            fewer = lines[:at] + lines[at + width :]
            tries += 1
            left = _look_at(_joined(files, fewer), bench)
            if left and left <= wrong:
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
