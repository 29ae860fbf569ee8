"""How a change is activated and told: every row of facts/bsd.md 4b, facts/inetd.md 3 and facts/xinetd.md 4.2 that bears on it."""

from __future__ import annotations

import attrs
import pytest

from inet46 import formats
from inet46.activation import activation
from inet46.host import HostPolicy, Sharing
from inet46.knowledge import resolve
from inet46.merge import Merge, merge
from inet46.plan import plan
from inet46.service import Limits, Program, Service
from inet46.sockets import Family, Transport
from inet46.words import change

ALRM = ("reload", "settle", "signal ALRM")
TWICE = ("reload", "settle", "reload")
RELOAD, RESTART = ("reload",), ("restart",)

INETD_ROWS = [
    ("bsd.md 4b", "freebsd-14/inetd", "imap/tcp46", "imap/tcp4 imap/tcp6", ALRM),
    ("bsd.md 4b", "freebsd-14/inetd", "imap/tcp46", "imap/tcp6 imap/tcp4", RELOAD),
    ("bsd.md 4b", "freebsd-14/inetd", "imap/tcp46", "imap/tcp4", ALRM),
    ("bsd.md 4b", "freebsd-14/inetd", "imap/tcp46", "imap/tcp6", RELOAD),
    ("bsd.md 4b", "freebsd-14/inetd", "imap/tcp6", "imap/tcp46", RELOAD),
    ("bsd.md 4b", "freebsd-14/inetd", "imap/tcp4", "imap/tcp6", RELOAD),
    ("bsd.md 4b", "freebsd-14/inetd", "imap/tcp4", "imap/tcp46", RELOAD),
    ("bsd.md 4b", "freebsd-14/inetd", "imap/tcp4 imap/tcp6", "imap/tcp46", RELOAD),
    ("bsd.md 4b", "freebsd-14/inetd", "imap/tcp6 imap/tcp4", "imap/tcp46", RELOAD),
    ("bsd.md 4b", "freebsd-14/inetd", "imap/tcp4 imap/tcp6", "imap/tcp6 imap/tcp4", RELOAD),
    ("bsd.md 4b", "freebsd-14/inetd", "imap/tcp4 imap/tcp46", "imap/tcp4 imap/tcp6", RELOAD),
    ("inetd.md 3", "debian-12/inetutils-inetd", "imap/tcp", "imap/tcp6", TWICE),
    ("inetd.md 3", "debian-12/inetutils-inetd", "imap/tcp6", "imap/tcp", TWICE),
    ("inetd.md 3", "debian-12/inetutils-inetd", "imap/tcp", "127.0.0.1:imap/tcp", TWICE),
    ("inetd.md 3", "debian-12/inetutils-inetd", "imap/tcp", "imap/tcp imap/tcp6only", RELOAD),
    ("inetd.md 3", "debian-12/inetutils-inetd", "imap/tcp", "imap/tcp4", TWICE),
    ("inetd.md 3", "debian-12/openbsd-inetd", "imap/tcp", "127.0.0.1:imap/tcp", TWICE),
    ("inetd.md 3", "debian-12/openbsd-inetd", "143/tcp", "143/tcp46", TWICE),
    ("inetd.md 3", "debian-12/openbsd-inetd", "imap/tcp4", "imap/tcp4 imap/tcp6", RELOAD),
    ("inetd.md 3", "debian-12/openbsd-inetd", "imap/tcp6", "imap/tcp", RELOAD),
    ("inetd.md 3", "debian-12/openbsd-inetd", "imap/tcp4", "", RELOAD),
    ("inetd.md 3", "debian-12/openbsd-inetd", "", "imap/tcp", RELOAD),
    ("inetd.md 3", "debian-12/openbsd-inetd", "tftp/udp", "tftp/udp4", RELOAD),
    ("inetd.md 3", "linux/busybox-inetd", "imap/tcp", "imap/tcp6", TWICE),
    ("inetd.md 3", "linux/busybox-inetd", "imap/tcp6", "imap/tcp", TWICE),
    ("inetd.md 3", "linux/busybox-inetd", "imap/tcp", "127.0.0.1:imap/tcp", TWICE),
    ("inetd.md 3", "linux/busybox-inetd", "tftp/udp", "tftp/udp6", RELOAD),
    ("the open one of two that contend would win", "linux/busybox-inetd", "imap/tcp6", "imap/tcp imap/tcp6", RESTART),
    ("its retry dereferences no address", "linux/busybox-inetd", "nosuch/tcp imap/tcp", "nosuch/tcp imap/tcp6", RESTART),
    ("nothing is retried", "linux/busybox-inetd", "imap/tcp", "imap/tcp nosuch/tcp", RELOAD),
    ("quiet", "debian-12/openbsd-inetd", "imap/tcp", "imap/tcp", ()),
    ("quiet", "freebsd-14/inetd", "", "", ()),
]


def lines(said: str) -> str:
    parts = [line.split("/") for line in said.split()]
    return "".join(f"{service} {'dgram' if token.startswith('udp') else 'stream'} {token} nowait root /x x\n" for service, token in parts)


@pytest.mark.parametrize(("source", "name", "before", "after", "verbs"), INETD_ROWS)
def test_an_inetd_is_reloaded_until_the_new_sockets_are_there(
    source: str, name: str, before: str, after: str, verbs: tuple[str, ...]
) -> None:
    old, new = (formats.read({"/etc/inetd.conf": lines(said)}, name).entries for said in (before, after))

    assert activation(old, new, resolve(name)) == verbs, source


@pytest.mark.parametrize(
    ("name", "verbs"), [("linux/busybox-inetd", RESTART), ("debian-12/openbsd-inetd", RESTART), ("freebsd-14/inetd", RELOAD)]
)
def test_most_inetds_are_restarted_when_a_built_in_service_becomes_a_program(name: str, verbs: tuple[str, ...]) -> None:
    built_in, program = (
        formats.read({"/etc/inetd.conf": f"daytime stream tcp nowait root {server}\n"}, name).entries for server in ("internal", "/x x")
    )

    assert activation(built_in, program, resolve(name)) == verbs
    assert activation(program, built_in, resolve(name)) == verbs
    # The second line is lost on the first one at a start as well.
    assert activation(built_in, (*built_in, *program), resolve(name)) == RELOAD


XINETD_ROWS = [
    ("a new service", [], ["flags = IPv6"], RELOAD),
    ("a service goes", ["flags = IPv6"], [], RELOAD),
    ("other arguments", ["flags = IPv6"], ["flags = IPv6; server_args = -x"], RELOAD),
    ("other limits and lists", ["flags = IPv6"], ["flags = IPv6; instances = 3; only_from = ::1"], RELOAD),
    ("v6only added", ["flags = IPv6"], ["flags = IPv6; v6only = yes"], RESTART),
    ("v6only removed", ["flags = IPv6; v6only = yes"], ["flags = IPv6"], RESTART),
    ("IPv4 becomes IPv6", ["flags = IPv4"], ["flags = IPv6"], RESTART),
    ("bind removed", ["bind = 127.0.0.1"], ["flags = IPv4"], RESTART),
    (
        "the port changes, which is a new service",
        ["id = a; type = UNLISTED; port = 7001"],
        ["id = a; type = UNLISTED; port = 7002"],
        RELOAD,
    ),
    ("wait changes, which is a new service", ["flags = IPv6; wait = no"], ["flags = IPv6; wait = yes"], RELOAD),
    ("one dual becomes two with new ids", ["flags = IPv6"], ["flags = IPv4; id = a", "flags = IPv6; v6only = yes; id = b"], RELOAD),
    ("one dual becomes two, the first keeps its id", ["flags = IPv6"], ["flags = IPv4", "flags = IPv6; v6only = yes; id = b"], RESTART),
    ("two become one dual with a new id", ["flags = IPv4; id = a", "flags = IPv6; v6only = yes; id = b"], ["flags = IPv6"], RELOAD),
    (
        "two of one id change places",
        ["flags = IPv4", "flags = IPv6; v6only = yes"],
        ["flags = IPv6; v6only = yes", "flags = IPv4"],
        RESTART,
    ),
    ("ids know no case", ["flags = IPv4; id = A"], ["flags = IPv6; id = a"], RESTART),
    ("nothing", ["flags = IPv6"], ["flags = IPv6"], ()),
]


def paragraphs(said: list[str]) -> str:
    texts = []
    for one in said:
        wait = "" if "wait" in one else "\twait = no\n"
        body = "".join(f"\t{part.strip()}\n" for part in one.split(";"))
        texts.append(f"service imap\n{{\n{body}{wait}\tsocket_type = stream\n\tuser = root\n\tserver = /x\n}}\n")
    return "".join(texts)


@pytest.mark.parametrize(("what", "before", "after", "verbs"), XINETD_ROWS)
def test_xinetd_is_restarted_only_for_what_a_reload_does_not_bring(
    what: str, before: list[str], after: list[str], verbs: tuple[str, ...]
) -> None:
    name = "debian-12/xinetd"
    old, new = (formats.read({"/etc/xinetd.conf": paragraphs(said)}, name).entries for said in (before, after))

    assert activation(old, new, resolve(name)) == verbs, what


# -- the same through a merge, and in words ------------------------------------------------------------------------------------------------

OPENBSD, INETUTILS, XINETD, FREEBSD, FEDORA = (
    *(f"debian-12/{server}" for server in ("openbsd-inetd", "inetutils-inetd", "xinetd")),
    "freebsd-14/inetd",
    "fedora-33/xinetd",
)
IMAP = Service(name="imap", program=Program(path="/usr/sbin/imapd"))
CONF, IMAP_FILE, EMPTY = "/etc/inetd.conf", "/etc/xinetd.d/imap", {"/etc/xinetd.conf": "includedir /etc/xinetd.d\n"}
V4, V6 = (f"imap\tstream\t{token}\tnowait\troot\t/usr/sbin/imapd imapd\n" for token in ("tcp4", "tcp6"))


def paragraph(*said: str, service: str = "imap") -> str:
    lines = ("disable = no", *said, "socket_type = stream", "wait = no", "user = root", "server = /usr/sbin/imapd")
    return f"service {service}\n{{\n" + "".join(f"\t{line}\n" for line in lines) + "}\n"


def separate(name: str) -> HostPolicy:
    return HostPolicy(name=name, sharing=Sharing.SEPARATE)


def mapped(name: str) -> HostPolicy:
    return HostPolicy(name=name, sharing=Sharing.MAPPED)


def families(held: Merge, *, after: bool) -> frozenset[Family]:
    sockets = held.sockets if after else held.before
    return frozenset(family for one in sockets if (one.socket.transport, one.socket.port) in held.ours for family in one.accepts)


def words(result: Merge, service: Service) -> str | None:
    sides = (result.before, result.sockets)
    before, after = ([one.socket for one in side if one.socket.port == 143] for side in sides)
    return change(service, before, after, (families(result, after=False), families(result, after=True)))


CHANGES = [
    (
        separate(INETUTILS), {CONF: "imap stream tcp nowait root /usr/sbin/imapd imapd\n"}, ("reload",),
        "imap: now answers IPv4 only → IPv4 and IPv6 (0.0.0.0:143 + [::]:143 v6only)",
    ),
    (
        mapped(INETUTILS), {CONF: "imap stream tcp nowait root /usr/sbin/imapd imapd\n"}, ("reload", "settle", "reload"),
        "imap: now answers IPv4 only → IPv4 and IPv6 ([::]:143 dual)",
    ),
    (
        separate(INETUTILS), {CONF: "imap stream tcp6 nowait root /usr/sbin/imapd imapd\n"}, ("reload", "settle", "reload"),
        "imap: answers IPv4 and IPv6 as before, now on 0.0.0.0:143 + [::]:143 v6only instead of [::]:143 dual",
    ),
    (
        separate(OPENBSD), {CONF: "imap stream tcp4 nowait root /usr/sbin/imapd imapd\n"}, ("reload",),
        "imap: now answers IPv4 only → IPv4 and IPv6 (0.0.0.0:143 + [::]:143 v6only)",
    ),
    (
        separate(OPENBSD), {CONF: "127.0.0.1:imap stream tcp4 nowait root /usr/sbin/imapd imapd\n"}, ("reload", "settle", "reload"),
        "imap: now answers IPv4 only → IPv4 and IPv6 (0.0.0.0:143 + [::]:143 v6only)",
    ),
    (
        separate(FREEBSD), {CONF: "imap stream tcp46 nowait root /usr/sbin/imapd imapd\n"}, ("reload",),
        "imap: answers IPv4 and IPv6 as before, now on 0.0.0.0:143 + [::]:143 v6only instead of [::]:143 dual",
    ),
    (
        mapped(FREEBSD), {CONF: V4 + V6}, ("reload",),
        "imap: answers IPv4 and IPv6 as before, now on [::]:143 dual instead of 0.0.0.0:143 + [::]:143 v6only",
    ),
    (
        separate(XINETD), {**EMPTY, IMAP_FILE: paragraph("flags = IPv6")}, ("restart",),
        "imap: answers IPv4 and IPv6 as before, now on 0.0.0.0:143 + [::]:143 v6only instead of [::]:143 dual",
    ),
    (
        separate(XINETD), EMPTY, ("reload",),
        "imap: now answers nothing → IPv4 and IPv6 (0.0.0.0:143 + [::]:143 v6only)",
    ),
    (
        mapped(FEDORA), {**EMPTY, IMAP_FILE: paragraph("flags = IPv6", "v6only = no")}, ("restart",),
        "imap: now answers IPv6 only → IPv4 and IPv6 ([::]:143 dual)",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("policy", "files", "activate", "said"), CHANGES)
def test_a_change_is_activated_and_told_as_this_super_server_needs(
    policy: HostPolicy, files: dict[str, str], activate: tuple[str, ...], said: str
) -> None:
    result = merge([IMAP], policy, files)

    assert result.activate == activate
    assert words(result, IMAP) == said


def test_a_change_of_the_program_alone_is_a_reload() -> None:
    result = merge([IMAP], separate(OPENBSD), {CONF: V4.replace("/usr", "/opt") + V6.replace("/usr", "/opt")})

    assert result.activate == ("reload",)
    assert words(result, IMAP) is None


def test_two_paragraphs_of_one_id_need_a_restart() -> None:
    old = paragraph("flags = IPv4") + paragraph("flags = IPv6")
    result = merge([IMAP], mapped(XINETD), {**EMPTY, IMAP_FILE: old})

    assert result.activate == ("restart",)


def test_one_id_for_tcp_and_udp_needs_no_restart() -> None:
    udp = "service imap\n{\n\ttype = UNLISTED\n\tport = 143\n\tsocket_type = dgram\n\twait = yes\n\tuser = root\n\tserver = /x\n}\n"
    result = merge([IMAP], mapped(XINETD), {**EMPTY, "/etc/xinetd.d/other": udp})

    assert result.activate == ("reload",)


def test_a_knob_that_has_to_change_needs_a_restart_even_where_no_entry_changes() -> None:
    files = {CONF: "imap stream tcp46 nowait root /usr/sbin/imapd imapd\n"}
    result = merge([IMAP], mapped("freebsd-4.9/inetd"), files)

    assert CONF not in result.files
    assert [(setting.key, setting.value) for setting in result.live] == [("net.inet6.ip6.v6only", "0")]
    assert result.activate == ("restart",)


# -- systemd ---------------------------------------------------------------------------------------------------------------------------

SYSTEMD = "debian-12/systemd"
CAT = Program(path="/bin/cat")
STREAM, DGRAM = Service(name="imap", program=CAT), Service(name="tftp", transport=Transport.UDP, program=CAT)
UNIT_ROWS: list[tuple[str, list[Service], list[Service], tuple[str, ...]]] = [
    ("nothing changes", [STREAM], [STREAM], ()),
    ("a new unit", [], [STREAM], ("daemon-reload", "enable --now imap.socket")),
    ("a unit that goes", [STREAM], [], ("daemon-reload", "disable --now imap.socket")),
    ("another program for each connection", [STREAM], [attrs.evolve(STREAM, program=Program(path="/bin/x"))], ("daemon-reload",)),
    ("another limit of the socket", [STREAM], [attrs.evolve(STREAM, limits=Limits(instances=3))],
     ("daemon-reload", "stop imap.socket", "start imap.socket")),
    ("another program that gets the socket", [DGRAM], [attrs.evolve(DGRAM, program=Program(path="/bin/x"))],
     ("daemon-reload", "stop tftp.service")),
    ("a socket whose server has it", [DGRAM], [attrs.evolve(DGRAM, port=70)],
     ("daemon-reload", "stop tftp.socket", "stop tftp.service", "start tftp.socket")),
    ("from the socket to each connection", [attrs.evolve(STREAM, wait=True)], [STREAM],
     ("daemon-reload", "stop imap.socket", "stop imap.service", "start imap.socket")),
    ("two that change", [STREAM, attrs.evolve(STREAM, name="pop3")], [attrs.evolve(STREAM, port=110), attrs.evolve(STREAM, name="pop3", port=143)],
     ("daemon-reload", "stop imap.socket", "stop pop3.socket", "start imap.socket", "start pop3.socket")),
]  # fmt: skip


@pytest.mark.parametrize(("what", "before", "after", "verbs"), UNIT_ROWS, ids=[row[0] for row in UNIT_ROWS])
def test_units_are_restarted_only_where_their_sockets_change(
    what: str, before: list[Service], after: list[Service], verbs: tuple[str, ...]
) -> None:
    host = resolve(HostPolicy(name=SYSTEMD, sharing=Sharing.MAPPED))

    assert activation(plan(before, host).entries, plan(after, host).entries, host) == verbs, what
