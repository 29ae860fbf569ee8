"""The oracle: which sockets the kernel holds after a super-server has started on these entries.

The daemon itself is replayed in `replay`; this module reads off what has come of it: who is reached, and who is not. What cannot be known
is said (`unknown`), never guessed.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from inet46.diagnostics import Diagnostic, Severity
from inet46.entry import Entry
from inet46.host import HostPolicy
from inet46.knowledge import Dual, Host, Owner, resolve
from inet46.replay import Replay, label, replay_of
from inet46.slots import Refused
from inet46.sockets import Family, Kind, Socket, Transport, kind_of

__all__ = ["Held", "Prediction", "Refused", "outcome", "predict"]


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
    """Sockets in the order they were bound; refused binds and faults in the order they happen; what cannot be known."""

    sockets: tuple[Held, ...] = ()
    refused: tuple[Refused, ...] = ()
    faults: tuple[Diagnostic, ...] = ()
    unknown: tuple[str, ...] = ()


_MAPPED = "::ffff:"
_Claim = tuple[Transport, int, Family, str]
"""Clients of one family at one address and port."""
_WILDCARDS = {Kind.V4_ANY, Kind.V6_ANY, Kind.DUAL}


def predict(entries: Iterable[Entry], host: str | HostPolicy | Host) -> Prediction:
    """Return the sockets that a super-server with these entries opens on a host, and what goes wrong on the way.

    Raises UnknownHost for a host that stands in no knowledge table.
    """
    replay = replay_of(resolve(host))
    replay.load([tuple(entries)])
    seen = outcome(replay)
    stale = (_goes_on(slot.entry, said, replay.host) for slot in replay.slots.values() if slot.open and (said := slot.stale) is not None)
    return attrs.evolve(seen, faults=(*seen.faults, *dict.fromkeys(stale)))


def outcome(replay: Replay) -> Prediction:
    """Return what a machine has come to: the sockets that are open, and who reaches them."""
    rivals: dict[_Claim, list[Socket]] = {}  # in the order they were bound
    sockets = []
    for slot in replay.bound.values():
        for family in slot.socket.families if slot.socket.port else ():  # a port that was picked has one socket
            rivals.setdefault(_claim(slot.socket, family), []).append(slot.socket)
    owned = {claim: _owner(claim, group, replay.host) for claim, group in rivals.items()}
    unowned: list[str] = []
    for slot in replay.bound.values():
        owners = {family: owned[_claim(slot.socket, family)] if slot.socket.port else slot.socket for family in slot.socket.families}
        accepts = frozenset(family for family, owner in owners.items() if owner is slot.socket)
        if None in owners.values():
            what = f"{slot.socket} or to another socket of {replay.host.kernel.name}"
            unowned.append(f"{label(slot.entry)}: whether IPv4 clients come to {what}")
        sockets.append(Held(socket=slot.socket, accepts=accepts, entry=slot.entry))
    served = {(held.socket.transport, held.socket.port) for held in sockets if kind_of(held.socket) is Kind.V4_ANY}
    deaf = [_deaf(held, replay.host) for held in sockets if _asked_dual(held) and (held.socket.transport, held.socket.port) not in served]
    starved = [_starved(held) for held in sockets if not held.accepts and not unowned]
    faults = (*(fault for _, fault in replay.faults), *deaf, *starved)
    return Prediction(sockets=tuple(sockets), refused=tuple(replay.refused), faults=faults, unknown=(*replay.unknown, *unowned))


def _owner(claim: _Claim, rivals: list[Socket], host: Host) -> Socket | None:
    """Return the socket that gets a family's clients, of all that could have them at one address; None: unknown.

    The newest does, of native IPv4 sockets before dual ones where the kernel prefers those. Two sockets with equal claims are possible for
    UDP on Linux alone (udp4_lib_lookup2 takes the first in a list that grows at its head; measured for wildcards and addresses).
    """
    native = [one for one in rivals if claim[2] is Family.IPV4 and one.family is Family.IPV4]
    if native and len(rivals) > len(native) and host.kernel.owner is Owner.UNKNOWN:
        return None
    return native[-1] if native and host.kernel.owner is Owner.NATIVE else rivals[-1]


def _claim(socket: Socket, family: Family) -> _Claim:
    address = family.wildcard if kind_of(socket) in _WILDCARDS else socket.address.lower().removeprefix(_MAPPED)
    return socket.transport, socket.port, family, address


def _asked_dual(held: Held) -> bool:
    """Return True for a socket that was to take IPv4 clients too and does not."""
    wish = any(bind.v6only is False and bind.address in {None, held.socket.address} for bind in held.entry.binds)
    return wish and kind_of(held.socket) is Kind.V6_ANY


def _deaf(held: Held, host: Host) -> Diagnostic:
    kernel = host.kernel
    knob = f" while {kernel.knob} is not 0" if kernel.dual is Dual.GOVERNED else ""
    text = f"{label(held.entry)}: this kernel gives no IPv4 clients to an IPv6 socket{knob}"
    return _fault(held.entry, "I301", "deaf-to-ipv4", text, Severity.WARNING)


def _starved(held: Held) -> Diagnostic:
    text = f"{label(held.entry)}: {held.socket} listens and gets nothing: a later socket takes its clients"
    return _fault(held.entry, "I303", "starved-listener", text)


def _goes_on(entry: Entry, said: str, host: Host) -> Diagnostic:
    text = f"{label(entry)}: {host.row.unit} {said}: an earlier line for the same socket has settled that"
    return _fault(entry, "I213", "earlier-line-goes-on", text)


def _fault(entry: Entry, code: str, name: str, message: str, severity: Severity = Severity.ERROR) -> Diagnostic:
    return Diagnostic(code=code, name=name, severity=severity, message=message, span=entry.origin)
