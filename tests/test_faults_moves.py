"""A small share of `make faults WHICH=moves`: hosts that are stopped between two super-servers, and what is true then."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.faults.__main__ import campaign
from tests.faults.moves import MOVES, Moves
from tests.lab import Lab, missing

pytestmark = pytest.mark.lab

THERE_AND_BACK, TO_UNITS, _ = MOVES


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Two hosts that have another super-server to go to."""
    why = missing()
    if why is not None and not os.environ.get("CI"):
        pytest.skip(f"no lab: {why}")
    with Lab.start((THERE_AND_BACK, TO_UNITS)) as running:
        yield running


def test_stopped_between_two_super_servers_a_host_has_one_of_them_and_the_next_run_finishes(lab: Lab) -> None:
    outcomes = campaign(lab, (THERE_AND_BACK, TO_UNITS), 4, "moves")

    assert [(o.host, o.injection.kind.value, o.step, o.problems) for o in outcomes if o.problems] == []
    assert {o.host for o in outcomes} == {THERE_AND_BACK.name, TO_UNITS.name}
    assert {"between"} <= {o.after for o in outcomes}


def test_a_host_with_two_super_servers_would_be_noticed(lab: Lab) -> None:
    host, bench = lab[THERE_AND_BACK.name], Moves(lab, THERE_AND_BACK, traced=False)
    other = "xinetd" if host.run(["pidof", "/usr/sbin/inetd"]).returncode == 0 else "openbsd-inetd"

    assert bench.wrong() == ""
    host.run(f"/etc/init.d/{other} start", check=True)
    assert "['openbsd-inetd', 'xinetd'] runs" in bench.wrong()
    host.run(f"/etc/init.d/{other} stop && update-rc.d {other} enable", check=True)
    assert "['openbsd-inetd', 'xinetd'] is enabled" in bench.wrong()
    program = "/usr/sbin/xinetd" if other == "xinetd" else "/usr/sbin/inetd"
    host.run(f"update-rc.d {other} disable; while pidof {program}; do sleep 0.1; done", check=True)
    assert bench.wrong() == ""
