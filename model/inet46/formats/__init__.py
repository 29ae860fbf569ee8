"""Formats: text on one side, entries on the other.

Each format has two pairs of verbs. `parse` and `emit` need no host and lose nothing; `read` and `write` mean something only on a host. The
formats know nothing of one another; what this module adds is which of them a host's super-server reads, and from where.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Mapping
from typing import assert_never

import attrs

from inet46.entry import Entry
from inet46.errors import Inexpressible
from inet46.formats import inetd
from inet46.formats._reading import Link, Reading, contend
from inet46.host import HostPolicy
from inet46.knowledge import INETD_BUILDS, Host, InetdBuild, LaunchdBuild, SystemdBuild, XinetdBuild, resolve
from inet46.sockets import Transport

__all__ = ["COMPAT", "Link", "Reading", "read", "same", "switched_off", "write"]

COMPAT = "/etc/inetd.conf"
"""What xinetd serves as well when it is started with -inetd_compat."""


def read(files: Mapping[str, str], host: str | HostPolicy | Host) -> Reading:
    """Return what a host's super-server makes of its files.

    `files` maps absolute paths to texts, decoded as UTF-8 with surrogateescape: all that the daemon could come to, includes too. Where
    links mean something (units are enabled and masked by them) they are among the paths, and their text is a `Link`.
    """
    where = resolve(host)
    match where.server:
        case InetdBuild() as build:
            paths = _inetd_paths(files, where)
            folder = tuple(path for path in paths if path != where.config)
            reading = inetd.read((inetd.parse(files[path], path) for path in paths), build, where, files, folder)
            contests = _contests(reading.entries, (*reading.unordered, folder), where)
            reading = attrs.evolve(reading, unknown=(*reading.unknown, *contests))
            if not any(map(build.is_manifest, files)):
                return reading
            from inet46.formats import smf  # noqa: PLC0415 -- what one kind of host needs is loaded for such a host

            return _joined(reading, smf.read(files, build))
        case XinetdBuild() as build:
            from inet46.formats import xinetd  # noqa: PLC0415 -- as above

            if not where.compat or build.compat is None or COMPAT not in files:
                return xinetd.read(files, build, where)
            compat = inetd.read([inetd.parse(files[COMPAT], COMPAT)], INETD_BUILDS[build.compat], where)
            main = xinetd.read(files, build, where, compat.entries, compat.nameless)
            return _joined(main, attrs.evolve(compat, entries=()))
        case SystemdBuild() as build:
            from inet46.formats import systemd  # noqa: PLC0415 -- as above

            return systemd.read(files, build, where)
        case LaunchdBuild() as build:
            from inet46.formats import launchd  # noqa: PLC0415 -- as above

            return launchd.read(files, build, where)
        case other:
            assert_never(other)


def _joined(one: Reading, other: Reading) -> Reading:
    return attrs.evolve(
        one,
        entries=(*one.entries, *other.entries),
        faults=(*one.faults, *other.faults),
        unknown=(*one.unknown, *other.unknown),
        sources=(*one.sources, *other.sources),
    )


def write(entries: Iterable[Entry], host: str | HostPolicy | Host, path: str | None = None, *, like: str = "") -> dict[str, str]:
    """Return the files that tell a host's super-server of these entries, by path; `like` is the text in whose place they go.

    A super-server that has them in one text gets that text at `path`, or else as its main file; units, jobs and manifests are files of
    their own.
    What is written is read back at once. Raises Inexpressible, with everything that it cannot be told.
    """
    where, said = resolve(host), tuple(entries)
    match where.server:
        case XinetdBuild() | InetdBuild(manifests=None) as build:
            return {where.config if path is None else path: _text(said, build, where, like)}
        case InetdBuild() as build:
            from inet46.formats import smf  # noqa: PLC0415 -- as above

            files = smf.write(said, build)
            heard = smf.read(files, build)
        case SystemdBuild() as build:
            from inet46.formats import systemd  # noqa: PLC0415 -- as above

            files = systemd.write(said, where)
            heard = systemd.read(files, build, where)
        case LaunchdBuild() as build:
            from inet46.formats import launchd  # noqa: PLC0415 -- as above

            files = launchd.write(said, where)
            heard = launchd.read(files, build, where)
        case other:
            assert_never(other)
    _check(said, heard, where)
    return files


@functools.lru_cache(maxsize=1024)
def _text(said: tuple[Entry, ...], build: XinetdBuild | InetdBuild, host: Host, like: str) -> str:
    """Return the text for entries that stand in one. A plan writes them to prove them, to lay them out, and to merge them."""
    if isinstance(build, XinetdBuild):
        from inet46.formats import xinetd  # noqa: PLC0415 -- as above

        text = xinetd.write(said, build, host)
        heard = xinetd.read({host.config: text}, build, host)
    else:
        text = inetd.write(said, build, host, like=like)
        heard = inetd.read([inetd.parse(text, host.config)], build, host)
    _check(said, heard, host)
    return text


def _check(said: tuple[Entry, ...], heard: Reading, host: Host) -> None:
    """Raise Inexpressible unless what was written is heard."""
    if not same(said, heard.entries, host):
        raise Inexpressible(_losses(_ordered(said, host), attrs.evolve(heard, entries=_ordered(heard.entries, host))))


def switched_off(entry: Entry, files: Mapping[str, str], host: Host) -> dict[str, str]:
    """Return the changes to files of their own that keep an entry's unit, job or instance from being started.

    Raises Inexpressible if the file cannot be edited so.
    """
    if isinstance(host.server, SystemdBuild):
        from inet46.formats import systemd  # noqa: PLC0415 -- as above

        return dict(systemd.off(entry, files, host.server, host))
    from inet46.formats import launchd  # noqa: PLC0415 -- as above

    path = entry.origin.source.path if entry.origin is not None else launchd.path_of(entry, host)
    if isinstance(host.server, InetdBuild) and entry.origin is not None:
        from inet46.formats import smf  # noqa: PLC0415 -- as above

        disabled = smf.switched_off(files[path], entry.origin)
        if disabled is None:
            raise Inexpressible([f"{path}: {entry.service} stands in a manifest that cannot be edited; disable it by hand"])
        return {path: disabled}
    text = launchd.switched_off(files[path])
    if text is None:
        raise Inexpressible([f"{path}: {entry.service} stands in a property list that cannot be edited; disable it by hand"])
    return {path: text}


def same(one: tuple[Entry, ...], other: tuple[Entry, ...], host: Host) -> bool:
    """Return True if a super-server is told the same by both; units, jobs and manifests have no order among them."""
    return _ordered(one, host) == _ordered(other, host)


def _ordered(entries: tuple[Entry, ...], host: Host) -> tuple[Entry, ...]:
    in_one_text = isinstance(host.server, InetdBuild | XinetdBuild) and getattr(host.server, "manifests", None) is None
    return entries if in_one_text else tuple(sorted(entries, key=repr))


def _losses(said: tuple[Entry, ...], heard: Reading) -> list[str]:
    """Name what a text that was written would be read back as."""
    if len(said) != len(heard.entries):
        return [str(fault) for fault in heard.faults] + list(heard.unknown)
    return [
        f"{mine.service}: {field.name} {getattr(mine, field.name)!r} would be read back as {getattr(theirs, field.name)!r}"
        for mine, theirs in zip(said, heard.entries, strict=True)
        for field in attrs.fields(Entry)
        if field.eq and getattr(mine, field.name) != getattr(theirs, field.name)
    ]


def _inetd_paths(files: Mapping[str, str], host: Host) -> list[str]:
    """Return the file an inetd is told to read, then every file of its folder: also the backups that an editor left there."""
    paths = [host.config] if host.config in files else []
    if host.directory:
        folder = host.directory.rstrip("/") + "/"
        paths += sorted(path for path in files if path.startswith(folder) and "/" not in path[len(folder) :])
    return paths


def _contests(entries: tuple[Entry, ...], groups: Iterable[tuple[str, ...]], host: Host) -> list[str]:
    """Name the ports that two files of a folder or of one include contend for: they are read as the folder has them, and the first wins."""
    return [said for group in groups if len(group) > 1 for said in _contest([x for x in entries if _path(x) in group], host)]


def _contest(entries: list[Entry], host: Host) -> list[str]:
    ports: dict[tuple[Transport, int], list[Entry]] = {}
    for entry in entries:
        port = entry.port if entry.port is not None else host.port(entry.service, entry.transport)
        if port is not None:
            ports.setdefault((entry.transport, port), []).append(entry)
    said: dict[str, None] = {}
    for (transport, port), group in ports.items():
        for one, other in itertools.combinations(group, 2):
            paths = sorted({_path(one), _path(other)})
            if len(paths) > 1 and any(contend(*binds) for binds in itertools.product(one.binds, other.binds)):
                said[f"{' and '.join(paths)} contend for {port}/{transport.value}, and which is read first is not known"] = None
    return list(said)


def _path(entry: Entry) -> str:
    return entry.origin.source.path if entry.origin is not None else ""
