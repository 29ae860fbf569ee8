"""What is decided about a host that is to go from one super-server to another, from a look at it."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
from pyinfra.api import OperationValueError

from inet46 import HostPolicy
from pyinfra_inet46.inputs import wish
from pyinfra_inet46.judge import Decision, decide
from pyinfra_inet46.look import FileKind, FileSeen, Look, SuperServer, encode_look, parse_look
from pyinfra_inet46.migration import Wish, asked, migrate
from pyinfra_inet46.transaction import Daemon, Transaction, render
from tests.looks import IMAPD, INETUTILS, OPENBSD, XINETD, a_look, listening

SERVICES = "echo\t\t7/udp\ndaytime\t\t13/tcp\nimap2\t\t143/tcp\timap\ntime\t\t37/tcp\n"
IMAP = "imap2\tstream\ttcp4\tnowait\troot\t/usr/sbin/imap4d imap4d --inetd\n"
ECHO = "echo\tdgram\tudp4\twait\tnobody\t/usr/local/sbin/udp-echo udp-echo\n"
PARAGRAPH = (
    f"service imap2\n{{\n\tflags = IPv4\n\tsocket_type = stream\n\twait = no\n\tuser = root\n\tserver = {IMAPD}\n\tinstances = 9\n}}\n"
)
V4, UDP = listening("0.0.0.0"), listening("0.0.0.0", 7, transport="udp")
RUNNING = attrs.evolve(OPENBSD, enabled=True)


def resting(server: SuperServer, **changes: Any) -> SuperServer:
    return attrs.evolve(server, pid=None, argv=(), enabled=False, script=f"/etc/init.d/{server.kind}", **changes)


def a_host(inetd: str = IMAP, *more: SuperServer, sockets: tuple[Any, ...] = (V4,), **changes: Any) -> Look:
    files = {"/etc/inetd.conf": inetd, "/etc/services": SERVICES, "/etc/xinetd.conf": "includedir /etc/xinetd.d\n"}
    look = a_look(RUNNING, {**files, **changes.pop("files", {})}, sockets, systemd=True)
    return attrs.evolve(look, super_servers=(RUNNING, *more), **changes)


def moved(look: Look, to: str = "xinetd", **changes: Any) -> Decision:
    return migrate(Wish(to=HostPolicy(name=f"debian-12/{to}"), **changes), look, id="m1", label="mail1")


def made(decision: Decision) -> Transaction:
    assert decision.refusals == ()
    assert decision.transaction is not None
    return decision.transaction


# -- the change ------------------------------------------------------------------------------------------------------------------------


def test_the_move_is_told_in_words() -> None:
    assert moved(a_host(IMAP + ECHO, resting(XINETD), sockets=(V4, UDP))).words == (
        "xinetd takes the place of openbsd-inetd: /etc/init.d/openbsd-inetd is stopped and disabled, and /etc/init.d/xinetd is started and"
        " enabled",
        "imap2: answers IPv4 only (0.0.0.0:143), as before",
        "echo: answers IPv4 only (0.0.0.0:7), as before",
    )


def test_at_every_moment_at_least_one_of_the_two_is_enabled_and_the_ports_are_free_before_the_new_one_starts() -> None:
    change = made(moved(a_host(IMAP, resting(XINETD))))

    assert change.activate == ("enable-new", "disable-old", "stop-old", "start-new")
    assert change.retire == ("enable-old", "disable-new", "stop-new")
    assert change.undo == ("start-old",)
    assert (change.old, change.daemon.script) == (
        Daemon(name="inetd", exe="/usr/sbin/inetd", script="/etc/init.d/openbsd-inetd", argv=("/usr/sbin/inetd",), pid=812),
        "/etc/init.d/xinetd",
    )


def test_what_was_enabled_before_is_what_is_enabled_after_the_way_back() -> None:
    look = a_host(IMAP)
    servers = (attrs.evolve(RUNNING, enabled=False), attrs.evolve(resting(XINETD), enabled=True))

    assert made(moved(attrs.evolve(look, super_servers=servers))).retire == ("stop-new",)


def test_what_has_to_be_true_afterwards_and_after_the_way_back() -> None:
    change = made(moved(a_host(IMAP + ECHO, resting(XINETD), sockets=(V4, UDP))))

    assert {(x.transport, x.port) for x in change.expected} == {("tcp", 143), ("udp", 7)}
    assert {(x.transport, x.port) for x in change.expected_after_undo} == {("tcp", 143), ("udp", 7)}
    assert [(x.service, x.address, x.greeting) for x in change.probes] == [("imap2", "127.0.0.1", None)]


def test_debians_xinetd_reads_inetd_conf_too_so_each_service_moves_out_of_it() -> None:
    decision = moved(a_host(f"# mail\n{IMAP}", resting(XINETD)))
    texts = {file.path: file.new for file in made(decision).files}

    assert texts["/etc/inetd.conf"] == b"# mail\n"
    assert b"server          = /usr/sbin/imap4d\n" in (texts["/etc/xinetd.d/imap2"] or b"")


def test_a_file_that_both_read_in_the_same_words_is_not_touched_where_it_says_the_same() -> None:
    change = made(moved(a_host(IMAP, resting(INETUTILS)), "inetutils-inetd"))

    assert change.files == ()
    assert change.daemon.exe == "/usr/sbin/inetutils-inetd"


def test_what_stands_there_in_vain_is_not_opened_by_the_new_one() -> None:
    """inetutils serves this line over IPv4, and openbsd-inetd, which wants a number with tcp46, drops it."""
    vain = "time\tstream\ttcp46\tnowait\troot\tinternal\n"
    decision = moved(a_host(IMAP + vain, resting(INETUTILS)), "inetutils-inetd")

    assert any(word.startswith("on paper only, and left out: ") and "/etc/inetd.conf:2" in word for word in decision.words)
    assert [file.new for file in made(decision).files] == [IMAP.encode()]


def test_what_the_new_ones_own_files_open_besides_is_said() -> None:
    own = {
        "/etc/xinetd.d/time": "service time\n{\n\ttype = INTERNAL\n\tflags = IPv4\n\tsocket_type = stream\n\twait = no\n\tuser = root\n}\n"
    }

    assert moved(a_host(IMAP, resting(XINETD), files=own)).warnings == (
        "time: 0.0.0.0:37 will be opened too: /etc/xinetd.d/time, which openbsd-inetd does not read, has an entry for it",
    )


def test_units_are_written_and_whoever_enables_them_makes_the_links() -> None:
    change = made(moved(a_host(IMAP + ECHO, sockets=(V4, UDP)), "systemd"))

    assert sorted(file.path.rpartition("/")[2] for file in change.files) == [
        "echo.service",
        "echo.socket",
        "imap2.socket",
        "imap2@.service",
    ]
    assert change.daemon == Daemon(name="systemd", exe="/usr/lib/systemd/systemd", pid=1, units=("echo.socket", "imap2.socket"))
    assert change.activate == ("daemon-reload", "enable-new", "disable-old", "stop-old", "start-new")
    assert change.undo == ("daemon-reload", "start-old")


def test_the_two_stand_in_the_journal_so_that_the_next_run_can_go_back() -> None:
    text = render(made(moved(a_host(IMAP), "systemd")))

    for line in ("units imap2.socket", "old-exe /usr/sbin/inetd", "retire enable-old", "undo start-old", "activate start-new"):
        assert f"\n{line}\n" in text


# -- nothing to do -----------------------------------------------------------------------------------------------------------------------


def test_a_host_that_is_there_already_is_left_alone() -> None:
    assert moved(a_host(), "openbsd-inetd") == Decision(answers=("openbsd-inetd is the super-server of this host",))


def test_a_host_where_only_systemd_is_left_is_left_alone() -> None:
    look = attrs.evolve(a_host(), super_servers=(resting(XINETD),))

    assert moved(look, "systemd").answers == ("no super-server runs besides systemd: there is nothing to take over",)


def test_what_a_killed_run_has_left_is_removed_even_if_the_host_is_there_already() -> None:
    decision = moved(a_host(remains=True), "openbsd-inetd")
    change = made(decision)

    assert decision.words == ("what a run that was killed has left is removed",)
    assert (change.files, change.activate, change.old) == ((), (), None)
    assert moved(a_host(remains=True, lock_holder="pid=7"), "openbsd-inetd").transaction is None


@pytest.mark.parametrize("to", ["openbsd-inetd", "xinetd"])
def test_whoever_takes_the_host_elsewhere_is_waited_for_before_anything_is_decided(to: str) -> None:
    look = a_host(IMAP, resting(XINETD), journal_pending="m0", migrates="/usr/sbin/xinetd", lock_holder="pid=7")

    for decision in (moved(look, to), decide([], HostPolicy(name="debian-12/openbsd-inetd"), look, id="m1", label="mail1")):
        assert decision.recovers
        assert made(decision).files == ()
        assert decision.warnings == ("another change is at work on this host (pid=7); this one waits for it",)


def test_an_interrupted_change_is_rolled_back_before_anything_is_planned() -> None:
    look = a_host(IMAP, resting(XINETD), journal_pending="m0", migrates="/usr/sbin/inetd")
    imap = HostPolicy(name="debian-12/openbsd-inetd")

    for decision in (moved(look), decide([], imap, look, id="m1", label="mail1")):
        assert decision.recovers
        assert decision.words == ("an interrupted change (m0) is rolled back first: it was about to take the place of /usr/sbin/inetd",)


def test_a_look_tells_what_is_enabled_and_what_was_to_be_replaced() -> None:
    look = a_host(IMAP, resting(XINETD), journal_pending="m0", migrates="/usr/sbin/inetd")

    assert parse_look(encode_look(look)) == look


# -- refusals ----------------------------------------------------------------------------------------------------------------------------

GONE = "time: the whole service is lost: systemd performs no service itself, 'time' needs a program"
REFUSED: dict[str, tuple[Look, str, dict[str, Any], str]] = {
    "not there": (
        a_host(),
        "xinetd",
        {},
        "xinetd is not installed (/usr/sbin/xinetd is missing): install it first, a migration installs nothing",
    ),
    "both run": (
        a_host(IMAP, attrs.evolve(XINETD, pid=9)),
        "xinetd",
        {},
        "openbsd-inetd and xinetd are both running; name the one that is meant with policy=",
    ),
    "another system": (
        a_host(),
        "xinetd",
        {"to": HostPolicy(name="fedora-33/xinetd")},
        "the host is to become fedora-33/xinetd, and it is debian-12",
    ),
    "no Linux": (
        attrs.evolve(a_host(), system="FreeBSD", release="14.0-RELEASE", super_servers=(attrs.evolve(RUNNING, kind="inetd"),)),
        "xinetd",
        {"to": HostPolicy(name="freebsd-14/xinetd")},
        "a migration knows how Linux starts a super-server at boot, and not how FreeBSD does",
    ),
    "no systemd": (a_host(systemd=False), "systemd", {}, "systemd is not the init of this host"),
    "no way to start": (
        a_host(IMAP, attrs.evolve(resting(XINETD), script=None)),
        "xinetd",
        {},
        "xinetd has neither a unit nor a script to be started with",
    ),
    "nothing to take": (a_host("", resting(XINETD), sockets=()), "xinetd", {}, "openbsd-inetd serves nothing that could be taken over"),
    "no root": (
        a_host(IMAP, resting(XINETD), uid=7),
        "xinetd",
        {},
        "this needs root on the host, and the look ran with uid 7: use _sudo, _doas or _su_user",
    ),
    "silenced": (
        a_host(f"{IMAP}time\tstream\ttcp4\tnowait\troot\tinternal\n", sockets=(V4, listening("0.0.0.0", 37))),
        "systemd",
        {},
        f"time would not answer any more at tcp 0.0.0.0:37: /etc/inetd.conf:2: {GONE}. To give it up, name it with without=",
    ),
    "unloaded": (
        a_host(IMAP, resting(XINETD), sockets=(V4, listening("0.0.0.0", 79))),
        "xinetd",
        {},
        "openbsd-inetd listens on tcp 0.0.0.0:79, and no file asks for that: an edit has not been loaded."
        " Reload openbsd-inetd, or put the entry back, and come again",
    ),
    "one family": (
        a_host(IMAP, resting(XINETD), sockets=(V4, listening("::"))),
        "xinetd",
        {},
        "imap2 would not answer over IPv6 any more (tcp [::]:143 v6only)",
    ),
    "held": (
        a_host(IMAP, resting(XINETD), sockets=(listening("0.0.0.0", pids=(7,), command="dovecot"),)),
        "xinetd",
        {},
        "imap2/tcp: port 143 is held by dovecot (pid 7), which serves 0.0.0.0:143 itself; stop it first",
    ),
}


@pytest.mark.parametrize(("look", "to", "changes", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_a_host_is_refused_with_the_reason(look: Look, to: str, changes: dict[str, Any], reason: str) -> None:
    decision = migrate(Wish(**{"to": HostPolicy(name=f"debian-12/{to}"), **changes}), look, id="m1", label="mail1")

    assert decision.refusals == (reason,)
    assert decision.transaction is None


@pytest.mark.parametrize(("holder", "doubtful"), [("pid=7", True), (None, False)])
def test_a_refusal_while_somebody_else_is_at_work_is_doubtful(holder: str | None, *, doubtful: bool) -> None:
    look = a_host(IMAP, attrs.evolve(XINETD, pid=9), lock_holder=holder)

    for decision in (moved(look), decide([], None, look, id="m1", label="mail1")):
        assert "both running" in decision.refusals[0]
        assert decision.doubtful is doubtful


def test_strict_refuses_what_otherwise_is_said() -> None:
    loss = "/etc/xinetd.d/imap:1: imap2: the bound of 9 servers at once is lost"
    old = attrs.evolve(XINETD, enabled=True)
    files = {
        "/etc/inetd.conf": "",
        "/etc/services": SERVICES,
        "/etc/xinetd.conf": "includedir /etc/xinetd.d\n",
        "/etc/xinetd.d/imap": PARAGRAPH,
    }
    look = a_look(old, files, (attrs.evolve(V4, command="xinetd"),))
    look = attrs.evolve(look, super_servers=(old, resting(OPENBSD)))

    assert [x for x in moved(look, "openbsd-inetd").words if x.startswith(f"lost, and it guarded something: {loss}")]
    assert [x for x in moved(look, "openbsd-inetd", strict=True).refusals if x.startswith(f"strict: {loss}")]


@pytest.mark.parametrize("name", ["time", "time/tcp"])
def test_what_is_given_up_by_name_is_no_obstacle_and_is_said(name: str) -> None:
    look = a_host(f"{IMAP}time\tstream\ttcp4\tnowait\troot\tinternal\n", sockets=(V4, listening("0.0.0.0", 37)))
    decision = moved(look, "systemd", without=(name,), strict=True)

    assert "given up: time/tcp" in decision.words
    assert {x.port for x in made(decision).expected} == {143}
    assert ("tcp", 37) in made(decision).ours


# -- words ---------------------------------------------------------------------------------------------------------------------------------


def test_every_mistake_in_a_wish_is_said_at_once() -> None:
    with pytest.raises(OperationValueError) as caught:
        wish("debian-12/xinet", strict="perhaps", without="time", deadline=0)

    assert str(caught.value).splitlines() == [
        "to: host 'debian-12/xinet' is not known; did you mean debian-12/xinetd or debian-13/xinetd or debian-12/openbsd-inetd?"
        " (inet46 hosts lists them all)",
        "strict: 'perhaps' is neither True nor False",
        "without: 'time' is no list of names of services",
        "deadline: 0 is not a number of seconds up to 600",
    ]


@pytest.mark.parametrize("name", ["", "-x", "a b", "a\nb", "a/b"])
def test_what_cannot_be_the_name_of_a_unit_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is no name of a unit"):
        Daemon(name="systemd", exe="/usr/lib/systemd/systemd", units=(name,))


def test_the_look_of_a_host_that_goes_to_systemd_reads_its_units() -> None:
    question = asked(Wish(to=HostPolicy(name="debian-12/systemd")))

    assert (question.units, question.extra_paths) == ("always", ("/etc/services",))
    assert asked(Wish(to=HostPolicy(name="debian-12/xinetd"))).units is None


def test_a_unit_that_is_masked_is_not_written_over() -> None:
    masked = FileSeen(path="/etc/systemd/system/imap2.socket", kind=FileKind.OTHER, target="/dev/null", resolved="/dev/null")
    look = a_host()

    assert moved(attrs.evolve(look, files=(*look.files, masked)), "systemd").refusals == (
        "/etc/systemd/system/imap2.socket is a link to /dev/null; it is masked: unmask it first",
    )
    assert asked(Wish(to=HostPolicy(name="debian-12/xinetd"))).programs == ("/usr/sbin/xinetd",)
