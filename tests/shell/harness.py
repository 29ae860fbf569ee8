"""A host in small for the transaction: a network of its own, a fake super-server in it, and a folder that stands for /etc."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

import attrs

from pyinfra_inet46.transaction import (
    Daemon,
    ExpectedSocket,
    FileChange,
    Probe,
    Seen,
    Transaction,
    Verdict,
    parse_verdict,
    render,
)

SHELLS = ("dash", "busybox ash", "mksh", "bash --posix")
FAKE_INETD = pathlib.Path(__file__).with_name("fake_inetd.py")
PORT = 14301

V4 = f"ipv4 0.0.0.0 {PORT} no * OK ready\n"
V6 = f"ipv6 :: {PORT} yes * OK ready\n"
DUAL = f"ipv6 :: {PORT} no * OK ready\n"
OTHER = "ipv4 0.0.0.0 14399 no -\n"

# Shell text, to be run with the names of programs that are not to be seen.
HIDE = 'have() {{ case $1 in {}) return 1 ;; *) command -v "$1" >/dev/null ;; esac; }}\n'


def available(shell: str) -> bool:
    return shutil.which(shell.split(maxsplit=1)[0]) is not None


def socket(family: str, *, v6only: bool | None = None, port: int = PORT) -> ExpectedSocket:
    address = "::" if family == "ipv6" else "0.0.0.0"
    return ExpectedSocket(service="imap", transport="tcp", family=family, address=address, port=port, v6only=v6only)


def probe(family: str, greeting: str | None = "* OK") -> Probe:
    address = "::1" if family == "ipv6" else "127.0.0.1"
    return Probe(service="imap", family=family, address=address, port=PORT, greeting=greeting)


@attrs.frozen(kw_only=True)
class Run:
    """What one run of a script left."""

    status: int
    stdout: str
    stderr: str

    @property
    def verdict(self) -> Verdict:
        return parse_verdict(self.stdout.splitlines())


class Host:
    """One host; a context manager, so that nothing of it stays."""

    def __init__(self, folder: pathlib.Path, *, shell: str = "dash", config: str = V4 + OTHER) -> None:
        self.folder, self.shell = folder, shell
        self.etc, self.state = folder / "etc", folder / "state"
        self.etc.mkdir(parents=True)
        self.config, self.behaviour = self.etc / "inetd.conf", folder / "behaviour"
        self.config.write_text(config)
        # The daemon is known by its program, so it needs one that no other process runs.
        self.exe = folder / "fake-inetd"
        shutil.copy(os.path.realpath(sys.executable), self.exe)
        self.started: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Host:
        self.network = subprocess.Popen(
            ["unshare", "--net", "--mount", "sh", "-c", "ip link set lo up && echo up && exec sleep 600"], stdout=subprocess.PIPE
        )
        assert self.network.stdout is not None
        assert self.network.stdout.readline() == b"up\n"
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        for pid in self.daemons():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for daemon in self.started:
            daemon.wait()
        self.network.kill()
        self.network.communicate()

    def inside(self, *words: str) -> list[str]:
        return ["nsenter", "--target", str(self.network.pid), "--net", "--mount", *words]

    @property
    def argv(self) -> tuple[str, ...]:
        return (str(self.exe), "-S", str(FAKE_INETD), str(self.config), str(self.behaviour))

    def start(self) -> None:
        environment = {**os.environ, "PYTHONHOME": sys.base_prefix}
        before = self.sockets()
        self.started.append(subprocess.Popen(self.inside(*self.argv), env=environment, stdin=subprocess.DEVNULL))
        self.until(lambda: self.sockets() != before)

    def until(self, condition: Callable[[], object], seconds: float = 15) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "the fake super-server does not come to what it should be"
            time.sleep(0.01)

    def daemons(self) -> list[int]:
        found = []
        for entry in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if (entry / "exe").readlink() == self.exe:
                    found.append(int(entry.name))
        return found

    def sockets(self) -> list[str]:
        told = subprocess.run(self.inside("ss", "-Hltn"), capture_output=True, text=True, check=True).stdout
        return sorted(line.split()[3] for line in told.splitlines())

    def change(self, new: str | None = V4 + V6 + OTHER, *, name: str = "inetd.conf", old: bytes | None = None) -> FileChange:
        path = self.etc / name
        content = path.read_bytes() if old is None and path.exists() else old
        return FileChange(
            path=str(path),
            old=None if content is None else Seen.of(content),
            new=None if new is None else new.encode(),
            uid=os.getuid(),
            gid=os.getgid(),
            staged=str(self.etc / ".inet46-new"),
            kept=str(self.etc / ".inet46-old"),
        )

    def transaction(self, **different: object) -> Transaction:
        """IPv4 only becomes IPv4 and IPv6; what is different is said."""
        fields: dict[str, object] = {
            "id": "change-1",
            "host": "mx1.example.org",
            "files": (self.change(),),
            "daemon": Daemon(name="fake-inetd", exe=str(self.exe), argv=self.argv),
            "activate": ("reload",),
            "undo": ("reload",),
            "expected": (socket("ipv4"), socket("ipv6", v6only=True)),
            "expected_after_undo": (socket("ipv4"), socket("ipv4", port=14399)),
            "keep": (socket("ipv4", port=14399),),
            "ours": (("tcp", PORT),),
            "probes": (probe("ipv4"), probe("ipv6")),
            "deadline": 1.0,
            "lock_wait": 0.5,
            "state_dir": str(self.state),
        }
        return Transaction(**{**fields, **different})  # type: ignore[arg-type]

    def words(self, shell: str | None = None) -> list[str]:
        return self.inside(*(shell or self.shell).split(), "-s")

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "PYTHONHOME": sys.base_prefix}

    def run(self, transaction: Transaction, *, before: str = "", path: Sequence[pathlib.Path] = ()) -> Run:
        """Run it as pyinfra does; `before` is shell text that stands in front of the last line."""
        environment = self.environment
        environment["PATH"] = ":".join([*map(str, path), environment["PATH"]])
        done = subprocess.run(
            self.words(), input=script(transaction, before).encode("ascii"), capture_output=True, check=False, env=environment, timeout=60
        )
        return Run(status=done.returncode, stdout=done.stdout.decode(), stderr=done.stderr.decode())

    def names(self) -> list[str]:
        """Every name in the folders that a change touches."""
        return sorted(str(path.relative_to(self.folder)) for root in (self.etc, self.state) for path in root.rglob("*"))


def script(transaction: Transaction, before: str = "") -> str:
    body, last, _ = render(transaction).rpartition("inet46_transaction\n")
    return f"{body}{before}\n{last}"
