"""Rows: inetds, one for each build that reads its own inetd.conf differently. No functions here.

The order of the tokens is the order of preference when a socket has to be spelled: the first token that opens exactly it is written.
"""

import attrs

from inet46.knowledge.rows import Bound, InetdBuild, Protocols, Suffix, Token
from inet46.sockets import Family, Transport

__all__ = ["INETDS"]

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
# In 4.x days plain tcp was the customary spelling, and it is what UW-IMAP documents.
_FREEBSD_4_TOKENS = tuple(sorted(_FREEBSD_TOKENS, key=lambda token: token.name in {"tcp4", "udp4"}))

_FREEBSD = InetdBuild(
    name="freebsd-inetd",
    tokens=_FREEBSD_TOKENS,
    protocols=Protocols.LISTED,
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
    builtin_ends_entry=False,
    builtin_leaks_address=False,
    port_modulus=None,
    binds_lists_backwards=False,
    adds_tcpmux=False,
    max_args=20,
    excess_args_cost_line=True,
    line_limit=2048,
    suffix=Suffix.CHILDREN,
    rate_offset=0,
    user_group=":",
    bad_user_costs_entry=True,
    empty_group_is_one=False,
    version_behind_slash=False,
    short_line_kills=True,
    rebind_conflict=True,
    heals="signal ALRM",
    source="freebsd-src usr.sbin/inetd/inetd.c: getconfigent, setup, config; measured with FreeBSD 14's inetd on kernels 10.4, 12.1 and 14",
)

INETDS = (
    _FREEBSD,
    attrs.evolve(
        _FREEBSD,
        name="freebsd-4-inetd",
        tokens=_FREEBSD_4_TOKENS,
        source="DragonFly usr.sbin/inetd/inetd.c, which descends from RELENG_4 (inetd.8 1.46.2.13); UW-IMAP docs/IPv6.txt",
    ),
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
        protocols=Protocols.LAST_DIGIT,
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
        port_modulus=None,
        binds_lists_backwards=True,
        adds_tcpmux=False,
        max_args=20,
        excess_args_cost_line=False,
        line_limit=1024,
        suffix=Suffix.RATE,
        rate_offset=1,
        user_group=".:",
        bad_user_costs_entry=False,
        empty_group_is_one=False,
        version_behind_slash=False,
        short_line_kills=False,
        rebind_conflict=True,
        heals="reload",
        unmaps_hosts=True,
        source="openbsd-inetd 0.20221205-2~deb12u1 with debian/patches/default_v4v6; measured: tests/test_daemons.py",
    ),
    InetdBuild(
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
        protocols=Protocols.PREFIX,
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
        port_modulus=1 << 16,
        binds_lists_backwards=False,
        adds_tcpmux=True,
        max_args=None,
        excess_args_cost_line=False,
        line_limit=None,
        suffix=Suffix.RATE,
        rate_offset=0,
        user_group=":.",
        bad_user_costs_entry=True,
        empty_group_is_one=False,
        version_behind_slash=False,
        short_line_kills=False,
        rebind_conflict=True,
        heals="reload",
        picks_port=True,
        unmaps_hosts=True,
        source="inetutils 2.4-2+deb12u3 with debian/patches/0003, same as upstream 2.6; measured: tests/test_daemons.py",
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
        protocols=Protocols.STRICT,
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
        port_modulus=None,
        binds_lists_backwards=False,
        adds_tcpmux=False,
        max_args=20,
        excess_args_cost_line=False,
        line_limit=None,
        suffix=Suffix.RATE,
        rate_offset=1,
        user_group=".:",
        bad_user_costs_entry=False,
        empty_group_is_one=False,
        version_behind_slash=False,
        short_line_kills=False,
        rebind_conflict=True,
        heals="reload",
        strict=True,
        picks_port=True,
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
            protocols=Protocols.ETC_PROTOCOLS,
            builtins=(*(name for name in _BUILTINS if name != "discard"), "tcpmux"),  # "not supported", inet.c says
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
            port_modulus=None,
            binds_lists_backwards=False,
            adds_tcpmux=False,
            max_args=None,
            excess_args_cost_line=False,
            line_limit=None,
            suffix=Suffix.NONE,
            rate_offset=0,
            user_group=".",
            bad_user_costs_entry=True,
            empty_group_is_one=True,
            version_behind_slash=True,
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
