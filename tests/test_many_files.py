"""Changes of very many files, on a system that has room for few words behind a command."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator

import attrs
import pytest

from pyinfra_inet46.transaction import FileChange, Result, Seen
from tests.shell.harness import Host, Run, probe
from tests.shell.plays import AFTER, Outcome, about, scenario

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root for a network of its own")

MANY = 450
LITTLE = 512 * 1024  # of stack, of which Linux gives a quarter to words: 128 KiB, the least it has


def files(host: Host) -> Iterator[FileChange]:
    """Made, replaced and removed ones, whose names are long."""
    folder = host.etc / "folder"
    folder.mkdir(exist_ok=True)
    for number in range(MANY):
        path = folder / f"{number:04d}{'-' * 150}"
        old = b"old" if number % 3 else None
        if old is not None:
            path.write_bytes(old)
        yield FileChange(
            path=str(path),
            old=None if old is None else Seen.of(old),
            new=b"new" if number % 3 < 2 else None,
            staged=str(folder / ".inet46-new"),
            kept=str(folder / ".inet46-old"),
        )


def with_little_room(host: Host, *, fails: bool = False) -> tuple[Run, object]:
    change = host.transaction(files=(host.change(), *files(host)), deadline=3.0)
    if fails:
        change = attrs.evolve(change, probes=(probe("ipv4", "never"),), deadline=0.5)
    _, hard = resource.getrlimit(resource.RLIMIT_STACK)
    shell, host.shell = host.shell, f"prlimit --stack={LITTLE}:{hard if hard >= 0 else 'unlimited'} {host.shell}"
    run = host.run(change)
    host.shell = shell
    texts = [path.read_text() for path in (host.etc / "folder").iterdir() if path.is_file()]
    return run, {text: texts.count(text) for text in texts}


@scenario
def changes_very_many(host: Host) -> tuple[Run, object]:
    return with_little_room(host)


@about(changes_very_many)
def test_very_many_files_are_changed_and_nothing_of_the_change_stays(done: Outcome) -> None:
    assert done.run.verdict.result is Result.COMMITTED, done.run.stderr
    assert "too long" not in done.run.stderr
    assert done.sockets == AFTER
    assert done.extra == {"new": MANY * 2 // 3}
    assert [name for name in done.names if ".inet46" in name] == []


@scenario
def goes_back_with_very_many(host: Host) -> tuple[Run, object]:
    return with_little_room(host, fails=True)


@about(goes_back_with_very_many)
def test_very_many_files_go_back_and_nothing_of_the_change_stays(done: Outcome) -> None:
    assert done.run.verdict.result is Result.ROLLED_BACK, done.run.stderr
    assert "too long" not in done.run.stderr
    assert done.extra == {"old": MANY * 2 // 3}
    assert [name for name in done.names if ".inet46" in name] == []
