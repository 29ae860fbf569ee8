"""A change that touches everything, and the points at which it can be stopped: between any two commands that change something."""

from __future__ import annotations

import os
import signal
import subprocess

import attrs

from pyinfra_inet46.transaction import LinkChange, LiveSetting, Transaction
from tests.shell.harness import Host, Run, script, socket
from tests.shell.plays import AFTER, BEFORE, NEW, OLD

# Only these change anything, so a kill before and after each of them is a kill between any two commands of the script, as far as
# a disk can tell. One program that moves, keeps or removes many files may be killed between any two of them, so here it gets them singly.
# Naps are short, because a disk does not care for them either.
POINTS = """
points=0
point() {
	points=$((points + 1))
	%s
}
singly() {
	points_failed=0 points_words="$1 $2" points_folder=$3
	shift 3
	for points_name; do
		[ "$points_name" = "$points_folder" ] || { point; command $points_words "$points_name" $points_folder || points_failed=1; }
	done
	point
	return "$points_failed"
}
into() { for points_folder; do :; done; }
once() { point; command "$@"; set -- $?; point; return "$1"; }
mv() { if [ $# -eq 3 ]; then once mv "$@"; else into "$@"; shift; singly mv -f "$points_folder" "$@"; fi; }
ln() { if [ "$1" = -s ]; then once ln "$@"; else into "$@"; singly ln '' "$points_folder" "$@"; fi; }
rm() { points_how=$1; shift; singly rm "$points_how" '' "$@"; }
mkdir() { if [ "$1" = -p ]; then once mkdir "$@"; else singly mkdir '' '' "$@"; fi; }
rmdir() { singly rmdir '' '' "$@"; }
cp() { once cp "$@"; }
chown() { once chown "$@"; }
chmod() { once chmod "$@"; }
sysctl() { once sysctl "$@"; }
kill() { once kill "$@"; }
content() { point; whole_content "$1"; set -- $?; point; return "$1"; }
document() { whole_document; set -- $?; point; return "$1"; }
nap() { sleep 0.02; }
say() { printf 'points %%s: %%s\\n' "$points" "$*" >&2; }
"""


def at_points(host: Host, transaction: Transaction, at_each: str) -> Run:
    """Run it, with this shell text at each point."""
    text = script(transaction, POINTS % at_each)
    text = text.replace("\ncontent() {", "\nwhole_content() {", 1).replace("\ndocument() {", "\nwhole_document() {", 1)
    done = subprocess.run(host.words(), input=text.encode(), capture_output=True, check=False, timeout=120)
    return Run(status=done.returncode, stdout=done.stdout.decode(), stderr=done.stderr.decode())


def kill_at(host: Host, transaction: Transaction, point: int) -> Run:
    """Run it and kill it at this point; 0 is never."""
    return at_points(host, transaction, f"[ $points != {point} ] || command kill -9 $$")


def everything(host: Host, *, fails: bool = False) -> Transaction:
    """One file replaced, one created, one removed; the same with links; and a live value set."""
    (host.etc / "removed").write_text("removed\n")
    (host.etc / "wants").mkdir(exist_ok=True)
    for name, target in LINKS_OLD.items():
        (host.etc / name).unlink(missing_ok=True)
        (host.etc / name).symlink_to(target)
    (host.etc / "wants/made").unlink(missing_ok=True)
    return host.transaction(
        files=(host.change(), host.change("created\n", name="created"), host.change(None, name="removed")),
        links=tuple(
            LinkChange(path=str(host.etc / name), old=LINKS_OLD.get(name), new=LINKS_NEW.get(name)) for name in {**LINKS_OLD, **LINKS_NEW}
        ),
        live=(LiveSetting(key="net.ipv6.bindv6only", value="1", old="0"),),
        probes=(),
        expected=(socket("ipv4"), socket("ipv6", v6only=not fails)),
        deadline=0.2 if fails else 5.0,
    )


def state_of(host: Host) -> tuple[object, ...]:
    with_live = subprocess.run(host.inside("cat", "/proc/sys/net/ipv6/bindv6only"), capture_output=True, text=True, check=True)
    found = {str(path.relative_to(host.etc)): path for path in host.etc.rglob("*")}
    files = {name: f"-> {path.readlink()}" if path.is_symlink() else path.read_text() for name, path in found.items() if name != "wants"}
    return files, with_live.stdout.strip(), host.sockets()


LINKS_OLD = {"wants/moved": "../old target", "wants/gone": "/dev/null"}
LINKS_NEW = {"wants/moved": "/etc/new", "wants/made": "../made"}


def led(links: dict[str, str]) -> dict[str, str]:
    return {name: f"-> {target}" for name, target in links.items()}


ALL_OLD = ({"inetd.conf": OLD, "removed": "removed\n", **led(LINKS_OLD)}, "0", BEFORE)
ALL_NEW = ({"inetd.conf": NEW, "created": "created\n", **led(LINKS_NEW)}, "1", AFTER)


def make_old(host: Host) -> None:
    host.config.write_text(OLD)
    (host.etc / "created").unlink(missing_ok=True)
    subprocess.run(host.inside("sh", "-c", "echo 0 >/proc/sys/net/ipv6/bindv6only"), check=True)
    if host.sockets() != BEFORE:
        for pid in host.daemons():
            os.kill(pid, signal.SIGHUP)
        host.until(lambda: host.sockets() == BEFORE)


def recovery(change: Transaction) -> Transaction:
    """One that only rolls back what this one has left."""
    return attrs.evolve(
        change, id="recovery", files=(), links=(), live=(), activate=(), undo=(), expected=(), expected_after_undo=(), keep=(), ours=()
    )
