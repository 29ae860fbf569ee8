"""`inet46 sockets`: what files really open."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import click

from inet46 import formats
from inet46.cli import _show
from inet46.cli._host import host_from, host_options, root_option
from inet46.cli._told import Told, gather, locate
from inet46.cli._trouble import both
from inet46.diagnostics import Diagnostic, Severity
from inet46.predict import Held, predict
from inet46.words import answers

__all__ = ["sockets"]


@attrs.frozen(kw_only=True)
class _Answer:
    """What is said about the PATHs, in the user's words."""

    told: Told
    sockets: tuple[Held, ...]
    faults: tuple[Diagnostic, ...]
    unknown: tuple[str, ...]

    @property
    def findings(self) -> bool:
        """True if there is a fault that costs something."""
        return any(fault.severity is not Severity.NOTE for fault in self.faults)


@click.command()
@click.argument("paths", metavar="PATH...", nargs=-1)
@host_options
@root_option("Take everything from below this folder: the PATHs, what they include, /etc/services, and what the release reads besides.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON; keys are stable.")
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

    PATH is what the super-server is told to read, in order: a file, or a folder that it reads file by file. An xinetd's files are followed
    where they include others; an inetd.conf among the PATHs of an xinetd means that it runs with -inetd_compat.

    \b
    inet46 sockets /etc/inetd.conf --host debian-12/openbsd-inetd
    inet46 sockets /etc/xinetd.d --host debian-12/xinetd --set net.ipv6.bindv6only=1
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
    answer = _answer(gather(given, where, root), root)
    if as_json:
        _show.plain_json(_json(answer))
    else:
        _print(answer)
    ctx.exit(1 if answer.findings else 0)


def _answer(told: Told, root: Path | None) -> _Answer:
    reading = formats.read(told.files, told.host)
    prediction = predict(reading.entries, told.host)
    unknown = [*told.unknown, *(told.words(reason) for reason in (*reading.unknown, *prediction.unknown))]
    if root is not None and told.host.policy.services is None and any(entry.port is None for entry in reading.entries):
        unknown.append(f"/etc/services: not there below {root}, so only the usual service names are known")
    faults = tuple(told.fault(fault) for fault in (*reading.faults, *prediction.faults))
    return _Answer(told=told, sockets=prediction.sockets, faults=faults, unknown=tuple(unknown))


def _place(held: Held, told: Told) -> tuple[str | None, int | None]:
    origin = held.entry.origin
    return (None, None) if origin is None else (told.path(origin.source.path), origin.line)


def _json(answer: _Answer) -> dict[str, Any]:
    return {
        "host": answer.told.host.name,
        "sockets": [_socket_json(held, answer.told) for held in answer.sockets],
        "faults": [_fault_json(fault) for fault in answer.faults],
        "unknown": list(answer.unknown),
    }


def _socket_json(held: Held, told: Told) -> dict[str, Any]:
    path, line = _place(held, told)
    return {**_show.socket_json(held.service, held.socket, held.accepts), "path": path, "line": line}


def _fault_json(fault: Diagnostic) -> dict[str, Any]:
    span = fault.span
    return {
        "code": fault.code,
        "name": fault.name,
        "severity": fault.severity.value,
        "message": fault.message,
        "path": span.source.path if span else None,
        "line": span.line if span else None,
        "column": span.column if span else None,
    }


def _print(answer: _Answer) -> None:
    _show.heading(f"{answer.told.host.name}: {_count(answer)}")
    _show.text()
    if answer.sockets:
        _show.table(("SERVICE", "SOCKET", "ANSWERS", "FROM"), [_row(held, answer.told) for held in answer.sockets])
        _show.text()
    for fault in answer.faults:
        _show.diagnostic(fault)
    if answer.unknown:
        _show.heading("not known:")
        for reason in answer.unknown:
            _show.paragraph(reason, indent=2)


def _row(held: Held, told: Told) -> tuple[str, str, str, str]:
    path, line = _place(held, told)
    return held.service, f"{held.socket.transport.value} {held.socket}", answers(held.accepts), f"{path}:{line}"


def _count(answer: _Answer) -> str:
    parts = [_plural(len(answer.sockets), "socket")]
    for severity in Severity:
        number = sum(fault.severity is severity for fault in answer.faults)
        parts += [_plural(number, severity.value)] if number else []
    parts += [f"{len(answer.unknown)} not known"] if answer.unknown else []
    return ", ".join(parts)


def _plural(number: int, word: str) -> str:
    return f"{number or 'no'} {word}{'' if number == 1 else 's'}"
