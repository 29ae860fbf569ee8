"""The command line: its answers, its refusals, and that no input makes it show a traceback."""

from __future__ import annotations

import json
import os
import runpy
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from inet46.cli import main
from inet46.errors import Inexpressible, ModelError, Unprovable
from inet46.knowledge import HOSTS

HERE = Path(__file__).parent
IN = Path("cases/cli/in")
NAMES = [row.name for row in HOSTS]

Golden = Callable[[str, str | Path], None]


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths in outputs are those that a person would type."""
    monkeypatch.chdir(HERE)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("COLUMNS", "100")


def run(*args: str | Path, stdin: bytes | str = "", color: bool = False) -> Result:
    result = CliRunner().invoke(main, [str(arg) for arg in args], input=stdin, color=color)

    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert "defect" not in result.stderr
    assert "Traceback" not in result.stderr
    assert bool(result.stderr) == (result.exit_code == 2)
    return result


def answer(*args: str | Path, stdin: bytes | str = "") -> Any:
    return json.loads(run(*args, "--json", stdin=stdin).stdout)


def process(*args: str, **options: Any) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "inet46.cli", *args]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


def brief(sockets: Sequence[dict[str, Any]]) -> list[tuple[str, str, bool | None, list[str]]]:
    return [(x["service"], f"{x['address']} {x['port']}", x["v6only"], x["accepts"]) for x in sockets]


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


# -- plan ------------------------------------------------------------------------------------------------------------------------------

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


# -- sockets ---------------------------------------------------------------------------------------------------------------------------

PREDICTIONS: list[tuple[str, str, tuple[str, ...]]] = [
    ("four", "freebsd-4.9/xinetd", ()),
    ("four", "fedora-33/xinetd", ()),
    ("four/imap", "freebsd-14/xinetd", ()),
    ("pair-inetd.conf", "freebsd-4.9/inetd", ()),
    ("pair-inetd.conf", "debian-12/inetutils-inetd", ()),
    ("tcp46-inetd.conf", "freebsd-4.9/inetd", ()),
    ("tcp46-inetd.conf", "freebsd-4.9/inetd", ("--set", "net.inet6.ip6.v6only=0")),
    ("fedora", "fedora-33/xinetd", ()),
]


@pytest.mark.parametrize(("path", "host", "more"), PREDICTIONS)
def test_sockets_of_the_seeds(path: str, host: str, more: tuple[str, ...], golden: Golden) -> None:
    arguments: tuple[str | Path, ...] = ("sockets", IN / path, "--host", host, *more)
    text, data = run(*arguments), run(*arguments, "--json")
    name = f"{path.replace('/', '-')}-{host.replace('/', '-')}{'-set' if more else ''}"

    golden(text.stdout, f"cases/cli/sockets/{name}.txt")
    golden(data.stdout, f"cases/cli/sockets/{name}.json")
    assert text.exit_code == data.exit_code


def test_tcp46_takes_ipv4_on_freebsd_4_only_when_mapping_is_on() -> None:
    arguments = ("sockets", IN / "tcp46-inetd.conf", "--host", "freebsd-4.9/inetd")
    without, with_ = answer(*arguments), answer(*arguments, "--set", "net.inet6.ip6.v6only=0")

    assert [socket["accepts"] for socket in without["sockets"]] == [["ipv6"], ["ipv6"]]
    assert [socket["accepts"] for socket in with_["sockets"]] == [["ipv4", "ipv6"], ["ipv4", "ipv6"]]


def test_sockets_in_json_have_exactly_the_keys_of_the_interface() -> None:
    data = answer("sockets", IN / "pair-inetd.conf", "--host", "debian-12/inetutils-inetd")

    assert list(data) == ["host", "sockets", "faults", "unknown"]
    assert data["host"] == "debian-12/inetutils-inetd"
    assert data["sockets"][0] == {
        "service": "imap",
        "transport": "tcp",
        "family": "ipv4",
        "address": "0.0.0.0",
        "port": 143,
        "v6only": None,
        "accepts": ["ipv4"],
        "path": "cases/cli/in/pair-inetd.conf",
        "line": 2,
    }
    assert list(data["faults"][0]) == ["code", "name", "severity", "message", "path", "line", "column"]
    assert (data["faults"][0]["code"], data["faults"][0]["line"]) == ("I201", 3)
    assert data["unknown"] == []


@pytest.mark.parametrize("path", ["fedora", "fedora/", "./fedora", "../in/fedora"])
def test_a_place_is_named_as_the_user_named_the_path(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(HERE / IN)
    data = answer("sockets", path, "--host", "fedora-33/xinetd")

    assert [socket["path"] for socket in data["sockets"]] == [f"{path.rstrip('/')}/imap", f"{path.rstrip('/')}/imaps"]


def test_a_file_without_fault_ends_with_status_0() -> None:
    assert run("sockets", IN / "fedora", "--host", "fedora-33/xinetd").exit_code == 0


def test_faults_end_with_status_1() -> None:
    assert run("sockets", IN / "pair-inetd.conf", "--host", "debian-12/inetutils-inetd").exit_code == 1


def test_xinetd_passes_over_names_with_a_dot_or_a_tilde(tmp_path: Path) -> None:
    text = (IN / "fedora/imap").read_text()
    for name in ("imap", "imap.bak", "imap~", ".imap"):
        (tmp_path / name).write_text(text)
    data = answer("sockets", tmp_path, "--host", "fedora-33/xinetd")

    assert [socket["path"] for socket in data["sockets"]] == [f"{tmp_path}/imap"]
    assert data["faults"] == []


def test_xinetd_reads_a_folder_in_the_order_of_the_c_locale(tmp_path: Path) -> None:
    for name in ("a", "B", "10x", "9x"):
        (tmp_path / name).write_text((IN / "fedora/imap").read_text().replace("imap", "finger", 1))
    data = answer("sockets", tmp_path, "--host", "fedora-33/xinetd")

    assert [socket["path"] for socket in data["sockets"]] == [f"{tmp_path}/10x"]
    assert [Path(fault["path"]).name for fault in data["faults"]] == ["9x", "B", "a"]


def test_includes_are_followed_from_where_they_stand(tmp_path: Path) -> None:
    (tmp_path / "main.conf").write_text(f"include {tmp_path}/more\nincludedir {HERE / IN}/fedora\nincludedir {tmp_path}/gone\n")
    (tmp_path / "more").write_text((IN / "fedora/imap").read_text().replace("imap", "pop3"))
    data = answer("sockets", tmp_path / "main.conf", "--host", "fedora-33/xinetd")

    assert [(socket["service"], socket["path"]) for socket in data["sockets"]] == [
        ("pop3", f"{tmp_path}/more"),
        ("imap", f"{HERE / IN}/fedora/imap"),
        ("imaps", f"{HERE / IN}/fedora/imaps"),
    ]
    assert data["unknown"] == [f"{tmp_path}/main.conf:3: what is in {tmp_path}/gone, which is not there"]


def test_what_is_not_known_is_said_to_a_person_too(tmp_path: Path) -> None:
    (tmp_path / "main.conf").write_text("includedir /nowhere\n")
    result = run("sockets", tmp_path / "main.conf", "--host", "fedora-33/xinetd")

    assert result.stdout.startswith("fedora-33/xinetd: no sockets, 1 not known\n")
    assert "main.conf:1: what is in /nowhere, which is not there" in " ".join(result.stdout.split())


def test_paths_with_blanks_are_read_too(tmp_path: Path) -> None:
    folder = tmp_path / "with a blank"
    folder.mkdir()
    (folder / "imap").write_text((IN / "fedora/imap").read_text())
    (folder / "a b.conf").write_text((IN / "fedora/imaps").read_text())
    data = answer("sockets", folder, folder / "a b.conf", "--host", "fedora-33/xinetd")

    assert [socket["path"] for socket in data["sockets"]] == [f"{folder}/imap", f"{folder}/a b.conf"]


def test_an_inetd_conf_among_the_paths_of_an_xinetd_means_compat() -> None:
    data = answer("sockets", IN / "fedora", IN / "pair-inetd.conf", "--host", "fedora-33/xinetd")

    assert {fault["path"] for fault in data["faults"] + data["sockets"]} >= {"cases/cli/in/fedora/imap", "cases/cli/in/pair-inetd.conf"}
    assert "cases/cli/in/pair-inetd.conf" in {fault["path"] for fault in data["faults"]}


def test_xinetd_reads_one_inetd_conf() -> None:
    result = run("sockets", IN / "pair-inetd.conf", IN / "tcp46-inetd.conf", "--host", "debian-12/xinetd")

    assert result.exit_code == 2
    assert "xinetd reads one inetd.conf (-inetd_compat), not 2" in result.stderr


def test_paths_of_an_inetd_are_read_in_the_order_given(tmp_path: Path) -> None:
    for name, protocol in (("a", "tcp6"), ("b", "tcp")):
        (tmp_path / name).write_text(f"7001 stream {protocol} nowait root /bin/cat cat\n")
    arguments = ("--host", "debian-12/inetutils-inetd")
    forward = answer("sockets", tmp_path / "a", tmp_path / "b", *arguments)
    backward = answer("sockets", tmp_path / "b", tmp_path / "a", *arguments)

    assert [socket["path"] for socket in forward["sockets"]] == [f"{tmp_path}/a"]
    assert [socket["path"] for socket in backward["sockets"]] == [f"{tmp_path}/b"]


# -- below a root ----------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A host's files: an xinetd.conf, an inetd.conf, a folder for inetutils, and names."""
    etc = tmp_path / "root/etc"
    for folder in ("xinetd.d", "inetd.d"):
        (etc / folder).mkdir(parents=True)
    (etc / "services").write_text("imap2\t143/tcp\timap imap4\t# mail\nimaps 993/tcp\nimap2 144/tcp\nodd 7001/sctp\n")
    (etc / "xinetd.conf").write_text("defaults\n{\n}\nincludedir /etc/xinetd.d\n")
    (etc / "xinetd.d/imaps").write_text((IN / "fedora/imaps").read_text())
    (etc / "inetd.conf").write_text("imap4 stream tcp nowait root /usr/sbin/imap4d imap4d\n")
    (etc / "inetd.d/more.dpkg-old").write_text("imaps stream tcp nowait root /usr/sbin/imap4d imap4d\n")
    return tmp_path / "root"


def test_without_paths_the_main_file_below_the_root_is_read(root: Path) -> None:
    data = answer("sockets", "--root", root, "--host", "fedora-33/xinetd")

    assert [(socket["service"], socket["path"]) for socket in data["sockets"]] == [("imaps", "/etc/xinetd.d/imaps")]


def test_without_paths_and_root_there_is_nothing_to_read() -> None:
    assert run("sockets", "--host", "fedora-33/xinetd").exit_code == 2


def test_debians_xinetd_serves_inetd_conf_as_well(root: Path) -> None:
    data = answer("sockets", "--root", root, "--host", "debian-12/xinetd")

    assert [(socket["service"], socket["path"], socket["port"]) for socket in data["sockets"]] == [
        ("imaps", "/etc/xinetd.d/imaps", 993),
        ("imap4", "/etc/inetd.conf", 143),
    ]


def test_inetutils_reads_its_folder_and_the_backups_in_it(root: Path) -> None:
    data = answer("sockets", "/etc/inetd.conf", "--root", root, "--host", "debian-12/inetutils-inetd")

    assert [(socket["path"], socket["port"]) for socket in data["sockets"]] == [
        ("/etc/inetd.conf", 143),
        ("/etc/inetd.d/more.dpkg-old", 993),
    ]


@pytest.mark.parametrize("path", ["/etc/inetd.conf", "etc/inetd.conf"])
def test_a_path_below_the_root_is_named_as_given(root: Path, path: str) -> None:
    data = answer("sockets", path, "--root", root, "--host", "debian-12/openbsd-inetd")

    assert {socket["path"] for socket in data["sockets"]} == {path}


def test_a_path_may_be_written_with_the_root_before_it(root: Path) -> None:
    path = root / "etc/inetd.conf"
    data = answer("sockets", path, "--root", root, "--host", "debian-12/inetutils-inetd")

    assert [socket["path"] for socket in data["sockets"]] == [str(path), "/etc/inetd.d/more.dpkg-old"]


def test_links_below_the_root_are_followed_as_the_host_would(root: Path) -> None:
    (root / "srv").mkdir()
    (root / "etc/xinetd.d").rename(root / "srv/xinetd.d")
    (root / "etc/xinetd.d").symlink_to("/srv/xinetd.d")
    (root / "srv/xinetd.d/imap").symlink_to("../../../../srv/real")
    (root / "srv/real").write_text((IN / "fedora/imap").read_text())
    data = answer("sockets", "--root", root, "--host", "fedora-33/xinetd")

    assert {socket["path"] for socket in data["sockets"]} == {"/etc/xinetd.d/imaps", "/etc/xinetd.d/imap"}


def test_links_in_a_circle_are_refused(root: Path) -> None:
    (root / "etc/xinetd.conf").unlink()
    (root / "etc/xinetd.conf").symlink_to("/etc/xinetd.conf")
    result = run("sockets", "--root", root, "--host", "fedora-33/xinetd")

    assert result.exit_code == 2
    assert "too many symbolic links" in result.stderr


def test_a_name_that_the_root_does_not_know_is_lost(root: Path) -> None:
    (root / "etc/inetd.conf").write_text("pop3 stream tcp nowait root /usr/sbin/pop3d pop3d\n")
    data = answer("sockets", "/etc/inetd.conf", "--root", root, "--host", "debian-12/openbsd-inetd")

    assert data["sockets"] == []
    assert data["faults"]


def test_a_root_without_services_is_said_and_the_usual_names_are_taken(root: Path) -> None:
    (root / "etc/services").unlink()
    data = answer("sockets", "--root", root, "--host", "fedora-33/xinetd")

    assert [socket["port"] for socket in data["sockets"]] == [993]
    assert data["unknown"] == [f"/etc/services: not there below {root}, so only the usual service names are known"]


def test_other_services_can_be_given(tmp_path: Path) -> None:
    (tmp_path / "services").write_text("imaps 7993/tcp\n")
    data = answer("sockets", IN / "fedora/imaps", "--host", "fedora-33/xinetd", "--services", tmp_path / "services")

    assert [socket["port"] for socket in data["sockets"]] == [7993]


# -- refusals --------------------------------------------------------------------------------------------------------------------------


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
    assert result.stderr.startswith("Error: this input met a defect in inet46 itself, please report it: ZeroDivisionError at test_cli.py:")


def test_a_file_without_end_is_refused() -> None:
    result = run("sockets", "/dev/zero", "--host", "debian-12/openbsd-inetd")

    assert result.stderr == "Error: /dev/zero: has more than 16 MiB, so it is no configuration\n"


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


# -- includes of NetBSD's inetd --------------------------------------------------------------------------------------------------------


def including(root: Path) -> Path:
    """An inetd.conf with includes below a folder: relative, by pattern, and one that is not there."""
    (root / "etc/inetd.d").mkdir(parents=True)
    main = root / "etc/inetd.conf"
    main.write_text("time stream tcp4 nowait root internal\n.include inetd.d/m*\n.include nothing\n")
    (root / "etc/inetd.d/mail").write_text("imap stream tcp6 nowait root /bin/x\n.include ../more.conf\n")
    (root / "etc/inetd.d/other").write_text("nntp stream tcp4 nowait root /bin/x\n")
    (root / "etc/more.conf").write_text("pop3 stream tcp6 nowait root /bin/x\n")
    return main


def test_includes_of_netbsd_are_followed_from_a_path(tmp_path: Path) -> None:
    main = including(tmp_path)
    data = answer("sockets", main, "--host", "netbsd-10/inetd")

    found = {held["service"]: Path(held["path"]).relative_to(tmp_path) for held in data["sockets"]}
    assert {name: str(path) for name, path in found.items()} == {
        "time": "etc/inetd.conf",
        "imap": "etc/inetd.d/mail",
        "pop3": "etc/more.conf",
    }
    assert [fault["code"] for fault in data["faults"]] == ["I126"]


def test_includes_of_netbsd_are_followed_below_a_root_and_with_several_paths(tmp_path: Path) -> None:
    including(tmp_path)
    arguments = ("sockets", "/etc/inetd.d/other", "/etc/inetd.conf", "--root", tmp_path, "--host", "netbsd-10/inetd")
    data = answer(*arguments)

    assert [held["service"] for held in data["sockets"]] == ["nntp", "time", "imap", "pop3"]


def test_a_pattern_in_the_name_of_a_folder_is_said_not_to_be_followed(tmp_path: Path) -> None:
    path = tmp_path / "inetd.conf"
    path.write_text(".include */x\n")

    assert answer("sockets", path, "--host", "netbsd-10/inetd")["unknown"] == [
        f"{path}: what {tmp_path}/*/x includes, which is not looked for"
    ]
