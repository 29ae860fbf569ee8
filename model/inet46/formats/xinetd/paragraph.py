"""One service paragraph after its attributes were taken, judged as a whole: what it opens, or why it is disabled after all.

Sources: confparse.c (service_fill, check_entry, service_attr_check, fix_server_argv), service.c (svc_activate, activate_normal); measured.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import attrs

from inet46.diagnostics import Diagnostic, Span
from inet46.entry import Bind, Entry, Unstartable
from inet46.formats._reading import NUMBER, fault, numeric
from inet46.formats.xinetd.attributes import BANNERS, COUNTS, Taken
from inet46.formats.xinetd.document import Paragraph
from inet46.knowledge import PROTOCOLS, RPC_PROGRAMS, Host, XinetdBuild
from inet46.service import RLIMITS, Builtin, Limits, Program, Rate
from inet46.sockets import Family, Transport

__all__ = ["Lost", "Quiet", "Unknown", "Weighed", "where"]

# What is filled in from defaults for a service that does not say it (confparse.c, service_fill).
_FILLED = ("instances", "per_source", "cps", "umask", "max_load", "groups", "log_type", "log_on_success", "log_on_failure", "passenv")
_NICE = range(-20, 21)  # nice(2) cuts off what goes further, and xinetd takes any number
# What a Service has words for; the rest of a paragraph is kept word for word in Entry.extra.
_KNOWN = {"socket_type", "protocol", "wait", "disable", "v6only", "user", "group", "server", "server_args", "id", "port", "instances"} | {
    "per_source", "nice", "umask", "bind", "interface", "cps", "type", "flags", "only_from", "no_access", "env",
    *(f"rlimit_{name}" for name in RLIMITS),
}  # fmt: skip
_OPENED = {
    ("stream", "tcp"): Transport.TCP,
    ("stream", "ip"): Transport.TCP,
    ("dgram", "udp"): Transport.UDP,
    ("dgram", "ip"): Transport.UDP,
}


class Lost(Exception):
    """The daemon disables this service; `told` is under which code and name that is said, and `at` the attribute to point at."""

    def __init__(self, message: str, told: tuple[str, str] = ("I130", "service-disabled"), at: str = "") -> None:
        super().__init__(message)
        self.told = told
        self.at = at


_MISSING = ("I144", "missing-attribute")


class Quiet(Exception):
    """The daemon serves this service, and opens no TCP or UDP socket for it; port and address count when it compares services."""

    def __init__(self, message: str, port: int | None, address: str | None) -> None:
        super().__init__(message)
        self.port, self.address = port, address


class Unknown(Exception):
    """What this paragraph opens is not known."""


def where(text: str, stated: Family | None, build: XinetdBuild, host: Host) -> tuple[Family, str, bool]:
    """Return the family of a service with this bind, the address, and whether that is of another family than was stated.

    A name with several addresses is looked up again, for the family that is stated or usual (service_fill). Raises Lost or Unknown.
    """
    address = numeric(text)
    if address is None:
        found = host.policy.addresses(text)
        if found is None:
            raise Unknown(f"the address of {text}")
        if len(found) != 1:
            family = stated if stated is not None else build.default_family
            own = host.lookup(text, family)
            if not own:
                raise Lost(f"bad address {text}, which is none of {family.title}")
            return family, own[0], False
        address = found[0]
    family = Family.IPV6 if ":" in address else Family.IPV4
    return (family if stated is None else stated), address, stated not in {None, family}


@attrs.define
class Weighed:
    """One service paragraph while it is judged."""

    paragraph: Paragraph
    taken: Taken
    defaults: Mapping[str, tuple[str, ...]]

    @property
    def id(self) -> str:
        """The id in small letters, by which `enabled` and `disabled` know a service."""
        return self.values.get("id", (self.paragraph.name,))[0].lower()

    @property
    def values(self) -> Mapping[str, tuple[str, ...]]:
        """The attributes that hold."""
        return self.taken.values

    @property
    def build(self) -> XinetdBuild:
        """The build that reads."""
        return self.taken.build

    @property
    def host(self) -> Host:
        """The host on which it reads."""
        return self.taken.host

    @property
    def bind(self) -> str | None:
        """The address that the service or the defaults name, if one does."""
        return (self.values.get("bind") or self.defaults.get("bind") or (None,))[0]

    @property
    def faults(self) -> list[Diagnostic]:
        """Where faults are noted."""
        return self.taken.faults

    def entry(self) -> tuple[Entry, str | None]:
        """Return the entry and the address that it is compared by, after `check_argv`.

        Raises Lost, Quiet or Unknown.
        """
        if self.taken.unsure is not None:
            raise Unknown(self.taken.unsure)
        kinds, flags = self.taken.kinds, self.taken.flags
        mux = bool(kinds & {"TCPMUX", "TCPMUXPLUS"})
        kind, protocol = self._types(listed=not kinds & {"UNLISTED", "RPC"})
        port = self._port(protocol, kinds)
        family, address, compared = self._address()
        internal = "INTERNAL" in kinds or "SENSOR" in flags
        program = self._program(kind, internal=internal)
        self._check_kind(kind, internal=internal, mux=mux)
        wait = self._needed("wait")[0].lower() == "yes"
        user = self.values.get("user", ("root",)) if internal else self._needed("user")
        if "RPC" in kinds:
            self._check_rpc(unlisted="UNLISTED" in kinds)
            raise Unknown("an RPC service, which has its socket only where a portmapper answers")
        if mux:
            raise Quiet("a service behind tcpmux", port, compared)
        if (kind, PROTOCOLS[protocol]) not in _OPENED:
            raise Lost(f"a {kind} socket of protocol {protocol} is no TCP and no UDP socket")
        v6only = None if family is Family.IPV4 else "v6only" in self.values
        entry = Entry(
            service=self.paragraph.name,
            port=port,
            transport=_OPENED[kind, PROTOCOLS[protocol]],
            binds=(Bind(family=family, address=address, v6only=v6only, written=compared, name=self._name),),
            program=program,
            wait=wait,
            user=user[0],
            group=self.values.get("group", (None,))[0],
            limits=self._limits(),
            only_from=self.values.get("only_from", self.taken.inherited.get("only_from")),
            no_access=self.values.get("no_access", self.taken.inherited.get("no_access", ())),
            environment=tuple((name, value) for name, _, value in (item.partition("=") for item in self.values.get("env", ()))),
            id=self.values.get("id", (None,))[0],
            extra=tuple(self._extra()),
            inherited=tuple(self._inherited()),
            origin=self.paragraph.span,
            unlisted="UNLISTED" in kinds,
        )
        return entry, compared

    @property
    def _name(self) -> str | None:
        """The host name of the address, where the service itself names one."""
        told = self.values.get("bind", (None,))[0]
        return told if told is not None and numeric(told) is None else None

    def place(self, name: str) -> Span:
        """Return where an attribute stands, or else the head of the paragraph."""
        return next((x.span for x in self.paragraph.attributes if x.name == name), self.paragraph.header)

    def _needed(self, name: str) -> tuple[str, ...]:
        if name not in self.values:
            raise Lost(f"missing attribute {name}", _MISSING)
        return self.values[name]

    def check_argv(self) -> None:
        """Do what fix_server_argv does for what is not internal, first of all.

        Raises Lost.
        """
        if "INTERNAL" in self.taken.kinds or "redirect" in self.values:
            return
        if "server" not in self.values:
            raise Lost("no server is specified", _MISSING)
        if "NAMEINARGS" in self.taken.flags and "server_args" not in self.values:
            raise Lost("NAMEINARGS needs server_args, which name the program")

    @property
    def kills(self) -> bool:
        """True for a service behind tcpmux of which no protocol is known: check_entry compares the name of one that is not there."""
        said = {"protocol", "socket_type"} & set(self.values)
        behind = bool(self.taken.kinds & {"TCPMUX", "TCPMUXPLUS"}) and "UNLISTED" in self.taken.kinds
        return behind and not said and "INTERNAL" not in self.taken.kinds and "SENSOR" not in self.taken.flags

    def _types(self, *, listed: bool) -> tuple[str, str]:
        """Return socket_type and protocol, each of which can stand for the other; tcp6 and tcp46 are no protocols here."""
        kind, protocol = self.values.get("socket_type", ("",))[0].lower(), self.values.get("protocol", ("",))[0]
        protocol = protocol or {"stream": "tcp", "dgram": "udp"}.get(kind, "")
        kind = kind or {"tcp": "stream", "udp": "dgram"}.get(protocol.lower(), "")
        if not kind or not protocol:
            raise Lost(f"missing attribute {'protocol' if kind else 'socket_type'}", _MISSING)
        if listed and protocol not in {"tcp", "udp"}:
            text = f"{self.paragraph.name}/{protocol} is not in /etc/services, which knows tcp and udp in small letters"
            raise Lost(text, ("I139", "no-such-protocol"), "protocol")
        return kind, protocol

    def _port(self, protocol: str, kinds: set[str]) -> int | None:
        """Check name and port against /etc/services, as far as it was looked at."""
        port = int(self.values["port"][0]) if "port" in self.values else None
        if "UNLISTED" in kinds or "RPC" in kinds:
            if port is None and not kinds & {"RPC", "TCPMUX", "TCPMUXPLUS"}:
                raise Lost("type UNLISTED needs a port", _MISSING)
            return port
        transport = Transport(protocol)
        listed = self.host.port(self.paragraph.name, transport)
        if listed is None and self.host.policy.services is not None:
            text = f"{self.paragraph.name}/{protocol} is not in /etc/services, and type is not UNLISTED"
            raise Lost(text, ("I134", "unlisted-service"))
        if listed is not None and port not in {None, listed}:
            raise Lost(f"expects port {listed}, not {port}", ("I135", "unexpected-port"), "port")
        return port

    def _address(self) -> tuple[Family, str | None, str | None]:
        """Apply the heart of xinetd: which family a service gets, and what becomes of a bind that contradicts it.

        The third is the address by which check_entry compares services, which is the one that is said.
        """
        flags, build = self.taken.flags, self.build
        if {"IPV4", "IPV6"} <= flags and build.both_flags_disable:
            raise Lost("specified as both IPv4 and IPv6", ("I136", "both-families"), "flags")
        stated = Family.IPV6 if "IPV6" in flags else Family.IPV4 if "IPV4" in flags else None
        if self.bind is None:
            family = stated if stated is not None else build.default_family
            return (Family.IPV4 if build.falls_back and not self.host.policy.ipv6 else family), None, None
        family, address, contradicts = where(self.bind, stated, build, self.host)
        if not contradicts:
            return family, None if address == family.wildcard else address, address
        text = f"bind = {self.bind} contradicts flags = {family.title}: xinetd listens on every address instead"
        self.faults.append(fault("I304", "bind-ignored", f"{self.paragraph.name}: {text}", self.paragraph.header))
        if family is Family.IPV6:
            # parsers.c, bind_parser: 16 bytes of 28 are copied, and all 28 are bound: ::, or what stood in memory.
            raise Unknown(f"the address of an IPv6 socket with bind = {self.bind} stands in memory that xinetd never sets")
        return family, None, address

    def _check_kind(self, kind: str, *, internal: bool, mux: bool) -> None:
        """Refuse what does not go together, as check_entry does."""
        redirect, named = "redirect" in self.values, "NAMEINARGS" in self.taken.flags
        waits = self.values.get("wait", ("no",))[0].lower() == "yes"
        if "LABELED" in self.taken.flags and (internal or redirect or waits or kind != "stream"):
            raise Lost("LABELED is for stream services with wait = no that are neither INTERNAL nor redirected", at="flags")
        if named and (internal or redirect):
            raise Lost(f"NAMEINARGS cannot be used for {'an INTERNAL' if internal else 'a redirected'} service")
        if mux and "UNLISTED" not in self.taken.kinds:
            raise Lost("a service behind tcpmux has to be UNLISTED")
        if mux and self._types(listed=False)[1].lower() != "tcp":
            raise Lost("a service behind tcpmux has to have the protocol tcp")
        if self.build.dgram_waits and kind == "dgram" and not waits:
            raise Lost("socket_type is dgram, and wait = no")
        if redirect and (waits or kind != "stream"):
            raise Lost("only a stream service with wait = no can be redirected")
        logged = self.values.get("log_on_success", self.taken.inherited.get("log_on_success", self.defaults.get("log_on_success", ())))
        if not redirect and "TRAFFIC" in {word.upper() for word in logged}:
            raise Lost("log_on_success = TRAFFIC is for redirected services only")

    def _check_rpc(self, *, unlisted: bool) -> None:
        if "protocol" not in self.values and "socket_type" not in self.values:
            raise Lost("missing attribute protocol", _MISSING)
        self._needed("rpc_version")
        if unlisted:
            self._needed("rpc_number")
        elif self.paragraph.name not in RPC_PROGRAMS:
            raise Lost(f"unknown RPC service: {self.paragraph.name}")

    def _program(self, kind: str, *, internal: bool) -> Program | Builtin | Unstartable:
        if internal:
            name = "discard" if "SENSOR" in self.taken.flags else self.paragraph.name.lower()
            if name not in self.build.builtins or kind not in {"stream", "dgram"} or (name == "tcpmux" and kind != "stream"):
                raise Lost(f"no such internal service: {self.paragraph.name}/{kind}")
            return Builtin(builtin=name)
        if "redirect" in self.values:
            return Builtin(builtin="redirect")
        path, args = self.values["server"][0], self.values.get("server_args", ())
        if not path.startswith("/") or path.endswith("/"):
            return Unstartable(words=(path, *args))
        if "NAMEINARGS" in self.taken.flags:
            return Program(path=path, argv0=args[0] if args[0] != path.rpartition("/")[2] else None, args=args[1:])
        return Program(path=path, args=args)

    def _limits(self) -> Limits:
        cps = self.values.get("cps", ("", ""))
        return Limits(
            instances=self._count("instances"),
            per_source=self._count("per_source"),
            rate=Rate(connections=int(cps[0]), seconds=1) if re.fullmatch(NUMBER, cps[0]) and int(cps[0]) and cps[1] == "10" else None,
            nice=nice if (nice := self._number("nice")) in _NICE else None,
            umask=self._number("umask", 8),
            rlimits=tuple((name, amount) for name in self._rlimits() if (amount := self._rlimit(name)) is not None),
        )

    def _count(self, name: str) -> int | None:
        return None if self.values.get(name, ("UNLIMITED",))[0].upper() == "UNLIMITED" else self._number(name) or None

    def _number(self, name: str, base: int = 10) -> int | None:
        return int(self.values[name][0], base) if name in self.values else None

    def _inherited(self) -> Iterator[str]:
        """Yield what defaults say and this service does not: it holds for it all the same (service_fill)."""
        told = {name: self.defaults[name] for name in _FILLED if name in self.defaults}
        told |= {name: self.taken.inherited[name] for name in BANNERS if name in self.taken.inherited}
        yield from (" ".join((name, "=", *words)) for name, words in told.items() if name not in self.values)

    def _rlimits(self) -> Iterator[str]:
        return (name.removeprefix("rlimit_") for name in self.values if name.startswith("rlimit_"))

    def _rlimit(self, name: str) -> int | None:
        value = self.values[f"rlimit_{name}"][0]
        match = re.search(r"([0-9]+)\s*([kKmM]?)\s*\Z", value)
        return None if match is None else int(match[1]) * {"": 1, "k": 1024, "m": 1024**2}[match[2].lower()]

    def _extra(self) -> Iterator[str]:
        """Keep, word for word, what a Service has no words for."""
        flags = [
            flag
            for flag in self.values.get("flags", sorted(self.taken.flags))
            if flag.upper() not in {"REUSE", "IPV4", "IPV6", "NAMEINARGS"}
        ]
        if flags:
            yield f"flags = {' '.join(flags)}"
        # No bound at all is no limit of a Service, and yet a word: it keeps off the bound of defaults. A bound of none lets nobody in.
        bounds = ((name, self.values[name][0].upper()) for name in ("instances", "per_source") if name in self.values)
        yield from (f"{name} = {value}" for name, value in bounds if value == "UNLIMITED" or not value.strip("0"))
        for attribute in self.paragraph.attributes:
            name = attribute.name
            beyond = name == "nice" and (self._number(name) or 0) not in _NICE
            if name in COUNTS and (name not in _KNOWN or beyond or (name == "cps" and attribute.values[1:] != ("10",))):
                yield " ".join((name, attribute.operator, *attribute.values))
