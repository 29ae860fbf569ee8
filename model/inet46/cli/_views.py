"""Files through the eyes of hosts: which hosts could read them, and what each of them is told and has around it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import attrs

from inet46 import formats
from inet46.cli._host import host_from
from inet46.cli._told import Given, Told, gather
from inet46.cli._tree import Tree, decode, read
from inet46.cli._trouble import Problems, Refused
from inet46.knowledge import HOSTS, Host, InetdBuild, LaunchdBuild, Place, Server, SystemdBuild, XinetdBuild, resolve
from inet46.lint import View
from inet46.service import Program

__all__ = ["Seen", "candidates", "hosts_from", "see", "sorted_by_kind"]

_AROUND = ("/etc/hosts.allow", "/etc/hosts.deny", "/etc/sysctl.conf", "/etc/rc.conf", "/etc/rc.conf.local", "/etc/rc.conf.d/netoptions")
_PROGRAMS = ("/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/libexec", "/usr/local/sbin")
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
    return _by_kind(given, [resolve(row.name) for row in HOSTS])


def sorted_by_kind(given: tuple[Given, ...], hosts: tuple[Host, ...]) -> tuple[tuple[tuple[Given, ...], tuple[Host, ...]], ...]:
    """Give each of several hosts the PATHs that its kind of super-server reads: a fleet's files in one repository are not one host's.

    All of them go to every host where the hosts are of one kind, or where a PATH would be nobody's.
    """
    if len({type(host.server) for host in hosts}) < 2:
        return ((given, hosts),)
    groups = _by_kind(given, hosts)
    readers = [host for _, mine in groups for host in mine]
    return groups if all(mine for _, mine in groups) and all(host in readers for host in hosts) else ((given, hosts),)


def _by_kind(given: Iterable[Given], hosts: Iterable[Host]) -> tuple[tuple[tuple[Given, ...], tuple[Host, ...]], ...]:
    kinds: dict[type[Server] | None, list[Given]] = {}
    for one in given:
        kinds.setdefault(_kind(one), []).append(one)
    return tuple((tuple(mine), tuple(host for host in hosts if _reads(host.server, kind))) for kind, mine in kinds.items())


def _reads(server: Server, kind: type[Server] | None) -> bool:
    """Return True for a super-server of this kind; None are those that are told by manifests of SMF."""
    return isinstance(server, kind) if kind is not None else isinstance(server, InetdBuild) and server.manifests is not None


_XINETD = re.compile(r"^[ \t]*(service[ \t]+\S+|defaults|include(dir)?[ \t]+\S+)[ \t\r]*(\{.*)?$", re.MULTILINE | re.IGNORECASE)


def _kind(one: Given) -> type[Server] | None:
    """Tell units, jobs and manifests by their names, an xinetd's file by a line that begins a paragraph; all else is an inetd.conf."""
    names = Tree().listing(str(one.real)) if one.real.is_dir() else [one.path]
    named: tuple[tuple[str, type[Server] | None], ...] = (
        (r".*\.(socket|service)", SystemdBuild),
        (r".*\.plist", LaunchdBuild),
        (r".*\.xml", None),
    )
    for suffixes, kind in named:
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
    # Without a root an include may lead to files of this very machine: only what was given is anybody's to mend.
    texts = {path: str(real) for path, real in told.real.items() if root is not None or path in told.shown}
    beside = {path: text for path, text in told.files.items() if path not in texts}
    if root is None:
        return Seen(told=told, view=View(told.host, texts, beside))
    tree, problems = Tree(root), Problems()
    for path in (*_AROUND, *_around(told.host), *(f"{folder}/{name}" for folder in _FOLDERS for name in tree.names(folder))):
        if path not in told.files and tree.is_file(path):
            with problems.gather():
                beside[path] = tree.text(path)
    problems.settle()
    told = attrs.evolve(told, host=_looked_at(told, tree))
    return Seen(told=told, view=View(told.host, texts, beside))


def _around(host: Host) -> list[str]:
    """Return the override that a script of the release reads, for each setting that it has."""
    return [f"/etc/rc.conf.d/{setting.script}" for setting in host.row.mapping if setting.place is Place.RC_CONF and setting.script]


def _looked_at(told: Told, tree: Tree) -> Host:
    """Return the host with its users and groups, and of its programs those that are named in these files."""
    named = {entry.program.path for entry in formats.read(told.files, told.host).entries if isinstance(entry.program, Program)}
    for text in told.files.values():
        named |= {word for word in re.findall(r"(?<![^\s\"'=])/[^\s\"']+", text) if word.isprintable()}
        named |= {f"/{word}" for word in re.findall(r"\bserver[ \t]*=[ \t]*([^/\s]\S*)", text) if word.isprintable()}
    programs = tuple(sorted(path for path in {*named, told.host.row.daemon} if _executable(path, tree)))
    there = any(map(tree.is_folder, _PROGRAMS))  # a copy of /etc alone says nothing of programs
    users, groups = (_names(tree, path) for path in ("/etc/passwd", "/etc/group"))
    return resolve(attrs.evolve(told.host.policy, programs=programs if there else None, users=users, groups=groups))


def _executable(path: str, tree: Tree) -> bool:
    try:
        return tree.is_file(path) and bool(tree.real(path).stat().st_mode & 0o111)
    except (OSError, Refused):
        return False


def _names(tree: Tree, path: str) -> tuple[str, ...] | None:
    """Return the names in the first column of a file below the root, None where there is no such file."""
    if not tree.is_file(path):
        return None
    lines = (line for line in tree.text(path).split("\n") if not line.startswith(("#", "+", "-")))
    return tuple(name for name in (line.partition(":")[0] for line in lines) if name and name.isprintable())
