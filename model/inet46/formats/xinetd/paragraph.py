"""One service paragraph, weighed as parse.c and confparse.c weigh it: attributes in their order, then the service as a whole.

Sources: parse.c (tables of attributes), confparse.c (service_fill, check_entry, fix_server_argv), service.c (activate_normal); measured.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

import attrs

from inet46.diagnostics import Diagnostic, Severity, Span
from inet46.entry import Bind, Entry
from inet46.formats._reading import NUMBER, fault, numeric
from inet46.formats.xinetd.document import Attribute, Paragraph
from inet46.formats.xinetd.values import mistake
from inet46.knowledge import Host, XinetdBuild
from inet46.service import RLIMITS, Builtin, Limits, Program, Rate
from inet46.sockets import Family, Transport

__all__ = ["COUNTS", "DEFAULTS", "FLAGS", "INHERITED", "Lost", "Unknown", "Weighed"]

# name -> number of values; -1 any number once, -2 a list that += and -= may change (parse.c, service_attributes[])
COUNTS = {
    **dict.fromkeys(("socket_type", "protocol", "wait", "disable", "groups", "v6only", "user", "group", "server", "id", "port"), 1),
    **dict.fromkeys(("instances", "per_source", "nice", "deny_time", "banner", "banner_success", "banner_fail", "max_load", "umask"), 1),
    **dict.fromkeys(("bind", "interface", "rpc_version", "rpc_number", "libwrap", "mdns"), 1),
    **{f"rlimit_{name}": 1 for name in RLIMITS},
    **dict.fromkeys(("redirect", "cps"), 2),
    **dict.fromkeys(("server_args", "type", "flags", "access_times", "log_type"), -1),
    **dict.fromkeys(("only_from", "no_access", "log_on_success", "log_on_failure", "env", "passenv"), -2),
}
_NICE = range(-20, 21)  # nice(2) cuts off what goes further, and xinetd takes any number
INHERITED = ("only_from", "no_access")  # copied from the defaults read so far at the moment when a service is parsed
# What may stand in a paragraph of defaults (parse.c, default_attributes[]); the counts are the same, but for log_type, a list there.
DEFAULTS = {"log_type", "log_on_success", "log_on_failure", "disabled", "enabled", "no_access", "only_from", "instances", "passenv"} | {
    "banner", "banner_success", "banner_fail", "bind", "interface", "per_source", "groups", "cps", "max_load", "v6only", "umask",
}  # fmt: skip
_NEED_VALUES = {"flags", "type", "server_args", "access_times", "log_type"}
FLAGS = {"REUSE", "INTERCEPT", "NORETRY", "IDONLY", "NAMEINARGS", "NODELAY", "KEEPALIVE", "NOLIBWRAP", "SENSOR", "IPV4", "IPV6", "LABELED"}
# What a Service has words for; the rest of a paragraph is kept word for word in Entry.extra.
_KNOWN = {"socket_type", "protocol", "wait", "disable", "v6only", "user", "group", "server", "server_args", "id", "port", "instances"} | {
    "per_source", "nice", "umask", "bind", "interface", "cps", "type", "flags", "only_from", "no_access", "env",
    *(f"rlimit_{name}" for name in RLIMITS),
}  # fmt: skip

# Under which code and name it is said why a service is disabled; what has no telling one is a bad value.
_BAD = ("I130", "service-disabled")
_PROTOCOL = ("I139", "no-such-protocol")
_MISSING = ("I144", "missing-attribute")
_UNLISTED = ("I134", "unlisted-service")
_PORT = ("I135", "unexpected-port")
_FAMILIES = ("I136", "both-families")
_LIST = ("I137", "comma-in-list")
_SERVER = ("I138", "server-not-absolute")


class Lost(Exception):
    """The daemon disables this service: as soon as it comes to `attribute`, or else when it has read all of it.

    `told` is under which code and name that is said, and `at` the attribute to point at where it is another one.
    """

    def __init__(self, message: str, attribute: str = "", *, told: tuple[str, str] = _BAD, at: str = "") -> None:
        super().__init__(message)
        self.attribute = attribute
        self.told = told
        self.at = at or attribute


class Unknown(Exception):
    """What this paragraph opens is not known."""


@attrs.define
class _Growing:
    """A list that any number of lines may add to and take from: `values` by their places, and the places of each value."""

    values: dict[int, str] = attrs.field(factory=dict)
    places: dict[str, list[int]] = attrs.field(factory=dict)
    next: int = 0

    def add(self, values: Iterable[str]) -> None:
        for value in values:
            self.values[self.next] = value
            self.places.setdefault(value, []).append(self.next)
            self.next += 1

    def remove(self, values: Iterable[str]) -> None:
        for value in values:
            for place in self.places.pop(value, ()):
                del self.values[place]


@attrs.define
class Weighed:
    """One service paragraph while its attributes are weighed."""

    paragraph: Paragraph
    build: XinetdBuild
    host: Host
    defaults: Mapping[str, tuple[str, ...]]
    inherited: Mapping[str, tuple[str, ...]]
    faults: list[Diagnostic]
    enabled: frozenset[str] = frozenset()
    values: dict[str, tuple[str, ...]] = attrs.field(factory=dict)
    lists: dict[str, _Growing] = attrs.field(factory=dict)

    @property
    def id(self) -> str:
        """The id in small letters, by which `enabled` and `disabled` know a service."""
        return self.values.get("id", (self.paragraph.name,))[0].lower()

    @property
    def bind(self) -> str | None:
        """The address that the service or the defaults name, if one does."""
        return (self.values.get("bind") or self.defaults.get("bind") or (None,))[0]

    def place(self, name: str) -> Span:
        """Return where an attribute stands, or else the head of the paragraph."""
        return next((x.span for x in self.paragraph.attributes if x.name == name), self.paragraph.header)

    @property
    def revived(self) -> bool:
        """True if the defaults' list of enabled services names this one, which clears what had disabled it."""
        return self.id in self.enabled

    def entry(self) -> Entry | None:
        """Return the entry, or None when it is switched off."""
        try:
            return self._entry()
        except Lost as lost:
            # A bad value only marks the service disabled; the mark goes when a later line, or the list in defaults, switches it on.
            names = [attribute.name for attribute in self.paragraph.attributes]
            bad = names.index(lost.attribute) if lost.attribute in names else len(names)
            on = any(x.name == "disable" and x.values[:1] == ("no",) for x in self.paragraph.attributes[bad + 1 :])
            if lost.attribute and lost.attribute != "disable" and (on or self.revived):
                raise Unknown(f"what is served once the service is switched on again in spite of this: {lost}") from None
            raise

    def _entry(self) -> Entry | None:
        """Take the attributes one by one, then judge the whole as service_fill and check_entry do."""
        for attribute in self.paragraph.attributes:
            self._take(attribute)
            if self.build.disable_is_final and self._off():
                return None
        self.values.update({name: tuple(held.values.values()) for name, held in self.lists.items()})
        if self._off() and not self.revived:
            return None
        kinds = {value.upper() for value in self.values.get("type", ())}
        if kinds & {"RPC", "SPECIAL", "TCPMUX", "TCPMUXPLUS"}:
            raise Unknown(f"type {' '.join(sorted(kinds))}")
        internal = "INTERNAL" in kinds
        transport = self._transport(unlisted="UNLISTED" in kinds)
        wait = self._yes("wait")
        family, address = self._address()
        v6only = None if family is Family.IPV4 else "v6only" in self.values
        written = None if self.bind is None else numeric(self.bind)
        self._check_kind(transport, internal=internal, wait=wait)
        return Entry(
            service=self.paragraph.name,
            port=self._port(transport, unlisted="UNLISTED" in kinds),
            transport=transport,
            binds=(Bind(family=family, address=address, v6only=v6only, written=written),),
            program=self._program(internal=internal),
            wait=wait,
            user=(self.values.get("user", ("root",)) if internal else self._needed("user"))[0],
            group=self.values.get("group", (None,))[0],
            limits=self._limits(),
            only_from=self.values.get("only_from", self.inherited.get("only_from")),
            no_access=self.values.get("no_access", self.inherited.get("no_access", ())),
            environment=tuple((name, value) for name, _, value in (item.partition("=") for item in self.values.get("env", ()))),
            id=self.values.get("id", (None,))[0],
            extra=tuple(self._extra()),
            origin=self.paragraph.span,
            unlisted="UNLISTED" in kinds,
        )

    def _take(self, attribute: Attribute) -> None:
        """Note an attribute as the daemon does: unknown ones and wrong counts are ignored, the first of two wins."""
        name = "bind" if attribute.name == "interface" else attribute.name
        count = COUNTS.get(name)
        if count is None or (name == "rlimit_files" and not self.build.rlimit_files):
            self._warn("I140", "unknown-attribute", f"bad service attribute: {attribute.name}; it is ignored", attribute.span)
        elif count != -2 and attribute.operator != "=":
            self._warn("I141", "operator-on-scalar", f"{attribute.operator} cannot be used for {name}; it is ignored", attribute.span)
        elif count > 0 and len(attribute.values) != count:
            text = f"attribute {name} expects {count} values and {len(attribute.values)} were specified; it is ignored"
            self._warn("I142", "wrong-number-of-values", text, attribute.span)
        elif count != -2 and name in self.values:
            self._warn("I143", "attribute-already-set", f"attribute already set: {name}; the first one counts", attribute.span)
        elif name in _NEED_VALUES and not attribute.values:
            raise Lost(f"{name} has no value", name)
        elif name == "env" and attribute.operator == "-=":
            raise Lost("-= cannot be used for env", name)
        elif problem := mistake(name, attribute.values):
            raise Lost(f"{name}: {problem}", name, told=_LIST if name in INHERITED else _BAD)
        elif count == -2:
            self._change(name, attribute)
        else:
            self.values[name] = attribute.values

    def _off(self) -> bool:
        return "disable" in self.values and self._yes("disable")

    def _change(self, name: str, attribute: Attribute) -> None:
        """Set a list, add to it or take from it; a service begins with that of the defaults."""
        if attribute.operator == "=" or name not in self.lists:
            self.lists[name] = _Growing()
            self.lists[name].add(() if attribute.operator == "=" else self.inherited.get(name, ()))
        if attribute.operator == "-=":
            self.lists[name].remove(attribute.values)
        else:
            self.lists[name].add(attribute.values)

    def _warn(self, code: str, name: str, message: str, span: Span) -> None:
        self.faults.append(fault(code, name, f"{self.paragraph.name}: {message}", span, severity=Severity.WARNING))

    def _needed(self, name: str) -> tuple[str, ...]:
        if name not in self.values:
            raise Lost(f"missing attribute {name}", told=_MISSING)
        return self.values[name]

    def _yes(self, name: str) -> bool:
        value = self._needed(name)[0].lower()
        if value not in {"yes", "no"}:
            raise Lost(f"{name} = {value} is neither yes nor no", name)
        return value == "yes"

    def _transport(self, *, unlisted: bool) -> Transport:
        """Read socket_type and protocol, each of which can stand for the other; tcp6 and tcp46 are no protocols here."""
        protocol = self.values.get("protocol", ("",))[0]
        if protocol.lower() in {"tcp", "udp"} and protocol != protocol.lower():
            if not unlisted:
                text = f"{self.paragraph.name}/{protocol} is not in /etc/services, which knows tcp and udp in small letters"
                raise Lost(text, told=_PROTOCOL, at="protocol")
            protocol = protocol.lower()
        socket_type = self.values.get("socket_type", ("",))[0].lower()
        if protocol and protocol not in {"tcp", "udp"}:
            if re.fullmatch(r"(tcp|udp)[46].*", protocol):
                raise Lost(f"protocol {protocol} not in /etc/protocols", "protocol", told=_PROTOCOL)
            raise Unknown(f"protocol {protocol}")
        for transport in Transport:
            if socket_type in {transport.socket_type, ""} and protocol in {transport.value, ""} and (socket_type or protocol):
                return transport
        if socket_type in {"raw", "seqpacket", "stream", "dgram"}:
            raise Unknown(f"{socket_type} socket with protocol {protocol or '(none)'}")
        if not socket_type:
            raise Lost("missing attribute socket_type", told=_MISSING)
        raise Lost(f"socket_type {socket_type!r} is not one of stream, dgram, raw, seqpacket", "socket_type")

    def _port(self, transport: Transport, *, unlisted: bool) -> int | None:
        """Check name and port against /etc/services, as far as it was looked at."""
        text = self.values.get("port", (None,))[0]
        if text is not None and (not re.fullmatch(NUMBER, text) or int(text) > 65535):
            raise Lost(f"port {text!r} is not a number up to 65535", "port")
        port = None if text is None else int(text)
        if port == 0:
            raise Unknown("port 0 is a random one")
        if unlisted:
            if port is None:
                raise Lost("type UNLISTED needs a port", told=_MISSING)
            return port
        listed = self.host.port(self.paragraph.name, transport)
        if listed is None and self.host.policy.services is not None:
            raise Lost(f"{self.paragraph.name}/{transport.value} is not in /etc/services, and type is not UNLISTED", told=_UNLISTED)
        if listed is not None and port not in {None, listed}:
            raise Lost(f"expects port {listed}, not {port}", told=_PORT, at="port")
        return port

    def _address(self) -> tuple[Family, str | None]:
        """Apply the heart of xinetd: which family a service gets, and what becomes of a bind that contradicts it."""
        flags = set(self._flags)
        if flags - FLAGS:
            raise Lost(f"bad flag {', '.join(sorted(flags - FLAGS))}", "flags")
        build = self.build
        if {"IPV4", "IPV6"} <= flags:
            if build.both_flags_disable:
                raise Lost("specified as both IPv4 and IPv6", told=_FAMILIES, at="flags")
            flags.discard("IPV4")
        stated = Family.IPV4 if "IPV4" in flags else Family.IPV6 if "IPV6" in flags else None
        bind = self.bind
        if bind is None:
            family = stated if stated is not None else build.default_family
            return (Family.IPV4 if build.falls_back and not self.host.policy.ipv6 else family), None
        if (bind := numeric(bind)) is None:
            raise Unknown(f"the address of {self.bind}")
        family = Family.IPV6 if ":" in bind else Family.IPV4
        if stated not in {None, family}:
            text = f"bind = {bind} contradicts flags = {' '.join(sorted(flags))}: xinetd listens on every address instead"
            self.faults.append(fault("I304", "bind-ignored", f"{self.paragraph.name}: {text}", self.paragraph.header))
            if family is Family.IPV4:
                # parsers.c, bind_parser: 16 bytes of 28 are copied, and all 28 are bound: ::, or what stood in memory.
                raise Unknown(f"the address of an IPv6 socket with bind = {bind} stands in memory that xinetd never sets")
            return Family.IPV4, None
        return family, None if bind == family.wildcard else bind

    @property
    def _flags(self) -> frozenset[str]:
        return frozenset(flag.upper() for flag in self.values.get("flags", ()))

    def _check_kind(self, transport: Transport, *, internal: bool, wait: bool) -> None:
        """Refuse what does not go together, as fix_server_argv and check_entry do."""
        redirect, named = "redirect" in self.values, "NAMEINARGS" in self._flags
        if named and (internal or redirect):
            raise Lost(f"NAMEINARGS cannot be used for {'an INTERNAL' if internal else 'a redirected'} service")
        if named and "server_args" not in self.values:
            raise Lost("NAMEINARGS needs server_args, which name the program")
        if self.build.dgram_waits and transport is Transport.UDP and not wait:
            raise Lost("socket_type is dgram, and wait = no")
        if redirect and (wait or transport is Transport.UDP):
            raise Lost("only a stream service with wait = no can be redirected")
        logged = self.values.get("log_on_success", self.defaults.get("log_on_success", ()))
        if not redirect and "TRAFFIC" in {word.upper() for word in logged}:
            raise Lost("log_on_success = TRAFFIC is for redirected services only")

    def _program(self, *, internal: bool) -> Program | Builtin:
        if internal:
            if self.paragraph.name not in self.build.builtins:
                raise Unknown("not a known built-in service")
            return Builtin(builtin=self.paragraph.name)
        if "redirect" in self.values:
            return Builtin(builtin="redirect")
        if "server" not in self.values:
            raise Lost("no server is specified", told=_MISSING)
        path, args = self.values["server"][0], self.values.get("server_args", ())
        if not path.startswith("/") or path.endswith("/"):
            raise Lost(f"server {path} is not the absolute path of a program", "server", told=_SERVER)
        if "NAMEINARGS" in self._flags:
            return Program(path=path, argv0=args[0] if args[0] != path.rpartition("/")[2] else None, args=args[1:])
        return Program(path=path, args=args)

    def _limits(self) -> Limits:
        cps = self.values.get("cps", ("", ""))
        return Limits(
            instances=self._count("instances"),
            per_source=self._count("per_source"),
            rate=Rate(connections=int(cps[0]), seconds=1) if re.fullmatch(NUMBER, cps[0]) and int(cps[0]) and cps[1] == "10" else None,
            nice=nice if (nice := self._number("nice", r"[+-]?[0-9]+", 10)) in _NICE else None,
            umask=self._number("umask", r"[0-7]+", 8),
            rlimits=tuple((name, amount) for name in self._rlimits() if (amount := self._rlimit(name)) is not None),
        )

    def _count(self, name: str) -> int | None:
        value = self.values.get(name, ("UNLIMITED",))[0]
        return None if value.upper() == "UNLIMITED" else self._number(name, NUMBER, 10) or None

    def _number(self, name: str, pattern: str, base: int) -> int | None:
        if name not in self.values:
            return None
        if not re.fullmatch(pattern, self.values[name][0]):
            raise Lost(f"{name} = {self.values[name][0]} is not a number", name)
        return int(self.values[name][0], base)

    def _rlimits(self) -> Iterator[str]:
        return (name.removeprefix("rlimit_") for name in self.values if name.startswith("rlimit_"))

    def _rlimit(self, name: str) -> int | None:
        value = self.values[f"rlimit_{name}"][0]
        if value.upper() == "UNLIMITED":
            return None
        match = re.fullmatch(rf"({NUMBER})([kKmM]?)", value)
        if match is None:
            raise Lost(f"rlimit_{name} = {value} is not a number", f"rlimit_{name}")
        return int(match[1]) * {"": 1, "k": 1024, "m": 1024**2}[match[2].lower()]

    def _extra(self) -> Iterator[str]:
        """Keep, word for word, what a Service has no words for."""
        flags = [flag for flag in self.values.get("flags", ()) if flag.upper() not in {"REUSE", "IPV4", "IPV6", "NAMEINARGS"}]
        if flags:
            yield f"flags = {' '.join(flags)}"
        for attribute in self.paragraph.attributes:
            name = attribute.name
            beyond = name == "nice" and (self._number(name, r"[+-]?[0-9]+", 10) or 0) not in _NICE
            if name in COUNTS and (name not in _KNOWN or beyond or (name == "cps" and attribute.values[1:] != ("10",))):
                yield " ".join((name, attribute.operator, *attribute.values))
