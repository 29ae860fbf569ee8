"""PATH - : standard input is a file like any other, is mended onto standard output, and leaves nothing behind."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from inet46.cli import main

INETD, XINETD = "debian-12/inetutils-inetd", "debian-12/xinetd"
LINE = "imap\tstream\ttcp6\tnowait:600\troot\t/usr/sbin/imapd\timapd\n"
PARAGRAPH = """\
service imap
{
	flags		= IPv6
	scoket_type	= stream
	socket_type	= stream
	wait		= no
	user		= root
	server		= /usr/sbin/imapd
}
"""
SOCKET = "[Socket]\nListenStream=143\nAccept=yes\n"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.fixture(autouse=True)
def _nothing_is_left(here: Path) -> Iterator[None]:
    yield
    assert not list(here.glob("inet46-*"))


def run(*args: str, text: str | bytes = LINE) -> Result:
    return CliRunner().invoke(main, args, input=text)


@pytest.mark.parametrize(
    "command",
    [
        ("check", "-", "--host", INETD),
        ("check", "-"),
        ("sockets", "-", "--host", INETD),
        ("export", "-", "--host", INETD),
        ("convert", "-", "--from", INETD, "--to", XINETD),
        ("reload", "-", "-file", "--host", INETD),
    ],
    ids=" ".join,
)
def test_standard_input_says_what_a_file_says(command: tuple[str, ...]) -> None:
    Path("file").write_text(LINE)
    command = tuple("file" if word == "-file" else word for word in command)

    piped = run(*command)
    read = run(*("file" if word == "-" else word for word in command))

    def named(text: str) -> str:
        return text.replace("file:1", "-:1")

    assert (piped.exit_code, named(piped.output)) == (read.exit_code, named(read.output))
    assert piped.exit_code in {0, 1}


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        (LINE, "inetd"),
        (PARAGRAPH, "/xinetd"),
        (SOCKET, "/systemd"),
        ("[Unit]\nDescription=x\n[Service]\nExecStart=/x\n", "/systemd"),
        ('<?xml version="1.0"?>\n<plist version="1.0"><dict/></plist>\n', "/launchd"),
        ('<?xml version="1.0"?>\n<service_bundle type="manifest" name="x"/>\n', "illumos/inetd"),
    ],
)
def test_without_a_host_and_a_name_what_is_in_it_tells_what_it_is(text: str, hosts: str) -> None:
    seen = json.loads(run("check", "-", "--json", text=text).stdout)["hosts"]

    assert seen
    assert all(host.endswith(hosts) for host in seen)


def test_a_name_can_be_given_and_is_the_one_that_is_printed() -> None:
    result = run("check", "-", "--host", XINETD, "--stdin-filename", "etc/xinetd.d/imap", text=PARAGRAPH)

    assert "\n --> etc/xinetd.d/imap:4:1\n" in result.stdout
    assert run("sockets", "-", "--host", "debian-12/systemd", "--stdin-filename", "imap.socket", text=SOCKET).stdout.startswith(
        "debian-12/systemd: 1 socket, 1 error\n\nSERVICE  SOCKET             ANSWERS        FROM\n"
        "imap     tcp [::]:143 dual  IPv4 and IPv6  imap.socket:2\n"
    )


def test_what_is_mended_is_printed_and_the_findings_go_to_the_other_stream() -> None:
    result = run("check", "-", "--host", XINETD, "--fix", text=PARAGRAPH)

    assert (result.exit_code, result.stdout) == (0, PARAGRAPH.replace("\tscoket_type\t= stream\n", ""))
    assert result.stderr == "mended -\nnothing found in 1 file on debian-12/xinetd; mended 1\n"


def test_what_cannot_be_mended_comes_back_as_it_was_byte_for_byte() -> None:
    text = b"\xff\r\n" + PARAGRAPH.replace("\tscoket_type\t= stream\n", "\tv6only\t= no\n").encode() + b"# no end"

    result = run("check", "-", "--host", XINETD, "--fix", text=text)

    assert (result.exit_code, result.stdout_bytes) == (1, text)
    assert "error[I120]" in result.stderr


def test_a_diff_is_shown_and_nothing_else_is_printed_of_the_text() -> None:
    result = run("check", "-", "--host", XINETD, "--diff", text=PARAGRAPH)

    assert "\n--- -\n+++ -\n@@ -1,7 +1,6 @@\n" in result.stdout
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("check", "-", "-", "--host", INETD), "-: standard input can be read once"),
        (
            ("check", "-", "--root", ".", "--host", INETD),
            "-: standard input lies below no root; leave --root out, or give the path of a file",
        ),
        (
            ("check", "-", "--host", "debian-12/systemd"),
            "-: no file that debian-12/systemd reads; it takes units, whose names end in .socket or .service (--stdin-filename gives it a name)",
        ),
        (("check", "-", "--host", INETD, "--stdin-filename", "etc/"), "--stdin-filename: 'etc/' is not the name of a file"),
    ],
)
def test_what_cannot_be_is_refused(command: tuple[str, ...], said: str) -> None:
    result = run(*command)

    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"Error: {said}\n")


@pytest.mark.parametrize("command", [("check", "-", "--host", INETD), ("plan", "-", "--host", INETD)])
def test_standard_input_that_is_closed_or_has_no_end_is_refused(command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inet46.cli._stdin.LARGEST", 10)
    endless = run(*command)
    with monkeypatch.context() as patch:
        patch.setattr("inet46.cli._stdin.sys", type("Closed", (), {"stdin": None}))
        closed = run(*command)

    assert (endless.exit_code, endless.stderr) == (2, "Error: standard input: has more than 0 MiB, so it is no configuration\n")
    assert (closed.exit_code, closed.stderr) == (2, "Error: standard input: closed\n")
    assert sys.stdin is not None
