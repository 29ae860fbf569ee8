"""Texts made to hurt: every reader takes time in proportion to their size, and what would grow beyond it is refused or not known."""

from __future__ import annotations

import gc
import plistlib
import time
from collections.abc import Callable

import pytest

from inet46 import codec, formats
from inet46.convert import convert
from inet46.errors import ModelError
from inet46.formats import Link, inetd, launchd, rc_conf, sysctl_conf, systemd
from inet46.knowledge import resolve
from inet46.merge import merge
from inet46.predict import predict
from inet46.service import Program, Service

XINETD, INETD, SYSTEMD = (resolve(f"debian-12/{name}") for name in ("xinetd", "openbsd-inetd", "systemd"))
_MANY = 32_000
ENTRY = "service a\n{{\n type = UNLISTED\n port = {}\n socket_type = stream\n wait = no\n user = root\n server = /x\n{}}}\n"


def seconds(act: Callable[[str], object], text: str) -> float:
    """The CPU time of one call."""
    gc.collect()
    begun = time.process_time()
    act(text)
    return time.process_time() - begun


def is_linear(act: Callable[[str], object], make: Callable[[int], str], few: int = 2000) -> bool:
    """True if eight times as much takes less than thirty times as long: far from eight, and as far from the sixty-four of a square.

    A size that takes no time at all says nothing, so it grows; what disturbs the machine only makes a call longer, so it gets more tries.
    """
    while seconds(act, make(few)) < 0.02 and few < _MANY:
        few *= 4
    short, long = make(few), make(8 * few)
    return any(seconds(act, long) < 30 * max(seconds(act, short), 0.005) for _ in range(3))


def read_xinetd(text: str) -> None:
    predict(formats.read({XINETD.config: text, "/etc/xinetd.d/one": ""}, XINETD).entries, XINETD)


def read_inetd(text: str) -> None:
    predict(formats.read({INETD.config: text}, INETD).entries, INETD)


XINETD_SHAPES: dict[str, Callable[[int], str]] = {
    "lines of one word": lambda n: "a\n" * n,
    "heads of services without a body": lambda n: "service x\n" * n,
    "services that are never closed": lambda n: "service x\n{\n" * n,
    "attributes of one word": lambda n: "service x\n{\na\nb\n}\n" * n,
    "unknown attributes": lambda n: "service x\n{\n" + " a = b\n" * n + "}\n",
    "a list that grows": lambda n: ENTRY.format(7, " env += a=b\n" * n),
    "a list that grows and shrinks": lambda n: ENTRY.format(7, " only_from += 192.0.2.1\n" * n + " only_from -= 192.0.2.2\n" * n),
    "defaults that grow": lambda n: "defaults\n{\n" + " only_from += 192.0.2.1\n" * n + "}\n",
    "services that defaults enable": lambda n: (
        "defaults\n{\n" + "".join(f" enabled += a{i}\n" for i in range(n)) + "}\n" + ENTRY.format(7, "") * n
    ),
    "services of the same port": lambda n: ENTRY.format(7, "") * n,
    "a line without an end": lambda n: "service x\n{\n env = " + "a" * (20 * n) + "\n}\n",
    "a line of words": lambda n: "service " + "a " * (10 * n) + "\n",
    "NULs and returns": lambda n: "\0\r" * n + "\n\r" * n,
    "includes of nothing": lambda n: "include /etc/nothing\n" * n,
    "includes of a folder": lambda n: "includedir /etc/xinetd.d\n" * n,
}
INETD_SHAPES: dict[str, Callable[[int], str]] = {
    "lines of one word": lambda n: "a\n" * n,
    "services of the same port": lambda n: "7777 stream tcp nowait root /x x\n" * n,
    "lines that go on": lambda n: "imap stream tcp nowait root /x x\n" + "\ty\n" * n,
    "addresses of one port": lambda n: "".join(
        f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}:7777 stream tcp nowait root /x x\n" for i in range(n)
    ),
    "a line without an end": lambda n: "a" * (50 * n),
    "a line of words": lambda n: "imap stream tcp nowait root /x " + "y " * (10 * n) + "\n",
    "quotes that are not closed": lambda n: "imap stream tcp nowait root '/x\n" * n,
    "ports one by one": lambda n: "".join(f"{port % 60000 + 1} stream tcp nowait root /x x\n" for port in range(n)),
}
PARSED: dict[str, tuple[Callable[[str], object], Callable[[int], str]]] = {
    "inetd.conf": (inetd.parse, lambda n: "imap stream tcp nowait root /x x\n" * n),
    "sysctl: lines": (sysctl_conf.parse, lambda n: "net.ipv6.bindv6only = 1\n" * n),
    "sysctl: one line": (sysctl_conf.parse, lambda n: "a." * (20 * n) + "=1\n"),
    "sysctl: slashes": (sysctl_conf.parse, lambda n: "a" + "/" * (40 * n) + "=1\n"),
    "rc.conf: assignments": (rc_conf.parse, lambda n: "a=b\n" * n),
    "rc.conf: one value": (rc_conf.parse, lambda n: 'a="' + "x" * (40 * n) + '"\n'),
    "rc.conf: pieces of one word": (rc_conf.parse, lambda n: "a=" + "'x'y\"z\"" * n + "\n"),
    "rc.conf: commands in a row": (rc_conf.parse, lambda n: "a=b" + "; c=d" * n + "\n"),
    "rc.conf: commands joined": (rc_conf.parse, lambda n: "true" + " && a=b" * n + "\n"),
    "rc.conf: back-quotes": (rc_conf.parse, lambda n: "a=`b`\n" * n),
    "rc.conf: joined lines": (rc_conf.parse, lambda n: "a=b" + "\\\n" * (5 * n) + "c\n"),
    "rc.conf: get": (lambda text: rc_conf.get(rc_conf.parse(text), "a"), lambda n: "a=$a$b\n" * n),
    "sysctl: get": (lambda text: sysctl_conf.get(sysctl_conf.parse(text), "net.ipv6.bindv6only"), lambda n: "net.*.x = 1\n" * n),
    "systemd: lines": (systemd.parse, lambda n: "[Socket]\nListenStream=143\n" * n),
    "systemd: lines that go on": (systemd.parse, lambda n: "[Socket]\nA=b" + "c\\\n" * n + "d\n"),
    "systemd: sections of one letter": (systemd.parse, lambda n: "[a\n" * n),
}


@pytest.mark.slow
@pytest.mark.parametrize("shape", XINETD_SHAPES)
def test_an_xinetd_conf_of_any_shape_is_read_in_time_that_grows_with_its_size(shape: str) -> None:
    assert is_linear(read_xinetd, XINETD_SHAPES[shape])


@pytest.mark.slow
@pytest.mark.parametrize("shape", INETD_SHAPES)
def test_an_inetd_conf_of_any_shape_is_read_in_time_that_grows_with_its_size(shape: str) -> None:
    assert is_linear(read_inetd, INETD_SHAPES[shape])


@pytest.mark.slow
def test_manifests_of_one_name_are_found_in_time_that_grows_with_the_file() -> None:
    host = resolve("illumos/inetd")
    assert is_linear(
        lambda text: formats.read({host.config: text}, host), lambda n: "".join(f"a{i} stream tcp nowait root /x x\n" for i in range(n))
    )


@pytest.mark.slow
@pytest.mark.parametrize("what", PARSED)
def test_a_file_is_parsed_in_time_that_grows_with_its_size(what: str) -> None:
    assert is_linear(*PARSED[what])


# -- what grows faster than its text ------------------------------------------------------------------------------------------------------


def test_files_that_each_name_the_next_one_twice_are_not_followed_for_ever() -> None:
    files = {f"/etc/{n}": f"include /etc/{n + 1}\n" * 2 for n in range(30)} | {XINETD.config: "include /etc/0\n"}
    unknown = formats.read(files, XINETD).unknown
    assert any("too many includes to be followed" in reason for reason in unknown)
    assert len(unknown) < 100


@pytest.mark.parametrize("name", ["freebsd-14/inetd", "netbsd-10/inetd"])
def test_unknown_built_ins_that_go_on_in_one_another_end_in_what_is_not_known(name: str) -> None:
    host = resolve(name)
    line = "nope stream tcp nowait root internal\n"
    reading = formats.read({host.config: line + f" {line}" * 2000}, host)
    assert "below more than 20 unknown built-ins" in reading.unknown[0]


def test_netbsds_includes_are_not_followed_for_ever_either() -> None:
    host = resolve("netbsd-10/inetd")
    chain = {f"/etc/{n}": f".include /etc/{n + 1}\n" for n in range(3000)} | {host.config: ".include /etc/0\n"}
    assert [reason.partition(": ")[2] for reason in formats.read(chain, host).unknown] == [
        "too many includes to be followed, here of /etc/40"
    ]
    twice = {f"/etc/{n}": f".include /etc/{n + 1}\n" * 2 for n in range(30)} | {host.config: ".include /etc/0\n"}
    assert formats.read(twice, host).unknown


def test_a_chain_of_includes_ends_before_the_stack_does() -> None:
    files = {f"/etc/{n}": f"include /etc/{n + 1}\n" for n in range(3000)} | {XINETD.config: "include /etc/0\n"}
    assert formats.read(files, XINETD).unknown == ("/etc/39:1: too many includes to be followed, here of /etc/40",)


def test_a_large_file_that_is_included_many_times_is_not_read_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inet46.formats._reading._LARGEST", 330_000)
    large = "# nothing\n" * 4000
    files = {XINETD.config: "include /etc/large\n" * 500, "/etc/large": large}
    assert formats.read(files, XINETD).unknown[0] == "/etc/xinetd.conf:9: too many includes to be followed, here of /etc/large"


@pytest.mark.parametrize("syntax", ["toml", "yaml", "json"])
@pytest.mark.parametrize("depth", [100, 5000, 100_000])
def test_data_that_nests_deeply_is_refused_in_words(syntax: codec.Syntax, depth: int) -> None:
    text = {"toml": "a = " + "[" * depth + "]" * depth, "yaml": "[" * depth + "]" * depth, "json": "[" * depth + "]" * depth}[syntax]
    with pytest.raises(ModelError):
        codec.loads(text, syntax)


def test_yaml_aliases_that_make_billions_are_refused() -> None:
    laughs = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 40))
    with pytest.raises(ModelError, match="written out, its aliases make more than 100000 parts of it"):
        codec.loads(laughs, "yaml")
    with pytest.raises(ModelError, match="nests too deeply to be read"):
        codec.loads("a: &a [*a]\n", "yaml")


def test_an_alias_that_stands_in_a_few_places_is_still_read() -> None:
    text = "- &a {name: imap, program: {path: /x}}\n- <<: *a\n  name: pop3\n"
    assert [service.name for service in codec.loads(text, "yaml")] == ["imap", "pop3"]


def test_a_binary_property_list_that_holds_the_same_part_over_and_over_is_none() -> None:
    part: list[object] = ["x"]
    for _ in range(40):
        part = [part, part]
    document = launchd.parse(plistlib.dumps({"Label": "x", "Odd": part}, fmt=plistlib.FMT_BINARY).decode("utf-8", "surrogateescape"))
    assert document.problem == "a property list that says the same thing over and over, or holds itself"


def test_an_xml_encoding_that_nobody_knows_costs_its_file_alone() -> None:
    document = launchd.parse('<?xml version="1.0" encoding="UTF-23"?>\n<plist version="1.0"><dict/></plist>\n')
    assert document.problem == "no property list, neither XML nor binary"


# -- what the fuzzer found ----------------------------------------------------------------------------------------------------------------


def test_a_word_of_nothing_but_blanks_is_merged_and_converted_like_any_other() -> None:
    imap = Service(name="imap", program=Program(path="/usr/sbin/imapd"))
    files = {"/etc/inetd.conf": "imap\tstream\ttcp\t\f\troot\t/usr/sbin/x\tx\n"}
    assert "imapd" in merge((imap,), "debian-12/inetutils-inetd", files).files["/etc/inetd.conf"]
    assert convert(files, "debian-12/inetutils-inetd", "debian-12/xinetd").losses


def test_a_socket_unit_without_a_program_is_a_loss_and_no_defect() -> None:
    folder = SYSTEMD.config
    files = {f"{folder}/a.socket": "[Socket]\nListenStream=143\nAccept=yes\n"}
    files[f"{folder}/sockets.target.wants/a.socket"] = Link(f"{folder}/a.socket")
    made = convert(files, SYSTEMD, "debian-12/xinetd")
    assert "no program is named, so every client is disconnected on the old host" in [loss.why for loss in made.losses]


def test_a_paragraph_that_wakes_up_when_its_twin_has_gone_is_merged_at_once() -> None:
    imap = Service(name="imap", program=Program(path="/usr/sbin/imapd"))
    paragraph = "service imap\n{{\n socket_type = stream\n wait = no\n user = root\n server = /usr/sbin/imapd\n{}}}\n"
    files = {"/etc/xinetd.conf": paragraph.format(" bind = ::1\n") + "\n" + paragraph.format(" id = i2\n")}
    first = merge((imap,), "linux/xinetd", files)
    assert merge((imap,), first.host, {**files, **first.files}).files == {}


def test_a_line_that_counts_when_the_one_above_has_become_a_manifest_is_merged_at_once() -> None:
    imap = Service(name="imap", program=Program(path="/usr/sbin/imapd"))
    lines = "imap\tstream\ttcp\twait\tt\t/d\nimap\tstream\ttcp\tnowait\troot\t/usr/sbin/imapd imapd\n"
    first = merge((imap,), "illumos/inetd", {"/etc/inet/inetd.conf": lines})
    assert merge((imap,), first.host, {"/etc/inet/inetd.conf": lines, **first.files}).files == {}
