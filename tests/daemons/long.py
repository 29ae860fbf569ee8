"""Law 5 at length: thousands of random files for every daemon, and hundreds of changes, with net.ipv6.bindv6only 0 and 1.

    python -m tests.daemons.long [--files 2000] [--changes 500] [--seed N] [HOST ...]

Each run takes a new seed and prints it; with the seed of a run the same files come again. Exit code 1 for a mismatch, for an activation that
is wrong or dearer than it need be, or for more than one entry in a hundred of which inet46 says that it does not know; of changes, which
leave things to chance by design, that share is printed only.
"""

from __future__ import annotations

import argparse
import re
import secrets
import sys
import time
from collections import Counter

from inet46.knowledge import InetdBuild
from tests.daemons.bench import HOSTS, Bench, host_on_bench, missing
from tests.daemons.changes import Activated, Change, hold_activations, hold_changes, random_changes
from tests.daemons.judge import Tally, judge
from tests.daemons.random_files import random_cases

__all__ = ["main"]

_AT_A_TIME = 50
_MOST_UNKNOWN = 0.01
_REASONS = 5
_CHANGING = tuple(name for name in HOSTS if name.startswith("debian-"))  # whose changes are held


def main() -> int:
    """Run the files, and print how it went."""
    options = _options()
    names = options.host or HOSTS
    if lacking := [why for name in names if (why := missing(name)) is not None]:
        print("\n".join(dict.fromkeys(lacking)), file=sys.stderr)
        return 2
    told = f"{options.files} files and {options.changes} changes for each daemon"
    print(f"seed {options.seed}: {told}, with net.ipv6.bindv6only 0 and 1", flush=True)
    good = [_run(name, options.files, options.changes, options.seed) for name in names]
    return 0 if all(good) else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.daemons.long", description="Random files for the real daemons.")
    parser.add_argument("--files", type=int, default=2000, help="how many for each daemon (2000)")
    parser.add_argument("--changes", type=int, default=500, help="how many of them; busybox's are not held yet (500)")
    parser.add_argument("--seed", default=str(secrets.randbelow(10**6)), help="the seed of another run, to have its files again")
    parser.add_argument("host", nargs="*", help=f"only these: {', '.join(HOSTS)}")
    options = parser.parse_args()
    if unknown := [name for name in options.host if name not in HOSTS]:
        parser.error(f"{', '.join(unknown)}: not on the bench, which has {', '.join(HOSTS)}")
    return options


def _run(name: str, files: int, changes: int, seed: str) -> bool:
    with Bench(name, bindv6only=0) as one, Bench(name, bindv6only=1) as other:
        good = _run_files(name, files, seed, (one, other))
        return (not changes or name not in _CHANGING or _run_changes(name, changes, seed, (one, other))) and good


def _run_changes(name: str, count: int, seed: str, benches: tuple[Bench, Bench]) -> bool:
    """Hold what a change comes to at its signals, and the activation that is chosen for it."""
    build = benches[0].host.server
    changes = random_changes(seed, count, build if isinstance(build, InetdBuild) else None)
    tally, activated, started = Tally(), Activated(), time.monotonic()
    for at in range(0, count, _AT_A_TIME):
        some: list[Change] = changes[at : at + _AT_A_TIME]
        tally.add(hold_changes(some, benches))
        for bench in benches:
            activated.add(hold_activations(some, bench))
    print(f"{name}, changes: {tally}; {activated}, {time.monotonic() - started:.0f} s", flush=True)
    for wrong in (*tally.mismatches, *activated.wrong, *activated.needless):
        print(f"\n{wrong}")
    return not (tally.mismatches or activated.wrong or activated.needless)


def _run_files(name: str, count: int, seed: str, benches: tuple[Bench, Bench]) -> bool:
    tally, started = Tally(), time.monotonic()
    cases = random_cases(seed, count, host_on_bench(name, bindv6only=0))
    for at in range(0, count, _AT_A_TIME):
        tally.add(judge(cases[at : at + _AT_A_TIME], benches))
        if sys.stdout.isatty():
            print(f"\r{name}: {tally}", end="", flush=True)
    took = time.monotonic() - started
    print("\r" * sys.stdout.isatty() + f"{name}: {tally}, {took:.0f} s, {tally.files / took:.0f} files a second", flush=True)
    reasons = Counter(re.sub(r"^\S+:[0-9]+: ", "", reason) for reason in tally.unknown)
    for reason, times in reasons.most_common(_REASONS):
        print(f"  unknown {times} times: {reason}")
    for mismatch in tally.mismatches:
        print(f"\n{mismatch}")
    return not tally.mismatches and len(tally.unknown) <= _MOST_UNKNOWN * tally.entries


if __name__ == "__main__":
    sys.exit(main())
