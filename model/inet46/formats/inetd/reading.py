"""What one build of inetd makes of its files, entry by entry in the order in which it comes to them.

How a field is weighed stands in `fields`, where a statement begins and ends in `document` and `keyed`; here is what one line means for the
next: default hosts, policies, includes, and what a bad line costs.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from typing import assert_never

import attrs

from inet46.diagnostics import Diagnostic, Severity, Source, Span
from inet46.entry import Bind, Entry
from inet46.formats._reading import NUMBER, Included, Reading, fault
from inet46.formats.inetd import definitions, fields, places
from inet46.formats.inetd._carrying import carried, with_carried
from inet46.formats.inetd._costs import Aside, Dark, Ended, Invalid, Lost, Over, Unfit, Unknown
from inet46.formats.inetd.document import SERVER, Document, Fields, Policy, logical_lines, parse
from inet46.formats.inetd.including import matching, resolved
from inet46.formats.inetd.keyed import Cursor, Definition, Directive, Statement
from inet46.formats.inetd.prefixes import LEFT_OVER, Prefixes
from inet46.formats.inetd.programs import internal, performed, started
from inet46.formats.inetd.protocols import meaning
from inet46.knowledge import Host, InetdBuild, Pragma, Protocols, Token
from inet46.service import Builtin
from inet46.sockets import Family, Transport

__all__ = ["read"]

_DEADLY = {"daemon-killer", "daemon-hang", "default-freed-twice"}
_WITH_ID = {"time", "daytime", "chargen", "echo", "discard"}  # built-ins that xinetd has an id for, or refuses (inet.c)


def read(
    documents: Iterable[Document], build: InetdBuild, host: Host, files: Mapping[str, str] | None = None, unordered: Collection[str] = ()
) -> Reading:
    """Return what this build makes of its documents, in the order in which it reads them: entries, faults, and what is not known.

    `files` are the texts that an include can come to, by path; `unordered` the paths of those documents that it reads in no order that
    could be known.
    """
    prefixes = Prefixes(build, frozenset(unordered) if len(unordered) > 1 else frozenset())
    reader = _Reader(build, host, files or {}, prefixes)
    told = tuple(documents)
    reader.sources.extend(document.source for document in told)
    try:
        for document in told:
            reader.begin(document.source.path)
            reader.document(document)
    except Over:
        reader.entries = []
    except Dark as reason:
        reader.unknown.append(str(reason))
    reader.finish()
    return Reading(
        entries=tuple(reader.entries),
        faults=tuple(reader.faults),
        unknown=tuple(reader.unknown),
        sources=tuple(reader.sources),
        unordered=tuple(reader.unordered),
        carries=None if build.default_host_ends else prefixes.default,
        poisons=prefixes.leaked is not None,
        nameless=reader.nameless,
    )


_MOST_GIVEN_UP = 20  # each reads all that is below it again


@attrs.define
class _Reader:
    """What has been read so far.

    `prefixes` are the addresses that hold from line to line; `muxed` is the last line for a service behind tcpmux; `policy` an IPsec policy
    in force; `carried` the digits that a line which was dropped left to the next; `chain` the files that are being read, each included by
    the one before; `types` the socket type of each entry's first line, where it stays.
    """

    build: InetdBuild
    host: Host
    files: Mapping[str, str]
    prefixes: Prefixes
    muxed: Span | None = None
    policy: str | None = None
    carried: str = ""
    chain: tuple[str, ...] = ()
    types: dict[tuple[str, ...], str] = attrs.field(factory=dict)
    entries: list[Entry] = attrs.field(factory=list)
    faults: list[Diagnostic] = attrs.field(factory=list)
    unknown: list[str] = attrs.field(factory=list)
    sources: list[Source] = attrs.field(factory=list)
    unordered: list[tuple[str, ...]] = attrs.field(factory=list)
    included: Included = attrs.field(factory=Included)
    given_up: int = 0  # entries given up in their middle, each of which goes on below the one before
    named: set[tuple[str, ...]] = attrs.field(factory=set)
    nameless: Span | None = None

    # -- statements

    def begin(self, path: str) -> None:
        """Begin a file; an address that a last line left over is taken for an entry of it, which is empty (inetutils nextconfig)."""
        left = self.prefixes.begin(path)
        if left is not None:
            text = "no line follows here to take over the address, so that inetd crashes at the next file, and every service with it"
            self._say("I118", "leaked-address", text, left.span)
            raise Over

    def document(self, document: Document) -> None:
        """Read a file, or the lines of one that are read a second time."""
        outer, self.chain = self.chain, (*self.chain, document.source.path)
        try:
            if self.build.keyed:
                self._cursor(Cursor(document, self.build))
            else:
                for statement in logical_lines(document, self.build):
                    self.statement(statement)
        except Ended:
            pass  # said where it was met; a file that includes this one is read on
        self.chain = outer

    def _cursor(self, cursor: Cursor) -> None:
        while (statement := self._next(cursor)) is not None:
            fine = self.statement(statement)
            if isinstance(statement, Definition):
                self._behind(cursor, fine=fine)

    def _next(self, cursor: Cursor) -> Statement | None:
        start = cursor.line
        try:
            return cursor.statement()
        except Ended as end:
            self._say(end.code, end.name, str(end), cursor.lines[min(start, len(cursor.lines) - 1)])
            return None

    def _behind(self, cursor: Cursor, *, fine: bool) -> None:
        if fine:
            cursor.go_on()
        elif (lost := cursor.swallow()) is not None:
            text = "what follows a definition that is off or invalid is not read: the rest of its line, or the line below"
            self._say("I187", "swallowed-line", text, lost)

    def statement(self, statement: Statement) -> bool:
        """Take one statement as the daemon does; return False for a definition that is off or not taken."""
        try:
            entry = self._entry_of(statement)
        except Lost as lost:
            self._lost(lost, statement)
            return not isinstance(lost, Invalid)
        except Dark as reason:
            raise Dark(f"{statement.span.source.path}:{statement.number}: {reason}") from None
        except (Unknown, ValueError) as reason:  # a ValueError is a value that no model holds: a rate of 10**10, a NUL
            self.unknown.append(f"{statement.span.source.path}:{statement.number}: {reason}")
            self.carried = ""
            return True
        if entry is not None:
            self.carried = ""
            self._add(entry, statement)
        return entry is not None or not isinstance(statement, Definition)  # a definition that gives none is off

    def _lost(self, lost: Lost, statement: Statement) -> None:
        if isinstance(lost, Aside):
            self.carried = ""
            return  # it is served, and opens nothing that is asked about here
        self._say(lost.code, lost.name, str(lost), statement.span)
        if lost.name in _DEADLY:
            raise Over from None
        if isinstance(lost, Ended):
            raise lost
        self._carry(lost, statement)
        if self.build.builtin_ends_entry and isinstance(statement, Fields):
            self._read_rest(statement, lost.name)

    def _read_rest(self, line: Fields, name: str) -> None:
        """Read the lines that continue an entry which was given up in its middle: each is looked at as an entry of its own."""
        below = {"unknown-builtin": line.below, "bad-buffer-size": line.behind, "bad-rpc-version": line.behind}.get(name, ())
        rest = Document(line.span.source, below)
        if self.given_up == _MOST_GIVEN_UP:
            raise Dark(f"what becomes of the lines that go on below more than {_MOST_GIVEN_UP} unknown built-ins")
        self.given_up += 1
        if self.build.keyed:
            self._cursor(Cursor(rest, self.build))
        else:
            for statement in logical_lines(rest, self.build, line.number + 1):
                self.statement(statement)
        self.given_up -= 1

    def _entry_of(self, statement: Statement) -> Entry | None:
        match statement:
            case Fields():
                return self._entry(statement)
            case Policy():
                self._policy(statement)
            case Directive():
                self._directive(statement)
            case Definition():
                return self._definition(statement)
            case _:
                assert_never(statement)
        return None

    def _add(self, entry: Entry, statement: Statement) -> None:
        if self.policy is not None:
            entry = attrs.evolve(entry, extra=(*entry.extra, f"IPsec policy {self.policy}"))
            self.policy = self.policy if self.build.pragma is Pragma.FILE else None
        # inetconv makes one manifest of two entries: service and protocol are all that is in its name.
        name = (entry.service, *(bind.key for bind in entry.binds))
        if self.build.first_wins and name in self.named:
            text = f"{entry.service}: a line for this service and protocol stands above, and the first one counts; this one is lost"
            self._say("I125", "already-converted", text, statement.span)
            return
        self.named.add(name)
        self.entries.append(entry)

    def finish(self) -> None:
        """Add what the daemon adds at the end of all files."""
        if self.prefixes.doubtful:
            self.unknown.append(LEFT_OVER)
        listed = self.host.port("tcpmux", Transport.UDP) is not None
        if self.muxed is not None and not any(x.service == "tcpmux" and (listed or x.transport is Transport.TCP) for x in self.entries):
            # inetutils inetd.c, fix_tcpmux: always this protocol, whatever the services behind it say.
            bind = Bind(family=Family.IPV6, v6only=False, key="tcp6")
            mux = Entry(
                service="tcpmux", transport=Transport.TCP, binds=(bind,), program=Builtin(builtin="tcpmux"), port=1, origin=self.muxed
            )
            self.entries.append(mux)

    def _say(self, code: str, name: str, message: str, span: Span, severity: Severity = Severity.ERROR) -> None:
        self.faults.append(fault(code, name, message, span, severity=severity))

    # -- pragmas and includes

    def _policy(self, policy: Policy) -> None:
        """Take `#@ POLICY`; whether the system's IPsec takes a policy that looks like one is for the host to say."""
        if not policy.text:
            self.policy = None
            return
        kinds = policy.kinds
        if False in kinds:
            text = f"{policy.text!r} is no IPsec policy"
            if self.build.pragma is Pragma.ENTRY:
                raise Lost("I102", "daemon-killer", f"{text}: inetd exits here, and every service with it")
            raise Ended("I129", "bad-ipsec-policy", f"{text}; the rest of the file is not read")
        if None in kinds:
            raise Dark(f"whether {policy.text!r} is an IPsec policy to this system; if not, inetd reads no further")
        self.policy = policy.text

    def _directive(self, directive: Directive) -> None:
        if directive.name != "include":
            raise Lost("I188", "unknown-directive", f".{directive.name} is no directive, and the only one is .include; the line is lost")
        if directive.pattern is None:
            raise Ended("I189", "include-without-file", ".include names no file; the rest of the file is not read")
        pattern = resolved(directive.pattern, self.chain[-1])
        found = matching(pattern, self.files)
        if not found:
            self._say("I126", "missing-include", f"{pattern} is not there; inetd goes on without it", directive.span, Severity.WARNING)
        if len(found) > 1:
            self.unordered.append(tuple(found))
        default, policy = self.prefixes.default, self.policy
        for path in found:
            if path in self.chain:
                self._say("I127", "include-loop", f"{path} includes itself", directive.span, Severity.WARNING)
                continue
            if self.included.one_more(self.files[path], len(self.chain)):
                raise Unknown(f"too many includes to be followed, here of {path}")
            document = parse(self.files[path], path)
            self.sources.append(document.source)
            self.document(document)
            self.prefixes.default, self.policy = default, policy

    # -- entries

    def _entry(self, line: Fields) -> Entry | None:
        """Read `service type protocol wait[suffix] user[:group] server [argv0 [args]]`, or a default-host line `address:`."""
        build, words = self.build, line.words
        if line.unread is not None:
            raise Lost("I133", "unread-line", f"the line is passed over: {line.unread}")
        if build.newline_needed and "\0" in line.span.text:
            raise Dark("a NUL in a line, and what is read next is not known")
        if build.rereads_line:
            fields.check_reread(line)
        if len(words) == 1 and build.host_prefix and words[0].endswith(":"):
            self.prefixes.default_host(words[0][:-1], line.span.source.path)
            return None
        self.prefixes.use()
        if build.host_apart and len(words) > 1 and words[0].endswith(":"):
            words = (words[0] + words[1], *words[2:])
        if len(words) < SERVER:
            raise fields.short(build, words)
        label, socket_type, protocol, wait, user, server, *argv = words
        socket_type = socket_type.lower() if build.protocols is Protocols.ETC_PROTOCOLS else socket_type
        say = partial(self._say_at, line.span)
        hosts, service = self.prefixes.split(label)
        service = service.partition("/")[0] if build.version_behind_slash else service
        muxed = build.adds_tcpmux and service.startswith("tcpmux/")
        if muxed:
            service = self._behind_added(service, socket_type, protocol, hosts, line.span)
        told = partial(meaning, build, socket_type, with_carried(self.carried, protocol), service)
        found = told() if build.protocols is Protocols.LISTED else None  # the others look at it after the name of a built-in
        if build.protocols is Protocols.ETC_PROTOCOLS and server == "internal":
            self._take(service, told, user, line.span)
        builtin = self._internal(service, socket_type, hosts, line.span) if performed(server, service, socket_type, build) else None
        found = found or told()
        if not muxed and service.startswith("tcpmux/"):
            self._check_mux(service, found.token.transport)
        service, port, versions = fields.port(service, found, build, self.host)
        waits, limits, extra = fields.wait(wait, build, say)
        program = builtin or started(service, server, argv, build, say)
        if build.strict and builtin and waits != (socket_type == "dgram"):
            word = "wait" if socket_type == "dgram" else "nowait"
            raise Lost("I106", "odd-wait", f"{service}: a built-in {socket_type} service has to say {word} here; the line is lost")
        if muxed:
            fields.user(user, build, self.host.policy)
            self.muxed = line.span
            return None
        binds = self._binds(line, found.token, hosts, service=service, kind=socket_type)
        if build.dgram_waits and found.token.transport is Transport.UDP and not waits:
            raise Lost("I132", "dgram-nowait", f"{service}: a datagram service with nowait is rejected; the line is lost")
        name, group, login_class = fields.user(user, build, self.host.policy)
        return Entry(
            service=service,
            port=port,
            transport=found.token.transport,
            binds=binds,
            program=program,
            wait=waits,
            user=name,
            group=group,
            limits=limits,
            extra=(*found.extra, *versions, *extra, *login_class),
            origin=line.span,
        )

    def _definition(self, definition: Definition) -> Entry | None:
        """Read a definition; one that is off is read to its end and given up."""
        if not definition.on:
            return None
        told = definitions.weigh(definition, self.prefixes.default, self.build)
        transport = told.found.token.transport
        if told.service.startswith("tcpmux/"):
            self._check_mux(told.service, transport)
        say = partial(self._say_at, definition.span)
        if told.server == "internal":
            builtin = self._internal(told.service, transport.socket_type, None, definition.span)
            return told.entry(builtin, definition.span, self.build, self.host)
        program = started(told.service, told.server, list(told.argv), self.build, say)
        return told.entry(program, definition.span, self.build, self.host)

    def _take(self, service: str, told: Callable[[], object], user: str, span: Span) -> None:
        """Look at protocol and user, as xinetd does before it looks at a built-in; one that it takes then may have no id (inet.c)."""
        with contextlib.suppress(Unfit):
            told()
        fields.user(user, self.build, self.host.policy)
        if self.nameless is None and service not in _WITH_ID:
            self.nameless = span

    def _say_at(self, span: Span, code: str, name: str, message: str, severity: Severity) -> None:
        self._say(code, name, message, span, severity)

    def _behind_added(self, service: str, socket_type: str, protocol: str, hosts: str | None, span: Span) -> str:
        """Read `tcpmux/[+]NAME` where that brings tcpmux with it: a service that has no socket of its own."""
        name = service.removeprefix("tcpmux/").removeprefix("+")
        if not protocol.startswith("tcp") or socket_type != "stream":
            self.prefixes.leave(hosts, span)
            raise Lost("I190", "type-and-protocol", f"{service}: a service behind tcpmux is stream and tcp; the line is lost")
        return name

    def _check_mux(self, service: str, transport: Transport) -> None:
        """Settle `tcpmux/NAME`, which opens nothing itself; elsewhere it is a name like any other."""
        if self.build.tcpmux and transport is Transport.TCP:
            raise Aside(f"{service}: stands behind the service tcpmux and opens no socket of its own")
        if self.build.tcpmux:
            raise Lost("I128", "behind-tcpmux", f"{service}: only a stream service can stand behind tcpmux; the line is lost")

    def _internal(self, service: str, socket_type: str, hosts: str | None, span: Span) -> Builtin:
        try:
            return internal(service, socket_type, self.build, self.host)
        except Lost:
            self.prefixes.leave(hosts, span)
            raise

    def _carry(self, lost: Lost, statement: Statement) -> None:
        if not self.build.carries_family or not isinstance(statement, Fields) or len(statement.words) < SERVER:
            return
        self.carried = carried(self.carried, lost.name, statement.words[2])

    def _binds(self, line: Fields, token: Token, hosts: str | None, *, service: str, kind: str) -> tuple[Bind, ...]:
        """Join addresses and sockets, less those under whose protocol no service has a name."""
        opens = []
        for bound in token.opens:
            if bound.named or re.fullmatch(NUMBER, service):
                opens.append(bound)
                continue
            text = f"{line.words[0]}: no service is known by {bound.key}: {bound.family.title} is lost, and a port number would do"
            self._say("I113", "half-lost", text, line.span)
        known = attrs.evolve(token, opens=tuple(opens))
        keep = partial(places.of_type, self.types, service, token.name, kind) if self.build.keeps_type else list
        binds = places.binds(line.words[0], known, hosts, self.build, self.host, keep=keep)
        return self._reread(line, token, binds) if self.build.rereads_line else binds

    def _reread(self, line: Fields, token: Token, binds: tuple[Bind, ...]) -> tuple[Bind, ...]:
        """Take away what is lost when the first line alone is read for the IPv6 half."""
        if len(line.words) <= line.first or len(token.opens) < 2:
            return binds
        if line.first >= SERVER:
            text = f"{line.words[0]}: the IPv6 half of {token.name} gets the arguments of the first line only"
            self._say("I114", "half-cut", text, line.span, Severity.WARNING)
            return binds
        text = f"{line.words[0]}: the IPv6 half of {token.name} is read from the first line alone, which breaks off; IPv6 is lost"
        self._say("I113", "half-lost", text, line.span)
        left = tuple(bind for bind in binds if bind.family is Family.IPV4)
        if not left:
            hosts = ", ".join(bind.address or "*" for bind in binds)
            raise Lost("I111", "address-family", f"{line.words[0]}: {token.name} opens no socket at {hosts}; the line is lost")
        return left
