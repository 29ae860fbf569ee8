"""What --help says, as a whole and to the letter, and what it says of every command."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from inet46.cli import main

COMMANDS = main.list_commands(click.Context(main))

Golden = Callable[[str, str | Path], None]


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")


def help_of(*command: str) -> str:
    result = CliRunner().invoke(main, [*command, "--help"], prog_name="inet46")

    assert result.exit_code == 0
    return result.stdout


def test_help_reads_as_it_did(golden: Golden) -> None:
    pages = [((), help_of()), *(((name,), help_of(name)) for name in COMMANDS)]

    golden("\n".join(f"$ {' '.join(('inet46', *name, '--help'))}\n{text}" for name, text in pages), Path("cases/help.txt"))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_its_exit_statuses_and_what_status_2_is(command: str) -> None:
    assert re.search(r" Exit status: 0\b.*, (or )?2 it could not run\b", " ".join(help_of(command).split()))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_stands_in_the_overview_whole_and_with_an_example(command: str) -> None:
    overview = help_of()
    line = re.search(rf"^  {command}  +(\S.*)$", overview, re.MULTILINE)

    assert line is not None
    assert line[1].endswith(".")
    assert not line[1].endswith("...")
    assert f"\n  inet46 {command}" in overview
