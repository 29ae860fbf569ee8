"""Pulls the plug of a lab host, and starts it again on the same disk.

    power.cycle(lab, spec)

All of the host's processes end at once with its pid 1. Its disk is the overlay, which an open descriptor on its mount namespace keeps.
What memory held is gone: /run, the processes, the network with its sockets and live settings. The new pid 1 is put below the lab's
init, so that it ends with the lab. It is made by a program of its own, `python3 -m tests.lab.power`, since it has to leave every
namespace of whoever wants it.
"""

import dataclasses
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

from tests.lab import guest, inside, linux, places, state
from tests.lab.lab import Host, Lab
from tests.lab.places import REPOSITORY, LabError
from tests.lab.spec import HostSpec

_PATIENCE = 30
_MEMORY = ("run", "proc", "sys")


def off(host: Host) -> int:
    """End all of the host's processes at once; return a descriptor that keeps its disk."""
    disk = os.open(f"/proc/{host.pid}/ns/mnt", os.O_RDONLY)
    try:
        handle = os.pidfd_open(host.pid)
    except ProcessLookupError:
        return disk
    try:
        signal.pidfd_send_signal(handle, signal.SIGKILL)
        waiting = select.poll()
        waiting.register(handle, select.POLLIN)
        if not waiting.poll(_PATIENCE * 1000):
            raise LabError(f"{host.name} does not end")
    finally:
        os.close(handle)
    return disk


def on(lab: Lab, spec: HostSpec, disk: int) -> Host:
    """Start the host again on the disk that `off` kept, wait until it serves, and put it in the lab in the old one's place."""
    old, stamp = lab[spec.name], f"{time.monotonic_ns() % 36**8:x}"
    request = {
        "spec": {**spec.to_dict(), "before": {"kept": None}},
        "addresses": {"address4": old.address4, "address6": old.address6},
        "init": lab.init,
        "disk": disk,
        "group": f"/proc/{lab.init}/root{places.state(lab.name)}/cgroup/inet46.{lab.name}.{spec.name}.{stamp}",
    }
    command = (sys.executable, "-m", "tests.lab.power", json.dumps(request))
    with subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=(disk,)) as made:
        os.close(disk)
        assert made.stdin is not None
        assert made.stdout is not None
        pid = _told(spec, made.stdout.readline())["pid"]
        cable = f"b{stamp}"
        lab.link(f"link add {cable} type veth peer name eth0 netns {pid}", f"link set {cable} master br0 up", "neigh flush dev br0")
        made.stdin.write(b"\n")
        made.stdin.close()
        if rest := made.stdout.read():
            _told(spec, rest)
    inside.wait_until_ready(HostSpec.from_dict(request["spec"]), pid, time.monotonic() + _PATIENCE)  # type: ignore[arg-type]
    state.moved(lab.name, spec.name, pid)
    lab.hosts[spec.name] = dataclasses.replace(old, pid=pid)
    return lab.hosts[spec.name]


def cycle(lab: Lab, spec: HostSpec) -> Host:
    """Off and on again."""
    return on(lab, spec, off(lab[spec.name]))


def _told(spec: HostSpec, line: bytes) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(line or b'{"error": "ended without a word"}')
    if "error" in told:
        raise LabError(f"{spec.name} does not start again: {told['error']}")
    return told


def main(request: dict[str, Any]) -> None:
    """Become, two forks later, pid 1 of the host that the request tells of."""
    spec, machine = HostSpec.from_dict(request["spec"]), os.open("/proc", os.O_PATH)
    with Path(f"/proc/{request['init']}/ns/pid").open("rb") as below:
        linux.rejoin(below.fileno())
    if os.fork():
        os._exit(0)
    try:
        os.setsid()
        if spec.init == "systemd":
            group = Path(request["group"])
            group.mkdir()
            (group / "cgroup.procs").write_text("0")
        linux.rejoin(request["disk"])
        inside.make_namespaces(spec)
        if os.fork():
            os._exit(0)
        _second_life(spec, request["addresses"], os.readlink("self", dir_fd=machine))
    except Exception as problem:  # noqa: BLE001 -- told to whoever waits
        print(json.dumps({"error": f"{type(problem).__name__}: {problem}"}), flush=True)
        os._exit(1)


def _second_life(spec: HostSpec, addresses: dict[str, str], pid: str) -> NoReturn:
    linux.mount("none", Path("/"), "", linux.MS_REC | linux.MS_PRIVATE)
    for folder in _MEMORY:
        linux.unmount(Path("/", folder))
    guest.memory(spec, Path("/"))
    socket.sethostname(spec.name)
    print(json.dumps({"pid": int(pid)}), flush=True)
    sys.stdin.buffer.readline()
    nothing, log = os.open("/dev/null", os.O_RDWR), os.open("/var/log/lab-boot.log", os.O_WRONLY | os.O_APPEND)
    for stream, target in ((0, nothing), (1, log), (2, log)):
        os.dup2(target, stream)
    guest.network(spec, **addresses)
    guest.become_init(spec)
    raise AssertionError("pid 1 is not to come back")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
