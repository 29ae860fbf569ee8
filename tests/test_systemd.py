"""Units: read with their services, drop-ins and links; written such that they are read back; refused by name where they cannot be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import pytest

from inet46 import formats
from inet46.diagnostics import Severity
from inet46.entry import Bind, Entry, Unstartable
from inet46.errors import Inexpressible, Unprovable
from inet46.formats import Link
from inet46.formats.systemd import Document, parse
from inet46.formats.systemd.values import address, boolean, escaped, number, quote, split, unescaped
from inet46.host import HostPolicy, Sharing
from inet46.merge import merge
from inet46.plan import plan
from inet46.predict import predict
from inet46.service import Access, Builtin, Limits, Program, Rate, Service
from inet46.sockets import Family, Transport

HOST = "debian-12/systemd"
ETC, LIB = "/etc/systemd/system", "/usr/lib/systemd/system"
CAT = "[Service]\nExecStart=-/bin/cat\nStandardInput=socket\n"
V4, ANY6 = Bind(family=Family.IPV4), Bind(family=Family.IPV6)


def files(socket: str, service: str = CAT, *, name: str = "imap", **more: str) -> dict[str, str]:
    """An enabled socket with both kinds of service."""
    return {
        f"{ETC}/{name}.socket": f"[Socket]\n{socket}\n",
        f"{ETC}/{name}@.service": service,
        f"{ETC}/{name}.service": service,
        f"{ETC}/sockets.target.wants/{name}.socket": Link(f"../{name}.socket"),
        **more,
    }


def entry(socket: str = "ListenStream=143\nAccept=yes", service: str = CAT) -> Entry:
    (one,) = formats.read(files(socket, service), HOST).entries
    return one


def opened(told: Mapping[str, str], **policy: Any) -> list[str]:
    return [str(held.socket) for held in predict(formats.read(told, HOST).entries, HostPolicy(name=HOST, **policy)).sockets]


# -- the grammar -----------------------------------------------------------------------------------------------------------------------


def told(document: Document) -> list[tuple[str, str, str]]:
    return [(one.section, one.key, one.value) for one in document.assignments]


@pytest.mark.parametrize(("text", "expected"), [
    ("[A]\nb=c\n", [("A", "b", "c")]),
    ("[A]\n  b =  c d  \n", [("A", "b", "c d")]),
    ("\ufeff[A]\nb=c", [("A", "b", "c")]),
    ("[A]\nb=\n", [("A", "b", "")]),
    ("[A]\nb=c\\\n  d\\\\\n", [("A", "b", "c d\\\\")]),
    ("[A]\nb=c\\\n# no\n;no\n d\n", [("A", "b", "c d")]),
    ("[A]\nb=c\\", [("A", "b", "c")]),
    ("[A]\r\nb=c\\\r\nd\r\n", [("A", "b", "c d")]),
    ("[A]\nb=c\rd=e\0f=g\n", [("A", "b", "c"), ("A", "d", "e"), ("A", "f", "g")]),
    ("a=b\n[A]\nnothing\nb=c=d\n", [("A", "b", "c=d")]),
    ("[A]\nb=c\n[A\nd=e\n", [("A", "b", "c")]),
    ("[A]\nb=c\nd=\udcff\ne=f\n", [("A", "b", "c")]),
])  # fmt: skip
def test_a_unit_file_is_cut_into_assignments_as_systemd_cuts_it(text: str, expected: list[tuple[str, str, str]]) -> None:
    assert told(parse(text)) == expected


@pytest.mark.parametrize(("text", "words"), [
    ("a  b\tc", ["a", "b", "c"]), ("'a b' \"c d\"", ["a b", "c d"]), ('pre"mid q"post', ["premid qpost"]), ('""', [""]),
    (r"a\x20b \101 \u00e9 \s \q \; \x00 \400", ["a b", "A", "é", " ", "\\q", ";", "\\x00", "\\400"]),
    (r'"a\"b" \'', ['a"b', "'"]), (r"\xff", ["\udcff"]), ("a ; b", ["a", ";", "b"]),
])  # fmt: skip
def test_words_are_split_and_unquoted_as_systemd_does(text: str, words: list[str]) -> None:
    assert [word for word, _ in split(text) or ()] == words


def test_a_quote_that_is_not_closed_is_no_list_of_words() -> None:
    assert split("a 'b") is None


@pytest.mark.parametrize("word", ["a", "", "a b", "'\"\\", "\n\t\x01", "é日", "\udcff", ";", "#", "$x", "%i", "a\\", "\u2028"])
def test_a_word_that_is_quoted_is_that_word_again(word: str) -> None:
    assert split(quote(word)) == [(word.replace("%", "%%"), False)]


@pytest.mark.parametrize(("text", "value"), [
    ("143", 143), ("0x8f", 143), ("0b11", 3), ("017", 15), ("0o17", 15), ("0", 0), ("08", None), ("-1", None), ("1_0", None), ("\u0661", None),
    ("65536", None), ("", None), ("9" * 30, None),
])  # fmt: skip
def test_numbers_are_read_in_every_base_that_systemd_knows(text: str, value: int | None) -> None:
    assert number(text, most=65535) == value


@pytest.mark.parametrize(("text", "value"), [
    ("143", (None, 143)), ("[::]:143", ("::", 143)), ("0.0.0.0:143", ("0.0.0.0", 143)), ("[0::1]:0x10", ("::1", 16)),
    ("[::ffff:1.2.3.4]:1", ("::ffff:1.2.3.4", 1)), ("*:143", None), ("::1:143", None), ("localhost:1", None), ("127.1:1", None), ("0", None),
    ("[fe80::1%lo]:1", None), ("1.2.3.4", None),
])  # fmt: skip
def test_addresses_are_numeric_and_those_of_ipv6_stand_in_brackets(text: str, value: tuple[str | None, int] | None) -> None:
    assert address(text) == value


@pytest.mark.parametrize(
    ("text", "value"), [("YES", True), ("t", True), ("1", True), ("Off", False), ("n", False), ("", None), ("2", None)]
)
def test_booleans_have_many_spellings(text: str, *, value: bool | None) -> None:
    assert boolean(text) is value


@pytest.mark.parametrize(
    ("service", "stem"),
    [("imap", "imap"), ("check-mk", "check-mk"), ("o@dd!", r"o\x40dd\x21"), (".x", r"\x2ex"), ("\\x40", r"\x5cx40"), ("é", r"\xc3\xa9")],
)
def test_a_name_that_would_be_no_units_is_escaped_as_systemd_escape_does(service: str, stem: str) -> None:
    assert (escaped(service), unescaped(stem)) == (stem, service)


# -- reading ---------------------------------------------------------------------------------------------------------------------------


def test_everything_that_an_entry_holds_is_read_from_the_two_units() -> None:
    socket = (
        "ListenStream=143\nListenStream=127.0.0.1:143\nBindIPv6Only=ipv6-only\nAccept=yes\nMaxConnections=9\nMaxConnectionsPerSource=3\n"
    )
    socket += "IPAddressDeny=any\nIPAddressAllow=localhost 192.0.2.0/24\nBacklog=5"
    service = "[Unit]\nDescription=x\nAfter=y.target\n[Service]\nExecStart=-@/bin/x zero 'a b' $$A %%p\nStandardInput=socket\nUser=mail\nGroup=g\n"
    service += 'UMask=027\nNice=-5\nLimitNOFILE=99\nLimitAS=1M\nEnvironment=A=1 "B=x y"\nProtectSystem=strict\n'

    assert entry(socket, service) == Entry(
        service="imap",
        port=143,
        transport=Transport.TCP,
        binds=(Bind(family=Family.IPV6, v6only=True), Bind(family=Family.IPV4, address="127.0.0.1")),
        program=Program(path="/bin/x", argv0="zero", args=("a b", "$A", "%p")),
        user="mail",
        group="g",
        limits=Limits(instances=9, per_source=3, umask=0o27, nice=-5, rlimits=(("files", 99), ("as", 2**20))),
        only_from=("127.0.0.0/8", "::1/128", "192.0.2.0/24"),
        environment=(("A", "1"), ("B", "x y")),
        extra=(".socket [Socket] Backlog=5", ".service [Unit] After=y.target", ".service [Service] ProtectSystem=strict"),
    )


def test_a_server_that_gets_the_socket_is_the_service_of_the_same_name_or_the_one_that_is_named() -> None:
    other = {f"{ETC}/other.service": CAT.replace("cat", "dog")}
    (own,) = formats.read(files("ListenDatagram=69"), HOST).entries
    (named,) = formats.read(files("ListenDatagram=69\nService=other.service", **other), HOST).entries

    assert (own.wait, own.transport, own.program) == (True, Transport.UDP, Program(path="/bin/cat"))
    assert (named.program, named.extra) == (Program(path="/bin/dog"), (".socket [Socket] Service=other.service",))


@pytest.mark.parametrize(("command", "program", "kept"), [
    ("/bin/x a", Program(path="/bin/x", args=("a",)), False),
    ("-:/bin/x ${A}", Program(path="/bin/x", args=("${A}",)), False),
    ("+/bin/x", Program(path="/bin/x"), True),
    ("/bin/x %i", Program(path="/bin/x", args=("%i",)), True),
    ("/bin/x $OPTIONS", Program(path="/bin/x", args=("$OPTIONS",)), True),
    ("/bin/x a${B}c", Program(path="/bin/x", args=("a${B}c",)), True),
    ("/bin/x %p a$b $$", Program(path="/bin/x", args=("imap", "a$b", "$")), False),
    ("cat a", Unstartable(words=("cat", "a")), False),
])  # fmt: skip
def test_a_command_that_no_program_can_hold_is_kept_word_for_word(command: str, program: object, *, kept: bool) -> None:
    one = entry(service=f"[Service]\nExecStart={command}\nStandardInput=socket\n")

    assert (one.program, one.extra) == (program, (f".service [Service] ExecStart={command}",) if kept else ())


@pytest.mark.parametrize(("socket", "service", "message"), [
    ("Accept=yes", CAT, "imap.socket has no Listen setting, and is refused"),
    ("ListenStream=143\nListenStream=", CAT, "imap.socket has no Listen setting, and is refused"),
    ("ListenDatagram=143\nAccept=yes", CAT, "imap.socket says Accept=yes of a socket that has no connections, and is refused"),
    ("ListenStream=143\nAccept=yes\nMaxConnections=0", CAT, "imap.socket says Accept=yes and MaxConnections=0, and is refused"),
    ("ListenStream=143\nAccept=yes\nService=imap.service", CAT,
     "imap.socket says Accept=yes and Service=, and is refused: its service is named by its own name"),
    ("ListenStream=143", "[Service]\n", "imap.socket is refused: imap.service has no ExecStart="),
    ("ListenStream=143\nService=no.service", CAT, "imap.socket is refused: no.service is not there, or is not loaded"),
    ("ListenStream=143\n[Socket", CAT, "imap.socket is not loaded"),
    ("ListenStream=143\n\udcff", CAT, "imap.socket is not loaded"),
    ("ListenStream=@a\nListenStream=@a\nListenStream=143\nAccept=yes", CAT, "imap.socket fails as a whole: an abstract address is bound twice"),
])  # fmt: skip
def test_a_unit_that_systemd_refuses_opens_nothing_and_says_why(socket: str, service: str, message: str) -> None:
    reading = formats.read(files(socket, service), HOST)

    assert reading.entries == ()
    assert reading.faults[-1].message == message


@pytest.mark.parametrize(("socket", "code", "message"), [
    ("Accept=maybe", "I811", "imap.socket: Accept=maybe is neither yes nor no; it is ignored"),
    ("ListenStream=x", "I811", "imap.socket: ListenStream=x is no PORT, ADDRESS:PORT or [ADDRESS]:PORT with a numeric address; it is ignored"),
    ("BindIPv6Only=x", "I811", "imap.socket: BindIPv6Only=x is none of default, both, ipv6-only; it is ignored"),
    ("IPAddressAllow=a.b", "I811", "imap.socket: IPAddressAllow=a.b is a list with a.b in it, which is no address; it is ignored"),
    ("ListenStraem=1", "I810", "imap.socket: there is no ListenStraem= in [Socket]; it is ignored"),
    ("[Sokcet]\nA=b", "I809", "imap.socket: there is no [Sokcet] in a .socket; it is ignored"),
    ("nothing", "I803", "'nothing' has no '='; it is ignored"),
])  # fmt: skip
def test_what_systemd_ignores_is_a_warning(socket: str, code: str, message: str) -> None:
    reading = formats.read(files(f"ListenStream=143\nAccept=yes\n{socket}"), HOST)

    assert [(fault.code, fault.severity, fault.message) for fault in reading.faults] == [(code, Severity.WARNING, message)]
    assert len(reading.entries) == 1


def test_an_access_list_in_the_service_is_said_to_do_nothing() -> None:
    (fault,) = formats.read(files("ListenStream=143\nAccept=yes", f"{CAT}IPAddressDeny=any\n"), HOST).faults

    assert fault.message == "imap@.service: IPAddressDeny= does nothing for a socket that is handed over; it belongs in the .socket"


@pytest.mark.parametrize("said", ["ConditionPathExists=/x", "AssertHost=x"])
def test_what_depends_on_the_host_is_not_known(said: str) -> None:
    reading = formats.read(files(f"ListenStream=143\nAccept=yes\n[Unit]\n{said}"), HOST)

    assert reading.entries == ()
    assert reading.unknown == (f"{ETC}/imap.socket: imap.socket: what {said} comes to on the host",)


def test_a_condition_that_is_taken_back_decides_nothing() -> None:
    assert opened(files("ListenStream=143\nAccept=yes\n[Unit]\nConditionPathExists=/x\nConditionHost=")) == ["[::]:143 dual"]


def test_a_unit_that_nothing_starts_is_a_note_and_one_whose_starter_is_not_known_is_unknown() -> None:
    off = files("ListenStream=143\nAccept=yes")
    link = off.pop(f"{ETC}/sockets.target.wants/imap.socket")
    reading = formats.read(off, HOST)
    doubtful = formats.read({**off, f"{ETC}/mail.target.wants/imap.socket": link}, HOST)

    assert [(fault.code, fault.severity) for fault in reading.faults] == [("I801", Severity.NOTE)]
    assert doubtful.unknown == (f"{ETC}/imap.socket: imap.socket: whether mail.target, which starts it, is started",)


def test_two_units_that_contend_for_a_port_are_started_in_an_order_that_nobody_knows() -> None:
    both = {**files("ListenStream=143\nAccept=yes"), **files("ListenStream=0.0.0.0:143\nAccept=yes", name="other")}
    apart = {**files("ListenStream=127.0.0.1:143\nAccept=yes"), **files("ListenStream=127.0.0.2:143\nAccept=yes", name="other")}

    assert formats.read(both, HOST).unknown == (
        "imap.socket and other.socket contend for 143/tcp, and which is started first is not known",
    )
    assert formats.read(apart, HOST).unknown == ()


def test_a_port_alone_is_ipv4_where_there_is_no_ipv6() -> None:
    policy = HostPolicy(name=HOST, ipv6=False)

    assert [str(held.socket) for held in predict(formats.read(files("ListenStream=143\nAccept=yes"), policy).entries, policy).sockets] == [
        "0.0.0.0:143"
    ]


# -- predicting ------------------------------------------------------------------------------------------------------------------------

# facts/os.md 3, the table; (lines, bindv6only, sockets)
TABLE = [
    ("ListenStream=143", 0, ["[::]:143 dual"]),
    ("ListenStream=143", 1, ["[::]:143 v6only"]),
    ("ListenStream=[::]:143", 0, ["[::]:143 dual"]),
    ("ListenStream=0.0.0.0:143", 0, ["0.0.0.0:143"]),
    ("ListenStream=143\nBindIPv6Only=ipv6-only", 0, ["[::]:143 v6only"]),
    ("ListenStream=0.0.0.0:143\nListenStream=[::]:143\nBindIPv6Only=both", 0, []),
    ("ListenStream=[::]:143\nListenStream=0.0.0.0:143\nBindIPv6Only=both", 1, []),
    ("ListenStream=0.0.0.0:143\nListenStream=[::]:143", 0, []),
    ("ListenStream=0.0.0.0:143\nListenStream=[::]:143", 1, ["0.0.0.0:143", "[::]:143 v6only"]),
    ("ListenStream=0.0.0.0:143\nListenStream=[::]:143\nBindIPv6Only=ipv6-only", 0, ["0.0.0.0:143", "[::]:143 v6only"]),
    ("ListenStream=0.0.0.0:143\nListenStream=[::]:143\nBindIPv6Only=both\nReusePort=yes", 0, ["0.0.0.0:143", "[::]:143 dual"]),
    ("ListenStream=[::ffff:127.0.0.1]:143", 0, ["[::ffff:127.0.0.1]:143"]),
    ("ListenStream=143\nListenStream=[::ffff:127.0.0.1]:144\nBindIPv6Only=ipv6-only", 0, []),
]


@pytest.mark.parametrize(("lines", "knob", "sockets"), TABLE)
def test_a_unit_opens_all_of_its_sockets_or_none(lines: str, knob: int, sockets: list[str]) -> None:
    assert opened(files(f"{lines}\nAccept=yes"), settings={"net.ipv6.bindv6only": knob}) == sockets


def test_a_unit_that_fails_takes_its_other_ports_with_it_and_leaves_other_units_alone() -> None:
    bad = files("ListenStream=25\nListenStream=143\nListenStream=143\nAccept=yes")
    good = files("ListenStream=110\nAccept=yes", name="pop3")
    result = predict(formats.read({**bad, **good}, HOST).entries, HOST)

    assert [str(held.socket) for held in result.sockets] == ["[::]:110 dual"]
    assert [fault.message for fault in result.faults] == [
        "imap/tcp: address already in use: [::]:143 dual is taken by [::]:143 dual of imap",
        "imap.socket fails as a whole: nothing of it listens",
    ]


# -- writing ---------------------------------------------------------------------------------------------------------------------------


def test_an_entry_that_says_everything_is_written_and_read_back() -> None:
    everything = Entry(
        service="imap", id="imap-here", port=143, transport=Transport.TCP,
        binds=(V4, Bind(family=Family.IPV6, v6only=True, reuseport=False)),
        program=Program(path="/usr/sbin/im ap", argv0="im%ap", args=("$x", "a\nb", "", ";")),
        user="mail", group="g", limits=Limits(instances=9, per_source=3, umask=0o27, nice=-5, rlimits=(("files", 99),)),
        only_from=("192.0.2.0/24", "::/0"), environment=(("A", "x y"),),
        extra=(".socket [Unit] After=x.target", ".socket [Socket] Backlog=5", ".service [Unit] After=y.target", ".service [Service] ProtectSystem=strict"),
    )  # fmt: skip
    written = formats.write([everything], HOST)

    assert written == {
        f"{ETC}/imap-here.socket": "[Unit]\nDescription=imap: one server for each connection\nAfter=x.target\n\n"
        "[Socket]\nListenStream=0.0.0.0:143\nListenStream=[::]:143\nBindIPv6Only=ipv6-only\nAccept=yes\n"
        "MaxConnections=9\nMaxConnectionsPerSource=3\nIPAddressDeny=any\nIPAddressAllow=192.0.2.0/24 ::/0\nBacklog=5\n\n"
        "[X-inet46]\nService=imap\n\n[Install]\nWantedBy=sockets.target\n",
        f"{ETC}/imap-here@.service": "[Unit]\nDescription=imap\nAfter=y.target\n\n"
        '[Service]\nExecStart="-@/usr/sbin/im ap" im%%ap $$x "a\\x0ab" "" ";"\nStandardInput=socket\nUser=mail\nGroup=g\n'
        'Environment="A=x y"\nNice=-5\nUMask=0027\nLimitNOFILE=99\nProtectSystem=strict\n',
        f"{ETC}/sockets.target.wants/imap-here.socket": f"{ETC}/imap-here.socket",
    }
    assert isinstance(written[f"{ETC}/sockets.target.wants/imap-here.socket"], Link)
    assert formats.read(written, HOST).entries == (everything,)


PLAIN = Entry(service="imap", port=143, transport=Transport.TCP, binds=(V4,), program=Program(path="/bin/x"))


@pytest.mark.parametrize(("said", "loss"), [
    ({"program": Builtin(builtin="imap")}, "imap: systemd performs no service itself, 'imap' needs a program"),
    ({"limits": Limits(rate=Rate(connections=5, seconds=1))},
     "imap: limits.rate (5 in 1 s) has no spelling in systemd: TriggerLimitBurst= is near, but one more ends the unit, and the port stays closed until somebody starts it again"),
    ({"limits": Limits(nice=20)}, "imap: limits.nice 20 is more than 19, the most that systemd takes"),
    ({"limits": Limits(instances=1), "wait": True},
     "imap: limits.instances counts connections, and systemd sees none of a server that gets the socket (wait)"),
    ({"wait": True, "binds": (V4, Bind(family=Family.IPV6, v6only=True))},
     "imap: a server that is handed the socket itself (wait) gets one socket from systemd, not several"),
    ({"transport": Transport.UDP}, "imap: systemd hands a datagram socket to one server (wait); it has no nowait for udp"),
    ({"binds": (ANY6, Bind(family=Family.IPV6, v6only=True, address="::1"))}, "imap: all IPv6 sockets of a unit have one BindIPv6Only"),
    ({"only_from": ("10.0.0.0/8",), "no_access": ("10.1.0.0/16",)},
     "imap: no_access cannot stand beside only_from: what IPAddressAllow= lets in, IPAddressDeny= does not keep out"),
    ({"only_from": ("mail.example.org",)}, "imap: access has 'mail.example.org', and systemd takes numeric networks only (192.0.2.0/24, 2001:db8::/32)"),
    ({"only_from": ("192.0.2.0",)}, "imap: access has '192.0.2.0', and systemd takes numeric networks only (192.0.2.0/24, 2001:db8::/32)"),
    ({"user": "a b"}, "imap: user 'a b' cannot stand in a unit ([A-Za-z0-9_.-])"),
    ({"port": None}, "imap: systemd knows ports by number only; give the service a port"),
    ({"environment": (("A", "\x01"),)}, "imap: environment A '\\x01' holds a control character or is not UTF-8, and systemd ignores it"),
    ({"program": Program(path='/bin/a"b')}, "imap: '/bin/a\"b' cannot stand in a unit as the path of a program"),
    ({"extra": ("banner = /x",)}, "imap: banner = /x cannot be said in a unit"),
    ({"id": "x" * 200}, f"{'x' * 200!r} has 200 letters as the name of a unit, which may have 1 to 120 here"),
    ({"binds": (Bind(family=Family.IPV4, address="mail"),)}, "imap: 'mail' is not a numeric IPv4 address"),
])  # fmt: skip
def test_what_systemd_cannot_be_told_is_named(said: Mapping[str, Any], loss: str) -> None:
    with pytest.raises(Inexpressible) as caught:
        formats.write([attrs.evolve(PLAIN, **said)], HOST)

    assert loss in caught.value.losses


def test_two_entries_of_one_name_and_port_are_no_unit() -> None:
    with pytest.raises(Inexpressible, match=r"imap: 2 entries would be one unit, imap\.socket; give them an id each"):
        formats.write([PLAIN, PLAIN], HOST)


# -- planning and merging --------------------------------------------------------------------------------------------------------------


def test_a_server_that_gets_the_socket_is_two_units_for_two_families_and_one_for_a_shared_socket() -> None:
    wish = Service(name="tftp", transport=Transport.UDP, program=Program(path="/usr/sbin/tftpd"))
    names = [
        sorted(path.rpartition("/")[2] for path in plan([wish], HostPolicy(name=HOST, sharing=sharing)).files if ".wants/" not in path)
        for sharing in (Sharing.SEPARATE, Sharing.MAPPED)
    ]

    assert names == [
        ["tftp-ipv6.service", "tftp-ipv6.socket", "tftp.service", "tftp.socket"],
        ["tftp.service", "tftp.socket"],
    ]


def test_access_of_two_families_is_one_list_that_looks_at_packets() -> None:
    wish = Service(name="imap", program=Program(path="/bin/x"), access=Access(ipv4=("192.0.2.0/24",), ipv6=None))

    for sharing in Sharing:
        (one,) = plan([wish], HostPolicy(name=HOST, sharing=sharing)).entries
        assert one.only_from == ("192.0.2.0/24", "::/0")


@pytest.mark.parametrize(("wish", "reason"), [
    ({"program": Builtin(builtin="imap")}, "imap: systemd performs no service itself"),
    ({"transport": Transport.UDP, "wait": False, "port": 69}, "it has no nowait for udp"),
    ({"limits": Limits(rate=Rate(connections=5))}, "limits.rate (5 in 60 s) has no spelling in systemd"),
])  # fmt: skip
def test_what_cannot_be_had_is_refused_with_the_reason(wish: Mapping[str, Any], reason: str) -> None:
    with pytest.raises(Unprovable) as caught:
        plan([Service(**{"name": "imap", "program": Program(path="/bin/x"), **wish})], HOST)

    assert reason in str(caught.value)


IMAP = Service(name="imap", program=Program(path="/bin/x"))


def test_a_unit_of_another_name_that_holds_the_port_is_disabled_and_keeps_every_byte() -> None:
    there = files("ListenStream=143\nAccept=yes", name="dovecot")
    merged = merge([IMAP], HOST, there)

    assert merged.files[f"{ETC}/sockets.target.wants/dovecot.socket"] == Link("")
    assert not {f"{ETC}/dovecot.socket", f"{ETC}/dovecot@.service"} & set(merged.files)
    assert merged.activate == ("daemon-reload", "disable --now dovecot.socket", "enable --now imap.socket")
    assert [str(held.socket) for held in merged.sockets] == ["0.0.0.0:143", "[::]:143 v6only"]


def test_a_unit_that_the_vendor_enables_is_masked_where_it_is_wanted() -> None:
    there = files("ListenStream=143\nAccept=yes", name="dovecot")
    there[f"{LIB}/sockets.target.wants/dovecot.socket"] = there.pop(f"{ETC}/sockets.target.wants/dovecot.socket")

    assert merge([IMAP], HOST, there).files[f"{ETC}/sockets.target.wants/dovecot.socket"] == Link("/dev/null")


def test_a_unit_that_serves_as_wanted_is_left_alone_whatever_its_spelling() -> None:
    there = files(
        "ListenStream = [::]:143\n# both\nBindIPv6Only=both\nAccept=on",
        "[Service]\nExecStart=/bin/x\nStandardInput=socket\nNoNewPrivileges=yes\n",
        name="odd",
    )
    merged = merge([IMAP], HostPolicy(name=HOST, sharing=Sharing.MAPPED), there)

    assert (merged.files, merged.activate) == ({}, ())


def test_a_unit_that_serves_another_port_too_is_not_taken_away() -> None:
    there = files("ListenStream=143\nListenStream=25\nAccept=yes", name="mail")

    with pytest.raises(Unprovable, match="other services would not stay as they are"):
        merge([IMAP], HOST, there)


def test_a_service_that_is_switched_off_is_disabled() -> None:
    there = dict(plan([IMAP], HOST).files)
    merged = merge([attrs.evolve(IMAP, enabled=False)], HOST, there)

    assert (merged.files, merged.sockets) == ({f"{ETC}/sockets.target.wants/imap.socket": Link("")}, ())
    assert merged.activate == ("daemon-reload", "disable --now imap.socket")
