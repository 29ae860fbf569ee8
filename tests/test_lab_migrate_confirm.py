"""Hosts of the lab that go from one super-server to another, and back by themselves unless clients reach them from outside."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.states import STATE_DIR, leftovers
from tests.lab import Host, Lab
from tests.test_lab_deploys import REPOSITORY
from tests.test_lab_migrate import ASK, PROGRAMS, TO_UNITS, TO_XINETD, Way, answers, blocks, enabled, move, running, serving, until, whole

pytestmark = pytest.mark.lab

WAYS = pytest.mark.parametrize(("lab", "way"), [(way, way) for way in (TO_XINETD, TO_UNITS)], indirect=["lab"], ids=str)
WAITS = f'[ -h {STATE_DIR}/armed ] && [ "$(readlink {STATE_DIR}/armed)" = "$(readlink {STATE_DIR}/lock)" ]'


@pytest.fixture
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """A lab of one host, which serves IMAP, POP3 and a datagram echo."""
    with serving(request.param.spec, 143, 110, 7) as started:
        yield started


def confirmed(lab: Lab, way: Way, seconds: int, *more: str) -> tuple[int, str]:
    return move(lab, way.new, "-y", "--data", f"inet46_confirm={seconds}", *more)


def shown(host: Host) -> list[str]:
    """What the page on leaving xinetd shows of such an end, as patterns: here the time, the address and the name are others."""
    (page,) = (text for _, text in blocks("leaving-xinetd.md", "text") if "unconfirmed" in text)
    here = page.replace("imap at [fd77::a]", f"imap2 at [{host.address6}]")
    return [re.sub(r"in [0-9]+\\.[0-9]+ s", r"in [0-9.]+ s", re.escape(line).replace("\\ ", " ")) for line in here.splitlines()]


def is_back(lab: Lab, way: Way, before: dict[str, object]) -> None:
    """All is as it was, and stays so at the next boot."""
    host = lab["mail"]
    assert whole(host) == before
    assert leftovers(host) == []
    assert running(host, way.old)
    assert enabled(host, way.old)
    assert way.new == "systemd" or not enabled(host, way.new)


@WAYS
def test_a_move_that_is_reached_from_outside_stays_and_what_did_not_answer_before_is_not_asked(lab: Lab, way: Way) -> None:
    host = lab["mail"]
    # A service that listens and answers nobody: with confirm or without, it need not be better afterwards.
    host.run("cp /usr/local/sbin/dies-at-once /usr/sbin/pop3d", check=True)
    before = answers(lab)
    status, said = confirmed(lab, way, 30)

    assert status == 0, said
    assert said.count("now from outside") == 1
    assert "proved in " in said
    assert answers(lab) == before
    assert [row for row, outcome in before.items() if outcome == "ok"] == [("imap", "ipv4"), ("imap", "ipv6"), ("echo/udp", "ipv4")]
    assert {s.process for s in host.sockets() if s.port in {143, 110, 7}} == {PROGRAMS[way.new]}
    assert not running(host, way.old)
    assert not enabled(host, way.old)
    assert leftovers(host) == []
    if way.new != "systemd":
        assert b"\nUmask:\t0022\n" in host.run(f"cat /proc/$(pidof -s {PROGRAMS[way.new]})/status", check=True).stdout
    assert move(lab, way.new, "-y", "--data", "inet46_confirm=30")[1].count("No changes") == 1


@WAYS
def test_a_family_that_clients_do_not_get_through_takes_the_move_back_and_is_named(lab: Lab, way: Way) -> None:
    host = lab["mail"]
    before = whole(host)
    # Nothing over IPv6 finds its way back to the bridge; ssh, and IPv4, do.
    host.run("ip -6 route add blackhole fd77::1", check=True)
    status, said = confirmed(lab, way, 8)

    assert status == 1
    assert f"unconfirmed at confirm: from outside: imap2 at [{host.address6}]:143: connection refused" in said
    assert all(re.search(line, said) for line in shown(host))
    is_back(lab, way, before)
    host.run("ip -6 route del blackhole fd77::1", check=True)
    assert answers(lab)["imap", "ipv6"] == "ok"


@WAYS
def test_a_host_whose_controller_is_killed_goes_back_by_itself_past_a_server_that_keeps_its_port(lab: Lab, way: Way) -> None:
    host = lab["mail"]
    host.run("sed -i 's/, 1)/, 60)/' /usr/local/sbin/udp-echo", check=True)
    before = whole(host)
    program = Path(sys.executable).with_name("pyinfra")
    via = 'inet46_via=["sh", "-c", "exec sleep 20"]'
    data = (f"inet46_migrate_to=debian-12/{way.new}", "inet46_confirm=10", via, "inet46_deadline=4")
    words = [str(program), "inventories/lab.py", "deploys/migrate.py", "-y", *(word for each in data for word in ("--data", each))]
    environment = {**os.environ, "INET46_LAB": lab.name, "PYINFRA_PROGRESS": "off"}
    with subprocess.Popen(words, cwd=REPOSITORY, env=environment, stderr=subprocess.DEVNULL) as controller:
        until(lambda: host.run(WAITS).returncode == 0)
        controller.kill()
    meanwhile = lab.logins(services=("imap",))
    another = move(lab, way.new, "--dry")
    # A client that comes now has the new super-server hand its socket to a server that stays.
    lab.outside((sys.executable, "-I", "-c", ASK, host.address4))

    assert set(meanwhile.values()) == {"ok"}
    assert "this one waits for it" in another[1]
    until(lambda: not host.path(f"{STATE_DIR}/lock").is_symlink(), 60)
    assert b"reason nobody has confirmed the change from outside within 10 s" in host.read(f"{STATE_DIR}/last")
    is_back(lab, way, before)
    assert "ended unconfirmed at confirm: nobody has confirmed" in move(lab, way.new, "--dry")[1]
