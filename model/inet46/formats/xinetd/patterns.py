"""What the patterns of only_from and no_access match, as networks.

Source: xinetd addr.c (numeric_addr, host_addr, explicit_mask, factorized_addr, net_addr, in this order; addrlist_match); measured, with
127.0.0.1/33, ::1/127 and the like among them.
"""

from __future__ import annotations

import ipaddress
import re

import attrs

from inet46.sockets import Family

__all__ = ["Matches", "matches"]

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_OCTET = r"(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")


@attrs.frozen(kw_only=True)
class Matches:
    """What one pattern matches: networks, or nothing for a reason, or what only the host can look up."""

    networks: tuple[Network, ...] = ()
    dead: str | None = None
    name: str | None = None

    def of(self, family: Family, *, dual: bool = False) -> tuple[Network, ...]:
        """Return what it matches of one family's clients; on a dual socket IPv6 patterns see IPv4 clients as mapped addresses too."""
        if family is Family.IPV6:
            return tuple(x for x in self.networks if isinstance(x, ipaddress.IPv6Network) and not x.subnet_of(_MAPPED))
        own = tuple(x for x in self.networks if isinstance(x, ipaddress.IPv4Network))
        return (*own, *(y for x in self.networks if dual and isinstance(x, ipaddress.IPv6Network) and (y := _unmapped(x)) is not None))


def matches(pattern: str) -> Matches:
    """Read one word of only_from or no_access, as numeric address, address/bits, a.b.{c,d}, or a name."""
    if "%" in pattern:
        return Matches(name=pattern)  # a zone, which is this machine's own affair
    if re.fullmatch(rf"{_OCTET}(\.{_OCTET}){{3}}", pattern):
        return Matches(networks=(_whole_octets(pattern),))
    if (match := re.fullmatch(rf"({_OCTET}(?:\.{_OCTET}){{0,2}})\.\{{([0-9,]+)\}}", pattern)) is not None:
        return _factorized(match[1], pattern[pattern.index("{") + 1 : -1])
    address, slash, bits = pattern.partition("/")
    if slash and re.fullmatch(r"[0-9]+", bits):
        return _masked(address, int(bits), pattern)
    if ":" in pattern:
        return _ipv6(pattern)
    return Matches(name=pattern)


def _whole_octets(text: str) -> Network:
    """A numeric IPv4 address whose last octets are 0 means the whole network: 10.0.0.0 is 10/8, 0.0.0.0 is everybody."""
    octets = text.split(".")
    while octets and octets[-1] == "0":
        octets.pop()
    return ipaddress.IPv4Network(f"{text}/{8 * len(octets)}")


def _factorized(head: str, listed: str) -> Matches:
    octets = head.split(".")
    words = [word for word in listed.split(",") if word]
    if any(int(word) > 255 for word in words):
        return Matches(dead="an octet is more than 255")
    bits = 8 * (len(octets) + 1)
    padded = [".".join([*octets, word, "0", "0", "0"][:4]) for word in words]
    return Matches(networks=tuple(ipaddress.IPv4Network(f"{address}/{bits}", strict=False) for address in padded))


def _masked(text: str, bits: int, pattern: str) -> Matches:
    """Read address/bits; bits of the address behind the mask count for nothing, and more than there are mean all of them."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return Matches(name=pattern)
    if address.version == 6 and bits >= 128:
        return Matches(dead="xinetd takes any /128 for the name of a host, which nothing has")
    return Matches(networks=(ipaddress.ip_network(f"{text}/{min(bits, address.max_prefixlen)}", strict=False),))


def _ipv6(pattern: str) -> Matches:
    try:
        address = ipaddress.IPv6Address(pattern)
    except ValueError:
        return Matches(name=pattern)
    if address == ipaddress.IPv6Address(0):
        return Matches(dead=":: matches nobody (unlike 0.0.0.0, which matches everybody)")
    return Matches(networks=(ipaddress.IPv6Network(address),))


def _unmapped(network: ipaddress.IPv6Network) -> ipaddress.IPv4Network | None:
    """Return the IPv4 clients that an IPv6 network holds as mapped addresses."""
    if _MAPPED.subnet_of(network):
        return ipaddress.IPv4Network("0.0.0.0/0")
    if not network.subnet_of(_MAPPED):
        return None
    return ipaddress.IPv4Network((int(network.network_address) & 0xFFFFFFFF, network.prefixlen - 96))
