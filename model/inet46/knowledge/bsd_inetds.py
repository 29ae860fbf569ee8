"""Rows: the inetds of the BSDs, and inetconv of illumos. No functions here; the order of the tokens is the order of preference."""

import attrs

from inet46.knowledge.rows import Bound, InetdBuild, Pragma, Spawn, Suffix, Token
from inet46.sockets import Family, Transport

__all__ = ["BSD_INETDS"]

_TCP, _UDP = Transport.TCP, Transport.UDP
_V4, _V6 = Family.IPV4, Family.IPV6
_BUILTINS = ("echo", "discard", "daytime", "time", "chargen")

# FreeBSD sets IPV6_V6ONLY itself, to 1 for a lone 6 and to 0 as soon as a 4 stands beside it; the digits are no part of the key, so the
# last of tcp6 and tcp46 for one service wins. tcp5 is a bad IP version, and tcp6only a protocol that no service has.
_FREEBSD_TOKENS = tuple(
    Token(name=f"{kind.value}{digits}", transport=kind, opens=(Bound(family=family, v6only=v6only, key=kind.value),))
    for kind in (_TCP, _UDP)
    for digits, family, v6only in (("4", _V4, None), ("", _V4, None), ("6", _V6, True), ("46", _V6, False), ("64", _V6, False))
) + tuple(Token(name=f"{kind.value}{suffix}", transport=kind, opens=()) for kind in (_TCP, _UDP) for suffix in ("5", "6only"))
_BOTH = (_V4, _V6)
_OFF = "the service is switched off for ten minutes"
_MUX = "behind the service tcpmux"

# In 4.x days plain tcp was the customary spelling, and it is what UW-IMAP documents.
_FREEBSD_4_TOKENS = tuple(sorted(_FREEBSD_TOKENS, key=lambda token: token.name in {"tcp4", "udp4"}))

_FREEBSD = InetdBuild(
    name="freebsd-inetd",
    tokens=_FREEBSD_TOKENS,
    builtins=(*_BUILTINS, "tcpmux", "auth"),
    numeric_ports=False,
    host_prefix=False,
    brackets=False,
    default_host_ends=True,
    maps_hosts=False,
    quotes=True,
    trims=False,
    comment_anywhere=False,
    continuation=True,
    rereads_line=False,
    looks_at_server=True,
    merges_wildcards=False,
    builtin_ends_entry=True,
    builtin_leaks_address=False,
    adds_tcpmux=False,
    max_args=20,
    excess_args_cost_line=True,
    line_limit=2048,
    suffix=Suffix.CHILDREN,
    rate_offset=0,
    user_group=":",
    bad_user_costs_entry=True,
    short_line_kills=True,
    rebind_conflict=True,
    heals="signal ALRM",
    source="freebsd-src usr.sbin/inetd/inetd.c: getconfigent, setup, config; measured with FreeBSD 14's inetd on kernels 10.4, 12.1 and 14",
    version_digits=True,
    slash_ignored=True,
    unix=True,
    rpc=_BOTH,
    faith=False,
    tcpmux=True,
    pragma=Pragma.ENTRY,
    builtin_aliases=True,
    spawn=Spawn(connections=256, beyond=_OFF),
    backlog=-1,
    access="libwrap: -w for programs, -W for built-in services; the release passes both (inetd_flags=-wW -C 60); hosts.allow alone is read",
    pid_file="/var/run/inetd.pid",
    matches=("service", "protocol without its digits", "rpc", "socket type", "family"),
    rebinds_all=False,
    missing_file_kills=False,
    wraps=True,  # inetd_flags="-wW -C 60" in /etc/defaults/rc.conf
    retry=600,
    options="-a address (one of each family, for all services), -c and -C and -s (limits for each service and address), -R rate (0: none)",
)
_FREEBSD_4 = attrs.evolve(
    _FREEBSD,
    name="freebsd-4-inetd",
    tokens=_FREEBSD_4_TOKENS,
    faith=True,
    rpc=(_V4,),
    carries_family=True,
    backlog=64,
    access="libwrap: -w for programs, -W for built-in services",
    options="-a address (tcp46 is dropped when only one family has one), -c and -C and -s (limits), -R rate",
    source="DragonFly usr.sbin/inetd/inetd.c, which descends from RELENG_4 (inetd.8 1.46.2.13); UW-IMAP docs/IPv6.txt",
)

# NetBSD looks at the last character of the protocol alone, and never touches IPV6_V6ONLY. That tcp46 ends in a 6 and tcp6only in a y says
# what they open.
_NETBSD_TOKENS = tuple(
    Token(
        name=f"{kind.value}{suffix}",
        transport=kind,
        opens=(Bound(family=family, key=f"{kind.value}{suffix}"),),
        odd=suffix in {"46", "64", "6only"},
    )
    for kind in (_TCP, _UDP)
    for suffix, family in (("4", _V4), ("", _V4), ("6", _V6), ("46", _V6), ("64", _V4), ("6only", _V4))
)
# OpenBSD does the same, and takes one digit off before it looks a name up: svc/tcp46 becomes svc/tcp4, which no /etc/services has.
_OPENBSD_TOKENS = tuple(attrs.evolve(token, named=not token.odd) for token in _NETBSD_TOKENS)

BSD_INETDS = (
    _FREEBSD,
    _FREEBSD_4,
    attrs.evolve(
        _FREEBSD_4,
        name="dragonfly-inetd",
        tokens=_FREEBSD_TOKENS,
        source="DragonFly usr.sbin/inetd/inetd.c: getconfigent (v4bind and v6bind are set once and not reset at `more`), setup; inetd.8",
    ),
    InetdBuild(
        name="netbsd-inetd",
        tokens=_NETBSD_TOKENS,
        builtins=(*_BUILTINS, "tcpmux"),
        numeric_ports=True,
        host_prefix=True,
        brackets=True,
        default_host_ends=True,
        maps_hosts=False,
        quotes=True,
        trims=False,
        comment_anywhere=False,
        continuation=True,
        rereads_line=False,
        looks_at_server=False,
        merges_wildcards=False,
        builtin_ends_entry=True,
        builtin_leaks_address=False,
        adds_tcpmux=False,
        max_args=64,
        excess_args_cost_line=False,
        line_limit=2048,
        suffix=Suffix.COLON,
        rate_offset=1,
        user_group=":.",
        bad_user_costs_entry=False,
        short_line_kills=False,
        rebind_conflict=True,
        heals="reload",
        source="NetBSD/src usr.sbin/inetd parse.c (getconfigent, parse_protocol, skip, include_configs, is_same_service) and parse_v2.c 1.6"
        " (parse_syntax_v2, next_value, infer_protocol_ip_version); inetd.8; read, never run",
        last_character=True,
        named_by_type=True,
        buffers=True,
        unix=True,
        rpc=_BOTH,
        faith=True,
        tcpmux=True,
        keyed=True,
        option_names=(
            *("bind", "socktype", "acceptfilter", "protocol", "sndbuf", "recvbuf", "wait", "service_max", "user", "group", "exec", "args"),
            *("ip_max", "ipsec"),
        ),
        pragma=Pragma.FILE,
        host_apart=True,
        host_lists=False,
        empty_host=None,
        spawn=Spawn(connections=40, beyond=_OFF),
        backlog=128,
        access="libwrap, for every service, in the child (built with LIBWRAP); -l logs",
        pid_file="/var/run/inetd.pid",
        matches=("service", "address as written", "protocol", "family", _MUX),
        rebinds_all=True,
        missing_file_kills=False,
        retry=600,
        options="-d, -f (stay in the foreground), -l; none for a family or a rate",
    ),
    InetdBuild(
        name="openbsd-inetd",
        tokens=_OPENBSD_TOKENS,
        builtins=_BUILTINS,
        numeric_ports=True,
        host_prefix=True,
        brackets=True,
        default_host_ends=True,
        maps_hosts=False,
        quotes=False,
        trims=False,
        comment_anywhere=False,
        continuation=True,
        rereads_line=False,
        looks_at_server=False,
        merges_wildcards=False,
        builtin_ends_entry=True,
        builtin_leaks_address=False,
        adds_tcpmux=False,
        max_args=20,
        excess_args_cost_line=False,
        line_limit=1024,
        suffix=Suffix.RATE,
        rate_offset=1,
        user_group=".:",
        bad_user_costs_entry=False,
        short_line_kills=False,
        rebind_conflict=True,
        heals="reload",
        source="OpenBSD inetd.c 1.162 (2020/12/30, as in Debian's orig tarball): config, getconfigent, setup; read, never run",
        last_character=True,
        strips_digit=True,
        unix=True,
        rpc=_BOTH,
        tcpmux=False,
        host_apart=True,
        empty_host=True,
        spawn=Spawn(connections=256, beyond=_OFF),
        backlog=10,
        access="none (tcp_wrappers went in OpenBSD 5.6)",
        pid_file="",
        matches=("service", "address as written", "protocol", "address"),
        rebinds_all=False,
        missing_file_kills=True,
        retry=600,
        options="-d, -R rate",
    ),
    # inetconv takes the lines over into SMF, once, where inetd then finds them: a line is lost when inetconv rejects it.
    InetdBuild(
        name="illumos-inetconv",
        tokens=tuple(
            Token(name=f"{kind.value}{suffix}", transport=kind, opens=opens)
            for kind in (_TCP, _UDP)
            for suffix, opens in (
                ("", (Bound(family=_V4, key=kind.value),)),
                ("6", (Bound(family=_V6, key=f"{kind.value}6"),)),
                ("6only", ()),
            )
        ),
        manifests="/lib/svc/manifest/site",
        protos=tuple(
            Token(name=f"{kind.value}{suffix}", transport=kind, opens=(Bound(family=family, v6only=v6only, key=f"{kind.value}{suffix}"),))
            for kind in (_TCP, _UDP)
            for suffix, family, v6only in (("", _V4, None), ("6only", _V6, True), ("6", _V6, None))
        ),
        builtins=(),
        numeric_ports=False,
        host_prefix=False,
        brackets=False,
        default_host_ends=True,
        maps_hosts=False,
        quotes=False,
        trims=False,
        comment_anywhere=True,
        continuation=False,
        rereads_line=False,
        looks_at_server=True,
        merges_wildcards=False,
        builtin_ends_entry=False,
        builtin_leaks_address=False,
        adds_tcpmux=False,
        max_args=None,
        excess_args_cost_line=False,
        line_limit=32768,
        suffix=Suffix.NONE,
        rate_offset=0,
        user_group="",
        bad_user_costs_entry=True,
        short_line_kills=False,
        rebind_conflict=False,
        heals="restart",
        source="illumos usr.sbin/inetconv/inetconv.c: fgetinetconfent, line_to_inetconfent, valid_inetconfent, open_dstfile; libinetsvc"
        " valid_props; inetd.conf(5): a tcp6 server also handles IPv4 clients;"
        " manifests: usr.lib/inetd inetd.c (create_bound_socket), usr/src/pkg/manifests/SUNWcs.p5m; read, never run",
        unix=False,
        rpc=_BOTH,
        faith=False,
        tcpmux=False,
        strict_wait=True,
        dgram_waits=True,
        first_wins=True,
        cuts_lines=False,
        newline_needed=True,
        spawn=Spawn(connections=None, beyond="nothing, until the properties max_con_rate, con_rate_offline and max_copies say a limit"),
        access="the property tcp_wrappers, for stream services with nowait",
        pid_file="",
        matches=("SMF instance",),
        options="properties: bind_addr, bind_fail_interval, bind_fail_max, conn_backlog, tcp_wrappers; proto = tcp6only is said there",
    ),
)
