"""What the command line refuses, and that it says why."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from inet46.cli import main
from inet46.errors import Inexpressible, ModelError, Unprovable
from tests.commandline import HERE, IN, answer, run

pytestmark = pytest.mark.usefixtures("beside_the_cases")


@pytest.mark.parametrize(
    ("host", "message"),
    [
        ("debian-12/xinted", "Error: --host: 'debian-12/xinted' is not known; did you mean debian-12/xinetd"),
        ("fedora-33", "Error: --host: 'fedora-33' is not known; did you mean fedora-33/xinetd?"),
        ("zzz", "Error: --host: 'zzz' is not known (inet46 hosts lists them all; a file's name ends in .toml, .yaml, .yml, .json)"),
        ("host.toml", "Error: host.toml: no such file or directory"),
    ],
)
def test_an_unknown_host_is_refused_with_the_nearest_names(host: str, message: str) -> None:
    result = run("sockets", IN / "fedora", "--host", host)

    assert result.exit_code == 2
    assert result.stderr.startswith(message)


def test_a_setting_that_decides_nothing_is_refused_with_the_nearest_name() -> None:
    result = run("sockets", IN / "fedora", "--host", "fedora-33/xinetd", "--set", "net.ipv6.bindv6onyl=1", "--set", "x", "--set", "y=1")

    assert result.stderr.splitlines() == [
        "Error: --set: 'net.ipv6.bindv6onyl' decides nothing about sockets on fedora-33/xinetd; did you mean net.ipv6.bindv6only?",
        "Error: --set: 'x' is not of the form KEY=VALUE",
        "Error: --set: 'y' decides nothing about sockets on fedora-33/xinetd; net.ipv6.bindv6only does",
    ]


def test_a_setting_is_0_or_1() -> None:
    result = run("sockets", IN / "fedora", "--host", "fedora-33/xinetd", "--set", "net.ipv6.bindv6only=yes")

    assert result.stderr == "Error: --set: net.ipv6.bindv6only is 'yes', expected 0 or 1\n"


@pytest.mark.parametrize("path", ["", "a\0b"])
def test_what_names_no_file_is_refused(path: str) -> None:
    result = run("sockets", path, "--host", "fedora-33/xinetd")

    assert result.stderr == f"Error: {path!r} is not the name of a file\n"


def test_a_folder_that_is_gone_under_our_feet_is_no_accident(tmp_path: Path) -> None:
    code = "import os; os.rmdir(os.getcwd()); from inet46.cli import main; main()"
    command = [sys.executable, "-c", code, "sockets", "imap", "--host", "fedora-33/xinetd"]
    (tmp_path / "gone").mkdir()
    path = os.pathsep.join(str(Path(part).resolve()) for part in sys.path)
    done = subprocess.run(command, capture_output=True, check=False, cwd=tmp_path / "gone", env={**os.environ, "PYTHONPATH": path})

    assert (done.returncode, done.stderr) == (2, b"Error: imap: no such file or directory\n")


def test_a_line_break_in_a_name_stays_on_its_line(tmp_path: Path) -> None:
    folder = tmp_path / "a\nb"
    folder.mkdir()
    (folder / "imap").write_text((IN / "fedora/imap").read_text())

    assert "a␊b/imap:1" in run("sockets", folder, "--host", "fedora-33/xinetd").stdout.replace("\n", "")


def test_every_missing_path_is_named() -> None:
    result = run("sockets", "one", "two", "--host", "fedora-33/xinetd")

    assert result.stderr == "Error: one: no such file or directory\nError: two: no such file or directory\n"


def test_a_host_file_starts_from_a_name_and_changes_fields(tmp_path: Path) -> None:
    (tmp_path / "host.yaml").write_text("name: freebsd-4.9/inetd\nsettings: {net.inet6.ip6.v6only: 0}\n")
    data = answer("sockets", IN / "tcp46-inetd.conf", "--host", tmp_path / "host.yaml")

    assert [socket["v6only"] for socket in data["sockets"]] == [False, False]


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that not even root can read")
def test_an_unreadable_file_is_named() -> None:
    result = run("sockets", "/proc/self/mem", "--host", "fedora-33/xinetd")

    assert result.stderr == "Error: /proc/self/mem: input/output error\n"


def test_a_host_file_with_an_unknown_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "host.json").write_text('{"name": "debian-12/xinted"}')
    result = run("sockets", IN / "fedora", "--host", tmp_path / "host.json")

    assert "host 'debian-12/xinted' is not known; did you mean debian-12/xinetd" in result.stderr


def test_services_of_the_host_file_count_and_a_file_of_services_counts_more(tmp_path: Path) -> None:
    (tmp_path / "host.json").write_text('{"name": "fedora-33/xinetd", "services": {"imaps/tcp": 8993}}')
    (tmp_path / "services").write_text("imaps 7993/tcp\n")
    arguments = ("sockets", IN / "fedora/imaps", "--host", tmp_path / "host.json")

    assert [socket["port"] for socket in answer(*arguments)["sockets"]] == [8993]
    assert [socket["port"] for socket in answer(*arguments, "--services", tmp_path / "services")["sockets"]] == [7993]


def test_a_root_that_is_no_folder_is_refused() -> None:
    result = run("plan", IN / "imap.toml", "--host", "debian-12/xinetd", "--root", IN / "imap.toml")

    assert result.stderr == f"Error: --root: {IN}/imap.toml is not a directory\n"


def test_an_output_that_is_no_folder_is_refused() -> None:
    result = run("plan", IN / "imap.toml", "--host", "debian-12/xinetd", "-o", IN / "imap.toml")

    assert result.stderr == f"Error: {IN}/imap.toml: not a directory\n"


def test_a_folder_where_a_file_belongs_is_refused(tmp_path: Path) -> None:
    (tmp_path / "etc/inetd.conf").mkdir(parents=True)
    result = run("plan", IN / "imap.toml", "--host", "freebsd-14/inetd", "-o", tmp_path, "--force")

    assert result.stderr == f"Error: {tmp_path}/etc/inetd.conf: is there, and is no regular file\n"


def test_a_file_where_a_folder_belongs_is_refused_and_nothing_is_left_behind(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/xinetd.d").touch()
    result = run("plan", IN / "imap.toml", "--host", "fedora-33/xinetd", "-o", tmp_path)

    assert result.exit_code == 2
    assert str(tmp_path) in result.stderr
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")] == ["etc", "etc/xinetd.d"]


def test_a_disk_that_fills_up_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    result = run("plan", IN / "imap.toml", "--host", "fedora-33/xinetd", "-o", tmp_path)

    assert result.stderr == f"Error: {tmp_path}: no space left on device\n"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_folder_that_may_not_be_listed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> list[str]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "listdir", refuse)
    result = run("sockets", IN / "fedora", "--host", "fedora-33/xinetd")

    assert result.stderr == f"Error: {HERE / IN}/fedora: permission denied\n"


def test_an_old_mode_is_kept(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/inetd.conf").touch(mode=0o600)
    run("plan", IN / "imap.toml", "--host", "freebsd-14/inetd", "-o", tmp_path, "--force")

    assert (tmp_path / "etc/inetd.conf").stat().st_mode & 0o777 == 0o600


def test_json_and_markdown_exclude_each_other() -> None:
    assert run("hosts", "--json", "--markdown").exit_code == 2


@pytest.mark.parametrize(
    ("accident", "status", "message"),
    [
        (KeyboardInterrupt(), 130, ""),
        (BrokenPipeError(), 141, ""),
        (OSError(28, "No space left on device"), 2, "Error: the output could not be written: no space left on device\n"),
        (OSError(5, "Input/output error", "/x"), 2, "Error: /x: input/output error\n"),
        (ModelError(["one", "two"]), 2, "Error: one\nError: two\n"),
        (Unprovable(["one", "two"]), 2, "Error: one\nError: two\n"),
        (Inexpressible(["one", "two"]), 2, "Error: one\nError: two\n"),
    ],
)
def test_accidents_end_quietly(accident: BaseException, status: int, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise accident

    monkeypatch.setattr("inet46.cli.sockets.predict", fail)
    result = CliRunner().invoke(main, ["sockets", str(IN / "fedora"), "--host", "fedora-33/xinetd"])

    assert (result.exit_code, result.stderr) == (status, message)


def test_a_defect_is_called_a_defect(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("inet46.cli.sockets.predict", fail)
    result = CliRunner().invoke(main, ["sockets", str(IN / "fedora"), "--host", "fedora-33/xinetd"])

    assert result.exit_code == 2
    assert result.stderr.startswith(
        "Error: this input met a defect in inet46 itself, please report it: ZeroDivisionError at test_cli_refusals.py:"
    )


def test_a_file_without_end_is_refused() -> None:
    result = run("sockets", "/dev/zero", "--host", "debian-12/openbsd-inetd")

    assert result.stderr == "Error: /dev/zero: has more than 16 MiB, so it is no configuration\n"
