"""PATH - : standard input, kept in a folder of its own while the command runs, so that it is a file like any other."""

from __future__ import annotations

import posixpath
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from inet46.cli._tree import LARGEST, decode, why
from inet46.cli._trouble import Refused

__all__ = ["STDIN", "read_stdin", "spooled", "stdin_option"]

F = TypeVar("F", bound=Callable[..., Any])

STDIN = "-"
_KEY = "inet46.stdin_name"

# Units, jobs and manifests are known by their names, and what is in them says which end of a name it must be.
_ENDS = (
    (r"^[ \t]*\[Socket\]", ".socket"),
    (r"^[ \t]*\[(Service|Unit)\]", ".service"),
    (r"<plist\b|\A\{", ".plist"),
    (r"<service_bundle\b", ".xml"),
)


def _keep(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None:
        ctx.meta[_KEY] = value


def stdin_option(command: F) -> F:
    """Add --stdin-filename, the name of what PATH - reads."""
    text = "What standard input (PATH -) is called, where a name tells what it is (imap.socket) and in what is printed."
    return click.option("--stdin-filename", metavar="NAME", expose_value=False, is_eager=True, callback=_keep, help=text)(command)


def read_stdin() -> bytes:
    """Return what is on standard input.

    Raises Refused when there is none, or too much of it.
    """
    if sys.stdin is None:  # `<&-` in a shell
        raise Refused(["standard input: closed"])
    try:
        data = sys.stdin.buffer.read(LARGEST + 1)
    except OSError as error:
        raise Refused([f"standard input: {why(error)}"]) from None
    if len(data) > LARGEST:
        raise Refused([f"standard input: has more than {LARGEST >> 20} MiB, so it is no configuration"])
    return data


def spooled() -> tuple[Path, str]:
    """Put standard input into a file that lasts as long as the command; return where it lies, and what the user calls it.

    Raises Refused when it cannot be read, or when it is to have a name that no file has.
    """
    ctx = click.get_current_context()
    name = ctx.meta.get(_KEY, STDIN)
    data = read_stdin()
    text = decode(data)
    last = posixpath.basename(name)
    if last in {"", ".", ".."} or "\0" in last:
        raise Refused([f"--stdin-filename: {name!r} is not the name of a file"])
    if name == STDIN:
        last = "stdin" + next((end for pattern, end in _ENDS if re.search(pattern, text, re.MULTILINE)), "")
    import tempfile  # noqa: PLC0415 -- it takes a while to load, and most PATHs are files

    path = Path(ctx.with_resource(tempfile.TemporaryDirectory(prefix="inet46-"))) / last
    path.write_bytes(data)
    return path, name
