"""Sick hosts among well ones, on the lab: each is named with its cause, nothing is lost on it, and the others go on."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from pyinfra_inet46.transaction import Result
from tests.faults.bench import Bench, wishes
from tests.faults.states import difference, leftovers, state_of
from tests.lab import DEFAULT_HOSTS, HostSpec, Lab
from tests.labs import started

pytestmark = pytest.mark.lab

REPOSITORY = Path(__file__).parents[1]

# What makes a host sick, what is said of it then, and how it ends.
SICK = {
    "mail-openbsd": (
        "mount --bind /etc /etc && mount -o remount,ro,bind /etc",
        "refused at stage: cannot make /etc/.inet46-new: Read-only file system",
    ),
    "mail-inetutils": (
        "mkdir -p /var/lib/inet46 && mount -t tmpfs -o size=16k none /var/lib/inet46; cat /dev/zero >/var/lib/inet46/last 2>/dev/null; true",
        "refused at stage: the document of this change is not whole in /var/lib/inet46: is there no space?",
    ),
    "mail-xinetd": (
        "chattr +i /etc/xinetd.d/imap 2>/dev/null || mount --bind /etc/xinetd.d/imap /etc/xinetd.d/imap",
        "rolled-back at place: cannot replace /etc/xinetd.d/imap: ",
    ),
}


@pytest.fixture
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """The default hosts, or those that the test is parametrised with."""
    with started(getattr(request, "param", DEFAULT_HOSTS)) as running:
        yield running


def test_a_sick_host_is_named_with_its_cause_and_the_others_go_on(lab: Lab) -> None:
    before = {name: state_of(lab[name]) for name in SICK}
    for name, (command, _) in SICK.items():
        lab[name].run(command, check=True)
    program = str(Path(sys.executable).with_name("pyinfra"))
    environment = {**os.environ, "INET46_LAB": lab.name, "PYINFRA_PROGRESS": "off"}
    words = (program, "inventories/lab.py", "deploys/imap.py", "-y")
    result = subprocess.run(words, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False, timeout=300)

    assert result.returncode == 1
    for name, (_, reason) in SICK.items():
        assert re.search(rf"\[{name}\] +{re.escape(reason)}", result.stderr), result.stderr
        assert not difference(state_of(lab[name]), before[name])
    logins = lab.logins(services=("imap",))
    assert {host for (host, _, family), answer in logins.items() if family == "ipv6" and answer == "ok"} == {"mail-systemd"}
    assert {answer for (_, _, family), answer in logins.items() if family == "ipv4"} == {"ok"}


LOOPING = [
    [HostSpec(name="openbsd", super_server="openbsd-inetd")],
    [HostSpec(name="openbsd-systemd", super_server="openbsd-inetd", init="systemd")],
]


@pytest.mark.parametrize("lab", LOOPING, indirect=True, ids=lambda specs: specs[0].name)
def test_an_openbsd_inetd_that_loops_over_its_new_file_is_killed_and_serves_again(lab: Lab) -> None:
    (spec,) = [spec for specs in LOOPING for spec in specs if spec.name in lab.hosts]
    bench = Bench(lab, spec, traced=False)
    bench.wish = wishes(spec.super_server)[1]
    old = state_of(bench.host)
    change = bench.decide(setting=False)
    assert change is not None
    # An indented comment below an empty line: no writer of ours makes one, and the daemon never comes back from reading it.
    (file,) = change.files
    assert file.new is not None
    change = attrs.evolve(change, files=(attrs.evolve(file, new=file.new + b"\n\t# imap is elsewhere\n"),), deadline=4.0)
    verdict = bench.deliver(change)

    assert verdict.result is Result.ROLLED_BACK, verdict
    assert not difference(state_of(bench.host), old)
    assert leftovers(bench.host) == []
    assert lab.login(spec.name, "imap", "ipv4") == "ok"
