"""What a kernel holds: sockets, which clients they accept, and which of them collide.

Rules for staying itself: a socket here is what `ss -e` or `sockstat` would show, nothing of any daemon. How a particular kernel treats two
sockets is a `Conflicts` table, which is a row in `knowledge.kernels`; this module only knows how to look a pair up in it.
"""

from __future__ import annotations

import enum
import ipaddress

import attrs

__all__ = ["Conflicts", "Family", "Kind", "Socket", "Transport", "bare", "collide", "doubtful", "kind_of"]


class Family(enum.Enum):
    """Address family, of a socket or of a client."""

    IPV4 = "ipv4"
    IPV6 = "ipv6"

    @property
    def wildcard(self) -> str:
        """The address that means every address of this family."""
        return "0.0.0.0" if self is Family.IPV4 else "::"  # noqa: S104 -- a name for it, nothing is bound here

    @property
    def loopback(self) -> str:
        """The loopback address of this family."""
        return "127.0.0.1" if self is Family.IPV4 else "::1"

    @property
    def title(self) -> str:
        """The name people write: IPv4, IPv6."""
        return "IPv4" if self is Family.IPV4 else "IPv6"


class Transport(enum.Enum):
    """Transport protocol of a socket."""

    TCP = "tcp"  # socket type stream
    UDP = "udp"  # socket type dgram

    @property
    def socket_type(self) -> str:
        """The super-servers' word for it: stream or dgram."""
        return "stream" if self is Transport.TCP else "dgram"


class Kind(enum.Enum):
    """The five sockets that a bind matrix tells apart; the letters are those of the matrices in `knowledge.kernels`."""

    V4_ANY = "4"  # 0.0.0.0
    V4_ONE = "l"  # 127.0.0.1 and every other specific IPv4 address
    V6_ANY = "6"  # [::] with IPV6_V6ONLY
    DUAL = "D"  # [::] without it: takes both families
    V6_ONE = "m"  # ::1 and every other specific IPv6 address


@attrs.frozen(kw_only=True)
class Socket:
    """One bound socket.

    `family` is the socket's own: an IPv6 socket that takes IPv4 as well is `ipv6` with `v6only` False. `address` is written as `ss` does,
    the wildcard as 0.0.0.0 or ::. `port` 0 is one that the kernel picks when the socket is bound, another one at every start. `v6only` is
    None on IPv4 sockets, where it has no meaning.
    """

    transport: Transport
    family: Family
    address: str
    port: int
    v6only: bool | None = None

    @property
    def dual(self) -> bool:
        """True for the IPv6 wildcard that takes IPv4 clients too."""
        return self.family is Family.IPV6 and self.v6only is False and self.address == "::"

    @property
    def families(self) -> frozenset[Family]:
        """The client families that this socket takes when nothing else stands in the way."""
        if self.family is Family.IPV4 or _mapped(self.address):
            return frozenset({Family.IPV4})
        return frozenset(Family) if self.dual else frozenset({Family.IPV6})

    def __str__(self) -> str:
        """As `ss` writes it, with the one bit that matters spelled out: `[::]:143 v6only`."""
        port = self.port or "(some port)"
        if self.family is Family.IPV4:
            return f"{self.address}:{port}"
        suffix = " v6only" if self.v6only and self.address == "::" else " dual" if self.dual else ""
        return f"[{self.address}]:{port}{suffix}"


@attrs.frozen
class Conflicts:
    """A kernel's bind matrix for one transport, SO_REUSEADDR on both sockets, as every inetd sets it.

    `table` maps the kind that is bound first to the kinds that then fail with EADDRINUSE, both as letters of `Kind`; `unknown` maps it to
    those of which nobody knows.
    """

    table: tuple[tuple[str, str], ...]
    unknown: tuple[tuple[str, str], ...] = ()

    def forbids(self, first: Kind, second: Kind) -> bool:
        """True if `second` cannot be bound while `first` is."""
        return _holds(self.table, first, second)

    def leaves_open(self, first: Kind, second: Kind) -> bool:
        """True if it is not known whether `second` can be bound while `first` is."""
        return _holds(self.unknown, first, second)


def _holds(table: tuple[tuple[str, str], ...], first: Kind, second: Kind) -> bool:
    return any(second.value in seconds for kind, seconds in table if kind == first.value)


def kind_of(socket: Socket) -> Kind:
    """Return the row of the bind matrix that a socket stands in; ::ffff:a.b.c.d counts as the IPv4 address it maps."""
    mapped = _mapped(socket.address)
    if socket.family is Family.IPV4 or mapped:
        return Kind.V4_ANY if (mapped or socket.address) == Family.IPV4.wildcard else Kind.V4_ONE
    if socket.address != Family.IPV6.wildcard:
        return Kind.V6_ONE
    return Kind.DUAL if socket.v6only is False else Kind.V6_ANY


def collide(new: Socket, old: Socket, conflicts: Conflicts) -> bool:
    """Return True if binding `new` fails while `old` is bound, by that kernel's matrix."""
    return _meet(new, old) and conflicts.forbids(kind_of(old), kind_of(new))


def doubtful(new: Socket, old: Socket, conflicts: Conflicts) -> bool:
    """Return True if it is not known whether `new` can be bound while `old` is."""
    return _meet(new, old) and conflicts.leaves_open(kind_of(old), kind_of(new))


def _meet(new: Socket, old: Socket) -> bool:
    """Return True unless two sockets are out of each other's way on every kernel: another port, or two addresses of one family.

    A port that the kernel picks is a free one.
    """
    if (new.transport, new.port) != (old.transport, old.port) or not new.port:
        return False
    kind = kind_of(new)
    return kind not in {Kind.V4_ONE, Kind.V6_ONE} or kind is not kind_of(old) or bare(new.address) == bare(old.address)


def _mapped(address: str) -> str | None:
    """Return the IPv4 address inside ::ffff:a.b.c.d, or None."""
    if not address.lower().startswith("::ffff:"):
        return None
    mapped = ipaddress.IPv6Address(address).ipv4_mapped
    return str(mapped) if mapped is not None else None


def bare(address: str) -> str:
    """Return an address as it counts among others of its kind: ::ffff:a.b.c.d is the IPv4 address it maps."""
    return _mapped(address) or address
