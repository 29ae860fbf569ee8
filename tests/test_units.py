"""Hosts whose super-server is systemd: what is decided about them, and which units a look finds."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Mapping
from typing import Any

import attrs
import pytest

from inet46 import HostPolicy, Program, Service, plan
from inet46.formats import Link
from inet46.sockets import Transport
from pyinfra_inet46.asking import question
from pyinfra_inet46.judge import Decision, decide
from pyinfra_inet46.look import FileKind, FileSeen, Look, SuperServer, look_command, parse_look
from pyinfra_inet46.transaction import LinkChange, Transaction
from tests.looks import IMAPD, OPENBSD, XINETD, a_file, a_look, listening
from tests.shell.harness import SHELLS, available
from tests.shell.roots import Root, common

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root for a root directory of its own")

FOLDER = "/etc/systemd/system"
WANTS = f"{FOLDER}/sockets.target.wants"
IMAP = Service(name="imap", port=143, program=Program(path=IMAPD, args=("--inetd",)), greeting="* OK")
MADE = plan([IMAP], "debian-12/systemd").files
V4 = listening("0.0.0.0", pids=(1,), command="systemd")
V6 = listening("::", pids=(1,), command="systemd")
HAND_MADE = {
    f"{FOLDER}/dovecot.socket": "[Socket]\nListenStream=0.0.0.0:143\nAccept=yes\n[Install]\nWantedBy=sockets.target\n",
    f"{FOLDER}/dovecot@.service": "[Service]\nExecStart=-/usr/sbin/imap4d --inetd\nStandardInput=socket\n",
    f"{WANTS}/dovecot.socket": Link("../dovecot.socket"),
}


def seen(path: str, text: str) -> FileSeen:
    if isinstance(text, Link):
        kind = FileKind.LINK if ".wants/" in path else FileKind.OTHER
        return FileSeen(path=path, kind=kind, target=str(text), resolved=os.path.normpath(os.path.join(os.path.dirname(path), text)))  # noqa: PTH118 PTH120
    return a_file(path, text)


def a_host(files: Mapping[str, str] | None = None, servers: tuple[SuperServer, ...] = (), **changes: Any) -> Look:
    """A Debian 12 with systemd and no other super-server."""
    texts = MADE if files is None else files
    folder = FileSeen(path=FOLDER, kind=FileKind.DIRECTORY)
    look = a_look(files={}, **{"systemd": True, "sockets": (V4, V6), **changes})
    return attrs.evolve(look, super_servers=servers, files=(folder, *(seen(path, text) for path, text in texts.items())))


def judged(look: Look, policy: str | HostPolicy | None = None, **changes: Any) -> Decision:
    kind = HostPolicy(name=policy) if isinstance(policy, str) else policy
    return decide([attrs.evolve(IMAP, **changes)], kind, look, id="t1", label="mail1")


def changed(decision: Decision) -> Transaction:
    assert decision.refusals == ()
    assert decision.transaction is not None
    return decision.transaction


# -- what is decided -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", [None, "debian-12/systemd"])
def test_units_that_serve_are_left_alone(policy: str | None) -> None:
    decision = judged(a_host(), policy)

    assert decision == Decision(answers=("imap: answers IPv4 and IPv6 (0.0.0.0:143 + [::]:143 v6only)",), probes=decision.probes)
    assert [probe.address for probe in decision.probes] == ["127.0.0.1", "::1"]


def test_a_host_without_any_gets_units_that_are_enabled_and_started_and_going_back_takes_them_away() -> None:
    decision = judged(a_host({}, sockets=()))
    change = changed(decision)

    assert [file.path for file in change.files] == [f"{FOLDER}/imap.socket", f"{FOLDER}/imap@.service"]
    assert change.links == (LinkChange(path=f"{WANTS}/imap.socket", old=None, new=f"{FOLDER}/imap.socket"),)
    assert change.activate == ("daemon-reload", "start-units imap.socket")
    assert (change.retire, change.undo) == (("stop-units imap.socket",), ("daemon-reload",))
    assert (change.daemon.exe, change.daemon.pid, change.daemon.units) == ("/usr/lib/systemd/systemd", 1, ("imap.socket",))
    assert [(x.address, x.port) for x in change.expected] == [("0.0.0.0", 143), ("::", 143)]
    assert decision.words == (
        "imap: now answers nothing → IPv4 and IPv6 (0.0.0.0:143 + [::]:143 v6only)",
        f"imap.socket is started at boot ({WANTS}/imap.socket)",
    )


def test_a_unit_of_another_name_on_the_same_port_is_stopped_before_ours_is_started_and_comes_back() -> None:
    decision = judged(a_host(HAND_MADE, sockets=(V4,)))
    change = changed(decision)

    assert change.activate == ("daemon-reload", "stop-units dovecot.socket", "start-units imap.socket")
    assert change.retire == ("stop-units dovecot.socket imap.socket",)
    assert change.undo == ("daemon-reload", "start-units dovecot.socket")
    assert change.links == (
        LinkChange(path=f"{WANTS}/dovecot.socket", old="../dovecot.socket", new=None),
        LinkChange(path=f"{WANTS}/imap.socket", old=None, new=f"{FOLDER}/imap.socket"),
    )
    assert f"dovecot.socket is not started at boot any more ({WANTS}/dovecot.socket goes)" in decision.words


def test_a_unit_of_the_distribution_is_kept_from_starting_by_a_link_to_nothing() -> None:
    vendor = {path.replace(FOLDER, "/usr/lib/systemd/system"): text for path, text in HAND_MADE.items()}
    change = changed(judged(a_host(vendor, sockets=(V4,))))

    assert LinkChange(path=f"{WANTS}/dovecot.socket", old=None, new="/dev/null") in change.links
    assert change.undo == ("daemon-reload", "start-units dovecot.socket")


def test_a_service_that_is_switched_off_is_stopped_and_not_started_at_boot() -> None:
    change = changed(judged(a_host(), enabled=False))

    assert change.files == ()
    assert change.activate == ("daemon-reload", "stop-units imap.socket")
    assert change.undo == ("daemon-reload", "start-units imap.socket")
    assert [(link.old, link.new) for link in change.links] == [(f"{FOLDER}/imap.socket", None)]


def test_units_that_are_right_and_not_started_are_started() -> None:
    change = changed(judged(a_host(sockets=())))

    assert (change.files, change.links) == ((), ())
    assert change.activate == ("daemon-reload", "stop-units imap.socket", "start-units imap.socket")
    assert change.undo == ("daemon-reload",)


def test_a_unit_that_was_started_by_hand_is_enabled_and_started_anew() -> None:
    files = {path: text for path, text in MADE.items() if not path.startswith(WANTS)}
    change = changed(judged(a_host(files)))

    assert change.activate == ("daemon-reload", "stop-units imap.socket", "start-units imap.socket")
    assert change.undo == ("daemon-reload", "start-units imap.socket")
    assert [(link.old, link.new) for link in change.links] == [(None, f"{FOLDER}/imap.socket")]


def test_a_server_that_has_the_socket_itself_is_stopped_with_it() -> None:
    wish = Service(name="tftp", port=69, transport=Transport.UDP, wait=True, program=Program(path=IMAPD))
    made = plan([wish], "debian-12/systemd").files
    look = a_host(made, sockets=(listening("0.0.0.0", 69, transport="udp", pids=(1,)),))
    change = changed(decide([wish], None, look, id="t1", label="mail1"))

    assert change.activate[1] == "stop-units tftp-ipv6.socket tftp.socket tftp-ipv6.service tftp.service"
    assert change.activate[2] == "start-units tftp-ipv6.socket tftp.socket"


def test_the_other_sockets_of_systemd_are_kept_and_are_no_reason_for_anything() -> None:
    other = listening("::", 2222, pids=(1,), command="systemd")
    change = changed(judged(a_host({}, sockets=(other,))))

    assert [(x.address, x.port) for x in change.keep] == [("::", 2222)]


# -- refused -------------------------------------------------------------------------------------------------------------------------

MASKED = {f"{FOLDER}/imap.socket": Link("/dev/null")}
ALIAS = {f"{FOLDER}/imap.socket": Link("/usr/lib/systemd/system/cyrus.socket")}


@pytest.mark.parametrize(
    ("look", "policy", "reason"),
    [
        (a_host(MASKED, sockets=()), None, f"{FOLDER}/imap.socket is a link to /dev/null; it is masked: unmask it first"),
        (
            a_host(ALIAS, sockets=()),
            None,
            f"{FOLDER}/imap.socket is a link to /usr/lib/systemd/system/cyrus.socket; remove the link first, or edit what it leads to",
        ),
        (
            a_host({}, sockets=(V4,)),
            None,
            "systemd listens on tcp 0.0.0.0:143 for a unit that no boot starts: stop it first (systemctl list-sockets names it)",
        ),
        (a_host(systemd=False), "debian-12/systemd", "systemd is not the init of this host"),
        (a_host(), "rhel-9/systemd", "the policy says rhel-9/systemd, and this host is debian-12/systemd"),
        (
            a_host(),
            HostPolicy(name="debian-12/systemd", config="/srv/units"),
            "systemd reads its own folders: a policy with config or directory cannot be deployed to",
        ),
        (
            a_host({}, (XINETD,), sockets=(listening("0.0.0.0", command="xinetd"),)),
            "debian-12/systemd",
            "imap/tcp: port 143 is held by xinetd (pid 812), which serves 0.0.0.0:143 itself; stop it first",
        ),
        (
            a_host({}, (attrs.evolve(OPENBSD, pid=None),), sockets=()),
            None,
            "no super-server is running (openbsd-inetd is installed); start it first",
        ),
        (
            a_host(os_id="gentoo", os_version=None),
            None,
            "host 'gentoo/systemd' is not known; did you mean debian-12/systemd or rhel-9/systemd? (inet46 hosts lists them all)",
        ),
    ],
)
def test_refused(look: Look, policy: str | HostPolicy | None, reason: str) -> None:
    assert judged(look, policy).refusals == (reason,)


@pytest.mark.parametrize(
    ("os_id", "version", "policy"),
    [("rocky", "9.4", "rhel-9/systemd"), ("centos", "9", "rhel-9/systemd"), ("rhel", "9.2", "rhel-9/systemd")],
)
def test_rebuilds_and_minor_releases_are_the_release_that_they_are_of(os_id: str, version: str, policy: str) -> None:
    assert judged(a_host(os_id=os_id, os_version=version), policy).answers


# -- asking --------------------------------------------------------------------------------------------------------------------------


def test_units_are_asked_for_where_they_are_the_super_server_or_may_be() -> None:
    assert question((IMAP,), None).units == "alone"
    assert question((IMAP,), HostPolicy(name="debian-12/systemd")).units == "always"
    assert question((IMAP,), HostPolicy(name="debian-12/xinetd")).units is None


@pytest.fixture
def root(tmp_path: pathlib.Path) -> Root:
    """A host with systemd, and more units than matter."""
    made = Root(tmp_path / "root", stand_ins={"ss": "exit 0", "ps": "exit 0"})
    (made.folder / "run/systemd/system").mkdir(parents=True)
    vendor, admin = "usr/lib/systemd/system", "etc/systemd/system"
    made.write(f"{vendor}/dbus.socket", "[Socket]\nListenStream=/run/dbus/system_bus_socket\n")
    made.write(f"{vendor}/notify.socket", "[Socket]\nListenDatagram=%t/notify\nListenStream=@abstract\n")
    made.write(f"{vendor}/rsync.socket", "[Socket]\n  ListenStream = 873\nService=copying.service\n")
    made.write(f"{vendor}/copying.service", "[Service]\nExecStart=/usr/bin/rsync --daemon\n")
    made.write(f"{vendor}/sockets.target.wants/README", "")
    made.write(f"{admin}/copying.service.d/more.conf", "[Service]\nUser=nobody\n")
    made.write(f"{admin}/late.socket.d/port.conf", "[Socket]\nListenStream=[::1]:4000\n")
    made.write(f"{vendor}/late.socket", "[Socket]\nAccept=yes\n")
    made.write(f"{admin}/imap.socket.d/limit.conf", "[Socket]\nMaxConnections=4\n")
    made.write(f"{admin}/imap.socket.d/limit.conf~", "no drop-in")
    (made.folder / admin / "other.socket").symlink_to("/usr/lib/systemd/system/rsync.socket")
    (made.folder / admin / "sockets.target.wants").mkdir()
    (made.folder / admin / "sockets.target.wants/other.socket").symlink_to("../other.socket")
    (made.folder / admin / "sockets.target.wants/dbus.socket").symlink_to("/usr/lib/systemd/system/dbus.socket")
    (made.folder / admin / "pop3.socket").symlink_to("/dev/null")
    common(made)
    return made


@needs_root
@pytest.mark.parametrize("shell", [shell for shell in SHELLS if available(shell)])
def test_a_look_finds_the_units_that_listen_with_all_that_belongs_to_them_and_no_others(root: Root, shell: str) -> None:
    look = parse_look(root.run(look_command(services=["imap/tcp"], units="alone"), shell=shell))
    files = {seen.path: seen.target or seen.kind for seen in look.files if "/systemd/" in seen.path}

    assert files == {
        FOLDER: FileKind.DIRECTORY,
        f"{FOLDER}/copying.service.d/more.conf": FileKind.REGULAR,
        f"{FOLDER}/imap.socket.d/limit.conf": FileKind.REGULAR,
        f"{FOLDER}/late.socket.d/port.conf": FileKind.REGULAR,
        f"{FOLDER}/other.socket": "/usr/lib/systemd/system/rsync.socket",
        f"{FOLDER}/pop3.socket": "/dev/null",
        f"{WANTS}/other.socket": "../other.socket",
        "/usr/lib/systemd/system/copying.service": FileKind.REGULAR,
        "/usr/lib/systemd/system/late.socket": FileKind.REGULAR,
        "/usr/lib/systemd/system/rsync.socket": FileKind.REGULAR,
    }
    assert look.systemd


@needs_root
def test_where_another_super_server_is_installed_nobody_looks_at_units_unless_they_are_meant(root: Root) -> None:
    root.program("usr/sbin/xinetd")

    assert parse_look(root.run(look_command(units="alone"))).file(FOLDER) is None
    assert parse_look(root.run(look_command(units="always"))).file(FOLDER) is not None
    assert parse_look(root.run(look_command())).file(FOLDER) is None


@needs_root
def test_a_pending_journal_shows_links_as_they_will_be_once_it_is_rolled_back(root: Root) -> None:
    document = (
        "inet46-transaction 1\nid t0\nhost m\ndeadline 100\ndaemon systemd\nexe /sbin/init\n"
        f"link {WANTS}/other.socket\nfrom \nto ../other.socket\n"
        f"link {WANTS}/imap.socket\nfrom {FOLDER}/imap.socket\nto \nend\n"
    )
    root.write("var/lib/inet46/journal", document)
    look = parse_look(root.run(look_command(units="alone")))
    links = {seen.path: (seen.kind, seen.target) for seen in look.files if seen.path.startswith(WANTS)}

    assert links == {f"{WANTS}/imap.socket": (FileKind.LINK, f"{FOLDER}/imap.socket"), f"{WANTS}/other.socket": (FileKind.ABSENT, None)}
