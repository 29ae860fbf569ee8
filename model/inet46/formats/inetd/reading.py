"""What one build of inetd makes of its files, entry by entry in the order in which it comes to them.

How a field is weighed stands in `fields`, where a statement begins and ends in `document` and `keyed`; here is what one line means for the
next: default hosts, policies, includes, and what a bad line costs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import partial
from typing import assert_never

import attrs

from inet46.diagnostics import Diagnostic, Severity, Source, Span
from inet46.entry import Bind, Entry, Unstartable
from inet46.formats._reading import NUMBER, Included, Reading, fault
from inet46.formats.inetd import definitions, fields
from inet46.formats.inetd._costs import Aside, Dark, Ended, Invalid, Lost, Over, Unknown
from inet46.formats.inetd.document import SERVER, Document, Fields, Policy, logical_lines, parse
from inet46.formats.inetd.including import matching, resolved
from inet46.formats.inetd.keyed import Cursor, Definition, Directive, Statement
from inet46.knowledge import Host, InetdBuild, Pragma, Token
from inet46.service import Builtin, Program
from inet46.sockets import Family, Transport

__all__ = ["read"]

_BUILTIN_NAME = 7  # letters that a built-in service may have in busybox; a longer one is a program (struct builtin)

# Mistakes that getconfigent finds after it has taken the digits off the protocol, and before it gives the entry to config().
_CARRYING = {"odd-wait", "unknown-builtin", "too-many-arguments"}


def read(documents: Iterable[Document], build: InetdBuild, host: Host, files: Mapping[str, str] | None = None) -> Reading:
    """Return what this build makes of its documents, in the order in which it reads them: entries, faults, and what is not known.

    `files` are the texts that an include can come to, by path.
    """
    reader = _Reader(build, host, files or {})
    told = tuple(documents)
    reader.sources.extend(document.source for document in told)
    try:
        for document in told:
            reader.begin()
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
        carries=None if build.default_host_ends else reader.default,
        poisons=reader.leaked is not None,
    )


_MOST_GIVEN_UP = 20  # each reads all that is below it again


@attrs.define
class _Reader:
    """What has been read so far.

    `default` is the address of the last default-host line, which later files inherit; `leaked` the one that a line with an unknown built-in
    left to the next; `muxed` the last line for a service behind tcpmux; `policy` an IPsec policy in force; `carried` the digits that a line
    which was dropped left to the next; `chain` the files that are being read, each included by the one before; `types` the socket type of
    each entry's first line, where it stays.
    """

    build: InetdBuild
    host: Host
    files: Mapping[str, str]
    default: str | None = None
    leaked: str | None = None
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
    given_up: int = 0  # entries with an unknown built-in, each of which goes on below the one before
    named: set[tuple[str, ...]] = attrs.field(factory=set)

    # -- statements

    def begin(self) -> None:
        """Begin a file; an address that a last line left over is taken for an entry of it, which is empty (inetutils nextconfig)."""
        if self.leaked is not None:
            (*_, span) = (fault.span for fault in self.faults if fault.code == "I108" and fault.span is not None)
            text = "no line follows here to take over the address, so that inetd crashes at the next file, and every service with it"
            self._say("I118", "leaked-address", text, span)
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
        if lost.name in {"daemon-killer", "daemon-hang"}:
            raise Over from None
        if isinstance(lost, Ended):
            raise lost
        self._carry(lost, statement)
        if lost.name == "unknown-builtin" and self.build.builtin_ends_entry and isinstance(statement, Fields):
            if self.given_up == _MOST_GIVEN_UP:
                raise Dark(f"what becomes of the lines that go on below more than {_MOST_GIVEN_UP} unknown built-ins")
            self.given_up += 1
            rest = Document(statement.span.source, statement.below)
            if self.build.keyed:
                self._cursor(Cursor(rest, self.build))
            else:
                for line in logical_lines(rest, self.build, statement.number + 1):
                    self.statement(line)
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
        if self.muxed is not None and all(entry.service != "tcpmux" for entry in self.entries):
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
        default, policy = self.default, self.policy
        for path in found:
            if path in self.chain:
                self._say("I127", "include-loop", f"{path} includes itself", directive.span, Severity.WARNING)
                continue
            if self.included.one_more(self.files[path], len(self.chain)):
                raise Unknown(f"too many includes to be followed, here of {path}")
            document = parse(self.files[path], path)
            self.sources.append(document.source)
            self.document(document)
            self.default, self.policy = default, policy

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
            self._default_host(words[0][:-1])
            return None
        if build.host_apart and len(words) > 1 and words[0].endswith(":"):
            words = (words[0] + words[1], *words[2:])
        if len(words) < SERVER:
            raise fields.short(build, words)
        label, socket_type, protocol, wait, user, *command = words
        say = partial(self._say_at, line.span)
        _, service = fields.split_address(label, build)
        told = fields.protocol(self._with_carried(protocol), service, build)
        numbered = re.fullmatch(NUMBER, service) is not None
        if build.strict:
            token = fields.strict_token(build, told.name, socket_type)
            transport = token.transport
        else:
            transport = fields.transport(socket_type, told.name, build, named=not numbered)
            token = fields.token(build, told.name, transport)
        hosts = self._hosts(label)
        if service.startswith("tcpmux/") and self._behind_tcpmux(service, transport, line.span):
            return None
        fields.check_service(service, token, build, numbered=numbered)
        waits, limits, extra = fields.wait(wait, build, say)
        performed = not build.strict or (len(service) <= _BUILTIN_NAME and socket_type in fields.SOCKET_TYPES)
        program = self._program(service, transport, command, line.span, hosts, performed=performed)
        if build.strict and isinstance(program, Builtin) and waits != (socket_type == "dgram"):
            word = "wait" if socket_type == "dgram" else "nowait"
            raise Lost("I106", "odd-wait", f"{service}: a built-in {socket_type} service has to say {word} here; the line is lost")
        addresses = fields.addresses(hosts, build)
        if build.keeps_type:
            addresses = fields.of_type(self.types, addresses, service, protocol, socket_type)
        binds = fields.binds(label, token, addresses, build)
        binds = self._reread(line, token, binds) if build.rereads_line else binds
        if build.dgram_waits and transport is Transport.UDP and not waits:
            raise Lost("I132", "dgram-nowait", f"{service}: a datagram service with nowait is rejected; the line is lost")
        name, group, login_class = fields.user(user, build)
        return Entry(
            service=service,
            port=int(service) if numbered else None,
            transport=transport,
            binds=binds,
            program=program,
            wait=waits,
            user=name,
            group=group,
            limits=limits,
            extra=(*told.extra, *extra, *login_class),
            origin=line.span,
        )

    def _definition(self, definition: Definition) -> Entry | None:
        """Read a definition; one that is off is read to its end and given up."""
        if not definition.on:
            return None
        told = definitions.weigh(definition, self.default, self.build)
        if told.service.startswith("tcpmux/") and self._behind_tcpmux(told.service, told.transport, definition.span):
            return None
        program = self._program(told.service, told.transport, [told.server, *told.argv], definition.span, None)
        return told.entry(program, definition.span, self.build)

    def _say_at(self, span: Span, code: str, name: str, message: str, severity: Severity) -> None:
        self._say(code, name, message, span, severity)

    def _hosts(self, label: str) -> str | None:
        """Return what stands before the service; where nothing does, the default holds, then what leaked."""
        leaked, self.leaked = self.leaked, None
        hosts, _ = fields.split_address(label, self.build)
        told = hosts if hosts is not None else self.default
        return leaked if leaked is not None and told in {None, "*"} else told

    def _default_host(self, hosts: str) -> None:
        if hosts != "*":
            self.default = hosts
        elif self.default is not None and not self.build.default_host_ends:
            raise Dark("the default-host line *: uses memory that was freed; what becomes of the lines below is not known")
        else:
            self.default = None

    def _behind_tcpmux(self, service: str, transport: Transport, span: Span) -> bool:
        """Settle `tcpmux/NAME`, which opens nothing itself; return False where it is a name like any other."""
        if self.build.tcpmux and transport is Transport.TCP:
            raise Aside(f"{service}: stands behind the service tcpmux and opens no socket of its own")
        if self.build.tcpmux:
            raise Lost("I128", "behind-tcpmux", f"{service}: only a stream service can stand behind tcpmux; the line is lost")
        if not self.build.adds_tcpmux or transport is not Transport.TCP:
            return False
        self.muxed = span
        return True

    def _with_carried(self, protocol: str) -> str:
        """Add the digits that a line which was dropped has left (FreeBSD up to 6, DragonFly: `more` resets neither v4bind nor v6bind)."""
        if not self.carried or protocol == "unix" or re.fullmatch(r"(tcp|udp)[46]*", protocol) is None:
            return protocol
        digits = {*self.carried, *protocol[3:]}
        return protocol[:3] + "".join(sorted(digits))

    def _carry(self, lost: Lost, statement: Statement) -> None:
        if not self.build.carries_family or not isinstance(statement, Fields) or len(statement.words) < SERVER:
            return
        protocol = statement.words[2]
        if lost.name in _CARRYING or (lost.name == "unknown-protocol" and re.fullmatch(r"(tcp|udp)[0-9]+", protocol)):
            found = re.search(r"[46]*$", protocol)
            self.carried = "".join(sorted({*self.carried, *(found[0] if found else "")}))
        else:
            self.carried = ""

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

    def _program(
        self, service: str, transport: Transport, command: list[str], span: Span, hosts: str | None, *, performed: bool = True
    ) -> Program | Builtin | Unstartable:
        server, *argv = command
        build = self.build
        if server == "internal" and performed:
            return self._builtin(service, transport, hosts)
        startable = server.startswith("/") and not server.endswith("/") and "\r" not in server
        if not startable and build.looks_at_server:
            raise Lost("I107", "relative-server", f"server {server!r} is not the absolute path of a program")
        if build.max_args is not None and len(argv) > build.max_args:
            text = f"{service}: {len(argv)} arguments, and this inetd takes {build.max_args}"
            if build.excess_args_cost_line:
                raise Lost("I112", "too-many-arguments", f"{text}; the line is lost")
            self._say("I112", "too-many-arguments", f"{text}; the rest is cut off", span, Severity.WARNING)
            argv = argv[: build.max_args]
        elif build.glues_args and re.search(r"[ \t]", "".join(argv[-1:])):
            text = f"{service}: this inetd takes {build.max_args} arguments; the last one is the rest of the line, blanks and all"
            self._say("I112", "too-many-arguments", text, span, Severity.WARNING)
        if not startable:
            sought = build.searches_path and "/" not in server
            fate = "what its PATH has of that name is started" if sought else "every client will be disconnected"
            text = f"{service}: server {server!r} is not the absolute path of a program: {fate}"
            self._say("I107", "relative-server", text, span, Severity.WARNING if sought else Severity.ERROR)
            return Unstartable(words=(server, *argv))
        argv0 = argv[0] if argv and argv[0] != server.rpartition("/")[2] else server if build.argv0_is_path and not argv else None
        return Program(path=server, args=tuple(argv[1:]), argv0=argv0)

    def _builtin(self, service: str, transport: Transport, hosts: str | None) -> Builtin:
        build = self.build
        if service in build.builtins:
            return Builtin(builtin=service)
        port = self.host.port(service, transport)
        alias = next((name for name in build.builtins if port is not None and self.host.port(name, transport) == port), None)
        if build.builtin_aliases and alias is not None:
            return Builtin(builtin=alias)
        self.leaked = hosts if build.builtin_leaks_address and hosts != "*" else None
        has = ", ".join(build.builtins) or "none"
        raise Lost("I108", "unknown-builtin", f"internal service {service} unknown: this inetd has {has}")
