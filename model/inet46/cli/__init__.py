"""The command line, and the only part of inet46 that opens files or prints.

Every command is a module of this package with one click command in it, listed below; what they share stands in the modules with an
underscore. No decision about sockets is taken here: commands read files, ask the library, and show its answer. A command's module is loaded
when the command is asked for, and what only some answers need (rich, importlib.metadata) when there is such an answer.
"""

from __future__ import annotations

import importlib

import click

from inet46.cli._trouble import Group

__all__ = ["main"]

_COMMANDS = ("check", "convert", "explain", "export", "hosts", "plan", "reload", "sockets")


class _Commands(Group):
    """The commands, each loaded when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name them all."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load one."""
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = getattr(importlib.import_module(f"{__name__}.{cmd_name}"), cmd_name)
        return command


def _tell_version(ctx: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001 -- click calls it so
    if value and not ctx.resilient_parsing:
        from inet46.cli._version import version  # noqa: PLC0415 -- importlib.metadata takes a while to load

        click.echo(f"inet46 {version()}")
        ctx.exit()


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--version", is_flag=True, expose_value=False, is_eager=True, callback=_tell_version, help="Show the version and exit.")
def main() -> None:
    """Make network services answer on IPv4 and IPv6, under any super-server.

    \b
    inet46 hosts                                             which hosts are known
    inet46 check /etc/inetd.conf                             what is wrong with files
    inet46 explain I201                                      what a finding means
    inet46 sockets /etc/xinetd.d --host debian-12/xinetd     what files open, and why
    inet46 reload old.conf new.conf --host freebsd-14/inetd  what a reload does to them
    inet46 plan imap.toml --host freebsd-14/inetd            what a host must be told
    inet46 export /etc/inetd.conf --host openbsd-7/inetd     existing files as services
    inet46 convert /etc/xinetd.conf --from debian-12/xinetd --to debian-12/systemd

    A HOST is a kind of host, SYSTEM-RELEASE/SUPER-SERVER. Of this machine nothing is read but the files that are named and what they
    include, and nothing is written but by check --fix and by -o.

    Exit status: 0 all is well, 1 there is something to see to (for plan with --root: to change), 2 it could not run. The help of each
    command says what that means there.
    """
