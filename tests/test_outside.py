"""The controller's own connections: where to, from where, and what is said of them."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing

import attrs
import pytest
from pyinfra.api import OperationValueError

from pyinfra_inet46.inputs import confirmation
from pyinfra_inet46.outside import Unasked, addresses_of, from_outside, reach
from pyinfra_inet46.transaction import Answered, Daemon, ExpectedSocket, Probe, Result, Transaction, Verdict, VerdictError
from pyinfra_inet46.verdict import parse_verdict, write_verdict

BOTH = {"ipv4": "192.0.2.5", "ipv6": "2001:DB8::5"}


def expected(address: str, port: int = 143, *, v6only: bool | None = None) -> ExpectedSocket:
    family = "ipv6" if ":" in address else "ipv4"
    return ExpectedSocket(service="imap", transport="tcp", family=family, address=address, port=port, v6only=v6only)


def probe(address: str, port: int = 143, greeting: str | None = "* OK") -> Probe:
    return Probe(service="imap", family="ipv6" if ":" in address else "ipv4", address=address, port=port, greeting=greeting)


def change(*both: tuple[ExpectedSocket, Probe]) -> Transaction:
    daemon = Daemon(name="inetd", exe="/usr/sbin/inetd")
    return Transaction(id="t1", daemon=daemon, expected=tuple(e for e, _ in both), probes=tuple(p for _, p in both))


def test_a_service_on_every_address_is_asked_at_the_hosts_address() -> None:
    wanted = change((expected("0.0.0.0"), probe("127.0.0.1")), (expected("::", v6only=True), probe("::1")))

    assert [p.address for p in from_outside(wanted, BOTH)] == ["192.0.2.5", "2001:db8::5"]


def test_a_dual_socket_is_asked_over_both_families() -> None:
    wanted = change((expected("::", v6only=False), probe("127.0.0.1")), (expected("::", v6only=False), probe("::1")))

    assert [p.address for p in from_outside(wanted, BOTH)] == ["192.0.2.5", "2001:db8::5"]


def test_a_service_on_the_loopback_is_nobody_elses_affair_and_one_on_an_address_is_asked_there() -> None:
    wanted = change((expected("127.0.0.1"), probe("127.0.0.1")), (expected("198.51.100.9"), probe("198.51.100.9")))

    assert [p.address for p in from_outside(wanted, BOTH)] == ["198.51.100.9"]


def test_a_family_without_an_address_is_said_before_anything_is_changed() -> None:
    wanted = change((expected("::", v6only=True), probe("::1")))

    with pytest.raises(Unasked) as caught:
        from_outside(wanted, {"ipv4": "192.0.2.5"})
    assert caught.value.args[0] == (
        'imap: to confirm it over IPv6 from outside, an IPv6 address of this host is needed, and its name has none: say outside={"ipv6": …}'
    )


def armed(*answered: Answered, proof: str = "python3") -> Verdict:
    return Verdict(result=Result.ARMED, id="t1", step="hand_over", reason="", state="", proof=proof, answered=answered)


def test_of_a_migration_only_what_answered_before_is_asked_and_for_the_greeting_that_it_had() -> None:
    both = (expected("0.0.0.0"), probe("127.0.0.1", greeting=None)), (expected("::", v6only=True), probe("::1", greeting=None))
    move = attrs.evolve(change(*both, (expected("0.0.0.0", 110), probe("127.0.0.1", 110, None))), old=Daemon(name="xinetd", exe="/x"))
    before = Answered(family="ipv4", address="127.0.0.1", port=143, greeting="* O"), Answered(family="ipv4", address="127.0.0.1", port=25)

    assert [(p.address, p.port, p.greeting) for p in from_outside(move, BOTH, armed(*before))] == [("192.0.2.5", 143, "* O")]
    assert from_outside(move, BOTH, armed()) == ()


def test_of_a_migration_everything_is_asked_where_the_host_could_not_find_out_what_answers() -> None:
    move = attrs.evolve(change((expected("0.0.0.0"), probe("127.0.0.1", greeting=None))), old=Daemon(name="xinetd", exe="/x"))

    assert [p.address for p in from_outside(move, BOTH, armed(proof="sockets"))] == ["192.0.2.5"]


def test_who_was_answered_is_read_as_it_is_written_and_garbage_is_refused() -> None:
    verdict = armed(
        Answered(family="ipv6", address="::1", port=143, greeting="220 "), Answered(family="ipv4", address="127.0.0.1", port=25)
    )
    lines = write_verdict(verdict)

    assert lines[9:11] == ["answered ipv6 ::1 143 220 ", "answered ipv4 127.0.0.1 25"]
    assert parse_verdict(lines) == verdict
    for line in (
        "ipv6 ::1",
        "ipv4 ::1 143",
        "ipv6 ::1 99999",
        "ipv6 ::1 143 \0",
        "ipv6 ::1 143 ",
        "ipv6 ::1 143 a longer greeting than any",
    ):
        with pytest.raises(VerdictError, match="cannot be read"):
            parse_verdict([*lines[:9], f"answered {line}", "end"])


def test_addresses_that_are_written_down_are_not_looked_up() -> None:
    assert addresses_of("no such name \0", BOTH) == BOTH
    assert addresses_of("127.0.0.1", {"ipv6": "::1"}) == {"ipv4": "127.0.0.1", "ipv6": "::1"}


@pytest.mark.parametrize(
    ("seconds", "outside", "via", "message"),
    [
        (4, None, None, "confirm: 4 is not a number of seconds from 5 to 3600"),
        (True, None, None, "confirm: True is not a number of seconds from 5 to 3600"),
        ("60", None, None, "confirm: '60' is not a number of seconds from 5 to 3600"),
        (60, {"ipv5": "192.0.2.5"}, None, "outside: {'ipv5': '192.0.2.5'} is not a mapping from ipv4 and ipv6 to addresses"),
        (60, {"ipv6": "192.0.2.5"}, None, "outside: '192.0.2.5' is not an IPv6 address"),
        (60, {"ipv6": "mail1"}, None, "outside: 'mail1' is not an IP address"),
        (60, None, "ssh bastion", "via: 'ssh bastion' is not a list of words, such as ['ssh', 'bastion']"),
        (60, {"ipv4": 5}, None, "outside: 5 is not an IP address"),
        (60, None, ["ssh", "a\0b"], r"via: ['ssh', 'a\x00b'] is not a list of words, such as ['ssh', 'bastion']"),
    ],
)
def test_what_cannot_be_a_confirmation_is_refused(seconds: object, outside: object, via: object, message: str) -> None:
    with pytest.raises(OperationValueError) as caught:
        confirmation(seconds, outside, via)  # type: ignore[arg-type]
    assert str(caught.value) == message


@pytest.fixture
def listening() -> Iterator[int]:
    """A port of the loopback that greets everybody; everything ends with the test."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def serve() -> None:
            while True:
                try:
                    client, _ = server.accept()
                except OSError:
                    return
                with client:
                    client.sendall(b"* OK ready\r\n")

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


def test_a_service_that_answers_is_reached(listening: int) -> None:
    assert reach([probe("127.0.0.1", listening)], seconds=1) is None
    assert reach([probe("127.0.0.1", listening)], seconds=1, via=("env", "X=y")) is None
    assert reach([], seconds=1, via=("false",)) is None


def test_a_service_that_does_not_is_named(listening: int) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        free = taken.getsockname()[1]
    assert reach([probe("127.0.0.1", free)], seconds=1) == f"from outside: imap at 127.0.0.1:{free}: connection refused"
    assert reach([probe("127.0.0.1", listening, "+OK; $(touch canary)")], seconds=1) == (
        f'from outside: imap at 127.0.0.1:{listening}: greets with "* OK ready", not with "+OK; $(touch canary)"'
    )


def test_a_way_out_that_does_not_work_is_named() -> None:
    said = "the connections from outside could not be tried: "
    assert reach([probe("127.0.0.1")], seconds=1, via=("no-such-program-46",)) == (
        f"{said}[Errno 2] No such file or directory: 'no-such-program-46'"
    )
    assert reach([probe("127.0.0.1")], seconds=1, via=("sh", "-c", "echo the bastion is closed >&2; exit 255")) == (
        f"{said}the bastion is closed"
    )
