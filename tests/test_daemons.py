"""Law 5, True: what predict says of a file is what the real daemon opens on a real kernel, with net.ipv6.bindv6only 0 and 1.

And what is built on it: planned files open the planned sockets, and the chosen way to activate a change really brings it about.
"""

from __future__ import annotations

import itertools
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inet46.activation import activation
from inet46.entry import Entry
from inet46.errors import Unprovable
from inet46.host import Sharing
from inet46.knowledge import INETD_BUILDS, Host, InetdBuild, Place
from inet46.plan import layout, plan
from inet46.predict import predict
from inet46.service import Service
from inet46.sockets import Family, Socket, Transport
from tests.daemons import HOSTS, Bench, Case, Files, Step, host_on_bench, judge, missing, odd_files, start
from tests.daemons.cases import (
    INETD,
    SERVER,
    XINETD,
    compat_files,
    default_files,
    inetd_pairs,
    inetd_singles,
    paragraph,
    xinetd_pairs,
    xinetd_singles,
)
from tests.daemons.judge import differences, expected, mismatch
from tests.daemons.plans import SHAPES, spellings, wishes
from tests.daemons.random_files import random_cases
from tests.lab import busybox

pytestmark = [pytest.mark.daemon, pytest.mark.slow]

OPENBSD, INETUTILS, XINETD_HOST, BUSYBOX = HOSTS
INETDS = (OPENBSD, INETUTILS, BUSYBOX)
SEED, RANDOM_FILES = 46, 40
RELOAD = ("reload",)

Benches = Callable[[str], tuple[Bench, Bench]]
Hold = Callable[[str, Sequence[Case]], None]
Say = Callable[[str], None]


@pytest.fixture(scope="session")
def benches() -> Iterator[Benches]:
    """The two benches of a host, with bindv6only 0 and 1; made when first asked for."""
    made: dict[str, tuple[Bench, Bench]] = {}

    def of(name: str) -> tuple[Bench, Bench]:
        if name not in made:
            if (why := missing(name)) is not None:
                (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(why)
            made[name] = (Bench(name, bindv6only=0), Bench(name, bindv6only=1))
        return made[name]

    yield of
    for bench in itertools.chain.from_iterable(made.values()):
        bench.close()


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str]) -> Say:
    """Print a line that is seen although the test passes."""

    def aloud(line: str) -> None:
        with capsys.disabled():
            print(f"\n  {line}", end="")

    return aloud


@pytest.fixture
def hold(benches: Benches, say: Say) -> Hold:
    """Hold what inet46 says of each case against the daemon, and print how it went."""

    def against(name: str, cases: Sequence[Case]) -> None:
        tally = judge(cases, benches(name))
        say(f"{name}: {tally}")

        assert not tally.mismatches, "\n\n".join(tally.mismatches)

    return against


def _build(name: str) -> InetdBuild:
    build = host_on_bench(name, bindv6only=0).server
    assert isinstance(build, InetdBuild)
    return build


# -- law 5, over the whole grid --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", INETDS)
def test_true_of_one_line_with_every_token_service_and_address(name: str, hold: Hold) -> None:
    hold(name, inetd_singles(_build(name)))


@pytest.mark.parametrize("name", INETDS)
def test_true_of_every_ordered_pair_of_lines_for_one_port(name: str, hold: Hold) -> None:
    hold(name, inetd_pairs(_build(name)))


def test_true_of_every_combination_of_flags_v6only_and_bind(hold: Hold) -> None:
    hold(XINETD_HOST, xinetd_singles())


def test_true_of_every_ordered_pair_of_paragraphs_for_one_port(hold: Hold) -> None:
    hold(XINETD_HOST, xinetd_pairs())


def test_true_of_what_stands_in_defaults(hold: Hold) -> None:
    hold(XINETD_HOST, default_files())


def test_true_of_xinetd_with_an_inetd_conf_beside_it(hold: Hold) -> None:
    hold(XINETD_HOST, compat_files(INETD_BUILDS["xinetd-compat-dual"]))


@pytest.mark.parametrize("name", HOSTS)
def test_true_of_comments_continuations_broken_lines_and_odd_line_ends(name: str, hold: Hold) -> None:
    hold(name, odd_files.of(name))


@pytest.mark.parametrize("name", HOSTS)
def test_true_of_random_files(name: str, hold: Hold) -> None:
    hold(name, random_cases(SEED, RANDOM_FILES, host_on_bench(name, bindv6only=0)))


# What ends a daemon or stops it for good, each with a service above it that would be served.
_ENDS = {
    "a second default-host line behind *:": (INETUTILS, {INETD: f"7001 stream tcp4 nowait root {SERVER}\n127.0.0.1:\n*:\n*:\n"}),
    "an address left over at the end of a file, and another file": (
        INETUTILS,
        {INETD: f"7001 stream tcp4 nowait root {SERVER}\n127.0.0.1:imap stream tcp4 nowait root internal\n", "/etc/inetd.d/mail": ""},
    ),
    "a protocol that is continued": (OPENBSD, {INETD: f"7001 stream tcp4 nowait root {SERVER}\n7002 stream\n\ttcp nowait root {SERVER}\n"}),
    "an indented comment below an empty line": (OPENBSD, {INETD: f"7001 stream tcp4 nowait root {SERVER}\n\n\t# imap is elsewhere\n"}),
    "a bad value in defaults": (XINETD_HOST, {XINETD: paragraph("imap") + "defaults\n{\n\tinstances = few\n}\n"}),
    "defaults that never end, with a name for an address": (
        XINETD_HOST,
        {XINETD: paragraph("imap") + "defaults\n{\n\tbind = localhost\n"},
    ),
    "a built-in without an id beside a list of ids": (
        XINETD_HOST,
        {XINETD: paragraph("imap") + "defaults\n{\n\tdisabled = x\n}\n", INETD: "imap stream tcp nowait root internal\n"},
    ),
}


@pytest.mark.parametrize(("name", "files"), _ENDS.values(), ids=_ENDS)
def test_what_ends_a_daemon_or_stops_it_for_good_is_known(name: str, files: Files, benches: Benches) -> None:
    for bench in benches(name):
        (look,) = bench.run(*start(files))
        said = expected(files, bench.host)

        assert look.state != "serves"
        assert not look.served
        assert said.over
        assert not said.order
        assert not said.unknown


@pytest.mark.parametrize("bind", ["0.0.0.0", "127.0.0.1"])
def test_an_ipv4_bind_with_the_flag_of_ipv6_is_said_to_be_unknown(bind: str) -> None:
    host = host_on_bench(XINETD_HOST, bindv6only=0)

    assert expected({XINETD: paragraph("imap", flags="IPv6", bind=bind)}, host).unread


# -- law 3, with the kernel as judge ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", HOSTS)
@given(services=wishes(), sharing=st.sampled_from(Sharing), knob=st.integers(0, 1))
def test_true_of_plans(name: str, services: tuple[Service, ...], sharing: Sharing, knob: int, benches: Benches) -> None:
    bench = benches(name)[knob]
    host = host_on_bench(name, bindv6only=knob, sharing=sharing)
    try:
        planned = plan(services, host)
    except Unprovable:
        return
    settings = [("sysctl", setting.key, setting.value) for setting in planned.settings if setting.place is Place.LIVE]

    (look,) = bench.run(*settings, *start(planned.files))

    wanted = Counter(held.socket for held in planned.sockets)
    assert look.served == wanted, mismatch("plan", planned.files, host, wanted.elements(), look)


# -- changes ---------------------------------------------------------------------------------------------------------------------------


def _perform(verbs: Iterable[str]) -> Iterator[Step]:
    """Turn the verbs of an activation into steps; a step is over when the daemon has dealt with it, which is what settle waits for."""
    for verb in verbs:
        if verb == "reload":
            yield ("signal", "HUP")
        elif verb == "restart":
            yield from (("stop",), ("start",))
        elif verb.startswith("signal "):
            yield ("signal", verb.removeprefix("signal "))
        else:
            assert verb == "settle"


def _sockets(entries: Sequence[Entry], host: Host) -> Counter[Socket]:
    return Counter(held.socket for held in predict(entries, host).sockets)


def _changes(transport: Transport, host: Host) -> list[tuple[tuple[Entry, ...], tuple[Entry, ...]]]:
    """Every ordered pair of different spellings of one port."""
    known = dict.fromkeys(entries for shape in SHAPES for entries in spellings(shape, transport, host))
    return list(itertools.permutations(known, 2))


def _change(old: Sequence[Entry], new: Sequence[Entry], host: Host, verbs: Iterable[str]) -> tuple[Step, ...]:
    return ("files", layout(old, host)), ("start",), ("files", layout(new, host)), *_perform(verbs), ("look",)


@pytest.mark.parametrize("transport", Transport)
@pytest.mark.parametrize("name", HOSTS)
def test_every_change_of_spelling_is_brought_about_by_its_activation(name: str, transport: Transport, benches: Benches, say: Say) -> None:
    wrong, needless, done = [], [], 0
    plans = [
        (bench, [(old, new, activation(old, new, bench.host)) for old, new in _changes(transport, bench.host)]) for bench in benches(name)
    ]
    for bench, changes in plans:
        # Each change twice: as it is to be activated, and with one SIGHUP alone.
        bench.send([_change(old, new, bench.host, how) for old, new, verbs in changes for how in dict.fromkeys((verbs, RELOAD))])
    for bench, changes in plans:
        looks = iter(bench.receive())
        for old, new, verbs in changes:
            done += 1
            wanted = _sockets(new, bench.host)
            (look,) = next(looks)
            if look.served != wanted:
                wrong.append(
                    mismatch(f"{verbs} from {layout(old, bench.host)}", layout(new, bench.host), bench.host, wanted.elements(), look)
                )
            if verbs != RELOAD and next(looks)[0].served == wanted and not _kills_sessions(old, new):
                needless.append((layout(old, bench.host), layout(new, bench.host), verbs))
    say(f"{name}, {transport.value}: {done} changes, {len(wrong)} wrong, {len(needless)} dearer than they need be")

    assert not wrong, "\n\n".join(wrong)
    assert not needless


def _kills_sessions(old: Sequence[Entry], new: Sequence[Entry]) -> bool:
    """True where SIGHUP would do and is not sent: xinetd changes the family of a service by killing the sessions that it has."""
    families = {entry.id or entry.service: {bind.family for bind in entry.binds} for entry in old}
    return any(entry.binds[0].key == "" and families.get(entry.id or entry.service) not in (None, {entry.binds[0].family}) for entry in new)


def _after(bench: Bench, old: str, new: str, path: str, *signals: str) -> Counter[Socket]:
    (look,) = bench.run(("files", {path: old}), ("start",), ("files", {path: new}), *(("signal", name) for name in signals), ("look",))
    return look.served


def _one(address: str, *, v6only: bool | None = None) -> Counter[Socket]:
    family = Family.IPV6 if ":" in address else Family.IPV4
    return Counter([Socket(transport=Transport.TCP, family=family, address=address, port=143, v6only=v6only)])


@pytest.mark.parametrize("knob", [0, 1])
def test_one_sighup_from_tcp_to_tcp6_leaves_inetutils_listening_on_nothing_and_a_second_one_mends_it(knob: int, benches: Benches) -> None:
    bench = benches(INETUTILS)[knob]
    old, new = (f"imap stream {token} nowait root {SERVER} true\n" for token in ("tcp", "tcp6"))

    assert _after(bench, old, new, INETD, "HUP") == Counter()
    assert _after(bench, old, new, INETD, "HUP", "HUP") == _one("::", v6only=False)


def test_after_an_alarm_inetutils_listens_on_nothing_whatever_is_sent(benches: Benches) -> None:
    bench = benches(INETUTILS)[0]
    old, new = (f"imap stream {token} nowait root {SERVER} true\n" for token in ("tcp", "tcp6"))

    assert _after(bench, old, new, INETD, "HUP", "ALRM", "HUP", "HUP") == Counter()


@pytest.mark.parametrize("signals", [("HUP", "HUP"), ("HUP", "ALRM")])
def test_busybox_listens_on_nothing_after_one_sighup_from_tcp_to_tcp6_and_a_second_one_or_the_alarm_mends_it(
    signals: Sequence[str], benches: Benches
) -> None:
    bench = benches(BUSYBOX)[0]
    old, new = (f"imap stream {token} nowait root {SERVER} true\n" for token in ("tcp", "tcp6"))

    assert _after(bench, old, new, INETD, "HUP") == Counter()
    assert _after(bench, old, new, INETD, *signals) == _one("::", v6only=False)


def test_at_bindv6only_1_one_sighup_takes_busybox_from_tcp_to_tcp6(benches: Benches) -> None:
    old, new = (f"imap stream {token} nowait root {SERVER} true\n" for token in ("tcp", "tcp6"))

    assert _after(benches(BUSYBOX)[1], old, new, INETD, "HUP") == _one("::", v6only=True)


@pytest.mark.parametrize("line", ["no-such-service stream tcp", "127.0.0.1:7001 stream tcp6"])
def test_the_alarm_after_a_failed_bind_ends_busybox_if_an_entry_has_no_address(line: str, benches: Benches) -> None:
    bench = benches(BUSYBOX)[0]
    clash = "".join(f"imap stream {token} nowait root {SERVER}\n" for token in ("tcp", "tcp6"))
    steps = (("start",), ("signal", "ALRM"), ("look",))

    (alive,) = bench.run(("files", {INETD: clash}), *steps)
    (dead,) = bench.run(("files", {INETD: f"{line} nowait root {SERVER}\n{clash}"}), *steps)

    assert (alive.state, dead.state) == ("serves", "killed by SIGSEGV")
    assert not dead.sockets


@pytest.mark.parametrize(("server", "stays"), [("internal", True), ("/bin/echo echo first", False)])
def test_a_reload_makes_no_program_of_busybox_s_built_in_service(server: str, stays: bool, benches: Benches) -> None:  # noqa: FBT001 -- a case
    line = "daytime stream tcp nowait root "
    files = ({INETD: f"{line}{told}\n"} for told in (server, "/bin/echo echo second"))
    old, new = ([("files", told)] for told in files)

    (look,) = benches(BUSYBOX)[0].run(*old, ("start",), *new, ("signal", "HUP"), ("ask", 13), ("look",))

    assert ("answer: second" in look.log) is not stays


@pytest.mark.parametrize("knob", [0, 1])
def test_a_change_of_v6only_does_not_reach_xinetd_by_sighup(knob: int, benches: Benches) -> None:
    bench = benches(XINETD_HOST)[knob]
    dual, alone = paragraph("imap", flags="IPv6"), paragraph("imap", flags="IPv6", v6only="yes")

    assert _after(bench, dual, alone, XINETD, "HUP", "HUP") == _one("::", v6only=False)
    assert _after(bench, alone, dual, XINETD, "HUP", "HUP") == _one("::", v6only=True)


def test_a_bind_that_is_taken_away_does_not_reach_xinetd_by_sighup(benches: Benches) -> None:
    bench = benches(XINETD_HOST)[0]
    here, anywhere = paragraph("imap", flags="IPv4", bind="127.0.0.1"), paragraph("imap", flags="IPv4")

    assert _after(bench, here, anywhere, XINETD, "HUP") == _one("127.0.0.1")


# -- the judge itself ------------------------------------------------------------------------------------------------------------------


def test_a_mismatch_shows_the_smallest_file_both_answers_and_the_log(benches: Benches, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = benches(OPENBSD)[0]
    deaf = Host.port
    monkeypatch.setattr(Host, "port", lambda self, name, transport: 7 if name == "imap" else deaf(self, name, transport))
    files = {INETD: f"# mail\nimap stream tcp4 nowait root {SERVER}\nfinger stream tcp4 nowait root {SERVER}\n7001 stream\n"}

    (shown,) = judge([Case("on purpose", files)], [bench]).mismatches

    assert shown.splitlines() == [
        "on purpose (too much: 0.0.0.0:7, too little: 0.0.0.0:143) on debian-12/openbsd-inetd, net.ipv6.bindv6only 0:",
        "--- /etc/inetd.conf",
        f"imap stream tcp4 nowait root {SERVER}",
        "",
        "inet46 said:",
        "  tcp 0.0.0.0:7",
        "the daemon (serves):",
        "  tcp 0.0.0.0:143",
        "its log:",
        "  nothing",
    ]


def test_what_a_build_of_busybox_lacks_is_said_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(busybox, "cache", lambda: tmp_path)
    monkeypatch.setattr(shutil, "which", lambda program: None if program != "make" else "/usr/bin/make")

    assert busybox.missing() == "busybox-inetd is built from Debian's source package, and this machine lacks gcc, dpkg-dev"


def test_another_order_of_sockets_or_of_refusals_is_a_mismatch(benches: Benches) -> None:
    bench = benches(OPENBSD)[0]
    lines = [f"{port} stream tcp4 nowait root {SERVER}\n" for port in (7001, 7002, 7003)]
    twice = [f"localhost:{port} stream tcp4 nowait root {SERVER}\n" for port in (7002, 7001)]
    files = {INETD: "".join((*lines, *twice))}
    said = expected(files, bench.host)
    (look,) = bench.run(*start(files))

    assert said.refused == ("7002/tcp4", "7002/tcp4", "7001/tcp4", "7001/tcp4")
    assert not differences(said, look)
    assert list(differences(attrs.evolve(said, order=said.order[::-1]), look)) == ["another order"]
    assert list(differences(attrs.evolve(said, refused=said.refused[::-1]), look)) == ["other refusals"]


def test_a_daemon_in_an_endless_loop_is_seen_to_hang_and_ended(benches: Benches) -> None:
    bench = benches(OPENBSD)[0]
    hang = {INETD: f"13 stream tcp4 nowait root {SERVER}\n7001 stream\n\ttcp nowait root {SERVER}\n"}

    assert bench.run(*start(hang))[0].state == "hangs"
    assert not expected(hang, bench.host).sockets
    assert bench.run(*start({INETD: ""}))[0].state == "serves"
