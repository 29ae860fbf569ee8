"""A change that has to be confirmed from outside: who decides, and what happens when nobody does or somebody dies."""

from __future__ import annotations

import os
import signal
import subprocess

import attrs
import pytest

from pyinfra_inet46.transaction import Result, render_answer
from tests.shell.harness import Host, Run, probe, script
from tests.shell.plays import AFTER, BEFORE, NEW, OLD, Outcome, about, scenario

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root for a network of its own")


def armed(host: Host, seconds: float, **different: object) -> Run:
    return host.run(host.transaction(confirm=seconds, **different), before=by_itself(host))


def by_itself(host: Host) -> str:
    """The guard in the shell that is tried, and never a unit of this machine's systemd."""
    return f"guard_shell='{host.shell}'\nsystemd_is_here() {{ return 1; }}\n"


def killed(host: Host) -> int:
    """The whole process group of a change, right after the new files are in place; its status."""
    text = script(host.transaction(confirm=30), by_itself(host) + "step_activate() { kill -9 0; }\n").encode()
    words, environment = host.words(), host.environment
    return subprocess.run(words, input=text, capture_output=True, check=False, env=environment, start_new_session=True).returncode


def answer(host: Host, refusal: str | None = None) -> Run:
    text = render_answer(host.transaction(confirm=30), refusal).encode()
    done = subprocess.run(host.words(), input=text, capture_output=True, check=False, env=host.environment, timeout=60)
    return Run(status=done.returncode, stdout=done.stdout.decode(), stderr=done.stderr.decode())


def guard(host: Host) -> int:
    """The guard's pid, from the token by which it is known."""
    return int(str((host.state / "armed").readlink()).removeprefix("pid=").partition(",")[0])


def until_gone(host: Host, seconds: float = 20) -> Run:
    """Until the guard has ended; its verdict."""
    host.until(lambda: not os.path.lexists(host.state / "armed"), seconds)
    host.until(lambda: not os.path.lexists(host.state / "lock"))
    return Run(status=0, stdout=(host.state / "last").read_text(), stderr="")


@scenario
def is_confirmed(host: Host) -> tuple[Run, object]:
    first = armed(host, 30)
    return answer(host), (first, host.sockets())


@about(is_confirmed)
def test_a_change_that_is_confirmed_stays(done: Outcome) -> None:
    first, meanwhile = done.extra

    assert (first.status, first.verdict.result, first.verdict.proof) == (0, Result.ARMED, "python3")
    assert first.verdict.state == (
        "the new files, settings and sockets are in place, and go back by themselves if they are not confirmed within 30 s"
    )
    assert meanwhile == AFTER
    assert done.run.verdict.result is Result.COMMITTED
    assert (done.config, done.sockets, done.names) == (NEW, AFTER, ["etc/inetd.conf", "state/last"])
    assert [(s.family, s.address) for s in done.run.verdict.sockets] == [("ipv4", "0.0.0.0"), ("ipv6", "::")]


@scenario
def hears_nothing(host: Host) -> tuple[Run, object]:
    first = armed(host, 1)
    return until_gone(host), first.status


@about(hears_nothing)
def test_a_change_that_nobody_confirms_goes_back_by_itself(done: Outcome) -> None:
    assert done.untouched
    assert (done.run.verdict.result, done.run.verdict.step) == (Result.UNCONFIRMED, "confirm")
    assert done.run.verdict.reason == "nobody has confirmed the change from outside within 1 s"
    assert done.run.verdict.state == "the old files, settings and sockets are back"


@scenario
def is_shut_down(host: Host) -> tuple[Run, object]:
    first = armed(host, 30)
    os.kill(guard(host), signal.SIGTERM)
    return until_gone(host), first


@about(is_shut_down)
def test_a_guard_that_is_told_to_end_goes_back_first(done: Outcome) -> None:
    assert done.extra.verdict.result is Result.ARMED
    assert (done.run.verdict.result, done.run.verdict.reason) == (Result.UNCONFIRMED, "whoever waited for the word was told to end")
    assert done.untouched


@scenario
def is_refused(host: Host) -> Run:
    armed(host, 30)
    return answer(host, "from outside: imap at [2001:db8::5]:143:\nconnection refused; $(touch canary)")


@about(is_refused)
def test_a_change_that_cannot_be_reached_goes_back_at_once_and_says_why(done: Outcome) -> None:
    assert done.untouched
    assert done.run.verdict.result is Result.UNCONFIRMED
    assert done.run.verdict.reason == "from outside: imap at [2001:db8::5]:143: connection refused; $(touch canary)"


@scenario
def is_killed_on_the_way(host: Host) -> tuple[Run, object]:
    """No next run comes."""
    status = killed(host)
    return until_gone(host), status


@about(is_killed_on_the_way)
def test_a_change_that_is_killed_goes_back_by_itself(done: Outcome) -> None:
    assert done.extra == -signal.SIGKILL
    assert done.untouched
    assert done.run.verdict.reason == "the change was killed before it was done"


@scenario
def is_killed_and_comes_again(host: Host) -> Run:
    change = host.transaction(confirm=30)
    killed(host)
    run = host.run(attrs.evolve(change, id="second", confirm=None, lock_wait=20.0))
    host.until(lambda: not os.path.lexists(host.state / "armed"))
    return run


@about(is_killed_and_comes_again)
def test_the_guard_and_the_next_run_do_not_both_go_back(done: Outcome) -> None:
    assert done.run.verdict.result is Result.COMMITTED
    assert (done.config, done.sockets, done.names) == (NEW, AFTER, ["etc/inetd.conf", "state/last"])


@scenario
def loses_its_guard(host: Host) -> Run:
    armed(host, 30)
    os.kill(guard(host), signal.SIGKILL)
    return answer(host)


@about(loses_its_guard)
def test_without_its_guard_a_confirmed_change_still_stays(done: Outcome) -> None:
    assert done.run.verdict.result is Result.COMMITTED
    assert (done.config, done.sockets, done.names) == (NEW, AFTER, ["etc/inetd.conf", "state/last"])


@scenario
def loses_its_guard_and_is_refused(host: Host) -> Run:
    armed(host, 30)
    os.kill(guard(host), signal.SIGKILL)
    return answer(host, "connection refused")


@about(loses_its_guard_and_is_refused)
def test_without_its_guard_a_refused_change_still_goes_back(done: Outcome) -> None:
    assert done.untouched
    assert done.run.verdict.result is Result.UNCONFIRMED


@scenario
def loses_its_guard_and_hears_nothing(host: Host) -> Run:
    armed(host, 30)
    os.kill(guard(host), signal.SIGKILL)
    return host.run(attrs.evolve(host.transaction(), id="second", files=(host.change(NEW, old=OLD.encode()),)))


@about(loses_its_guard_and_hears_nothing)
def test_without_its_guard_the_next_run_goes_back_first(done: Outcome) -> None:
    assert done.run.verdict.recovered
    assert done.run.verdict.result is Result.COMMITTED
    assert (done.config, done.sockets, done.names) == (NEW, AFTER, ["etc/inetd.conf", "state/last"])


@scenario
def answers_too_late(host: Host) -> tuple[Run, object]:
    armed(host, 1)
    until_gone(host)
    return answer(host), None


@about(answers_too_late)
def test_a_word_that_comes_too_late_is_told_what_has_happened(done: Outcome) -> None:
    assert done.untouched
    assert done.run.verdict.result is Result.UNCONFIRMED


@scenario
def is_not_alone(host: Host) -> tuple[Run, object]:
    armed(host, 30)
    second = host.run(attrs.evolve(host.transaction(), id="second", lock_wait=0.0))
    return answer(host), second


@about(is_not_alone)
def test_nobody_else_changes_a_host_that_waits_to_be_confirmed(done: Outcome) -> None:
    assert done.extra.verdict.result is Result.REFUSED
    assert "a change that waits to be confirmed holds the lock" in done.extra.verdict.reason
    assert done.run.verdict.result is Result.COMMITTED


@scenario
def cannot_arm(host: Host) -> Run:
    return host.run(
        host.transaction(confirm=30), before="systemd_is_here() { return 1; }\ndetached() { exit 1; }\narm_patience() { arm_naps=2; }\n"
    )


@about(cannot_arm)
def test_a_host_that_cannot_arm_its_way_back_is_not_changed(done: Outcome) -> None:
    assert done.untouched
    assert (done.run.verdict.result, done.run.verdict.step) == (Result.REFUSED, "arm")
    assert done.run.verdict.reason == "the process that would go back by itself did not start"


@scenario
def fails_by_itself(host: Host) -> Run:
    return armed(host, 30, probes=(probe("ipv4", greeting="+OK"),))


@about(fails_by_itself)
def test_a_change_that_is_not_proved_from_inside_is_rolled_back_as_ever(done: Outcome) -> None:
    assert done.untouched
    assert done.run.verdict.result is Result.ROLLED_BACK


@scenario
def is_undone_by_somebody(host: Host) -> Run:
    """Confirmed, but what was confirmed is not there any more."""
    armed(host, 30, deadline=0.5)
    host.config.write_text("ipv4 0.0.0.0 14399 no -\n")
    os.kill(host.daemons()[0], signal.SIGHUP)
    host.until(lambda: host.sockets() == BEFORE[1:])
    return answer(host)


@about(is_undone_by_somebody)
def test_what_was_confirmed_must_still_be_so(done: Outcome) -> None:
    assert done.run.verdict.result is Result.UNCONFIRMED
    assert done.run.verdict.reason == "it was confirmed, and then: imap: tcp 0.0.0.0:14301 is not there"
    assert (done.config, done.sockets) == (OLD, BEFORE)
    assert done.names == ["etc/.inet46-old.inetd.conf.found", "etc/inetd.conf", "state/last"]
