"""Real hosts of the lab: services under xinetd, deployed by inet46, by pyinfra's own operations, and by Ansible.

Each contender writes the same files, sees to the same kernel setting, reloads xinetd when a file has changed, and looks whether every socket
is there; after a change it also connects to each service over each family, and wants its greeting. The hosts are on this machine, so nothing
is ever waited for but processors; one of them is also put at a distance.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.bench.measure import REPOSITORY, Figure, run
from tests.bench.services import checks, paragraphs
from tests.lab import HostSpec, Lab, missing

_CORE = "pyinfra: files.put, server.sysctl, server.shell"
_ANSIBLE = "ansible-core>=2.17,<2.20"
_PARALLEL = 40  # what pyinfra takes for itself on two processors
_AWAY = 10  # milliseconds to a host in another city, and as many back
_BEFORE = {"/etc/xinetd.conf": "defaults\n{\n\tinstances = 60\n}\n\nincludedir /etc/xinetd.d\n", "/etc/xinetd.d/daytime": None}
_RESET = "rm -f /etc/xinetd.d/bench* /etc/sysctl.d/60-bench.conf; sed -i /bindv6only/d /etc/sysctl.conf; kill -HUP $(pidof xinetd)"


@dataclass(frozen=True)
class _Times:
    """Wall seconds of one contender: with every file new, and with nothing to do."""

    changed: float
    unchanged: float


def figures(*, quick: bool) -> Iterator[Figure]:
    """One host with 20 and with 200 services; then many hosts with 20."""
    why = missing()
    if why is not None:
        print(f"  no lab, so no figures of hosts: {why}", file=sys.stderr)
        return
    yield from _one_host(200 if not quick else 40)
    yield from _many_hosts(4 if quick else 50, 5 if quick else 20, 1 if quick else 2)


def _one_host(services: int) -> Iterator[Figure]:
    with _lab(1) as lab:
        few, many = (_times(lab, _pyinfra(lab, "ours", count), 2) for count in (20, services))
        core = _times(lab, _pyinfra(lab, "core", services), 1)
        _move_away(lab)
        far_many, far_core = (_times(lab, _pyinfra(lab, deploy, services), 1) for deploy in ("ours", "core"))
    where = f"one host, {services} services"
    for place, mine, other in ((where, many, core), (f"{where}, {2 * _AWAY} ms away", far_many, far_core)):
        for what in ("changed", "unchanged"):
            ours, theirs = getattr(mine, what), getattr(other, what)
            yield Figure(group="hosts", name=f"{place}, {what}", against=_CORE, ours=ours, theirs=theirs, aim=">= 20")
    for what in ("changed", "unchanged"):
        ours, theirs = getattr(many, what), getattr(few, what)
        yield Figure(group="hosts", name=f"{where}, {what}", against="20 services", ours=ours, theirs=theirs, aim="<= 2")


def _many_hosts(hosts: int, services: int, times: int) -> Iterator[Figure]:
    with _lab(hosts) as lab, tempfile.TemporaryDirectory() as folder:
        ours = _times(lab, _pyinfra(lab, "ours", services), times)
        core = _times(lab, _pyinfra(lab, "core", services), 1)
        ansible = _times(lab, _ansible(lab, services, Path(folder)), 1)
    where = f"{hosts} hosts, {services} services"
    rivals = ((_CORE, core, 3, 5), ("Ansible: copy, command; pipelining", ansible, 10, 20))
    for against, theirs, changed, unchanged in rivals:
        yield Figure(
            group="hosts", name=f"{where}, changed", against=against, ours=ours.changed, theirs=theirs.changed, aim=f">= {changed}"
        )
        yield Figure(
            group="hosts", name=f"{where}, unchanged", against=against, ours=ours.unchanged, theirs=theirs.unchanged, aim=f">= {unchanged}"
        )


def _lab(hosts: int) -> Lab:
    return Lab.start([HostSpec(name=f"bench{number}", super_server="xinetd", before=_BEFORE) for number in range(hosts)])


def _move_away(lab: Lab) -> None:
    """Put every host of the lab as far away as one in another city is: ssh goes through a program that takes its time."""
    config = Path(lab.ssh_config)
    far = f"{sys.executable} {REPOSITORY / 'tests/bench/far.py'} {_AWAY}"
    config.write_text(config.read_text().replace("ProxyCommand ", f"ProxyCommand {far} "))


def _times(lab: Lab, deploy: Callable[[], float], times: int) -> _Times:
    """The least of some runs each. Before each change the hosts are as if nobody had been there."""
    changed, unchanged = [], []
    for _ in range(times):
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda host: host.run(_RESET), lab.hosts.values()))
        changed.append(deploy())
        unchanged.append(deploy())
    return _Times(min(changed), min(unchanged))


def _pyinfra(lab: Lab, deploy: str, services: int) -> Callable[[], float]:
    program = str(Path(sys.executable).with_name("pyinfra"))
    argv = (program, str(REPOSITORY / "inventories/lab.py"), str(REPOSITORY / f"tests/bench/deploys/{deploy}.py"), "-y")
    return lambda: run(argv, INET46_LAB=lab.name, BENCH_SERVICES=str(services), PYTHONPATH=str(REPOSITORY))


# -- Ansible ---------------------------------------------------------------------------------------------------------------------------


def _ansible(lab: Lab, services: int, folder: Path) -> Callable[[], float]:
    """Write the playbook and what it needs into a folder; return what plays it."""
    program = _installed()
    (folder / "files").mkdir()
    paths = paragraphs(services, "ready")
    for path, text in paths.items():
        (folder / "files" / Path(path).name).write_text(text)
    (folder / "60-bench.conf").write_text("net.ipv6.bindv6only = 0\n")
    common = f"ansible_ssh_common_args='-F {lab.ssh_config}' ansible_python_interpreter=/usr/bin/python3"
    (folder / "hosts.ini").write_text("[bench]\n" + "".join(f"{name} {common}\n" for name in lab.hosts))
    (folder / "ansible.cfg").write_text(_CONFIG.format(folder=folder, forks=_PARALLEL))
    names = sorted(Path(path).name for path in paths)
    (folder / "play.json").write_text(json.dumps(_play(names, folder, *checks(services, "ready"))))
    argv = (program, "-i", str(folder / "hosts.ini"), str(folder / "play.json"))
    return lambda: run(argv, ANSIBLE_CONFIG=str(folder / "ansible.cfg"), ANSIBLE_HOME=str(folder / "home"), LC_ALL="C.UTF-8")


def _play(names: list[str], folder: Path, listening: str, answering: str) -> list[dict[str, object]]:
    owned = {"owner": "root", "group": "root", "mode": "0644"}
    return [
        {
            "hosts": "bench",
            "gather_facts": False,
            "remote_user": "root",
            "tasks": [
                {
                    "name": "files",
                    "copy": {"src": f"{folder}/files/{{{{ item }}}}", "dest": "/etc/xinetd.d/{{ item }}", **owned},
                    "loop": names,
                    "notify": "reload",
                },
                {"name": "sysctl", "copy": {"src": f"{folder}/60-bench.conf", "dest": "/etc/sysctl.d/60-bench.conf", **owned}},
                {
                    "name": "live",
                    "shell": "test $(sysctl -n net.ipv6.bindv6only) = 0 || sysctl -w net.ipv6.bindv6only=0",
                    "changed_when": False,
                },
                {"name": "now", "meta": "flush_handlers"},
                {"name": "listening", "shell": listening, "changed_when": False},
            ],
            "handlers": [
                {"name": "reload", "shell": "kill -HUP $(pidof xinetd) && sleep 0.2"},
                {"name": "answering", "listen": "reload", "shell": answering},
            ],
        }
    ]


_CONFIG = """\
[defaults]
forks = {forks}
host_key_checking = True
[connection]
pipelining = True
[ssh_connection]
pipelining = True
ssh_args = -o ControlMaster=auto -o ControlPersist=60s
control_path_dir = {folder}/cp
"""


def _installed() -> str:
    """Install ansible-core into an environment of its own, kept in the user's cache; return its ansible-playbook."""
    folder = Path.home() / ".cache/inet46/bench-ansible"
    program = folder / "bin/ansible-playbook"
    if not program.exists():
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run((sys.executable, "-m", "venv", str(folder)), check=True)
        pip = (str(folder / "bin/python"), "-m", "pip", "install", "-qq", "--disable-pip-version-check", _ANSIBLE)
        subprocess.run(pip, check=True)
    return str(program)
