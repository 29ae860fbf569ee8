"""How a super-server can be told of a service: every spelling of the wanted sockets, in order of preference.

Nothing is judged here. Whether a spelling does what it should is for the oracle to say; the order is all that this module decides.
"""

from __future__ import annotations

import ipaddress
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import assert_never

import attrs

from inet46.entry import Bind, Entry
from inet46.errors import Inexpressible, Unprovable
from inet46.formats import smf
from inet46.knowledge import Host, InetdBuild, LaunchdBuild, SystemdBuild, Token, XinetdBuild
from inet46.proof import port_of
from inet46.service import Builtin, Program, Service
from inet46.sockets import Family

__all__ = ["Goal", "Spelling", "bare", "duty", "spellings", "tellable"]

_ALL = {Family.IPV4: ("0.0.0.0/0",), Family.IPV6: ("::/0",)}
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")  # where a dual socket sees IPv4 clients


@attrs.frozen
class Goal:
    """One socket to be had; v6only None: whichever way it comes."""

    family: Family
    address: str | None
    v6only: bool | None


def duty(service: Service, binds: Sequence[Bind], host: Host) -> Mapping[str, object]:
    """Return what an entry for this service with these sockets says besides them, as fields of Entry.

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
        "only_from": _only_from(service, binds, host),
        "environment": service.environment,
    }


def _only_from(service: Service, binds: Sequence[Bind], host: Host) -> tuple[str, ...] | None:
    access = service.access
    # What a daemon leaves to the kernel is dual as well, if that is the kernel's own choice.
    shared = {False} if host.v6only_default else {False, None}
    dual = any(bind.family is Family.IPV6 and bind.v6only in shared and bind.address is None for bind in binds)
    families = [family for family in Family if (dual and family is Family.IPV4) or any(bind.family is family for bind in binds)]
    if all(access.of(family) is None for family in families):
        return None
    mapped = dual and not isinstance(host.server, SystemdBuild)  # whose filter looks at packets, of which none is mapped
    if mapped and access.ipv4 is not None and (access.ipv6 is None or any(map(_takes_mapped, access.ipv6))):
        # On a dual socket ::/0 and ::/1 match mapped IPv4 clients too: the list would let everybody in.
        raise Inexpressible([f"{service.name}: access for IPv4 cannot be limited on a socket that lets all of IPv6 in"])
    lists = {family: access.of(family) for family in families}
    return tuple(_network(text) for family, told in lists.items() for text in (_ALL[family] if told is None else told))


def _takes_mapped(text: str) -> bool:
    return _MAPPED.subnet_of(ipaddress.IPv6Network(text))


def _network(text: str) -> str:
    """Spell one address without its mask, where xinetd would not take it for something else.

    It takes any /128 for a host name that never matches, and an IPv4 address that ends in 0 for its whole network.
    """
    if ":" in text:
        return text.removesuffix("/128")
    address, _, bits = text.partition("/")
    return f"{address}/32" if address.endswith(".0") and bits in {"", "32"} else text.removesuffix("/32")


def bare(entry: Entry) -> Entry:
    """Return an entry without what only its file knows of it: id and extra words."""
    return attrs.evolve(entry, id=None, extra=(), origin=None)


Spelling = Callable[[], tuple[Entry, ...]]
"""Makes entries, or raises Inexpressible."""


def tellable(spellings: Iterable[Spelling], reasons: dict[str, None]) -> list[tuple[Entry, ...]]:
    """Make the entries of each spelling; what cannot be told in one of them is noted, and another may do."""
    made = []
    for spelling in spellings:
        try:
            made.append(spelling())
        except Inexpressible as error:
            reasons.update(dict.fromkeys(error.losses))
    return made


def spellings(service: Service, goals: tuple[Goal, ...], host: Host, present: frozenset[Entry]) -> Iterator[Spelling]:
    """Yield the ways to say these goals on this super-server, in order of preference."""
    match host.server:
        case InetdBuild(manifests=str()) as build:
            yield from _manifest_spellings(service, goals, build, host, _names(service, build, host, present))
        case InetdBuild() as build:
            yield from _inetd_spellings(service, goals, build, host, _names(service, build, host, present))
        case XinetdBuild() as build:
            yield from _xinetd_spellings(service, goals, build, host)
        case SystemdBuild():
            yield from _systemd_spellings(service, goals, host)
        case LaunchdBuild():
            yield from _launchd_spellings(service, goals, host)
        case other:
            assert_never(other)


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


def _inetd_spellings(service: Service, goals: tuple[Goal, ...], build: InetdBuild, host: Host, names: list[_Name]) -> Iterator[Spelling]:
    """Yield a token for each goal in every combination, then the tokens that open several sockets at once."""
    mine = [token for token in build.tokens if token.transport is service.transport and not token.odd]
    choices = [[token for token in mine if _opens(token, goal)] for goal in goals]
    for name, tokens in itertools.product(names, itertools.product(*choices)):
        yield partial(_inetd_entries, service, name, tokens, goals, host)
    if all(goal.address is None for goal in goals):
        for name, token in itertools.product(names, mine):
            if len(token.opens) > 1:
                yield partial(_inetd_entries, service, name, (token,), goals[:1], host)


def _opens(token: Token, goal: Goal) -> bool:
    """Return True if a token opens one socket, and it could be the goal's; None is the kernel's choice, which the oracle knows."""
    if len(token.opens) != 1:
        return False
    (bound,) = token.opens
    return bound.family is goal.family and (goal.v6only is None or bound.v6only in {None, goal.v6only})


def _inetd_entries(service: Service, name: _Name, tokens: tuple[Token, ...], goals: tuple[Goal, ...], host: Host) -> tuple[Entry, ...]:
    return tuple(_inetd_entry(service, name, token, goal, host) for token, goal in zip(tokens, goals, strict=True))


def _inetd_entry(service: Service, name: _Name, token: Token, goal: Goal, host: Host) -> Entry:
    binds = tuple(Bind(family=x.family, v6only=x.v6only, address=goal.address, key=x.key) for x in token.opens)
    return _entry(service, binds, host, name=name[0], port=name[1], id=None)


def _manifest_spellings(service: Service, goals: tuple[Goal, ...], build: InetdBuild, host: Host, names: list[_Name]) -> Iterator[Spelling]:
    """Yield a value of proto for each goal in every combination.

    Sockets at one address are one instance. A server that is handed the socket itself has one for each: while it runs, inetd listens on
    none of the instance's.
    """
    mine = [token for token in build.protos if token.transport is service.transport]
    choices = [[token for token in mine if _opens(token, goal)] for goal in goals]
    for (name, _), tokens in itertools.product(names, itertools.product(*choices)):
        groups: dict[object, list[tuple[Token, Goal]]] = {}
        for number, (token, goal) in enumerate(zip(tokens, goals, strict=True)):
            groups.setdefault(number if service.waits else goal.address, []).append((token, goal))
        yield partial(_manifests, service, name, tuple(groups.values()), host)


def _manifests(service: Service, name: str, groups: tuple[list[tuple[Token, Goal]], ...], host: Host) -> tuple[Entry, ...]:
    made = []
    for number, pairs in enumerate(groups):
        tail = _id("", pairs[0][1], number)
        unit = smf.default(name, service.transport, tail or "")
        binds = tuple(
            Bind(family=bound.family, v6only=bound.v6only, address=goal.address, key=smf.key(bound.key, unit))
            for token, goal in pairs
            for bound in token.opens
        )
        made.append(_entry(service, binds, host, name=name, port=None, id=None if tail is None else unit))
    return tuple(made)


def _entry(service: Service, binds: tuple[Bind, ...], host: Host, *, name: str, port: int | None, id: str | None) -> Entry:  # noqa: A002
    told = duty(service, binds, host)
    return Entry(service=name, port=port, transport=service.transport, binds=binds, id=id, **told)  # type: ignore[arg-type]


def _xinetd_spellings(service: Service, goals: tuple[Goal, ...], build: XinetdBuild, host: Host) -> Iterator[Spelling]:
    """Yield the pair as its own time wrote it where that is customary, then the pair with v6only and an id for each paragraph."""
    if build.plain_ipv4:
        yield partial(_xinetd_entries, service, goals, host, v6only=(False,) * len(goals), ids=False)
    wishes = tuple(bool(goal.v6only) if goal.v6only is not None else goal.address is not None for goal in goals)
    yield partial(_xinetd_entries, service, goals, host, v6only=wishes, ids=True)


def _xinetd_entries(service: Service, goals: tuple[Goal, ...], host: Host, *, v6only: tuple[bool, ...], ids: bool) -> tuple[Entry, ...]:
    pairs = zip(goals, v6only, strict=True)
    return tuple(_xinetd_entry(service, goal, host, v6only=option, number=n if ids else 0) for n, (goal, option) in enumerate(pairs))


def _xinetd_entry(service: Service, goal: Goal, host: Host, *, v6only: bool, number: int) -> Entry:
    six = goal.family is Family.IPV6
    port = port_of(service, host)
    bind = Bind(family=goal.family, v6only=v6only if six else None, address=goal.address)
    said = None if host.port(service.name, service.transport) == port else port
    return _entry(service, (bind,), host, name=service.name, port=said, id=_id(service.name, goal, number))


def _id(name: str, goal: Goal, number: int) -> str | None:
    """Name the entries of a service apart: the first has the service's own name, the others their family and, later, a number."""
    return f"{name}-{goal.family.value}{'' if number < 2 else f'-{number}'}" if number else None


def _systemd_spellings(service: Service, goals: tuple[Goal, ...], host: Host) -> Iterator[Spelling]:
    """Yield one unit with all sockets, then a unit for each: a server that is handed the socket itself gets no more than one."""
    options = {goal.v6only for goal in goals if goal.family is Family.IPV6}
    if len(options) < 2 and not (service.waits and len(goals) > 1):
        yield partial(_unit, service, goals, host)
    if len(goals) > 1:
        yield partial(_units, service, goals, host)


def _unit(service: Service, goals: tuple[Goal, ...], host: Host, number: int = 0) -> tuple[Entry, ...]:
    binds = tuple(Bind(family=x.family, v6only=x.v6only if x.family is Family.IPV6 else None, address=x.address) for x in goals)
    id_ = _id(service.name, goals[0], number)
    return (_entry(service, binds, host, name=service.name, port=port_of(service, host), id=id_),)


def _units(service: Service, goals: tuple[Goal, ...], host: Host) -> tuple[Entry, ...]:
    return tuple(entry for number, goal in enumerate(goals) for entry in _unit(service, (goal,), host, number))


def _launchd_spellings(service: Service, goals: tuple[Goal, ...], host: Host) -> Iterator[Spelling]:
    """Yield one dictionary that means both wildcards, then one for each socket: in one job, or in a job for each if the server waits."""
    wildcards = {goal.family: goal for goal in goals if goal.address is None}
    if set(wildcards) == set(Family) and len(goals) == 2 and not service.waits:
        yield partial(_jobs, service, (tuple(wildcards[family] for family in Family),), host)
    yield partial(_jobs, service, tuple((goal,) for goal in goals), host)


def _jobs(service: Service, groups: tuple[tuple[Goal, ...], ...], host: Host) -> tuple[Entry, ...]:
    if any(goal.v6only is False for goals in groups for goal in goals):
        raise Inexpressible([f"{service}: launchd makes every IPv6 socket for IPv6 alone, and gives IPv4 one of its own"])
    port = port_of(service, host)
    listed = host.port(service.name, service.transport) == port
    name = service.name if listed else str(port)
    made = []
    for number, goals in enumerate(groups):
        binds = tuple(Bind(family=x.family, v6only=True if x.family is Family.IPV6 else None, address=x.address) for x in goals)
        id_ = _id(service.name, goals[0], number if service.waits else 0)
        label = f"inet46.{service.name if id_ is None else id_}"
        made.append(_entry(service, binds, host, name=name, port=None if listed else port, id=None if label == f"inet46.{name}" else label))
    return tuple(made)
