"""The codec: the laws of writing and reading, and what bad data gets."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inet46.codec import Syntax, dumps, from_plain, host_from, loads, services_from, to_plain
from inet46.errors import ModelError
from inet46.host import HostPolicy, Sharing
from inet46.service import Access, Builtin, Limits, Listener, Plain, Program, Rate, Service
from inet46.sockets import Family, Transport
from tests.strategies import host_policies, service_lists, services, texts

SYNTAXES: tuple[Syntax, ...] = get_args(Syntax)

IMAP = Service(name="imap", program=Program(path="/usr/libexec/imapd"))
EVERYTHING = Service(
    name="imap",
    program=Program(path="/usr/libexec/imapd", args=("-v", "two words"), argv0="imapd"),
    port=1143,
    transport=Transport.TCP,
    listeners=(Listener(family=Family.IPV4, address="192.0.2.1"), Listener(family=Family.IPV6, v6only=True)),
    wait=False,
    user="cyrus",
    group="mail",
    limits=Limits(instances=40, per_source=4, rate=Rate(connections=100), nice=-5, umask=0o027, rlimits={"cpu": 60}),
    access=Access(ipv4=("192.0.2.0/24",), ipv6=()),
    environment={"TZ": "UTC"},
    greeting="* OK",
    enabled=False,
)
EVERYTHING_PLAIN = {
    "name": "imap",
    "program": {"path": "/usr/libexec/imapd", "args": ["-v", "two words"], "argv0": "imapd"},
    "port": 1143,
    "listeners": [{"family": "ipv4", "address": "192.0.2.1"}, {"family": "ipv6", "v6only": True}],
    "wait": False,
    "user": "cyrus",
    "group": "mail",
    "limits": {
        "instances": 40,
        "per_source": 4,
        "rate": {"connections": 100},
        "nice": -5,
        "umask": 23,
        "rlimits": {"cpu": 60},
    },
    "access": {"ipv4": ["192.0.2.0/24"], "ipv6": []},
    "environment": {"TZ": "UTC"},
    "greeting": "* OK",
    "enabled": False,
}
HOST = HostPolicy(
    name="debian-12/xinetd",
    sharing=Sharing.MAPPED,
    settings={"net.ipv6.bindv6only": 0},
    services={"imap/tcp": 143},
    config="/etc/xinetd.conf",
    compat=False,
)
HOST_PLAIN = {
    "name": "debian-12/xinetd",
    "sharing": "mapped",
    "settings": {"net.ipv6.bindv6only": "0"},
    "services": {"imap/tcp": 143},
    "config": "/etc/xinetd.conf",
    "compat": False,
}


CRUMBS = [
    *"[]{}=:,-?&*!|>'\"\\#%@\n\t ",
    "- ",
    ": ",
    "name",
    "service",
    "<<: ",
    "*a",
    "&a ",
    "!!int ",
    "0x",
    "1e",
    "\\U",
    "\\x",
    "---",
    "...",
]
"""Pieces of which the three syntaxes are made."""


def problems(error: pytest.ExceptionInfo[ModelError]) -> list[str]:
    return list(error.value.problems)


def refused_or(make: Callable[[], tuple[Service, ...]]) -> tuple[Service, ...] | ModelError:
    """Return what is made, or the refusal; everything else is a traceback."""
    try:
        return make()
    except ModelError as error:
        return error


class TestLaws:
    @given(services())
    def test_what_was_made_plain_comes_back_the_same(self, service: Service) -> None:
        assert from_plain(to_plain(service), Service) == service

    @given(host_policies())
    def test_a_host_that_was_made_plain_comes_back_the_same(self, host: HostPolicy) -> None:
        assert from_plain(to_plain(host), HostPolicy) == host

    @pytest.mark.parametrize("syntax", SYNTAXES)
    @given(listed=service_lists())
    def test_services_that_were_written_are_read_back_the_same(self, syntax: Syntax, listed: tuple[Service, ...]) -> None:
        assert loads(dumps(listed, syntax), syntax) == listed

    @pytest.mark.parametrize("syntax", SYNTAXES)
    @given(host=host_policies())
    def test_a_host_that_was_written_is_read_back_the_same(self, syntax: Syntax, host: HostPolicy) -> None:
        assert loads(dumps(host, syntax), syntax, "host") == host

    @pytest.mark.parametrize("syntax", SYNTAXES)
    @given(
        text=texts
        | st.sampled_from(["no", "0143", "0o27", "2:23", "1e3", "null", "~", "<<", "=", "2024-01-01", "\x85", "\u2028", "\ufeff"])
    )
    def test_no_text_changes_its_meaning_by_being_written(self, syntax: Syntax, text: str) -> None:
        service = Service(name="x", program=Program(path="/x", args=(text,)), environment={"A": text})

        assert loads(dumps(service, syntax), syntax) == (service,)

    @given(service_lists(max_size=2))
    def test_to_json_is_what_json_can_hold_and_from_plain_accepts(self, listed: tuple[Service, ...]) -> None:
        for service in listed:
            assert from_plain(json.loads(json.dumps(service.to_json())), Service) == service

    @given(services())
    def test_services_from_is_idempotent(self, service: Service) -> None:
        once = services_from(to_plain(service))

        assert services_from(once) == once == (service,)

    @pytest.mark.parametrize("syntax", SYNTAXES)
    @given(parts=st.lists(st.text(max_size=3) | st.sampled_from(CRUMBS), max_size=12))
    def test_any_text_is_read_or_refused_but_never_a_traceback(self, syntax: Syntax, parts: list[str]) -> None:
        made = refused_or(lambda: loads("".join(parts), syntax))

        assert isinstance(made, tuple) or made.problems

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["ipv4", "tcp", IMAP, Family.IPV6]),
            lambda inner: (
                st.lists(inner) | st.dictionaries(st.sampled_from(["name", "program", "path", "listeners", "family"]) | st.text(), inner)
            ),
        )
    )
    def test_any_data_is_taken_or_refused_but_never_a_traceback(self, data: Any) -> None:
        made = refused_or(lambda: services_from(data))

        assert isinstance(made, tuple) or all(" @ $" in problem for problem in made.problems)


class TestPlain:
    def test_every_field_has_its_plain_form(self) -> None:
        assert to_plain(EVERYTHING) == EVERYTHING_PLAIN
        assert to_plain(HOST) == HOST_PLAIN

    def test_every_plain_form_is_read(self) -> None:
        assert from_plain(EVERYTHING_PLAIN, Service) == EVERYTHING
        assert from_plain(HOST_PLAIN, HostPolicy) == HOST

    def test_defaults_are_left_out(self) -> None:
        assert to_plain(IMAP) == {"name": "imap", "program": {"path": "/usr/libexec/imapd"}}

    def test_nobody_and_everybody_are_written_differently(self) -> None:
        assert to_plain(Access(ipv4=())) == {"ipv4": []}
        assert to_plain(HostPolicy(name="a/b", services={})) == {"name": "a/b", "services": {}}

    @pytest.mark.parametrize("part", [EVERYTHING, HOST, EVERYTHING.program, EVERYTHING.limits, EVERYTHING.access, *EVERYTHING.listeners])
    def test_pyinfra_can_show_every_part_of_the_model(self, part: Plain) -> None:
        util = pytest.importorskip("pyinfra_cli.util")

        assert json.loads(json.dumps(part, default=util.json_encode)) == to_plain(part)

    def test_finished_parts_may_stand_in_plain_data(self) -> None:
        mixed = {
            "name": "imap",
            "program": Program(path="/usr/libexec/imapd"),
            "listeners": (Listener(family=Family.IPV6), {"family": Family.IPV4}),
        }

        assert from_plain(mixed, Service).listeners == (Listener(family=Family.IPV6), Listener(family=Family.IPV4))
        assert from_plain(IMAP, Service) is IMAP


class TestServicesFrom:
    @pytest.mark.parametrize(
        "data",
        [
            IMAP,
            to_plain(IMAP),
            [IMAP],
            (to_plain(IMAP),),
            {"services": [IMAP]},
            {"service": [to_plain(IMAP)]},
            {"service": to_plain(IMAP)},
            {"services": IMAP},
        ],
    )
    def test_one_service_may_be_said_in_all_these_ways(self, data: Any) -> None:
        assert services_from(data) == (IMAP,)

    def test_objects_and_plain_data_may_be_mixed(self) -> None:
        assert services_from([IMAP, EVERYTHING_PLAIN]) == (IMAP, EVERYTHING)

    def test_no_services_are_services_too(self) -> None:
        assert services_from([]) == services_from({"services": []}) == ()

    @pytest.mark.parametrize(
        ("data", "problem"),
        [
            (None, "null is not allowed, expected a list of services @ $"),
            ("imap", "'imap' is a str, expected a list of services @ $"),
            (143, "143 is an int, expected a list of services @ $"),
            ({}, "neither 'services' nor 'service' here; give one @ $"),
            ({"services": [], "service": []}, "both 'services' and 'service' here; give one @ $"),
            ({"serivces": []}, "unknown key 'serivces'; did you mean 'services'? @ $"),
            ({"hosts": [], "services": []}, "unknown key 'hosts'; known are services, service @ $"),
            ({"services": "imap"}, "'imap' is a str, expected a list of services @ $.services"),
            ({"services": None}, "null is not allowed, expected a list of services @ $.services"),
            (["imap"], "'imap' is a str, expected a mapping (Service) @ $[0]"),
        ],
    )
    def test_what_says_no_services_is_refused(self, data: Any, problem: str) -> None:
        with pytest.raises(ModelError) as caught:
            services_from(data)

        assert problems(caught) == [problem]

    @pytest.mark.parametrize("data", [HOST, IMAP.program, [[IMAP]], {"services": [[IMAP]]}, {IMAP}, iter([IMAP])])
    def test_no_other_object_says_services(self, data: Any) -> None:
        with pytest.raises(ModelError, match="expected a"):
            services_from(data)


class TestHostFrom:
    def test_a_name_is_a_host(self) -> None:
        assert host_from("linux/busybox-inetd") == HostPolicy(name="linux/busybox-inetd")

    def test_a_mapping_starts_from_a_name_and_changes_fields(self) -> None:
        assert host_from(HOST_PLAIN) == HOST
        assert host_from(HOST) is HOST

    def test_a_kernel_setting_may_be_a_number(self) -> None:
        assert host_from({"name": "a/b", "settings": {"net.ipv6.bindv6only": 1}}).settings == (("net.ipv6.bindv6only", "1"),)

    def test_everything_wrong_with_a_host_is_said_at_once(self) -> None:
        with pytest.raises(ModelError) as caught:
            host_from(
                {
                    "name": "debian",
                    "sharing": "maped",
                    "settings": {"a": True, "b": None},
                    "ipv6": "no",
                    "services": {"imap/tcp": "143"},
                    "config": "xinetd.conf",
                    "directory": 1,
                    "compat": 0,
                    "super_server": "xinetd",
                }
            )

        assert problems(caught) == [
            "name 'debian' is not of the form SYSTEM[-RELEASE]/SUPER-SERVER, e.g. debian-12/xinetd @ $.name",
            "sharing 'maped' is not one of separate, mapped, auto; did you mean 'mapped'? @ $.sharing",
            "True is a bool, expected str or int @ $.settings['a']",
            "null is not allowed, expected str or int @ $.settings['b']",
            "'no' is a str, expected bool @ $.ipv6",
            "'143' is a str, expected int @ $.services['imap/tcp']",
            "config 'xinetd.conf' is not an absolute path @ $.config",
            "1 is an int, expected str @ $.directory",
            "0 is an int, expected bool @ $.compat",
            "unknown key 'super_server'; known are name, sharing, settings, ipv6, services, hosts, users, groups, "
            "programs, config, directory, compat @ $",
        ]

    @pytest.mark.parametrize("data", [None, 3, [], ["debian-12/xinetd"], IMAP, "debian"])
    def test_what_is_no_host_is_refused(self, data: Any) -> None:
        with pytest.raises(ModelError):
            host_from(data)


def test_cattrs_and_yaml_are_loaded_only_when_something_is_read() -> None:
    code = "import sys, inet46, inet46.codec, inet46.service, inet46.host; print(*sorted({'cattrs', 'yaml', 'tomli_w'} & set(sys.modules)))"

    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "\n"


def test_builtin_and_program_are_told_apart_by_their_keys() -> None:
    assert services_from({"name": "daytime", "program": {"builtin": "daytime"}})[0].program == Builtin(builtin="daytime")
