"""Rows: kernels. No functions here.

A matrix maps the socket that is bound first to those that then fail, SO_REUSEADDR on both: 4 = 0.0.0.0, l = one IPv4 address,
6 = [::] v6only, D = [::] dual, m = one IPv6 address. `4` then `D` and `D` then `4` are two different questions.
"""

from inet46.knowledge.rows import Dual, Kernel, Owner
from inet46.sockets import Conflicts

__all__ = ["KERNELS"]

_LINUX_TCP = Conflicts((("4", "4lD"), ("l", "4lD"), ("6", "6Dm"), ("D", "4l6Dm"), ("m", "6Dm")))
# SO_REUSEADDR on both UDP sockets lets everything through; "no error" does not mean one owner.
_LINUX_UDP = Conflicts(())
_FREEBSD = Conflicts((("4", "4"), ("l", "l"), ("6", "6D"), ("D", "46D"), ("m", "m")))
_NEVER = Conflicts((("4", "4"), ("l", "l"), ("6", "6D"), ("D", "6D"), ("m", "m")))

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
)
