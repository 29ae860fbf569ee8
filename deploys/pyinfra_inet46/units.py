"""A host whose super-server is systemd itself: what was seen of its units, and how a change of them is made true and taken back.

Rules of this module: as in `judge`, no I/O and no pyinfra. Units are stopped and started by name, and nothing else of the host is touched;
what a boot starts is decided by links, which are changed like files, so that going back brings back the very same ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import attrs

from inet46.activation import RESTART
from inet46.formats import Link
from inet46.host import HostPolicy
from inet46.knowledge import SystemdBuild, resolve
from inet46.merge import Merge
from inet46.predict import Held
from inet46.sockets import Transport
from pyinfra_inet46.look import FileKind, Look, SuperServer
from pyinfra_inet46.telling import as_socket
from pyinfra_inet46.transaction import LinkChange

__all__ = ["Orders", "are_alone", "links", "orders", "serve", "server", "shown", "strays", "texts", "untouchable"]

_KIND = "systemd"
_FOLDER = "/etc/systemd/system"


def serve(policy: HostPolicy) -> bool:
    """Return True if a policy means that units of systemd are the super-server."""
    return isinstance(resolve(policy).server, SystemdBuild)


def are_alone(look: Look) -> bool:
    """Return True for a host that has systemd, whose units were looked at, and no other super-server."""
    return look.systemd and not look.super_servers and look.file(_FOLDER) is not None


def server(system: str) -> SuperServer:
    """Return systemd as a super-server. In /proc it is what /sbin/init leads to; its path is that of the package."""
    return SuperServer(kind=_KIND, path=resolve(f"{system}/{_KIND}").row.daemon, pid=1)


def texts(look: Look, build: SystemdBuild) -> dict[str, str]:
    """Return the files that were read; the links among the units are `Link`s, and what they lead to stands under its own name."""
    folders = tuple(f"{folder}/" for folder in (*build.folders, "/lib/systemd/system"))
    files: dict[str, str] = {}
    for seen in look.files:
        text = None if seen.content is None else seen.content.decode("utf-8", "surrogateescape")
        if seen.target is not None and seen.path.startswith(folders):
            files[seen.path] = Link(seen.target)
            if text is not None and seen.resolved is not None:
                files.setdefault(seen.resolved, text)
        elif text is not None:
            files[seen.path] = text
    return files


def untouchable(merged: Merge, look: Look) -> Iterator[str]:
    """Yield the units that a change would have to write, and that are somebody's links: masked, or another unit's other name.

    Any other file that is a link is changed where the link leads.
    """
    build = merged.host.server
    folder = f"{merged.host.config}/" if isinstance(build, SystemdBuild) else None
    for path, text in merged.files.items():
        seen = look.file(path)
        if folder is None or not path.startswith(folder) or isinstance(text, Link) or seen is None or seen.target is None:
            continue
        what = "it is masked: unmask it first" if seen.target == "/dev/null" else "remove the link first, or edit what it leads to"
        yield f"{path} is a link to {seen.target}; {what}"


def links(merged: Merge, look: Look) -> tuple[LinkChange, ...]:
    """Return the links that come, go, or lead elsewhere."""
    there = {seen.path: seen.target for seen in look.files if seen.target is not None}
    wanted = {path: str(text) or None for path, text in merged.files.items() if isinstance(text, Link)}
    return tuple(LinkChange(path=path, old=there.get(path), new=new) for path, new in wanted.items() if there.get(path) != new)


def strays(merged: Merge, look: Look) -> Iterator[str]:
    """Yield the sockets on our ports that systemd has opened for nobody knows which unit: it would keep them, and ours would fail."""
    asked = {_place(held) for held in merged.before}
    ours = {(transport.value, port) for transport, port in merged.ours}
    if not _known(look).isdisjoint(_names(merged.sockets, merged)):
        return  # one of ours, started by hand
    for x in look.sockets:
        if 1 in x.pids and (x.transport, x.port) in ours and (x.transport, x.address, x.port) not in asked:
            what = f"systemd listens on {x.transport} {as_socket(x)} for a unit that no boot starts"
            yield f"{what}: stop it first (systemctl list-sockets names it)"


@attrs.frozen(kw_only=True)
class Orders:
    """What a super-server is told: there, and back. Of systemd, `names` are all the units that this is about."""

    activate: tuple[str, ...]
    retire: tuple[str, ...] = ()
    undo: tuple[str, ...]
    names: tuple[str, ...] = ()


def orders(merged: Merge, look: Look, *, strayed: bool) -> Orders:
    """Return what to tell systemd so that a change is true.

    `strayed` says that the sockets are not those of the files: then the units of our ports are all stopped and started.
    """
    if strayed or not merged.activate or merged.activate == RESTART:
        mine = _names(merged.sockets, merged)
        stops = list(dict.fromkeys((*_names(merged.before, merged), *mine, *_servers(merged))))
        starts = list(mine)
    else:
        stops, starts = _told(merged.activate)
    touched = tuple(dict.fromkeys((*stops, *starts)))
    active = tuple(name for name in touched if name in _active(merged, look, touched))
    return Orders(
        activate=("daemon-reload", *_verb("stop-units", stops), *_verb("start-units", starts)),
        retire=_verb("stop-units", touched),
        undo=("daemon-reload", *_verb("start-units", active)),
        names=touched,
    )


def _told(verbs: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return what the words for systemctl stop and start; what is enabled and disabled is a matter of links."""
    stops, starts = [], []
    for verb in verbs:
        word, _, rest = verb.partition(" ")
        unit = rest.removeprefix("--now ")
        if word in {"stop", "disable"}:
            stops.append(unit)
        elif word in {"start", "enable"}:
            starts.append(unit)
    return stops, starts


def _verb(verb: str, units: Iterable[str]) -> tuple[str, ...]:
    names = " ".join(units)
    return (f"{verb} {names}",) if names else ()


def _names(held: Iterable[Held], merged: Merge) -> tuple[str, ...]:
    """Return the sockets' units, as far as they are on our ports."""
    return tuple(dict.fromkeys(_unit(h, "socket") for h in held if (h.socket.transport, h.socket.port) in merged.ours))


def _servers(merged: Merge) -> tuple[str, ...]:
    """Return the services that are handed a socket, and keep it when their socket is stopped."""
    waits = (h for h in (*merged.before, *merged.sockets) if h.entry.wait and (h.socket.transport, h.socket.port) in merged.ours)
    return tuple(dict.fromkeys(_unit(h, "service") for h in waits))


def _unit(held: Held, kind: str) -> str:
    from inet46.formats import systemd  # noqa: PLC0415 -- what hosts with units need is loaded for them

    return f"{systemd.stem(held.entry)}.{kind}"


def _active(merged: Merge, look: Look, touched: tuple[str, ...]) -> frozenset[str]:
    """Return the units that are active now: those of which a socket is there, and, where one is there that none explains, all."""
    there = {(x.transport, x.address, x.port) for x in look.sockets if 1 in x.pids}
    if look.journal_pending is not None:  # what is there now is of another moment
        there = {_place(held) for held in merged.before}
    active = {_unit(h, "socket") for h in merged.before if _place(h) in there}
    asked = {_place(held) for held in merged.before}
    mine = {place for place in there if (Transport(place[0]), place[2]) in merged.ours}
    if mine - asked:
        active |= _known(look) & set(touched)
    return frozenset(active)


def _known(look: Look) -> frozenset[str]:
    """Return the names of the sockets' units that are there, started or not."""
    names = (seen.path.rpartition("/")[2] for seen in look.files if seen.kind is FileKind.REGULAR)
    return frozenset(name for name in names if name.endswith(".socket"))


def _place(held: Held) -> tuple[str, str, int]:
    return held.socket.transport.value, held.socket.address, held.socket.port


def shown(changes: Iterable[LinkChange]) -> Iterator[str]:
    """Yield what becomes of links, a line each."""
    for change in changes:
        name = change.path.rpartition("/")[2]
        if change.new is None:
            yield f"{name} is not started at boot any more ({change.path} goes)"
        elif change.new == "/dev/null":
            yield f"{name} is not started at boot any more ({change.path} leads to /dev/null)"
        else:
            yield f"{name} is started at boot ({change.path})"
