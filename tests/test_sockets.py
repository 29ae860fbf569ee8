"""Sockets: what they take, how they are written, and which of two cannot be had; the matrices pair by pair, as they were measured."""

from __future__ import annotations

import pytest

from inet46.knowledge import KERNELS, Kernel
from inet46.sockets import Family, Kind, Socket, Transport, collide, kind_of

IPV4, IPV6 = Family.IPV4, Family.IPV6
KERNEL = {kernel.name: kernel for kernel in KERNELS}


def socket(address: str, *, v6only: bool | None = None, port: int = 143, transport: Transport = Transport.TCP) -> Socket:
    return Socket(transport=transport, family=IPV6 if ":" in address else IPV4, address=address, port=port, v6only=v6only)


SOCKETS = {
    "4": socket("0.0.0.0"),
    "l": socket("127.0.0.1"),
    "6": socket("::", v6only=True),
    "D": socket("::", v6only=False),
    "m": socket("::1", v6only=True),
    "M": socket("::ffff:127.0.0.1", v6only=False),
}


@pytest.mark.parametrize(
    ("letter", "text", "families", "kind"),
    [
        ("4", "0.0.0.0:143", {IPV4}, Kind.V4_ANY),
        ("l", "127.0.0.1:143", {IPV4}, Kind.V4_ONE),
        ("6", "[::]:143 v6only", {IPV6}, Kind.V6_ANY),
        ("D", "[::]:143 dual", {IPV4, IPV6}, Kind.DUAL),
        ("m", "[::1]:143", {IPV6}, Kind.V6_ONE),
        ("M", "[::ffff:127.0.0.1]:143", {IPV4}, Kind.V4_ONE),
    ],
)
def test_a_socket_is_written_as_ss_writes_it_and_takes_its_families(letter: str, text: str, families: set[Family], kind: Kind) -> None:
    one = SOCKETS[letter]

    assert (str(one), set(one.families), kind_of(one)) == (text, families, kind)


def test_the_mapped_ipv4_wildcard_counts_as_the_ipv4_wildcard() -> None:
    assert kind_of(socket("::ffff:0.0.0.0", v6only=False)) is Kind.V4_ANY


def test_what_only_looks_like_a_mapped_address_is_an_ipv6_one() -> None:
    assert kind_of(socket("::ffff:0:1:2", v6only=True)) is Kind.V6_ONE


# first \ second -> "x" where the second cannot be bound, SO_REUSEADDR on both. Linux: os.md 1.2, measured; FreeBSD: bsd.md 2, measured.
MATRICES = {
    ("linux", Transport.TCP): {"4": "xx.x..", "l": "xx.x..", "6": "..xxx.", "D": "xxxxx.", "m": "..xxx."},
    ("freebsd-14", Transport.TCP): {"4": "x.....", "l": ".x....", "6": "..xx..", "D": "x.xx..", "m": "....x."},
    ("freebsd-14", Transport.UDP): {"4": "x.....", "l": ".x....", "6": "..xx..", "D": "x.xx..", "m": "....x."},
    ("linux", Transport.UDP): dict.fromkeys("4l6Dm", "......"),
    # KAME on 4.x: wildcards of both families on one port, in either order (os.md 1.2).
    ("freebsd-4", Transport.TCP): {"4": "x.....", "l": ".x....", "6": "..xx..", "D": "..xx..", "m": "....x."},
}
PAIRS = [
    pytest.param(
        KERNEL[name], transport, first, second, row["4l6DmM".index(second)] == "x", id=f"{name} {transport.value}: {first} then {second}"
    )
    for (name, transport), rows in MATRICES.items()
    for first, row in rows.items()
    for second in "4l6Dm"
]


@pytest.mark.parametrize(("kernel", "transport", "first", "second", "fails"), PAIRS)
def test_the_second_of_two_sockets_fails_where_the_kernel_was_seen_to_refuse_it(
    kernel: Kernel, transport: Transport, first: str, second: str, *, fails: bool
) -> None:
    old, new = SOCKETS[first], SOCKETS[second]

    assert collide(new, old, kernel.conflicts(transport)) is fails


@pytest.mark.parametrize("other", [socket("127.0.0.2"), socket("127.0.0.1", port=144), socket("127.0.0.1", transport=Transport.UDP)])
def test_another_address_port_or_transport_never_collides(other: Socket) -> None:
    assert not collide(other, SOCKETS["l"], KERNEL["linux"].tcp)


def test_a_mapped_address_collides_with_the_ipv4_address_it_maps() -> None:
    assert collide(SOCKETS["M"], SOCKETS["l"], KERNEL["linux"].tcp)
    assert collide(SOCKETS["M"], SOCKETS["l"], KERNEL["freebsd-14"].tcp)


def test_families_know_their_wildcard_loopback_and_title() -> None:
    assert [(family.wildcard, family.loopback, family.title) for family in Family] == [
        ("0.0.0.0", "127.0.0.1", "IPv4"),
        ("::", "::1", "IPv6"),
    ]


def test_transports_know_their_socket_type() -> None:
    assert [transport.socket_type for transport in Transport] == ["stream", "dgram"]
