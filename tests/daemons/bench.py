"""A bench on which a real super-server is run with any files, and the kernel's answer read off with ss."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import attrs

from inet46.host import HostPolicy, Sharing
from inet46.knowledge import Host, resolve
from inet46.sockets import Family, Socket, Transport
from tests.daemons import hosts_file
from tests.lab import busybox, image, places

__all__ = ["HOSTS", "KNOB", "PROGRAMS", "Bench", "Files", "Look", "Step", "host_on_bench", "missing", "start"]

HOSTS = ("debian-12/openbsd-inetd", "debian-12/inetutils-inetd", "debian-12/xinetd", "linux/busybox-inetd")
KNOB = "net.ipv6.bindv6only"
PROGRAMS = ("/usr/bin/true", "/usr/bin/perl", "/usr/bin/false", "/usr/bin/", "/usr/bin", "/usr/bin/no-such-program", "/etc/passwd")
"""What files on a bench may name as a server, whether it can be run there or not."""

Files = Mapping[str, str]
Step = tuple[Any, ...]


@attrs.frozen(kw_only=True)
class Look:
    """What there was to see at one moment: the sockets, whether the daemon serves them, and what it has said since the look before."""

    order: tuple[Socket, ...]
    state: str
    log: tuple[str, ...]
    shown: str

    @property
    def sockets(self) -> Counter[Socket]:
        """The sockets, in whatever order they were made."""
        return Counter(self.order)

    @property
    def served(self) -> Counter[Socket]:
        """The sockets on which somebody would answer: those of a daemon in an endless loop are open and dead."""
        return Counter() if self.state == "hangs" else self.sockets


class Bench:
    """Namespaces in which one daemon after the other is run; to be closed, which leaves nothing behind."""

    def __init__(self, name: str, *, bindv6only: int) -> None:
        self.host = host_on_bench(name, bindv6only=bindv6only)
        self._scratch = tempfile.TemporaryDirectory(prefix="inet46-bench-")
        argv = (sys.executable, "-m", "tests.daemons.inside", self.host.policy.super_server, str(bindv6only), self._scratch.name)
        self._process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=places.REPOSITORY)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the bench, and whatever runs on it."""
        self._process.communicate()
        self._scratch.cleanup()

    def send(self, runs: Sequence[Sequence[Step]]) -> None:
        """Begin with these runs; `receive` waits for them, so that several benches can work at the same time."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # receive says it better
            print(json.dumps(runs), file=self._process.stdin, flush=True)

    def receive(self) -> list[list[Look]]:
        """Return the looks of each run that was sent."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the bench of {self.host.name} has ended: see its traceback on standard error")
        return [[_look(look) for look in run] for run in json.loads(line)]

    def run(self, *steps: Step) -> list[Look]:
        """Play one run and return its looks."""
        self.send([steps])
        return self.receive()[0]


def start(files: Files) -> tuple[Step, ...]:
    """The run of a daemon that is started on these files and looked at."""
    return ("files", dict(files)), ("start",), ("look",)


def missing(name: str) -> str | None:
    """What this machine lacks for a host's bench, in one line, or None; what it runs in is built when it is not there and can be."""
    if (why := places.missing()) is not None:
        return why
    try:
        image.base_root()
    except places.LabError as problem:
        return str(problem)
    return busybox.missing() if name.endswith(f"/{busybox.NAME}") else None


@functools.cache
def host_on_bench(name: str, *, bindv6only: int, sharing: Sharing = Sharing.AUTO) -> Host:
    """The host that a bench is, as a look at it would find it."""
    return resolve(
        HostPolicy(
            name=name,
            settings={KNOB: bindv6only},
            sharing=sharing,
            services=_services(),
            hosts=hosts_file.ADDRESSES,
            users=_first_fields("etc/passwd"),
            groups=_first_fields("etc/group"),
            programs=tuple(path for path in PROGRAMS if os.access(f"{image.base_root()}{path}", os.X_OK)),
        )
    )


def _first_fields(path: str) -> tuple[str, ...]:
    return tuple(line.partition(":")[0] for line in (image.base_root() / path).read_text().splitlines())


@functools.cache
def _services() -> dict[str, int]:
    """The image's /etc/services: names and aliases with their ports, the first of two counting."""
    table: dict[str, int] = {}
    for line in (image.base_root() / "etc/services").read_text().splitlines():
        name, *rest = line.partition("#")[0].split() or [""]
        if name:
            port, _, transport = rest[0].partition("/")
            for alias in (name, *rest[1:]) if transport in {"tcp", "udp"} else ():
                table.setdefault(f"{alias}/{transport}", int(port))
    return table


def _look(data: Mapping[str, Any]) -> Look:
    lines = sorted(data["ss"].splitlines(), key=_inode)
    return Look(order=tuple(map(_socket, lines)), state=data["state"], log=tuple(data["log"]), shown=data["ss"])


def _inode(line: str) -> int:
    """The number of a socket, which grows from one to the next on one processor."""
    match = re.search(r"\bino:([0-9]+)", line)
    assert match is not None, line
    return int(match[1])


def _socket(line: str) -> Socket:
    """Read a line of ss, whose last words say v6only for a socket that is of IPv6."""
    transport, _, _, _, local, *rest = line.split()
    address, _, port = local.rpartition(":")
    option = re.search(r"\bv6only:([01])", " ".join(rest))
    address = "::" if address == "*" else address.strip("[]")
    return Socket(
        transport=Transport(transport),
        family=Family.IPV6 if option else Family.IPV4,
        address=address,
        port=int(port),
        v6only=option[1] == "1" if option else None,
    )


def on_all(benches: Iterable[Bench], runs: Sequence[Sequence[Step]]) -> list[list[list[Look]]]:
    """Play the same runs on several benches at the same time."""
    working = list(benches)
    for bench in working:
        bench.send(runs)
    return [bench.receive() for bench in working]
