"""The shapes of what is known: kernels, builds of super-servers, releases. The rows themselves stand in the modules beside this one.

Every row has a `source`: the file and function it was read in, the manual page, or the test that measured it. None in a field that may be
None means *unknown*, which is not the same as no.
"""

from __future__ import annotations

import enum

import attrs

from inet46.service import Pairs
from inet46.sockets import Conflicts, Family, Transport

__all__ = [
    "Bound",
    "Dual",
    "Failing",
    "HostRow",
    "InetdBuild",
    "Kernel",
    "LaunchdBuild",
    "Owner",
    "Place",
    "Pragma",
    "Protocols",
    "Setting",
    "Spawn",
    "Suffix",
    "SystemdBuild",
    "Token",
    "XinetdBuild",
]


class Dual(enum.Enum):
    """Whether an IPv6 wildcard socket can take IPv4 clients."""

    PER_SOCKET = "per socket"  # IPV6_V6ONLY=0 is enough
    GOVERNED = "governed"  # IPV6_V6ONLY=0 counts only while the kernel's own knob allows mapped addresses
    NEVER = "never"  # there is no such socket


class Owner(enum.Enum):
    """Which socket gets an IPv4 client when 0.0.0.0 and a dual [::] both listen on a port."""

    NATIVE = "native"  # the IPv4 socket
    NEWEST = "newest"  # the one bound last; the other one starves without a word
    UNKNOWN = "unknown"  # neither read nor measured


class Place(enum.Enum):
    """Where a setting of the host lives."""

    RC_CONF = "rc.conf"
    SYSCTL = "sysctl"  # in the files that are read at boot
    SYSCTL_CONF = "sysctl.conf"  # in /etc/sysctl.conf, where that is the only such file
    LIVE = "live"  # in the running kernel


class Failing(enum.Enum):
    """What a bind that fails takes with it."""

    ALONE = "alone"  # nothing: the daemon goes on with the next one
    UNIT = "unit"  # all that its unit has bound, before and after it
    REST = "rest"  # what follows it in its unit


class Suffix(enum.Enum):
    """What a number after `wait` or `nowait` means."""

    NONE = "none"
    RATE = ".max"  # connections a minute, all clients together
    COLON = ":max"  # the same; a dot is understood as well
    CHILDREN = "/max-child"  # servers at once, then a rate and a number for each client address


class Pragma(enum.Enum):
    """How far `#@ POLICY` reaches, an IPsec policy, and what one that is none costs."""

    ENTRY = "the next entry"  # else the daemon exits
    FILE = "the rest of the file"  # else the rest of the file is not read


@attrs.frozen(kw_only=True)
class Spawn:
    """How often a service may be started before it is switched off: `connections` in `seconds`, and what happens `beyond`."""

    connections: int | None  # None: as often as clients come
    seconds: int = 60
    beyond: str


class Protocols(enum.Enum):
    """What an inetd makes of a protocol that its tokens do not list."""

    LISTED = "listed"  # what the fields below say; else not known
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

    `v6only_default` is the option on a fresh socket as the release boots; `knob` is the sysctl that governs it (1: v6only), None where
    there is none that counts. What neither was read nor measured is unknown: Owner.UNKNOWN, and the pairs in `Conflicts.unknown`.
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
    """What one protocol token of an inetd means; one that opens nothing loses its line. `named` False: not with a service name.

    `odd` is one that is read and that no plan writes: it means something else on every other system.
    """

    name: str
    transport: Transport
    opens: tuple[Bound, ...]
    named: bool = True
    odd: bool = False


@attrs.frozen(kw_only=True)
class InetdBuild:
    """One inetd, as built: its tokens in order of preference for writing, its grammar, and what a reload does."""

    name: str
    tokens: tuple[Token, ...]
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
    adds_tcpmux: bool  # `tcpmux/NAME` brings a listener for tcpmux itself with it
    max_args: int | None  # argv including argv[0]; None: no limit
    excess_args_cost_line: bool  # more arguments lose the line (else they are cut off)
    line_limit: int | None  # bytes in a line with its end; what is over is taken for the next line
    suffix: Suffix
    rate_offset: int  # what must be added to a wished rate: `.max N` may serve only N - 1
    user_group: str  # separators between user and group, the one looked for first standing first
    bad_user_costs_entry: bool  # an unknown user loses the entry (else the connection fails later)
    short_line_kills: bool  # a line with too few fields ends the daemon
    rebind_conflict: bool  # a reload binds the new socket while the old one is open
    heals: str  # the verb that makes a failed re-bind good: reload, or a signal
    source: str
    # What only few do.
    strict: bool = False  # what does not go together and an odd wait lose the line (else they are guessed at)
    picks_port: bool = False  # port 0 is one that the kernel picks
    port_modulus: int | None = None  # a number that is no port is taken modulo this, and 0 is picked by the kernel (else it is a name)
    binds_lists_backwards: bool = False  # the last of several addresses is bound first
    empty_group_is_one: bool = False  # the group of `user.` is looked up, and is not known (else the user's own is taken)
    version_behind_slash: bool = False  # a service ends at its first slash (else the slash belongs to its name, or to rpc and tcpmux)
    backslash: bool = False  # a line that ends with \ goes on in the next one; comments do too
    glues_args: bool = False  # the last argument that there is room for takes the rest of the line, blanks and all
    argv0_is_path: bool = False  # without argv0 it is the whole path of the server (else its last part)
    searches_path: bool = False  # a server without a slash is looked for along the daemon's own PATH
    keeps_addresses: bool = False  # an address stays as it is written: `::1` and `[::1]` are two entries, and brackets count in a list too
    unmaps_hosts: bool | None = None  # `::ffff:a.b.c.d:` before a service on an IPv4 socket is a.b.c.d, as glibc's getaddrinfo has it
    keeps_type: bool = False  # an entry keeps what its first line made it: its socket type, even a bad one, and built-in or program
    retry_kills: bool = False  # after a failed bind, the retry ends the daemon if an entry has no address: an unknown service or host
    retry_listens: bool = True  # what is bound by a later attempt is listened on (else it is dead until a restart)
    wraps: bool = False  # as the release starts it, clients of every program are held against hosts.allow and hosts.deny
    retries_nameless: bool = False  # SIGALRM also tries a service that is not in /etc/services: it gets a random port
    purges_each_file: bool = False  # what no line asks for is closed at the end of every file that is read (else after the last one)
    keeps_builtin: bool = False  # a reload does not turn a program into a built-in service, nor the other way round
    keeps_nowait: bool = False  # nor nowait into wait
    keeps_handler: bool = False  # a stream socket goes on being accepted on, or passed on, as it was when it was made

    # -- protocols: what the tokens do not say
    protocols: Protocols = Protocols.LISTED
    last_character: bool = False  # a protocol that is not listed: the socket type says the transport, and a 6 at the end IPv6
    named_by_type: bool = False  # a name is looked up for the socket type, whatever the protocol is called
    strips_digit: bool = False  # a name is looked up for the protocol less one digit, so tcp46 is no protocol that a name has
    version_digits: bool = False  # 4 and 6 in any mix behind the protocol; another digit loses the line
    slash_ignored: bool = False  # `tcp/anything` is tcp (`tcp/ttcp`)
    buffers: bool = False  # `tcp,sndbuf=64k,rcvbuf=64k`
    unix: bool | None = None  # `unix` makes a socket in the file system (False: the line is lost)
    rpc: tuple[Family, ...] | None = None  # families over which `rpc/tcp` and its like are served (others lose the line)
    faith: bool | None = None  # `faith/tcp6` makes a socket for faithd (False: the line is lost)
    tcpmux: bool | None = None  # `tcpmux/NAME` stands behind the tcpmux service and opens no socket of its own

    # -- grammar
    keyed: bool = False  # `service on key = value, ...;` and `.include` beside the classic lines (NetBSD)
    option_names: tuple[str, ...] = ()  # the keys of that syntax
    pragma: Pragma | None = None  # `#@ POLICY` (None: a comment like any other)
    host_apart: bool = False  # `address: service ...`, with a blank between, is the same as without
    host_lists: bool = True  # `address,address:service`
    empty_host: bool | None = False  # `:service` is every address (False: the line is lost)
    strict_wait: bool = False  # anything but `wait` and `nowait` loses the line (else it means nowait)
    dgram_waits: bool = False  # a datagram service with `nowait` is lost
    first_wins: bool = False  # of two lines for one service and protocol the first one counts (else the last one)
    cuts_lines: bool = True  # what is over `line_limit` is taken for the next line (else the whole line is lost)
    newline_needed: bool = False  # a last line without a newline is lost
    builtin_aliases: bool = False  # a built-in service may be called by an alias of /etc/services
    carries_family: bool = False  # digits of the protocol of a line that is dropped count for the next line as well

    # -- limits, access, reload: what no text says
    spawn: Spawn | None = None
    backlog: int | None = None  # of listen(2); -1: as many as the kernel allows
    access: str | None = None  # what is asked before a client is let in, and which option or property switches that on
    pid_file: str | None = None  # "" is none
    matches: tuple[str, ...] = ()  # what makes an entry the same one at a reload; () is unknown
    rebinds_all: bool | None = None  # each reload closes and binds every socket, also those that stay
    missing_file_kills: bool | None = None  # a reload without the file ends the daemon (else all stays as it is)
    retry: int | None = None  # seconds after which a failed bind is tried again, as SIGALRM has it done at once
    options: str | None = None  # options of the command line that change what is bound, served or limited

    # -- SMF, which has what inetd.conf is only taken over into (illumos)
    manifests: str | None = None  # the folder of the site's manifests; None: the file is all that is read
    protos: tuple[Token, ...] = ()  # what each value of the property `proto` opens, in order of preference for writing

    def is_manifest(self, path: str) -> bool:
        """Return True for a file that is imported from the folder of the site's manifests, or from one inside it."""
        return self.manifests is not None and path.startswith(f"{self.manifests}/") and path.endswith(".xml")


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
    dgram_waits: bool = False  # a datagram service with wait = no is disabled
    compat: str | None  # the build that reads /etc/inetd.conf when -inetd_compat is passed; None: no such option
    compat_default: bool  # the release passes -inetd_compat
    plain_ipv4: bool  # an IPv4 paragraph is written without a flag, an IPv6 one with flags = IPv6 alone, as its own time did
    writes_protocol: bool  # customary on this system: a protocol line
    writes_disable: bool  # customary on this system: disable = no
    source: str
    wraps: bool = False  # built with libwrap: clients are held against hosts.allow and hosts.deny


@attrs.frozen(kw_only=True)
class SystemdBuild:
    """One systemd, as built: where it looks for units, and which settings a unit may have."""

    name: str
    folders: tuple[str, ...]  # the first that has a unit wins; the files of all drop-in folders are read by name
    boots: tuple[str, ...]  # units that every boot starts, so that what they want is started too
    keys: tuple[tuple[str, str], ...]  # section -> the names of its settings, apart by blanks; others are ignored
    connections: int  # MaxConnections= of a unit that says nothing of it: one more client is disconnected at once
    source: str

    def knows(self, section: str, key: str) -> bool:
        """Return True for a setting that this build reads, or passes over without a word."""
        return key.startswith("X-") or f" {key} " in f" {dict(self.keys).get(section, '')} "


@attrs.frozen(kw_only=True)
class LaunchdBuild:
    """One launchd, as built."""

    name: str
    folders: tuple[str, ...]  # property lists of jobs that run for the system
    source: str


@attrs.frozen(kw_only=True)
class HostRow:
    """Which release ships which super-server in which build, and where its things are.

    `mapping` are the settings that let an IPv6 socket take IPv4 clients, when one socket is asked for; none where the daemon alone decides,
    or where no socket does. `order` is the order in which two sockets for one port are written. `unit` and `script` are the names under
    which the service manager knows the daemon.
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
    deploys: bool = True  # the deploys know how to look at such a host and to change it
    source: str
