"""Changes that are confirmed from outside, on the lab's real hosts: from the bridge, where the hosts' clients are."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.states import STATE_DIR, leftovers, state_of
from tests.lab import DEFAULT_HOSTS, Lab
from tests.labs import started

pytestmark = pytest.mark.lab

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """The lab's hosts that the test is parametrised with, or all four."""
    wanted = getattr(request, "param", None)
    with started([spec for spec in DEFAULT_HOSTS if wanted is None or spec.name in wanted]) as running:
        yield running


def command(seconds: int) -> list[str]:
    program = str(Path(sys.executable).with_name("pyinfra"))
    return [program, "inventories/lab.py", "deploys/imap.py", "-y", "--data", f"inet46_confirm={seconds}"]


def environment(lab: Lab) -> dict[str, str]:
    return {**os.environ, "INET46_LAB": lab.name, "PYINFRA_PROGRESS": "off"}


def deploy(lab: Lab, seconds: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(seconds), cwd=REPOSITORY, env=environment(lab), capture_output=True, text=True, check=False, timeout=300)


def until(lab: Lab, condition: str, seconds: float) -> None:
    """Until every host says yes to this command of sh."""
    end = time.monotonic() + seconds
    while any(host.run(condition).returncode for host in lab.hosts.values()):
        assert time.monotonic() < end, condition
        time.sleep(0.1)


def test_a_change_that_the_controller_reaches_stays_and_costs_one_command_more(lab: Lab) -> None:
    for host in lab.hosts.values():
        host.run("echo 'LogLevel VERBOSE' >/etc/ssh/sshd_config.d/verbose.conf; kill -HUP $(cat /run/sshd.pid); sleep 0.3", check=True)
    result = deploy(lab, 60)

    assert result.returncode == 0, result.stderr
    assert result.stderr.count("now from outside") == 4
    assert set(lab.logins(services=("imap", "imaps")).values()) == {"ok"}
    assert [leftovers(host) for host in lab.hosts.values()] == [[]] * 4
    assert [host.log().count("Starting session: command") for host in lab.hosts.values()] == [3] * 4
    assert "No changes" in deploy(lab, 60).stderr


def test_a_firewall_that_blocks_one_family_takes_the_change_back_and_is_named(lab: Lab) -> None:
    before = {name: state_of(host) for name, host in lab.hosts.items()}
    for host in lab.hosts.values():
        # Nothing over IPv6 finds its way back to the bridge; ssh, and IPv4, do.
        host.run("ip -6 route add blackhole fd77::1", check=True)
    result = deploy(lab, 10)

    assert result.returncode == 1
    for host in lab.hosts.values():
        reason = f"unconfirmed at confirm: from outside: imap at [{host.address6}]:143: connection refused"
        assert reason in result.stderr
        assert leftovers(host) == []
    assert result.stderr.count("the old files, settings and sockets are back") == 4
    assert {name: state_of(host) for name, host in lab.hosts.items()} == before


def test_a_controller_that_is_killed_costs_nothing(lab: Lab) -> None:
    before = {name: state_of(host) for name, host in lab.hosts.items()}
    with subprocess.Popen(
        [*command(15), "--data", 'inet46_via=["sh", "-c", "exec sleep 20"]'],
        cwd=REPOSITORY,
        env=environment(lab),
        stderr=subprocess.DEVNULL,
    ) as controller:
        until(lab, f'[ -h {STATE_DIR}/armed ] && [ "$(readlink {STATE_DIR}/armed)" = "$(readlink {STATE_DIR}/lock)" ]', 60)
        meanwhile = lab.logins(services=("imap",))
        controller.kill()

    assert set(meanwhile.values()) == {"ok"}
    until(lab, f"[ ! -h {STATE_DIR}/lock ]", 60)
    assert {name: state_of(host) for name, host in lab.hosts.items()} == before
    for host in lab.hosts.values():
        assert leftovers(host) == []
        assert b"reason nobody has confirmed the change from outside within 15 s" in host.read(f"{STATE_DIR}/last")


@pytest.mark.parametrize("lab", [("mail-openbsd",), ("mail-systemd",)], indirect=True, ids=str)
def test_a_host_that_has_no_known_address_is_refused_before_anything_changes(lab: Lab) -> None:
    (host,) = lab.hosts.values()
    before = state_of(host)
    program, *rest = command(60)
    result = subprocess.run(
        [program, *rest, "--data", 'inet46_outside={"ipv4": "192.0.2.1"}'],
        cwd=REPOSITORY, env=environment(lab), capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip

    assert result.returncode == 1
    assert "refused: imap: to confirm it over IPv6 from outside, an IPv6 address of this host is needed" in result.stderr
    assert state_of(host) == before
