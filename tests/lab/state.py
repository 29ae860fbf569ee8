"""A running lab's folder: what is written there, whether its keeper still lives, and how to end it."""

import contextlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.lab.places import REPOSITORY, LabError, cache, state

_PATIENCE = 10


def running(name: str) -> dict[str, Any]:
    """What lab.json says of a lab whose keeper lives; LabError if there is none."""
    try:
        data: dict[str, Any] = json.loads((state(name) / "lab.json").read_text())
    except FileNotFoundError:
        raise LabError(f"no lab named {name!r} is running: `python3 -m tests.lab up` starts one") from None
    if started(data["keeper"]["pid"]) != data["keeper"]["started"]:
        raise LabError(f"the lab named {name!r} has died; `python3 -m tests.lab up` clears it and starts a new one")
    return data


def names() -> list[str]:
    """All labs that run."""
    labs = cache() / "labs"
    found = sorted(path.parent.name for path in labs.glob("*/lab.json"))
    alive = []
    for name in found:
        with contextlib.suppress(LabError):
            running(name)
            alive.append(name)
    return alive


def started(pid: int) -> str | None:
    """When a living process started, in the kernel's ticks, so that a number used again is not taken for the old process."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in {"Z", "X"} else fields[19]


def stop(name: str) -> None:
    """End a lab, by its keeper's own pid, and wait until all is gone."""
    data = running(name)
    pid = data["keeper"]["pid"]
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if started(pid) != data["keeper"]["started"]:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            signal.pidfd_send_signal(handle, number)
            waiting = select.poll()
            waiting.register(handle, select.POLLIN)
            if waiting.poll(_PATIENCE * 1000):
                break
    finally:
        os.close(handle)
    sweep()


def sweep() -> None:
    """Clear what labs left whose keeper was killed."""
    subprocess.run((sys.executable, "-m", "tests.lab.keeper"), cwd=REPOSITORY, stdin=subprocess.DEVNULL, check=True)


def moved(name: str, host: str, pid: int) -> None:
    """Note that a host has another pid 1 now."""
    data = running(name)
    (entry,) = (each for each in data["hosts"] if each["name"] == host)
    config = Path(data["ssh_config"])
    for path, text in (
        (config, config.read_text().replace(f"--target {entry['pid']} ", f"--target {pid} ")),
        (
            state(name) / "lab.json",
            json.dumps({**data, "hosts": [{**each, "pid": pid} if each is entry else each for each in data["hosts"]]}),
        ),
    ):
        unfinished = path.with_name(path.name + ".new")
        unfinished.write_text(text)
        unfinished.rename(path)


def write(name: str, hosts: list[dict[str, Any]], init_pid: int) -> None:
    """Write lab.json and the files ssh needs; lab.json last, since its presence says that the lab is up."""
    folder = state(name)
    key, known_hosts, ssh_config = folder / "id_ed25519", folder / "known_hosts", folder / "ssh_config"
    known_hosts.write_text("".join(f"{host['name']} {host.pop('host_key')}\n" for host in hosts))
    enter = shutil.which("nsenter")
    ssh_config.write_text(
        "".join(
            f"Host {host['name']}\n"
            f"    User root\n"
            f'    IdentityFile "{key}"\n'
            f"    IdentitiesOnly yes\n"
            f'    UserKnownHostsFile "{known_hosts}"\n'
            f"    StrictHostKeyChecking yes\n"
            f"    ProxyCommand {enter} --target {host['pid']} --mount --net /bin/nc.openbsd -N 127.0.0.1 22\n"
            for host in hosts
        )
    )
    data = {
        "name": name,
        "keeper": {"pid": os.getpid(), "started": started(os.getpid())},
        "init": init_pid,
        "ssh_config": str(ssh_config),
        "ssh_key": str(key),
        "ssh_known_hosts": str(known_hosts),
        "hosts": hosts,
    }
    unfinished = folder / "lab.json.new"
    unfinished.write_text(json.dumps(data, indent=2) + "\n")
    unfinished.rename(folder / "lab.json")
