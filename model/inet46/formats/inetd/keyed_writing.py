"""How an entry is spelled as one of NetBSD's definitions, a key on each line, and what they cannot say.

Everything is quoted that is not plain: quotes have escapes here, which classic lines lack. Source: inetd.8; parse_v2.c (next_value,
parse_quotes), whose words these are read back by.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from inet46.entry import Entry, Unstartable
from inet46.formats._reading import size
from inet46.knowledge import InetdBuild, Token
from inet46.service import Builtin

__all__ = ["definition"]

_PLAIN = r"[A-Za-z0-9_./:=@%+*\[\]-]+"
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def definition(entry: Entry, token: Token, build: InetdBuild, losses: list[str]) -> str:
    """Return `service on` and its keys; what cannot be said is added to the losses."""
    pairs = [(key, " ".join(_value(value) for value in values)) for key, values in _keys(entry, token, build, losses)]
    text = f"{entry.service} on\n" + ",\n".join(f"\t{key} = {value}" for key, value in pairs) + ";\n"
    longest = max(map(size, text.splitlines()))
    if build.line_limit is not None and longest >= build.line_limit:
        losses.append(f"{entry.service}: a line of its definition has {longest} bytes, and this inetd reads {build.line_limit - 1}")
    return text


def _keys(entry: Entry, token: Token, build: InetdBuild, losses: list[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    addresses = list(dict.fromkeys(bind.address for bind in entry.binds))
    if len(addresses) > 1:
        losses.append(f"{entry.service}: one definition has one address")
    elif addresses[0] is not None:
        yield "bind", (addresses[0],)
    yield "protocol", (token.name,)
    if token.name in {"tcp", "udp"} and addresses == [None]:
        losses.append(f"{entry.service}: protocol = {token.name} says no family")
    yield "wait", ("yes" if entry.wait else "no",)
    if entry.limits.rate is not None:
        yield "service_max", (str(entry.limits.rate.connections + build.rate_offset),)
    yield "user", (entry.user,)
    if entry.group is not None:
        yield "group", (entry.group,)
    match entry.program:
        case Builtin():
            pass  # no exec is a built-in service
        case Unstartable(words=words):
            yield "exec", words[:1]
            yield "args", words[1:]
        case program:
            yield "exec", (program.path,)
            yield "args", program.argv


def _value(value: str) -> str:
    if re.fullmatch(_PLAIN, value):
        return value
    return '"' + "".join(_ESCAPES.get(character) or _hidden(character) for character in value) + '"'


def _hidden(character: str) -> str:
    return f"\\x{ord(character):02x}" if ord(character) < 0x20 or ord(character) == 0x7F else character
