"""From a look at a host to a decision: refuse, leave alone, or make exactly this change.

Rules of this module: no I/O and no pyinfra; a look, the services and a policy go in, a `Decision` comes out. Everything that can be known
to go wrong is said here, before anything is changed. What is known of hosts is asked of `inet46.knowledge`, never repeated.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator

import attrs

from inet46.activation import RESTART
from inet46.errors import Inet46Error, Unprovable
from inet46.formats import Link
from inet46.host import HostPolicy
from inet46.knowledge import Host, SystemdBuild, resolve
from inet46.merge import Merge, merge
from inet46.predict import Held
from inet46.service import Builtin, Service
from inet46.sockets import Socket, Transport
from pyinfra_inet46 import units
from pyinfra_inet46.asking import Question, question
from pyinfra_inet46.look import Look, ProgramState, SuperServer
from pyinfra_inet46.parts import (
    doubtful,
    expected,
    file_change,
    held_by_others,
    last_change,
    out_of_reach,
    private,
    probes_of,
    texts,
    unasked,
    unread,
)
from pyinfra_inet46.standing import Refused, comm, host_name, informed, refuse, server_of, untaught
from pyinfra_inet46.telling import Diff, Now, answer, as_socket, changes
from pyinfra_inet46.transaction import Daemon, Listening, LiveSetting, Probe, Transaction

__all__ = ["Decision", "Question", "decide", "host_name", "question", "recovery"]


@attrs.frozen(kw_only=True)
class Decision:
    """What to do on one host. At most one of `refusals` and `transaction` is there; neither means that all is as wanted."""

    refusals: tuple[str, ...] = ()
    transaction: Transaction | None = None
    diffs: tuple[Diff, ...] = ()
    words: tuple[str, ...] = ()
    """The change in sockets, settings and programs, a line each, for a person."""

    warnings: tuple[str, ...] = ()
    """What else a person should know of this host."""

    recovers: bool = False
    """The transaction only rolls back what was interrupted; what the host needs then, the next look has to say."""

    doubtful: bool = False
    """The refusal may come from a look that fell into somebody else's change: a second look has to confirm it."""

    answers: tuple[str, ...] = ()
    """How each service answers when nothing has to change, a line each."""

    probes: tuple[Probe, ...] = ()
    """The connections that show it."""


def decide(
    services: Iterable[Service],
    policy: HostPolicy | None,
    look: Look,
    *,
    id: str,  # noqa: A002 -- the transaction's word
    label: str,
    deadline: float = 10.0,
) -> Decision:
    """Decide what to do on a host that looks like this.

    `policy` None means that the host itself says what kind it is. `id` and `label` name the change and the host in the journal.
    """
    wishes = tuple(services)
    interrupted = _recovery(look, policy, id=id, label=label)
    if interrupted is not None:
        return interrupted
    try:
        return _decided(wishes, policy, look, id=id, label=label, deadline=deadline)
    except Refused as refused:
        return Decision(refusals=refused.reasons, doubtful=doubtful(look))
    except Unprovable as error:
        return Decision(refusals=error.reasons)
    except Inet46Error as error:
        return Decision(refusals=(str(error),))
    except Exception as error:  # noqa: BLE001 -- a defect of ours must cost this host only, and must not touch it
        return Decision(refusals=(f"inet46 has a defect and leaves this host alone: {type(error).__name__}: {error}",))


def _decided(
    wishes: tuple[Service, ...],
    policy: HostPolicy | None,
    look: Look,
    *,
    id: str,  # noqa: A002 -- as above
    label: str,
    deadline: float,
) -> Decision:
    server = server_of(policy, look)
    host = resolve(informed(policy, server, look, wishes))
    refuse(untaught(host))
    refuse(_faults(wishes, host, server, look))
    files = units.texts(look, host.server) if isinstance(host.server, SystemdBuild) else texts(look)
    links = tuple((seen.path, seen.resolved) for seen in look.files if seen.resolved is not None)
    merged, answers, probes = _merged(wishes, host, tuple(files.items()), links)
    refuse(f"the kernel does not know {setting.key}" for setting in merged.live if look.setting(setting.key) is None)
    refuse(units.untouchable(merged, look))
    now = {port: look.listening(*_key(port)) for port in merged.ours}
    warnings = (*last_change(look), *out_of_reach(wishes, look))
    wanted = look.journal_pending is None and not merged.files and not merged.live and _as_wanted(merged, now, server)
    nothing = wanted and not look.remains
    strays = () if wanted else tuple(_strays(merged, server, look))
    if nothing or strays:
        if strays:
            return Decision(refusals=strays, doubtful=True, warnings=warnings)
        return Decision(warnings=warnings, answers=answers, probes=probes)
    change = _transaction(merged, server, look, now, probes, id=id, label=label, deadline=deadline)
    if wanted:  # where there is only something to tidy up, nobody is to be told anything
        change = attrs.evolve(change, activate=(), undo=(), retire=())
    return Decision(
        warnings=(*warnings, *_side_effects(merged, look)),
        transaction=change,
        diffs=tuple(
            Diff(path=path, old=files.get(path), new=text, private=private(path, look))
            for path, text in merged.files.items()
            if not isinstance(text, Link)
        ),
        words=(*changes(merged, now, look), *units.shown(change.links)),
    )


def _recovery(look: Look, policy: HostPolicy | None, *, id: str, label: str) -> Decision | None:  # noqa: A002 -- as above
    """Return what a change needs that was interrupted while the super-server was down: nothing can be planned before it runs again."""
    meant = [server for server in look.super_servers if policy is None or host_name(server, look) == policy.name]
    if look.migrates is None and (not meant or any(server.pid is not None for server in meant)):
        return None
    return recovery(look, id=id, label=label)


def recovery(look: Look, *, id: str, label: str) -> Decision | None:  # noqa: A002 -- as above
    """Return a decision that only rolls back what was interrupted; None where nothing was, or where somebody else is at work.

    A host that is on its way from one super-server to another is like neither of them: whoever is at work there is waited for, too.
    """
    under_way = look.lock_holder is not None
    if look.journal_pending is None or (under_way and look.migrates is None) or look.uid != 0 or not look.super_servers:
        return None
    server = look.super_servers[0]
    why = "it has left no super-server running" if look.migrates is None else f"it was about to take the place of {look.migrates}"
    return Decision(
        recovers=True,
        transaction=Transaction(id=id, host=label, daemon=Daemon(name=comm(server), exe=server.path)),
        words=() if under_way else (f"an interrupted change ({look.journal_pending}) is rolled back first: {why}",),
        warnings=tuple(last_change(look)),
    )


# -- what stands in the way ------------------------------------------------------------------------------------------------------------


def _faults(services: tuple[Service, ...], host: Host, server: SuperServer, look: Look) -> Iterator[str]:
    """Yield every reason not to touch this host."""
    programs = {program.path: program.state for program in look.programs}
    users = {account.name: account.number for account in look.users}
    groups = {account.name: account.number for account in look.groups}
    for service in services:
        if not service.enabled:
            continue
        if not isinstance(service.program, Builtin):
            state = programs.get(service.program.path, ProgramState.MISSING)
            if state is not ProgramState.OK:
                yield f"{service}: program {service.program.path} is {_PROGRAM[state]}"
        if users.get(service.user) is None and not service.user.isdigit():
            yield f"{service}: user {service.user} does not exist"
        if service.group is not None and groups.get(service.group) is None and not service.group.isdigit():
            yield f"{service}: group {service.group} does not exist"
        yield from held_by_others(service, host, server, look)
    if "-a" in server.argv and server.kind != "xinetd":
        yield f"{server.kind} was started with -a, which binds every service to one address"
    yield from unread(host, look)


_PROGRAM = {
    ProgramState.MISSING: "missing",
    ProgramState.NOT_EXECUTABLE: "not executable",
    ProgramState.DIRECTORY: "a directory",
}


# -- the change ------------------------------------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=256)
def _merged(
    services: tuple[Service, ...], host: Host, files: tuple[tuple[str, str], ...], links: tuple[tuple[str, str], ...]
) -> tuple[Merge, tuple[str, ...], tuple[Probe, ...]]:
    """Merge, and say how each service then answers, and which connections show it.

    Hosts of one kind with the same files get the same plan, and a fleet has many such: what is proved once is proved for all.
    """
    merged = merge(services, host, dict(files), dict(links))
    probes = tuple(probe for service in merged.services for probe in probes_of(service, merged))
    return merged, tuple(answer(service, merged) for service in services), probes


def _key(port: tuple[Transport, int]) -> tuple[str, int]:
    return port[0].value, port[1]


def _ours(sockets: tuple[Held, ...], merged: Merge) -> tuple[Held, ...]:
    return tuple(held for held in sockets if (held.socket.transport, held.socket.port) in merged.ours)


def _strays(merged: Merge, server: SuperServer, look: Look) -> Iterator[str]:
    """Yield the sockets of the super-server that no file asks for: to activate anything would close them."""
    if look.journal_pending is not None or look.lock_holder is not None:
        return
    if isinstance(merged.host.server, SystemdBuild):
        yield from units.strays(merged, look)
        return
    if merged.unknown:
        return  # with a change at work the files are of one moment and the sockets of another; ours waits for it and looks again
    asked = {(h.socket.transport.value, h.socket.address, h.socket.port) for h in merged.before}
    for x in look.sockets:
        if server.pid in x.pids and (Transport(x.transport), x.port) not in merged.ours and (x.transport, x.address, x.port) not in asked:
            yield unasked(x, server)


def _side_effects(merged: Merge, look: Look) -> Iterator[str]:
    """Yield what an edit that was not loaded yet will open when ours is."""
    if isinstance(merged.host.server, SystemdBuild):
        return  # it is told of our units, and of no others
    there = {(x.transport, x.address, x.port) for x in look.sockets}
    for h in merged.sockets:
        socket = h.socket
        if not socket.port:
            continue  # a port that the kernel picks: whether it is there cannot be seen
        if (socket.transport, socket.port) not in merged.ours and (socket.transport.value, socket.address, socket.port) not in there:
            yield f"{h.service}: {socket} will be opened too: an entry for it stands in the files, and has not been loaded yet"


def _as_wanted(merged: Merge, now: Now, server: SuperServer) -> bool:
    """Return True if the sockets on our ports are exactly the planned ones, and the super-server's."""
    owned = all(not x.pids or server.pid in x.pids for sockets in now.values() for x in sockets)
    return owned and _are(now, _ours(merged.sockets, merged))


def _are(now: Now, held: tuple[Held, ...]) -> bool:
    """Return True if what was seen is what is held; an option that the host's tools do not tell is taken on trust."""
    seen = [x for sockets in now.values() for x in sockets]
    untold = {(x.transport, x.address, x.port) for x in seen if x.v6only is None}
    wanted = {
        (s.transport.value, s.family.value, s.address, s.port, s.v6only if s.address == "::" else None) for s in (h.socket for h in held)
    }
    blurred = {(*x[:4], None if (x[0], x[2], x[3]) in untold else x[4]) for x in wanted} if untold else wanted
    return {(x.transport, x.family, x.address, x.port, x.v6only if x.address == "::" else None) for x in seen} == blurred


def _transaction(
    merged: Merge,
    server: SuperServer,
    look: Look,
    now: Now,
    probes: tuple[Probe, ...],
    *,
    id: str,  # noqa: A002 -- the transaction's word
    label: str,
    deadline: float,
) -> Transaction:
    held = [x for x in look.sockets if server.pid in x.pids]
    keep = tuple(expected(as_socket(x)) for x in held if (Transport(x.transport), x.port) not in merged.ours)
    # A super-server that is not where its files say is in a state that no reload was reasoned from: only a restart is sure.
    strayed = not _are(now, _ours(merged.before, merged))
    told = _orders(merged, look, strayed=strayed)
    return Transaction(
        id=id,
        host=label,
        files=tuple(file_change(path, text, merged.host, look) for path, text in merged.files.items() if not isinstance(text, Link)),
        live=tuple(LiveSetting(key=s.key, value=s.value, old=look.setting(s.key) or "") for s in merged.live),
        daemon=Daemon(
            name=comm(server),
            exe=server.path,
            unit=server.unit,
            script=server.script,
            argv=server.argv,
            pid=server.pid,
            units=told.names,
        ),
        links=units.links(merged, look),
        activate=told.activate,
        retire=told.retire,
        undo=told.undo,
        expected=tuple(expected(h.socket, h.service) for h in _ours(merged.sockets, merged)),
        expected_after_undo=tuple(expected(socket) for socket in _back(merged, look, held)),
        keep=keep,
        ours=tuple(_key(port) for port in merged.ours),
        probes=probes,
        deadline=deadline,
    )


def _back(merged: Merge, look: Look, held: list[Listening]) -> Iterator[Socket]:
    """Yield what is there if this change is taken back: what is there now, and after an interrupted one what the old files open."""
    if look.journal_pending is None:
        yield from map(as_socket, held)
        return
    yield from (h.socket for h in merged.before if h.socket.port)
    known = {(h.socket.transport, h.socket.port) for h in merged.before} | set(merged.ours)
    yield from (as_socket(x) for x in held if (Transport(x.transport), x.port) not in known)


def _orders(merged: Merge, look: Look, *, strayed: bool) -> units.Orders:
    if isinstance(merged.host.server, SystemdBuild):
        return units.orders(merged, look, strayed=strayed)
    return units.Orders(activate=RESTART if strayed else merged.activate or RESTART, undo=RESTART)
