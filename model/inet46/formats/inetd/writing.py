"""How entries are spelled as lines of an inetd.conf, field by field, and what cannot be spelled."""

from __future__ import annotations

import re
from collections.abc import Iterable

from inet46.entry import Entry, Unstartable
from inet46.errors import Inexpressible
from inet46.formats._reading import NUMBER, size
from inet46.formats.inetd.document import told_address
from inet46.knowledge import Host, InetdBuild, Suffix, Token
from inet46.service import Builtin

__all__ = ["write"]


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
    if build.line_limit is not None and size(line) >= build.line_limit:
        losses.append(f"{entry.service}: the line has {size(line)} bytes, and this inetd reads {build.line_limit - 1}")
    return line + "\n"


def _token_for(entry: Entry, build: InetdBuild) -> Token | None:
    """Return the first token that opens exactly these binds."""
    wish = [(bind.family, bind.v6only, bind.key.partition(" ")[0]) for bind in entry.binds]
    for token in build.tokens:
        opens = [(bound.family, bound.v6only, bound.key) for bound in token.opens]
        named = token.named or entry.port is not None
        if (
            opens
            and token.transport is entry.transport
            and named
            and wish == [one for one in opens for _ in range(max(1, len(wish) // len(opens)))]
        ):
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
        if entry.port != int(service):
            losses.append(f"{service}: port {entry.port} cannot be said in inetd.conf beside the number of a service")
    elif not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_+.-]*", service):
        losses.append(f"{service!r} cannot stand in inetd.conf as a service name ([A-Za-z0-9_+.-])")
    elif not token.named:
        losses.append(f"{service}: {token.name} works with a port number only")
    elif host.port(service, entry.transport) is None:
        losses.append(f"{service}/{entry.transport.value} is not in /etc/services")
    elif entry.port is not None:
        losses.append(f"{service}: port {entry.port} cannot be said in inetd.conf beside the name of a service")
    # Where addresses are kept as they are written, the key holds a spelling that is not ours.
    told = {bind.key.partition(" ")[2] or bind.name or told_address(bind.address, build): bind.address for bind in entry.binds}
    if build.binds_lists_backwards:
        told = dict(reversed(told.items()))
    if list(told.values()) == [None]:
        return service
    if not build.host_prefix:
        losses.append(f"{service}: this inetd.conf cannot name an address ({', '.join(told)})")
        return service
    if len(told) > 1 and not build.keeps_addresses and any(address is None or ":" in address for address in told.values()):
        losses.append(f"{service}: IPv6 addresses cannot stand in a list; give each a line of its own")
    return f"{','.join(told)}:{service}"


def _wait_field(entry: Entry, build: InetdBuild, losses: list[str]) -> str:
    word, limits = "wait" if entry.wait else "nowait", entry.limits
    if limits.rate is not None:
        if build.suffix is Suffix.RATE and limits.rate.seconds == 60:
            return f"{word}.{limits.rate.connections + build.rate_offset}"
        rate = f"{limits.rate.connections} in {limits.rate.seconds} s"
        losses.append(f"{entry.service}: limits.rate ({rate}) has no spelling in this inetd.conf")
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
    if isinstance(entry.program, Unstartable):
        return [_word(word, entry, build, losses) for word in entry.program.words]
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
        "id": entry.id is not None,
        **dict.fromkeys(entry.extra, True),
    }
    losses.extend(f"{entry.service}: {name} cannot be said in inetd.conf" for name, there in cannot.items() if there)
