"""The lab as tests and the command line use it."""

import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from tests.lab import image, places, state
from tests.lab.places import REPOSITORY, LabError
from tests.lab.spec import DEFAULT_HOSTS, HostSpec

Service = Literal["imap", "imaps", "pop3", "pop3s"]
Family = Literal["ipv4", "ipv6"]

PORTS: Mapping[Service, int] = {"imap": 143, "imaps": 993, "pop3": 110, "pop3s": 995}
FAMILIES: tuple[Family, ...] = ("ipv4", "ipv6")

_ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8"}
_NOT_THE_MACHINE = "-sys_module,-sys_rawio,-sys_boot,-sys_time,-syslog"
_serial = itertools.count(1)


@dataclass(frozen=True, kw_only=True)
class Socket:
    """One line of `ss -ltunpe`: a listening socket and who holds it."""

    transport: str
    address: str
    port: int
    v6only: bool | None  # None for an IPv4 socket
    process: str | None
    pid: int | None


@dataclass(frozen=True, kw_only=True)
class Host:
    """One host of a running lab. `pid` is its pid 1, as the machine counts."""

    name: str
    super_server: str
    init: str
    pid: int
    address4: str
    address6: str

    def run(
        self,
        command: str | Sequence[str],
        *,
        input: bytes = b"",  # noqa: A002 -- as in subprocess.run
        check: bool = False,
        timeout: float = 60,
    ) -> subprocess.CompletedProcess[bytes]:
        """Run an argument list, or text for sh, as the host's root."""
        return subprocess.run(self.argv(command), input=input, capture_output=True, check=check, timeout=timeout, env=self.environment())

    def argv(self, command: str | Sequence[str]) -> list[str]:
        """The machine's argument list that runs a command on the host."""
        inner = ["sh", "-c", command] if isinstance(command, str) else list(command)
        namespaces = ("--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup")
        # No namespace keeps the clock, the modules or raw I/O apart: a host's root has no say in them, from here neither.
        limited = (shutil.which("setpriv") or "setpriv", f"--bounding-set={_NOT_THE_MACHINE}")
        return [*limited, shutil.which("nsenter") or "nsenter", f"--target={self.pid}", *namespaces, "--", *inner]

    def address(self, family: Family) -> str:
        """Where the host is reached over this family, from the lab's bridge."""
        return self.address4 if family == "ipv4" else self.address6

    def environment(self, terminal: str = "dumb") -> dict[str, str]:
        """The environment of a command on the host: none of the machine's."""
        return {**_ENVIRONMENT, "TERM": terminal}

    def read(self, path: str) -> bytes:
        """The content of a file on the host."""
        return self.path(path).read_bytes()

    def write(self, path: str, data: bytes | str, *, mode: int = 0o644) -> None:
        """Make a file on the host, and the folders it needs."""
        target = self.path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data.encode() if isinstance(data, str) else data)
        target.chmod(mode)

    def path(self, path: str) -> Path:
        """A path of the host as seen from the machine. Do not follow absolute symlinks through it."""
        return Path(f"/proc/{self.pid}/root") / path.lstrip("/")

    def sockets(self) -> list[Socket]:
        """What listens on the host, TCP and UDP."""
        return [_socket(line) for line in self.run(["ss", "-H", "-ltunpe"], check=True).stdout.decode().splitlines()]

    def log(self) -> str:
        """What the host's daemons have logged."""
        if self.init == "systemd":
            return self.run(["journalctl", "--no-pager", "--quiet"], check=True).stdout.decode(errors="replace")
        return self.read("/var/log/daemon.log").decode(errors="replace")


class Lab:
    """A running lab: a mapping from names to hosts, and probes from outside them."""

    def __init__(self, data: Mapping[str, Any], keeper: "subprocess.Popen[bytes] | None" = None) -> None:
        self.name: str = data["name"]
        self.ssh_config: str = data["ssh_config"]
        self.ssh_key: str = data["ssh_key"]
        self.ssh_known_hosts: str = data["ssh_known_hosts"]
        self.keeper: int = data["keeper"]["pid"]
        self.hosts: dict[str, Host] = {host["name"]: Host(**host) for host in data["hosts"]}
        self.init: int = data["init"]
        self._keeper = keeper

    @classmethod
    def start(cls, specs: Iterable[HostSpec] = DEFAULT_HOSTS, *, name: str | None = None, stay: bool = False) -> Self:
        """Start a lab; use it in a `with`, which ends it. With `stay` it outlives this process until stopped."""
        name = name or f"test-{os.getpid()}-{next(_serial)}"
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,40}", name):
            raise LabError(f"{name!r} is no name for a lab: small letters, digits and hyphens, at most 41")
        if (why := places.missing()) is not None:
            raise LabError(why)
        if name in state.names():
            raise LabError(f"a lab named {name!r} is already running")
        image.base_root()
        log = places.state(name).with_suffix(".log")
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as errors:
            keeper = subprocess.Popen(
                (sys.executable, "-m", "tests.lab.keeper", name),
                cwd=REPOSITORY,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
            )
        try:
            _ask(keeper, [spec.to_dict() for spec in specs], log)
            data = state.running(name)
            if stay:
                _say(keeper, b"stay\n")
        except BaseException:
            _end(keeper)
            raise
        if stay:
            _close(keeper)
        return cls(data, None if stay else keeper)

    @classmethod
    def attach(cls, name: str) -> Self:
        """A lab that already runs."""
        return cls(state.running(name))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def __getitem__(self, name: str) -> Host:
        return self.hosts[name]

    def stop(self) -> None:
        """End the lab and wait until all of it is gone."""
        if self._keeper is not None:
            _end(self._keeper)
            self._keeper = None
        else:
            state.stop(self.name)

    def outside(self, command: Sequence[str], said: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """Run a program of the machine in the bridge's network namespace, where the hosts' clients are."""
        argv = [shutil.which("nsenter") or "nsenter", f"--target={self.init}", "--net", "--", *command]
        return subprocess.run(argv, input=said, capture_output=True, check=False, timeout=120)

    def link(self, *commands: str) -> None:
        """Run commands of ip(8) where the bridge is, with the image's ip, so that the machine need not have it."""
        words = ["chroot", str(image.base_root()), "ip", "-batch", "-"]
        result = self.outside(words, "".join(f"{command}\n" for command in commands).encode())
        if result.returncode != 0:
            raise LabError(f"ip: {result.stderr.decode().strip()}")

    def login(self, host: str, service: Service, family: Family) -> str:
        """Log in from outside the host and open the mailbox: "ok", or the reason why it failed."""
        return self._probe([(host, service, family)])[0]

    def logins(
        self, hosts: Iterable[str] | None = None, services: Iterable[Service] = tuple(PORTS)
    ) -> dict[tuple[str, Service, Family], str]:
        """All logins at once: (host, service, family) to "ok" or a reason."""
        names = tuple(self.hosts if hosts is None else hosts)
        probes = list(itertools.product(names, tuple(services), FAMILIES))
        return dict(zip(probes, self._probe(probes), strict=True))

    def _probe(self, probes: list[tuple[str, Service, Family]]) -> list[str]:
        wanted = [(service, self.hosts[host].address(family), PORTS[service]) for host, service, family in probes]
        program = Path(__file__).with_name("probe.py")
        result = self.outside((sys.executable, "-I", str(program)), json.dumps(wanted).encode())
        if result.returncode != 0:
            raise LabError(f"the login probe failed: {result.stderr.decode().strip()}")
        outcomes: list[str] = json.loads(result.stdout)
        return outcomes


def _ask(keeper: "subprocess.Popen[bytes]", specs: list[dict[str, Any]], log: Path) -> None:
    assert keeper.stdout is not None
    _say(keeper, json.dumps(specs).encode() + b"\n")
    answer = keeper.stdout.readline()
    error = json.loads(answer)["error"] if answer else f"the lab's keeper died; {log} says why"
    if error is not None:
        raise LabError(error)


def _say(keeper: "subprocess.Popen[bytes]", line: bytes) -> None:
    assert keeper.stdin is not None
    keeper.stdin.write(line)
    keeper.stdin.flush()


def _end(keeper: "subprocess.Popen[bytes]") -> None:
    """End a lab by ending its keeper's input, and wait until all is gone."""
    _close(keeper)
    keeper.wait(timeout=30)


def _close(keeper: "subprocess.Popen[bytes]") -> None:
    for stream in (keeper.stdin, keeper.stdout):
        if stream is not None:
            stream.close()


def _socket(line: str) -> Socket:
    transport, _, _, _, local, *_ = line.split()
    address, _, port = local.rpartition(":")
    holder = re.search(r'users:\(\("([^"]*)",pid=(\d+)', line)
    v6only = re.search(r"\bv6only:([01])", line)
    return Socket(
        transport=transport,
        address=address.strip("[]"),
        port=int(port),
        v6only=v6only[1] == "1" if v6only else None,
        process=holder[1] if holder else None,
        pid=int(holder[2]) if holder else None,
    )
