"""`inet46 hosts`: what is known, and from where."""

from __future__ import annotations

from typing import Any, assert_never

import click

from inet46.cli import _show
from inet46.cli._hosts_page import evidence, page
from inet46.knowledge import HOSTS, Host, InetdBuild, LaunchdBuild, Server, SystemdBuild, XinetdBuild, resolve

__all__ = ["hosts"]


@click.command(short_help="The kinds of host that are known, and where that is known from.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON; keys are stable.")
@click.option("--markdown", is_flag=True, help="Print the page docs/reference/hosts.md.")
def hosts(*, as_json: bool, markdown: bool) -> None:
    """List every known host: kernel, build of the super-server, the files it reads, and where that is known from.

    \b
    inet46 hosts
    inet46 hosts --json

    A host is called measured when this project's tests run its super-server on its kernel, and simulated when its behaviour was read in
    sources or measured elsewhere, and is computed here.

    Exit status: 0, or 2 it could not run.
    """
    if as_json and markdown:
        raise click.UsageError("--json and --markdown exclude each other.")
    if as_json:
        _show.plain_json({"hosts": [_json(resolve(row.name)) for row in HOSTS]})
    elif markdown:
        click.echo(page(), nl=False)
    else:
        _print()


def _print() -> None:
    rows = [resolve(row.name) for row in HOSTS]
    _show.table(
        ("HOST", "SUPER-SERVER AND KERNEL", "READS"),
        [cells for host in rows for cells in ((host.name, host.server.name, host.config), _second_line(host))],
    )
    for title, sources in (
        ("Hosts", {host.name: host.row.source for host in rows}),
        ("Super-servers", {host.server.name: host.server.source for host in rows}),
        ("Kernels", {host.kernel.name: host.kernel.source for host in rows}),
    ):
        _show.text()
        _show.heading(f"Sources: {title}" if title == "Hosts" else title)
        for name, source in sources.items():
            _show.paragraph(f"{name}: {source}", indent=2)


def _second_line(host: Host) -> tuple[str, str, str]:
    also = [f"{host.directory}/"] if host.directory else []
    also += ["/etc/inetd.conf"] if host.compat else []
    also += [f"{host.server.manifests}/"] if isinstance(host.server, InetdBuild) and host.server.manifests else []
    return f"  {evidence(host.row)}{'' if host.row.deploys else ', no deploys'}", f"on {host.kernel.name}", " ".join(also)


def _kind(server: Server) -> str:
    match server:
        case InetdBuild():
            return "inetd"
        case XinetdBuild():
            return "xinetd"
        case SystemdBuild():
            return "systemd"
        case LaunchdBuild():
            return "launchd"
        case other:
            assert_never(other)


def _json(host: Host) -> dict[str, Any]:
    row, kernel, server = host.row, host.kernel, host.server
    return {
        "name": host.name,
        "evidence": evidence(row),
        "kernel": {
            "name": kernel.name,
            "v6only_default": host.v6only_default,
            "knob": kernel.knob,
            "dual": kernel.dual.value,
            "source": kernel.source,
        },
        "super_server": {
            "name": server.name,
            "kind": _kind(server),
            "daemon": row.daemon,
            "unit": row.unit,
            "source": server.source,
            **(_running(server) if isinstance(server, InetdBuild) else {}),
        },
        "config": host.config,
        "directory": host.directory,
        "inetd_compat": host.compat,
        "settings": dict(row.settings),
        "mapping": [{"place": setting.place.value, "key": setting.key, "value": setting.value} for setting in row.mapping],
        "deploys": row.deploys,
        "source": row.source,
    }


def _running(build: InetdBuild) -> dict[str, Any]:
    """Return what no line of an inetd.conf says; null is unknown."""
    spawn = build.spawn
    return {
        "spawn": None if spawn is None else {"connections": spawn.connections, "seconds": spawn.seconds, "beyond": spawn.beyond},
        "backlog": build.backlog,
        "access": build.access,
        "options": build.options,
        "pid_file": build.pid_file,
        "reload": {"matches": list(build.matches), "rebinds_all": build.rebinds_all, "missing_file_kills": build.missing_file_kills},
        "retry": build.retry,
        "manifests": build.manifests,
    }
