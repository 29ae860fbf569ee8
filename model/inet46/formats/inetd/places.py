"""Where an entry binds: the addresses before its service, for one of the sockets that its protocol opens."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import attrs

from inet46.entry import Bind
from inet46.formats._reading import numeric
from inet46.formats.inetd._costs import Lost, Unknown
from inet46.formats.inetd.document import told_address
from inet46.formats.inetd.protocols import SOCKET_TYPES
from inet46.knowledge import Bound, Host, InetdBuild, Token
from inet46.sockets import Family

__all__ = ["Place", "binds", "of_type"]

_MAPPED = "::ffff:"


@attrs.frozen
class Place:
    """One address as it is written, and as ss writes it: None for every address, "" for one that cannot be had.

    `name` is the host name for which it was found, where one is written.
    """

    text: str
    address: str | None
    name: str | None = None


def binds(
    label: str, token: Token, hosts: str | None, build: InetdBuild, host: Host, *, keep: Callable[[list[Place]], list[Place]] = list
) -> tuple[Bind, ...]:
    """Join addresses and the sockets of a token; an address of the other family opens nothing, or is mapped."""
    found: list[Bind] = []
    for bound in token.opens:
        for place in keep(_places(hosts, bound, build, host)):
            own = build.keeps_addresses and place.text != told_address(place.address, build)
            key = f"{bound.key} {place.text}" if own else bound.key
            if place.address != "":
                found.append(Bind(family=bound.family, v6only=bound.v6only, address=place.address, key=key, name=place.name))
    if not found:
        raise Lost("I111", "address-family", f"{label}: {token.name} opens no socket at {hosts or '*'}; the line is lost")
    return tuple(found)


def of_type(types: dict[tuple[str, ...], str], service: str, name: str, socket_type: str, found: list[Place]) -> list[Place]:
    """Keep the addresses whose entry has a type of which there are sockets: the one that its first line gave it (`types`)."""
    mine = [types.setdefault((place.text, service, name), socket_type) for place in found]
    if mine and not any(known in SOCKET_TYPES for known in mine):
        text = f"there is no {mine[0]!r} socket for {name}; nothing is opened"
        if mine[0] != socket_type:
            text = f"an earlier line made this entry {mine[0]!r}, of which there is no socket for {name}; nothing is opened"
        raise Lost("I103", "unknown-socket-type", f"{service}: {text}")
    return [place for place, known in zip(found, mine, strict=True) if known in SOCKET_TYPES]


def _places(hosts: str | None, bound: Bound, build: InetdBuild, host: Host) -> list[Place]:
    """Read `address[,address]`, in the order in which they are bound.

    An address that cannot be had costs the line only when no other is left.
    """
    if hosts is None:
        return [Place("*", None)]
    listed = hosts.split(",")
    if len(listed) > 1 and not build.host_lists:
        raise Lost("I116", "unknown-address", f"{hosts!r} is no address to this inetd, which takes one; the line is lost")
    found = [place for text in listed for place in _one(text, bound, build, host, alone=len(listed) == 1)]
    if build.merges_wildcards:
        found = [attrs.evolve(place, address=None) if place.address == bound.family.wildcard else place for place in found]
    return found[::-1] if build.binds_lists_backwards else found


def _one(text: str, bound: Bound, build: InetdBuild, host: Host, *, alone: bool) -> Iterator[Place]:
    told, bracketed = text, text.startswith("[") and text.endswith("]")
    if build.keeps_addresses and text in {"", "[]", "[*]"}:
        yield Place(text, "")
        return
    if bracketed and build.brackets and (alone or build.keeps_addresses):
        told, bracketed = text[1:-1], False
    if told == "*":  # in a list too: it is what getaddrinfo(3) itself takes for no name
        yield Place(text, None)
        return
    if told == "" or bracketed:
        yield from _nothing(text, build, alone=alone, bracketed=bracketed)
        return
    address = numeric(told)
    if address is not None:
        yield Place(text, _fitted(address, bound, build))
        return
    addresses = host.lookup(told, bound.family)
    if addresses is None:
        raise Unknown(f"the address of {told}")
    known = addresses or host.lookup(told, Family.IPV4) or ("",)
    for found in known[:1] if build.keeps_addresses else known:
        yield Place(text, found and _fitted(found, bound, build), told)


def _nothing(text: str, build: InetdBuild, *, alone: bool, bracketed: bool) -> Iterator[Place]:
    """Take an empty address, or one whose brackets stay on: nothing in a list."""
    if not alone:
        return
    if not bracketed and build.empty_host is None:
        raise Unknown("the address before the colon, which is empty")
    if bracketed or not build.empty_host:
        raise Lost("I116", "unknown-address", f"{text!r} is no address to this inetd; the line is lost")
    yield Place(text, None)  # `:service` is `*:service`


def _fitted(address: str, bound: Bound, build: InetdBuild) -> str:
    """Return an address as a socket of this family takes it: getaddrinfo(3) turns mapped ones round, and maps where it is asked to."""
    if bound.family is Family.IPV4 and address.startswith(_MAPPED):
        if build.unmaps_hosts is None:
            raise Unknown(f"what {address} is on an IPv4 socket; glibc takes it for {address.removeprefix(_MAPPED)}")
        return address.removeprefix(_MAPPED) if build.unmaps_hosts else ""
    if (":" in address) == (bound.family is Family.IPV6):
        return address
    return f"{_MAPPED}{address}" if bound.family is Family.IPV6 and bound.v6only is False and build.maps_hosts else ""
