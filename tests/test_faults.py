"""A small share of `make faults`: real hosts that are stopped in the middle, and what is true then."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from inet46 import Sharing
from pyinfra_inet46.transaction import render
from tests.faults import bench as benches
from tests.faults.__main__ import HOSTS, campaign, injections, table
from tests.faults.bench import Bench, Injection, Kind, Within, wishes
from tests.faults.states import difference, leftovers, state_of
from tests.faults.twins import rounds
from tests.lab import Lab, missing

pytestmark = pytest.mark.lab

TRACER = Path(__file__).parent / "faults/tracer.py"


@pytest.fixture(autouse=True)
def _needs_a_lab() -> None:
    why = missing()
    if why is not None and not os.environ.get("CI"):
        pytest.skip(f"no lab: {why}")


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """Hosts with all the super-servers, two of them under systemd."""
    with Lab.start(HOSTS) as running:
        yield running


def test_stopped_in_any_way_a_host_is_all_old_or_all_new_and_the_next_run_finishes(lab: Lab) -> None:
    outcomes = campaign(lab, HOSTS, 20, "small")

    assert [(o.host, o.injection.kind.value, o.step, o.problems) for o in outcomes if o.problems] == []
    assert {o.injection.kind for o in outcomes} == set(Kind)
    assert {o.after for o in outcomes} >= {"old", "between", "new"}
    assert table(outcomes).row_count > 0


def test_a_mixed_host_would_be_noticed(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        benches, "render", lambda change: render(change).replace("\nrestore_files() {\n", "\nrestore_files() {\n\treturn 0\n")
    )
    bench = Bench(lab, HOSTS[0])
    outcome = bench.inject(Injection(kind=Kind.STEP, moment=0.3, within=Within.JOURNAL))

    assert outcome.after == "between"
    assert any("recovered: files differ: /etc/inetd.conf" in problem for problem in outcome.problems)
    monkeypatch.undo()
    bench.host.run("rm -rf /etc/.inet46* /var/lib/inet46; /etc/init.d/openbsd-inetd restart", check=True)


def test_a_change_that_was_killed_while_the_super_server_was_down_is_finished_by_the_next_run(lab: Lab) -> None:
    spec = HOSTS[2]
    bench = Bench(lab, spec)
    while bench.wish[1].sharing is not Sharing.SEPARATE or bench.wish[0][0].listeners:
        bench.wish = next(bench.round)
        bench.run(setting=False)
    bench.wish = wishes(spec.super_server)[0]
    usual = bench.usual[bench.wish]
    bench.traced(bench.prepare(), usual.at(0.05, Within.JOURNAL), "group")
    lab[spec.name].run("/etc/init.d/xinetd stop", check=True)
    program = str(Path(sys.executable).with_name("pyinfra"))
    command = (program, "inventories/lab.py", "deploys/imap.py", "-y", "--limit", spec.name)
    environment = {**os.environ, "INET46_LAB": lab.name, "PYINFRA_PROGRESS": "off"}
    result = subprocess.run(command, cwd=TRACER.parents[2], env=environment, capture_output=True, text=True, check=False, timeout=300)

    assert "an interrupted change (fault-" in result.stderr
    assert "the interrupted change is rolled back: looking again" in result.stderr
    assert result.returncode == 0, result.stderr
    assert leftovers(lab[spec.name]) == []
    assert set(lab.logins([spec.name], ["imap", "imaps"]).values()) == {"ok"}


def test_two_controllers_at_once_never_leave_a_mixed_host(lab: Lab) -> None:
    played = rounds(lab, HOSTS[:3], 3)

    assert [(each.host, each.problems) for each in played if each.problems] == []


def test_the_state_of_a_host_is_every_file_owner_mode_setting_and_socket(lab: Lab) -> None:
    host = lab[HOSTS[2].name]
    before = state_of(host)
    for change, back in (
        ("chmod 600 /etc/hosts", "chmod 644 /etc/hosts"),
        ("chown admin /etc/hosts", "chown root /etc/hosts"),
        ("echo >>/etc/hosts", "sed -i '$d' /etc/hosts"),
        ("sysctl -w net.ipv6.bindv6only=1", "sysctl -w net.ipv6.bindv6only=0"),
        ("touch /etc/new", "rm /etc/new"),
        ("/etc/init.d/xinetd stop", "/etc/init.d/xinetd start; sleep 1"),
    ):
        host.run(change, check=True)
        assert difference(state_of(host), before), change
        host.run(back, check=True)
        assert not difference(state_of(host), before), back


SCRIPT = """
sleep 0
: >one
mv one two
{ printf two >three; } 2>/dev/null
rm -f two
"""


def test_a_script_can_be_stopped_before_each_of_its_steps(tmp_path: Path) -> None:
    seen = []
    for at in range(20):
        folder = tmp_path / str(at)
        folder.mkdir()
        report = tmp_path / "report"
        command = [sys.executable, str(TRACER), str(at), "group", str(report), "dash", "-s"]
        done = subprocess.run(command, input=SCRIPT.encode(), cwd=folder, check=False)
        steps = report.read_text().splitlines()
        if at == 0:
            whole = steps
        assert done.returncode == (128 + 9 if 0 < at <= len(whole) else 0)
        seen.append({path.name: path.read_text() for path in folder.iterdir()})

    assert [step for step in whole if not step.startswith(("vfork", "clone", "execve"))] == [
        "openat one", "renameat2 one", "openat three", "write", "unlinkat two",
    ]  # fmt: skip
    distinct = [state for state, previous in zip(seen[1:], [None, *seen[1:]], strict=False) if state != previous]
    assert distinct == [{}, {"one": ""}, {"two": ""}, {"two": "", "three": ""}, {"two": "", "three": "two"}, {"three": "two"}]


def test_the_same_seed_gives_the_same_injections() -> None:
    first, second = injections("7"), injections("7")
    drawn = [next(first) for _ in range(40)]

    assert drawn == [next(second) for _ in range(40)]
    assert {injection.kind for injection in drawn} == set(Kind)
    assert all(attrs.asdict(injection) for injection in drawn)
