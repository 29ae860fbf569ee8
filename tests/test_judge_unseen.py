"""What is decided about a host on which something is there that does not look like what it is."""

from __future__ import annotations

import attrs
import pytest

from inet46 import HostPolicy, Program, Service
from pyinfra_inet46.judge import Decision, decide
from pyinfra_inet46.look import Look, NamedService, SuperServer
from pyinfra_inet46.transaction import Transaction
from tests.looks import IMAPD, INETUTILS, OPENBSD, XINETD, a_look, listening

IMAP = Service(name="imap", port=143, program=Program(path=IMAPD, args=("--inetd",)), greeting="* OK")
V4_LINE = "imap\tstream\ttcp4\tnowait\troot\t/usr/sbin/imap4d imap4d --inetd\n"
V6_LINE = V4_LINE.replace("tcp4", "tcp6")


def judged(look: Look, policy: HostPolicy | None = None) -> Decision:
    return decide((IMAP,), policy, look, id="t1", label="mail1")


def changed(decision: Decision) -> Transaction:
    assert decision.refusals == ()
    assert decision.transaction is not None
    return decision.transaction


def test_sockets_that_nobody_on_the_host_holds_are_not_its_super_servers() -> None:
    unseen = tuple(listening(address, pids=(0,), command=None) for address in ("0.0.0.0", "::"))
    decision = judged(a_look(OPENBSD, {"/etc/inetd.conf": V4_LINE + V6_LINE}, unseen))

    assert decision.doubtful
    assert decision.refusals[0] == (
        "imap/tcp: port 143 is held by nobody whom this host sees, the kernel or somebody outside this container,"
        " and 0.0.0.0:143 is served there; that has to stop first"
    )


@pytest.mark.parametrize(
    ("server", "folder", "reads"),
    [
        (XINETD, "/etc/xinetd.d", True),
        (XINETD, "/srv/xinetd.d", True),
        (XINETD, "/etc/inetd.d", False),
        (INETUTILS, "/etc/inetd.d", True),
        (INETUTILS, "/etc/xinetd.d", False),
        (OPENBSD, "/etc/inetd.d", False),
    ],
)
def test_a_name_that_the_super_server_reads_and_a_look_does_not_is_a_reason(server: SuperServer, folder: str, *, reads: bool) -> None:
    config = {"/etc/xinetd.conf": "includedir /etc/xinetd.d\n"} if server is XINETD else {"/etc/inetd.conf": ""}
    decision = judged(a_look(server, config, skipped=(folder,)))

    reason = f"{folder} has a name in it with blanks or odd characters, which {server.kind} reads and a look does not: rename it"
    assert decision.refusals == ((reason,) if reads else ())


MYMAIL = NamedService(asked="mymail/tcp", name="mymail", port=143)
NAMES = (NamedService(asked="imap/tcp", name="imap2", port=143, aliases=("imap",)), MYMAIL)


def test_a_line_on_our_port_under_a_name_of_this_host_is_replaced() -> None:
    line = "mymail\tstream\ttcp4\tnowait\troot\t/bin/echo echo\n"
    look = a_look(OPENBSD, {"/etc/inetd.conf": line + V4_LINE + V6_LINE}, (listening("0.0.0.0"), listening("::")), services=NAMES)
    (file,) = changed(judged(look)).files

    assert file.new is not None
    assert b"mymail" not in file.new


def test_a_line_under_a_name_of_this_host_is_no_edit_that_was_not_loaded() -> None:
    line = "foobar\tstream\ttcp4\tnowait\troot\t/bin/echo echo\n"
    names = (*NAMES, NamedService(asked="foobar/tcp", name="foobar", port=7777))
    change = changed(judged(a_look(OPENBSD, {"/etc/inetd.conf": line}, (listening(port=7777),), services=names)))

    assert [socket.port for socket in change.keep] == [7777]


def test_what_a_name_means_is_what_the_host_was_asked_and_not_what_another_line_calls_itself_too() -> None:
    names = (*NAMES, NamedService(asked="other/tcp", name="other", port=999, aliases=("imap",)))
    look = a_look(OPENBSD, {"/etc/inetd.conf": V4_LINE + V6_LINE}, (listening("0.0.0.0"), listening("::")), services=names)

    assert judged(look).answers == ("imap: answers IPv4 and IPv6 (0.0.0.0:143 + [::]:143 v6only)",)


@pytest.mark.parametrize(
    ("lists", "asked"),
    [
        ("only_from = 192.0.2.0/24 2001:db8::/32", []),
        ("only_from = 127.0.0.1 2001:db8::/32", ["ipv4"]),
        ("only_from = 127.0.0.0/8 ::1", ["ipv4", "ipv6"]),
        ("only_from = localhost", []),
        ("no_access = 127.0.0.0/8", ["ipv6"]),
        ("no_access = 192.0.2.0/24", ["ipv4", "ipv6"]),
    ],
)
def test_a_client_that_a_list_of_the_host_does_not_let_in_is_not_asked_to_connect(lists: str, asked: list[str]) -> None:
    config = f"defaults\n{{\n\t{lists}\n}}\nincludedir /etc/xinetd.d\n"
    change = changed(judged(a_look(XINETD, {"/etc/xinetd.conf": config})))

    assert [probe.family for probe in change.probes] == asked


@pytest.mark.parametrize(
    ("server", "argv", "read"),
    [
        (OPENBSD, ("-l", "/srv/inetd.conf"), "/srv/inetd.conf"),
        (OPENBSD, ("/etc/inetd.conf",), None),
        (OPENBSD, ("-p", "/run/other.pid"), None),
        (INETUTILS, ("/etc/inetd.conf", "/etc/inetd.d"), None),
        (INETUTILS, ("/etc/inetd.conf", "/srv/inetd.d"), "/srv/inetd.d"),
    ],
)
def test_an_inetd_that_was_started_with_another_file_is_not_judged_by_its_usual_one(
    server: SuperServer, argv: tuple[str, ...], read: str | None
) -> None:
    started = attrs.evolve(server, argv=(server.path, *argv))
    decision = judged(a_look(started, {"/etc/inetd.conf": V4_LINE + V6_LINE}, (listening("0.0.0.0"), listening("::"))))

    reason = f"{server.kind} reads {read}, which was not looked at: say it with policy config="
    assert decision.refusals == ((reason,) if read else ())


def test_a_policy_that_names_another_file_than_the_super_server_reads_is_refused() -> None:
    look = a_look(attrs.evolve(XINETD, argv=("/usr/sbin/xinetd", "-f", "/srv/x.conf")), {"/etc/xinetd.conf": "", "/srv/x.conf": ""})
    decision = judged(look, HostPolicy(name="debian-12/xinetd", config="/etc/xinetd.conf"))

    assert decision.refusals == ("xinetd was started to read /srv/x.conf, and the policy says config /etc/xinetd.conf",)
