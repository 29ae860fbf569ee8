"""`inet46 convert`: the files of one super-server as those of another, with a report of what is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import click

from inet46.cli import _show
from inet46.cli._host import host_from, root_option
from inet46.cli._stdin import stdin_option
from inet46.cli._told import Told, gather, locate, something, unseen
from inet46.cli._trouble import Refused, both
from inet46.cli._write import write_below
from inet46.convert import Conversion, Loss
from inet46.convert import convert as carry
from inet46.words import answers

__all__ = ["convert"]


@click.command(short_help="Files for another super-server, and what is lost on the way.")
@click.argument("paths", metavar="[PATH]...", nargs=-1)
@click.option("--from", "source", metavar="HOST", required=True, help="The kind of host that the files are from.")
@click.option("--to", "target", metavar="HOST", required=True, help="The kind of host that they are to be for.")
@click.option("--set", "settings", metavar="KEY=VALUE", multiple=True, help="State a kernel setting of the old host.")
@click.option("--services", "services_file", metavar="FILE", help="The /etc/services of both hosts. Without it the usual names are known.")
@root_option("Take the files, and what they include, from below this folder; without a PATH all that the old host reads.")
@click.option("-o", "--output", metavar="DIR", type=click.Path(path_type=Path), help="Write the new files below this folder.")
@click.option("--force", is_flag=True, help="With -o, overwrite files that are there and differ.")
@click.option("--strict", is_flag=True, help="Refuse when something that guards a service would be lost: access, a limit, a family.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON; keys are stable.")
@stdin_option
@click.pass_context
def convert(
    ctx: click.Context,
    *,
    paths: tuple[str, ...],
    source: str,
    target: str,
    settings: tuple[str, ...],
    services_file: str | None,
    root: Path | None,
    output: Path | None,
    force: bool,
    strict: bool,
    as_json: bool,
) -> None:
    """Turn what a super-server really serves into the files of another one, and say what cannot be carried over.

    \b
    inet46 convert /etc/xinetd.conf --from debian-12/xinetd --to debian-12/openbsd-inetd
    inet46 convert /etc/inetd.conf --from debian-12/openbsd-inetd --to debian-12/xinetd -o out --strict

    PATH is a file or a folder, as in `inet46 sockets`; - is standard input. Give an xinetd's main file (or the whole host with --root), not
    only its folder: what stands in defaults holds for every paragraph.

    What listens on paper only (disabled, broken, in vain) is left out, and that is said. The result is read back and predicted like every
    plan. A loss names what is gone, where it stood, why, and what comes nearest.

    Exit status: 0 nothing is lost, 1 something is lost or not known, 2 it could not run, or --strict refused.
    """
    if not paths and root is None:
        raise click.UsageError("Missing argument 'PATH...' (only with --root it can be left out).", ctx)
    old, new = both(
        lambda: host_from(source, settings, services_file, root=root, option="--from"),
        lambda: host_from(target, (), services_file, option="--to"),
    )
    given = locate(paths, root)
    told = something(gather(given, old, root), given, root)
    made = carry(told.files, told.host, new)
    if strict and made.unguarded:
        raise Refused([f"--strict: {_line(loss, told)}" for loss in made.unguarded])
    written = [] if output is None else write_below(output, made.files, force=force)
    if as_json:
        _show.plain_json(_json(made, told, written))
    else:
        _print(made, told, written)
    ctx.exit(1 if made.losses or _unknown(made, told) else 0)


def _unknown(made: Conversion, told: Told) -> list[str]:
    return [*told.unknown, *unseen(told), *map(told.words, made.unknown)]


def _line(loss: Loss, told: Told) -> str:
    place = _place(loss, told)
    return (f"{place[0]}:{place[1]}: " if place[0] else "") + str(attrs.evolve(loss, span=None))


def _place(loss: Loss, told: Told) -> tuple[str | None, int | None]:
    return (told.path(loss.span.source.path), loss.span.line) if loss.span is not None else (None, None)


def _json(made: Conversion, told: Told, written: list[Path]) -> dict[str, Any]:
    return {
        "from": told.host.name,
        "to": made.host.name,
        "files": [_show.file_json(path, text) for path, text in made.files.items()],
        "settings": [{"place": x.place.value, "key": x.key, "value": x.value} for x in made.settings],
        "sockets": [_show.socket_json(held.service, held.socket, held.accepts) for held in made.sockets],
        "losses": [_loss_json(loss, told) for loss in made.losses],
        "differences": list(made.differences),
        "on_paper": [told.words(text) for text in made.on_paper],
        "unknown": _unknown(made, told),
        "written": [str(path) for path in written],
    }


def _loss_json(loss: Loss, told: Told) -> dict[str, Any]:
    path, line = _place(loss, told)
    return {
        "service": loss.service,
        "thing": loss.thing,
        "what": loss.what,
        "why": loss.why,
        "guards": loss.guards,
        "instead": loss.instead,
        "path": path,
        "line": line,
    }


def _print(made: Conversion, told: Told, written: list[Path]) -> None:
    _show.heading(f"{told.host.name} to {made.host.name}")
    _show.text()
    if not written:
        _show.files(made.files)
    for setting in made.settings:
        _show.paragraph(f"setting: {setting.key} = {setting.value} ({setting.place.value})")
    if made.sockets:
        rows = [(held.service, f"{held.socket.transport.value} {held.socket}", answers(held.accepts)) for held in made.sockets]
        _show.table(("SERVICE", "SOCKET", "ANSWERS"), rows)
        _show.text()
    for title, lines in (
        ("lost, and it guarded something:", [_line(loss, told) for loss in made.losses if loss.guards]),
        ("lost:", [_line(loss, told) for loss in made.losses if not loss.guards]),
        ("the same clients, in another way:", list(made.differences)),
        ("on paper only, and left out:", [told.words(text) for text in made.on_paper]),
        ("not known, and left out:", _unknown(made, told)),
    ):
        if lines:
            _show.heading(title)
            for line in lines:
                _show.paragraph(line, indent=2)
            _show.text()
    for target in written:
        _show.paragraph(f"wrote {target}")
    if not made.losses and not _unknown(made, told):
        _show.paragraph("nothing is lost")
