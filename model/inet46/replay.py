"""A super-server's table, replayed bind by bind against the kernel's own matrix: at a start, at every reload, and when it tries again.

There is one machine for all of it: a start is a reload of a table that is empty. It knows nothing of text; the formats have already turned
tokens and flags into binds. Sources: config, setup and retry of FreeBSD's, OpenBSD's and inetutils' inetd.c; xinetd reconfig.c
(hard_reconfig, readjust), conf.c (cnf_extract, cnf_start_services), sconf.c (sc_different_confs); measured: tests/test_daemons_changes.py.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Self, assert_never

import attrs

from inet46.diagnostics import Diagnostic, Severity
from inet46.entry import Bind, Entry
from inet46.knowledge import Dual, Failing, Host, InetdBuild, LaunchdBuild, Protocols, SystemdBuild, XinetdBuild
from inet46.service import Builtin
from inet46.slots import Key, Refused, Slot, performs
from inet46.sockets import Family, Kind, Socket, Transport, bare, collide, doubtful, kind_of

__all__ = ["InetdReplay", "Replay", "UnitReplay", "XinetdReplay", "label", "replay_of"]

_MAPPED = "::ffff:"
_ONE = {Kind.V4_ONE, Kind.V6_ONE}


@attrs.define
class Replay:
    """The table in the order in which its lines came to be, and the sockets that are open in the order in which they were bound.

    `faults` and `unknown` are those of the last reading, with what has healed since taken out; `refused` every bind of it that the kernel
    refused, in order. `cut` are the entries of which a reload has
    killed the running sessions although they stay. `lost` could not be bound and are forgotten.
    """

    host: Host
    slots: dict[Key, Slot] = attrs.field(factory=dict)
    bound: dict[Key, Slot] = attrs.field(factory=dict)
    near: dict[Key, dict[Key, Slot]] = attrs.field(factory=dict)  # what is bound, by all that decides about collisions (Slot.shelves)
    opened: int = 0
    refused: list[Refused] = attrs.field(factory=list)
    faults: list[tuple[Slot | None, Diagnostic]] = attrs.field(factory=list)
    unknown: list[str] = attrs.field(factory=list)
    cut: list[Entry] = attrs.field(factory=list)
    dropped: list[Entry] = attrs.field(factory=list)
    lost: list[Slot] = attrs.field(factory=list)

    def load(self, files: Iterable[Sequence[Entry]]) -> None:
        """Read the files: at a start, and at every SIGHUP."""
        raise NotImplementedError

    def retry(self) -> None:
        """Try what could not be bound once more, as the timer or SIGALRM has it."""
        raise NotImplementedError

    @property
    def down(self) -> list[Slot]:
        """What the daemon was to have and has not, or has and does not listen on."""
        return [*(slot for slot in self.slots.values() if not slot.open), *self.lost]

    def end(self) -> None:
        """Close everything: the daemon has gone, or serves nobody any more."""
        for table in (self.slots, self.bound, self.near):
            table.clear()
        for told in (self.refused, self.faults, self.unknown, self.lost):
            told.clear()

    def copy(self) -> Self:
        """Return a machine to try something out on."""
        slots = {key: attrs.evolve(slot) for key, slot in self.slots.items()}
        near = {shelf: {key: slots[key] for key in there} for shelf, there in self.near.items()}
        bound = {key: slots[key] for key in self.bound}
        return attrs.evolve(self, slots=slots, bound=bound, near=near, refused=[], faults=[], unknown=[], lost=[])

    def _binds(self, entry: Entry) -> Iterable[tuple[Bind, Socket]]:
        """Yield what an entry is to have on this host, saying what it cannot have."""
        port = entry.port if entry.port is not None else self.host.port(entry.service, entry.transport)
        if port is None:
            self._no_port(entry)
            return
        for bind in entry.binds:
            if bind.family is Family.IPV6 and not self.host.policy.ipv6:
                text = f"{label(entry)}: this host has no IPv6, the socket cannot be made"
                self.faults.append((None, _fault(entry, "I502", "no-ipv6", text)))
            else:
                yield bind, self._socket(entry, bind, port)

    def _no_port(self, entry: Entry) -> None:
        name = f"{entry.service}/{entry.transport.value}"
        if self.host.policy.services is None:
            self.unknown.append(f"port of {name}: not a usual name, and /etc/services was not looked at (--services FILE gives one)")
        else:
            text = f"{name} is not in /etc/services, so the entry is lost"
            self.faults.append((None, _fault(entry, "I110", "unknown-service", text)))

    def _open(self, slot: Slot, *, listens: bool = True) -> bool:
        """Bind a socket, if the kernel lets it be bound beside what is open."""
        socket = slot.socket
        if socket.address.lower().startswith(_MAPPED) and slot.bind.family is Family.IPV6 and self._v6only(slot.bind):
            # Linux: EINVAL (__inet6_bind); FreeBSD: EADDRNOTAVAIL (in6_pcbbind). Both were met.
            text = f"{label(slot.entry)}: {socket} is an IPv4 address and the socket for IPv6 alone; nothing is bound"
            return self._failed(slot, _fault(slot.entry, "I305", "mapped-and-v6only", text))
        near = self._near(socket)
        conflicts = self.host.kernel.conflicts(socket.transport)
        rivals = (held for held in near if not (slot.bind.reuseport and held.bind.reuseport))
        other = next((held for held in rivals if collide(socket, held.socket, conflicts)), None)
        if other is not None:
            return self._failed(slot, self._taken(slot, other))
        doubt = next((held for held in near if doubtful(socket, held.socket, conflicts)), None)
        if doubt is not None:
            what = f"{socket} be bound beside {doubt.socket} of {doubt.entry.service}"
            self.unknown.append(f"{label(slot.entry)}: whether {self.host.kernel.name} lets {what}")
            return False
        slot.open, slot.deaf, slot.fault = listens, not listens, None
        if listens:  # a socket that does not listen is in nobody's way, since all of them set SO_REUSEADDR
            self.opened += 1
            slot.place = self.opened
            self.bound[slot.key] = slot
            for shelf in slot.shelves:
                self.near.setdefault(shelf, {})[slot.key] = slot
        return True

    def _near(self, socket: Socket) -> list[Slot]:
        """Return who could be in the way of a socket, in the order in which they were bound; of those that are alike, only the first.

        Of its own kind these are those of its own address, where it has one, and of every other kind any.
        """
        mine, found = kind_of(socket), list[Slot]()
        for kind, shared in itertools.product(Kind, (False, True)):
            address = (bare(socket.address),) if kind is mine and kind in _ONE else ()
            found += itertools.islice(self.near.get((socket.transport, socket.port, kind, shared, *address), {}).values(), 1)
        return sorted(found, key=lambda slot: slot.place)

    def _taken(self, slot: Slot, other: Slot) -> Diagnostic:
        """Say that a socket cannot be bound, and what is lost by it."""
        return _double_bind(slot.entry, slot.socket, other)

    def _failed(self, slot: Slot, fault: Diagnostic) -> bool:
        slot.fault = fault
        self.refused.append(Refused(socket=slot.socket, entry=slot.entry, bind=slot.bind))
        self.faults.append((slot, fault))
        return False

    def _close(self, slot: Slot) -> None:
        if slot.open:
            del self.bound[slot.key]
            for shelf in slot.shelves:
                del self.near[shelf][slot.key]
        slot.open = slot.deaf = False

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


@attrs.define
class InetdReplay(Replay):
    """An inetd: new sockets are bound in file order while the old ones are open; what no line asks for any more is closed afterwards."""

    build: InetdBuild = attrs.field(kw_only=True)
    old: dict[Key, Slot] = attrs.field(factory=dict)  # what no line of this reading has asked for yet

    def load(self, files: Iterable[Sequence[Entry]]) -> None:
        """Take the files one after the other."""
        self.refused.clear()
        self.faults.clear()
        self.unknown.clear()
        self.old = dict(self.slots)
        for slot in self.old.values():
            slot.seen = False
        for entries in files:
            for entry in entries:
                for bind, socket in self._binds(entry):
                    self._meet(entry, bind, socket)
            if self.build.purges_each_file:
                self._purge()
        self._purge()

    def retry(self) -> None:
        """The newest line is tried first: each daemon puts what is new at the head of its list."""
        tried = [slot for slot in reversed(self.slots.values()) if not slot.open and not slot.deaf]
        gone = {id(slot) for slot in tried}
        self.faults = [(slot, fault) for slot, fault in self.faults if slot is None or id(slot) not in gone]
        for slot in tried:
            self._open(slot, listens=self.build.retry_listens)

    def _meet(self, entry: Entry, bind: Bind, socket: Socket) -> None:
        """Do what the daemon does for one bind: go on with the socket of a line that it knows, or make one."""
        # A bind without a key is never recognised again: it stands for itself.
        told = None if self.build.merges_wildcards else bind.name  # a name is told apart from its address where they stay as written
        key = (entry.service, bind.key, bind.family, bind.address, told) if bind.key else (object(),)
        self.old.pop(key, None)
        slot = self.slots.get(key)
        if slot is None:
            slot = self.slots[key] = Slot(key, entry, bind, socket, builtin=performs(entry), wait=entry.wait)
        else:
            if self.build.protocols is Protocols.LAST_DIGIT:  # openbsd-inetd inetd.c, config: the socket type is never looked at again
                socket = attrs.evolve(socket, transport=slot.socket.transport)
            if slot.open and (slot.socket != socket or (self.build.rebinds_all and not slot.seen)):
                self._close(slot)  # at once, and not at the end
            slot.builtin = slot.builtin if self.build.keeps_builtin else performs(entry)
            slot.wait = entry.wait if slot.wait or not self.build.keeps_nowait else False
            slot.entry, slot.bind, slot.socket, slot.seen = entry, bind, socket, True
        if not slot.open and not slot.deaf:
            self._open(slot)
            slot.passes = slot.wait
        elif not self.build.keeps_handler or socket.transport is Transport.UDP:
            slot.passes = slot.wait

    def _purge(self) -> None:
        for key, slot in self.old.items():
            self._close(slot)
            del self.slots[key]
        self.old.clear()


@attrs.define
class XinetdReplay(Replay):
    """An xinetd: what is gone is closed, what moved is closed and opened again, one after the other; then what is new is opened."""

    def load(self, files: Iterable[Sequence[Entry]]) -> None:
        """Reconfigure; a service that cannot be opened when it is new is forgotten, one that was there before stays and has no socket."""
        self.refused.clear()
        self.faults.clear()
        self.unknown.clear()
        self.lost.clear()
        told = [(entry, bind, socket) for entries in files for entry in entries for bind, socket in self._binds(entry)]
        waiting: dict[Key, deque[int]] = {}
        for place, (entry, bind, socket) in enumerate(told):
            waiting.setdefault(_identity(entry, bind, socket, self.host), deque()).append(place)
        taken = set()
        for slot in list(self.slots.values()):
            places = waiting.get(_identity(slot.entry, slot.bind, slot.socket, self.host))
            if places:
                taken.add(place := places.popleft())
                self._readjust(slot, *told[place])
            else:
                self.dropped += [slot.entry] if slot.open else []
                self._close(slot)
                del self.slots[slot.key]
        for place, (entry, bind, socket) in enumerate(told):
            if place not in taken:
                self._start(entry, bind, socket)

    def retry(self) -> None:
        """Nothing is tried again before the next SIGHUP."""

    def _start(self, entry: Entry, bind: Bind, socket: Socket) -> None:
        slot = Slot((object(),), entry, bind, socket, builtin=performs(entry), wait=entry.wait, passes=entry.wait)
        if self._open(slot):
            self.slots[slot.key] = slot
        else:
            self.lost.append(slot)

    def _readjust(self, slot: Slot, entry: Entry, bind: Bind, socket: Socket) -> None:
        """Apply a change of family, or of a bind that is there now; nothing else reaches the socket, v6only least of all."""
        moved = _named(bind) not in {None, _named(slot.bind)} or bind.family is not slot.bind.family
        slot.entry, slot.bind, slot.builtin, slot.wait, slot.passes = entry, bind, performs(entry), entry.wait, entry.wait
        if moved:
            self.cut.append(entry)
            self._close(slot)
            slot.socket = socket
            self._open(slot)
        elif slot.fault is not None and not slot.open:
            self.faults.append((slot, slot.fault))
        elif slot.socket != socket:
            text = f"{label(entry)}: xinetd goes on with {slot.socket} and never opens {socket}"
            fault = _fault(entry, "I701", "not-applied", text)
            self.faults.append((slot, attrs.evolve(fault, notes=("a reload applies no change of v6only, nor that bind is gone",))))


@attrs.define
class UnitReplay(Replay):
    """A systemd, launchd or SMF: each unit by itself, in which a bind that fails may take others with it; it is stopped, then started."""

    def load(self, files: Iterable[Sequence[Entry]]) -> None:
        """Stop every unit, and start those that are told of."""
        self.end()
        units: dict[str, list[Entry]] = {}
        for entries in files:
            for entry in entries:
                units.setdefault(entry.unit, []).append(entry)
        for group in units.values():
            self._unit(group)

    def retry(self) -> None:
        """Nothing is tried again before somebody starts the unit."""

    def _unit(self, entries: Sequence[Entry]) -> None:
        faults, mine = len(self.faults), list[Slot]()
        for entry in entries:
            mine += self._start(entry)
            if self.host.failing is Failing.UNIT and len(self.faults) > faults:
                for slot in mine:
                    self._close(slot)
                    del self.slots[slot.key]
                text = f"{entry.unit}.socket fails as a whole: nothing of it listens"
                self.faults.append((None, _fault(entry, "I813", "unit-failed", text)))
                return

    def _start(self, entry: Entry) -> Iterable[Slot]:
        """Open the sockets of one entry, as a rule up to the first that cannot be had."""
        faults = len(self.faults)
        alone = self.host.failing is Failing.ALONE
        for bind, socket in self._binds(entry):
            slot = Slot((object(),), entry, bind, socket, wait=entry.wait, passes=entry.wait)
            if len(self.faults) > faults and not alone:
                return
            if self._open(slot):
                self.slots[slot.key] = slot
                yield slot
            else:
                self.lost.append(slot)
                if not alone:
                    return

    def _taken(self, slot: Slot, other: Slot) -> Diagnostic:
        """Nothing is lost here but what the unit loses as a whole."""
        if self.host.failing is not Failing.UNIT:
            return _double_bind(slot.entry, slot.socket, other)
        text = f"{label(slot.entry)}: address already in use: {slot.socket} is taken by {other.socket} of {other.entry.service}"
        two = slot.socket.family is not other.socket.family
        mend = "BindIPv6Only=ipv6-only lets a socket of each family be bound" if two else None
        return attrs.evolve(_fault(slot.entry, "I201", "double-bind", text), help=mend)


def _identity(entry: Entry, bind: Bind, socket: Socket, host: Host) -> Key:
    """Return by what a reload knows a service again (cnf_extract, sc_different_confs)."""
    internal = isinstance(entry.program, Builtin) and entry.program.builtin != "redirect"
    unlisted = entry.unlisted
    if unlisted is None:
        unlisted = entry.port is not None and host.port(entry.service, entry.transport) != entry.port
    return (entry.known_as or entry.id or entry.service).lower(), internal, unlisted, entry.wait, entry.transport, socket.port


def _named(bind: Bind) -> str | None:
    return bind.written if bind.written is not None else bind.address


def replay_of(host: Host) -> Replay:
    """Return the machine of a host, with an empty table."""
    match host.server:
        case InetdBuild(manifests=str()):
            return UnitReplay(host)
        case InetdBuild() as build:
            return InetdReplay(host, build=build)
        case XinetdBuild():
            return XinetdReplay(host)
        case SystemdBuild() | LaunchdBuild():
            return UnitReplay(host)
        case other:
            assert_never(other)


def label(entry: Entry) -> str:
    """Name an entry as the daemons do: imap/tcp."""
    return f"{entry.service}/{entry.transport.value}"


def _fault(entry: Entry, code: str, name: str, message: str) -> Diagnostic:
    return Diagnostic(code=code, name=name, severity=Severity.ERROR, message=message, span=entry.origin)


def _double_bind(entry: Entry, socket: Socket, other: Slot) -> Diagnostic:
    held, holder = other.socket, other.entry
    if not other.seen:
        text = f"{label(entry)}: address already in use: {socket} is taken by {held} of {label(holder)}, which is open from before"
        why = "an old socket is closed when its own line asks for another one, or after the last line"
        return attrs.evolve(_fault(entry, "I703", "old-socket-in-the-way", text), notes=(why,))
    lost = sorted(socket.families - held.families, key=lambda family: family.value)
    where = f" (line {holder.origin.line} of {holder.origin.source.path})" if holder.origin else ""
    text = f"{label(entry)}: address already in use: {socket} is taken by {held} of {holder.service}"
    text += f"; {' and '.join(f.title for f in lost) or 'no family'} is lost"
    return attrs.evolve(_fault(entry, "I201", "double-bind", text), notes=(f"the first of two conflicting entries wins{where}",))
