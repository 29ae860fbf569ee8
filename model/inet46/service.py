"""What is wanted: a network service, described once, without the spelling of any daemon.

Everything here is a value that cannot be built wrong: construction refuses what makes no sense and says why, naming the field. Whether a
particular super-server can *say* it is not known here; that is the formats' business.
"""

from __future__ import annotations

import enum
import ipaddress
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Set
from typing import Any

import attrs

from inet46.sockets import Family, Transport

__all__ = [
    "MAPPING",
    "Access",
    "Builtin",
    "Limits",
    "Listener",
    "Pairs",
    "Plain",
    "Program",
    "Rate",
    "Service",
    "as_pairs",
    "check_pairs",
    "check_text",
    "exactly",
]

Pairs = tuple[tuple[str, str], ...]
"""A small mapping that is hashable: name and value, in the order given."""

MAPPING = {"inet46.mapping": True}
"""Metadata of a field that holds pairs and is written as a mapping."""


_NO_WORD = re.compile(r"[\s\x00-\x1f\x7f]")
_HALF = re.compile(r"[\ud800-\udc7f\udd00-\udfff]")


class Plain:
    """A value that can be written down as plain data."""

    __slots__ = ()

    def to_json(self) -> dict[str, Any]:
        """Return nothing but dict, list, str, int and bool, without what is left at its default; pyinfra shows host data by this."""
        kind: Any = type(self)
        said = [field for field in attrs.fields(kind) if getattr(self, field.name) != _default(field)]
        return {field.name: _plain(getattr(self, field.name), mapping="inet46.mapping" in field.metadata) for field in said}


def _default(field: attrs.Attribute[Any]) -> Any:
    default: Any = field.default
    return getattr(default, "factory", lambda: default)()


def _plain(value: Any, *, mapping: bool) -> Any:
    match value:
        case Plain():
            return value.to_json()
        case enum.Enum():
            return value.value
        case tuple() if mapping:
            return {name: _plain(item, mapping=False) for name, item in value}
        case tuple():
            return [_plain(item, mapping=False) for item in value]
    return value


def _tuple(value: Any) -> Any:
    """Make a tuple of a list; a single string is a mistake, not a list of letters, and the validator says so with the field's name."""
    if type(value) is tuple:
        return value
    return tuple(value) if isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping | Set) else value


def as_pairs(value: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> Any:
    """Take a mapping as well as pairs."""
    return tuple(value.items()) if type(value) is not tuple and isinstance(value, Mapping) else _tuple(value)


def _require(field: str, value: object, *kinds: type) -> None:
    if type(value) not in kinds:
        name = type(value).__name__
        found = "None" if value is None else f"{value!r}, {'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"
        raise TypeError(f"{field} is {found}; expected {' or '.join(kind.__name__ for kind in kinds)}")


def exactly(*kinds: type) -> Any:
    """Validate the exact type: bool is not int, and nothing is converted."""

    def check(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
        _require(attribute.name, value, *kinds)

    return check


def _each(*kinds: type) -> Any:
    """Validate a tuple and the exact type of everything in it."""

    def check(_: object, attribute: attrs.Attribute[Any], value: tuple[object, ...]) -> None:
        _list(attribute.name, value)
        for place, item in enumerate(value):
            _require(f"{attribute.name}[{place}]", item, *kinds)

    return check


def _list(field: str, value: object) -> None:
    if type(value) is not tuple:
        raise TypeError(f"{field} is {value!r}; expected a list")


def check_pairs(field: str, value: object, *kinds: type) -> None:
    """Refuse what is not a mapping from names, each said once, to values of these types."""
    if type(value) is not tuple or not all(type(item) is tuple and len(item) == 2 for item in value):
        raise TypeError(f"{field} is {value!r}; expected a mapping")
    for name, content in value:
        _require(f"{field} name", name, str)
        _require(f"{field} {name}", content, *kinds)
    if len(dict(value)) < len(value):
        twins = sorted(name for name, times in Counter(name for name, _ in value).items() if times > 1)
        raise ValueError(f"{field} names {', '.join(twins)} twice")


def _whole(low: int, high: int) -> Any:
    """Validate a whole number in a range."""

    def check(_: object, attribute: attrs.Attribute[Any], value: int) -> None:
        _require(attribute.name, value, int)
        if not low <= value <= high:
            raise ValueError(f"{attribute.name} {value} is outside {low}..{high}")

    return check


def _word(_: object, attribute: attrs.Attribute[Any], value: str) -> None:
    """Validate a name that configuration files separate by blanks: not empty, no blank, no control character."""
    check_text(attribute.name, value)
    if not value or _NO_WORD.search(value):
        raise ValueError(f"{attribute.name} {value!r} has to be one word without blanks or control characters")


def _text(_: object, attribute: attrs.Attribute[Any], value: str) -> None:
    check_text(attribute.name, value)


def check_text(field: str, value: str) -> None:
    """Refuse what no process can be given: NUL, and half characters (but U+DC80..U+DCFF is how Python holds a byte that is not UTF-8)."""
    _require(field, value, str)
    if "\0" in value:
        raise ValueError(f"{field} {value!r} holds a NUL, which no program can be given")
    if _HALF.search(value):
        raise ValueError(f"{field} {value!r} holds half of a surrogate pair, which is no character")


def _texts(_: object, attribute: attrs.Attribute[Any], value: tuple[str, ...]) -> None:
    _list(attribute.name, value)
    for place, item in enumerate(value):
        check_text(f"{attribute.name}[{place}]", item)


def _absolute(_: object, attribute: attrs.Attribute[Any], value: str) -> None:
    check_text(attribute.name, value)
    if not value.startswith("/") or value.endswith("/"):
        raise ValueError(f"{attribute.name} {value!r} is not the absolute path of a program")
    if re.search(r"[\n\r]", value):
        raise ValueError(f"{attribute.name} {value!r} holds a line break")


def _environment(_: object, attribute: attrs.Attribute[Any], value: Pairs) -> None:
    check_pairs(attribute.name, value, str)
    for name, content in value:
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise ValueError(f"{attribute.name} name {name!r} is not a variable name ([A-Za-z_][A-Za-z0-9_]*)")
        check_text(f"{attribute.name} {name}", content)


def _optional(check: Any) -> Any:
    return attrs.validators.optional(check)


@attrs.frozen(kw_only=True)
class Listener(Plain):
    """One wanted socket.

    `v6only` is the socket option IPV6_V6ONLY: True takes IPv6 clients only, False takes both families on one socket, None leaves it to the
    plan. `address` is a numeric address to bind, None for every address of the family.

    Raises TypeError or ValueError, naming the field.
    """

    family: Family = attrs.field(validator=exactly(Family))
    v6only: bool | None = attrs.field(default=None, validator=_optional(exactly(bool)))
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
        if not re.fullmatch(r"[0-9A-Za-z_.-]*", getattr(address, "scope_id", None) or ""):
            raise ValueError(f"address {text!r} has a zone that is no interface name")
        if getattr(address, "ipv4_mapped", None) is not None:
            raise ValueError(f"address {text} is an IPv4 address in disguise; use family ipv4")
        if str(address) != text:
            raise ValueError(f"address {text!r} is usually written {address}; write it so")
        if address.is_unspecified:
            raise ValueError(f"address {text} means every address; leave address out for that")
        if self.v6only is False:
            raise ValueError(f"v6only=False on {text} has no meaning: only the wildcard :: can take IPv4 clients too")

    @property
    def bound(self) -> str:
        """The address to bind, the wildcard when none is named."""
        return self.address or self.family.wildcard


@attrs.frozen(kw_only=True)
class Program(Plain):
    """A server program that the super-server starts. `args` is without argv[0], which is `argv0` or else the last part of the path."""

    path: str = attrs.field(validator=_absolute)
    args: tuple[str, ...] = attrs.field(default=(), converter=_tuple, validator=_texts)
    argv0: str | None = attrs.field(default=None, validator=_optional(_text))

    @property
    def argv(self) -> tuple[str, ...]:
        """The whole argument vector, argv[0] first."""
        return (self.argv0 if self.argv0 is not None else self.path.rpartition("/")[2], *self.args)


@attrs.frozen(kw_only=True)
class Builtin(Plain):
    """A service that the super-server performs itself (echo, discard, daytime, time, chargen, …), by its official name."""

    builtin: str = attrs.field(validator=_word)


@attrs.frozen(kw_only=True)
class Rate(Plain):
    """At most `connections` in `seconds`; what happens beyond that differs by super-server."""

    connections: int = attrs.field(validator=_whole(1, 2**31 - 1))
    seconds: int = attrs.field(default=60, validator=_whole(1, 86_400))


RLIMITS = ("as", "cpu", "data", "files", "rss", "stack")


@attrs.frozen(kw_only=True)
class Limits(Plain):
    """Bounds on a service; None is the super-server's own default.

    `instances` counts servers that run at once, `per_source` those for one client address. `umask` is the number itself (0o027, which TOML
    writes the same way). `rlimits` maps as, cpu (seconds), data, files, rss, stack (bytes, files: a count) to a number.
    """

    instances: int | None = attrs.field(default=None, validator=_optional(_whole(1, 2**31 - 1)))
    per_source: int | None = attrs.field(default=None, validator=_optional(_whole(1, 2**31 - 1)))
    rate: Rate | None = attrs.field(default=None, validator=_optional(exactly(Rate)))
    nice: int | None = attrs.field(default=None, validator=_optional(_whole(-20, 20)))
    umask: int | None = attrs.field(default=None, validator=_optional(_whole(0, 0o777)))
    rlimits: tuple[tuple[str, int], ...] = attrs.field(default=(), converter=as_pairs, metadata=MAPPING)

    @rlimits.validator
    def _check_rlimits(self, attribute: attrs.Attribute[Any], value: tuple[tuple[str, int], ...]) -> None:
        check_pairs(attribute.name, value, int)
        for name, amount in value:
            if name not in RLIMITS:
                raise ValueError(f"rlimits {name!r} is not one of {', '.join(RLIMITS)}")
            if amount < 0:
                raise ValueError(f"rlimits {name} {amount} is less than 0")


def _networks(field: str, kind: type[ipaddress.IPv4Network | ipaddress.IPv6Network], value: tuple[str, ...] | None) -> None:
    """Refuse what is not a list of networks of one family, each written the usual way; a single address is a network too."""
    if value is None:
        return
    _list(field, value)
    for place, text in enumerate(value):
        _require(f"{field}[{place}]", text, str)
        try:
            network = kind(text)
        except ValueError as error:
            raise ValueError(f"{field} {text!r} is not an {field} network such as {_EXAMPLES[field]} ({error})") from None
        if getattr(network.network_address, "ipv4_mapped", None) is not None:
            raise ValueError(f"{field} {text!r} is an IPv4 network in disguise; put it under ipv4")
        if "%" in text:
            raise ValueError(f"{field} {text!r} names a zone, which no access list knows")
        if text not in {str(network), str(network.network_address)}:
            raise ValueError(f"{field} {text!r} is usually written {network}; write it so")


_EXAMPLES = {"ipv4": "192.0.2.0/24", "ipv6": "2001:db8::/32"}


@attrs.frozen(kw_only=True)
class Access(Plain):
    """Who may connect, for each family apart: None is everybody, an empty list nobody, otherwise numeric networks (192.0.2.0/24).

    The families are apart because a list for one of them silently shuts out (or lets in) the whole other one on most super-servers.
    """

    ipv4: tuple[str, ...] | None = attrs.field(default=None, converter=attrs.converters.optional(_tuple))
    ipv6: tuple[str, ...] | None = attrs.field(default=None, converter=attrs.converters.optional(_tuple))

    @ipv4.validator
    def _check_ipv4(self, attribute: attrs.Attribute[Any], value: tuple[str, ...] | None) -> None:
        _networks(attribute.name, ipaddress.IPv4Network, value)

    @ipv6.validator
    def _check_ipv6(self, attribute: attrs.Attribute[Any], value: tuple[str, ...] | None) -> None:
        _networks(attribute.name, ipaddress.IPv6Network, value)

    def of(self, family: Family) -> tuple[str, ...] | None:
        """The networks of one family."""
        return self.ipv4 if family is Family.IPV4 else self.ipv6

    @property
    def open(self) -> bool:
        """True if everybody may connect."""
        return self.ipv4 is None and self.ipv6 is None


@attrs.frozen(kw_only=True)
class Service(Plain):
    """A network service as a person wants it.

    `name` is its name in /etc/services; `port` may be left out when that name says it. Without `listeners` the service is wanted on both
    families, on every address. `wait` None means what is usual: a stream server gets one connection (nowait), a datagram server the
    socket (wait). `greeting` is what a client must be greeted with for the service to count as answering ("* OK" for IMAP).

    Raises TypeError or ValueError, naming the field.
    """

    name: str = attrs.field(validator=_word)
    program: Program | Builtin = attrs.field(validator=exactly(Program, Builtin))
    port: int | None = attrs.field(default=None, validator=_optional(_whole(1, 65535)))
    transport: Transport = attrs.field(default=Transport.TCP, validator=exactly(Transport))
    listeners: tuple[Listener, ...] = attrs.field(default=(), converter=_tuple, validator=_each(Listener))
    wait: bool | None = attrs.field(default=None, validator=_optional(exactly(bool)))
    user: str = attrs.field(default="root", validator=_word)
    group: str | None = attrs.field(default=None, validator=_optional(_word))
    limits: Limits = attrs.field(default=Limits(), validator=exactly(Limits))
    access: Access = attrs.field(default=Access(), validator=exactly(Access))
    environment: Pairs = attrs.field(default=(), converter=as_pairs, validator=_environment, metadata=MAPPING)
    greeting: str | None = attrs.field(default=None, validator=_optional(_text))
    enabled: bool = attrs.field(default=True, validator=exactly(bool))

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
