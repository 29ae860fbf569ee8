"""From the PATHs of a command line to units and jobs: files of their own, links among them, and folders beside them.

A unit that is named is taken as started, whatever its links say. A folder is taken as the host would have it: what is linked in its
`sockets.target.wants` is started; one without any such folder says nothing about that, and all of its sockets are taken as started.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from inet46.formats import Link
from inet46.knowledge import LaunchdBuild, SystemdBuild

if TYPE_CHECKING:
    from inet46.cli._told import Gatherer, Given

__all__ = ["given", "manifests", "started"]

_BESIDE = re.compile(r".*\.(d|wants|requires|upholds)")
_WANTED = re.compile(r"\.(wants|requires|upholds)/")
_DEEPEST = 8  # folders inside one another; a link may lead round in a circle
_STARTED = "/run/systemd/system/sockets.target.wants"


def started(state: Gatherer, givens: Sequence[Given]) -> None:
    """Take everything that the host itself would read: there the links decide. What is named besides is read as well."""
    for folder in _folders(state):
        _take(state, folder, folder, folder)
    others = [one for one in givens if one.path not in _folders(state) and one.path not in state.files]
    for one in others:
        _one(state, one)
    _targets(state)
    _start(state, {posixpath.basename(one.path) for one in others})


def manifests(state: Gatherer, givens: Sequence[Given], home: str, *, started: bool) -> list[Given]:
    """Take the manifests of SMF among the PATHs, and what is in the folders among them; return the others, which are lines.

    On a host that is started the folder of the site's manifests counts too; what is in folders inside it is found there alone.
    """
    rest: list[Given] = []
    for one in givens:
        if one.real.is_dir():
            names = _manifests(state, one.path)
            for name in names:
                state.taken(state.tree.real(posixpath.join(one.path, name)), posixpath.join(one.shown, name), f"{home}/{name}")
            rest += [] if names else [one]
        elif one.path.endswith(".xml"):
            state.given(one, f"{home}/{posixpath.basename(one.path)}")
        else:
            rest.append(one)
    if started:
        for name in _manifests(state, home):
            state.found(f"{home}/{name}")
    return rest


def _manifests(state: Gatherer, folder: str, below: str = "") -> list[str]:
    """Return the manifests in a folder and in those inside it, by their names from there."""
    here = posixpath.join(folder, below)
    found: list[str] = []
    with state.problems.gather():
        for name in state.tree.listing(here):
            path = posixpath.join(below, name)
            if state.tree.is_folder(posixpath.join(folder, path)) and path.count("/") < _DEEPEST:
                found += _manifests(state, folder, path)
            elif name.endswith(".xml") and state.tree.is_file(posixpath.join(folder, path)):
                found.append(path)
    return found


def _folders(state: Gatherer) -> tuple[str, ...]:
    server, config = state.host.server, state.host.config
    folders = server.folders if isinstance(server, SystemdBuild | LaunchdBuild) else ()
    return folders if config in folders else (config, *folders)


def given(state: Gatherer, givens: Sequence[Given]) -> None:
    """Take PATHs, each a unit or a folder of units, from wherever they lie."""
    for one in givens:
        _one(state, one)
    _targets(state)
    named = {posixpath.basename(one.path) for one in givens if not one.real.is_dir()}
    links = [path for path in state.files if _WANTED.search(path)]
    if named:
        beside = [path for path in state.files if path.endswith(".socket") and posixpath.basename(path) not in named]
        for path in {*links, *beside}:
            for table in (state.files, state.shown, state.real):
                table.pop(path, None)
    if named or not links:
        _start(state, {posixpath.basename(path) for path in state.files})


def _one(state: Gatherer, one: Given) -> None:
    """Take one PATH."""
    job = isinstance(state.host.server, LaunchdBuild)
    suffixes = r".*\.plist" if job else r".*\.(socket|service)"
    if one.real.is_dir():
        _take(state, one.path, _home(state, one.path), one.shown)
    elif not re.fullmatch(suffixes, posixpath.basename(one.path)):
        ends = ".plist" if job else ".socket nor .service"
        state.unknown.append(
            f"{one.shown}: what it would be: {state.host.server.name} knows its files by their names, and this ends in no {ends}"
        )
    elif job:
        state.given(one, f"{state.host.config}/{posixpath.basename(one.path)}")
    else:
        _beside(state, one)


def _start(state: Gatherer, names: set[str]) -> None:
    """Have sockets started that no link starts; of a template it is not known what is."""
    for path in list(state.files) if isinstance(state.host.server, SystemdBuild) else ():
        name = posixpath.basename(path)
        if name in names and name.endswith("@.socket"):
            state.unknown.append(f"{state.shown.get(path, path)}: which instances of this template are started")
        elif name in names and name.endswith(".socket"):
            state.files[f"{_STARTED}/{name}"] = Link(path)


def _home(state: Gatherer, folder: str) -> str:
    """Return the folder of the host that a folder stands for: the one whose path ends it, else that of the administrator."""
    place = f"{folder.rstrip('/')}/"
    return next((home for home in _folders(state) if place.endswith(f"{home}/")), state.host.config)


def _beside(state: Gatherer, one: Given) -> None:
    """Take a unit, what lies beside it, and, if it lies where the host looks for units, what it has in the other folders."""
    folder = posixpath.dirname(one.path)
    if folder in _folders(state):
        for other in _folders(state):
            _take(state, other, other, other)
    else:
        _take(state, folder or ".", _home(state, folder), posixpath.dirname(one.shown))
    path = f"{_home(state, folder)}/{posixpath.basename(one.path)}"
    if not isinstance(state.files.get(path), Link):
        state.given(one, path)


def _take(state: Gatherer, folder: str, home: str, shown: str) -> None:
    """Take the units of a folder, its links, and the drop-ins and links in the folders beside them."""
    kinds = r".*\.plist" if isinstance(state.host.server, LaunchdBuild) else r".*\.(socket|service)"
    for inside, name in _names(state, folder, kinds):
        real, path = posixpath.join(folder, inside, name), posixpath.join(home, inside, name)
        target = state.tree.link(real)
        if path in state.files:
            continue
        if target is not None and isinstance(state.host.server, SystemdBuild):
            state.files[path] = Link(target)
        elif state.tree.is_file(real):
            state.taken(state.tree.real(real), posixpath.join(shown, inside, name), path)


def _names(state: Gatherer, folder: str, kinds: str) -> Iterator[tuple[str, str]]:
    """Yield what a folder has: its units, and all that lies in the folders beside them, with the name of that folder."""
    names: list[str] = []
    with state.problems.gather():
        names = state.tree.listing(folder)
    for name in names:
        if re.fullmatch(kinds, name):
            yield "", name
        elif _BESIDE.fullmatch(name) and isinstance(state.host.server, SystemdBuild):
            with state.problems.gather():
                yield from ((name, member) for member in state.tree.listing(posixpath.join(folder, name)))


def _targets(state: Gatherer) -> None:
    """Take the units that links lead to and that lie elsewhere."""
    for path, text in list(state.files.items()):
        target = posixpath.normpath(posixpath.join(posixpath.dirname(path), text)) if isinstance(text, Link) else "/dev/null"
        if ".wants/" not in path and target not in state.files and target != "/dev/null" and state.tree.is_file(target):
            state.found(target)
