"""From one super-server to another, in every shell: two small super-servers on the same ports, one after the other, and whatever goes wrong."""

from __future__ import annotations

import os
import pathlib
import shutil
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import attrs
import pytest

from pyinfra_inet46.transaction import Answered, Daemon, Result, Transaction
from tests.shell.harness import FAKE_INETD, PORT, V4, V6, Host, Run, probe, script, socket
from tests.shell.plays import Outcome, Scenario, about, scenario
from tests.test_confirm import answer, by_itself, until_gone

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root for a network of its own")

OLD, NEW = V4, V4 + V6
BEFORE, AFTER = ["0.0.0.0:14301"], ["0.0.0.0:14301", "[::]:14301"]
MUTE = NEW.replace("* OK ready", "-")
VERBS = {
    "activate": ("enable-new", "disable-old", "stop-old", "start-new"),
    "retire": ("enable-old", "disable-new", "stop-new"),
    "undo": ("start-old",),
}


class Two:
    """A host with a second super-server beside the one that runs."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.exe = host.folder / "fake-other"
        shutil.copy(host.exe, self.exe)
        self.config, self.behaviour = host.etc / "other.conf", host.folder / "behaviour-of-other"
        host.config.write_text(OLD)
        for pid in host.daemons():
            os.kill(pid, signal.SIGHUP)
        host.until(lambda: host.sockets() == BEFORE)

    def __enter__(self) -> Two:
        return self

    def __exit__(self, *_: object) -> None:
        for pid in self.pids():
            os.kill(pid, signal.SIGKILL)

    def pids(self) -> list[int]:
        return daemons_of(self.exe)

    def transaction(self, new: str = NEW, **different: object) -> Transaction:
        argv = (str(self.exe), "-S", str(FAKE_INETD), str(self.config), str(self.behaviour))
        fields: dict[str, object] = {
            "files": (self.host.change(new, name="other.conf"),),
            "daemon": Daemon(name="fake-other", exe=str(self.exe), argv=argv),
            "old": Daemon(name="fake-inetd", exe=str(self.host.exe), argv=self.host.argv),
            "expected": (socket("ipv4"), socket("ipv6", v6only=True)),
            "expected_after_undo": (socket("ipv4"),),
            "keep": (),
            "probes": (probe("ipv4", None),),
            **VERBS,
        }
        return self.host.transaction(**{**fields, **different})


def daemons_of(exe: pathlib.Path) -> list[int]:
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "exe").readlink() == exe:
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def seen(two: Two) -> tuple[object, ...]:
    """Who runs, what it listens on, and which files there are."""
    return bool(two.host.daemons()), bool(two.pids()), two.host.sockets(), two.config.exists()


STAYED = (True, False, BEFORE, False)
MOVED = (False, True, AFTER, True)


@scenario
def goes_over(host: Host) -> tuple[Run, object]:
    with Two(host) as two:
        return host.run(two.transaction()), seen(two)


@about(goes_over)
def test_the_old_one_ends_and_the_new_one_has_its_ports(done: Outcome) -> None:
    assert done.run.verdict.result is Result.COMMITTED
    assert done.run.verdict.proof == "python3"
    assert done.extra == MOVED
    assert done.names == ["etc/inetd.conf", "etc/other.conf", "state/last"]


@scenario
def falls_silent(host: Host) -> tuple[Run, object]:
    with Two(host) as two:
        return host.run(two.transaction(MUTE)), seen(two)


@about(falls_silent)
def test_a_service_that_spoke_and_is_silent_under_the_new_one_brings_the_old_one_back(done: Outcome) -> None:
    assert done.run.verdict.result is Result.ROLLED_BACK
    assert done.run.verdict.reason == 'imap at 127.0.0.1:14301: connected, but nobody greets, and before with "* OK ready"'
    assert done.extra == STAYED


@scenario
def greets_otherwise(host: Host) -> tuple[Run, object]:
    with Two(host) as two:
        return host.run(two.transaction(NEW.replace("* OK ready", "* BYE too busy"))), seen(two)


@about(greets_otherwise)
def test_a_greeting_of_another_kind_brings_the_old_one_back(done: Outcome) -> None:
    assert done.run.verdict.reason == 'imap at 127.0.0.1:14301: greets with "* BYE too busy", and before with "* OK ready"'
    assert done.extra == STAYED


@scenario
def was_silent_before(host: Host) -> tuple[Run, object]:
    with Two(host) as two:
        host.config.write_text(OLD.replace("* OK ready", "+"))
        os.kill(host.daemons()[0], signal.SIGHUP)
        return host.run(two.transaction(NEW.replace("* OK ready", "+"), deadline=3.0)), seen(two)


@about(was_silent_before)
def test_what_did_not_answer_before_need_not_answer_afterwards_and_this_is_said(done: Outcome) -> None:
    assert done.run.verdict.result is Result.COMMITTED
    assert "inet46: imap at 127.0.0.1:14301: does not answer now, and need not afterwards\n" in done.run.stderr
    assert done.extra == MOVED


@scenario
def cannot_start(host: Host) -> tuple[Run, object]:
    with Two(host) as two:
        two.behaviour.write_text("die")
        return host.run(two.transaction()), seen(two)


@about(cannot_start)
def test_a_new_one_that_does_not_stay_brings_the_old_one_back(done: Outcome) -> None:
    assert done.run.verdict.step == "activate"
    # It dies by itself, before or after it was found once.
    assert done.run.verdict.reason in {"fake-other was started and did not stay", "fake-other is not running any more"}
    assert done.run.verdict.result is Result.ROLLED_BACK
    assert done.extra == STAYED


SCRIPT = """\
#!/bin/sh
[ "$1" = start ] || exit 0
{{ umask; pwd; echo ${{LC_ALL-}} ${{SSH_CLIENT-}}; grep SigIgn /proc/$$/status; }} >{record}
PYTHONHOME={home} setsid {words} </dev/null >/dev/null 2>&1 &
"""


@scenario
def is_started_by_a_script(host: Host) -> tuple[Run, object]:
    return started_by_a_script(host)


@scenario
def is_started_by_a_script_where_env_is_old(host: Host) -> tuple[Run, object]:
    """It knows no signals, and perl does it."""
    return started_by_a_script(host, 'env() { case $1 in --*) return 125 ;; *) command env "$@" ;; esac; }\n')


def started_by_a_script(host: Host, before: str = "") -> tuple[Run, object]:
    with Two(host) as two:
        change, path, record = two.transaction(), host.folder / "script", host.folder / "inherited"
        path.write_text(SCRIPT.format(record=record, home=host.environment["PYTHONHOME"], words=" ".join(change.daemon.argv)))
        path.chmod(0o755)
        # Not enabled: this machine's update-rc.d would be asked.
        change = attrs.evolve(change, activate=("stop-old", "start-new"), retire=("stop-new",))
        run = host.run(
            attrs.evolve(change, daemon=attrs.evolve(change.daemon, script=str(path), argv=())), before=f"export SSH_CLIENT=x\n{before}"
        )
        return run, record.read_text().splitlines()


@pytest.mark.parametrize("wanted", [is_started_by_a_script, is_started_by_a_script_where_env_is_old])
def test_what_a_service_inherits_does_not_depend_on_who_started_its_super_server(done: Outcome) -> None:
    umask, folder, variables, ignored = done.extra

    assert done.run.verdict.result is Result.COMMITTED
    assert (umask, folder, variables) == ("0022", "/", "")
    signals = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGPIPE, signal.SIGTERM)
    assert not int(ignored.split()[1], 16) & sum(1 << each - 1 for each in signals)


@scenario
def lacks_a_socket(host: Host) -> tuple[Run, object]:
    with Two(host) as two:
        return host.run(two.transaction(V4)), seen(two)


@about(lacks_a_socket)
def test_a_family_that_is_missing_brings_the_old_one_back(done: Outcome) -> None:
    assert done.run.verdict.reason == "imap: tcp [::]:14301 is not there"
    assert done.extra == STAYED


@scenario
def has_a_server_at_work(host: Host) -> tuple[Run, object]:
    """As an inetd's wait service does: a process of another kind has the listening socket as well."""
    with Two(host) as two:
        hold = "import socket, time; s = socket.socket(type=2); s.bind(('', 14301)); print(1, flush=True); time.sleep(60)"
        holder = subprocess.Popen(host.inside("python3", "-c", hold), stdout=subprocess.PIPE)
        assert holder.stdout is not None
        holder.stdout.readline()
        run = host.run(two.transaction(deadline=0.4, ours=(("tcp", PORT), ("udp", PORT))))
        holder.kill()
        holder.communicate()
        return run, seen(two)


@about(has_a_server_at_work)
def test_a_port_that_somebody_else_has_too_is_a_refusal_before_anything_is_stopped(done: Outcome) -> None:
    assert (done.run.verdict.result, done.run.verdict.step) == (Result.REFUSED, "learn")
    assert done.run.verdict.reason.startswith("udp port 14301 is in use by a server that has the socket itself (pid ")
    assert done.extra == STAYED
    assert done.names == ["etc/inetd.conf", "state/last"]


# -- confirmed from outside --------------------------------------------------------------------------------------------------------------


def armed(two: Two, seconds: float = 30, **different: Any) -> Run:
    return two.host.run(two.transaction(confirm=seconds, **different), before=by_itself(two.host))


@scenario
def waits_and_is_confirmed(host: Host) -> tuple[Run, object]:
    with Two(host) as two:
        first = armed(two, probes=(probe("ipv4", None), probe("ipv6", None)))
        meanwhile = seen(two)
        return answer(host), (first, meanwhile, seen(two))


@about(waits_and_is_confirmed)
def test_a_move_that_is_confirmed_stays_and_tells_before_who_was_answered_and_how(done: Outcome) -> None:
    first, meanwhile, last = done.extra

    assert first.verdict.result is Result.ARMED
    assert first.verdict.answered == (Answered(family="ipv4", address="127.0.0.1", port=PORT, greeting="* O"),)
    assert meanwhile == last == MOVED
    assert done.run.verdict.result is Result.COMMITTED
    assert done.names == ["etc/inetd.conf", "etc/other.conf", "state/last"]


@scenario
def is_not_reached(host: Host) -> tuple[Run, object]:
    with Two(host) as two:
        armed(two)
        return answer(host, "from outside: imap at [2001:db8::5]:143: connection refused"), seen(two)


@scenario
def waits_in_vain(host: Host) -> tuple[Run, object]:
    with Two(host) as two:
        armed(two, 1)
        return until_gone(host), seen(two)


@scenario
def is_killed_between_the_two(host: Host) -> tuple[Run, object]:
    """The old one has ended, the new one has not begun, and no next run comes."""
    with Two(host) as two:
        text = script(two.transaction(confirm=30), by_itself(host) + "server_start() { kill -9 0; }\n").encode()
        subprocess.run(host.words(), input=text, capture_output=True, check=False, env=host.environment, start_new_session=True)
        return until_gone(host), seen(two)


@scenario
def falls_silent_while_it_waits(host: Host) -> tuple[Run, object]:
    with Two(host) as two:
        armed(two)
        two.config.write_text(MUTE)
        os.kill(two.pids()[0], signal.SIGHUP)
        return answer(host), seen(two)


WAYS_BACK = {
    is_not_reached: "from outside: imap at [2001:db8::5]:143: connection refused",
    waits_in_vain: "nobody has confirmed the change from outside within 1 s",
    is_killed_between_the_two: "the change was killed before it was done",
    falls_silent_while_it_waits: "it was confirmed, and then: imap at 127.0.0.1:14301: connected, but nobody greets, and before with"
    ' "* OK ready"',
}


@pytest.mark.parametrize("wanted", WAYS_BACK, ids=lambda wanted: wanted.__name__)
def test_a_move_that_is_not_confirmed_ends_with_the_old_one_and_its_files_by_itself(done: Outcome, wanted: Scenario) -> None:
    assert done.run.verdict.result is Result.UNCONFIRMED
    assert done.run.verdict.reason == WAYS_BACK[wanted]
    assert done.run.verdict.state == "the old files, settings and sockets are back"
    assert done.extra == STAYED
    kept = {"etc/.inet46-old.other.conf.found"} if wanted is falls_silent_while_it_waits else set()
    assert set(done.names) == {"etc/inetd.conf", "state/last", *kept}


HANDED = (
    "import os, socket, time; s = socket.socket(type=2); s.bind(('', 14301)); os.dup2(s.fileno(), 0); s.close(); print(1, flush=True);"
    " time.sleep(60)"
)


@scenario
def has_a_server_at_work_when_it_goes_back(host: Host) -> tuple[Run, object]:
    """A client has come while the move waited, and the new one has handed its socket to a server that stays."""
    with Two(host) as two:
        armed(two, deadline=2.0, ours=(("tcp", PORT), ("udp", PORT)))
        with subprocess.Popen(host.inside("python3", "-c", HANDED), stdout=subprocess.PIPE) as holder:
            assert holder.stdout is not None
            holder.stdout.readline()
            run = answer(host, "connection refused")
            ended = holder.poll()
            holder.kill()
        return run, (ended, seen(two))


@about(has_a_server_at_work_when_it_goes_back)
def test_a_server_that_keeps_a_port_of_the_old_one_is_ended_on_the_way_back(done: Outcome) -> None:
    assert done.run.verdict.result is Result.UNCONFIRMED
    assert done.extra == (-signal.SIGTERM, STAYED)


# -- interrupted everywhere --------------------------------------------------------------------------------------------------------------

POINTS = """
points=0
point() {
	points=$((points + 1))
	[ "$points" != %d ] || command kill -9 $$
}
mv() { point; command mv "$@"; set -- $?; point; return "$1"; }
ln() { point; command ln "$@"; set -- $?; point; return "$1"; }
rm() { point; command rm "$@"; set -- $?; point; return "$1"; }
mkdir() { point; command mkdir "$@"; set -- $?; point; return "$1"; }
rmdir() { point; command rmdir "$@"; set -- $?; point; return "$1"; }
kill() { point; command kill "$@"; set -- $?; point; return "$1"; }
start_by_argv() { point; whole_start; set -- $?; point; return "$1"; }
say() { printf 'points %%s: %%s\\n' "$points" "$*" >&2; }
"""


def kill_at(two: Two, transaction: Transaction, point: int) -> Run:
    """Run it and kill it at this point; 0 is never."""
    text = script(transaction, POINTS % point).replace("\nstart_by_argv() {", "\nwhole_start() {", 1)
    ended = subprocess.run(two.host.words(), input=text.encode(), capture_output=True, check=False, timeout=60, env=two.host.environment)
    return Run(status=ended.returncode, stdout=ended.stdout.decode(), stderr=ended.stderr.decode())


def count(two: Two, transaction: Transaction) -> int:
    whole = kill_at(two, transaction, 0)
    return int(whole.stderr.rpartition("points ")[2].partition(":")[0])


def interrupted(folder: pathlib.Path, new: str, point: int) -> tuple[object, ...]:
    """Kill a move at this point, and let the next run find what is left."""
    with Host(folder, config=OLD) as host, Two(host) as two:
        killed = kill_at(two, two.transaction(new, probes=()), point)
        assert killed.status == -9, (point, killed)
        nothing: dict[str, object] = dict.fromkeys(
            ("files", "activate", "retire", "undo", "expected", "expected_after_undo", "ours", "probes"), ()
        )
        recovered = host.run(attrs.evolve(two.transaction(), id="recovery", old=None, **nothing))  # type: ignore[arg-type]
        assert recovered.status == 0, (point, recovered)
        assert {path.name for path in host.state.iterdir()} == {"last"}, point
        return seen(two)


@pytest.mark.slow
@pytest.mark.parametrize(("new", "ends"), [(NEW, (STAYED, MOVED)), (V4, (STAYED,))], ids=["there", "and back"])
def test_killed_between_any_two_commands_one_of_the_two_serves_all(tmp_path: pathlib.Path, new: str, ends: tuple[object, ...]) -> None:
    with Host(tmp_path / "whole", config=OLD) as host, Two(host) as two:
        points = count(two, two.transaction(new, probes=()))
    assert points > 20
    with ThreadPoolExecutor(6) as pool:
        left = list(pool.map(lambda point: interrupted(tmp_path / str(point), new, point), range(1, points + 1)))

    assert [state for state in left if state not in ends] == []
