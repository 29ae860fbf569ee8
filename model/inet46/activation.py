"""How a change must be activated so that its sockets really come to be: the verbs for the super-server, in order.

A reload is cheap and keeps sessions, and it is where services die (`change`). So each way is replayed, the cheapest first, and the first
that comes to what a fresh start on the new files would come to is chosen.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import assert_never

import attrs

from inet46.change import After, State, fate, predict_change
from inet46.entry import Entry
from inet46.formats import Reading
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
            from inet46 import _unit_verbs  # noqa: PLC0415 -- what one kind of host needs is loaded for such a host

            return _unit_verbs.systemd_verbs(old.entries, new.entries)
        case LaunchdBuild():
            from inet46 import _unit_verbs  # noqa: PLC0415 -- as above

            return _unit_verbs.launchd_verbs(old.entries, new.entries, host)
        case InetdBuild(manifests=str(folder)) as build:
            from inet46 import _unit_verbs  # noqa: PLC0415 -- as above

            return _unit_verbs.smf_commands(old.entries, new.entries, build, folder)
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
