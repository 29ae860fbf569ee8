"""What people do between an interruption and the recovery is neither lost nor taken for the old state."""

from __future__ import annotations

import os
import shutil

import attrs
import pytest

from pyinfra_inet46.transaction import Result, Seen
from tests.shell.harness import Host, Run
from tests.shell.plays import AFTER, NEW, OLD, Outcome, about, scenario

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root for a network of its own")

PLACED = "step_activate() { kill -9 $$; }\n"


def recovered(host: Host) -> Run:
    """The next run, which has a change of its own to make."""
    return host.run(host.transaction(files=(attrs.evolve(host.change(), old=Seen.of(OLD.encode())),)))


@scenario
def is_tidied_up(host: Host) -> tuple[Run, object]:
    host.run(host.transaction(), before=PLACED)
    shutil.rmtree(host.etc / ".inet46-old")
    stuck = recovered(host), host.config.read_text()
    host.config.write_text(OLD)
    return recovered(host), stuck


@about(is_tidied_up)
def test_new_files_are_not_called_the_old_ones_when_somebody_has_removed_those(done: Outcome) -> None:
    stuck, text = done.extra

    assert (stuck.verdict.result, stuck.verdict.step, stuck.verdict.recovered) == (Result.BROKEN, "recover", False)
    assert "/etc/inetd.conf is as the change made it, and the old file is gone from /" in stuck.verdict.reason
    assert text == NEW
    assert (done.run.verdict.result, done.run.verdict.recovered) == (Result.COMMITTED, True)
    assert (done.config, done.sockets) == (NEW, AFTER)
