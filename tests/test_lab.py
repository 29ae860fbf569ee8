"""The lab itself: it starts fast, is what it claims to be, keeps off the machine, and leaves nothing behind."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.lab import DEFAULT_HOSTS, FAMILIES, HostSpec, Lab, LabError, base_root, missing, state
from tests.lab.places import REPOSITORY, cache

pytestmark = [pytest.mark.lab, pytest.mark.slow]

HOSTS = [spec.name for spec in DEFAULT_HOSTS]
ONE = [HostSpec(name="alone", super_server="xinetd")]
DAYTIME = "import socket, sys; print(socket.create_connection((sys.argv[1], 13), 5).makefile().read().strip())"


@pytest.fixture(scope="module", autouse=True)
def machine() -> None:
    if (why := missing()) is not None:
        if os.environ.get("CI") == "true":
            pytest.fail(why)
        pytest.skip(why)
    base_root()


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab.start() as running:
        yield running


def run(*argv: str, **environment: str) -> subprocess.CompletedProcess[str]:
    everything = {**os.environ, **environment}
    return subprocess.run(argv, cwd=REPOSITORY, env=everything, capture_output=True, text=True, check=False, timeout=120)


def pyinfra(*argv: str, lab: str) -> subprocess.CompletedProcess[str]:
    # The command, not `python -m pyinfra`: that imports paramiko before gevent has patched select, and hangs on every ProxyCommand.
    command = Path(sys.executable).with_name("pyinfra")
    if not command.exists():
        pytest.skip("pyinfra is not installed")
    return run(str(command), *argv, INET46_LAB=lab)


def namespaces_of(lab: Lab) -> set[str]:
    pids = [lab.init, *(host.pid for host in lab.hosts.values())]
    return {str(Path(f"/proc/{pid}/ns/{kind}").readlink()) for pid in pids for kind in ("net", "mnt", "pid")}


def namespaces_in_use() -> set[str]:
    found = set()
    for link in Path("/proc").glob("[0-9]*/ns/*"):
        try:
            found.add(str(link.readlink()))
        except OSError:
            continue
    return found


def comes_true(condition: Callable[[], bool], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_the_image_has_every_super_server_and_the_mail_programs() -> None:
    programs = ("inetd", "inetutils-inetd", "xinetd", "imap4d", "pop3d", "sshd")

    assert [name for name in programs if not (base_root() / "usr/sbin" / name).is_file()] == []


def test_four_hosts_are_up_within_ten_seconds() -> None:
    before = time.monotonic()
    with Lab.start() as lab:
        took = time.monotonic() - before

        assert list(lab.hosts) == HOSTS
        assert took < 10


def test_before_a_deploy_mail_answers_over_ipv4_and_nothing_over_ipv6(lab: Lab) -> None:
    outcomes = lab.logins(services=["imap", "pop3"])

    for host in HOSTS:
        for service in ("imap", "pop3"):
            assert outcomes[host, service, "ipv4"] == "ok"
            assert outcomes[host, service, "ipv6"] == "connection refused"


@pytest.mark.parametrize("host", HOSTS)
def test_an_unrelated_daytime_service_answers(lab: Lab, host: str) -> None:
    answers = [lab.outside([sys.executable, "-c", DAYTIME, lab[host].address(family)]).stdout for family in FAMILIES]

    assert b"20" in answers[0]
    # openbsd-inetd's stock `tcp` line means both families, as inetutils-inetd's stock `tcp6` and xinetd's silence do.
    assert b"20" in answers[1]


@pytest.mark.parametrize("spec", DEFAULT_HOSTS, ids=HOSTS)
def test_only_the_super_server_of_the_host_is_installed(lab: Lab, spec: HostSpec) -> None:
    listing = lab[spec.name].run("dpkg-query -W -f '${Package} ${db:Status-Abbrev}\\n' openbsd-inetd inetutils-inetd xinetd").stdout
    programs = lab[spec.name].run("cd /usr/sbin; ls inetd inetutils-inetd xinetd").stdout.split()

    assert listing.decode().split() == [spec.super_server, "ii"]
    assert programs == [{"openbsd-inetd": b"inetd"}.get(spec.super_server, spec.super_server.encode())]


@pytest.mark.parametrize("host", HOSTS)
def test_mail_is_held_by_the_super_server_started_in_debians_way(lab: Lab, host: str) -> None:
    holder = {"openbsd-inetd": "inetd"}.get(lab[host].super_server, lab[host].super_server)

    assert {socket.process for socket in lab[host].sockets() if socket.port in {143, 110}} == {holder}
    assert lab[host].run(f"pgrep -P 1 -x {holder}").returncode == 0


def test_the_systemd_host_runs_and_its_xinetd_is_the_packages_own_script(lab: Lab) -> None:
    host = lab["mail-systemd"]
    assert host.run(["systemctl", "is-system-running"]).stdout == b"running\n"
    assert host.run(["systemctl", "show", "-P", "SourcePath", "xinetd"]).stdout == b"/etc/init.d/xinetd\n"

    assert host.run(["systemctl", "reload", "xinetd"]).returncode == 0
    assert comes_true(lambda: b"Starting reconfiguration" in host.run(["journalctl", "-u", "xinetd"]).stdout)


def test_daemons_without_systemd_have_a_log(lab: Lab) -> None:
    assert lab["mail-xinetd"].run("/etc/init.d/xinetd reload").returncode == 0

    assert comes_true(lambda: "Starting reconfiguration" in lab["mail-xinetd"].log())


def test_a_file_written_to_a_host_is_read_back_and_is_on_no_other_host(lab: Lab) -> None:
    lab["mail-openbsd"].write("/etc/lab/one", b"caf\xe9\n", mode=0o600)

    assert lab["mail-openbsd"].run("cat /etc/lab/one; stat -c %a /etc/lab/one").stdout == b"caf\xe9\n600\n"
    assert lab["mail-xinetd"].run(["test", "-e", "/etc/lab/one"]).returncode == 1
    assert not (base_root() / "etc/lab").exists()


def test_two_labs_run_at_once_and_neither_shows_on_the_machines_network(lab: Lab) -> None:
    machine = {path: Path(path).read_text() for path in ("/proc/net/fib_trie", "/proc/net/if_inet6", "/proc/net/route")}
    with Lab.start() as other:
        other["mail-xinetd"].run("rm /etc/xinetd.d/imap; /etc/init.d/xinetd reload")

        assert comes_true(lambda: other.login("mail-xinetd", "imap", "ipv4") == "connection refused")
        assert lab.login("mail-xinetd", "imap", "ipv4") == "ok"
        assert {path: Path(path).read_text() for path in machine} == machine
        assert "10.77." not in machine["/proc/net/fib_trie"]


def test_a_second_lab_of_the_same_name_is_refused(lab: Lab) -> None:
    with pytest.raises(LabError, match="already running"):
        Lab.start(ONE, name=lab.name)

    assert lab.login("mail-openbsd", "imap", "ipv4") == "ok"


def test_sysctls_and_ipv6_are_each_hosts_own() -> None:
    before = Path("/proc/sys/net/ipv6/bindv6only").read_text()
    with Lab.start(
        [
            HostSpec(name="only", super_server="xinetd", sysctl={"net.ipv6.bindv6only": "1"}),
            HostSpec(name="four", super_server="xinetd", ipv6=False),
            HostSpec(name="bare", super_server="none"),
        ]
    ) as lab:
        assert lab["only"].run("cat /proc/sys/net/ipv6/bindv6only").stdout == b"1\n"
        assert lab["four"].run("cat /proc/sys/net/ipv6/bindv6only; cat /proc/net/if_inet6").stdout == b"0\n"
        assert {socket.port for socket in lab["bare"].sockets()} == {22}
    assert Path("/proc/sys/net/ipv6/bindv6only").read_text() == before


@pytest.mark.parametrize("host", ["mail-xinetd", "mail-systemd"])
def test_a_hosts_root_cannot_reach_the_machines_clock_or_kernel_settings(lab: Lab, host: str) -> None:
    clock, modules = 1 << 25, 1 << 16
    for pid in ("self", "1"):
        capabilities = int(lab[host].run(f"sed -n 's/^CapBnd:.//p' /proc/{pid}/status").stdout, 16)
        assert capabilities & (clock | modules) == 0

    assert b"Read-only" in lab[host].run("touch /proc/sys/kernel/hostname").stderr
    assert Path("/dev/null").stat().st_mode & 0o777 == 0o666


def test_when_the_keeper_is_killed_nothing_of_the_lab_lives_on() -> None:
    lab = Lab.start([*ONE, HostSpec(name="alone-systemd", super_server="xinetd", init="systemd")])
    namespaces = namespaces_of(lab)
    assert namespaces <= namespaces_in_use()

    os.kill(lab.keeper, signal.SIGKILL)

    assert comes_true(lambda: not namespaces & namespaces_in_use())
    assert lab.name not in Path("/proc/self/mountinfo").read_text()
    with pytest.raises(LabError, match="has died"):
        Lab.attach(lab.name)
    lab.stop()
    state.sweep()
    assert list((cache() / "labs").glob(f"{lab.name}*")) == []
    assert list(Path("/sys/fs/cgroup").glob(f"**/inet46.{lab.name}.*")) == []


def test_when_its_starter_is_killed_the_lab_ends() -> None:
    program = (
        "import time; from tests.lab import Lab, HostSpec\n"
        "lab = Lab.start([HostSpec(name='alone', super_server='xinetd')]); print(lab.name, flush=True); time.sleep(60)"
    )
    with subprocess.Popen((sys.executable, "-c", program), cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        name = starter.stdout.readline().strip()
        namespaces = namespaces_of(Lab.attach(name))
        starter.kill()

    assert comes_true(lambda: not namespaces & namespaces_in_use())
    assert comes_true(lambda: list((cache() / "labs").glob(f"{name}*")) == [])


@pytest.mark.parametrize("moment", [0.02, 0.05, 0.1])
def test_an_interrupted_start_leaves_nothing(moment: float) -> None:
    name = f"test-{os.getpid()}-interrupted"
    argv = (sys.executable, "-m", "tests.lab", "up", "--lab", name)
    with subprocess.Popen(argv, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as starter:
        assert comes_true((cache() / "labs" / name).is_dir)
        time.sleep(moment)
        starter.send_signal(signal.SIGINT)
        _, said = starter.communicate()

    assert starter.returncode == 130
    assert "interrupted" in said
    assert "Traceback" not in said
    assert comes_true(lambda: list((cache() / "labs").glob(f"{name}*")) == [])


def test_a_lab_started_by_hand_stays_until_it_is_ended() -> None:
    name = f"test-{os.getpid()}-byhand"
    python = (sys.executable, "-m", "tests.lab")
    try:
        up = run(*python, "up", "mail-xinetd", INET46_LAB=name)
        logins = run(*python, "logins", "--lab", name)
        said = run(*python, "exec", "--lab", name, "mail-xinetd", "--", "sh", "-c", "echo $0 $1", "a b", "c")
    finally:
        down = run(*python, "down", "--lab", name)
    assert (up.returncode, down.returncode) == (0, 0)
    assert "mail-xinetd" in up.stdout
    assert (logins.returncode, logins.stdout.splitlines()[-1].split()) == (1, ["mail-xinetd", "yes", *"---", "yes", *"---"])
    assert said.stdout == "a b c\n"

    assert list((cache() / "labs").glob(f"{name}*")) == []
    after = run(*python, "status", "--lab", name)
    assert (after.returncode, after.stderr) == (2, f"lab: no lab named {name!r} is running: `python3 -m tests.lab up` starts one\n")


def test_without_root_one_line_says_what_is_missing() -> None:
    if shutil.which("setpriv") is None:
        pytest.skip("setpriv is not installed")
    result = run("setpriv", "--reuid=65534", "--clear-groups", "/usr/bin/python3", "-m", "tests.lab", "up")

    assert result.returncode == 2
    assert result.stderr == "lab: the lab needs root, to make namespaces, device nodes and mounts\n"


def test_pyinfra_reaches_every_host_through_the_inventory(lab: Lab) -> None:
    result = pyinfra("inventories/lab.py", "exec", "--", "echo $(hostname) $(id -u)", lab=lab.name)

    assert result.returncode == 0, result.stderr
    for host in HOSTS:
        assert f"{host} 0" in result.stdout + result.stderr


@pytest.mark.parametrize(("user", "may"), [("admin", "yes"), ("nobodyssh", "no")])
def test_other_ssh_users_come_in_with_and_without_the_right_to_become_root(lab: Lab, user: str, may: str) -> None:
    command = "echo $(id -un) $(sudo -n true 2>/dev/null && echo yes || echo no)"
    result = pyinfra("--data", f"ssh_user={user}", "inventories/lab.py", "--limit", "mail-xinetd", "exec", "--", command, lab=lab.name)

    assert f"{user} {may}" in result.stdout + result.stderr


def test_without_a_lab_the_inventory_says_so_in_one_line() -> None:
    result = pyinfra("inventories/lab.py", "exec", "--", "id", lab="no-such-lab")

    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].endswith("no lab named 'no-such-lab' is running: `make lab` starts one")
    assert "Traceback" not in result.stderr
