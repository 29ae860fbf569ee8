"""How entries are spelled as lines of an inetd.conf, field by field, and what cannot be spelled.

Where a build knows definitions of key = value pairs as well, they are written for what no line can say, and where one stands already.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from inet46.entry import Entry, Unstartable
from inet46.errors import Inexpressible
from inet46.formats._reading import NUMBER, size
from inet46.formats.inetd.document import told_address
from inet46.formats.inetd.keyed_writing import definition
from inet46.knowledge import Host, InetdBuild, Suffix, Token
from inet46.service import Builtin

__all__ = ["write"]


def write(entries: Iterable[Entry], build: InetdBuild, host: Host, *, like: str = "") -> str:
    """Return the lines for these entries, one each, fields separated by tabs.

    `like` is the text in whose place they go: where that is a definition, definitions are written if they can be.

    Raises Inexpressible with everything that this inetd.conf cannot say, for all entries at once.
    """
    losses: list[str] = []
    keyed = build.keyed and re.match(r"\s*\S+\s+(on|off)\b", like) is not None
    texts = [_spelled(entry, build, host, losses, keyed=keyed) for entry in entries]
    if losses:
        raise Inexpressible(dict.fromkeys(losses))
    return "".join(texts)


def _spelled(entry: Entry, build: InetdBuild, host: Host, losses: list[str], *, keyed: bool) -> str:
    """Spell an entry in the first way that loses nothing; where none does, the first one says what is lost."""
    ways = [_line, *([_definition] if build.keyed else [])]
    told: list[list[str]] = []
    for way in reversed(ways) if keyed else ways:
        mine: list[str] = []
        text = way(entry, build, host, mine)
        if not mine:
            return text
        told.append(mine)
    losses.extend(told[0])
    return ""


def _definition(entry: Entry, build: InetdBuild, host: Host, losses: list[str]) -> str:
    """Spell an entry as a definition; the service, the user and the program's name are checked as for a line."""
    token = _token_for(entry, build)
    if token is None:
        losses.append(f"{entry.service}: no protocol of this inetd opens {_wish(entry)}")
        return ""
    _check_service(entry, token, build, host, losses)
    _check_account(entry, losses, "")
    _check_program(entry, build, losses)
    _check_rate(entry, losses)
    _refuse_rest(entry, losses)
    return definition(entry, token, build, losses)


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


def _check_service(entry: Entry, token: Token, build: InetdBuild, host: Host, losses: list[str]) -> None:
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


def _service_field(entry: Entry, token: Token, build: InetdBuild, host: Host, losses: list[str]) -> str:
    """Write `[address:]service`."""
    service = entry.service
    _check_service(entry, token, build, host, losses)
    # Where addresses are kept as they are written, the key holds a spelling that is not ours.
    told = {bind.key.partition(" ")[2] or bind.name or told_address(bind.address, build): bind.address for bind in entry.binds}
    if build.binds_lists_backwards:
        told = dict(reversed(told.items()))
    if list(told.values()) == [None]:
        return service
    if not build.host_prefix:
        losses.append(f"{service}: this inetd.conf cannot name an address ({', '.join(told)})")
        return service
    if len(told) > 1 and not build.host_lists:
        losses.append(f"{service}: this inetd.conf takes one address; give each a line of its own")
    elif len(told) > 1 and not build.keeps_addresses and any(address is None or ":" in address for address in told.values()):
        losses.append(f"{service}: IPv6 addresses cannot stand in a list; give each a line of its own")
    return f"{','.join(told)}:{service}"


_RATES = {Suffix.RATE: ".", Suffix.COLON: ":"}


def _wait_field(entry: Entry, build: InetdBuild, losses: list[str]) -> str:
    word, limits = "wait" if entry.wait else "nowait", entry.limits
    if limits.rate is not None:
        if build.suffix in _RATES and limits.rate.seconds == 60:
            return f"{word}{_RATES[build.suffix]}{limits.rate.connections + build.rate_offset}"
        _lose_rate(entry, losses)
    if limits.instances is None and limits.per_source is None:
        return word
    if build.suffix is not Suffix.CHILDREN:
        _lose_instances(entry, losses)
        return word
    per_source = f"/0/{limits.per_source}" if limits.per_source is not None else ""
    return f"{word}/{limits.instances or 0}{per_source}"


def _lose_rate(entry: Entry, losses: list[str]) -> None:
    if (rate := entry.limits.rate) is not None:
        losses.append(f"{entry.service}: limits.rate ({rate.connections} in {rate.seconds} s) has no spelling in this inetd.conf")


def _lose_instances(entry: Entry, losses: list[str]) -> None:
    names = [name for name in ("instances", "per_source") if getattr(entry.limits, name) is not None]
    losses.append(f"{entry.service}: limits.{' and limits.'.join(names)} cannot be said in this inetd.conf")


def _check_rate(entry: Entry, losses: list[str]) -> None:
    """A definition has a rate each minute, and no number of servers."""
    limits = entry.limits
    if limits.rate is not None and limits.rate.seconds != 60:
        _lose_rate(entry, losses)
    if limits.instances is not None or limits.per_source is not None:
        _lose_instances(entry, losses)


def _check_account(entry: Entry, losses: list[str], separators: str) -> None:
    for field, name in (("user", entry.user), ("group", entry.group)):
        if name is not None and (not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.$-]*", name) or any(s in name for s in separators)):
            losses.append(f"{entry.service}: {field} {name!r} cannot stand in this inetd.conf")


def _user_field(entry: Entry, build: InetdBuild, losses: list[str]) -> str:
    _check_account(entry, losses, build.user_group)
    if entry.group is None:
        return entry.user
    if not build.user_group:
        losses.append(f"{entry.service}: group {entry.group!r} cannot be said in this inetd.conf; it is the user's own")
    return f"{entry.user}{build.user_group[:1]}{entry.group}"


def _check_program(entry: Entry, build: InetdBuild, losses: list[str]) -> None:
    if isinstance(entry.program, Builtin):
        if entry.program.builtin != entry.service or entry.service not in build.builtins:
            has = ", ".join(build.builtins) or "none"
            losses.append(f"{entry.service}: this inetd has no built-in {entry.program.builtin!r} under that name (it has {has})")
        return
    if isinstance(entry.program, Unstartable):
        return
    argv = entry.program.argv
    if entry.program.path == "internal" or not argv[0]:
        losses.append(f"{entry.service}: argv0 is empty")
    if build.max_args is not None and len(argv) > build.max_args:
        losses.append(f"{entry.service}: {len(argv)} arguments with argv0, and this inetd takes {build.max_args}")


def _server_fields(entry: Entry, build: InetdBuild, losses: list[str]) -> list[str]:
    _check_program(entry, build, losses)
    match entry.program:
        case Builtin():
            return ["internal"]
        case Unstartable(words=words):
            return [_word(word, entry, build, losses) for word in words]
        case program:
            return [_word(word, entry, build, losses) for word in (program.path, *program.argv)]


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
