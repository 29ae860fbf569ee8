"""Hosts on which something is wrong: nothing is lost, the cause is named, and the old services answer."""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator

import attrs
import pytest

from pyinfra_inet46.transaction import Result
from tests.shell.harness import HIDE, V4, V6, Host, Run, probe
from tests.shell.plays import AFTER, BEFORE, NEW, OLD, Outcome, about, scenario

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root for a network of its own")


def inside(host: Host, text: str) -> None:
    subprocess.run(host.inside("sh", "-ec", text), check=True, capture_output=True)


# -- a disk that gives out at every write ---------------------------------------------------------------------------------------------


def on_a_small_disk(host: Host, option: Callable[[int], str], sizes: range) -> tuple[Run, object]:
    """The same change again and again, from a disk on which nothing fits to one on which everything does.

    /etc and the state folder of the host each get a disk of their own, one of them small.
    """
    ends = []
    for small, other in ((host.state, host.etc), (host.etc, host.state)):
        for size in sizes:
            config = host.config.read_bytes()
            inside(host, f"mkdir -p {host.state}; mount -t tmpfs -o {option(size)} none {small}; mount -t tmpfs none {other}")
            # As the machine sees it, through the mount namespace of the host.
            view = pathlib.Path(f"/proc/{host.network.pid}/root")
            fits = subprocess.run(host.inside("sh", "-c", f"cat >{host.config}"), input=config, capture_output=True, check=False)
            if fits.returncode == 0 and (view / str(host.config).lstrip("/")).read_bytes() == config:
                run = host.run(host.transaction(files=(host.change(),)))
                left = {path.name for folder in (host.etc, host.state) for path in (view / str(folder).lstrip("/")).iterdir()}
                text = (view / str(host.config).lstrip("/")).read_text()
                ends.append((run.verdict.result, run.verdict.reason, text, left - {"last"}, host.sockets()))
                if text == NEW:
                    (view / str(host.config).lstrip("/")).write_text(OLD)
                    os.kill(host.daemons()[0], signal.SIGHUP)
                    host.until(lambda: host.sockets() == BEFORE)
            inside(host, f"umount {small} {other}")
    return Run(status=0, stdout="", stderr=""), ends


@scenario
def has_ever_more_space(host: Host) -> tuple[Run, object]:
    return on_a_small_disk(host, lambda pages: f"size={4 * pages}k", range(1, 7))


@scenario
def has_ever_more_inodes(host: Host) -> tuple[Run, object]:
    return on_a_small_disk(host, lambda inodes: f"nr_inodes={inodes}", range(2, 8))


@pytest.mark.parametrize("wanted", [has_ever_more_space, has_ever_more_inodes])
def test_wherever_the_disk_gives_out_a_host_is_all_old_or_all_new_and_the_cause_is_named(done: Outcome) -> None:
    results = {result for result, *_ in done.extra}
    for result, reason, text, left, sockets in done.extra:
        if result is Result.COMMITTED:
            assert (text, left, sockets) == (NEW, {"inetd.conf"}, AFTER)
        else:
            assert (text, left, sockets) == (OLD, {"inetd.conf"}, BEFORE), reason
            assert re.search("no space|cannot write|cannot make|cannot keep|cannot replace|is not what was sent", reason), reason
    assert results >= {Result.COMMITTED, Result.REFUSED}


# -- files and folders that cannot be changed -----------------------------------------------------------------------------------------


@contextlib.contextmanager
def immutable(host: Host, path: pathlib.Path) -> Iterator[None]:
    """chattr +i; on a file system that does not have it, a mount over it that is read-only."""
    done = subprocess.run(["chattr", "+i", str(path)], capture_output=True, check=False)
    if done.returncode != 0:
        inside(host, f"mount --bind {path} {path} && mount -o remount,ro,bind {path}")
    try:
        yield
    finally:
        if done.returncode == 0:
            subprocess.run(["chattr", "-i", str(path)], check=True)


@scenario
def has_an_immutable_file(host: Host) -> Run:
    with immutable(host, host.config):
        return host.run(host.transaction())


@scenario
def has_an_immutable_folder(host: Host) -> Run:
    with immutable(host, host.etc):
        return host.run(host.transaction())


@scenario
def has_a_file_that_is_a_mount(host: Host) -> Run:
    """As containers have some of theirs: it can be neither linked nor replaced."""
    inside(host, f"mount --bind {host.config} {host.config}")
    return host.run(host.transaction())


@scenario
def has_a_state_folder_that_is_read_only(host: Host) -> Run:
    inside(host, f"mkdir {host.state}; mount -t tmpfs -o ro none {host.state}")
    return host.run(host.transaction())


@scenario
def has_a_file_where_its_state_should_be(host: Host) -> Run:
    host.state.write_text("not a folder\n")
    run = host.run(host.transaction())
    host.state.unlink()
    return run


@pytest.mark.parametrize(
    ("wanted", "result", "reason"),
    [
        (has_an_immutable_file, Result.ROLLED_BACK, "cannot replace /.*/etc/inetd.conf: (Operation not permitted|Device or resource busy)"),
        (
            has_a_file_that_is_a_mount,
            Result.ROLLED_BACK,
            "cannot replace /.*/etc/inetd.conf: (Operation not permitted|Device or resource busy)",
        ),
        (has_an_immutable_folder, Result.REFUSED, "cannot make /.*/etc/.inet46-new: Operation not permitted"),
        (has_a_state_folder_that_is_read_only, Result.REFUSED, "cannot (write to /.*/state|make /.*/state/lock: .*[Rr]ead-only.*)"),
        (has_a_file_where_its_state_should_be, Result.REFUSED, "cannot write to /.*/state"),
    ],
)
def test_what_cannot_be_changed_is_named_and_left_as_it_is(done: Outcome, result: Result, reason: str) -> None:
    assert re.fullmatch(reason, done.run.verdict.reason)
    assert done.run.verdict.result is result
    assert (done.config, done.sockets) == (OLD, BEFORE)
    assert set(done.names) <= {"etc/inetd.conf", "state/last"}


# -- super-servers that do not do as they are told ------------------------------------------------------------------------------------


@scenario
def loops(host: Host) -> tuple[Run, object]:
    """Once: what it reads after its restart is the old file, over which it does not loop."""
    host.behaviour.write_text("loop")
    before = host.daemons()
    transaction = host.transaction(undo=("restart",))
    run = host.run(transaction, before=f"has_argv() {{ rm -f '{host.behaviour}'; }}\n")
    return run, (before, host.daemons())


@about(loops)
def test_a_super_server_that_loops_is_killed_and_started_on_the_old_files(done: Outcome) -> None:
    before, after = done.extra

    assert done.run.verdict.result is Result.ROLLED_BACK
    assert done.untouched
    assert len(after) == 1
    assert before != after
    assert "is stuck: it is killed" in done.run.stderr


@scenario
def is_stopped(host: Host) -> tuple[Run, object]:
    """SIGSTOP: its sockets are there, and nobody is at home."""
    os.kill(host.daemons()[0], signal.SIGSTOP)
    before = host.daemons()
    run = host.run(host.transaction(undo=("restart",)))
    return run, (before, host.daemons())


@about(is_stopped)
def test_a_super_server_that_was_stopped_is_found_out_and_runs_again_afterwards(done: Outcome) -> None:
    before, after = done.extra

    assert done.run.verdict.result is Result.ROLLED_BACK
    assert done.run.verdict.reason == "imap: tcp [::]:14301 is not there"
    assert done.untouched
    assert before != after


@scenario
def is_not_what_its_unit_says(host: Host) -> Run:
    """Simulated: a unit that is active and knows nothing of this process."""
    daemon = attrs.evolve(host.transaction().daemon, unit="other.service")
    return host.run(host.transaction(daemon=daemon), before="systemd_is_here() { :; }\nsystemctl() { :; }\n")


@about(is_not_what_its_unit_says)
def test_a_unit_that_reloads_something_else_is_found_out(done: Outcome) -> None:
    assert done.run.verdict.result is Result.ROLLED_BACK
    assert done.run.verdict.reason == "imap: tcp [::]:14301 is not there"
    assert done.untouched


# -- tools and clocks -----------------------------------------------------------------------------------------------------------------


@scenario
def has_only_busybox(host: Host) -> Run:
    """No ss, no flock, no mktemp, no python3 and no perl: what busybox has, and nothing else (Debian's lacks one applet that others have)."""
    tools = host.folder / "tools"
    tools.mkdir()
    busybox = shutil.which("busybox")
    assert busybox is not None
    for name in subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split():
        (tools / name).symlink_to(busybox)
    if not (tools / "cksum").exists():
        (tools / "cksum").symlink_to(shutil.which("cksum") or "/usr/bin/cksum")
    prepare = f"LC_ALL=C PATH='{tools}'; export LC_ALL PATH; unset IFS; set -f; umask 077; newline='\n'; system=$(uname -s) uid=$(id -u)"
    return host.run(host.transaction(), before=f"prepare() {{ {prepare}; }}\n")


@about(has_only_busybox)
def test_busyboxs_tools_are_enough(done: Outcome) -> None:
    assert done.run.verdict.result is Result.COMMITTED, done.run.stderr
    assert (done.config, done.sockets, done.run.verdict.proof) == (NEW, AFTER, "nc")


@scenario
def has_no_cksum(host: Host) -> Run:
    return host.run(host.transaction(), before=HIDE.format("cksum"))


@about(has_no_cksum)
def test_a_tool_that_is_missing_is_named(done: Outcome) -> None:
    assert done.run.verdict.reason == "this host has no cksum"
    assert done.untouched


JUMPS = """#!/bin/sh
# A clock that somebody sets: hours forth, and days back.
case $* in
+%s) ;;
*) exec /bin/date "$@" ;;
esac
now=$(/bin/date +%s)
count=$(cat "$0.count" 2>/dev/null || echo 0)
echo $((count + 1)) >"$0.count"
case $((count % 4)) in
0) echo "$now" ;;
1) echo $((now + 7200)) ;;
2) echo $((now - 86400)) ;;
3) echo $((now + 1000000)) ;;
esac
"""


def with_a_clock_that_jumps(host: Host, **different: object) -> Run:
    tools = host.folder / "tools"
    tools.mkdir()
    (tools / "date").write_text(JUMPS)
    (tools / "date").chmod(0o755)
    inside(host, "mount --bind /dev/null /proc/uptime")
    return host.run(host.transaction(**different), path=[tools])


@scenario
def has_a_clock_that_jumps(host: Host) -> Run:
    return with_a_clock_that_jumps(host)


@scenario
def has_a_clock_that_jumps_and_nobody_greets(host: Host) -> Run:
    mute = (V4 + V6).replace("* OK ready", "-") + "ipv4 0.0.0.0 14399 no -\n"
    return with_a_clock_that_jumps(host, files=(host.change(mute),), probes=(probe("ipv4"),), deadline=3.0)


@about(has_a_clock_that_jumps)
def test_a_clock_that_jumps_ends_no_wait_too_early(done: Outcome) -> None:
    assert done.run.verdict.result is Result.COMMITTED, done.run.stderr
    assert 0 <= done.run.verdict.seconds < 60


@about(has_a_clock_that_jumps_and_nobody_greets)
def test_a_clock_that_jumps_makes_no_wait_endless(done: Outcome) -> None:
    assert done.run.verdict.result is Result.ROLLED_BACK
    assert done.untouched
