"""`inet46 reload`: what becomes of a super-server whose files change."""

from __future__ import annotations

from typing import Any

import click

from inet46 import formats
from inet46.activation import activation
from inet46.change import After, Down, State, predict_change
from inet46.cli import _show
from inet46.cli._answer import Answer
from inet46.cli._host import host_from, host_options
from inet46.cli._told import Told, gather, locate, something
from inet46.cli._trouble import Refused, both
from inet46.knowledge import Host, InetdBuild, LaunchdBuild, SystemdBuild
from inet46.words import verbs

__all__ = ["reload"]

_STATES = {State.EXITED: "it has exited", State.HANGS: "it hangs"}


@click.command(short_help="What is there after a reload with new files, and what is down.")
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@host_options
@click.option(
    "--signal",
    "signals",
    type=click.Choice(["HUP", "ALRM"]),
    multiple=True,
    help="A signal that it gets when NEW is there. Can be given several times; without it, one HUP.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON; keys are stable.")
@click.pass_context
def reload(
    ctx: click.Context,
    *,
    old: str,
    new: str,
    host: str,
    settings: tuple[str, ...],
    services_file: str | None,
    signals: tuple[str, ...],
    as_json: bool,
) -> None:
    """Say which sockets are there when a super-server that runs with OLD is given NEW and reloaded, and what is down until when.

    OLD and NEW are what it is told to read, then and now: a file each, or a folder, as in `inet46 sockets`.

    \b
    inet46 reload inetd.conf.old inetd.conf --host freebsd-14/inetd
    inet46 reload old/xinetd.d new/xinetd.d --host debian-12/xinetd
    inet46 reload inetd.conf.old inetd.conf --host debian-12/inetutils-inetd --signal HUP --signal HUP

    The last line says how to activate the change so that all that NEW says comes to be. Units of systemd and jobs of launchd are no matter
    of a signal: `inet46 plan --root` says how these are activated.

    Exit status: 0 after these signals all that NEW says is so, 1 something is down, lost, not applied or cut, 2 it could not run.
    """
    (before, after), where = both(lambda: (locate((old,), None), locate((new,), None)), lambda: host_from(host, settings, services_file))
    acts = tuple(f"signal {name}" for name in signals or ("HUP",))
    if isinstance(where.server, SystemdBuild | LaunchdBuild):
        unit = "units" if isinstance(where.server, SystemdBuild) else "jobs"
        raise Refused(
            [f"--host: {where.name} has {unit}, and no signal makes it open their sockets anew (inet46 plan --root says what does)"]
        )
    was, will = gather(before, where, None), gather(after, where, None)
    if not was.real:
        something(will, after, None)
    answer, found, right = _answer(was, will, acts)
    if as_json:
        _show.plain_json({**answer.json(), **_json(found, acts, right)})
    else:
        _print(answer, found, acts, right)
    wrong = answer.losses or found.down or found.cut or found.gone or found.state is not State.SERVES
    ctx.exit(1 if wrong else 0)


def _answer(before: Told, after: Told, acts: tuple[str, ...]) -> tuple[Answer, After, tuple[str, ...]]:
    """Return what there is to say of the sockets, what has become of the daemon, and how the change is to be activated."""
    old, new = formats.read(before.files, before.host), formats.read(after.files, after.host)
    found = predict_change(old, new, acts, after.host)
    unknown = [*before.unknown, *after.unknown, *(before.words(after.words(reason)) for reason in found.unknown)]
    faults = (*new.faults, *(fault for fault in found.faults if fault not in new.faults))
    answer = Answer(
        told=after,
        sockets=found.sockets,
        faults=tuple(after.fault(fault) for fault in faults),
        unknown=tuple(dict.fromkeys(unknown)),
    )
    return answer, found, activation(old, new, after.host)


def _json(found: After, acts: tuple[str, ...], right: tuple[str, ...]) -> dict[str, Any]:
    return {
        "signals": [act.removeprefix("signal ") for act in acts],
        "state": found.state.value,
        "down": [{**_show.socket_json(down.entry.service, down.socket, ()), "seconds": down.seconds} for down in found.down],
        "cut": [entry.service for entry in (*found.cut, *found.gone)],
        "activate": list(right),
    }


def _print(answer: Answer, found: After, acts: tuple[str, ...], right: tuple[str, ...]) -> None:
    host = answer.told.host
    state = f", {_STATES[found.state]}" if found.state in _STATES else ""
    answer.show(f" after {', '.join(act.replace('signal ', 'SIG') for act in acts)}{state}")
    for down in found.down:
        _show.paragraph(f"down: {_down(down, host)}")
    for entry in (*found.cut, *found.gone):
        _show.paragraph(f"cut: the running sessions of {entry.service} are killed")
    _show.paragraph(f"activate with: {verbs(right, host.row.unit) or 'nothing, all is as it was'}")


def _down(down: Down, host: Host) -> str:
    socket = f"{down.entry.service} has no {down.socket.transport.value} {down.socket}"
    if down.seconds is not None:
        return f"{socket} for {down.seconds} s, until {host.row.unit} tries again (SIGALRM: at once)"
    retries = isinstance(host.server, InetdBuild) and host.server.retry_listens
    return f"{socket}, and will not get it {'while these files stay as they are' if retries else 'by itself'}"
