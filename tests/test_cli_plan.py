"""`inet46 plan`: what it shows, and what it writes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.commandline import IN, answer, brief, run

pytestmark = pytest.mark.usefixtures("beside_the_cases")

Golden = Callable[[str, str | Path], None]


SEEDS = [
    ("freebsd-4.9/xinetd", "separate", "imap.toml"),
    ("freebsd-4.9/xinetd", "separate", "pop3.yaml"),
    ("freebsd-4.9/inetd", "separate", "imap.toml"),
    ("freebsd-4.9/inetd", "mapped", "imap.toml"),
    ("fedora-33/xinetd", "mapped", "imap-sbin.json"),
]


@pytest.mark.parametrize(("host", "sharing", "services"), SEEDS)
def test_plan_of_the_seeds(host: str, sharing: str, services: str, golden: Golden) -> None:
    result = run("plan", IN / services, "--host", host, "--sharing", sharing)
    name = f"{host.replace('/', '-')}-{sharing}-{Path(services).stem}"

    golden(result.stdout, f"cases/cli/plan/{name}.txt")
    assert result.exit_code == 0


def test_plan_in_json_has_stable_keys() -> None:
    plan = answer("plan", IN / "imap.toml", "--host", "freebsd-4.9/inetd", "--sharing", "mapped")

    assert list(plan) == ["host", "sharing", "changed", "files", "diff", "settings", "sockets", "activate", "notes", "written"]
    assert [file["path"] for file in plan["files"]] == ["/etc/inetd.conf"]
    assert plan["settings"] == [
        {"place": "rc.conf", "key": "ipv6_enable", "value": "YES"},
        {"place": "rc.conf", "key": "ipv6_ipv4mapping", "value": "YES"},
        {"place": "live", "key": "net.inet6.ip6.v6only", "value": "0"},
    ]
    assert brief(plan["sockets"]) == [("imap", ":: 143", False, ["ipv4", "ipv6"]), ("imaps", ":: 993", False, ["ipv4", "ipv6"])]
    assert (plan["changed"], plan["diff"], plan["written"]) == (None, None, [])


def test_plan_reads_toml_from_standard_input() -> None:
    plan = answer("plan", "-", "--host", "debian-12/xinetd", stdin=(IN / "imap.toml").read_text())

    assert {socket["service"] for socket in plan["sockets"]} == {"imap", "imaps"}


def test_plan_writes_whole_files_and_then_finds_them_as_they_are(tmp_path: Path) -> None:
    arguments = ("plan", IN / "imap.toml", "--host", "debian-12/xinetd", "-o", tmp_path / "out")
    first = answer(*arguments)
    second = answer(*arguments)

    assert {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file()} == {
        file["path"][1:] for file in first["files"]
    }
    for file in first["files"]:
        assert (tmp_path / "out" / file["path"][1:]).read_text() == file["text"]
    assert len(first["written"]) == len(first["files"])
    assert second["written"] == []


def test_plan_overwrites_nothing_that_differs(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/inetd.conf").write_text("# mine\n")
    arguments = ("plan", IN / "imap.toml", "--host", "freebsd-14/inetd", "-o", tmp_path)
    result = run(*arguments)

    assert result.stderr == f"Error: {tmp_path}/etc/inetd.conf: is there already and differs; --force overwrites it\n"
    assert (tmp_path / "etc/inetd.conf").read_text() == "# mine\n"
    assert run(*arguments, "--force").exit_code == 0
    assert "imap" in (tmp_path / "etc/inetd.conf").read_text()


def test_plan_writes_nothing_when_one_file_is_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "etc/xinetd.d").mkdir(parents=True)
    (tmp_path / "etc/xinetd.d/imaps").write_text("# mine\n")
    result = run("plan", IN / "imap.toml", "--host", "fedora-33/xinetd", "-o", tmp_path)

    assert result.exit_code == 2
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["imaps"]


@pytest.mark.parametrize("target", ["/outside", "../../outside"])
def test_plan_never_writes_outside_the_folder(tmp_path: Path, target: str) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "out/etc").mkdir(parents=True)
    (tmp_path / "out/etc/xinetd.d").symlink_to(str(tmp_path) + target if target == "/outside" else target)
    run("plan", IN / "imap.toml", "--host", "debian-12/xinetd", "-o", tmp_path / "out")

    assert list((tmp_path / "outside").iterdir()) == []


def test_plan_stays_inside_whatever_the_host_file_says(tmp_path: Path) -> None:
    host = tmp_path / "host.toml"
    host.write_text('name = "freebsd-14/inetd"\nconfig = "/../../../inetd.conf"\n')
    run("plan", IN / "imap.toml", "--host", host, "-o", tmp_path / "a/b/out")

    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("inetd.conf")] == ["a/b/out/inetd.conf"]


def test_plan_against_present_files_shows_the_difference_and_then_none(tmp_path: Path, golden: Golden) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/inetd.conf").write_bytes(b"# caf\xe9\nfinger\tstream\ttcp\tnowait\tnobody\t/usr/libexec/fingerd\tfingerd -s")
    (tmp_path / "etc/rc.conf").write_text('hostname="mail"\n')
    (tmp_path / "imap.toml").write_text('[[service]]\nname = "imap"\nprogram = { path = "/usr/local/libexec/imapd" }\n')
    arguments = ("plan", tmp_path / "imap.toml", "--host", "freebsd-4.9/inetd", "--sharing", "mapped", "--root", tmp_path)
    first = run(*arguments)
    applied = run(*arguments, "-o", tmp_path, "--force")
    written = (tmp_path / "etc/inetd.conf").read_bytes()
    last = run(*arguments, "--set", "net.inet6.ip6.v6only=0")

    golden(first.stdout, "cases/cli/plan/root.txt")
    assert (first.exit_code, applied.exit_code, last.exit_code) == (1, 1, 0)
    assert written.startswith(b"# caf\xe9\nfinger\tstream\ttcp\tnowait\tnobody\t/usr/libexec/fingerd\tfingerd -s\n")
    assert "no change" in last.stdout


def test_plan_says_in_json_whether_something_changes(tmp_path: Path) -> None:
    arguments = ("plan", IN / "imap.toml", "--host", "debian-12/xinetd", "--root", tmp_path)
    first = answer(*arguments, "-o", tmp_path)
    second = answer(*arguments)

    assert (first["changed"], second["changed"]) == (True, False)
    assert first["diff"].startswith("--- /dev/null\n+++ /etc/xinetd.")
    assert (second["diff"], second["files"], second["activate"]) == ("", [], [])


def test_plan_says_what_is_left_out() -> None:
    text = '[[service]]\nname = "finger"\nenabled = false\nprogram = { path = "/usr/libexec/fingerd" }\n'

    assert "finger/tcp: enabled is false, so it is left out" in run("plan", "-", "--host", "freebsd-14/inetd", stdin=text).stdout


def test_plan_refuses_what_cannot_be_proved() -> None:
    text = '[[service]]\nname = "nowhere"\nport = 7001\nprogram = { path = "/bin/cat" }\n'
    result = run("plan", "-", "--host", "freebsd-14/inetd", stdin=text)

    assert result.exit_code == 2
    assert "nowhere/tcp is not in /etc/services" in result.stderr


def test_plan_names_everything_that_is_wrong_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('[[service]]\nname = "imap"\nprot = 143\nprogram = { path = "/x" }\n')
    (tmp_path / "b.json").write_text('{"services": [{"name": "imap", "port": "143", "program": {"path": "/x"}}]}')
    (tmp_path / "c.ini").write_text("")
    arguments = [tmp_path / name for name in ("a.toml", "b.json", "c.ini", "d.toml")]
    result = run("plan", *arguments, "--host", "debian-12/xinted", "--services", tmp_path / "none")

    assert result.exit_code == 2
    for part in ("a.toml", "'prot'", "b.json", "port", "c.ini", "d.toml: no such file", "did you mean debian-12/xinetd", "none: no such"):
        assert part in result.stderr
