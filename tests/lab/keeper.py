"""The process that owns a lab: while it lives the lab runs, and with it the lab is gone.

Two processes. The keeper proper stays in the machine's namespaces and holds the lab's lock and state folder. Its child is the lab's
init (inside.py): pid 1 of a pid namespace in which all hosts run, in a network namespace that holds their bridge, and in a mount
namespace. However the keeper ends, the kernel ends the child, all processes below it, and with them every interface and mount:
nothing of a lab has a name outside these namespaces. Only the state folder and empty cgroups can be left by a keeper that was killed;
whoever next starts or stops any lab clears them.

`python3 -m tests.lab.keeper NAME` is talked to over standard input: a line with the request, then a line "stay" to let it outlive
whoever started it. The end of the input before that ends the lab. It answers with one line of JSON: `{"error": null}` once the lab is
up, or what went wrong. Without a name it only clears.
"""

import contextlib
import fcntl
import json
import os
import select
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import IO

from tests.lab import image, linux, state
from tests.lab.inside import Plan, run
from tests.lab.places import LabError, cache
from tests.lab.places import state as state_folder
from tests.lab.spec import HostSpec

_PATIENCE = 2


class _Asked(BaseException):
    """Somebody asked the keeper to end."""


def main(name: str) -> int:
    """Run a lab from the request on standard input until it is to end."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _asked)
    try:
        specs = tuple(HostSpec.from_dict(item) for item in json.loads(_line()))
        sweep(but=name)
        with _sole_owner(name, patience=_PATIENCE):
            if state_folder(name).is_dir():
                _clear(state_folder(name))
            _own(name, specs)
    except LabError as problem:
        _answer(str(problem))
        return 1
    except _Asked:
        pass
    except Exception as problem:  # noqa: BLE001 -- the one who waits for the answer must get one
        traceback.print_exc()
        _answer(f"{type(problem).__name__}: {problem}")
        return 1
    return 0


def sweep(*, but: str = "") -> None:
    """Clear what labs left whose keeper was killed."""
    labs = cache() / "labs"
    for name in {path.stem for path in labs.glob("*")} - {but}:
        with contextlib.suppress(LabError), _sole_owner(name):
            if (folder := state_folder(name)).is_dir():
                _clear(folder)
            if (log := folder.with_suffix(".log")).exists() and log.stat().st_size == 0:
                log.unlink()


def _own(name: str, specs: tuple[HostSpec, ...]) -> None:
    folder = state_folder(name)
    folder.mkdir(mode=0o700, parents=True)
    for mount_point in ("root", "cgroup"):
        (folder / mount_point).mkdir()
    plan = Plan(name=name, folder=folder, image_root=image.base_root(), specs=specs)
    report, reporting = os.pipe()
    with Path("/proc/self/ns/pid").open("rb") as own:
        linux.unshare(linux.CLONE_NEWPID)
        init = os.fork()
        if init == 0:
            os.close(report)
            run(plan, reporting)
        linux.rejoin(own.fileno())
    os.close(reporting)
    handle = os.pidfd_open(init)
    try:
        if (told := _wait(report, handle)) is not None:
            answer = json.loads(told or '{"error": "the lab\'s init died; its log may say why"}')
            if answer["error"] is None:
                state.write(name, answer["hosts"], init)
            _answer(answer["error"])
            if answer["error"] is None:
                _wait(None, handle)
    finally:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(handle, signal.SIGKILL)
        os.waitpid(init, 0)
        _clear(folder)
        if (log := folder.with_suffix(".log")).exists() and log.stat().st_size == 0:
            log.unlink()


def _wait(report: int | None, handle: int) -> bytes | None:
    """Wait for a report from the lab's init, its end (an empty report), or the end of standard input (None)."""
    waiting = select.poll()
    for descriptor in (0, report if report is not None else handle):
        waiting.register(descriptor, select.POLLIN)
    while True:
        for descriptor, _ in waiting.poll():
            if descriptor == report:
                with os.fdopen(report, "rb") as stream:
                    return stream.read()
            if descriptor == handle:
                return b""
            line = _line()
            if not line:
                return None
            if line == b"stay\n":
                waiting.unregister(0)


def _clear(folder: Path) -> None:
    """Remove a dead lab's cgroups, through a mount of their file system that only a short-lived child sees, and its folder."""
    child = os.fork()
    if child == 0:
        with contextlib.suppress(OSError):
            linux.unshare(linux.CLONE_NEWNS)
            linux.mount("none", Path("/"), "", linux.MS_REC | linux.MS_PRIVATE)
            linux.mount("cgroup2", folder / "cgroup", "cgroup2")
            for top in (folder / "cgroup").glob(f"inet46.{folder.name}.*/"):
                for path, _, _ in os.walk(top, topdown=False):
                    Path(path).rmdir()
        os._exit(0)
    os.waitpid(child, 0)
    shutil.rmtree(folder)


@contextlib.contextmanager
def _sole_owner(name: str, *, patience: float = 0) -> Iterator[None]:
    """Hold the lab's lock, which the kernel lets go when the keeper ends in whatever way.

    Whoever sweeps holds it for a moment too, and whoever ends removes the file: so one who starts a lab has some patience.
    """
    path = state_folder(name).with_suffix(".lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + patience
    while (lock := _try_lock(path)) is None:
        if time.monotonic() >= deadline:
            raise LabError(f"a lab named {name!r} is already running")
        time.sleep(0.05)
    with lock:
        try:
            yield
        finally:
            path.unlink()


def _try_lock(path: Path) -> IO[str] | None:
    lock = path.open("w")
    with contextlib.suppress(OSError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(path.stat(), os.fstat(lock.fileno())):
            return lock
    lock.close()
    return None


def _line() -> bytes:
    """One line of standard input, with nothing read ahead, so that poll stays true."""
    line = b""
    while not line.endswith(b"\n") and (byte := os.read(0, 1)):
        line += byte
    return line


def _answer(error: str | None) -> None:
    with contextlib.suppress(BrokenPipeError):
        os.write(1, json.dumps({"error": error}).encode() + b"\n")


def _asked(_number: int, _frame: FrameType | None) -> None:
    raise _Asked


if __name__ == "__main__":
    if sys.argv[1:]:
        sys.exit(main(sys.argv[1]))
    sweep()
