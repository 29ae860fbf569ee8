"""What systemd makes of the unit files of a host: which sockets are started, and what is done for their clients.

A .socket is paired with NAME@.service (Accept=yes: one for each connection) or with NAME.service or Service= (Accept=no: it is handed the
socket itself). A socket that nothing starts has no entry. Sources: socket.c (socket_verify, socket_add_extras, socket_start) and
load-fragment.c (config_parse_socket_listen) of systemd 252; measured: tests/test_lab_systemd.py.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping

import attrs

from inet46.diagnostics import Diagnostic, Severity, Source, Span
from inet46.entry import Bind, Entry, Unstartable
from inet46.formats._reading import Reading, contend, fault
from inet46.formats.systemd.document import Assignment, Link
from inet46.formats.systemd.service import Duty, serve, told
from inet46.formats.systemd.units import Tree, Unit
from inet46.formats.systemd.values import EVERYBODY, address, boolean, escaped, expand, network, number, split, unescaped
from inet46.knowledge import Host, SystemdBuild
from inet46.sockets import Family, Transport

__all__ = ["off", "read"]

_V6ONLY = {"default": None, "both": False, "ipv6-only": True}
_TRANSPORTS = {"ListenStream": Transport.TCP, "ListenDatagram": Transport.UDP}
_NO_ACCEPT = {"ListenDatagram", "ListenFIFO", "ListenSpecial", "ListenNetlink", "ListenMessageQueue", "ListenUSBFunction"}
# Whether the unit starts, or where its sockets are, depends on the host in a way that no file says.
_DECIDING = {"BindToDevice", "NetworkNamespacePath", "PrivateNetwork", "SocketProtocol", "ExecStartPre"}


_ZONE = re.compile(r"(\[[0-9a-fA-F:.]+\]|[0-9.]+):[0-9a-zA-Z]+%.+")  # an address with its interface


class Lost(Exception):
    """systemd does not start this unit."""

    def __init__(self, code: str, name: str, message: str) -> None:
        super().__init__(message)
        self.code, self.name = code, name


class Unknown(Exception):
    """What this unit opens is not known."""


@attrs.frozen
class _Listen:
    """One Listen line that counts: a socket of IPv4 or IPv6, or (port None) something else."""

    key: str
    address: str | None
    port: int | None
    said: Assignment


@attrs.define
class _Socket:
    """One socket unit while its assignments are taken one by one."""

    unit: Unit
    build: SystemdBuild
    host: Host
    faults: list[Diagnostic]
    service: str | None = None
    listens: list[_Listen] = attrs.field(factory=list)
    v6only: str = "default"
    accept: bool = False
    reuseport: bool = False
    counts: dict[str, int] = attrs.field(factory=dict)
    lists: dict[str, tuple[str, ...]] = attrs.field(factory=lambda: {"IPAddressAllow": (), "IPAddressDeny": ()})
    title: str | None = None
    extra: list[str] = attrs.field(factory=list)
    deciding: dict[str, str] = attrs.field(factory=dict)

    def load(self) -> None:
        """Take every assignment, then refuse what systemd refuses."""
        for one in told(self.unit, self.build, self.faults):
            if one.section == "Socket":
                self._take(one)
            elif one.section == "X-inet46":
                self.title = one.value if one.key == "Service" else self.title
            elif not one.section.startswith("X-"):
                self._unit(one)
        if self.unit.broken:
            raise Lost("I802", "unit-broken", "is not loaded")
        if not self.listens:
            raise Lost("I805", "no-listen", "has no Listen setting, and is refused")
        abstract = [(listen.key, listen.said.value) for listen in self.listens if listen.said.value.startswith("@")]
        if len(set(abstract)) < len(abstract):
            raise Lost("I813", "unit-failed", "fails as a whole: an abstract address is bound twice")
        if self.accept and any(listen.key in _NO_ACCEPT for listen in self.listens):
            raise Lost("I806", "not-accepting", "says Accept=yes of a socket that has no connections, and is refused")
        if self.accept and self.counts.get("MaxConnections") == 0:
            raise Lost("I806", "not-accepting", "says Accept=yes and MaxConnections=0, and is refused")
        if self.accept and self.service is not None:
            raise Lost("I806", "not-accepting", "says Accept=yes and Service=, and is refused: its service is named by its own name")

    def _unit(self, one: Assignment) -> None:
        if one.key.startswith(("Condition", "Assert")):
            # One that is empty takes back all that stands above it.
            conditions = {key: value for key, value in self.deciding.items() if not key.startswith(("Condition", "Assert"))}
            self.deciding = {**self.deciding, one.key: one.value} if one.value else conditions
        self.extra.append(f".socket [Unit] {one.key}={one.value}")

    def _take(self, one: Assignment) -> None:
        key, value = one.key, one.value
        if key.startswith("Listen"):
            self._listen(one)
        elif key in {"Accept", "ReusePort"}:
            self._answer(one)
        elif key == "BindIPv6Only" and value in _V6ONLY:
            self.v6only = value
        elif key == "BindIPv6Only":
            self._bad(one, f"none of {', '.join(_V6ONLY)}")
        elif key in {"MaxConnections", "MaxConnectionsPerSource"}:
            self._count(one)
        elif key in self.lists:
            self._list(one)
        elif key == "Service":
            self._service(one)
        else:
            if key in _DECIDING:
                self.deciding[key] = value
            self.extra.append(f".socket [Socket] {key}={value}")

    def _answer(self, one: Assignment) -> None:
        answer = boolean(one.value)
        if answer is None:
            self._bad(one, "neither yes nor no")
        elif one.key == "Accept":
            self.accept = answer
        else:
            self.reuseport = answer

    def _count(self, one: Assignment) -> None:
        count = number(one.value)
        if count is None:
            self._bad(one, "no number")
        else:
            self.counts[one.key] = count

    def _bad(self, one: Assignment, why: str) -> None:
        text = f"{self.unit.name}: {one.key}={one.value} is {why}; it is ignored"
        self.faults.append(fault("I811", "bad-value", text, one.span, severity=Severity.WARNING))

    def _listen(self, one: Assignment) -> None:
        if not one.value:
            self.listens.clear()  # of every kind
            return
        value = expand(one.value, self.unit.specifiers)
        if value is None or (one.key in _TRANSPORTS and _ZONE.fullmatch(value)):
            raise Unknown(f"what {one.key}={one.value} stands for")
        if one.key not in _TRANSPORTS or value.startswith(("/", "@", "vsock:")):
            self.listens.append(_Listen(one.key, None, None, one))
            self.extra.append(f".socket [Socket] {one.key}={one.value}")
        elif found := address(value):
            self.listens.append(_Listen(one.key, *found, one))
        else:
            self._bad(one, "no PORT, ADDRESS:PORT or [ADDRESS]:PORT with a numeric address")

    def _list(self, one: Assignment) -> None:
        words = [word for word, _ in split(one.value) or ()]
        bad = [word for word in words if not network(word)]
        if bad:
            self._bad(one, f"a list with {', '.join(bad)} in it, which is no address")
        networks = tuple(other for word in words for other in network(word))
        self.lists[one.key] = (*self.lists[one.key], *networks) if one.value else ()

    def _service(self, one: Assignment) -> None:
        name = expand(one.value, self.unit.specifiers)
        if name is None:
            raise Unknown(f"what Service={one.value} stands for")
        if re.fullmatch(r"[A-Za-z0-9:_.\\-]+(@[A-Za-z0-9:_.\\-]+)?\.service", name):
            self.service = name
        else:
            self._bad(one, "not the name of a service")

    # -- what comes of it ---------------------------------------------------------------------------------------------------------------

    @property
    def stem(self) -> str:
        """The name without its suffix."""
        return self.unit.name.removesuffix(".socket")

    @property
    def partner(self) -> str:
        """The service that is started."""
        if self.accept:
            return f"{self.stem.partition('@')[0]}@.service"
        return self.service or f"{self.stem}.service"

    def duty(self, tree: Tree) -> Duty | None:
        """Return what the service does; None if it is only missed when a client comes."""
        unit = tree.unit(self.partner)
        duty = None if unit is None or unit.broken else serve(unit, self.build, self.faults, wait=not self.accept)
        if self.accept:
            if duty is None or duty.refusal is not None:
                why = "is not there" if duty is None else duty.refusal
                text = f"{self.unit.name}: {self.partner} {why}: the first connection ends {self.unit.name}"
                self.faults.append(fault("I807", "no-service", text, self.listens[0].said.span))
            return duty
        if duty is None:
            raise Lost("I807", "no-service", f"is refused: {self.partner} is not there, or is not loaded")
        if duty.refusal is not None:
            raise Lost("I807", "no-service", f"is refused: {self.partner} {duty.refusal}")
        if len(self.listens) > 1 and duty.input == "socket":
            many = f"which needs one socket, not {len(self.listens)}"
            text = f"{self.unit.name}: {self.partner} says StandardInput=socket, {many}: it is not started, and the unit ends"
            self.faults.append(fault("I808", "sockets-for-one", text, self.listens[0].said.span))
        return duty

    def entries(self, duty: Duty | None) -> Iterator[Entry]:
        """Yield an entry for each port."""
        ports: dict[tuple[Transport, int], list[_Listen]] = {}
        for listen in self.listens:
            if listen.port is not None:
                ports.setdefault((_TRANSPORTS[listen.key], listen.port), []).append(listen)
        if self.deciding and ports:
            raise Unknown(f"what {' and '.join(f'{key}={value}' for key, value in self.deciding.items())} comes to on the host")
        name = unescaped(self.stem)
        service = name if self.title is None else self.title
        only_from, no_access = self._access()
        extra = list(self.extra)
        if self.service is not None and self.service != f"{self.stem}.service":
            extra.append(f".socket [Socket] Service={self.service}")
        if not self.accept:
            extra += [f".socket [Socket] {key}={value}" for key, value in self.counts.items()]
        for (transport, port), listens in ports.items():
            entry = Entry(
                service=service,
                port=port,
                transport=transport,
                binds=tuple(map(self._bind, listens)),
                program=Unstartable(words=()),
                wait=not self.accept,
                only_from=only_from,
                no_access=no_access,
                id=None if name == service else name,
                extra=tuple(extra),
                origin=listens[0].said.span,
            )
            yield entry if duty is None else self._with(entry, duty)

    def _with(self, entry: Entry, duty: Duty) -> Entry:
        limits = duty.limits
        if self.accept:
            instances, per_source = (self.counts.get(key) for key in ("MaxConnections", "MaxConnectionsPerSource"))
            limits = attrs.evolve(limits, instances=instances, per_source=per_source or None)
        return attrs.evolve(
            entry,
            program=duty.program,
            user=duty.user,
            group=duty.group,
            limits=limits,
            environment=duty.pairs,
            extra=(*entry.extra, *duty.extra),
        )

    def _bind(self, listen: _Listen) -> Bind:
        host = listen.address
        # A port alone is IPv4 where the kernel has no IPv6.
        six = self.host.policy.ipv6 if host is None else ":" in host
        family = Family.IPV6 if six else Family.IPV4
        told_address = None if host in {None, family.wildcard} else host
        v6only = None if family is Family.IPV4 else _V6ONLY[self.v6only]
        return Bind(family=family, v6only=v6only, address=told_address, reuseport=self.reuseport)

    def _access(self) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
        """Return who may connect: what is allowed is let in, what is denied is not, and the rest is let in."""
        allow, deny = self.lists["IPAddressAllow"], self.lists["IPAddressDeny"]
        closed = [wildcard for wildcard in EVERYBODY if wildcard in deny]
        if not closed:
            if deny and allow:
                self.extra += [f".socket [Socket] IPAddressAllow={' '.join(allow)}"]
            return None, deny
        open_ = tuple(wildcard for wildcard in EVERYBODY if wildcard not in closed and wildcard not in allow)
        return (*allow, *open_), tuple(word for word in deny if word not in EVERYBODY)


@attrs.define
class _Gathered:
    """What is said while the units are read."""

    faults: list[Diagnostic] = attrs.field(factory=list)
    unknown: list[str] = attrs.field(factory=list)
    entries: list[Entry] = attrs.field(factory=list)
    sources: dict[Source, None] = attrs.field(factory=dict)


def read(files: Mapping[str, str], build: SystemdBuild, host: Host) -> Reading:
    """Return the entries of every socket unit that a boot starts, unit by unit; `files` maps every path that could matter to its text."""
    tree = _tree(files, build, host)
    got = _Gathered()
    for name in tree.sockets():
        unit = tree.unit(name)
        if unit is None:
            continue
        got.sources.update((document.source, None) for document in unit.documents)
        _read_one(unit, tree, build, host, got)
    unknown = [*got.unknown, *_contests(got.entries)]
    return Reading(entries=tuple(got.entries), faults=tuple(got.faults), unknown=tuple(unknown), sources=tuple(got.sources))


def _tree(files: Mapping[str, str], build: SystemdBuild, host: Host) -> Tree:
    return Tree(files, build.folders if host.config in build.folders else (host.config, *build.folders))


def off(entry: Entry, files: Mapping[str, str], build: SystemdBuild, host: Host) -> Mapping[str, Link]:
    """Return the links that have to come or go so that no boot starts the unit of an entry."""
    tree = _tree(files, build, host)
    names = {f"{entry.unit}.socket", f"{escaped(entry.unit)}.socket"}
    return {path: link for name in sorted(names) for path, link in tree.off(tree.title(name)).items()}


def _read_one(unit: Unit, tree: Tree, build: SystemdBuild, host: Host, got: _Gathered) -> None:
    faults: list[Diagnostic] = [fault for document in unit.documents for fault in document.faults]
    socket = _Socket(unit, build, host, faults)
    first = unit.documents[0].source
    place = Span(first, 0, len(first.text.partition("\n")[0]))
    try:
        socket.load()
        if all(listen.port is None for listen in socket.listens):
            return  # nothing of it is a socket of IPv4 or IPv6
        starters = tree.starters(unit.name)
        if starters & set(build.boots):
            got.entries += list(socket.entries(socket.duty(tree)))
        elif starters:
            got.unknown.append(f"{first.path}: {unit.name}: whether {' or '.join(sorted(starters))}, which starts it, is started")
        else:
            text = f"{unit.name} is not enabled: no link in sockets.target.wants leads to it, and nothing starts it"
            faults.append(fault("I801", "unit-not-enabled", text, place, severity=Severity.NOTE))
    except Lost as lost:
        faults.append(fault(lost.code, lost.name, f"{unit.name} {lost}", place))
    except (Unknown, ValueError) as reason:  # a ValueError is a value that no model holds
        got.unknown.append(f"{first.path}: {unit.name}: {reason}")
    got.faults += dict.fromkeys(faults)


def _contests(entries: Iterable[Entry]) -> Iterator[str]:
    """Name the units that contend for a port: they are started at once, and which comes first is not known."""
    ports: dict[tuple[Transport, int | None], list[Entry]] = {}
    for entry in entries:
        ports.setdefault((entry.transport, entry.port), []).append(entry)
    for (transport, port), group in ports.items():
        for one, other in itertools.combinations(group, 2):
            pairs = itertools.product(one.binds, other.binds)
            if one.unit != other.unit and any(contend(*pair) and not all(bind.reuseport for bind in pair) for pair in pairs):
                names = f"{one.unit}.socket and {other.unit}.socket"
                yield f"{names} contend for {port}/{transport.value}, and which is started first is not known"
