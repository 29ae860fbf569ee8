"""Rows: inetds, one for each build that reads its own inetd.conf differently. No functions here.

The order of the tokens is the order of preference when a socket has to be spelled: the first token that opens exactly it is written.
"""

import attrs

from inet46.knowledge.bsd_inetds import BSD_INETDS
from inet46.knowledge.rows import Bound, InetdBuild, Spawn, Suffix, Token
from inet46.sockets import Family, Transport

__all__ = ["INETDS"]

_TCP, _UDP = Transport.TCP, Transport.UDP
_V4, _V6 = Family.IPV4, Family.IPV6
_BUILTINS = ("echo", "discard", "daytime", "time", "chargen")

_BOTH = (_V4, _V6)
_OFF = "the service is switched off for ten minutes"

_INETUTILS = InetdBuild(
    name="debian-inetutils-inetd",
    tokens=(
        Token(name="tcp4", transport=_TCP, opens=(Bound(family=_V4, key="tcp4"),)),
        Token(name="tcp", transport=_TCP, opens=(Bound(family=_V4, key="tcp"),)),
        Token(name="tcp6only", transport=_TCP, opens=(Bound(family=_V6, v6only=True, key="tcp6only"),)),
        Token(name="tcp6", transport=_TCP, opens=(Bound(family=_V6, v6only=False, key="tcp6"),)),
        Token(name="tcp46", transport=_TCP, opens=(Bound(family=_V4, key="tcp46"),)),
        Token(name="tcp64", transport=_TCP, opens=(Bound(family=_V6, v6only=False, key="tcp64"),)),
        Token(name="udp4", transport=_UDP, opens=(Bound(family=_V4, key="udp4"),)),
        Token(name="udp", transport=_UDP, opens=(Bound(family=_V4, key="udp"),)),
        Token(name="udp6only", transport=_UDP, opens=(Bound(family=_V6, v6only=True, key="udp6only"),)),
        Token(name="udp6", transport=_UDP, opens=(Bound(family=_V6, v6only=False, key="udp6"),)),
        Token(name="udp46", transport=_UDP, opens=(Bound(family=_V4, key="udp46"),)),
    ),
    builtins=(*_BUILTINS, "tcpmux"),
    numeric_ports=True,
    host_prefix=True,
    brackets=False,
    default_host_ends=False,
    maps_hosts=True,
    quotes=True,
    trims=True,
    comment_anywhere=False,
    continuation=False,
    rereads_line=False,
    looks_at_server=False,
    merges_wildcards=True,
    builtin_ends_entry=False,
    builtin_leaks_address=True,
    adds_tcpmux=True,
    max_args=None,
    excess_args_cost_line=False,
    line_limit=None,
    suffix=Suffix.RATE,
    rate_offset=0,
    user_group=":.",
    bad_user_costs_entry=True,
    short_line_kills=False,
    rebind_conflict=True,
    heals="reload",
    unmaps_hosts=True,
    source="inetutils 2.4-2+deb12u3 with debian/patches/0003, same as upstream 2.6; measured: tests/test_daemons.py",
    unix=False,
    rpc=(),
    spawn=Spawn(connections=1000, beyond="the socket is closed, and no later attempt brings it back"),
    backlog=10,
    access="none in the daemon; tcpd as the server",
    pid_file="/run/inetd.pid",
    matches=("socket address", "service", "protocol"),
    rebinds_all=False,
    missing_file_kills=False,
    retry_listens=False,
    options="[FILE [FOLDER]], --environment, --resolve, -p FILE (pid file), -R rate",
)

INETDS = (
    *BSD_INETDS,
    InetdBuild(
        name="debian-openbsd-inetd",
        tokens=(
            Token(name="tcp", transport=_TCP, opens=(Bound(family=_V4, key="tcp"), Bound(family=_V6, v6only=True, key="tcp6"))),
            Token(name="tcp4", transport=_TCP, opens=(Bound(family=_V4, key="tcp4"),)),
            Token(name="tcp6", transport=_TCP, opens=(Bound(family=_V6, v6only=True, key="tcp6"),)),
            Token(name="tcp46", transport=_TCP, opens=(Bound(family=_V6, v6only=False, key="tcp46"),), named=False),
            Token(name="tcp64", transport=_TCP, opens=(Bound(family=_V4, key="tcp64"),)),
            Token(name="udp", transport=_UDP, opens=(Bound(family=_V4, key="udp"), Bound(family=_V6, key="udp6"))),
            Token(name="udp4", transport=_UDP, opens=(Bound(family=_V4, key="udp4"),)),
            Token(name="udp6", transport=_UDP, opens=(Bound(family=_V6, key="udp6"),)),
            Token(name="udp46", transport=_UDP, opens=(Bound(family=_V6, key="udp46"),), named=False),
        ),
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
        rereads_line=True,
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
        unmaps_hosts=True,
        source="openbsd-inetd 0.20221205-2~deb12u1 with debian/patches/default_v4v6; measured: tests/test_daemons.py",
        unix=True,
        rpc=_BOTH,
        tcpmux=False,
        empty_host=True,
        spawn=Spawn(connections=256, beyond=_OFF),
        backlog=128,
        access="none in the daemon; tcpd as the server",
        pid_file="/run/inetd.pid",
        matches=("service", "address as written", "protocol", "address"),
        rebinds_all=False,
        missing_file_kills=True,
        retry=600,
        options="-E (keep the environment), -i, -l, -q backlog, -R rate",
    ),
    _INETUTILS,
    attrs.evolve(
        _INETUTILS,
        name="inetutils-inetd-2.6",
        source="inetutils 2.6: src/inetd.c has tcp6 dual without Debian's patch, and the same retry and default-host line; read, not run",
    ),
    # A protocol is tcp or udp, with a 6 or without; what people write elsewhere stands here because it loses its line.
    InetdBuild(
        name="busybox-inetd",
        tokens=(
            Token(name="tcp", transport=_TCP, opens=(Bound(family=_V4, key="tcp"),)),
            Token(name="tcp6", transport=_TCP, opens=(Bound(family=_V6, key="tcp6"),)),
            Token(name="udp", transport=_UDP, opens=(Bound(family=_V4, key="udp"),)),
            Token(name="udp6", transport=_UDP, opens=(Bound(family=_V6, key="udp6"),)),
            *(
                Token(name=f"{kind.value}{digits}", transport=kind, opens=())
                for kind in (_TCP, _UDP)
                for digits in ("4", "46", "64", "6only")
            ),
        ),
        builtins=_BUILTINS,
        numeric_ports=True,
        host_prefix=True,
        brackets=True,
        default_host_ends=True,
        maps_hosts=False,
        quotes=False,
        trims=False,
        comment_anywhere=True,
        continuation=False,
        rereads_line=False,
        looks_at_server=False,
        merges_wildcards=False,
        builtin_ends_entry=False,
        builtin_leaks_address=False,
        adds_tcpmux=False,
        max_args=20,
        excess_args_cost_line=False,
        line_limit=None,
        suffix=Suffix.RATE,
        rate_offset=1,
        user_group=".:",
        bad_user_costs_entry=False,
        short_line_kills=False,
        rebind_conflict=True,
        heals="reload",
        unix=True,
        spawn=Spawn(connections=None, beyond="with -R or .max: the service pauses for 60 s"),
        backlog=128,
        access="none in the daemon; tcpd as the server",
        pid_file="/var/run/inetd.pid",
        matches=("address as written", "service", "protocol"),
        rebinds_all=False,
        missing_file_kills=False,
        retry=60,
        options="-e (log to stderr), -f, -q backlog, -R rate (0: none)",
        strict=True,
        backslash=True,
        glues_args=True,
        argv0_is_path=True,
        searches_path=True,
        keeps_addresses=True,
        keeps_type=True,
        retry_kills=True,
        source="busybox networking/inetd.c (parse_one_line, reread_config_file), libbb/parse_config.c, libbb/xconnect.c, all the same in "
        "1.35.0 and 1.37.0; Debian's 1:1.35.0-4+deb12u1, whose patches leave them alone, built and measured: tests/test_daemons.py",
    ),
    # xinetd's own reading of inetd.conf (-inetd_compat): the protocol has to stand in /etc/protocols, so tcp4 and tcp6 do not exist.
    *(
        InetdBuild(
            name=name,
            tokens=tuple(
                Token(name=f"{kind.value}{digits}", transport=kind, opens=() if digits else (bound,))
                for kind in (_TCP, _UDP)
                for digits in ("", "4", "6", "46", "64", "6only")
            ),
            builtins=tuple(name for name in _BUILTINS if name != "discard"),  # "not supported", inet.c says
            numeric_ports=False,
            host_prefix=False,
            brackets=False,
            default_host_ends=True,
            maps_hosts=False,
            quotes=False,
            trims=False,
            comment_anywhere=False,
            continuation=False,
            rereads_line=False,
            looks_at_server=False,
            merges_wildcards=False,
            builtin_ends_entry=False,
            builtin_leaks_address=False,
            adds_tcpmux=False,
            max_args=None,
            excess_args_cost_line=False,
            line_limit=None,
            suffix=Suffix.NONE,
            rate_offset=0,
            user_group=".",
            bad_user_costs_entry=True,
            short_line_kills=False,
            rebind_conflict=False,
            heals="restart",
            source="xinetd inet.c (parse_inet_conf), 2.3.15 and openSUSE 2.3.15.3; run on Linux",
        )
        for name, bound in (
            ("xinetd-compat-ipv4", Bound(family=_V4, key="")),
            ("xinetd-compat-dual", Bound(family=_V6, v6only=False, key="")),
        )
    ),
)
