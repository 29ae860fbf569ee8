"""Deploys to a host whose super-server is systemd itself: the command as typed, the real pid 1, clients from outside."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.lab import HostSpec, Lab
from tests.labs import started
from tests.test_lab_deploys import IMAP, deploy, pyinfra, state
from tests.test_lab_migrate import ECHO, answers

pytestmark = pytest.mark.lab

SPEC = HostSpec(name="mail", super_server="none", init="systemd", before={"/usr/local/sbin/udp-echo": ECHO})
POP3 = {"name": "pop3", "port": 110, "program": {"path": "/usr/sbin/pop3d", "args": ["--inetd"]}}
UDP = {"name": "echo", "port": 7, "transport": "udp", "wait": True, "program": {"path": "/usr/local/sbin/udp-echo"}}
BOTH = "0.0.0.0:143 + [::]:143 v6only"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """One host without any other super-server; the tests of this module go through it in order."""
    with started([SPEC]) as running:
        yield running


def whole(lab: Lab) -> dict[str, object]:
    host = lab["mail"]
    links = host.run("find /etc/systemd -type l -printf '%p %l\\n' | sort", check=True).stdout
    active = host.run("systemctl list-units --no-legend --plain --state=active '*.socket'", check=True).stdout
    return {**state(host), "links": links, "active": active}


def run(lab: Lab, tmp_path: Path, services: list[object], *more: str, **options: object) -> tuple[int, str]:
    done = pyinfra(lab, deploy(tmp_path, services, **options), *(more or ("-y",)))
    return done.returncode, done.stderr


def logins(lab: Lab) -> set[str]:
    return set(lab.logins(services=("imap",)).values())


def test_1_the_dry_run_changes_nothing_and_shows_units_links_and_sockets(lab: Lab) -> None:
    before = whole(lab)
    done = pyinfra(lab, "deploys/imap.py", "--dry", "--diff")

    assert done.returncode == 0
    assert f"imap: now answers nothing → IPv4 and IPv6 ({BOTH})" in done.stderr
    assert "+ListenStream=[::]:143" in done.stderr
    assert "imap.socket is started at boot (/etc/systemd/system/sockets.target.wants/imap.socket)" in done.stderr
    assert whole(lab) == before


def test_2_a_program_that_is_silent_leaves_nothing_behind(lab: Lab, tmp_path: Path) -> None:
    before = whole(lab)
    status, said = run(lab, tmp_path, [{**IMAP, "program": {"path": "/usr/local/sbin/never-greets"}}], deadline=3.0)

    assert status == 1
    assert "rolled-back at verify: imap at 127.0.0.1:143: connected, but nobody greets" in said
    assert whole(lab) == before
    assert lab["mail"].run("find /etc -name '.inet46*'; ls /var/lib/inet46", check=True).stdout == b"last\n"


def test_3_services_of_every_kind_answer_over_both_families_and_after_a_boot(lab: Lab, tmp_path: Path) -> None:
    status, said = run(lab, tmp_path, [IMAP, POP3, UDP])

    assert status == 0, said
    assert "by connecting" in said
    assert set(answers(lab).values()) == {"ok"}
    verified = lab["mail"].run("systemd-analyze verify --man=no imap.socket pop3.socket echo.socket echo-ipv6.socket 2>&1")
    assert (verified.returncode, verified.stdout) == (0, b"")
    enabled = lab["mail"].run("systemctl is-enabled imap.socket pop3.socket echo.socket echo-ipv6.socket")
    assert enabled.stdout.split() == [b"enabled"] * 4


def test_4_a_second_run_changes_nothing(lab: Lab, tmp_path: Path) -> None:
    before = whole(lab)
    status, said = run(lab, tmp_path, [IMAP, POP3, UDP])

    assert (status, said.count("No changes")) == (0, 1)
    assert whole(lab) == before


def test_5_a_session_outlives_a_change_of_its_service(lab: Lab, tmp_path: Path) -> None:
    talk = (
        "import socket, sys, time; s = socket.create_connection((sys.argv[1], 143)); s.recv(99);"
        " print('open', flush=True); time.sleep(6); s.send(b'a NOOP\\r\\n'); print(s.recv(99).decode())"
    )
    with ThreadPoolExecutor(1) as pool:
        client = pool.submit(lab.outside, ("python3", "-I", "-c", talk, lab["mail"].address4))
        time.sleep(1.5)
        status, said = run(lab, tmp_path, [{**IMAP, "listeners": [{"family": "ipv4"}]}])
        told = client.result().stdout.decode()

    assert status == 0, said
    assert "a OK" in told
    assert {(s.address, s.port) for s in lab["mail"].sockets() if s.port == 143} == {("0.0.0.0", 143)}


def test_6_a_socket_that_somebody_has_stopped_is_started_again(lab: Lab, tmp_path: Path) -> None:
    lab["mail"].run("systemctl stop imap.socket", check=True)
    status, said = run(lab, tmp_path, [IMAP])

    assert status == 0, said
    assert f"imap: now answers nothing → IPv4 and IPv6 ({BOTH})" in said
    assert logins(lab) == {"ok"}


def test_7_a_unit_that_is_masked_is_refused(lab: Lab, tmp_path: Path) -> None:
    lab["mail"].run("ln -s /dev/null /etc/systemd/system/imaps.socket", check=True)
    imaps = {"name": "imaps", "port": 993, "program": IMAP["program"]}
    status, said = run(lab, tmp_path, [imaps])

    assert status == 1
    assert "refused: /etc/systemd/system/imaps.socket is a link to /dev/null; it is masked: unmask it first" in said
    lab["mail"].run("rm /etc/systemd/system/imaps.socket", check=True)


def test_8_a_unit_made_by_hand_on_the_same_port_gives_way_and_comes_back_when_ours_fails(lab: Lab, tmp_path: Path) -> None:
    host = lab["mail"]
    host.write("/etc/systemd/system/mine.socket", "[Socket]\nListenStream=0.0.0.0:993\nAccept=yes\n[Install]\nWantedBy=sockets.target\n")
    host.write("/etc/systemd/system/mine@.service", "[Service]\nExecStart=-/usr/sbin/imap4d --inetd\nStandardInput=socket\n")
    host.run("systemctl enable --now mine.socket", check=True)
    before = whole(lab)
    service = {"name": "imaps", "port": 993, "program": {"path": "/usr/local/sbin/dies-at-once"}, "greeting": "* OK"}
    status, said = run(lab, tmp_path, [service], deadline=3.0)

    assert status == 1
    assert "rolled-back at verify: imaps at 127.0.0.1:993" in said
    assert whole(lab) == before

    status, said = run(lab, tmp_path, [{**service, "program": IMAP["program"]}])

    assert status == 0, said
    assert "mine.socket is not started at boot any more" in said
    assert {s.address for s in host.sockets() if s.port == 993} == {"0.0.0.0", "::"}
    assert host.run("systemctl is-active mine.socket").stdout == b"inactive\n"


def test_9_a_service_that_is_switched_off_is_stopped_and_does_not_come_back(lab: Lab, tmp_path: Path) -> None:
    status, said = run(lab, tmp_path, [{**IMAP, "enabled": False}])

    assert status == 0, said
    assert logins(lab) == {"connection refused"}
    assert lab["mail"].run("systemctl is-enabled imap.socket").stdout == b"disabled\n"
    assert {row[0]: outcome for row, outcome in answers(lab).items() if row[0] != "imap"} == {"pop3": "ok", "echo/udp": "ok"}
