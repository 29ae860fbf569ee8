"""The shapes of what is known: kernels, builds of super-servers, releases. The rows themselves stand in the modules beside this one.

Every row has a `source`: the file and function it was read in, the manual page, or the test that measured it. None in a field that may be
None means *unknown*, which is not the same as no.
"""

from __future__ import annotations

import enum

import attrs

from inet46.service import Pairs
from inet46.sockets import Conflicts, Family, Transport

__all__ = ["Bound", "Dual", "HostRow", "InetdBuild", "Kernel", "Owner", "Place", "Protocols", "Setting", "Suffix", "Token", "XinetdBuild"]


class Dual(enum.Enum):
    """Whether an IPv6 wildcard socket can take IPv4 clients."""

    PER_SOCKET = "per socket"  # IPV6_V6ONLY=0 is enough
    GOVERNED = "governed"  # IPV6_V6ONLY=0 counts only while the kernel's own knob allows mapped addresses
    NEVER = "never"  # there is no such socket


class Owner(enum.Enum):
    """Which socket gets an IPv4 client when 0.0.0.0 and a dual [::] both listen on a port."""

    NATIVE = "native"  # the IPv4 socket
    NEWEST = "newest"  # the one bound last; the other one starves without a word


class Place(enum.Enum):
    """Where a setting of the host lives."""

    RC_CONF = "rc.conf"
    SYSCTL = "sysctl"  # in the files that are read at boot
    LIVE = "live"  # in the running kernel


class Suffix(enum.Enum):
    """What a number after `wait` or `nowait` means."""

    NONE = "none"
    RATE = ".max"  # connections a minute, all clients together
    CHILDREN = "/max-child"  # servers at once, then a rate and a number for each client address


class Protocols(enum.Enum):
    """What an inetd makes of a protocol that its tokens do not list."""

    LISTED = "listed"  # not known
    STRICT = "strict"  # there are no others
    LAST_DIGIT = "last digit"  # any word will do: the socket follows from the socket type, the family from a 4 or 6 at the end
    PREFIX = "prefix"  # tcp or udp and the character behind it; else a name of /etc/protocols that fits the socket type
    ETC_PROTOCOLS = "/etc/protocols"  # the name has to stand there, and the service in /etc/services under that very name


@attrs.frozen(kw_only=True)
class Setting:
    """One setting of the host, as text. `script` is the rc.d script that reads it, whose file in rc.conf.d can override it."""

    place: Place
    key: str
    value: str
    script: str | None = None


@attrs.frozen(kw_only=True)
class Kernel:
    """How a kernel treats IPV6_V6ONLY and two sockets on one port.

    `v6only_default` is the option on a fresh socket as the release boots; `knob` is the sysctl that governs it (1: v6only).
    """

    name: str
    v6only_default: bool
    knob: str | None
    dual: Dual
    tcp: Conflicts
    udp: Conflicts
    owner: Owner
    source: str

    def conflicts(self, transport: Transport) -> Conflicts:
        """The bind matrix of one transport."""
        return self.tcp if transport is Transport.TCP else self.udp


@attrs.frozen(kw_only=True)
class Bound:
    """One socket that a protocol token opens; `key` is the protocol string by which the daemon recognises it again.

    `named` False: not with a service name.
    """

    family: Family
    v6only: bool | None = None
    key: str
    named: bool = True


@attrs.frozen(kw_only=True)
class Token:
    """What one protocol token of an inetd means; one that opens nothing loses its line. `named` False: not with a service name."""

    name: str
    transport: Transport
    opens: tuple[Bound, ...]
    named: bool = True


@attrs.frozen(kw_only=True)
class InetdBuild:
    """One inetd, as built: its tokens in order of preference for writing, its grammar, and what a reload does."""

    name: str
    tokens: tuple[Token, ...]
    protocols: Protocols
    builtins: tuple[str, ...]  # services it performs itself, by official name
    numeric_ports: bool
    host_prefix: bool  # address: before the service
    brackets: bool  # [v6]: is understood
    default_host_ends: bool  # `*:` ends what `address:` on a line of its own began (else it breaks the daemon)
    maps_hosts: bool  # an IPv4 address before a service on an IPv6 socket becomes ::ffff:address (else it opens nothing)
    quotes: bool
    trims: bool  # every kind of blank is cut off both ends of a line, \r too
    comment_anywhere: bool
    continuation: bool  # an indented line continues the one above
    rereads_line: bool  # for IPv6, a protocol without 4 or 6 is read a second time, from the entry's first line alone
    looks_at_server: bool  # a server that is no absolute path loses its line (else it is looked at when a client comes)
    merges_wildcards: bool  # entries are told apart by socket address, so `0.0.0.0:` and no address are the same one
    builtin_ends_entry: bool  # an unknown built-in is given up at once, and what continues its line is read as lines of their own
    builtin_leaks_address: bool  # the address of a line with an unknown built-in is inherited by the next line
    port_modulus: int | None  # a number that is no port is taken modulo this, and 0 is a port that the kernel picks (else it is a name)
    binds_lists_backwards: bool  # the last of several addresses is bound first
    adds_tcpmux: bool  # `tcpmux/NAME` brings a listener for tcpmux itself with it
    max_args: int | None  # argv including argv[0]; None: no limit
    excess_args_cost_line: bool  # more arguments lose the line (else they are cut off)
    line_limit: int | None  # bytes in a line with its end; what is over is taken for the next line
    suffix: Suffix
    rate_offset: int  # what must be added to a wished rate: `.max N` may serve only N - 1
    user_group: str  # separators between user and group, the one looked for first standing first
    bad_user_costs_entry: bool  # an unknown user loses the entry (else the connection fails later)
    empty_group_is_one: bool  # the group of `user.` is looked up, and is not known (else the user's own is taken)
    version_behind_slash: bool  # a service ends at its first slash (else the slash belongs to its name, or to rpc and tcpmux)
    short_line_kills: bool  # a line with too few fields ends the daemon
    rebind_conflict: bool  # a reload binds the new socket while the old one is open
    heals: str  # the verb that makes a failed re-bind good: reload, or a signal
    source: str
    # What only few do.
    strict: bool = False  # what does not go together and an odd wait lose the line (else they are guessed at)
    picks_port: bool = False  # port 0 is one that the kernel picks
    backslash: bool = False  # a line that ends with \ goes on in the next one; comments do too
    glues_args: bool = False  # the last argument that there is room for takes the rest of the line, blanks and all
    argv0_is_path: bool = False  # without argv0 it is the whole path of the server (else its last part)
    searches_path: bool = False  # a server without a slash is looked for along the daemon's own PATH
    keeps_addresses: bool = False  # an address stays as it is written: `::1` and `[::1]` are two entries, and brackets count in a list too
    unmaps_hosts: bool | None = None  # `::ffff:a.b.c.d:` before a service on an IPv4 socket is a.b.c.d, as glibc's getaddrinfo has it
    keeps_type: bool = False  # an entry keeps what its first line made it: its socket type, even a bad one, and built-in or program
    retry_kills: bool = False  # after a failed bind, the retry ends the daemon if an entry has no address: an unknown service or host


@attrs.frozen(kw_only=True)
class XinetdBuild:
    """One xinetd, as built."""

    name: str
    default_family: Family
    sets_v6only: bool  # since 2.3.12: always, to 1 if the attribute `v6only` is written at all, else to 0
    both_flags_disable: bool  # flags = IPv4 IPv6 disables the service (else: the IPv6 socket, dual)
    disable_is_final: bool  # `disable = yes` ends the entry; else the `enabled` list revives it
    falls_back: bool  # where no IPv6 socket can be made, one without `bind` becomes an IPv4 one
    rlimit_files: bool
    builtins: tuple[str, ...]
    compat: str | None  # the build that reads /etc/inetd.conf when -inetd_compat is passed; None: no such option
    compat_default: bool  # the release passes -inetd_compat
    plain_ipv4: bool  # an IPv4 paragraph is written without a flag, an IPv6 one with flags = IPv6 alone, as its own time did
    writes_protocol: bool  # customary on this system: a protocol line
    writes_disable: bool  # customary on this system: disable = no
    source: str


@attrs.frozen(kw_only=True)
class HostRow:
    """Which release ships which super-server in which build, and where its things are.

    `mapping` are the settings that let an IPv6 socket take IPv4 clients, when one socket is asked for. `order` is the order in which two
    sockets for one port are written. `unit` and `script` are the names under which the service manager knows the daemon.
    """

    name: str
    kernel: str
    server: str
    config: str
    directory: str | None
    daemon: str  # path of the executable
    unit: str
    aliases: tuple[str, ...] = ()  # service names that its /etc/services knows beyond the usual ones
    mapping: tuple[Setting, ...] = ()
    settings: Pairs = ()  # kernel settings as the release boots, where they differ from the kernel's own default
    order: tuple[Family, ...] = (Family.IPV4, Family.IPV6)
    source: str
