"""Manifests of SMF: each value of proto is a socket, what is missing costs the instance, and no entity is ever expanded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest

from inet46 import formats, words
from inet46.activation import activation
from inet46.convert import convert
from inet46.entry import Bind, Entry, Unstartable
from inet46.errors import Inexpressible, Unprovable
from inet46.formats import smf
from inet46.host import HostPolicy, Sharing
from inet46.knowledge import resolve
from inet46.lint import check
from inet46.merge import merge
from inet46.plan import plan
from inet46.predict import predict
from inet46.service import Access, Builtin, Limits, Listener, Program, Rate, Service
from inet46.sockets import Family, Transport

HOST = "illumos/inetd"
FOLDER = "/lib/svc/manifest/site"
PATH = f"{FOLDER}/mail.xml"
CONF = "/etc/inet/inetd.conf"
FMRI = "svc:/site/mail:default"
PROPERTIES = {"name": "imap", "endpoint_type": "stream", "wait": "false", "isrpc": "false"}
IMAP = Service(name="imap", program=Program(path="/usr/sbin/imapd"))


def manifest(
    *protos: str,
    exec: str = "/usr/sbin/imapd -x",  # noqa: A002
    enabled: str = "true",
    context: str = '<method_credential user="mail"/>',
    method: str = "",
    more: str = "",
    restarter: str = "svc:/network/inetd:default",
    **properties: str | None,
) -> dict[str, str]:
    """A manifest by hand, in another style than ours."""
    said = {**PROPERTIES, **properties}
    listed = "".join(f"<propval name='{name}' type='x' value='{value}'/>" for name, value in said.items() if value is not None)
    nodes = "".join(f"<value_node value='{proto}'/>" for proto in protos or ("tcp", "tcp6only"))
    return {
        PATH: "<?xml version='1.0'?>\n<!DOCTYPE service_bundle SYSTEM '/usr/share/lib/xml/dtd/service_bundle.dtd.1'>\n"
        "<!-- & é -->\n<service_bundle type='manifest' name='x'>\n<service name='site/mail' type='service' version='1'>\n"
        f"<create_default_instance enabled='{enabled}'/>\n<restarter><service_fmri value='{restarter}'/></restarter>\n"
        f"<exec_method type='method' name='inetd_start' exec=\"{exec}\" timeout_seconds='0'>"
        f"<method_context>{context}</method_context>{method}</exec_method>\n"
        f"<property_group name='inetd' type='framework'>{listed}<property name='proto' type='astring'><astring_list>{nodes}</astring_list>"
        f"</property></property_group>\n{more}</service>\n</service_bundle>\n"
    }


def opened(files: Mapping[str, str]) -> list[str]:
    return [str(held.socket) for held in predict(formats.read(files, HOST).entries, HOST).sockets]


# what inetd.c opens for each value of proto, and what set_bind_addr of inetsvc.c makes of an address
TABLE: list[tuple[tuple[str, ...], dict[str, Any], list[str]]] = [
    (("tcp",), {}, ["0.0.0.0:143"]),
    (("tcp6only",), {}, ["[::]:143 v6only"]),
    (("tcp6",), {}, ["[::]:143 dual"]),
    (("tcp", "tcp6only"), {}, ["0.0.0.0:143", "[::]:143 v6only"]),
    (("tcp6only", "tcp"), {}, ["[::]:143 v6only", "0.0.0.0:143"]),
    (("tcp", "tcp6"), {}, ["0.0.0.0:143", "[::]:143 dual"]),
    (("tcp6only", "tcp6"), {}, ["[::]:143 v6only"]),
    (("tcp", "tcp"), {}, ["0.0.0.0:143"]),
    (("udp", "udp6only"), {"name": "tftp", "endpoint_type": "dgram", "wait": "true"}, ["0.0.0.0:69", "[::]:69 v6only"]),
    (("udp6",), {"name": "tftp", "endpoint_type": "dgram", "wait": "true"}, ["[::]:69 dual"]),
    (("tcp",), {"bind_addr": "127.0.0.1"}, ["127.0.0.1:143"]),
    (("tcp",), {"bind_addr": "0.0.0.0"}, ["0.0.0.0:143"]),
    (("tcp6only",), {"bind_addr": "::1"}, ["[::1]:143"]),
    (("tcp6",), {"bind_addr": "127.0.0.1"}, ["[::ffff:127.0.0.1]:143"]),
    (("tcp", "udp"), {"wait": "true"}, ["0.0.0.0:143"]),
]


@pytest.mark.parametrize(("protos", "said", "expected"), TABLE)
def test_each_value_of_proto_opens_its_socket(protos: tuple[str, ...], said: dict[str, Any], expected: list[str]) -> None:
    assert opened(manifest(*protos, **said)) == expected


def test_everything_that_an_entry_holds_is_read_from_the_manifest() -> None:
    files = manifest(
        exec="/usr/sbin/imapd 'a b' c\\ d", method="<propval name='arg0' type='astring' value='zero'/>",
        context='<method_credential user="mail" group="g" privileges="basic"/>'
        '<method_environment><envvar name="A" value="x &amp; y"/></method_environment>',
        max_copies="3", max_con_rate="50", con_rate_offline="10", tcp_wrappers="true",
    )  # fmt: skip

    assert formats.read(files, HOST).entries == (
        Entry(
            service="imap", id="site/mail", transport=Transport.TCP,
            binds=(
                Bind(family=Family.IPV4, key="tcp site/mail"),
                Bind(family=Family.IPV6, v6only=True, key="tcp6only site/mail"),
            ),
            program=Program(path="/usr/sbin/imapd", argv0="zero", args=("a b", "c d")), user="mail", group="g",
            limits=Limits(instances=3, rate=Rate(connections=50, seconds=1)), environment=(("A", "x & y"),),
            extra=("inetd_start/privileges = basic", "inetd/tcp_wrappers = true"),
        ),
    )  # fmt: skip


@pytest.mark.parametrize(("said", "limits", "extra"), [
    ({"max_copies": "-1", "max_con_rate": "0", "con_rate_offline": "-1"}, Limits(), ()),
    ({"max_con_rate": "50", "con_rate_offline": "30"}, Limits(), ("inetd/max_con_rate = 50", "inetd/con_rate_offline = 30")),
    ({"max_con_rate": "50"}, Limits(), ("inetd/max_con_rate = 50",)),
    ({"max_copies": "3", "wait": "true"}, Limits(), ("inetd/max_copies = 3",)),
])  # fmt: skip
def test_a_limit_that_means_something_else_is_kept_as_it_is_said(said: dict[str, Any], limits: Limits, extra: tuple[str, ...]) -> None:
    (one,) = formats.read(manifest("tcp", **said), HOST).entries

    assert (one.limits, one.extra) == (limits, extra)


def test_an_instance_overrides_its_service_property_by_property() -> None:
    more = (
        "<instance name='six' enabled='true'><property_group name='inetd' type='framework'>"
        "<propval name='proto' type='astring' value='tcp6only'/></property_group></instance>"
        "<instance name='off' enabled='false'/>"
    )
    reading = formats.read(manifest("tcp", more=more), HOST)

    assert [(one.id, [bind.family for bind in one.binds]) for one in reading.entries] == [
        ("site/mail", [Family.IPV4]),
        ("site/mail:six", [Family.IPV6]),
    ]
    assert [fault.code for fault in reading.faults] == ["I832"]


def test_a_service_of_another_restarter_is_none_of_inetds() -> None:
    assert formats.read(manifest(restarter="svc:/system/svc/restarter:default"), HOST).entries == ()


@pytest.mark.parametrize(("protos", "said", "message"), [
    ((), {"name": None}, "the property inetd/name is missing"),
    ((), {"isrpc": None}, "the property inetd/isrpc is missing"),
    ((), {"wait": "nowait"}, "inetd/wait is 'nowait', and has to be true or false"),
    ((), {"endpoint_type": "streams"}, "inetd/endpoint_type is 'streams', and has to be stream or dgram (or tli, xti, raw, seqpacket)"),
    (("tcp,tcp6only",), {}, "inetd/proto 'tcp,tcp6only' is none of tcp, tcp6only, tcp6, udp, udp6only, udp6"),
    (("tcp46",), {}, "inetd/proto 'tcp46' is none of tcp, tcp6only, tcp6, udp, udp6only, udp6"),
    (("udp",), {"endpoint_type": "dgram"}, "a datagram service (udp) has to have inetd/wait true"),
    (("tcp",), {"bind_addr": "::1"}, "inetd/bind_addr ::1 is no IPv4 address, and tcp is IPv4"),
    ((), {"name": "143"}, "the name 143 is a number, and inetd knows services by name only"),
    ((), {"max_copies": "-2"}, "inetd/max_copies is '-2', and has to be a number, or -1 for none"),
    ((), {"exec": "/bin/x; y"}, "inetd_start/exec is empty, or has in it what is no word of a command"),
    ((), {"exec": "/bin/x $(id)"}, "inetd_start/exec runs a command in its words"),
    ((), {"exec": "/bin/x 'y"}, "inetd_start/exec: a quotation is not closed"),
])  # fmt: skip
def test_an_instance_that_inetd_does_not_serve_says_why(protos: tuple[str, ...], said: dict[str, Any], message: str) -> None:
    reading = formats.read(manifest(*protos, **said), HOST)

    assert reading.entries == ()
    assert [(fault.code, fault.message) for fault in reading.faults] == [("I831", f"svc:/site/mail: {message}: inetd does not serve it")]


@pytest.mark.parametrize(("protos", "said", "reason"), [
    ((), {"isrpc": "true"}, "the port of the RPC service imap, which the kernel chooses and rpcbind then tells"),
    ((), {"endpoint_type": "tli"}, "what an endpoint of type tli opens"),
    (("sctp",), {}, "what proto sctp opens"),
    ((), {"bind_addr": "mail.example.org"}, "the address of mail.example.org"),
    (("tcp6",), {"bind_addr": "0.0.0.0"}, "what ::ffff:0.0.0.0 takes"),
    ((), {"exec": "/bin/x $HOME"}, "what the shell makes of $HOME"),
    ((), {"exec": "/bin/x *.conf"}, "what the shell makes of *.conf"),
    ((), {"exec": "/bin/x # y"}, "what the shell makes of #"),
    (("tcp",), {"max_copies": "9" * 12}, "instances 999999999999 is outside 1..2147483647"),
])  # fmt: skip
def test_what_an_instance_opens_is_not_known(protos: tuple[str, ...], said: dict[str, Any], reason: str) -> None:
    assert formats.read(manifest(*protos, **said), HOST).unknown == (f"{PATH}: svc:/site/mail: {reason}",)


def test_a_datagram_protocol_of_a_stream_service_loses_its_own_socket_alone() -> None:
    (fault,) = formats.read(manifest("tcp", "udp", wait="true"), HOST).faults

    assert (fault.code, fault.message) == ("I833", "svc:/site/mail: there is no stream socket of udp: nothing is bound for it")


@pytest.mark.parametrize(("broken", "message"), [
    ("", "no element found: line 1, column 0"),
    ("<service_bundle><service>", "no element found: line 1, column 25"),
    ("<a b='1' b='2'/>", "duplicate attribute: line 1, column 9"),
    ("<a>\udcff</a>", "not well-formed (invalid token): line 1, column 3"),
])  # fmt: skip
def test_a_text_that_is_no_xml_costs_its_file_alone(broken: str, message: str) -> None:
    reading = formats.read({**manifest("tcp"), f"{FOLDER}/a.xml": broken}, HOST)

    assert [fault.message for fault in reading.faults] == [f"{FOLDER}/a.xml: {message}: svccfg imports nothing of it"]
    assert len(reading.entries) == 1


LAUGHS = "<!DOCTYPE a [<!ENTITY a 'haha'><!ENTITY b '&a;&a;&a;&a;'>]>"


@pytest.mark.parametrize(("odd", "reason"), [
    (f"{LAUGHS}<a>&b;</a>", "what its DTD declares of its own (the entity a)"),
    ("<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/shadow'>]><a/>", "what its DTD declares of its own (the entity x)"),
    ("<!DOCTYPE a [<!ENTITY % x SYSTEM 'file:///etc/shadow'> %x;]><a/>", "what its DTD declares of its own (the entity x)"),
    ("<!DOCTYPE a SYSTEM '/x.dtd'><a b='&c;'/>", "what an entity stands for"),
    ("<!DOCTYPE a SYSTEM '/x.dtd'><a>&c;</a>", "what an entity stands for"),
    ("<a>" * 65 + "</a>" * 65, "what stands more than 64 elements deep"),
    ("<a>" + "<b/>" * 5000 + "</a>", "what more than 5000 elements say"),
    ("<service>" + "<instance/>" * 101 + "</service>", "what more than 100 instances of one service say"),
    ("<a><xi:include href='b.xml'/></a>", "what b.xml includes"),
    ("<?xml version='1.0' encoding='klingon'?><a/>", "its encoding"),
    ("\ud800", "its encoding"),
])  # fmt: skip
def test_what_would_have_to_be_expanded_or_fetched_is_not_known(odd: str, reason: str) -> None:
    reading = formats.read({PATH: odd}, HOST)

    assert (reading.entries, reading.faults, reading.unknown) == ((), (), (f"{PATH}: {reason}",))
    assert smf.emit(smf.parse(odd)) == odd


def test_the_usual_doctype_characters_by_number_and_comments_are_read() -> None:
    (one,) = formats.read(manifest("tcp", exec="/bin/x &#39;a &lt; b&#x27;"), HOST).entries

    assert one.program == Program(path="/bin/x", args=("a < b",))


def test_an_entry_stands_where_its_instance_is_enabled() -> None:
    (one,) = formats.read(manifest("tcp"), HOST).entries

    assert one.origin is not None
    assert one.origin.source.text[one.origin.start : one.origin.stop] == "<create_default_instance enabled='true'/>"
    assert one.origin.line == 6


def test_a_relative_program_is_no_path() -> None:
    (one,) = formats.read(manifest("tcp", exec="imapd -x"), HOST).entries

    assert one.program == Unstartable(words=("imapd", "-x"))


# -- writing ---------------------------------------------------------------------------------------------------------------------------

PLAIN = plan([IMAP], HOST).entries[0]
UDP = {"transport": Transport.UDP, "binds": (Bind(family=Family.IPV4, key="udp site/inet46-imap-udp"),)}


@pytest.mark.parametrize(("said", "loss"), [
    ({"only_from": ("10.0.0.0/8",)},
     "imap: access lists are no property of a service: tcp_wrappers only has inetd look into /etc/hosts.allow"),
    ({"limits": Limits(per_source=3)}, "imap: limits.per_source has no property"),
    ({"limits": Limits(nice=3)}, "imap: limits.nice has no property"),
    ({"limits": Limits(umask=3)}, "imap: limits.umask has no property"),
    ({"limits": Limits(rlimits=(("as", 3),))}, "imap: limits.rlimits have no property (projects have them, project(5))"),
    ({"limits": Limits(rate=Rate(connections=3))},
     "imap: limits.rate (3 in 60 s) has no property: max_con_rate counts one second, for nowait alone"),
    ({"limits": Limits(instances=3), "wait": True}, "imap: limits.instances: max_copies counts for nowait alone"),
    ({"wait": True},
     "imap: while a server that is handed the socket itself (wait) runs, inetd listens on no other socket of it"),
    (UDP, "imap: inetd hands a datagram socket to one server (wait); it has no nowait for udp"),
    ({"program": Builtin(builtin="echo")}, "imap: inetd performs no service itself, and starts none but by its absolute path"),
    ({"program": Program(path="/bin/x", args=("%A",))}, "imap: inetd puts the client's address in the place of a first argument %A"),
    ({"program": Program(path="/bin/x", args=("\x01",))}, "imap: no manifest can hold \"/bin/x '\\x01'\""),
    ({"user": "\udcff"}, "imap: no manifest can hold '\\udcff'"),
    ({"program": Program(path="/bin/x", args=("y" * 5000,))}, "imap: a value has 5007 bytes, and SMF holds 4095"),
    ({"environment": (("SMF_FMRI", "x"),)},
     "imap: 'SMF_FMRI' cannot be a variable of a method (no =, and SMF_ is the restarter's own)"),
    ({"id": "site/mail:six"},
     "'site/mail:six' cannot be the name of a service (at most 119 of [A-Za-z0-9_-], words that begin with a letter, / between)"),
    ({"port": 143}, "imap: inetd finds a port by a name in /etc/services, and by nothing else"),
    ({"extra": ("inetd_start/privileges = basic",)}, "imap: inetd_start/privileges = basic is nothing that is written into a manifest"),
    ({"binds": (Bind(family=Family.IPV6, v6only=False),)}, "imap: no value of proto opens IPv6 with v6only=False"),
])  # fmt: skip
def test_what_a_manifest_cannot_say_is_named(said: Mapping[str, Any], loss: str) -> None:
    with pytest.raises(Inexpressible) as caught:
        formats.write([attrs.evolve(PLAIN, **said)], HOST)

    assert loss in caught.value.losses


def test_two_entries_of_one_name_are_refused() -> None:
    with pytest.raises(Inexpressible, match="two entries would be one manifest, /lib/svc/manifest/site/inet46-imap-tcp"):
        formats.write([PLAIN, PLAIN], HOST)


@pytest.mark.parametrize(
    "word", ["a b", "'", '"', "$HOME", "`id`", "*", "~", "#", "a\nb", "", "\\", "<&>", "é", "{a,b}", "x=y", "--o='p q'"]
)
def test_words_mean_themselves_whatever_is_in_them(word: str) -> None:
    entry = attrs.evolve(PLAIN, program=Program(path="/bin/x", args=(word, "end"), argv0=word), environment=(("A", word),))

    assert formats.read(formats.write([entry], HOST), HOST).entries == (entry,)


PAIRS = [
    ("imap", "imapd", Sharing.SEPARATE),
    ("imap", "imapd", Sharing.MAPPED),
    ("pop3", "ipop3d", Sharing.SEPARATE),
    ("pop3", "ipop3d", Sharing.MAPPED),
]


@pytest.mark.parametrize(("name", "program", "sharing"), PAIRS)
def test_the_seeds_come_out_as_manifests(name: str, program: str, sharing: Sharing, golden: Callable[[str, str], None]) -> None:
    policy = HostPolicy(name=HOST, sharing=sharing)
    wishes = [Service(name=each, program=Program(path=f"/usr/local/libexec/{program}")) for each in (name, f"{name}s")]
    planned = plan(wishes, policy)
    folder = f"goldens/illumos_inetd_{sharing.value}_{name}"

    for path, text in planned.files.items():
        golden(text, f"{folder}{path}")
        assert smf.emit(smf.parse(text)) == text
    there = Path(__file__).parent / folder
    assert {f"/{path.relative_to(there)}" for path in there.rglob("*.xml")} == set(planned.files)
    assert formats.read(planned.files, policy).entries == planned.entries


def test_a_server_that_is_handed_the_socket_has_a_manifest_for_each() -> None:
    planned = plan([Service(name="tftp", transport=Transport.UDP, program=Program(path="/bin/x"))], HOST)

    assert list(planned.files) == [f"{FOLDER}/inet46-tftp-udp.xml", f"{FOLDER}/inet46-tftp-udp-ipv6.xml"]
    assert [str(held.socket) for held in planned.sockets] == ["0.0.0.0:69", "[::]:69 v6only"]


def test_each_address_has_an_instance_of_its_own() -> None:
    listeners = (
        Listener(family=Family.IPV4, address="192.0.2.1"), Listener(family=Family.IPV6, address="2001:db8::1"), Listener(family=Family.IPV6),
    )  # fmt: skip
    planned = plan([attrs.evolve(IMAP, listeners=listeners[:2])], HOST)

    assert [one.id for one in planned.entries] == [None, "site/inet46-imap-tcp-ipv6"]
    assert "".join(planned.files.values()).count("bind_addr") == 2


@pytest.mark.parametrize(("sharing", "reason"), [
    (Sharing.SEPARATE, "tcp_wrappers only has inetd look into /etc/hosts.allow"),
    (Sharing.MAPPED, "access for IPv4 cannot be limited on a socket that lets all of IPv6 in"),
    (Sharing.AUTO, "tcp_wrappers only has inetd look into /etc/hosts.allow"),
])  # fmt: skip
def test_an_access_list_is_refused_with_the_reason(sharing: Sharing, reason: str) -> None:
    with pytest.raises(Unprovable, match=reason):
        plan([attrs.evolve(IMAP, access=Access(ipv4=("10.0.0.0/8",)))], HostPolicy(name=HOST, sharing=sharing))


# -- merging and activation ------------------------------------------------------------------------------------------------------------

LINES = "# mine\nimap\tstream\ttcp\tnowait\troot\t/bin/old\told\nftp\tstream\ttcp6\tnowait\troot\t/bin/ftpd\tftpd\n"


def test_a_line_for_the_port_is_taken_out_and_what_inetconv_made_of_it_disabled() -> None:
    merged = merge([IMAP], HOST, {CONF: LINES})

    assert merged.files[CONF] == LINES.replace("imap\tstream\ttcp\tnowait\troot\t/bin/old\told\n", "")
    assert set(merged.files) == {CONF, f"{FOLDER}/inet46-imap-tcp.xml"}
    assert merged.activate == (
        "inetadm -d svc:/network/imap/tcp:default",
        f"svccfg import {FOLDER}/inet46-imap-tcp.xml",
        "inetadm -e svc:/site/inet46-imap-tcp:default",
    )
    assert words.verbs(merged.activate, resolve(HOST).row.unit) == ", ".join(merged.activate)


def test_a_line_that_does_it_already_stays() -> None:
    merged = merge(
        [attrs.evolve(IMAP, name="ftp", program=Program(path="/bin/ftpd"))], HostPolicy(name=HOST, sharing=Sharing.MAPPED), {CONF: LINES}
    )

    assert (dict(merged.files), merged.activate) == ({}, ())


def test_a_manifest_that_holds_the_port_is_disabled_and_nothing_else_in_it_changes() -> None:
    merged = merge([IMAP], HOST, manifest("tcp6"))

    assert merged.files[PATH] == manifest("tcp6", enabled="false")[PATH]
    assert merged.activate[0] == f"inetadm -d {FMRI}"


def test_two_instances_of_one_manifest_are_both_disabled() -> None:
    more = (
        "<instance name='six' enabled=\"true\"><property_group name='inetd' type='framework'>"
        "<propval name='proto' type='astring' value='tcp6only'/></property_group></instance>"
    )
    merged = merge([IMAP], HOST, manifest("tcp", more=more))

    assert merged.files[PATH] == manifest("tcp", enabled="false", more=more.replace('"true"', '"false"'))[PATH]


def test_that_clients_are_held_against_hosts_allow_stays_so() -> None:
    merged = merge([IMAP], HOST, manifest("tcp", tcp_wrappers="true"))

    assert '<propval name="tcp_wrappers" type="boolean" value="true"/>' in merged.files[f"{FOLDER}/inet46-imap-tcp.xml"]


def test_a_service_that_is_not_wanted_any_more_is_disabled() -> None:
    files = merge([IMAP], HOST, {}).files
    merged = merge([attrs.evolve(IMAP, enabled=False)], HOST, files)

    (path,) = files
    assert merged.files == {path: files[path].replace('enabled="true"', 'enabled="false"')}
    assert merged.activate == ("inetadm -d svc:/site/inet46-imap-tcp:default",)


def test_a_manifest_of_ours_that_changes_is_imported_and_refreshed() -> None:
    files = merge([IMAP], HOST, {}).files
    merged = merge([attrs.evolve(IMAP, user="mail")], HOST, files)

    assert merged.activate == (f"svccfg import {FOLDER}/inet46-imap-tcp.xml", "svcadm refresh svc:/site/inet46-imap-tcp:default")


@pytest.mark.parametrize(("old", "new", "verbs"), [
    ("", LINES, ("inetconv",)),
    (LINES, LINES.replace("root", "mail"), ("inetconv -f",)),
    (LINES, "", ("inetadm -d svc:/network/imap/tcp:default", "inetadm -d svc:/network/ftp/tcp6:default")),
    (LINES, LINES, ()),
])  # fmt: skip
def test_lines_take_effect_through_inetconv(old: str, new: str, verbs: tuple[str, ...]) -> None:
    before, after = (formats.read({CONF: text}, HOST) for text in (old, new))

    assert activation(before, after, resolve(HOST)) == verbs


@pytest.mark.parametrize(("service", "name"), [("imap", "imap/tcp"), ("3com.x", "s-3com_x/tcp"), ("a+b", "a_b/tcp")])
def test_inetconv_names_the_service_of_a_line(service: str, name: str) -> None:
    entry = Entry(service=service, transport=Transport.TCP, binds=(Bind(family=Family.IPV4, key="tcp"),), program=Program(path="/x"))

    assert smf.converted(entry) == f"svc:/network/{name}:default"


def test_a_line_and_a_manifest_for_one_port_contend_for_it() -> None:
    reading = formats.read({CONF: LINES, **manifest("tcp")}, HOST)
    result = predict(reading.entries, HOST)

    assert [fault.code for fault in result.faults] == ["I201"]
    assert [str(held.socket) for held in result.sockets if held.service == "imap"] == ["0.0.0.0:143"]


def test_cps_of_xinetd_becomes_the_connection_rate_and_an_access_list_names_what_comes_nearest() -> None:
    paragraph = "service imap\n{\nsocket_type = stream\nwait = no\nuser = root\nserver = /bin/x\ncps = 50 10\nonly_from = 10.0.0.0/8\n}\n"
    conversion = convert({"/etc/xinetd.conf": paragraph}, "debian-12/xinetd", HOST)

    assert conversion.services[0].limits.rate == Rate(connections=50, seconds=1)
    assert [(loss.thing, loss.guards, (loss.instead or "").partition(",")[0]) for loss in conversion.losses] == [
        ("access", True, "tcp_wrappers=true")
    ]


def test_rules_of_lines_do_not_look_at_manifests() -> None:
    report = check({CONF: "", **manifest("tcp", "tcp6only")}, HOST)

    assert (report.diagnostics, report.unknown) == ((), ())
