"""The command line, and the only part of inet46 that opens files or prints.

Every command is a module of this package with one click command in it, listed below; what they share stands in the modules with an
underscore. No decision about sockets is taken here: commands read files, ask the library, and show its answer.
"""

from __future__ import annotations

import importlib.metadata

import click

from inet46.cli._trouble import Group
from inet46.cli.check import check
from inet46.cli.convert import convert
from inet46.cli.explain import explain
from inet46.cli.export import export
from inet46.cli.hosts import hosts
from inet46.cli.plan import plan
from inet46.cli.reload import reload
from inet46.cli.sockets import sockets

__all__ = ["main"]


def _version() -> str:
    try:
        return importlib.metadata.version("inet46")
    except importlib.metadata.PackageNotFoundError:
        return "(not installed, run from its source)"


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(_version(), message="inet46 %(version)s")
def main() -> None:
    """Make network services answer on IPv4 and IPv6, under any super-server.

    \b
    inet46 hosts                                             which hosts are known
    inet46 check /etc/inetd.conf                             what is wrong with files
    inet46 explain I201                                      what a finding means
    inet46 sockets /etc/xinetd.d --host debian-12/xinetd     what files open, and why
    inet46 reload old.conf new.conf --host freebsd-14/inetd  what a reload does to them
    inet46 plan imap.toml --host freebsd-14/inetd            what a host must be told

    Exit status: 0 nothing to say, 1 findings (for plan with --root: changes), 2 it could not run.
    """


for _command in (check, convert, explain, export, hosts, plan, reload, sockets):
    main.add_command(_command)
