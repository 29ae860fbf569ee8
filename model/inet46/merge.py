"""A plan meets the files that a host already has: what is ours is replaced, every other byte stays.

Ours is what binds a port of our services. An entry that already does what is wanted is left exactly as it stands, spelling and all. The
result is read again and predicted as a whole; a merge that would do anything but the plan is refused.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import assert_never

import attrs

from inet46 import formats
from inet46.activation import RESTART, activation
from inet46.diagnostics import Severity, Span
from inet46.entry import Entry, shuts
from inet46.errors import Inexpressible, Unprovable
from inet46.formats import inetd
from inet46.host import HostPolicy
from inet46.knowledge import Host, InetdBuild, LaunchdBuild, Setting, SystemdBuild, XinetdBuild, resolve
from inet46.plan import Plan, home, plan, skeleton
from inet46.predict import Held, predict
from inet46.proof import port_of, shortfalls, unproved
from inet46.service import Service
from inet46.settings import settle
from inet46.sockets import Transport
from inet46.spelling import bare, duty

__all__ = ["Merge", "merge"]

Port = tuple[Transport, int]


@attrs.frozen(kw_only=True, slots=False)  # as `Host`
class Merge:
    """What has to change on a host, and what is then true.

    `files` maps the path of each file that changes to its new text, `live` are the running kernel's values that have to be set, `notes`
    say what else was met. `before` and `sockets` are those of the whole super-server, before and afterwards, as far as nothing is
    `unknown`. `ours` are the ports that this is about. `activate` are the verbs that bring the change about, if the super-server now runs
    on the old files.
    """

    host: Host
    services: tuple[Service, ...]
    files: Mapping[str, str] = attrs.field(eq=False)
    live: tuple[Setting, ...] = ()
    notes: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    before: tuple[Held, ...]
    sockets: tuple[Held, ...]
    ours: tuple[Port, ...]
    activate: tuple[str, ...]

    def held(self, service: Service) -> tuple[Held, ...]:
        """The sockets of one service afterwards."""
        port = port_of(service, self.host)
        return tuple(self._held.get((service.transport, port), ()))

    @functools.cached_property
    def _held(self) -> Mapping[tuple[Transport, int | None], list[Held]]:
        """What is asked once for every service is not gone through anew for every service."""
        found: dict[tuple[Transport, int | None], list[Held]] = {}
        for held in self.sockets:
            key = held.socket.transport, held.socket.port
            found.setdefault(key, []).append(held)
        return found


_WOKEN = 4  # times that paragraphs are looked at again


def merge(
    services: Iterable[Service],
    host: str | HostPolicy | Host,
    files: Mapping[str, str],
    links: Mapping[str, str] | None = None,
) -> Merge:
    """Work out the smallest change that makes a host's files do what is wanted.

    `files` maps absolute paths to texts (UTF-8 with surrogateescape), as in `formats.read`, and `links` the symbolic links among them to
    where they end. Raises Unprovable when no plan can be proved, or when the files as they are would undo it.
    """
    where, wishes = resolve(host), tuple(services)
    there_already, files = files, {**skeleton(where), **files}
    old = formats.read(files, where)
    planned = plan(wishes, where, present=old.entries)
    then = where.with_settings(planned.settings)
    ours = _ports(wishes, where)
    texts = _edited(wishes, where, files, old.entries, planned)
    for _ in range(_WOKEN if texts and isinstance(where.server, XinetdBuild | InetdBuild) else 0):
        # What was disabled as identical to a paragraph or line that has gone is a service now.
        now = {**files, **texts}
        awake = formats.read(now, where).entries
        have, wanted = _by_port(awake, where), _by_port(planned.entries, where)
        if all(len(have.get(port, ())) <= len(wanted.get(port, ())) for port in ours):
            break
        texts |= _edited(wishes, where, now, awake, planned)
    settled = settle(planned.settings, where, files, links)
    main = {path: files[path] for path in skeleton(where)} if texts else {}
    changed = {**main, **texts, **settled.files}
    new = formats.read({**files, **texts}, where)
    _check(wishes, old, new, then)
    was = predict(old.entries, where)
    return Merge(
        host=then,
        services=wishes,
        files={path: text for path, text in changed.items() if there_already.get(path) != text},
        live=settled.live,
        notes=settled.notes,
        unknown=(
            *old.unknown,
            *was.unknown,
            *(f"the port that the kernel picks for {x.service}" for x in was.sockets if not x.socket.port),
        ),
        before=was.sockets,
        sockets=predict(new.entries, then).sockets,
        ours=ours,
        # A socket keeps the option it was made with: a changed knob counts only for sockets that are made after it.
        activate=RESTART if settled.live else activation(old, new, then),
    )


def _edited(wishes: tuple[Service, ...], host: Host, files: Mapping[str, str], there: Iterable[Entry], planned: Plan) -> dict[str, str]:
    """Return the new text of each file in which what is there does not serve as wanted."""
    editor = _editor(host, files, wishes)
    then = host.with_settings(planned.settings)
    have, wanted = _by_port(there, host), _by_port(planned.entries, host)
    for service in wishes:
        key = service.transport, port_of(service, host)
        mine, told = have.get(key, ()), wanted.get(key, ())
        if not service.enabled:
            editor.replace(service, mine, ())
        elif not _serves(service, mine, then):
            editor.replace(service, mine, told)
    return editor.result()


def _ports(services: tuple[Service, ...], host: Host) -> tuple[Port, ...]:
    return tuple((service.transport, port) for service in services if (port := port_of(service, host)) is not None)


def _port(entry: Entry, host: Host) -> int | None:
    return entry.port if entry.port is not None else host.port(entry.service, entry.transport)


def _by_port(entries: Iterable[Entry], host: Host) -> dict[tuple[Transport, int | None], tuple[Entry, ...]]:
    groups: dict[tuple[Transport, int | None], list[Entry]] = {}
    for entry in entries:
        groups.setdefault((entry.transport, _port(entry, host)), []).append(entry)
    return {port: tuple(group) for port, group in groups.items()}


def _read_paths(services: Iterable[Service], host: Host, files: Mapping[str, str]) -> frozenset[str]:
    """Return the files that the super-server reads, or would read if they were there."""
    homes = {home(service.name, host): "" for service in services}
    return frozenset(source.path for source in formats.read({**homes, **files}, host).sources)


def _serves(service: Service, entries: tuple[Entry, ...], host: Host) -> bool:
    """Return True if these entries already are what is wanted, in whatever spelling."""
    if not entries or shortfalls(service, predict(entries, host), host, host.policy.sharing):
        return False
    return all(_same_duty(service, entry, host) for entry in entries)


def _same_duty(service: Service, entry: Entry, host: Host) -> bool:
    """Compare what a service says, leaving alone what it says nothing about (access, when it is open to all)."""
    if entry.shut:
        return False
    try:
        told = duty(service, entry.binds, host)
    except Inexpressible:
        return False
    fields = [name for name in told if name != "only_from" or not service.access.open]
    return all(_alike(getattr(entry, name), told[name]) if name == "only_from" else getattr(entry, name) == told[name] for name in fields)


def _alike(one: object, other: object) -> bool:
    """Compare access lists: their order says nothing."""
    return set(one) == set(other) if isinstance(one, tuple) and isinstance(other, tuple) else one == other


def _check(services: tuple[Service, ...], old: formats.Reading, new: formats.Reading, host: Host) -> None:
    """Prove the whole: every service as wanted, and every other entry as it was."""
    ours = set(_ports(services, host))
    result = predict(new.entries, host)
    problems = unproved(services, result, host)
    there = _by_port(new.entries, host)
    for service in services:
        mine = there.get((service.transport, port_of(service, host)), ())
        if service.enabled and not all(_same_duty(service, entry, host) for entry in mine):
            problems.append(f"{service}: what else stands in the files changes what is done for its clients")
    before, after = (
        [bare(entry) for entry in reading.entries if (entry.transport, _port(entry, host)) not in ours] for reading in (old, new)
    )
    if before != after:
        problems.append("other services would not stay as they are")
    if problems:
        # What was wrong before is the cause, and stands in lines that the reader of this can find.
        faults = [*old.faults, *result.faults] if any(f.severity is Severity.ERROR for f in old.faults) else [*new.faults, *result.faults]
        why = [str(fault) for fault in faults if fault.severity is Severity.ERROR]
        raise Unprovable([*problems, *why])


def _editor(host: Host, files: Mapping[str, str], services: tuple[Service, ...]) -> _Editor | _Units:
    match host.server:
        case InetdBuild(manifests=str()):
            return _Manifests(host, files)
        case InetdBuild() | XinetdBuild():
            return _Editor(host, dict(files), _read_paths(services, host, files))
        case SystemdBuild() | LaunchdBuild():
            return _Units(host, files)
        case other:
            assert_never(other)


# -- editing ---------------------------------------------------------------------------------------------------------------------------


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
