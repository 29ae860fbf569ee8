"""From services to entries: try the spellings of a host in order of preference, and take the first that the oracle proves.

A candidate is written as text, read back as the host reads it, and predicted; only what then opens exactly the wanted sockets is a plan. So
a plan is never believed: it is the proof that is returned. Preferences are the order of the candidates, nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import attrs

from inet46 import formats
from inet46.entry import Entry
from inet46.errors import Inexpressible, Unprovable
from inet46.host import HostPolicy, Sharing
from inet46.knowledge import Dual, Host, Setting, XinetdBuild, resolve
from inet46.predict import Held, predict
from inet46.proof import can_share, port_of, shortfalls, unproved
from inet46.service import Service
from inet46.sockets import Family, Transport
from inet46.spelling import Goal, bare, spellings, tellable

__all__ = ["Plan", "home", "layout", "needs_settings", "plan", "skeleton"]


@attrs.frozen(kw_only=True)
class Plan:
    """For one host: what its super-server must be told, which settings it needs, and the sockets that must then exist.

    `files` maps the path of each file to its text, as it would be on a host that had none of it; what becomes of the files that a host
    already has is the business of `merge`.
    """

    host: Host
    services: tuple[Service, ...]
    entries: tuple[Entry, ...]
    settings: tuple[Setting, ...]
    sockets: tuple[Held, ...]
    files: Mapping[str, str] = attrs.field(eq=False)


# -- planning --------------------------------------------------------------------------------------------------------------------------


def plan(services: Iterable[Service], host: str | HostPolicy | Host, *, present: Iterable[Entry] = ()) -> Plan:
    """Work out what a host must be told so that the services answer as wanted, and prove it.

    `present` are entries that the host already has: where several spellings would serve, the one that keeps most of them is taken.
    Services with enabled=False take no part (merge takes them out). Raises Unprovable with a reason for every service that cannot be had,
    UnknownHost for a host that stands in no knowledge table.
    """
    where, wishes = resolve(host), tuple(services)
    there = frozenset(map(bare, present))
    problems, entries, settings = _plan_all(wishes, where, there)
    then = where.with_settings(settings)
    if then != where and not problems:
        # What one service needs changes the kernel under the others: they are planned for the host as it will be.
        problems, entries, more = _plan_all(wishes, then, there)
        settings = tuple(dict.fromkeys((*settings, *more)))
    if problems:
        raise Unprovable(problems)
    result = predict(entries, then)
    if problems := unproved(wishes, result, then):
        raise Unprovable([*problems, *map(str, result.faults)])
    files = layout(entries, where)
    return Plan(host=where, services=wishes, entries=entries, settings=settings, sockets=result.sockets, files=files)


def _plan_all(
    services: tuple[Service, ...], host: Host, present: frozenset[Entry]
) -> tuple[list[str], tuple[Entry, ...], tuple[Setting, ...]]:
    """Plan each service by itself; return what stands in the way, the entries, and the settings they need."""
    problems = list(_clashes(services, host))
    entries: list[Entry] = []
    settings: dict[Setting, None] = {}
    for service in services:
        if not service.enabled:
            continue
        try:
            told, needs = _plan_one(service, host, present)
        except Unprovable as error:
            problems.extend(error.reasons)
        else:
            entries.extend(told)
            settings.update(dict.fromkeys(needs))
    return problems, tuple(entries), tuple(settings)


def _clashes(services: tuple[Service, ...], host: Host) -> Iterator[str]:
    seen: dict[tuple[Transport, int | None], Service] = {}
    for service in services:
        key = (service.transport, port_of(service, host))
        if key[1] is None and service.enabled:
            yield f"{service}: no port is given, and the name is not in /etc/services{_looked(host)}"
        elif key in seen and key[1] is not None:
            yield f"{service} and {seen[key]} both want port {key[1]}/{service.transport.value}"
        seen.setdefault(key, service)


def _looked(host: Host) -> str:
    if host.policy.services is not None:
        return ": give the service a port"
    return " (which was not looked at; only the usual names are known): give the service a port, or name such a file with --services"


def _plan_one(service: Service, host: Host, present: frozenset[Entry]) -> tuple[tuple[Entry, ...], tuple[Setting, ...]]:
    """Return the first candidate that is proved, and the settings it needs."""
    if port_of(service, host) is None:
        return (), ()  # said by _clashes
    if not host.policy.ipv6 and any(listener.family is Family.IPV6 for listener in service.wanted):
        raise Unprovable([f"{service}: wanted over IPv6, and this host has no IPv6"])
    reasons: dict[str, None] = {}
    untold: dict[str, None] = {}
    for sharing, goals in _modes(service, host):
        candidates = tellable(spellings(service, goals, host, present), untold)
        for entries in sorted(candidates, key=lambda entries: -sum(bare(entry) in present for entry in entries)):
            for settings in _settings(service, host, sharing):
                problems = _prove(service, entries, host.with_settings(settings), sharing)
                if not problems:
                    return entries, settings
                reasons.update(dict.fromkeys(problems))
    reasons.update(untold)
    if not reasons:
        reasons[f"{service}: this super-server has no spelling for {_wish(service)}"] = None
    raise Unprovable([f"{service} cannot be proved on {host.name}: {reason}" for reason in list(reasons)[:3]])


def _wish(service: Service) -> str:
    return " and ".join(f"{x.family.title} at {x.bound}{'' if x.v6only is None else f' (v6only={x.v6only})'}" for x in service.wanted)


def _modes(service: Service, host: Host) -> Iterator[tuple[Sharing, tuple[Goal, ...]]]:
    """Yield the ways to share sockets that the policy allows, best first, with the sockets that each would need."""
    rank = {family: number for number, family in enumerate(host.row.order)}
    listeners = sorted(service.wanted, key=lambda listener: rank[listener.family])
    apart = tuple(Goal(x.family, x.address, x.v6only if x.v6only is not None else x.family is Family.IPV6 or None) for x in listeners)
    loose = tuple(Goal(x.family, x.address, x.v6only) for x in listeners)
    kept = tuple(goal for goal, x in zip(apart, listeners, strict=True) if x.address is not None)
    shared = (Goal(family=Family.IPV6, address=None, v6only=False), *kept) if can_share(service) else apart
    match host.policy.sharing:
        case Sharing.SEPARATE:
            yield Sharing.SEPARATE, apart
        case Sharing.MAPPED:
            yield Sharing.MAPPED, shared
        case Sharing.AUTO:
            yield Sharing.SEPARATE, apart
            yield Sharing.AUTO, loose
            yield Sharing.AUTO, shared


def _settings(service: Service, host: Host, sharing: Sharing) -> Iterator[tuple[Setting, ...]]:
    """Yield no settings, then those that make mapped addresses possible; the latter only if one socket was asked for.

    Where the kernel's own knob decides (Dual.GOVERNED), the settings are needed even if the running kernel happens to have them: the next
    boot must find them too.
    """
    if not needs_settings(service, host, sharing):
        yield ()
    if _shares(service, sharing):
        yield host.row.mapping


def needs_settings(service: Service, host: Host, sharing: Sharing) -> bool:
    """Return True if one socket for both families was asked for, and a knob of the kernel decides what that does."""
    return _shares(service, sharing) and host.kernel.dual is Dual.GOVERNED


def _shares(service: Service, sharing: Sharing) -> bool:
    return (sharing is Sharing.MAPPED and can_share(service)) or any(listener.v6only is False for listener in service.listeners)


def _prove(service: Service, entries: tuple[Entry, ...], host: Host, sharing: Sharing) -> list[str]:
    """Write, read back and predict; return what is missing."""
    try:
        files = layout(entries, host)
    except Inexpressible as error:
        return list(error.losses)
    reading = formats.read(files, host)
    if not formats.same(reading.entries, entries, host):
        faults = [str(fault) for fault in reading.faults] or list(reading.unknown)
        return faults or [f"{service}: what would be written is read back as something else"]
    return shortfalls(service, predict(reading.entries, host), host, sharing)


# -- files -----------------------------------------------------------------------------------------------------------------------------


def home(service: str, host: Host) -> str:
    """Return the file in which entries of a service belong when they stand nowhere yet; units and jobs name their files themselves."""
    if isinstance(host.server, XinetdBuild) and host.directory:
        # xinetd passes over names with a dot or a ~ at the end.
        return f"{host.directory}/{service.replace('.', '-').replace('~', '-')}"
    return host.config


def layout(entries: Iterable[Entry], host: Host) -> dict[str, str]:
    """Return the files for these entries on a host that has none of them.

    Raises Inexpressible, with everything that the format cannot hold.
    """
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(home(entry.service, host), []).append(entry)
    files: dict[str, str] = {}
    losses: list[str] = []
    for path, group in groups.items():
        try:
            files |= formats.write(group, host, path)
        except Inexpressible as error:
            losses.extend(error.losses)
    if losses:
        raise Inexpressible(losses)
    return {**skeleton(host), **files}


def skeleton(host: Host) -> dict[str, str]:
    """Return the main file that a host needs before a file in its folder counts."""
    if isinstance(host.server, XinetdBuild) and host.directory:
        return {host.config: f"includedir {host.directory}\n"}
    return {}
