"""A new file may belong into a folder that is not there yet, as one of which xinetd.conf says includedir."""

from __future__ import annotations

import os

import pytest

from pyinfra_inet46.transaction import FileChange, Result, Transaction
from tests.shell.harness import Host, Run, probe
from tests.shell.plays import AFTER, Outcome, Scenario, about, scenario

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root for a network of its own")


def change(host: Host, **different: object) -> Transaction:
    folder = host.etc / "xinetd.d"
    staged, kept = str(folder / ".inet46-new"), str(folder / ".inet46-old")
    files = (FileChange(path=str(folder / name), old=None, new=b"new\n", staged=staged, kept=kept) for name in ("imap", "imaps"))
    return host.transaction(files=(host.change(), *files), **different)


@scenario
def has_no_folder(host: Host) -> tuple[Run, object]:
    return host.run(change(host)), (host.etc / "xinetd.d").stat().st_mode & 0o7777


@about(has_no_folder)
def test_a_missing_folder_is_made(done: Outcome) -> None:
    assert done.run.verdict.result is Result.COMMITTED, done.run.stderr
    assert done.names == ["etc/inetd.conf", "etc/xinetd.d", "etc/xinetd.d/imap", "etc/xinetd.d/imaps", "state/last"]
    assert (done.sockets, done.extra) == (AFTER, 0o755)


@scenario
def goes_back(host: Host) -> Run:
    return host.run(change(host, probes=(probe("ipv4", "never"),)))


@scenario
def is_refused(host: Host) -> Run:
    return host.run(change(host), before="check_staged() { fail 'not whole'; }\n")


@scenario
def is_killed_while_it_stages(host: Host) -> Run:
    host.run(change(host), before="check_staged() { kill -9 $$; }\n")
    return host.run(change(host), before="step_stage() { fail 'enough'; }\n")


@scenario
def is_killed_when_all_is_in_place(host: Host) -> Run:
    host.run(change(host), before="step_activate() { kill -9 $$; }\n")
    return host.run(change(host), before="step_stage() { fail 'enough'; }\n")


@pytest.mark.parametrize("wanted", [goes_back, is_refused, is_killed_while_it_stages, is_killed_when_all_is_in_place])
def test_a_folder_that_was_made_goes_again_with_the_change(done: Outcome, wanted: Scenario) -> None:
    assert done.run.verdict.result in {Result.ROLLED_BACK, Result.REFUSED}, wanted
    assert done.untouched


@scenario
def was_empty_before(host: Host) -> tuple[Run, object]:
    (host.etc / "xinetd.d").mkdir()
    run = host.run(change(host, probes=(probe("ipv4", "never"),)))
    there = (host.etc / "xinetd.d").is_dir()
    (host.etc / "xinetd.d").rmdir()
    return run, there


@about(was_empty_before)
def test_an_empty_folder_that_was_there_before_stays(done: Outcome) -> None:
    assert done.extra
    assert done.untouched
