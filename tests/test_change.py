"""What is there after a change: facts/bsd.md 4b row by row, facts/inetd.md 3 and 5b, facts/xinetd.md 4.2, and what activation makes of it."""

from __future__ import annotations

import time
from typing import Any

import attrs
import pytest

from inet46 import formats
from inet46.activation import activation
from inet46.change import After, State, predict_change
from inet46.formats import Reading
from inet46.host import HostPolicy
from inet46.knowledge import Host, InetdBuild, resolve
from tests.test_activation import lines, paragraphs

FREEBSD, OPENBSD, INETUTILS, XINETD = "freebsd-14/inetd", *(f"debian-12/{name}" for name in ("openbsd-inetd", "inetutils-inetd", "xinetd"))
V4, V6, DUAL = "0.0.0.0:143", "[::]:143 v6only", "[::]:143 dual"


def inetd(said: str, name: str | HostPolicy | Host = FREEBSD) -> Reading:
    return formats.read({"/etc/inetd.conf": lines(said)}, name)


def opened(found: After) -> list[str]:
    return sorted(str(held.socket) for held in found.sockets)


def answered(found: After) -> str:
    return " ".join(sorted({f"v{family.value[-1]}" for held in found.sockets for family in held.accepts}))


# -- FreeBSD, as measured on a booted kernel -------------------------------------------------------------------------------------------

# old, new, who is answered after SIGHUP, who after SIGALRM
FREEBSD_4B = [
    ("tcp46", "tcp4 tcp6", "v6", "v4 v6"),
    ("tcp46", "tcp6 tcp4", "v4 v6", "v4 v6"),
    ("tcp46", "tcp4", "", "v4"),
    ("tcp46", "tcp6", "v6", "v6"),
    ("tcp6", "tcp46", "v4 v6", "v4 v6"),
    ("tcp4", "tcp6", "v6", "v6"),
    ("tcp4", "tcp46", "v4 v6", "v4 v6"),
    ("tcp4 tcp6", "tcp46", "v4 v6", "v4 v6"),
    ("tcp6 tcp4", "tcp46", "v4 v6", "v4 v6"),
    ("tcp4 tcp6", "tcp6 tcp4", "v4 v6", "v4 v6"),
    ("tcp4 tcp46", "tcp4 tcp6", "v4 v6", "v4 v6"),
]


@pytest.mark.parametrize(("old", "new", "after_hup", "after_alrm"), FREEBSD_4B)
def test_freebsd_answers_after_each_signal_as_was_measured(old: str, new: str, after_hup: str, after_alrm: str) -> None:
    before, after = (inetd(" ".join(f"imap/{token}" for token in tokens.split())) for tokens in (old, new))

    assert answered(predict_change(before, after, ["reload"], FREEBSD)) == after_hup
    assert answered(predict_change(before, after, ["reload", "signal ALRM"], FREEBSD)) == after_alrm


def test_ipv4_is_down_for_ten_minutes_when_freebsd_leaves_tcp46_for_tcp4_first() -> None:
    found = predict_change(inetd("imap/tcp46"), inetd("imap/tcp4 imap/tcp6"), ["reload"], FREEBSD)

    assert [(str(down.socket), down.seconds) for down in found.down] == [(V4, 600)]
    assert [str(fault) for fault in found.faults] == [
        f"/etc/inetd.conf:1: imap/tcp: address already in use: {V4} is taken by {DUAL} of imap/tcp, which is open from before"
    ]
    assert predict_change(inetd("imap/tcp46"), inetd("imap/tcp6 imap/tcp4"), ["reload"], FREEBSD).down == ()


def test_what_has_healed_is_no_fault_any_more() -> None:
    found = predict_change(inetd("imap/tcp46"), inetd("imap/tcp4"), ["reload", "signal ALRM"], FREEBSD)

    assert (found.faults, found.down) == ((), ())


def test_a_line_that_is_too_short_ends_freebsds_inetd_at_a_reload_too() -> None:
    broken = formats.read({"/etc/inetd.conf": f"{lines('imap/tcp4')}imap stream tcp\n"}, FREEBSD)
    found = predict_change(inetd("imap/tcp4"), broken, ["reload"], FREEBSD)

    assert (found.state, found.sockets) == (State.EXITED, ())


# -- inetds ----------------------------------------------------------------------------------------------------------------------------

# host; old, new; acts; sockets, when what is missing comes back (0: nothing is missing)
INETD_ROWS = [
    (OPENBSD, ("imap/tcp", "127.0.0.1:imap/tcp4"), ["reload"], ([], 600)),
    (OPENBSD, ("imap/tcp", "127.0.0.1:imap/tcp4"), ["reload", "settle", "reload"], (["127.0.0.1:143"], 0)),
    (OPENBSD, ("imap/tcp", "127.0.0.1:imap/tcp4"), ["reload", "signal ALRM"], (["127.0.0.1:143"], 0)),
    (OPENBSD, ("imap/tcp", "143/tcp46"), ["reload"], ([], 600)),
    (OPENBSD, ("imap/tcp4 imap/tcp6", "imap/tcp6 imap/tcp4"), ["reload"], ([V4, V6], 0)),
    (INETUTILS, ("imap/tcp", "imap/tcp6"), ["reload"], ([], None)),
    (INETUTILS, ("imap/tcp", "imap/tcp6"), ["reload", "reload"], ([DUAL], 0)),
    (INETUTILS, ("imap/tcp", "imap/tcp6"), ["reload", "signal ALRM", "reload", "reload"], ([], None)),
    (INETUTILS, ("imap/tcp", "imap/tcp6"), ["reload", "signal ALRM", "restart"], ([DUAL], 0)),
    (INETUTILS, ("0.0.0.0:imap/tcp", "imap/tcp"), ["reload"], ([V4], 0)),
    (INETUTILS, ("143/tcp", "imap/tcp"), ["reload"], ([], None)),
]


@pytest.mark.parametrize(("name", "files", "acts", "then"), INETD_ROWS)
def test_an_inetd_binds_before_it_closes(name: str, files: tuple[str, str], acts: list[str], then: tuple[list[str], int | None]) -> None:
    old, new = (inetd(said, name) for said in files)
    sockets, seconds = then

    found = predict_change(old, new, acts, name)

    assert opened(found) == sockets
    assert {down.seconds for down in found.down} == (set() if seconds == 0 else {seconds})


def test_of_two_failed_lines_the_newest_is_tried_first() -> None:
    old, new = inetd("imap/tcp", INETUTILS), inetd("imap/tcp6 143/tcp4", INETUTILS)
    listening = evolved(INETUTILS, retry_listens=True)

    assert opened(predict_change(old, new, ["reload", "signal ALRM"], listening)) == [V4]
    assert opened(predict_change(old, new, ["reload", "reload"], listening)) == [DUAL]


def evolved(name: str, **said: Any) -> Host:
    """A host whose inetd differs from the row in one thing."""
    host = resolve(name)
    assert isinstance(host.server, InetdBuild)
    return attrs.evolve(host, server=attrs.evolve(host.server, **said))


def test_an_inetd_that_rebinds_everything_trips_over_its_own_sockets_no_more_than_another() -> None:
    netbsd = evolved(OPENBSD, rebinds_all=True)
    found = predict_change(inetd("imap/tcp4 finger/tcp4", OPENBSD), inetd("finger/tcp4 imap/tcp4", OPENBSD), ["reload"], netbsd)

    # In the order of the new file: each of them was closed and bound again.
    assert [str(held.socket) for held in found.sockets] == ["0.0.0.0:79", "0.0.0.0:143"]


@pytest.mark.parametrize(("each", "sockets"), [(True, [V4]), (False, [])])
def test_what_a_file_no_longer_asks_for_is_closed_before_inetutils_reads_the_next(each: bool, sockets: list[str]) -> None:  # noqa: FBT001
    host = evolved(INETUTILS, purges_each_file=each)
    old, new = (
        formats.read({"/etc/inetd.conf": lines(main), "/etc/inetd.d/mail": lines(mail)}, host)
        for main, mail in (("imap/tcp6", ""), ("", "143/tcp4"))
    )

    assert opened(predict_change(old, new, ["reload"], host)) == sockets


@pytest.mark.parametrize(
    ("name", "state", "sockets"),
    [(OPENBSD, State.EXITED, []), (INETUTILS, State.SERVES, [V4]), (FREEBSD, State.SERVES, [V4]), (XINETD, State.SERVES, [V4])],
)
def test_a_missing_file_ends_openbsds_inetd_and_leaves_the_others_as_they_are(name: str, state: State, sockets: list[str]) -> None:
    old = xinetd("flags = IPv4") if name == XINETD else inetd("imap/tcp4", name)
    found = predict_change(old, None, ["reload"], name)

    assert (found.state, opened(found)) == (state, sockets)
    assert predict_change(old, None, ["restart"], name).state is (State.SERVES if name in {INETUTILS, FREEBSD} else State.EXITED)


def test_a_file_that_makes_inetd_hang_does_so_at_a_reload_and_a_restart_with_a_good_one_ends_it() -> None:
    hang = formats.read({"/etc/inetd.conf": "imap stream tcp4 nowait root /x\n13\tstream\n\ttcp nowait root /x\n"}, OPENBSD)
    good = inetd("imap/tcp4", OPENBSD)

    assert predict_change(good, hang, ["reload"], OPENBSD).state is State.HANGS
    assert opened(predict_change(hang, good, ["reload"], OPENBSD)) == []
    assert opened(predict_change(hang, good, ["restart"], OPENBSD)) == [V4]
    assert activation(hang, good, resolve(OPENBSD)) == activation(hang, inetd("", OPENBSD), resolve(OPENBSD)) == ("restart",)
    assert activation(hang, hang, resolve(OPENBSD)) == ()


def test_the_default_host_that_inetutils_never_forgets_makes_a_reload_unknown() -> None:
    old, new = (formats.read({"/etc/inetd.conf": said}, INETUTILS) for said in ("127.0.0.1:\n", lines("imap/tcp")))

    assert predict_change(old, new, ["reload"], INETUTILS).unknown == (
        "inetutils-inetd goes on with the default host 127.0.0.1 of the last reading",
    )
    assert predict_change(old, new, ["restart"], INETUTILS).unknown == ()
    assert activation(old, new, resolve(INETUTILS)) == ("restart",)


def test_an_address_that_no_line_takes_over_crashes_inetutils_at_the_next_file() -> None:
    leak, good = "127.0.0.1:no-built-in stream tcp nowait root internal\n", lines("imap/tcp")
    alone, twice, taken, everywhere = (
        formats.read(files, INETUTILS)
        for files in (
            {"/etc/inetd.conf": good + leak},
            {"/etc/inetd.conf": good + leak, "/etc/inetd.d/more": ""},
            {"/etc/inetd.conf": leak + good, "/etc/inetd.d/more": ""},
            {"/etc/inetd.conf": good + leak.replace("127.0.0.1", "*"), "/etc/inetd.d/more": ""},
        )
    )

    assert opened(predict_change(alone, alone, [], INETUTILS)) == [V4]
    assert predict_change(alone, inetd("imap/tcp", INETUTILS), ["reload"], INETUTILS).state is State.EXITED
    assert predict_change(twice, twice, [], INETUTILS).state is State.EXITED
    assert [fault.name for fault in twice.faults] == ["unknown-builtin", "leaked-address"]
    assert predict_change(taken, taken, ["reload"], INETUTILS).state is State.SERVES
    assert predict_change(everywhere, everywhere, ["reload"], INETUTILS).state is State.SERVES


@pytest.mark.parametrize(("services", "port"), [({"imap/tcp": 143}, "random"), ({"imap/tcp": 143, "spam/tcp": 783}, "own")])
def test_openbsds_retry_gives_a_random_port_to_a_service_that_has_none(services: dict[str, int], port: str) -> None:
    host = HostPolicy(name=OPENBSD, services=services)
    new = inetd("spam/tcp4", host)

    unknown = predict_change(inetd("", host), new, ["reload", "signal ALRM"], host).unknown

    told = "spam/tcp is not in /etc/services, and gets a random port when failed binds are tried again"
    assert unknown == ((told,) if port == "random" else ())
    assert predict_change(inetd("", host), new, ["reload"], host).unknown == ()


DUTY_ROWS = [
    (OPENBSD, "nowait root internal", "nowait root /x x", "goes on as what is built into inetd", "restart"),
    (OPENBSD, "nowait root /x x", "nowait root internal", "tries to start a program named internal", "restart"),
    (OPENBSD, "nowait root /x x", "wait root /x x", "goes on with nowait", "restart"),
    (OPENBSD, "wait root /x x", "nowait root /x x", "passes the listening socket on, and waits for nobody", "restart"),
    (OPENBSD, "nowait root /x x", "nowait root /y y", None, "reload"),
    (INETUTILS, "nowait root internal", "nowait root /x x", "goes on as what is built into inetd", "restart"),
    (INETUTILS, "nowait root /x x", "wait root /x x", "goes on with nowait", "restart"),
    (INETUTILS, "wait root /x x", "nowait root /x x", None, "reload"),
    (FREEBSD, "nowait root internal", "nowait root /x x", None, "reload"),
    (FREEBSD, "nowait root /x x", "wait root /x x", None, "reload"),
]


@pytest.mark.parametrize(("name", "old", "new", "said", "verb"), DUTY_ROWS)
def test_what_is_done_for_clients_does_not_always_follow_the_file(name: str, old: str, new: str, said: str | None, verb: str) -> None:
    before, after = (formats.read({"/etc/inetd.conf": f"daytime stream tcp4 {rest}\n"}, name) for rest in (old, new))

    found = predict_change(before, after, ["reload"], name)

    unit = resolve(name).row.unit
    assert [fault.message for fault in found.faults] == (
        [f"daytime/tcp: {unit} {said}: a reload does not apply this change"] if said else []
    )
    assert activation(before, after, resolve(name)) == (verb,)


# -- xinetd ----------------------------------------------------------------------------------------------------------------------------


def xinetd(*said: str, head: str = "") -> Reading:
    return formats.read({"/etc/xinetd.conf": head + paragraphs(list(said))}, XINETD)


# what, old, new, sockets after SIGHUP, services whose sessions are cut although they stay, services that went
XINETD_ROWS = [
    ("v6only added", ["flags = IPv6"], ["flags = IPv6; v6only = yes"], [DUAL], 0, 0),
    ("v6only removed", ["flags = IPv6; v6only = yes"], ["flags = IPv6"], [V6], 0, 0),
    ("bind removed", ["flags = IPv4; bind = 127.0.0.1"], ["flags = IPv4"], ["127.0.0.1:143"], 0, 0),
    ("bind added", ["flags = IPv4"], ["flags = IPv4; bind = 127.0.0.1"], ["127.0.0.1:143"], 1, 0),
    ("a wildcard bound, which is a bind", ["flags = IPv6"], ["bind = ::; v6only = yes"], [V6], 1, 0),
    ("a wildcard bound as before", ["bind = ::"], ["bind = ::; v6only = yes"], [DUAL], 0, 0),
    ("IPv4 becomes IPv6", ["flags = IPv4"], ["flags = IPv6; v6only = yes"], [V6], 1, 0),
    ("the port changes", ["type = UNLISTED; port = 143"], ["type = UNLISTED; port = 7001"], ["[::]:7001 dual"], 0, 1),
    ("UNLISTED, and another kind of service by that", ["flags = IPv6"], ["type = UNLISTED; port = 143; v6only = yes"], [V6], 0, 1),
    ("split with new ids", ["flags = IPv6"], ["id = a; flags = IPv4", "id = b; flags = IPv6; v6only = yes"], [V4, V6], 0, 1),
    ("split, and one keeps the id", ["flags = IPv6"], ["id = a; flags = IPv4", "flags = IPv6; v6only = yes"], [DUAL], 0, 0),
    ("twins swapped", ["flags = IPv4", "flags = IPv6; v6only = yes"], ["flags = IPv6; v6only = yes", "flags = IPv4"], [V4], 2, 0),
    ("a service is broken", ["flags = IPv6"], ["flags = IPv6; instances = few"], [], 0, 1),
]


@pytest.mark.parametrize(("what", "old", "new", "sockets", "lost"), [(*row[:4], row[4:]) for row in XINETD_ROWS])
def test_xinetd_readjusts_by_id_and_applies_family_and_bind_alone(
    what: str, old: list[str], new: list[str], sockets: list[str], lost: tuple[int, int]
) -> None:
    found = predict_change(xinetd(*old), xinetd(*new), ["reload"], XINETD)

    assert opened(found) == sockets, what
    assert (len(found.cut), len(found.gone)) == lost, what


def test_a_change_that_xinetd_never_applies_is_a_fault() -> None:
    found = predict_change(xinetd("flags = IPv6"), xinetd("flags = IPv6; v6only = yes"), ["reload", "reload"], XINETD)

    assert [(fault.code, fault.message) for fault in found.faults] == [
        ("I701", f"imap/tcp: xinetd goes on with {DUAL} and never opens {V6}")
    ]


def test_a_built_in_service_of_inetd_conf_has_an_id_of_its_own() -> None:
    internal = "service daytime\n{\n\ttype = INTERNAL\n\tsocket_type = stream\n\twait = no\n\tv6only = yes\n}\n"
    compat = {"/etc/xinetd.conf": "", "/etc/inetd.conf": "daytime stream tcp nowait root internal\n"}
    old, new = (formats.read(files, XINETD) for files in (compat, {"/etc/xinetd.conf": internal}))

    found = predict_change(old, new, ["reload"], XINETD)

    # daytime-dgram, whatever its socket type (inet.c): the old one goes, and the new one is opened as it says.
    assert (opened(found), len(found.gone)) == (["[::]:13 v6only"], 1)


def test_a_new_service_that_fails_is_tried_again_at_the_next_sighup_and_one_that_failed_to_move_is_not() -> None:
    alone = "flags = IPv6; v6only = yes; id = b"
    moved = predict_change(xinetd("flags = IPv4", alone), xinetd("flags = IPv6", "flags = IPv4; id = c"), ["reload", "reload"], XINETD)
    new = predict_change(xinetd("flags = IPv4; id = a"), xinetd("flags = IPv4; id = a", "flags = IPv4; id = c"), ["reload"], XINETD)

    assert opened(moved) == [V4]
    assert [(down.entry.service, down.seconds) for down in moved.down] == [("imap", None)]
    assert [(str(down.socket), down.seconds) for down in new.down] == [(V4, None)]


@pytest.mark.parametrize(
    ("line", "state"),
    [
        ("instances = few", State.EXITED), ("umask = 9", State.EXITED), ("v6only = perhaps", State.EXITED), ("cps = a b", State.EXITED),
        ("log_on_failure = NOTHING", State.EXITED), ("instances = 3 4", State.SERVES), ("instances += few", State.SERVES),
        ("flags = BOGUS", State.SERVES), ("instances = 3", State.SERVES),
    ],
)  # fmt: skip
def test_a_bad_value_in_defaults_ends_xinetd(line: str, state: State) -> None:
    good, bad = (xinetd("flags = IPv4", head=head) for head in ("", f"defaults\n{{\n\t{line}\n}}\n"))

    assert predict_change(good, bad, ["reload"], XINETD).state is state
    assert predict_change(bad, good, ["reload"], XINETD).state is state
    assert [fault.name for fault in bad.faults if fault.name == "fatal-default"] == (["fatal-default"] if state is State.EXITED else [])


def test_what_a_signal_does_that_nobody_looked_at_is_unknown() -> None:
    said = xinetd("flags = IPv4")

    assert predict_change(said, said, ["signal ALRM"], XINETD).unknown == ("what xinetd does at 'signal ALRM'",)
    assert predict_change(said, said, ["signal USR1"], XINETD).unknown == ("what xinetd does at 'signal USR1'",)


# -- both ------------------------------------------------------------------------------------------------------------------------------


def test_nothing_done_is_the_old_file_and_a_restart_the_new_one() -> None:
    old, new = inetd("imap/tcp46"), inetd("imap/tcp4 imap/tcp6")

    assert opened(predict_change(old, new, [], FREEBSD)) == [DUAL]
    assert opened(predict_change(old, new, ["restart"], FREEBSD)) == [V4, V6]


def test_sessions_that_were_killed_stay_killed_through_a_restart() -> None:
    moved, gone = (predict_change(xinetd("flags = IPv4"), new, ["reload", "restart"], XINETD) for new in (xinetd("flags = IPv6"), xinetd()))

    assert (len(moved.cut), len(gone.gone)) == (1, 1)


def test_what_was_not_known_of_the_old_file_is_not_known_after_a_reload_and_is_forgotten_by_a_restart() -> None:
    old, new = attrs.evolve(inetd("imap/tcp6"), unknown=("something",)), inetd("imap/tcp4")

    assert predict_change(old, new, ["reload"], FREEBSD).unknown == ("something",)
    assert predict_change(old, new, ["restart"], FREEBSD).unknown == ()
    assert activation(old, new, resolve(FREEBSD)) == ("reload",)


def test_a_reload_of_ten_thousand_entries_takes_no_longer_each_than_one_of_a_thousand() -> None:
    def seconds(count: int) -> float:
        text = "".join(f"{port} stream tcp4 nowait root /x x\n" for port in range(1, count + 1))
        old, new = (formats.read({"/etc/inetd.conf": said}, OPENBSD) for said in (text, text.replace("tcp4", "tcp6")))
        start = time.process_time()
        found = predict_change(old, new, ["reload"], OPENBSD)
        assert len(found.sockets) == count
        return time.process_time() - start

    small = min(seconds(1000) for _ in range(3))
    assert seconds(10_000) < 30 * small
