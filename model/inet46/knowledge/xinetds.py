"""Rows: xinetds. No functions here."""

import attrs

from inet46.knowledge.rows import XinetdBuild
from inet46.sockets import Family

__all__ = ["XINETDS"]

_DEBIAN = XinetdBuild(
    name="xinetd-2.3.15.3-debian",
    default_family=Family.IPV6,
    sets_v6only=True,
    both_flags_disable=False,
    disable_is_final=True,
    falls_back=True,
    rlimit_files=True,
    builtins=("echo", "discard", "daytime", "time", "chargen", "tcpmux"),
    compat="xinetd-compat-dual",
    compat_default=True,
    plain_ipv4=False,
    writes_protocol=False,
    writes_disable=True,
    source="Debian 1:2.3.15.3-1+b1 (the openSUSE fork): service_fill, activate_normal; measured: tests/test_daemons.py",
    wraps=True,
)

XINETDS = (
    XinetdBuild(
        name="xinetd-2.3.12",
        default_family=Family.IPV4,
        sets_v6only=True,
        both_flags_disable=True,
        disable_is_final=False,
        falls_back=False,
        rlimit_files=False,
        builtins=("echo", "discard", "daytime", "time", "chargen", "tcpmux"),
        compat="xinetd-compat-ipv4",
        compat_default=False,
        plain_ipv4=True,
        writes_protocol=True,
        writes_disable=False,
        source="xinetd 2.3.12 (2003-08, current when FreeBSD 4.9 came out): service.c activate_normal; UW-IMAP docs/IPv6.txt",
    ),
    XinetdBuild(
        name="xinetd-2.3.15",
        default_family=Family.IPV4,
        sets_v6only=True,
        both_flags_disable=True,
        disable_is_final=False,
        falls_back=False,
        rlimit_files=False,
        builtins=("echo", "discard", "daytime", "time", "chargen", "tcpmux"),
        compat="xinetd-compat-ipv4",
        compat_default=False,
        plain_ipv4=False,
        writes_protocol=True,
        writes_disable=False,
        source="xinetd 2.3.15 and FreeBSD's security/xinetd, whose patches touch no family; run on Linux as built from source",
    ),
    XinetdBuild(
        name="xinetd-2.3.15-fedora",
        default_family=Family.IPV6,
        sets_v6only=True,
        both_flags_disable=True,
        disable_is_final=False,
        falls_back=True,
        rlimit_files=True,
        builtins=("echo", "discard", "daytime", "time", "chargen", "tcpmux"),
        compat="xinetd-compat-dual",
        compat_default=False,
        plain_ipv4=False,
        writes_protocol=False,
        writes_disable=True,
        source="Fedora 2:2.3.15-34: bind-ipv6 patch (changelog, bz#195265); read, not run",
        wraps=True,
    ),
    _DEBIAN,
    attrs.evolve(
        _DEBIAN,
        name="xinetd-2.3.15.4-debian",
        dgram_waits=True,
        source="Debian 1:2.3.15.4-5 (the openSUSE fork, 2018-08): check_entry, 'has socket_type dgram, but does not wait'; read, not run",
    ),
    attrs.evolve(
        _DEBIAN,
        name="xinetd-2.3.15.4-opensuse",
        dgram_waits=True,
        compat_default=False,
        source="the fork itself, 2.3.15.1 (2017-05) to its last commit (2020-11): service_fill, activate_normal, check_entry; not run",
    ),
)
