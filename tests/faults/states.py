"""What a host is at one moment, as far as a change may touch it: files, settings, sockets, and what a change leaves on the way."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

import attrs

from pyinfra_inet46.transaction import Transaction
from tests.lab import Host

SETTINGS = ("net.ipv6.bindv6only", "net.ipv4.ip_default_ttl")
BOOTED = ("0", "64")  # their values when a host has just booted
STATE_DIR = "/var/lib/inet46"
_LEFT = re.compile(r"\.inet46-(new|old)(\.|$)")

_FOLDERS = ("/etc", "/etc/xinetd.d", "/etc/inetd.d", "/etc/systemd/system", "/etc/systemd/system/sockets.target.wants")

Socket = tuple[str, str, int, bool | None, str]


@attrs.frozen(kw_only=True)
class State:
    """Files of /etc by hash, owner and mode, links by where they lead; live settings; listening sockets and whose they are."""

    files: frozenset[tuple[str, str]]
    settings: tuple[str, ...]
    sockets: frozenset[Socket]

    def families(self, port: int) -> frozenset[str]:
        """The families that are answered on a port."""
        here = [(address, v6only) for _, address, number, v6only, _ in self.sockets if number == port]
        ipv4 = any(v6only is None or v6only is False for _, v6only in here)
        return frozenset({"ipv4"} if ipv4 else ()) | frozenset({"ipv6"} if any(v6only is not None for _, v6only in here) else ())


def state_of(host: Host) -> State:
    """Look at a host, from the machine."""
    settings = host.run(["cat", *(f"/proc/sys/{name.replace('.', '/')}" for name in SETTINGS)], check=True).stdout.decode().split()
    return State(
        files=frozenset(_files(host.path("/etc"))),
        settings=tuple(settings),
        sockets=frozenset((s.transport, s.address.replace("*", "::"), s.port, s.v6only, s.process or "-") for s in host.sockets()),
    )


def _files(etc: Path) -> Iterator[tuple[str, str]]:
    for folder, folders, names in os.walk(etc):
        folders[:] = [name for name in folders if not _LEFT.match(name)]
        for name in names:
            path = Path(folder, name)
            place = "/etc/" + str(path.relative_to(etc))
            if _LEFT.match(name):
                continue
            if path.is_symlink():
                yield place, f"-> {path.readlink()}"
            elif path.is_file():
                seen = path.stat()
                yield place, _mark(path.read_bytes(), seen.st_mode & 0o7777, seen.st_uid, seen.st_gid)


def _mark(content: bytes, mode: int, uid: int, gid: int) -> str:
    return f"{hashlib.sha256(content).hexdigest()} {mode:o} {uid} {gid}"


def promised(old: State, change: Transaction) -> State:
    """What the host must be once the change is made."""
    files = dict(old.files)
    for file in change.files:
        files.pop(file.path, None)
        if file.new is not None:
            files[file.path] = _mark(file.new, file.mode, file.uid, file.gid)
    for link in change.links:
        files.pop(link.path, None)
        if link.new is not None:
            files[link.path] = f"-> {link.new}"
    live = {setting.key: setting.value for setting in change.live}
    others = {x for x in old.sockets if (x[0], x[2]) not in change.ours}
    ours = {(x.transport, x.address, x.port, x.v6only, change.daemon.name) for x in change.expected}
    return State(
        files=frozenset(files.items()),
        settings=tuple(live.get(name, value) for name, value in zip(SETTINGS, old.settings, strict=True)),
        sockets=frozenset(others | ours),
    )


def difference(seen: State, wanted: State) -> str:
    """What is not as it should be, in words; empty when all is."""
    parts = []
    if seen.files != wanted.files:
        parts.append(f"files differ: {', '.join(sorted({path for path, _ in seen.files ^ wanted.files}))}")
    if seen.settings != wanted.settings:
        parts.append(f"settings are {seen.settings}, not {wanted.settings}")
    if seen.sockets != wanted.sockets:
        parts.append(
            f"sockets are too many {sorted(map(str, seen.sockets - wanted.sockets))}, missing {sorted(map(str, wanted.sockets - seen.sockets))}"
        )
    return "; ".join(parts)


def leftovers(host: Host) -> list[str]:
    """Locks, staged and kept files, temporary names: all that must be gone once a run has ended in peace."""
    found = [path.name for folder in _FOLDERS for path in host.path(folder).glob(".inet46*")]
    state = host.path(STATE_DIR)
    return sorted(found) + sorted(path.name for path in (state.iterdir() if state.is_dir() else ()) if path.name != "last")
