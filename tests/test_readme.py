"""The README is true: its Python runs and prints what it says, its deploy is the deploy, and what it names exists."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import tomllib
from pathlib import Path

import click

from inet46.cli import main

REPOSITORY = Path(__file__).parents[1]
README = (REPOSITORY / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"(?ms)^```{language}\n(.*?)^```$", README)


def test_the_library_lines_print_what_the_readme_says() -> None:
    code = next(block for block in blocks("python") if "plan(" in block)
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(compile(code, "README.md", "exec"), {})

    assert output.getvalue() == blocks("text")[0]


def test_the_deploy_in_the_readme_is_the_one_that_runs() -> None:
    shown = next(block for block in blocks("python") if "answer(" in block)
    real = (REPOSITORY / "deploys/imap.py").read_text().partition('"""\n\n')[2]

    assert shown.replace("# deploys/imap.py\n", "") == re.sub(r"  # .*", "", real)


def test_the_first_two_commands_are_those_that_set_everything_up() -> None:
    assert [line.partition("#")[0].strip() for line in blocks("sh")[0].splitlines()] == ["make demo", "make test"]


def test_what_is_installed_can_be_had() -> None:
    shown = next(block for block in blocks("sh") if "pip install" in block)
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    python = project["requires-python"].removeprefix(">=")

    assert re.findall(r"pip install (\S+)", shown) == [".", "'.[pyinfra]'"]
    assert "pyinfra" in project["optional-dependencies"]
    assert list(project["scripts"]) == ["inet46"]
    assert f"Python {python} or newer" in README


def test_every_command_line_in_the_readme_is_one() -> None:
    lines = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("inet46 ")]
    for line in lines:
        _, name, *arguments = shlex.split(line.partition(" > ")[0], comments=True)
        context = click.Context(main, info_name="inet46")
        command = main.get_command(context, name)
        assert command is not None
        assert command.make_parser(click.Context(command, parent=context)).parse_args(arguments)

    assert {shlex.split(line, comments=True)[1] for line in lines} == set(main.list_commands(click.Context(main)))


def test_every_file_that_the_readme_names_is_there() -> None:
    names = re.findall(r"\]\(([^)#]+)\)", README) + re.findall(r"\b(?:inventories|deploys|docs)/[\w./-]+\w", README)

    assert [name for name in names if not (REPOSITORY / name).exists()] == []


def test_every_host_in_the_readme_is_known_and_the_other_way_round() -> None:
    from inet46.knowledge import HOSTS

    table = README.partition("| host | settled by |")[2]
    named = {name.strip() for line in table.splitlines() if line.startswith("| ") for name in line.split("|")[1].split(",")}

    assert named == {row.name for row in HOSTS}
