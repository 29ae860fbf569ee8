"""What a super-server has forked for a client outlives it, runs the same program, and is not the super-server."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys

import attrs
import pytest

from pyinfra_inet46.transaction import Daemon, Result
from tests.shell.harness import V4, Host, Run, socket
from tests.shell.plays import AFTER, NEW, Outcome, about, scenario
from tests.test_transaction_of_two import STAYED, Two, seen

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root for a network of its own")

SCRIPT = """#!/bin/sh
case $1 in
stop) kill "$(cat '{pid}')" ;;
start)
	PYTHONHOME='{home}' setsid {start} </dev/null >/dev/null 2>&1 &
	echo $! >'{pid}'
	;;
esac
"""


def forked(host: Host, *words: str) -> None:
    """A process of the super-server's program, in a session whose first process has ended."""
    text = f"{shlex.join([str(host.exe), *words])} & exit 0"
    nothing = subprocess.DEVNULL
    subprocess.run(host.inside("setsid", "sh", "-c", text), env=host.environment, stdin=nothing, stdout=nothing, stderr=nothing, check=True)


def serves_a_client(host: Host) -> int:
    """As xinetd's redirect does, as long as the client likes; its pid."""
    before = host.daemons()
    forked(host, "-S", "-c", "import time; time.sleep(100)")
    host.until(lambda: len(host.daemons()) > len(before))
    return next(pid for pid in host.daemons() if pid not in before)


def by_script(host: Host) -> Daemon:
    pid, path = host.folder / "pid", host.folder / "rc.d"
    (daemon,) = host.daemons()
    pid.write_text(f"{daemon}\n")
    path.write_text(SCRIPT.format(pid=pid, home=sys.base_prefix, start=shlex.join(host.argv)))
    path.chmod(0o755)
    return Daemon(name="fake-inetd", exe=str(host.exe), script=str(path), pid=daemon)


@scenario
def is_restarted_while_a_client_is_served(host: Host) -> tuple[Run, object]:
    daemon, server = by_script(host), serves_a_client(host)
    run = host.run(host.transaction(daemon=daemon, activate=("restart",), deadline=5.0))
    return run, server in host.daemons()


@about(is_restarted_while_a_client_is_served)
def test_a_restarted_super_server_is_not_mistaken_for_what_serves_an_old_client(done: Outcome) -> None:
    assert done.run.verdict.result is Result.COMMITTED, done.run.stderr
    assert (done.config, done.sockets, done.extra) == (NEW, AFTER, True)


@scenario
def comes_back_while_a_client_is_served(host: Host) -> tuple[Run, object]:
    with Two(host) as two:
        daemon, server = by_script(host), serves_a_client(host)
        change = two.transaction(V4, expected=(socket("ipv4"), socket("ipv6", v6only=True)), old=daemon)
        # Not enabled: this machine's update-rc.d would be asked.
        run = host.run(attrs.evolve(change, activate=("stop-old", "start-new"), retire=("stop-new",)))
        return run, (server in host.daemons(), seen(two))


@about(comes_back_while_a_client_is_served)
def test_the_old_super_server_is_started_again_while_a_client_of_it_is_still_served(done: Outcome) -> None:
    assert done.run.verdict.result is Result.ROLLED_BACK, done.run.stderr
    assert done.extra == (True, STAYED)


@scenario
def forks_twice(host: Host) -> Run:
    """As inetutils-inetd does: the first process of its session has ended, too."""
    (before,) = host.daemons()
    host.started[-1].kill()
    host.started[-1].wait()
    host.until(lambda: before not in host.daemons() and not host.sockets())
    forked(host, *host.argv[1:])
    host.until(lambda: len(host.sockets()) == 2)
    return host.run(host.transaction())


@about(forks_twice)
def test_a_super_server_that_forks_twice_and_has_no_pid_file_is_found(done: Outcome) -> None:
    assert done.run.verdict.result is Result.COMMITTED, done.run.stderr
    assert (done.config, done.sockets) == (NEW, AFTER)
