"""From services to entries: try the spellings of a host in order of preference, and take the first that the oracle proves.

A candidate is written as text, read back as the host reads it, and predicted; only what then opens exactly the wanted sockets is a plan. So
a plan is never believed: it is the proof that is returned. Preferences are the order of the candidates, nothing else.
"""

from __future__ import annotations

import ipaddress
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial

import attrs

from inet46 import formats
from inet46.diagnostics import Severity
from inet46.entry import Bind, Entry
from inet46.errors import Inexpressible, Unprovable
from inet46.host import HostPolicy, Sharing
from inet46.knowledge import Dual, Host, InetdBuild, Setting, Token, XinetdBuild, resolve
from inet46.predict import Held, Prediction, predict
from inet46.service import Builtin, Program, Service
from inet46.sockets import Family, Transport

__all__ = ["Plan", "Reach", "bare", "duty", "home", "layout", "plan", "port_of", "reach", "shortfalls", "unproved", "wanted"]

_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")  # where a dual socket sees IPv4 clients

Reach = tuple[Transport, str, int, Family]
"""One way in: transport, address, port, and the family of the clients that get through there."""


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


@attrs.frozen
class _Goal:
    """One socket to be had; v6only None: whichever way it comes."""

    family: Family
    address: str | None
    v6only: bool | None


# -- what is wanted --------------------------------------------------------------------------------------------------------------------


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
    if sharing is Sharing.MAPPED and not dual and _can_share(service) and not problems:
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


def _can_share(service: Service) -> bool:
    """Return True if both wildcards are wanted and nothing forbids one socket for them."""
    free = {listener.family for listener in service.wanted if listener.address is None and listener.v6only is None}
    return free == set(Family)


def duty(service: Service, family: Family, *, dual: bool) -> Mapping[str, object]:
    """Return what an entry for this service says besides its sockets, as fields of Entry.

    Raises Inexpressible when the access lists of the two families cannot be one list.
    """
    program = service.program
    if isinstance(program, Program) and program.argv0 == program.path.rpartition("/")[2]:
        program = attrs.evolve(program, argv0=None)  # the usual argv[0], spelled out
    return {
        "program": program,
        "wait": service.waits,
        "user": service.user,
        "group": service.group,
        "limits": service.limits,
        "only_from": _only_from(service, family, dual=dual),
        "environment": service.environment,
    }


def _only_from(service: Service, family: Family, *, dual: bool) -> tuple[str, ...] | None:
    access = service.access
    if access.open or (not dual and access.of(family) is None):
        return None
    if not dual:
        return tuple(_network(text) for text in access.of(family) or ())
    if access.ipv4 is not None and (access.ipv6 is None or any(_MAPPED.subnet_of(ipaddress.IPv6Network(text)) for text in access.ipv6)):
        # On a dual socket ::/0 and ::/1 match mapped IPv4 clients too: the list would let everybody in.
        raise Inexpressible([f"{service.name}: access for IPv4 cannot be limited on a socket that lets all of IPv6 in"])
    return tuple(_network(text) for text in (*(access.ipv4 if access.ipv4 is not None else ("0.0.0.0/0",)), *(access.ipv6 or ())))


def _network(text: str) -> str:
    """Spell one address without its mask: xinetd takes any /128 for a host name that never matches."""
    return text.removesuffix("/128") if ":" in text else text if text.endswith(".0/32") else text.removesuffix("/32")


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
    return "" if host.policy.services is not None else " (which was not looked at; only the usual names are known)"


def bare(entry: Entry) -> Entry:
    """Return an entry without what only its file knows of it: id and extra words."""
    return attrs.evolve(entry, id=None, extra=(), origin=None)


def _plan_one(service: Service, host: Host, present: frozenset[Entry]) -> tuple[tuple[Entry, ...], tuple[Setting, ...]]:
    """Return the first candidate that is proved, and the settings it needs."""
    if port_of(service, host) is None:
        return (), ()  # said by _clashes
    if not host.policy.ipv6 and any(listener.family is Family.IPV6 for listener in service.wanted):
        raise Unprovable([f"{service}: wanted over IPv6, and this host has no IPv6"])
    reasons: dict[str, None] = {}
    untold: dict[str, None] = {}
    for sharing, goals in _modes(service, host):
        spellings = _tellable(_spellings(service, goals, host, present), untold)
        for entries in sorted(spellings, key=lambda entries: -sum(bare(entry) in present for entry in entries)):
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


def _modes(service: Service, host: Host) -> Iterator[tuple[Sharing, tuple[_Goal, ...]]]:
    """Yield the ways to share sockets that the policy allows, best first, with the sockets that each would need."""
    rank = {family: number for number, family in enumerate(host.row.order)}
    listeners = sorted(service.wanted, key=lambda listener: rank[listener.family])
    apart = tuple(_Goal(x.family, x.address, x.v6only if x.v6only is not None else x.family is Family.IPV6 or None) for x in listeners)
    loose = tuple(_Goal(x.family, x.address, x.v6only) for x in listeners)
    kept = tuple(goal for goal, x in zip(apart, listeners, strict=True) if x.address is not None)
    shared = (_Goal(family=Family.IPV6, address=None, v6only=False), *kept) if _can_share(service) else apart
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
    shared = (sharing is Sharing.MAPPED and _can_share(service)) or any(listener.v6only is False for listener in service.listeners)
    if not shared or host.kernel.dual is not Dual.GOVERNED:
        yield ()
    if shared:
        yield host.row.mapping


def _prove(service: Service, entries: tuple[Entry, ...], host: Host, sharing: Sharing) -> list[str]:
    """Write, read back and predict; return what is missing."""
    try:
        files = layout(entries, host)
    except Inexpressible as error:
        return list(error.losses)
    reading = formats.read(files, host)
    if reading.entries != entries:
        faults = [str(fault) for fault in reading.faults] or list(reading.unknown)
        return faults or [f"{service}: what would be written is read back as something else"]
    return shortfalls(service, predict(reading.entries, host), host, sharing)


# -- spellings -------------------------------------------------------------------------------------------------------------------------


_Spelling = Callable[[], tuple[Entry, ...]]
"""Makes entries, or raises Inexpressible."""


def _tellable(spellings: Iterable[_Spelling], reasons: dict[str, None]) -> list[tuple[Entry, ...]]:
    """Make the entries of each spelling; what cannot be told in one of them is noted, and another may do."""
    made = []
    for spelling in spellings:
        try:
            made.append(spelling())
        except Inexpressible as error:
            reasons.update(dict.fromkeys(error.losses))
    return made


def _spellings(service: Service, goals: tuple[_Goal, ...], host: Host, present: frozenset[Entry]) -> Iterator[_Spelling]:
    """Yield the ways to say these goals on this super-server, in order of preference."""
    match host.server:
        case InetdBuild() as build:
            yield from _inetd_spellings(service, goals, build, _names(service, build, host, present))
        case XinetdBuild() as build:
            yield from _xinetd_spellings(service, goals, build, host)


_Name = tuple[str, int | None]


def _names(service: Service, build: InetdBuild, host: Host, present: frozenset[Entry]) -> list[_Name]:
    """Return the ways to name a service in an inetd.conf: as it is named there now, by its name, else by number where numbers are known.

    A new name for the same port would be another service to the daemon, which binds it while the old one is still open.

    Raises Unprovable when there is none.
    """
    port = port_of(service, host)
    listed = host.port(service.name, service.transport) == port
    names: dict[_Name, None] = {}
    for entry in sorted(present, key=lambda entry: entry.service):
        if entry.transport is service.transport and host.port(entry.service, entry.transport) == port:
            names[(entry.service, entry.port)] = None
    if listed:
        names[(service.name, None)] = None
    if build.numeric_ports and not isinstance(service.program, Builtin):
        names[(str(port), port)] = None
    if not names:
        text = f"{service}: {service.name}/{service.transport.value} is not in /etc/services as port {port}; this inetd needs it there"
        raise Unprovable([text])
    return list(names)


def _inetd_spellings(service: Service, goals: tuple[_Goal, ...], build: InetdBuild, names: list[_Name]) -> Iterator[_Spelling]:
    """Yield a token for each goal in every combination, then the tokens that open several sockets at once."""
    mine = [token for token in build.tokens if token.transport is service.transport]
    choices = [[token for token in mine if _opens(token, goal)] for goal in goals]
    for name, tokens in itertools.product(names, itertools.product(*choices)):
        yield partial(_inetd_entries, service, name, tokens, goals)
    if all(goal.address is None for goal in goals):
        for name, token in itertools.product(names, mine):
            if len(token.opens) > 1:
                yield partial(_inetd_entries, service, name, (token,), goals[:1])


def _opens(token: Token, goal: _Goal) -> bool:
    """Return True if a token opens one socket, and it could be the goal's; None is the kernel's choice, which the oracle knows."""
    if len(token.opens) != 1:
        return False
    (bound,) = token.opens
    return bound.family is goal.family and (goal.v6only is None or bound.v6only in {None, goal.v6only})


def _inetd_entries(service: Service, name: _Name, tokens: tuple[Token, ...], goals: tuple[_Goal, ...]) -> tuple[Entry, ...]:
    return tuple(_inetd_entry(service, *name, token, goal) for token, goal in zip(tokens, goals, strict=True))


def _inetd_entry(service: Service, name: str, port: int | None, token: Token, goal: _Goal) -> Entry:
    binds = tuple(Bind(family=x.family, v6only=x.v6only, address=goal.address, key=x.key) for x in token.opens)
    told = duty(service, goal.family, dual=len(binds) > 1 or binds[0].v6only is False)
    return Entry(service=name, port=port, transport=service.transport, binds=binds, **told)  # type: ignore[arg-type]


def _xinetd_spellings(service: Service, goals: tuple[_Goal, ...], build: XinetdBuild, host: Host) -> Iterator[_Spelling]:
    """Yield the pair as its own time wrote it where that is customary, then the pair with v6only and an id for each paragraph."""
    if build.plain_ipv4:
        yield partial(_xinetd_entries, service, goals, host, v6only=(False,) * len(goals), ids=False)
    wishes = tuple(bool(goal.v6only) if goal.v6only is not None else goal.address is not None for goal in goals)
    yield partial(_xinetd_entries, service, goals, host, v6only=wishes, ids=True)


def _xinetd_entries(service: Service, goals: tuple[_Goal, ...], host: Host, *, v6only: tuple[bool, ...], ids: bool) -> tuple[Entry, ...]:
    pairs = zip(goals, v6only, strict=True)
    return tuple(_xinetd_entry(service, goal, host, v6only=option, number=n if ids else 0) for n, (goal, option) in enumerate(pairs))


def _xinetd_entry(service: Service, goal: _Goal, host: Host, *, v6only: bool, number: int) -> Entry:
    six = goal.family is Family.IPV6
    port = port_of(service, host)
    bind = Bind(family=goal.family, v6only=v6only if six else None, address=goal.address)
    told = duty(service, goal.family, dual=six and not v6only and goal.address is None)
    return Entry(
        service=service.name,
        port=None if host.port(service.name, service.transport) == port else port,
        transport=service.transport,
        binds=(bind,),
        id=f"{service.name}-{goal.family.value}{'' if number < 2 else f'-{number}'}" if number else None,
        **told,  # type: ignore[arg-type]
    )


# -- files -----------------------------------------------------------------------------------------------------------------------------


def home(service: str, host: Host) -> str:
    """Return the file in which entries of a service belong when they stand nowhere yet."""
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
    files = {}
    losses: list[str] = []
    for path, group in groups.items():
        try:
            files[path] = formats.write(group, host)
        except Inexpressible as error:
            losses.extend(error.losses)
    if losses:
        raise Inexpressible(losses)
    if isinstance(host.server, XinetdBuild) and host.directory:
        files = {host.config: f"includedir {host.directory}\n", **files}
    return files

