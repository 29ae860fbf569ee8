"""What is wanted of a host, what a prediction gives, and the difference: the proof of a plan, or what it lacks.

Wanted and given are sets of ways in (`Reach`), so a dual socket and a pair of sockets are held against the same wish.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from inet46.diagnostics import Severity
from inet46.host import HostPolicy, Sharing
from inet46.knowledge import Host, resolve
from inet46.predict import Held, Prediction
from inet46.service import Service
from inet46.sockets import Family, Transport

__all__ = ["Reach", "can_share", "port_of", "reach", "shortfalls", "unproved", "wanted"]

Reach = tuple[Transport, str, int, Family]
"""One way in: transport, address, port, and the family of the clients that get through there."""


def port_of(service: Service, host: Host) -> int | None:
    """Return the port of a service: its own, else what the host's /etc/services says."""
    return service.port if service.port is not None else host.port(service.name, service.transport)


def wanted(services: Iterable[Service], host: str | HostPolicy | Host) -> frozenset[Reach]:
    """Return every way in that the enabled services want."""
    where = resolve(host)
    return frozenset(way for service in services if service.enabled for way in _ways(service, where))


def _ways(service: Service, host: Host) -> Iterator[Reach]:
    port = port_of(service, host)
    if port is None:
        return
    for listener in service.wanted:
        yield service.transport, listener.bound, port, listener.family
        if listener.v6only is False:
            yield service.transport, Family.IPV4.wildcard, port, Family.IPV4


def reach(sockets: Iterable[Held]) -> frozenset[Reach]:
    """Return every way in that these sockets give."""
    return frozenset(
        (held.socket.transport, _seen_from(held, family), held.socket.port, family) for held in sockets for family in held.accepts
    )


def _seen_from(held: Held, family: Family) -> str:
    return family.wildcard if held.socket.address in {"0.0.0.0", "::"} else held.socket.address  # noqa: S104 -- nothing is bound here


def shortfalls(service: Service, prediction: Prediction, host: Host, sharing: Sharing) -> list[str]:
    """Return what a prediction lacks, or has too much, for one service; an empty list is the proof."""
    want, have = wanted([service], host), reach(prediction.sockets)
    problems = [f"{service} over {way[3].title} at {_at(way)} would not be answered" for way in _sorted(want - have)]
    problems += [f"{service} would also answer {way[3].title} at {_at(way)}" for way in _sorted(have - want)]
    problems += [str(fault) for fault in prediction.faults if fault.severity is Severity.ERROR] + list(prediction.unknown)
    for held in prediction.sockets:
        socket = held.socket
        if socket.family is Family.IPV6 and (stated := _stated(service, socket.address)) not in {None, socket.v6only}:
            problems.append(f"{service}: {socket} has v6only={socket.v6only}, and the listener says {stated}")
        elif socket.dual and sharing is Sharing.SEPARATE and _stated(service, socket.address) is None:
            problems.append(f"{service}: {socket} serves both families, and sharing is separate")
    dual = any(held.socket.dual for held in prediction.sockets)
    if sharing is Sharing.MAPPED and not dual and can_share(service) and not problems:
        problems.append(f"{service}: each family gets a socket of its own, and sharing is mapped")
    return problems


def unproved(services: Iterable[Service], prediction: Prediction, host: Host) -> list[str]:
    """Return what a prediction lacks, or has too much, for all services together."""
    held: dict[tuple[Transport, int | None], list[Held]] = {}
    for one in prediction.sockets:
        held.setdefault((one.socket.transport, one.socket.port), []).append(one)
    return [
        problem
        for service in services
        if service.enabled
        for mine in [held.get((service.transport, port_of(service, host)), ())]
        for problem in shortfalls(service, Prediction(sockets=tuple(mine)), host, host.policy.sharing)
    ]


def _sorted(ways: frozenset[Reach]) -> list[Reach]:
    return sorted(ways, key=lambda way: (way[3].value, way[1], way[2]))


def _at(way: Reach) -> str:
    return f"[{way[1]}]:{way[2]}" if ":" in way[1] else f"{way[1]}:{way[2]}"


def _stated(service: Service, address: str) -> bool | None:
    return next((x.v6only for x in service.listeners if x.family is Family.IPV6 and x.bound == address), None)


def can_share(service: Service) -> bool:
    """Return True if both wildcards are wanted and nothing forbids one socket for them."""
    free = {listener.family for listener in service.wanted if listener.address is None and listener.v6only is None}
    return free == set(Family)
