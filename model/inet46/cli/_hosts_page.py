"""docs/reference/hosts.md, made from the rows of knowledge; every sentence about a host comes from a field of its row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from inet46.knowledge import (
    HOSTS,
    INETD_BUILDS,
    INETDS,
    KERNELS,
    PORTS,
    XINETDS,
    Bound,
    Dual,
    Host,
    HostRow,
    InetdBuild,
    Kernel,
    Owner,
    Place,
    Setting,
    Suffix,
    XinetdBuild,
    resolve,
)
from inet46.sockets import Conflicts, Family, Kind

__all__ = ["evidence", "page"]

_INTRODUCTION = """\
<!-- Made by `inet46 hosts --markdown` from model/inet46/knowledge; do not edit. -->

# Known hosts

A host is a release of a system together with one super-server. The names are what `--host` takes, and what `HostPolicy(name=...)` takes.
*Measured* means that tests of this project run that super-server on that kernel. *Simulated* means that its behaviour was read in
sources, or measured elsewhere, and is computed here; no BSD host has been run in this project's lab.
"""

_KERNELS = """\
What a kernel does when a socket is bound while another one is, both with SO_REUSEADDR, as every inetd sets it. 0.0.0.0 is the IPv4
wildcard, `[::]` the IPv6 one, *dual* without IPV6_V6ONLY (it takes IPv4 clients too), *one address* the same one in both.
"""

_INETDS = """\
What each protocol token of inetd.conf opens. *v6only* and *dual* are set by the daemon itself; *the choice of the kernel* means that
it leaves IPV6_V6ONLY alone, so that the setting decides. A token that is not in a list has no known meaning there.
"""

_XINETDS = """\
Since 2.3.12 xinetd sets IPV6_V6ONLY itself on every IPv6 socket: to 1 if the attribute `v6only` is written at all (`v6only = no`
included), else to 0. `tcp6` and `tcp46` are no protocols here.
"""

_PORTS = """\
Without a look at a host's /etc/services (`--root`, `--services`, or `services` of the host policy) these names are taken as known, and
no others:
"""


def evidence(row: HostRow) -> str:
    """Return `measured` if a test of this project runs this very host, else `simulated`."""
    return "measured" if "measured: tests/" in row.source else "simulated"


def page() -> str:
    """Return the whole page."""
    hosts = [resolve(row.name) for row in HOSTS]
    compat = {build.compat for build in XINETDS}
    parts = [
        _INTRODUCTION,
        _table(("Host", "Kernel", "Super-server", "Reads", "Evidence"), map(_host_cells, hosts)),
        "## Sources of the hosts\n",
        _list(f"**{host.name}**: {host.row.source}" for host in hosts),
        "## Settings for one socket\n",
        "When one socket is to serve both families (sharing *mapped*) and the kernel's setting stands in the way, these are set:\n",
        _list(f"**{host.name}**: {', '.join(map(_setting, host.row.mapping)) or 'none'}" for host in hosts),
        "## Settings as a release boots\n",
        "Where they differ from what the kernel is made with:\n",
        _list(f"**{host.name}**: `{key}={value}`" for host in hosts for key, value in host.row.settings),
        f"## Kernels\n\n{_KERNELS}",
        *(part for kernel in KERNELS for part in _kernel(kernel)),
        f"## Protocols of the inetds\n\n{_INETDS}",
        *(part for build in INETDS if build.name not in compat for part in _inetd(build)),
        f"## xinetds\n\n{_XINETDS}",
        *(part for build in XINETDS for part in _xinetd(build)),
        f"## Service names\n\n{_PORTS}",
        ", ".join(f"{name} {port}" for name, port in PORTS.items()) + "\n",
    ]
    return "\n".join(parts)


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [titles, ["---"] * len(titles), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _list(items: Iterable[str]) -> str:
    return "".join(f"- {item}\n" for item in items)


def _host_cells(host: Host) -> Sequence[str]:
    reads = [f"`{host.config}`"]
    reads += [f"`{host.directory}/`"] if host.directory else []
    reads += ["`/etc/inetd.conf`"] if host.compat else []
    return f"`{host.name}`", host.kernel.name, host.server.name, ", ".join(reads), evidence(host.row)


def _setting(setting: Setting) -> str:
    match setting.place:
        case Place.RC_CONF:
            return f'`{setting.key}="{setting.value}"` in rc.conf'
        case Place.SYSCTL:
            return f"`{setting.key} = {setting.value}` in sysctl.d"
        case Place.LIVE:
            return f"`{setting.key}={setting.value}` in the running kernel"


_KINDS = {
    Kind.V4_ANY: Family.IPV4.wildcard,
    Kind.V4_ONE: "one IPv4 address",
    Kind.V6_ANY: "`[::]` v6only",
    Kind.DUAL: "`[::]` dual",
    Kind.V6_ONE: "one IPv6 address",
}
_DUALS = {
    Dual.PER_SOCKET: "A socket can take both families whatever the setting says, if the daemon clears IPV6_V6ONLY.",
    Dual.GOVERNED: "A socket takes both families only while the setting is 0.",
    Dual.NEVER: "No socket takes both families.",
}
_OWNERS = {
    Owner.NATIVE: "the IPv4 socket gets the IPv4 clients.",
    Owner.NEWEST: "the one that was bound last gets the IPv4 clients; the other one starves without a word.",
}


def _kernel(kernel: Kernel) -> Iterator[str]:
    fresh = "v6only" if kernel.v6only_default else "dual"
    knob = f" (`{kernel.knob}`, 1 is v6only)" if kernel.knob else ""
    yield f"### {kernel.name}\n"
    yield f"A fresh IPv6 socket is {fresh}{knob}. {_DUALS[kernel.dual]}"
    yield f"Where 0.0.0.0 and a dual `[::]` are both bound, {_OWNERS[kernel.owner]}\n"
    if kernel.tcp == kernel.udp:
        yield _matrix("TCP and UDP", kernel.tcp)
    else:
        yield _matrix("TCP", kernel.tcp)
        yield _matrix("UDP", kernel.udp)
    yield f"Source: {kernel.source}\n"


def _matrix(title: str, conflicts: Conflicts) -> str:
    if not conflicts.table:
        return f"{title}: every pair can be bound.\n"
    rows = [[title_, *("fails" if conflicts.forbids(first, second) else "ok" for second in Kind)] for first, title_ in _KINDS.items()]
    return _table((f"{title}: first, then", *_KINDS.values()), rows)


def _inetd(build: InetdBuild) -> Iterator[str]:
    yield f"### {build.name}\n"
    rows = [
        (f"`{token.name}`{'' if token.named else ' (port number only)'}", " and ".join(map(_opens, token.opens)) or "nothing")
        for token in build.tokens
    ]
    yield _table(("Protocol", "Opens"), rows)
    yield _list(_grammar(build))
    yield f"Source: {build.source}\n"


_V6ONLY = {True: "v6only", False: "dual", None: "the choice of the kernel"}


def _opens(bound: Bound) -> str:
    if bound.family is Family.IPV4:
        return Family.IPV4.wildcard
    return f"`[::]` {_V6ONLY[bound.v6only]}"


_SUFFIXES = {
    Suffix.NONE: "nothing may follow `wait` or `nowait`",
    Suffix.RATE: "`nowait.N`: connections a minute, all clients together",
    Suffix.CHILDREN: "`nowait/N`: servers at once, then connections a minute and servers at once for each client address",
}


def _grammar(build: InetdBuild) -> Iterator[str]:
    yield f"services by {'name or number' if build.numeric_ports else 'name only'}"
    yield _SUFFIXES[build.suffix] + (f"; N means N - {build.rate_offset} served" if build.rate_offset else "")
    brackets = "with" if build.brackets else "without"
    yield f"`address:service`, IPv6 addresses {brackets} brackets" if build.host_prefix else "no address can stand before the service"
    yield "quotes group words" if build.quotes else "quotes are ordinary characters"
    yield f"an indented line {'continues the one above' if build.continuation else 'stands alone'}"
    if build.max_args is not None:
        fate = "lose the line" if build.excess_args_cost_line else "are one with the last" if build.glues_args else "are cut off"
        yield f"at most {build.max_args} arguments with argv[0]; more {fate}"
    if build.line_limit is not None:
        yield f"a line has at most {build.line_limit} bytes with its end; what is over is taken for the next line"
    if build.maps_hosts:
        yield "an IPv4 address before a service on an IPv6 socket becomes `::ffff:` and the address"
    if build.rereads_line:
        yield "for IPv6 a protocol without 4 or 6 is read a second time, from the first line of the entry alone"
    yield f"a line with too few fields {'ends the daemon' if build.short_line_kills else 'is lost'}"
    yield f"built in: {', '.join(build.builtins)}"
    if build.rebind_conflict:
        yield f"a reload binds the new socket while the old one is open; what heals a failed one: {build.heals}"
    yield from (text for held, text in _peculiarities(build) if held)


def _peculiarities(build: InetdBuild) -> Iterator[tuple[bool, str]]:
    """What only few do, and whether this one does."""
    yield build.strict, "a line with a protocol, a socket type or a wait field that it does not know is lost"
    yield build.comment_anywhere, "`#` begins a comment wherever it stands"
    yield build.backslash, "a line that ends with a backslash goes on in the next one; comments do too"
    yield build.argv0_is_path, "without argv[0] it is the whole path of the server"
    yield build.searches_path, "a server without a slash is looked for along the daemon's own PATH"
    yield build.keeps_addresses, "entries are told apart by the address as it is written: `::1` and `[::1]` are two"
    yield (
        build.keeps_type,
        "an entry keeps what its first line made it, a reload too: its socket type, even a bad one, and built-in or program",
    )
    yield build.retry_kills, "after a failed bind, the retry ends the daemon if an entry has no address: an unknown service or host"


def _xinetd(build: XinetdBuild) -> Iterator[str]:
    yield f"### {build.name}\n"
    default = "IPv4" if build.default_family is Family.IPV4 else "IPv6, dual"
    yield _list(
        (
            f"without a family flag: {default}{', or IPv4 where there is no IPv6' if build.falls_back else ''}",
            f"`flags = IPv4 IPv6`: {'the service is disabled' if build.both_flags_disable else 'IPv6, dual'}",
            f"`disable = yes` {'is final' if build.disable_is_final else 'is undone by the `enabled` list of defaults'}",
            f"`rlimit_files`: {'known' if build.rlimit_files else 'unknown'}",
            f"built in: {', '.join(build.builtins)}",
            _compat(build),
        )
    )
    yield f"Source: {build.source}\n"


def _compat(build: XinetdBuild) -> str:
    if build.compat is None:
        return "it cannot read inetd.conf"
    token = next(token for token in INETD_BUILDS[build.compat].tokens if token.name == "tcp")
    passed = "passed by the release" if build.compat_default else "not passed by the release"
    return f"with `-inetd_compat` ({passed}) it serves /etc/inetd.conf too, where `tcp` opens {_opens(token.opens[0])}"
