"""Files through the eyes of hosts: which hosts could read them, and what each of them is told and has around it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import attrs

from inet46 import formats
from inet46.cli._host import host_from
from inet46.cli._told import Given, Told, gather
from inet46.cli._tree import Tree, decode, read
from inet46.cli._trouble import Problems, Refused
from inet46.entry import Entry
from inet46.knowledge import HOSTS, Host, InetdBuild, LaunchdBuild, Place, Server, SystemdBuild, XinetdBuild, resolve
from inet46.lint import View
from inet46.service import Program

__all__ = ["Seen", "candidates", "hosts_from", "see"]

_AROUND = ("/etc/hosts.allow", "/etc/hosts.deny", "/etc/sysctl.conf", "/etc/rc.conf", "/etc/rc.conf.local", "/etc/rc.conf.d/netoptions")
_FOLDERS = ("/etc/sysctl.d", "/run/sysctl.d", "/usr/lib/sysctl.d")


@attrs.frozen(kw_only=True)
class Seen:
    """One host's view of the files, and what the user calls them."""

    told: Told
    view: View

    @property
    def host(self) -> Host:
        """The host that looks."""
        return self.told.host


def hosts_from(names: Iterable[str], settings: tuple[str, ...], services_file: str | None, root: Path | None) -> tuple[Host, ...]:
    """Build every host that is named.

    Raises Refused with what is wrong with any of them.
    """
    problems = Problems()
    hosts: list[Host] = []
    for name in dict.fromkeys(names):
        with problems.gather():
            hosts.append(host_from(name, settings, services_file, root=root))
    problems.settle()
    return tuple(hosts)


def candidates(given: Iterable[Given]) -> tuple[tuple[tuple[Given, ...], tuple[Host, ...]], ...]:
    """Sort PATHs by the kind of super-server that reads them, each kind with every host that has one.

    A folder is what most of its files are. Raises Refused when nothing is told about a file by its looks.
    """
    kinds: dict[type[Server], list[Given]] = {}
    for one in given:
        kinds.setdefault(_kind(one), []).append(one)
    hosts = [resolve(row.name) for row in HOSTS]
    return tuple((tuple(mine), tuple(host for host in hosts if isinstance(host.server, kind))) for kind, mine in kinds.items())


_XINETD = re.compile(r"^[ \t]*(service[ \t]+\S+|defaults|include(dir)?[ \t]+\S+)[ \t\r]*(\{.*)?$", re.MULTILINE | re.IGNORECASE)


def _kind(one: Given) -> type[Server]:
    """Tell units and jobs by their names, an xinetd's file by a line that begins a paragraph; all else is lines of an inetd.conf."""
    names = Tree().listing(str(one.real)) if one.real.is_dir() else [one.path]
    for suffixes, kind in ((r".*\.(socket|service)", SystemdBuild), (r".*\.plist", LaunchdBuild)):
        if sum(re.fullmatch(suffixes, name) is not None for name in names) * 2 > len(names):
            return kind
    if not one.real.is_dir():
        return XinetdBuild if _XINETD.search(decode(read(one.real, one.shown))) else InetdBuild
    tree = Tree()
    texts = (decode(read(one.real / name, f"{one.shown}/{name}")) for name in tree.names(str(one.real))[:20])
    votes = [_XINETD.search(text) is not None for text in texts if text.strip()]
    return XinetdBuild if sum(votes) * 2 > len(votes) else InetdBuild


def see(given: tuple[Given, ...], host: Host, root: Path | None) -> Seen:
    """Return what a host is told, and around it what the rules also look at when there is a root.

    Raises Refused with every file that cannot be read.
    """
    told = gather(given, host, root)
    texts = {path: str(real) for path, real in told.real.items()}
    beside = {path: text for path, text in told.files.items() if path not in texts}
    if root is None:
        return Seen(told=told, view=View(told.host, texts, beside))
    tree, problems = Tree(root), Problems()
    for path in (*_AROUND, *_around(told.host), *(f"{folder}/{name}" for folder in _FOLDERS for name in tree.names(folder))):
        if path not in told.files and tree.is_file(path):
            with problems.gather():
                beside[path] = tree.text(path)
    problems.settle()
    entries = formats.read(told.files, told.host).entries
    view = View(told.host, texts, beside, programs=_programs(entries, tree), users=_users(tree))
    return Seen(told=told, view=view)


def _around(host: Host) -> list[str]:
    """Return the override that a script of the release reads, for each setting that it has."""
    return [f"/etc/rc.conf.d/{setting.script}" for setting in host.row.mapping if setting.place is Place.RC_CONF and setting.script]


def _programs(entries: Iterable[Entry], tree: Tree) -> Mapping[str, bool]:
    paths = {entry.program.path for entry in entries if isinstance(entry.program, Program)}
    return {path: _executable(path, tree) for path in paths}


def _executable(path: str, tree: Tree) -> bool:
    try:
        return tree.is_file(path) and bool(tree.real(path).stat().st_mode & 0o111)
    except (OSError, Refused):
        return False


def _users(tree: Tree) -> frozenset[str] | None:
    """Return the names in /etc/passwd below the root, None where there is no such file."""
    if not tree.is_file("/etc/passwd"):
        return None
    return frozenset(
        line.partition(":")[0] for line in tree.text("/etc/passwd").split("\n") if line and not line.startswith(("#", "+", "-"))
    )
