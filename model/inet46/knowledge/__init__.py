"""What is known about kernels, super-servers and releases: rows with sources, and one function that joins the rows of a host.

Behaviour that will not tabulate is code in `predict` and `formats`, beside the rule it belongs to.
"""

from __future__ import annotations

import difflib
import functools
from collections.abc import Mapping
from typing import assert_never

import attrs

from inet46.errors import UnknownHost
from inet46.host import HostPolicy
from inet46.knowledge.hosts import HOSTS
from inet46.knowledge.inetds import INETDS
from inet46.knowledge.kernels import KERNELS
from inet46.knowledge.launchds import LAUNCHDS
from inet46.knowledge.names import PROTOCOLS, RPC_PROGRAMS
from inet46.knowledge.ports import PORTS
from inet46.knowledge.rows import (
    Bound,
    Dual,
    Failing,
    HostRow,
    InetdBuild,
    Kernel,
    LaunchdBuild,
    Owner,
    Place,
    Pragma,
    Protocols,
    Setting,
    Spawn,
    Suffix,
    SystemdBuild,
    Token,
    XinetdBuild,
)
from inet46.knowledge.systemds import SYSTEMDS
from inet46.knowledge.xinetds import XINETDS
from inet46.sockets import Family, Transport

__all__ = [
    "HOSTS",
    "INETDS",
    "INETD_BUILDS",
    "KERNELS",
    "LAUNCHDS",
    "PORTS",
    "PROTOCOLS",
    "RPC_PROGRAMS",
    "SYSTEMDS",
    "XINETDS",
    "Bound",
    "Dual",
    "Failing",
    "Host",
    "HostRow",
    "InetdBuild",
    "Kernel",
    "LaunchdBuild",
    "Owner",
    "Place",
    "Pragma",
    "Protocols",
    "Server",
    "Setting",
    "Spawn",
    "Suffix",
    "SystemdBuild",
    "Token",
    "XinetdBuild",
    "resolve",
]

Server = InetdBuild | XinetdBuild | SystemdBuild | LaunchdBuild
"""Everything that can be told to listen for others."""

_HOSTS = {row.name: row for row in HOSTS}
_KERNELS = {row.name: row for row in KERNELS}
_ROWS: tuple[Server, ...] = (*INETDS, *XINETDS, *SYSTEMDS, *LAUNCHDS)
_SERVERS = {row.name: row for row in _ROWS}

INETD_BUILDS = {row.name: row for row in INETDS}


@attrs.frozen(kw_only=True, slots=False)  # as `Subject` of the linter
class Host:
    """A policy together with the rows that its name stands for."""

    policy: HostPolicy
    row: HostRow
    kernel: Kernel
    server: Server

    @property
    def name(self) -> str:
        """SYSTEM[-RELEASE]/SUPER-SERVER."""
        return self.row.name

    @property
    def config(self) -> str:
        """The file that the super-server is told to read."""
        return self.policy.config or self.row.config

    @property
    def directory(self) -> str | None:
        """The folder it reads as well, if it does."""
        return self.policy.directory or self.row.directory

    @property
    def v6only_default(self) -> bool:
        """IPV6_V6ONLY on a fresh socket, by the stated setting, else as the release boots, else as the kernel is made."""
        knob = self.kernel.knob
        stated = self.policy.setting(knob) if knob else None
        value = stated if stated is not None else dict(self.row.settings).get(knob or "")
        return self.kernel.v6only_default if value is None else value != "0"

    @property
    def compat(self) -> bool:
        """True if xinetd serves /etc/inetd.conf as well."""
        if not isinstance(self.server, XinetdBuild) or self.server.compat is None:
            return False
        return self.server.compat_default if self.policy.compat is None else self.policy.compat

    @property
    def failing(self) -> Failing:
        """What a bind that fails takes with it."""
        match self.server:
            case SystemdBuild():
                return Failing.UNIT
            case LaunchdBuild():
                return Failing.REST
            case InetdBuild() | XinetdBuild():
                return Failing.ALONE
            case other:
                assert_never(other)

    def port(self, name: str, transport: Transport) -> int | None:
        """The port that the host's /etc/services gives a name, None when it has none (or none is known)."""
        return self._ports.get(f"{name}/{transport.value}")

    def name_of(self, port: int, transport: Transport) -> str | None:
        """The first name that the host's /etc/services has for a port, None when it has none (or none is known)."""
        suffix = f"/{transport.value}"
        return next((name.removesuffix(suffix) for name, number in self._ports.items() if number == port and name.endswith(suffix)), None)

    def lookup(self, name: str, family: Family) -> tuple[str, ...] | None:
        """The addresses of one family that a name has on this host, in order; None when nobody looked.

        Who asks glibc for IPv4 gets ::1 of /etc/hosts as 127.0.0.1 (nss_files files-hosts.c, LINE_PARSER); measured.
        """
        found = self.policy.addresses(name)
        if found is None:
            return None
        loopback = Family.IPV4.loopback if self.kernel.name == "linux" and family is Family.IPV4 else Family.IPV6.loopback
        told = (loopback if address == Family.IPV6.loopback else address for address in found)
        return tuple(address for address in told if (":" in address) == (family is Family.IPV6))

    @functools.cached_property
    def _ports(self) -> Mapping[str, int]:
        """What is asked once for every entry is not made anew for every entry."""
        return PORTS if self.policy.services is None else dict(self.policy.services)

    def with_settings(self, settings: tuple[Setting, ...]) -> Host:
        """The same host after the live settings among these have been made."""
        live = {setting.key: setting.value for setting in settings if setting.place is Place.LIVE}
        if not live:
            return self
        return attrs.evolve(self, policy=attrs.evolve(self.policy, settings={**dict(self.policy.settings), **live}))


def resolve(host: str | HostPolicy | Host) -> Host:
    """Join a policy (or the name of a host) with what is known about it.

    Raises UnknownHost, with the nearest names, when no row has that name.
    """
    if isinstance(host, Host):
        return host
    policy = HostPolicy(name=host) if isinstance(host, str) else host
    row = _HOSTS.get(policy.name)
    if row is None:
        near = difflib.get_close_matches(policy.name, _HOSTS, n=3, cutoff=0.5)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise UnknownHost(f"host {policy.name!r} is not known{hint} (inet46 hosts lists them all)")
    return Host(policy=policy, row=row, kernel=_KERNELS[row.kernel], server=_SERVERS[row.server])
