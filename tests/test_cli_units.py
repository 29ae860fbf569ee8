"""Units and jobs on the command line: PATHs with what lies beside them, links below a root, and links that are written."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.commandline import answer, run

HOST = "debian-12/systemd"
IMAP = "[Socket]\nListenStream=143\nAccept=yes\n"
POP3 = "[Socket]\nListenStream=110\nAccept=yes\n"
CAT = "[Service]\nExecStart=-/bin/cat\nStandardInput=socket\n"
SERVICES = '[[service]]\nname = "imap"\nprogram = { path = "/bin/cat" }\n'


def opened(*args: str | Path) -> list[tuple[str, str, int]]:
    return [(x["service"], x["address"], x["port"]) for x in answer("sockets", *args, "--host", HOST)["sockets"]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of units, from nowhere in particular."""
    units = tmp_path / "units"
    (units / "imap.socket.d").mkdir(parents=True)
    for name, text in {"imap.socket": IMAP, "imap@.service": CAT, "pop3.socket": POP3, "pop3@.service": CAT}.items():
        (units / name).write_text(text)
    (units / "imap.socket.d/more.conf").write_text("[Socket]\nListenStream=127.0.0.1:1143\n")
    return units


def test_a_unit_that_is_named_is_read_with_its_drop_ins_and_nothing_else_is_started(folder: Path) -> None:
    assert opened(folder / "imap.socket") == [("imap", "::", 143), ("imap", "127.0.0.1", 1143)]


def test_a_folder_without_links_is_all_started(folder: Path) -> None:
    assert opened(folder) == [("imap", "::", 143), ("imap", "127.0.0.1", 1143), ("pop3", "::", 110)]


def test_the_links_of_a_folder_say_what_is_started(folder: Path) -> None:
    (folder / "sockets.target.wants").mkdir()
    (folder / "sockets.target.wants/pop3.socket").symlink_to("../pop3.socket")

    assert opened(folder) == [("pop3", "::", 110)]
    assert opened(folder / "imap.socket") == [("imap", "::", 143), ("imap", "127.0.0.1", 1143)]


def test_a_line_is_shown_where_the_user_has_it(folder: Path) -> None:
    (folder / "imap.socket").write_text("[Socket]\nListenStream=143\nListenStream=143\nAccept=yes\n")
    result = run("sockets", folder / "imap.socket", "--host", HOST)

    assert f"--> {folder}/imap.socket:2:1" in result.stdout
    assert result.exit_code == 1


def test_below_a_root_the_links_decide_and_every_folder_counts(tmp_path: Path) -> None:
    etc, lib = tmp_path / "etc/systemd/system", tmp_path / "usr/lib/systemd/system"
    for path in (etc / "sockets.target.wants", lib / "imap.socket.d", tmp_path / "opt"):
        path.mkdir(parents=True)
    (tmp_path / "lib").symlink_to("usr/lib")
    (lib / "imap.socket").write_text(IMAP)
    (lib / "imap@.service").write_text(CAT)
    (lib / "imap.socket.d/a.conf").write_text("[Socket]\nListenStream=144\n")
    (tmp_path / "opt/pop3.socket").write_text(POP3)
    (etc / "pop3.socket").symlink_to("/opt/pop3.socket")
    (etc / "off.socket").symlink_to("/dev/null")
    (lib / "off.socket").write_text("[Socket]\nListenStream=1\nAccept=yes\n")

    assert opened("--root", tmp_path) == []
    for name in ("imap", "pop3", "off"):
        (etc / f"sockets.target.wants/{name}.socket").symlink_to(f"/lib/systemd/system/{name}.socket")
    assert opened("--root", tmp_path) == [("imap", "::", 143), ("imap", "::", 144), ("pop3", "::", 110)]


def test_of_a_template_that_is_named_the_instances_are_not_known(folder: Path) -> None:
    (folder / "imap@.socket").write_text(IMAP)

    assert answer("sockets", folder / "imap@.socket", "--host", HOST)["unknown"] == [
        f"{folder}/imap@.socket: which instances of this template are started"
    ]


def test_a_name_that_is_no_units_is_not_known_beside_others_and_refused_alone(folder: Path) -> None:
    (folder / "imap.conf").write_text(IMAP)

    assert answer("sockets", folder / "imap.socket", folder / "imap.conf", "--host", HOST)["unknown"] == [
        f"{folder}/imap.conf: what it would be: systemd-252 knows its files by their names, and this ends in no .socket nor .service"
    ]
    alone = run("sockets", folder / "imap.conf", "--host", HOST)
    told = f"{folder}/imap.conf: no file that {HOST} reads; it takes units, whose names end in .socket or .service"
    assert (alone.exit_code, alone.stderr) == (2, f"Error: {told}\n")


def test_a_plan_is_written_with_its_links_and_is_then_all_that_is_wanted(tmp_path: Path) -> None:
    (tmp_path / "imap.toml").write_text(SERVICES)
    out = tmp_path / "out"
    planned = answer("plan", tmp_path / "imap.toml", "--host", HOST, "-o", out)
    link = out / "etc/systemd/system/sockets.target.wants/imap.socket"

    assert planned["files"][-1] == {
        "path": "/etc/systemd/system/sockets.target.wants/imap.socket",
        "link": "/etc/systemd/system/imap.socket",
    }
    assert str(link.readlink()) == "/etc/systemd/system/imap.socket"
    assert opened("--root", out) == [("imap", "0.0.0.0", 143), ("imap", "::", 143)]
    assert run("plan", tmp_path / "imap.toml", "--host", HOST, "-o", out).exit_code == 0
    assert run("plan", tmp_path / "imap.toml", "--host", HOST, "--root", out).exit_code == 0
    link.unlink()
    link.symlink_to("/elsewhere")
    assert run("plan", tmp_path / "imap.toml", "--host", HOST, "-o", out).exit_code == 2
    assert run("plan", tmp_path / "imap.toml", "--host", HOST, "-o", out, "--force").exit_code == 0
    assert str(link.readlink()) == "/etc/systemd/system/imap.socket"


def test_a_unit_in_the_way_is_disabled_in_the_diff(tmp_path: Path) -> None:
    (tmp_path / "imap.toml").write_text(SERVICES)
    etc = tmp_path / "root/etc/systemd/system"
    (etc / "sockets.target.wants").mkdir(parents=True)
    (etc / "other.socket").write_text(IMAP)
    (etc / "other@.service").write_text(CAT)
    (etc / "sockets.target.wants/other.socket").symlink_to("../other.socket")
    result = run("plan", tmp_path / "imap.toml", "--host", HOST, "--sharing", "separate", "--root", tmp_path / "root")

    assert "--- /etc/systemd/system/sockets.target.wants/other.socket\n" in result.stdout
    assert "-symbolic link to ../other.socket\n" in result.stdout
    assert "systemctl disable --now other.socket" in result.stdout.replace("\n", " ")
    assert result.exit_code == 1


def test_a_job_is_planned_read_back_and_checked_as_a_file_of_its_kind(tmp_path: Path) -> None:
    (tmp_path / "imap.toml").write_text(SERVICES)
    out = tmp_path / "out"
    planned = answer("plan", tmp_path / "imap.toml", "--host", "macos-14/launchd", "-o", out)
    path = out / "Library/LaunchDaemons/inet46.imap.plist"
    (path.parent / "ignored.txt").write_text("x")

    assert planned["activate"] == ["bootstrap system /Library/LaunchDaemons/inet46.imap.plist"]
    for args in ((path,), (path.parent,), ("--root", out)):
        answered = answer("sockets", *args, "--host", "macos-14/launchd")["sockets"]
        assert [(x["address"], x["v6only"]) for x in answered] == [("0.0.0.0", None), ("::", True)]
    assert run("check", path, out).exit_code in {0, 1}


def test_a_manifest_is_planned_read_back_and_checked_as_a_file_of_its_kind(tmp_path: Path) -> None:
    (tmp_path / "imap.toml").write_text(SERVICES)
    out = tmp_path / "out"
    planned = answer("plan", tmp_path / "imap.toml", "--host", "illumos/inetd", "-o", out)
    path = out / "lib/svc/manifest/site/inet46-imap-tcp.xml"
    (path.parent / "ignored.txt").write_text("x")

    assert planned["activate"] == [
        "svccfg import /lib/svc/manifest/site/inet46-imap-tcp.xml",
        "inetadm -e svc:/site/inet46-imap-tcp:default",
    ]
    for args in ((path,), (path.parent,), ("--root", out)):
        answered = answer("sockets", *args, "--host", "illumos/inetd")["sockets"]
        assert [(x["address"], x["v6only"]) for x in answered] == [("0.0.0.0", None), ("::", True)]
    assert "nothing found in 1 file" in run("check", path).stdout
    assert run("convert", path, "--from", "illumos/inetd", "--to", "debian-12/systemd").exit_code == 0
    assert 'name = "imap"' in run("export", path, "--host", "illumos/inetd").stdout


def test_lines_and_manifests_below_a_root_are_read_together(tmp_path: Path) -> None:
    (tmp_path / "imap.toml").write_text(SERVICES)
    root = tmp_path / "root"
    (root / "etc/inet").mkdir(parents=True)
    (root / "etc/inet/inetd.conf").write_text("imap stream tcp nowait root /bin/old old\nftp stream tcp6 nowait root /bin/ftpd ftpd\n")
    result = run("plan", tmp_path / "imap.toml", "--host", "illumos/inetd", "--root", root, "-o", root, "--force")
    again = run("plan", tmp_path / "imap.toml", "--host", "illumos/inetd", "--root", root)
    answered = answer("sockets", "--host", "illumos/inetd", "--root", root)["sockets"]

    assert "-imap stream tcp nowait root /bin/old old\n" in result.stdout
    assert "then: inetadm -d svc:/network/imap/tcp:default, svccfg import" in result.stdout
    assert (result.exit_code, again.exit_code) == (1, 0)
    assert [(x["service"], x["address"]) for x in answered] == [("ftp", "::"), ("imap", "0.0.0.0"), ("imap", "::")]


def test_a_folder_that_leads_back_into_itself_ends(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "broken.xml").write_text("<service_bundle>")

    assert run("sockets", tmp_path, "--host", "illumos/inetd").exit_code == 1


def test_units_are_checked_on_the_hosts_that_have_them(folder: Path) -> None:
    assert "I306" in run("check", folder / "imap.socket").stdout
    (folder / "imap.socket").write_text(f"{IMAP}BindIPv6Only=both\n")
    assert run("check", folder / "imap.socket").exit_code == 0
