"""What kind of host: a name from the knowledge tables, and what is different or known about this one.

A policy is what a person or a look at the host states. What follows from the name (kernel, build of the super-server, files) are rows in
`knowledge`; nothing is discovered here.
"""

from __future__ import annotations

import enum
import ipaddress
import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import attrs

from inet46.service import MAPPING, Pairs, Plain, as_pairs, check_pairs, check_text, exactly

__all__ = ["HostPolicy", "Sharing"]


_SETTING = re.compile(r"[A-Za-z0-9_./%:@-]+")
_LINE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")
_NAMED_PORT = re.compile(r"[^\s/\x00-\x1f\x7f]+/(tcp|udp)")


class Sharing(enum.Enum):
    """Whether one socket may serve both families."""

    SEPARATE = "separate"  # one socket for each family
    MAPPED = "mapped"  # one IPv6 socket that takes IPv4 clients as well (IPv4-mapped addresses)
    AUTO = "auto"  # two sockets where that can be had, else one; a host that already answers on both is left alone


def _settings(value: Mapping[str, str | int] | Iterable[tuple[str, str | int]]) -> Any:
    """Take whole numbers as well as text: sysctl knows no difference."""
    pairs = as_pairs(value)
    check_pairs("settings", pairs, str, int)
    return tuple(sorted((name, str(content)) for name, content in pairs))


def _ports(value: Mapping[str, int] | Iterable[tuple[str, int]] | None) -> Any:
    if value is None:
        return None
    pairs = as_pairs(value)
    check_pairs("services", pairs, int)
    return tuple(sorted(pairs))


def _addresses(value: Mapping[str, Iterable[str]] | Iterable[tuple[str, Iterable[str]]] | None) -> Any:
    if value is None:
        return None
    pairs = as_pairs(value)
    if not isinstance(pairs, tuple) or not all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in pairs):
        raise TypeError(f"hosts is {value!r}; expected a mapping from names to lists of addresses")
    if not all(isinstance(name, str) and isinstance(found, list | tuple) for name, found in pairs):
        raise TypeError("hosts has to map every name to a list of addresses")
    return tuple((name, tuple(found)) for name, found in pairs)


def _names(value: Iterable[str] | None) -> Any:
    return tuple(value) if isinstance(value, list | tuple | set | frozenset) else value


@attrs.frozen(kw_only=True)
class HostPolicy(Plain):
    """One kind of host.

    `name` is SYSTEM[-RELEASE]/SUPER-SERVER, from `inet46 hosts`. `settings` states kernel settings (`net.ipv6.bindv6only`: 1) that differ
    from what the release ships. `services` maps "imap/tcp" to a port, as the host's /etc/services does; None means it was not looked at
    and the usual names are taken as present. `hosts` maps a name to its addresses, in the order in which the host's resolver has them;
    `users`, `groups` and `programs` are those that there are, programs by their path. None means that nobody looked: an address by name is
    then unknown, and a user, group or program is taken as present. `config` and `directory` override where the super-server reads.

    Raises TypeError or ValueError, naming the field, also when the name has not that form; whether it is known is `knowledge.resolve`'s
    question.
    """

    name: str = attrs.field()
    sharing: Sharing = attrs.field(default=Sharing.AUTO, validator=exactly(Sharing))
    settings: Pairs = attrs.field(default=(), converter=_settings, metadata=MAPPING)
    ipv6: bool = attrs.field(default=True, validator=exactly(bool))
    services: tuple[tuple[str, int], ...] | None = attrs.field(default=None, converter=_ports, metadata=MAPPING)
    hosts: tuple[tuple[str, tuple[str, ...]], ...] | None = attrs.field(default=None, converter=_addresses, metadata=MAPPING)
    users: tuple[str, ...] | None = attrs.field(default=None, converter=_names)
    groups: tuple[str, ...] | None = attrs.field(default=None, converter=_names)
    programs: tuple[str, ...] | None = attrs.field(default=None, converter=_names)
    config: str | None = attrs.field(default=None)
    directory: str | None = attrs.field(default=None)
    compat: bool | None = attrs.field(default=None, validator=attrs.validators.optional(exactly(bool)))
    """Whether xinetd also serves /etc/inetd.conf (-inetd_compat); None is the release's default."""

    @name.validator
    def _check_name(self, attribute: attrs.Attribute[Any], value: object) -> None:
        if not isinstance(value, str) or not re.fullmatch(r"[a-z0-9.]+(-[a-z0-9.]+)?/[a-z0-9-]+", value):
            raise ValueError(f"{attribute.name} {value!r} is not of the form SYSTEM[-RELEASE]/SUPER-SERVER, e.g. debian-12/xinetd")

    @settings.validator
    def _check_settings(self, attribute: attrs.Attribute[Any], value: Pairs) -> None:
        for name, content in value:
            check_text(f"{attribute.name} {name}", content)
            if not _SETTING.fullmatch(name):
                raise ValueError(f"{attribute.name} name {name!r} is not the name of a kernel setting such as net.ipv6.bindv6only")
            if not _LINE.fullmatch(content):
                raise ValueError(f"{attribute.name} {name} {content!r} has to be one line of text")

    @services.validator
    def _check_services(self, attribute: attrs.Attribute[Any], value: tuple[tuple[str, int], ...] | None) -> None:
        for name, port in value or ():
            if not _NAMED_PORT.fullmatch(name) or not 0 < port < 65536:
                raise ValueError(f'{attribute.name} {name!r} = {port!r} is not of the form "imap/tcp" = 143')

    @hosts.validator
    def _check_hosts(self, attribute: attrs.Attribute[Any], value: tuple[tuple[str, tuple[str, ...]], ...] | None) -> None:
        for name, addresses in value or ():
            for address in addresses:
                try:
                    ipaddress.ip_address(address)
                except ValueError:
                    raise ValueError(f"{attribute.name} {name!r} has {address!r}, which is not an address") from None

    @users.validator
    @groups.validator
    @programs.validator
    def _check_names(self, attribute: attrs.Attribute[Any], value: tuple[str, ...] | None) -> None:
        if value is not None and not isinstance(value, tuple):
            raise TypeError(f"{attribute.name} is {value!r}; expected a list of names")
        for name in value or ():
            check_text(attribute.name, name)

    @config.validator
    @directory.validator
    def _check_path(self, attribute: attrs.Attribute[Any], value: str | None) -> None:
        if value is None:
            return
        check_text(attribute.name, value)
        if not value.startswith("/") or re.search(r"[\x00-\x1f\x7f]", value):
            raise ValueError(f"{attribute.name} {value!r} is not an absolute path")

    def addresses(self, name: str) -> tuple[str, ...] | None:
        """The addresses of a name, () when it has none; None when nobody looked."""
        return None if self.hosts is None else dict(self.hosts).get(name, ())

    def has(self, kind: Literal["users", "groups", "programs"], name: str) -> bool:
        """Return whether there is such a user, group or program; True when nobody looked."""
        known: tuple[str, ...] | None = getattr(self, kind)
        return known is None or name in known

    @property
    def system(self) -> str:
        """The system with its release: `debian-12`."""
        return self.name.partition("/")[0]

    @property
    def super_server(self) -> str:
        """The super-server: `xinetd`."""
        return self.name.partition("/")[2]

    def setting(self, name: str) -> str | None:
        """The stated value of a kernel setting, None when not stated."""
        return dict(self.settings).get(name)
