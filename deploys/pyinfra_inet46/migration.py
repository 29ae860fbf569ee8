"""From one super-server to another: what a look at a host says about such a change, and the transaction that makes it.

Rules of this module: as in `judge`, no I/O and no pyinfra. What the old super-server really serves is read back into services, fitted to
the new one, and merged into the files that are there for it. Whatever answers now has to answer afterwards over at least the same families;
what could not be had is a refusal, or is given up by name. Everything else that is lost is said.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import attrs

from inet46 import formats, words
from inet46.convert import Conversion, Loss, convert
from inet46.errors import Inet46Error, Unprovable
from inet46.etc_services import parse_services
from inet46.host import HostPolicy
from inet46.knowledge import Host, SystemdBuild, resolve
from inet46.merge import Merge, merge
from inet46.predict import Held, predict
from inet46.proof import port_of
from inet46.service import Program, Service
from inet46.sockets import Family, Transport
from pyinfra_inet46 import units
from pyinfra_inet46.asking import Question, question
from pyinfra_inet46.judge import Decision, recovery
from pyinfra_inet46.look import Look, ProgramState, SuperServer
from pyinfra_inet46.parts import doubtful, expected, file_change, held_by_others, last_change, private, probes_of, texts, unasked, unread
from pyinfra_inet46.standing import Refused, comm, host_name, informed, refuse, server_of, system_of, untaught
from pyinfra_inet46.telling import Diff, answer, as_socket, settled
from pyinfra_inet46.transaction import Daemon, LiveSetting, Transaction

__all__ = ["Wish", "asked", "migrate"]

_SERVICES = "/etc/services"

Port = tuple[Transport, int]


@attrs.frozen(kw_only=True)
class Wish:
    """Where a host is to go: which super-server, and what may be lost on the way."""

    to: HostPolicy
    strict: bool = False
    """Refuse when anything that guards a service would be lost: an access list, a limit, a family."""

    without: tuple[str, ...] = ()
    """Services that are given up, by name or as name/tcp, name/udp."""

    def gives_up(self, name: str, *transports: Transport) -> bool:
        """Return True for a service that is given up, over one of these transports."""
        return not {name, *(f"{name}/{transport.value}" for transport in transports)}.isdisjoint(self.without)


@attrs.frozen(kw_only=True)
class _Move:
    """One host on its way: the two super-servers, and what the one becomes under the other."""

    look: Look
    wish: Wish
    old: SuperServer
    new: SuperServer
    source: Host
    made: Conversion
    merged: Merge
    services: tuple[Service, ...]

    @property
    def losses(self) -> tuple[Loss, ...]:
        """What is lost, but for what is given up."""
        return tuple(loss for loss in self.made.losses if not self.wish.gives_up(loss.service, *Transport))

    @property
    def held(self) -> tuple[Held, ...]:
        """The sockets of the services, as they will be."""
        return tuple(held for service in self.services for held in self.merged.held(service))

    @property
    def units(self) -> tuple[str, ...]:
        """The units that systemd has to start and enable, when it is the new one."""
        if not isinstance(self.merged.host.server, SystemdBuild):
            return ()
        return tuple(sorted({_unit(held) for held in self.held}))


def asked(wish: Wish) -> Question:
    """Gather what must be asked of a host that is to go there."""
    target = resolve(wish.to)
    plain = question((), wish.to)
    return attrs.evolve(plain, programs=(target.row.daemon,), extra_paths=(*plain.extra_paths, _SERVICES))


def migrate(wish: Wish, look: Look, *, id: str, label: str, deadline: float = 10.0) -> Decision:  # noqa: A002 -- the transaction's word
    """Decide how a host that looks like this goes over to another super-server.

    `id` and `label` name the change and the host in the journal.
    """
    interrupted = recovery(look, id=id, label=label)
    if interrupted is not None:
        return interrupted
    try:
        return _decided(wish, look, id=id, label=label, deadline=deadline)
    except Refused as refused:
        return Decision(refusals=refused.reasons, doubtful=doubtful(look))
    except Unprovable as error:
        return Decision(refusals=error.reasons)
    except Inet46Error as error:
        return Decision(refusals=(str(error),))
    except Exception as error:  # noqa: BLE001 -- a defect of ours must cost this host only, and must not touch it
        return Decision(refusals=(f"inet46 has a defect and leaves this host alone: {type(error).__name__}: {error}",))


def _decided(wish: Wish, look: Look, *, id: str, label: str, deadline: float) -> Decision:  # noqa: A002 -- as above
    there = _there(wish, look)
    if there is not None:
        return _as_it_is(there, look, id=id, label=label)
    move = _move(wish, look)
    said = tuple(_words(move))
    refusals = tuple(dict.fromkeys(_obstacles(move)))
    if refusals:
        return Decision(refusals=refusals, words=said, doubtful=doubtful(look))
    files = texts(look)
    return Decision(
        transaction=_transaction(move, id=id, label=label, deadline=deadline),
        diffs=tuple(
            Diff(path=path, old=files.get(path), new=text, private=private(path, look)) for path, text in _files(move.merged).items()
        ),
        words=said,
        warnings=(*last_change(look), *_opened(move)),
    )


def _as_it_is(there: str, look: Look, *, id: str, label: str) -> Decision:  # noqa: A002 -- as above
    """Return what is decided where nothing has to change: what a killed run has left is removed."""
    if not look.remains or look.lock_holder is not None or look.uid != 0 or not look.super_servers:
        return Decision(answers=(there,), warnings=tuple(last_change(look)))
    server = look.super_servers[0]
    return Decision(
        transaction=Transaction(id=id, host=label, daemon=Daemon(name=comm(server), exe=server.path)),
        words=("what a run that was killed has left is removed",),
        answers=(there,),
        warnings=tuple(last_change(look)),
    )


# -- which two -------------------------------------------------------------------------------------------------------------------------


def _there(wish: Wish, look: Look) -> str | None:
    """Say that there is nothing to do, because the host is where it is to be; None if it is not."""
    running = [server.kind for server in look.super_servers if server.pid is not None]
    if wish.to.system != system_of(look):
        return None
    if running == [wish.to.super_server]:
        return f"{wish.to.super_server} is the super-server of this host"
    if not running and look.systemd and isinstance(resolve(wish.to).server, SystemdBuild):
        return "no super-server runs besides systemd: there is nothing to take over"
    return None


def _new(wish: Wish, look: Look) -> SuperServer:
    """Return the super-server that the host is to go over to. Raises Refused when it is not there, or runs already."""
    target = resolve(wish.to)
    if wish.to.system != system_of(look):
        raise Refused(f"the host is to become {wish.to.name}, and it is {system_of(look)}")
    if look.system != "Linux":
        raise Refused(f"a migration knows how Linux starts a super-server at boot, and not how {look.system} does")
    if isinstance(target.server, SystemdBuild):
        if not look.systemd:
            raise Refused("systemd is not the init of this host")
        return units.server(target.policy.system)
    refuse(untaught(target))
    found = next((server for server in look.super_servers if host_name(server, look) == wish.to.name), None)
    state = next((program.state for program in look.programs if program.path == target.row.daemon), ProgramState.MISSING)
    if found is None:
        why = f"{target.row.daemon} is {state.value}" if state is not ProgramState.OK else f"{target.row.daemon} is another one's"
        raise Refused(f"{target.policy.super_server} is not installed ({why}): install it first, a migration installs nothing")
    if found.pid is not None:
        others = " and ".join(server.kind for server in look.super_servers if server.pid is not None)
        raise Refused(f"{others} are both running: stop the one that serves nothing, so that it is clear what is to be taken over")
    if found.unit is None and found.script is None:
        raise Refused(f"{found.kind} has neither a unit nor a script to be started with")
    return found


def _move(wish: Wish, look: Look) -> _Move:
    old = server_of(None, look)
    new = _new(wish, look)
    names = next((text for path, text in texts(look).items() if path == _SERVICES), None)
    ports = None if names is None else dict(parse_services(names))
    source, target = (
        resolve(attrs.evolve(policy, services=ports) if ports is not None else policy)
        for policy in (informed(None, old, look, ()), informed(wish.to, new, look, ()))
    )
    refuse((*untaught(source), *unread(source, look), *(() if isinstance(target.server, SystemdBuild) else unread(target, look))))
    linked = {seen.path: seen.resolved for seen in look.files if seen.resolved is not None}
    files = units.texts(look, target.server) if isinstance(target.server, SystemdBuild) else texts(look)
    made = convert(files, source, target)
    services = tuple(service for service in made.services if not wish.gives_up(service.name, service.transport))
    if not services:
        raise Refused(f"{old.kind} serves nothing that could be taken over")
    present = _present(made, source, target, files)
    paper = tuple(_on_paper(services, source, target, present))
    merged = merge((*services, *paper), target, present, linked)
    refuse(f"the kernel does not know {setting.key}" for setting in merged.live if look.setting(setting.key) is None)
    refuse(units.untouchable(merged, look))
    merged = attrs.evolve(merged, files=_changed(merged, present, files))
    return _Move(look=look, wish=wish, old=old, new=new, source=source, made=made, merged=merged, services=services)


# -- files that both read --------------------------------------------------------------------------------------------------------------


def _present(made: Conversion, source: Host, target: Host, files: Mapping[str, str]) -> dict[str, str]:
    """Return the files as the new super-server is to find them.

    A file that both read in the same words is edited in place. One that the new one reads beside its own (Debian's xinetd reads
    /etc/inetd.conf) gives up what the old one served, so that each service stands once, and in the words of whoever serves it.
    """
    kept = dict(files)
    if type(source.server) is type(target.server):
        return kept
    shared = _shared(source, target, files)
    off = [attrs.evolve(found.service, enabled=False) for found in made.exported.found]
    return {**kept, **{path: text for path, text in merge(off, source, files).files.items() if path in shared}}


def _shared(source: Host, target: Host, files: Mapping[str, str]) -> set[str]:
    old, new = ({read.path for read in formats.read(files, host).sources} for host in (source, target))
    return old & new


def _on_paper(services: tuple[Service, ...], source: Host, target: Host, files: Mapping[str, str]) -> Iterator[Service]:
    """Yield, as services that are to be taken out, what stands in vain in a file of the old one and would be opened by the new one."""
    shared = _shared(source, target, files)
    ours = {(service.transport, port_of(service, target)) for service in services}
    found: dict[Port, Held] = {}
    for held in predict(formats.read(files, target).entries, target).sockets:
        if (held.socket.transport, held.socket.port) not in ours and held.entry.origin and held.entry.origin.source.path in shared:
            found.setdefault((held.socket.transport, held.socket.port), held)
    for (transport, port), held in found.items():
        program = held.entry.program if isinstance(held.entry.program, Program) else Program(path="/nonexistent")
        yield Service(name=held.service, port=port, transport=transport, program=program, enabled=False)


def _changed(merged: Merge, present: Mapping[str, str], files: Mapping[str, str]) -> dict[str, str]:
    """Return all that changes on the way, compared with what is there now."""
    last = {**present, **merged.files}
    return {path: text for path, text in last.items() if files.get(path) != text}


def _files(merged: Merge) -> dict[str, str]:
    """Return the files that are written; links that enable units are made by whoever enables them."""
    return {path: text for path, text in merged.files.items() if not isinstance(text, formats.Link)}


def _unit(held: Held) -> str:
    if held.entry.origin is None:
        raise AssertionError("an entry that was read has an origin")
    return held.entry.origin.source.path.rpartition("/")[2]


# -- what stands in the way ------------------------------------------------------------------------------------------------------------


def _obstacles(move: _Move) -> Iterator[str]:
    """Yield every reason not to touch this host."""
    for service in move.services:
        yield from held_by_others(service, move.source, move.old, move.look)
    yield from _silenced(move)
    if move.wish.strict:
        yield from (f"strict: {loss}" for loss in move.losses if loss.guards)
        yield from (f"strict: not known: {text}" for text in move.made.unknown)
    if "-a" in move.old.argv and move.old.kind != "xinetd":
        yield f"{move.old.kind} was started with -a, which binds every service to one address"


def _silenced(move: _Move) -> Iterator[str]:
    """Yield what answers now and would not answer any more, over some family."""
    before = {(held.socket.transport, held.socket.port): held.service for held in move.made.exported.prediction.sockets}
    after: dict[Port, set[Family]] = {}
    for held in move.held:
        after.setdefault((held.socket.transport, held.socket.port), set()).update(held.accepts)
    for x in move.look.sockets:
        port = (Transport(x.transport), x.port)
        if move.old.pid not in x.pids or move.wish.gives_up(before.get(port, ""), port[0]):
            continue
        if port not in before:
            yield unasked(x, move.old)
        elif port not in after:
            name = before[port]
            why = next((str(loss) for loss in move.losses if loss.service == name and loss.guards), "nothing takes its place")
            yield f"{name} would not answer any more at {x.transport} {as_socket(x)}: {why}. To give it up, name it with without="
        elif lost := sorted(family.title for family in set(as_socket(x).families) - after[port]):
            yield f"{before[port]} would not answer over {' and '.join(lost)} any more ({x.transport} {as_socket(x)})"


def _opened(move: _Move) -> Iterator[str]:
    """Yield what the new super-server's own files ask for besides."""
    if isinstance(move.merged.host.server, SystemdBuild):
        return  # of units, it is told which to start
    ours = {(held.socket.transport, held.socket.port) for held in move.held}
    for held in move.merged.sockets:
        if (held.socket.transport, held.socket.port) not in ours and held.entry.origin is not None:
            where = held.entry.origin.source.path
            yield f"{held.service}: {held.socket} will be opened too: {where}, which {move.old.kind} does not read, has an entry for it"


# -- telling ---------------------------------------------------------------------------------------------------------------------------


def _words(move: _Move) -> Iterator[str]:
    """Yield the whole change, a line each."""
    yield f"{move.new.kind} takes the place of {move.old.kind}: {_stopped(move.old)}, and {_started(move)}"
    for service in move.services:
        port = (service.transport.value, port_of(service, move.merged.host))
        before = [as_socket(x) for x in move.look.sockets if (x.transport, x.port) == port and move.old.pid in x.pids]
        after = move.merged.held(service)
        families = frozenset(f for s in before for f in s.families), frozenset(f for h in after for f in h.accepts)
        text = words.change(service, before, [h.socket for h in after], families)
        yield text if text is not None else f"{answer(service, move.merged)}, as before"
    yield from settled(move.merged, move.look)
    there = dict.fromkeys((held.service, held.socket.transport) for held in move.made.exported.prediction.sockets)
    yield from (f"given up: {name}/{transport.value}" for name, transport in there if move.wish.gives_up(name, transport))
    for title, lines in (
        ("lost, and it guarded something", [loss for loss in move.losses if loss.guards]),
        ("lost", [loss for loss in move.losses if not loss.guards]),
        ("another way to the same clients", move.made.differences),
        ("on paper only, and left out", move.made.on_paper),
        ("not known, and left out", move.made.unknown),
    ):
        yield from (f"{title}: {line}" for line in lines)


def _stopped(old: SuperServer) -> str:
    return f"{_handle(old)} is stopped{' and disabled' if old.enabled is not None else ' (nothing is known to start it at boot)'}"


def _started(move: _Move) -> str:
    if move.units:
        return f"{', '.join(move.units)} {'is' if len(move.units) == 1 else 'are'} started and enabled"
    return f"{_handle(move.new)} is started{' and enabled' if move.new.enabled is not None else ' (nothing is known to start it at boot)'}"


def _handle(server: SuperServer) -> str:
    return server.unit or server.script or server.path


# -- the change ------------------------------------------------------------------------------------------------------------------------


def _transaction(move: _Move, *, id: str, label: str, deadline: float) -> Transaction:  # noqa: A002 -- the transaction's word
    held = [x for x in move.look.sockets if move.old.pid in x.pids]
    reload = ("daemon-reload",) if move.units else ()
    return Transaction(
        id=id,
        host=label,
        files=tuple(file_change(path, text, move.merged.host, move.look) for path, text in _files(move.merged).items()),
        live=tuple(LiveSetting(key=s.key, value=s.value, old=move.look.setting(s.key) or "") for s in move.merged.live),
        daemon=_daemon(move.new, units=move.units),
        old=_daemon(move.old),
        activate=(*reload, "enable-new", "disable-old", "stop-old", "start-new"),
        retire=(*_if("enable-old", move.old.enabled), *_if("disable-new", not move.new.enabled), "stop-new"),
        undo=(*reload, "start-old"),
        expected=tuple(expected(h.socket, h.service) for h in move.held),
        expected_after_undo=tuple(expected(as_socket(x)) for x in held),
        ours=_ports(move, [(x.transport, x.port) for x in held]),
        probes=tuple(probe for service in move.services for probe in probes_of(service, move.merged)),
        deadline=deadline,
    )


def _daemon(server: SuperServer, units: tuple[str, ...] = ()) -> Daemon:
    return Daemon(name=comm(server), exe=server.path, unit=server.unit, script=server.script, argv=server.argv, pid=server.pid, units=units)


def _if(verb: str, wanted: bool | None) -> tuple[str, ...]:  # noqa: FBT001 -- a filter of one verb
    return (verb,) if wanted else ()


def _ports(move: _Move, held: Collection[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    ours = [(h.socket.transport.value, h.socket.port) for h in move.held]
    return tuple(dict.fromkeys((*ours, *held)))
