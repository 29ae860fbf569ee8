"""The deploys on the lab's real hosts: the commands as typed, the real daemons, logins from outside."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.lab import DEFAULT_HOSTS, Host, HostSpec, Lab
from tests.labs import started

pytestmark = pytest.mark.lab

REPOSITORY = Path(__file__).parents[1]
IMAP = {"name": "imap", "port": 143, "program": {"path": "/usr/sbin/imap4d", "args": ["--inetd"]}, "greeting": "* OK"}


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Four hosts that answer IMAP and POP3 on IPv4 only; the tests of this module go through them in order."""
    with started(DEFAULT_HOSTS) as running:
        yield running


@pytest.fixture
def one(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """A lab of one fresh host of the kind that the test is parametrised with."""
    with started([request.param]) as running:
        yield running


def pyinfra(lab: Lab, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    program = str(Path(sys.executable).with_name("pyinfra"))
    environment = {**os.environ, "INET46_LAB": lab.name, "PYINFRA_PROGRESS": "off"}
    command = (program, "inventories/lab.py", *arguments)
    return subprocess.run(command, cwd=REPOSITORY, env=environment, input=typed, capture_output=True, text=True, check=False, timeout=300)


def deploy(folder: Path, services: list[object], **more: object) -> str:
    path = folder / "deploy.py"
    options = "".join(f", {key}={value!r}" for key, value in more.items())
    path.write_text(f"from pyinfra_inet46 import operations\noperations.services(name='x', services={services!r}{options})\n")
    return str(path)


def state(host: Host) -> dict[str, str]:
    """Everything that a roll-back has to bring back: the files of /etc by hash, and the super-server's sockets."""
    listing = host.run("find /etc -xdev -type f -exec sha256sum {} + | sort", check=True).stdout
    sockets = sorted(f"{s.transport} {s.address} {s.port} {s.v6only} {s.process}" for s in host.sockets())
    return {"files": hashlib.sha256(listing).hexdigest(), "sockets": "\n".join(sockets)}


def kinds(*names: str) -> list[HostSpec]:
    return [HostSpec(name=name, super_server=name, init="none") for name in names]  # type: ignore[arg-type]


ALL = kinds("openbsd-inetd", "inetutils-inetd", "xinetd")


# -- the main job --------------------------------------------------------------------------------------------------------------------


def test_1_before_the_run_only_ipv4_answers(lab: Lab) -> None:
    logins = lab.logins(services=("imap", "pop3"))

    assert {outcome for (_, _, family), outcome in logins.items() if family == "ipv4"} == {"ok"}
    assert {outcome for (_, _, family), outcome in logins.items() if family == "ipv6"} == {"connection refused"}


def test_2_the_dry_run_changes_nothing_and_says_what_would_change(lab: Lab) -> None:
    before = {name: state(host) for name, host in lab.hosts.items()}
    result = pyinfra(lab, "deploys/imap.py", "--dry", "--diff")

    assert result.returncode == 0, result.stderr
    assert result.stderr.count("imap: now answers IPv4 only → IPv4 and IPv6 (0.0.0.0:143 + [::]:143 v6only)") == 4
    assert result.stderr.count("imaps: now answers nothing → IPv4 and IPv6 (0.0.0.0:993 + [::]:993 v6only)") == 4
    assert {name: state(host) for name, host in lab.hosts.items()} == before


def test_3_the_run_makes_every_service_answer_on_both_families(lab: Lab) -> None:
    result = pyinfra(lab, "deploys/imap.py", "deploys/pop3.py", "-y")

    assert result.returncode == 0, result.stderr
    assert set(lab.logins().values()) == {"ok"}


def test_4_a_second_run_changes_nothing(lab: Lab) -> None:
    before = {name: state(host) for name, host in lab.hosts.items()}
    result = pyinfra(lab, "deploys/imap.py", "deploys/pop3.py", "-y")

    assert result.stderr.count("No changes") == 8
    assert {name: state(host) for name, host in lab.hosts.items()} == before


@pytest.mark.parametrize("program", ["never-greets", "dies-at-once"])
def test_5_a_broken_deploy_rolls_itself_back_on_every_host(lab: Lab, tmp_path: Path, program: str) -> None:
    before = {name: state(host) for name, host in lab.hosts.items()}
    services: list[object] = [{**IMAP, "program": {"path": f"/usr/local/sbin/{program}"}}]
    result = pyinfra(lab, deploy(tmp_path, services, deadline=3.0), "-y")

    assert result.returncode == 1
    assert len(re.findall(r"\] +rolled-back at verify: imap at 127\.0\.0\.1:143", result.stderr)) == 4
    assert {name: state(host) for name, host in lab.hosts.items()} == before
    assert set(lab.logins().values()) == {"ok"}


def test_6_what_is_not_ours_is_still_there(lab: Lab) -> None:
    for host in lab.hosts.values():
        assert any(socket.port == 13 for socket in host.sockets()), host.name
        leftovers = host.run("find /etc -name '.inet46*'; ls -A /var/lib/inet46", check=True).stdout.decode().split()
        assert [name for name in leftovers if name != "last"] == [], host.name
    assert b"#<off># finger" in lab["mail-openbsd"].read("/etc/inetd.conf")


def test_7_a_service_that_is_switched_off_is_taken_out(lab: Lab, tmp_path: Path) -> None:
    result = pyinfra(lab, deploy(tmp_path, [{**IMAP, "enabled": False}]), "-y")

    assert result.returncode == 0, result.stderr
    assert set(lab.logins(services=("imap",)).values()) == {"connection refused"}
    assert set(lab.logins(services=("imaps", "pop3", "pop3s")).values()) == {"ok"}


# -- activation ----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("one", kinds("inetutils-inetd"), indirect=True, ids=str)
def test_tcp_to_tcp6_on_inetutils_ends_with_imap_answering(one: Lab, tmp_path: Path) -> None:
    policy = {"name": "debian-12/inetutils-inetd", "sharing": "mapped"}
    result = pyinfra(one, deploy(tmp_path, [IMAP], policy=policy), "-y")

    assert result.returncode == 0, result.stderr
    assert [(s.address, s.v6only) for s in one["inetutils-inetd"].sockets() if s.port == 143] == [("*", False)]
    assert set(one.logins(services=("imap",)).values()) == {"ok"}


@pytest.mark.parametrize("one", kinds("inetutils-inetd"), indirect=True, ids=str)
def test_the_same_change_with_one_sighup_leaves_imap_dead(one: Lab) -> None:
    host = one["inetutils-inetd"]
    host.run(r"sed -i 's/^\(imap2.*\)\ttcp\t/\1\ttcp6\t/' /etc/inetd.conf && kill -HUP $(cat /run/inetd.pid); sleep 1", check=True)

    assert b"\ttcp6\t" in host.read("/etc/inetd.conf")
    assert set(one.logins(services=("imap",)).values()) == {"connection refused"}


_IN_A_FOLDER = {
    "/etc/inetd.conf": "daytime\tstream\ttcp\tnowait\troot\tinternal\n",
    "/etc/inetd.d/mail": "imap2\tstream\ttcp\tnowait\troot\t/usr/sbin/imap4d imap4d --inetd\n",
}


@pytest.mark.parametrize("one", [HostSpec(name="mail", super_server="inetutils-inetd", before=_IN_A_FOLDER)], indirect=True, ids=str)
def test_a_line_in_inetd_d_is_changed_there_and_nothing_else_is_ever_in_that_folder(one: Lab, tmp_path: Path) -> None:
    result = pyinfra(one, deploy(tmp_path, [IMAP], policy={"name": "debian-12/inetutils-inetd", "sharing": "mapped"}), "-y")

    assert result.returncode == 0, result.stderr
    assert one["mail"].run("ls -A /etc/inetd.d").stdout == b"mail\n"
    assert [(s.address, s.v6only) for s in one["mail"].sockets() if s.port == 143] == [("*", False)]
    assert set(one.logins(services=("imap",)).values()) == {"ok"}


@pytest.mark.parametrize("one", kinds("xinetd"), indirect=True, ids=str)
def test_a_v6only_change_on_xinetd_really_takes_effect(one: Lab, tmp_path: Path) -> None:
    host = one["xinetd"]
    shapes = {"mapped": [("*", False)], "separate": [("0.0.0.0", None), ("::", True)]}
    for sharing in ("mapped", "separate", "mapped"):
        result = pyinfra(one, deploy(tmp_path, [IMAP], policy={"name": "debian-12/xinetd", "sharing": sharing}), "-y")

        assert result.returncode == 0, result.stderr
        assert sorted((s.address, s.v6only) for s in host.sockets() if s.port == 143) == shapes[sharing]
        assert set(one.logins(services=("imap",)).values()) == {"ok"}


@pytest.mark.parametrize(
    "one",
    [
        HostSpec(name=f"{kind}-1", super_server=kind, init="none", sysctl={"net.ipv6.bindv6only": "1"})
        for kind in ("openbsd-inetd", "xinetd")
    ],
    indirect=True,
    ids=str,
)
def test_the_job_is_done_with_bindv6only_set_too(one: Lab, tmp_path: Path) -> None:
    result = pyinfra(one, deploy(tmp_path, [IMAP]), "-y")

    assert result.returncode == 0, result.stderr
    assert set(one.logins(services=("imap",)).values()) == {"ok"}


@pytest.mark.parametrize(
    "one",
    [HostSpec(name=f"{kind}-systemd", super_server=kind, init="systemd") for kind in ("openbsd-inetd", "inetutils-inetd", "xinetd")],
    indirect=True,
    ids=str,
)
def test_under_systemd_the_unit_is_still_the_one_that_runs(one: Lab, tmp_path: Path) -> None:
    (host,) = one.hosts.values()
    result = pyinfra(one, deploy(tmp_path, [IMAP]), "-y")

    assert result.returncode == 0, result.stderr
    assert set(one.logins(services=("imap",)).values()) == {"ok"}
    assert host.run(f"systemctl is-active {host.super_server}").stdout == b"active\n"


# -- refusals, on hosts that really are so -------------------------------------------------------------------------------------------

REFUSED = {
    "held": ("nc -l -k 143 >/dev/null 2>&1 </dev/null & sleep 0.3", {}, r"imap/tcp: port 143 is held by nc\S* \(pid \d+\), which serves"),
    "program": ("rm /usr/sbin/imap4d", {}, "imap/tcp: program /usr/sbin/imap4d is missing"),
    "mode": ("chmod -x /usr/sbin/imap4d", {}, "imap/tcp: program /usr/sbin/imap4d is not executable"),
    "policy": ("true", {"policy": "debian-12/xinetd"}, "the policy says debian-12/xinetd, and this host is debian-12/openbsd-inetd"),
    "stopped": ("/etc/init.d/openbsd-inetd stop", {}, r"no super-server is running \(openbsd-inetd is installed\); start it first"),
    "gone": ("rm /usr/sbin/inetd", {}, "no super-server is installed"),
}


@pytest.mark.parametrize(
    "one",
    [HostSpec(name="mail", super_server="openbsd-inetd", before={"/etc/inetd.conf": "daytime\tstream\ttcp\tnowait\troot\tinternal\n"})],
    indirect=True,
    ids=str,
)
@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED.keys())
def test_a_host_is_refused_before_anything_changes(one: Lab, tmp_path: Path, case: tuple[str, dict[str, object], str]) -> None:
    command, more, reason = case
    host = one["mail"]
    host.run(command)
    before = state(host)
    result = pyinfra(one, deploy(tmp_path, [IMAP], **more), "-y")

    assert result.returncode == 1
    assert re.search(f"refused: {reason}", result.stderr), result.stderr
    assert state(host) == before


_FROM_OUTSIDE = """
import socket, time
for family, address in (socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::"):
    held = socket.socket(family)
    if family == socket.AF_INET6:
        held.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    held.bind((address, 143))
    held.listen()
    globals()[address] = held
print("held", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("one", kinds("openbsd-inetd"), indirect=True, ids=str)
def test_a_port_that_somebody_outside_a_container_holds_is_not_taken_for_served(one: Lab, tmp_path: Path) -> None:
    host = one["openbsd-inetd"]
    path = deploy(tmp_path, [IMAP])
    assert pyinfra(one, path, "-y").returncode == 0
    host.run("/etc/init.d/openbsd-inetd stop", check=True)
    words = ("nsenter", f"--target={host.pid}", "--net", "--", sys.executable, "-c", _FROM_OUTSIDE)
    with subprocess.Popen(words, stdout=subprocess.PIPE) as outside:
        assert outside.stdout is not None
        outside.stdout.readline()
        host.run("/etc/init.d/openbsd-inetd start", check=True)
        result = pyinfra(one, path, "-y")
        outside.kill()

    assert result.returncode == 1
    assert "refused: imap/tcp: port 143 is held by nobody whom this host sees" in result.stderr


@pytest.mark.parametrize("one", [HostSpec(name="mail", super_server="xinetd", ipv6=False)], indirect=True, ids=str)
def test_a_host_without_ipv6_is_refused(one: Lab, tmp_path: Path) -> None:
    result = pyinfra(one, deploy(tmp_path, [IMAP]), "-y")

    assert "refused: imap/tcp: wanted over IPv6, and this host has no IPv6" in result.stderr


@pytest.mark.parametrize("one", [HostSpec(name="mail", super_server="openbsd-inetd")], indirect=True, ids=str)
def test_privilege_is_asked_for_and_sudo_is_enough(one: Lab, tmp_path: Path) -> None:
    path = deploy(tmp_path, [IMAP])

    refused = pyinfra(one, path, "-y", "--data", "ssh_user=nobodyssh")
    assert re.search(r"refused: this needs root on the host, and the look ran with uid \d+: use _sudo, _doas or _su_user", refused.stderr)

    done = pyinfra(one, path, "-y", "--data", "ssh_user=admin", "--data", "_sudo=True")
    assert done.returncode == 0, done.stderr
    assert set(one.logins(services=("imap",)).values()) == {"ok"}


# -- what somebody else has done -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("one", kinds("openbsd-inetd", "xinetd"), indirect=True, ids=str)
def test_an_edit_that_was_not_loaded_is_not_activated_in_passing_where_it_closes_something(one: Lab, tmp_path: Path) -> None:
    (host,) = one.hosts.values()
    path = deploy(tmp_path, [IMAP])
    host.run("sed -i 's/^daytime/#daytime/' /etc/inetd.conf; sed -i 's/disable.*/disable = yes/' /etc/xinetd.d/daytime 2>/dev/null")
    refused = pyinfra(one, path, "-y")

    assert re.search(r"refused: .* listens on tcp \S+:13\b.*, and no file asks for that: an edit has not been loaded", refused.stderr)

    host.run(f"/etc/init.d/{host.super_server} reload; sleep 1", check=True)
    done = pyinfra(one, path, "-y")

    assert done.returncode == 0, done.stderr
    assert set(one.logins(services=("imap",)).values()) == {"ok"}


@pytest.mark.parametrize("one", kinds("openbsd-inetd"), indirect=True, ids=str)
def test_what_an_edit_that_was_not_loaded_will_open_is_said_in_the_dry_run(one: Lab, tmp_path: Path) -> None:
    one["openbsd-inetd"].run("printf 'time\\tstream\\ttcp4\\tnowait\\troot\\tinternal\\n' >>/etc/inetd.conf", check=True)
    result = pyinfra(one, deploy(tmp_path, [IMAP]), "--dry")

    assert "time: 0.0.0.0:37 will be opened too: an entry for it stands in the files, and has not been loaded yet" in result.stderr


@pytest.mark.parametrize("one", kinds("openbsd-inetd", "xinetd"), indirect=True, ids=str)
def test_two_controllers_at_once_both_get_what_they_want(one: Lab, tmp_path: Path) -> None:
    with ThreadPoolExecutor() as pool:
        runs = list(pool.map(lambda path: pyinfra(one, path, "-y"), ("deploys/imap.py", "deploys/pop3.py")))

    assert [run.returncode for run in runs] == [0, 0], "\n".join(run.stderr for run in runs)
    assert set(one.logins().values()) == {"ok"}


@pytest.mark.parametrize("one", kinds("openbsd-inetd"), indirect=True, ids=str)
def test_a_configuration_behind_a_link_is_changed_where_the_link_leads(one: Lab) -> None:
    host = one["openbsd-inetd"]
    host.run("mkdir /srv/etc && mv /etc/inetd.conf /srv/etc/inetd.conf && ln -s ../srv/etc/inetd.conf /etc/inetd.conf", check=True)
    result = pyinfra(one, "deploys/imap.py", "-y")

    assert result.returncode == 0, result.stderr
    assert set(one.logins(services=("imap", "imaps")).values()) == {"ok"}
    assert host.run(["readlink", "/etc/inetd.conf"]).stdout == b"../srv/etc/inetd.conf\n"
    assert b"imaps" in host.read("/srv/etc/inetd.conf")


@pytest.mark.parametrize("one", kinds("openbsd-inetd"), indirect=True, ids=str)
def test_what_an_operation_of_the_same_run_has_broken_is_seen_and_mended(one: Lab, tmp_path: Path) -> None:
    assert pyinfra(one, deploy(tmp_path, [IMAP]), "-y").returncode == 0
    command = "sed -i /tcp6/d /etc/inetd.conf; kill -HUP $(cat /run/inetd.pid); sleep 1"
    path = tmp_path / "deploy.py"
    path.write_text(f"from pyinfra.operations import server\nserver.shell(name='y', commands={command!r})\n{path.read_text()}")
    result = pyinfra(one, str(path), typed="\n")

    assert result.returncode == 0, result.stderr
    assert "proved in" in result.stderr
    assert set(one.logins(services=("imap",)).values()) == {"ok"}


@pytest.mark.parametrize("one", kinds("openbsd-inetd"), indirect=True, ids=str)
def test_a_refusal_that_is_retried_is_decided_anew(one: Lab, tmp_path: Path) -> None:
    imap = {**IMAP, "program": {"path": "/usr/local/sbin/later", "args": ["--inetd"]}}
    one["openbsd-inetd"].run("(sleep 4; cp /usr/sbin/imap4d /usr/local/sbin/later) >/dev/null 2>&1 &", check=True)
    result = pyinfra(one, deploy(tmp_path, [imap], _retries=2, _retry_delay=4), "-y")

    assert result.returncode == 0, result.stderr
    assert "refused: imap/tcp: program /usr/local/sbin/later is missing" in result.stderr
    assert set(one.logins(services=("imap",)).values()) == {"ok"}


# -- one look, one change ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("one", kinds("xinetd"), indirect=True, ids=str)
def test_one_command_looks_and_at_most_one_changes_for_any_number_of_services(one: Lab, tmp_path: Path) -> None:
    host = one["xinetd"]
    host.run("echo 'LogLevel VERBOSE' >/etc/ssh/sshd_config.d/verbose.conf; kill -HUP $(cat /run/sshd.pid); sleep 0.3", check=True)
    for count in (1, 20, 200):
        services: list[object] = [
            {"name": f"svc{port}", "port": port, "program": {"path": "/usr/sbin/imap4d", "args": ["--inetd"]}, "greeting": "* OK"}
            for port in range(7000, 7000 + count)
        ]
        path = deploy(tmp_path, services)
        for arguments, expected in (((path, "--dry"), 1), ((path, "-y"), 2), ((path, "-y"), 1)):
            before = host.log().count("Starting session: command")
            result = pyinfra(one, *arguments)

            assert result.returncode == 0, result.stderr
            assert host.log().count("Starting session: command") - before == expected, (count, arguments)
