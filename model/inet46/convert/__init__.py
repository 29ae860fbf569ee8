"""Conversion: files of one super-server become files of another, and what cannot be carried over is said, thing by thing.

The way goes through Services (`export`): what is really open on the old host is planned for the new one, proved there like every plan, and
held against the old sockets. Nothing is dropped in silence: a limit, a list or a word that the new super-server has no spelling for is a
`Loss`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import attrs

from inet46 import formats
from inet46.convert.inherited import kept_in_defaults, with_defaults
from inet46.convert.losses import Loss
from inet46.convert.nearest import NEAREST
from inet46.convert.services import NO_WORD, Exported, Found, export
from inet46.entry import Entry
from inet46.errors import Inexpressible, Unprovable
from inet46.host import HostPolicy
from inet46.knowledge import Host, InetdBuild, Setting, SystemdBuild, XinetdBuild, resolve
from inet46.plan import Plan, layout, plan
from inet46.predict import Held, predict
from inet46.proof import Reach, reach
from inet46.service import Access, Program, Service
from inet46.sockets import Transport

__all__ = ["Conversion", "Exported", "Found", "Loss", "convert", "export", "kept_in_defaults"]


@attrs.frozen(kw_only=True)
class Conversion:
    """What the new host must be told, and how that differs from the old one.

    `differences` are sockets of another shape that let the same clients through, and bounds that nobody stated; `losses` are what is gone.
    `on_paper` are entries that opened nothing on the old host and were left out.
    """

    exported: Exported
    host: Host
    services: tuple[Service, ...]
    files: Mapping[str, str] = attrs.field(eq=False)
    settings: tuple[Setting, ...]
    entries: tuple[Entry, ...]
    sockets: tuple[Held, ...]
    losses: tuple[Loss, ...]
    differences: tuple[str, ...]

    @property
    def on_paper(self) -> tuple[str, ...]:
        """What was not there in truth."""
        return self.exported.on_paper

    @property
    def unknown(self) -> tuple[str, ...]:
        """What could not be known of the old host, and so was not converted."""
        return self.exported.unknown

    @property
    def unguarded(self) -> tuple[Loss, ...]:
        """The losses for which a careful person would rather not convert at all."""
        return tuple(loss for loss in self.losses if loss.guards)


def convert(files: Mapping[str, str], source: str | HostPolicy | Host, target: str | HostPolicy | Host) -> Conversion:
    """Turn the files of one host into those of another.

    Raises UnknownHost for a host that stands in no knowledge table; Unprovable when what was planned one by one cannot be had together.
    """
    exported, where = export(files, source), resolve(target)
    services, defaults = with_defaults(exported)
    fitted, lost = _fit_all(services, where)
    try:
        planned = plan(fitted, where)
    except Unprovable:
        # One socket for both families may need a setting under which another service cannot have IPv6 alone.
        fitted, lost = _fit_all(services, where, exact=False)
        planned = plan(fitted, where)
    losses = [*defaults, *exported.losses, *lost]
    if isinstance(exported.host.server, XinetdBuild) and isinstance(where.server, XinetdBuild):
        carried = _carry(exported.found, planned)
        if carried is not None:
            planned, losses = carried, [loss for loss in losses if loss.why != NO_WORD]
    return Conversion(
        exported=exported,
        host=planned.host,
        services=tuple(fitted),
        files=planned.files,
        settings=planned.settings,
        entries=planned.entries,
        sockets=planned.sockets,
        losses=tuple(_nearest(loss, where) for loss in losses),
        differences=(*_differences(exported, planned), *_bounds(exported, fitted, where)),
    )


# -- fitting one service ---------------------------------------------------------------------------------------------------------------

_Strip = Callable[[Service], Service]


def _limit(name: str) -> _Strip:
    return lambda service: attrs.evolve(service, limits=attrs.evolve(service.limits, **dict[str, Any]({name: None})))


def _parts(service: Service) -> dict[str, _Strip]:
    """Return what a service says beyond its sockets and its program, and how it is when it does not say it."""
    parts = {
        name: _limit(name) for name in ("rate", "instances", "per_source", "nice", "umask") if getattr(service.limits, name) is not None
    }
    if service.limits.rlimits:
        parts["rlimits"] = lambda service: attrs.evolve(service, limits=attrs.evolve(service.limits, rlimits=()))
    if service.environment:
        parts["environment"] = lambda service: attrs.evolve(service, environment=())
    if service.group is not None:
        parts["group"] = lambda service: attrs.evolve(service, group=None)
    if not service.access.open:
        parts["access"] = lambda service: attrs.evolve(service, access=Access())
    if isinstance(service.program, Program) and service.program.argv0 is not None:
        program = attrs.evolve(service.program, argv0=None)
        parts["argv0"] = lambda service: attrs.evolve(service, program=program)
    return parts


def _fit_all(services: Iterable[Found], host: Host, *, exact: bool = True) -> tuple[list[Service], list[Loss]]:
    """Return the services as this host can have them, and what is lost on the way."""
    fitted: list[Service] = []
    losses: list[Loss] = []
    for found in services:
        service, lost = _fit(found, host, exact=exact)
        losses += [*found.losses, *lost]
        fitted += [service] if service is not None else []
    return fitted, losses


def _fit(found: Found, host: Host, *, exact: bool) -> tuple[Service | None, list[Loss]]:
    """Return the service as this host can have it, if possible with sockets of the same shape, and what it cannot be told of it."""
    losses: list[Loss] = []
    for whole in dict.fromkeys((found.exact, found.service) if exact else (found.service,)):
        service, lost, why = _fitted(whole, host)
        if service is not None:
            return service, [_lost(whole, name, reason, found) for name, reason in lost.items()]
        losses = [Loss(service=whole.name, thing="service", what="the whole service", why=why, guards=True, span=found.origin)]
    return None, losses


def _fitted(service: Service, host: Host) -> tuple[Service | None, dict[str, str], str]:
    """Take away what alone keeps the service from being planned; return it, what was taken and why, and why nothing helped."""
    if (why := _refusal(service, host)) is None:
        return service, {}, ""
    parts = _parts(service)
    bare = service
    for strip in parts.values():
        bare = strip(bare)
    if (last := _refusal(bare, host)) is not None:
        return None, {}, last
    lost: dict[str, str] = {}
    for name in parts:
        alone = service
        for other, strip in parts.items():
            if other != name:
                alone = strip(alone)
        if (reason := _refusal(alone, host, name)) is not None:
            lost[name] = reason
    for name in lost:
        service = parts[name](service)
    if (why := _refusal(service, host)) is not None:
        return bare, dict.fromkeys(parts, why), ""
    return service, lost, ""


def _refusal(service: Service, host: Host, about: str = "") -> str | None:
    """Return why a service cannot be planned, None if it can: of several reasons the one that names a part of it."""
    try:
        plan([service], host)
    except Unprovable as error:
        head = f"{service} cannot be proved on {host.name}: "
        reasons = [reason.removeprefix(head).partition(": ")[2] or reason.removeprefix(head) for reason in error.reasons]
        return next((reason for reason in reasons if about and about in reason), reasons[0])
    return None


# -- telling ---------------------------------------------------------------------------------------------------------------------------


def _lost(whole: Service, name: str, why: str, found: Found) -> Loss:
    return Loss(service=whole.name, thing=name, what=_WHAT[name](whole), why=why, guards=name in _GUARDING, span=found.origin)


_GUARDING = {"rate", "instances", "per_source", "rlimits", "access", "group"}
_WHAT: Mapping[str, Callable[[Service], str]] = {
    "rate": lambda service: (
        f"the rate of {service.limits.rate.connections} in {service.limits.rate.seconds} s" if service.limits.rate else ""
    ),
    "instances": lambda service: f"the bound of {service.limits.instances} servers at once",
    "per_source": lambda service: f"the bound of {service.limits.per_source} servers for one address",
    "nice": lambda service: f"nice {service.limits.nice}",
    "umask": lambda service: f"umask {service.limits.umask:03o}",
    "rlimits": lambda service: f"the limits of {', '.join(f'{name} {amount}' for name, amount in service.limits.rlimits)}",
    "environment": lambda service: f"the environment {' '.join(f'{name}={value}' for name, value in service.environment)}",
    "group": lambda service: f"group {service.group}",
    "access": lambda service: f"the access list ({_access(service.access)})",
    "argv0": lambda service: f"argv[0] {service.program.argv0 if isinstance(service.program, Program) else ''}",
}


def _access(access: Access) -> str:
    told = {"IPv4": access.ipv4, "IPv6": access.ipv6}
    return "; ".join(f"{family}: {', '.join(networks) or 'nobody'}" for family, networks in told.items() if networks is not None)


def _nearest(loss: Loss, host: Host) -> Loss:
    """Add what comes nearest on this kind of super-server."""
    lines = isinstance(host.server, InetdBuild) and host.server.manifests is None
    kind = "inetd" if lines else "smf" if isinstance(host.server, InetdBuild) else host.policy.super_server
    things = loss.what.split()[2:] if loss.thing == "flags" else ["rate" if loss.thing == "cps" else loss.thing]
    found = (NEAREST.get((thing, kind), NEAREST.get((thing, ""))) for thing in things)
    return attrs.evolve(loss, instead=" and ".join(filter(None, found)) or None)


def _differences(exported: Exported, planned: Plan) -> Iterator[str]:
    """Name the ports on which other sockets let the clients through."""
    old, new = _sockets(exported.prediction.sockets), _sockets(planned.sockets)
    names = {(s.transport, s.port): s.name for s in planned.services}
    for port in old:
        if port in new and old[port] != new[port] and _reached(exported.prediction.sockets, port) == _reached(planned.sockets, port):
            before, after = (" + ".join(sorted(sockets)) for sockets in (old[port], new[port]))
            yield f"{names.get(port, port[1])}: {after} instead of {before}"


def _bounds(exported: Exported, services: Iterable[Service], host: Host) -> Iterator[str]:
    """Name the services for which the new super-server has a bound that nobody stated."""
    if isinstance(host.server, SystemdBuild) and not isinstance(exported.host.server, SystemdBuild):
        bound = host.server.connections
        for service in services:
            if not service.waits and service.limits.instances is None:
                what = f"at most {bound} clients at once (MaxConnections= of systemd, when nothing is said)"
                yield f"{service.name}: {what}, and no bound before"


def _reached(sockets: tuple[Held, ...], port: tuple[Transport, int | None]) -> frozenset[Reach]:
    return frozenset(way for way in reach(sockets) if (way[0], way[2]) == port)


def _sockets(sockets: tuple[Held, ...]) -> dict[tuple[Transport, int | None], list[str]]:
    ports: dict[tuple[Transport, int | None], list[str]] = {}
    for held in sockets:
        ports.setdefault((held.socket.transport, held.socket.port), []).append(str(held.socket))
    return {port: sorted(shown) for port, shown in ports.items()}


# -- from one xinetd to another --------------------------------------------------------------------------------------------------------


def _carry(found: Iterable[Found], planned: Plan) -> Plan | None:
    """Let an xinetd go on saying what only an xinetd can say, if the result is read back as that and opens the same sockets."""
    extras = {(one.service.transport, one.service.port): one.extra for one in found}
    entries = tuple(
        attrs.evolve(entry, extra=extras.get((entry.transport, entry.port or planned.host.port(entry.service, entry.transport)), ()))
        for entry in planned.entries
    )
    try:
        files = layout(entries, planned.host)
    except Inexpressible:
        return None
    sockets = predict(formats.read(files, planned.host).entries, planned.host).sockets
    if [held.socket for held in sockets] != [held.socket for held in planned.sockets]:
        return None
    return attrs.evolve(planned, entries=entries, files=files, sockets=sockets)
