"""inetd.conf: what each daemon makes of it (tables in cases/inetd, one row for one fact), and what cannot be written into it."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from inet46 import formats
from inet46.entry import Bind, Entry, Unstartable
from inet46.errors import Inexpressible
from inet46.formats import Reading, inetd
from inet46.host import HostPolicy
from inet46.knowledge import INETD_BUILDS, resolve
from inet46.predict import predict
from inet46.service import Builtin, Limits, Program, Rate
from inet46.sockets import Family, Transport

CASES = Path(__file__).parent / "cases" / "inetd"
TOKENS: dict[str, dict[str, dict[str, list[str]]]] = tomllib.loads((CASES / "tokens.toml").read_text())
LINES: list[dict[str, Any]] = tomllib.loads((CASES / "lines.toml").read_text())["case"]
HOSTS = {
    "openbsd": "debian-12/openbsd-inetd",
    "inetutils": "debian-12/inetutils-inetd",
    "freebsd": "freebsd-14/inetd",
    "busybox": "linux/busybox-inetd",
    "netbsd": "netbsd-10/inetd",
    "openbsd7": "openbsd-7/inetd",
    "dragonfly": "dragonfly-6/inetd",
    "illumos": "illumos/inetd",
}


def told(text: str, policy: HostPolicy) -> str:
    """What is open in the end, in the words of the tables."""
    reading = formats.read({"/etc/inetd.conf": text, "/etc/inet/inetd.conf": text, "/etc/xinetd.conf": ""}, policy)
    result = predict(reading.entries, policy)
    sockets = []
    for held in result.sockets:
        families = "".join("4" if family is Family.IPV4 else "6" for family in sorted(held.accepts, key=lambda x: x.value))
        program = held.entry.program
        path = program.words[0] if isinstance(program, Unstartable) else "" if isinstance(program, Builtin) else program.path
        name = program.builtin if isinstance(program, Builtin) else path.rpartition("/")[2]
        sockets.append(f"{families or '-'} {held.socket} {name}")
    codes = [fault.code for fault in (*reading.faults, *result.faults)]
    parts = [", ".join(sockets), f"! {' '.join(codes)}" if codes else "", "?" if reading.unknown or result.unknown else ""]
    return " ".join(filter(None, parts))


TOKEN_ROWS = [
    pytest.param(host, lines, value, expected[-1 if value == "1" else 0], id=f"{source}: {host} {lines} v6only={value}")
    for source, hosts in TOKENS.items()
    for host, rows in hosts.items()
    for lines, expected in rows.items()
    for value in ("0", "1")
]


@pytest.mark.parametrize(("name", "lines", "value", "expected"), TOKEN_ROWS)
def test_protocol_tokens_open_what_the_facts_say(name: str, lines: str, value: str, expected: str) -> None:
    parts = [line.split("/", 1) for line in lines.split()]
    text = "".join(
        f"{service} {'dgram' if token.startswith('udp') else 'stream'} {token} nowait root /bin/{program}\n"
        for (service, token), program in zip(parts, "ABC", strict=False)
    )
    knob = resolve(name).kernel.knob

    assert told(text, HostPolicy(name=name, settings={knob: value} if knob else {})) == expected


LINE_ROWS = [
    pytest.param(case["text"], HOSTS[host], case.get("services"), case[host], id=f"{case['source']}: {case['name']} ({host})")
    for case in LINES
    for host in HOSTS
    if host in case
]


@pytest.mark.parametrize(("text", "name", "services", "expected"), LINE_ROWS)
def test_lines_cost_and_open_what_the_facts_say(text: str, name: str, services: dict[str, int] | None, expected: str) -> None:
    assert told(text, HostPolicy(name=name, services=services)) == expected


def one(text: str, host: str) -> Entry:
    (entry,) = formats.read({resolve(HOSTS[host]).config: text}, HOSTS[host]).entries
    return entry


def plain(text: str, host: str) -> str:
    """A line for IPv4 as this daemon has it."""
    return text.replace("tcp4", "tcp") if host == "busybox" else text


def program_of(text: str, host: str) -> Program:
    program = one(text, host).program
    assert isinstance(program, Program)
    return program


@pytest.mark.parametrize(
    ("host", "words", "argv"),
    [
        ("openbsd", "x 'a b' \"c d\"", ("x", "'a", "b'", '"c', 'd"')),
        ("inetutils", "x 'a b' \"c d\"", ("x", "a b", "c d")),
        ("inetutils", "x 'abc def", ("x", "'abc def")),
        ("inetutils", r"x a\b", ("x", r"a\b")),
        ("freebsd", "x 'a b' \"c d\" ''", ("x", "a b", "c d", "")),
        ("openbsd", "x a#b # comment", ("x", "a#b", "#", "comment")),
        ("openbsd", "", ("imapd",)),
        ("openbsd", "x a\x0bb c\rd", ("x", "a\x0bb", "c\rd")),
        ("inetutils", "x a\rb \r", ("x", "a\rb")),
        ("busybox", "x 'a b'", ("x", "'a", "b'")),
        ("busybox", "x a#b c", ("x", "a")),
        ("busybox", "", ("/usr/sbin/imapd",)),
        ("busybox", "x a\\\nb \\\n c\r", ("x", "ab", "c\r")),
        ("busybox", "x a\\", ("x", "a")),
        ("busybox", "x a\\b", ("x", "a\\b")),
        ("busybox", "x " + " ".join("abcdefghijklmnopqrs"), ("x", *"abcdefghijklmnopqrs")),
        ("busybox", "x " + " ".join("abcdefghijklmnopqrst") + " \t# u", ("x", *"abcdefghijklmnopqr", "s t")),
    ],
)
def test_arguments_are_split_as_the_daemon_splits_them(host: str, words: str, argv: tuple[str, ...]) -> None:
    assert program_of(plain(f"imap stream tcp4 nowait root /usr/sbin/imapd {words}\n", host), host).argv == argv


def test_a_return_at_the_end_stays_in_openbsds_last_argument() -> None:
    assert program_of("imap stream tcp4 nowait root /bin/x x a\r\n", "openbsd").args == ("a\r",)


def test_inetutils_takes_a_return_for_a_blank_at_the_end_of_a_line() -> None:
    assert program_of("imap stream tcp4 nowait root /bin/x x a\r\n", "inetutils").args == ("a",)


def test_openbsd_cuts_a_line_after_1023_bytes_and_reads_on_behind() -> None:
    text = f"#{'c' * 1022}7011 stream tcp4 nowait root /bin/tail\n"

    assert told(text, HostPolicy(name=HOSTS["openbsd"])) == "4 0.0.0.0:7011 tail"


def test_a_long_line_ends_freebsds_daemon_when_its_rest_is_short() -> None:
    text = f"imap stream tcp nowait root /bin/x x {'y' * 2100}\n"

    assert told(text, HostPolicy(name=HOSTS["freebsd"])) == "! I102"


def test_a_line_is_cut_by_bytes_not_by_characters() -> None:
    text = f"#{'é' * 511}7011 stream tcp4 nowait root /bin/tail\n"

    assert told(text, HostPolicy(name=HOSTS["openbsd"])) == "4 0.0.0.0:7011 tail"


@pytest.mark.parametrize(
    ("host", "word", "waits", "limits"),
    [
        ("openbsd", "nowait.5", False, Limits(rate=Rate(connections=4))),
        ("openbsd", "wait.5", True, Limits(rate=Rate(connections=4))),
        ("openbsd", "nowait.0", False, Limits()),
        ("openbsd", "nowait.1", False, Limits()),
        ("openbsd", "wait/1", False, Limits()),
        ("inetutils", "nowait.5", False, Limits(rate=Rate(connections=5))),
        ("inetutils", "wait/1", False, Limits()),
        ("freebsd", "nowait/5", False, Limits(instances=5)),
        ("freebsd", "nowait/5/10", False, Limits(instances=5)),
        ("freebsd", "wait/5/0/3", True, Limits(instances=5, per_source=3)),
        ("freebsd", "nowait/0", False, Limits()),
        ("freebsd", "wait.5", True, Limits()),
        ("freebsd", "waiting", True, Limits()),
        ("busybox", "nowait.5", False, Limits(rate=Rate(connections=4))),
        ("busybox", "wait.0", True, Limits()),
    ],
)
def test_the_wait_field_is_read_in_the_daemons_dialect(host: str, word: str, *, waits: bool, limits: Limits) -> None:
    entry = one(plain(f"imap stream tcp4 {word} root /bin/x\n", host), host)

    assert (entry.wait, entry.limits) == (waits, limits)


@pytest.mark.parametrize(
    ("host", "word", "user", "group"),
    [
        ("openbsd", "nobody.mail", "nobody", "mail"),
        ("openbsd", "nobody:mail", "nobody", "mail"),
        ("openbsd", "a.b:c", "a", "b:c"),
        ("inetutils", "a.b:c", "a.b", "c"),
        ("inetutils", "nobody.mail", "nobody", "mail"),
        ("busybox", "a.b:c", "a", "b:c"),
        ("busybox", "nobody:mail", "nobody", "mail"),
        ("freebsd", "a.b", "a.b", None),
        ("freebsd", "nobody:mail/daemon", "nobody", "mail"),
    ],
)
def test_user_and_group_are_split_in_the_daemons_order(host: str, word: str, user: str, group: str | None) -> None:
    entry = one(plain(f"imap stream tcp4 nowait {word} /bin/x\n", host), host)

    assert (entry.user, entry.group) == (user, group)


def test_a_word_that_goes_on_in_the_next_line_of_busybox_keeps_its_place() -> None:
    text = "# a\\\n b\n7001 stream t\\\ncp nowait root /bin/x x \\\n a\n"
    (fields,) = inetd.classic_lines(inetd.parse(text), INETD_BUILDS["busybox-inetd"])

    assert fields.number == 3
    assert [place.text for place in fields.spans] == ["7001", "stream", "t\\\ncp", "nowait", "root", "/bin/x", "x", "a"]


def test_an_address_that_busybox_would_take_for_another_one_is_written_as_it_was_read() -> None:
    text = "::1:7001\tdgram\tudp6\twait\troot\t/bin/x x\n[::1],*:7001\tdgram\tudp6\twait\troot\t/bin/x x\n"

    assert formats.write(formats.read({"/etc/inetd.conf": text}, HOSTS["busybox"]).entries, HOSTS["busybox"])["/etc/inetd.conf"] == text


def test_an_entry_of_busybox_that_an_earlier_line_spoilt_says_so() -> None:
    text = "7001 raw tcp nowait root /x\n7001 stream tcp nowait root /x\n"

    assert [fault.message for fault in formats.read({"/etc/inetd.conf": text}, HOSTS["busybox"]).faults] == [
        "7001: there is no 'raw' socket for tcp; nothing is opened",
        "7001: an earlier line made this entry 'raw', of which there is no socket for tcp; nothing is opened",
    ]


def test_a_line_that_busybox_loses_is_said_to_be_lost_and_nothing_else() -> None:
    text = "ftp stream tcp nowait/5 root ftpd\n"

    assert [fault.code for fault in formats.read({"/etc/inetd.conf": text}, HOSTS["busybox"]).faults] == ["I106"]


def test_where_busybox_looks_for_a_server_is_said() -> None:
    faults = formats.read(
        {"/etc/inetd.conf": "7001 stream tcp nowait root imapd\n7002 stream tcp nowait root ./x\n"}, HOSTS["busybox"]
    ).faults

    assert [str(fault) for fault in faults] == [
        "/etc/inetd.conf:1: 7001: server 'imapd' is not the absolute path of a program: what its PATH has of that name is started",
        "/etc/inetd.conf:2: 7002: server './x' is not the absolute path of a program: every client will be disconnected",
    ]


def test_a_rate_that_no_model_holds_is_unknown_not_an_accident() -> None:
    reading = formats.read({"/etc/inetd.conf": f"imap stream tcp nowait.{10**10} root /bin/x\n"}, HOSTS["openbsd"])

    assert reading.unknown == ("/etc/inetd.conf:1: connections 9999999999 is outside 1..2147483647",)


def test_faults_name_file_and_line() -> None:
    reading = formats.read({"/etc/inetd.conf": "#\n7001 stream tcp\n"}, HOSTS["openbsd"])

    assert [str(fault) for fault in reading.faults] == ["/etc/inetd.conf:2: 3 fields where 6 are needed; the line is lost"]


def test_a_short_line_on_freebsd_is_said_to_end_the_daemon() -> None:
    reading = formats.read({"/etc/inetd.conf": "imap stream tcp\n"}, HOSTS["freebsd"])

    assert [str(fault) for fault in reading.faults] == [
        "/etc/inetd.conf:1: 3 fields where 6 are needed: inetd exits here, and every service with it"
    ]


def test_a_hang_is_said_to_be_one() -> None:
    reading = formats.read({"/etc/inetd.conf": "imap stream\n\ttcp nowait root /bin/x\n"}, HOSTS["openbsd"])

    assert [str(fault) for fault in reading.faults] == [
        "/etc/inetd.conf:1: imap: inetd hangs here for ever and serves nothing: 'tcp' ends in no 4 or 6, and the line is continued before it"
    ]


def test_inetutils_reads_every_file_of_its_folder_backups_too() -> None:
    files = {
        "/etc/inetd.conf": "time stream tcp4 nowait root internal\n",
        "/etc/inetd.d/mail": "imap stream tcp4 nowait root /bin/x\n",
        "/etc/inetd.d/mail.dpkg-old": "pop3 stream tcp4 nowait root /bin/x\n",
        "/etc/inetd.d/more/deep": "ftp stream tcp4 nowait root /bin/x\n",
    }

    assert [entry.service for entry in formats.read(files, HOSTS["inetutils"]).entries] == ["time", "imap", "pop3"]


@pytest.mark.parametrize(
    ("one", "other", "contend"),
    [
        ("imap stream tcp4", "imap stream tcp4", True),
        ("imap stream tcp4", "143 stream tcp6", True),
        ("imap stream tcp4", "imap stream tcp6only", False),
        ("127.0.0.1:imap stream tcp4", "127.0.0.2:imap stream tcp4", False),
        ("127.0.0.1:imap stream tcp4", "imap stream tcp4", True),
        ("imap stream tcp4", "pop3 stream tcp4", False),
    ],
)
def test_which_of_two_files_in_the_folder_of_inetutils_is_read_first_is_not_known(one: str, other: str, *, contend: bool) -> None:
    lines = (f"{said} nowait root /bin/x\n" for said in (one, other))
    reading = formats.read(dict(zip(("/etc/inetd.d/b", "/etc/inetd.d/a"), lines, strict=True)), HOSTS["inetutils"])
    said = "/etc/inetd.d/a and /etc/inetd.d/b contend for 143/tcp, and which is read first is not known"

    assert reading.unknown == ((said,) if contend else ())


def test_the_main_file_is_read_before_the_folder_of_inetutils() -> None:
    line = "imap stream tcp4 nowait root /bin/x\n"

    assert formats.read({"/etc/inetd.conf": line, "/etc/inetd.d/a": line}, HOSTS["inetutils"]).unknown == ()


def test_a_default_host_line_of_inetutils_goes_on_in_the_folder() -> None:
    files = {"/etc/inetd.conf": "127.0.0.1:\n", "/etc/inetd.d/mail": "imap stream tcp4 nowait root /bin/x\n"}
    (entry,) = formats.read(files, HOSTS["inetutils"]).entries

    assert entry.binds[0].address == "127.0.0.1"


def test_without_a_file_nothing_is_read() -> None:
    assert formats.read({}, HOSTS["openbsd"]) == Reading()


def test_the_compat_reader_of_xinetd_knows_users_by_dot_only() -> None:
    text = "daytime stream tcp nowait root:root /bin/x\ntime stream tcp nowait nobody.mail /bin/y\n"

    assert told(text, HostPolicy(name="debian-12/xinetd")) == "46 [::]:37 dual y ! I117"


def test_the_compat_reader_of_xinetd_takes_no_rate() -> None:
    assert told("time stream tcp nowait.10 root /bin/y\n", HostPolicy(name="debian-12/xinetd")) == "46 [::]:37 dual y ! I106"


def test_parse_keeps_carriage_returns_and_odd_line_ends_inside_lines() -> None:
    assert [line.text for line in inetd.parse("a\r\nb\x85c\u2028d\x0ce\n\nf").lines] == ["a\r\n", "b\x85c\u2028d\x0ce\n", "\n", "f"]


# -- what cannot be written ------------------------------------------------------------------------------------------------------------

V4 = {"openbsd": "tcp4", "inetutils": "tcp4", "freebsd": "tcp"}


def entry(host: str, **said: Any) -> Entry:
    basic = {"service": "imap", "transport": Transport.TCP, "program": Program(path="/usr/sbin/imapd")}
    binds = said.pop("binds", (Bind(family=Family.IPV4, key=V4[host]),))
    return Entry(**{**basic, "binds": binds, **said})


def losses(host: str, **said: Any) -> tuple[str, ...]:
    with pytest.raises(Inexpressible) as caught:
        formats.write([entry(host, **said)], HOSTS[host])
    return caught.value.losses


LOSSES = [
    ("openbsd", {"service": "im ap"}, "'im ap' cannot stand in inetd.conf as a service name ([A-Za-z0-9_+.-])"),
    ("openbsd", {"service": "#imap"}, "'#imap' cannot stand in inetd.conf as a service name ([A-Za-z0-9_+.-])"),
    ("freebsd", {"service": "143", "port": 143}, "143: this inetd knows services by name only"),
    ("openbsd", {"service": "143"}, "143: port None cannot be said in inetd.conf beside the number of a service"),
    ("openbsd", {"port": 1143}, "imap: port 1143 cannot be said in inetd.conf beside the name of a service"),
    ("openbsd", {"service": "nosuch"}, "nosuch/tcp is not in /etc/services"),
    ("openbsd", {"user": "a.b"}, "imap: user 'a.b' cannot stand in this inetd.conf"),
    ("freebsd", {"user": "a:b"}, "imap: user 'a:b' cannot stand in this inetd.conf"),
    ("freebsd", {"group": "a b"}, "imap: group 'a b' cannot stand in this inetd.conf"),
    ("freebsd", {"group": ""}, "imap: group '' cannot stand in this inetd.conf"),
    ("openbsd", {"program": Program(path="/x", args=("a b",))}, "imap: 'a b' cannot be one word of this inetd.conf"),
    ("openbsd", {"program": Program(path="/x", args=("",))}, "imap: '' cannot be one word of this inetd.conf"),
    ("inetutils", {"program": Program(path="/x", args=("'\"",))}, "imap: '\\'\"' cannot be one word of this inetd.conf"),
    ("inetutils", {"program": Program(path="/x", args=("a\nb",))}, "imap: 'a\\nb' holds a line break, which no inetd.conf can hold"),
    ("inetutils", {"program": Program(path="/x", argv0="")}, "imap: argv0 is empty"),
    (
        "openbsd",
        {"program": Program(path="/x", args=("a",) * 20)},
        "imap: 21 arguments with argv0, and this inetd takes 20",
    ),
    ("openbsd", {"program": Program(path="/x", args=("é" * 600,))}, "imap: the line has 1234 bytes, and this inetd reads 1023"),
    ("openbsd", {"limits": Limits(instances=3)}, "imap: limits.instances cannot be said in this inetd.conf"),
    ("openbsd", {"limits": Limits(rate=Rate(connections=3, seconds=1))}, "imap: limits.rate (3 in 1 s) has no spelling in this inetd.conf"),
    ("freebsd", {"limits": Limits(rate=Rate(connections=3))}, "imap: limits.rate (3 in 60 s) has no spelling in this inetd.conf"),
    ("openbsd", {"limits": Limits(nice=3)}, "imap: limits.nice cannot be said in inetd.conf"),
    ("openbsd", {"limits": Limits(umask=3)}, "imap: limits.umask cannot be said in inetd.conf"),
    ("openbsd", {"limits": Limits(rlimits={"cpu": 3})}, "imap: limits.rlimits cannot be said in inetd.conf"),
    ("openbsd", {"only_from": ("10.0.0.0/8",)}, "imap: access cannot be said in inetd.conf"),
    ("openbsd", {"no_access": ("10.0.0.0/8",)}, "imap: access cannot be said in inetd.conf"),
    ("openbsd", {"environment": (("A", "b"),)}, "imap: environment cannot be said in inetd.conf"),
    ("openbsd", {"id": "imap-4"}, "imap: id cannot be said in inetd.conf"),
    ("openbsd", {"extra": ("login class x",)}, "imap: login class x cannot be said in inetd.conf"),
    ("openbsd", {"program": Builtin(builtin="echo")}, "imap: this inetd has no built-in 'echo' under that name (it has echo, discard, daytime, time, chargen)"),
    ("freebsd", {"binds": (Bind(family=Family.IPV4, key="tcp", address="127.0.0.1"),)}, "imap: this inetd.conf cannot name an address (127.0.0.1)"),
    (
        "openbsd",
        {"binds": (Bind(family=Family.IPV6, v6only=True, key="tcp6", address="::1"), Bind(family=Family.IPV6, v6only=True, key="tcp6"))},
        "imap: IPv6 addresses cannot stand in a list; give each a line of its own",
    ),
    ("openbsd", {"binds": (Bind(family=Family.IPV4, v6only=True, key="tcp4"),)}, "imap: no protocol of this inetd opens IPv4 with v6only=True"),
    ("openbsd", {"binds": (Bind(family=Family.IPV6, v6only=False, key="tcp46"),)}, "imap: no protocol of this inetd opens IPv6 with v6only=False"),
]  # fmt: skip


@pytest.mark.parametrize(("host", "said", "message"), LOSSES)
def test_what_an_inetd_conf_cannot_say_is_refused_by_name(host: str, said: dict[str, Any], message: str) -> None:
    assert losses(host, **said) == (message,)


def test_all_losses_of_all_entries_come_at_once() -> None:
    with pytest.raises(Inexpressible) as caught:
        formats.write([entry("openbsd", user="a b", limits=Limits(nice=1)), entry("openbsd", service="pop3", id="x")], HOSTS["openbsd"])

    assert caught.value.losses == (
        "imap: user 'a b' cannot stand in this inetd.conf",
        "imap: limits.nice cannot be said in inetd.conf",
        "pop3: id cannot be said in inetd.conf",
    )


def test_what_would_be_read_back_as_something_else_is_not_written() -> None:
    binds = (Bind(family=Family.IPV4, key="tcp4", address="127.1"),)

    (loss,) = losses("openbsd", binds=binds)

    assert "address='127.1'" in loss
    assert "would be read back as" in loss
    assert "address='127.0.0.1'" in loss


def test_a_field_that_would_be_read_back_otherwise_is_named() -> None:
    program = Program(path="/usr/sbin/imapd", argv0="imapd")

    (loss,) = losses("openbsd", program=program)

    assert loss.startswith("imap: program Program(path='/usr/sbin/imapd', args=(), argv0='imapd') would be read back as Program(")


@pytest.mark.parametrize("host", ["openbsd", "inetutils"])
def test_a_program_that_cannot_be_started_is_written_as_it_was_read(host: str) -> None:
    wrong = entry(host, program=Unstartable(words=("imapd", "imapd", "-a")))

    assert formats.write([wrong], HOSTS[host])["/etc/inetd.conf"] == "imap\tstream\ttcp4\tnowait\troot\timapd imapd -a\n"


def test_quotes_are_written_where_the_dialect_has_them_and_the_word_needs_them() -> None:
    program = Program(path="/opt/my imapd", args=("a b", "it's", "plain", ""))
    text = formats.write([entry("inetutils", program=program)], HOSTS["inetutils"])["/etc/inetd.conf"]

    assert text == "imap\tstream\ttcp4\tnowait\troot\t'/opt/my imapd' 'my imapd' 'a b' \"it's\" plain ''\n"


def test_a_limit_of_freebsd_is_written_behind_slashes() -> None:
    text = formats.write([entry("freebsd", limits=Limits(instances=3, per_source=2), group="mail")], HOSTS["freebsd"])["/etc/inetd.conf"]

    assert text == "imap\tstream\ttcp4\tnowait/3/0/2\troot:mail\t/usr/sbin/imapd imapd\n"


def test_an_ipv6_address_stands_in_brackets_where_they_are_understood() -> None:
    texts = [
        formats.write([entry(host, binds=(Bind(family=Family.IPV6, v6only=True, key=key, address="::1"),))], HOSTS[host])["/etc/inetd.conf"]
        for host, key in (("openbsd", "tcp6"), ("inetutils", "tcp6only"))
    ]

    assert [text.split("\t")[0] for text in texts] == ["[::1]:imap", "::1:imap"]
