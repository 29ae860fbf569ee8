"""What inet46 says of a change is what the real daemon makes of it, and the activation that it chooses is right and no dearer than needed."""

from __future__ import annotations

from collections import Counter

import pytest

from inet46 import formats
from inet46.activation import RELOAD
from inet46.change import predict_change
from inet46.knowledge import Host, InetdBuild
from tests.daemons import HOSTS as BENCHES
from tests.daemons import host_on_bench
from tests.daemons.cases import INETD, SERVER
from tests.daemons.changes import Change, fresh, hold_activations, hold_changes, random_changes
from tests.daemons.fixtures import Benches

pytestmark = [pytest.mark.daemon, pytest.mark.slow]

HOSTS = tuple(name for name in BENCHES if name.startswith("debian-"))
SEED, COUNT = 46, 40


def changes(name: str) -> list[Change]:
    build = host_on_bench(name, bindv6only=0).server
    return random_changes(SEED, COUNT, build if isinstance(build, InetdBuild) else None)


@pytest.mark.parametrize("name", HOSTS)
def test_true_of_random_changes(name: str, benches: Benches, capsys: pytest.CaptureFixture[str]) -> None:
    tally = hold_changes(changes(name), benches(name))
    with capsys.disabled():
        print(f"\n  {name}, changes: {tally}", end="")

    assert not tally.mismatches, "\n\n".join(tally.mismatches)
    assert len(tally.unknown) < tally.files / 10


@pytest.mark.parametrize("name", HOSTS)
def test_reloads_are_not_all_harmless(name: str) -> None:
    """The changes would prove little if a reload always came to what the new files say."""
    host = host_on_bench(name, bindv6only=0)
    harmful = 0
    for change in changes(name):
        old, new = formats.read(change.old, host), formats.read(change.new, host)
        found = predict_change(old, new, RELOAD, host)
        harmful += bool(found.cut) or Counter(held.socket for held in found.sockets) != fresh(new, host)

    assert harmful > COUNT / 10


@pytest.mark.parametrize("name", HOSTS)
def test_every_random_change_is_brought_about_by_its_activation(name: str, benches: Benches, capsys: pytest.CaptureFixture[str]) -> None:
    tallies = [hold_activations(changes(name), bench) for bench in benches(name)]
    with capsys.disabled():
        print(f"\n  {name}: {' and '.join(map(str, tallies))}", end="")

    assert not any(tally.wrong for tally in tallies), "\n\n".join(text for tally in tallies for text in tally.wrong)
    assert not any(tally.needless for tally in tallies), [label for tally in tallies for label in tally.needless]
    assert all(tally.dearer > COUNT / 20 for tally in tallies), "too few of these changes need more than one SIGHUP"


BUILT_IN, PROGRAM = "nowait root internal", "nowait root /bin/echo echo a program"
WAITS = PROGRAM.removeprefix("no")


@pytest.mark.parametrize("name", [name for name in HOSTS if not name.endswith("/xinetd")])
@pytest.mark.parametrize(("old", "new"), [(BUILT_IN, PROGRAM), (PROGRAM, BUILT_IN), (PROGRAM, WAITS), (PROGRAM, f"{PROGRAM} more")])
def test_what_clients_are_sent_after_a_reload_is_old_where_that_is_said(name: str, old: str, new: str, benches: Benches) -> None:
    """A program that is asked says so, and a built-in daytime says the time: the words tell who answered."""
    bench = benches(name)[0]
    before, after = ({INETD: f"daytime stream tcp4 {said}\n"} for said in (old, new))
    found = predict_change(formats.read(before, bench.host), formats.read(after, bench.host), RELOAD, bench.host)

    (look,) = bench.run(("files", before), ("start",), ("files", after), ("signal", "HUP"), ("ask", 13), ("look",))
    (answer,) = (said.removeprefix("answer:").strip() for said in look.log if said.startswith("answer:"))

    told = {BUILT_IN: "20", PROGRAM: "a program", f"{PROGRAM} more": "a program more"}
    expected = "" if new == BUILT_IN else told[old if found.stale else new]
    assert expected in answer
    assert (answer == "") == (new == BUILT_IN)
    assert bool(found.stale) == (new != f"{PROGRAM} more")


def test_a_mismatch_shows_the_smallest_change_both_answers_and_the_log(benches: Benches, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = benches(HOSTS[0])[0]
    true = Host.port
    monkeypatch.setattr(Host, "port", lambda self, name, transport: 7 if name == "imap" else true(self, name, transport))
    imap, finger = (f"{service} stream tcp4 nowait root {SERVER}\n" for service in ("imap", "finger"))
    change = Change("on purpose", {INETD: f"# mail\n{finger}"}, {INETD: f"# mail\n{imap}{finger}"}, ("HUP", "HUP"))

    (shown,) = hold_changes([change], [bench]).mismatches

    assert shown.splitlines()[1:] == [
        "--- old /etc/inetd.conf",
        "",
        "--- new /etc/inetd.conf",
        imap.rstrip("\n"),
        "",
        "inet46 said:",
        "  tcp 0.0.0.0:7",
        "the daemon (serves):",
        "  tcp 0.0.0.0:143",
        "its log:",
        "  nothing",
    ]
    assert shown.startswith("on purpose, HUP (serves) on debian-12/openbsd-inetd, ")
