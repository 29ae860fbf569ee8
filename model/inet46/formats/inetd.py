"""inetd.conf: one line for one service, in the dialects of the inetds.

`parse` and `emit` need no host and lose no byte. `read` and `write` do need one: which tokens exist, what a number after `nowait` means and
whether an indented line continues the one above is different from daemon to daemon, and stands in `knowledge.inetds`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import attrs

from inet46.diagnostics import Diagnostic, Severity, Source, Span
from inet46.entry import Bind, Entry
from inet46.errors import Inexpressible
from inet46.formats._reading import NUMBER, Reading, fault, split_lines
from inet46.knowledge import Host, InetdBuild, Suffix, Token
from inet46.service import Builtin, Limits, Program, Rate
from inet46.sockets import Transport

__all__ = ["Document", "emit", "parse", "read", "write"]


@attrs.frozen
class Document:
    """An inetd.conf as its physical lines, newline and all."""

    source: Source
    lines: tuple[Span, ...] = attrs.field(repr=False)


def parse(text: str, path: str = "/etc/inetd.conf") -> Document:
    """Take a text apart. Every text is a document; what is wrong with it is said by `read`, on a host."""
    source = Source(path, text)
    return Document(source, split_lines(source))


def emit(document: Document) -> str:
    """Give the text back, byte for byte."""
    return "".join(line.text for line in document.lines)


# -- reading ---------------------------------------------------------------------------------------------------------------------------


@attrs.frozen
class _Fields:
    """The words of one logical line."""

    span: Span
    words: tuple[str, ...]


class _Lost(Exception):
    """The daemon drops this entry."""

    def __init__(self, code: str, name: str, message: str) -> None:
        super().__init__(message)
        self.code, self.name = code, name


class _Unknown(Exception):
    """What this line opens is not known."""


def read(document: Document, build: InetdBuild, host: Host) -> Reading:
    """Return what this build makes of a document: entries in file order, faults, and lines whose meaning is not known."""
    entries: list[Entry] = []
    faults: list[Diagnostic] = []
    unknown: list[str] = []
    for fields in _logical_lines(document, build):
        try:
            entries.append(_entry(fields, build, host, faults))
        except _Lost as lost:
            faults.append(fault(lost.code, lost.name, str(lost), fields.span))
            if lost.name == "daemon-killer":
                entries = []
                break
        except _Unknown as reason:
            unknown.append(f"{document.source.path}:{fields.span.line}: {reason}")
    return Reading(entries=tuple(entries), faults=tuple(faults), unknown=tuple(unknown), sources=(document.source,))


def _logical_lines(document: Document, build: InetdBuild) -> Iterable[_Fields]:
    """Yield lines with their continuations: indented lines that follow an entry, where the dialect has them."""
    pending: Span | None = None
    for line in document.lines:
        text = line.text
        if build.continuation and pending is not None and text[:1] in " \t" and text.strip():
            pending = Span(pending.source, pending.start, line.stop)
            continue
        if pending is not None:
            yield _fields(pending, build)
        pending = None if _silent(text, build) else line
    if pending is not None:
        yield _fields(pending, build)


def _silent(text: str, build: InetdBuild) -> bool:
    """Return True for a comment or an empty line; an indented comment is an entry to most daemons, and a broken one."""
    return text.startswith("#") or not text.strip() or (build.comment_anywhere and text.lstrip().startswith("#"))


def _fields(span: Span, build: InetdBuild) -> _Fields:
    text = span.text
    if build.comment_anywhere:
        text = "\n".join(line.partition("#")[0] for line in text.split("\n"))
    pattern = r"'[^']*'|\"[^\"]*\"|[^ \t\n]+" if build.quotes else r"[^ \t\n]+"
    words = tuple(word[1:-1] if build.quotes and word[0] in "'\"" and len(word) > 1 else word for word in re.findall(pattern, text))
    return _Fields(span, words)


def _entry(fields: _Fields, build: InetdBuild, host: Host, faults: list[Diagnostic]) -> Entry:
    """Read `service type protocol wait[suffix] user[:group] server [argv0 [args]]`."""
    words = fields.words
    if len(words) == 1 and build.host_prefix and words[0].endswith(":"):
        raise _Unknown(f"the default-host line {words[0]}")
    if len(words) < 6:
        raise _short(build, words)
    service, socket_type, protocol, wait, user, server, *argv = words
    transport = _transport(socket_type, protocol)
    token = _token(build, protocol, socket_type)
    hosts, service = _hosts(service, build)
    numeric = re.fullmatch(NUMBER, service) is not None
    _check_service(service, token, build, numeric=numeric)
    waits, limits, extra = _wait(wait, build, fields, faults)
    name, group, login_class = _user(user, build)
    return Entry(
        service=service,
        port=int(service) if numeric else None,
        transport=transport,
        binds=tuple(
            Bind(family=bound.family, v6only=bound.v6only, address=address, key=bound.key) for address in hosts for bound in token.opens
        ),
        program=_program(service, server, argv, build),
        wait=waits,
        user=name,
        group=group,
        limits=limits,
        extra=(*extra, *login_class),
        origin=fields.span,
    )


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
    return token


def _hosts(service: str, build: InetdBuild) -> tuple[tuple[str | None, ...], str]:
    """Split `address[,address]:service`; only numeric addresses are known without a look-up."""
    hosts, colon, name = service.rpartition(":")
    if not colon or not build.host_prefix:
        return (None,), service
    addresses: list[str | None] = []
    for host in hosts.split(","):
        bare = host[1:-1] if build.brackets and host.startswith("[") and host.endswith("]") else host
        if bare in {"*", ""}:
            addresses.append(None)
        elif re.fullmatch(r"[0-9.]+|[0-9a-fA-F:.]*:[0-9a-fA-F:.]*", bare):
            addresses.append(bare)
        else:
            raise _Unknown(f"the address of {host}")
    return tuple(addresses), name


def _check_service(service: str, token: Token, build: InetdBuild, *, numeric: bool) -> None:
    if numeric and not build.numeric_ports:
        raise _Lost("I104", "numeric-port", f"{service}: this inetd knows services by name only; the line is lost")
    if numeric and not 0 < int(service) < 65536:
        raise _Unknown(f"port {service}")
    if not numeric and not token.named:
        raise _Lost("I105", "token-without-name", f"{service}/{token.name}: unknown service: {token.name} works with a port number only")


def _wait(text: str, build: InetdBuild, fields: _Fields, faults: list[Diagnostic]) -> tuple[bool, Limits, tuple[str, ...]]:
    """Read `wait` or `nowait` with this dialect's suffix: .max, or /max-child/max-connections-per-ip-per-minute/max-child-per-ip."""
    match = re.fullmatch(r"(no)?wait([./:].*)?", text)
    if match is None:
        faults.append(fault("I106", "odd-wait", f"{text!r} is neither wait nor nowait", fields.span, severity=Severity.WARNING))
        return False, Limits(), (text,)
    waits, suffix = match[1] is None, match[2]
    if suffix is None:
        return waits, Limits(), ()
    if build.suffix is Suffix.RATE and re.fullmatch(rf"\.{NUMBER}", suffix) and int(suffix[1:]) > build.rate_offset:
        return waits, Limits(rate=Rate(connections=int(suffix[1:]) - build.rate_offset)), ()
    if build.suffix is Suffix.CHILDREN and re.fullmatch(rf"(/{NUMBER}){{1,3}}", suffix):
        instances, per_minute, per_source = (*map(int, suffix[1:].split("/")), 0, 0)[:3]
        limits = Limits(instances=instances or None, per_source=per_source or None)
        return waits, limits, (f"{per_minute} connections a minute for each address",) if per_minute else ()
    faults.append(fault("I106", "odd-wait", f"the suffix of {text!r} means nothing to this inetd", fields.span, severity=Severity.WARNING))
    return waits, Limits(), (suffix,)


def _user(text: str, build: InetdBuild) -> tuple[str, str | None, tuple[str, ...]]:
    """Read `user[:group][/login-class]`, with this dialect's separators."""
    login_class: tuple[str, ...] = ()
    if build.suffix is Suffix.CHILDREN and "/" in text:
        text, _, name = text.partition("/")
        login_class = (f"login class {name}",)
    for separator in build.user_group:
        user, found, group = text.partition(separator)
        if found and user and group:
            return user, group, login_class
    return text, None, login_class


def _program(service: str, server: str, argv: list[str], build: InetdBuild) -> Program | Builtin:
    if server == "internal":
        if service not in build.builtins:
            raise _Lost("I108", "unknown-builtin", f"internal service {service} unknown: this inetd has {', '.join(build.builtins) or 'none'}")
        return Builtin(builtin=service)
    if not server.startswith("/") or server.endswith("/"):
        raise _Lost("I107", "relative-server", f"server {server!r} is not the absolute path of a program")
    if build.max_args is not None and len(argv) > build.max_args:
        raise _Unknown(f"{len(argv)} arguments, where this inetd takes {build.max_args}")
    base = server.rpartition("/")[2]
    argv0 = argv[0] if argv else None
    return Program(path=server, args=tuple(argv[1:]), argv0=None if argv0 == base else argv0)


# -- writing ---------------------------------------------------------------------------------------------------------------------------


def write(entries: Iterable[Entry], build: InetdBuild, host: Host) -> str:
    """Return the lines for these entries, one each, fields separated by tabs.

    Raises Inexpressible with everything that this inetd.conf cannot say, for all entries at once.
    """
    losses: list[str] = []
    lines = [_line(entry, build, host, losses) for entry in entries]
    if losses:
        raise Inexpressible(dict.fromkeys(losses))
    return "".join(lines)


def _line(entry: Entry, build: InetdBuild, host: Host, losses: list[str]) -> str:
    token = _token_for(entry, build)
    if token is None:
        losses.append(f"{entry.service}: no protocol of this inetd opens {_wish(entry)}")
        return ""
    fields = [
        _service_field(entry, token, build, host, losses),
        entry.transport.socket_type,
        token.name,
        _wait_field(entry, build, losses),
        _user_field(entry, build, losses),
        *_server_fields(entry, build, losses),
    ]
    _refuse_rest(entry, losses)
    line = "\t".join(fields[:6]) + "".join(f" {word}" for word in fields[6:])
    if build.line_limit is not None and len(line) >= build.line_limit:
        losses.append(f"{entry.service}: the line has {len(line)} characters, and this inetd reads {build.line_limit - 1}")
    return line + "\n"


def _token_for(entry: Entry, build: InetdBuild) -> Token | None:
    """Return the first token that opens exactly these binds."""
    wish = [(bind.family, bind.v6only, bind.key) for bind in entry.binds]
    for token in build.tokens:
        opens = [(bound.family, bound.v6only, bound.key) for bound in token.opens]
        named = token.named or entry.port is not None
        if token.transport is entry.transport and named and wish == opens * max(1, len(wish) // len(opens)):
            return token
    return None


def _wish(entry: Entry) -> str:
    return " and ".join(f"{bind.family.title}{'' if bind.v6only is None else f' with v6only={bind.v6only}'}" for bind in entry.binds)


def _service_field(entry: Entry, token: Token, build: InetdBuild, host: Host, losses: list[str]) -> str:
    """Write `[address:]service`."""
    service = entry.service
    if re.fullmatch(NUMBER, service):
        if not build.numeric_ports:
            losses.append(f"{service}: this inetd knows services by name only")
    elif not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_+.-]*", service):
        losses.append(f"{service!r} cannot stand in inetd.conf as a service name ([A-Za-z0-9_+.-])")
    elif not token.named:
        losses.append(f"{service}: {token.name} works with a port number only")
    elif host.port(service, entry.transport) is None:
        losses.append(f"{service}/{entry.transport.value} is not in /etc/services")
    addresses = list(dict.fromkeys(bind.address for bind in entry.binds))
    if addresses == [None]:
        return service
    if not build.host_prefix:
        losses.append(f"{service}: this inetd.conf cannot name an address ({', '.join(a or '*' for a in addresses)})")
        return service
    if len(addresses) > 1 and any(address is None or ":" in address for address in addresses):
        losses.append(f"{service}: IPv6 addresses cannot stand in a list; give each a line of its own")
    return ",".join(f"[{a}]" if a and build.brackets and ":" in a else a or "*" for a in addresses) + ":" + service


def _wait_field(entry: Entry, build: InetdBuild, losses: list[str]) -> str:
    word, limits = "wait" if entry.wait else "nowait", entry.limits
    if limits.rate is not None:
        if build.suffix is Suffix.RATE and limits.rate.seconds == 60:
            return f"{word}.{limits.rate.connections + build.rate_offset}"
        losses.append(f"{entry.service}: limits.rate ({limits.rate.connections} in {limits.rate.seconds} s) has no spelling in this inetd.conf")
    if limits.instances is None and limits.per_source is None:
        return word
    if build.suffix is not Suffix.CHILDREN:
        names = [name for name in ("instances", "per_source") if getattr(limits, name) is not None]
        losses.append(f"{entry.service}: limits.{' and limits.'.join(names)} cannot be said in this inetd.conf")
        return word
    per_source = f"/0/{limits.per_source}" if limits.per_source is not None else ""
    return f"{word}/{limits.instances or 0}{per_source}"


def _user_field(entry: Entry, build: InetdBuild, losses: list[str]) -> str:
    for field, name in (("user", entry.user), ("group", entry.group)):
        if name is not None and (not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.$-]*", name) or any(s in name for s in build.user_group)):
            losses.append(f"{entry.service}: {field} {name!r} cannot stand in this inetd.conf")
    return entry.user if entry.group is None else f"{entry.user}{build.user_group[0] if build.user_group else ':'}{entry.group}"


def _server_fields(entry: Entry, build: InetdBuild, losses: list[str]) -> list[str]:
    if isinstance(entry.program, Builtin):
        if entry.program.builtin != entry.service or entry.service not in build.builtins:
            has = ", ".join(build.builtins) or "none"
            losses.append(f"{entry.service}: this inetd has no built-in {entry.program.builtin!r} under that name (it has {has})")
        return ["internal"]
    words = [entry.program.path, *entry.program.argv]
    if words[0] == "internal" or not words[1]:
        losses.append(f"{entry.service}: argv0 is empty")
    if build.max_args is not None and len(words) - 1 > build.max_args:
        losses.append(f"{entry.service}: {len(words) - 1} arguments with argv0, and this inetd takes {build.max_args}")
    return [_word(word, entry, build, losses) for word in words]


def _word(word: str, entry: Entry, build: InetdBuild, losses: list[str]) -> str:
    """Write one word of the command; quotes are used only where the dialect has them and the word needs them."""
    if re.search(r"[\n\r\0]", word):
        losses.append(f"{entry.service}: {word!r} holds a line break, which no inetd.conf can hold")
    elif build.comment_anywhere and "#" in word:
        losses.append(f"{entry.service}: {word!r} holds a '#', which begins a comment here")
    elif word and not re.search(r"[\s'\"\\]", word):
        return word
    elif not build.quotes or ("'" in word and '"' in word) or "\\" in word:
        losses.append(f"{entry.service}: {word!r} cannot be one word of this inetd.conf")
    else:
        quote = '"' if "'" in word else "'"
        return f"{quote}{word}{quote}"
    return ""


def _refuse_rest(entry: Entry, losses: list[str]) -> None:
    limits = entry.limits
    cannot = {
        "limits.nice": limits.nice is not None,
        "limits.umask": limits.umask is not None,
        "limits.rlimits": bool(limits.rlimits),
        "access": entry.only_from is not None or bool(entry.no_access),
        "environment": bool(entry.environment),
    }
    losses.extend(f"{entry.service}: {name} cannot be said in inetd.conf" for name, there in cannot.items() if there)
