"""How things are printed: text that is safe on a terminal, tables, JSON.

Tables fit the terminal, 80 columns included; into a pipe they are as wide as they need to be. Colour is for terminals, and NO_COLOR is
respected.
"""

from __future__ import annotations

import difflib
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from inet46.diagnostics import Diagnostic, Severity, render
from inet46.formats import Link
from inet46.sockets import Family, Socket
from inet46.words import one_line, visible

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = [
    "answers",
    "diagnostic",
    "diff",
    "file_json",
    "files",
    "heading",
    "one_line",
    "paragraph",
    "plain_json",
    "socket_json",
    "table",
    "text",
    "unified",
    "visible",
]

_PIPED = 10_000  # columns, where nobody's terminal limits them
_READABLE = 100  # columns of running text
_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}


def text(string: str = "") -> None:
    """Print a text as it is, made visible."""
    click.echo(visible(string))


def heading(string: str) -> None:
    """Print the line above a part of the output."""
    click.echo(click.style(one_line(string), bold=True))


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows in columns; cells that do not fit are folded, never cut."""
    from rich.table import Table  # noqa: PLC0415 -- rich takes longer to load than most commands to run
    from rich.text import Text  # noqa: PLC0415

    grid = Table(box=None, pad_edge=False, header_style="bold")
    for title in titles:
        grid.add_column(title, overflow="fold")
    for row in rows:
        grid.add_row(*(Text(one_line(cell)) for cell in row))
    _draw(grid, _width())


def paragraph(string: str, *, indent: int = 0) -> None:
    """Print running text, wrapped."""
    from rich.padding import Padding  # noqa: PLC0415 -- as above
    from rich.text import Text  # noqa: PLC0415

    _draw(Padding(Text(one_line(string)), (0, 0, 0, indent)), min(_width(), _READABLE))


def _width() -> int:
    if not sys.stdout.isatty() and "COLUMNS" not in os.environ:
        return _PIPED
    from rich.console import Console  # noqa: PLC0415 -- as above

    return Console(file=sys.stdout).width


def _draw(what: RenderableType, width: int) -> None:
    from rich.console import Console  # noqa: PLC0415 -- as above

    console = Console(file=sys.stdout, width=width, highlight=False)
    with console.capture() as drawn:
        console.print(what)
    for line in drawn.get().splitlines():
        click.echo(line.rstrip(" "))


def diagnostic(fault: Diagnostic) -> None:
    """Print a diagnostic, drawn over its source line."""
    head, *rest = visible(render(fault)).split("\n")
    colour = _COLOURS[fault.severity]
    label, colon, message = head.partition(":")
    click.echo(click.style(label, fg=colour, bold=True) + click.style(colon + message, bold=True))
    for line in rest:
        marker = re.fullmatch(r"( +\| )([\s^]*\^)", line)
        click.echo(marker[1] + click.style(marker[2], fg=colour, bold=True) if marker else line)
    click.echo()


def plain_json(data: object) -> None:
    r"""Print JSON in ASCII: bytes that are not UTF-8 are the escapes \udc80 to \udcff, as Python reads them back."""
    import json  # noqa: PLC0415 -- the usual answer is text

    click.echo(json.dumps(data, indent=2))


def answers(accepts: Iterable[Family]) -> list[str]:
    """Return client families in a fixed order."""
    return sorted(family.value for family in accepts)


def socket_json(service: str, socket: Socket, accepts: Iterable[Family]) -> dict[str, Any]:
    """Return the keys that every socket has in JSON, in their order."""
    return {
        "service": service,
        "transport": socket.transport.value,
        "family": socket.family.value,
        "address": socket.address,
        "port": socket.port,
        "v6only": socket.v6only,
        "accepts": answers(accepts),
    }


def file_json(path: str, text: str) -> dict[str, str]:
    """Return the keys of a file in JSON: its text, or where it points if it is a symbolic link."""
    return {"path": path, "link": str(text)} if isinstance(text, Link) else {"path": path, "text": text}


def files(texts: Mapping[str, str]) -> None:
    """Print files, each under its path; of a symbolic link where it points."""
    for path, string in texts.items():
        if isinstance(string, Link):
            heading(f"==> {path} -> {string} <==")
            text()
        else:
            heading(f"==> {path} <==")
            text(string)


def diff(text: str) -> None:
    """Print a unified diff, coloured as diffs are."""
    colours = {"+": "green", "-": "red", "@": "cyan"}
    for line in visible(text).split("\n")[:-1]:
        click.echo(click.style(line, fg=colours.get(line[:1]), bold=line.startswith(("+++", "---"))))


def unified(path: str, old: str | None, new: str) -> str:
    """Return a unified diff, cut at newlines and nowhere else; a symbolic link is a line that says where it points."""

    def lines(text: str) -> list[str]:
        if isinstance(text, Link):
            return [f"symbolic link to {text}\n"] if text else []
        return [line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in re.findall(r"[^\n]*\n|[^\n]+", text)]

    made = difflib.unified_diff(lines(old or ""), lines(new), "/dev/null" if old is None else path, path)
    return "".join(made)
