"""Edits to the files of one host, in whatever its super-server reads: what goes, what comes, and every byte between stays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol, assert_never

import attrs

from inet46 import formats
from inet46.diagnostics import Span
from inet46.entry import Entry, shuts
from inet46.errors import Inexpressible, Unprovable
from inet46.formats import inetd
from inet46.knowledge import Host, InetdBuild, LaunchdBuild, SystemdBuild, XinetdBuild
from inet46.plan import home
from inet46.service import Service
from inet46.spelling import bare

__all__ = ["Editor", "editor"]


class Editor(Protocol):
    """Gathers edits, and makes them all at once."""

    def replace(self, service: Service, mine: tuple[Entry, ...], told: tuple[Entry, ...]) -> None:
        """Put entries in the place of others. Raises Unprovable when a guard of theirs would go."""

    def result(self) -> dict[str, str]:
        """Return the new text of each file. Raises Unprovable when one cannot be edited so."""


def editor(host: Host, files: Mapping[str, str], services: tuple[Service, ...]) -> Editor:
    """Return what edits the files of this host."""
    match host.server:
        case InetdBuild(manifests=str()):
            return _Manifests(host, files)
        case InetdBuild() | XinetdBuild():
            return _Editor(host, dict(files), _read_paths(services, host, files))
        case SystemdBuild() | LaunchdBuild():
            return _Units(host, files)
        case other:
            assert_never(other)


def _read_paths(services: Iterable[Service], host: Host, files: Mapping[str, str]) -> frozenset[str]:
    """Return the files that the super-server reads, or would read if they were there."""
    homes = {home(service.name, host): "" for service in services}
    return frozenset(source.path for source in formats.read({**homes, **files}, host).sources)


@attrs.define
class _Editor:
    """Edits to the files of one host, gathered first and made all at once: offsets stay true until the end."""

    host: Host
    files: dict[str, str]
    read: frozenset[str]
    edits: dict[str, list[tuple[int, int, str]]] = attrs.field(factory=dict)
    appended: dict[str, str] = attrs.field(factory=dict)

    def replace(self, service: Service, mine: tuple[Entry, ...], told: tuple[Entry, ...]) -> None:
        """Put entries in the place of others; those that are the same stay, byte for byte, and what they also say is kept."""
        kept = {bare(entry): entry for entry in mine if not entry.shut}
        keep = [kept[bare(entry)] for entry in told if bare(entry) in kept]
        drop = [entry for entry in mine if entry not in keep]
        extra = next((_carried(entry) for entry in mine if entry.extra and self._in_own_file(entry)), ())
        extra = extra if isinstance(self.host.server, XinetdBuild) else ()
        fresh = tuple(_guarded(service, attrs.evolve(entry, extra=extra), mine) for entry in told if bare(entry) not in kept)
        if isinstance(self.host.server, XinetdBuild):
            fresh = _distinct(fresh, keep)
        # What stands in an inetd.conf that xinetd serves as well is taken out there and written anew in xinetd's own words.
        own = [entry for entry in drop if self._in_own_file(entry)]
        place = _span(own[0]) if own else None
        if fresh:
            text = formats.write(fresh, self.host, like=place.text if place is not None else "")[self.host.config]
            if place is not None:
                self._edit(place, text)
            elif keep and self._in_own_file(keep[-1]):
                anchor = _span(keep[-1])
                self._edit(Span(anchor.source, anchor.stop, anchor.stop), self._apart(anchor.source.path, anchor.stop, text))
            else:
                self._append(home(service.name, self.host), text)
        for entry in drop:
            if not fresh or _span(entry) is not place:
                self._edit(_span(entry), "")

    def _in_own_file(self, entry: Entry) -> bool:
        return not isinstance(self.host.server, XinetdBuild) or _span(entry).source.path != formats.COMPAT

    def _edit(self, span: Span, text: str) -> None:
        stop = span.stop
        if not text and isinstance(self.host.server, XinetdBuild) and span.source.path != formats.COMPAT:
            stop = _with_blank_line(span)
        self.edits.setdefault(span.source.path, []).append((span.start, stop, text))

    def _append(self, path: str, text: str) -> None:
        if path not in self.read:
            path = self.host.config  # the folder is not included from anywhere
        before = self.appended.get(path, "")
        self.appended[path] = before + self._apart(path, len(self.files.get(path, "")), text, before)

    def _apart(self, path: str, at: int, text: str, appended: str = "") -> str:
        """Set a text apart from what stands before it: a missing newline is added, and a blank line between paragraphs."""
        before = self.files.get(path, "")[:at] + appended
        if not before:
            return text
        newline = "" if before.endswith("\n") else "\n"
        apart = isinstance(self.host.server, XinetdBuild) or self._swallowed(path, f"{before}{newline}", text)
        blank = "\n" if apart and not before.endswith("\n\n") else ""
        return f"{newline}{blank}{text}"

    def _swallowed(self, path: str, before: str, text: str) -> bool:
        """Return True if what stands above would take a text down: one of NetBSD's definitions that is off, or invalid."""
        if not isinstance(self.host.server, InetdBuild) or not self.host.server.keyed:
            return False
        reading = inetd.read([inetd.parse(before + text, path)], self.host.server, self.host)
        return any(x.name == "swallowed-line" and x.span is not None and x.span.start >= len(before) for x in reading.faults)

    def result(self) -> dict[str, str]:
        """Make the edits, last one first, and return the new text of each file."""
        texts = {}
        for path in dict.fromkeys((*self.edits, *self.appended)):
            text, parts, at = self.files.get(path, ""), [], 0
            for start, stop, new in sorted(self.edits.get(path, ()), key=lambda edit: edit[:2]):
                parts += [text[at:start], new]
                at = stop
            texts[path] = "".join((*parts, text[at:], self.appended.get(path, "")))
        return texts


@attrs.define
class _Units:
    """Edits where each unit, or job, is a file of its own: what is new is written whole, and what has to go is switched off."""

    host: Host
    files: Mapping[str, str]
    texts: dict[str, str] = attrs.field(factory=dict)
    gone: list[Entry] = attrs.field(factory=list)

    def replace(self, service: Service, mine: tuple[Entry, ...], told: tuple[Entry, ...]) -> None:
        """Put units in the place of others; one that does more than serve this port cannot be switched off, which the check will say."""
        kept = {bare(entry) for entry in mine} & {bare(entry) for entry in told}
        fresh = tuple(_guarded(service, entry, mine) for entry in told if bare(entry) not in kept)
        self.texts |= formats.write(fresh, self.host)
        self.gone += [entry for entry in mine if bare(entry) not in kept]

    def result(self) -> dict[str, str]:
        """Return the new text of each file, and a link for each that comes or goes."""
        off: dict[str, str] = {}
        for entry in self.gone:
            path = _span(entry).source.path
            try:
                off |= formats.switched_off(entry, self.files, self.host) if path not in self.texts else {}
            except Inexpressible as error:
                raise Unprovable(error.losses) from None
        return {**off, **self.texts}


@attrs.define
class _Manifests(_Units):
    """Edits where a service is told of in a manifest of its own, and older ones in lines of a file that is taken over into such."""

    def replace(self, service: Service, mine: tuple[Entry, ...], told: tuple[Entry, ...]) -> None:
        """Put manifests in the place of others, which goes on saying what no service says (tcp_wrappers), and of lines."""
        from inet46.formats import smf  # noqa: PLC0415 -- what one kind of host needs is loaded for such a host

        further = smf.carried(mine)
        super().replace(service, mine, tuple(attrs.evolve(entry, extra=further) for entry in told))

    def result(self) -> dict[str, str]:
        """Return the new text of each file, edited from its end: a place in it stays where it is until it is come to."""
        texts = dict(self.files)
        for entry in sorted(self.gone, key=lambda entry: _span(entry).start, reverse=True):
            span = _span(entry)
            path = span.source.path
            if path == self.host.config:
                texts[path] = texts[path][: span.start] + texts[path][span.stop :]
            elif path not in self.texts:
                try:
                    texts |= formats.switched_off(entry, texts, self.host)
                except Inexpressible as error:
                    raise Unprovable(error.losses) from None
        return {path: text for path, text in {**texts, **self.texts}.items() if self.files.get(path) != text}


def _guarded(service: Service, fresh: Entry, mine: tuple[Entry, ...]) -> Entry:
    """Give a new entry the access lists that stood there for its family, when the service says nothing of access.

    Raises Unprovable when lists stood there, and none for this family: to open it to all is not for a merge to decide.
    """
    limited = [entry for entry in mine if entry.only_from is not None or entry.no_access]
    if not limited or not service.access.open:
        return fresh
    family = fresh.binds[0].family
    same = [entry for entry in mine if any(bind.family is family or bind.v6only is False for bind in entry.binds)]
    if not same:
        lists = " ".join(word for entry in limited for word in (*(entry.only_from or ()), *entry.no_access))
        text = f"{service}: who may connect is limited where it stands now ({lists}), and nothing is said of {family.title} clients"
        raise Unprovable([f"{text}: say it with access"])
    return attrs.evolve(fresh, only_from=same[0].only_from, no_access=same[0].no_access)


def _carried(entry: Entry) -> tuple[str, ...]:
    """Return what a paragraph also says and its successor goes on saying: all but what would take the place of the server."""
    said = (word for word in entry.extra if word.partition(" ")[0] != "redirect" and "SENSOR" not in word.upper().split())
    return tuple(word for word in said if not shuts(word))


def _distinct(fresh: tuple[Entry, ...], kept: list[Entry]) -> tuple[Entry, ...]:
    """Give back the id-less default id only if no entry that stays has it; xinetd matches by id when it reloads."""
    taken = {entry.id or entry.service for entry in kept}
    return tuple(
        attrs.evolve(entry, id=f"{entry.service}-{entry.binds[0].family.value}") if entry.id is None and entry.service in taken else entry
        for entry in fresh
    )


def _with_blank_line(span: Span) -> int:
    """Return the end of a paragraph together with the blank line behind it."""
    text = span.source.text
    return span.stop + 1 if text[span.stop : span.stop + 1] == "\n" else span.stop


def _span(entry: Entry) -> Span:
    if entry.origin is None:
        raise AssertionError("an entry that was read has an origin")
    return entry.origin
