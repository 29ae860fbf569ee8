"""The oracle: which sockets the kernel holds after a super-server has started on these entries.

It replays what the daemon does, bind by bind in the order of the entries, against the kernel's own matrix. It knows nothing of text: the
formats have already turned tokens and flags into binds. What cannot be known is said (`unknown`), never guessed.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from inet46.diagnostics import Diagnostic, Severity
from inet46.entry import Bind, Entry
from inet46.host import HostPolicy
from inet46.knowledge import Dual, Host, Owner, resolve
from inet46.sockets import Family, Kind, Socket, Transport, collide, kind_of

__all__ = ["Held", "Prediction", "predict"]


@attrs.frozen(kw_only=True)
class Held:
    """One socket that is open in the end, the entry that opened it, and the client families that really reach it."""

    socket: Socket
    accepts: frozenset[Family]
    entry: Entry

    @property
    def service(self) -> str:
        """The service as its entry names it."""
        return self.entry.service


@attrs.frozen(kw_only=True)
class Prediction:
    """Sockets in the order they were bound; faults in the order they happen; what cannot be known."""

    sockets: tuple[Held, ...] = ()
    faults: tuple[Diagnostic, ...] = ()
    unknown: tuple[str, ...] = ()


_Key = tuple[object, ...]


@attrs.define
class _Replay:
    """The daemon's table while it works through the entries: bind key -> what it holds under it (None: the bind failed).

    `ports` are the keys that each port has seen: only sockets of one port can collide.
    """

    host: Host
    table: dict[_Key, tuple[Socket, Entry] | None] = attrs.field(factory=dict)
    ports: dict[tuple[Transport, int], dict[_Key, None]] = attrs.field(factory=dict)
    faults: list[Diagnostic] = attrs.field(factory=list)
    unknown: list[str] = attrs.field(factory=list)

    def entry(self, entry: Entry) -> None:
        """Do what the daemon does for one entry."""
        port = entry.port if entry.port is not None else self.host.port(entry.service, entry.transport)
        if port is None:
            self._no_port(entry)
            return
        for bind in entry.binds:
            if bind.family is Family.IPV6 and not self.host.policy.ipv6:
                self.faults.append(_fault(entry, "I502", "no-ipv6", f"{_label(entry)}: this host has no IPv6, the socket cannot be made"))
                continue
            self._bind(entry, bind, port)

    def _no_port(self, entry: Entry) -> None:
        message = f"{entry.service}/{entry.transport.value} is not in /etc/services, so the entry is lost"
        if self.host.policy.services is None:
            self.unknown.append(f"port of {entry.service}/{entry.transport.value}: not a usual name, and /etc/services was not looked at")
        else:
            self.faults.append(_fault(entry, "I110", "unknown-service", message))

    def _bind(self, entry: Entry, bind: Bind, port: int) -> None:
        socket = self._socket(entry, bind, port)
        # A bind without a key is never recognised again: it stands for itself.
        key = (entry.service, bind.key, bind.family, bind.address) if bind.key else (len(self.table),)
        held = self.table.get(key)
        if held and held[0] == socket:
            self.table[key] = (socket, entry)  # the socket stays, the later entry serves it
            return
        self.table.pop(key, None)
        near = self.ports.setdefault((socket.transport, port), {})
        conflicts = self.host.kernel.conflicts(socket.transport)
        other = next((x for x in map(self.table.get, near) if x and collide(socket, x[0], conflicts)), None)
        near[key] = None
        if other is None:
            self.table[key] = (socket, entry)
            return
        self.table[key] = None
        self.faults.append(self._double_bind(entry, socket, *other))

    def _double_bind(self, entry: Entry, socket: Socket, held: Socket, holder: Entry) -> Diagnostic:
        lost = sorted(socket.families - held.families, key=lambda family: family.value)
        where = f" (line {holder.origin.line} of {holder.origin.source.path})" if holder.origin else ""
        consequence = f"{' and '.join(f.title for f in lost) or 'no family'} is lost"
        return _fault(
            entry,
            "I201",
            "double-bind",
            f"{_label(entry)}: address already in use: {socket} is taken by {held} of {holder.service}; {consequence}",
            notes=(f"the first of two conflicting entries wins{where}",),
        )

    def _socket(self, entry: Entry, bind: Bind, port: int) -> Socket:
        address = bind.address or bind.family.wildcard
        if bind.family is Family.IPV4:
            return Socket(transport=entry.transport, family=bind.family, address=address, port=port)
        v6only = self._v6only(entry, bind) if address == Family.IPV6.wildcard else not address.lower().startswith("::ffff:")
        return Socket(transport=entry.transport, family=bind.family, address=address, port=port, v6only=v6only)

    def _v6only(self, entry: Entry, bind: Bind) -> bool:
        """Return what IPV6_V6ONLY ends up as, given what the daemon asks for and what the kernel allows."""
        kernel, asked = self.host.kernel, bind.v6only
        if asked is not False:
            return self.host.v6only_default if asked is None else True
        if kernel.dual is Dual.NEVER or (kernel.dual is Dual.GOVERNED and self.host.v6only_default):
            knob = f" while {kernel.knob} is not 0" if kernel.dual is Dual.GOVERNED else ""
            text = f"{_label(entry)}: this kernel gives no IPv4 clients to an IPv6 socket{knob}"
            self.faults.append(_fault(entry, "I301", "deaf-to-ipv4", text, severity=Severity.WARNING))
            return True
        return False


def predict(entries: Iterable[Entry], host: str | HostPolicy | Host) -> Prediction:
    """Return the sockets that a super-server with these entries opens on a host, and what goes wrong on the way.

    Raises UnknownHost for a host that stands in no knowledge table.
    """
    replay = _Replay(resolve(host))
    for entry in entries:
        replay.entry(entry)
    bound = [held for held in replay.table.values() if held]
    near: dict[tuple[Transport, int], list[Socket]] = {}  # in the order they were bound
    for socket, _ in bound:
        near.setdefault((socket.transport, socket.port), []).append(socket)
    sockets = tuple(
        Held(socket=socket, accepts=_accepts(socket, near[socket.transport, socket.port], replay.host), entry=entry)
        for socket, entry in bound
    )
    starved = [_starved(held) for held in sockets if not held.accepts]
    shared = [_shared(group) for group in near.values() if len(set(group)) < len(group)]
    return Prediction(sockets=sockets, faults=(*replay.faults, *starved), unknown=(*replay.unknown, *shared))


def _accepts(socket: Socket, near: list[Socket], host: Host) -> frozenset[Family]:
    """Return which clients reach a socket when a dual one and a native IPv4 one share a port: only one of the two gets IPv4."""
    rival = {Kind.DUAL: Kind.V4_ANY, Kind.V4_ANY: Kind.DUAL}.get(kind_of(socket))
    rivals = [place for place, other in enumerate(near) if kind_of(other) is rival]
    if not rivals:
        return socket.families
    loses = rival is Kind.V4_ANY if host.kernel.owner is Owner.NATIVE else rivals[-1] > near.index(socket)
    return socket.families - {Family.IPV4} if loses else socket.families


def _shared(group: list[Socket]) -> str:
    """Name a socket that is bound twice, which only datagram sockets of Linux can be."""
    socket = next(socket for socket in group if group.count(socket) > 1)
    return f"{socket} is bound more than once: which of its sockets gets the datagrams is not known"


def _starved(held: Held) -> Diagnostic:
    text = f"{_label(held.entry)}: {held.socket} listens and gets nothing: a later dual socket takes its clients"
    return _fault(held.entry, "I303", "starved-listener", text)


def _label(entry: Entry) -> str:
    return f"{entry.service}/{entry.transport.value}"


def _fault(
    entry: Entry, code: str, name: str, message: str, *, severity: Severity = Severity.ERROR, notes: tuple[str, ...] = ()
) -> Diagnostic:
    return Diagnostic(code=code, name=name, severity=severity, message=message, span=entry.origin, notes=notes)
