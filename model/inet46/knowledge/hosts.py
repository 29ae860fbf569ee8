"""Rows: releases, and which super-server they ship in which build. No functions here. The names are part of the interface."""

from inet46.knowledge.rows import HostRow, Place, Setting
from inet46.sockets import Family

__all__ = ["HOSTS"]

_FREEBSD_4_MAPPING = (
    Setting(place=Place.RC_CONF, key="ipv6_enable", value="YES"),
    Setting(place=Place.RC_CONF, key="ipv6_ipv4mapping", value="YES"),
    Setting(place=Place.LIVE, key="net.inet6.ip6.v6only", value="0"),
)
_FREEBSD_MAPPING = (
    Setting(place=Place.RC_CONF, key="ipv6_ipv4mapping", value="YES", script="netoptions"),
    Setting(place=Place.LIVE, key="net.inet6.ip6.v6only", value="0"),
)
_LINUX_MAPPING = (
    Setting(place=Place.SYSCTL, key="net.ipv6.bindv6only", value="0"),
    Setting(place=Place.LIVE, key="net.ipv6.bindv6only", value="0"),
)
# rc.network6 of 4.x turns mapped addresses off at boot unless ipv6_ipv4mapping says YES, whatever the kernel's own default is.
_FREEBSD_4_BOOTS = (("net.inet6.ip6.v6only", "1"),)
# A reload binds in file order while the old dual socket is still open: IPv6 first re-makes that one and leaves room for IPv4.
_V6_FIRST = (Family.IPV6, Family.IPV4)

HOSTS = (
    HostRow(
        name="freebsd-4.9/inetd",
        kernel="freebsd-4",
        server="freebsd-4-inetd",
        config="/etc/inetd.conf",
        directory=None,
        daemon="/usr/sbin/inetd",
        unit="inetd",
        mapping=_FREEBSD_4_MAPPING,
        settings=_FREEBSD_4_BOOTS,
        source="UW-IMAP docs/IPv6.txt; etc/rc.network6 of RELENG_4: network6_pass1; simulated, never run here",
    ),
    HostRow(
        name="freebsd-4.9/xinetd",
        kernel="freebsd-4",
        server="xinetd-2.3.12",
        config="/usr/local/etc/xinetd.conf",
        directory="/usr/local/etc/xinetd.d",
        daemon="/usr/local/sbin/xinetd",
        unit="xinetd",
        mapping=_FREEBSD_4_MAPPING,
        settings=_FREEBSD_4_BOOTS,
        source="UW-IMAP docs/IPv6.txt; freebsd-ports security/xinetd; simulated, never run here",
    ),
    HostRow(
        name="freebsd-14/inetd",
        kernel="freebsd-14",
        server="freebsd-inetd",
        config="/etc/inetd.conf",
        directory=None,
        daemon="/usr/sbin/inetd",
        unit="inetd",
        mapping=_FREEBSD_MAPPING,
        order=_V6_FIRST,
        source="inetd and kernel of 14.0-STABLE, run outside this project's lab; libexec/rc/rc.d/netoptions, inetd",
    ),
    HostRow(
        name="freebsd-14/xinetd",
        kernel="freebsd-14",
        server="xinetd-2.3.15",
        config="/usr/local/etc/xinetd.conf",
        directory="/usr/local/etc/xinetd.d",
        daemon="/usr/local/sbin/xinetd",
        unit="xinetd",
        mapping=_FREEBSD_MAPPING,
        source="freebsd-ports security/xinetd 2.3.15_2, files/xinetd.in; simulated, never run here",
    ),
    HostRow(
        name="debian-12/openbsd-inetd",
        kernel="linux",
        server="debian-openbsd-inetd",
        config="/etc/inetd.conf",
        directory=None,
        daemon="/usr/sbin/inetd",
        unit="openbsd-inetd",
        mapping=_LINUX_MAPPING,
        source="openbsd-inetd 0.20221205-2~deb12u1; measured: tests/test_daemons.py and the lab",
    ),
    HostRow(
        name="debian-12/inetutils-inetd",
        kernel="linux",
        server="debian-inetutils-inetd",
        config="/etc/inetd.conf",
        directory="/etc/inetd.d",
        daemon="/usr/sbin/inetutils-inetd",
        unit="inetutils-inetd",
        mapping=_LINUX_MAPPING,
        source="inetutils-inetd 2:2.4-2+deb12u3; measured: tests/test_daemons.py and the lab",
    ),
    HostRow(
        name="debian-12/xinetd",
        kernel="linux",
        server="xinetd-2.3.15.3-debian",
        config="/etc/xinetd.conf",
        directory="/etc/xinetd.d",
        daemon="/usr/sbin/xinetd",
        unit="xinetd",
        mapping=_LINUX_MAPPING,
        source="xinetd 1:2.3.15.3-1+b1; measured: tests/test_daemons.py and the lab",
    ),
    HostRow(
        name="fedora-33/xinetd",
        kernel="linux",
        server="xinetd-2.3.15-fedora",
        config="/etc/xinetd.conf",
        directory="/etc/xinetd.d",
        daemon="/usr/sbin/xinetd",
        unit="xinetd",
        mapping=_LINUX_MAPPING,
        source="xinetd 2:2.3.15-34.fc33, spec file and changelog; read, not run",
    ),
    HostRow(
        name="linux/busybox-inetd",
        kernel="linux",
        server="busybox-inetd",
        config="/etc/inetd.conf",
        directory=None,
        daemon="/usr/sbin/inetd",
        unit="inetd",
        mapping=_LINUX_MAPPING,
        source="busybox with CONFIG_INETD, which Debian's own leaves out; built from Debian's source and measured: tests/test_daemons.py",
    ),
)
