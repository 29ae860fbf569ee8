"""The fields of one entry, each weighed as a build's own parser weighs it; nothing here knows what stands before or after.

Sources: FreeBSD usr.sbin/inetd/inetd.c (getconfigent), OpenBSD's and Debian's of that name, NetBSD parse.c (parse_protocol, getconfigent),
illumos inetconv.c (valid_inetconfent), inetutils inetd.c.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import attrs

from inet46.diagnostics import Severity
from inet46.entry import Bind
from inet46.formats._reading import NUMBER, numeric
from inet46.formats.inetd._costs import Aside, Lost, Unknown
from inet46.formats.inetd.document import Fields, told_address
from inet46.knowledge import Bound, InetdBuild, Suffix, Token
from inet46.service import Limits, Rate
from inet46.sockets import Family, Transport

__all__ = [
    "SOCKET_TYPES",
    "Address",
    "Protocol",
    "Say",
    "addresses",
    "binds",
    "check_reread",
    "check_service",
    "of_type",
    "protocol",
    "short",
    "split_address",
    "strict_token",
    "token",
    "transport",
    "user",
    "wait",
]

Say = Callable[[str, str, str, Severity], None]
"""Tells a fault of the entry at hand: code, name, message, severity."""

Address = tuple[str, str | None]
"""As it is written, and as ss writes it: None for every address, "" where a daemon finds none and goes on to the next in the list."""

_TYPES = {"stream", "dgram", "raw", "rdm", "seqpacket"}
SOCKET_TYPES = {transport.socket_type for transport in Transport}
_RATE = 2**32  # a number after `wait.` has to be below it where the field is taken strictly (busybox, bb_strtou)
_MAPPED = "::ffff:"


# -- protocol --------------------------------------------------------------------------------------------------------------------------


@attrs.frozen
class Protocol:
    """A protocol field without what is no part of the protocol: `extra` are the sizes of socket buffers."""

    name: str
    extra: tuple[str, ...] = ()


def protocol(text: str, service: str, build: InetdBuild) -> Protocol:
    """Read a protocol field, and settle what opens no socket that is modelled here: unix, rpc/, faith/."""
    if text == "unix":
        raise _unix(service, build)
    if build.strict:
        return Protocol(text)
    if text.startswith("rpc/"):
        raise _rpc(text, service, build)
    if text.startswith("faith/") or (build.slash_ignored and text.endswith("/faith")):
        if build.faith is False:
            raise Lost("I115", "unknown-protocol", f"protocol {text} is none to this inetd; the line is lost")
        if build.faith or not build.last_character:
            raise Unknown(f"protocol {text}")
    if build.slash_ignored and text.startswith("tcp") and "/" in text:
        return Protocol(text.partition("/")[0])
    if build.buffers and "," in text:
        name, *sizes = text.split(",")
        return Protocol(name, tuple(_buffer(size, service, last=size is sizes[-1]) for size in _two(sizes, service)))
    if ("/" in text or "," in text) and not build.last_character:
        raise Unknown(f"protocol {text}")
    return Protocol(text)


def _unix(service: str, build: InetdBuild) -> Exception:
    if build.unix is None:
        return Unknown("protocol unix")
    if not build.unix:
        return Lost("I115", "unknown-protocol", "protocol unix is none to this inetd; the line is lost")
    return Aside(f"{service}: a socket in the file system, which neither IPv4 nor IPv6 reaches")


def _rpc(text: str, service: str, build: InetdBuild) -> Exception:
    family = Family.IPV6 if "6" in text else Family.IPV4
    if build.rpc is None:
        return Unknown(f"protocol {text}")
    if family not in build.rpc:
        return Lost("I115", "unknown-protocol", f"protocol {text} is none to this inetd; the line is lost")
    return Unknown(f"{service}: the port of {text}, which the kernel chooses when inetd starts, and rpcbind then tells")


def _two(sizes: list[str], service: str) -> list[str]:
    if len(sizes) > 2:
        raise Lost("I119", "bad-buffer-size", f"{service}: {len(sizes)} buffer sizes, where two are taken; the line is lost")
    return sizes


def _buffer(text: str, service: str, *, last: bool) -> str:
    """Check `sndbuf=64k`. A number without a unit is compared with the byte behind the string (GETVAL), which only the heap knows."""
    match = re.fullmatch(rf"(sndbuf|rcvbuf)=({NUMBER})(.?)", text, re.DOTALL)
    if match is None or int(match[2]) == 0 or not (match[3] or last):
        raise Lost("I119", "bad-buffer-size", f"{service}: {text!r} is not sndbuf or rcvbuf and a size such as 64k; the line is lost")
    if not match[3]:
        raise Unknown(f"{service}: {text!r} has no k or m behind the number, and what inetd makes of that is left to chance")
    return text


def transport(socket_type: str, name: str, build: InetdBuild, *, named: bool) -> Transport:
    """Join socket type and protocol. Where only the last character of a protocol counts, the type decides; a name has to fit, though."""
    kind = "stream" if build.keyed and socket_type.startswith("stream") else socket_type
    for known in Transport:
        if kind == known.socket_type and name.startswith(known.value):
            return known
    if kind not in _TYPES:
        raise Lost("I103", "unknown-socket-type", f"socket type {socket_type!r} is not one of stream, dgram; the line is lost")
    if name and build.last_character and (build.named_by_type or not named):
        for known in Transport:
            if kind == known.socket_type:
                return known
    raise Unknown(f"{socket_type} socket with protocol {name}")


def token(build: InetdBuild, name: str, kind: Transport) -> Token:
    """Find what a protocol opens; where its last character says it, every protocol opens something."""
    if build.version_digits and (match := re.fullmatch(r"(tcp|udp)([0-9]+)", name)):
        digits = "".join(sorted(set(match[2])))
        if not set(digits) <= {"4", "6"}:
            raise _no_protocol(name)
        name = match[1] + digits
    found = next((token for token in build.tokens if token.name == name and token.transport is kind), None)
    if found is None and not build.last_character:
        raise Unknown(f"protocol {name}")
    if found is None:
        family = Family.IPV6 if name.endswith("6") else Family.IPV4
        stem = re.sub(r"[0-9]$", "", name) if build.strips_digit else kind.value
        found = Token(name=name, transport=kind, opens=(Bound(family=family, key=name),), named=stem == kind.value)
    if not found.opens:
        raise _no_protocol(name)
    return found


def strict_token(build: InetdBuild, name: str, socket_type: str) -> Token:
    """Find a token where every protocol is known or lost; a type that is neither stream nor dgram is not looked at yet."""
    found = next((token for token in build.tokens if token.name == name and token.opens), None)
    if found is None:
        raise _no_protocol(name)
    if socket_type in SOCKET_TYPES and socket_type != found.transport.socket_type:
        raise Lost("I103", "unknown-socket-type", f"a {socket_type} socket does not go with protocol {name}; the line is lost")
    return found


def _no_protocol(name: str) -> Lost:
    return Lost("I115", "unknown-protocol", f"protocol {name} is none to this inetd; the line is lost")


# -- address and service ---------------------------------------------------------------------------------------------------------------


def split_address(text: str, build: InetdBuild) -> tuple[str | None, str]:
    """Split `address[,address]:service`; None where no address is written."""
    hosts, colon, name = text.rpartition(":") if build.host_prefix else ("", "", text)
    return (hosts if colon else None), name


def addresses(hosts: str | None, build: InetdBuild) -> tuple[Address, ...]:
    """Read `address[,address]`; only numeric addresses are known without a look-up."""
    if hosts is None:
        return (("*", None),)
    listed = hosts.split(",")
    if len(listed) > 1 and not build.host_lists:
        raise Lost("I116", "unknown-address", f"{hosts!r} is no address to this inetd, which takes one; the line is lost")
    return tuple((host, _address(host, build, alone=len(listed) == 1)) for host in listed)


def _address(host: str, build: InetdBuild, *, alone: bool) -> str | None:
    bracketed = host.startswith("[") and host.endswith("]")
    if build.keeps_addresses and host in {"", "[]", "[*]"}:
        return ""
    if host == "*" or (build.brackets and host == "[*]") or (host == "" and build.empty_host):
        return None
    if host == "" and build.empty_host is None:
        raise Unknown("the address before the colon, which is empty")
    if host == "" or (bracketed and not (build.brackets and (alone or build.keeps_addresses))):
        raise Lost("I116", "unknown-address", f"{host!r} is no address to this inetd; the line is lost")
    address = numeric(host[1:-1] if bracketed else host)
    if address is None:
        raise Unknown(f"the address of {host}")
    return address


def check_service(service: str, opens: Token, build: InetdBuild, *, numbered: bool) -> None:
    """Refuse a number where only names are known, a number that is no port, and a name where a token works with numbers only."""
    if numbered and not build.numeric_ports:
        raise Lost("I104", "numeric-port", f"{service}: this inetd knows services by name only; the line is lost")
    if numbered and not (len(service) < 10 and 0 < int(service) < 65536):
        raise Unknown(f"port {service[:20]}")
    if not numbered and not opens.named:
        raise Lost("I105", "token-without-name", f"{service}/{opens.name}: unknown service: {opens.name} works with a port number only")


def of_type(types: dict[tuple[str, ...], str], at: tuple[Address, ...], service: str, name: str, socket_type: str) -> tuple[Address, ...]:
    """Keep the addresses whose entry has a type of which there are sockets: the one that its first line gave it (`types`)."""
    mine = [types.setdefault((text, service, name), socket_type) for text, _ in at]
    if not any(known in SOCKET_TYPES for known in mine):
        text = f"there is no {mine[0]!r} socket for {name}; nothing is opened"
        if mine[0] != socket_type:
            text = f"an earlier line made this entry {mine[0]!r}, of which there is no socket for {name}; nothing is opened"
        raise Lost("I103", "unknown-socket-type", f"{service}: {text}")
    return tuple(address for address, known in zip(at, mine, strict=True) if known in SOCKET_TYPES)


def binds(label: str, opens: Token, at: tuple[Address, ...], build: InetdBuild) -> tuple[Bind, ...]:
    """Join addresses and the sockets of a token; an address of the other family opens nothing, or is mapped."""
    found: list[Bind] = []
    for text, address in at:
        for bound in opens.opens:
            told = _address_of(bound, address, build)
            if told == "":
                continue
            own = build.keeps_addresses and text != told_address(address, build)
            key = f"{bound.key} {text}" if own else bound.key
            found.append(Bind(family=bound.family, v6only=bound.v6only, address=told, key=key))
    if not found:
        hosts = ", ".join(address or text or "''" for text, address in at)
        raise Lost("I111", "address-family", f"{label}: {opens.name} opens no socket at {hosts}; the line is lost")
    return tuple(found)


def _address_of(bound: Bound, address: str | None, build: InetdBuild) -> str | None:
    """Return where one socket of a token is bound when this address is asked for, "" if it is not."""
    if address is None or address == "":
        return address
    if bound.family is Family.IPV4 and address.startswith(_MAPPED):
        if build.unmaps_hosts is None:
            raise Unknown(f"what {address} is on an IPv4 socket; glibc takes it for {address.removeprefix(_MAPPED)}")
        address = address.removeprefix(_MAPPED) if build.unmaps_hosts else ""
    elif bound.family is Family.IPV6 and ":" not in address:
        address = f"{_MAPPED}{address}" if bound.v6only is False and build.maps_hosts else ""
    elif bound.family is Family.IPV4 and ":" in address:
        address = ""
    return None if build.merges_wildcards and address == bound.family.wildcard else address


# -- wait and user ---------------------------------------------------------------------------------------------------------------------

Waiting = tuple[bool, Limits, tuple[str, ...]]


def wait(text: str, build: InetdBuild, say: Say) -> Waiting:
    """Read `wait` or `nowait` with this dialect's suffix: .max, :max, or /max-child/max-connections-per-ip-per-minute/max-child-per-ip."""
    if build.suffix is Suffix.CHILDREN:
        return _wait_children(text, say)
    mark = ":" if build.suffix is Suffix.COLON and ":" in text else "."
    word, dot, number = (text, "", "") if build.suffix is Suffix.NONE else text.partition(mark)
    if build.strict and (word not in {"wait", "nowait"} or (dot and not (re.fullmatch(NUMBER, number) and int(number) < _RATE))):
        raise Lost("I106", "odd-wait", f"{text!r} is not wait or nowait, with .max or without; the line is lost")
    if word not in {"wait", "nowait"}:
        if build.strict_wait:
            raise Lost("I106", "odd-wait", f"{text!r} is neither wait nor nowait; the line is lost")
        say("I106", "odd-wait", f"{text!r} is neither wait nor nowait, and taken for nowait", Severity.WARNING)
        return False, Limits(), (text,)
    if not dot:
        return word == "wait", Limits(), ()
    if re.fullmatch(NUMBER, number) and int(number) > build.rate_offset:
        return word == "wait", Limits(rate=Rate(connections=int(number) - build.rate_offset)), ()
    say("I106", "odd-wait", f"the suffix of {text!r} means nothing to this inetd", Severity.WARNING)
    return word == "wait", Limits(), (f"{mark}{number}",)


def _wait_children(text: str, say: Say) -> Waiting:
    match = re.fullmatch(r"(no)?wait([^/]*)((?:/.*)?)", text)
    if match is None or not re.match(rf"(/{NUMBER}|$)", match[3]):
        raise Lost("I106", "odd-wait", f"{text!r} is not wait or nowait, with /max-child or without; the line is lost")
    waits, odd, suffix = match[1] is None, match[2], match[3]
    if odd or not re.fullmatch(rf"(/{NUMBER}){{0,3}}", suffix):
        say("I106", "odd-wait", f"the suffix of {text!r} means nothing to this inetd", Severity.WARNING)
        return waits, Limits(), (odd + suffix,)
    instances, per_minute, per_source = (*(int(number) for number in suffix.split("/")[1:]), 0, 0, 0)[:3]
    limits = Limits(instances=instances or None, per_source=per_source or None)
    return waits, limits, (f"{per_minute} connections a minute for each address",) if per_minute else ()


def user(text: str, build: InetdBuild) -> tuple[str, str | None, tuple[str, ...]]:
    """Read `user[:group][/login-class]`, with this dialect's separators."""
    login_class: tuple[str, ...] = ()
    if build.suffix is Suffix.CHILDREN and "/" in text:
        text, _, name = text.rpartition("/")
        login_class = (f"login class {name}",)
    if build.bad_user_costs_entry and "/" in text:
        # The others are looked up on the host; this is what stands here when a field before it was left out.
        raise Lost("I117", "unknown-user", f"user {text!r} is a path and no name; the line is lost")
    for separator in build.user_group:
        name, found, group = text.partition(separator)
        if found and name and group:
            return name, group, login_class
    if build.user_group in {"", "."} and ":" in text:
        stands = "stands behind a dot here" if build.user_group else "cannot be said here"
        raise Lost("I117", "unknown-user", f"user {text!r} is unknown: a group {stands}; the line is lost")
    return text, None, login_class


# -- the line as a whole ---------------------------------------------------------------------------------------------------------------


def check_reread(line: Fields) -> None:
    """Refuse what makes Debian's openbsd-inetd hang: it reads the first line of an entry again for the IPv6 half, and finds no end."""
    words = line.words
    if len(words) < 3 or words[2].endswith(("4", "6")):
        return
    if line.after_empty or line.first < 3:
        text = f"{words[0]}: inetd hangs here for ever and serves nothing: {words[2]!r} ends in no 4 or 6, and the line "
        raise Lost("I109", "daemon-hang", text + ("is indented below an empty one" if line.after_empty else "is continued before it"))


def short(build: InetdBuild, words: tuple[str, ...]) -> Lost:
    """Say what a line with too few fields costs."""
    if build.short_line_kills:
        return Lost("I102", "daemon-killer", f"{len(words)} fields where 6 are needed: inetd exits here, and every service with it")
    return Lost("I101", "too-few-fields", f"{len(words)} fields where 6 are needed; the line is lost")
