"""NetBSD's key = value syntax and its includes: what is open in the end (table in cases/inetd/keyed.toml), what is said, what is written."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inet46 import formats
from inet46.diagnostics import Cost
from inet46.entry import Bind, Entry
from inet46.errors import Inexpressible
from inet46.formats import inetd
from inet46.host import HostPolicy
from inet46.knowledge import InetdBuild, resolve
from inet46.merge import merge
from inet46.service import Builtin, Limits, Program, Rate, Service
from inet46.sockets import Family, Transport
from tests.test_inetd import told

HOST = "netbsd-10/inetd"
MAIN = "/etc/inetd.conf"
CASES: list[dict[str, Any]] = tomllib.loads((Path(__file__).parent / "cases" / "inetd" / "keyed.toml").read_text())["case"]
LINE = "{} stream tcp4 nowait root /bin/{}\n"


@pytest.mark.parametrize(("text", "expected"), [pytest.param(case["text"], case["open"], id=case["name"]) for case in CASES])
def test_definitions_cost_and_open_what_the_source_says(text: str, expected: str) -> None:
    assert told(text, HostPolicy(name=HOST)) == expected
    assert inetd.emit(inetd.parse(text)) == text


def read(text: str) -> Entry:
    (entry,) = formats.read({MAIN: text}, HOST).entries
    return entry


def test_the_keys_of_a_definition_are_the_fields_of_an_entry() -> None:
    text = "imap on protocol=tcp6,wait=yes,service_max=10,user=a.b,group=mail,exec=/bin/x,args=y 'a b' -c;\n"

    assert read(text) == Entry(
        service="imap",
        transport=Transport.TCP,
        binds=(Bind(family=Family.IPV6, key="tcp6"),),
        program=Program(path="/bin/x", args=("a b", "-c"), argv0="y"),
        wait=True,
        user="a.b",
        group="mail",
        limits=Limits(rate=Rate(connections=9)),
    )


def test_what_no_field_holds_is_kept_as_it_was_said() -> None:
    text = "imap on protocol=tcp4,acceptfilter=dataready x,sndbuf=64k,ip_max=5,ipsec='in none',service_max=1,wait=no,user=root,exec=/x;\n"

    assert read(text).extra == ("acceptfilter = dataready x", "sndbuf = 64k", "ip_max = 5", "ipsec = in none", "service_max = 1")


@pytest.mark.parametrize(("written", "value"), [
    ("a'b c'd", "ab cd"), (r"'a\n\t\r\\b'", "a\n\t\r\\b"), (r'"\"\x41\'"', "\"A'"), (r"'\xc3\xa9'", "é"), (r"'\xff'", "\udcff"),
    (r"a\b", r"a\b"), (r"'a\x00b'", "a"), ("''", ""), ("a'#,;'", "a#,;"),
])  # fmt: skip
def test_quotes_and_escapes_of_a_value(written: str, value: str) -> None:
    program = read(f"imap on protocol=tcp4,wait=no,user=root,exec=/x,args=x {written};\n").program

    assert isinstance(program, Program)
    assert program.args == (value,)


MESSAGES = [
    ("imap on protokol=tcp4, wait=maybe, user=root, exec=/x;",
     "imap: unknown option 'protokol', did you mean protocol?; wait 'maybe' is not yes or no; socktype is not specified; wait is not specified;"
     " protocol is not specified; the definition is lost"),
    ("imap on protocol=tcp, wait=no, user=root, exec=/x;",
     "imap: tcp says no family and * is no numeric address; tcp4 and tcp6 say one; the definition is lost"),
    ("imap on protocol=tcp4, user=root;",
     "imap: internal service imap unknown: this inetd has echo, discard, daytime, time, chargen, tcpmux; the definition is lost"),
    ("imap on user=a b, user=c, service_max=x, protocol=tcp4, wait=no, exec=/x;",
     "imap: user has 2 values, and takes 1; service_max 'x' is not a number; the definition is lost"),
    ("imap on protocol tcp4;", "'t' stands where '=' is needed, behind 'protocol'; the rest of the file is not read"),
    ("imap on protocol=tcp4", "the file ends inside the definition; the rest of the file is not read"),
    (r"imap on exec='\q';", r"""the escape \q is not one of \n \t \r \\ \' \" \xXX; the rest of the file is not read"""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), MESSAGES)
def test_what_is_wrong_with_a_definition_is_said_at_once(text: str, message: str) -> None:
    faults = formats.read({MAIN: f"{text}\n"}, HOST).faults

    assert [fault.message for fault in faults] == [message]


def test_the_lost_line_below_is_named_with_its_own_place() -> None:
    text = f"imap off protocol=tcp4,wait=no,user=root,exec=/x;\n{LINE.format('pop3', 'y')}"
    (fault,) = formats.read({MAIN: text}, HOST).faults

    assert str(fault) == f"{MAIN}:2: what follows a definition that is off or invalid is not read: the rest of its line, or the line below"


def test_classic_lines_are_found_between_definitions_with_the_places_of_their_words() -> None:
    text = "imap on protocol=tcp4,wait=no,user=root,exec=/x; 127.0.0.1: p'op'3 stream tcp4\n nowait root /y\nftp off a=b;\nlost x\nshort line\n"
    build = resolve(HOST).server
    assert isinstance(build, InetdBuild)
    lines = list(inetd.classic_lines(inetd.parse(text), build))

    assert [line.words for line in lines] == [("127.0.0.1:pop3", "stream", "tcp4", "nowait", "root", "/y"), ("short", "line")]
    assert [span.text for span in lines[0].spans] == ["127.0.0.1: p'op'3", "stream", "tcp4", "nowait", "root", "/y"]
    assert lines[0].first == 3


def test_no_classic_line_is_found_behind_a_broken_definition() -> None:
    build = resolve(HOST).server
    assert isinstance(build, InetdBuild)

    assert not list(inetd.classic_lines(inetd.parse("imap on x;\nftp stream tcp4 nowait root /x\n"), build))


@pytest.mark.parametrize(("text", "cost"), [
    ("imap on x;", Cost.REST), (".include", Cost.REST), ("#@ x", Cost.REST), (".x", Cost.ENTRY), ("imap on x=y;", Cost.ENTRY),
    (".include nothing", Cost.IGNORED),
])  # fmt: skip
def test_faults_say_what_they_cost(text: str, cost: Cost | None) -> None:
    assert [fault.cost for fault in formats.read({MAIN: f"{text}\n"}, HOST).faults] == [cost]


# -- includes --------------------------------------------------------------------------------------------------------------------------


def names(files: dict[str, str]) -> list[str]:
    return [entry.service for entry in formats.read(files, HOST).entries]


def test_an_include_is_read_where_it_stands_and_relative_to_its_file() -> None:
    files = {
        MAIN: f"{LINE.format('time', 'a')}.include inetd.d/mail\n{LINE.format('ftp', 'c')}",
        "/etc/inetd.d/mail": f"{LINE.format('imap', 'b')}.include sub/more\n",
        "/etc/inetd.d/sub/more": LINE.format("pop3", "d"),
        "/etc/inetd.d/other": LINE.format("nntp", "e"),
    }

    assert names(files) == ["time", "imap", "pop3", "ftp"]


def test_a_pattern_stops_at_slashes_and_passes_over_hidden_files() -> None:
    files = {
        MAIN: ".include /etc/inetd.d/*\n",
        "/etc/inetd.d/a": LINE.format("time", "a"),
        "/etc/inetd.d/.hidden": LINE.format("imap", "b"),
        "/etc/inetd.d/deep/b": LINE.format("pop3", "c"),
    }

    assert names(files) == ["time"]


def test_an_included_file_inherits_the_default_host_and_leaves_none_behind() -> None:
    files = {MAIN: f"127.0.0.1:\n.include a\n{LINE.format('time', 'a')}", "/etc/a": f"{LINE.format('imap', 'b')}127.0.0.2:\n"}
    reading = formats.read(files, HOST)

    assert [(entry.service, entry.binds[0].address) for entry in reading.entries] == [("imap", "127.0.0.1"), ("time", "127.0.0.1")]


def test_a_broken_definition_ends_the_file_that_it_stands_in_alone() -> None:
    files = {MAIN: f".include a\n{LINE.format('time', 'a')}", "/etc/a": f"imap on protocol;\n{LINE.format('pop3', 'b')}"}
    reading = formats.read(files, HOST)

    assert [entry.service for entry in reading.entries] == ["time"]
    assert [fault.code for fault in reading.faults] == ["I185"]


def test_a_file_that_includes_itself_is_not_read_again() -> None:
    files = {MAIN: f".include a\n{LINE.format('time', 'a')}", "/etc/a": f".include inetd.conf\n{LINE.format('imap', 'b')}"}
    reading = formats.read(files, HOST)

    assert [entry.service for entry in reading.entries] == ["imap", "time"]
    assert [str(fault) for fault in reading.faults] == ["/etc/a:1: /etc/inetd.conf includes itself"]


def test_which_of_two_included_files_wins_a_port_is_not_known() -> None:
    files = {MAIN: ".include d/*\n", "/etc/d/a": LINE.format("imap", "a"), "/etc/d/b": LINE.format("143", "b")}

    assert formats.read(files, HOST).unknown == ("/etc/d/a and /etc/d/b contend for 143/tcp, and which is read first is not known",)


def test_two_includes_are_read_in_their_order() -> None:
    files = {MAIN: ".include d/b\n.include d/a\n", "/etc/d/a": LINE.format("imap", "a"), "/etc/d/b": LINE.format("143", "b")}

    assert names(files) == ["143", "imap"]
    assert formats.read(files, HOST).unknown == ()


def test_a_policy_counts_for_the_rest_of_the_file_and_not_for_the_file_above() -> None:
    files = {MAIN: f".include a\n{LINE.format('time', 'a')}", "/etc/a": f"#@ in none\n{LINE.format('imap', 'b')}{LINE.format('pop3', 'c')}"}

    assert [entry.extra for entry in formats.read(files, HOST).entries] == [("IPsec policy in none",), ("IPsec policy in none",), ()]


def test_a_policy_of_freebsd_counts_for_one_entry() -> None:
    text = f"#@ in none\n{LINE.format('imap', 'b')}{LINE.format('pop3', 'c')}"

    assert [entry.extra for entry in formats.read({MAIN: text}, "freebsd-14/inetd").entries] == [("IPsec policy in none",), ()]


# -- writing ---------------------------------------------------------------------------------------------------------------------------


def entry(**said: Any) -> Entry:
    basic = {"service": "imap", "transport": Transport.TCP, "program": Program(path="/usr/libexec/imapd")}
    return Entry(**{**basic, "binds": (Bind(family=Family.IPV6, key="tcp6"),), **said})


def test_a_line_is_written_where_a_line_can_say_it() -> None:
    assert formats.write([entry()], HOST)[MAIN] == "imap\tstream\ttcp6\tnowait\troot\t/usr/libexec/imapd imapd\n"


def test_a_definition_is_written_for_what_no_line_can_say() -> None:
    mine = entry(
        program=Program(path="/x", args=('it\'s "so"', "a\\b", "a\nb", "\x01", "é", "#;,")), limits=Limits(rate=Rate(connections=5))
    )

    assert formats.write([mine], HOST)[MAIN] == (
        "imap on\n\tprotocol = tcp6,\n\twait = no,\n\tservice_max = 6,\n\tuser = root,\n\texec = /x,\n"
        '\targs = x "it\'s \\"so\\"" "a\\\\b" "a\\nb" "\\x01" "é" "#;,";\n'
    )


def test_a_definition_is_written_where_one_stands() -> None:
    mine = entry(binds=(Bind(family=Family.IPV4, address="127.0.0.1", key="tcp4"),), group="mail")

    assert formats.write([mine], HOST, like="  imap on protocol = tcp4;")[MAIN] == (
        "imap on\n\tbind = 127.0.0.1,\n\tprotocol = tcp4,\n\twait = no,\n\tuser = root,\n\tgroup = mail,\n"
        "\texec = /usr/libexec/imapd,\n\targs = imapd;\n"
    )


def test_a_built_in_service_is_a_definition_without_exec() -> None:
    mine = entry(service="time", program=Builtin(builtin="time"))

    assert formats.write([mine], HOST, like="time off x=y;")[MAIN] == "time on\n\tprotocol = tcp6,\n\twait = no,\n\tuser = root;\n"


@pytest.mark.parametrize(("said", "loss"), [
    ({"limits": Limits(instances=3)}, "imap: limits.instances cannot be said in this inetd.conf"),
    ({"program": Program(path="/x", args=("a",) * 64)}, "imap: 65 arguments with argv0, and this inetd takes 64"),
    ({"binds": tuple(Bind(family=Family.IPV6, address=x, key="tcp6") for x in ("::1", "::2"))},
     "imap: this inetd.conf takes one address; give each a line of its own"),
    ({"only_from": ()}, "imap: access cannot be said in inetd.conf"),
])  # fmt: skip
def test_what_neither_can_say_is_named(said: dict[str, Any], loss: str) -> None:
    with pytest.raises(Inexpressible) as caught:
        formats.write([entry(**said)], HOST)

    assert caught.value.losses == (loss,)


words = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0") | st.sampled_from("\"'\\#,;= \t\n\r\x7f\udcff"), max_size=8
)


@given(st.lists(words, max_size=4), st.booleans(), st.none() | st.just("mail"), st.none() | st.integers(1, 1000))
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_faithful_every_argument_can_be_written_in_a_definition(args: list[str], waits: bool, group: str | None, rate: int | None) -> None:  # noqa: FBT001 -- drawn
    limits = Limits(rate=Rate(connections=rate) if rate else None)
    mine = entry(program=Program(path="/bin/x", args=tuple(args)), wait=waits, group=group, limits=limits)

    for like in ("", "imap on x = y;"):
        assert formats.read(formats.write([mine], HOST, like=like), HOST).entries == (mine,)


def test_a_merge_replaces_a_definition_by_definitions_and_leaves_its_neighbours() -> None:
    text = "# mail\nimap on protocol=tcp4,wait=no,user=root,exec=/old; # was here\nftp on protocol=tcp4,wait=no,user=root,exec=/ftpd;\n"
    merged = merge([Service(name="imap", program=Program(path="/new"))], resolve(HOST), {MAIN: text})

    assert merged.files[MAIN] == (
        "# mail\nimap on\n\tprotocol = tcp4,\n\twait = no,\n\tuser = root,\n\texec = /new,\n\targs = new;\n"
        "imap on\n\tprotocol = tcp6,\n\twait = no,\n\tuser = root,\n\texec = /new,\n\targs = new;\n"
        "ftp on protocol=tcp4,wait=no,user=root,exec=/ftpd;\n"
    )


@pytest.mark.parametrize(
    "last", ["ftp off protocol=tcp4,wait=no,user=root,exec=/ftpd;", "ftp on protocol=tcp,wait=no,user=root,exec=/ftpd;"]
)
@pytest.mark.parametrize("end", ["\n", ""])
def test_a_merge_keeps_a_line_away_from_a_definition_that_would_take_it_down(last: str, end: str) -> None:
    merged = merge([Service(name="imap", program=Program(path="/new"))], resolve(HOST), {MAIN: last + end})

    assert merged.files[MAIN] == f"{last}\n\nimap\tstream\ttcp4\tnowait\troot\t/new new\nimap\tstream\ttcp6\tnowait\troot\t/new new\n"


def test_a_merge_adds_no_empty_line_where_none_is_needed() -> None:
    text = "ftp on protocol=tcp4,wait=no,user=root,exec=/ftpd;\n"
    merged = merge([Service(name="imap", program=Program(path="/new"))], resolve(HOST), {MAIN: text})

    assert merged.files[MAIN].startswith(f"{text}imap\t")
