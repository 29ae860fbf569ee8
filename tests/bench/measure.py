"""One figure: ours, theirs, and what was aimed at."""

from __future__ import annotations

import gc
import os
import resource
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, kw_only=True)
class Figure:
    """What was measured: seconds of ours and of what it is held against; `aim` is how their ratio should be, as `"<= 2.5"` or `">= 5"`.

    The ratio is theirs by ours where we aim to be faster (`>=`), and ours by theirs where we aim to cost no more (`<=`).
    """

    group: str
    name: str
    against: str
    ours: float
    theirs: float
    aim: str = ""
    note: str = ""

    @property
    def ratio(self) -> float:
        """As it is aimed at."""
        return self.ours / self.theirs if self.aim.startswith("<=") else self.theirs / self.ours

    @property
    def met(self) -> bool | None:
        """Whether the aim is met; None without one."""
        word, _, number = self.aim.partition(" ")
        return None if not self.aim else self.ratio <= float(number) if word == "<=" else self.ratio >= float(number)


def environment(**more: str) -> dict[str, str]:
    """The environment of a user who has run the program before: compiled modules are kept."""
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYINFRA_PROGRESS": "off", **more}


def cpu(
    argv: Sequence[str],
    times: int,
    *,
    status: tuple[int, ...] = (0,),
    said: str = "",
    prepare: Callable[[], object] = lambda: None,
) -> float:
    """The least CPU seconds, user and system, that a program took in so many runs, each prepared; one before them does not count."""
    best = float("inf")
    for number in range(times + 1):
        prepare()
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        run(argv, status=status, said=said)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if number:
            best = min(best, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return best


def run(argv: Sequence[str], *, status: tuple[int, ...] = (0,), said: str = "", **more: str) -> float:
    """Run a program that must end as expected; return its wall seconds."""
    began = time.monotonic()
    done = subprocess.run(argv, cwd=REPOSITORY, env=environment(**more), input=said, capture_output=True, text=True, check=False)
    took = time.monotonic() - began
    if done.returncode not in status:
        raise RuntimeError(f"{' '.join(argv)[:200]} ended with {done.returncode}:\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}")
    return took


def least(work: Callable[[], object], times: int) -> float:
    """The least CPU seconds of this process that the work took; the garbage collector waits meanwhile, as it does for timeit."""
    best = float("inf")
    for _ in range(times):
        gc.collect()
        gc.disable()
        try:
            began = time.process_time()
            work()
            best = min(best, time.process_time() - began)
        finally:
            gc.enable()
    return best
