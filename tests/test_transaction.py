"""The transaction as people meet it: real shells, a small super-server that misbehaves on request, a network of its own."""

from __future__ import annotations

import os
import pathlib
import re
import shlex
import signal
import subprocess
import sys
import time

import attrs
import pytest

from pyinfra_inet46.transaction import Daemon, LiveSetting, Result, Seen, parse_verdict
from tests.shell.harness import DUAL, HIDE, OTHER, PORT, V4, V6, Host, Run, probe, script, socket
from tests.shell.plays import AFTER, NEW, OLD, Outcome, about, scenario

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root for a network of its own")


@scenario
def adds_ipv6(host: Host) -> Run:
    return host.run(host.transaction())


@about(adds_ipv6)
def test_a_change_is_made_and_proved_over_both_families(done: Outcome) -> None:
    assert done.run.status == 0
    assert done.run.stderr == "inet46: committed: the new files, settings and sockets are in place\n"
    assert (done.config, done.sockets) == (NEW, AFTER)
    assert done.names == ["etc/inetd.conf", "state/last"]
    verdict = done.run.verdict
    assert (verdict.result, verdict.id, verdict.proof, verdict.recovered) == (Result.COMMITTED, "change-1", "python3", False)
    assert [(s.family, s.address, s.port, s.v6only, s.command) for s in verdict.sockets] == [
        ("ipv4", "0.0.0.0", PORT, None, "fake-inetd"),
        ("ipv6", "::", PORT, True, "fake-inetd"),
    ]


@scenario
def changes_several_files(host: Host) -> tuple[Run, object]:
    odd = host.etc / "odd 'name' $(touch canary)"
    odd.write_bytes(b"was here")
    odd.chmod(0o600)
    created = attrs.evolve(host.change("created\n", name="created"), mode=0o640)
    binary = attrs.evolve(host.change(name="binary"), new=bytes(range(256)) * 40 + b"-no newline", mode=0o4711)
    removed = host.change(None, name=odd.name)
    run = host.run(host.transaction(files=(host.change(), created, binary, removed)))
    modes = {path.name: oct(path.stat().st_mode & 0o7777) for path in host.etc.iterdir()}
    return run, (modes, (host.etc / "binary").read_bytes() == bytes(range(256)) * 40 + b"-no newline")


@about(changes_several_files)
def test_files_are_created_replaced_and_removed_byte_for_byte(done: Outcome) -> None:
    assert done.run.verdict.result is Result.COMMITTED
    assert done.extra == ({"inetd.conf": "0o644", "created": "0o640", "binary": "0o4711"}, True)
    assert done.names == ["etc/binary", "etc/created", "etc/inetd.conf", "state/last"]


@scenario
def only_reloads(host: Host) -> Run:
    host.config.write_text(NEW)
    return host.run(host.transaction(files=()))


@about(only_reloads)
def test_right_files_that_the_daemon_has_not_read_need_only_a_reload(done: Outcome) -> None:
    assert done.sockets == AFTER


@scenario
def greets_wrongly(host: Host) -> Run:
    inode = host.config.stat().st_ino
    run = host.run(host.transaction(probes=(probe("ipv4"), probe("ipv6", greeting="+OK"))))
    assert host.config.stat().st_ino == inode
    return run


@about(greets_wrongly)
def test_a_wrong_greeting_rolls_back(done: Outcome) -> None:
    assert done.run.status == 4
    assert done.untouched
    assert done.run.stderr == (
        'inet46: verify: imap at [::1]:14301: greets with "* OK ready", not with "+OK"\n'
        "inet46: rolling back\n"
        "inet46: rolled-back: the old files, settings and sockets are back "
        '(imap at [::1]:14301: greets with "* OK ready", not with "+OK")\n'
    )


@scenario
def is_mute(host: Host) -> Run:
    mute = (V4 + V6).replace("* OK ready", "-") + OTHER
    return host.run(host.transaction(files=(host.change(mute),)))


@about(is_mute)
def test_a_service_that_accepts_and_says_nothing_is_not_proved(done: Outcome) -> None:
    assert done.untouched
    assert done.run.verdict.reason == 'imap at 127.0.0.1:14301: connected, but nobody greets with "* OK"'


@scenario
def hangs_up(host: Host) -> Run:
    silent = (V4 + V6).replace("* OK ready", "+") + OTHER
    return host.run(host.transaction(files=(host.change(silent),), probes=(probe("ipv4", None), probe("ipv6", None))))


@about(hangs_up)
def test_a_service_that_hangs_up_at_once_is_not_proved(done: Outcome) -> None:
    assert done.untouched
    assert done.run.verdict.reason == "imap at 127.0.0.1:14301: closed at once, without a word"


@scenario
def dies_on_reload(host: Host) -> Run:
    host.behaviour.write_text("die")
    # Once. The old configuration is not what kills the daemon, so it may start again.
    return host.run(host.transaction(), before=f"has_argv() {{ rm -f '{host.behaviour}'; }}\n")


@about(dies_on_reload)
def test_a_daemon_that_dies_is_started_again_with_its_own_words(done: Outcome) -> None:
    assert done.run.status == 4
    assert (done.run.verdict.step, done.run.verdict.reason) == ("activate", "fake-inetd is not running any more")
    assert done.untouched


@scenario
def cannot_remove_its_journal(host: Host) -> tuple[Run, object]:
    """The state folder becomes read-only while the change is verified, which fails; then it is as before."""
    host.state.mkdir()
    readonly = f"mount --bind {host.state} {host.state} && mount -o remount,ro,bind {host.state}"
    fails = host.transaction(probes=(attrs.evolve(probe("ipv4"), greeting="* BYE"),))
    broken = host.run(fails, before=f"step_verify() {{ {readonly}; fail 'nobody greets'; }}\n")
    there = (host.config.read_text(), host.sockets())
    again = host.run(host.transaction())
    subprocess.run(host.inside("umount", str(host.state)), check=True)
    return host.run(host.transaction()), (broken, there, again)


@about(cannot_remove_its_journal)
def test_a_journal_that_cannot_be_removed_is_not_said_to_be_a_way_back_that_failed(done: Outcome) -> None:
    broken, there, again = done.extra

    assert there == (OLD, ["0.0.0.0:14301", "0.0.0.0:14399"])
    assert (broken.status, broken.verdict.result, broken.verdict.reason) == (5, Result.BROKEN, "nobody greets")
    assert broken.verdict.state.startswith("the old files, settings and sockets are back, and the journal cannot be removed. It stays in /")
    assert (again.verdict.result, again.verdict.recovered) == (Result.REFUSED, False)
    assert done.run.verdict.recovered
    assert done.run.verdict.result is Result.COMMITTED


@scenario
def cannot_put_a_file_back(host: Host) -> tuple[Run, object]:
    """Killed with the new file in place; then the folder cannot be written to, and then it can."""
    host.run(host.transaction(), before="step_activate() { kill -9 $$; }\n")
    subprocess.run(host.inside("sh", "-c", f"mount --bind {host.etc} {host.etc} && mount -o remount,ro,bind {host.etc}"), check=True)
    stuck = host.run(host.transaction())
    subprocess.run(host.inside("umount", str(host.etc)), check=True)
    return host.run(attrs.evolve(host.transaction(), files=(attrs.evolve(host.change(), old=Seen.of(OLD.encode())),))), stuck


@about(cannot_put_a_file_back)
def test_a_file_that_cannot_be_put_back_is_told_with_the_cause_and_not_as_rolled_back(done: Outcome) -> None:
    stuck = done.extra

    assert (stuck.verdict.result, stuck.verdict.step, stuck.verdict.recovered) == (Result.BROKEN, "recover", False)
    assert "/etc/inetd.conf could not be put back: Read-only file system" in stuck.verdict.reason
    assert done.run.verdict.recovered
    assert done.run.verdict.result is Result.COMMITTED


@scenario
def cannot_come_back(host: Host) -> tuple[Run, object]:
    host.behaviour.write_text("die")
    transaction = host.transaction(daemon=Daemon(name="fake-inetd", exe=str(host.exe)))
    broken = host.run(transaction)
    names = host.names()
    host.behaviour.unlink()
    host.start()
    return host.run(transaction), (broken, names)


@about(cannot_come_back)
def test_a_way_back_that_fails_is_said_loudest_and_tried_again_by_the_next_run(done: Outcome) -> None:
    broken, names = done.extra

    assert broken.status == 5
    assert broken.verdict.state.startswith("NOT as it was, and the way back failed too (fake-inetd is not running).")
    assert "\ninet46: BROKEN: NOT as it was" in broken.stderr
    assert names == ["etc/inetd.conf", "state/journal", "state/last"]
    assert done.run.verdict.recovered
    assert done.run.verdict.result is Result.COMMITTED
    assert done.sockets == AFTER


@scenario
def ignores_the_reload(host: Host) -> Run:
    host.behaviour.write_text("ignore")
    return host.run(host.transaction())


@about(ignores_the_reload)
def test_a_daemon_that_takes_no_notice_is_found_out(done: Outcome) -> None:
    assert done.untouched
    assert done.run.verdict.reason == "imap: tcp [::]:14301 is not there"


@scenario
def needs_two_reloads_and_gets_one(host: Host) -> Run:
    return to_dual(host, "reload")


@scenario
def needs_two_reloads_and_gets_them(host: Host) -> Run:
    return to_dual(host, "reload", "settle", "reload")


def to_dual(host: Host, *activate: str) -> Run:
    """What inetutils-inetd does: the dual socket cannot be bound while the old one is open."""
    host.behaviour.write_text("twice")
    return host.run(
        host.transaction(
            files=(host.change(DUAL + OTHER),),
            activate=activate,
            undo=("reload", "settle", "reload"),
            expected=(socket("ipv6", v6only=False),),
            gone=(socket("ipv4"),),
        )
    )


@about(needs_two_reloads_and_gets_one)
def test_one_reload_that_leaves_nothing_listening_is_rolled_back(done: Outcome) -> None:
    assert done.run.verdict.reason == "imap: tcp [::]:14301 is not there"
    assert done.untouched


@about(needs_two_reloads_and_gets_them)
def test_two_reloads_bring_the_new_socket(done: Outcome) -> None:
    assert done.run.verdict.result is Result.COMMITTED
    assert done.sockets == ["*:14301", "0.0.0.0:14399"]


@scenario
def restarts(host: Host) -> tuple[Run, object]:
    before = host.daemons()
    run = host.run(host.transaction(activate=("restart",)))
    return run, (before, host.daemons())


@about(restarts)
def test_a_restart_without_unit_or_script_uses_the_daemons_own_words(done: Outcome) -> None:
    before, after = done.extra

    assert (done.config, done.sockets) == (NEW, AFTER)
    assert len(after) == 1
    assert before != after


SCRIPT = """#!/bin/sh
# As Debian's for xinetd: stop tells the daemon to end and waits for nothing, and start does nothing while one runs.
echo "$1" >>'{calls}'
running() {{ [ -e "/proc/$(cat '{pid}')/exe" ]; }}
case $1 in
stop) (sleep 0.5; exec kill "$(cat '{pid}')") >/dev/null 2>&1 & ;;
start)
	running && exit 0
	PYTHONHOME='{home}'
	export PYTHONHOME
	{start} </dev/null >/dev/null 2>&1 &
	echo $! >'{pid}'
	;;
restart) "$0" stop; "$0" start ;;
esac
"""


@scenario
def has_a_script(host: Host) -> tuple[Run, object]:
    calls, pid, path = (host.folder / name for name in ("calls", "pid", "rc.d"))
    before = host.daemons()
    pid.write_text(f"{before[0]}\n")
    path.write_text(SCRIPT.format(calls=calls, pid=pid, home=sys.base_prefix, start=shlex.join(host.argv)))
    path.chmod(0o755)
    daemon = attrs.evolve(host.transaction().daemon, script=str(path), argv=())
    run = host.run(host.transaction(daemon=daemon, activate=("restart",), deadline=5.0))
    return run, (before, host.daemons(), calls.read_text())


@about(has_a_script)
def test_a_restart_by_a_script_that_waits_for_nothing_waits_until_the_old_daemon_has_ended(done: Outcome) -> None:
    before, after, calls = done.extra

    assert done.run.verdict.result is Result.COMMITTED, done.run.stderr
    assert (done.config, done.sockets) == (NEW, AFTER)
    assert len(after) == 1
    assert before != after
    assert calls == "stop\nstart\n"


SYSTEMD = """
systemd_is_here() {{ :; }}
systemctl() {{
	echo "$*" >>'{calls}'
	[ "$1" != reload ] || kill -HUP {pid}
}}
"""


@scenario
def has_systemd(host: Host) -> tuple[Run, object]:
    """Simulated: systemctl is a stand-in."""
    calls = host.folder / "calls"
    daemon = attrs.evolve(host.transaction().daemon, unit="fake-inetd.service")
    activate = ("daemon-reload", "reload", "signal HUP")
    run = host.run(host.transaction(daemon=daemon, activate=activate), before=SYSTEMD.format(calls=calls, pid=host.daemons()[0]))
    return run, calls


@about(has_systemd)
def test_a_unit_is_reloaded_by_systemctl(done: Outcome) -> None:
    assert done.run.verdict.result is Result.COMMITTED
    assert done.extra.read_text() == "daemon-reload\nis-active --quiet fake-inetd.service\nreload fake-inetd.service\n"


@scenario
def has_a_systemctl_that_hangs(host: Host) -> Run:
    daemon = attrs.evolve(host.transaction().daemon, unit="fake-inetd.service")
    before = 'systemd_is_here() { :; }\nsystemctl() { [ "$1" = is-active ] || exec sleep 100; }\n'
    return host.run(host.transaction(daemon=daemon), before=before + "patience() { patience=1; }\n")


@about(has_a_systemctl_that_hangs)
def test_a_systemctl_that_hangs_is_not_waited_for(done: Outcome) -> None:
    assert done.run.verdict.reason == "systemctl reload fake-inetd.service failed"
    assert done.untouched


@scenario
def loses_a_neighbour(host: Host) -> Run:
    return host.run(host.transaction(files=(host.change(V4 + V6),)))


@about(loses_a_neighbour)
def test_a_socket_that_is_not_ours_must_stay(done: Outcome) -> None:
    assert done.untouched
    assert done.run.verdict.reason == "not ours: tcp 0.0.0.0:14399 was there before, and is gone"


@scenario
def opens_too_much(host: Host) -> Run:
    more = f"ipv6 ::1 {PORT} yes -\n"
    return host.run(host.transaction(files=(host.change(V4 + more + OTHER),), expected=(socket("ipv4"),), probes=()))


@about(opens_too_much)
def test_a_socket_on_our_port_that_nobody_planned_is_not_proved(done: Outcome) -> None:
    assert done.untouched
    assert done.run.verdict.reason == "tcp [::1]:14301 is there, and should not be"


@scenario
def is_dual_by_mistake(host: Host) -> Run:
    return host.run(
        host.transaction(files=(host.change(DUAL + OTHER),), expected=(socket("ipv6", v6only=True),), undo=("reload", "settle", "reload"))
    )


@about(is_dual_by_mistake)
def test_v6only_is_looked_at(done: Outcome) -> None:
    assert done.untouched
    assert done.run.verdict.reason == "imap: tcp [::]:14301 has v6only no, not yes"


@scenario
def sets_a_live_value(host: Host) -> tuple[Run, object]:
    run = host.run(host.transaction(live=(LiveSetting(key="net.ipv6.bindv6only", value="1", old="0"),)))
    return run, bindv6only(host)


@scenario
def sets_an_unknown_value(host: Host) -> tuple[Run, object]:
    live = (LiveSetting(key="net.ipv6.bindv6only", value="1", old="0"), LiveSetting(key="net.inet6.ip6.v6only", value="0", old="1"))
    return host.run(host.transaction(live=live)), bindv6only(host)


def bindv6only(host: Host) -> str:
    words = host.inside("cat", "/proc/sys/net/ipv6/bindv6only")
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


@about(sets_a_live_value)
def test_a_live_value_is_set(done: Outcome) -> None:
    assert done.extra == "1\n"


@about(sets_an_unknown_value)
def test_a_value_that_the_kernel_does_not_know_rolls_back_the_others(done: Outcome) -> None:
    assert (done.run.verdict.step, done.run.verdict.reason) == ("place", "the kernel has no setting net.inet6.ip6.v6only")
    assert done.extra == "0\n"
    assert done.untouched


@scenario
def finds_an_edited_file(host: Host) -> Run:
    return host.run(host.transaction(files=(host.change(old=b"as the look saw it"),)))


@scenario
def finds_a_new_file(host: Host) -> Run:
    change = attrs.evolve(host.change(), old=None)
    return host.run(host.transaction(files=(change,)))


@scenario
def finds_its_name_taken(host: Host) -> tuple[Run, object]:
    change = host.change()
    pathlib.Path(change.staged).symlink_to("/etc/passwd")
    run = host.run(host.transaction(files=(change,)))
    pathlib.Path(change.staged).unlink()
    return run, change.staged


@scenario
def finds_other_sockets(host: Host) -> Run:
    return host.run(host.transaction(expected_after_undo=(socket("ipv6", v6only=True),)))


@scenario
def has_no_space(host: Host) -> Run:
    fill = f"mount -t tmpfs -o size=16k none {host.state}; dd if=/dev/zero of={host.state}/full 2>/dev/null"
    host.state.mkdir()
    subprocess.run(host.inside("sh", "-c", fill), check=False)
    return host.run(host.transaction())


@scenario
def may_not_write(host: Host) -> Run:
    host.etc.parent.joinpath("bin").mkdir()
    subprocess.run(host.inside("mount", "--bind", str(host.etc), str(host.etc)), check=True)
    subprocess.run(host.inside("mount", "-o", "remount,ro,bind", str(host.etc)), check=True)
    return host.run(host.transaction())


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        (finds_an_edited_file, "{etc}/inetd.conf changed between look and change"),
        (finds_a_new_file, "{etc}/inetd.conf changed between look and change: it was not there"),
        (finds_its_name_taken, "{etc}/.inet46-new exists already"),
        (finds_other_sockets, "sockets changed between look and change: imap: tcp [::]:14301 is not there"),
        (has_no_space, "the document of this change is not whole in {state}: is there no space?"),
        (may_not_write, "cannot make {etc}/.inet46-new: Read-only file system"),
    ],
)
def test_a_host_that_is_not_as_expected_is_left_alone(done: Outcome, reason: str) -> None:
    assert done.run.status == 3
    assert done.run.verdict.result is Result.REFUSED
    assert done.run.verdict.state == "nothing was changed"
    folder = done.run.verdict.reason.partition("/host/")[0].rpartition(" ")[2] + "/host" if "/host/" in done.run.verdict.reason else ""
    assert done.run.verdict.reason == reason.format(etc=f"{folder}/etc", state=f"{folder}/state")
    assert done.untouched


@scenario
def waits_for_the_lock(host: Host) -> tuple[Run, object]:
    """A second change while the first one waits for a greeting that never comes."""
    wanted = host.transaction()
    slow = host.transaction(id="slow", deadline=1.5, probes=(probe("ipv4", greeting="never"),))
    first = subprocess.Popen(host.words(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert first.stdin is not None
    first.stdin.write(script(slow).encode())
    first.stdin.close()
    first.stdin = None
    host.until((host.state / "journal").exists)
    impatient = host.run(attrs.evolve(wanted, lock_wait=0.0))
    patient = host.run(attrs.evolve(wanted, lock_wait=20.0))
    first.communicate()
    return patient, (impatient, first.returncode, first.pid)


@about(waits_for_the_lock)
def test_a_second_change_waits_or_says_who_holds_the_lock(done: Outcome) -> None:
    impatient, status, pid = done.extra

    assert impatient.status == 3
    assert "another change holds the lock" in impatient.verdict.reason
    assert f"(pid {pid}, since 20" in impatient.verdict.reason
    assert "inet46: waiting for another change (pid" in done.run.stderr
    assert (status, done.run.status) == (4, 0)
    assert (done.config, done.sockets) == (NEW, AFTER)


@scenario
def finds_a_dead_holder(host: Host) -> Run:
    host.state.mkdir()
    (host.state / "lock").symlink_to("pid=4194303,mark=1,boot=elsewhere,since=2026-01-01T00:00:00Z")
    (host.state / "lock.4194303.1").symlink_to("pid=4194302,mark=2,boot=elsewhere,since=2026-01-01T00:00:00Z")
    return host.run(host.transaction())


@about(finds_a_dead_holder)
def test_the_lock_of_a_dead_holder_is_taken_over_even_from_a_dead_undertaker(done: Outcome) -> None:
    assert done.run.verdict.result is Result.COMMITTED
    assert done.names == ["etc/inetd.conf", "state/last"]


@scenario
def loses_its_connection(host: Host) -> tuple[Run, object]:
    """Whoever reads is gone before the first byte."""
    read, write = os.pipe()
    os.close(read)
    status = subprocess.run(host.words(), input=script(host.transaction()).encode(), stdout=write, stderr=write, check=False).returncode
    os.close(write)
    last = (host.state / "last").read_text()
    return Run(status=status, stdout=last, stderr=""), None


@about(loses_its_connection)
def test_a_lost_connection_does_not_stop_a_change(done: Outcome) -> None:
    assert done.run.status == 0
    assert done.run.verdict.result is Result.COMMITTED
    assert (done.config, done.sockets) == (NEW, AFTER)


@scenario
def is_asked_to_stop(host: Host) -> tuple[Run, object]:
    running = subprocess.Popen(host.words(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert running.stdin is not None
    running.stdin.write(script(host.transaction(deadline=20, probes=(probe("ipv4", greeting="never"),))).encode())
    running.stdin.close()
    running.stdin = None
    host.until(lambda: host.sockets() == AFTER)
    time.sleep(0.3)
    running.send_signal(signal.SIGHUP)
    running.send_signal(signal.SIGTERM)
    began = time.monotonic()
    out, err = running.communicate()
    return Run(status=running.returncode, stdout=out.decode(), stderr=err.decode()), time.monotonic() - began


@about(is_asked_to_stop)
def test_a_signal_rolls_back(done: Outcome) -> None:
    assert done.run.status == 4
    assert "interrupted by a signal" in done.run.verdict.reason
    assert done.untouched


def with_client(host: Host, *hidden: str) -> tuple[Run, object]:
    """Wrong and right in one run each, with the clients before this one out of sight."""
    tools = host.folder / "tools"
    tools.mkdir()
    (tools / "nc").write_text('#!/bin/sh\nexec busybox nc "$@"\n')
    (tools / "nc").chmod(0o755)
    before = HIDE.format(" | ".join(hidden))
    wrong = host.run(host.transaction(probes=(probe("ipv6", greeting="+OK"),)), before=before, path=[tools])
    closed = (V4 + V6).replace("* OK ready", "+") + OTHER
    hangs = host.run(host.transaction(files=(host.change(closed),), probes=(probe("ipv4", None),)), before=before, path=[tools])
    right = host.run(host.transaction(probes=(probe("ipv4"), probe("ipv6"), probe("ipv6", None))), before=before, path=[tools])
    return right, (wrong.verdict.reason, hangs.verdict.reason)


@scenario
def has_only_perl(host: Host) -> tuple[Run, object]:
    return with_client(host, "python3")


@scenario
def has_only_nc(host: Host) -> tuple[Run, object]:
    return with_client(host, "python3", "perl")


@scenario
def has_only_bash(host: Host) -> tuple[Run, object]:
    return with_client(host, "python3", "perl", "nc")


@pytest.mark.parametrize(("wanted", "client"), [(has_only_perl, "perl"), (has_only_nc, "nc"), (has_only_bash, "bash")])
def test_every_client_proves_the_same(done: Outcome, client: str) -> None:
    wrong, hangs = done.extra

    assert done.run.verdict.proof == client
    assert (done.config, done.sockets) == (NEW, AFTER)
    assert wrong == 'imap at [::1]:14301: greets with "* OK ready", not with "+OK"'
    assert hangs in {
        "imap at 127.0.0.1:14301: closed at once, without a word",
        "imap at 127.0.0.1:14301: connection refused",  # nc ends in the same way
    }


@scenario
def has_no_client(host: Host) -> Run:
    return host.run(host.transaction(), before=HIDE.format("python3 | perl | nc | bash"))


@about(has_no_client)
def test_without_a_client_nothing_is_claimed(done: Outcome) -> None:
    assert done.run.verdict.result is Result.COMMITTED
    assert done.run.verdict.proof == "sockets"
    assert "no TCP client on this host" in done.run.stderr


@scenario
def has_no_ss(host: Host) -> Run:
    return host.run(host.transaction(), before=HIDE.format("ss"))


@scenario
def has_neither_ss_nor_netstat(host: Host) -> Run:
    return host.run(host.transaction(), before=HIDE.format("ss | netstat"))


@pytest.mark.parametrize("wanted", [has_no_ss, has_neither_ss_nor_netstat])
def test_sockets_are_seen_without_ss(done: Outcome) -> None:
    assert done.run.verdict.result is Result.COMMITTED
    assert [(s.family, s.address, s.port, s.v6only, len(s.pids)) for s in done.run.verdict.sockets] == [
        ("ipv4", "0.0.0.0", PORT, None, 1),
        ("ipv6", "::", PORT, None, 1),
    ]


@scenario
def has_its_port_held_from_another_namespace(host: Host) -> Run:
    """Of one socket ss tells no process, as where somebody outside this container has it."""
    unseen = f'ss() {{ command ss "$@" | sed "/:{PORT} /s/users:.*))//"; }}\n'
    return host.run(host.transaction(probes=()), before=unseen)


@about(has_its_port_held_from_another_namespace)
def test_a_socket_that_nobody_on_the_host_holds_is_not_the_super_servers(done: Outcome) -> None:
    assert done.run.verdict.result is not Result.COMMITTED
    assert re.search(r"tcp 0\.0\.0\.0:14301 is held by nobody whom this host sees, not by \S+ \(pid \d+\)", done.run.verdict.reason)


@scenario
def is_edited_after_an_interruption(host: Host) -> tuple[Run, object]:
    """Killed after the new file was placed, then edited by a person, then run again."""
    host.run(host.transaction(), before="step_activate() { kill -9 $$; }\n")
    host.config.write_text("mine\n")
    run = host.run(host.transaction(files=(attrs.evolve(host.change(), old=Seen.of(OLD.encode())),)))
    found = host.etc / ".inet46-old.inetd.conf.found"
    text = found.read_text()
    found.unlink()
    return run, text


@about(is_edited_after_an_interruption)
def test_an_edit_between_interruption_and_recovery_is_not_lost(done: Outcome) -> None:
    assert done.extra == "mine\n"
    assert done.run.verdict.recovered
    assert (done.config, done.sockets) == (NEW, AFTER)


def test_a_script_that_is_cut_short_does_nothing(shell: str, tmp_path: pathlib.Path) -> None:
    with Host(tmp_path / "host", shell=shell) as host:
        whole = script(host.transaction())
        for part in [*range(0, len(whole), 997), len(whole) - 2]:
            subprocess.run([*shell.split(), "-s"], input=whole[:part].encode(), capture_output=True, check=False)

            assert host.names() == ["etc/inetd.conf"]


def test_a_verdict_that_is_cut_short_is_refused() -> None:
    with pytest.raises(ValueError, match="the verdict is cut short: there is no line 'end'"):
        parse_verdict(["inet46-verdict 1", "result committed"])
    with pytest.raises(ValueError, match="the host gave no verdict"):
        parse_verdict(["Last login: today"])
    with pytest.raises(ValueError, match="the verdict does not say 'id'"):
        parse_verdict(["inet46-verdict 1", "result committed", "end"])
