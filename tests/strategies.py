"""Hypothesis strategies that build valid models by construction; a test that needs less narrows them with keywords."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

import attrs
from hypothesis import strategies as st

from inet46.host import HostPolicy, Sharing
from inet46.knowledge import HOSTS, PORTS, resolve
from inet46.service import RLIMITS, Access, Builtin, Limits, Listener, Program, Rate, Service
from inet46.sockets import Family, Transport

__all__ = ["accesses", "host_policies", "limits", "listener_sets", "ports_of", "programs", "service_lists", "services", "texts", "words"]

BUILTINS = ("chargen", "daytime", "discard", "echo", "time")
HARD = " \"#\\'$`;&|<>*?[]{}()!~%=,:\t\n\ré日"

_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_DIGITS = "0123456789"

words = st.builds("{}{}".format, st.sampled_from(_LETTERS), st.text(_LETTERS + _DIGITS + "_-", max_size=8))
"""Names that every format can hold."""

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0") | st.sampled_from(HARD), max_size=12)
"""Everything that a process can be given: quotes, blanks, `#`, line breaks, other alphabets."""

_safe_texts = st.text(_LETTERS + _LETTERS.upper() + _DIGITS + "_./=-", min_size=1, max_size=8)
_variables = st.builds("{}{}".format, st.sampled_from(_LETTERS + "_"), st.text(_LETTERS.upper() + _DIGITS + "_", max_size=6))
_lines = texts.filter(lambda text: text != "" and "\n" not in text and "\r" not in text)
_counts = st.integers(1, 1000)
_addresses = {
    Family.IPV4: st.just("127.0.0.1") | st.integers(1, 254).map(lambda n: f"192.0.2.{n}"),
    Family.IPV6: st.just("::1") | st.integers(1, 0xFFFF).map(lambda n: str(ipaddress.IPv6Address("2001:db8::") + n)),
}


def ports_of(service: Service) -> int | None:
    """The port that a service means, by its own word or by the usual /etc/services."""
    return service.port if service.port is not None else PORTS.get(str(service))


@st.composite
def programs(draw: st.DrawFn, *, plain: bool = False) -> Program:
    """A program with arguments; `plain`: of letters, digits and - _ . / = only, and argv[0] is the usual one."""
    parts = draw(st.lists(words, min_size=1, max_size=3))
    args = draw(st.lists(_safe_texts if plain else texts, max_size=3))
    argv0 = None if plain else draw(st.none() | words)
    return Program(path="/" + "/".join(parts), args=tuple(args), argv0=argv0)


@st.composite
def listener_sets(draw: st.DrawFn, *, plain: bool = False) -> tuple[Listener, ...]:
    """The listeners of one service: none, one family, both, one dual; `plain`: wildcards only."""
    if draw(st.booleans()):
        return ()
    if draw(st.integers(0, 3)) == 0:
        return (Listener(family=Family.IPV6, v6only=False),)
    families = draw(st.lists(st.sampled_from(list(Family)), min_size=1, max_size=2, unique=True))
    made: list[Listener] = []
    for family in families:
        v6only = draw(st.sampled_from([None, True])) if family is Family.IPV6 else None
        if plain or draw(st.booleans()):
            made.append(Listener(family=family, v6only=v6only))
        else:
            addresses = draw(st.lists(_addresses[family], min_size=1, max_size=2, unique=True))
            made += [Listener(family=family, v6only=v6only, address=address) for address in addresses]
    return tuple(made)


@st.composite
def limits(draw: st.DrawFn) -> Limits:
    """Bounds, any of them left out."""
    return Limits(
        instances=draw(st.none() | _counts),
        per_source=draw(st.none() | _counts),
        rate=draw(st.none() | st.builds(Rate, connections=_counts, seconds=st.just(60) | st.integers(1, 3600))),
        nice=draw(st.none() | st.integers(-20, 20)),
        umask=draw(st.none() | st.integers(0, 0o777)),
        rlimits=draw(st.dictionaries(st.sampled_from(RLIMITS), st.integers(0, 2**40), max_size=3)),
    )


def _networks(family: Family) -> st.SearchStrategy[str]:
    bits, kind = (32, ipaddress.IPv4Network) if family is Family.IPV4 else (128, ipaddress.IPv6Network)
    pairs = st.tuples(st.integers(0, 2**bits - 1), st.integers(0, bits))
    return pairs.map(lambda pair: str(kind((pair[0] >> (bits - pair[1]) << (bits - pair[1]), pair[1]))))


@st.composite
def accesses(draw: st.DrawFn) -> Access:
    """Who may connect: for each family everybody, nobody, or networks."""
    allowed = {family.value: draw(st.none() | st.lists(_networks(family), max_size=3).map(tuple)) for family in Family}
    return Access(**allowed)


@st.composite
def _names_and_ports(draw: st.DrawFn, transport: Transport, *, plain: bool) -> tuple[str, int | None]:
    """A known name, its port said or not (or, unless plain, another one); or an unknown name, whose port has to be said."""
    known = sorted(key.partition("/")[0] for key in PORTS if key.endswith(f"/{transport.value}"))
    if draw(st.booleans()):
        name = draw(st.sampled_from(known))
        usual = PORTS[f"{name}/{transport.value}"]
        said = st.sampled_from([None, usual])
        return name, draw(said if plain else said | st.integers(1, 65535))
    unknown = words.filter(lambda name: not any(f"{name}/{other.value}" in PORTS for other in Transport))
    return draw(unknown), draw(st.integers(1024, 65535))


@st.composite
def services(draw: st.DrawFn, *, plain: bool = False, transports: Sequence[Transport] = tuple(Transport), builtins: bool = True) -> Service:
    """One service.

    `plain` leaves out what some super-server cannot say: limits, access, environment, specific addresses, arguments that need quotes,
    a known name on another port, a built-in under another name, greetings, and services that are switched off.
    """
    transport = draw(st.sampled_from(list(transports)))
    name, port = draw(_names_and_ports(transport, plain=plain))
    program: Program | Builtin = draw(programs(plain=plain))
    wait = draw(st.sampled_from([None, True, False]))
    if builtins and draw(st.integers(0, 3)) == 0:
        name = draw(st.sampled_from(BUILTINS))
        port = draw(st.sampled_from([None, PORTS.get(f"{name}/{transport.value}")])) if f"{name}/{transport.value}" in PORTS else 7777
        program = Builtin(builtin=name if plain else draw(st.just(name) | st.sampled_from(BUILTINS)))
        wait = None
    service = Service(
        name=name,
        port=port,
        transport=transport,
        program=program,
        wait=wait,
        listeners=draw(listener_sets(plain=plain)),
        user=draw(st.sampled_from(["root", "nobody"]) | words),
        group=draw(st.none() | words),
    )
    return service if plain else draw(_trimmings(service))


@st.composite
def _trimmings(draw: st.DrawFn, service: Service) -> Service:
    """The same service with everything that some super-server cannot say."""
    return attrs.evolve(
        service,
        limits=draw(limits()),
        access=draw(accesses()),
        environment=draw(st.dictionaries(_variables, texts, max_size=2)),
        greeting=draw(st.none() | _lines) if service.transport is Transport.TCP else None,
        enabled=draw(st.integers(0, 4)) > 0,
    )


@st.composite
def service_lists(
    draw: st.DrawFn,
    *,
    min_size: int = 0,
    max_size: int = 4,
    plain: bool = False,
    transports: Sequence[Transport] = tuple(Transport),
    builtins: bool = True,
) -> tuple[Service, ...]:
    """Services of which no two mean the same name or the same port on one transport."""
    drawn = draw(
        st.lists(
            services(plain=plain, transports=transports, builtins=builtins),
            min_size=min_size,
            max_size=max_size,
            unique_by=(str, lambda service: (service.transport, ports_of(service))),
        )
    )
    return tuple(drawn)


@st.composite
def host_policies(
    draw: st.DrawFn, *, names: Sequence[str] = tuple(row.name for row in HOSTS), sharings: Sequence[Sharing] = tuple(Sharing)
) -> HostPolicy:
    """Every known host, sharing, and its IPV6_V6ONLY knob at 0, at 1, or not stated."""
    name = draw(st.sampled_from(list(names)))
    knob = resolve(name).kernel.knob
    value = draw(st.sampled_from([None, "0", "1"]))
    settings = {knob: value} if knob is not None and value is not None else {}
    return HostPolicy(name=name, sharing=draw(st.sampled_from(list(sharings))), settings=settings)
