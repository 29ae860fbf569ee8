"""The documentation is true: its commands print what it says, its three forms are one service, and its links lead somewhere."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path

import attrs
import click
import pytest
from attrs import AttrsInstance
from click.testing import CliRunner

from inet46.cli import main
from inet46.codec import loads
from inet46.host import HostPolicy
from inet46.service import Access, Builtin, Limits, Listener, Program, Rate, Service

HERE = Path(__file__).parent
DOCS = HERE.parent / "docs"
WRITTEN = sorted(path.relative_to(DOCS) for path in DOCS.rglob("*.md") if path.parent.name != "reference")
BLOCK = re.compile(r"^```(?P<language>\w+)(?: (?P<file>\S+))?\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)

CONTEXT = click.Context(main)

Golden = Callable[[str, str | Path], None]


def rerun(page: str) -> str:
    """Return a page with the output that its commands print now; blocks with the name of a file become that file first."""

    def block(match: re.Match[str]) -> str:
        if match["file"]:
            path = Path(match["file"])
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(match["text"])
        if match["language"] != "console":
            return match[0]
        commands = re.findall(r"^\$ (.*)$", match["text"], re.MULTILINE)
        return "```console\n" + "".join(f"$ {command}\n{output(command)}" for command in commands) + "```"

    return BLOCK.sub(block, page)


def output(command: str) -> str:
    program, *arguments = shlex.split(command)
    result = CliRunner().invoke(main, arguments)

    assert program == "inet46"
    return result.output.rstrip("\n") + "\n"


@pytest.mark.parametrize("page", WRITTEN, ids=str)
def test_commands_print_what_the_page_says(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, golden: Golden) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")

    golden(rerun((DOCS / page).read_text()), Path("../docs") / page)


def test_the_three_forms_are_one_service() -> None:
    blocks = list(BLOCK.finditer((DOCS / "howto/write-a-service.md").read_text()))
    names: dict[str, object] = {}
    exec(next(block["text"] for block in blocks if block["language"] == "python"), names)
    toml, yaml = (next(block["text"] for block in blocks if block["file"] == f"mail.{syntax}") for syntax in ("toml", "yaml"))

    assert list(loads(toml, "toml")) == list(loads(yaml, "yaml")) == names["services"]


@pytest.mark.parametrize("kind", [Service, Listener, Program, Builtin, Limits, Rate, Access])
def test_every_field_is_explained(kind: type[AttrsInstance]) -> None:
    page = (DOCS / "howto/write-a-service.md").read_text()

    assert [field.name for field in attrs.fields(kind) if f"`{field.name}`" not in page] == []


def test_every_field_of_a_host_is_explained() -> None:
    page = (DOCS / "howto/command-line.md").read_text()

    assert [field.name for field in attrs.fields(HostPolicy) if f"`{field.name}`" not in page] == []


@pytest.mark.parametrize("page", [*WRITTEN, Path("../CONTRIBUTING.md")], ids=str)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", (DOCS / page).read_text())
    broken = []
    for link in links:
        if re.match(r"https?:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (DOCS / page).parent / name if name else DOCS / page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)

    assert broken == []


def test_the_index_leads_to_every_page() -> None:
    links = set(re.findall(r"\]\(([^)#\s]+)", (DOCS / "index.md").read_text()))
    pages = {str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")} - {"index.md", "reference/speed.md"}  # made by `make bench`

    assert pages - links == set()
    assert {f"../{name}" for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")} <= links


def test_every_option_on_the_pages_is_one() -> None:
    known = {option for name in main.list_commands(CONTEXT) for option in options(name)} | {
        "--dry",
        "--diff",
        "--limit",
        "--data",
        "--serial",
    }
    named = {option for page in WRITTEN for option in re.findall(r"`(--[a-z][a-z-]*)", (DOCS / page).read_text())}

    assert named - known == set()


def options(name: str) -> set[str]:
    command = main.get_command(CONTEXT, name)
    assert command is not None
    return {option for parameter in command.params for option in parameter.opts}


def test_every_command_says_json_as_the_page_promises() -> None:
    assert "Every command has `--json` with stable keys" in (DOCS / "howto/command-line.md").read_text()
    assert [name for name in main.list_commands(CONTEXT) if "--json" not in options(name)] == []


def anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_what_the_page_about_stopped_changes_quotes_is_what_hosts_say() -> None:
    scripts = "\n".join(path.read_text() for path in (DOCS.parent / "deploys/pyinfra_inet46/shell").glob("*.sh"))
    sayings = [re.split(r"\$\{(?:[^{}]|\{[^}]*\})*\}|\$\([^)]*\)+|\$\w+", text) for text in re.findall(r'\bfail "([^"]*)"', scripts)]
    told = [".+".join(map(re.escape, parts)) for parts in sayings if len("".join(parts)) > 10]
    # Those about sockets are put together by awk.
    assert all(f'"{words}' in scripts for words in ("is not there", "is held by ", ", not by "))
    told += [
        r"(sockets changed between look and change: )?\w+: tcp \S+ is not there",
        r"\w+: tcp \S+ is held by \w+ \(pid \d+\), not by \w+ \(pid \d+\)",
    ]
    rows = re.findall(r"^\| [^|]+ \| `([^`]+)` \|", (DOCS / "explanation/stopped.md").read_text(), re.MULTILINE)

    assert len(rows) > 12
    assert [row for row in rows if not any(re.fullmatch(f"({each})(: .+)?", row) for each in told)] == []
