"""The first process of a bench: makes the root and the network, then starts, signals, watches and stops one daemon after the other.

It reads one JSON list of steps per line and answers with one line. It is pid 1 of its pid namespace, so that a daemon that forks itself
away becomes its child, and so that nothing at all outlives it. Nothing here sleeps for a fixed time: a daemon is ready when it waits in
poll(2) or the like with no signal pending, which /proc tells.
"""

import contextlib
import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from tests.daemons import hosts_file
from tests.lab import busybox, guest, image, linux
from tests.lab.spec import HostSpec

Step = list[Any]
"""["files", {path: text}], ["start"], ["signal", NAME], ["ask", PORT], ["who", QUESTIONS], ["stop"], ["look"], ["sysctl", NAME, VALUE]."""

# As the init scripts and default files of their Debian packages start them; busybox's, which has none, as its own help shows it.
_COMMANDS: Mapping[str, tuple[str, ...]] = {
    "openbsd-inetd": ("/usr/sbin/inetd",),
    "inetutils-inetd": ("/usr/sbin/inetutils-inetd",),
    "xinetd": ("/usr/sbin/xinetd", "-pidfile", "/run/xinetd.pid", "-stayalive", "-inetd_compat"),
    busybox.NAME: ("/usr/sbin/inetd",),
}
_PLACES = ("etc/inetd.conf", "etc/inetd.d", "etc/xinetd.conf", "etc/xinetd.d", "etc/more")

# poll, select, pause, rt_sigsuspend, epoll_wait, pselect6, ppoll, epoll_pwait, epoll_pwait2; and nanosleep, clock_nanosleep, because
# inetutils-inetd sleeps for a second after every signal that it has dealt with.
_WAITING = {"x86_64": {7, 23, 34, 130, 232, 270, 271, 281, 441, 35, 230}, "aarch64": {22, 72, 73, 133, 441, 101, 115}}[platform.machine()]
_PATIENCE = 20.0  # seconds of the clock, after which a daemon is stuck and this is an error
_AGAIN = 0.05  # seconds after which a datagram is taken to be lost
_BUSY = 0.15  # seconds of the processor, after which a daemon is taken to be in an endless loop; a start takes milliseconds
_TICKS = os.sysconf("SC_CLK_TCK")
_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}


class Daemon:
    """The daemon of the moment, and what it has said to syslog."""

    def __init__(self, super_server: str) -> None:
        self.command = _COMMANDS[super_server]
        self.pid: int | None = None
        self.state = "not started"
        self.log: list[str] = []
        self._syslog = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._syslog.bind("/dev/log")

    def start(self) -> None:
        """Start it as its package does; it puts itself into the background, and so becomes a child of this process."""
        for leftover in Path("/run").glob("*.pid"):
            leftover.unlink()
        nothing = [(os.POSIX_SPAWN_OPEN, number, "/dev/null", os.O_RDWR, 0) for number in (0, 1, 2)]
        self.pid = os.posix_spawn(self.command[0], self.command, _ENVIRONMENT, file_actions=nothing, setsid=True)
        self._settle()
        while self._left_a_child():
            self.pid = _children()[0]
            self._settle()

    def _left_a_child(self) -> bool:
        return self.pid is None and self.state == "exited with 0" and bool(_children())

    def signal(self, name: str) -> None:
        """Send a signal and wait until it has been dealt with."""
        if self.pid is not None and self.state == "serves":
            os.kill(self.pid, signal.Signals[f"SIG{name}"])
            self._settle()

    def ask(self, port: int) -> None:
        """Connect, and put what is answered into the log."""
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as connection:
            connection.settimeout(_PATIENCE)
            connection.connect(("127.0.0.1", port))
            self.log.append(f"answer: {connection.recv(65536).decode(errors='replace').strip()}")

    def who(self, questions: list[list[Any]]) -> None:
        """Ask for the name of the server, from one client after the other, and put the answers into the log."""
        self._listen()
        self.log = [json.dumps([_answer(*question) for question in questions])]

    def stop(self) -> None:
        """End it the usual way; one that hangs is killed."""
        if self.pid is not None:
            os.kill(self.pid, signal.SIGTERM if self.state == "serves" else signal.SIGKILL)
            try:
                self._until(self._gone, "does not end")
            except TimeoutError:
                os.kill(self.pid, signal.SIGKILL)
                self._until(self._gone, "cannot be killed")
        self.pid, self.state = None, "not started"
        self._until(_buried, "leaves a server behind")

    def look(self) -> dict[str, Any]:
        """Return what the kernel holds, and what the daemon has said since the last look."""
        shown = subprocess.run(("/usr/bin/ss", "-H", "-ltunpe"), capture_output=True, text=True, check=True, env=_ENVIRONMENT).stdout
        self._listen()
        said, self.log = self.log, []
        return {"ss": shown, "state": self.state, "log": said}

    def forget(self) -> None:
        """Let go of what it has said."""
        self._listen()
        self.log.clear()

    def _settle(self) -> None:
        """Wait until the daemon waits for somebody else: until it has read its files and bound its sockets, or ended, or hangs."""
        if self.pid is None:
            self.state = "ended"
            return
        before = _seconds_used(self.pid)
        self._until(lambda: self._settled(before), "neither waits nor ends")
        self._listen()

    def _settled(self, before: float) -> bool:
        assert self.pid is not None
        if self._gone():
            self.pid = None
            return True
        if _waits(self.pid):
            self.state = "serves"
            return True
        if _seconds_used(self.pid) - before > _BUSY:
            self.state = "hangs"
            return True
        return False

    def _gone(self) -> bool:
        assert self.pid is not None
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if pid:
            code = os.waitstatus_to_exitcode(status)
            self.state = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exited with {code}"
        return pid != 0

    def _until(self, condition: Any, otherwise: str) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not condition():
            self._listen()
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.command[0]} {otherwise} after {_PATIENCE} s; it said {self.log}")
            time.sleep(0.0003)

    def _listen(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                text = self._syslog.recv(65536).decode(errors="replace")
                self.log.append(text.partition("]: ")[2].strip() or text.strip())


def _answer(transport: str, address: str, port: int) -> str:
    """Return what a server says to a client, "" where nobody does. A datagram is sent again: xinetd drains what came while a server ran."""
    kind = socket.SOCK_STREAM if transport == "tcp" else socket.SOCK_DGRAM
    deadline = time.monotonic() + _PATIENCE
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind) as client:
        try:
            client.connect((address, port))
            client.settimeout(_PATIENCE if transport == "tcp" else _AGAIN)
            while time.monotonic() < deadline:
                if transport == "udp":
                    client.send(b"?")
                with contextlib.suppress(TimeoutError):
                    return client.recv(99).decode()
        except (ConnectionRefusedError, ConnectionResetError):
            return ""
    return "no answer"


def _buried() -> bool:
    """True when no server is left that some client has had started: without its daemon it is a child of this process."""
    try:
        os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return True
    return False


def _children() -> list[int]:
    """Children of this process that are not yet known to have ended."""
    found = []
    for folder in Path("/proc").glob("[1-9]*"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            _, _, after = (folder / "stat").read_text().rpartition(") ")
            if after.split()[1] == "1":
                found.append(int(folder.name))
    return sorted(found)


def _waits(pid: int) -> bool:
    """True if a process sleeps until something happens to it, and nothing has."""
    status = Path(f"/proc/{pid}/status").read_text()
    pending = [line.split()[1] for line in status.splitlines() if line.startswith(("SigPnd:", "ShdPnd:"))]
    if any(int(mask, 16) for mask in pending):
        return False
    number = Path(f"/proc/{pid}/syscall").read_text().split()[0]
    return number.isdigit() and int(number) in _WAITING


def _seconds_used(pid: int) -> float:
    _, _, after = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")
    fields = after.split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _put(files: Mapping[str, str]) -> None:
    """Give the daemon exactly these files."""
    for place in _PLACES:
        path = Path("/", place)
        if path.is_dir():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
    for name in ("etc/inetd.d", "etc/xinetd.d"):
        Path("/", name).mkdir()
    for name, text in files.items():
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode(errors="surrogateescape"))


def _play(daemon: Daemon, steps: list[Step]) -> list[dict[str, Any]]:
    looks = []
    for verb, *rest in steps:
        match verb:
            case "files":
                _put(*rest)
            case "start":
                daemon.start()
            case "signal":
                daemon.signal(*rest)
            case "ask":
                daemon.ask(*rest)
            case "who":
                daemon.who(*rest)
            case "stop":
                daemon.stop()
            case "look":
                looks.append(daemon.look())
            case "sysctl":
                _set(*rest)
            case _:
                raise ValueError(f"no such step: {verb}")
    daemon.stop()
    daemon.forget()
    return looks


def _set(name: str, value: str) -> None:
    Path("/proc/sys", name.replace(".", "/")).write_text(value)


def _stay_on_one_processor(number: int) -> None:
    """Keep a daemon where inode numbers grow from one socket to the next: each processor hands out numbers of its own."""
    allowed = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {allowed[number % len(allowed)]})


def _serve(super_server: str, knob: str, scratch: Path) -> None:
    linux.die_with_parent(signal.SIGKILL)
    linux.drop_capabilities_of_the_machine()
    layers = busybox.layers() if super_server == busybox.NAME else image.layers(super_server)
    root = guest.make_root(HostSpec(name="bench", super_server="none"), layers, scratch)
    linux.change_root(root, "mnt")
    Path("/etc/hosts").write_text(hosts_file.TEXT)
    _set("net.unix.max_dgram_qlen", "10000")
    subprocess.run(("/usr/sbin/ip", "link", "set", "lo", "up"), check=True, env=_ENVIRONMENT)
    subprocess.run(("/usr/sbin/ip", "address", "add", f"{hosts_file.OTHER}/128", "dev", "lo", "nodad"), check=True, env=_ENVIRONMENT)
    daemon = Daemon(super_server)
    for line in sys.stdin:
        answers = []
        for steps in json.loads(line):
            _set("net.ipv6.bindv6only", knob)
            answers.append(_play(daemon, steps))
        print(json.dumps(answers), flush=True)


def main(name: str, knob: str, scratch: str) -> NoReturn:
    """Leave the machine's namespaces and run a bench in new ones until standard input ends."""
    (super_server,) = (known for known in _COMMANDS if known == name)
    _stay_on_one_processor(int(knob))
    linux.die_with_parent(signal.SIGKILL)
    flags = linux.CLONE_NEWNS | linux.CLONE_NEWUTS | linux.CLONE_NEWIPC | linux.CLONE_NEWNET | linux.CLONE_NEWPID
    linux.unshare(flags)
    if child := os.fork():
        sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    _serve(super_server, knob, Path(scratch))
    sys.exit()


if __name__ == "__main__":
    main(*sys.argv[1:])
