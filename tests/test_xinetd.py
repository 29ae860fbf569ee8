"""xinetd: what each build makes of its files (tables in cases/xinetd, one row for one fact), and what cannot be written into them."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import attrs
import pytest

from inet46 import formats
from inet46.entry import Bind, Entry
from inet46.errors import Inexpressible
from inet46.formats import xinetd
from inet46.host import HostPolicy
from inet46.knowledge import Host, resolve
from inet46.predict import predict
from inet46.service import Builtin, Limits, Program, Rate
from inet46.sockets import Family, Transport

CASES = Path(__file__).parent / "cases" / "xinetd"
MATRIX: dict[str, dict[str, dict[str, Any]]] = tomllib.loads((CASES / "matrix.toml").read_text())
FILES: list[dict[str, Any]] = tomllib.loads((CASES / "files.toml").read_text())["case"]
DEBIAN, FEDORA = "debian-12/xinetd", "fedora-33/xinetd"


def upstream(value: str = "0") -> Host:
    """Upstream's 2.3.15, which FreeBSD's port builds, on a Linux kernel."""
    linux = resolve(DEBIAN).kernel
    host = attrs.evolve(resolve("freebsd-14/xinetd"), kernel=linux)
    return attrs.evolve(host, policy=attrs.evolve(host.policy, settings={str(linux.knob): value}))


def debian(value: str = "0") -> Host:
    return resolve(HostPolicy(name=DEBIAN, settings={"net.ipv6.bindv6only": value}))


def paragraph(said: str, program: str) -> str:
    name, _, rest = said.partition(":") if ":" in said.split("=", maxsplit=1)[0] else ("imap", "", said)
    service, _, transport = name.partition("/")
    kind = "dgram" if transport == "udp" else "stream"
    body = [*(part.strip() for part in rest.split(";") if part.strip())]
    server = [] if "redirect" in said or "INTERNAL" in said else [f"server = /bin/{program}"]
    return "\n\t".join([f"service {service}\n{{", *body, f"socket_type = {kind}", "wait = no", "user = root", *server]) + "\n}\n"


def told(reading: formats.Reading, host: Host, *, by_service: bool = False) -> str:
    """What is open in the end, in the words of the tables."""
    result = predict(reading.entries, host)
    sockets = []
    for held in result.sockets:
        families = "".join("4" if family is Family.IPV4 else "6" for family in sorted(held.accepts, key=lambda x: x.value))
        program = held.entry.program
        name = program.path.rpartition("/")[2] if isinstance(program, Program) else getattr(program, "builtin", "")
        sockets.append(f"{held.service} {held.socket}" if by_service else f"{families or '-'} {held.socket} {name}")
    codes = [fault.code for fault in (*reading.faults, *result.faults)]
    parts = [", ".join(sockets), f"! {' '.join(codes)}" if codes else "", "?" if reading.unknown or result.unknown else ""]
    return " ".join(filter(None, parts))


MATRIX_ROWS = [
    pytest.param(host, row["p"], row.get("defaults"), row[build], id=f"{source}: {name} ({build}, bindv6only={value})")
    for source, rows in MATRIX.items()
    for name, row in rows.items()
    for value in ("0", "1")
    for build, host in (("debian", debian(value)), ("upstream", upstream(value)))
]


@pytest.mark.parametrize(("host", "paragraphs", "defaults", "expected"), MATRIX_ROWS)
def test_paragraphs_open_what_the_facts_say(host: Host, paragraphs: list[str], defaults: str | None, expected: str) -> None:
    text = "".join(paragraph(said, program) for said, program in zip(paragraphs, "ABCD", strict=False))
    text = (f"defaults\n{{\n\t{defaults}\n}}\n" if defaults else "") + text

    assert told(formats.read({host.config: text}, host), host) == expected


FILE_ROWS = [pytest.param(case, id=f"{case['source']}: {case['name']}") for case in FILES]


@pytest.mark.parametrize("case", FILE_ROWS)
def test_files_cost_and_open_what_the_facts_say(case: dict[str, Any]) -> None:
    files = {"/etc/xinetd.conf": case["text"], **case.get("files", {})}
    for port, (path, name) in enumerate((item.split("=") for item in case.get("include", ())), 1001):
        files[f"/etc/xinetd.d/{path}"] = paragraph(f"{name}: type = UNLISTED; port = {port}", "x")

    assert told(formats.read(files, DEBIAN), debian(), by_service=True) == case["expect"]


# 3.1: the kernel's half of it, for kernels that are known.
KERNELS = [
    ("freebsd-14/xinetd", [""], "4 0.0.0.0:143 A"),
    ("freebsd-14/xinetd", ["flags = IPv6"], "46 [::]:143 dual A"),
    ("freebsd-14/xinetd", ["flags = IPv6; v6only = yes"], "6 [::]:143 v6only A"),
    ("freebsd-14/xinetd", ["flags = IPv6", "flags = IPv4"], "46 [::]:143 dual A ! I201"),
    ("freebsd-14/xinetd", ["flags = IPv4", "flags = IPv6; v6only = yes"], "4 0.0.0.0:143 A, 6 [::]:143 v6only B"),
    # xinetd.md says that IPv4 goes to the IPv4 socket; bsd.md 3 measured FreeBSD 14, where it does not, and bsd.md is right.
    ("freebsd-14/xinetd", ["flags = IPv4", "flags = IPv6"], "- 0.0.0.0:143 A, 46 [::]:143 dual B ! I303"),
    ("freebsd-4.9/xinetd", ["", "flags = IPv6"], "4 0.0.0.0:143 A, 6 [::]:143 v6only B"),
    ("fedora-33/xinetd", [""], "46 [::]:143 dual A"),
    ("fedora-33/xinetd", ["flags = IPv4 IPv6"], "! I136"),
    ("fedora-33/xinetd", ["rlimit_files = 9"], "46 [::]:143 dual A"),
]


@pytest.mark.parametrize(("name", "paragraphs", "expected"), KERNELS)
def test_the_kernel_decides_about_two_paragraphs(name: str, paragraphs: list[str], expected: str) -> None:
    host = resolve(name)
    text = "".join(paragraph(said, program) for said, program in zip(paragraphs, "AB", strict=False))

    assert told(formats.read({host.config: text}, host), host) == expected


@pytest.mark.parametrize(
    ("name", "said", "expected"),
    [
        (DEBIAN, "flags = IPv6", "4 0.0.0.0:143 A"),
        (DEBIAN, "", "4 0.0.0.0:143 A"),
        (FEDORA, "", "4 0.0.0.0:143 A"),
        (DEBIAN, "bind = ::1", "! I502"),
        ("freebsd-14/xinetd", "flags = IPv6", "! I502"),
    ],
)
def test_without_ipv6_some_builds_fall_back_to_ipv4(name: str, said: str, expected: str) -> None:
    host = resolve(HostPolicy(name=name, ipv6=False))

    assert told(formats.read({host.config: paragraph(said, "A")}, host), host) == expected


def one(said: str, defaults: str = "", tail: str = "") -> Entry:
    text = f"defaults\n{{\n{defaults}\n}}\n" if defaults else ""
    (entry,) = formats.read({"/etc/xinetd.conf": text + paragraph(said, "x") + tail}, DEBIAN).entries
    return entry


@pytest.mark.parametrize(
    ("said", "program"),
    [
        ("server_args = -a b", Program(path="/bin/x", args=("-a", "b"))),
        ('server_args = "a b" \'c e\\ f $H # g', Program(path="/bin/x", args=('"a', 'b"', "'c", "e\\", "f", "$H", "#", "g"))),
        ("flags = NAMEINARGS; server_args = imapd -a", Program(path="/bin/x", argv0="imapd", args=("-a",))),
        ("flags = NAMEINARGS; server_args = x -a", Program(path="/bin/x", args=("-a",))),
    ],
)
def test_arguments_are_split_at_blanks_and_nothing_else(said: str, program: Program) -> None:
    assert one(said).program == program


@pytest.mark.parametrize(
    ("defaults", "said", "only_from"),
    [
        ("", "", None),
        ("", "only_from =", ()),
        ("", "only_from = 10.0.0.1 ::1", ("10.0.0.1", "::1")),
        ("", "only_from = 10.0.0.1; only_from += ::1", ("10.0.0.1", "::1")),
        ("only_from = 10.0.0.1", "", ("10.0.0.1",)),
        ("only_from = 10.0.0.1", "only_from = ::1", ("::1",)),
        ("only_from = 10.0.0.1", "only_from += ::1", ("10.0.0.1", "::1")),
        ("only_from = 10.0.0.1 ::1", "only_from -= ::1", ("10.0.0.1",)),
        ("only_from = 10.0.0.1\nonly_from += ::1", "", ("10.0.0.1", "::1")),
    ],
)
def test_who_may_connect_is_inherited_added_to_and_replaced(defaults: str, said: str, only_from: tuple[str, ...] | None) -> None:
    assert one(said, defaults).only_from == only_from


def test_defaults_behind_a_service_do_not_limit_who_may_connect() -> None:
    assert one("", tail="defaults\n{\nonly_from = 10.0.0.1\nno_access = ::1\n}\n").only_from is None


def test_no_access_is_inherited_too() -> None:
    assert one("", "no_access = 10.0.0.1").no_access == ("10.0.0.1",)


def test_limits_are_read_in_xinetds_units() -> None:
    said = "instances = 5; per_source = UNLIMITED; cps = 20 10; nice = -5; umask = 027; rlimit_stack = 10M; rlimit_as = 1k; rlimit_cpu = unlimited"

    assert one(said).limits == Limits(
        instances=5, rate=Rate(connections=20, seconds=1), nice=-5, umask=0o27, rlimits=(("stack", 10 * 1024**2), ("as", 1024))
    )


def test_what_a_service_has_no_words_for_is_kept_word_for_word() -> None:
    said = "flags = IPv6 KEEPALIVE NODELAY; log_on_failure += USERID; cps = 5 30; banner = /etc/banner; interface = ::1"

    assert one(said).extra == ("flags = KEEPALIVE NODELAY", "log_on_failure += USERID", "cps = 5 30", "banner = /etc/banner")


def test_a_line_of_16_kib_is_cut_and_loses_its_service() -> None:
    reading = formats.read({"/etc/xinetd.conf": paragraph(f"server_args = {'x' * 20_000}", "x")}, DEBIAN)

    assert [str(fault) for fault in reading.faults] == [
        "/etc/xinetd.conf:3: a line of 20016 bytes is cut where xinetd has no more room for it; the rest is read as a line of its own",
        f"/etc/xinetd.conf:3: service imap: nothing after attribute {'x' * 60}..., so that xinetd reads on in the next line; the entry is lost",
    ]


def test_a_line_of_12_kb_is_read() -> None:
    assert one(f"server_args = {'x' * 12_000}").program == Program(path="/bin/x", args=("x" * 12_000,))


def test_without_its_file_xinetd_would_not_start() -> None:
    assert formats.read({}, DEBIAN).unknown == ("/etc/xinetd.conf is not there: xinetd would not start",)


@pytest.mark.parametrize(
    ("defaults", "opened"),
    [
        ("disabled = time", []),
        ("enabled = imap", []),
        ("enabled = Time", ["[::]:37 dual"]),
        ("bind = 127.0.0.1", ["127.0.0.1:37"]),
        ("bind = ::1", ["[::1]:37"]),
        ("bind = ::", ["[::]:37 dual"]),
        ("bind = mail.example.org", []),
    ],
)
def test_defaults_hold_for_services_of_inetd_conf_too(defaults: str, opened: list[str]) -> None:
    files = {"/etc/xinetd.conf": f"defaults\n{{\n\t{defaults}\n}}\n", "/etc/inetd.conf": "time stream tcp nowait root /bin/x\n"}

    assert [str(held.socket) for held in predict(formats.read(files, DEBIAN).entries, DEBIAN).sockets] == opened


def test_what_an_ipv6_socket_with_an_ipv4_bind_listens_on_is_not_known() -> None:
    reading = formats.read({"/etc/xinetd.conf": paragraph("flags = IPv6; bind = 127.0.0.1", "A")}, DEBIAN)

    assert reading.unknown == (
        "/etc/xinetd.conf:1: imap: the address of an IPv6 socket with bind = 127.0.0.1 stands in memory that xinetd never sets",
    )
    assert [fault.code for fault in reading.faults] == ["I304"]


def test_debian_serves_inetd_conf_as_well_and_fedora_does_not() -> None:
    files = {"/etc/xinetd.conf": "", "/etc/inetd.conf": "imap stream tcp nowait root /bin/x\n"}

    assert [len(formats.read(files, name).entries) for name in (DEBIAN, FEDORA)] == [1, 0]
    assert [len(formats.read(files, HostPolicy(name=name, compat=name == FEDORA)).entries) for name in (DEBIAN, FEDORA)] == [0, 1]


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("flags = IPv4 BOGUS", "imap: bad flag BOGUS: the service is disabled"),
        ("user=root", "service imap: attribute user needs a space before operator; the entry is lost"),
        ("nothing", "service imap: nothing after attribute nothing, so that xinetd reads on in the next line; the entry is lost"),
        ("flags ! IPv6", "service imap: bad operator '!' for attribute flags; the entry is lost"),
        ("disable = true", "imap: disable = true is neither yes nor no: the service is disabled"),
        ("port = 1143", "imap: expects port 143, not 1143: the service is disabled"),
        ("protocol = tcp6", "imap: protocol tcp6 not in /etc/protocols: the service is disabled"),
        ("colour = blue", "imap: bad service attribute: colour; it is ignored"),
        ("group = a b", "imap: attribute group expects 1 values and 2 were specified; it is ignored"),
        ("flags += IPv6", "imap: += cannot be used for flags; it is ignored"),
        ("user = a", "imap: attribute already set: user; the first one counts"),
        ("only_from = ::1, 127.0.0.1", "imap: only_from: ::1, has a comma in it: the service is disabled"),
        ("env -= A", "imap: -= cannot be used for env: the service is disabled"),
        ("bind = ::1; flags = IPv4", "imap: bind = ::1 contradicts flags = IPv4: xinetd listens on every address instead"),
    ],
)
def test_faults_say_what_xinetd_would(said: str, message: str) -> None:
    (fault,) = formats.read({"/etc/xinetd.conf": paragraph(said, "x")}, DEBIAN).faults

    assert fault.message == message


def test_a_name_that_is_not_in_etc_services_disables_a_service() -> None:
    reading = formats.read({"/etc/xinetd.conf": paragraph("", "x")}, HostPolicy(name=DEBIAN, services={"pop3/tcp": 110}))

    assert reading.faults[0].message == "imap: imap/tcp is not in /etc/services, and type is not UNLISTED: the service is disabled"


def test_a_name_without_an_end_in_the_file_is_not_known() -> None:
    reading = formats.read({"/etc/xinetd.conf": "service imap\n{\n\tuser"}, debian())

    assert reading.unknown == ("/etc/xinetd.conf:3: user: xinetd looks for the end of this name in memory behind the file",)
    assert [fault.message for fault in reading.faults] == ["service imap: nothing after attribute user; the entry is lost"]


def test_unknowns_name_file_line_and_service() -> None:
    reading = formats.read({"/etc/xinetd.conf": "\n" + paragraph("bind = mail.example.org", "x")}, DEBIAN)

    assert reading.unknown == ("/etc/xinetd.conf:2: imap: the address of mail.example.org",)


# -- what cannot be written ------------------------------------------------------------------------------------------------------------

V4 = (Bind(family=Family.IPV4),)


def entry(**said: Any) -> Entry:
    basic = {"service": "imap", "transport": Transport.TCP, "program": Program(path="/usr/sbin/imapd"), "binds": V4}
    return Entry(**{**basic, **said})


def losses(host: str | Host, *entries: Entry) -> tuple[str, ...]:
    with pytest.raises(Inexpressible) as caught:
        formats.write(entries, host)
    return caught.value.losses


LOSSES = [
    ({"service": "im ap", "port": 7}, "'im ap' cannot stand in xinetd as a service name ([A-Za-z0-9_+.-])"),
    ({"service": "nosuch"}, "nosuch/tcp is not in /etc/services; give the service a port"),
    ({"user": "a b"}, "imap: user 'a b' holds a blank or a line break, which xinetd cannot quote"),
    ({"group": ""}, "imap: group '' holds a blank or a line break, which xinetd cannot quote"),
    ({"id": "a\nb"}, "imap: id 'a\\nb' holds a blank or a line break, which xinetd cannot quote"),
    ({"program": Program(path="/a b")}, "imap: server '/a b' holds a blank or a line break, which xinetd cannot quote"),
    ({"program": Program(path="/x", args=("a\tb",))}, "imap: server_args 'a\\tb' holds a blank or a line break, which xinetd cannot quote"),
    ({"program": Program(path="/x", args=("",))}, "imap: server_args '' holds a blank or a line break, which xinetd cannot quote"),
    ({"program": Program(path="/x", args=("é" * 4000,))}, "imap: server_args makes a line of 8019 bytes, and xinetd cuts lines at 16384"),
    ({"environment": (("A", "b c"),)}, "imap: env 'A=b c' holds a blank or a line break, which xinetd cannot quote"),
    ({"limits": Limits(rate=Rate(connections=3))}, "imap: limits.rate counts 60 s, and xinetd's cps counts one second"),
    (
        {"program": Builtin(builtin="echo")},
        "imap: xinetd has no built-in 'echo' under that name (it has echo, discard, daytime, time, chargen, tcpmux)",
    ),
    ({"binds": (*V4, *V4)}, "imap: one paragraph of xinetd opens one socket, not 2"),
    ({"binds": ()}, "imap: one paragraph of xinetd opens one socket, not 0"),
    ({"binds": (Bind(family=Family.IPV6),)}, "imap: xinetd always sets IPV6_V6ONLY itself and cannot leave it to the kernel"),
    ({"binds": (Bind(family=Family.IPV4, address="localhost"),)}, "imap: 'localhost' is not a numeric address"),
    ({"wait": True, "only_from": ("::1",)}, "imap: xinetd does not apply access lists to a stream service with wait = yes"),
    ({"extra": ("odd",)}, "imap: odd is no attribute of xinetd"),
]


@pytest.mark.parametrize(("said", "message"), LOSSES)
def test_what_xinetd_cannot_say_is_refused_by_name(said: dict[str, Any], message: str) -> None:
    assert losses(DEBIAN, entry(**said)) == (message,)


def test_upstream_has_no_rlimit_files() -> None:
    limited = entry(limits=Limits(rlimits={"files": 9}))

    assert losses("freebsd-14/xinetd", limited) == ("imap: limits.rlimits files is unknown to this build of xinetd",)


def test_all_losses_of_all_paragraphs_come_at_once() -> None:
    assert losses(DEBIAN, entry(user="a b"), entry(service="pop3", limits=Limits(rate=Rate(connections=1)))) == (
        "imap: user 'a b' holds a blank or a line break, which xinetd cannot quote",
        "pop3: limits.rate counts 60 s, and xinetd's cps counts one second",
    )


def test_a_variable_that_would_be_split_elsewhere_is_named() -> None:
    assert losses(DEBIAN, entry(environment=(("A=", "b"),))) == ("imap: environment (('A=', 'b'),) would be read back as (('A', '=b'),)",)


def test_a_paragraph_that_another_would_disable_is_not_written() -> None:
    bound = entry(binds=(Bind(family=Family.IPV4, address="127.0.0.1"),))

    assert losses(DEBIAN, bound, entry(id="all")) == (
        "/etc/xinetd.conf:12: imap: identical to imap for xinetd, which compares port and protocol: disabled",
    )


def test_everything_that_xinetd_can_say_is_written_in_its_own_order() -> None:
    everything = entry(
        service="odd",
        port=7001,
        id="odd-6",
        binds=(Bind(family=Family.IPV6, v6only=True, address="::1"),),
        program=Program(path="/usr/sbin/imapd", argv0="imap", args=("-x",)),
        group="mail",
        limits=Limits(instances=3, per_source=2, rate=Rate(connections=9, seconds=1), nice=4, umask=0o27, rlimits={"files": 5}),
        only_from=("::1",),
        no_access=("10.0.0.0/8",),
        environment=(("A", "b=c"), ("D", "")),
        extra=("flags = KEEPALIVE", "log_on_success += PID"),
    )

    assert formats.write([everything], DEBIAN)["/etc/xinetd.conf"] == (
        "service odd\n{\n"
        "\tdisable         = no\n"
        "\ttype            = UNLISTED\n"
        "\tid              = odd-6\n"
        "\tflags           = IPv6 NAMEINARGS KEEPALIVE\n"
        "\tv6only          = yes\n"
        "\tsocket_type     = stream\n"
        "\tprotocol        = tcp\n"
        "\tport            = 7001\n"
        "\tbind            = ::1\n"
        "\twait            = no\n"
        "\tuser            = root\n"
        "\tgroup           = mail\n"
        "\tserver          = /usr/sbin/imapd\n"
        "\tserver_args     = imap -x\n"
        "\tenv             = A=b=c D=\n"
        "\tinstances       = 3\n"
        "\tper_source      = 2\n"
        "\tcps             = 9 10\n"
        "\tnice            = 4\n"
        "\tumask           = 027\n"
        "\trlimit_files    = 5\n"
        "\tonly_from       = ::1\n"
        "\tno_access       = 10.0.0.0/8\n"
        "\tlog_on_success  += PID\n"
        "}\n"
    )


def test_a_redirect_is_written_without_a_server() -> None:
    before = one("redirect = 10.0.0.1 143")

    text = formats.write([before], DEBIAN)["/etc/xinetd.conf"]

    assert "server " not in text
    assert "INTERNAL" not in text
    assert formats.read({"/etc/xinetd.conf": text}, DEBIAN).entries == (before,)


def test_parse_keeps_what_an_attribute_said_and_where() -> None:
    document = xinetd.parse("service imap\n{\n\tFlags += IPv6  REUSE\n}\n")
    (paragraph,) = document.items
    assert isinstance(paragraph, xinetd.Paragraph)
    (attribute,) = paragraph.attributes

    assert (attribute.name, attribute.operator, attribute.values) == ("flags", "+=", ("IPv6", "REUSE"))
    assert (attribute.span.line, paragraph.span.line, paragraph.defaults) == (3, 1, False)
