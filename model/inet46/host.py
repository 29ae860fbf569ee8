"""What kind of host: a name from the knowledge tables, and what is different or known about this one.

A policy is what a person or a look at the host states. What follows from the name (kernel, build of the super-server, files) are rows in
`knowledge`; nothing is discovered here.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from inet46.service import MAPPING, Pairs, Plain, as_pairs, check_pairs, check_text, exactly

__all__ = ["HostPolicy", "Sharing"]


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


@attrs.frozen(kw_only=True)
class HostPolicy(Plain):
    """One kind of host.

    `name` is SYSTEM[-RELEASE]/SUPER-SERVER, from `inet46 hosts`. `settings` states kernel settings (`net.ipv6.bindv6only`: 1) that differ
    from what the release ships. `services` maps "imap/tcp" to a port, as the host's /etc/services does; None means it was not looked at
    and the usual names are taken as present. `config` and `directory` override where the super-server reads.

    Raises TypeError or ValueError, naming the field, also when the name has not that form; whether it is known is `knowledge.resolve`'s
    question.
    """

    name: str = attrs.field()
    sharing: Sharing = attrs.field(default=Sharing.AUTO, validator=exactly(Sharing))
    settings: Pairs = attrs.field(default=(), converter=_settings, metadata=MAPPING)
    ipv6: bool = attrs.field(default=True, validator=exactly(bool))
    services: tuple[tuple[str, int], ...] | None = attrs.field(default=None, converter=_ports, metadata=MAPPING)
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
            if not re.fullmatch(r"[A-Za-z0-9_./%:@-]+", name):
                raise ValueError(f"{attribute.name} name {name!r} is not the name of a kernel setting such as net.ipv6.bindv6only")
            if not re.fullmatch(r"[^\x00-\x08\x0a-\x1f\x7f]*", content):
                raise ValueError(f"{attribute.name} {name} {content!r} has to be one line of text")

    @services.validator
    def _check_services(self, attribute: attrs.Attribute[Any], value: tuple[tuple[str, int], ...] | None) -> None:
        for name, port in value or ():
            if not re.fullmatch(r"[^\s/\x00-\x1f\x7f]+/(tcp|udp)", name) or not 0 < port < 65536:
                raise ValueError(f'{attribute.name} {name!r} = {port!r} is not of the form "imap/tcp" = 143')

    @config.validator
    @directory.validator
    def _check_path(self, attribute: attrs.Attribute[Any], value: str | None) -> None:
        if value is None:
            return
        check_text(attribute.name, value)
        if not value.startswith("/") or re.search(r"[\x00-\x1f\x7f]", value):
            raise ValueError(f"{attribute.name} {value!r} is not an absolute path")

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
