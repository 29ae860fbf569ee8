"""What one build of inetd makes of its lines: fields weighed as its own parser weighs them, protocol tokens turned into binds.

Sources: FreeBSD usr.sbin/inetd/inetd.c (getconfigent, skip), openbsd-inetd with default_v4v6, inetutils inetd.c; the Debian ones measured.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Collection, Iterable

import attrs

from inet46.diagnostics import Diagnostic, Severity, Span
from inet46.entry import Bind, Entry, Unstartable
from inet46.formats._reading import NUMBER, Reading, fault
from inet46.formats.inetd.document import SERVER, Document, Fields, logical_lines, told_address
from inet46.formats.inetd.outcomes import Dark, Lost, Over, Quiet, Unknown
from inet46.formats.inetd.places import Place, places
from inet46.formats.inetd.protocols import Meaning, meaning, read_twice
from inet46.knowledge import RPC_PROGRAMS, Host, InetdBuild, Protocols, Suffix, Token
from inet46.service import Builtin, Limits, Program, Rate
from inet46.sockets import Family, Transport

__all__ = ["read"]

_SOCKET_TYPES = {transport.socket_type for transport in Transport}
_BUILTIN_NAME = 7  # letters that a built-in service may have in busybox; a longer one is a program (struct builtin)
_LEFT_OVER = "an address is left over at the end of a file of the folder: if another one is read after it, which is not known, inetd dies"
_RATE = 2**32  # a number after `wait.` has to be below it where the field is taken strictly (bb_strtou)


def read(documents: Iterable[Document], build: InetdBuild, host: Host, unordered: Collection[str] = ()) -> Reading:
    """Return what this build makes of its files, in the order in which it reads them: entries, faults, and what is not known.

    `unordered` are the paths of those that it reads in no order that could be known.
    """
    reader = _Reader(build, host, frozenset(unordered) if len(unordered) > 1 else frozenset())
    files = tuple(documents)
    try:
        for document in files:
            reader.begin(document)
            for fields in logical_lines(document, build):
                reader.line(fields)
    except Over:
        reader.entries = []
    except Dark as reason:
        reader.unknown.append(str(reason))
    reader.finish()
    sources = tuple(document.source for document in files)
    return Reading(entries=tuple(reader.entries), faults=tuple(reader.faults), unknown=tuple(reader.unknown), sources=sources)


class _Freed(enum.Enum):
    """What has happened since a line `*:` freed the default address and went on using it (inetutils inetd.c, getconfigent)."""

    JUST_NOW = "nothing"
    USED_SINCE = "something"


@attrs.define
class _Reader:
    """What has been read so far.

    `default` is the address of the last default-host line, which later files inherit; `leaked` the one that a line with an unknown built-in
    left to the next; `muxed` the last line for a service behind tcpmux. `freed` tells that the address of the last default-host line was
    given back and is used all the same. `types` are the socket types of the entries' first lines, where they stay.
    """

    build: InetdBuild
    host: Host
    unordered: frozenset[str]
    default: str | None = None
    path: str = ""
    leaked: str | None = None
    freed: _Freed | None = None
    muxed: Span | None = None
    types: dict[tuple[str, ...], str] = attrs.field(factory=dict)
    entries: list[Entry] = attrs.field(factory=list)
    faults: list[Diagnostic] = attrs.field(factory=list)
    unknown: list[str] = attrs.field(factory=list)

    def begin(self, document: Document) -> None:
        """Come to a file: an address that the file before has left over belongs to no line, and is the daemon's end."""
        before, self.path = self.path, document.source.path
        if self.leaked is not None and before in self.unordered:
            raise Dark(_LEFT_OVER)
        if self.leaked is not None:
            text = "inetd dies here, and every service with it: the address of the last line of the file before is left over"
            self._say("I123", "daemon-killer", text, Span(document.source, 0, len(document.source.text)))
            raise Over
        self.freed = self.freed and _Freed.USED_SINCE

    def line(self, fields: Fields) -> None:
        """Take one logical line as the daemon does."""
        try:
            entry = self._entry(fields)
        except Lost as lost:
            self._say(lost.code, lost.name, str(lost), fields.span)
            if lost.name in {"daemon-killer", "daemon-hang"}:
                raise Over from None
            if self.build.builtin_ends_entry:
                self._read_rest(fields, lost.name)
        except Quiet as what:
            self._say("I122", "no-inet-socket", f"{fields.words[0]}: {what}: no TCP and no UDP", fields.span, Severity.NOTE)
        except Dark as reason:
            raise Dark(f"{fields.span.source.path}:{fields.number}: {reason}") from None
        except (Unknown, ValueError) as reason:  # a ValueError is a value that no model holds: a rate of 10**10, a NUL
            self.unknown.append(f"{fields.span.source.path}:{fields.number}: {reason}")
        else:
            if entry is not None:
                self.entries.append(entry)

    def _read_rest(self, fields: Fields, name: str) -> None:
        """Read the lines that continue an entry which was given up in its middle: each is looked at as an entry of its own."""
        below = {"unknown-builtin": fields.below, "malformed-buffer-size": fields.behind, "bad-rpc-version": fields.behind}.get(name, ())
        for line in logical_lines(Document(fields.span.source, below), self.build, fields.number + 1):
            self.line(line)

    def finish(self) -> None:
        """Add what the daemon adds at the end of all files."""
        if self.leaked is not None and self.path in self.unordered:
            self.unknown.append(_LEFT_OVER)
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

    def _entry(self, fields: Fields) -> Entry | None:
        """Read `service type protocol wait[suffix] user[:group] server [argv0 [args]]`, or a default-host line `address:`."""
        build, words = self.build, fields.words
        if build.rereads_line:
            _check_reread(fields)
        if len(words) > 1 and build.continuation and build.host_prefix and words[0].endswith(":"):
            words = (words[0] + words[1], *words[2:])  # `address: service` is what `address:service` is
        if len(words) == 1 and build.host_prefix and words[0].endswith(":"):
            self._default_host(words[0][:-1], fields.span.source.path)
            return None
        self.freed = self.freed and _Freed.USED_SINCE
        if len(words) < SERVER:
            raise _short(build, words)
        service, socket_type, protocol, wait, user, server, *argv = words
        hosts, service = self._hosts(service)
        service = service.partition("/")[0] if build.version_behind_slash else service
        muxed = service.startswith("tcpmux/") and build.adds_tcpmux
        if muxed:
            service = self._muxed(service, socket_type, protocol, hosts)
        performed = server == "internal" and self._performs(service, socket_type, hosts)
        found = meaning(build, socket_type, protocol)
        service, port, versions = self._port(service, found)
        waits, limits, extra = self._wait(wait, fields)
        program = Builtin(builtin=service) if performed else self._program(service, server, argv, fields)
        if build.strict and performed and waits != (socket_type == "dgram"):
            word = "wait" if socket_type == "dgram" else "nowait"
            raise Lost("I106", "odd-wait", f"{service}: a built-in {socket_type} service has to say {word} here; the line is lost")
        name, group, login_class = self._user(user)
        if muxed:
            self.muxed = fields.span
            return None
        binds = self._binds(fields, found.token, hosts, service=service, kind=socket_type)
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
            extra=(*versions, *extra, *login_class),
            origin=fields.span,
        )

    def _muxed(self, service: str, socket_type: str, protocol: str, hosts: str | None) -> str:
        """Read `tcpmux/[+]NAME`: a service that has no socket of its own."""
        name = service.removeprefix("tcpmux/").removeprefix("+")
        if not protocol.startswith("tcp") or socket_type != "stream":
            self.leaked = hosts if self.build.builtin_leaks_address else None
            raise Lost("I119", "type-and-protocol", f"{service}: a service behind tcpmux is stream and tcp; the line is lost")
        return name

    def _port(self, service: str, found: Meaning) -> tuple[str, int | None, tuple[str, ...]]:
        """Return the service, its port if the line says or implies one, and what else is said in the field."""
        if found.rpc:
            return _rpc(service)
        if re.fullmatch(NUMBER, service):
            return service, self._number(service), ()
        if not found.token.named:
            text = f"{service}/{found.token.name}: unknown service: {found.token.name} works with a port number only"
            raise Lost("I105", "token-without-name", text)
        if found.looked_up is found.token.transport:
            return service, None, ()
        port = self.host.port(service, found.looked_up)
        if port is None and self.host.policy.services is None:
            raise Unknown(f"port of {service}/{found.looked_up.value}")
        if port is None:
            raise Lost("I110", "unknown-service", f"{service}/{found.looked_up.value} is not in /etc/services, so the line is lost")
        return service, port, ()

    def _number(self, service: str) -> int:
        """Read a port number; what is none is a name that /etc/services does not have, or is cut off where getaddrinfo(3) reads it."""
        if not self.build.numeric_ports:
            raise Lost("I104", "numeric-port", f"{service}: this inetd knows services by name only; the line is lost")
        number, modulus = int(service[-100:]), self.build.port_modulus
        if (number > 0 or self.build.picks_port) and number < 65536 and not service[:-100].strip("0"):
            return number
        if modulus is None or number >= 1 << 64 or number % (1 << 32) == (1 << 32) - 1:
            raise Lost("I110", "unknown-service", f"{service[:20]} is no port and no service of /etc/services, so the line is lost")
        return number % modulus

    def _hosts(self, service: str) -> tuple[str | None, str]:
        """Split `address[,address]:service`; where no address is written, the default holds, then one that leaked."""
        leaked, self.leaked = self.leaked, None
        hosts, colon, name = service.rpartition(":") if self.build.host_prefix else ("", "", service)
        if not colon and self.freed is not None:
            raise Unknown("the default address stands in memory that the line *: has freed")
        told = hosts if colon else self.default
        return (leaked if leaked is not None and told in {None, "*"} else told), name

    def _default_host(self, hosts: str, path: str) -> None:
        if path in self.unordered:
            raise Dark(
                "the default-host line holds for the files of the folder that are read after this one, and which these are is not known"
            )
        if self.freed is _Freed.JUST_NOW:
            raise Lost("I124", "daemon-killer", "inetd frees the same memory twice here and dies, and every service with it")
        if self.freed is _Freed.USED_SINCE:
            raise Dark("a default-host line behind *: frees memory that something else uses now; what becomes of inetd is not known")
        if hosts != "*":
            self.default = hosts
            return
        if self.default is not None and not self.build.default_host_ends:
            self.freed = _Freed.JUST_NOW
        self.default = None

    def _of_type(self, found: list[Place], service: str, protocol: str, socket_type: str) -> list[Place]:
        """Keep the addresses whose entry has a type of which there are sockets: the one that its first line gave it."""
        types = [self.types.setdefault((place.text, service, protocol), socket_type) for place in found]
        if types and not any(known in _SOCKET_TYPES for known in types):
            text = f"there is no {types[0]!r} socket for {protocol}; nothing is opened"
            if types[0] != socket_type:
                text = f"an earlier line made this entry {types[0]!r}, of which there is no socket for {protocol}; nothing is opened"
            raise Lost("I103", "unknown-socket-type", f"{service}: {text}")
        return [place for place, known in zip(found, types, strict=True) if known in _SOCKET_TYPES]

    def _binds(self, fields: Fields, token: Token, hosts: str | None, *, service: str, kind: str) -> tuple[Bind, ...]:
        """Join addresses and the sockets of a token; an address of the other family opens nothing, or is mapped."""
        binds: list[Bind] = []
        for bound in token.opens:
            if not bound.named and not re.fullmatch(NUMBER, service):
                text = f"{fields.words[0]}: no service is known by {bound.key}: {bound.family.title} is lost, and a port number would do"
                self._say("I113", "half-lost", text, fields.span)
                continue
            found = places(hosts, bound, self.build, self.host)
            if self.build.keeps_type:
                found = self._of_type(found, service, token.name, kind)
            for place in found:
                own = self.build.keeps_addresses and place.text != told_address(place.address, self.build)
                key = f"{bound.key} {place.text}" if own else bound.key
                if place.address != "":
                    binds.append(Bind(family=bound.family, v6only=bound.v6only, address=place.address, key=key, name=place.name))
        if self.build.rereads_line and len(fields.words) > fields.first and len(token.opens) > 1:
            if fields.first < 6:
                text = f"{fields.words[0]}: the IPv6 half of {token.name} is read from the first line alone, which breaks off; IPv6 is lost"
                self._say("I113", "half-lost", text, fields.span)
                binds = [bind for bind in binds if bind.family is Family.IPV4]
            else:
                text = f"{fields.words[0]}: the IPv6 half of {token.name} gets the arguments of the first line only"
                self._say("I114", "half-cut", text, fields.span, Severity.WARNING)
        if not binds:
            raise Lost("I111", "address-family", f"{fields.words[0]}: {token.name} opens no socket at {hosts or '*'}; the line is lost")
        return tuple(binds)

    def _wait(self, text: str, fields: Fields) -> tuple[bool, Limits, tuple[str, ...]]:
        """Read `wait` or `nowait` with this dialect's suffix: .max, or /max-child/max-connections-per-ip-per-minute/max-child-per-ip."""
        if self.build.suffix is Suffix.CHILDREN:
            return self._wait_children(text, fields)
        word, dot, number = text.partition(".") if self.build.suffix is Suffix.RATE else (text, "", "")
        if self.build.strict and (word not in {"wait", "nowait"} or (dot and not (re.fullmatch(NUMBER, number) and int(number) < _RATE))):
            raise Lost("I106", "odd-wait", f"{text!r} is not wait or nowait, with .max or without; the line is lost")
        if word not in {"wait", "nowait"}:
            self._say("I106", "odd-wait", f"{text!r} is neither wait nor nowait, and taken for nowait", fields.span, Severity.WARNING)
            return False, Limits(), (text,)
        if not dot:
            return word == "wait", Limits(), ()
        if re.fullmatch(NUMBER, number) and int(number) > self.build.rate_offset:
            return word == "wait", Limits(rate=Rate(connections=int(number) - self.build.rate_offset)), ()
        self._say("I106", "odd-wait", f"the suffix of {text!r} means nothing to this inetd", fields.span, Severity.WARNING)
        return word == "wait", Limits(), (f".{number}",)

    def _wait_children(self, text: str, fields: Fields) -> tuple[bool, Limits, tuple[str, ...]]:
        match = re.fullmatch(r"(no)?wait([^/]*)((?:/.*)?)", text)
        if match is None or not re.match(rf"(/{NUMBER}|$)", match[3]):
            raise Lost("I106", "odd-wait", f"{text!r} is not wait or nowait, with /max-child or without; the line is lost")
        waits, odd, suffix = match[1] is None, match[2], match[3]
        if odd or not re.fullmatch(rf"(/{NUMBER}){{0,3}}", suffix):
            self._say("I106", "odd-wait", f"the suffix of {text!r} means nothing to this inetd", fields.span, Severity.WARNING)
            return waits, Limits(), (odd + suffix,)
        instances, per_minute, per_source = (*(int(number) for number in suffix.split("/")[1:]), 0, 0, 0)[:3]
        limits = Limits(instances=instances or None, per_source=per_source or None)
        return waits, limits, (f"{per_minute} connections a minute for each address",) if per_minute else ()

    def _performs(self, service: str, socket_type: str, hosts: str | None) -> bool:
        """Return True for a built-in, False where `internal` is the name of a program after all."""
        build = self.build
        if build.strict and (len(service) > _BUILTIN_NAME or socket_type not in _SOCKET_TYPES):
            return False
        if service not in build.builtins or (socket_type != "stream" and (service == "tcpmux" or socket_type != "dgram")):
            self.leaked = hosts if build.builtin_leaks_address else None
            has = ", ".join(build.builtins) or "none"
            raise Lost("I108", "unknown-builtin", f"internal service {service} unknown: this inetd has {has}")
        return True

    def _program(self, service: str, server: str, argv: list[str], fields: Fields) -> Program | Unstartable:
        build = self.build
        startable = server.startswith("/") and not server.endswith("/") and "\r" not in server
        if not startable and build.looks_at_server:
            raise Lost("I107", "relative-server", f"server {server!r} is not the absolute path of a program")
        if build.max_args is not None and len(argv) > build.max_args:
            text = f"{service}: {len(argv)} arguments, and this inetd takes {build.max_args}"
            if build.excess_args_cost_line:
                raise Lost("I112", "too-many-arguments", f"{text}; the line is lost")
            self._say("I112", "too-many-arguments", f"{text}; the rest is cut off", fields.span, Severity.WARNING)
            argv = argv[: build.max_args]
        elif build.glues_args and re.search(r"[ \t]", "".join(argv[-1:])):
            text = f"{service}: this inetd takes {build.max_args} arguments; the last one is the rest of the line, blanks and all"
            self._say("I112", "too-many-arguments", text, fields.span, Severity.WARNING)
        if not startable:
            sought = build.searches_path and "/" not in server
            fate = "what its PATH has of that name is started" if sought else "every client will be disconnected"
            text = f"{service}: server {server!r} is not the absolute path of a program: {fate}"
            self._say("I107", "relative-server", text, fields.span, Severity.WARNING if sought else Severity.ERROR)
            return Unstartable(words=(server, *argv))
        argv0 = argv[0] if argv and argv[0] != server.rpartition("/")[2] else server if build.argv0_is_path and not argv else None
        return Program(path=server, args=tuple(argv[1:]), argv0=argv0)

    def _user(self, text: str) -> tuple[str, str | None, tuple[str, ...]]:
        """Read `user[:group][/login-class]`, with this dialect's separators; some builds look both up at once."""
        build, policy = self.build, self.host.policy
        login_class: tuple[str, ...] = ()
        if build.suffix is Suffix.CHILDREN and "/" in text:
            text, _, name = text.rpartition("/")
            login_class = (f"login class {name}",)
        if build.bad_user_costs_entry and "/" in text:
            # The others are looked up on the host; this is what stands here when a field before it was left out.
            raise Lost("I117", "unknown-user", f"user {text!r} is a path and no name; the line is lost")
        separator = next((separator for separator in build.user_group if separator in text), None)
        if build.user_group == "." and ":" in text:
            raise Lost("I117", "unknown-user", f"user {text!r} is unknown: a group stands behind a dot here; the line is lost")
        user, _, group = (text, "", "") if separator is None else text.partition(separator)
        if build.bad_user_costs_entry and (not user or not policy.has("users", user)):
            raise Lost("I117", "unknown-user", f"user {user!r} is unknown; the line is lost")
        if build.bad_user_costs_entry and (group or (separator and build.empty_group_is_one)) and not policy.has("groups", group):
            raise Lost("I117", "unknown-user", f"group {group!r} is unknown; the line is lost")
        return user, group or None, login_class


def _check_reread(fields: Fields) -> None:
    """Refuse what makes Debian's openbsd-inetd hang: it reads the first line of an entry again for the IPv6 half, and finds no end."""
    words, apart = fields.words, fields.words[0].endswith(":")  # `address: service` takes two words
    if len(words) < 3 + apart or not read_twice(words[2 + apart]):
        return
    if fields.after_empty or fields.first < 3 + apart:
        text = f"{words[0]}: inetd hangs here for ever and serves nothing: {words[2 + apart]!r} ends in no 4 or 6, and the line "
        raise Lost("I109", "daemon-hang", text + ("is indented below an empty one" if fields.after_empty else "is continued before it"))


def _whole(digits: str) -> int:
    """Return a number as strtol(3) reads it when it is left the choice: 0x begins a hexadecimal one, 0 an octal one."""
    return int(digits, 16 if digits[1:2] in {"x", "X"} else 8 if digits[0] == "0" else 10)


def _short(build: InetdBuild, words: tuple[str, ...]) -> Exception:
    count = f"{len(words)} fields where 6 are needed"
    if build.short_line_kills:
        return Lost("I102", "daemon-killer", f"{count}: inetd exits here, and every service with it")
    if build.protocols is Protocols.ETC_PROTOCOLS and len(words) > 1:
        return Dark(f"{count}: xinetd takes the others from the line before, or dies of what stands in memory")
    return Lost("I101", "too-few-fields", f"{count}; the line is lost")


def _rpc(service: str) -> tuple[str, int, tuple[str, ...]]:
    """Read `PROGRAM/VERSION[-VERSION]`; the socket gets a port that is free, and the portmapper is told."""
    name, slash, versions = service.partition("/")
    number = r"(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)"
    match = re.fullmatch(rf"{number}(?:-{number})?", versions)
    low, high = (_whole(digits or "0") for digits in match.groups()) if match else (0, 0)
    if not slash or match is None or max(low, high) >= 1 << 31 or (match[2] is not None and high < low):
        raise Lost(
            "I120", "bad-rpc-version", f"{service}: an RPC service is written NAME/VERSION or NAME/VERSION-VERSION; the line is lost"
        )
    if re.fullmatch(NUMBER, name) and not 0 < int(name) < 1 << 16:
        raise Lost("I121", "unknown-rpc-program", f"{name}: no RPC program of /etc/rpc, and no number up to 65535; the line is lost")
    if not re.fullmatch(NUMBER, name) and name not in RPC_PROGRAMS:
        raise Unknown(f"RPC program {name}")
    return name, 0, (f"rpc version {versions}",)
