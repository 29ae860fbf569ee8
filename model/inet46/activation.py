"""How a change must be activated so that its sockets really come to be: the verbs for the super-server, in order.

A reload is cheap and keeps sessions, and it is where services die: most inetds bind the new socket while the old one is still open, and
xinetd takes no notice of a changed v6only. The reload is replayed against the kernel's matrix; what it would get wrong decides the verbs.
Sources: facts on reload in `knowledge` (rebind_conflict, heals, keeps_type, retry_kills); xinetd reconfig.c; measured on the lab's hosts.
"""

from __future__ import annotations

from collections.abc import Iterable

from inet46.entry import Entry
from inet46.knowledge import Host, InetdBuild
from inet46.predict import predict
from inet46.service import Builtin
from inet46.sockets import Family, Socket, collide, doubtful

__all__ = ["RESTART", "activation"]

RELOAD = ("reload",)
RESTART = ("restart",)

_Key = tuple[object, ...]


def activation(before: Iterable[Entry], after: Iterable[Entry], host: Host) -> tuple[str, ...]:
    """Return the verbs that take a super-server from one list of entries to another; () when there is nothing to do.

    The verbs are those of the transaction: reload, restart, settle, signal NAME.
    """
    old, new = tuple(before), tuple(after)
    if old == new:
        return ()
    if isinstance(host.server, InetdBuild):
        return _inetd(old, new, host, host.server)
    return _xinetd(old, new, host)


def _inetd(old: tuple[Entry, ...], new: tuple[Entry, ...], host: Host, build: InetdBuild) -> tuple[str, ...]:
    if build.keeps_type and _nature_changes(old, new):
        return RESTART
    if not build.rebind_conflict or not _reload_fails(_table(old, host), _table(new, host), host):
        return RELOAD
    if _clash(new, host) or (build.retry_kills and not all(_has_port(entry, host) for entry in (*old, *new))):
        return RESTART
    # The first reload fails to bind and then closes the old socket; the second act finds the port free.
    return (*RELOAD, "settle", build.heals)


def _nature_changes(old: tuple[Entry, ...], new: tuple[Entry, ...]) -> bool:
    """Return True if a service that the daemon performs itself becomes a program, or a program becomes one."""
    before, after = (
        {(entry.service, bind): isinstance(entry.program, Builtin) for entry in entries for bind in entry.binds} for entries in (old, new)
    )
    return any(before[key] != after[key] for key in before.keys() & after.keys())


def _clash(entries: tuple[Entry, ...], host: Host) -> bool:
    """Return True if entries contend among themselves: a socket that is open already would win, whichever stands first."""
    return any(fault.name == "double-bind" for fault in predict(entries, host).faults)


def _has_port(entry: Entry, host: Host) -> bool:
    return entry.port is not None or host.port(entry.service, entry.transport) is not None


def _reload_fails(old: dict[_Key, Socket], new: dict[_Key, Socket], host: Host) -> bool:
    """Replay a reload: new sockets are bound in file order, those no longer wanted are closed at the very end."""
    held = dict(old)
    for key, socket in new.items():
        if held.get(key) == socket:
            continue
        held.pop(key, None)  # the same key with another option: closed and made anew on the spot
        conflicts = host.kernel.conflicts(socket.transport)
        if any(collide(socket, other, conflicts) or doubtful(socket, other, conflicts) for other in held.values()):
            return True
        held[key] = socket
    return False


def _table(entries: tuple[Entry, ...], host: Host) -> dict[_Key, Socket]:
    """Return what the daemon holds under which key; compat and numeric spellings are different keys, as they are to the daemon."""
    table: dict[_Key, Socket] = {}
    for held in predict(entries, host).sockets:
        bind = next(bind for bind in held.entry.binds if bind.family is held.socket.family)
        table[(held.entry.service, bind.key, bind.family, held.socket.address)] = held.socket
    return table


def _xinetd(old: tuple[Entry, ...], new: tuple[Entry, ...], host: Host) -> tuple[str, ...]:
    """Decide between SIGHUP and a restart.

    SIGHUP matches services by id (with transport, port and wait: a change of those is a new service). It does not apply a change of
    v6only, nor the removal of a bind; a change of family it applies by killing the running sessions, which a restart leaves alone. Twins
    of one id are mixed up. A new id is always safe: what is gone is closed before what is new is opened.
    """
    before, after = _by_id(old, host), _by_id(new, host)
    if len(before) < len(old) or len(after) < len(new):
        return RESTART
    moved = any(_wishes(before[name]) != _wishes(after[name]) for name in before.keys() & after.keys())
    return RESTART if moved else RELOAD


def _by_id(entries: tuple[Entry, ...], host: Host) -> dict[_Key, Entry]:
    """Tell services apart as cnf_extract does."""
    ports = (entry.port if entry.port is not None else host.port(entry.service, entry.transport) for entry in entries)
    return {((x.id or x.service).lower(), x.transport, port, x.wait): x for x, port in zip(entries, ports, strict=True)}


def _wishes(entry: Entry) -> tuple[object, ...]:
    return tuple((bind.family, bind.v6only if bind.family is Family.IPV6 else None, bind.address) for bind in entry.binds)
