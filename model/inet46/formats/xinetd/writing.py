"""How entries are spelled as paragraphs of xinetd, attribute by attribute, and what cannot be spelled."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from inet46.entry import Bind, Entry, Unstartable
from inet46.errors import Inexpressible
from inet46.formats._reading import numeric, size
from inet46.knowledge import Host, XinetdBuild
from inet46.service import Builtin, Program
from inet46.sockets import Family, Transport

__all__ = ["write"]

_LINE = 8000  # well below the 16 KiB at which xinetd cuts a line


def write(entries: Iterable[Entry], build: XinetdBuild, host: Host) -> str:
    """Return a paragraph for each entry.

    Raises Inexpressible with everything that this build of xinetd cannot say, for all entries at once.
    """
    losses: list[str] = []
    paragraphs = [_paragraph(entry, build, host, losses) for entry in entries]
    if losses:
        raise Inexpressible(dict.fromkeys(losses))
    return "\n".join(paragraphs)


def _paragraph(entry: Entry, build: XinetdBuild, host: Host, losses: list[str]) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_+.-]*", entry.service):
        losses.append(f"{entry.service!r} cannot stand in xinetd as a service name ([A-Za-z0-9_+.-])")
    lines = [f"service {entry.service}", "{"]
    for name, operator, values in _attributes(entry, build, host, losses):
        line = f"\t{name:<15} {operator}{''.join(f' {value}' for value in values)}"
        losses.extend(
            f"{entry.service}: {name} {value!r} holds a blank or a line break, which xinetd cannot quote"
            for value in values
            if not value or re.search(r"[\s\0]", value)
        )
        if size(line) > _LINE:
            losses.append(f"{entry.service}: {name} makes a line of {size(line)} bytes, and xinetd cuts lines at 16384")
        lines.append(line)
    return "\n".join([*lines, "}", ""])


def _attributes(entry: Entry, build: XinetdBuild, host: Host, losses: list[str]) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield name, operator and values, in the order in which they are written."""

    def one(name: str, value: object) -> tuple[str, str, tuple[str, ...]]:
        return name, "=", (str(value),)

    if build.writes_disable:
        # First, because `disable = no` behind an attribute with a mistake in it would switch the service on without that attribute.
        yield one("disable", "no")
    unlisted = entry.port is not None and host.port(entry.service, entry.transport) != entry.port
    internal = isinstance(entry.program, Builtin) and entry.program.builtin != "redirect"
    kinds = (*(["INTERNAL"] if internal else []), *(["UNLISTED"] if unlisted else []))
    if kinds:
        yield "type", "=", kinds
    if entry.id is not None:
        yield one("id", entry.id)
    bind = _the_bind(entry, losses)
    flags = _flags(entry, bind, build)
    if flags:
        yield "flags", "=", flags
    if bind.family is Family.IPV6 and bind.v6only:
        yield one("v6only", "yes")  # never "no", which means yes
    elif bind.family is Family.IPV6 and bind.v6only is None:
        losses.append(f"{entry.service}: xinetd always sets IPV6_V6ONLY itself and cannot leave it to the kernel")
    yield one("socket_type", entry.transport.socket_type)
    if build.writes_protocol or unlisted:
        yield one("protocol", entry.transport.value)
    if entry.port is not None:
        yield one("port", entry.port)
    elif host.port(entry.service, entry.transport) is None:
        losses.append(f"{entry.service}/{entry.transport.value} is not in /etc/services; give the service a port")
    if bind.name is not None:
        yield one("bind", bind.name)
    elif bind.address is not None:
        yield one("bind", _address(bind.address, entry, losses))
    yield one("wait", "yes" if entry.wait else "no")
    yield one("user", entry.user)
    if entry.group is not None:
        yield one("group", entry.group)
    yield from _program(entry, build, losses)
    yield from _limits(entry, build, losses)
    yield from _access(entry, losses)
    yield from _extra(entry, losses)


def _the_bind(entry: Entry, losses: list[str]) -> Bind:
    if len(entry.binds) != 1:
        losses.append(f"{entry.service}: one paragraph of xinetd opens one socket, not {len(entry.binds)}")
    return entry.binds[0] if entry.binds else Bind(family=Family.IPV4)


def _flags(entry: Entry, bind: Bind, build: XinetdBuild) -> tuple[str, ...]:
    """Return the flags; never both families, which disables the service or means IPv6, depending on the build."""
    flags = []
    if bind.family is Family.IPV6:
        flags.append("IPv6")
    elif not (build.plain_ipv4 and build.default_family is Family.IPV4):
        flags.append("IPv4")
    if isinstance(entry.program, Program) and entry.program.argv0 is not None:
        flags.append("NAMEINARGS")
    for extra in entry.extra:
        if extra.startswith("flags = "):
            flags += extra.split()[2:]
    return tuple(flags)


def _address(address: str, entry: Entry, losses: list[str]) -> str:
    if numeric(address) is None:
        losses.append(f"{entry.service}: {address!r} is not a numeric address")
    return address


def _program(entry: Entry, build: XinetdBuild, losses: list[str]) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    program = entry.program
    if isinstance(program, Builtin):
        if program.builtin != "redirect" and (program.builtin != entry.service or program.builtin not in build.builtins):
            has = ", ".join(build.builtins)
            losses.append(f"{entry.service}: xinetd has no built-in {program.builtin!r} under that name (it has {has})")
    elif isinstance(program, Unstartable):
        losses.append(f"{entry.service}: xinetd looks at the server when it reads its files, and {' '.join(program.words[:1])!r} is none")
    else:
        args = program.args if program.argv0 is None else program.argv
        yield "server", "=", (program.path,)
        if args:
            yield "server_args", "=", args
    if entry.environment:
        yield "env", "=", tuple(f"{name}={value}" for name, value in entry.environment)


def _limits(entry: Entry, build: XinetdBuild, losses: list[str]) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    limits = entry.limits
    for name, value in (("instances", limits.instances), ("per_source", limits.per_source)):
        if value is not None:
            yield name, "=", (str(value),)
    if limits.rate is not None:
        if limits.rate.seconds == 1:
            yield "cps", "=", (str(limits.rate.connections), "10")
        else:
            losses.append(f"{entry.service}: limits.rate counts {limits.rate.seconds} s, and xinetd's cps counts one second")
    if limits.nice is not None:
        yield "nice", "=", (str(limits.nice),)
    if limits.umask is not None:
        yield "umask", "=", (f"{limits.umask:03o}",)
    for name, amount in limits.rlimits:
        if name == "files" and not build.rlimit_files:
            losses.append(f"{entry.service}: limits.rlimits files is unknown to this build of xinetd")
        yield f"rlimit_{name}", "=", (str(amount),)


def _access(entry: Entry, losses: list[str]) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    if entry.wait and entry.transport is Transport.TCP and (entry.only_from is not None or entry.no_access):
        # Up to 2.3.15.3 only_from refuses everybody here and no_access nobody; later both do nothing.
        losses.append(f"{entry.service}: xinetd does not apply access lists to a stream service with wait = yes")
    if entry.only_from is not None:
        yield "only_from", "=", entry.only_from
    if entry.no_access:
        yield "no_access", "=", entry.no_access


def _extra(entry: Entry, losses: list[str]) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    for extra in entry.extra:
        name, operator, *values = (*extra.split(), "", "")
        if operator not in {"=", "+=", "-="}:
            losses.append(f"{entry.service}: {extra} is no attribute of xinetd")
        elif name != "flags":
            yield name, operator, tuple(filter(None, values))
