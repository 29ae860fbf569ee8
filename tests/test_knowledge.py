"""The knowledge tables: whole, cited, consistent, and joined into hosts as their names say."""

from __future__ import annotations

import re

import pytest

from inet46 import formats
from inet46.entry import Bind, Entry
from inet46.errors import UnknownHost
from inet46.formats import inetd, smf
from inet46.host import HostPolicy
from inet46.knowledge import (
    HOSTS,
    INETD_BUILDS,
    INETDS,
    KERNELS,
    LAUNCHDS,
    PORTS,
    SYSTEMDS,
    XINETDS,
    Dual,
    HostRow,
    InetdBuild,
    Kernel,
    LaunchdBuild,
    Owner,
    Place,
    Server,
    Setting,
    XinetdBuild,
    resolve,
)
from inet46.service import Program
from inet46.sockets import Kind, Transport

NAMES = [row.name for row in HOSTS]
ROWS = [*KERNELS, *INETDS, *XINETDS, *SYSTEMDS, *LAUNCHDS, *HOSTS]


@pytest.mark.parametrize("table", [KERNELS, INETDS, XINETDS, SYSTEMDS, LAUNCHDS, HOSTS])
def test_names_are_unique(table: tuple[Kernel | Server | HostRow, ...]) -> None:
    assert len({row.name for row in table}) == len(table)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_row_cites_its_source(row: Kernel | Server | HostRow) -> None:
    assert len(row.source) > 20


@pytest.mark.parametrize("name", NAMES)
def test_every_host_resolves_and_keeps_its_name(name: str) -> None:
    host = resolve(name)

    assert (host.name, host.policy.name) == (name, name)
    assert host.row.kernel == host.kernel.name
    assert host.row.server == host.server.name
    assert host.config.startswith("/")


@pytest.mark.parametrize("name", [name for name in NAMES if resolve(name).kernel.knob is not None])
def test_mapping_settings_turn_the_kernels_own_knob_live(name: str) -> None:
    host = resolve(name)
    live = [setting for setting in host.row.mapping if setting.place is Place.LIVE]

    if isinstance(host.server, LaunchdBuild):
        assert host.row.mapping == ()  # no setting makes a dual socket of one that launchd has set v6only
        return
    assert [(setting.key, setting.value) for setting in live] == [(host.kernel.knob, "0")]
    assert not host.with_settings(host.row.mapping).v6only_default


@pytest.mark.parametrize("name", [name for name in NAMES if resolve(name).kernel.knob is None])
def test_a_kernel_without_a_knob_needs_no_setting(name: str) -> None:
    assert resolve(name).row.mapping == ()


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
        waits = token.transport is Transport.UDP
        entry = Entry(service=service, port=port, transport=token.transport, binds=binds, program=Program(path="/x"), wait=waits)
        if binds:
            text = inetd.write([entry], host.server, host)
            assert formats.read({host.config: text}, host).entries == (entry,)


def test_every_value_of_proto_is_reached_from_a_manifest() -> None:
    host = resolve("illumos/inetd")
    assert isinstance(host.server, InetdBuild)
    for token in host.server.protos:
        waits = token.transport is Transport.UDP
        unit = smf.default("daytime", token.transport)
        binds = tuple(Bind(family=bound.family, v6only=bound.v6only, key=smf.key(bound.key, unit)) for bound in token.opens)
        entry = Entry(service="daytime", transport=token.transport, binds=binds, program=Program(path="/x"), wait=waits)

        (text,) = formats.write([entry], host).values()
        assert f'<value_node value="{token.name}"/>' in text
        assert formats.read({f"{host.server.manifests}/x.xml": text}, host).entries == (entry,)


def test_only_illumos_has_manifests() -> None:
    assert {row.name for row in INETDS if row.manifests is not None or row.protos} == {"illumos-inetconv"}


@pytest.mark.parametrize("build", XINETDS, ids=lambda build: build.name)
def test_every_xinetd_has_a_reader_for_inetd_conf(build: XinetdBuild) -> None:
    assert build.compat in {row.name for row in INETDS}


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.name)
def test_matrices_speak_of_the_five_kinds_only(kernel: Kernel) -> None:
    letters = {kind.value for kind in Kind}
    for conflicts in (kernel.tcp, kernel.udp):
        for table in (conflicts.table, conflicts.unknown):
            assert {first for first, _ in table} <= letters
            assert set("".join(seconds for _, seconds in table)) <= letters


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.name)
def test_no_pair_of_sockets_is_both_forbidden_and_unknown(kernel: Kernel) -> None:
    for conflicts in (kernel.tcp, kernel.udp):
        pairs = [(first, second) for first in Kind for second in Kind]
        assert not [pair for pair in pairs if conflicts.forbids(*pair) and conflicts.leaves_open(*pair)]


@pytest.mark.parametrize("kernel", KERNELS, ids=lambda kernel: kernel.name)
def test_separate_sockets_can_be_had_on_every_kernel(kernel: Kernel) -> None:
    for conflicts in (kernel.tcp, kernel.udp):
        for pair in ((Kind.V4_ANY, Kind.V6_ANY), (Kind.V6_ANY, Kind.V4_ANY)):
            assert not conflicts.forbids(*pair)
            assert not conflicts.leaves_open(*pair)


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


# -- the facts -------------------------------------------------------------------------------------------------------------------------

# Every protocol of which facts/inetd.md (section 1) says what a build makes of it.
_DIGITS = ("", "4", "6", "46")
TOKENS = {
    "freebsd-inetd": (*_DIGITS, "64", "5", "6only"),
    "freebsd-4-inetd": (*_DIGITS, "64", "5", "6only"),
    "dragonfly-inetd": (*_DIGITS, "64", "5", "6only"),
    "netbsd-inetd": (*_DIGITS, "6only"),
    "openbsd-inetd": _DIGITS,
    "debian-openbsd-inetd": _DIGITS,
    "debian-inetutils-inetd": (*_DIGITS, "6only"),
    "inetutils-inetd-2.6": (*_DIGITS, "6only"),
    "illumos-inetconv": ("", "6", "6only"),
    "busybox-inetd": _DIGITS,
}


@pytest.mark.parametrize(("name", "suffixes"), TOKENS.items())
def test_every_protocol_of_the_facts_is_in_its_row(name: str, suffixes: tuple[str, ...]) -> None:
    tokens = {token.name for token in INETD_BUILDS[name].tokens}

    assert {f"{kind.value}{suffix}" for kind in Transport for suffix in suffixes} <= tokens


def test_no_inetd_is_without_facts_but_xinetds_own_readers() -> None:
    assert {build.name for build in INETDS} - TOKENS.keys() == {build.compat for build in XINETDS}


# inetd.md 4: how often a service may be started, where the pid is, what happens when the file is missing at a reload.
SPAWN = [
    ("freebsd-inetd", (256, 60), "/var/run/inetd.pid", False, 600),
    ("freebsd-4-inetd", (256, 60), "/var/run/inetd.pid", False, 600),
    ("dragonfly-inetd", (256, 60), "/var/run/inetd.pid", False, 600),
    ("netbsd-inetd", (40, 60), "/var/run/inetd.pid", False, 600),
    ("openbsd-inetd", (256, 60), "", True, 600),
    ("debian-openbsd-inetd", (256, 60), "/run/inetd.pid", True, 600),
    ("debian-inetutils-inetd", (1000, 60), "/run/inetd.pid", False, 600),
    ("inetutils-inetd-2.6", (1000, 60), "/run/inetd.pid", False, 600),
    ("illumos-inetconv", (None, 60), "", None, None),
    ("busybox-inetd", (None, 60), "/var/run/inetd.pid", False, 60),
]


@pytest.mark.parametrize(("name", "spawn", "pid_file", "kills", "retry"), SPAWN)
def test_limits_and_reloads_are_those_of_the_facts(
    name: str, spawn: tuple[int | None, int], pid_file: str, *, kills: bool | None, retry: int | None
) -> None:
    build = INETD_BUILDS[name]

    assert build.spawn is not None
    assert (build.spawn.connections, build.spawn.seconds) == spawn
    assert build.spawn.beyond
    assert (build.pid_file, build.missing_file_kills, build.retry) == (pid_file, kills, retry)
    assert build.access


def test_netbsd_alone_binds_everything_anew_at_a_reload() -> None:
    assert [build.name for build in INETDS if build.rebinds_all] == ["netbsd-inetd"]


@pytest.mark.parametrize("build", INETDS, ids=lambda build: build.name)
def test_keys_are_those_of_a_build_that_has_them(build: InetdBuild) -> None:
    assert build.keyed == bool(build.option_names)


def test_deploys_refuse_what_nobody_has_taught_them() -> None:
    bsds = {"netbsd-10/inetd", "openbsd-7/inetd", "dragonfly-6/inetd", "illumos/inetd"}

    assert {row.name for row in HOSTS if not row.deploys} == {*bsds, "macos-14/launchd"}


def test_what_was_not_read_of_netbsd_10_is_unknown() -> None:
    kernel = resolve("netbsd-10/inetd").kernel

    assert kernel.owner is Owner.UNKNOWN
    assert kernel.tcp.leaves_open(Kind.DUAL, Kind.V4_ANY)
    assert kernel.tcp.leaves_open(Kind.V4_ANY, Kind.DUAL)
