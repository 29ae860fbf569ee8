"""The knowledge tables: whole, cited, consistent, and joined into hosts as their names say."""

from __future__ import annotations

import re

import pytest

from inet46 import formats
from inet46.entry import Bind, Entry
from inet46.errors import UnknownHost
from inet46.host import HostPolicy
from inet46.knowledge import (
    HOSTS,
    INETDS,
    KERNELS,
    PORTS,
    XINETDS,
    Dual,
    HostRow,
    InetdBuild,
    Kernel,
    Place,
    Setting,
    XinetdBuild,
    resolve,
)
from inet46.service import Program
from inet46.sockets import Kind, Transport

NAMES = [row.name for row in HOSTS]
ROWS = [*KERNELS, *INETDS, *XINETDS, *HOSTS]


@pytest.mark.parametrize("table", [KERNELS, INETDS, XINETDS, HOSTS])
def test_names_are_unique(table: tuple[Kernel | InetdBuild | XinetdBuild | HostRow, ...]) -> None:
    assert len({row.name for row in table}) == len(table)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_row_cites_its_source(row: Kernel | InetdBuild | XinetdBuild | HostRow) -> None:
    assert len(row.source) > 20


@pytest.mark.parametrize("name", NAMES)
def test_every_host_resolves_and_keeps_its_name(name: str) -> None:
    host = resolve(name)

    assert (host.name, host.policy.name) == (name, name)
    assert host.row.kernel == host.kernel.name
    assert host.row.server == host.server.name
    assert host.config.startswith("/")


@pytest.mark.parametrize("name", NAMES)
def test_mapping_settings_turn_the_kernels_own_knob_live(name: str) -> None:
    host = resolve(name)
    live = [setting for setting in host.row.mapping if setting.place is Place.LIVE]

    assert [(setting.key, setting.value) for setting in live] == [(host.kernel.knob, "0")]
    assert not host.with_settings(host.row.mapping).v6only_default


@pytest.mark.parametrize("build", INETDS, ids=lambda build: build.name)
def test_every_token_is_named_once_for_its_transport(build: InetdBuild) -> None:
    names = [(token.name, token.transport) for token in build.tokens]

    assert len(set(names)) == len(names)
    assert all(token.name.startswith(token.transport.value) for token in build.tokens)


@pytest.mark.parametrize("name", [row.name for row in HOSTS if isinstance(resolve(row.name).server, InetdBuild)])
def test_every_token_that_opens_something_is_reached_from_the_format(name: str) -> None:
    host = resolve(name)
    assert isinstance(host.server, InetdBuild)
    for token in host.server.tokens:
        binds = tuple(Bind(family=bound.family, v6only=bound.v6only, key=bound.key) for bound in token.opens)
        service, port = ("daytime", None) if token.named else ("13", 13)
        entry = Entry(service=service, port=port, transport=token.transport, binds=binds, program=Program(path="/x"))
        if binds:
            assert formats.read({host.config: formats.write([entry], host)}, host).entries == (entry,)


@pytest.mark.parametrize("build", XINETDS, ids=lambda build: build.name)
def test_every_xinetd_has_a_reader_for_inetd_conf(build: XinetdBuild) -> None:
    assert build.compat in {row.name for row in INETDS}


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.name)
def test_matrices_speak_of_the_five_kinds_only(kernel: Kernel) -> None:
    letters = {kind.value for kind in Kind}
    for conflicts in (kernel.tcp, kernel.udp):
        assert {first for first, _ in conflicts.table} <= letters
        assert set("".join(seconds for _, seconds in conflicts.table)) <= letters


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.name)
def test_separate_sockets_can_be_had_on_every_kernel(kernel: Kernel) -> None:
    for conflicts in (kernel.tcp, kernel.udp):
        assert not conflicts.forbids(Kind.V4_ANY, Kind.V6_ANY)
        assert not conflicts.forbids(Kind.V6_ANY, Kind.V4_ANY)


def test_only_freebsd_4_lets_its_knob_govern_mapped_addresses() -> None:
    assert [kernel.name for kernel in KERNELS if kernel.dual is Dual.GOVERNED] == ["freebsd-4"]


def test_ports_are_ports_under_well_formed_names() -> None:
    assert all(re.fullmatch(r"[a-z0-9-]+/(tcp|udp)", name) and 0 < port < 65536 for name, port in PORTS.items())


def test_a_look_at_etc_services_replaces_the_usual_names() -> None:
    host = resolve(HostPolicy(name="debian-12/xinetd", services={"mail/tcp": 143}))

    assert (host.port("mail", Transport.TCP), host.port("imap", Transport.TCP)) == (143, None)


def test_a_policy_may_say_where_the_super_server_reads() -> None:
    host = resolve(HostPolicy(name="debian-12/xinetd", config="/opt/xinetd.conf", directory="/opt/xinetd.d"))

    assert (host.config, host.directory) == ("/opt/xinetd.conf", "/opt/xinetd.d")


@pytest.mark.parametrize(("name", "stated", "compat"), [
    ("debian-12/xinetd", None, True), ("debian-12/xinetd", False, False), ("fedora-33/xinetd", None, False),
    ("fedora-33/xinetd", True, True), ("debian-12/openbsd-inetd", True, False),
])  # fmt: skip
def test_inetd_conf_is_served_as_well_where_the_release_or_the_policy_says_so(name: str, *, stated: bool | None, compat: bool) -> None:
    assert resolve(HostPolicy(name=name, compat=stated)).compat is compat


@pytest.mark.parametrize(("value", "v6only"), [("0", False), ("1", True), ("2", True)])
def test_a_stated_knob_wins_over_release_and_kernel(value: str, *, v6only: bool) -> None:
    assert resolve(HostPolicy(name="freebsd-4.9/inetd", settings={"net.inet6.ip6.v6only": value})).v6only_default is v6only


def test_settings_that_are_not_live_change_nothing_yet() -> None:
    host = resolve("debian-12/xinetd")

    assert host.with_settings((Setting(place=Place.SYSCTL, key="net.ipv6.bindv6only", value="1"),)) == host


def test_a_resolved_host_is_taken_as_it_is() -> None:
    host = resolve("debian-12/xinetd")

    assert resolve(host) is host


def test_an_unknown_host_says_what_is_near_and_where_to_look() -> None:
    with pytest.raises(UnknownHost) as caught:
        resolve("debian-12/xinetdd")

    assert str(caught.value).startswith("host 'debian-12/xinetdd' is not known; did you mean debian-12/xinetd")
    assert str(caught.value).endswith("(inet46 hosts lists them all)")


def test_an_unknown_host_that_is_near_to_none_says_so_without_a_guess() -> None:
    with pytest.raises(UnknownHost, match=r"^host 'qqq/zzz' is not known \(inet46 hosts lists them all\)$"):
        resolve("qqq/zzz")
