"""`inet46 plan`: what a host must be told so that services answer."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import click

from inet46 import codec, words
from inet46.activation import RESTART, activation
from inet46.cli import _show
from inet46.cli._host import SUFFIXES, host_from, host_options, root_option
from inet46.cli._stdin import STDIN, read_stdin
from inet46.cli._told import present
from inet46.cli._tree import read
from inet46.cli._trouble import Problems, Refused, both
from inet46.cli._write import write_below
from inet46.host import Sharing
from inet46.knowledge import Host, Place, Setting
from inet46.merge import merge
from inet46.plan import plan as prove
from inet46.plan import skeleton
from inet46.predict import Held
from inet46.service import Service

__all__ = ["plan"]


@attrs.frozen(kw_only=True)
class _Answer:
    """What has to be done. `old` are the host's files as they are; None if nothing is known of them."""

    host: Host
    services: tuple[Service, ...]
    files: Mapping[str, str]
    settings: tuple[Setting, ...]
    sockets: tuple[Held, ...]
    activate: tuple[str, ...]
    old: Mapping[str, str] | None = None
    notes: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()

    @property
    def diff(self) -> str:
        """The unified diff of every file that changes."""
        old = self.old or {}
        return "".join(_show.unified(path, old.get(path), text) for path, text in self.files.items())

    @property
    def changed(self) -> bool | None:
        """True if something has to change; None if that cannot be said."""
        return None if self.old is None else bool(self.files or self.settings)


@click.command(short_help="What a host must be told so that services answer.")
@click.argument("files", metavar="SERVICES...", nargs=-1, required=True)
@host_options
@click.option(
    "--sharing", type=click.Choice([x.value for x in Sharing]), help="One socket for each family, one for both, or what can be had."
)
@root_option("Compare with the host's present files, which lie below this folder, and plan the smallest change to them.")
@click.option("-o", "--output", metavar="DIR", type=click.Path(path_type=Path), help="Write the files below this folder (DIR/etc/...).")
@click.option("--force", is_flag=True, help="With -o: overwrite files that are there and differ.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON; keys are stable.")
@click.pass_context
def plan(
    ctx: click.Context,
    *,
    files: tuple[str, ...],
    host: str,
    settings: tuple[str, ...],
    services_file: str | None,
    sharing: str | None,
    root: Path | None,
    output: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Work out the files, settings and sockets that make services answer on a kind of host, and prove them.

    SERVICES are files that describe services: .toml, .yaml, .yml or .json; - reads TOML from standard input.

    \b
    inet46 plan imap.toml --host debian-12/xinetd
    inet46 plan imap.toml pop3.yaml --host freebsd-4.9/inetd --sharing mapped -o out
    inet46 plan imap.toml --host debian-12/xinetd --root /srv/backup/web1

    Without --root the host's present files are not known: what is printed is all that it needs, and the exit status is 0. With --root the
    files below DIR are read, what is not ours stays as it is byte for byte, and the difference is shown; the exit status is then 1 if
    there is one, 0 if there is none. The running kernel is not below DIR: state its values with --set.

    -o writes whole files, each one under its own name only when it is complete. Nothing outside the folder is touched, and nothing is
    written at all when one of the files is there and differs, unless --force is given.

    Exit status: 0 planned, or nothing to change, 1 changes (only with --root), 2 it could not run, or no plan can be proved.
    """
    shared = Sharing(sharing) if sharing else None
    services, where = both(lambda: _services(files), lambda: host_from(host, settings, services_file, root=root, sharing=shared))
    answer = _new(services, where) if root is None else _change(services, where, root)
    written = [] if output is None else write_below(output, answer.files, force=force)
    if as_json:
        _show.plain_json(_json(answer, written))
    else:
        _print(answer, written)
    ctx.exit(1 if answer.changed else 0)


# -- what is asked ---------------------------------------------------------------------------------------------------------------------


def _services(files: tuple[str, ...]) -> tuple[Service, ...]:
    """Read every file.

    Raises Refused with what is wrong in all of them.
    """
    problems = Problems()
    services: list[Service] = []
    for name in files:
        with problems.gather():
            services += _load(name)
    problems.settle()
    return tuple(services)


def _load(name: str) -> tuple[Service, ...]:
    if name == STDIN:
        return codec.loads(read_stdin(), "toml", path="standard input")
    syntax = SUFFIXES.get(posixpath.splitext(name)[1])
    if syntax is None:
        raise Refused([f"{name}: the name ends in none of {', '.join(SUFFIXES)}, which say what is in it"])
    return codec.loads(read(Path(name), name), syntax, path=name)


# -- what is answered ------------------------------------------------------------------------------------------------------------------


def _new(services: tuple[Service, ...], host: Host) -> _Answer:
    planned = prove(services, host)
    main = skeleton(host)  # a host has it already, and has more in it
    settings = tuple(x for x in planned.settings if x.place is not Place.LIVE or host.policy.setting(x.key) != x.value)
    live = any(setting.place is Place.LIVE for setting in settings)
    return _Answer(
        host=planned.host,
        services=services,
        files={path: text for path, text in planned.files.items() if path not in main},
        notes=tuple(f"{path} has to say: {text.strip()}" for path, text in main.items() if planned.entries),
        settings=settings,
        sockets=planned.sockets,
        # A socket keeps the option that it was made with.
        activate=RESTART if live else activation((), planned.entries, planned.host),
    )


def _change(services: tuple[Service, ...], host: Host, root: Path) -> _Answer:
    if not root.is_dir():
        raise Refused([f"--root: {root} is not a directory"])
    old = present(host, root)
    merged = merge(services, host, old)
    ours = [(service, *_ours(service, merged.before, merged.sockets, host)) for service in services]
    return _Answer(
        host=merged.host,
        services=services,
        files=merged.files,
        settings=merged.live,
        sockets=tuple(held for _, _, after in ours for held in after),
        activate=merged.activate,
        old=old,
        notes=merged.notes,
        changes=tuple(text for service, before, after in ours if (text := _in_words(service, before, after))),
    )


def _ours(service: Service, before: tuple[Held, ...], after: tuple[Held, ...], host: Host) -> tuple[tuple[Held, ...], tuple[Held, ...]]:
    """Return the sockets on a service's port, before and after."""
    port = service.port if service.port is not None else host.port(service.name, service.transport)

    def on_port(sockets: tuple[Held, ...]) -> tuple[Held, ...]:
        return tuple(held for held in sockets if (held.socket.transport, held.socket.port) == (service.transport, port))

    return on_port(before), on_port(after)


def _in_words(service: Service, before: tuple[Held, ...], after: tuple[Held, ...]) -> str | None:
    families = tuple(frozenset(family for held in sockets for family in held.accepts) for sockets in (before, after))
    return words.change(service, [held.socket for held in before], [held.socket for held in after], (families[0], families[1]))


# -- how it is shown -------------------------------------------------------------------------------------------------------------------


def _json(answer: _Answer, written: list[Path]) -> dict[str, Any]:
    return {
        "host": answer.host.name,
        "sharing": answer.host.policy.sharing.value,
        "changed": answer.changed,
        "files": [_show.file_json(path, text) for path, text in answer.files.items()],
        "diff": answer.diff if answer.old is not None else None,
        "settings": [{"place": x.place.value, "key": x.key, "value": x.value} for x in answer.settings],
        "sockets": [_show.socket_json(held.service, held.socket, held.accepts) for held in answer.sockets],
        "activate": list(answer.activate) if answer.changed is not False else [],
        "notes": list(answer.notes),
        "written": [str(path) for path in written],
    }


def _print(answer: _Answer, written: list[Path]) -> None:
    _show.heading(f"{answer.host.name}, sharing {answer.host.policy.sharing.value}{'' if answer.changed is not False else ': no change'}")
    _show.text()
    if answer.old is None:
        _show.files(answer.files)
    elif answer.files:
        _show.diff(answer.diff)
        _show.text()
    if answer.settings:
        _show.heading("settings")
        _show.table(("WHERE", "SETTING"), [_setting(setting) for setting in answer.settings])
        _show.text()
    if answer.sockets:
        _show.table(("SERVICE", "SOCKET", "ANSWERS"), [_row(held) for held in answer.sockets])
        _show.text()
    for line in (*answer.changes, *answer.notes, *_left_out(answer), *(f"wrote {path}" for path in written)):
        _show.paragraph(line)
    if answer.activate and answer.changed is not False:
        _show.paragraph(f"then: {words.verbs(answer.activate, answer.host.row.unit)}")


def _left_out(answer: _Answer) -> list[str]:
    return [f"{service}: enabled is false, so it is left out" for service in answer.services if not service.enabled and answer.old is None]


def _setting(setting: Setting) -> tuple[str, str]:
    match setting.place:
        case Place.RC_CONF:
            return "/etc/rc.conf", f'{setting.key}="{setting.value}"'
        case Place.SYSCTL:
            return "/etc/sysctl.d", f"{setting.key} = {setting.value}"
        case Place.SYSCTL_CONF:
            return "/etc/sysctl.conf", f"{setting.key}={setting.value}"
        case Place.LIVE:
            return "live", f"sysctl -w {setting.key}={setting.value}"


def _row(held: Held) -> tuple[str, str, str]:
    return held.service, f"{held.socket.transport.value} {held.socket}", words.answers(held.accepts)
