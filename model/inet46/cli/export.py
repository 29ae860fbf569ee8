"""`inet46 export`: what a host serves, as services for a deploy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from inet46 import codec
from inet46.cli import _show
from inet46.cli._host import SUFFIXES, host_from, host_options, root_option
from inet46.cli._stdin import stdin_option
from inet46.cli._told import gather, locate, something, unseen
from inet46.cli._trouble import both
from inet46.convert import export as read_back
from inet46.convert import kept_in_defaults
from inet46.service import Service

__all__ = ["export"]


@click.command(short_help="Existing files read back into services, for plan and deploys.")
@click.argument("paths", metavar="[PATH]...", nargs=-1)
@host_options
@root_option("Take the files, and what they include, from below this folder; without a PATH all that the host reads.")
@click.option(
    "--format", "form", type=click.Choice(["toml", "yaml", "json", "python"]), default="toml", show_default=True, help="What to write."
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@stdin_option
@click.pass_context
def export(
    ctx: click.Context,
    *,
    paths: tuple[str, ...],
    host: str,
    settings: tuple[str, ...],
    services_file: str | None,
    root: Path | None,
    form: str,
    as_json: bool,
) -> None:
    """Read existing files back into services: the way in for machines that have no model yet.

    \b
    inet46 export /etc/inetd.conf --host debian-12/openbsd-inetd > services.toml
    inet46 export --root /srv/backup/web1 --host debian-12/xinetd --format python

    PATH is a file or a folder, as in `inet46 sockets`; - is standard input.

    What is printed can be planned and deployed as it is, and changes nothing for the clients of that host. What it cannot say, what the
    defaults of an xinetd say besides, and what listens on paper only, is said on standard error.

    Exit status: 0 the services say it all, 1 something is left out or not known, 2 it could not run.
    """
    if not paths and root is None:
        raise click.UsageError("Missing argument 'PATH...' (only with --root it can be left out).", ctx)
    given, where = both(lambda: locate(paths, root), lambda: host_from(host, settings, services_file, root=root))
    told = something(gather(given, where, root), given, root)
    made = read_back(told.files, told.host)
    click.echo(_written(made.services, "json" if as_json else form), nl=False)
    losses = [str(loss) for loss in (*made.losses, *(loss for found in made.found for loss in found.losses))]
    losses += kept_in_defaults(made)
    unknown = [f"not known: {reason}" for reason in (*told.unknown, *unseen(told), *made.unknown)]
    for line in (*losses, *made.on_paper, *unknown):
        click.echo(_show.one_line(told.words(line)), err=True)
    ctx.exit(1 if losses or unknown else 0)


def _written(services: tuple[Service, ...], form: str) -> str:
    syntax = SUFFIXES.get(f".{form}")
    return _python(services) if syntax is None else codec.dumps(services, syntax).rstrip("\n") + "\n"


def _python(services: tuple[Service, ...]) -> str:
    """Write a deploy in plain data, which needs no import but the deploy's own."""
    lines = ["from pyinfra_inet46.deploys import answer", "", "answer(", "    services=["]
    for service in services:
        lines += [f"        {line}" for line in _literal(codec.to_plain(service)).split("\n")]
        lines[-1] += ","
    return "\n".join([*lines, "    ],", ")", ""])


def _literal(value: Any, indent: int = 0) -> str:
    """Write a dict as a person would, one key a line; everything else as Python writes it."""
    if not isinstance(value, dict):
        return repr(value)
    pad = " " * (indent + 4)
    inner = "".join(f"{pad}{key!r}: {_literal(item, indent + 4)},\n" for key, item in value.items())
    return f"{{\n{inner}{' ' * indent}}}"
