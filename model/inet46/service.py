"""What is wanted: a network service, described once, without the spelling of any daemon.

Everything here is a value that cannot be built wrong: construction refuses what makes no sense and says why, naming the field. Whether a
particular super-server can *say* it is not known here; that is the formats' business.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from inet46.sockets import Family, Transport

__all__ = ["Access", "Builtin", "Limits", "Listener", "Pairs", "Program", "Rate", "Service"]

Pairs = tuple[tuple[str, str], ...]
"""A small mapping that is hashable: name and value, in the order given."""


def _pairs(value: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> tuple[tuple[str, Any], ...]:
    """Take a mapping as well as pairs."""
    items = value.items() if isinstance(value, Mapping) else value
    return tuple((name, content) for name, content in items)


def _is(kind: type) -> Any:
    """Validate the exact type: bool is not int, and nothing is converted."""

    def check(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
        if type(value) is not kind:
            raise TypeError(f"{attribute.name} is {value!r}, a {type(value).__name__}; expected {kind.__name__}")

    return check


def _whole(low: int, high: int) -> Any:
    """Validate a whole number in a range."""

    def check(instance: object, attribute: attrs.Attribute[Any], value: int) -> None:
        _is(int)(instance, attribute, value)
        if not low <= value <= high:
            raise ValueError(f"{attribute.name} {value} is outside {low}..{high}")

    return check


def _word(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    """Validate a name that configuration files separate by blanks: not empty, no blank, no control character."""
    _text(_, attribute, value)
    if not value or re.search(r"[\s\x00-\x1f\x7f]", str(value)):
        raise ValueError(f"{attribute.name} {value!r} has to be one word without blanks or control characters")


def _text(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    """Validate a text that a process can be given at all: no NUL."""
    _is(str)(_, attribute, value)
    if "\0" in str(value):
        raise ValueError(f"{attribute.name} {value!r} holds a NUL, which no program can be given")


def _texts(instance: object, attribute: attrs.Attribute[Any], value: tuple[object, ...]) -> None:
    for item in value:
        _text(instance, attribute, item)


def _tuple(value: Iterable[Any]) -> tuple[Any, ...]:
    """Make a tuple of a list; a single string is a mistake, not a list of letters."""
    if isinstance(value, str | bytes | Mapping):
        raise TypeError(f"{value!r} is a single value; expected a list")
    return tuple(value)


def _absolute(instance: object, attribute: attrs.Attribute[Any], value: str) -> None:
    _text(instance, attribute, value)
    if not value.startswith("/") or value.endswith("/"):
        raise ValueError(f"{attribute.name} {value!r} is not the absolute path of a program")
    if re.search(r"[\n\r]", value):
        raise ValueError(f"{attribute.name} {value!r} holds a line break")


def _environment(instance: object, attribute: attrs.Attribute[Any], value: Pairs) -> None:
    for name, content in value:
        _text(instance, attribute, content)
        if type(name) is not str or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise ValueError(f"{attribute.name} name {name!r} is not a variable name ([A-Za-z_][A-Za-z0-9_]*)")
    _no_twins(attribute.name, [name for name, _ in value])


def _no_twins(field: str, names: list[str]) -> None:
    twins = sorted({name for name in names if names.count(name) > 1})
    if twins:
        raise ValueError(f"{field} names {', '.join(twins)} twice")


def _optional(check: Any) -> Any:
    return attrs.validators.optional(check)


@attrs.frozen(kw_only=True)
class Listener:
    """One wanted socket.

    `v6only` is the socket option IPV6_V6ONLY: True takes IPv6 clients only, False takes both families on one socket, None leaves it to the
    plan. `address` is a numeric address to bind, None for every address of the family.

    Raises TypeError or ValueError, naming the field.
    """

    family: Family = attrs.field(validator=attrs.validators.instance_of(Family))
    v6only: bool | None = attrs.field(default=None, validator=_optional(_is(bool)))
    address: str | None = attrs.field(default=None, validator=_optional(_text))

    def __attrs_post_init__(self) -> None:
        if self.family is Family.IPV4 and self.v6only is not None:
            raise ValueError("v6only has no meaning on an ipv4 listener; drop it")
        if self.address is not None:
            self._check_address(self.address)

    def _check_address(self, text: str) -> None:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            raise ValueError(f"address {text!r} is not a numeric IPv4 or IPv6 address") from None
        if address.version != (4 if self.family is Family.IPV4 else 6):
            raise ValueError(f"address {text} is not an {self.family.value} address, but family says {self.family.value}")
        if str(address) != text:
            raise ValueError(f"address {text!r} is usually written {address}; write it so")
        if address.is_unspecified:
            raise ValueError(f"address {text} means every address; leave address out for that")
        if getattr(address, "ipv4_mapped", None) is not None:
            raise ValueError(f"address {text} is an IPv4 address in disguise; use family ipv4")
        if self.v6only is False:
            raise ValueError(f"v6only=False on {text} has no meaning: only the wildcard :: can take IPv4 clients too")

    @property
    def bound(self) -> str:
        """The address to bind, the wildcard when none is named."""
        return self.address or self.family.wildcard


@attrs.frozen(kw_only=True)
class Program:
    """A server program that the super-server starts. `args` is without argv[0], which is `argv0` or else the last part of the path."""

    path: str = attrs.field(validator=_absolute)
    args: tuple[str, ...] = attrs.field(default=(), converter=_tuple, validator=_texts)
    argv0: str | None = attrs.field(default=None, validator=_optional(_text))

    @property
    def argv(self) -> tuple[str, ...]:
        """The whole argument vector, argv[0] first."""
        return (self.argv0 if self.argv0 is not None else self.path.rpartition("/")[2], *self.args)


@attrs.frozen(kw_only=True)
class Builtin:
    """A service that the super-server performs itself (echo, discard, daytime, time, chargen, …), by its official name."""

    builtin: str = attrs.field(validator=_word)


@attrs.frozen(kw_only=True)
class Rate:
    """At most `connections` in `seconds`; what happens beyond that differs by super-server."""

    connections: int = attrs.field(validator=_whole(1, 2**31 - 1))
    seconds: int = attrs.field(default=60, validator=_whole(1, 86_400))


RLIMITS = ("as", "cpu", "data", "files", "rss", "stack")


@attrs.frozen(kw_only=True)
class Limits:
    """Bounds on a service; None is the super-server's own default.

    `instances` counts servers that run at once, `per_source` those for one client address. `umask` is the number itself (0o027, which TOML
    writes the same way). `rlimits` maps as, cpu (seconds), data, files, rss, stack (bytes, files: a count) to a number.
    """

    instances: int | None = attrs.field(default=None, validator=_optional(_whole(1, 2**31 - 1)))
    per_source: int | None = attrs.field(default=None, validator=_optional(_whole(1, 2**31 - 1)))
    rate: Rate | None = attrs.field(default=None, validator=_optional(attrs.validators.instance_of(Rate)))
    nice: int | None = attrs.field(default=None, validator=_optional(_whole(-20, 20)))
    umask: int | None = attrs.field(default=None, validator=_optional(_whole(0, 0o777)))
    rlimits: tuple[tuple[str, int], ...] = attrs.field(default=(), converter=_pairs)

    @rlimits.validator
    def _check_rlimits(self, attribute: attrs.Attribute[Any], value: tuple[tuple[str, int], ...]) -> None:
        for name, amount in value:
            if name not in RLIMITS:
                raise ValueError(f"rlimits {name!r} is not one of {', '.join(RLIMITS)}")
            if type(amount) is not int or amount < 0:
                raise ValueError(f"rlimits {name} {amount!r} is not a whole number of at least 0")
        _no_twins(attribute.name, [name for name, _ in value])


@attrs.frozen(kw_only=True)
class Access:
    """Who may connect, for each family apart: None is everybody, an empty list nobody, otherwise numeric networks (192.0.2.0/24).

    The families are apart because a list for one of them silently shuts out (or lets in) the whole other one on most super-servers.
    """

    ipv4: tuple[str, ...] | None = attrs.field(default=None, converter=attrs.converters.optional(_tuple))
    ipv6: tuple[str, ...] | None = attrs.field(default=None, converter=attrs.converters.optional(_tuple))

    @ipv4.validator
    def _check_ipv4(self, attribute: attrs.Attribute[Any], value: tuple[str, ...] | None) -> None:
        self._check(attribute.name, ipaddress.IPv4Network, value or ())

    @ipv6.validator
    def _check_ipv6(self, attribute: attrs.Attribute[Any], value: tuple[str, ...] | None) -> None:
        self._check(attribute.name, ipaddress.IPv6Network, value or ())

    @staticmethod
    def _check(field: str, network: Any, value: tuple[str, ...]) -> None:
        for text in value:
            try:
                if type(text) is not str:
                    raise ValueError("not a string")
                network(text)
            except ValueError as error:
                raise ValueError(f"{field} {text!r} is not an {field} network such as {_EXAMPLES[field]} ({error})") from None

    def of(self, family: Family) -> tuple[str, ...] | None:
        """The networks of one family."""
        return self.ipv4 if family is Family.IPV4 else self.ipv6

    @property
    def open(self) -> bool:
        """True if everybody may connect."""
        return self.ipv4 is None and self.ipv6 is None


_EXAMPLES = {"ipv4": "192.0.2.0/24", "ipv6": "2001:db8::/32"}


@attrs.frozen(kw_only=True)
class Service:
    """A network service as a person wants it.

    `name` is its name in /etc/services; `port` may be left out when that name says it. Without `listeners` the service is wanted on both
    families, on every address. `wait` None means what is usual: a stream server gets one connection (nowait), a datagram server the
    socket (wait). `greeting` is what a client must be greeted with for the service to count as answering ("* OK" for IMAP).

    Raises TypeError or ValueError, naming the field.
    """

    name: str = attrs.field(validator=_word)
    program: Program | Builtin = attrs.field(validator=attrs.validators.instance_of((Program, Builtin)))
    port: int | None = attrs.field(default=None, validator=_optional(_whole(1, 65535)))
    transport: Transport = attrs.field(default=Transport.TCP, validator=attrs.validators.instance_of(Transport))
    listeners: tuple[Listener, ...] = attrs.field(
        default=(), converter=_tuple, validator=attrs.validators.deep_iterable(attrs.validators.instance_of(Listener))
    )
    wait: bool | None = attrs.field(default=None, validator=_optional(_is(bool)))
    user: str = attrs.field(default="root", validator=_word)
    group: str | None = attrs.field(default=None, validator=_optional(_word))
    limits: Limits = attrs.field(factory=Limits, validator=attrs.validators.instance_of(Limits))
    access: Access = attrs.field(factory=Access, validator=attrs.validators.instance_of(Access))
    environment: Pairs = attrs.field(default=(), converter=_pairs, validator=_environment)
    greeting: str | None = attrs.field(default=None, validator=_optional(_text))
    enabled: bool = attrs.field(default=True, validator=_is(bool))

    def __attrs_post_init__(self) -> None:
        if "/" in self.name:
            raise ValueError(f"name {self.name!r} holds a '/', which separates name and protocol in /etc/services")
        if self.greeting is not None and (not self.greeting or re.search(r"[\n\r]", self.greeting)):
            raise ValueError(f"greeting {self.greeting!r} has to be the start of one line, and not empty")
        if self.greeting is not None and self.transport is Transport.UDP:
            raise ValueError("greeting has no meaning on udp: a datagram server speaks only when spoken to")
        if self.waits and self.transport is Transport.TCP and isinstance(self.program, Builtin):
            raise ValueError(f"wait has no meaning on the built-in stream service {self.program.builtin}; drop it")
        self._check_listeners()

    def _check_listeners(self) -> None:
        bound = [(listener.family, listener.bound) for listener in self.listeners]
        for family, address in bound:
            if bound.count((family, address)) > 1:
                raise ValueError(f"listeners name {family.value} {address} twice")
        if any(listener.v6only is False for listener in self.listeners):
            other = next((x for x in self.listeners if x.family is Family.IPV4), None)
            if other is not None:
                raise ValueError(f"listeners: the ipv6 one with v6only=False already takes IPv4; drop the ipv4 one ({other.bound})")

    @property
    def waits(self) -> bool:
        """True if the server is handed the listening socket itself."""
        return self.transport is Transport.UDP if self.wait is None else self.wait

    @property
    def wanted(self) -> tuple[Listener, ...]:
        """The listeners, both wildcards when none are named."""
        return self.listeners or (Listener(family=Family.IPV4), Listener(family=Family.IPV6))

    def __str__(self) -> str:
        """`imap/tcp`, as /etc/services writes it."""
        return f"{self.name}/{self.transport.value}"
