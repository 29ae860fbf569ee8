"""Patterns of only_from and no_access: what each matches, as measured with clients on 127.0.0.1 and ::1 of a dual socket."""

from __future__ import annotations

import ipaddress

import pytest

from inet46.formats.xinetd.patterns import matches
from inet46.sockets import Family

HERE4, HERE6 = ipaddress.ip_address("127.0.0.1"), ipaddress.ip_address("::1")

# pattern, whether 127.0.0.1 gets through, whether ::1 does
MEASURED = [
    ("127.0.0.1", True, False),
    ("127.0.0.0/8", True, False),
    ("127.0.0.0", True, False),
    ("127.{0,1}", True, False),
    ("0.0.0.0", True, False),
    ("0.0.0.0/0", True, False),
    ("::1", False, True),
    ("::1/127", False, True),
    ("::ffff:127.0.0.1", True, False),
    ("::ffff:0:0/96", True, False),
    ("::ffff:127.0.0.0/104", True, False),
    ("::/0", True, True),
    ("::", False, False),
    ("::1/128", False, False),
    ("127.0.0.1/33", True, False),
]


@pytest.mark.parametrize(("pattern", "ipv4", "ipv6"), MEASURED, ids=[pattern for pattern, _, _ in MEASURED])
def test_a_pattern_lets_those_through_that_xinetd_lets_through(pattern: str, ipv4: bool, ipv6: bool) -> None:  # noqa: FBT001 -- a table
    said = matches(pattern)

    assert any(HERE4 in network for network in said.of(Family.IPV4, dual=True)) is ipv4
    assert any(HERE6 in network for network in said.of(Family.IPV6, dual=True)) is ipv6
    assert bool(said.dead) is (not ipv4 and not ipv6)


@pytest.mark.parametrize("pattern", ["localhost", ".example.com", "10.1.2", "1.2.3.4/x", "300.1.1.1", "10.{1", "fe80::1%lo"])
def test_what_only_the_host_can_look_up_is_a_name(pattern: str) -> None:
    assert matches(pattern).name == pattern


def test_on_an_ipv4_socket_there_are_no_mapped_addresses() -> None:
    assert matches("::ffff:10.0.0.1").of(Family.IPV4) == ()
    assert [str(x) for x in matches("::ffff:10.0.0.1").of(Family.IPV4, dual=True)] == ["10.0.0.1/32"]


def test_a_factorized_address_means_several_networks() -> None:
    assert [str(x) for x in matches("128.138.{3,5}").networks] == ["128.138.3.0/24", "128.138.5.0/24"]
    assert matches("10.{1,256}").dead == "an octet is more than 255"
