"""One look at one host: the command that asks, and the answer as a value.

Rules of this module:

1. One command, whatever the number of files: `look_command` gives its words, the caller quotes them. It only reads.
2. The host encodes and the controller judges: file contents come as hexadecimal with size and POSIX checksum, and an answer that
   is cut short, garbled or of another version is a `LookError`, never a guess.
3. `parse_look` and `encode_look` are inverse to each other, so a host that is not there can be simulated from a `Look`.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator, Sequence

from pyinfra_inet46.reading import ABOUT_FILES, Reading, filemode
from pyinfra_inet46.seen import Account, FileKind, FileSeen, Look, NamedService, Program, ProgramState, Setting, SuperServer
from pyinfra_inet46.transaction import cksum, library
from pyinfra_inet46.verdict import write_listening, write_verdict

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
    "TornLook",
    "encode_look",
    "look_command",
    "parse_look",
]


_LIBRARY = ("common.sh", "listeners.sh", "process.sh", "document.sh", "lock.sh", "servers.sh", "files.sh", "look.sh")
_TOO_LARGE = 1024 * 1024 + 1  # bytes
_YES_NO = {"yes": True, "no": False}

_PATH = re.compile(r"/[A-Za-z0-9/._+@,:=~%-]*")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+@$-]*")
_ASKED = {
    "program": _PATH,
    "path": _PATH,
    "state": _PATH,
    "user": _NAME,
    "group": _NAME,
    "service": re.compile(r"[A-Za-z0-9_.+*][A-Za-z0-9_.+*-]*/[a-z0-9]+"),
    "setting": re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]*"),
    "units": re.compile("always|alone"),
}
_ALLOWED = dict.fromkeys(("program", "path", "state"), "a path begins with / and holds letters, digits and /._+@,:=~%-")
_ALLOWED |= dict.fromkeys(("user", "group"), "a name holds letters, digits and _.+@$-, and begins with none of the last five")
_ALLOWED |= {"service": "it must be NAME/PROTOCOL, as in imap/tcp", "setting": "it must be a sysctl name"}
_ALLOWED |= {"units": "it must be always, or alone"}


class LookError(ValueError):
    """The question cannot be asked, or the answer of a look is garbled, cut short or of another version."""


class TornLook(LookError):
    """The parts of an answer do not fit together, as when the host was changed while it was looked at: a second look may be whole."""


def look_command(
    *,
    programs: Sequence[str] = (),
    users: Sequence[str] = (),
    groups: Sequence[str] = (),
    services: Sequence[str] = (),
    settings: Sequence[str] = (),
    extra_paths: Sequence[str] = (),
    units: str | None = None,
    state_dir: str | None = None,
) -> list[str]:
    """The words of the command that looks: ``sh -c SCRIPT inet46-look …``; every word is the caller's to quote.

    `units` says whether to read the units of systemd whose sockets are of IPv4 or IPv6: ``always``, or ``alone``, which is where no other
    super-server is installed.
    What is asked for must be a single plain word; anything else is refused here, because no host could know it.
    """
    questions = {
        "program": programs,
        "user": users,
        "group": groups,
        "service": services,
        "setting": settings,
        "path": extra_paths,
        "units": () if units is None else (units,),
        "state": () if state_dir is None else (state_dir,),
    }
    words = [_question(key, word) for key, asked in questions.items() for word in asked]
    return ["sh", "-c", library(*_LIBRARY, *(["units.sh"] if units else [])) + 'inet46_look "$@"\n', "inet46-look", *words]


def _question(key: str, word: str) -> str:
    if not _ASKED[key].fullmatch(word):
        raise LookError(f"{key} {word!r} cannot be looked for: {_ALLOWED[key]}")
    return f"{key}={word}"


def parse_look(lines: Sequence[str]) -> Look:
    """Read the answer of a look; LookError says what is wrong with one that cannot be trusted."""
    first = next((n for n, line in enumerate(lines) if line.startswith("inet46-look ")), None)
    if first is None:
        raise LookError("the host gave no answer: there is no line 'inet46-look 1'")
    if lines[first] != "inet46-look 1":
        raise LookError(f"the answer begins with {lines[first]!r}, and this version understands 'inet46-look 1'")
    body = lines[first + 1 :]
    if "end" not in body:
        raise LookError("the answer is cut short: there is no line 'end'")
    about_files: dict[bool, list[str]] = {False: [], True: []}
    for line in body[: list(body).index("end")]:
        about_files[line.startswith(ABOUT_FILES)].append(line)
    return _look(_reading(about_files[False]), _files(tuple(about_files[True])))


def _reading(lines: Iterable[str]) -> Reading:
    reading = Reading()
    for line in lines:
        key, _, value = line.partition(" ")
        try:
            reading.take(key, value)
        except (ValueError, LookupError) as wrong:
            raise LookError(f"the answer has a line that cannot be read: {line[:200]!r} ({wrong})") from None
    return reading


@functools.lru_cache(maxsize=64)
def _files(lines: tuple[str, ...]) -> tuple[FileSeen, ...]:
    """Read the lines about files. A fleet has many hosts with the same ones: they are read, and kept, once."""
    reading = _reading(lines)
    try:
        return tuple(FileSeen(**{**seen, "kind": FileKind(seen["kind"])}) for seen in reading.contents())
    except (ValueError, LookupError) as wrong:
        raise _contradiction(wrong) from None


def _contradiction(wrong: Exception) -> TornLook:
    return TornLook(f"the answer contradicts itself: {wrong.args[0]}")


def _look(reading: Reading, files: tuple[FileSeen, ...]) -> Look:
    one = reading.one
    missing = [key for key in ("system", "release", "uid", "ipv6", "ipv6-loopback", "systemd", "sockets-from") if key not in one]
    if missing:
        raise LookError(f"the answer does not say {', '.join(missing)}")
    try:
        return Look(
            system=one["system"],
            release=one["release"],
            os_id=one.get("os-id"),
            os_version=one.get("os-version"),
            uid=int(one["uid"]),
            ipv6=_YES_NO[one["ipv6"]],
            ipv6_loopback=_YES_NO[one["ipv6-loopback"]],
            ipv6_within=_YES_NO[one.get("ipv6-within", "no")],
            systemd=_YES_NO[one["systemd"]],
            super_servers=tuple(SuperServer(**{key: server[key] for key in server if key != "hexadecimal"}) for server in reading.servers),
            files=files,
            skipped=tuple(reading.skipped),
            settings=tuple(Setting(key=key, value=value) for key, value in reading.settings),
            services=tuple(NamedService(**service) for service in reading.services),
            users=tuple(Account(name=name, number=number) for name, number in reading.accounts["user"]),
            groups=tuple(Account(name=name, number=number) for name, number in reading.accounts["group"]),
            programs=tuple(Program(path=path, state=ProgramState(state)) for state, path in reading.programs),
            sockets=tuple(reading.sockets),
            sockets_from=one["sockets-from"],
            clients=tuple(reading.clients),
            journal_pending=one.get("journal"),
            migrates=one.get("migrates"),
            remains=_YES_NO[one.get("remains", "no")],
            lock_holder=one.get("lock"),
            last_verdict=reading.last_verdict(),
        )
    except (ValueError, LookupError) as wrong:
        raise _contradiction(wrong) from None


def encode_look(look: Look) -> list[str]:
    """The answer that a host like this one gives: ``parse_look(encode_look(look)) == look``."""
    return ["inet46-look 1", *_encode_system(look), *_encode_files(look.files), *_encode_answers(look), "end"]


def _encode_system(look: Look) -> Iterator[str]:
    yield f"system {look.system}"
    yield f"release {look.release}"
    yield f"uid {look.uid}"
    yield from _optional("os-id", look.os_id)
    yield from _optional("os-version", look.os_version)
    yield f"ipv6 {_yes_no(look.ipv6)}"
    yield f"ipv6-loopback {_yes_no(look.ipv6_loopback)}"
    yield from _optional("ipv6-within", "yes" if look.ipv6_within else None)
    yield f"systemd {_yes_no(look.systemd)}"
    yield from (f"client {client}" for client in look.clients)
    yield from _optional("lock", look.lock_holder)
    yield from _optional("remains", "yes" if look.remains else None)
    if look.last_verdict is not None:
        yield from (f"last {line}" for line in write_verdict(look.last_verdict))
    yield from _optional("journal", look.journal_pending)
    yield from _optional("migrates", look.migrates)
    for server in look.super_servers:
        yield f"server {server.kind} {server.path}"
        if server.package is not None:
            yield f"package {server.package} {server.version or ''}".rstrip()
        yield from _optional("unit", server.unit)
        yield from _optional("script", server.script)
        yield from _optional("enabled", None if server.enabled is None else _yes_no(server.enabled))
        yield from _optional("pid", server.pid)
        if server.argv:
            yield "argv " + b"".join(word.encode("utf-8", "surrogateescape") + b"\0" for word in server.argv).hex()


def _encode_files(files: Sequence[FileSeen]) -> Iterator[str]:
    for seen in files:
        sent = seen.kind in {FileKind.REGULAR, FileKind.TOO_LARGE}
        yield f"file {'regular' if sent else seen.kind.value} {seen.path}"
        yield from _optional("link", seen.resolved)
        yield from _optional("target", seen.target)
    for seen in files:
        if seen.mode is not None:
            size = _TOO_LARGE if seen.content is None else len(seen.content)
            yield f"stat -{filemode(seen.mode)} {seen.uid} {seen.gid} {size} {seen.path}"
    whole = [(seen.path, seen.content) for seen in files if seen.content is not None]
    yield from (f"sum {cksum(content)} {len(content)} {path}" for path, content in whole)
    text = b"".join(content for _, content in whole).hex()
    yield from (f"hex {text[start : start + 2048]}" for start in range(0, len(text), 2048))


def _encode_answers(look: Look) -> Iterator[str]:
    yield from (f"skipped {folder}" for folder in look.skipped)
    for key, accounts in (("user", look.users), ("group", look.groups)):
        yield from (f"{key} {'-' if account.number is None else account.number} {account.name}" for account in accounts)
    for service in look.services:
        known = () if service.name is None else (service.name, str(service.port), *service.aliases)
        yield " ".join(("service", service.asked, *known))
    yield from (f"program {program.state.value} {program.path}" for program in look.programs)
    for setting in look.settings:
        yield f"no-setting {setting.key}" if setting.value is None else f"setting {setting.key} {setting.value}"
    yield f"sockets-from {look.sockets_from}"
    yield from (f"socket {write_listening(socket)}" for socket in look.sockets)


def _optional(key: str, value: object) -> Iterator[str]:
    if value is not None:
        yield f"{key} {value}"


def _yes_no(value: bool) -> str:  # noqa: FBT001 -- a flag of the model, not of this function
    return "yes" if value else "no"
