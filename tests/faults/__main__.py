"""`python -m tests.faults N [SEED [changes|moves]]`: N injections over all kinds and hosts, and the table of what became of them.

`changes` are those of a host's services, `moves` those from one super-server to another; without either both are played.
"""

from __future__ import annotations

import itertools
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from rich.console import Console
from rich.table import Table

from tests.faults.bench import Bench, Injection, Kind, Outcome, Within
from tests.faults.moves import MOVES, Moves
from tests.faults.twins import rounds, summary
from tests.lab import HostSpec, Lab, LabError, power

HOSTS = (
    HostSpec(name="openbsd", super_server="openbsd-inetd"),
    HostSpec(name="inetutils", super_server="inetutils-inetd"),
    HostSpec(name="xinetd", super_server="xinetd"),
    HostSpec(name="openbsd-systemd", super_server="openbsd-inetd", init="systemd"),
    HostSpec(name="xinetd-systemd", super_server="xinetd", init="systemd"),
    HostSpec(name="units", super_server="none", init="systemd"),
)
_ROUNDS = 10  # of two controllers, on each host
_SHARES = {Kind.STEP: 8, Kind.GUARDED: 2, Kind.TWICE: 2, Kind.CONNECTION: 3, Kind.SSHD: 2, Kind.HOST: 3}


def injections(seed: str) -> Iterator[Injection]:
    """Yield injections for ever, the same for the same seed; every kind comes as often as its share."""
    chance = random.Random(seed)
    while True:
        kinds = [kind for kind, share in _SHARES.items() for _ in range(share)]
        chance.shuffle(kinds)
        for kind in kinds:
            yield Injection(
                kind=kind,
                moment=chance.random(),
                again=chance.random(),
                by_step=chance.random() < 0.6,
                within=chance.choice(list(Within)),
                recover_first=chance.random() < 0.6,
            )


def campaign(lab: Lab, specs: Sequence[HostSpec], number: int, seed: str, outcomes: list[Outcome] | None = None) -> list[Outcome]:
    """Share the injections out over the hosts, which take theirs at the same time. What is done by an interruption stands in `outcomes`."""
    outcomes = [] if outcomes is None else outcomes
    enough = threading.Event()

    def play(share: tuple[HostSpec, int]) -> None:
        spec, count = share
        kind = Moves if spec in MOVES else Bench
        bench = kind(lab, spec)
        for injection in itertools.islice(injections(f"{seed} {spec.name}"), count):
            if enough.is_set():
                return
            try:
                outcome = bench.inject(injection)
            except (AssertionError, LabError, OSError, ValueError, subprocess.SubprocessError) as problem:
                outcome = Outcome.failed(injection, spec.name, f"{type(problem).__name__}: {problem}")
                bench.boot(power.off(bench.host))
                bench = kind(lab, spec)
            outcomes.append(outcome)
            _tell(outcome, len(outcomes), number)

    each, rest = divmod(number, len(specs))
    with ThreadPoolExecutor(len(specs)) as pool:
        try:
            list(pool.map(play, [(spec, each + (index < rest)) for index, spec in enumerate(specs)]))
        except KeyboardInterrupt:
            enough.set()
            print("interrupted: the injections that are under way are played to their end", file=sys.stderr)
    return outcomes


def _tell(outcome: Outcome, count: int, number: int) -> None:
    for problem in outcome.problems:
        print(f"{outcome.host}: {outcome.injection.kind.value} at {outcome.step}: {problem}", file=sys.stderr, flush=True)
    if count % 50 == 0:
        print(f"{count} of {number}", file=sys.stderr, flush=True)


def table(outcomes: Sequence[Outcome]) -> Table:
    """Kind by super-server by outcome."""
    drawn = Table("how", "host", "stops", "old", "between", "new", "silent", "back to old", "stayed new", "finished", "wrong")
    rows: Counter[tuple[str, str, str]] = Counter()
    for o in outcomes:
        words = (o.after, "stops", "wrong" if o.problems else "finished", *(() if o.served else ("silent",)), f"recovered {o.recovered}")
        rows.update((kind, o.host, word) for word in words for kind in (o.injection.kind.value, "all"))
    for kind, host in sorted({row[:2] for row in rows}, key=lambda row: (row[0] == "all", row)):
        words = ("stops", "old", "between", "new", "silent", "recovered old", "recovered new", "finished", "wrong")
        drawn.add_row(kind, host, *(str(rows[kind, host, word] or "-") for word in words))
    return drawn


def main(arguments: Sequence[str]) -> int:
    """Play and tell; 1 if anything was mixed, lost or left behind."""
    number, seed = int(arguments[0]) if arguments else 500, arguments[1] if len(arguments) > 1 else "1"
    which = arguments[2] if len(arguments) > 2 else ""
    choice = {"": (*HOSTS, *MOVES), "changes": HOSTS, "moves": MOVES}
    if which not in choice:
        print(f"{which!r} is neither changes nor moves", file=sys.stderr)
        return 2
    specs = choice[which]
    began = time.monotonic()
    with Lab.start(specs) as lab:
        outcomes = campaign(lab, specs, number, seed)
        played = rounds(lab, HOSTS, _ROUNDS) if specs != MOVES else []
    console = Console(width=140, highlight=False)
    console.print(table(outcomes))
    wrong = sum(bool(outcome.problems) for outcome in outcomes)
    console.print(
        f"{len(outcomes)} injections (seed {seed}) in {time.monotonic() - began:.0f} s: {wrong} went wrong."
        " Right after: old, new, or between with a journal; silent: IMAP did not answer over a family that it has before and after."
    )
    if played:
        console.print(summary(played))
    mixed = [each for each in played if each.problems]
    for each in mixed:
        print(f"{each.host}: {each.told}: {each.problems}", file=sys.stderr)
    return 1 if wrong or mixed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
