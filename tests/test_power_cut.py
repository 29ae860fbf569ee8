"""The power goes at any point of a change: what the disk holds then is all old, all new, or the next run makes it so.

A kill leaves everything that was written; a power cut leaves what had reached the disk. Here /etc and the state folder lie on disks of
their own, files behind loop devices, and a copy of such a file is what its disk would hold if the power went now. A disk either takes
everything at once, or nothing before it is told to. So the one may be far ahead of the other, which is the worst that can happen.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pathlib
import signal
import subprocess
from collections.abc import Iterator

import attrs
import pytest

from tests.shell.harness import Host
from tests.shell.plays import NEW, OLD
from tests.shell.points import ALL_NEW, ALL_OLD, at_points, everything, kill_at, recovery

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root for disks and a network of its own")

AT_ONCE, WHEN_TOLD = "sync", "commit=600"  # options of ext4

SNAPSHOT = """
	command mkdir "{0}/$points"
	command printf '%%s' "${{result:-}}" >"{0}/$points/told"
	for points_disk in {1}; do command cp --sparse=always "{0}/$points_disk.img" "{0}/$points/"; done
"""


@attrs.frozen
class Disks:
    """The folder with the files behind the disks, and how each disk takes what is written. Without one of its own, the state is in /etc's."""

    folder: pathlib.Path
    etc: str
    state: str | None

    @property
    def names(self) -> tuple[str, ...]:
        return ("etc", "state") if self.state else ("etc",)

    def make(self, host: Host) -> None:
        """Mount them on the host, with what stands in its /etc."""
        plain = self.folder / "plain"
        plain.mkdir(parents=True)
        for name in self.names:
            disk = self.folder / f"{name}.img"
            with disk.open("wb") as file:
                file.truncate(4 * 1024 * 1024)
            subprocess.run(
                ["mkfs.ext4", "-q", "-b", "1024", "-J", "size=1", "-O", "^resize_inode", str(disk)], check=True, capture_output=True
            )
        host.state.mkdir(exist_ok=True)
        sh(host, f"mount --bind {host.etc} {plain}; mount -o loop,{self.etc} {self.folder}/etc.img {host.etc}; rmdir {host.etc}/lost+found")
        sh(host, f"mkdir {host.etc}/.state; cp -a {plain}/. {host.etc}; umount {plain}")
        if self.state:
            sh(host, f"mount -o loop,{self.state} {self.folder}/state.img {host.state}; rmdir {host.state}/lost+found")
        else:
            sh(host, f"mount --bind {host.etc}/.state {host.state}")
        sh(host, "sync")

    def snapshots(self) -> Iterator[pathlib.Path]:
        """Those that hold anything else than the one before, in order."""
        last = b""
        for taken in sorted(self.folder.glob("[0-9]*"), key=lambda path: int(path.name)):
            said = b"".join(hashlib.sha256(path.read_bytes()).digest() for path in sorted(taken.iterdir()))
            if said != last:
                yield taken
            last = said

    @contextlib.contextmanager
    def put_back(self, host: Host, taken: pathlib.Path) -> Iterator[None]:
        """The host with these disks, after it has booted again."""
        for pid in host.daemons():
            os.kill(pid, signal.SIGKILL)
        state = f"mount -o loop {taken}/state.img" if self.state else f"mount --bind {host.etc}/.state"
        sh(host, f"mount -o loop {taken}/etc.img {host.etc}; {state} {host.state}; echo 0 >/proc/sys/net/ipv6/bindv6only")
        try:
            host.until(lambda: not host.sockets())
            host.start()
            yield
        finally:
            sh(host, f"umount {host.state} {host.etc}")


def sh(host: Host, text: str) -> str:
    return subprocess.run(host.inside("sh", "-ec", text), check=True, capture_output=True, text=True).stdout


def files(host: Host) -> dict[str, str]:
    """What stands in /etc, as the host sees it."""
    etc = pathlib.Path(f"/proc/{host.network.pid}/root{host.etc}")
    found = {str(path.relative_to(etc)): path for path in etc.rglob("*") if path.name != ".state" and path.parent.name != ".state"}
    return {
        name: f"-> {path.readlink()}" if path.is_symlink() else path.read_text()
        for name, path in found.items()
        if not path.is_dir() or path.is_symlink()
    }


def left(host: Host) -> set[str]:
    return set(sh(host, f"ls {host.state}").split()) | {
        name for name in sh(host, f"ls -A {host.etc}").split() if name.startswith(".inet46")
    }


@pytest.fixture
def loops() -> None:
    """A machine may have no loop devices to give, as containers do."""
    done = subprocess.run(["losetup", "--find"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"needs loop devices: {done.stderr.strip()}")


@pytest.mark.usefixtures("loops")
@pytest.mark.parametrize("way", ["forth", "back"])
@pytest.mark.parametrize(
    ("etc", "state"),
    [(WHEN_TOLD, WHEN_TOLD), (AT_ONCE, WHEN_TOLD), (WHEN_TOLD, AT_ONCE), (WHEN_TOLD, None)],
    ids=["both-late", "state-late", "etc-late", "one-disk"],
)
def test_after_a_power_cut_at_any_point_a_host_is_all_old_or_all_new(tmp_path: pathlib.Path, etc: str, state: str | None, way: str) -> None:
    disks = Disks(tmp_path / "disks", etc, state)
    with Host(tmp_path / "host") as host:
        change = everything(host, fails=way == "back")
        disks.make(host)
        run = at_points(host, change, SNAPSHOT.format(disks.folder, " ".join(disks.names)))
        assert run.status == (4 if way == "back" else 0), run
        sh(host, f"umount {host.state} {host.etc}")
        met = []
        for taken in disks.snapshots():
            with disks.put_back(host, taken):
                found = files(host)
                assert found["inetd.conf"] in (OLD, NEW), taken.name
                again = kill_at(host, recovery(change), 0)
                assert again.status == 0, (taken.name, again)
                assert files(host) in (ALL_OLD[0], ALL_NEW[0]), (taken.name, found, files(host))
                assert left(host) == {"last"}, taken.name
                whole = "new" if files(host) == ALL_NEW[0] else "old"
                assert whole == "new" or (taken / "told").read_text() != "committed", f"{taken.name}: told as committed, and lost"
                met.append((found["inetd.conf"] == NEW, whole))

    assert (False, "old") in met
    assert {whole for _, whole in met} == ({"old"} if way == "back" else {"old", "new"})
    assert len(met) >= 4, "each time that the disk is told to take it"
