"""Which host this is, and which of its super-servers is meant; what makes it one that is left alone.

Rule of this module: as in `judge`, no I/O and no pyinfra. What is known of hosts is asked of `inet46.knowledge`, never repeated.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable, Iterator

import attrs

from inet46.host import HostPolicy
from inet46.knowledge import HOSTS, PORTS, Host, resolve
from inet46.service import Service
from pyinfra_inet46 import units
from pyinfra_inet46.look import Look, SuperServer

__all__ = ["Refused", "comm", "host_name", "informed", "refuse", "server_of", "untaught"]


# Rebuilt from the same sources, under another name (ID of /etc/os-release).
_ALIKE = {"almalinux": "rhel", "centos": "rhel", "ol": "rhel", "rocky": "rhel", "opensuse-leap": "opensuse"}


class Refused(Exception):
    """This host is left alone, for these reasons."""

    def __init__(self, *reasons: str) -> None:
        super().__init__(*reasons)
        self.reasons = reasons


def refuse(reasons: Iterable[str]) -> None:
    """Raise Refused with these reasons, each once; do nothing where there is none."""
    found = tuple(dict.fromkeys(reasons))
    if found:
        raise Refused(*found)


def system_of(look: Look) -> str:
    """Return the system as the names of hosts spell it: debian-12, freebsd-14."""
    known = [row.name.partition("/")[0] for row in HOSTS]
    if look.system != "Linux":
        name, release = look.system.lower(), look.release.partition("-")[0]
    elif look.os_version:
        name, release = _ALIKE.get(look.os_id or "linux", look.os_id or "linux"), look.os_version
    else:
        return look.os_id or "linux"
    exact, major = f"{name}-{release}", f"{name}-{release.partition('.')[0]}"
    return exact if exact in known or (look.system == "Linux" and major not in known) else major


def host_name(server: SuperServer, look: Look) -> str:
    """Return the name under which this host with this super-server would be known: debian-12/xinetd."""
    return f"{system_of(look)}/{server.kind}"


def untaught(host: Host) -> Iterator[str]:
    """Yield why a host is left alone whose files are understood, and whose daemon nobody has taught the transaction to handle."""
    if not host.row.deploys:
        yield f"{host.name} is known to plan and sockets only: no deploy has been taught to look at such a host and to change it"


def server_of(policy: HostPolicy | None, look: Look) -> SuperServer:
    """Return the super-server that this is about, running.

    Raises Refused when there is none, when there are several to choose from, or when the policy means another kind of host.
    """
    if look.uid != 0:
        raise Refused(f"this needs root on the host, and the look ran with uid {look.uid}: use _sudo, _doas or _su_user")
    if policy is None and units.are_alone(look):
        return units.server(system_of(look))
    if policy is not None and units.serve(policy):
        return _systemd(policy, look)
    if not look.super_servers:
        raise Refused("no super-server is installed: neither inetd nor xinetd was found")
    running = [server for server in look.super_servers if server.pid is not None]
    if "busybox-inetd" in ([policy.super_server] if policy else [server.kind for server in running]):
        raise Refused("busybox's inetd is not deployed to yet; inet46 plan --host linux/busybox-inetd shows what it has to be told")
    if policy is None:
        if not running:
            names = ", ".join(server.kind for server in look.super_servers)
            raise Refused(f"no super-server is running ({names} is installed); start it first")
        if len(running) > 1:
            names = " and ".join(server.kind for server in running)
            raise Refused(f"{names} are both running; name the one that is meant with policy=")
        return running[0]
    here = " and ".join(sorted(host_name(server, look) for server in look.super_servers))
    mine = [server for server in look.super_servers if host_name(server, look) == policy.name]
    if not mine:
        raise Refused(f"the policy says {policy.name}, and this host is {here}")
    if mine[0].pid is None:
        others = " and ".join(f"{server.kind} (pid {server.pid})" for server in running)
        raise Refused(f"{policy.super_server} is not running{f', but {others} is' if others else ''}; start it first")
    return mine[0]


def _systemd(policy: HostPolicy, look: Look) -> SuperServer:
    """Return systemd as the super-server that a policy means. Raises Refused where it is not, or is to read other folders than it does."""
    if not look.systemd:
        raise Refused("systemd is not the init of this host")
    if system_of(look) != policy.system:
        raise Refused(f"the policy says {policy.name}, and this host is {system_of(look)}/{policy.super_server}")
    if policy.config is not None or policy.directory is not None:
        raise Refused(f"{policy.super_server} reads its own folders: a policy with config or directory cannot be deployed to")
    return units.server(policy.system)


def informed(policy: HostPolicy | None, server: SuperServer, look: Look, services: tuple[Service, ...]) -> HostPolicy:
    """Return the policy with what the look found out; a host can say anything of itself, also what no host is.

    Raises Refused for that.
    """
    try:
        return _informed(policy, server, look, services)
    except ValueError as wrong:
        raise Refused(f"the host says of itself what cannot be: {wrong}") from None


def _informed(policy: HostPolicy | None, server: SuperServer, look: Look, services: tuple[Service, ...]) -> HostPolicy:
    """Add kernel settings, /etc/services, and how the daemon was started."""
    base = policy or HostPolicy(name=host_name(server, look))
    live = {setting.key: setting.value for setting in look.settings if setting.value is not None}
    ports = dict(PORTS)
    for service in services:
        ports.pop(str(service), None)
    found = [(named, named.port) for named in look.services if named.port is not None]
    for named, port in found:
        transport = named.asked.rpartition("/")[2]
        ports.update({f"{name}/{transport}": port for name in (named.name, *named.aliases) if name})
    # Several lines of /etc/services may have a name; which of them counts is what the host was asked.
    ports.update({named.asked: port for named, port in found})
    argv = server.argv
    config = _told_to_read(server, base)
    if base.config is not None and config is not None and base.config != config:
        raise Refused(f"{server.kind} was started to read {config}, and the policy says config {base.config}")
    return _policy(
        base,
        settings=tuple(({**live, **dict(base.settings)} if policy else live).items()),
        # Without ::1 IPv6 is switched off (disable_ipv6): sockets bind all the same, and nobody can reach them.
        ipv6=look.ipv6 and look.ipv6_loopback,
        services=tuple(ports.items()),
        config=base.config or config,
        compat="-inetd_compat" in argv if server.kind == "xinetd" and argv else base.compat,
    )


def _told_to_read(server: SuperServer, policy: HostPolicy) -> str | None:
    """Return the file that a super-server was started to read; None when that is its usual one.

    An inetd takes it as a word of its own, and of its options only the pid file is a path, too.
    """
    argv = server.argv
    if server.kind == "xinetd":
        return argv[argv.index("-f") + 1] if "-f" in argv[:-1] else None
    paths = [word for option, word in itertools.pairwise(argv) if word.startswith("/") and option not in {"-p", "--pidfile"}]
    usual = resolve(policy).row if paths else None
    return next((path for path in paths if usual and path not in {usual.config, usual.directory}), None)


@functools.lru_cache(maxsize=256)
def _policy(
    base: HostPolicy,
    *,
    settings: tuple[tuple[str, str], ...],
    ipv6: bool,
    services: tuple[tuple[str, int], ...],
    config: str | None,
    compat: bool | None,
) -> HostPolicy:
    """Return this policy with that; most hosts of a fleet say the same of themselves."""
    return attrs.evolve(base, settings=dict(settings), ipv6=ipv6, services=dict(services), config=config, compat=compat)


def comm(server: SuperServer) -> str:
    """Return the name of its processes, as a kernel cuts it."""
    return server.path.rpartition("/")[2][:15]
