"""Configurations of any size, as people write them."""

from __future__ import annotations

import attrs

from inet46.knowledge import Host, resolve

HOSTS = {"inetd.conf": "debian-12/openbsd-inetd", "xinetd.d": "debian-12/xinetd"}


def text(kind: str, entries: int) -> str:
    """An inetd.conf, or what stands in xinetd.d, with so many entries, each with a port of its own name."""
    return "".join(_LINE.format(i=i, p=i % 50) if kind == "inetd.conf" else _PARAGRAPH.format(i=i, p=i % 50) for i in range(entries))


def host(kind: str, entries: int) -> Host:
    """The host that reads it, with the names in its /etc/services; beyond 60,000 the ports begin again with UDP in mind no more."""
    known = resolve(HOSTS[kind])
    return attrs.evolve(known, policy=attrs.evolve(known.policy, services={f"svc{i}/tcp": 1024 + i % 60000 for i in range(entries)}))


_LINE = "svc{i}\tstream\ttcp\tnowait\troot\t/usr/sbin/daemon{p}\tdaemon{p} -x {i}\n"
_PARAGRAPH = """\
# number {i}
service svc{i}
{{
\tdisable\t\t= no
\tflags\t\t= IPv6
\tsocket_type\t= stream
\tprotocol\t= tcp
\twait\t\t= no
\tuser\t\t= root
\tserver\t\t= /usr/sbin/daemon{p}
\tserver_args\t= -x {i}
}}

"""
