"""What a fleet costs the controller: a thousand simulated hosts with twenty services each, all of them right already."""

from __future__ import annotations

import runpy
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from pyinfra_inet46.judge import decide
from pyinfra_inet46.look import parse_look
from tests.bench.measure import REPOSITORY, Figure, cpu
from tests.bench.services import services

_SERVICES = 20


def figures(*, quick: bool) -> Iterator[Figure]:
    """Against pyinfra itself, which connects to the same hosts and runs one empty operation; and a second host against the first."""
    hosts = 100 if quick else 1000
    here = REPOSITORY / "tests/bench"
    seconds = {}
    for name in ("nothing", "ours"):
        argv = (str(Path(sys.executable).with_name("pyinfra")), str(here / "simulated.py"), str(here / f"deploys/{name}.py"), "-y")
        more = (f"BENCH_HOSTS={hosts}", f"BENCH_SERVICES={_SERVICES}", f"PYTHONPATH={REPOSITORY}")
        seconds[name] = cpu(("env", *more, *argv), 1 if quick else 2)
    yield Figure(
        group="controller",
        name=f"{hosts:,} simulated hosts, {_SERVICES} services each, unchanged",
        against="pyinfra: connect, one empty operation",
        ours=seconds["ours"],
        theirs=seconds["nothing"],
        aim="<= 1.3",
    )
    answer = runpy.run_path(str(here / "simulated.py"))["_look"]
    looks = [parse_look(answer(pid)) for pid in (812, 977)]
    wishes, spent = services(_SERVICES), []
    for number, look in enumerate(looks):
        began = time.process_time()
        decision = decide(wishes, None, look, id=f"bench{number}", label=f"host{number}")
        spent.append(time.process_time() - began)
        assert decision.answers, decision
    yield Figure(
        group="controller",
        name="deciding about a second host like the first",
        against="deciding about the first",
        ours=spent[1],
        theirs=spent[0],
        aim="<= 0.05",
    )
