"""The lab's init: makes the bridge, starts every host and connects it, says when all are ready, then only reaps.

It is pid 1 of the lab's pid namespace. The /proc that it sees is still the machine's, which is how pids that mean something outside
come to be known inside.
"""

import dataclasses
import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any, NoReturn

from tests.lab import guest, image, linux
from tests.lab.spec import HostSpec

BRIDGE4 = "10.77.0.1"
BRIDGE6 = "fd77::1"

_PATIENCE = 30
_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8"}
_LISTEN = "0A"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Plan:
    """What the lab's init is told: its state folder, the image and the hosts to be."""

    name: str
    folder: Path
    image_root: Path
    specs: tuple[HostSpec, ...]

    def address4(self, index: int) -> str:
        """The IPv4 address of a host."""
        return f"10.77.{(index + 10) >> 8}.{(index + 10) & 255}"

    def address6(self, index: int) -> str:
        """The IPv6 address of a host."""
        return f"fd77::{index + 10:x}"


@dataclasses.dataclass
class _Starting:
    """A host on its way: its spec, the pipes to and from its first process, and what that has said."""

    spec: HostSpec
    orders: int
    news: Any
    facts: dict[str, Any] = dataclasses.field(default_factory=dict)

    def hear(self, key: str) -> Any:
        """Read what the host's first process tells until it has told this."""
        while key not in self.facts:
            told = json.loads(self.news.readline() or '{"error": "ended without a word"}')
            if "error" in told:
                raise RuntimeError(f"{self.spec.name}: {told['error']}")
            self.facts |= told
        return self.facts[key]


def run(plan: Plan, report: int) -> NoReturn:
    """Start the lab, report, and reap until killed."""
    try:
        _detach()
        answer: dict[str, Any] = {"error": None, "hosts": _start(plan)}
    except Exception as problem:  # noqa: BLE001 -- whoever waits must get an answer, whatever it was
        answer = {"error": str(problem)}
    os.write(report, json.dumps(answer).encode())
    os.close(report)
    while True:
        try:
            os.wait()
        except ChildProcessError:
            signal.pause()


def _detach() -> None:
    linux.die_with_parent(signal.SIGKILL)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    os.umask(0o022)
    nothing = os.open("/dev/null", os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    linux.unshare(linux.CLONE_NEWNS | linux.CLONE_NEWNET)
    linux.mount("none", Path("/"), "", linux.MS_REC | linux.MS_PRIVATE)


def _start(plan: Plan) -> list[dict[str, Any]]:
    if any(spec.init == "systemd" for spec in plan.specs):
        linux.mount("cgroup2", plan.folder / "cgroup", "cgroup2")
    linux.mount(plan.folder, plan.image_root / "mnt", "", linux.MS_BIND)
    _in_image(plan, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", "/mnt/id_ed25519")
    public_key = (plan.folder / "id_ed25519.pub").read_text()
    starting = [_fork(plan, index, public_key) for index in range(len(plan.specs))]
    interfaces = [
        "link set lo up",
        "link add br0 type bridge",
        f"addr add {BRIDGE4}/16 dev br0",
        f"addr add {BRIDGE6}/64 dev br0 nodad",
        "link set br0 up",
    ]
    for index, host in enumerate(starting):
        host.hear("host_key")
        interfaces.append(f"link add h{index} type veth peer name eth0 netns {host.hear('inner_pid')}")
        interfaces.append(f"link set h{index} master br0 up")
    _in_image(plan, "ip", "-batch", "-", said="\n".join(interfaces) + "\n")
    for host in starting:
        os.write(host.orders, b"\n")
        os.close(host.orders)
    deadline = time.monotonic() + _PATIENCE
    for host in starting:
        _wait_until_ready(host, deadline)
    return [
        {
            "name": host.spec.name,
            "super_server": host.spec.super_server,
            "init": host.spec.init,
            "pid": host.facts["pid"],
            "host_key": host.facts["host_key"],
            "address4": plan.address4(index),
            "address6": plan.address6(index),
        }
        for index, host in enumerate(starting)
    ]


def _in_image(plan: Plan, *argv: str, said: str = "") -> None:
    """Run one of the image's programs, so that the machine need not have it."""
    root = plan.image_root
    result = subprocess.run(
        argv, input=said, capture_output=True, text=True, check=False, env=_ENVIRONMENT, preexec_fn=lambda: os.chroot(root)
    )
    if result.returncode != 0:
        raise RuntimeError(f"{argv[0]}: {result.stderr.strip()}")


def _fork(plan: Plan, index: int, public_key: str) -> _Starting:
    """Fork a host's first process, by way of a child that makes its namespaces, since the caller must stay in its own."""
    orders, ordering = os.pipe()
    news, telling = os.pipe()
    if os.fork() == 0:
        try:
            _enter_group(plan, plan.specs[index])
            make_namespaces(plan.specs[index])
            if child := os.fork():
                _tell(telling, inner_pid=child)
            else:
                os.close(ordering)
                _be_host(plan, index, public_key, orders, telling)
        except Exception as problem:  # noqa: BLE001 -- told to the lab's init, which fails with it
            _tell(telling, error=f"{type(problem).__name__}: {problem}")
        finally:
            os._exit(0)
    os.close(orders)
    os.close(telling)
    return _Starting(spec=plan.specs[index], orders=ordering, news=os.fdopen(news))


def _enter_group(plan: Plan, spec: HostSpec) -> None:
    if spec.init == "systemd":
        group = plan.folder / "cgroup" / f"inet46.{plan.name}.{spec.name}"
        group.mkdir(exist_ok=True)
        (group / "cgroup.procs").write_text("0")


def make_namespaces(spec: HostSpec) -> None:
    """Leave for namespaces of the host's own, below the ones that this process is in; the next child is the host's pid 1."""
    flags = linux.CLONE_NEWNS | linux.CLONE_NEWUTS | linux.CLONE_NEWIPC | linux.CLONE_NEWNET | linux.CLONE_NEWPID
    linux.unshare(flags | (linux.CLONE_NEWCGROUP if spec.init == "systemd" else 0))


def _be_host(plan: Plan, index: int, public_key: str, orders: int, telling: int) -> None:
    spec = plan.specs[index]
    addresses = {"address4": plan.address4(index), "address6": plan.address6(index)}
    os.setsid()
    socket.sethostname(spec.name)
    pid = int(Path("/proc/self").readlink().name)
    root = guest.make_root(spec, image.layers(spec.super_server, spec.also), plan.folder / "root")
    host_key = guest.furnish(spec, root, **addresses, public_key=public_key)
    _tell(telling, pid=pid, host_key=host_key)
    os.read(orders, 1)
    guest.enter(root)
    guest.network(spec, **addresses)
    guest.become_init(spec)


def _tell(telling: int, **facts: Any) -> None:
    os.write(telling, json.dumps(facts).encode() + b"\n")


def _wait_until_ready(host: _Starting, deadline: float) -> None:
    pid = host.hear("pid")
    if rest := host.news.readline():
        raise RuntimeError(f"{host.spec.name}: {json.loads(rest)['error']}")
    wait_until_ready(host.spec, pid, deadline)


def wait_until_ready(spec: HostSpec, pid: int, deadline: float) -> None:
    """Wait until a host has booted and listens; RuntimeError says why it does not."""
    serves = spec.super_server != "none" and not spec.before
    ports = {22, 143} if serves else {22}
    while not (_booted(spec, pid) and ports <= _listening(pid)):
        if not Path(f"/proc/{pid}").exists():
            raise RuntimeError(f"{spec.name}: its pid 1 has ended")
        if time.monotonic() > deadline:
            log = Path(f"/proc/{pid}/root/var/log/lab-boot.log").read_text().strip().splitlines()
            raise RuntimeError(f"{spec.name} is not ready after {_PATIENCE} s: {' / '.join(log[-5:])}")
        time.sleep(0.02)


def _booted(spec: HostSpec, pid: int) -> bool:
    if spec.init == "none":
        return Path(f"/proc/{pid}/root/run/lab.ready").exists()
    if not Path(f"/proc/{pid}/root/run/systemd/private").exists():
        return False
    systemctl = ("nsenter", f"--target={pid}", "--mount", "--pid", "systemctl")
    state = subprocess.run((*systemctl, "is-system-running"), capture_output=True, text=True, check=False).stdout.strip()
    if state == "degraded":
        failed = subprocess.run((*systemctl, "--failed", "--plain", "--no-legend"), capture_output=True, text=True, check=False)
        raise RuntimeError(f"{spec.name}: systemd has failed units: {failed.stdout.strip()}")
    return state == "running"


def _listening(pid: int) -> set[int]:
    """TCP ports on which something listens in this process's network namespace."""
    ports = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            _, local, _, socket_state, *_ = line.split()
            if socket_state == _LISTEN:
                ports.add(int(local.rpartition(":")[2], 16))
    return ports
