"""Init scripts that are slow, fail or hang, around a daemon that does nothing wrong."""

from __future__ import annotations

import os
import re
import shlex
import sys

import pytest

from pyinfra_inet46.transaction import Daemon, Result
from tests.shell.harness import Host, Run
from tests.shell.plays import AFTER, NEW, Outcome, Scenario, about, scenario

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root for a network of its own")

SCRIPT = """#!/bin/sh
case $1 in
stop) {stop} ;;
start)
	{before}
	PYTHONHOME='{home}' setsid sh -c 'sleep {delay}; exec "$@"' sh {start} </dev/null >/dev/null 2>&1 &
	echo $! >'{pid}'
	;;
esac
"""


def restarted(host: Host, *, stop: str = "kill {}", before: str = ":", delay: float = 0) -> Run:
    pid, path, flag = (host.folder / name for name in ("pid", "rc.d", "flag"))
    (daemon,) = host.daemons()
    pid.write_text(f"{daemon}\n")
    known = {"pid": pid, "home": sys.base_prefix, "delay": delay, "start": shlex.join(host.argv)}
    path.write_text(SCRIPT.format(**known, stop=stop.format(f"$(cat '{pid}')"), before=before.format(flag)))
    path.chmod(0o755)
    told = Daemon(name="fake-inetd", exe=str(host.exe), script=str(path), pid=daemon)
    change = host.transaction(daemon=told, activate=("restart",), undo=("restart",), deadline=5.0)
    return host.run(change, before="patience() { patience=1; }\n")


@scenario
def starts_late(host: Host) -> Run:
    return restarted(host, delay=1)


@about(starts_late)
def test_a_daemon_that_is_there_only_after_its_script_has_ended_is_waited_for(done: Outcome) -> None:
    assert done.run.verdict.result is Result.COMMITTED, done.run.stderr
    assert (done.config, done.sockets) == (NEW, AFTER)


@scenario
def hangs_after_its_work(host: Host) -> Run:
    return restarted(host, stop="kill {}; sleep 20")


@about(hangs_after_its_work)
def test_a_script_that_hangs_once_the_daemon_has_ended_stops_nothing(done: Outcome) -> None:
    assert done.run.verdict.result is Result.COMMITTED, done.run.stderr


@scenario
def cannot_stop(host: Host) -> Run:
    return restarted(host, stop="exit 1")


@scenario
def cannot_start_once(host: Host) -> Run:
    return restarted(host, before="[ -e '{0}' ] || {{ : >'{0}'; exit 1; }}")


@pytest.mark.parametrize("wanted", [cannot_stop, cannot_start_once])
def test_a_script_that_fails_brings_the_old_files_and_sockets_back(done: Outcome, wanted: Scenario) -> None:
    assert done.run.verdict.result is Result.ROLLED_BACK, wanted
    assert re.fullmatch("/.*/rc.d (could not restart fake-inetd|start failed)", done.run.verdict.reason)
    assert done.untouched
