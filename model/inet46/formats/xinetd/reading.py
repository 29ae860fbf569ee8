"""What one build of xinetd makes of its files: includes followed, defaults gathered, and which of the services are left in the end.

Sources: confparse.c (parse_conf_file, remove_disabled_services, check_entry), includedir.c, inet.c; measured.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping

import attrs

from inet46.diagnostics import Diagnostic, Severity, Source, Span
from inet46.entry import Bind, Entry
from inet46.formats._reading import Included, Reading, fault, numeric
from inet46.formats.xinetd.document import Document, Include, Paragraph, parse
from inet46.formats.xinetd.paragraph import INHERITED, Lost, Unknown, Weighed
from inet46.formats.xinetd.values import fatal
from inet46.knowledge import Host, XinetdBuild
from inet46.service import Builtin
from inet46.sockets import Family, Transport

__all__ = ["read"]


class _Ended(Exception):
    """The daemon comes no further, and all that it had is closed."""


@attrs.define
class _State:
    """What has been gathered while the files are read in the daemon's order."""

    files: Mapping[str, str]
    host: Host
    build: XinetdBuild
    services: list[tuple[Paragraph, dict[str, tuple[str, ...]]]] = attrs.field(factory=list)
    defaults: dict[str, tuple[str, ...]] = attrs.field(factory=dict)
    faults: list[Diagnostic] = attrs.field(factory=list)
    unknown: list[str] = attrs.field(factory=list)
    sources: list[Source] = attrs.field(factory=list)
    bound: dict[tuple[Transport, int | None], dict[str, Entry]] = attrs.field(factory=dict)  # earlier services with a bind
    includes: Included = attrs.field(factory=Included)
    folders: dict[str, list[str]] = attrs.field(factory=dict)

    def load(self, path: str, seen: tuple[str, ...] = ()) -> None:
        """Read a file and, in place, what it includes."""
        document = parse(self.files[path], path)
        self.sources.append(document.source)
        self.faults.extend(document.faults)
        for item in document.items:
            match item:
                case Paragraph(name="") as paragraph:
                    self._add_defaults(paragraph)
                case Paragraph() as paragraph:
                    self.services.append((paragraph, {name: self.defaults[name] for name in INHERITED if name in self.defaults}))
                case Include() as include:
                    self._include(include, document, (*seen, path))

    def _include(self, include: Include, document: Document, seen: tuple[str, ...]) -> None:
        if not include.path.startswith("/"):
            self.unknown.append(f"{document.source.path}:{include.span.line}: {include.path} is relative to where xinetd was started")
            return
        for path in self._folder(include.path) if include.folder else [include.path]:
            if self.includes.one_more(self.files.get(path, ""), len(seen)):
                self.unknown.append(f"{document.source.path}:{include.span.line}: too many includes to be followed, here of {path}")
                return
            if path in seen:
                self._say("I127", "include-loop", f"{path} includes itself", include.span)
            elif path in self.files:
                self.load(path, seen)
            else:
                self._say("I126", "missing-include", f"{path} is not there; xinetd goes on without it", include.span)

    def _folder(self, folder: str) -> list[str]:
        if folder not in self.folders:
            self.folders[folder] = list(_folder(self.files, folder))
        return self.folders[folder]

    def _add_defaults(self, paragraph: Paragraph) -> None:
        lists: dict[str, list[str]] = {}
        for attribute in paragraph.attributes:
            scalar = not attribute.name.startswith("log_")
            passed_over = scalar and (attribute.name in self.defaults or attribute.operator != "=")
            if not passed_over and (problem := fatal(attribute.name, attribute.values)):
                # parse.c, identify_attribute and parse_entry: terminate_program, at a start and at a reload.
                text = f"defaults: {attribute.name}: {problem}: xinetd exits here, with status 0, and every service with it"
                self._say("I174", "fatal-default", text, attribute.span)
                raise _Ended
            if attribute.name in {"enabled", "disabled", *INHERITED}:
                lists.setdefault(attribute.name, list(self.defaults.get(attribute.name, ()))).extend(attribute.values)
            else:
                self.defaults.setdefault("bind" if attribute.name == "interface" else attribute.name, attribute.values)
        self.defaults.update({name: tuple(values) for name, values in lists.items()})

    @functools.cached_property
    def enabled(self) -> frozenset[str]:
        """The ids in the `enabled` list of defaults, in small letters, once every file has been read."""
        return frozenset(other.lower() for other in self.defaults.get("enabled", ()))

    @functools.cached_property
    def disabled(self) -> frozenset[str]:
        """The same of `disabled`."""
        return frozenset(other.lower() for other in self.defaults.get("disabled", ()))

    def listed(self, name: str, span: Span) -> bool:
        """Apply the lists of ids in defaults: `enabled` drops everything that it does not name."""
        if "enabled" in self.defaults and name not in self.enabled:
            self._say("I131", "not-enabled", f"{name} is not in the `enabled` list of defaults", span)
            return False
        return name not in self.disabled

    def identical(self, entry: Entry, bind: str | None) -> bool:
        """Apply check_entry: a service is disabled when an earlier one *with a bind* has its port and protocol, and its address or no bind.

        `bind` is the address as the file says it: 0.0.0.0 and :: count, and so does one that flags contradict.
        """
        port = entry.port if entry.port is not None else self.host.port(entry.service, entry.transport)
        earlier = self.bound.setdefault((entry.transport, port), {})
        other = next(iter(earlier.values()), None) if bind is None else earlier.setdefault(bind, entry)
        if other is None or other is entry:
            return False
        text = f"{entry.service}: identical to {other.id or other.service} for xinetd, which compares port and protocol: disabled"
        self.faults.append(Diagnostic(code="I202", name="identical-service", severity=Severity.ERROR, message=text, span=entry.origin))
        return True

    def adopt(self, entry: Entry) -> Entry | None:
        """Take over a service of inetd.conf: the lists hold for its name, and it gets the address that the defaults bind."""
        # inet.c compares the protocol with "stream", so that a built-in's id always ends in -dgram.
        name = f"{entry.service}-dgram" if isinstance(entry.program, Builtin) else entry.service
        bind = self.defaults.get("bind", (None,))[0]
        address = None if bind is None else numeric(bind)
        if entry.origin is None or not self.listed(name.lower(), entry.origin) or self.identical(entry, bind):
            return None
        if bind is not None and address is None:
            self.unknown.append(f"{entry.service}: the address of {bind}")
            return None
        entry = attrs.evolve(entry, known_as=name, unlisted=False)
        if address is None:
            return entry
        family = Family.IPV6 if ":" in address else Family.IPV4
        told = None if address == family.wildcard else address
        v6only = None if family is Family.IPV4 else False
        return attrs.evolve(entry, binds=(Bind(family=family, v6only=v6only, address=told, written=address),))

    def _say(self, code: str, name: str, message: str, span: Span, severity: Severity = Severity.ERROR) -> None:
        self.faults.append(fault(code, name, message, span, severity=severity))


def _folder(files: Mapping[str, str], folder: str) -> Iterator[str]:
    """Yield the files of an includedir, in the C locale's order; names with a dot or with a ~ at the end are not read."""
    prefix = folder.rstrip("/") + "/"
    for path in sorted(files, key=lambda path: path.encode("utf-8", "surrogateescape")):
        name = path.removeprefix(prefix)
        if path.startswith(prefix) and "/" not in name and "." not in name and not name.endswith("~"):
            yield path


def read(files: Mapping[str, str], build: XinetdBuild, host: Host, compat: Iterable[Entry] = ()) -> Reading:
    """Return the entries that this build starts with; `files` maps every path that could matter to its text.

    `compat` are the entries of an inetd.conf that is served as well: the defaults hold for them too.
    """
    if host.config not in files:
        return Reading(unknown=(f"{host.config} is not there: xinetd would not start",))
    state = _State(files, host, build)
    try:
        state.load(host.config)
    except _Ended:
        return Reading(faults=tuple(state.faults), sources=tuple(dict.fromkeys(state.sources)))
    entries: list[Entry] = []
    for told, inherited in state.services:
        weighed = Weighed(told, build, host, state.defaults, inherited, state.faults, state.enabled)
        try:
            entry = weighed.entry()
        except Lost as lost:
            state.faults.append(fault(*lost.told, f"{told.name}: {lost}: the service is disabled", weighed.place(lost.at)))
        except (Unknown, ValueError) as reason:  # a ValueError is a value that no model holds: a rate of 10**10
            state.unknown.append(f"{told.span.source.path}:{told.span.line}: {told.name}: {reason}")
        else:
            if entry is not None and state.listed(weighed.id, told.span) and not state.identical(entry, weighed.bind):
                entries.append(entry)
    entries += filter(None, map(state.adopt, compat))
    return Reading(
        entries=tuple(entries), faults=tuple(state.faults), unknown=tuple(state.unknown), sources=tuple(dict.fromkeys(state.sources))
    )
