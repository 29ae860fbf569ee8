"""From a look at a host to a decision: refuse, leave alone, or make exactly this change.

Rules of this module: no I/O and no pyinfra; a look, the services and a policy go in, a `Decision` comes out. Everything that can be known
to go wrong is said here, before anything is changed. What is known of hosts is asked of `inet46.knowledge`, never repeated.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import attrs

from inet46.activation import RESTART
from inet46.errors import Inet46Error, Unprovable
from inet46.host import HostPolicy
from inet46.knowledge import HOSTS, PORTS, Host, InetdBuild, resolve
from inet46.merge import Merge, merge
from inet46.predict import Held
from inet46.proof import port_of
from inet46.service import Builtin, Service
from inet46.sockets import Socket, Transport
from pyinfra_inet46.asking import Question, question
from pyinfra_inet46.look import FileKind, FileSeen, Look, ProgramState, SuperServer
from pyinfra_inet46.telling import Diff, Now, answer, as_socket, changes
from pyinfra_inet46.transaction import Daemon, ExpectedSocket, FileChange, LiveSetting, Probe, Result, Transaction

__all__ = ["Decision", "Question", "decide", "host_name", "question"]

_STATE = {FileKind.UNREADABLE: "cannot be read", FileKind.TOO_LARGE: "is larger than 1 MiB", FileKind.OTHER: "is no regular file"}


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


def decide(  # noqa: PLR0911 -- each way out is a decision
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
    recovery = _recovery(look, policy, id=id, label=label)
    if recovery is not None:
        return recovery
    try:
        server = _server(policy, look)
        host = resolve(_informed(policy, server, look, wishes))
        _refuse(_untaught(host))
        _refuse(_faults(wishes, host, server, look))
        files = _texts(look)
        merged = merge(wishes, host, files, {seen.path: seen.resolved for seen in look.files if seen.resolved is not None})
        _refuse(f"the kernel does not know {setting.key}" for setting in merged.live if look.setting(setting.key) is None)
    except _Refused as refused:
        return Decision(refusals=refused.reasons)
    except Unprovable as error:
        return Decision(refusals=error.reasons)
    except Inet46Error as error:
        return Decision(refusals=(str(error),))
    except Exception as error:  # noqa: BLE001 -- a defect of ours must cost this host only, and must not touch it
        return Decision(refusals=(f"inet46 has a defect and leaves this host alone: {type(error).__name__}: {error}",))
    now = {port: tuple(x for x in look.sockets if (x.transport, x.port) == _key(port)) for port in merged.ours}
    warnings = tuple(_last_change(look))
    wanted = look.journal_pending is None and not merged.files and not merged.live and _as_wanted(merged, now, server)
    nothing = wanted and not look.remains
    strays = () if wanted else tuple(_strays(merged, server, look))
    if nothing or strays:
        answers = () if strays else tuple(answer(service, merged) for service in wishes)
        return Decision(refusals=strays, doubtful=bool(strays), warnings=warnings, answers=answers)
    change = _transaction(merged, server, look, now, id=id, label=label, deadline=deadline)
    return Decision(
        warnings=(*warnings, *_side_effects(merged, look)),
        # Where there is only something to tidy up, nobody is to be told anything.
        transaction=attrs.evolve(change, activate=(), undo=()) if wanted else change,
        diffs=tuple(Diff(path=path, old=files.get(path), new=text) for path, text in merged.files.items()),
        words=tuple(changes(merged, now, look)),
    )


def _recovery(look: Look, policy: HostPolicy | None, *, id: str, label: str) -> Decision | None:  # noqa: A002 -- as above
    """Return what a change needs that was interrupted while the super-server was down: nothing can be planned before it runs again."""
    meant = [server for server in look.super_servers if policy is None or host_name(server, look) == policy.name]
    if look.journal_pending is None or look.lock_holder is not None or look.uid != 0 or not meant:
        return None
    if any(server.pid is not None for server in meant):
        return None
    return Decision(
        recovers=True,
        transaction=Transaction(id=id, host=label, daemon=Daemon(name=_comm(meant[0]), exe=meant[0].path)),
        words=(f"an interrupted change ({look.journal_pending}) is rolled back first: it has left no super-server running",),
        warnings=tuple(_last_change(look)),
    )


# -- which host this is ----------------------------------------------------------------------------------------------------------------


class _Refused(Exception):
    def __init__(self, *reasons: str) -> None:
        super().__init__(*reasons)
        self.reasons = reasons


def _refuse(reasons: Iterable[str]) -> None:
    found = tuple(dict.fromkeys(reasons))
    if found:
        raise _Refused(*found)


def _system(look: Look) -> str:
    """Return the system as the names of hosts spell it: debian-12, freebsd-14."""
    if look.system == "Linux":
        return f"{look.os_id or 'linux'}-{look.os_version}" if look.os_version else look.os_id or "linux"
    name, release = look.system.lower(), look.release.partition("-")[0]
    known = [row.name.partition("/")[0] for row in HOSTS]
    exact, major = f"{name}-{release}", f"{name}-{release.partition('.')[0]}"
    return exact if exact in known else major


def host_name(server: SuperServer, look: Look) -> str:
    """Return the name under which this host with this super-server would be known: debian-12/xinetd."""
    return f"{_system(look)}/{server.kind}"


def _untaught(host: Host) -> Iterator[str]:
    """Yield why a host is left alone whose files are understood, and whose daemon nobody has taught the transaction to handle."""
    if not host.row.deploys:
        yield f"{host.name} is known to plan and sockets only: no deploy has been taught to look at such a host and to change it"


def _server(policy: HostPolicy | None, look: Look) -> SuperServer:
    """Return the super-server that this is about, running.

    Raises _Refused when there is none, when there are several to choose from, or when the policy means another kind of host.
    """
    if look.uid != 0:
        raise _Refused(f"this needs root on the host, and the look ran with uid {look.uid}: use _sudo, _doas or _su_user")
    if not look.super_servers:
        raise _Refused("no super-server is installed: neither inetd nor xinetd was found")
    running = [server for server in look.super_servers if server.pid is not None]
    if "busybox-inetd" in ([policy.super_server] if policy else [server.kind for server in running]):
        raise _Refused("busybox's inetd is not deployed to yet; inet46 plan --host linux/busybox-inetd shows what it has to be told")
    if policy is None:
        if not running:
            names = ", ".join(server.kind for server in look.super_servers)
            raise _Refused(f"no super-server is running ({names} is installed); start it first")
        if len(running) > 1:
            names = " and ".join(server.kind for server in running)
            raise _Refused(f"{names} are both running; name the one that is meant with policy=")
        return running[0]
    here = " and ".join(sorted(host_name(server, look) for server in look.super_servers))
    mine = [server for server in look.super_servers if host_name(server, look) == policy.name]
    if not mine:
        raise _Refused(f"the policy says {policy.name}, and this host is {here}")
    if mine[0].pid is None:
        others = " and ".join(f"{server.kind} (pid {server.pid})" for server in running)
        raise _Refused(f"{policy.super_server} is not running{f', but {others} is' if others else ''}; start it first")
    return mine[0]


def _informed(policy: HostPolicy | None, server: SuperServer, look: Look, services: tuple[Service, ...]) -> HostPolicy:
    """Return the policy with what the look found out: kernel settings, /etc/services, how the daemon was started."""
    base = policy or HostPolicy(name=host_name(server, look))
    live = {setting.key: setting.value for setting in look.settings if setting.value is not None}
    ports = dict(PORTS)
    for service in services:
        ports.pop(str(service), None)
    for named in look.services:
        asked, _, transport = named.asked.rpartition("/")
        if named.port is not None:
            ports.update({f"{name}/{transport}": named.port for name in (named.name, asked, *named.aliases) if name})
    argv = server.argv
    config = argv[argv.index("-f") + 1] if server.kind == "xinetd" and "-f" in argv[:-1] else None
    return attrs.evolve(
        base,
        settings={**live, **dict(base.settings)} if policy else live,
        # Without ::1 IPv6 is switched off (disable_ipv6): sockets bind all the same, and nobody can reach them.
        ipv6=look.ipv6 and look.ipv6_loopback,
        services=ports,
        config=base.config or config,
        compat="-inetd_compat" in argv if server.kind == "xinetd" and argv else base.compat,
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
        yield from _held_by_others(service, host, server, look)
    if "-a" in server.argv and server.kind != "xinetd":
        yield f"{server.kind} was started with -a, which binds every service to one address"
    for seen in look.files:
        if seen.kind in _STATE and _matters(seen.path, host):
            yield f"{seen.path} {_STATE[seen.kind]}"
    main = look.file(host.config)
    if main is None:
        yield f"{server.kind} reads {host.config}, which was not looked at: say it with policy config="


_PROGRAM = {
    ProgramState.MISSING: "missing",
    ProgramState.NOT_EXECUTABLE: "not executable",
    ProgramState.DIRECTORY: "a directory",
}


def _matters(path: str, host: Host) -> bool:
    places = (host.config, *([f"{host.directory}/"] if host.directory else []), "/etc/rc.conf", "/etc/sysctl")
    return path.startswith(places)


def _held_by_others(service: Service, host: Host, server: SuperServer, look: Look) -> Iterator[str]:
    """Yield the stand-alone daemons that hold a service's port."""
    port = port_of(service, host)
    for x in look.sockets:
        if (x.transport, x.port) == (service.transport.value, port) and x.pids and server.pid not in x.pids and x.command != _comm(server):
            pids = ", ".join(map(str, x.pids))
            holder = f"{x.command or 'another process'} (pid {pids})"
            yield f"{service}: port {port} is held by {holder}, which serves {as_socket(x)} itself; stop it first"


def _comm(server: SuperServer) -> str:
    return server.path.rpartition("/")[2][:15]


# -- the change ------------------------------------------------------------------------------------------------------------------------


def _key(port: tuple[Transport, int]) -> tuple[str, int]:
    return port[0].value, port[1]


def _texts(look: Look) -> dict[str, str]:
    return {seen.path: _text(seen.content) for seen in look.files if seen.content is not None}


def _text(content: bytes) -> str:
    return content.decode("utf-8", "surrogateescape")


def _expected(socket: Socket, service: str = "") -> ExpectedSocket:
    return ExpectedSocket(
        service=service,
        transport=socket.transport.value,
        family=socket.family.value,
        address=socket.address,
        port=socket.port,
        v6only=socket.v6only if socket.address == "::" else None,
    )


def _ours(sockets: tuple[Held, ...], merged: Merge) -> tuple[Held, ...]:
    return tuple(held for held in sockets if (held.socket.transport, held.socket.port) in merged.ours)


def _strays(merged: Merge, server: SuperServer, look: Look) -> Iterator[str]:
    """Yield the sockets of the super-server that no file asks for: to activate anything would close them."""
    if merged.unknown or look.journal_pending is not None or look.lock_holder is not None:
        return  # with a change at work the files are of one moment and the sockets of another; ours waits for it and looks again
    asked = {(h.socket.transport.value, h.socket.address, h.socket.port) for h in merged.before}
    for x in look.sockets:
        if server.pid in x.pids and (Transport(x.transport), x.port) not in merged.ours and (x.transport, x.address, x.port) not in asked:
            text = f"{server.kind} listens on {x.transport} {as_socket(x)}, and no file asks for that: an edit has not been loaded"
            yield f"{text}. Reload {server.kind}, or put the entry back, and come again"


def _side_effects(merged: Merge, look: Look) -> Iterator[str]:
    """Yield what an edit that was not loaded yet will open when ours is."""
    there = {(x.transport, x.address, x.port) for x in look.sockets}
    for h in merged.sockets:
        socket = h.socket
        if not socket.port:
            continue  # a port that the kernel picks: whether it is there cannot be seen
        if (socket.transport, socket.port) not in merged.ours and (socket.transport.value, socket.address, socket.port) not in there:
            yield f"{h.service}: {socket} will be opened too: an entry for it stands in the files, and has not been loaded yet"


def _last_change(look: Look) -> Iterator[str]:
    """Yield how the last change here ended, when it did not end well: whoever made it may never have heard."""
    last = look.last_verdict
    if look.lock_holder is not None:
        yield f"another change is at work on this host ({look.lock_holder}); this one waits for it"
    elif last is not None and last.result in {Result.ROLLED_BACK, Result.BROKEN}:
        yield f"the last change here ({last.id}) ended {last.result.value} at {last.step}: {last.reason}"


def _as_wanted(merged: Merge, now: Now, server: SuperServer) -> bool:
    """Return True if the sockets on our ports are exactly the planned ones, and the super-server's."""
    owned = all(not x.pids or server.pid in x.pids for sockets in now.values() for x in sockets)
    return owned and _are(now, _ours(merged.sockets, merged))


def _are(now: Now, held: tuple[Held, ...]) -> bool:
    """Return True if what was seen is what is held; an option that the host's tools do not tell is taken on trust."""
    seen = [x for sockets in now.values() for x in sockets]
    untold = {(x.transport, x.address, x.port) for x in seen if x.v6only is None}
    wanted = [_expected(h.socket) for h in held]
    blurred = [attrs.evolve(x, v6only=None) if (x.transport, x.address, x.port) in untold else x for x in wanted]
    return {attrs.evolve(_expected(as_socket(x)), v6only=x.v6only if x.address == "::" else None) for x in seen} == set(blurred)


def _transaction(
    merged: Merge,
    server: SuperServer,
    look: Look,
    now: Now,
    *,
    id: str,  # noqa: A002 -- the transaction's word
    label: str,
    deadline: float,
) -> Transaction:
    held = [x for x in look.sockets if server.pid in x.pids]
    keep = tuple(_expected(as_socket(x)) for x in held if (Transport(x.transport), x.port) not in merged.ours)
    # A super-server that is not where its files say is in a state that no reload was reasoned from: only a restart is sure.
    strayed = not _are(now, _ours(merged.before, merged))
    return Transaction(
        id=id,
        host=label,
        files=tuple(_file(path, text, merged.host, look) for path, text in merged.files.items()),
        live=tuple(LiveSetting(key=s.key, value=s.value, old=look.setting(s.key) or "") for s in merged.live),
        daemon=Daemon(name=_comm(server), exe=server.path, unit=server.unit, script=server.script, argv=server.argv, pid=server.pid),
        activate=RESTART if strayed else merged.activate or RESTART,
        undo=RESTART,
        expected=tuple(_expected(h.socket, h.service) for h in _ours(merged.sockets, merged)),
        expected_after_undo=tuple(_expected(as_socket(x)) for x in held),
        keep=keep,
        ours=tuple(_key(port) for port in merged.ours),
        probes=tuple(probe for service in merged.services for probe in _probes(service, merged)),
        deadline=deadline,
    )


def _file(path: str, text: str, host: Host, look: Look) -> FileChange:
    seen = look.file(path) or FileSeen(path=path, kind=FileKind.ABSENT)
    target = seen.resolved or path
    folder, _, name = target.rpartition("/")
    if isinstance(host.server, InetdBuild) and folder == host.directory:
        # An inetd with a folder reads every name in it, dots and all.
        folder, name = folder.rpartition("/")[0], f"{folder.rpartition('/')[2]}.{name}"
    return FileChange(
        path=target,
        old=seen.seen,
        new=text.encode("utf-8", "surrogateescape"),
        mode=0o644 if seen.mode is None else seen.mode,
        uid=seen.uid or 0,
        gid=seen.gid or 0,
        staged=f"{folder}/.inet46-new.{name}",
        kept=f"{folder}/.inet46-old.{name}",
    )


def _probes(service: Service, merged: Merge) -> Iterator[Probe]:
    """Yield the connections that have to be answered: each family, over loopback where every address is bound.

    A service that is handed the listening socket itself is not probed: a connection would start it and leave it waiting. Nor is one whose
    access list does not admit the host itself.
    """
    if not service.enabled or service.waits or service.transport is Transport.UDP:
        return
    for held in merged.held(service):
        for family in sorted(held.accepts, key=lambda family: family.value):
            if service.access.of(family) is None:
                address = family.loopback if held.socket.address in {"0.0.0.0", "::"} else held.socket.address  # noqa: S104 -- compared
                yield Probe(service=service.name, family=family.value, address=address, port=held.socket.port, greeting=service.greeting)
