"""Planning: the four configurations that this project began with, what comes out in other cases, and why a plan is refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest

from inet46 import formats
from inet46.errors import UnknownHost, Unprovable
from inet46.formats import inetd, xinetd
from inet46.host import HostPolicy, Sharing
from inet46.knowledge import Host, Place, resolve
from inet46.merge import merge
from inet46.plan import plan
from inet46.predict import predict
from inet46.proof import wanted
from inet46.service import Access, Builtin, Limits, Listener, Program, Rate, Service
from inet46.sockets import Family, Transport

GOLDENS = Path(__file__).parent / "goldens"
FREEBSD_PATH, FEDORA_PATH = "/usr/local/libexec", "/usr/local/sbin"
V4, V6 = Listener(family=Family.IPV4), Listener(family=Family.IPV6)
DUAL, ONLY6 = Listener(family=Family.IPV6, v6only=False), Listener(family=Family.IPV6, v6only=True)


def mail(names: tuple[str, ...], path: str) -> tuple[Service, ...]:
    """imap and imaps with imapd, or pop3 and pop3s with ipop3d."""
    program = Program(path=f"{path}/{'imapd' if names[0] == 'imap' else 'ipop3d'}")
    return tuple(Service(name=name, program=program) for name in names)


PAIRS = [("imap", "imaps"), ("pop3", "pop3s")]
SEEDS = [
    ("freebsd-4.9/xinetd", Sharing.SEPARATE, FREEBSD_PATH),
    ("freebsd-4.9/inetd", Sharing.SEPARATE, FREEBSD_PATH),
    ("freebsd-4.9/inetd", Sharing.MAPPED, FREEBSD_PATH),
    ("fedora-33/xinetd", Sharing.MAPPED, FEDORA_PATH),
]
SEED_ROWS = [pytest.param(names, *seed, id=f"{names[0]} {seed[0]} {seed[1].value}") for seed in SEEDS for names in PAIRS]


def fields(text: str) -> list[list[str]]:
    """A file field by field, however it is padded."""
    return [line.split() for line in text.splitlines() if line.strip() and not line.startswith("#")]


@pytest.mark.parametrize(("names", "name", "sharing", "path"), SEED_ROWS)
def test_the_four_seeds_come_out_field_for_field(
    names: tuple[str, ...], name: str, sharing: Sharing, path: str, golden: Callable[[str, str], None]
) -> None:
    policy = HostPolicy(name=name, sharing=sharing)
    planned = plan(mail(names, path), policy)
    folder = f"goldens/{name.replace('/', '_')}_{sharing.value}_{names[0]}"
    files = {**planned.files, **merge(mail(names, path), policy, {}).files} if planned.settings else dict(planned.files)

    for target, text in files.items():
        golden(text, f"{folder}{target}")
        assert fields(text) == fields((Path(__file__).parent / f"{folder}{target}").read_text())
    kept = {f"/{path.relative_to(GOLDENS.parent / folder)}" for path in (GOLDENS.parent / folder).rglob("*") if path.is_file()}
    assert kept == set(files)
    assert formats.read(planned.files, policy).entries == planned.entries
    for text in planned.files.values():
        assert xinetd.emit(xinetd.parse(text)) == inetd.emit(inetd.parse(text)) == text


def paragraphs(text: str) -> list[dict[str, str]]:
    """The attributes of each paragraph, read here and not by the library."""
    found = re.findall(r"^service (\S+)\n\{\n(.*?)^\}\n", text, re.DOTALL | re.MULTILINE)
    return [
        {"service": name, **{line.split("=")[0].strip(): line.split("=", 1)[1].strip() for line in body.splitlines()}}
        for name, body in found
    ]


def test_freebsd_4_9_with_xinetd_gets_four_paragraphs() -> None:
    planned = plan(mail(("imap", "imaps"), FREEBSD_PATH), HostPolicy(name="freebsd-4.9/xinetd", sharing=Sharing.SEPARATE))
    common = {"socket_type": "stream", "protocol": "tcp", "wait": "no", "user": "root", "server": "/usr/local/libexec/imapd"}

    assert paragraphs("".join(planned.files.values())) == [
        {"service": "imap", **common},
        {"service": "imap", "flags": "IPv6", **common},
        {"service": "imaps", **common},
        {"service": "imaps", "flags": "IPv6", **common},
    ]
    assert planned.settings == ()


def test_freebsd_4_9_with_inetd_gets_tcp_and_tcp6() -> None:
    planned = plan(mail(("imap", "imaps"), FREEBSD_PATH), HostPolicy(name="freebsd-4.9/inetd", sharing=Sharing.SEPARATE))

    assert [line.split() for line in planned.files["/etc/inetd.conf"].splitlines()] == [
        [service, "stream", token, "nowait", "root", "/usr/local/libexec/imapd", "imapd"]
        for service in ("imap", "imaps")
        for token in ("tcp", "tcp6")
    ]


def test_freebsd_4_9_with_one_socket_gets_tcp46_and_the_mapping() -> None:
    planned = plan(mail(("imap", "imaps"), FREEBSD_PATH), HostPolicy(name="freebsd-4.9/inetd", sharing=Sharing.MAPPED))

    assert [line.split()[:3] for line in planned.files["/etc/inetd.conf"].splitlines()] == [
        ["imap", "stream", "tcp46"],
        ["imaps", "stream", "tcp46"],
    ]
    assert [(setting.place, setting.key, setting.value) for setting in planned.settings] == [
        (Place.RC_CONF, "ipv6_enable", "YES"),
        (Place.RC_CONF, "ipv6_ipv4mapping", "YES"),
        (Place.LIVE, "net.inet6.ip6.v6only", "0"),
    ]


def test_fedora_gets_one_paragraph_in_one_file_for_each_service() -> None:
    planned = plan(mail(("imap", "imaps"), FEDORA_PATH), HostPolicy(name="fedora-33/xinetd", sharing=Sharing.MAPPED))
    said = {"disable": "no", "flags": "IPv6", "socket_type": "stream", "wait": "no", "user": "root", "server": "/usr/local/sbin/imapd"}

    assert paragraphs(planned.files["/etc/xinetd.d/imap"]) == [{"service": "imap", **said}]
    assert paragraphs(planned.files["/etc/xinetd.d/imaps"]) == [{"service": "imaps", **said}]


# -- what happens to the seeds elsewhere -----------------------------------------------------------------------------------------------


def four_paragraphs() -> str:
    policy = HostPolicy(name="freebsd-4.9/xinetd", sharing=Sharing.SEPARATE)
    return "\n".join(
        plan([service], policy).files[f"/usr/local/etc/xinetd.d/{service.name}"] for service in mail(("imap", "imaps"), FREEBSD_PATH)
    )


def upstream_on_linux() -> Host:
    return attrs.evolve(resolve("freebsd-14/xinetd"), kernel=resolve("debian-12/xinetd").kernel)


def test_the_four_paragraphs_collide_on_fedora_where_no_family_is_lost() -> None:
    result = predict(formats.read({"/etc/xinetd.conf": four_paragraphs()}, "fedora-33/xinetd").entries, "fedora-33/xinetd")

    assert [str(held.socket) for held in result.sockets] == ["[::]:143 dual", "[::]:993 dual"]
    assert [fault.message for fault in result.faults] == [
        "imap/tcp: address already in use: [::]:143 dual is taken by [::]:143 dual of imap; no family is lost",
        "imaps/tcp: address already in use: [::]:993 dual is taken by [::]:993 dual of imaps; no family is lost",
    ]
    assert result.faults[0].notes == ("the first of two conflicting entries wins (line 1 of /etc/xinetd.conf)",)


def test_the_four_paragraphs_lose_ipv6_with_upstreams_xinetd_on_linux() -> None:
    host = upstream_on_linux()
    result = predict(formats.read({host.config: four_paragraphs()}, host).entries, host)

    assert [str(held.socket) for held in result.sockets] == ["0.0.0.0:143", "0.0.0.0:993"]
    assert [fault.message for fault in result.faults] == [
        "imap/tcp: address already in use: [::]:143 dual is taken by 0.0.0.0:143 of imap; IPv6 is lost",
        "imaps/tcp: address already in use: [::]:993 dual is taken by 0.0.0.0:993 of imaps; IPv6 is lost",
    ]


def test_tcp46_on_freebsd_4_9_takes_no_ipv4_without_the_mapping() -> None:
    entries = formats.read({"/etc/inetd.conf": "imap stream tcp46 nowait root /x x\n"}, "freebsd-4.9/inetd").entries
    (held,) = (result := predict(entries, "freebsd-4.9/inetd")).sockets

    assert held.accepts == {Family.IPV6}
    assert [fault.message for fault in result.faults] == [
        "imap/tcp: this kernel gives no IPv4 clients to an IPv6 socket while net.inet6.ip6.v6only is not 0"
    ]


def test_tcp46_on_freebsd_4_9_takes_both_with_the_mapping() -> None:
    entries = formats.read({"/etc/inetd.conf": "imap stream tcp46 nowait root /x x\n"}, "freebsd-4.9/inetd").entries
    result = predict(entries, HostPolicy(name="freebsd-4.9/inetd", settings={"net.inet6.ip6.v6only": 0}))

    assert [held.accepts for held in result.sockets] == [{Family.IPV4, Family.IPV6}]
    assert result.faults == ()


# -- spellings -------------------------------------------------------------------------------------------------------------------------

IMAP = Service(name="imap", program=Program(path="/usr/sbin/imapd"))
INETDS = [
    ("freebsd-14/inetd", Sharing.SEPARATE, ["imap tcp6", "imap tcp4"]),
    ("freebsd-14/inetd", Sharing.MAPPED, ["imap tcp46"]),
    ("debian-12/openbsd-inetd", Sharing.SEPARATE, ["imap tcp4", "imap tcp6"]),
    ("debian-12/openbsd-inetd", Sharing.MAPPED, ["143 tcp46"]),
    ("debian-12/inetutils-inetd", Sharing.SEPARATE, ["imap tcp4", "imap tcp6only"]),
    ("debian-12/inetutils-inetd", Sharing.MAPPED, ["imap tcp6"]),
    ("debian-12/inetutils-inetd", Sharing.AUTO, ["imap tcp4", "imap tcp6only"]),
    ("linux/busybox-inetd", Sharing.MAPPED, ["imap tcp6"]),
    ("linux/busybox-inetd", Sharing.AUTO, ["imap tcp6"]),
]


@pytest.mark.parametrize(("name", "sharing", "lines"), INETDS)
def test_each_inetd_is_told_in_its_own_tokens(name: str, sharing: Sharing, lines: list[str]) -> None:
    text = plan([IMAP], HostPolicy(name=name, sharing=sharing)).files["/etc/inetd.conf"]

    assert [" ".join(line.split()[:3:2]) for line in text.splitlines()] == lines


@pytest.mark.parametrize(
    ("knob", "sharing", "lines", "settings"),
    [
        (0, Sharing.AUTO, ["imap tcp6"], []),
        (0, Sharing.MAPPED, ["imap tcp6"], []),
        (1, Sharing.AUTO, ["imap tcp", "imap tcp6"], []),
        (1, Sharing.SEPARATE, ["imap tcp", "imap tcp6"], []),
        (1, Sharing.MAPPED, ["imap tcp6"], ["0", "0"]),
    ],
)
def test_busybox_is_told_what_its_kernel_s_knob_makes_right(knob: int, sharing: Sharing, lines: list[str], settings: list[str]) -> None:
    planned = plan([IMAP], HostPolicy(name="linux/busybox-inetd", sharing=sharing, settings={"net.ipv6.bindv6only": knob}))

    assert [" ".join(line.split()[:3:2]) for line in planned.files["/etc/inetd.conf"].splitlines()] == lines
    assert [setting.value for setting in planned.settings] == settings


@pytest.mark.parametrize("name", ["debian-12/xinetd", "fedora-33/xinetd", "freebsd-14/xinetd"])
def test_two_paragraphs_say_their_family_v6only_and_an_id(name: str) -> None:
    planned = plan([IMAP], HostPolicy(name=name, sharing=Sharing.SEPARATE))
    first, second = paragraphs(planned.files[f"{planned.host.directory}/imap"])

    assert (first["flags"], first.get("id"), first.get("v6only")) == ("IPv4", None, None)
    assert (second["flags"], second["id"], second["v6only"]) == ("IPv6", "imap-ipv6", "yes")


def test_a_file_in_xinetd_d_has_no_name_that_xinetd_passes_over() -> None:
    services = [Service(name="a.b", port=7001, program=IMAP.program), Service(name="c~", port=7002, program=IMAP.program)]
    with pytest.raises(Unprovable, match="'c~' cannot stand in xinetd as a service name"):
        plan(services, "debian-12/xinetd")

    assert list(plan(services[:1], "debian-12/xinetd").files) == ["/etc/xinetd.conf", "/etc/xinetd.d/a-b"]


def test_an_unknown_name_goes_by_its_number_where_numbers_are_known() -> None:
    odd = Service(name="odd", port=7001, program=IMAP.program)

    assert [entry.service for entry in plan([odd], "debian-12/openbsd-inetd").entries] == ["7001", "7001"]


def test_one_service_that_needs_the_mapping_does_not_make_another_dual() -> None:
    dual = Service(name="pop3", program=IMAP.program, listeners=(DUAL,))
    planned = plan([IMAP, dual], HostPolicy(name="freebsd-4.9/xinetd", sharing=Sharing.SEPARATE))

    assert [str(held.socket) for held in planned.sockets] == ["0.0.0.0:143", "[::]:143 v6only", "[::]:110 dual"]
    assert {setting.key for setting in planned.settings} == {"ipv6_enable", "ipv6_ipv4mapping", "net.inet6.ip6.v6only"}


def test_a_service_that_needs_no_mapping_does_not_ask_for_it() -> None:
    four = attrs.evolve(IMAP, listeners=(V4,))

    assert plan([four], HostPolicy(name="freebsd-4.9/inetd", sharing=Sharing.MAPPED)).settings == ()


def test_a_listener_that_wants_both_families_is_given_the_knob_it_needs() -> None:
    udp = Service(name="tftp", transport=Transport.UDP, program=IMAP.program, listeners=(DUAL,))
    policy = HostPolicy(name="debian-12/openbsd-inetd", sharing=Sharing.SEPARATE, settings={"net.ipv6.bindv6only": 1})
    planned = plan([udp], policy)

    assert [(setting.place, setting.key, setting.value) for setting in planned.settings] == [
        (Place.SYSCTL, "net.ipv6.bindv6only", "0"),
        (Place.LIVE, "net.ipv6.bindv6only", "0"),
    ]


def test_rlimits_in_any_order_are_planned() -> None:
    limited = attrs.evolve(IMAP, limits=Limits(rlimits={"stack": 1, "as": 2}))

    assert plan([limited], "debian-12/xinetd").entries[0].limits == limited.limits


@pytest.mark.parametrize("name", ["debian-12/xinetd", "debian-12/openbsd-inetd"])
def test_the_usual_argv0_may_be_spelled_out(name: str) -> None:
    spelled = attrs.evolve(IMAP, program=Program(path="/usr/sbin/imapd", argv0="imapd"))

    assert plan([spelled], name).entries == plan([IMAP], name).entries


def test_services_that_are_not_enabled_take_no_part() -> None:
    planned = plan([attrs.evolve(IMAP, enabled=False)], "debian-12/xinetd")

    assert (planned.entries, planned.sockets) == ((), ())


def test_wanted_is_both_wildcards_unless_listeners_say_otherwise() -> None:
    tcp = Transport.TCP
    both = {(tcp, "0.0.0.0", 143, Family.IPV4), (tcp, "::", 143, Family.IPV6)}

    assert wanted([IMAP], "debian-12/xinetd") == both
    assert wanted([attrs.evolve(IMAP, listeners=(DUAL,))], "debian-12/xinetd") == both
    assert wanted([attrs.evolve(IMAP, listeners=(ONLY6,))], "debian-12/xinetd") == {(tcp, "::", 143, Family.IPV6)}
    assert wanted([Service(name="nosuch", program=IMAP.program)], "debian-12/xinetd") == set()


# -- who may connect -------------------------------------------------------------------------------------------------------------------

XINETD = "debian-12/xinetd"
ACCESS = [
    (Sharing.SEPARATE, Access(ipv4=("192.0.2.0/24",)), [("192.0.2.0/24",), None]),
    (Sharing.SEPARATE, Access(ipv4=("192.0.2.1/32", "192.0.2.0/32"), ipv6=("::1/128", "::/0")), [("192.0.2.1", "192.0.2.0/32"), ("::1", "::/0")]),
    (Sharing.SEPARATE, Access(ipv4=(), ipv6=()), [(), ()]),
    (Sharing.MAPPED, Access(ipv4=("192.0.2.0/24",), ipv6=("2001:db8::/32",)), [("192.0.2.0/24", "2001:db8::/32")]),
    (Sharing.MAPPED, Access(ipv6=("2001:db8::/32",)), [("0.0.0.0/0", "2001:db8::/32")]),
    (Sharing.MAPPED, Access(ipv6=()), [("0.0.0.0/0",)]),
]  # fmt: skip


@pytest.mark.parametrize(("sharing", "access", "lists"), ACCESS)
def test_each_family_gets_the_list_that_keeps_it_as_wanted(sharing: Sharing, access: Access, lists: list[tuple[str, ...] | None]) -> None:
    planned = plan([attrs.evolve(IMAP, access=access)], HostPolicy(name=XINETD, sharing=sharing))

    assert [entry.only_from for entry in planned.entries] == lists


@pytest.mark.parametrize("ipv6", [None, ("::/0",), ("::/1",), ("::/64",), ("::/80", "2001:db8::/32")])
def test_a_list_for_ipv4_is_refused_where_ipv6_would_let_mapped_clients_past_it(ipv6: tuple[str, ...] | None) -> None:
    limited = attrs.evolve(IMAP, access=Access(ipv4=("192.0.2.0/24",), ipv6=ipv6))
    with pytest.raises(Unprovable) as caught:
        plan([limited], HostPolicy(name=XINETD, sharing=Sharing.MAPPED))

    assert caught.value.reasons == (
        "imap/tcp cannot be proved on debian-12/xinetd: imap: access for IPv4 cannot be limited on a socket that lets all of IPv6 in",
    )


# -- refusals --------------------------------------------------------------------------------------------------------------------------

REFUSALS = [
    (
        "debian-12/openbsd-inetd", Service(name="nosuch", program=IMAP.program),
        ("nosuch/tcp: no port is given, and the name is not in /etc/services (which was not looked at; only the usual names are known): "
            "give the service a port, or name such a file with --services",),
    ),
    (
        HostPolicy(name=XINETD, services={"ftp/tcp": 21}), IMAP,
        ("imap/tcp: no port is given, and the name is not in /etc/services: give the service a port",),
    ),
    (
        "freebsd-14/inetd", Service(name="imap", port=1143, program=IMAP.program),
        ("imap/tcp: imap/tcp is not in /etc/services as port 1143; this inetd needs it there",),
    ),
    (
        HostPolicy(name=XINETD, ipv6=False), IMAP,
        ("imap/tcp: wanted over IPv6, and this host has no IPv6",),
    ),
    (
        "freebsd-14/inetd", attrs.evolve(IMAP, listeners=(Listener(family=Family.IPV4, address="192.0.2.1"),)),
        ("imap/tcp cannot be proved on freebsd-14/inetd: imap: this inetd.conf cannot name an address (192.0.2.1)",),
    ),
    (
        "debian-12/openbsd-inetd", attrs.evolve(IMAP, limits=Limits(rate=Rate(connections=3, seconds=1))),
        (
            "imap/tcp cannot be proved on debian-12/openbsd-inetd: imap: limits.rate (3 in 1 s) has no spelling in this inetd.conf",
            "imap/tcp cannot be proved on debian-12/openbsd-inetd: 143: limits.rate (3 in 1 s) has no spelling in this inetd.conf",
            "imap/tcp cannot be proved on debian-12/openbsd-inetd: imap: no protocol of this inetd opens IPv6 with v6only=False",
        ),
    ),
    (
        HostPolicy(name=XINETD, directory="/etc/xinetd d"), IMAP,
        ("imap/tcp cannot be proved on debian-12/xinetd: imap/tcp: what would be written is read back as something else",),
    ),
    (
        HostPolicy(name="debian-12/openbsd-inetd", sharing=Sharing.SEPARATE), Service(name="tftp", transport=Transport.UDP, program=IMAP.program),
        (
            "tftp/udp cannot be proved on debian-12/openbsd-inetd: tftp/udp: [::]:69 dual serves both families, and sharing is separate",
            "tftp/udp cannot be proved on debian-12/openbsd-inetd: tftp: no protocol of this inetd opens IPv6",
        ),
    ),
    (
        HostPolicy(name="linux/busybox-inetd", sharing=Sharing.SEPARATE), IMAP,
        (
            "imap/tcp cannot be proved on linux/busybox-inetd: imap/tcp over IPv6 at [::]:143 would not be answered",
            "imap/tcp cannot be proved on linux/busybox-inetd: /etc/inetd.conf:2: imap/tcp: address already in use: [::]:143 dual is taken by 0.0.0.0:143 of imap; IPv6 is lost",
            "imap/tcp cannot be proved on linux/busybox-inetd: /etc/inetd.conf:2: 143/tcp: address already in use: [::]:143 dual is taken by 0.0.0.0:143 of 143; IPv6 is lost",
        ),
    ),
    (
        HostPolicy(name="debian-12/openbsd-inetd", sharing=Sharing.MAPPED), Service(name="daytime", program=Builtin(builtin="daytime")),
        (
            "daytime/tcp cannot be proved on debian-12/openbsd-inetd: daytime: no protocol of this inetd opens IPv6 with v6only=False",
            "daytime/tcp cannot be proved on debian-12/openbsd-inetd: daytime/tcp: each family gets a socket of its own, and sharing is mapped",
        ),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("host", "service", "reasons"), REFUSALS)
def test_a_plan_that_cannot_be_had_is_refused_with_the_reason(host: str | HostPolicy, service: Service, reasons: tuple[str, ...]) -> None:
    with pytest.raises(Unprovable) as caught:
        plan([service], host)

    assert caught.value.reasons == reasons


def test_the_reasons_of_all_services_come_at_once() -> None:
    with pytest.raises(Unprovable) as caught:
        plan([Service(name="a", program=IMAP.program), IMAP, Service(name="b", program=IMAP.program)], "debian-12/xinetd")

    assert [reason.split(":")[0] for reason in caught.value.reasons] == ["a/tcp", "b/tcp"]


def test_an_unknown_host_is_refused_with_the_nearest_names() -> None:
    with pytest.raises(UnknownHost, match=r"host 'debian-12/xinet' is not known; did you mean debian-12/xinetd"):
        plan([IMAP], "debian-12/xinet")
