"""What makes a change of units, jobs and manifests true: words for systemctl and launchctl, and commands for SMF."""

from __future__ import annotations

from collections.abc import Callable

from inet46.entry import Entry
from inet46.formats import launchd, smf, systemd
from inet46.knowledge import Host, InetdBuild

__all__ = ["launchd_verbs", "smf_commands", "systemd_verbs"]


def systemd_verbs(old: tuple[Entry, ...], new: tuple[Entry, ...]) -> tuple[str, ...]:
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


def launchd_verbs(old: tuple[Entry, ...], new: tuple[Entry, ...], host: Host) -> tuple[str, ...]:
    """Unload the jobs that change or go, then load those that change or come: launchd reads a property list at no other time."""
    before, after = _by(launchd.label, old), _by(launchd.label, new)
    gone = [name for name in before if before[name] != after.get(name)]
    come = [name for name in after if after[name] != before.get(name)]
    return (
        *(f"bootout system/{name}" for name in gone),
        *(f"bootstrap system {launchd.path_of(after[name][0], host)}" for name in come),
    )


def smf_commands(old: tuple[Entry, ...], new: tuple[Entry, ...], build: InetdBuild, folder: str) -> tuple[str, ...]:
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
