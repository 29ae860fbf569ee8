"""From files to Services: what a super-server really does for clients on its host, said without any word of a daemon.

Only what is open counts. An entry that is disabled, broken, duplicated or bound in vain is no service there, and that is said.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import attrs

from inet46 import formats
from inet46.convert.access import access_of
from inet46.convert.losses import Loss
from inet46.convert.nearest import GUARDS
from inet46.diagnostics import Cost, Diagnostic, Span
from inet46.entry import Entry, Unstartable
from inet46.formats import Reading, xinetd
from inet46.host import HostPolicy
from inet46.knowledge import Host, XinetdBuild, resolve
from inet46.predict import Held, Prediction, predict
from inet46.proof import reach
from inet46.service import Builtin, Listener, Service
from inet46.sockets import Family, Transport

__all__ = ["NO_WORD", "Exported", "Found", "export"]

NO_WORD = "a Service has no word for it"


@attrs.frozen(kw_only=True)
class Found:
    """One service that a host really has: as a person would want it, its sockets, and what a Service cannot say of it."""

    service: Service
    sockets: tuple[Held, ...]
    losses: tuple[Loss, ...] = ()

    @property
    def origin(self) -> Span | None:
        """Where its first entry stands."""
        return self.sockets[0].entry.origin

    @property
    def extra(self) -> tuple[str, ...]:
        """What its entries also say, word for word."""
        return tuple(dict.fromkeys(word for held in self.sockets for word in held.entry.extra))

    @property
    def inherited(self) -> tuple[str, ...]:
        """What defaults say for them, word for word."""
        return tuple(dict.fromkeys(word for held in self.sockets for word in held.entry.inherited))

    @property
    def exact(self) -> Service:
        """The service with one socket for both families, where it has one now."""
        if not any(held.socket.dual for held in self.sockets):
            return self.service
        kept = tuple(listener for listener in self.service.listeners if listener.address is not None)
        return attrs.evolve(self.service, listeners=(Listener(family=Family.IPV6, v6only=False), *kept))


@attrs.frozen(kw_only=True)
class Exported:
    """What was found on a host: services, what could not become one, what is there on paper only, and what is not known."""

    host: Host
    found: tuple[Found, ...]
    losses: tuple[Loss, ...]
    on_paper: tuple[str, ...]
    unknown: tuple[str, ...]
    reading: Reading = attrs.field(repr=False)
    prediction: Prediction = attrs.field(repr=False)

    @property
    def services(self) -> tuple[Service, ...]:
        """The services alone."""
        return tuple(found.service for found in self.found)


def export(files: Mapping[str, str], host: str | HostPolicy | Host) -> Exported:
    """Read a host's files back into services.

    Raises UnknownHost for a host that stands in no knowledge table.
    """
    where = resolve(host)
    reading = formats.read(files, where)
    prediction = predict(reading.entries, where)
    found: list[Found] = []
    losses: list[Loss] = []
    for (transport, port), sockets in _by_port(held for held in prediction.sockets if not held.entry.shut).items():
        one, more = _found(transport, port, sockets, where)
        found += [one] if one is not None else []
        losses += more
    return Exported(
        host=where,
        found=tuple(found),
        losses=tuple(losses),
        on_paper=tuple(_on_paper(reading, prediction, where)),
        unknown=(*reading.unknown, *prediction.unknown),
        reading=reading,
        prediction=prediction,
    )


def _by_port(sockets: Iterable[Held]) -> dict[tuple[Transport, int], list[Held]]:
    ports: dict[tuple[Transport, int], list[Held]] = {}
    for held in sockets:
        ports.setdefault((held.socket.transport, held.socket.port), []).append(held)
    return ports


def _found(transport: Transport, port: int, sockets: list[Held], host: Host) -> tuple[Found | None, list[Loss]]:
    """Make one service of what is open on a port; a second server there cannot be said by one Service."""
    first = sockets[0].entry
    mine = [held for held in sockets if _core(held.entry) == _core(first)]
    name = _name(first, port, transport, host)
    losses = [_second(name, held) for held in sockets if held not in mine]
    if isinstance(first.program, Unstartable) or first.program == Builtin(builtin="redirect"):
        return None, [*losses, _no_program(name, first)]
    access, more = access_of(name, mine, host)
    losses += more
    try:
        service = Service(
            name=name,
            program=first.program,
            port=port,
            transport=transport,
            listeners=_listeners(mine),
            wait=None if first.wait is (transport is Transport.UDP) else first.wait,
            user=first.user,
            group=first.group,
            limits=first.limits,
            access=access,
            environment=first.environment,
        )
    except (TypeError, ValueError) as reason:
        return None, [
            *losses,
            Loss(service=name, thing="service", what="the whole service", why=str(reason), guards=True, span=first.origin),
        ]
    # Who has no bound of its own has none anywhere else either.
    words = {word: held.entry for held in reversed(mine) for word in held.entry.extra if not word.endswith(" = UNLIMITED")}
    losses += [_extra(name, word, entry) for word, entry in words.items()]
    return Found(service=service, sockets=tuple(mine), losses=tuple(losses)), []


def _core(entry: Entry) -> tuple[object, ...]:
    return entry.program, entry.wait, entry.user, entry.group, entry.limits, entry.environment


def _name(entry: Entry, port: int, transport: Transport, host: Host) -> str:
    if re.fullmatch(r"[0-9]+", entry.service):
        return host.name_of(port, transport) or f"port{port}"
    return entry.service


def _listeners(sockets: Iterable[Held]) -> tuple[Listener, ...]:
    """Say how the sockets are reached; none is said when that is both families on every address."""
    ways = sorted({(family.value, address) for _, address, _, family in reach(sockets)})
    if ways == [(family.value, family.wildcard) for family in Family]:
        return ()
    listeners = []
    for value, address in ways:
        family = Family(value)
        bare = address.lower().removeprefix("::ffff:") if family is Family.IPV4 else address
        listeners.append(Listener(family=family, address=None if bare == family.wildcard else bare))
    return tuple(listeners)


def _second(name: str, held: Held) -> Loss:
    families = " and ".join(family.title for family in sorted(held.accepts, key=lambda family: family.value)) or "nobody"
    return Loss(
        service=name,
        thing="family",
        what=f"{held.socket}, which serves {families} in another way",
        why="one service has one program, one user and one set of limits on its port",
        guards=True,
        span=held.entry.origin,
    )


def _no_program(name: str, entry: Entry) -> Loss:
    if isinstance(entry.program, Unstartable):
        what = f"{entry.program.words[0]} is no absolute path" if entry.program.words else "no program is named"
        why = f"{what}, so every client is disconnected on the old host"
        return Loss(service=name, thing="service", what="the whole service", why=why, guards=True, span=entry.origin)
    told = next((word for word in entry.extra if word.startswith("redirect")), "redirect")
    return Loss(
        service=name,
        thing="redirect",
        what=told,
        why="a Service starts a program and passes no connection on",
        guards=True,
        span=entry.origin,
    )


def _extra(name: str, word: str, entry: Entry) -> Loss:
    thing = next((known for known in GUARDS if known in word), word.partition(" ")[0])
    what = f"{word} (nothing)" if word.endswith("=") else word
    return Loss(service=name, thing=thing, what=what, why=NO_WORD, guards=thing in GUARDS, span=entry.origin)


def _on_paper(reading: Reading, prediction: Prediction, host: Host) -> Iterable[str]:
    """Name the entries that open nothing, with what was said about them."""
    faults: dict[tuple[str, int], Diagnostic] = {}
    for fault in (*reading.faults, *prediction.faults):
        if fault.span is not None:
            faults.setdefault((fault.span.source.path, fault.span.start), fault)
    held = {id(one.entry) for one in prediction.sockets}
    for entry in reading.entries:
        known = entry.port is not None or host.port(entry.service, entry.transport) is not None or host.policy.services is not None
        if id(entry) not in held and entry.origin is not None and known:
            why = faults.get((entry.origin.source.path, entry.origin.start))
            reason = f": {why.message}" if why is not None else ", because another entry takes its place"
            yield f"{entry.origin.source.path}:{entry.origin.line}: {entry.service} opens nothing on this host{reason}"
        elif entry.shut and entry.origin is not None:
            yield f"{entry.origin.source.path}:{entry.origin.line}: {entry.service} turns every client away on this host, by a bound of 0"
    yield from (f"{fault}" for fault in reading.faults if fault.cost is not None and fault.cost is not Cost.IGNORED)
    if isinstance(host.server, XinetdBuild):
        yield from _switched_off(reading)


def _switched_off(reading: Reading) -> Iterable[str]:
    """Name the paragraphs of xinetd of which nothing was made and nothing said: they are disabled."""
    told = {(one.origin.source.path, one.origin.start) for one in reading.entries if one.origin is not None}
    told |= {(fault.span.source.path, fault.span.start) for fault in reading.faults if fault.span is not None}
    for source in reading.sources:
        for item in xinetd.parse(source.text, source.path).items if source.path != formats.COMPAT else ():
            service = isinstance(item, xinetd.Paragraph) and not item.defaults and (source.path, item.span.start) not in told
            if service and isinstance(item, xinetd.Paragraph) and any(map(_disables, item.attributes)):
                yield f"{source.path}:{item.span.line}: {item.name} is disabled"


def _disables(attribute: xinetd.Attribute) -> bool:
    return attribute.name == "disable" and tuple(map(str.lower, attribute.values)) == ("yes",)
