"""Where a line binds: the addresses before its service, for one of the sockets that its protocol opens."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from inet46.formats._reading import numeric
from inet46.formats.inetd.outcomes import Lost, Unknown
from inet46.knowledge import Bound, Host, InetdBuild
from inet46.sockets import Family

__all__ = ["Place", "places"]

_MAPPED = "::ffff:"


@attrs.frozen
class Place:
    """One address as it is written, and as ss writes it: None for every address, "" for one that cannot be had.

    `name` is the host name for which it was found, where one is written.
    """

    text: str
    address: str | None
    name: str | None = None


def places(hosts: str | None, bound: Bound, build: InetdBuild, host: Host) -> list[Place]:
    """Read `address[,address]`, in the order in which they are bound.

    An address that cannot be had costs the line only when no other is left.
    """
    if hosts is None:
        return [Place("*", None)]
    listed = hosts.split(",")
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
        if alone and not build.brackets:
            raise Lost("I116", "unknown-address", f"{text!r} is no address to this inetd; the line is lost")
        if alone and not bracketed:
            yield Place(text, None)  # `:service` is `*:service`
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


def _fitted(address: str, bound: Bound, build: InetdBuild) -> str:
    """Return an address as a socket of this family takes it: getaddrinfo(3) turns mapped ones round, and maps where it is asked to."""
    if bound.family is Family.IPV4 and address.startswith(_MAPPED):
        if build.unmaps_hosts is None:
            raise Unknown(f"what {address} is on an IPv4 socket; glibc takes it for {address.removeprefix(_MAPPED)}")
        return address.removeprefix(_MAPPED) if build.unmaps_hosts else ""
    if (":" in address) == (bound.family is Family.IPV6):
        return address
    return f"{_MAPPED}{address}" if bound.family is Family.IPV6 and bound.v6only is False and build.maps_hosts else ""
