"""The fields of one entry, each weighed as a build's own parser weighs it; nothing here knows what stands before or after.

Sources: FreeBSD usr.sbin/inetd/inetd.c (getconfigent), OpenBSD's and Debian's of that name, NetBSD parse.c (parse_protocol, getconfigent),
illumos inetconv.c (valid_inetconfent), inetutils inetd.c.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from inet46.diagnostics import Severity
from inet46.formats._reading import NUMBER
from inet46.formats.inetd._costs import Dark, Lost, Unknown
from inet46.formats.inetd.document import Fields
from inet46.formats.inetd.protocols import Meaning, read_twice
from inet46.host import HostPolicy
from inet46.knowledge import RPC_PROGRAMS, Host, InetdBuild, Protocols, Suffix
from inet46.service import Limits, Rate

__all__ = ["Say", "check_reread", "port", "short", "split_address", "user", "wait"]

Say = Callable[[str, str, str, Severity], None]
"""Tells a fault of the entry at hand: code, name, message, severity."""

_RATE = 2**32  # a number after `wait.` has to be below it where the field is taken strictly (busybox, bb_strtou)


# -- address and service ---------------------------------------------------------------------------------------------------------------


def split_address(text: str, build: InetdBuild) -> tuple[str | None, str]:
    """Split `address[,address]:service`; None where no address is written."""
    hosts, colon, name = text.rpartition(":") if build.host_prefix else ("", "", text)
    return (hosts if colon else None), name


def port(service: str, found: Meaning, build: InetdBuild, host: Host) -> tuple[str, int | None, tuple[str, ...]]:
    """Return the service, its port if the entry says or implies one, and what else is said in the field."""
    if found.rpc:
        return _rpc(service)
    if re.fullmatch(NUMBER, service):
        return service, _number(service, build), ()
    if not found.token.named:
        text = f"{service}/{found.token.name}: unknown service: {found.token.name} works with a port number only"
        raise Lost("I105", "token-without-name", text)
    if found.looked_up is found.token.transport:
        return service, None, ()
    number = host.port(service, found.looked_up)
    if number is None and host.policy.services is None:
        raise Unknown(f"port of {service}/{found.looked_up.value}")
    if number is None:
        raise Lost("I110", "unknown-service", f"{service}/{found.looked_up.value} is not in /etc/services, so the line is lost")
    return service, number, ()


def _number(service: str, build: InetdBuild) -> int:
    """Read a port number; what is none is a name that /etc/services does not have, or is cut off where getaddrinfo(3) reads it."""
    if not build.numeric_ports:
        raise Lost("I104", "numeric-port", f"{service}: this inetd knows services by name only; the line is lost")
    number, modulus = int(service[-100:]), build.port_modulus
    if (number > 0 or build.picks_port) and number < 65536 and not service[:-100].strip("0"):
        return number
    if build.protocols is Protocols.LISTED:
        raise Unknown(f"port {service[:20]}")
    if modulus is None or number >= 1 << 64 or number % (1 << 32) == (1 << 32) - 1:
        raise Lost("I110", "unknown-service", f"{service[:20]} is no port and no service of /etc/services, so the line is lost")
    return number % modulus


def _rpc(service: str) -> tuple[str, int, tuple[str, ...]]:
    """Read `PROGRAM/VERSION[-VERSION]`; the socket gets a port that is free, and the portmapper is told."""
    name, slash, versions = service.partition("/")
    number = r"(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)"
    match = re.fullmatch(rf"{number}(?:-{number})?", versions)
    low, high = (_whole(digits or "0") for digits in match.groups()) if match else (0, 0)
    if not slash or match is None or max(low, high) >= 1 << 31 or (match[2] is not None and high < low):
        raise Lost(
            "I191", "bad-rpc-version", f"{service}: an RPC service is written NAME/VERSION or NAME/VERSION-VERSION; the line is lost"
        )
    if re.fullmatch(NUMBER, name) and not 0 < int(name) < 1 << 16:
        raise Lost("I192", "unknown-rpc-program", f"{name}: no RPC program of /etc/rpc, and no number up to 65535; the line is lost")
    if not re.fullmatch(NUMBER, name) and name not in RPC_PROGRAMS:
        raise Unknown(f"RPC program {name}")
    return name, 0, (f"rpc version {versions}",)


def _whole(digits: str) -> int:
    """Return a number as strtol(3) reads it when it is left the choice: 0x begins a hexadecimal one, 0 an octal one."""
    return int(digits, 16 if digits[1:2] in {"x", "X"} else 8 if digits[0] == "0" else 10)


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


def user(text: str, build: InetdBuild, policy: HostPolicy) -> tuple[str, str | None, tuple[str, ...]]:
    """Read `user[:group][/login-class]`, with this dialect's separators; some builds look both up at once."""
    login_class: tuple[str, ...] = ()
    if build.suffix is Suffix.CHILDREN and "/" in text:
        text, _, name = text.rpartition("/")
        login_class = (f"login class {name}",)
    if build.bad_user_costs_entry and "/" in text:
        # The others are looked up on the host; this is what stands here when a field before it was left out.
        raise Lost("I117", "unknown-user", f"user {text!r} is a path and no name; the line is lost")
    if build.user_group in {"", "."} and ":" in text:
        stands = "stands behind a dot here" if build.user_group else "cannot be said here"
        raise Lost("I117", "unknown-user", f"user {text!r} is unknown: a group {stands}; the line is lost")
    separator = next((separator for separator in build.user_group if separator in text), None)
    name, _, group = (text, "", "") if separator is None else text.partition(separator)
    if build.bad_user_costs_entry and (not name or not policy.has("users", name)):
        raise Lost("I117", "unknown-user", f"user {name!r} is unknown; the line is lost")
    if build.bad_user_costs_entry and (group or (separator and build.empty_group_is_one)) and not policy.has("groups", group):
        raise Lost("I117", "unknown-user", f"group {group!r} is unknown; the line is lost")
    return name, group or None, login_class


# -- the line as a whole ---------------------------------------------------------------------------------------------------------------


def check_reread(line: Fields) -> None:
    """Refuse what makes Debian's openbsd-inetd hang: it reads the first line of an entry again for the IPv6 half, and finds no end."""
    words, apart = line.words, line.words[0].endswith(":")  # `address: service` takes two words
    if len(words) < 3 + apart or not read_twice(words[2 + apart]):
        return
    if line.after_empty or line.first < 3 + apart:
        text = f"{words[0]}: inetd hangs here for ever and serves nothing: {words[2 + apart]!r} ends in no 4 or 6, and the line "
        raise Lost("I109", "daemon-hang", text + ("is indented below an empty one" if line.after_empty else "is continued before it"))


def short(build: InetdBuild, words: tuple[str, ...]) -> Exception:
    """Say what a line with too few fields costs."""
    count = f"{len(words)} fields where 6 are needed"
    if build.short_line_kills:
        return Lost("I102", "daemon-killer", f"{count}: inetd exits here, and every service with it")
    if build.protocols is Protocols.ETC_PROTOCOLS and len(words) > 1:
        return Dark(f"{count}: xinetd takes the others from the line before, or dies of what stands in memory")
    return Lost("I101", "too-few-fields", f"{count}; the line is lost")
