"""What a definition of key = value pairs says: its keys weighed one after the other, then what is missing inferred.

Every mistake is told at once, as the daemon does; one is enough to lose the definition. Source: NetBSD/src usr.sbin/inetd/parse_v2.c
(the key handlers, fill_default_values, try_infer_socktype, infer_protocol_ip_version).
"""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Callable, Mapping

import attrs

from inet46.diagnostics import Span
from inet46.entry import Entry, Unstartable
from inet46.formats._reading import NUMBER
from inet46.formats.inetd import fields
from inet46.formats.inetd._costs import Invalid
from inet46.formats.inetd.keyed import Definition
from inet46.formats.inetd.places import binds
from inet46.formats.inetd.protocols import Meaning, meaning
from inet46.knowledge import Host, InetdBuild
from inet46.service import Builtin, Limits, Program, Rate
from inet46.sockets import Family

__all__ = ["Told", "weigh"]

_TYPES = ("stream", "dgram", "rdm", "seqpacket", "raw")
_VALUES = {"acceptfilter": (1, 2), "args": (0, 64), "bind": (0, 1), "ipsec": (0, 1)}  # all others have one value
_ONCE = {"bind", "wait", "service_max", "ip_max", "user", "args", "ipsec"}  # of the others the last one counts
_INFERRED = {"tcp", "udp"}  # protocols whose family the address has to say


@attrs.frozen(kw_only=True)
class Told:
    """A definition that the parser has taken: its keys, and what was inferred."""

    service: str
    found: Meaning
    hosts: str | None
    server: str
    argv: tuple[str, ...]
    wait: bool
    user: str
    group: str | None
    limits: Limits
    extra: tuple[str, ...]

    def entry(self, program: Program | Builtin | Unstartable, span: Span, build: InetdBuild, host: Host) -> Entry:
        """Make the entry, unless the daemon drops it for its address or its name."""
        service, port, _ = fields.port(self.service, self.found, build, host)
        return Entry(
            service=service,
            port=port,
            transport=self.found.token.transport,
            binds=binds(self.service, self.found.token, self.hosts, build, host),
            program=program,
            wait=self.wait,
            user=self.user,
            group=self.group,
            limits=self.limits,
            extra=self.extra,
            origin=span,
        )


def weigh(definition: Definition, default: str | None, build: InetdBuild) -> Told:
    """Weigh the keys of a definition; `default` is the address of the default-host line above it.

    Raises Invalid with every mistake at once, Aside for a Unix socket, Unknown for what opens nobody knows which port.
    """
    prefix, service = fields.split_address(definition.service, build)
    keys = _Keys(service, build, prefix)
    for key, values in definition.options:
        keys.take(key, values)
    keys.infer(default)
    if keys.problems:
        raise Invalid("I186", "invalid-definition", f"{service}: {'; '.join(keys.problems)}; the definition is lost")
    return keys.told()


@attrs.define
class _Keys:
    """The keys that have been read, and what is wrong with them."""

    service: str
    build: InetdBuild
    hosts: str | None
    values: dict[str, tuple[str, ...]] = attrs.field(factory=dict)
    problems: list[str] = attrs.field(factory=list)
    extra: list[str] = attrs.field(factory=list)

    def take(self, key: str, values: tuple[str, ...]) -> None:
        """Weigh one key as its handler does."""
        if key not in self.build.option_names:
            near = difflib.get_close_matches(key, self.build.option_names, n=1)
            self.problems.append(f"unknown option {key!r}{f', did you mean {near[0]}?' if near else ''}")
            return
        if key in _ONCE and (key in self.values or (key == "bind" and self.hosts is not None)):
            self.problems.append(f"{key} is specified twice")
            return
        least, most = _VALUES.get(key, (1, 1))
        if not least <= len(values) <= most:
            self.problems.append(f"{key} has {len(values)} values, and takes {least if least == most else f'{least} to {most}'}")
            return
        if values and (why := _CHECKS.get(key, _anything)(values[0])):
            self.problems.append(f"{key} {values[0]!r} is not {why}")
            return
        if key == "exec" and values == ("internal",) and not self._can_be_internal("socktype" in self.values):
            return
        self.values[key] = values
        if key in {"acceptfilter", "sndbuf", "recvbuf", "ip_max"} or (key == "ipsec" and values):
            self.extra.append(f"{key} = {' '.join(values)}")

    def _can_be_internal(self, typed: bool) -> bool:  # noqa: FBT001 -- one caller, one meaning
        """Look a built-in service up: by name and by a socket type that has to be known by then."""
        if typed and self.service in self.build.builtins:
            return True
        has = ", ".join(self.build.builtins)
        self.problems.append(
            f"internal service {self.service} unknown: this inetd has {has}" if typed else "exec = internal stands before socktype"
        )
        return False

    def first(self, key: str) -> str | None:
        """The value of a key that has one."""
        return next(iter(self.values.get(key, ())), None)

    @property
    def protocol(self) -> str | None:
        """The protocol without `faith/`."""
        return self.first("protocol")

    def infer(self, default: str | None) -> None:
        """Fill in what was not said, and name what has to be."""
        protocol = self.protocol
        if "bind" in self.values:
            self.hosts = self.first("bind") or ""
        elif self.hosts is None:
            self.hosts = default
        if "socktype" not in self.values and protocol is not None and protocol[:3] in {"tcp", "udp"}:
            self.values["socktype"] = ("stream" if protocol.startswith("tcp") else "dgram",)
        if "exec" not in self.values:
            self._can_be_internal(typed="socktype" in self.values)
            self.values["exec"] = ("internal",)
        needed = ("socktype", "user", "protocol") if self.first("exec") == "internal" else ("socktype", "wait", "user", "protocol")
        self.problems += [f"{key} is not specified" for key in needed if key not in self.values]
        if protocol is not None and protocol.removeprefix("rpc/") in _INFERRED and self._family() is None:
            self.problems.append(
                f"{protocol} says no family and {self.hosts or '*'} is no numeric address; {protocol}4 and {protocol}6 say one"
            )

    def _family(self) -> Family | None:
        try:
            address = ipaddress.ip_address(_bare(self.hosts or ""))
        except ValueError:
            return None
        return Family.IPV4 if address.version == 4 else Family.IPV6

    def told(self) -> Told:
        """Join what was said."""
        found = meaning(self.build, self.first("socktype") or "", self.protocol or "", self.service)
        token, family = found.token, self._family()
        if token.name in _INFERRED and family is not None:
            token = attrs.evolve(token, opens=tuple(attrs.evolve(bound, family=family) for bound in token.opens))
        limits = self._limits()
        return Told(
            service=self.service,
            found=attrs.evolve(found, token=token),
            hosts=self.hosts,
            server=self.first("exec") or "internal",
            argv=self.values.get("args", ()),
            wait=self.first("wait") == "yes",
            user=self.first("user") or "",
            group=self.first("group"),
            limits=limits,
            extra=(*found.extra, *self.extra),
        )

    def _limits(self) -> Limits:
        most = self.first("service_max")
        if most is None:
            return Limits()
        if int(most) > self.build.rate_offset:
            return Limits(rate=Rate(connections=int(most) - self.build.rate_offset))
        self.extra.append(f"service_max = {most}")
        return Limits()


def _bare(host: str) -> str:
    """Take the brackets off an address before a service; `bind` takes none."""
    return host[1:-1] if host.startswith("[") and host.endswith("]") else host


def _anything(_: str) -> str | None:
    return None


def _check_type(value: str) -> str | None:
    return None if value.startswith("stream") or value in _TYPES else f"one of {', '.join(_TYPES)}"


def _check_wait(value: str) -> str | None:
    return None if value in {"yes", "no"} else "yes or no"


def _check_number(value: str) -> str | None:
    return None if re.fullmatch(NUMBER, value) else "a number"


def _check_size(value: str) -> str | None:
    return None if re.fullmatch(rf"{NUMBER}([km].*)?", value, re.DOTALL) else "a size such as 64k"


_CHECKS: Mapping[str, Callable[[str], str | None]] = {
    "socktype": _check_type,
    "wait": _check_wait,
    "service_max": _check_number,
    "ip_max": _check_number,
    "sndbuf": _check_size,
    "recvbuf": _check_size,
}
