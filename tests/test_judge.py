"""What is decided about a host, from a look at it."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from inet46 import Access, HostPolicy, Listener, Program, Service, Sharing
from inet46.sockets import Family
from pyinfra_inet46.judge import Decision, decide, question
from pyinfra_inet46.look import Account, FileKind, Look, NamedService, ProgramState, Setting
from pyinfra_inet46.look import Program as Asked
from pyinfra_inet46.transaction import ExpectedSocket, Result, Transaction, Verdict
from tests.looks import IMAPD, INETUTILS, OPENBSD, XINETD, a_file, a_look, listening

IMAP = Service(name="imap", port=143, program=Program(path=IMAPD, args=("--inetd",)), greeting="* OK")
V4_LINE = "imap\tstream\ttcp4\tnowait\troot\t/usr/sbin/imap4d imap4d --inetd\n"
V6_LINE = V4_LINE.replace("tcp4", "tcp6")
V4, V6 = listening("0.0.0.0"), listening("::")


def judged(look: Look, *services: Service, policy: HostPolicy | str | None = None, **changes: Any) -> Decision:
    kind = HostPolicy(name=policy) if isinstance(policy, str) else policy
    return decide(services or (attrs.evolve(IMAP, **changes),), kind, look, id="t1", label="mail1")


def changed(decision: Decision) -> Transaction:
    assert decision.refusals == ()
    assert decision.transaction is not None
    return decision.transaction


# -- nothing to do -------------------------------------------------------------------------------------------------------------------


def test_a_host_that_answers_on_both_families_is_left_alone() -> None:
    decision = judged(a_look(files={"/etc/inetd.conf": V4_LINE + V6_LINE}, sockets=(V4, V6)))

    assert decision == Decision(answers=("imap: answers IPv4 and IPv6 (0.0.0.0:143 + [::]:143 v6only)",), probes=decision.probes)
    assert [(probe.address, probe.port) for probe in decision.probes] == [("127.0.0.1", 143), ("::1", 143)]


@pytest.mark.parametrize(("listeners", "told"), [((), 1), (("ipv4",), 0), (("ipv4", "::1"), 0), (("ipv6",), 1)])
def test_that_nobody_can_come_over_ipv6_is_said_where_that_is_wanted(listeners: tuple[str, ...], told: int) -> None:
    wanted = [Listener(family=Family.IPV6, address=x) if x == "::1" else Listener(family=Family(x)) for x in listeners]
    look = a_look(files={"/etc/inetd.conf": V4_LINE + V6_LINE}, sockets=(V4, V6), ipv6_within=True)
    said = "this host has no IPv6 address but ::1: its services can listen over IPv6, and nobody can reach them"

    assert judged(look, attrs.evolve(IMAP, listeners=wanted)).warnings == (said,) * told


def test_files_that_are_right_are_activated_when_a_socket_is_missing() -> None:
    change = changed(judged(a_look(files={"/etc/inetd.conf": V4_LINE + V6_LINE}, sockets=(V4,))))

    assert change.files == ()
    assert change.activate == ("restart",)


def test_a_pending_journal_is_a_change_even_if_everything_looks_right() -> None:
    decision = judged(a_look(files={"/etc/inetd.conf": V4_LINE + V6_LINE}, sockets=(V4, V6), journal_pending="t0"))

    assert changed(decision).files == ()
    assert decision.words == ("an interrupted change (t0) is rolled back first",)


def test_what_a_killed_run_has_left_is_removed_and_nobody_is_told_to_reload() -> None:
    decision = judged(a_look(files={"/etc/inetd.conf": V4_LINE + V6_LINE}, sockets=(V4, V6), remains=True))

    assert (changed(decision).files, changed(decision).activate, changed(decision).undo) == ((), (), ())
    assert decision.words == ("what a run that was killed has left is removed",)


def test_a_super_server_that_an_interrupted_change_has_left_down_is_brought_back_before_anything_is_planned() -> None:
    down = attrs.evolve(OPENBSD, pid=None, argv=())
    decision = judged(a_look(server=down, files={"/etc/inetd.conf": V4_LINE}, journal_pending="t0"))

    assert decision.recovers
    assert (changed(decision).files, changed(decision).activate, changed(decision).ours) == ((), (), ())
    assert decision.words == ("an interrupted change (t0) is rolled back first: it has left no super-server running",)


@pytest.mark.parametrize(
    ("policy", "different"),
    [(None, {"lock_holder": "pid=1"}), (None, {"uid": 7}), ("debian-12/xinetd", {}), (None, {"journal_pending": None})],
)
def test_elsewhere_a_super_server_that_is_down_is_still_a_reason(policy: str | None, different: dict[str, Any]) -> None:
    down = attrs.evolve(OPENBSD, pid=None, argv=())
    look = a_look(server=down, files={"/etc/inetd.conf": V4_LINE}, **{"journal_pending": "t0", **different})

    assert not judged(look, policy=policy).recovers
    assert judged(look, policy=policy).refusals


@pytest.mark.parametrize("target", ["/srv/etc/inetd.conf", "../srv/etc/inetd.conf"])
def test_a_file_that_is_a_link_is_changed_where_the_link_leads(target: str) -> None:
    linked = a_file("/etc/inetd.conf", V4_LINE, resolved="/srv/etc/inetd.conf", target=target)
    change = changed(judged(attrs.evolve(a_look(sockets=(V4,)), files=(linked,))))

    assert [file.path for file in change.files] == ["/srv/etc/inetd.conf"]


# -- the change ----------------------------------------------------------------------------------------------------------------------


def test_the_change_is_told_in_words_and_as_a_diff() -> None:
    decision = judged(a_look(files={"/etc/inetd.conf": V4_LINE}, sockets=(V4,)))

    assert decision.words == ("imap: now answers IPv4 only → IPv4 and IPv6 (0.0.0.0:143 + [::]:143 v6only)",)
    assert list(decision.diffs[0].lines()) == [
        "--- /etc/inetd.conf",
        "+++ /etc/inetd.conf",
        "@@ -1 +1,2 @@",
        " imap\tstream\ttcp4\tnowait\troot\t/usr/sbin/imap4d imap4d --inetd",
        "+imap\tstream\ttcp6\tnowait\troot\t/usr/sbin/imap4d imap4d --inetd",
    ]


def test_the_transaction_says_what_must_be_true_afterwards() -> None:
    files = {"/etc/inetd.conf": V4_LINE + "daytime stream tcp4 nowait root internal\n"}
    change = changed(judged(a_look(files=files, sockets=(V4, listening("0.0.0.0", 13)))))

    assert change.ours == (("tcp", 143),)
    assert {(x.address, x.v6only) for x in change.expected} == {("0.0.0.0", None), ("::", True)}
    assert [(x.address, x.port) for x in change.keep] == [("0.0.0.0", 13)]
    assert {(x.address, x.port) for x in change.expected_after_undo} == {("0.0.0.0", 13), ("0.0.0.0", 143)}
    assert [(x.address, x.greeting) for x in change.probes] == [("127.0.0.1", "* OK"), ("::1", "* OK")]


def test_a_socket_that_no_file_asks_for_any_more_is_not_closed_in_passing() -> None:
    decision = judged(a_look(files={"/etc/inetd.conf": V4_LINE}, sockets=(V4, listening("::", 79))))

    assert decision.refusals == (
        "openbsd-inetd listens on tcp [::]:79 v6only, and no file asks for that: an edit has not been loaded."
        " Reload openbsd-inetd, or put the entry back, and come again",
    )


def test_such_a_socket_is_looked_at_twice_before_it_is_a_reason() -> None:
    assert judged(a_look(files={"/etc/inetd.conf": V4_LINE}, sockets=(V4, listening("::", 79)))).doubtful


def test_while_another_change_is_at_work_such_a_socket_is_no_reason() -> None:
    look = a_look(files={"/etc/inetd.conf": V4_LINE}, sockets=(V4, listening("::", 79)), lock_holder="pid 7")

    assert judged(look).refusals == ()


def test_where_not_everything_is_known_such_a_socket_is_kept_instead() -> None:
    files = {"/etc/inetd.conf": V4_LINE + "rusers/1 stream rpc/tcp nowait root /x\n"}  # which port that gets, the kernel decides
    change = changed(judged(a_look(files=files, sockets=(V4, listening("::", 79)))))

    assert [x.port for x in change.keep] == [79]


def test_a_port_that_the_kernel_picks_is_no_edit_that_was_not_loaded() -> None:
    files = {"/etc/inetd.conf": V4_LINE + "rusers/1 stream rpc/tcp nowait root /x\n"}
    verdict = judged(a_look(files=files, sockets=(V4, listening("::", 623))))

    assert verdict.refusals == ()
    assert verdict.warnings == ()


def test_what_an_edit_of_somebody_else_will_open_is_said() -> None:
    files = {"/etc/inetd.conf": V4_LINE + "daytime stream tcp4 nowait root internal\n"}

    assert judged(a_look(files=files, sockets=(V4,))).warnings == (
        "daytime: 0.0.0.0:13 will be opened too: an entry for it stands in the files, and has not been loaded yet",
    )


def test_how_the_last_change_ended_is_told_when_it_did_not_end_well() -> None:
    verdict = Verdict(result=Result.ROLLED_BACK, id="t0", step="verify", reason="nobody greets", state="as it was")
    look = a_look(files={"/etc/inetd.conf": V4_LINE + V6_LINE}, sockets=(V4, V6), last_verdict=verdict)

    assert judged(look).warnings == ("the last change here (t0) ended rolled-back at verify: nobody greets",)


def test_a_change_that_is_at_work_is_not_taken_for_an_interrupted_one() -> None:
    look = a_look(files={"/etc/inetd.conf": V4_LINE}, sockets=(V4,), journal_pending="t0", lock_holder="pid 7")
    decision = judged(look)

    assert decision.warnings == ("another change is at work on this host (pid 7); this one waits for it",)
    assert not any("interrupted" in text for text in decision.words)


def test_a_tcp_line_that_becomes_tcp6_on_inetutils_is_reloaded_twice() -> None:
    files = {"/etc/inetd.conf": V4_LINE.replace("tcp4", "tcp")}
    policy = HostPolicy(name="debian-12/inetutils-inetd", sharing=Sharing.MAPPED)

    change = changed(judged(a_look(INETUTILS, files, (V4,)), policy=policy))

    assert change.activate == ("reload", "settle", "reload")


def test_an_option_that_the_tools_do_not_tell_is_taken_on_trust() -> None:
    sockets = (V4, listening("::", v6only=None))

    assert judged(a_look(files={"/etc/inetd.conf": V4_LINE + V6_LINE}, sockets=sockets)).transaction is None


def test_a_super_server_that_is_not_where_its_files_say_is_restarted() -> None:
    change = changed(judged(a_look(files={"/etc/inetd.conf": V4_LINE}, sockets=())))

    assert change.activate == ("restart",)


def test_a_dual_xinetd_service_is_left_alone_unless_sharing_is_separate() -> None:
    paragraph = f"service imap\n{{\n socket_type = stream\n wait = no\n user = root\n server = {IMAPD}\n server_args = --inetd\n}}\n"
    files = {"/etc/xinetd.conf": "includedir /etc/xinetd.d\n", "/etc/xinetd.d/imap": paragraph}
    look = a_look(XINETD, files, (listening("::", v6only=False),))

    assert judged(look).transaction is None
    apart = judged(look, policy=HostPolicy(name="debian-12/xinetd", sharing=Sharing.SEPARATE))
    assert changed(apart).activate == ("restart",)
    assert apart.words == ("imap: answers IPv4 and IPv6 as before, now on 0.0.0.0:143 + [::]:143 v6only instead of [::]:143 dual",)


def test_a_file_behind_a_symbolic_link_is_changed_where_it_is() -> None:
    seen = a_file("/etc/inetd.conf", V4_LINE, resolved="/srv/conf/inetd.conf", mode=0o600, uid=3, gid=4)
    change = changed(judged(attrs.evolve(a_look(sockets=(V4,)), files=(seen,))))

    (file,) = change.files
    assert (file.path, file.staged, file.kept) == (
        "/srv/conf/inetd.conf",
        "/srv/conf/.inet46-new",
        "/srv/conf/.inet46-old",
    )
    assert (file.mode, file.uid, file.gid) == (0o600, 3, 4)


def test_no_name_is_left_in_a_folder_of_which_every_name_is_read() -> None:
    files = {"/etc/inetd.conf": "", "/etc/inetd.d/mail": V4_LINE.replace("tcp4", "tcp")}
    (file,) = changed(judged(a_look(INETUTILS, files, (V4,)))).files

    assert (file.path, file.staged, file.kept) == ("/etc/inetd.d/mail", "/etc/.inet46-new.inetd.d", "/etc/.inet46-old.inetd.d")


def test_bytes_that_are_no_utf8_go_back_as_they_came() -> None:
    content = b"# caf\xe9\r\n" + V4_LINE.encode()
    look = attrs.evolve(a_look(sockets=(V4,)), files=(a_file("/etc/inetd.conf", content),))

    decision = judged(look)

    assert changed(decision).files[0].new == content + V6_LINE.encode()
    assert " # caf\\xe9␍" in list(decision.diffs[0].lines())


def test_of_a_file_that_not_everybody_may_read_a_diff_shows_what_changes_and_nothing_else() -> None:
    text = "# password: 12345\n" + V4_LINE
    open_file, private = (
        judged(attrs.evolve(a_look(sockets=(V4,)), files=(a_file("/etc/inetd.conf", text, mode=mode),))) for mode in (0o644, 0o640)
    )

    assert " # password: 12345" in list(open_file.diffs[0].lines())
    assert list(private.diffs[0].lines())[2:] == ["@@ -2,0 +3 @@", "+" + V6_LINE.rstrip("\n")]


def test_a_service_that_is_switched_off_loses_its_line_and_its_sockets() -> None:
    decision = judged(a_look(files={"/etc/inetd.conf": V4_LINE}, sockets=(V4,)), enabled=False)

    assert changed(decision).expected == ()
    assert changed(decision).files[0].new == b""
    assert decision.words == ("imap: now answers IPv4 only → nothing",)


def test_another_program_on_the_same_sockets_is_named() -> None:
    decision = judged(a_look(files={"/etc/inetd.conf": (V4_LINE + V6_LINE).replace(" --inetd", "")}, sockets=(V4, V6)))

    assert decision.words == (
        "imap: answers IPv4 and IPv6 (0.0.0.0:143 + [::]:143 v6only), as before, and is served by /usr/sbin/imap4d --inetd"
        " instead of /usr/sbin/imap4d",
    )


def test_of_many_services_that_answer_as_before_only_the_number_is_told() -> None:
    many = [attrs.evolve(IMAP, name=f"imap{n}", port=2000 + n) for n in range(5)]
    look = a_look(files={"/etc/inetd.conf": ""})
    files = {file.path: (file.new or b"").decode() for file in changed(judged(look, *many)).files}
    sockets = tuple(attrs.evolve(x, port=2000 + n) for n in range(5) for x in (V4, V6))
    there = a_look(files=files, sockets=sockets)

    assert judged(there, *many, IMAP).words == (
        "imap: now answers nothing → IPv4 and IPv6 (0.0.0.0:143 + [::]:143 v6only)",
        "5 other services answer as before",
    )
    assert judged(there, *many[:3], attrs.evolve(many[4], enabled=False)).words == (
        *(f"imap{n}: answers IPv4 and IPv6 (0.0.0.0:{2000 + n} + [::]:{2000 + n} v6only), as before" for n in range(3)),
        "imap4: now answers IPv4 and IPv6 → nothing",
    )


def test_a_defect_of_ours_costs_one_host_and_leaves_it_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr("pyinfra_inet46.judge.merge", broken)

    # What was merged before, in any test, is merged no more.
    assert judged(a_look(), greeting="* never merged").refusals == (
        "inet46 has a defect and leaves this host alone: ZeroDivisionError: oh",
    )


def test_a_family_whose_access_list_shuts_the_host_itself_out_is_not_probed() -> None:
    files = {"/etc/xinetd.conf": "includedir /etc/xinetd.d\n"}
    change = changed(judged(a_look(XINETD, files), access=Access(ipv4=("192.0.2.0/24",))))

    assert [probe.address for probe in change.probes] == ["::1"]


def test_a_service_that_waits_is_proved_by_its_sockets_only() -> None:
    change = changed(judged(a_look(), wait=True, greeting=None))

    assert change.probes == ()
    assert len(change.expected) == 2


def test_a_listener_on_one_address_is_probed_there() -> None:
    listener = Listener(family=Family.IPV4, address="192.0.2.7")
    change = changed(judged(a_look(), listeners=(listener,)))

    assert [probe.address for probe in change.probes] == ["192.0.2.7"]
    assert change.expected == (ExpectedSocket(service="imap", transport="tcp", family="ipv4", address="192.0.2.7", port=143),)


def test_an_unusual_configuration_file_is_the_one_that_is_changed() -> None:
    server = attrs.evolve(XINETD, argv=("/usr/sbin/xinetd", "-f", "/srv/xinetd.conf"))
    change = changed(judged(a_look(server, {"/srv/xinetd.conf": ""})))

    assert [file.path for file in change.files] == ["/srv/xinetd.conf"]


def test_a_question_names_everything_that_can_be_missing() -> None:
    asked = question(
        (IMAP, attrs.evolve(IMAP, name="x", port=7, group="mail", enabled=True)), HostPolicy(name="debian-12/xinetd", config="/c")
    )

    assert (asked.programs, asked.users, asked.groups) == ((IMAPD,), ("root",), ("mail",))
    assert asked.services == ("imap/tcp", "x/tcp")
    assert "net.ipv6.bindv6only" in asked.settings
    assert asked.extra_paths == ("/c",)


# -- refusals ------------------------------------------------------------------------------------------------------------------------

DOVECOT = listening(pids=(77,), command="dovecot")
BUSYBOX = attrs.evolve(OPENBSD, kind="busybox-inetd")
NOT_YET = "busybox's inetd is not deployed to yet; inet46 plan --host linux/busybox-inetd shows what it has to be told"

REFUSALS: dict[str, tuple[Look, dict[str, Any], str]] = {
    "a stand-alone daemon": (
        a_look(sockets=(DOVECOT,)),
        {},
        "imap/tcp: port 143 is held by dovecot (pid 77), which serves 0.0.0.0:143 itself; stop it first",
    ),
    "a missing program": (
        a_look(programs=(Asked(path=IMAPD, state=ProgramState.MISSING),)),
        {},
        "imap/tcp: program /usr/sbin/imap4d is missing",
    ),
    "a program without the x bit": (
        a_look(programs=(Asked(path=IMAPD, state=ProgramState.NOT_EXECUTABLE),)),
        {},
        "imap/tcp: program /usr/sbin/imap4d is not executable",
    ),
    "a folder for a program": (
        a_look(programs=(Asked(path=IMAPD, state=ProgramState.DIRECTORY),)),
        {},
        "imap/tcp: program /usr/sbin/imap4d is a directory",
    ),
    "a missing user": (
        a_look(users=(Account(name="mail", number=None),)),
        {"user": "mail"},
        "imap/tcp: user mail does not exist",
    ),
    "a missing group": (
        a_look(groups=(Account(name="mail", number=None),)),
        {"group": "mail"},
        "imap/tcp: group mail does not exist",
    ),
    "another super-server than the policy's": (
        a_look(),
        {"policy": "debian-12/xinetd"},
        "the policy says debian-12/xinetd, and this host is debian-12/openbsd-inetd",
    ),
    "another system than the policy's": (
        a_look(XINETD),
        {"policy": "fedora-33/xinetd"},
        "the policy says fedora-33/xinetd, and this host is debian-12/xinetd",
    ),
    "a release that is not known": (
        a_look(XINETD, os_version="7"),
        {},
        "host 'debian-7/xinetd' is not known; did you mean debian-13/xinetd or debian-12/xinetd or rhel-7/xinetd?"
        " (inet46 hosts lists them all)",
    ),
    **{
        f"{system}, which no deploy has been taught": (
            a_look(attrs.evolve(OPENBSD, kind="inetd"), system=system, release=release, os_id=None, os_version=None),
            {},
            f"{name} is known to plan and sockets only: no deploy has been taught to look at such a host and to change it",
        )
        for system, release, name in (
            ("NetBSD", "10.0", "netbsd-10/inetd"),
            ("OpenBSD", "7.4", "openbsd-7/inetd"),
            ("DragonFly", "6.4-RELEASE", "dragonfly-6/inetd"),
        )
    },
    "a policy for a host that no deploy has been taught": (
        a_look(attrs.evolve(OPENBSD, kind="inetd"), system="NetBSD", release="10.0", os_id=None, os_version=None),
        {"policy": "netbsd-10/inetd"},
        "netbsd-10/inetd is known to plan and sockets only: no deploy has been taught to look at such a host and to change it",
    ),
    "SunOS": (
        a_look(attrs.evolve(OPENBSD, kind="inetd"), system="SunOS", release="5.11", os_id=None, os_version=None),
        {},
        "host 'sunos-5/inetd' is not known; did you mean opensuse-15/xinetd or illumos/inetd or openbsd-7/inetd?"
        " (inet46 hosts lists them all)",
    ),
    "no super-server": (a_look(super_servers=()), {}, "no super-server is installed: neither inetd nor xinetd was found"),
    "none that runs": (
        a_look(attrs.evolve(OPENBSD, pid=None)),
        {},
        "no super-server is running (openbsd-inetd is installed); start it first",
    ),
    "the policy's one does not run": (
        a_look(super_servers=(attrs.evolve(OPENBSD, pid=None), XINETD)),
        {"policy": "debian-12/openbsd-inetd"},
        "openbsd-inetd is not running, but xinetd (pid 812) is; start it first",
    ),
    "two that run": (
        a_look(super_servers=(OPENBSD, XINETD)),
        {},
        "openbsd-inetd and xinetd are both running; name the one that is meant with policy=",
    ),
    "busybox": (a_look(BUSYBOX), {}, NOT_YET),
    "busybox on a system without a name": (a_look(BUSYBOX, os_id="", os_version=""), {"policy": "linux/busybox-inetd"}, NOT_YET),
    "busybox beside another": (a_look(super_servers=(BUSYBOX, XINETD)), {}, NOT_YET),
    "the policy's busybox": (a_look(), {"policy": "linux/busybox-inetd"}, NOT_YET),
    "no IPv6": (a_look(ipv6=False), {}, "imap/tcp: wanted over IPv6, and this host has no IPv6"),
    "IPv6 switched off": (a_look(ipv6_loopback=False), {}, "imap/tcp: wanted over IPv6, and this host has no IPv6"),
    "no privilege": (a_look(uid=1000), {}, "this needs root on the host, and the look ran with uid 1000: use _sudo, _doas or _su_user"),
    "an unreadable file": (
        attrs.evolve(a_look(), files=(a_file("/etc/inetd.conf", kind=FileKind.UNREADABLE, content=None),)),
        {},
        "/etc/inetd.conf cannot be read",
    ),
    "a file that was not looked at": (
        a_look(attrs.evolve(XINETD, argv=("/usr/sbin/xinetd", "-f", "/srv/x.conf"))),
        {},
        "xinetd reads /srv/x.conf, which was not looked at: say it with policy config=",
    ),
    "an inetd bound to one address": (
        a_look(attrs.evolve(OPENBSD, argv=("/usr/sbin/inetd", "-a", "192.0.2.1"))),
        {},
        "openbsd-inetd was started with -a, which binds every service to one address",
    ),
    "a service without a name where it is needed": (
        a_look(
            attrs.evolve(OPENBSD, kind="inetd"),
            system="FreeBSD",
            release="14.0-RELEASE",
            settings=(Setting(key="net.inet6.ip6.v6only", value="1"),),
            services=(NamedService(asked="nope/tcp"),),
        ),
        {"name": "nope", "port": 7001},
        "nope/tcp: nope/tcp is not in /etc/services as port 7001; this inetd needs it there",
    ),
    "a plan that cannot be proved": (
        a_look(),
        {"access": Access(ipv4=("192.0.2.0/24",))},
        "imap/tcp cannot be proved on debian-12/openbsd-inetd: imap: access cannot be said in inetd.conf",
    ),
}


@pytest.mark.parametrize("case", REFUSALS.values(), ids=REFUSALS.keys())
def test_a_host_is_refused_with_the_reason(case: tuple[Look, dict[str, Any], str]) -> None:
    look, wish, reason = case
    decision = judged(look, **wish)

    assert decision.refusals[0] == reason
    assert decision.transaction is None


def test_what_a_host_says_of_itself_is_not_believed_where_it_cannot_be() -> None:
    (reason,) = judged(a_look(os_id="../x", settings=(Setting(key="net.ipv6.bindv6only", value="0"),))).refusals
    assert reason == (
        "the host says of itself what cannot be: "
        "name '../x-12/openbsd-inetd' is not of the form SYSTEM[-RELEASE]/SUPER-SERVER, e.g. debian-12/xinetd"
    )
    odd = judged(a_look(services=(NamedService(asked="imap/tcp", name="imap", port=0),)), policy="debian-12/openbsd-inetd")
    assert odd.refusals == ("the host says of itself what cannot be: services 'imap/tcp' = 0 is not of the form \"imap/tcp\" = 143",)


def test_all_reasons_are_given_at_once() -> None:
    look = a_look(programs=(Asked(path=IMAPD, state=ProgramState.MISSING),), users=(), sockets=(DOVECOT,))

    assert len(judged(look).refusals) == 3
