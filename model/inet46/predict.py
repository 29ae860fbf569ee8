"""The oracle: which sockets the kernel holds after a super-server has started on these entries.

It replays what the daemon does, bind by bind in the order of the entries, against the kernel's own matrix. It knows nothing of text: the
formats have already turned tokens and flags into binds. What cannot be known is said (`unknown`), never guessed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import attrs

from inet46.diagnostics import Diagnostic, Severity
from inet46.entry import Bind, Entry
from inet46.host import HostPolicy
from inet46.knowledge import Dual, Host, InetdBuild, Owner, Protocols, resolve
from inet46.sockets import Family, Kind, Socket, Transport, collide, kind_of

__all__ = ["Held", "Prediction", "Refused", "predict"]


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
class Refused:
    """One bind that the kernel refuses, and the entry that asked for it."""

    socket: Socket
    entry: Entry
    bind: Bind


@attrs.frozen(kw_only=True)
class Prediction:
    """Sockets in the order they were bound; refused binds and faults in the order they happen; what cannot be known."""

    sockets: tuple[Held, ...] = ()
    refused: tuple[Refused, ...] = ()
    faults: tuple[Diagnostic, ...] = ()
    unknown: tuple[str, ...] = ()


_Key = tuple[object, ...]
_MAPPED = "::ffff:"
_WILDCARDS = {Kind.V4_ANY, Kind.V6_ANY, Kind.DUAL}


@attrs.define
class _Replay:
    """The daemon's table while it works through the entries: bind key -> what it holds under it (None: the bind failed).

    `ports` are the keys that each port has seen: only sockets of one port can collide.
    """

    host: Host
    table: dict[_Key, tuple[Socket, Entry] | None] = attrs.field(factory=dict)
    ports: dict[tuple[Transport, int], dict[_Key, None]] = attrs.field(factory=dict)
    refused: list[Refused] = attrs.field(factory=list)
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
        key = (entry.service, bind.key, bind.family, bind.address, self._told(bind)) if bind.key else (len(self.table),)
        held = self.table.get(key)
        if held and held[0] == (attrs.evolve(socket, transport=held[0].transport) if self._keeps_type() else socket):
            self.table[key] = (held[0], entry)  # the socket stays, the later entry serves it
            return
        self.table.pop(key, None)
        if bind.family is Family.IPV6 and socket.address.lower().startswith(_MAPPED) and self._v6only(bind):
            # Linux: EINVAL (__inet6_bind); FreeBSD: EADDRNOTAVAIL (in6_pcbbind). Both were met.
            text = f"{_label(entry)}: [{socket.address}]:{port} is an IPv4 address and the socket for IPv6 alone; nothing is bound"
            self.faults.append(_fault(entry, "I305", "mapped-and-v6only", text))
            self._refuse(key, socket, entry, bind)
            return
        near = self.ports.setdefault((socket.transport, port), {})
        conflicts = self.host.kernel.conflicts(socket.transport)
        other = next((x for x in map(self.table.get, near) if x and collide(socket, x[0], conflicts)), None)
        near[key] = None
        if other is None:
            self.table[key] = (socket, entry)
            return
        self._refuse(key, socket, entry, bind)
        self.faults.append(self._double_bind(entry, socket, *other))

    def _refuse(self, key: _Key, socket: Socket, entry: Entry, bind: Bind) -> None:
        self.table[key] = None
        self.refused.append(Refused(socket=socket, entry=entry, bind=bind))

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

    def _keeps_type(self) -> bool:
        """Return True where entries are told apart by all but their socket type (openbsd-inetd inetd.c, matchconf)."""
        return isinstance(self.host.server, InetdBuild) and self.host.server.protocols is Protocols.LAST_DIGIT

    def _told(self, bind: Bind) -> str | None:
        """Return the name of an address for a daemon that compares addresses as they are written."""
        build = self.host.server
        return bind.name if isinstance(build, InetdBuild) and not build.merges_wildcards else None

    def _socket(self, entry: Entry, bind: Bind, port: int) -> Socket:
        address = bind.address or bind.family.wildcard
        if bind.family is Family.IPV4:
            return Socket(transport=entry.transport, family=bind.family, address=address, port=port)
        return Socket(
            transport=entry.transport,
            family=bind.family,
            address=address,
            port=port,
            v6only=self._v6only(bind) if address == Family.IPV6.wildcard else not address.lower().startswith(_MAPPED),
        )

    def _v6only(self, bind: Bind) -> bool:
        """Return what IPV6_V6ONLY ends up as, given what the daemon asks for and what the kernel allows."""
        if bind.v6only is not False:
            return self.host.v6only_default if bind.v6only is None else True
        dual = self.host.kernel.dual
        return dual is Dual.NEVER or (dual is Dual.GOVERNED and self.host.v6only_default)


def predict(entries: Iterable[Entry], host: str | HostPolicy | Host) -> Prediction:
    """Return the sockets that a super-server with these entries opens on a host, and what goes wrong on the way.

    Raises UnknownHost for a host that stands in no knowledge table.
    """
    replay = _Replay(resolve(host))
    for entry in entries:
        replay.entry(entry)
    bound = [held for held in replay.table.values() if held]
    near: dict[tuple[Transport, int], list[Socket]] = {}  # in the order they were bound
    sockets = []
    for socket, _ in bound:
        near.setdefault((socket.transport, socket.port), []).append(socket)
    seen: Counter[tuple[Transport, int]] = Counter()
    for socket, entry in bound:
        port = socket.transport, socket.port
        accepts = _accepts(seen[port], near[port], replay.host) if socket.port else socket.families  # a port that was picked has one socket
        sockets.append(Held(socket=socket, accepts=accepts, entry=entry))
        seen[port] += 1
    served = {(held.socket.transport, held.socket.port) for held in sockets if kind_of(held.socket) is Kind.V4_ANY}
    deaf = [_deaf(held, replay.host) for held in sockets if _asked_dual(held) and (held.socket.transport, held.socket.port) not in served]
    starved = [_starved(held) for held in sockets if not held.accepts]
    return Prediction(
        sockets=tuple(sockets),
        refused=tuple(replay.refused),
        faults=(*replay.faults, *deaf, *starved),
        unknown=tuple(replay.unknown),
    )


def _accepts(place: int, near: list[Socket], host: Host) -> frozenset[Family]:
    """Return which clients reach the socket at a place among those of its port, in the order they were bound: one socket gets each."""
    socket = near[place]
    return frozenset(family for family in socket.families if _owner(family, socket, near, host) == place)


def _owner(family: Family, socket: Socket, near: list[Socket], host: Host) -> int:
    """Return the place of the socket that gets a family's clients, of all that could have them at this socket's address.

    The newest does, of native IPv4 sockets before dual ones where the kernel prefers those. Two sockets with equal claims are possible for
    UDP on Linux alone (udp4_lib_lookup2 takes the first in a list that grows at its head; measured for wildcards and addresses).
    """
    address = _claim(socket, family)
    rivals = [place for place, other in enumerate(near) if family in other.families and _claim(other, family) == address]
    native = [place for place in rivals if family is Family.IPV4 and near[place].family is Family.IPV4]
    return native[-1] if native and host.kernel.owner is Owner.NATIVE else rivals[-1]


def _claim(socket: Socket, family: Family) -> str:
    return family.wildcard if kind_of(socket) in _WILDCARDS else socket.address.lower().removeprefix(_MAPPED)


def _asked_dual(held: Held) -> bool:
    """Return True for a socket that was to take IPv4 clients too and does not."""
    wish = any(bind.v6only is False and bind.address in {None, held.socket.address} for bind in held.entry.binds)
    return wish and kind_of(held.socket) is Kind.V6_ANY


def _deaf(held: Held, host: Host) -> Diagnostic:
    kernel = host.kernel
    knob = f" while {kernel.knob} is not 0" if kernel.dual is Dual.GOVERNED else ""
    text = f"{_label(held.entry)}: this kernel gives no IPv4 clients to an IPv6 socket{knob}"
    return _fault(held.entry, "I301", "deaf-to-ipv4", text, severity=Severity.WARNING)


def _starved(held: Held) -> Diagnostic:
    text = f"{_label(held.entry)}: {held.socket} listens and gets nothing: a later socket takes its clients"
    return _fault(held.entry, "I303", "starved-listener", text)


def _label(entry: Entry) -> str:
    return f"{entry.service}/{entry.transport.value}"


def _fault(
    entry: Entry, code: str, name: str, message: str, *, severity: Severity = Severity.ERROR, notes: tuple[str, ...] = ()
) -> Diagnostic:
    return Diagnostic(code=code, name=name, severity=severity, message=message, span=entry.origin, notes=notes)
