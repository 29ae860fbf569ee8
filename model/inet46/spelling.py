"""How a super-server can be told of a service: every spelling of the wanted sockets, in order of preference.

Nothing is judged here. Whether a spelling does what it should is for the oracle to say; the order is all that this module decides.
"""

from __future__ import annotations

import ipaddress
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial

import attrs

from inet46.entry import Bind, Entry
from inet46.errors import Inexpressible, Unprovable
from inet46.knowledge import Host, InetdBuild, Token, XinetdBuild
from inet46.proof import port_of
from inet46.service import Builtin, Program, Service
from inet46.sockets import Family

__all__ = ["Goal", "Spelling", "bare", "duty", "spellings", "tellable"]

_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")  # where a dual socket sees IPv4 clients


@attrs.frozen
class Goal:
    """One socket to be had; v6only None: whichever way it comes."""

    family: Family
    address: str | None
    v6only: bool | None


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


def _inetd_spellings(service: Service, goals: tuple[Goal, ...], build: InetdBuild, names: list[_Name]) -> Iterator[Spelling]:
    """Yield a token for each goal in every combination, then the tokens that open several sockets at once."""
    mine = [token for token in build.tokens if token.transport is service.transport and not token.odd]
    choices = [[token for token in mine if _opens(token, goal)] for goal in goals]
    for name, tokens in itertools.product(names, itertools.product(*choices)):
        yield partial(_inetd_entries, service, name, tokens, goals)
    if all(goal.address is None for goal in goals):
        for name, token in itertools.product(names, mine):
            if len(token.opens) > 1:
                yield partial(_inetd_entries, service, name, (token,), goals[:1])


def _opens(token: Token, goal: Goal) -> bool:
    """Return True if a token opens one socket, and it could be the goal's; None is the kernel's choice, which the oracle knows."""
    if len(token.opens) != 1:
        return False
    (bound,) = token.opens
    return bound.family is goal.family and (goal.v6only is None or bound.v6only in {None, goal.v6only})


def _inetd_entries(service: Service, name: _Name, tokens: tuple[Token, ...], goals: tuple[Goal, ...]) -> tuple[Entry, ...]:
    return tuple(_inetd_entry(service, *name, token, goal) for token, goal in zip(tokens, goals, strict=True))


def _inetd_entry(service: Service, name: str, port: int | None, token: Token, goal: Goal) -> Entry:
    binds = tuple(Bind(family=x.family, v6only=x.v6only, address=goal.address, key=x.key) for x in token.opens)
    told = duty(service, goal.family, dual=len(binds) > 1 or binds[0].v6only is False)
    return Entry(service=name, port=port, transport=service.transport, binds=binds, **told)  # type: ignore[arg-type]


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
    told = duty(service, goal.family, dual=six and not v6only and goal.address is None)
    return Entry(
        service=service.name,
        port=None if host.port(service.name, service.transport) == port else port,
        transport=service.transport,
        binds=(bind,),
        id=f"{service.name}-{goal.family.value}{'' if number < 2 else f'-{number}'}" if number else None,
        **told,  # type: ignore[arg-type]
    )
