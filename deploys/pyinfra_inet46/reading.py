"""The lines of a look, sorted into plain values; `look.py` makes a `Look` of them.

Rule of this module: a line that is not understood raises ValueError or LookupError, and whoever reads the line says which it was.
"""

from __future__ import annotations

import functools
import re
import stat
from collections.abc import Callable, Iterator
from typing import Any

import attrs

from pyinfra_inet46.transaction import cksum
from pyinfra_inet46.verdict import Listening, Verdict, VerdictError, parse_verdict, read_listening

__all__ = ["ABOUT_FILES", "Reading", "filemode"]

_LARGEST = 1024 * 1024  # bytes of a file whose content is sent
_ONCE = {
    "system",
    "release",
    "uid",
    "os-id",
    "os-version",
    "ipv6",
    "ipv6-loopback",
    "ipv6-within",
    "systemd",
    "lock",
    "remains",
    "journal",
    "migrates",
    "sockets-from",
}
_NUMBER = re.compile(r"[0-9]{1,19}")
_MODE = re.compile(r"[-a-zA-Z](?:[r-][w-][xsS-]){2}[r-][w-][xtT-]")


def number(text: str) -> int:
    """A number in plain digits."""
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{text!r} is not a number")
    return int(text)


def filemode(mode: int) -> str:
    """The nine letters that ``ls`` prints for these bits."""
    return stat.filemode(mode)[1:]


@functools.lru_cache(maxsize=256)
def _bits(letters: str) -> int:
    """The bits behind the first ten letters of ``ls -l``; an eleventh speaks of access lists."""
    if not _MODE.match(letters):
        raise ValueError(f"{letters!r} is not a mode")
    mode = 0
    for place, letter in enumerate(letters[1:10]):
        if letter in "rwxst":
            mode |= 0o400 >> place
        if letter in "sStT":
            mode |= 0o4000 >> place // 3
    return mode


@attrs.define
class Reading:
    """What has been read so far."""

    one: dict[str, str] = attrs.field(factory=dict)
    servers: list[dict[str, Any]] = attrs.field(factory=list)
    files: list[dict[str, Any]] = attrs.field(factory=list)
    stats: dict[str, tuple[int, int, int, int]] = attrs.field(factory=dict)
    sums: list[tuple[int, int, str]] = attrs.field(factory=list)
    hexadecimal: list[str] = attrs.field(factory=list)
    skipped: list[str] = attrs.field(factory=list)
    settings: list[tuple[str, str | None]] = attrs.field(factory=list)
    services: list[dict[str, Any]] = attrs.field(factory=list)
    accounts: dict[str, list[tuple[str, int | None]]] = attrs.field(factory=lambda: {"user": [], "group": []})
    programs: list[tuple[str, str]] = attrs.field(factory=list)
    sockets: list[Listening] = attrs.field(factory=list)
    clients: list[str] = attrs.field(factory=list)
    last: list[str] = attrs.field(factory=list)

    def take(self, key: str, value: str) -> None:
        """Take one line of the answer."""
        if key in _ONCE:
            if key in self.one:
                raise ValueError(f"{key} was said before")
            self.one[key] = value
        else:
            _TAKERS[key](self, value)

    def contents(self) -> Iterator[dict[str, Any]]:
        """The fields of every file, with the contents that belong to it and are proved by their checksums."""
        blobs = self._blobs()
        for seen in self.files:
            name = seen.pop("source")
            if seen["kind"] == "regular":
                if name not in self.stats:
                    raise ValueError(f"{seen['path']} vanished while it was looked at")
                seen["mode"], seen["uid"], seen["gid"], size = self.stats[name]
                seen["content"] = blobs.get(name)
                if size > _LARGEST:
                    seen["kind"] = "too-large"
                elif name not in blobs:
                    raise ValueError(f"{seen['path']} has no content")
            yield seen

    def _blobs(self) -> dict[str, bytes]:
        every = bytes.fromhex("".join(self.hexadecimal))
        if len(every) != sum(size for _, size, _ in self.sums):
            raise ValueError("the contents of the files are cut short, or a file changed while it was looked at")
        blobs, start = {}, 0
        for crc, size, name in self.sums:
            blobs[name] = every[start : start + size]
            start += size
            if cksum(blobs[name]) != crc:
                raise ValueError(f"{name} changed while it was looked at, or its content is garbled")
        return blobs

    def last_verdict(self) -> Verdict | None:
        """What the last change said; nothing when that cannot be read, because it is no part of this look."""
        try:
            return parse_verdict(self.last)
        except VerdictError:
            return None


def _server(reading: Reading, value: str) -> None:
    kind, path = value.split(" ")
    reading.servers.append({"kind": kind, "path": path})


def _package(reading: Reading, value: str) -> None:
    package, _, version = value.partition(" ")
    reading.servers[-1].update(package=package, version=version or None)


def _argv(reading: Reading, value: str) -> None:
    said = reading.servers[-1].setdefault("hexadecimal", "") + value
    words = bytes.fromhex(said).split(b"\0")
    reading.servers[-1]["hexadecimal"] = said
    reading.servers[-1]["argv"] = tuple(word.decode("utf-8", "surrogateescape") for word in words[:-1])


def _file(reading: Reading, value: str) -> None:
    kind, _, path = value.partition(" ")
    reading.files.append({"kind": kind, "path": path, "source": path})


def _stat(reading: Reading, value: str) -> None:
    mode, uid, gid, size, name = value.split(" ")
    reading.stats[name] = (_bits(mode), number(uid), number(gid), number(size))


def _sum(reading: Reading, value: str) -> None:
    crc, size, name = value.split(" ")
    reading.sums.append((number(crc), number(size), name))


def _setting(reading: Reading, value: str) -> None:
    key, _, said = value.partition(" ")
    reading.settings.append((key, said))


def _service(reading: Reading, value: str) -> None:
    asked, *known = value.split(" ")
    service: dict[str, Any] = {"asked": asked}
    if known:
        service |= {"name": known[0], "port": number(known[1]), "aliases": tuple(known[2:])}
    reading.services.append(service)


def _account(reading: Reading, key: str, value: str) -> None:
    said, _, name = value.partition(" ")
    reading.accounts[key].append((name, None if said == "-" else number(said)))


def _program(reading: Reading, value: str) -> None:
    state, _, path = value.partition(" ")
    reading.programs.append((state, path))


ABOUT_FILES = ("file ", "link ", "target ", "source ", "stat ", "sum ", "hex ")
"""How the lines begin that `Reading.contents` is made of, and nothing else."""

_TAKERS: dict[str, Callable[[Reading, str], None]] = {
    "server": _server,
    "package": _package,
    "argv": _argv,
    "unit": lambda reading, value: reading.servers[-1].update(unit=value),
    "script": lambda reading, value: reading.servers[-1].update(script=value),
    "enabled": lambda reading, value: reading.servers[-1].update(enabled={"yes": True, "no": False}[value]),
    "pid": lambda reading, value: reading.servers[-1].update(pid=number(value)),
    "file": _file,
    "link": lambda reading, value: reading.files[-1].update(resolved=value),
    "target": lambda reading, value: reading.files[-1].update(target=value),
    "source": lambda reading, value: reading.files[-1].update(source=value),
    "stat": _stat,
    "sum": _sum,
    "hex": lambda reading, value: reading.hexadecimal.append(value),
    "skipped": lambda reading, value: reading.skipped.append(value),
    "setting": _setting,
    "no-setting": lambda reading, value: reading.settings.append((value, None)),
    "service": _service,
    "user": lambda reading, value: _account(reading, "user", value),
    "group": lambda reading, value: _account(reading, "group", value),
    "program": _program,
    "socket": lambda reading, value: reading.sockets.append(read_listening(value)),
    "client": lambda reading, value: reading.clients.append(value),
    "last": lambda reading, value: reading.last.append(value),
}
