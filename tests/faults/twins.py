"""Two controllers that want different things of the same host at the same moment."""

from __future__ import annotations

import copy
import itertools
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import attrs

from pyinfra_inet46.transaction import Result, Verdict
from tests.faults.bench import Bench, wishes
from tests.faults.states import leftovers
from tests.lab import HostSpec, Lab


@attrs.frozen(kw_only=True)
class Round:
    """What the two were told, and what was wrong afterwards."""

    host: str
    told: tuple[str, str]
    problems: tuple[str, ...]


def meet(bench: Bench) -> Round:
    """Have two controllers change one host at once; it must be what one of them wants, whole, and both must know where they are."""
    # Before each round the host has neither, so that both have something to do.
    services, policy = wishes(bench.spec.super_server)[0]
    bench.wish = tuple(attrs.evolve(service, enabled=False) for service in services), policy
    bench.run(setting=True)
    twins = [copy.copy(bench) for _ in range(2)]
    for twin in twins:
        twin.wish = next(bench.round)
    with ThreadPoolExecutor(2) as pool:
        told = [_in_words(future.result()) for future in [pool.submit(twin.run, setting=True) for twin in twins]]
    satisfied = [twin.decide() is None for twin in twins]
    problems = []
    if not any(satisfied):
        problems.append("the host is neither what the one wants nor what the other wants")
    if not set(told) & {"changed it", "found it so"}:
        problems.append(f"nobody got anything: {told}")
    if any(word.startswith("ended") for word in told):
        problems.append(f"one ended badly: {told}")
    if left := leftovers(bench.host):
        problems.append(f"left behind {left}")
    return Round(host=bench.spec.name, told=(told[0], told[1]), problems=tuple(problems))


def _in_words(verdict: Verdict | None) -> str:
    if verdict is None:
        return "found it so"
    if verdict.result is Result.COMMITTED:
        return "changed it"
    if verdict.result is Result.REFUSED and "holds the lock" in verdict.reason:
        return "was told who holds the lock"
    if verdict.result is Result.REFUSED and "between look and change" in verdict.reason:
        return "was told that it had changed, twice"
    return f"ended {verdict.result.value} at {verdict.step}: {verdict.reason}"


def rounds(lab: Lab, specs: Sequence[HostSpec], number: int) -> list[Round]:
    """This many rounds on each host, the hosts at the same time."""

    def play(spec: HostSpec) -> list[Round]:
        bench = Bench(lab, spec, traced=False)
        return [meet(bench) for _ in range(number)]

    with ThreadPoolExecutor(len(specs)) as pool:
        return list(itertools.chain(*pool.map(play, specs)))


def summary(played: Sequence[Round]) -> str:
    """What the rounds came to, a line for each pair of answers."""
    counted = Counter(" / ".join(sorted(each.told)) for each in played)
    lines = [f"{number:5}  {told}" for told, number in counted.most_common()]
    return "\n".join((f"{len(played)} rounds of two controllers at once:", *lines))
