"""Formats: text on one side, entries on the other.

Each format has two pairs of verbs. `parse` and `emit` need no host and lose nothing; `read` and `write` mean something only on a host. The
formats know nothing of one another; what this module adds is which of them a host's super-server reads, and from where.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import assert_never

import attrs

from inet46.diagnostics import Span
from inet46.entry import Bind, Entry
from inet46.errors import Inexpressible
from inet46.formats import inetd, xinetd
from inet46.formats._reading import Reading
from inet46.host import HostPolicy
from inet46.knowledge import INETD_BUILDS, Host, InetdBuild, XinetdBuild, resolve
from inet46.service import Builtin
from inet46.sockets import Family, Transport

__all__ = ["COMPAT", "Reading", "read", "write"]

COMPAT = "/etc/inetd.conf"
"""What xinetd serves as well when it is started with -inetd_compat."""


def read(files: Mapping[str, str], host: str | HostPolicy | Host) -> Reading:
    """Return what a host's super-server makes of its files.

    `files` maps absolute paths to texts, decoded as UTF-8 with surrogateescape: all that the daemon could come to, includes too.
    """
    where = resolve(host)
    match where.server:
        case InetdBuild() as build:
            paths = _inetd_paths(files, where)
            paths = _inetd_paths(files, where)
            folder = tuple(path for path in paths if path != where.config)
            reading = inetd.read((inetd.parse(files[path], path) for path in paths), build, where, files, folder)
            return attrs.evolve(reading, unknown=(*reading.unknown, *_contests(reading.entries, (*reading.unordered, folder), where)))
        case XinetdBuild() as build:
            if not where.compat or build.compat is None or COMPAT not in files:
                return xinetd.read(files, build, where)
            compat = inetd.read([inetd.parse(files[COMPAT], COMPAT)], INETD_BUILDS[build.compat], where)
            main = xinetd.read(files, build, where, compat.entries, _nameless(compat))
            return attrs.evolve(
                main,
                faults=(*main.faults, *compat.faults),
                unknown=(*main.unknown, *compat.unknown),
                sources=(*main.sources, *compat.sources),
            )
        case other:
            assert_never(other)


def write(entries: Iterable[Entry], host: str | HostPolicy | Host, *, like: str = "") -> str:
    """Return entries as the host's super-server has to be told them; `like` is the text in whose place they go.

    What is written is read back at once. Raises Inexpressible, with everything that it cannot be told.
    """
    where, said = resolve(host), tuple(entries)
    match where.server:
        case InetdBuild() as build:
            text = inetd.write(said, build, where, like=like)
            heard = inetd.read([inetd.parse(text, where.config)], build, where)
        case XinetdBuild() as build:
            text = xinetd.write(said, build, where)
            heard = xinetd.read({where.config: text}, build, where)
        case other:
            assert_never(other)
    if heard.entries != said:
        raise Inexpressible(_losses(said, heard))
    return text


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


def _nameless(compat: Reading) -> Span | None:
    """Return a service of inetd.conf that xinetd has without an id: a built-in other than those four for which inet.c makes one up."""
    unknown = (fault.span for fault in compat.faults if fault.name == "unknown-builtin" and fault.span is not None)
    known = (entry.origin for entry in compat.entries if entry.program == Builtin(builtin="tcpmux"))
    return next((span for span in (*unknown, *known) if span is not None and span.text.split()[0] != "discard"), None)


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
            if len(paths) > 1 and any(_contend(*binds) for binds in itertools.product(one.binds, other.binds)):
                said[f"{' and '.join(paths)} contend for {port}/{transport.value}, and which is read first is not known"] = None
    return list(said)


def _path(entry: Entry) -> str:
    return entry.origin.source.path if entry.origin is not None else ""


def _contend(one: Bind, other: Bind) -> bool:
    """Return True unless two binds leave each other alone on every kernel: families that do not meet, or two addresses."""
    if one.family is other.family:
        return one.address == other.address or None in {one.address, other.address}
    return any(bind.family is Family.IPV6 and bind.v6only is not True for bind in (one, other))
