"""How entries are spelled as units: a .socket, its .service, and the link that enables it; and what cannot be spelled."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from inet46.entry import Bind, Entry, Unstartable
from inet46.errors import Inexpressible
from inet46.formats._reading import numeric
from inet46.formats.systemd.document import Link
from inet46.formats.systemd.service import LIMITS, NO_VARIABLE
from inet46.formats.systemd.values import EVERYBODY, escaped, network, quote
from inet46.knowledge import Host
from inet46.service import Builtin, Program
from inet46.sockets import Family, Transport

__all__ = ["WANTS", "stem", "write"]

WANTS = "sockets.target.wants"
_BIND_IPV6_ONLY = {None: "default", False: "both", True: "ipv6-only"}
_LISTEN = {Transport.TCP: "ListenStream", Transport.UDP: "ListenDatagram"}
_LONGEST = 120  # bytes of a name; an instance's has both addresses in it as well, and 255 are all it may have

Section = tuple[str, list[str]]


def stem(entry: Entry) -> str:
    """Return the name of the unit that an entry is, without its suffix."""
    return escaped(entry.unit)


def write(entries: Iterable[Entry], host: Host) -> dict[str, str]:
    """Return the unit files for these entries, and the links that enable them, by path.

    Raises Inexpressible with everything that systemd cannot be told, for all entries at once.
    """
    units: dict[str, list[Entry]] = {}
    for entry in entries:
        units.setdefault(stem(entry), []).append(entry)
    files: dict[str, str] = {}
    losses: list[str] = []
    for name, group in units.items():
        first = group[0]
        partner = f"{name}{'' if first.wait else '@'}.service"
        losses += _unit_losses(name, group)
        files[f"{host.config}/{name}.socket"] = _text(_socket(name, group, losses))
        files[f"{host.config}/{partner}"] = _text(_service(first, losses))
        files[f"{host.config}/{WANTS}/{name}.socket"] = Link(f"{host.config}/{name}.socket")
    if losses:
        raise Inexpressible(dict.fromkeys(losses))
    return files


def _text(sections: Iterable[Section]) -> str:
    return "\n".join(f"[{name}]\n" + "".join(f"{line}\n" for line in lines) for name, lines in sections if lines)


def _unit_losses(name: str, group: list[Entry]) -> Iterator[str]:
    """Yield what keeps entries from being one unit."""
    first = group[0]
    if not name or len(name) > _LONGEST:
        yield f"{first.unit!r} has {len(name)} letters as the name of a unit, which may have 1 to {_LONGEST} here"
    ports = [(entry.transport, entry.port) for entry in group]
    if len(set(ports)) < len(ports) or any(entry.duty != first.duty or entry.service != first.service for entry in group):
        yield f"{first.service}: {len(group)} entries would be one unit, {name}.socket; give them an id each"
    if first.wait and sum(len(entry.binds) for entry in group) != 1 and not _extra(first, "service", "Service", "StandardInput"):
        yield f"{first.service}: a server that is handed the socket itself (wait) gets one socket from systemd, not several"
    if len({bind.v6only for entry in group for bind in entry.binds if bind.family is Family.IPV6}) > 1:
        yield f"{first.service}: all IPv6 sockets of a unit have one BindIPv6Only"
    if len({bind.reuseport for entry in group for bind in entry.binds}) > 1:
        yield f"{first.service}: all sockets of a unit have one ReusePort"
    for entry in group:
        if entry.transport is Transport.UDP and not entry.wait:
            yield f"{entry.service}: systemd hands a datagram socket to one server (wait); it has no nowait for {entry.transport.value}"


def _extra(entry: Entry, kind: str, section: str, key: str = "") -> list[str]:
    """Return what an entry also says in a section of its .socket or .service, word for word."""
    head = f".{kind} [{section}] "
    said = [extra.removeprefix(head) for extra in entry.extra if extra.startswith(head)]
    return [line for line in said if not key or line.startswith(f"{key}=")]


def _socket(name: str, group: list[Entry], losses: list[str]) -> Iterator[Section]:
    first = group[0]
    way = "one server, which gets the socket" if first.wait else "one server for each connection"
    yield "Unit", [f"Description={_words(first.service)}: {way}", *_extra(first, "socket", "Unit")]
    yield "Socket", [*_listens(group, losses), *_accepting(first, losses), *_extra(first, "socket", "Socket")]
    if first.unit != first.service or escaped(first.service) != name:
        yield "X-inet46", [f"Service={first.service}"]
    yield "Install", ["WantedBy=sockets.target"]


def _words(service: str) -> str:
    """Return a name that can stand in a description."""
    return escaped(service).replace("\\", "\\\\")


def _listens(group: list[Entry], losses: list[str]) -> Iterator[str]:
    binds = [bind for entry in group for bind in entry.binds]
    for entry in group:
        if entry.port is None:
            losses.append(f"{entry.service}: systemd knows ports by number only; give the service a port")
        for bind in entry.binds:
            yield f"{_LISTEN[entry.transport]}={_address(bind, entry, losses)}"
    six = [bind for bind in binds if bind.family is Family.IPV6]
    if six and six[0].v6only is not None:
        yield f"BindIPv6Only={_BIND_IPV6_ONLY[six[0].v6only]}"
    if any(bind.reuseport for bind in binds):
        yield "ReusePort=yes"


def _address(bind: Bind, entry: Entry, losses: list[str]) -> str:
    address = bind.address or bind.family.wildcard
    if bind.address is not None and (numeric(address) != address or (":" in address) is not (bind.family is Family.IPV6)):
        losses.append(f"{entry.service}: {address!r} is not a numeric {bind.family.title} address")
    return f"[{address}]:{entry.port}" if ":" in address else f"{address}:{entry.port}"


def _accepting(entry: Entry, losses: list[str]) -> Iterator[str]:
    limits = entry.limits
    yield f"Accept={'no' if entry.wait else 'yes'}"
    for name, key, value in (
        ("instances", "MaxConnections", limits.instances),
        ("per_source", "MaxConnectionsPerSource", limits.per_source),
    ):
        if value is not None and entry.wait:
            why = "counts connections, and systemd sees none of a server that gets the socket (wait)"
            losses.append(f"{entry.service}: limits.{name} {why}")
        elif value is not None:
            yield f"{key}={value}"
    if limits.rate is not None:
        rate = f"{limits.rate.connections} in {limits.rate.seconds} s"
        near = "TriggerLimitBurst= is near, but one more ends the unit, and the port stays closed until somebody starts it again"
        losses.append(f"{entry.service}: limits.rate ({rate}) has no spelling in systemd: {near}")
    yield from _access(entry, losses)


def _access(entry: Entry, losses: list[str]) -> Iterator[str]:
    allow, deny = entry.only_from, entry.no_access
    losses.extend(
        f"{entry.service}: access has {word!r}, and systemd takes numeric networks only (192.0.2.0/24, 2001:db8::/32)"
        for word in (*(allow or ()), *deny)
        if network(word) != (word,) or re.fullmatch(r"[0-9.]+\.0", word)
    )
    if allow is not None and deny:
        why = "what IPAddressAllow= lets in, IPAddressDeny= does not keep out"
        losses.append(f"{entry.service}: no_access cannot stand beside only_from: {why}")
    if set(deny) & set(EVERYBODY):
        losses.append(f"{entry.service}: no_access {' '.join(deny)} lets nobody in; say it with only_from")
    if allow is not None:
        yield "IPAddressDeny=any"
        if allow:
            yield f"IPAddressAllow={' '.join(allow)}"
    elif deny:
        yield f"IPAddressDeny={' '.join(deny)}"


def _service(entry: Entry, losses: list[str]) -> Iterator[Section]:
    # Five starts in ten seconds would be the last ones of a server that serves one client and ends, as those of an inetd do.
    often = ["StartLimitIntervalSec=0"] if entry.wait else []
    yield "Unit", [f"Description={_words(entry.service)}", *often, *_extra(entry, "service", "Unit")]
    lines = [*_command(entry, losses)]
    if not _extra(entry, "service", "Service", "StandardInput"):
        lines.append("StandardInput=socket")
    for field, key, name in (("user", "User", entry.user), ("group", "Group", entry.group)):
        if name is None or (field, name) == ("user", "root"):
            continue
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\$?|%[A-Za-z]", name):
            losses.append(f"{entry.service}: {field} {name!r} cannot stand in a unit ([A-Za-z0-9_.-])")
        lines.append(f"{key}={name.replace('%', '%%')}")
    losses.extend(
        f"{entry.service}: environment {name} {value!r} holds a control character or is not UTF-8, and systemd ignores it"
        for name, value in entry.environment
        if NO_VARIABLE.search(value)
    )
    lines += [f"Environment={quote(f'{name}={value}')}" for name, value in entry.environment]
    lines += _limits(entry, losses)
    yield "Service", [*lines, *_extra(entry, "service", "Service")]
    heads = tuple(f".{kind} [{section}] " for kind, section in _SECTIONS)
    losses.extend(f"{entry.service}: {extra} cannot be said in a unit" for extra in entry.extra if not extra.startswith(heads))


_SECTIONS = (("socket", "Unit"), ("socket", "Socket"), ("service", "Unit"), ("service", "Service"))


def _command(entry: Entry, losses: list[str]) -> Iterator[str]:
    program = entry.program
    if _extra(entry, "service", "Service", "ExecStart"):
        return
    if isinstance(program, Builtin):
        losses.append(f"{entry.service}: systemd performs no service itself, {program.builtin!r} needs a program")
    elif isinstance(program, Unstartable):
        losses.append(f"{entry.service}: a unit needs the absolute path of a program, and {' '.join(program.words) or 'nothing'!r} is none")
    else:
        yield f"ExecStart={_prefixed(program, entry, losses)}"


def _prefixed(program: Program, entry: Entry, losses: list[str]) -> str:
    """Spell a command; systemd passes the whole path as argv[0] unless it is told another one."""
    path = program.path
    if re.search(r"[\x00-\x1f\x7f\"'\\]", path) or "//" in path or re.search(r"/\.{1,2}(/|$)", path):
        losses.append(f"{entry.service}: {path!r} cannot stand in a unit as the path of a program")
    head = f"-{'@' if program.argv0 is not None else ''}{path}"
    words = [quote(head), *(quote(word, command=True) for word in (*([program.argv0] if program.argv0 is not None else []), *program.args))]
    return " ".join(words)


def _limits(entry: Entry, losses: list[str]) -> Iterator[str]:
    limits = entry.limits
    if limits.nice is not None:
        if limits.nice > 19:
            losses.append(f"{entry.service}: limits.nice {limits.nice} is more than 19, the most that systemd takes")
        yield f"Nice={limits.nice}"
    if limits.umask is not None:
        yield f"UMask={limits.umask:04o}"
    keys = {name: key for key, name in LIMITS.items()}
    yield from (f"{keys[name]}={amount}" for name, amount in limits.rlimits)
