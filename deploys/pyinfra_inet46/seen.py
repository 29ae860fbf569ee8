"""What a look at a host has seen, as values."""

from __future__ import annotations

import enum
import functools
from typing import Any

import attrs

from pyinfra_inet46.transaction import Seen
from pyinfra_inet46.verdict import Listening, Verdict

__all__ = [
    "Account",
    "FileKind",
    "FileSeen",
    "Look",
    "NamedService",
    "Program",
    "ProgramState",
    "Setting",
    "SuperServer",
]


class FileKind(enum.Enum):
    """What stands at a path, after symbolic links."""

    REGULAR = "regular"  # read: content, crc and size are there
    DIRECTORY = "directory"
    ABSENT = "absent"  # nothing there, or a symbolic link to nothing
    UNREADABLE = "unreadable"  # there, but not for this user
    TOO_LARGE = "too-large"  # more than 1 MiB: content was not sent
    OTHER = "other"  # a device, a pipe, a socket
    LINK = "link"  # a symbolic link of which only its name and its target count, and nothing is read


@attrs.frozen(kw_only=True)
class FileSeen:
    """One file that matters, as it was, or as it will be once a pending journal is rolled back."""

    path: str
    kind: FileKind
    resolved: str | None = None
    """Where the symbolic link ends; None when the path is no symbolic link."""

    target: str | None = None
    """What the symbolic link says, word for word."""

    content: bytes | None = None
    mode: int | None = None
    uid: int | None = None
    gid: int | None = None

    @property
    def seen(self) -> Seen | None:
        """What a `FileChange` says in ``old``."""
        return None if self.content is None else Seen.of(self.content)


class ProgramState(enum.Enum):
    """Whether a program can be started."""

    OK = "ok"
    MISSING = "missing"
    NOT_EXECUTABLE = "not-executable"
    DIRECTORY = "directory"


@attrs.frozen(kw_only=True)
class Program:
    """One program that was asked for."""

    path: str
    state: ProgramState


@attrs.frozen(kw_only=True)
class Account:
    """One user or group that was asked for; ``number`` is None when it does not exist."""

    name: str
    number: int | None


@attrs.frozen(kw_only=True)
class Setting:
    """One live sysctl value that was asked for; None when the kernel does not know it."""

    key: str
    value: str | None


@attrs.frozen(kw_only=True)
class NamedService:
    """The answer of /etc/services (or whatever getent asks) for ``asked``, say ``imap/tcp``; no port: unknown."""

    asked: str
    name: str | None = None
    port: int | None = None
    aliases: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class SuperServer:
    """A super-server that is installed, and its main process when it runs."""

    kind: str
    """openbsd-inetd, inetutils-inetd, xinetd, busybox-inetd, or inetd where no package manager tells whose it is."""

    path: str
    package: str | None = None
    version: str | None = None
    pid: int | None = None
    argv: tuple[str, ...] = ()
    unit: str | None = None
    """Its systemd unit, when one exists and systemd is pid 1."""

    script: str | None = None
    """Its init or rc.d script."""

    enabled: bool | None = None
    """Whether it is started at the next boot; None where that is not known."""


@attrs.frozen(kw_only=True, slots=False)  # it keeps what its property found
class Look:
    """Everything that one look at a host tells. Contents, sockets and settings are of one moment."""

    system: str
    release: str
    os_id: str | None = None
    os_version: str | None = None
    uid: int = 0
    ipv6: bool = True
    ipv6_loopback: bool = True
    ipv6_within: bool = False
    """The only IPv6 address is the loopback's; False also where that is not told."""

    systemd: bool = False
    super_servers: tuple[SuperServer, ...] = ()
    files: tuple[FileSeen, ...] = ()
    skipped: tuple[str, ...] = ()
    """Folders with a name in it that holds blanks, newlines or other odd bytes; once for each such name, which was not read."""

    settings: tuple[Setting, ...] = ()
    services: tuple[NamedService, ...] = ()
    users: tuple[Account, ...] = ()
    groups: tuple[Account, ...] = ()
    programs: tuple[Program, ...] = ()
    sockets: tuple[Listening, ...] = ()
    sockets_from: str = "ss"
    """Which tool told the sockets: ss, sockstat, netstat, /proc/net, or none."""

    clients: tuple[str, ...] = ()
    """Which TCP clients can probe, best first: python3, perl, nc, bash."""

    journal_pending: str | None = None
    """The id of a change that was interrupted. Files are then shown as they will be once it is rolled back."""

    migrates: str | None = None
    """The program of the super-server that this change was to replace, when it was about two of them."""

    remains: bool = False
    """A run that was killed has left something that the next change removes: its lock, staged or kept files."""

    lock_holder: str | None = None
    last_verdict: Verdict | None = None

    def file(self, path: str) -> FileSeen | None:
        """What was seen at this path, None when it was not looked at."""
        return self._files.get(path)

    @functools.cached_property
    def _files(self) -> dict[str, FileSeen]:
        return {seen.path: seen for seen in reversed(self.files)}

    def setting(self, key: str) -> str | None:
        """The live value of this sysctl, None when there is none."""
        return next((setting.value for setting in self.settings if setting.key == key), None)

    def listening(self, transport: str, port: int | None) -> tuple[Listening, ...]:
        """Who listens on this port."""
        return tuple(self._listening.get((transport, port), ()))

    @functools.cached_property
    def _listening(self) -> dict[tuple[str, int | None], list[Listening]]:
        """What is asked once for every service is not gone through anew for every service."""
        there: dict[tuple[str, int | None], list[Listening]] = {}
        for x in self.sockets:
            there.setdefault((x.transport, x.port), []).append(x)
        return there

    def to_json(self) -> dict[str, Any]:
        """What ``pyinfra INVENTORY fact`` prints. Files are told by size and checksum: their contents are nobody's to read in a log."""
        return attrs.asdict(self, value_serializer=_printable)


def _printable(_: object, __: object, value: Any) -> Any:
    if isinstance(value, bytes):
        return attrs.asdict(Seen.of(value))
    return value.value if isinstance(value, enum.Enum) else value
