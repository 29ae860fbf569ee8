"""`inet46 check` without a host: what is wrong on every one that could read the files, and how that is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from inet46.cli import main
from inet46.knowledge import HOSTS, InetdBuild, resolve

BOTH = """\
service imap
{
	flags = IPv4 IPv6
	socket_type = stream
	wait = no
	user = root
	server = /usr/sbin/imapd
}
"""
INETDS = [row.name for row in HOSTS if isinstance(resolve(row.name).server, InetdBuild)]
LINE = "imap stream tcp nowait root /usr/sbin/imapd imapd\n"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")


def run(*args: str) -> Result:
    return CliRunner().invoke(main, ["check", *args])


def answer(*args: str) -> Any:
    return json.loads(run(*args, "--json").stdout)


def put(name: str, text: str) -> None:
    Path(name).write_text(text)


def test_without_a_host_each_finding_says_where_it_is_so_if_hosts_differ() -> None:
    put("imap", BOTH)

    found = {x["message"]: (x["severity"], x["hosts"]) for x in answer("imap")["findings"] if x["code"] == "I136"}

    assert found == {
        "imap: specified as both IPv4 and IPv6: the service is disabled": (
            "error",
            ["freebsd-4.9/xinetd", "freebsd-14/xinetd", "fedora-33/xinetd", "rhel-7/xinetd", "linux/xinetd"],
        ),
        "imap: both IPv4 and IPv6: this build takes it for IPv6, others disable the service": (
            "warning",
            ["debian-12/xinetd", "debian-13/xinetd", "opensuse-15/xinetd"],
        ),
    }
    assert "= note: so on debian-12/xinetd, debian-13/xinetd, opensuse-15/xinetd\n" in run("imap").stdout


def test_a_line_that_is_lost_on_every_host_is_found_under_whatever_code() -> None:
    put("inetd.conf", "imap stream tcp nowait root\n")

    found = answer("inetd.conf")["findings"]

    assert [(x["code"], x["cost"]) for x in found] == [("I101", "entry lost"), ("I102", "daemon lost")]
    assert sum(len(x["hosts"]) for x in found) == len(answer("inetd.conf")["hosts"])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (LINE, f"nothing found in 1 file on any of the {len(INETDS)} known hosts that read such files\n"),
        (
            LINE.replace("nowait", "nowait.20"),
            f"nothing found in 1 file that is so on each of the {len(INETDS)} known hosts that read such files; NUMBER of them find something (--host says what)\n",
        ),
    ],
)
def test_without_a_host_it_is_said_how_many_find_more(text: str, said: str) -> None:
    put("inetd.conf", text)

    result = run("inetd.conf")
    alone = [run("inetd.conf", "--host", host).exit_code for host in answer("inetd.conf")["hosts"]]

    assert (result.exit_code, result.stdout) == (0, said.replace("NUMBER", str(sum(alone))))


def test_without_a_host_what_none_of_them_can_know_is_said() -> None:
    put("inetd.conf", "nosuch stream tcp nowait root /x x\n")

    assert run("inetd.conf").stdout == (
        "not known:\n  port of nosuch/tcp: not a usual name, and /etc/services was not looked at (--services FILE gives\n  one)\n\n"
        f"nothing found in 1 file on any of the {len(INETDS)} known hosts that read such files\n"
    )
    assert [x["host"] for x in answer("inetd.conf")["unknown"]] == [None]
