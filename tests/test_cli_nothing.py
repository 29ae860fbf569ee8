"""Where nothing was read there is nothing to say about it: what was looked for, and where, with status 2."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commandline import run

HOSTS = {
    "debian-12/xinetd": "of a folder it takes the files whose names have no . in them and no ~ at the end",
    "debian-12/openbsd-inetd": "of a folder it takes every file, and none from the folders inside it",
    "illumos/inetd": "it takes manifests, whose names end in .xml, and files of lines",
    "debian-12/systemd": "it takes units, whose names end in .socket or .service",
    "macos-14/launchd": "it takes jobs, whose names end in .plist",
}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty/inside").mkdir(parents=True)
    Path("empty/inside/imap").write_text("")


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("command", [("check",), ("sockets",), ("export",)])
def test_an_empty_folder_is_refused_with_what_the_host_looks_for(command: tuple[str, ...], host: str) -> None:
    result = run(*command, "empty", "--host", host)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"Error: empty: no file that {host} reads; {HOSTS[host]}\n"


def test_a_conversion_of_nothing_loses_nothing_and_is_refused_all_the_same() -> None:
    result = run("convert", "empty", "--from", "debian-12/xinetd", "--to", "debian-12/systemd")

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"Error: empty: no file that debian-12/xinetd reads; {HOSTS['debian-12/xinetd']}\n"


def test_a_reload_may_come_from_nothing_or_go_there_and_not_both() -> None:
    Path("inetd.conf").write_text("imap stream tcp nowait root /usr/sbin/imapd imapd\n")

    assert run("reload", "empty", "inetd.conf", "--host", "debian-12/openbsd-inetd").exit_code == 0
    assert run("reload", "inetd.conf", "empty", "--host", "debian-12/openbsd-inetd").exit_code == 0
    assert run("reload", "empty", "empty", "--host", "debian-12/openbsd-inetd").exit_code == 2


def test_every_host_that_reads_nothing_is_named() -> None:
    result = run("check", "empty", "--host", "debian-12/xinetd", "--host", "debian-12/openbsd-inetd")

    assert result.exit_code == 2
    assert result.stderr == (
        f"Error: empty: no file that debian-12/xinetd reads; {HOSTS['debian-12/xinetd']}\n"
        f"Error: empty: no file that debian-12/openbsd-inetd reads; {HOSTS['debian-12/openbsd-inetd']}\n"
    )


def test_files_that_the_host_passes_over_are_nothing() -> None:
    Path("xinetd.d").mkdir()
    for name in ("imap.dpkg-old", "imap~"):
        Path("xinetd.d", name).write_text("service imap\n{\n}\n")

    assert run("check", "xinetd.d", "--host", "debian-12/xinetd").exit_code == 2


def test_below_a_root_the_folders_are_named() -> None:
    Path("root/Library/LaunchDaemons").mkdir(parents=True)

    result = run("check", "--root", "root", "--host", "macos-14/launchd")

    assert (result.exit_code, result.stdout) == (2, "")
    folders = "/Library/LaunchDaemons, /System/Library/LaunchDaemons"
    assert result.stderr == f"Error: {folders} (below root): no file that macos-14/launchd reads; {HOSTS['macos-14/launchd']}\n"


def test_without_a_host_nothing_is_refused_too_and_passed_over_beside_a_file() -> None:
    result = run("check", "empty")

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "Error: empty: no file in it that a super-server reads (the root of a host is given with --root and --host)\n"

    Path("inetd.conf").write_text("imap stream tcp nowait root /usr/sbin/imapd imapd\n")
    assert run("check", "inetd.conf", "empty").exit_code == 0
