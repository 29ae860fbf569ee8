"""Rows: kernels. No functions here.

A matrix maps the socket that is bound first to those that then fail, SO_REUSEADDR on both: 4 = 0.0.0.0, l = one IPv4 address,
6 = [::] v6only, D = [::] dual, m = one IPv6 address. `4` then `D` and `D` then `4` are two different questions. What is not known of a pair
stands beside the matrix, and is no `ok`.
"""

from inet46.knowledge.rows import Dual, Kernel, Owner
from inet46.sockets import Conflicts

__all__ = ["KERNELS"]

_LINUX_TCP = Conflicts((("4", "4lD"), ("l", "4lD"), ("6", "6Dm"), ("D", "4l6Dm"), ("m", "6Dm")))
# SO_REUSEADDR on both UDP sockets lets everything through; "no error" does not mean one owner.
_LINUX_UDP = Conflicts(())
_FREEBSD = Conflicts((("4", "4"), ("l", "l"), ("6", "6D"), ("D", "46D"), ("m", "m")))
_NEVER = Conflicts((("4", "4"), ("l", "l"), ("6", "6D"), ("D", "6D"), ("m", "m")))
# The IPv4 and IPv6 sockets of these leave one another alone; what an IPv6 address does beside the wildcard of its family was read nowhere.
_APART = Conflicts((("4", "4"), ("l", "l"), ("6", "6"), ("m", "m")), unknown=(("4", "l"), ("l", "4"), ("6", "m"), ("m", "6")))
# 7.99.34, measured: as _NEVER. The control blocks of TCP and UDP over both families were merged afterwards (2022), in code that was not
# read: of the pairs with a dual socket only those that fail on every kernel are sure.
_NETBSD = Conflicts(
    (("4", "4"), ("l", "l"), ("6", "6D"), ("D", "6D"), ("m", "m")), unknown=(("4", "D"), ("l", "D"), ("D", "4lm"), ("m", "D"))
)
_ILLUMOS = Conflicts(
    (("4", "4"), ("l", "l"), ("6", "6D"), ("D", "6D"), ("m", "m")),
    unknown=(("4", "l"), ("l", "4"), ("6", "m"), ("D", "m"), ("m", "6D")),
)

KERNELS = (
    Kernel(
        name="linux",
        v6only_default=False,
        knob="net.ipv6.bindv6only",
        dual=Dual.PER_SOCKET,
        tcp=_LINUX_TCP,
        udp=_LINUX_UDP,
        owner=Owner.NATIVE,
        source="linux net/ipv6/af_inet6.c, net/ipv4/inet_connection_sock.c; measured: tests/test_kernel.py",
    ),
    Kernel(
        name="freebsd-4",
        v6only_default=False,
        knob="net.inet6.ip6.v6only",
        dual=Dual.GOVERNED,
        tcp=_NEVER,
        udp=_NEVER,
        owner=Owner.NATIVE,
        source="KAME IMPLEMENTATION 1.12, sys/netinet6 of RELENG_4 (udp6_bind: ip6_mapped_addr_on); read, never run",
    ),
    Kernel(
        name="freebsd-14",
        v6only_default=True,
        knob="net.inet6.ip6.v6only",
        dual=Dual.PER_SOCKET,
        tcp=_FREEBSD,
        udp=_FREEBSD,
        owner=Owner.NEWEST,
        source="measured on a booted 14.0-STABLE kernel: 600 ordered pairs of sockets; in_pcblookup_hash_wild_smr",
    ),
    Kernel(
        name="netbsd-10",
        v6only_default=True,
        knob="net.inet6.ip6.v6only",
        dual=Dual.PER_SOCKET,
        tcp=_NETBSD,
        udp=_NETBSD,
        owner=Owner.UNKNOWN,
        source="sys/netinet6/in6_proto.c: ip6_v6only = 1; measured on a booted stack of 7.99.34 (300 ordered pairs, UDP as TCP, the native"
        " IPv4 socket is preferred), which is older than the merge of the control blocks in 2022",
    ),
    Kernel(
        name="openbsd-7",
        v6only_default=True,
        knob=None,
        dual=Dual.NEVER,
        tcp=_APART,
        udp=_APART,
        owner=Owner.NATIVE,
        source="openbsd/src sys/netinet6: in6_pcbbind refuses mapped addresses, ip6_ctloutput answers IPV6_V6ONLY=0 with EINVAL; ip6(4);"
        " the sysctl went in 6.0; read, never run",
    ),
    Kernel(
        name="dragonfly-6",
        v6only_default=True,
        knob=None,
        dual=Dual.NEVER,
        tcp=_APART,
        udp=_APART,
        owner=Owner.NATIVE,
        source="DragonFly sys/netinet6/ip6_output.c: ip6_ctloutput answers IPV6_V6ONLY=0 with EOPNOTSUPP; net.inet6.ip6.v6only is there"
        " and binds nothing (in6_pcb.c); read, never run",
    ),
    Kernel(
        name="illumos",
        v6only_default=False,
        knob=None,
        dual=Dual.PER_SOCKET,
        tcp=_ILLUMOS,
        udp=_ILLUMOS,
        owner=Owner.UNKNOWN,
        source="illumos tcp_bind.c: tcp_bindi (port numbers of IPv4 and IPv6 sockets are disjoint without EXCLBIND), tcp_bind_check;"
        " read, never run",
    ),
    Kernel(
        name="macos",
        v6only_default=False,
        knob="net.inet6.ip6.v6only",
        dual=Dual.PER_SOCKET,
        tcp=_FREEBSD,
        udp=_FREEBSD,
        owner=Owner.NATIVE,
        source="xnu-11417 bsd/netinet/in_pcb.c (in_pcbbind), bsd/netinet6/in6_pcb.c (in6_pcbbind), in6_proto.c; read, never run",
    ),
)
