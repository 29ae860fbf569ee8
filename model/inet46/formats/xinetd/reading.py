"""What one build of xinetd makes of its files: includes followed, defaults gathered, and which of the services are left in the end.

Sources: confparse.c (parse_conf_file, remove_disabled_services, check_entry), includedir.c, inet.c; measured.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping

import attrs

from inet46.diagnostics import Cost, Diagnostic, Severity, Source, Span
from inet46.entry import Bind, Entry
from inet46.formats._reading import Included, Reading, fault, numeric
from inet46.formats.xinetd.attributes import DEFAULTS, INHERITED, Taken
from inet46.formats.xinetd.document import Document, Include, Paragraph, parse
from inet46.formats.xinetd.paragraph import Lost, Quiet, Unknown, Weighed, where
from inet46.knowledge import Host, XinetdBuild
from inet46.service import Builtin
from inet46.sockets import Family, Transport

__all__ = ["read"]


class _Over(Exception):
    """The daemon ends here."""


@attrs.define
class _State:
    """What has been gathered while the files are read in the daemon's order."""

    files: Mapping[str, str]
    host: Host
    build: XinetdBuild
    services: list[tuple[Paragraph, Taken]] = attrs.field(factory=list)
    defaults: dict[str, tuple[str, ...]] = attrs.field(factory=dict)
    faults: list[Diagnostic] = attrs.field(factory=list)
    unknown: list[str] = attrs.field(factory=list)
    sources: list[Source] = attrs.field(factory=list)
    dangling: bool = False  # whether the address of defaults was never settled
    bound: dict[tuple[Transport, int | None], dict[str, str]] = attrs.field(factory=dict)  # earlier services with a bind
    includes: Included = attrs.field(factory=Included)
    folders: dict[str, list[str]] = attrs.field(factory=dict)

    def load(self, path: str, seen: tuple[str, ...] = ()) -> None:
        """Read a file and, in place, what it includes."""
        document = _document(self.files[path], path, self.build.disable_is_final)
        self.sources.append(document.source)
        self.faults.extend(document.faults)
        self.unknown.extend(document.unknown)
        for item in document.items:
            match item:
                case Paragraph(name="") as paragraph:
                    self._add_defaults(paragraph)
                case Paragraph() as paragraph:
                    self._add_service(paragraph)
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
                self.unknown.append(f"{document.source.path}:{include.span.line}: {path} includes itself: xinetd has no end to that")
            elif path in self.files:
                self.load(path, seen)
            else:
                self._say("I126", "missing-include", f"{path} is not there; xinetd goes on without it", include.span)

    def _folder(self, folder: str) -> list[str]:
        if folder not in self.folders:
            self.folders[folder] = list(_folder(self.files, folder))
        return self.folders[folder]

    def _add_defaults(self, paragraph: Paragraph) -> None:
        """Add what defaults say to what is known of them; a bad value there ends the daemon, which exits with 0."""
        # A name with several addresses is settled at the end of its paragraph, and may be said anew in the next one.
        open_bind = self.defaults.pop("bind") if not self.dangling and self._several(self.defaults.get("bind", ("::",))[0]) else None
        taken = Taken("", self.build, self.host, {}, self.faults, DEFAULTS, self.defaults)
        for attribute in paragraph.attributes:
            taken.take(attribute)
            if taken.why is not None:
                text = f"defaults: {taken.why}: xinetd exits here, and every service with it"
                self._say("I174", "fatal-default", text, attribute.span)
                raise _Over
            if taken.unsure is not None:
                self.unknown.append(f"{attribute.span.source.path}:{attribute.span.line}: defaults: {taken.unsure}")
                taken.unsure = None
        taken.settle()
        self.dangling = not paragraph.whole and (self.dangling or self._several(taken.values.get("bind", ("::",))[0]))
        if open_bind is not None:
            self.defaults.setdefault("bind", open_bind)

    def check_ids(self, nameless: Span | None) -> None:
        """Come to the lists of enabled and disabled services, which are compared with every id (remove_disabled_services)."""
        if nameless is not None and (self.defaults.get("enabled") or self.defaults.get("disabled")):
            text = "xinetd dies here, and every service with it: this built-in has no id, and defaults have lists of ids"
            self._say("I149", "nameless-builtin", text, nameless)
            raise _Over

    def _several(self, bind: str) -> bool:
        """Return True for a name with several addresses: which one is meant is left open until its paragraph ends."""
        return numeric(bind) is None and len(self.host.policy.addresses(bind) or ()) > 1

    def check_bind(self, span: Span | None) -> None:
        """Come to a service without an address of its own: where that of defaults was left open, xinetd copies from nowhere."""
        if self.dangling and span is not None:
            text = "xinetd dies here, and every service with it: the bind of defaults that never end is a name with several addresses"
            self._say("I145", "dangling-default", text, span)
            raise _Over

    def check_protocol(self, weighed: Weighed) -> None:
        """Come to a service behind tcpmux without a protocol, which is compared with tcp before anybody asks whether it is there."""
        if weighed.kills:
            name = weighed.paragraph.name
            text = f"{name}: missing attribute protocol: where the type is TCPMUX xinetd dies of it, and all services with it"
            self.faults.append(fault("I144", "missing-attribute", text, weighed.paragraph.header, cost=Cost.DAEMON))
            raise _Over

    def _add_service(self, paragraph: Paragraph) -> None:
        inherited = {name: self.defaults[name] for name in INHERITED if name in self.defaults}
        taken = Taken(paragraph.name, self.build, self.host, inherited, self.faults)
        for attribute in paragraph.attributes:
            taken.take(attribute)
            if taken.gone:
                self._disabled(paragraph, taken)
                return
        taken.settle()
        self.services.append((paragraph, taken))

    def _disabled(self, paragraph: Paragraph, taken: Taken) -> None:
        if taken.why != "disable = yes":
            place = paragraph.header if taken.at is None else taken.at.span
            self._say(*taken.told, f"{paragraph.name}: {taken.why}: the service is disabled", place)

    def on(self, weighed: Weighed) -> bool:
        """Apply remove_disabled_services: a list of enabled services says alone which are on, and clears what had disabled one of them."""
        why = weighed.taken.why
        if "enabled" not in self.defaults and why is not None:
            self._disabled(weighed.paragraph, weighed.taken)
            return False
        if not self.listed(weighed.id, weighed.paragraph.span):
            return False
        if why not in {None, "disable = yes"}:
            text = f"{weighed.paragraph.name}: {why}: the list of enabled services switches it on all the same, without that"
            self._say("I147", "switched-on-again", text, weighed.paragraph.header, Severity.WARNING)
        return True

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

    def identical(self, entry: Entry, address: str | None) -> bool:
        """Apply check_entry: a service is disabled when an earlier one *with a bind* has its port and protocol, and its address or no bind.

        `address` is what the file says: 0.0.0.0 and :: count, and so does one that flags contradict.
        """
        port = entry.port if entry.port is not None else self.host.port(entry.service, entry.transport)
        earlier = self.bound.setdefault((entry.transport, port), {})
        other = next(iter(earlier.values()), None) if address is None else earlier.get(address)
        if other is not None:
            text = f"{entry.service}: identical to {other} for xinetd, which compares port and protocol: disabled"
            self.faults.append(Diagnostic(code="I202", name="identical-service", severity=Severity.ERROR, message=text, span=entry.origin))
            return True
        if address is not None:
            earlier[address] = entry.id or entry.service
        return False

    def adopt(self, entry: Entry) -> Entry | None:
        """Take over a service of inetd.conf: the lists hold for its name, and it gets the address that the defaults bind."""
        # inet.c compares the protocol with "stream", so that a built-in's id always ends in -dgram.
        nameless = entry.program == Builtin(builtin="tcpmux")
        name = f"{entry.service}-dgram" if isinstance(entry.program, Builtin) and not nameless else entry.service
        entry = attrs.evolve(entry, id=None if name == entry.service else name, known_as=name, unlisted=False)
        place = entry.origin
        if place is None or not self.listed(name.lower(), place):
            return None
        self.check_bind(place)
        bind = self.defaults.get("bind", (None,))[0]
        if bind is None:
            return None if self.identical(entry, None) else self._logged(entry, place)
        try:
            family, address, _ = where(bind, None, self.build, self.host)
        except Lost as lost:
            self._say("I130", "service-disabled", f"{entry.service}: {lost}: the service is disabled", place)
            return None
        except Unknown as reason:
            self.unknown.append(f"{entry.service}: {reason}")
            return None
        if self.identical(entry, address):
            return None
        told = None if address == family.wildcard else address
        v6only = None if family is Family.IPV4 else False
        return self._logged(attrs.evolve(entry, binds=(Bind(family=family, v6only=v6only, address=told, written=address),)), place)

    def _logged(self, entry: Entry, place: Span) -> Entry | None:
        """Open the service's log: without an id there is none in syslog, and the service is not started (service.c, svc_setup_log)."""
        if entry.program != Builtin(builtin="tcpmux") or self.defaults.get("log_type", ("",))[0].upper() != "SYSLOG":
            return entry
        text = f"{entry.service}: this built-in has no id, and xinetd opens no log in syslog without one: the service is not started"
        self.faults.append(fault("I149", "nameless-builtin", text, place, cost=Cost.ENTRY))
        return None

    def _say(self, code: str, name: str, message: str, span: Span, severity: Severity = Severity.ERROR) -> None:
        self.faults.append(fault(code, name, message, span, severity=severity))


_SMALL = 4096  # characters of a file that is one service's


def _document(text: str, path: str, final: bool) -> Document:  # noqa: FBT001 -- as of `parse`
    return _small(text, path, final) if len(text) <= _SMALL else parse(text, path, final=final)


@functools.lru_cache(maxsize=1024)
def _small(text: str, path: str, final: bool) -> Document:  # noqa: FBT001 -- as above
    """Parse a text. A plan is written, read back, laid out and merged, and each time the same text is read."""
    return parse(text, path, final=final)


def _folder(files: Mapping[str, str], folder: str) -> Iterator[str]:
    """Yield the files of an includedir, in the C locale's order; names with a dot or with a ~ at the end are not read."""
    prefix = folder.rstrip("/") + "/"
    for path in sorted(files, key=lambda path: path.encode("utf-8", "surrogateescape")):
        name = path.removeprefix(prefix)
        if path.startswith(prefix) and "/" not in name and "." not in name and not name.endswith("~"):
            yield path


def read(files: Mapping[str, str], build: XinetdBuild, host: Host, compat: Iterable[Entry] = (), nameless: Span | None = None) -> Reading:
    """Return the entries that this build starts with; `files` maps every path that could matter to its text.

    `compat` are the entries of an inetd.conf that is served as well: the defaults hold for them too. `nameless` is one without an id there.
    """
    if host.config not in files:
        return Reading(unknown=(f"{host.config} is not there: xinetd would not start",))
    state = _State(files, host, build)
    entries: list[Entry] = []
    try:
        state.load(host.config)
        state.check_ids(nameless)
        for told, taken in state.services:
            entries += _judged(Weighed(told, taken, state.defaults), state)
        entries += filter(None, map(state.adopt, compat))
    except _Over:
        entries = []
    return Reading(
        entries=tuple(entries), faults=tuple(state.faults), unknown=tuple(state.unknown), sources=tuple(dict.fromkeys(state.sources))
    )


def _judged(weighed: Weighed, state: _State) -> Iterator[Entry]:
    """Yield the entry of a service that is left in the end."""
    name, header = weighed.paragraph.name, weighed.paragraph.header
    if not state.on(weighed):
        return
    try:
        weighed.check_argv()
        if "bind" not in weighed.values:
            state.check_bind(header)
        state.check_protocol(weighed)
        entry, address = weighed.entry()
    except Lost as lost:
        state.faults.append(fault(*lost.told, f"{name}: {lost}: the service is disabled", weighed.place(lost.at)))
    except Quiet as what:
        if what.address is not None:
            state.bound.setdefault((Transport.TCP, what.port), {}).setdefault(what.address, weighed.id)
        state.faults.append(fault("I148", "no-inet-socket", f"{name}: {what}: no TCP and no UDP", header, severity=Severity.NOTE))
    except (Unknown, ValueError) as reason:  # a ValueError is a value that no model holds: a rate of 10**10
        state.unknown.append(f"{header.source.path}:{header.line}: {name}: {reason}")
    else:
        if not state.identical(entry, address):
            yield entry
