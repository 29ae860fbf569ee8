"""What one build of inetd makes of its lines: fields weighed as its own parser weighs them, protocol tokens turned into binds.

Sources: FreeBSD usr.sbin/inetd/inetd.c (getconfigent, skip), openbsd-inetd with default_v4v6, inetutils inetd.c, busybox inetd.c; all but
FreeBSD's measured on Debian.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import attrs

from inet46.diagnostics import Diagnostic, Severity, Span
from inet46.entry import Bind, Entry, Unstartable
from inet46.formats._reading import NUMBER, Reading, fault, numeric
from inet46.formats.inetd.document import SERVER, Document, Fields, logical_lines, told_address
from inet46.knowledge import Bound, Host, InetdBuild, Suffix, Token
from inet46.service import Builtin, Limits, Program, Rate
from inet46.sockets import Family, Transport

__all__ = ["read"]

_SOCKET_TYPES = {transport.socket_type for transport in Transport}
_BUILTIN_NAME = 7  # letters that a built-in service may have in busybox; a longer one is a program (struct builtin)
_RATE = 2**32  # a number after `wait.` has to be below it where the field is taken strictly (bb_strtou)

_MAPPED = "::ffff:"

_Address = tuple[str, str | None]
"""As it is written, and as ss writes it: None for every address, "" where a daemon finds none and goes on to the next in the list."""


class _Lost(Exception):
    """The daemon drops this entry."""

    def __init__(self, code: str, name: str, message: str) -> None:
        super().__init__(message)
        self.code, self.name = code, name


class _Unknown(Exception):
    """What this line opens is not known."""


class _Dark(_Unknown):
    """From this line on nothing is known."""


class _Over(Exception):
    """The daemon comes no further, and serves nothing of what it has read."""


def read(documents: Iterable[Document], build: InetdBuild, host: Host) -> Reading:
    """Return what this build makes of its files, in the order in which it reads them: entries, faults, and what is not known."""
    reader = _Reader(build, host)
    files = tuple(documents)
    try:
        for document in files:
            reader.begin()
            for fields in logical_lines(document, build):
                reader.line(fields)
    except _Over:
        reader.entries = []
    except _Dark as reason:
        reader.unknown.append(str(reason))
    reader.finish()
    sources = tuple(document.source for document in files)
    return Reading(
        entries=tuple(reader.entries),
        faults=tuple(reader.faults),
        unknown=tuple(reader.unknown),
        sources=sources,
        carries=None if build.default_host_ends else reader.default,
        poisons=reader.leaked is not None,
    )


@attrs.define
class _Reader:
    """What has been read so far.

    `default` is the address of the last default-host line, which later files inherit; `leaked` the one that a line with an unknown built-in
    left to the next; `muxed` the last line for a service behind tcpmux; `types` the socket type of each entry's first line, where it stays.
    """

    build: InetdBuild
    host: Host
    default: str | None = None
    leaked: str | None = None
    muxed: Span | None = None
    types: dict[tuple[str, ...], str] = attrs.field(factory=dict)
    entries: list[Entry] = attrs.field(factory=list)
    faults: list[Diagnostic] = attrs.field(factory=list)
    unknown: list[str] = attrs.field(factory=list)

    def begin(self) -> None:
        """Begin a file; an address that a last line left over is taken for an entry of it, which is empty (inetutils nextconfig)."""
        if self.leaked is not None:
            (*_, span) = (fault.span for fault in self.faults if fault.code == "I108" and fault.span is not None)
            text = "no line follows here to take over the address, so that inetd crashes at the next file, and every service with it"
            self._say("I118", "leaked-address", text, span)
            raise _Over

    def line(self, fields: Fields) -> None:
        """Take one logical line as the daemon does."""
        try:
            entry = self._entry(fields)
        except _Lost as lost:
            self._say(lost.code, lost.name, str(lost), fields.span)
            if lost.name in {"daemon-killer", "daemon-hang"}:
                raise _Over from None
            if lost.name == "unknown-builtin" and self.build.builtin_ends_entry:
                rest = Document(fields.span.source, fields.below)
                for line in logical_lines(rest, self.build, fields.number + 1):
                    self.line(line)
        except _Dark as reason:
            raise _Dark(f"{fields.span.source.path}:{fields.number}: {reason}") from None
        except (_Unknown, ValueError) as reason:  # a ValueError is a value that no model holds: a rate of 10**10, a NUL
            self.unknown.append(f"{fields.span.source.path}:{fields.number}: {reason}")
        else:
            if entry is not None:
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

    def _entry(self, fields: Fields) -> Entry | None:
        """Read `service type protocol wait[suffix] user[:group] server [argv0 [args]]`, or a default-host line `address:`."""
        build, words = self.build, fields.words
        if build.rereads_line:
            _check_reread(fields)
        if len(words) == 1 and build.host_prefix and words[0].endswith(":"):
            self._default_host(words[0][:-1])
            return None
        if len(words) < SERVER:
            raise _short(build, words)
        service, socket_type, protocol, wait, user, server, *argv = words
        if build.strict:
            token = _strict_token(build, protocol, socket_type)
            transport = token.transport
        else:
            transport = _transport(socket_type, protocol)
            token = _token(build, protocol, socket_type)
        hosts, service = self._hosts(service)
        if service.startswith("tcpmux/") and build.adds_tcpmux and transport is Transport.TCP:
            self.muxed = fields.span
            return None
        numbered = re.fullmatch(NUMBER, service) is not None
        _check_service(service, token, build, numbered=numbered)
        waits, limits, extra = self._wait(wait, fields)
        program = self._program(service, server, argv, fields, hosts)
        if build.strict and isinstance(program, Builtin) and waits != (socket_type == "dgram"):
            word = "wait" if socket_type == "dgram" else "nowait"
            raise _Lost("I106", "odd-wait", f"{service}: a built-in {socket_type} service has to say {word} here; the line is lost")
        addresses = _addresses(hosts, build)
        if build.keeps_type:
            addresses = self._of_type(addresses, service, protocol, socket_type)
        name, group, login_class = _user(user, build)
        return Entry(
            service=service,
            port=int(service) if numbered else None,
            transport=transport,
            binds=self._binds(fields, token, addresses),
            program=program,
            wait=waits,
            user=name,
            group=group,
            limits=limits,
            extra=(*extra, *login_class),
            origin=fields.span,
        )

    def _hosts(self, service: str) -> tuple[str | None, str]:
        """Split `address[,address]:service`; where no address is written, the default holds, then one that leaked."""
        leaked, self.leaked = self.leaked, None
        hosts, colon, name = service.rpartition(":") if self.build.host_prefix else ("", "", service)
        told = hosts if colon else self.default
        return (leaked if leaked is not None and told in {None, "*"} else told), name

    def _default_host(self, hosts: str) -> None:
        if hosts != "*":
            self.default = hosts
        elif self.default is not None and not self.build.default_host_ends:
            raise _Dark("the default-host line *: uses memory that was freed; what becomes of the lines below is not known")
        else:
            self.default = None

    def _of_type(self, addresses: tuple[_Address, ...], service: str, protocol: str, socket_type: str) -> tuple[_Address, ...]:
        """Keep the addresses whose entry has a type of which there are sockets: the one that its first line gave it."""
        types = [self.types.setdefault((text, service, protocol), socket_type) for text, _ in addresses]
        if not any(known in _SOCKET_TYPES for known in types):
            text = f"there is no {types[0]!r} socket for {protocol}; nothing is opened"
            if types[0] != socket_type:
                text = f"an earlier line made this entry {types[0]!r}, of which there is no socket for {protocol}; nothing is opened"
            raise _Lost("I103", "unknown-socket-type", f"{service}: {text}")
        return tuple(address for address, known in zip(addresses, types, strict=True) if known in _SOCKET_TYPES)

    def _binds(self, fields: Fields, token: Token, addresses: tuple[_Address, ...]) -> tuple[Bind, ...]:
        """Join addresses and the sockets of a token; an address of the other family opens nothing, or is mapped."""
        binds: list[Bind] = []
        for text, address in addresses:
            for bound in token.opens:
                told = _address_of(bound, address, self.build)
                if told == "":
                    continue
                own = self.build.keeps_addresses and text != told_address(address, self.build)
                key = f"{bound.key} {text}" if own else bound.key
                binds.append(Bind(family=bound.family, v6only=bound.v6only, address=told, key=key))
        if self.build.rereads_line and len(fields.words) > fields.first and len(token.opens) > 1:
            if fields.first < 6:
                text = f"{fields.words[0]}: the IPv6 half of {token.name} is read from the first line alone, which breaks off; IPv6 is lost"
                self._say("I113", "half-lost", text, fields.span)
                binds = [bind for bind in binds if bind.family is Family.IPV4]
            else:
                text = f"{fields.words[0]}: the IPv6 half of {token.name} gets the arguments of the first line only"
                self._say("I114", "half-cut", text, fields.span, Severity.WARNING)
        if not binds:
            hosts = ", ".join(address or text or "''" for text, address in addresses)
            raise _Lost("I111", "address-family", f"{fields.words[0]}: {token.name} opens no socket at {hosts}; the line is lost")
        return tuple(binds)

    def _wait(self, text: str, fields: Fields) -> tuple[bool, Limits, tuple[str, ...]]:
        """Read `wait` or `nowait` with this dialect's suffix: .max, or /max-child/max-connections-per-ip-per-minute/max-child-per-ip."""
        if self.build.suffix is Suffix.CHILDREN:
            return self._wait_children(text, fields)
        word, dot, number = text.partition(".") if self.build.suffix is Suffix.RATE else (text, "", "")
        if self.build.strict and (word not in {"wait", "nowait"} or (dot and not (re.fullmatch(NUMBER, number) and int(number) < _RATE))):
            raise _Lost("I106", "odd-wait", f"{text!r} is not wait or nowait, with .max or without; the line is lost")
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
            raise _Lost("I106", "odd-wait", f"{text!r} is not wait or nowait, with /max-child or without; the line is lost")
        waits, odd, suffix = match[1] is None, match[2], match[3]
        if odd or not re.fullmatch(rf"(/{NUMBER}){{0,3}}", suffix):
            self._say("I106", "odd-wait", f"the suffix of {text!r} means nothing to this inetd", fields.span, Severity.WARNING)
            return waits, Limits(), (odd + suffix,)
        instances, per_minute, per_source = (*(int(number) for number in suffix.split("/")[1:]), 0, 0, 0)[:3]
        limits = Limits(instances=instances or None, per_source=per_source or None)
        return waits, limits, (f"{per_minute} connections a minute for each address",) if per_minute else ()

    def _program(self, service: str, server: str, argv: list[str], fields: Fields, hosts: str | None) -> Program | Builtin | Unstartable:
        build = self.build
        performed = not build.strict or (len(service) <= _BUILTIN_NAME and fields.words[1] in _SOCKET_TYPES)
        if server == "internal" and performed:
            if service not in build.builtins:
                self.leaked = hosts if build.builtin_leaks_address and hosts != "*" else None
                has = ", ".join(build.builtins) or "none"
                raise _Lost("I108", "unknown-builtin", f"internal service {service} unknown: this inetd has {has}")
            return Builtin(builtin=service)
        startable = server.startswith("/") and not server.endswith("/") and "\r" not in server
        if not startable and build.looks_at_server:
            raise _Lost("I107", "relative-server", f"server {server!r} is not the absolute path of a program")
        if build.max_args is not None and len(argv) > build.max_args:
            text = f"{service}: {len(argv)} arguments, and this inetd takes {build.max_args}"
            if build.excess_args_cost_line:
                raise _Lost("I112", "too-many-arguments", f"{text}; the line is lost")
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


def _check_reread(fields: Fields) -> None:
    """Refuse what makes Debian's openbsd-inetd hang: it reads the first line of an entry again for the IPv6 half, and finds no end."""
    words = fields.words
    if len(words) < 3 or words[2].endswith(("4", "6")):
        return
    if fields.after_empty or fields.first < 3:
        text = f"{words[0]}: inetd hangs here for ever and serves nothing: {words[2]!r} ends in no 4 or 6, and the line "
        raise _Lost("I109", "daemon-hang", text + ("is indented below an empty one" if fields.after_empty else "is continued before it"))


def _short(build: InetdBuild, words: tuple[str, ...]) -> _Lost:
    if build.short_line_kills:
        return _Lost("I102", "daemon-killer", f"{len(words)} fields where 6 are needed: inetd exits here, and every service with it")
    return _Lost("I101", "too-few-fields", f"{len(words)} fields where 6 are needed; the line is lost")


def _transport(socket_type: str, protocol: str) -> Transport:
    if protocol.startswith(("rpc/", "faith/", "unix")) or "/" in protocol or "," in protocol:
        raise _Unknown(f"protocol {protocol}")
    for transport in Transport:
        if socket_type == transport.socket_type and protocol.startswith(transport.value):
            return transport
    if socket_type not in {"stream", "dgram", "raw", "rdm", "seqpacket"}:
        raise _Lost("I103", "unknown-socket-type", f"socket type {socket_type!r} is not one of stream, dgram; the line is lost")
    raise _Unknown(f"{socket_type} socket with protocol {protocol}")


def _token(build: InetdBuild, protocol: str, socket_type: str) -> Token:
    token = next((token for token in build.tokens if token.name == protocol and token.transport.socket_type == socket_type), None)
    if token is None:
        raise _Unknown(f"protocol {protocol}")
    if not token.opens:
        raise _no_protocol(protocol)
    return token


def _strict_token(build: InetdBuild, protocol: str, socket_type: str) -> Token:
    """Find a token where every protocol is known or lost; a type that is neither stream nor dgram is not looked at yet."""
    if protocol == "unix":
        raise _Unknown(f"protocol {protocol}")
    token = next((token for token in build.tokens if token.name == protocol and token.opens), None)
    if token is None:
        raise _no_protocol(protocol)
    if socket_type in _SOCKET_TYPES and socket_type != token.transport.socket_type:
        raise _Lost("I103", "unknown-socket-type", f"a {socket_type} socket does not go with protocol {protocol}; the line is lost")
    return token


def _no_protocol(protocol: str) -> _Lost:
    return _Lost("I115", "unknown-protocol", f"protocol {protocol} is none to this inetd; the line is lost")


def _addresses(hosts: str | None, build: InetdBuild) -> tuple[_Address, ...]:
    """Read `address[,address]`; only numeric addresses are known without a look-up."""
    if hosts is None:
        return (("*", None),)
    listed = hosts.split(",")
    return tuple((host, _address(host, build, alone=len(listed) == 1)) for host in listed)


def _address(host: str, build: InetdBuild, *, alone: bool) -> str | None:
    bracketed = host.startswith("[") and host.endswith("]")
    if build.keeps_addresses and host in {"", "[]", "[*]"}:
        return ""
    if host == "*" or (build.brackets and host in {"", "[*]"}):
        return None
    if host == "" or (bracketed and not (build.brackets and (alone or build.keeps_addresses))):
        raise _Lost("I116", "unknown-address", f"{host!r} is no address to this inetd; the line is lost")
    address = numeric(host[1:-1] if bracketed else host)
    if address is None:
        raise _Unknown(f"the address of {host}")
    return address


def _check_service(service: str, token: Token, build: InetdBuild, *, numbered: bool) -> None:
    if numbered and not build.numeric_ports:
        raise _Lost("I104", "numeric-port", f"{service}: this inetd knows services by name only; the line is lost")
    if numbered and not (len(service) < 10 and 0 < int(service) < 65536):
        raise _Unknown(f"port {service[:20]}")
    if not numbered and not token.named:
        raise _Lost("I105", "token-without-name", f"{service}/{token.name}: unknown service: {token.name} works with a port number only")


def _address_of(bound: Bound, address: str | None, build: InetdBuild) -> str | None:
    """Return where one socket of a token is bound when this address is asked for, "" if it is not."""
    if address is None or address == "":
        return address
    if bound.family is Family.IPV4 and address.startswith(_MAPPED):
        if build.unmaps_hosts is None:
            raise _Unknown(f"what {address} is on an IPv4 socket; glibc takes it for {address.removeprefix(_MAPPED)}")
        address = address.removeprefix(_MAPPED) if build.unmaps_hosts else ""
    elif bound.family is Family.IPV6 and ":" not in address:
        address = f"{_MAPPED}{address}" if bound.v6only is False and build.maps_hosts else ""
    elif bound.family is Family.IPV4 and ":" in address:
        address = ""
    return None if build.merges_wildcards and address == bound.family.wildcard else address


def _user(text: str, build: InetdBuild) -> tuple[str, str | None, tuple[str, ...]]:
    """Read `user[:group][/login-class]`, with this dialect's separators."""
    login_class: tuple[str, ...] = ()
    if build.suffix is Suffix.CHILDREN and "/" in text:
        text, _, name = text.rpartition("/")
        login_class = (f"login class {name}",)
    if build.bad_user_costs_entry and "/" in text:
        # The others are looked up on the host; this is what stands here when a field before it was left out.
        raise _Lost("I117", "unknown-user", f"user {text!r} is a path and no name; the line is lost")
    for separator in build.user_group:
        user, found, group = text.partition(separator)
        if found and user and group:
            return user, group, login_class
    if build.user_group == "." and ":" in text:
        raise _Lost("I117", "unknown-user", f"user {text!r} is unknown: a group stands behind a dot here; the line is lost")
    return text, None, login_class
