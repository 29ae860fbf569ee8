"""The linux row of knowledge.kernels, asked of the kernel that runs these tests: what binds beside what, and who gets the clients."""

from __future__ import annotations

import itertools
import os
import socket

import pytest

from inet46.host import HostPolicy
from inet46.knowledge import KERNELS, Owner, resolve
from inet46.sockets import Conflicts, Family, Kind, Transport
from tests.daemons.network import bind, bound, in_new_network, receiver, refused, why_refused
from tests.lab import places

pytestmark = pytest.mark.daemon

LINUX = next(row for row in KERNELS if row.name == "linux")
PORT = 7001


@pytest.fixture(autouse=True, scope="module")
def namespaces() -> None:
    if (why := places.missing()) is not None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(why)


@pytest.mark.parametrize("bindv6only", [0, 1])
@pytest.mark.parametrize("transport", Transport)
def test_every_ordered_pair_of_sockets_collides_as_the_matrix_says(transport: Transport, bindv6only: int) -> None:
    pairs = [(first, second) for first in Kind for second in Kind]
    conflicts: Conflicts = LINUX.conflicts(transport)
    said = {pair: conflicts.forbids(*pair) for pair in pairs}

    found = in_new_network(lambda: {pair: refused(transport, *pair, PORT) for pair in pairs}, bindv6only=bindv6only)

    assert {pair: found[pair] for pair in pairs if found[pair] != said[pair]} == {}


@pytest.mark.parametrize("bindv6only", [0, 1])
@pytest.mark.parametrize("transport", Transport)
def test_two_different_addresses_of_one_family_never_collide(transport: Transport, bindv6only: int) -> None:
    def both() -> None:
        with bind(transport, Family.IPV4, "127.0.0.1", PORT), bind(transport, Family.IPV4, "127.0.0.2", PORT):
            pass

    in_new_network(both, bindv6only=bindv6only)


@pytest.mark.parametrize("bindv6only", [0, 1])
def test_the_knob_is_what_a_fresh_socket_has_as_its_v6only(bindv6only: int) -> None:
    def default() -> bool:
        with bind(Transport.TCP, Family.IPV6, "::", PORT) as made:
            return bool(made.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY))

    host = resolve(HostPolicy(name="debian-12/xinetd", settings={str(LINUX.knob): bindv6only}))

    assert in_new_network(default, bindv6only=bindv6only) == host.v6only_default == bool(bindv6only)


def test_without_a_knob_a_fresh_socket_takes_both_families() -> None:
    assert not LINUX.v6only_default
    assert not resolve("debian-12/xinetd").v6only_default


@pytest.mark.parametrize("order", list(itertools.permutations((Kind.V4_ANY, Kind.DUAL))))
def test_an_ipv4_datagram_goes_to_the_ipv4_socket_and_not_to_the_dual_one(order: tuple[Kind, Kind]) -> None:
    def ask() -> Kind:
        with bound(Transport.UDP, order[0], PORT) as first, bound(Transport.UDP, order[1], PORT) as second:
            return order[receiver(Family.IPV4, [first, second], PORT)]

    assert LINUX.owner is Owner.NATIVE
    assert in_new_network(ask, bindv6only=0) is Kind.V4_ANY


@pytest.mark.parametrize("kind", [Kind.V4_ANY, Kind.V6_ANY, Kind.DUAL])
def test_of_two_equal_datagram_sockets_the_newer_one_gets_everything(kind: Kind) -> None:
    family = Family.IPV4 if kind is Kind.V4_ANY else Family.IPV6

    def ask() -> int:
        with bound(Transport.UDP, kind, PORT) as first, bound(Transport.UDP, kind, PORT) as second:
            return receiver(family, [first, second], PORT)

    assert in_new_network(ask, bindv6only=0) == 1


@pytest.mark.parametrize("bindv6only", [0, 1])
def test_a_mapped_address_cannot_be_bound_with_v6only(bindv6only: int) -> None:
    def ask() -> list[str | None]:
        return [why_refused(Family.IPV6, "::ffff:127.0.0.1", PORT, v6only=v6only) for v6only in (None, False, True)]

    assert in_new_network(ask, bindv6only=bindv6only) == ["invalid" if bindv6only else None, None, "invalid"]
