"""`python -m tests.fuzz`: a million inputs over all targets, or as many as are asked for."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from random import Random

import attrs

from tests.fuzz.mutate import mutated
from tests.fuzz.seeds import dictionary, seeds
from tests.fuzz.targets import TARGETS
from tests.fuzz.watch import Finding, bounded, kept, probe, shrunk

FOLDER = Path(__file__).parent.parent.parent / "build" / "fuzz"
CHUNK = 2000  # inputs that one process makes at a stretch
ENOUGH = 5  # different findings of one target in one chunk; then something is broken that more inputs say nothing about


@attrs.frozen
class Result:
    """What one chunk came to."""

    target: str
    inputs: int
    seconds: float
    slowest: float
    findings: tuple[Finding, ...]


def inputs(target: str, seed: str, count: int) -> Iterator[bytes]:
    """The inputs of one chunk, the same for the same seed."""
    random = Random(f"{seed}/{target}")
    kind, words = seeds(TARGETS[target].kind), dictionary()
    for _ in range(count):
        yield mutated(random, kind, words)


def chunk(target: str, seed: str, count: int) -> Result:
    """Give one chunk of inputs to a target."""
    found: dict[tuple[str, str], Finding] = {}
    begun, done, slowest = time.process_time(), 0, 0.0
    with bounded():
        for done, data in enumerate(inputs(target, seed, count), 1):  # noqa: B007 -- how many there were
            before = time.process_time()
            finding = probe(TARGETS[target], data)
            slowest = max(slowest, time.process_time() - before)
            if finding is not None:
                found.setdefault(finding.key, finding)
            if len(found) >= ENOUGH:
                break
        seconds = time.process_time() - begun
        small = tuple(shrunk(finding) for finding in found.values())
    return Result(target, done, seconds, slowest, small)


def planned(total: int, names: list[str], seed: str) -> Iterator[tuple[str, str, int]]:
    """Share the inputs out, and mix the targets so that all are under way from the start."""
    whole = sum(TARGETS[name].share for name in names)
    left = {name: max(1, round(total * TARGETS[name].share / whole)) for name in names}
    turn = 0
    while any(left.values()):
        for name in names:
            count = min(CHUNK if TARGETS[name].share >= 4 else CHUNK // 4, left[name])
            left[name] -= count
            if count:
                yield name, f"{seed}/{turn}", count
        turn += 1


def run(total: int, names: list[str], seed: str, jobs: int) -> int:
    """Fuzz, and tell; returns how many different findings there are."""
    sums: dict[str, list[Result]] = {name: [] for name in names}
    found: dict[tuple[str, str, str], Finding] = {}
    with contextlib.suppress(KeyboardInterrupt), ProcessPoolExecutor(max_workers=jobs) as pool:  # what was done is told all the same
        for result in pool.map(chunk, *zip(*planned(total, names, seed), strict=True)):
            sums[result.target].append(result)
            for finding in result.findings:
                if (finding.target, *finding.key) not in found:
                    found[finding.target, *finding.key] = finding
                    print(f"{finding.target}: {finding.kind} at {finding.place or '?'}: {kept(finding, FOLDER)}", flush=True)
    print(f"{'target':<20} {'inputs':>9} {'per second':>11} {'slowest, s':>11} {'findings':>9}")
    for name, results in sums.items():
        count, seconds = sum(result.inputs for result in results), sum(result.seconds for result in results)
        slowest = max((result.slowest for result in results), default=0.0)
        mine = sum(key[0] == name for key in found)
        print(f"{name:<20} {count:>9} {count / max(seconds, 1e-9):>11.0f} {slowest:>11.2f} {mine:>9}")
    print(f"{'all':<20} {sum(result.inputs for results in sums.values() for result in results):>9} {'':>11} {'':>11} {len(found):>9}")
    return len(found)


def again(path: Path) -> int:
    """Give a kept input to its target once more, and print what it breaks."""
    with bounded():
        finding = probe(TARGETS[path.name.rpartition(".")[0]], path.read_bytes())
    print(finding.told if finding else "nothing is broken")
    return 1 if finding else 0


def main() -> int:
    """Understand the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("-n", type=int, default=1_000_000, metavar="N", help="inputs, over all targets (a million)")
    parser.add_argument("--target", action="append", choices=list(TARGETS), help="only this one; may be given several times")
    parser.add_argument("--seed", default="0", help="other seeds make other inputs")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--again", type=Path, metavar="FILE", help="show what an input that was kept breaks")
    told = parser.parse_args()
    if told.again:
        return again(told.again)
    return 1 if run(told.n, told.target or list(TARGETS), told.seed, told.jobs) else 0


if __name__ == "__main__":
    sys.exit(main())
