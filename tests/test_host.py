"""The model of a host: what cannot be stated, in which words, and what a policy answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from inet46.host import HostPolicy, Sharing


def policy(**fields: Any) -> HostPolicy:
    return HostPolicy(**{"name": "debian-12/xinetd", **fields})


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"name": 3}, "name 3 is not of the form SYSTEM[-RELEASE]/SUPER-SERVER, e.g. debian-12/xinetd"),
    ({"name": ""}, "name '' is not of the form SYSTEM[-RELEASE]/SUPER-SERVER, e.g. debian-12/xinetd"),
    ({"name": "debian-12"}, "name 'debian-12' is not of the form SYSTEM[-RELEASE]/SUPER-SERVER, e.g. debian-12/xinetd"),
    ({"name": "Debian-12/xinetd"}, "name 'Debian-12/xinetd' is not of the form SYSTEM[-RELEASE]/SUPER-SERVER, e.g. debian-12/xinetd"),
    ({"name": "debian-12/xinetd\n"}, "name 'debian-12/xinetd\\n' is not of the form SYSTEM[-RELEASE]/SUPER-SERVER, e.g. debian-12/xinetd"),
    ({"sharing": "mapped"}, "sharing is 'mapped', a str; expected Sharing"),
    ({"sharing": None}, "sharing is None; expected Sharing"),
    ({"settings": "net.ipv6.bindv6only=1"}, "settings is 'net.ipv6.bindv6only=1'; expected a mapping"),
    ({"settings": None}, "settings is None; expected a mapping"),
    ({"settings": {"net.ipv6.bindv6only": True}}, "settings net.ipv6.bindv6only is True, a bool; expected str or int"),
    ({"settings": {"net.ipv6.bindv6only": 1.0}}, "settings net.ipv6.bindv6only is 1.0, a float; expected str or int"),
    ({"settings": {1: "x"}}, "settings name is 1, an int; expected str"),
    ({"settings": {"net ipv6": 1}}, "settings name 'net ipv6' is not the name of a kernel setting such as net.ipv6.bindv6only"),
    ({"settings": {"x": "1\nreboot"}}, "settings x '1\\nreboot' has to be one line of text"),
    ({"settings": {"x": "\0"}}, "settings x '\\x00' holds a NUL, which no program can be given"),
    ({"settings": (("x", "0"), ("x", "1"))}, "settings names x twice"),
    ({"ipv6": "yes"}, "ipv6 is 'yes', a str; expected bool"),
    ({"ipv6": None}, "ipv6 is None; expected bool"),
    ({"services": ["imap"]}, "services is ('imap',); expected a mapping"),
    ({"services": {"imap/tcp": "143"}}, "services imap/tcp is '143', a str; expected int"),
    ({"services": {"imap/tcp": True}}, "services imap/tcp is True, a bool; expected int"),
    ({"services": {"imap": 143}}, "services 'imap' = 143 is not of the form \"imap/tcp\" = 143"),
    ({"services": {"imap/tcp": 0}}, "services 'imap/tcp' = 0 is not of the form \"imap/tcp\" = 143"),
    ({"services": (("imap/tcp", 143), ("imap/tcp", 993))}, "services names imap/tcp twice"),
    ({"config": 1}, "config is 1, an int; expected str"),
    ({"config": "xinetd.conf"}, "config 'xinetd.conf' is not an absolute path"),
    ({"directory": "/etc/xinetd.d\n"}, "directory '/etc/xinetd.d\\n' is not an absolute path"),
    ({"compat": "no"}, "compat is 'no', a str; expected bool"),
    ({"compat": 0}, "compat is 0, an int; expected bool"),
]


@pytest.mark.parametrize(("fields", "message"), REFUSED)
def test_what_no_host_is_like_cannot_be_stated_and_the_message_says_why(fields: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        policy(**fields)

    assert str(caught.value) == message


def test_a_misspelt_field_cannot_be_stated() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'shareing'"):
        policy(shareing=Sharing.MAPPED)


HAZARDS = ["\n", "\r", "\0", "\x1b", " ", "\t", "#", '"', "'", "\ud800"]
CONTROLS = ["\n", "\r", "\0", "\x1b", "\ud800"]
GATES: list[tuple[str, Callable[[str], object], list[str]]] = [
    ("name", lambda text: policy(name=f"linux/{text}"), HAZARDS),
    ("settings name", lambda text: policy(settings={text: 1}), HAZARDS),
    ("settings value", lambda text: policy(settings={"x": text}), CONTROLS),
    ("services name", lambda text: policy(services={f"{text}/tcp": 1}), ["\n", "\r", "\0", "\x1b", " ", "\t"]),
    ("config", lambda text: policy(config=f"/{text}"), [*CONTROLS, "\t"]),
    ("directory", lambda text: policy(directory=f"/{text}"), [*CONTROLS, "\t"]),
]


def takes(make: Callable[[str], object], text: str) -> bool:
    try:
        make(text)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(("make", "refused"), [row[1:] for row in GATES], ids=[row[0] for row in GATES])
def test_a_text_is_refused_for_exactly_these_characters(make: Callable[[str], object], refused: list[str]) -> None:
    assert {hazard for hazard in HAZARDS if not takes(make, f"a{hazard}b")} == set(refused)


def test_the_name_holds_the_system_and_the_super_server() -> None:
    assert (policy().system, policy().super_server) == ("debian-12", "xinetd")


def test_a_setting_is_text_however_it_was_stated_and_none_when_it_was_not() -> None:
    stated = policy(settings={"net.ipv6.bindv6only": 1})

    assert stated.setting("net.ipv6.bindv6only") == "1"
    assert stated.setting("net.inet6.ip6.v6only") is None
    assert stated == policy(settings=[("net.ipv6.bindv6only", "1")])


def test_the_order_in_which_things_are_stated_makes_no_difference() -> None:
    assert policy(settings={"b": 1, "a": 2}) == policy(settings={"a": 2, "b": 1})
    assert policy(services={"imap/tcp": 143, "echo/udp": 7}) == policy(services={"echo/udp": 7, "imap/tcp": 143})


def test_no_services_looked_at_is_not_the_same_as_none_found() -> None:
    assert policy().services is None
    assert policy(services={}).services == ()


def test_ten_thousand_services_are_taken_at_once() -> None:
    many = policy(services={f"s{port}/tcp": port for port in range(1, 10_001)})

    assert len(many.services or ()) == 10_000
