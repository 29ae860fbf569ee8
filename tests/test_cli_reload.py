"""`inet46 reload`: what is printed, what is JSON, and with which status it ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from inet46.cli import main


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")


def reload(old: str, new: str, host: str, *more: str) -> Result:
    for name, text in (("old", old), ("new", new)):
        Path(name).write_text(text)
    return CliRunner().invoke(main, ["reload", "old", "new", "--host", host, *more])


def line(token: str, service: str = "imap") -> str:
    return f"{service} stream {token} nowait root /x x\n"


def paragraph(*said: str) -> str:
    body = "".join(f"\t{one}\n" for one in (*said, "socket_type = stream", "wait = no", "user = root", "server = /x"))
    return f"service imap\n{{\n{body}}}\n"


def json_of(result: Result) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(result.stdout)
    return data


INETUTILS, OPENBSD, XINETD = (f"debian-12/{server}" for server in ("inetutils-inetd", "openbsd-inetd", "xinetd"))


def test_what_is_down_for_ever_is_said_with_the_way_out() -> None:
    result = reload(line("tcp"), line("tcp6"), INETUTILS)

    assert result.exit_code == 1
    assert (
        result.stdout
        == """\
debian-12/inetutils-inetd after SIGHUP: no sockets, 1 error

error[I703]: imap/tcp: address already in use: [::]:143 dual is taken by 0.0.0.0:143 of imap/tcp, which is open from before
 --> new:1:1
  |
1 | imap stream tcp6 nowait root /x x
  | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  = note: an old socket is closed when its own line asks for another one, or after the last line

down: imap has no tcp [::]:143 dual, and will not get it by itself
activate with: reload inetutils-inetd (SIGHUP), wait until it has done so, reload inetutils-inetd
(SIGHUP)
"""
    )


def test_two_signals_heal_it_and_the_status_is_0() -> None:
    result = reload(line("tcp"), line("tcp6"), INETUTILS, "--signal", "HUP", "--signal", "HUP")

    assert (result.exit_code, "down:" in result.stdout) == (0, False)


def test_sessions_that_are_killed_are_named() -> None:
    result = reload(paragraph("flags = IPv4"), paragraph("flags = IPv6"), XINETD)

    assert result.exit_code == 1
    assert "\ncut: the running sessions of imap are killed\nactivate with: restart xinetd\n" in result.stdout


def test_the_sessions_of_a_service_that_goes_are_named_and_count() -> None:
    result = reload(paragraph("flags = IPv4"), "", XINETD)

    assert result.exit_code == 1
    assert "\ncut: the running sessions of imap are killed\n" in result.stdout


@pytest.mark.parametrize("old", [line("tcp"), "", line("tcp").replace("nowait", "nowait:600")])
def test_a_warning_of_what_is_passed_over_is_shown_and_the_status_is_0(old: str) -> None:
    result = reload(old, line("tcp").replace("nowait", "nowait:600"), OPENBSD)

    assert "warning[I106]: 'nowait:600' is neither wait nor nowait, and taken for nowait\n" in result.stdout
    assert result.exit_code == 0


@pytest.mark.parametrize(
    ("old", "new", "host", "code"),
    [
        (line("tcp"), line("tcp") + "pop3 stream tcp\n", OPENBSD, "I101"),
        (line("tcp46"), line("tcp46"), "freebsd-4.9/inetd", "I301"),
        (line("tcp"), line("tcp") + line("tcp6"), INETUTILS, "I201"),
        (line("tcp", "time").replace("/x x", "internal"), line("tcp", "time"), OPENBSD, "I702"),
    ],
    ids=["lost entry", "lost family", "lost bind", "not applied"],
)
def test_what_is_lost_or_not_applied_ends_with_status_1(old: str, new: str, host: str, code: str) -> None:
    result = reload(old, new, host)

    assert f"[{code}" in result.stdout
    assert result.exit_code == 1


@pytest.mark.parametrize(("host", "unit"), [("debian-12/systemd", "units"), ("macos-14/launchd", "jobs")])
def test_units_and_jobs_are_no_matter_of_a_signal(host: str, unit: str) -> None:
    result = reload("", "", host)

    assert result.exit_code == 2
    assert result.stderr == (
        f"Error: --host: {host} has {unit}, and no signal makes it open their sockets anew (inet46 plan --root says what does)\n"
    )


@pytest.mark.parametrize(
    ("old", "new", "host", "said"),
    [
        (paragraph(), "defaults\n{\n\tinstances = few\n}\n", XINETD, "debian-12/xinetd after SIGHUP, it has exited: no sockets, 1 error"),
        (line("tcp4"), "imap\n", "freebsd-14/inetd", "freebsd-14/inetd after SIGHUP, it has exited: no sockets, 1 error"),
        (
            line("tcp"),
            "imap stream\n\ttcp nowait root /x\n",
            OPENBSD,
            "debian-12/openbsd-inetd after SIGHUP, it hangs: no sockets, 1 error",
        ),
    ],
)
def test_a_daemon_that_comes_to_an_end_is_said_to(old: str, new: str, host: str, said: str) -> None:
    result = reload(old, new, host)

    assert (result.stdout.splitlines()[0], result.exit_code) == (said, 1)


def test_json_has_exactly_the_keys_of_the_interface() -> None:
    data = json_of(reload(line("tcp46", "143"), line("tcp", "143"), OPENBSD, "--json"))

    assert list(data) == ["host", "sockets", "faults", "unknown", "signals", "state", "down", "cut", "activate"]
    assert (data["signals"], data["state"], data["cut"]) == (["HUP"], "serves", [])
    assert data["activate"] == ["reload", "settle", "reload"]
    assert data["down"] == [
        {
            "service": "143",
            "transport": "tcp",
            "family": family,
            "address": address,
            "port": 143,
            "v6only": v6only,
            "accepts": [],
            "seconds": 600,
        }
        for family, address, v6only in (("ipv4", "0.0.0.0", None), ("ipv6", "::", True))
    ]


def test_the_same_files_need_nothing() -> None:
    result = reload(line("tcp"), line("tcp"), OPENBSD)

    assert result.exit_code == 0
    assert result.stdout.endswith("\nactivate with: nothing, all is as it was\n")


@pytest.mark.parametrize("arguments", [("old",), ("old", "new", "--signal", "USR1"), ("old", "absent")])
def test_what_cannot_be_run_ends_with_status_2_and_without_a_traceback(arguments: tuple[str, ...]) -> None:
    Path("old").write_text(line("tcp"))
    Path("new").write_text(line("tcp"))

    result = CliRunner().invoke(main, ["reload", *arguments, "--host", OPENBSD])

    assert result.exit_code == 2
    assert result.exception is None or isinstance(result.exception, SystemExit)


def test_hostile_text_is_shown_harmless() -> None:
    result = reload("imap stream tcp nowait root /x \x1b[31m\n", "im\x1bap stream tcp\n", OPENBSD)

    assert result.exit_code == 1
    assert "\x1b" not in result.stdout
