"""From the PATHs of a command line to what the library reads: the files of a super-server, under the paths that it knows them by.

A host's own paths are keys here, and `shown` says what the user calls them. PATHs may lie anywhere and come in any order, so the
super-server is told to read stand-ins: an xinetd a main file that includes each PATH in turn, an inetd a folder in which the files are
numbered in their order. What the library says about these is put back into the user's words.
"""

from __future__ import annotations

import functools
import os
import posixpath
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from inet46 import formats
from inet46.cli import _units
from inet46.cli._stdin import STDIN, spooled
from inet46.cli._tree import Tree, decode, read
from inet46.cli._trouble import Problems, Refused
from inet46.diagnostics import Diagnostic, Edit, Fix, Label, Source, Span
from inet46.formats import inetd
from inet46.knowledge import Host, InetdBuild, LaunchdBuild, Place, Server, Setting, SystemdBuild, XinetdBuild

if TYPE_CHECKING:
    from inet46.formats.xinetd import Include

__all__ = ["Gatherer", "Given", "Told", "gather", "locate", "present", "something", "unseen"]

_MAIN = "/inet46-given.conf"
_FOLDER = "/inet46-given"


@attrs.frozen(slots=False)  # as `Subject` of the linter
class Told:
    """What a super-server is told to read: a host whose configuration it is, texts by path, and the user's names for the paths.

    `real` is where each text lies here; a stand-in lies nowhere.
    """

    host: Host
    files: Mapping[str, str]
    shown: Mapping[str, str]
    unknown: tuple[str, ...] = ()
    real: Mapping[str, Path] = attrs.field(factory=dict)

    def path(self, path: str) -> str:
        """Return what the user calls a path."""
        return self.shown.get(path, path)

    def words(self, text: str) -> str:
        """Put a sentence into the user's words, path by path."""
        keys = sorted((key for key, name in self.shown.items() if key != name), key=len, reverse=True)
        if not keys:
            return text
        return re.sub(rf"(?<![^\s(])({'|'.join(map(re.escape, keys))})(?![^\s:;,)])", lambda match: self.shown[match[1]], text)

    def fault(self, fault: Diagnostic) -> Diagnostic:
        """Put a diagnostic into the user's words."""
        return attrs.evolve(
            fault,
            span=self._span(fault.span) if fault.span is not None else None,
            message=self.words(fault.message),
            notes=tuple(map(self.words, fault.notes)),
            labels=tuple(Label(self._span(label.span), self.words(label.text)) for label in fault.labels),
            fix=self._fix(fault.fix) if fault.fix is not None else None,
        )

    def _fix(self, fix: Fix) -> Fix:
        return attrs.evolve(fix, edits=tuple(Edit(self._span(edit.span), edit.text) for edit in fix.edits))

    def _span(self, span: Span) -> Span:
        return Span(self._source(span.source), span.start, span.stop)

    def _source(self, source: Source) -> Source:
        """Return a text under the user's name for it, the same one each time: it knows where its lines begin."""
        shown = self._sources.get(source.path)
        if shown is None:
            shown = self._sources[source.path] = Source(self.path(source.path), source.text)
        return shown

    @functools.cached_property
    def _sources(self) -> dict[str, Source]:
        return {}


@attrs.frozen
class Given:
    """One PATH: the host's name for it, where it lies here, and how the user wrote it."""

    path: str
    real: Path
    shown: str

    @property
    def compat(self) -> bool:
        """True if an xinetd can only be meant to read this one by -inetd_compat."""
        name = posixpath.basename(self.path)
        return name.endswith("inetd.conf") and not name.endswith("xinetd.conf")


@attrs.define
class Gatherer:
    """Texts and names while they are gathered; what cannot be read is said in the end, all at once."""

    tree: Tree
    host: Host
    files: dict[str, str] = attrs.field(factory=dict)
    shown: dict[str, str] = attrs.field(factory=dict)
    real: dict[str, Path] = attrs.field(factory=dict)
    unknown: list[str] = attrs.field(factory=list)
    problems: Problems = attrs.field(factory=Problems)

    def told(self, **changes: Any) -> Told:
        """Return what was gathered, for a host with these fields of its policy changed; or refuse."""
        self.problems.settle()
        host = attrs.evolve(self.host, policy=attrs.evolve(self.host.policy, **changes))
        return Told(host, self.files, self.shown, tuple(self.unknown), self.real)

    def given(self, one: Given, path: str) -> None:
        """Take the text of a PATH, whatever kind of file it is."""
        self.taken(one.real, one.shown, path)

    def taken(self, real: Path, shown: str, path: str) -> None:
        """Take the text of a file that lies here as one that the host has at a path."""
        with self.problems.gather():
            self.files[path] = decode(read(real, shown))
            self.shown[path] = shown
            self.real[path] = real

    def found(self, path: str) -> None:
        """Take the text of a file that another one, or a folder, has led to."""
        if path not in self.files:
            with self.problems.gather():
                self.files[path] = self.tree.text(path)
                self.real[path] = self.tree.real(path)

    def if_there(self, path: str) -> None:
        """Take the text of a file that need not exist."""
        if self.tree.is_file(path):
            self.found(path)

    def members(self, folder: Given, *, xinetd: bool) -> list[Given]:
        """Return the files of a folder that the daemon reads: an xinetd passes over names with a dot, or with a ~ at the end."""
        names: list[str] = []
        with self.problems.gather():
            names = [name for name in self.tree.names(folder.path) if not xinetd or ("." not in name and not name.endswith("~"))]
        paths = [(posixpath.join(folder.path, name), posixpath.join(folder.shown, name)) for name in names]
        return [Given(path, self.tree.real(path), shown) for path, shown in paths]

    def folder(self, path: str, *, xinetd: bool) -> None:
        """Take the texts of the files in a folder of the host."""
        for member in self.members(Given(path, self.tree.real(path), path), xinetd=xinetd):
            self.found(member.path)

    def includes(self) -> None:
        """Follow include and includedir, which only xinetd has, until there is nothing new."""
        from inet46.formats.xinetd import Include, parse  # noqa: PLC0415 -- loaded for the hosts that have such files

        done: set[str] = set()
        while todo := [path for path in self.files if path not in done]:
            for path in todo:
                done.add(path)
                for item in parse(self.files[path], path).items:
                    if isinstance(item, Include) and item.path.startswith("/"):
                        self._include(item, self.shown.get(path, path))

    def patterns(self) -> Gatherer:
        """Follow the includes of NetBSD's inetd until there is nothing new; of a pattern, its last part alone is looked for."""
        done: set[str] = set()
        while todo := [path for path in self.files if path not in done]:
            for path in todo:
                done.add(path)
                for pattern in inetd.includes(self.files[path], path):
                    self._pattern(pattern, self.shown.get(path, path))
        return self

    def _pattern(self, pattern: str, shown: str) -> None:
        folder = posixpath.dirname(pattern)
        if not pattern.startswith("/") or re.search(r"[*?\[]", folder):
            self.unknown.append(f"{shown}: what {pattern} includes, which is not looked for")
            return
        with self.problems.gather():
            for path in inetd.matching(pattern, [posixpath.join(folder, name) for name in self.tree.names(folder)]):
                self.found(path)

    def _include(self, item: Include, shown: str) -> None:
        if item.folder:
            if not self.tree.is_folder(item.path):
                self.unknown.append(f"{shown}:{item.span.line}: what is in {self.tree.shown(item.path)}, which is not there")
            self.folder(item.path.rstrip("/"), xinetd=True)
        elif self.tree.is_file(item.path):
            self.found(item.path)


def locate(paths: tuple[str, ...], root: Path | None) -> tuple[Given, ...]:
    """Find the PATHs.

    Raises Refused with every one that is not there.
    """
    tree, problems = Tree(root), Problems()
    givens: list[Given] = []
    if paths.count(STDIN) > 1:
        raise Refused([f"{STDIN}: standard input can be read once"])
    for path in paths:
        with problems.gather():
            givens.append(_locate(path, tree))
    problems.settle()
    return tuple(givens)


def gather(given: tuple[Given, ...], host: Host, root: Path | None) -> Told:
    """Return what the super-server reads when it is told to read these PATHs, in order.

    Below a root the release's own start-up counts too: without PATHs, or when the main file is among them, the folder that an inetutils
    reads after it, and the /etc/inetd.conf of -inetd_compat. Raises Refused with every file that cannot be read.
    """
    tree = Tree(root)
    manifests = host.server.manifests if isinstance(host.server, InetdBuild) else None
    there = bool(given) or manifests is None or tree.is_file(host.config) or not tree.is_folder(manifests)
    givens = list(given or ([_locate(host.config, tree)] if there else []))
    started = not there or (root is not None and any(one.path == host.config for one in givens))
    if isinstance(host.server, SystemdBuild | LaunchdBuild):
        state = Gatherer(tree, host)
        (_units.started if started else _units.given)(state, givens)
        return state.told(config=host.config)
    if isinstance(host.server, XinetdBuild):
        return _xinetd(givens, host, tree, started=started)
    if started and host.directory and not any(one.path == host.directory for one in givens) and tree.names(host.directory):
        givens.append(Given(host.directory, tree.real(host.directory), host.directory))
    state = Gatherer(tree, host)
    if manifests is not None:
        givens = _units.manifests(state, givens, manifests, started=started)
    return _inetd(givens, state)


def something(told: Told, given: tuple[Given, ...], root: Path | None) -> Told:
    """Return what the super-server reads, if it reads anything: nothing at all is a wrong PATH or a wrong host, and no good news.

    Raises Refused with what was looked for, and where.
    """
    if told.real:
        return told
    server = told.host.server
    folders = server.folders if isinstance(server, SystemdBuild | LaunchdBuild) else (told.host.config,)
    where = ", ".join(one.shown for one in given) or f"{', '.join(folders)} (below {root})"
    hint = " (--stdin-filename gives it a name)" if any(one.shown == STDIN for one in given) else ""
    raise Refused([f"{where}: no file that {told.host.name} reads; {_sought(server)}{hint}"])


def unseen(told: Told) -> tuple[str, ...]:
    """Return what holds for services and stands in no file that was read: the defaults of an xinetd of which paragraphs alone are given."""
    texts = {path: text for path, text in told.files.items() if path in told.real and path != formats.COMPAT}
    if not isinstance(told.host.server, XinetdBuild) or not texts or any(posixpath.basename(path) == "xinetd.conf" for path in texts):
        return ()
    from inet46.formats.xinetd import Include, parse  # noqa: PLC0415 -- loaded for the hosts that have such files

    if any(isinstance(item, Include) or item.defaults for path, text in texts.items() for item in parse(text, path).items):
        return ()
    return ("what the defaults of xinetd.conf hold for these services: it is not among the PATHs",)


def _sought(server: Server) -> str:
    match server:
        case XinetdBuild():
            return "of a folder it takes the files whose names have no . in them and no ~ at the end"
        case SystemdBuild():
            return "it takes units, whose names end in .socket or .service"
        case LaunchdBuild():
            return "it takes jobs, whose names end in .plist"
        case InetdBuild(manifests=str()):
            return "it takes manifests, whose names end in .xml, and files of lines"
        case InetdBuild():
            return "of a folder it takes every file, and none from the folders inside it"


def _locate(path: str, tree: Tree) -> Given:
    if path == STDIN:
        if tree.root is not None:
            raise Refused([f"{STDIN}: standard input lies below no root; leave --root out, or give the path of a file"])
        real, shown = spooled()
        return Given(str(real), real, shown)
    real = Path(path) if tree.root is None else tree.real(path)
    if not path or "\0" in path:
        raise Refused([f"{path!r} is not the name of a file"])
    if tree.root is not None:
        one = _below(Given(posixpath.normpath(f"/{path.lstrip('/')}"), real, path), tree, tree.root)
    else:
        # Links are not followed and `..` stays: the path as the daemon would be told it.
        one = Given(str(real.absolute()) if real.exists() else path, real, path)
    if not one.real.exists():
        raise Refused([f"{tree.shown(path)}: no such file or directory"])
    return one


def _below(one: Given, tree: Tree, root: Path) -> Given:
    """Find a PATH below the root; one that is written with the root before it, as a shell completes it, is understood too."""
    if one.real.exists():
        return one
    inside = os.path.relpath(one.shown, root)
    if Path(inside).parts[:1] == (os.pardir,):
        return one
    return Given(posixpath.normpath(f"/{inside}"), tree.real(inside), one.shown)


def _inetd(givens: list[Given], state: Gatherer) -> Told:
    """Take a first file for the main one, which is read before all others, and number the rest: a folder is read in no known order."""
    if isinstance(state.host.server, InetdBuild) and state.host.server.keyed:
        return _including(givens, state)
    for number, one in enumerate(givens):
        if number == 0 and not one.real.is_dir():
            state.given(one, _MAIN)
            continue
        for member in state.members(one, xinetd=False) if one.real.is_dir() else [one]:
            state.given(member, f"{_FOLDER}/{len(state.files):06}")
    return state.told(config=_MAIN, directory=_FOLDER)


def _including(givens: list[Given], state: Gatherer) -> Told:
    """Write the main file that includes the PATHs, unless there is but one; an include counts from the file that it stands in."""
    main = ""
    members = [member for one in givens for member in (state.members(one, xinetd=False) if one.real.is_dir() else [one])]
    for number, one in enumerate(members):
        path = f"{_FOLDER}-{number}" if re.search(r"[\s\0'\"*?\[]", one.path) else one.path
        state.given(one, path)
        main += f".include {path}\n"
    if len(members) == 1:
        return state.patterns().told(config=next(iter(state.files), _MAIN), directory=None)
    state.files[_MAIN] = main
    return state.patterns().told(config=_MAIN, directory=None)


def _xinetd(givens: list[Given], host: Host, tree: Tree, *, started: bool) -> Told:
    """Write the main file that includes the PATHs; an inetd.conf among them means -inetd_compat."""
    state, main = Gatherer(tree, host), ""
    compat = [one for one in givens if one.compat and not one.real.is_dir()]
    for number, one in enumerate(one for one in givens if one not in compat):
        # No line of xinetd can name a path with a blank in it.
        path = f"{_FOLDER}-{number}" if re.search(r"[\s\0]", one.path) else one.path
        if one.real.is_dir():
            main += f"includedir {path}\n"
            for member in state.members(one, xinetd=True):
                state.given(member, posixpath.join(path, posixpath.basename(member.path)))
        else:
            main += f"include {path}\n"
            state.given(one, path)
    state.includes()
    for one in compat:
        state.given(one, formats.COMPAT)
    if len(compat) > 1:
        names = " and ".join(one.shown for one in compat)
        state.problems.append(f"{names}: xinetd reads one inetd.conf (-inetd_compat), not {len(compat)}")
    if not compat and started and host.compat and tree.is_file(formats.COMPAT):
        state.found(formats.COMPAT)
    state.files[_MAIN] = main
    return state.told(config=_MAIN, compat=formats.COMPAT in state.files)


def present(host: Host, root: Path) -> Mapping[str, str]:
    """Return the files below a root that a plan for this host could have to change, by path.

    Raises Refused with every file that cannot be read.
    """
    state = Gatherer(Tree(root), host)
    xinetd = isinstance(host.server, XinetdBuild)
    if isinstance(host.server, SystemdBuild | LaunchdBuild):
        _units.started(state, [])
    if isinstance(host.server, InetdBuild) and host.server.manifests is not None:
        _units.manifests(state, [], host.server.manifests, started=True)
    state.if_there(host.config)
    if xinetd:
        state.includes()
    elif isinstance(host.server, InetdBuild) and host.server.keyed:
        state.patterns()
    if host.directory:
        state.folder(host.directory, xinetd=xinetd)
    if host.compat:
        state.if_there(formats.COMPAT)
    for setting in host.row.mapping:
        for path in _SETTINGS_FILES[setting.place]:
            state.if_there(path)
        for folder in _settings_folders(setting):
            state.if_there(folder)
            state.folder(folder, xinetd=False)
    return state.told().files


def _settings_folders(setting: Setting) -> tuple[str, ...]:
    match setting.place:
        case Place.SYSCTL:
            return _SYSCTL_FOLDERS
        case Place.RC_CONF:
            return tuple(f"{folder}/{setting.script}" for folder in _RC_FOLDERS)
        case Place.SYSCTL_CONF | Place.LIVE:
            return ()


_RC_FOLDERS = ("/etc/rc.conf.d", "/usr/local/etc/rc.conf.d")
_SYSCTL_FOLDERS = ("/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d")
_SETTINGS_FILES = {
    Place.RC_CONF: ("/etc/defaults/rc.conf", "/etc/defaults/vendor.conf", "/etc/rc.conf", "/etc/rc.conf.local"),
    Place.SYSCTL: ("/etc/sysctl.conf", "/etc/sysctl.conf.local"),
    Place.SYSCTL_CONF: ("/etc/sysctl.conf",),
    Place.LIVE: (),
}
