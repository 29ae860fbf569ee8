"""The scripts as texts and as programs: clean, and nothing but data from outside."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess

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
    LiveSetting,
    Probe,
    Seen,
    Transaction,
    render,
)
from tests.shell.harness import SHELLS, available, script

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
