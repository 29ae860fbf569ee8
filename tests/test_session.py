"""What somebody sees who comes with broken files: what `check` says, what --fix mends, and what --unsafe-fixes changes.

The files are those of tests/cases/session: an inetd.conf, a folder of xinetd's, and what was saved of a Debian host that has both. Beside
them stands what is printed, with the files' changes, and it is meant to be read.
"""

from __future__ import annotations

import difflib
import re
import shlex
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from inet46.cli import main
from tests.conftest import Golden

CASES = Path(__file__).parent / "cases" / "session"
DOCS = Path(__file__).parents[1] / "docs"
SESSIONS = {
    "inetd.conf": "inetd.conf --host debian-12/openbsd-inetd",
    "xinetd.d": "xinetd.d --host debian-12/xinetd",
    "root": "--root root --host debian-12/xinetd",
}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work on a copy."""
    for name in SESSIONS:
        if (CASES / name).is_dir():
            shutil.copytree(CASES / name, tmp_path / name)
        else:
            shutil.copy(CASES / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")


@pytest.mark.parametrize("name", SESSIONS)
def test_a_session_reads_as_it_did(name: str, golden: Golden) -> None:
    steps = ["", " --fix", " --fix --unsafe-fixes", ""]

    golden("\n".join(_step(f"inet46 check {SESSIONS[name]}{step}") for step in steps), Path("cases/session") / f"{name}.txt")


def _step(command: str) -> str:
    """Run a command; return what it prints and what it has changed."""
    before = _texts()
    result = CliRunner().invoke(main, shlex.split(command)[1:])
    after = _texts()

    assert isinstance(result.exception, SystemExit)
    assert result.exit_code in {0, 1}
    changes = [
        line
        for name, text in after.items()
        for line in difflib.unified_diff(before[name].splitlines(), text.splitlines(), name, name, lineterm="", n=0)
    ]
    return f"$ {command}\n{result.output}" + "".join(f"{line}\n" for line in changes)


def _texts() -> dict[str, str]:
    return {str(path): path.read_text() for path in sorted(Path().rglob("*")) if path.is_file()}


@pytest.mark.parametrize("name", SESSIONS)
def test_what_is_said_to_be_mendable_is_mended(name: str) -> None:
    """The count is a promise: a second look finds nothing more to mend in the same way."""
    for flags in ([], ["--unsafe-fixes"]):
        CliRunner().invoke(main, ["check", *shlex.split(SESSIONS[name]), "--fix", *flags])
    said = CliRunner().invoke(main, ["check", *shlex.split(SESSIONS[name])]).output

    assert "can be mended" not in said


def test_the_page_shows_the_session_with_inetd_conf() -> None:
    page = (DOCS / "howto/check.md").read_text()
    shown = re.search(r"```inetd mail1/inetd\.conf\n(.*?)```", page, re.DOTALL)

    assert shown is not None
    assert shown[1] == (CASES / "inetd.conf").read_text()
