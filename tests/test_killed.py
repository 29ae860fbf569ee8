"""A change that is killed between any two of its commands, and a way back that is: never half done."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest

from pyinfra_inet46.transaction import Transaction
from tests.shell.harness import Host
from tests.shell.points import ALL_NEW, ALL_OLD, everything, kill_at, make_old, recovery, state_of

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root for a network of its own")

T = TypeVar("T")


def interrupt(host: Host, change: Transaction, point: int) -> tuple[object, ...]:
    """Kill a change at this point, and let the next run find what is left."""
    killed = kill_at(host, change, point)
    assert killed.status == -9, (point, killed)
    recovered = kill_at(host, recovery(change), 0)
    assert recovered.status == 0, (point, recovered)
    assert {path.name for path in host.state.iterdir()} == {"last"}, point
    return state_of(host)


def points_of(tmp_path: pathlib.Path, *, fails: bool) -> int:
    with Host(tmp_path / "count") as host:
        host.state.mkdir()  # as it is from the second change on
        whole = kill_at(host, everything(host, fails=fails), 0)
        assert whole.status == (4 if fails else 0), whole
        return int(whole.stderr.rpartition("points ")[2].partition(":")[0])


def in_shares(tmp_path: pathlib.Path, points: range, play: Callable[[Host, int], T]) -> list[T]:
    """Play every point, on four hosts at once."""

    def share(start: int) -> dict[int, T]:
        with Host(tmp_path / f"share-{start}") as host:
            return {point: play(host, point) for point in points[start::4]}

    with ThreadPoolExecutor(4) as pool:
        found = {point: value for part in pool.map(share, range(4)) for point, value in part.items()}
    return [found[point] for point in points]


def test_killed_between_any_two_commands_a_host_is_all_old_or_all_new(tmp_path: pathlib.Path) -> None:
    last = points_of(tmp_path, fails=False)

    def play(host: Host, point: int) -> str:
        make_old(host)
        change = everything(host)
        found = interrupt(host, change, point)
        assert found in (ALL_OLD, ALL_NEW), (point, found)
        if found == ALL_OLD:
            again = kill_at(host, change, 0)
            assert again.status == 0, (point, again)
        assert state_of(host) == ALL_NEW, point
        return "old" if found == ALL_OLD else "new"

    states = in_shares(tmp_path, range(1, last + 1), play)

    assert last > 40
    assert set(states) == {"old", "new"}
    assert states == sorted(states, reverse=True), "once it is new it stays new"


def test_killed_on_the_way_back_a_host_is_all_old(tmp_path: pathlib.Path) -> None:
    last = points_of(tmp_path, fails=True)

    def play(host: Host, point: int) -> tuple[object, ...]:
        make_old(host)
        return interrupt(host, everything(host, fails=True), point)

    assert all(found == ALL_OLD for found in in_shares(tmp_path, range(20, last + 1, 2), play))
