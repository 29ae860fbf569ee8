"""One input at a time, within bounds of time and memory; what breaks them or a law is a finding, made as small as it gets."""

from __future__ import annotations

import contextlib
import hashlib
import resource
import signal
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import NoReturn

import attrs

from tests.fuzz.targets import TARGETS, Target, attempt

__all__ = ["Finding", "bounded", "kept", "probe", "shrunk"]

SECONDS = 5.0  # of CPU for an input of at most 12 kB, which takes milliseconds
MEMORY = 3 << 30  # bytes of address space: far above what the library itself maps

_ROOT = Path(__file__).parent.parent.parent


class TooSlow(BaseException):
    """More time than any input may cost; no handler of ours may swallow it."""


@attrs.frozen
class Finding:
    """An input that breaks something, where, and how it was told."""

    target: str
    data: bytes
    kind: str
    place: str
    told: str

    @property
    def key(self) -> tuple[str, str]:
        """What makes two findings one: the kind of exception and the line that raised it."""
        return self.kind, self.place


@contextlib.contextmanager
def bounded() -> Iterator[None]:
    """Bound the memory of this process, and the time of each input."""
    limits = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, limits[1]))
    before = signal.signal(signal.SIGPROF, _too_slow)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
        resource.setrlimit(resource.RLIMIT_AS, limits)


def _too_slow(_: int, __: FrameType | None) -> NoReturn:
    raise TooSlow(f"takes more than {SECONDS:.0f} s")


def probe(target: Target, data: bytes) -> Finding | None:
    """Give one input to a target; return what it broke."""
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        attempt(target, data)
    except (Exception, TooSlow) as error:  # noqa: BLE001 -- whatever comes out is what is looked for
        signal.setitimer(signal.ITIMER_PROF, 0)
        return Finding(target.name, data, type(error).__name__, _place(error), "".join(traceback.format_exception(error)[-6:]))
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return None


def _place(error: BaseException) -> str:
    """Name the innermost line of ours; a slow input has no line of its own, and a deep one any."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(str(_ROOT))]
    mine = [frame for frame in frames if "/.venv/" not in frame.filename]
    if isinstance(error, TooSlow | RecursionError | MemoryError) or not mine:
        return ""
    return f"{Path(mine[-1].filename).relative_to(_ROOT)}:{mine[-1].lineno}"


def shrunk(finding: Finding, seconds: float = 20.0) -> Finding:
    """Take away what is not needed to break the same thing: ever smaller pieces, as long as there is time."""
    until, target = time.monotonic() + seconds, TARGETS[finding.target]
    size = len(finding.data) // 2
    while size and time.monotonic() < until:
        at, smaller = 0, False
        while at < len(finding.data) and time.monotonic() < until:
            found = probe(target, finding.data[:at] + finding.data[at + size :])
            if found is not None and found.key == finding.key:
                finding, smaller = found, True
            else:
                at += size
        size = size if smaller and size < len(finding.data) else size // 2
    return finding


def kept(finding: Finding, folder: Path) -> Path:
    """Write a finding where `--again` reads it: the target is in its name."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{finding.target}.{hashlib.sha256(finding.data).hexdigest()[:12]}"
    path.write_bytes(finding.data)
    return path
