"""Merging a plan into the files of a host: what is ours is replaced, kept or taken out, and the rest keeps its bytes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import attrs
import pytest

from inet46 import formats
from inet46.errors import Unprovable
from inet46.host import HostPolicy, Sharing
from inet46.knowledge import resolve
from inet46.merge import Merge, merge
from inet46.plan import plan
from inet46.service import Access, Builtin, Listener, Program, Service
from inet46.sockets import Family, Transport
from inet46.words import change

CASES = Path(__file__).parent / "cases" / "merge"
OPENBSD, INETUTILS, XINETD = "debian-12/openbsd-inetd", "debian-12/inetutils-inetd", "debian-12/xinetd"
FREEBSD, FEDORA = "freebsd-14/inetd", "fedora-33/xinetd"

IMAP = Service(name="imap", program=Program(path="/usr/sbin/imapd"))
IMAPS = Service(name="imaps", program=Program(path="/usr/sbin/imapd"))
POP3 = Service(name="pop3", program=Program(path="/usr/sbin/pop3d"))
CONF = "/etc/inetd.conf"
MAIN, IMAP_FILE = "/etc/xinetd.conf", "/etc/xinetd.d/imap"
EMPTY = {MAIN: "includedir /etc/xinetd.d\n"}

V4, V6 = "imap\tstream\ttcp4\tnowait\troot\t/usr/sbin/imapd imapd\n", "imap\tstream\ttcp6\tnowait\troot\t/usr/sbin/imapd imapd\n"
ONLY = "imap\tstream\ttcp6only\tnowait\troot\t/usr/sbin/imapd imapd\n"


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


def twice(result: Merge, services: list[Service], files: Mapping[str, str]) -> Merge:
    return merge(services, result.host, {**files, **result.files})


# -- inetd -----------------------------------------------------------------------------------------------------------------------------


def test_an_entry_of_our_port_is_replaced_where_it_stands() -> None:
    text = f"# mail\nimap stream tcp4 nowait daemon /old/imapd imapd\n{POP3.name} stream tcp4 nowait root /p p\n"

    assert merge([IMAP], separate(OPENBSD), {CONF: text}).files == {CONF: f"# mail\n{V4}{V6}pop3 stream tcp4 nowait root /p p\n"}


def test_a_half_that_is_right_keeps_its_bytes_and_the_other_follows_it() -> None:
    text = "imap   stream tcp4 nowait  root /usr/sbin/imapd   imapd\n# end\n"

    assert merge([IMAP], separate(OPENBSD), {CONF: text}).files == {CONF: text.replace("# end", f"{V6}# end")}


def test_a_spelling_of_its_own_that_serves_is_left_alone() -> None:
    text = "imap stream tcp nowait root /usr/sbin/imapd imapd\n"

    assert merge([IMAP], separate(OPENBSD), {CONF: text}).files == {}


def test_auto_leaves_a_host_alone_that_answers_on_both() -> None:
    text = "imap stream tcp6 nowait root /usr/sbin/imapd imapd\n"

    assert merge([IMAP], INETUTILS, {CONF: text}).files == {}
    assert merge([IMAP], separate(INETUTILS), {CONF: text}).files == {CONF: V4 + ONLY}


def test_an_alias_that_is_in_use_goes_on_being_used() -> None:
    text = "imap2 stream tcp4 nowait root /usr/sbin/imapd imapd\n"

    assert merge([IMAP], separate(OPENBSD), {CONF: text}).files == {CONF: text + V6.replace("imap\t", "imap2\t", 1)}


def test_new_entries_stand_at_the_end_in_the_order_of_the_services() -> None:
    result = merge([IMAP, POP3], separate(OPENBSD), {CONF: "# no newline"})
    pop3 = (V4 + V6).replace("imap\t", "pop3\t").replace("imapd", "pop3d")

    assert result.files == {CONF: f"# no newline\n{V4}{V6}{pop3}"}


def test_a_service_that_is_not_enabled_is_taken_out() -> None:
    result = merge([attrs.evolve(IMAP, enabled=False)], OPENBSD, {CONF: f"# a\n{V4}# b\n{V6}"})

    assert result.files == {CONF: "# a\n# b\n"}
    assert result.sockets == ()
    assert words(result, IMAP) == "imap: now answers IPv4 and IPv6 → nothing"


def test_a_service_that_is_not_enabled_and_not_there_changes_nothing() -> None:
    assert merge([attrs.evolve(IMAP, enabled=False)], OPENBSD, {CONF: "# a\n"}).files == {}


def test_what_is_switched_off_by_a_comment_stays_switched_off() -> None:
    text = "#<off># imap\tstream\ttcp\tnowait\troot\t/usr/sbin/tcpd\t/usr/sbin/imapd\n#imap stream tcp nowait root /x x\n"

    assert merge([IMAP], separate(OPENBSD), {CONF: text}).files == {CONF: text + V4 + V6}


def test_an_entry_in_the_folder_of_inetutils_is_replaced_there() -> None:
    files = {CONF: "# main\n", "/etc/inetd.d/mail": "imap stream tcp nowait root /usr/sbin/imapd imapd\n# tail\n"}

    assert merge([IMAP], separate(INETUTILS), files).files == {
        "/etc/inetd.d/mail": f"{files['/etc/inetd.d/mail'].splitlines()[0]}\n{ONLY}# tail\n"
    }


def test_without_a_file_one_is_made() -> None:
    assert merge([IMAP], separate(OPENBSD), {}).files == {CONF: V4 + V6}


def test_carriage_returns_and_bytes_that_are_not_utf_8_stay() -> None:
    text = "# caf\udce9\r\nftp stream tcp4 nowait root /usr/sbin/ftpd ftpd\r\n"

    assert merge([IMAP], separate(OPENBSD), {CONF: text}).files == {CONF: text + V4 + V6}


def test_broken_lines_stay_where_they_are() -> None:
    text = "imap stream\n\x00\x01\n7 7 7 7 7 7 7\n"

    assert merge([IMAP], separate(INETUTILS), {CONF: text}).files == {CONF: text + V4 + ONLY}


def test_a_continued_entry_is_replaced_as_a_whole() -> None:
    text = "imap stream tcp46 nowait\n\tdaemon /usr/sbin/imapd imapd\n\t-x\nftp stream tcp4 nowait root /f f\n"
    result = merge([IMAP], separate(FREEBSD), {CONF: text})

    assert result.files == {CONF: f"{V6}{V4}ftp stream tcp4 nowait root /f f\n"}


def test_a_file_that_ends_freebsds_daemon_is_refused() -> None:
    with pytest.raises(Unprovable) as caught:
        merge([IMAP], separate(FREEBSD), {CONF: "ftp stream tcp\n"})

    assert caught.value.reasons == (
        "imap/tcp over IPv4 at 0.0.0.0:143 would not be answered",
        "imap/tcp over IPv6 at [::]:143 would not be answered",
        "/etc/inetd.conf:1: 3 fields where 6 are needed: inetd exits here, and every service with it",
    )


def test_a_file_that_hangs_openbsds_daemon_is_refused() -> None:
    with pytest.raises(Unprovable, match="inetd hangs here for ever and serves nothing"):
        merge([IMAP], separate(OPENBSD), {CONF: f"{V4}{V6}\n\t# imap is here\n"})


def test_a_default_host_line_that_would_catch_our_entry_is_refused() -> None:
    with pytest.raises(Unprovable) as caught:
        merge([IMAP], separate(OPENBSD), {CONF: "127.0.0.1:\nftp stream tcp4 nowait root /f f\n"})

    assert caught.value.reasons[0] == "imap/tcp over IPv4 at 0.0.0.0:143 would not be answered"


@pytest.mark.parametrize("text", ["", V4 + V6], ids=["new", "one serves"])
def test_two_of_our_services_on_one_port_are_refused(text: str) -> None:
    with pytest.raises(Unprovable) as caught:
        merge([IMAP, attrs.evolve(POP3, port=143)], OPENBSD, {CONF: text})

    assert caught.value.reasons == ("pop3/tcp and imap/tcp both want port 143/tcp",)


def test_a_service_without_a_port_is_refused_even_if_a_line_says_all_of_it() -> None:
    nameless = attrs.evolve(IMAP, name="nosuch")

    with pytest.raises(Unprovable, match="nosuch/tcp: no port is given, and the name is not in /etc/services"):
        merge([nameless], OPENBSD, {CONF: (V4 + V6).replace("imap\t", "nosuch\t")})


def test_what_serves_under_one_setting_is_planned_anew_when_another_service_changes_it() -> None:
    dual = attrs.evolve(POP3, listeners=(Listener(family=Family.IPV6, v6only=False),))
    files = merge([IMAP], "netbsd-10/inetd", {}).files
    alone, together = (merge(services, "netbsd-10/inetd", files) for services in ([IMAP], [IMAP, dual]))

    assert alone.files == {}
    assert [str(held.socket) for held in alone.held(IMAP)] == ["0.0.0.0:143", "[::]:143 v6only"]
    assert [(setting.key, setting.value) for setting in together.live] == [("net.inet6.ip6.v6only", "0")]
    assert [str(held.socket) for held in together.held(IMAP)] == ["[::]:143 dual"]


def test_the_numbers_of_ports_are_ours_too() -> None:
    text = "143 stream tcp4 nowait root /usr/sbin/imapd imapd\n"
    result = merge([IMAP], separate(OPENBSD), {CONF: text})

    assert result.files == {CONF: text + V6.replace("imap\t", "143\t", 1)}


# -- xinetd ----------------------------------------------------------------------------------------------------------------------------


def text_of(result: Merge, path: str = IMAP_FILE) -> str:
    return result.files[path]


def planned(name: str) -> str:
    return plan([IMAP], separate(name)).files[IMAP_FILE]


def test_a_new_service_gets_a_file_of_its_own() -> None:
    assert merge([IMAP], separate(XINETD), EMPTY).files == {IMAP_FILE: planned(XINETD)}


def test_a_disabled_stock_paragraph_in_the_target_file_stays() -> None:
    stock = "# stock\nservice imap\n{\n\tdisable = yes\n\tsocket_type = stream\n}"

    assert text_of(merge([IMAP], separate(XINETD), {**EMPTY, IMAP_FILE: stock})) == f"{stock}\n\n{planned(XINETD)}"


def test_a_paragraph_in_another_file_is_replaced_there() -> None:
    files = {**EMPTY, "/etc/xinetd.d/mail": f"# mail\n\n{paragraph('flags = IPv4', 'instances = 5')}\n# tail\n"}

    assert merge([IMAP], separate(XINETD), files).files == {"/etc/xinetd.d/mail": f"# mail\n\n{planned(XINETD)}\n# tail\n"}


def test_what_a_paragraph_also_says_is_said_by_its_successor() -> None:
    old = paragraph("instances = 5", "log_on_failure += USERID", "flags = KEEPALIVE", "banner = /etc/banner")
    text = text_of(merge([IMAP], separate(XINETD), {**EMPTY, IMAP_FILE: old}))

    assert text.count("banner          = /etc/banner\n") == 2
    assert text.count("log_on_failure  += USERID\n") == 2
    assert "flags           = IPv6 KEEPALIVE\n" in text


@pytest.mark.parametrize("said", ["redirect = 10.0.0.1 143", "flags = SENSOR", "interface = 127.0.0.1"])
def test_what_would_take_the_servers_place_is_not_carried_over(said: str) -> None:
    result = merge([IMAP], separate(XINETD), {**EMPTY, IMAP_FILE: paragraph(said)})

    assert text_of(result) == planned(XINETD)


def test_a_line_of_inetd_conf_that_xinetd_serves_moves_into_a_file_of_its_own() -> None:
    files = {**EMPTY, CONF: "# a\nimap stream tcp nowait.50 root /old old\n\n# b\n"}

    assert merge([IMAP], separate(XINETD), files).files == {CONF: "# a\n\n# b\n", IMAP_FILE: planned(XINETD)}


def test_a_dual_line_of_inetd_conf_that_serves_is_left_alone() -> None:
    files = {**EMPTY, CONF: "imap stream tcp nowait root /usr/sbin/imapd imapd\n"}

    assert merge([IMAP], XINETD, files).files == {}


def test_an_enabled_list_that_does_not_name_us_is_a_refusal() -> None:
    files = {MAIN: "defaults\n{\n\tenabled = ftp\n}\nincludedir /etc/xinetd.d\n"}
    with pytest.raises(Unprovable) as caught:
        merge([IMAP], separate(XINETD), files)

    assert caught.value.reasons == (
        "imap/tcp over IPv4 at 0.0.0.0:143 would not be answered",
        "imap/tcp over IPv6 at [::]:143 would not be answered",
        "/etc/xinetd.d/imap:1: imap is not in the `enabled` list of defaults",
        "/etc/xinetd.d/imap:11: imap-ipv6 is not in the `enabled` list of defaults",
    )


def test_where_the_folder_is_not_included_the_main_file_takes_the_paragraphs_in_order() -> None:
    result = merge([IMAP, IMAPS], separate(XINETD), {MAIN: "# alone\n"})

    assert result.files == {MAIN: f"# alone\n\n{planned(XINETD)}\n{planned(XINETD).replace('imap', 'imaps').replace('/imapsd', '/imapd')}"}


def test_a_service_of_two_transports_shares_a_file() -> None:
    services = [Service(name="daytime", program=Builtin(builtin="daytime"), transport=transport) for transport in Transport]
    result = merge(services, mapped(XINETD), EMPTY)

    assert list(result.files) == ["/etc/xinetd.d/daytime"]
    assert "}\n\nservice daytime\n" in result.files["/etc/xinetd.d/daytime"]
    assert twice(result, services, EMPTY).activate == ()


def test_a_file_without_a_closing_brace_is_refused_with_its_fault() -> None:
    with pytest.raises(Unprovable, match="service ftp: missing '}' at the end of the file; the entry is lost"):
        merge([IMAP], separate(XINETD), {**EMPTY, IMAP_FILE: "service ftp\n{\n"})


def test_a_paragraph_is_taken_out_with_the_blank_line_behind_it() -> None:
    files = {MAIN: f"# a\n\n{paragraph()}\n{paragraph(service='ftp')}"}

    assert merge([attrs.evolve(IMAP, enabled=False)], XINETD, files).files == {MAIN: f"# a\n\n{paragraph(service='ftp')}"}


def test_an_id_that_stays_is_not_given_a_second_time() -> None:
    old = paragraph("flags = IPv6", "v6only = yes")
    text = text_of(merge([IMAP], separate(XINETD), {**EMPTY, IMAP_FILE: old}))

    assert text.startswith(old)
    assert "\tid              = imap-ipv4\n" in text


def test_a_dual_paragraph_that_cannot_limit_one_family_is_split() -> None:
    limited = attrs.evolve(IMAP, access=Access(ipv4=("192.0.2.0/24",)))
    result = merge([limited], XINETD, {**EMPTY, IMAP_FILE: paragraph("flags = IPv6")})

    assert [(str(held.socket), held.entry.only_from) for held in result.sockets] == [
        ("0.0.0.0:143", ("192.0.2.0/24",)),
        ("[::]:143 v6only", None),
    ]


def test_defaults_that_would_shut_out_who_may_connect_are_a_refusal() -> None:
    files = {MAIN: "defaults\n{\n\tonly_from = 10.0.0.1\n}\nincludedir /etc/xinetd.d\n"}
    limited = attrs.evolve(IMAP, access=Access(ipv4=("192.0.2.0/24",)))

    with pytest.raises(Unprovable) as caught:
        merge([limited], separate(XINETD), files)

    assert caught.value.reasons == ("imap/tcp: what else stands in the files changes what is done for its clients",)


# -- the stock files of Debian 12 ------------------------------------------------------------------------------------------------------


def stock(folder: str) -> dict[str, str]:
    root = CASES / folder
    return {f"/etc/{path.relative_to(root)}": path.read_text() for path in sorted(root.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("name", [OPENBSD, INETUTILS])
def test_debians_stock_inetd_conf_keeps_every_line(name: str) -> None:
    files = stock("debian-inetd")
    result = merge([IMAP, POP3], separate(name), files)

    assert result.files[CONF].startswith(files[CONF])
    assert twice(result, [IMAP, POP3], files).files == {}


def test_debians_stock_xinetd_files_are_not_touched_by_a_mail_service() -> None:
    files = stock("debian-xinetd")
    result = merge([IMAP], separate(XINETD), files)

    assert list(result.files) == [IMAP_FILE]
    assert formats.read(files, XINETD).entries == ()


def test_a_stock_paragraph_that_is_off_does_not_stand_in_the_way_of_the_same_service() -> None:
    files = stock("debian-xinetd")
    daytime = Service(name="daytime", program=Builtin(builtin="daytime"))
    result = merge([daytime], separate(XINETD), files)

    assert list(result.files) == ["/etc/xinetd.d/daytime"]
    assert result.files["/etc/xinetd.d/daytime"].startswith(files["/etc/xinetd.d/daytime"])
    assert twice(result, [daytime], files).files == {}


def test_held_are_the_sockets_of_one_service() -> None:
    result = merge([IMAP, POP3], separate(OPENBSD), {CONF: ""})

    assert [str(held.socket) for held in result.held(POP3)] == ["0.0.0.0:110", "[::]:110 v6only"]


def test_a_host_that_is_resolved_is_taken_too() -> None:
    assert merge([IMAP], resolve(separate(OPENBSD)), {CONF: ""}).files == {CONF: V4 + V6}


def test_a_host_without_an_xinetd_conf_gets_one_that_reads_the_folder() -> None:
    imap = Service(name="imap", program=Program(path="/x/imapd"))
    merged = merge([imap], "debian-12/xinetd", {})

    assert sorted(merged.files) == ["/etc/xinetd.conf", "/etc/xinetd.d/imap"]
    assert merged.files["/etc/xinetd.conf"] == "includedir /etc/xinetd.d\n"


def _limited(flags: str, lists: str) -> dict[str, str]:
    lines = ("socket_type = stream", "wait = no", "user = root", "server = /x/imapd", *flags.split("; "), *lists.split("; "))
    text = "service imap\n{\n" + "".join(f"\t{line}\n" for line in lines if line) + "}\n"
    return {"/etc/xinetd.conf": "includedir /etc/xinetd.d\n", "/etc/xinetd.d/imap": text}


def test_lists_of_who_may_connect_are_kept_when_the_service_says_nothing_of_them() -> None:
    imap = Service(name="imap", program=Program(path="/x/imapd"))
    policy = HostPolicy(name="debian-12/xinetd", sharing=Sharing.SEPARATE)
    text = merge([imap], policy, _limited("flags = IPv6", "only_from = 192.0.2.0/24 2001:db8::/32")).files["/etc/xinetd.d/imap"]

    assert text.count("only_from       = 192.0.2.0/24 2001:db8::/32") == 2


def test_a_family_of_which_no_list_speaks_is_not_opened_to_all() -> None:
    imap = Service(name="imap", program=Program(path="/x/imapd"))
    with pytest.raises(Unprovable) as refused:
        merge([imap], "debian-12/xinetd", _limited("flags = IPv4", "only_from = 192.0.2.0/24"))

    assert refused.value.reasons == (
        "imap/tcp: who may connect is limited where it stands now (192.0.2.0/24), and nothing is said of IPv6 clients: say it with access",
    )


def test_a_service_that_says_who_may_connect_has_its_own_way() -> None:
    imap = Service(name="imap", program=Program(path="/x/imapd"), access=Access(ipv4=("192.0.2.0/24",), ipv6=("2001:db8::/32",)))
    text = merge([imap], "debian-12/xinetd", _limited("flags = IPv4", "only_from = 192.0.2.0/24")).files["/etc/xinetd.d/imap"]

    assert "only_from       = 2001:db8::/32" in text
