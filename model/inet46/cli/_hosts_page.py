"""docs/reference/hosts.md, made from the rows of knowledge; every sentence about a host comes from a field of its row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from inet46.knowledge import (
    HOSTS,
    INETD_BUILDS,
    INETDS,
    KERNELS,
    LAUNCHDS,
    PORTS,
    SYSTEMDS,
    XINETDS,
    Bound,
    Dual,
    Host,
    HostRow,
    InetdBuild,
    Kernel,
    LaunchdBuild,
    Owner,
    Place,
    Pragma,
    Setting,
    Suffix,
    SystemdBuild,
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

_SYSTEMDS = """\
A `.socket` is started if a link in the `.wants` or `.requires` folder of a unit that every boot starts leads to it. All its sockets are
opened, or none: where one cannot be bound, the unit fails, and what it had opened is closed again. `BindIPv6Only=default` leaves
IPV6_V6ONLY to the kernel, so that a bare port takes both families by the setting alone. A port is a number here; names are not looked up.
"""

_LAUNCHDS = """\
A dictionary of sockets without `SockFamily` opens two: 0.0.0.0, and `[::]` with IPV6_V6ONLY, which launchd sets on every IPv6 socket. No
socket takes both families. Where one cannot be bound, those behind it in the dictionary are not opened.
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
        f"## systemd\n\n{_SYSTEMDS}",
        *(part for build in SYSTEMDS for part in _folders(build)),
        f"## launchd\n\n{_LAUNCHDS}",
        *(part for build in LAUNCHDS for part in _folders(build)),
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
        case Place.SYSCTL_CONF:
            return f"`{setting.key}={setting.value}` in sysctl.conf"
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
    Owner.UNKNOWN: "it is not known which of them gets the IPv4 clients.",
}


def _kernel(kernel: Kernel) -> Iterator[str]:
    fresh = "v6only" if kernel.v6only_default else "dual"
    knob = f" (`{kernel.knob}`, 1 is v6only)" if kernel.knob else ""
    yield f"### {kernel.name}\n"
    yield f"A fresh IPv6 socket is {fresh}{knob}. {_DUALS[kernel.dual]}"
    both = f"Where 0.0.0.0 and a dual `[::]` are both bound, {_OWNERS[kernel.owner]}"
    yield f"{both}\n" if kernel.dual is not Dual.NEVER else ""
    kinds = [kind for kind in Kind if kind is not Kind.DUAL or kernel.dual is not Dual.NEVER]
    if kernel.tcp == kernel.udp:
        yield _matrix("TCP and UDP", kernel.tcp, kinds)
    else:
        yield _matrix("TCP", kernel.tcp, kinds)
        yield _matrix("UDP", kernel.udp, kinds)
    yield f"Source: {kernel.source}\n"


def _matrix(title: str, conflicts: Conflicts, kinds: Sequence[Kind]) -> str:
    if not conflicts.table:
        return f"{title}: every pair can be bound.\n"
    rows = [[_KINDS[first], *(_result(conflicts, first, second) for second in kinds)] for first in kinds]
    return _table((f"{title}: first, then", *(_KINDS[kind] for kind in kinds)), rows)


def _result(conflicts: Conflicts, first: Kind, second: Kind) -> str:
    return "fails" if conflicts.forbids(first, second) else "unknown" if conflicts.leaves_open(first, second) else "ok"


def _inetd(build: InetdBuild) -> Iterator[str]:
    yield f"### {build.name}\n"
    rows = [
        (f"`{token.name}`{'' if token.named else ' (port number only)'}", " and ".join(map(_opens, token.opens)) or "nothing")
        for token in build.tokens
    ]
    yield _table(("Protocol", "Opens"), rows)
    if build.manifests is not None:
        yield f"Manifests in `{build.manifests}`, which have more to say of it:\n"
        yield _table(("`proto`", "Opens"), [(f"`{token.name}`", " and ".join(map(_opens, token.opens))) for token in build.protos])
    yield _list(_protocols(build))
    yield _list(_grammar(build))
    yield _list(_running(build))
    yield f"Source: {build.source}\n"


_V6ONLY = {True: "v6only", False: "dual", None: "the choice of the kernel"}


def _opens(bound: Bound) -> str:
    if bound.family is Family.IPV4:
        return Family.IPV4.wildcard
    return f"`[::]` {_V6ONLY[bound.v6only]}"


_SUFFIXES = {
    Suffix.NONE: "nothing may follow `wait` or `nowait`",
    Suffix.RATE: "`nowait.N`: connections a minute, all clients together",
    Suffix.COLON: "`nowait:N` or `nowait.N`: connections a minute, all clients together",
    Suffix.CHILDREN: "`nowait/N`: servers at once, then connections a minute and servers at once for each client address",
}


_KNOWN = {True: "is known", False: "loses the line", None: "unknown"}


def _protocols(build: InetdBuild) -> Iterator[str]:
    if build.last_character:
        yield "another protocol: the socket type says the transport, and a 6 at its end IPv6"
    if build.strips_digit:
        yield "a name is looked up for the protocol less one digit; a number needs no look-up"
    if build.version_digits:
        yield "4 and 6 in any mix stand behind a protocol; another digit loses the line"
    if build.slash_ignored:
        yield "what follows a slash behind `tcp` is ignored"
    if build.buffers:
        yield "`tcp,sndbuf=64k,rcvbuf=64k` sets the sizes of the buffers"
    yield f"`unix` {'makes a socket in the file system' if build.unix else _KNOWN[build.unix]}"
    over = "unknown" if build.rpc is None else f"over {' and '.join(family.title for family in build.rpc) or 'nothing'}"
    yield f"`rpc/tcp` and its like: {over}" + (", at a port that the kernel chooses" if build.rpc else "")
    yield f"`faith/tcp6` {'makes a socket for faithd' if build.faith else _KNOWN[build.faith]}"
    mux = {True: "stands behind the service tcpmux", False: "is a name like any other", None: "unknown"}[build.tcpmux]
    yield f"`tcpmux/NAME` {'brings a listener for tcpmux with it' if build.adds_tcpmux else mux}"


_PRAGMAS = {
    Pragma.ENTRY: "`#@ POLICY` is an IPsec policy for the next entry; one that is none ends the daemon",
    Pragma.FILE: "`#@ POLICY` is an IPsec policy for the rest of the file; one that is none ends the file",
}


def _grammar(build: InetdBuild) -> Iterator[str]:
    yield f"services by {'name or number' if build.numeric_ports else 'name only'}"
    yield _SUFFIXES[build.suffix] + (f"; N means N - {build.rate_offset} served" if build.rate_offset else "")
    yield f"anything else {'loses the line' if build.strict_wait or build.suffix is Suffix.CHILDREN else 'means `nowait`'}"
    brackets = "with" if build.brackets else "without"
    yield f"`address:service`, IPv6 addresses {brackets} brackets" if build.host_prefix else "no address can stand before the service"
    if build.host_prefix:
        yield f"{'several addresses' if build.host_lists else 'one address'} before a service"
    yield "quotes group words" if build.quotes else "quotes are ordinary characters"
    yield f"`#` begins a comment {'anywhere' if build.comment_anywhere else 'in the first column only'}"
    yield f"an indented line {'continues the one above' if build.continuation else 'stands alone'}"
    yield from _lengths(build)
    if build.maps_hosts:
        yield "an IPv4 address before a service on an IPv6 socket becomes `::ffff:` and the address"
    if build.rereads_line:
        yield "for IPv6 a protocol without 4 or 6 is read a second time, from the first line of the entry alone"
    yield f"a line with too few fields {'ends the daemon' if build.short_line_kills else 'is lost'}"
    yield f"an unknown user {'loses the line' if build.bad_user_costs_entry else 'fails when a client comes'}"
    if build.carries_family:
        yield "4 and 6 behind the protocol of a line that is dropped count for the next line as well"
    if build.dgram_waits:
        yield "a datagram service with `nowait` is lost"
    yield f"of two lines for one service and protocol the {'first' if build.first_wins else 'last'} one counts"
    if build.pragma is not None:
        yield _PRAGMAS[build.pragma]
    if build.keyed:
        yield f"`service on key = value, ...;` with the keys {', '.join(build.option_names)}, and `.include PATTERN`"
        yield "a mistake in the syntax of such a definition loses the rest of the file; one in what it says, the definition"
        yield "a definition that is off or lost takes the rest of its line down, or else the line below"
    yield f"built in: {', '.join(build.builtins) or 'nothing'}{', by any name of /etc/services' if build.builtin_aliases else ''}"


def _lengths(build: InetdBuild) -> Iterator[str]:
    if build.max_args is not None:
        fate = "lose the line" if build.excess_args_cost_line else "are one with the last" if build.glues_args else "are cut off"
        yield f"at most {build.max_args} arguments with argv[0]; more {fate}"
    if build.line_limit is not None:
        over = "what is over is taken for the next line" if build.cuts_lines else "a longer one is lost"
        yield f"a line has at most {build.line_limit} bytes with its end; {over}"
    if build.newline_needed:
        yield "a last line without a newline is lost"


def _running(build: InetdBuild) -> Iterator[str]:
    """What no line of a file says: limits, access, and what a reload does. What is not known is left out."""
    if build.spawn is not None:
        often = f"{build.spawn.connections} in {build.spawn.seconds} s" if build.spawn.connections else "without limit"
        yield f"a service is started {often}; beyond: {build.spawn.beyond}"
    if build.backlog is not None:
        yield f"clients that wait to be accepted: {build.backlog if build.backlog >= 0 else 'as many as the kernel allows'}"
    if build.access is not None:
        yield f"access lists: {build.access}"
    if build.options is not None:
        yield f"options: {build.options}"
    if build.pid_file is not None:
        yield f"pid file: {f'`{build.pid_file}`' if build.pid_file else 'none'}"
    if build.matches:
        yield f"a reload knows an entry again by {', '.join(build.matches)}"
    if build.rebinds_all:
        yield "a reload closes and binds every socket"
    if build.missing_file_kills is not None:
        yield f"a reload without the file {'ends the daemon' if build.missing_file_kills else 'changes nothing'}"
    if build.rebind_conflict:
        yield f"a reload binds the new socket while the old one is open; what heals a failed one: {build.heals}"
    if build.retry is not None:
        yield f"a bind that failed is tried again after {build.retry} s"
    yield from (text for held, text in _peculiarities(build) if held)


def _peculiarities(build: InetdBuild) -> Iterator[tuple[bool, str]]:
    """What only few do, and whether this one does."""
    yield build.strict, "a line with a protocol, a socket type or a wait field that it does not know is lost"
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
            f"a datagram service with `wait = no` is {'disabled' if build.dgram_waits else 'accepted'}",
            f"built in: {', '.join(build.builtins)}",
            _compat(build),
        )
    )
    yield f"Source: {build.source}\n"


def _folders(build: SystemdBuild | LaunchdBuild) -> Iterator[str]:
    yield f"### {build.name}\n"
    yield "Looks for files in these folders, in this order:\n"
    yield _list(f"`{folder}`" for folder in build.folders)
    yield f"Source: {build.source}\n"


def _compat(build: XinetdBuild) -> str:
    if build.compat is None:
        return "it cannot read inetd.conf"
    token = next(token for token in INETD_BUILDS[build.compat].tokens if token.name == "tcp")
    passed = "passed by the release" if build.compat_default else "not passed by the release"
    return f"with `-inetd_compat` ({passed}) it serves /etc/inetd.conf too, where `tcp` opens {_opens(token.opens[0])}"
