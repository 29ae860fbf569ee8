"""Which files make a unit: the search path, masks, other names, templates, drop-in folders; and which units a boot starts.

A unit is what the first folder of the search path has under its name. The drop-ins of every folder are read after it, sorted by their file
names; of two with one name the one in the folder that is searched first counts. Links stand in the mapping of files as `Link`, so that
`sockets.target.wants/NAME.socket` enables a unit, and a link to /dev/null (or an empty file) masks one.

Sources: unit-file.c (unit_file_build_name_map), dropin.c (unit_file_find_dropin_paths), load-dropin.c (process_deps), conf-files.c of
systemd 252; measured: tests/test_lab_systemd.py.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping

import attrs

from inet46.formats.systemd.document import Assignment, Document, Link, parse

__all__ = ["Tree", "Unit"]

_WANTS = re.compile(r"(.+)\.(?:wants|requires|upholds)")
_LINKS = 16


@attrs.frozen
class Unit:
    """One unit with its drop-ins. `name` is the one under which it is started; an instance has the text of its template."""

    name: str
    documents: tuple[Document, ...]

    @property
    def broken(self) -> bool:
        """True if systemd loads nothing of it; a drop-in that is broken only ends there."""
        return self.documents[0].broken

    @property
    def assignments(self) -> Iterator[Assignment]:
        """Every assignment, in the order in which they are read."""
        for document in self.documents:
            yield from document.assignments

    @property
    def specifiers(self) -> Mapping[str, str]:
        """What `%` and a letter stand for, as far as the name and the system's own folders say it."""
        stem = self.name.rpartition(".")[0]
        prefix, at, instance = stem.partition("@")
        known = {"%": "%", "p": prefix, "t": "/run", "S": "/var/lib", "C": "/var/cache", "L": "/var/log", "E": "/etc"}
        if at and not instance:
            return known  # of a template it is not known which instance will be started
        return {**known, "n": self.name, "N": stem, "i": instance}


@attrs.define
class Tree:
    """The unit files among the files of a host."""

    files: Mapping[str, str]
    folders: tuple[str, ...]
    plain: dict[str, dict[str, str]] = attrs.field(init=False, factory=dict)  # name -> folder -> path
    inside: dict[str, dict[str, dict[str, str]]] = attrs.field(init=False, factory=dict)  # folder's name -> folder -> name -> path
    masked: set[str] = attrs.field(init=False, factory=set)

    def __attrs_post_init__(self) -> None:
        for path, text in self.files.items():
            if isinstance(text, Link) and not text:
                continue
            # On a merged /usr both are one folder.
            place = f"/usr{path}" if path.startswith("/lib/systemd/") else path
            folder, name = posixpath.split(place)
            above, last = posixpath.split(folder)
            if folder in self.folders:
                self.plain.setdefault(name, {})[folder] = path
            elif above in self.folders:
                self.inside.setdefault(last, {}).setdefault(above, {})[name] = path

    def sockets(self) -> list[str]:
        """Return the names of the socket units that are there or are wanted, sorted; other names of a unit are not among them."""
        names = {name for name in (*self.plain, *self.wanted) if re.fullmatch(r"[A-Za-z0-9:_.\\-]+(@[A-Za-z0-9:_.\\-]+)?\.socket", name)}
        return sorted(name for name in names if self.title(name) == name and len(name) < 256)

    def title(self, name: str) -> str:
        """Return the name that a unit has itself, where this one is a link to it."""
        for _ in range(_LINKS):
            target = self._link(name)
            if target is None or posixpath.basename(target) == name or target == "/dev/null" or _is_template(target, name):
                return name
            name = posixpath.basename(target)
        return name

    def _link(self, name: str) -> str | None:
        path = self._path(name)
        text = None if path is None else self.files[path]
        return posixpath.normpath(posixpath.join(posixpath.dirname(path or "/"), text)) if isinstance(text, Link) else None

    def _path(self, name: str) -> str | None:
        there = self.plain.get(name, {})
        return next((there[folder] for folder in self.folders if folder in there), None)

    def unit(self, name: str) -> Unit | None:
        """Return a unit; None if it is not there, or masked (then its name is noted)."""
        title = self.title(name)
        path = self._path(title)
        template = re.sub(r"@[^.].*(\.[a-z]+)$", r"@\1", title)
        if path is None and template != title:
            path = self._path(self.title(template))
        if path is None:
            return None
        text = self.files[path]
        for _ in range(_LINKS):
            if not isinstance(text, Link):
                break
            path = posixpath.normpath(posixpath.join(posixpath.dirname(path), text))
            text = self.files.get(path, "")  # what lies outside and was not looked at is as good as none
        if not text or isinstance(text, Link):
            self.masked.add(name)
            return None
        names = (title, *sorted(other for other in self.plain if other != title and self.title(other) == title))
        return Unit(title, (parse(text, path), *self._dropins(names)))

    def _dropins(self, names: tuple[str, ...]) -> Iterator[Document]:
        """Read the files of all drop-in folders by their names, the folder that is searched first deciding between two of one name."""
        kind = names[0].rpartition(".")[2]
        found: dict[str, str] = {}
        places = [(folder, variant) for folder in self.folders for name in names for variant in _variants(name)]
        for folder, variant in (*places, *((folder, kind) for folder in self.folders)):
            for name, path in self.inside.get(f"{variant}.d", {}).get(folder, {}).items():
                if name.endswith(".conf") and not name.startswith("."):
                    found.setdefault(name, path)
        for name in sorted(found, key=lambda name: name.encode("utf-8", "surrogateescape")):
            text, path = self.files[found[name]], found[name]
            if isinstance(text, Link):
                path = posixpath.normpath(posixpath.join(posixpath.dirname(path), text))
                text = self.files.get(path, "")
            yield parse(text, path)

    @property
    def wanted(self) -> Mapping[str, frozenset[str]]:
        """Which units, by the links in their `.wants` and `.requires` folders, start which others."""
        found: dict[str, set[str]] = {}
        for last, places in self.inside.items():
            match = _WANTS.fullmatch(last)
            decided: dict[str, str] = {}
            for folder in self.folders if match else ():
                for name, path in places.get(folder, {}).items():
                    decided.setdefault(name, self.files[path])
            for name, text in decided.items():
                if match and isinstance(text, Link) and posixpath.basename(text) != "null":
                    found.setdefault(name, set()).add(match[1])
        return {name: frozenset(units) for name, units in found.items()}

    def off(self, name: str) -> Mapping[str, Link]:
        """Return the changes that make no boot start a unit: a link goes if it is the administrator's own, else one masks it."""
        changes: dict[str, Link] = {}
        for last in filter(_WANTS.fullmatch, self.inside):
            for folder, links in self.inside[last].items():
                found = {other: path for other, path in links.items() if self.title(other) == name}
                if folder.startswith("/usr/"):
                    changes |= {f"/etc/systemd/system/{last}/{other}": Link("/dev/null") for other in found}
                else:
                    changes |= {path: Link("") for path in found.values()}
        return changes

    def starters(self, name: str) -> frozenset[str]:
        """Return the units that start this one, by whatever name."""
        return frozenset(unit for other, units in self.wanted.items() if self.title(other) == name for unit in units)


def _is_template(target: str, name: str) -> bool:
    """Return True if a link leads from an instance to its template, of which it keeps its own name."""
    return posixpath.basename(target) == re.sub(r"@.*(\.[a-z]+)$", r"@\1", name)


def _variants(name: str) -> Iterator[str]:
    """Yield the names whose drop-in folders count for a unit: its own, its template's, and those cut after each dash."""
    yield name
    stem, _, kind = name.rpartition(".")
    prefix, at, instance = stem.partition("@")
    if instance:
        yield from _variants(f"{prefix}@.{kind}")
    parts = prefix.rstrip("-").split("-")
    for count in range(len(parts) - 1, 0, -1):
        yield f"{'-'.join(parts[:count])}-{at}{instance}.{kind}"
