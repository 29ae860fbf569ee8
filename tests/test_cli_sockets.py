"""`inet46 sockets`: what it shows, and which files it reads as the host would."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.commandline import HERE, IN, answer, run

pytestmark = pytest.mark.usefixtures("beside_the_cases")

Golden = Callable[[str, str | Path], None]


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


def test_the_first_file_of_an_inetd_is_read_before_its_folder(tmp_path: Path) -> None:
    (tmp_path / "inetd.d").mkdir()
    main, other = tmp_path / "inetd.conf", tmp_path / "inetd.d/mail"
    main.write_text("imap stream tcp nowait root /usr/sbin/imap4d imap4d\n")
    other.write_text("imap stream tcp6 nowait root /usr/sbin/imap4d imap4d\n")

    data = answer("sockets", main, tmp_path / "inetd.d", "--host", "debian-12/inetutils-inetd")

    assert data["unknown"] == []
    assert [(socket["path"], socket["accepts"]) for socket in data["sockets"]] == [(str(main), ["ipv4"])]
    assert [(fault["code"], fault["path"]) for fault in data["faults"]] == [("I201", str(other))]


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
