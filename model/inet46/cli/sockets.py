"""`inet46 sockets`: what files really open."""

from __future__ import annotations

from pathlib import Path

import click

from inet46 import formats
from inet46.cli import _show
from inet46.cli._answer import Answer
from inet46.cli._host import host_from, host_options, root_option
from inet46.cli._stdin import stdin_option
from inet46.cli._told import Told, gather, locate, something
from inet46.cli._trouble import both
from inet46.predict import predict

__all__ = ["sockets"]


@click.command(short_help="Which sockets files really open, and who gets through.")
@click.argument("paths", metavar="[PATH]...", nargs=-1)
@host_options
@root_option("Take everything from below this folder: the PATHs, what they include, /etc/services, and what the release reads besides.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON; keys are stable.")
@stdin_option
@click.pass_context
def sockets(
    ctx: click.Context,
    *,
    paths: tuple[str, ...],
    host: str,
    settings: tuple[str, ...],
    services_file: str | None,
    root: Path | None,
    as_json: bool,
) -> None:
    """Say which sockets a super-server with these files opens, who gets through, and what goes wrong.

    PATH is what the super-server is told to read, in order: a file, or a folder that it reads file by file; - is standard input. An
    xinetd's files are followed where they include others; an inetd.conf among the PATHs of an xinetd means that it runs with
    -inetd_compat. A unit of systemd is read with its service and its drop-ins, and is taken as started.

    \b
    inet46 sockets /etc/inetd.conf --host debian-12/openbsd-inetd
    inet46 sockets /etc/xinetd.d --host debian-12/xinetd --set net.ipv6.bindv6only=1
    inet46 sockets /etc/systemd/system/imap.socket --host debian-12/systemd
    inet46 sockets --host debian-12/xinetd --root /srv/backup/web1

    Without --root nothing but the PATHs and what they include is read, and the usual service names (imap, pop3, ftp and their like) are
    taken as known; --services FILE gives all of them. With --root no PATH is needed: the main file of the super-server is read below DIR,
    and so is what its release reads besides (/etc/inetd.d for inetutils, /etc/inetd.conf for Debian's xinetd). Programs, users and kernel
    settings of the host are never looked at; --set states a kernel setting.

    Exit status: 0 no fault, 1 faults (errors or warnings), 2 it could not run.
    """
    if not paths and root is None:
        raise click.UsageError("Missing argument 'PATH...' (only with --root it can be left out).", ctx)
    given, where = both(lambda: locate(paths, root), lambda: host_from(host, settings, services_file, root=root))
    answer = _answer(something(gather(given, where, root), given, root), root)
    if as_json:
        _show.plain_json(answer.json())
    else:
        answer.show()
    ctx.exit(1 if answer.findings else 0)


def _answer(told: Told, root: Path | None) -> Answer:
    reading = formats.read(told.files, told.host)
    prediction = predict(reading.entries, told.host)
    unknown = [*told.unknown, *(told.words(reason) for reason in (*reading.unknown, *prediction.unknown))]
    if root is not None and told.host.policy.services is None and any(entry.port is None for entry in reading.entries):
        unknown.append(f"/etc/services: not there below {root}, so only the usual service names are known")
    faults = tuple(told.fault(fault) for fault in (*reading.faults, *prediction.faults))
    return Answer(told=told, sockets=prediction.sockets, faults=faults, unknown=tuple(unknown))
