"""Access lists as networks: who gets through to an entry, with each super-server's own reading of its patterns."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Iterator

import attrs

from inet46.convert.losses import Loss
from inet46.entry import Entry
from inet46.formats.xinetd.patterns import Matches, Network, matches
from inet46.knowledge import Host, XinetdBuild
from inet46.predict import Held
from inet46.service import Access
from inet46.sockets import Family

__all__ = ["access_of"]

_MOST = 64  # networks in one list; a longer one is no list that a person could check

_Read = Callable[[str], Matches]


@attrs.define
class _Weighing:
    """One service's lists while they are turned into networks."""

    service: str
    read: _Read
    losses: list[Loss] = attrs.field(factory=list)

    def allowed(self, held: Held, family: Family) -> tuple[str, ...] | None:
        """Return the networks of a family that get through to a socket, None for everybody."""
        entry, dual = held.entry, held.socket.dual
        if entry.only_from is None and not entry.no_access:
            return None
        everything = ipaddress.ip_network("0.0.0.0/0" if family is Family.IPV4 else "::/0")
        allow = [everything] if entry.only_from is None else list(self._networks(entry, "only_from", entry.only_from, family, dual=dual))
        deny = list(self._networks(entry, "no_access", entry.no_access, family, dual=dual))
        left = _without(allow, deny)
        if len(left) > _MOST:
            text = f"no_access = {' '.join(entry.no_access)}"
            self._lose(entry, text, f"it leaves {len(left)} networks of {family.title}, and no list of that length is written")
            left = _without(allow, [])
        return None if left == [everything] else tuple(_spelled(network) for network in left)

    def _networks(self, entry: Entry, name: str, words: Iterable[str], family: Family, *, dual: bool) -> Iterator[Network]:
        for word in words:
            said = self.read(word)
            if said.name is not None and family in _families(word):
                effect = "its clients are shut out" if name == "only_from" else "its clients are let in"
                self._lose(entry, f"{name} = {word}", f"what {word} means only a look-up on the host tells, so {effect}")
            yield from said.of(family, dual=dual)

    def _lose(self, entry: Entry, what: str, why: str) -> None:
        loss = Loss(service=self.service, thing="access", what=what, why=why, guards=True, span=entry.origin)
        if loss not in self.losses:
            self.losses.append(loss)


def access_of(service: str, sockets: Iterable[Held], host: Host) -> tuple[Access, tuple[Loss, ...]]:
    """Return who gets through to a service by these sockets, and what of its lists cannot be said as networks."""
    weighing = _Weighing(service, matches if isinstance(host.server, XinetdBuild) else _plain)
    lists: dict[Family, tuple[str, ...] | None] = {}
    for held in sockets:
        for family in held.accepts:
            mine = weighing.allowed(held, family)
            # Two sockets of one family (two addresses) with two lists: a client counts as let in if either lets it in.
            lists[family] = mine if family not in lists else _either(lists[family], mine)
    return Access(ipv4=lists.get(Family.IPV4), ipv6=lists.get(Family.IPV6)), tuple(weighing.losses)


def _plain(word: str) -> Matches:
    try:
        return Matches(networks=(ipaddress.ip_network(word, strict=False),))
    except ValueError:
        return Matches(name=word)


def _families(word: str) -> frozenset[Family]:
    return frozenset({Family.IPV6}) if ":" in word else frozenset(Family)


def _either(one: tuple[str, ...] | None, other: tuple[str, ...] | None) -> tuple[str, ...] | None:
    return None if one is None or other is None else tuple(dict.fromkeys((*one, *other)))


def _without(allow: Iterable[Network], deny: Iterable[Network]) -> list[Network]:
    left = list(allow)
    for refused in deny:
        left = [piece for network in left for piece in _cut(network, refused)]
    four = ipaddress.collapse_addresses(x for x in left if isinstance(x, ipaddress.IPv4Network))
    six = ipaddress.collapse_addresses(x for x in left if isinstance(x, ipaddress.IPv6Network))
    return [*four, *six]


def _cut(network: Network, refused: Network) -> Iterator[Network]:
    """Take one network out of another, if they are of one family."""
    match network, refused:
        case (ipaddress.IPv4Network() as four, ipaddress.IPv4Network() as gone):
            yield from () if four.subnet_of(gone) else four.address_exclude(gone) if gone.subnet_of(four) else (four,)
        case (ipaddress.IPv6Network() as six, ipaddress.IPv6Network() as gone6):
            yield from () if six.subnet_of(gone6) else six.address_exclude(gone6) if gone6.subnet_of(six) else (six,)
        case _:
            yield network


def _spelled(network: Network) -> str:
    return str(network.network_address) if network.num_addresses == 1 else str(network)
