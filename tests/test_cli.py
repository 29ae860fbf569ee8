"""The command line as a whole: what it says of itself, that it shows no traceback for any input, and how it ends."""

from __future__ import annotations

import os
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inet46.knowledge import HOSTS
from tests.commandline import HERE, IN, answer, process, run

NAMES = [row.name for row in HOSTS]

pytestmark = pytest.mark.usefixtures("beside_the_cases")


# -- the whole -------------------------------------------------------------------------------------------------------------------------


def test_version_is_said() -> None:
    assert run("--version").stdout.startswith("inet46 ")


def test_the_module_runs_as_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["inet46", "--version"])

    with pytest.raises(SystemExit) as ended:
        runpy.run_module("inet46.cli", run_name="__main__")
    assert ended.value.code == 0


@pytest.mark.parametrize("command", ["hosts", "plan", "reload", "sockets"])
def test_help_teaches_by_an_example(command: str) -> None:
    result = run(command, "--help")

    assert f"inet46 {command}" in result.stdout.partition("Usage")[2].partition("\n")[2]
    assert result.exit_code == 0


def test_an_unknown_command_is_refused_without_traceback() -> None:
    assert run("socket").exit_code == 2


# -- hosts -----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("columns", [80, 120])
def test_hosts_fit_the_terminal_and_nothing_is_cut(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    output = run("hosts").stdout

    assert max(map(len, output.splitlines())) <= columns
    for row in HOSTS:
        assert f"{row.name} " in output
        assert f" {row.config}" in output
        assert " ".join(row.source.split()) in " ".join(output.split())


def test_hosts_in_json_have_stable_keys() -> None:
    hosts = answer("hosts")["hosts"]

    assert [host["name"] for host in hosts] == NAMES
    for host in hosts:
        assert list(host) == [
            *(
                "name",
                "evidence",
                "kernel",
                "super_server",
                "config",
                "directory",
                "inetd_compat",
                "settings",
                "mapping",
                "deploys",
                "source",
            ),
        ]
        assert host["evidence"] in {"measured", "simulated"}
        assert host["super_server"]["kind"] in {"inetd", "xinetd", "systemd", "launchd"}
        assert host["source"]
        assert host["kernel"]["source"]
        assert host["super_server"]["source"]


def test_what_no_line_says_of_an_inetd_is_in_json_with_null_for_unknown() -> None:
    (host,) = (host for host in answer("hosts")["hosts"] if host["name"] == "illumos/inetd")

    assert {key: host["super_server"][key] for key in ("spawn", "backlog", "access", "pid_file", "reload", "retry")} == {
        "spawn": {
            "connections": None,
            "seconds": 60,
            "beyond": "nothing, until the properties max_con_rate, con_rate_offline and max_copies say a limit",
        },
        "backlog": None,
        "access": "the property tcp_wrappers, for stream services with nowait",
        "pid_file": "",
        "reload": {"matches": ["SMF instance"], "rebinds_all": None, "missing_file_kills": None},
        "retry": None,
    }


def test_bsd_hosts_are_called_simulated() -> None:
    evidence = {host["name"]: host["evidence"] for host in answer("hosts")["hosts"]}

    assert {evidence[name] for name in NAMES if "bsd-" in name.partition("/")[0]} == {"simulated"}


def test_the_reference_page_is_what_the_rows_say() -> None:
    """Update it with `inet46 hosts --markdown > docs/reference/hosts.md`."""
    page = (HERE.parent / "docs/reference/hosts.md").read_text()

    assert run("hosts", "--markdown").stdout == page


# -- whatever the bytes ----------------------------------------------------------------------------------------------------------------


@given(junk=st.binary(max_size=300), host=st.sampled_from(NAMES))
def test_random_bytes_are_a_file_like_any_other(junk: bytes, host: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    ends = {"systemd": ".socket", "launchd": ".plist"}.get(host.partition("/")[2], "")
    path = tmp_path_factory.mktemp("junk") / f"file{ends}"
    path.write_bytes(junk)

    assert run("sockets", path, "--host", host, "--services", path).exit_code in {0, 1}
    assert run("sockets", path, "--host", host, "--json").exit_code in {0, 1}


@given(junk=st.binary(max_size=300), suffix=st.sampled_from([".toml", ".yaml", ".yml", ".json"]))
def test_random_bytes_are_no_services_and_no_host(junk: bytes, suffix: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("junk") / f"file{suffix}"
    path.write_bytes(junk)

    assert run("plan", path, "--host", "debian-12/xinetd").exit_code == 2
    assert run("plan", "-", "--host", "debian-12/xinetd", stdin=junk).exit_code == 2
    assert run("plan", IN / "imap.toml", "--host", path).exit_code == 2


@given(junk=st.binary(max_size=300), host=st.sampled_from(NAMES))
def test_random_bytes_below_a_root_are_kept_or_refused(junk: bytes, host: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    root = tmp_path_factory.mktemp("root")
    for name in ("inetd.conf", "xinetd.conf", "rc.conf", "sysctl.conf"):
        (root / "etc").mkdir(exist_ok=True)
        (root / "etc" / name).write_bytes(junk)
    result = run("plan", IN / "imap.toml", "--host", host, "--root", root, "--json")

    assert result.exit_code in {0, 1, 2}
    assert {path.read_bytes() for path in (root / "etc").iterdir()} == {junk}


def test_what_a_terminal_would_obey_is_shown_as_a_picture(tmp_path: Path) -> None:
    (tmp_path / "inetd.conf").write_bytes(b"\x1b[31mimap\xff\xe2\x80\xae stream\n")
    result = run("sockets", tmp_path / "inetd.conf", "--host", "debian-12/openbsd-inetd")

    assert "1 | ␛[31mimap�� stream\n  | ^^^^^^^^^^^^^^^^^" in result.stdout
    assert "\x1b" not in result.stdout


def test_bytes_that_are_not_utf8_survive_json(tmp_path: Path) -> None:
    (tmp_path / "inetd.conf").write_bytes(b"# caf\xe9\n")
    arguments = ("plan", IN / "imap.toml", "--host", "freebsd-14/inetd", "--root", tmp_path)
    (tmp_path / "etc").mkdir()
    (tmp_path / "inetd.conf").rename(tmp_path / "etc/inetd.conf")
    plan = answer(*arguments)

    assert plan["files"][0]["text"].encode(errors="surrogateescape").startswith(b"# caf\xe9\n")


def test_colour_is_for_terminals_and_can_be_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = ("sockets", IN / "pair-inetd.conf", "--host", "debian-12/inetutils-inetd")
    coloured = run(*arguments, color=True).stdout
    monkeypatch.setenv("NO_COLOR", "1")

    assert "\x1b[31m" in coloured
    assert "\x1b" not in run(*arguments, color=True).stdout
    assert "\x1b" not in run(*arguments).stdout


# -- as a process ----------------------------------------------------------------------------------------------------------------------


def test_a_reader_that_has_enough_is_not_an_error() -> None:
    child = process("hosts", "--markdown")
    assert child.stdout is not None
    child.stdout.close()

    assert child.wait(30) == 141
    assert child.stderr is not None
    assert child.stderr.read() == b""
    child.stderr.close()


def test_an_interrupt_is_quiet(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    former = signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs in the background of a shell would ignore it
    child = process("sockets", str(tmp_path / "fifo"), "--host", "debian-12/openbsd-inetd")
    signal.signal(signal.SIGINT, former)
    with (tmp_path / "fifo").open("wb"):  # opens when the command does, which then waits for bytes
        time.sleep(0.1)
        child.send_signal(signal.SIGINT)
        _, stderr = child.communicate(timeout=30)

    assert (child.returncode, stderr) == (130, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_said() -> None:
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-m", "inet46.cli", "hosts"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False)

    assert (done.returncode, done.stderr) == (2, b"Error: the output could not be written: no space left on device\n")


def test_a_narrow_character_set_stops_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "inet46.cli", "plan", str(IN / "imap.toml"), "--host", "debian-12/xinetd", "--root", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, check=False, env={**os.environ, "PYTHONIOENCODING": "latin-1"})

    assert done.returncode == 1
    assert b"\\u2192" in done.stdout


def test_a_closed_standard_input_is_said() -> None:
    command = [
        sys.executable,
        "-c",
        "import sys; sys.stdin = None; from inet46.cli import main; main()",
        "plan",
        "-",
        "--host",
        "freebsd-14/inetd",
    ]
    done = subprocess.run(command, capture_output=True, check=False)

    assert (done.returncode, done.stderr) == (2, b"Error: standard input: closed\n")
