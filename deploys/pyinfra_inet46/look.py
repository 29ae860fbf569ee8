"""One look at one host: the command that asks, and the answer as a value.

Rules of this module:

1. One command, whatever the number of files: `look_command` gives its words, the caller quotes them. It only reads.
2. The host encodes and the controller judges: file contents come as hexadecimal with size and POSIX checksum, and an answer that
   is cut short, garbled or of another version is a `LookError`, never a guess.
3. `parse_look` and `encode_look` are inverse to each other, so a host that is not there can be simulated from a `Look`.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence

import attrs

from pyinfra_inet46.transaction import Listening, Seen, Verdict

__all__ = [
    "Account",
    "FileKind",
    "FileSeen",
    "Look",
    "LookError",
    "NamedService",
    "Program",
    "ProgramState",
    "Setting",
    "SuperServer",
    "encode_look",
    "look_command",
    "parse_look",
]


class LookError(ValueError):
    """The question cannot be asked, or the answer of a look is garbled, cut short or of another version."""


class FileKind(enum.Enum):
    """What stands at a path, after symbolic links."""

    REGULAR = "regular"  # read: content, crc and size are there
    DIRECTORY = "directory"
    ABSENT = "absent"  # nothing there, or a symbolic link to nothing
    UNREADABLE = "unreadable"  # there, but not for this user
    TOO_LARGE = "too-large"  # more than 1 MiB: content was not sent
    OTHER = "other"  # a device, a pipe, a socket


@attrs.frozen(kw_only=True)
class FileSeen:
    """One file that matters, as it was, or as it will be once a pending journal is rolled back."""

    path: str
    kind: FileKind
    resolved: str | None = None
    """Where the symbolic link ends; None when the path is no symbolic link."""

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


@attrs.frozen(kw_only=True)
class Look:
    """Everything that one look at a host tells. Contents, sockets and settings are of one moment."""

    system: str
    release: str
    os_id: str | None = None
    os_version: str | None = None
    uid: int = 0
    ipv6: bool = True
    ipv6_loopback: bool = True
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

    lock_holder: str | None = None
    last_verdict: Verdict | None = None

    def file(self, path: str) -> FileSeen | None:
        """What was seen at this path, None when it was not looked at."""
        return next((seen for seen in self.files if seen.path == path), None)

    def setting(self, key: str) -> str | None:
        """The live value of this sysctl, None when there is none."""
        return next((setting.value for setting in self.settings if setting.key == key), None)


def look_command(
    *,
    programs: Sequence[str] = (),
    users: Sequence[str] = (),
    groups: Sequence[str] = (),
    services: Sequence[str] = (),
    settings: Sequence[str] = (),
    extra_paths: Sequence[str] = (),
    state_dir: str | None = None,
) -> list[str]:
    """The words of the command that looks: ``sh -c SCRIPT inet46-look …``; every word is the caller's to quote."""
    raise NotImplementedError


def parse_look(lines: Sequence[str]) -> Look:
    """Read the answer of a look; LookError says what is wrong with one that cannot be trusted."""
    raise NotImplementedError


def encode_look(look: Look) -> list[str]:
    """The answer that a host like this one gives: ``parse_look(encode_look(look)) == look``."""
    raise NotImplementedError
