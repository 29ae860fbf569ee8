"""The model of a service: what cannot be built, in which words, and what is let through to the formats."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest

from inet46.service import Access, Builtin, Limits, Listener, Plain, Program, Rate, Service
from inet46.sockets import Family, Transport

IMAPD = Program(path="/usr/libexec/imapd")
DAYTIME = Builtin(builtin="daytime")
V4 = Listener(family=Family.IPV4)
V6 = Listener(family=Family.IPV6)
DUAL = Listener(family=Family.IPV6, v6only=False)


def service(**fields: Any) -> Service:
    return Service(**{"name": "imap", "program": IMAPD, **fields})


def listener(**fields: Any) -> Listener:
    return Listener(**{"family": Family.IPV6, **fields})


def program(**fields: Any) -> Program:
    return Program(**{"path": "/usr/libexec/imapd", **fields})


def rate(**fields: Any) -> Rate:
    return Rate(**{"connections": 10, **fields})


Maker = Callable[..., Plain]

# Each row: what builds it, the fields, and the message word for word.
REFUSED: list[tuple[Maker, dict[str, Any], str]] = [
    # wrong types
    (service, {"name": 3}, "name is 3, an int; expected str"),
    (service, {"name": None}, "name is None; expected str"),
    (service, {"program": "/usr/libexec/imapd"}, "program is '/usr/libexec/imapd', a str; expected Program or Builtin"),
    (service, {"program": None}, "program is None; expected Program or Builtin"),
    (service, {"port": "143"}, "port is '143', a str; expected int"),
    (service, {"port": True}, "port is True, a bool; expected int"),
    (service, {"port": 143.0}, "port is 143.0, a float; expected int"),
    (service, {"transport": "tcp"}, "transport is 'tcp', a str; expected Transport"),
    (service, {"listeners": "ipv4"}, "listeners is 'ipv4'; expected a list"),
    (service, {"listeners": V4}, f"listeners is {V4!r}; expected a list"),
    (service, {"listeners": ["ipv4"]}, "listeners[0] is 'ipv4', a str; expected Listener"),
    (service, {"listeners": {"family": "ipv4"}}, "listeners is {'family': 'ipv4'}; expected a list"),
    (service, {"wait": "no"}, "wait is 'no', a str; expected bool"),
    (service, {"wait": 0}, "wait is 0, an int; expected bool"),
    (service, {"user": 0}, "user is 0, an int; expected str"),
    (service, {"user": None}, "user is None; expected str"),
    (service, {"group": b"wheel"}, "group is b'wheel', a bytes; expected str"),
    (service, {"limits": {"instances": 1}}, "limits is {'instances': 1}, a dict; expected Limits"),
    (service, {"access": None}, "access is None; expected Access"),
    (service, {"environment": "A=1"}, "environment is 'A=1'; expected a mapping"),
    (service, {"environment": ["A=1"]}, "environment is ('A=1',); expected a mapping"),
    (service, {"environment": {"A": 1}}, "environment A is 1, an int; expected str"),
    (service, {"environment": {1: "A"}}, "environment name is 1, an int; expected str"),
    (service, {"greeting": 220}, "greeting is 220, an int; expected str"),
    (service, {"enabled": "no"}, "enabled is 'no', a str; expected bool"),
    (service, {"enabled": None}, "enabled is None; expected bool"),
    (listener, {"family": "ipv6"}, "family is 'ipv6', a str; expected Family"),
    (listener, {"v6only": "no"}, "v6only is 'no', a str; expected bool"),
    (listener, {"v6only": 1}, "v6only is 1, an int; expected bool"),
    (listener, {"address": 1}, "address is 1, an int; expected str"),
    (program, {"path": ["/x"]}, "path is ['/x'], a list; expected str"),
    (program, {"args": "-v"}, "args is '-v'; expected a list"),
    (program, {"args": {"-v"}}, "args is {'-v'}; expected a list"),
    (program, {"args": ["-p", 143]}, "args[1] is 143, an int; expected str"),
    (program, {"argv0": 0}, "argv0 is 0, an int; expected str"),
    (Builtin, {"builtin": None}, "builtin is None; expected str"),
    (rate, {"connections": "10"}, "connections is '10', a str; expected int"),
    (rate, {"seconds": None}, "seconds is None; expected int"),
    (Limits, {"instances": "UNLIMITED"}, "instances is 'UNLIMITED', a str; expected int"),
    (Limits, {"per_source": 1.5}, "per_source is 1.5, a float; expected int"),
    (Limits, {"rate": 10}, "rate is 10, an int; expected Rate"),
    (Limits, {"nice": "10"}, "nice is '10', a str; expected int"),
    (Limits, {"umask": "027"}, "umask is '027', a str; expected int"),
    (Limits, {"rlimits": "cpu"}, "rlimits is 'cpu'; expected a mapping"),
    (Limits, {"rlimits": {"cpu": "1"}}, "rlimits cpu is '1', a str; expected int"),
    (Limits, {"rlimits": {"cpu": True}}, "rlimits cpu is True, a bool; expected int"),
    (Access, {"ipv4": "192.0.2.0/24"}, "ipv4 is '192.0.2.0/24'; expected a list"),
    (Access, {"ipv6": [7]}, "ipv6[0] is 7, an int; expected str"),
    # out of range, or of the wrong form
    (service, {"name": ""}, "name '' has to be one word without blanks or control characters"),
    (service, {"name": "imap 4"}, "name 'imap 4' has to be one word without blanks or control characters"),
    (service, {"name": "imap/tcp"}, "name 'imap/tcp' holds a '/', which separates name and protocol in /etc/services"),
    (service, {"port": 0}, "port 0 is outside 1..65535"),
    (service, {"port": 65536}, "port 65536 is outside 1..65535"),
    (service, {"user": "cyrus\n"}, "user 'cyrus\\n' has to be one word without blanks or control characters"),
    (service, {"group": ""}, "group '' has to be one word without blanks or control characters"),
    (service, {"environment": {"A B": "1"}}, "environment name 'A B' is not a variable name ([A-Za-z_][A-Za-z0-9_]*)"),
    (service, {"environment": {"A": "\0"}}, "environment A '\\x00' holds a NUL, which no program can be given"),
    (service, {"environment": [("A", "1"), ("A", "2")]}, "environment names A twice"),
    (service, {"greeting": ""}, "greeting '' has to be the start of one line, and not empty"),
    (service, {"greeting": "* OK\r\n"}, "greeting '* OK\\r\\n' has to be the start of one line, and not empty"),
    (listener, {"address": "localhost"}, "address 'localhost' is not a numeric IPv4 or IPv6 address"),
    (listener, {"address": ""}, "address '' is not a numeric IPv4 or IPv6 address"),
    (listener, {"address": "[::1]"}, "address '[::1]' is not a numeric IPv4 or IPv6 address"),
    (listener, {"address": "192.0.2.1"}, "address 192.0.2.1 is not an ipv6 address, but family says ipv6"),
    (listener, {"address": "2001:DB8::1"}, "address '2001:DB8::1' is usually written 2001:db8::1; write it so"),
    (listener, {"address": "::"}, "address :: means every address; leave address out for that"),
    (listener, {"address": "::ffff:192.0.2.1"}, "address ::ffff:192.0.2.1 is an IPv4 address in disguise; use family ipv4"),
    (listener, {"address": "fe80::1%eth0\nfinger"}, "address 'fe80::1%eth0\\nfinger' has a zone that is no interface name"),
    (listener, {"family": Family.IPV4, "address": "::1"}, "address ::1 is not an ipv4 address, but family says ipv4"),
    (program, {"path": "imapd"}, "path 'imapd' is not the absolute path of a program"),
    (program, {"path": ""}, "path '' is not the absolute path of a program"),
    (program, {"path": "/usr/libexec/"}, "path '/usr/libexec/' is not the absolute path of a program"),
    (program, {"path": "/usr\n/x"}, "path '/usr\\n/x' holds a line break"),
    (program, {"args": ["a", "b\0"]}, "args[1] 'b\\x00' holds a NUL, which no program can be given"),
    (program, {"argv0": "\ud800"}, "argv0 '\\ud800' holds half of a surrogate pair, which is no character"),
    (Builtin, {"builtin": ""}, "builtin '' has to be one word without blanks or control characters"),
    (rate, {"connections": 0}, "connections 0 is outside 1..2147483647"),
    (rate, {"seconds": 86401}, "seconds 86401 is outside 1..86400"),
    (Limits, {"instances": 0}, "instances 0 is outside 1..2147483647"),
    (Limits, {"per_source": -1}, "per_source -1 is outside 1..2147483647"),
    (Limits, {"nice": 21}, "nice 21 is outside -20..20"),
    (Limits, {"umask": 0o1000}, "umask 512 is outside 0..511"),
    (Limits, {"rlimits": {"core": 0}}, "rlimits 'core' is not one of as, cpu, data, files, rss, stack"),
    (Limits, {"rlimits": {"cpu": -1}}, "rlimits cpu -1 is less than 0"),
    (Limits, {"rlimits": (("cpu", 1), ("cpu", 2))}, "rlimits names cpu twice"),
    (
        Access,
        {"ipv4": ["192.0.2.1/24"]},
        "ipv4 '192.0.2.1/24' is not an ipv4 network such as 192.0.2.0/24 (192.0.2.1/24 has host bits set)",
    ),
    (
        Access,
        {"ipv4": ["2001:db8::/32"]},
        "ipv4 '2001:db8::/32' is not an ipv4 network such as 192.0.2.0/24 (Expected 4 octets in '2001:db8::')",
    ),
    (Access, {"ipv4": ["192.0.2.0/255.255.255.0"]}, "ipv4 '192.0.2.0/255.255.255.0' is usually written 192.0.2.0/24; write it so"),
    (Access, {"ipv6": ["2001:DB8::/32"]}, "ipv6 '2001:DB8::/32' is usually written 2001:db8::/32; write it so"),
    (Access, {"ipv6": ["::ffff:192.0.2.0/120"]}, "ipv6 '::ffff:192.0.2.0/120' is an IPv4 network in disguise; put it under ipv4"),
    (Access, {"ipv6": ["fe80::%eth0/64"]}, "ipv6 'fe80::%eth0/64' names a zone, which no access list knows"),
    # combinations without a meaning
    (listener, {"family": Family.IPV4, "v6only": False}, "v6only has no meaning on an ipv4 listener; drop it"),
    (listener, {"family": Family.IPV4, "v6only": True}, "v6only has no meaning on an ipv4 listener; drop it"),
    (
        listener,
        {"v6only": False, "address": "::1"},
        "v6only=False on ::1 has no meaning: only the wildcard :: can take IPv4 clients too",
    ),
    (service, {"listeners": [V6, V6]}, "listeners name ipv6 :: twice"),
    (service, {"listeners": [V6, DUAL]}, "listeners name ipv6 :: twice"),
    (
        service,
        {"listeners": [V4, DUAL]},
        "listeners: the ipv6 one with v6only=False already takes IPv4; drop the ipv4 one (0.0.0.0)",
    ),
    (
        service,
        {"listeners": [DUAL, Listener(family=Family.IPV4, address="192.0.2.1")]},
        "listeners: the ipv6 one with v6only=False already takes IPv4; drop the ipv4 one (192.0.2.1)",
    ),
    (
        service,
        {"transport": Transport.UDP, "greeting": "* OK"},
        "greeting has no meaning on udp: a datagram server speaks only when spoken to",
    ),
    (service, {"program": DAYTIME, "wait": True}, "wait has no meaning on the built-in stream service daytime; drop it"),
]


@pytest.mark.parametrize(("make", "fields", "message"), REFUSED)
def test_what_makes_no_sense_cannot_be_built_and_the_message_says_why(make: Maker, fields: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        make(**fields)

    assert str(caught.value) == message


def attempt(make: Maker, field: str, value: object) -> tuple[object, str]:
    """Return what the field became, or the message."""
    try:
        return getattr(make(**{field: value}), field), ""
    except (TypeError, ValueError) as error:
        return None, str(error)


JUNK: list[Any] = [
    None,
    True,
    3,
    -1.5,
    "x y",
    b"x",
    (),
    ("x",),
    [3],
    {},
    {"x": 1},
    {"x"},
    object,
    Family.IPV4,
    Transport.TCP,
    IMAPD,
    V4,
    Limits(),
]
MAKERS: list[Maker] = [service, listener, program, Builtin, rate, Limits, Access]


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
def test_every_field_refuses_a_wrong_type_by_its_own_name(make: Maker) -> None:
    kind: Any = type(make(builtin="x") if make is Builtin else make())
    for field in attrs.fields(kind):
        for junk in JUNK:
            taken, problem = attempt(make, field.name, junk)

            # What is taken is of the field's own type, only that lists and mappings have become tuples.
            expected = tuple(junk) if isinstance(junk, list | dict) else junk
            assert problem.startswith(field.name) if problem else taken == expected, (field.name, junk)


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
def test_a_misspelt_field_cannot_be_built(make: Maker) -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'adress'"):
        make(adress="192.0.2.1")


HAZARDS = {
    "newline": "\n",
    "return": "\r",
    "NUL": "\0",
    "escape": "\x1b",
    "space": " ",
    "tab": "\t",
    "hash": "#",
    "quote": '"',
    "apostrophe": "'",
    "backslash": "\\",
    "dollar": "$",
    "half": "\ud800",
    "byte": "\udcff",
}
WORD = {"newline", "return", "NUL", "escape", "space", "tab", "half"}
EVERY = set(HAZARDS)

# What the model itself refuses in each text; everything else is the business of the format that may not be able to hold it.
GATES: list[tuple[str, Callable[[str], object], set[str]]] = [
    ("name", lambda text: service(name=text), WORD),
    ("user", lambda text: service(user=text), WORD),
    ("group", lambda text: service(group=text), WORD),
    ("builtin", lambda text: Builtin(builtin=text), WORD),
    ("greeting", lambda text: service(greeting=text), {"newline", "return", "NUL", "half"}),
    ("environment value", lambda text: service(environment={"A": text}), {"NUL", "half"}),
    ("environment name", lambda text: service(environment={text: ""}), EVERY),
    ("path", lambda text: program(path=f"/{text}"), {"newline", "return", "NUL", "half"}),
    ("args", lambda text: program(args=[text]), {"NUL", "half"}),
    ("argv0", lambda text: program(argv0=text), {"NUL", "half"}),
    ("address", lambda text: listener(address=f"::1{text}"), EVERY),
    ("address zone", lambda text: listener(address=f"fe80::1%{text}"), EVERY),
    ("network", lambda text: Access(ipv6=[f"2001:db8::/32{text}"]), EVERY),
    ("rlimits", lambda text: Limits(rlimits={text: 1}), EVERY),
]


def takes(make: Callable[[str], object], text: str) -> bool:
    try:
        make(text)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(("make", "refused"), [row[1:] for row in GATES], ids=[row[0] for row in GATES])
def test_a_text_is_refused_for_exactly_these_characters(make: Callable[[str], object], refused: set[str]) -> None:
    assert {name for name, hazard in HAZARDS.items() if not takes(make, f"a{hazard}b")} == refused


def test_a_service_without_listeners_wants_both_families_on_every_address() -> None:
    assert service().wanted == (V4, V6)
    assert service(listeners=[DUAL]).wanted == (DUAL,)


def test_a_datagram_server_waits_unless_told_otherwise_and_a_stream_server_does_not() -> None:
    assert [service(transport=transport).waits for transport in Transport] == [False, True]
    assert [service(transport=transport, wait=wait).waits for transport in Transport for wait in (True, False)] == [True, False] * 2


def test_argv_0_is_the_last_part_of_the_path_unless_named() -> None:
    assert program(args=["-v"]).argv == ("imapd", "-v")
    assert program(argv0="imap4d").argv == ("imap4d",)
    assert program(argv0="").argv == ("",)


def test_a_listener_binds_the_wildcard_unless_it_names_an_address() -> None:
    assert [V4.bound, V6.bound, listener(address="fe80::1%eth0").bound] == ["0.0.0.0", "::", "fe80::1%eth0"]


def test_an_empty_access_list_is_nobody_and_none_is_everybody() -> None:
    assert Access().open
    assert not Access(ipv4=[], ipv6=None).open
    assert Access(ipv4=["192.0.2.7"], ipv6=[]).of(Family.IPV4) == ("192.0.2.7",)
    assert Access(ipv4=["192.0.2.7"], ipv6=[]).of(Family.IPV6) == ()


def test_lists_and_mappings_are_taken_and_kept_as_tuples_in_their_order() -> None:
    made = service(listeners=[V6, V4], environment={"B": "1", "A": "2"})

    assert made.listeners == (V6, V4)
    assert made.environment == (("B", "1"), ("A", "2"))
    assert hash(made) == hash(service(listeners=(V6, V4), environment=(("B", "1"), ("A", "2"))))


def test_a_changed_copy_is_checked_like_a_new_one() -> None:
    with pytest.raises(ValueError, match=r"port 0 is outside 1\.\.65535"):
        attrs.evolve(service(), port=0)


def test_a_service_is_called_as_etc_services_calls_it() -> None:
    assert str(service(transport=Transport.UDP)) == "imap/udp"
