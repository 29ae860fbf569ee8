"""The scripts as texts and as programs: clean, nothing but data from outside, and never half done, wherever they are killed."""

from __future__ import annotations

import os
import pathlib
import shutil
import signal
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import attrs
import hypothesis
import pytest
from hypothesis import strategies as st

from pyinfra_inet46 import look
from pyinfra_inet46.look import look_command
from pyinfra_inet46.transaction import (
    LIBRARY,
    Daemon,
    ExpectedSocket,
    FileChange,
    LinkChange,
    LiveSetting,
    Probe,
    Seen,
    Transaction,
    render,
)
from tests.shell.harness import OTHER, SHELLS, V4, V6, Host, Run, available, script, socket

T = TypeVar("T")

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root for a network of its own")

OLD, NEW = V4 + OTHER, V4 + V6 + OTHER
BEFORE, AFTER = ["0.0.0.0:14301", "0.0.0.0:14399"], ["0.0.0.0:14301", "0.0.0.0:14399", "[::]:14301"]


# --- interrupted everywhere -----------------------------------------------------------------------------------------------------

# Only these change anything, so a kill before and after each of them is a kill between any two commands of the script, as far as
# a disk can tell. One program that moves, keeps or removes many files may be killed between any two of them, so here it gets them singly.
# Naps are short, because a disk does not care for them either.
POINTS = """
points=0
point() {
	points=$((points + 1))
	[ "$points" != %d ] || command kill -9 $$
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


def kill_at(host: Host, transaction: Transaction, point: int) -> Run:
    """Run it and kill it at this point; 0 is never."""
    text = script(transaction, POINTS % point)
    text = text.replace("\ncontent() {", "\nwhole_content() {", 1).replace("\ndocument() {", "\nwhole_document() {", 1)
    done = subprocess.run(host.words(), input=text.encode(), capture_output=True, check=False, timeout=60)
    return Run(status=done.returncode, stdout=done.stdout.decode(), stderr=done.stderr.decode())


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


def interrupt(host: Host, change: Transaction, point: int) -> tuple[object, ...]:
    """Kill a change at this point, and let the next run find what is left."""
    killed = kill_at(host, change, point)
    assert killed.status == -9, (point, killed)
    nothing = attrs.evolve(
        change, id="recovery", files=(), links=(), live=(), activate=(), undo=(), expected=(), expected_after_undo=(), keep=(), ours=()
    )
    recovered = kill_at(host, nothing, 0)
    assert recovered.status == 0, (point, recovered)
    assert {path.name for path in host.state.iterdir()} == {"last"}, point
    return state_of(host)


def points_of(tmp_path: pathlib.Path, *, fails: bool) -> int:
    with Host(tmp_path / "count") as host:
        host.state.mkdir()  # as it is from the second change on
        whole = kill_at(host, everything(host, fails=fails), 0)
        assert whole.status == (4 if fails else 0), whole
        return int(whole.stderr.rpartition("points ")[2].partition(":")[0])


def in_shares(tmp_path: pathlib.Path, points: range, play: Callable[[Host, int], T]) -> list[T]:
    """Play every point, on four hosts at once."""

    def share(start: int) -> dict[int, T]:
        with Host(tmp_path / f"share-{start}") as host:
            return {point: play(host, point) for point in points[start::4]}

    with ThreadPoolExecutor(4) as pool:
        found = {point: value for part in pool.map(share, range(4)) for point, value in part.items()}
    return [found[point] for point in points]


@needs_root
def test_killed_between_any_two_commands_a_host_is_all_old_or_all_new(tmp_path: pathlib.Path) -> None:
    last = points_of(tmp_path, fails=False)

    def play(host: Host, point: int) -> str:
        make_old(host)
        change = everything(host)
        found = interrupt(host, change, point)
        assert found in (ALL_OLD, ALL_NEW), (point, found)
        if found == ALL_OLD:
            again = kill_at(host, change, 0)
            assert again.status == 0, (point, again)
        assert state_of(host) == ALL_NEW, point
        return "old" if found == ALL_OLD else "new"

    states = in_shares(tmp_path, range(1, last + 1), play)

    assert last > 40
    assert set(states) == {"old", "new"}
    assert states == sorted(states, reverse=True), "once it is new it stays new"


@needs_root
def test_killed_on_the_way_back_a_host_is_all_old(tmp_path: pathlib.Path) -> None:
    last = points_of(tmp_path, fails=True)

    def play(host: Host, point: int) -> tuple[object, ...]:
        make_old(host)
        return interrupt(host, everything(host, fails=True), point)

    assert all(found == ALL_OLD for found in in_shares(tmp_path, range(20, last + 1, 2), play))


# --- nothing but data from outside ---------------------------------------------------------------------------------------------

HOSTILE = [
    "$(touch canary)",
    "`touch canary`",
    "';touch canary;'",
    '";touch canary;"',
    "%s%n\\",
    "-n",
    "*",
    "~root",
    "é\udcff",
    "a\tb\r",
    "  two  ",
    "",
]
line = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(st.characters(exclude_characters="\n\0", exclude_categories=["Cs"]), max_size=40),
    st.text("\\'\"$`;&|<>(){}[]!#~*? \t\r%-\x01\x7f\udc80\udcff", max_size=20),
)
name = line.map(lambda text: "/" + text)
beside = line.map(lambda text: text.replace("/", "_"))


@st.composite
def file_changes(draw: st.DrawFn) -> FileChange:
    folder = draw(name).rstrip("/")
    one, two, three = draw(st.tuples(beside, beside, beside).filter(lambda names: names[1] != names[2]))
    return FileChange(
        path=f"{folder}/{one}",
        staged=f"{folder}/.{two}",
        kept=f"{folder}/.{three}",
        old=Seen.of(b"") if draw(st.booleans()) else None,
        new=draw(
            st.binary(max_size=300)
            | st.sampled_from([*(text.encode("utf-8", "surrogateescape") for text in HOSTILE), bytes(range(256)) * 50])
        ),
    )


transactions = st.builds(
    Transaction,
    id=st.just("change-1"),
    host=line,
    files=st.lists(file_changes(), max_size=4).map(tuple),
    live=st.lists(st.builds(LiveSetting, key=st.just("net.ipv6.bindv6only"), value=line, old=line), max_size=3).map(tuple),
    daemon=st.builds(Daemon, name=line, exe=name, unit=line, script=name, argv=st.lists(line, max_size=4).map(tuple)),
    expected=st.builds(
        ExpectedSocket, service=line, transport=st.just("tcp"), family=st.just("ipv4"), address=st.just("0.0.0.0"), port=st.just(143)
    ).map(lambda expected: (expected,)),
    probes=st.builds(Probe, service=line, family=st.just("ipv6"), address=st.just("::1"), port=st.just(143), greeting=line).map(
        lambda probe: (probe,)
    ),
    state_dir=name,
)

# What the steps see of the data, with a NUL behind each value.
ECHO = """
inet46_transaction() {
	prepare
	settings
	document >"$DOCUMENT"
	load_document "$DOCUMENT"
	put() { command printf '%s\\000' "$@"; }
	put "$state_dir" "$daemon" "$exe" "$unit" "$script"
	while IFS= read -r each; do
		case $each in
		'arg '*) put "${each#arg }" ;;
		'host '*) put "${each#host }" ;;
		'greeting '*) put "${each#greeting }" ;;
		esac
	done <"$DOCUMENT"
	put_file() { put "$path" "$staged" "$kept"; }
	put_live() { put "$key" "$was" "$wanted"; }
	each_file put_file
	each_live put_live
	on_files 'print path; print staged; print kept' put
	number=0
	while [ "$number" -lt COUNT ]; do
		number=$((number + 1))
		content "$number" | od -An -v -tx1 | tr -d ' \\n'
		put ''
	done
}
"""


def last_of(file: FileChange) -> str:
    return file.path.rpartition("/")[2]


@pytest.mark.parametrize("shell", SHELLS)
@hypothesis.given(transaction=transactions)
@hypothesis.settings(max_examples=25, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture])
def test_data_stays_data_and_every_byte_arrives(shell: str, tmp_path: pathlib.Path, transaction: Transaction) -> None:
    if not available(shell):
        pytest.skip(f"{shell} is not installed")
    files = tuple(file for file in transaction.files if file.new is not None)
    transaction = attrs.evolve(transaction, files=files)
    text = script(transaction, ECHO.replace("COUNT", str(len(files))))
    folder = tmp_path / "folder"
    folder.mkdir(exist_ok=True)

    done = subprocess.run(
        [*shell.split(), "-s"],
        input=text.encode("ascii"),
        capture_output=True,
        check=False,
        cwd=folder,
        env={**os.environ, "DOCUMENT": str(tmp_path / "document")},
    )

    daemon = transaction.daemon
    values = [transaction.state_dir, daemon.name, daemon.exe, daemon.unit, daemon.script, transaction.host, *daemon.argv]
    values += [probe.greeting for probe in transaction.probes]
    names = [each for file in files for each in (file.path, f"{file.staged}/{last_of(file)}", f"{file.kept}/{last_of(file)}")]
    values += [*names, *(each for setting in transaction.live for each in (setting.key, setting.old, setting.value)), *names]
    values += [(file.new or b"").hex() for file in files]
    arrived = done.stdout.decode("utf-8", "surrogateescape").split("\0")[:-1]
    assert done.stderr == b""
    assert arrived == values
    assert list(folder.iterdir()) == []


def test_the_scripts_are_plain_ascii_without_a_second_command(tmp_path: pathlib.Path) -> None:
    text = render(Transaction(id="x", daemon=Daemon(name="é\udcff", exe="/é")))

    assert text.isascii()
    assert all(character.isprintable() or character in "\n\t" for character in text)
    for shell in SHELLS:
        body = text.rpartition("inet46_transaction\n")[0]
        done = subprocess.run([*shell.split(), "-s"], input=body.encode(), capture_output=True, check=False, cwd=tmp_path)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_a_look_fits_into_one_argument() -> None:
    assert len(look_command()[2]) < 64 * 1024


# --- clean -----------------------------------------------------------------------------------------------------------------------

SHELL = pathlib.Path(__file__).parents[1] / "deploys" / "pyinfra_inet46" / "shell"


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
@pytest.mark.parametrize("last", ["transaction.sh", "confirm.sh", "outside.sh", "look.sh"])
def test_shellcheck_finds_nothing(last: str) -> None:
    """Each program as a whole, because a file of it uses what another one defines."""
    names = PROGRAMS[last]
    text = "".join((SHELL / each).read_text() for each in names) + DATA.get(last, 'inet46_look "$@"\n')

    # Steps, verbs and clients are called by their names in a variable, which shellcheck takes for never (SC2317); and the look does
    # not use every word of the document that it reads (SC2034), nor wait for the lock that it looks at (SC2154).
    excluded = "SC2317" if last in {"transaction.sh", "confirm.sh"} else "SC2317,SC2034,SC2154"
    done = subprocess.run(["shellcheck", "-s", "sh", "-e", excluded, "-"], input=text, capture_output=True, text=True, check=False)

    assert done.stdout == ""


PROGRAMS = {
    "transaction.sh": LIBRARY,
    "confirm.sh": (*LIBRARY, "confirm.sh"),
    "outside.sh": ("common.sh", "probe.sh", "outside.sh"),
    "look.sh": (*look._LIBRARY, "units.sh"),
}

# What render puts behind the library.
_SETTINGS = """
settings() {
	id=x lock_wait=0 document_sum='0 0' state_dir='' confirm=''
}
document() {
	printf end
}
content() {
	printf '%s' "$1"
}
"""
DATA = {
    "transaction.sh": _SETTINGS + "inet46_transaction\n",
    "confirm.sh": _SETTINGS
    + """
guard_text() {
	printf end
}
guard_seen() {
	guard_sum='0 0'
}
answer_word() {
	printf '%s' "$id yes"
}
case $1 in
guard) inet46_guard ;;
answer) inet46_answer ;;
*) inet46_transaction ;;
esac
""",
    "outside.sh": """
probes_wanted() {
	printf end
}
inet46_outside 5
""",
}
