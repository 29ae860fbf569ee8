"""How a change must be activated so that its sockets really come to be: the verbs for the super-server, in order.

A reload is cheap and keeps sessions, and it is where services die (`change`). So each way is replayed, the cheapest first, and the first
that comes to what a fresh start on the new files would come to is chosen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import assert_never

import attrs

from inet46.change import After, State, fate, predict_change
from inet46.entry import Entry
from inet46.formats import Reading, launchd, smf, systemd
from inet46.knowledge import Host, InetdBuild, LaunchdBuild, SystemdBuild, XinetdBuild

__all__ = ["RELOAD", "RESTART", "activation"]

RELOAD = ("reload",)
RESTART = ("restart",)


def activation(before: Iterable[Entry] | Reading, after: Iterable[Entry] | Reading, host: Host) -> tuple[str, ...]:
    """Return the verbs that take a super-server from one list of entries to another; () when there is nothing to do.

    The verbs are those of the transaction: reload, restart, settle, signal NAME. A reload that kills the running sessions of a service
    that stays is dearer than a restart, which leaves them alone. For systemd and launchd they are the words for systemctl and launchctl:
    daemon-reload, stop UNIT, start UNIT, enable --now UNIT, bootstrap system PATH, and their like. For SMF they are whole commands.
    """
    old, new = _reading(before), _reading(after)
    if old == new or (old.entries == new.entries and fate(old) is State.SERVES):
        return ()
    match host.server:
        case SystemdBuild():
            return _systemd(old.entries, new.entries)
        case LaunchdBuild():
            return _launchd(old.entries, new.entries, host)
        case InetdBuild(manifests=str(folder)) as build:
            return _smf(old.entries, new.entries, build, folder)
        case InetdBuild() | XinetdBuild():
            return _signalled(old, new, host)
        case other:
            assert_never(other)


def _signalled(old: Reading, new: Reading, host: Host) -> tuple[str, ...]:
    """Choose among the ways to tell a running daemon."""
    # What could not be read is no reason for a restart: most files have a line of rpc or the like, which stays as it is.
    old, new = (attrs.evolve(told, unknown=()) for told in (old, new))
    wanted = predict_change(new, new, (), host)
    return next((verbs for verbs in _ways(host) if _brings(predict_change(old, new, verbs, host), wanted)), RESTART)


def _ways(host: Host) -> Iterable[tuple[str, ...]]:
    """Yield the ways that may be cheaper than a restart, the cheapest first."""
    yield RELOAD
    if isinstance(host.server, InetdBuild):
        # The first reload fails to bind and then closes the old socket; the second act finds the port free.
        yield (*RELOAD, "settle", host.server.heals)


def _brings(found: After, wanted: After) -> bool:
    """Return True if a change comes to what is wanted: sockets, who reaches them and what is done for whom."""
    return (
        found.state is wanted.state
        and not found.cut
        and found.unknown == wanted.unknown
        and Counter(found.stale) == Counter(wanted.stale)
        and Counter(found.sockets) == Counter(wanted.sockets)
    )


def _reading(told: Iterable[Entry] | Reading) -> Reading:
    return told if isinstance(told, Reading) else Reading(entries=tuple(told))


# -- units and jobs --------------------------------------------------------------------------------------------------------------------


def _systemd(old: tuple[Entry, ...], new: tuple[Entry, ...]) -> tuple[str, ...]:
    """Decide unit by unit: a socket is opened anew only when its unit is restarted, and a server that has the socket stands in the way.

    All that closes comes before all that opens, so that no unit finds its port taken by what another one was. A change of the service
    alone closes nothing: the next connection finds it, or the next start of a server that has the socket.
    """
    before, after = _by(systemd.stem, old), _by(systemd.stem, new)
    changed = [name for name in after if name in before and before[name] != after[name]]
    moved = [name for name in changed if list(map(_opens, before[name])) != list(map(_opens, after[name]))]
    verbs = ["daemon-reload", *(f"disable --now {name}.socket" for name in before if name not in after)]
    verbs += [f"stop {name}.socket" for name in moved]
    verbs += [f"stop {name}.service" for name in (*changed, *(name for name in before if name not in after)) if before[name][0].wait]
    verbs += [f"start {name}.socket" for name in moved]
    return (*verbs, *(f"enable --now {name}.socket" for name in after if name not in before))


def _opens(entry: Entry) -> tuple[object, ...]:
    """Return what the .socket says of an entry."""
    said = tuple(extra for extra in entry.extra if extra.startswith(".socket "))
    counts = (entry.limits.instances, entry.limits.per_source)
    return (entry.transport, entry.port, entry.binds, entry.wait, entry.only_from, entry.no_access, counts, said)


def _launchd(old: tuple[Entry, ...], new: tuple[Entry, ...], host: Host) -> tuple[str, ...]:
    """Unload the jobs that change or go, then load those that change or come: launchd reads a property list at no other time."""
    before, after = _by(launchd.label, old), _by(launchd.label, new)
    gone = [name for name in before if before[name] != after.get(name)]
    come = [name for name in after if after[name] != before.get(name)]
    return (
        *(f"bootout system/{name}" for name in gone),
        *(f"bootstrap system {launchd.path_of(after[name][0], host)}" for name in come),
    )


def _smf(old: tuple[Entry, ...], new: tuple[Entry, ...], build: InetdBuild, folder: str) -> tuple[str, ...]:
    """Disable what goes, then import what changes or comes; `svccfg import` never enables what is there and disabled, nor the other way.

    What inetconv has made of a line stays when the line goes, so that it is disabled as well. A refresh binds anew if it has to.
    """
    manifests, lines = (
        tuple(_by(name, tuple(x for x in told if smf.in_manifest(x, build) is wanted)) for told in (old, new))
        for name, wanted in ((smf.fmri, True), (smf.converted, False))
    )
    gone = [name for before, after in (manifests, lines) for name in before if name not in after]
    come = [name for name in manifests[1] if name not in manifests[0]]
    changed = [name for name in manifests[1] if name in manifests[0] and manifests[1][name] != manifests[0][name]]
    written = any(name not in lines[0] for name in lines[1])
    rewritten = any(name in lines[0] and lines[0][name] != lines[1][name] for name in lines[1])
    return (
        *(f"inetadm -d {name}" for name in gone),
        *(f"svccfg import {_manifest(manifests[1][name][0], folder)}" for name in (*come, *changed)),
        *(f"inetadm -e {name}" for name in come),
        *(f"svcadm refresh {name}" for name in changed),
        *(["inetconv -f"] if rewritten else ["inetconv"] if written else []),
    )


def _manifest(entry: Entry, folder: str) -> str:
    return entry.origin.source.path if entry.origin is not None else smf.path_of(entry, folder)


def _by(name_of: Callable[[Entry], str], entries: tuple[Entry, ...]) -> dict[str, list[Entry]]:
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(name_of(entry), []).append(entry)
    return groups
