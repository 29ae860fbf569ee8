"""Runs a command and stops the world at its N-th step; a program of its own, since a tracer must be one thread.

    tracer.py N VICTIM REPORT COMMAND...

A step is a system call by which the command, or what it starts in its process group, is about to change something: a file, a name, an
owner, a process. N 0 stops nothing. At step N the one about to take it is held, and VICTIM gets SIGKILL: ``group`` for the command's
process group, or the number of a process. Processes that leave the group (a daemon that is started) are let go. REPORT gets one line for
each step. It works on the real script, under any shell, because it watches the kernel and not the text.
"""

import contextlib
import ctypes
import os
import platform
import signal
import struct
import sys
from pathlib import Path
from typing import NoReturn

_TRACEME, _SETOPTIONS, _SYSCALL, _DETACH, _GET_SYSCALL_INFO = 0, 0x4200, 24, 17, 0x420E
_SYSGOOD, _FORK, _VFORK, _CLONE, _EXEC = 0x1, 0x2, 0x4, 0x8, 0x10
_WALL = 0x40000000
_INFO = struct.Struct("=B3xIQQQ6Q")  # struct ptrace_syscall_info up to the arguments of an entry
_ENTRY = 1
_CREATES = os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_RDWR

# Numbers of the system calls that change something; where a name is missing the machine has only its *at form.
_NAMES = {
    "x86_64": "write=1 open=2 clone=56 fork=57 vfork=58 execve=59 kill=62 truncate=76 ftruncate=77 rename=82 mkdir=83 rmdir=84 creat=85"
    " link=86 unlink=87 symlink=88 chmod=90 fchmod=91 chown=92 fchown=93 lchown=94 openat=257 mkdirat=258 fchownat=260 unlinkat=263"
    " renameat=264 linkat=265 symlinkat=266 fchmodat=268 utimensat=280 renameat2=316 clone3=435 fchmodat2=452",
    "aarch64": "mkdirat=34 unlinkat=35 symlinkat=36 linkat=37 renameat=38 truncate=45 ftruncate=46 fchmod=52 fchmodat=53 fchownat=54"
    " fchown=55 openat=56 write=64 utimensat=88 kill=129 clone=220 execve=221 renameat2=276 clone3=435 fchmodat2=452",
}
_CHANGING = {int(number): name for name, _, number in (pair.partition("=") for pair in _NAMES.get(platform.machine(), "").split())}
_WHICH_PATH = {"rename": 0, "renameat": 1, "renameat2": 1, "link": 0, "linkat": 1, "unlink": 0, "unlinkat": 1, "symlink": 1, "symlinkat": 2}
_WHICH_PATH |= {"open": 0, "openat": 1, "creat": 0, "chmod": 0, "fchmodat": 1, "chown": 0, "fchownat": 1, "mkdir": 0, "mkdirat": 1}
_WHICH_PATH |= {"execve": 0}
_WHICH_FLAGS = {"open": 1, "openat": 2}  # where the flags stand

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.restype = ctypes.c_long
_libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)


def _ptrace(request: int, pid: int, address: int = 0, data: object = 0) -> None:
    if _libc.ptrace(request, pid, address, data) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


class Tracer:
    """One traced command."""

    def __init__(self, at: int, victim: str, report: Path) -> None:
        self.at, self.victim, self.report = at, victim, report
        self.steps: list[str] = []
        self.known: set[int] = set()

    def run(self, argv: list[str]) -> int:
        """Run it to its end; return its status as a shell would, 128 and the signal's number included."""
        self.group = os.fork()
        if self.group == 0:
            _become(argv)
        os.waitpid(self.group, 0)
        _ptrace(_SETOPTIONS, self.group, 0, _SYSGOOD | _FORK | _VFORK | _CLONE | _EXEC)
        self.known.add(self.group)
        self._go_on(self.group)
        status = self._watch()
        self.report.write_text("".join(f"{step}\n" for step in self.steps))
        return status

    def _watch(self) -> int:
        while True:
            pid, status = os.waitpid(-1, _WALL)
            if os.WIFSTOPPED(status):
                with contextlib.suppress(ProcessLookupError):
                    self._stopped(pid, status)
            elif pid == self.group:
                return os.waitstatus_to_exitcode(status)

    def _stopped(self, pid: int, status: int) -> None:
        number, event = os.WSTOPSIG(status), status >> 16
        if os.getpgid(pid) != self.group and pid in self.known:
            _ptrace(_DETACH, pid, 0, 0 if event or number & 0x80 else number)
            return
        if number == signal.SIGTRAP | 0x80:
            self._syscall(pid)
            number = 0
        elif event or (number == signal.SIGSTOP and pid not in self.known):
            number = 0  # a child begins with a stop, which is the tracer's and not the script's
        self.known.add(pid)
        self._go_on(pid, number)

    def _go_on(self, pid: int, number: int = 0) -> None:
        _ptrace(_SYSCALL, pid, 0, number)

    def _syscall(self, pid: int) -> None:
        info = ctypes.create_string_buffer(_INFO.size)
        _ptrace(_GET_SYSCALL_INFO, pid, _INFO.size, ctypes.cast(info, ctypes.c_void_p))
        kind, _, _, _, number, *arguments = _INFO.unpack(info.raw)
        name = _CHANGING.get(number)
        if kind != _ENTRY or name is None or not _matters(pid, name, arguments):
            return
        self.steps.append(" ".join((name, *_place(pid, name, arguments))))
        if len(self.steps) == self.at:
            if self.victim == "group":
                os.killpg(self.group, signal.SIGKILL)
            else:
                os.kill(int(self.victim), signal.SIGKILL)


def _place(pid: int, name: str, arguments: list[int]) -> tuple[str, ...]:
    """The last part of the path that a step is about, so that a report can be read."""
    if name not in _WHICH_PATH:
        return ()
    with contextlib.suppress(OSError), Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        memory.seek(arguments[_WHICH_PATH[name]])
        return (memory.read(256).partition(b"\0")[0].decode(errors="replace").rpartition("/")[2] or "/",)
    return ()


def _matters(pid: int, name: str, arguments: list[int]) -> bool:
    """Opening for reading, and writing to a pipe, change nothing."""
    if name in _WHICH_FLAGS:
        return bool(arguments[_WHICH_FLAGS[name]] & _CREATES) and _place(pid, name, arguments) != ("null",)
    if name == "write":
        target = str(Path(f"/proc/{pid}/fd/{arguments[0]}").readlink()) if arguments[0] < 1024 else ""
        return target.startswith("/") and not target.startswith("/dev/")
    return True


def _become(argv: list[str]) -> NoReturn:
    try:
        os.setsid()
        _ptrace(_TRACEME, 0)
        os.execvp(argv[0], argv)
    finally:
        os._exit(127)


def main() -> int:
    """Do what the arguments say."""
    at, victim, report, *argv = sys.argv[1:]
    status = Tracer(int(at), victim, Path(report)).run(argv)
    return 128 - status if status < 0 else status


if __name__ == "__main__":
    sys.exit(main())
