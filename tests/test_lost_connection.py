"""Whoever reads is gone before the first byte, and nothing that is only said may fail for that."""

from __future__ import annotations

import os
import subprocess

import pytest

from pyinfra_inet46.transaction import Probe, Result, Transaction
from tests.shell.harness import PORT, Host, Run, probe, script
from tests.shell.plays import Outcome, about, scenario
from tests.test_transaction_of_two import MOVED, Two, seen

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root for a network of its own")


def unheard(host: Host, change: Transaction) -> Run:
    read, write = os.pipe()
    os.close(read)
    text, environment = script(change).encode(), host.environment
    status = subprocess.run(host.words(), input=text, stdout=write, stderr=write, check=False, env=environment, timeout=60).returncode
    os.close(write)
    return Run(status=status, stdout=(host.state / "last").read_text(), stderr="")


@scenario
def goes_over(host: Host) -> tuple[Run, object]:
    """To a super-server of which nothing is known to start it at boot; and one service does not answer before."""
    with Two(host) as two:
        silent = Probe(service="imap", family="ipv6", address="::1", port=PORT)
        run = unheard(host, two.transaction(probes=(probe("ipv4", None), silent)))
        return run, seen(two)


@about(goes_over)
def test_a_lost_connection_does_not_stop_a_move_either(done: Outcome) -> None:
    assert done.run.verdict.result is Result.COMMITTED, done.run.verdict
    assert done.extra == MOVED
