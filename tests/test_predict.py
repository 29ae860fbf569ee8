"""The oracle: ports, keys, collisions, who gets the clients, and what it does not know."""

from __future__ import annotations

from typing import Any

import pytest

from inet46.diagnostics import Severity, Source, Span
from inet46.entry import Bind, Entry
from inet46.host import HostPolicy
from inet46.knowledge import resolve
from inet46.predict import Prediction, predict
from inet46.service import Program
from inet46.sockets import Family, Transport

LINUX, XINETD, FREEBSD, OLD = "debian-12/openbsd-inetd", "debian-12/xinetd", "freebsd-14/inetd", "freebsd-4.9/inetd"
V4, DUAL, ONLY6 = Bind(family=Family.IPV4), Bind(family=Family.IPV6, v6only=False), Bind(family=Family.IPV6, v6only=True)
KERNELS6 = Bind(family=Family.IPV6)


def entry(*binds: Bind, service: str = "imap", transport: Transport = Transport.TCP, **said: Any) -> Entry:
    return Entry(service=service, transport=transport, binds=binds, program=Program(path="/x"), **said)


def opened(result: Prediction) -> list[str]:
    return [str(held.socket) for held in result.sockets]


def test_no_entries_open_no_sockets() -> None:
    assert predict([], LINUX) == Prediction()


def test_the_port_is_the_entrys_own_before_the_one_of_its_name() -> None:
    assert opened(predict([entry(V4, port=1143)], LINUX)) == ["0.0.0.0:1143"]


def test_an_unknown_name_is_a_fault_where_etc_services_was_looked_at() -> None:
    result = predict([entry(V4, service="nosuch")], HostPolicy(name=LINUX, services={"imap/tcp": 143}))

    assert [(fault.code, fault.message) for fault in result.faults] == [
        ("I110", "nosuch/tcp is not in /etc/services, so the entry is lost")
    ]


def test_an_unknown_name_is_not_known_where_etc_services_was_not_looked_at() -> None:
    result = predict([entry(V4, service="nosuch")], LINUX)

    assert result.unknown == ("port of nosuch/tcp: not a usual name, and /etc/services was not looked at (--services FILE gives one)",)
    assert result.faults == ()


def test_without_ipv6_a_socket_of_it_cannot_be_made() -> None:
    result = predict([entry(ONLY6, V4)], HostPolicy(name=LINUX, ipv6=False))

    assert opened(result) == ["0.0.0.0:143"]
    assert [fault.message for fault in result.faults] == ["imap/tcp: this host has no IPv6, the socket cannot be made"]


@pytest.mark.parametrize(
    ("name", "value", "text"), [(LINUX, "0", "dual"), (LINUX, "1", "v6only"), (FREEBSD, "0", "dual"), (FREEBSD, "1", "v6only")]
)
def test_what_is_left_to_the_kernel_goes_by_its_knob(name: str, value: str, text: str) -> None:
    knob = str(resolve(name).kernel.knob)

    assert opened(predict([entry(KERNELS6)], HostPolicy(name=name, settings={knob: value}))) == [f"[::]:143 {text}"]


@pytest.mark.parametrize(("name", "text"), [(LINUX, "dual"), (FREEBSD, "v6only"), (OLD, "v6only")])
def test_without_a_stated_knob_the_release_decides(name: str, text: str) -> None:
    assert opened(predict([entry(KERNELS6)], name)) == [f"[::]:143 {text}"]


@pytest.mark.parametrize(("name", "value"), [(LINUX, "1"), (FREEBSD, "1")])
def test_a_daemon_that_asks_for_both_families_gets_them_whatever_the_knob(name: str, value: str) -> None:
    knob = str(resolve(name).kernel.knob)

    assert opened(predict([entry(DUAL)], HostPolicy(name=name, settings={knob: value}))) == ["[::]:143 dual"]


def test_a_kernel_that_governs_mapping_gives_no_ipv4_and_says_so() -> None:
    result = predict([entry(DUAL)], OLD)

    assert opened(result) == ["[::]:143 v6only"]
    assert [(fault.name, fault.severity) for fault in result.faults] == [("deaf-to-ipv4", Severity.WARNING)]


def test_a_specific_ipv6_address_never_takes_ipv4() -> None:
    (held,) = predict([entry(Bind(family=Family.IPV6, v6only=False, address="::1"))], LINUX).sockets

    assert held.accepts == {Family.IPV6}


def test_a_mapped_address_takes_ipv4_only() -> None:
    (held,) = predict([entry(Bind(family=Family.IPV6, v6only=False, address="::ffff:192.0.2.1"))], LINUX).sockets

    assert held.accepts == {Family.IPV4}


def test_the_later_of_two_with_one_key_and_socket_serves_it() -> None:
    first, second = (entry(Bind(family=Family.IPV4, key="tcp"), user=user) for user in ("a", "b"))
    (held,) = predict([first, second], LINUX).sockets

    assert held.entry is second


def test_the_later_of_two_with_one_key_and_another_option_remakes_the_socket() -> None:
    binds = (Bind(family=Family.IPV6, v6only=False, key="tcp"), Bind(family=Family.IPV6, v6only=True, key="tcp"))

    assert opened(predict([entry(bind) for bind in binds], FREEBSD)) == ["[::]:143 v6only"]


def test_two_without_a_key_are_two_even_if_they_are_one_object() -> None:
    one = entry(V4)
    result = predict([one, one], XINETD)

    assert opened(result) == ["0.0.0.0:143"]
    assert [fault.name for fault in result.faults] == ["double-bind"]


def test_entries_may_come_from_a_generator() -> None:
    assert len(predict((entry(V4, port=port) for port in range(1000, 1100)), XINETD).sockets) == 100


def test_a_bind_that_failed_is_tried_again_when_its_key_comes_again() -> None:
    dual, v4 = entry(Bind(family=Family.IPV6, v6only=False, key="tcp")), entry(Bind(family=Family.IPV4, key="tcp"))
    only6 = entry(Bind(family=Family.IPV6, v6only=True, key="tcp"))

    assert opened(predict([dual, v4, only6, v4], FREEBSD)) == ["[::]:143 v6only", "0.0.0.0:143"]


def test_a_collision_names_the_holder_its_line_and_what_is_lost() -> None:
    source = Source("/etc/x", "one\ntwo\n")
    first = entry(V4, service="imap2", origin=Span(source, 4, 7))
    (fault,) = predict([first, entry(DUAL)], XINETD).faults

    assert fault.message == "imap/tcp: address already in use: [::]:143 dual is taken by 0.0.0.0:143 of imap2; IPv6 is lost"
    assert fault.notes == ("the first of two conflicting entries wins (line 2 of /etc/x)",)


def test_a_collision_of_entries_from_nowhere_names_no_line() -> None:
    (fault,) = predict([entry(V4), entry(V4)], XINETD).faults

    assert fault.notes == ("the first of two conflicting entries wins",)


@pytest.mark.parametrize(
    ("name", "binds", "accepts"),
    [
        (LINUX, (V4, DUAL), [{Family.IPV4}, {Family.IPV6}]),
        (LINUX, (DUAL, V4), [{Family.IPV6}, {Family.IPV4}]),
        (FREEBSD, (V4, DUAL), [set(), {Family.IPV4, Family.IPV6}]),
        (FREEBSD, (V4, ONLY6), [{Family.IPV4}, {Family.IPV6}]),
    ],
)
def test_an_ipv4_client_goes_to_one_of_two_sockets(name: str, binds: tuple[Bind, ...], accepts: list[set[Family]]) -> None:
    result = predict([entry(bind, service="tftp", transport=Transport.UDP) for bind in binds], name)

    assert [set(held.accepts) for held in result.sockets] == accepts


def test_on_freebsd_4_the_native_socket_keeps_its_clients_in_either_order() -> None:
    policy = HostPolicy(name=OLD, settings={"net.inet6.ip6.v6only": 0})

    for binds in ((V4, DUAL), (DUAL, V4)):
        result = predict([entry(bind) for bind in binds], policy)
        assert {held.socket.family: set(held.accepts) for held in result.sockets} == {
            Family.IPV4: {Family.IPV4},
            Family.IPV6: {Family.IPV6},
        }


def test_a_listener_that_starves_is_an_error() -> None:
    result = predict([entry(V4), entry(DUAL)], FREEBSD)

    assert [(fault.code, fault.message) for fault in result.faults] == [
        ("I303", "imap/tcp: 0.0.0.0:143 listens and gets nothing: a later socket takes its clients")
    ]


def test_of_two_equal_datagram_sockets_the_newest_gets_the_datagrams_on_linux() -> None:
    result = predict([entry(V4, service="tftp", transport=Transport.UDP)] * 2, XINETD)

    assert [held.accepts for held in result.sockets] == [frozenset(), frozenset({Family.IPV4})]
    assert [fault.code for fault in result.faults] == ["I303"]
    assert result.unknown == ()


def test_of_two_datagram_sockets_for_ipv6_the_newest_gets_it_and_a_native_one_keeps_ipv4() -> None:
    result = predict([entry(bind, service="tftp", transport=Transport.UDP) for bind in (DUAL, ONLY6, V4)], XINETD)

    assert [held.accepts for held in result.sockets] == [frozenset(), frozenset({Family.IPV6}), frozenset({Family.IPV4})]


@pytest.mark.parametrize("host", [XINETD, "freebsd-14/inetd"])
def test_a_mapped_address_on_a_socket_for_ipv6_alone_is_not_bound(host: str) -> None:
    mapped = Bind(family=Family.IPV6, v6only=True, address="::ffff:127.0.0.1")
    result = predict([entry(mapped)], host)

    assert result.sockets == ()
    assert [fault.code for fault in result.faults] == ["I305"]


def test_a_socket_that_is_deaf_to_ipv4_is_no_matter_where_an_ipv4_socket_serves_the_port() -> None:
    alone, beside = (predict(map(entry, binds), "freebsd-4.9/xinetd") for binds in ([DUAL], [V4, DUAL]))

    assert [fault.code for fault in alone.faults] == ["I301"]
    assert beside.faults == ()


def test_held_names_the_service_as_its_entry_does() -> None:
    assert [held.service for held in predict([entry(V4, service="imap2")], LINUX).sockets] == ["imap2"]
