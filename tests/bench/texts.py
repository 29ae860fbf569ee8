"""Configurations of any size, as people write them."""

from __future__ import annotations

import attrs

from inet46.knowledge import Host, resolve

HOSTS = {"inetd.conf": "debian-12/openbsd-inetd", "xinetd.d": "debian-12/xinetd"}


_PORTS = 60_000  # of one transport
_WORDS = {"tcp": ("stream", "no"), "udp": ("dgram", "yes")}


def text(kind: str, entries: int) -> str:
    """An inetd.conf, or what stands in xinetd.d, with so many entries, each with a port of its own: no two are in each other's way."""
    return "".join(_entry(kind, i) for i in range(entries))


def _entry(kind: str, i: int) -> str:
    transport = _transport(i)
    socket_type, wait = _WORDS[transport]
    if kind == "inetd.conf":
        return _LINE.format(i=i, p=i % 50, kind=socket_type, transport=transport, wait="nowait" if wait == "no" else "wait")
    return _PARAGRAPH.format(i=i, p=i % 50, kind=socket_type, transport=transport, wait=wait)


def _transport(i: int) -> str:
    return "tcp" if i < _PORTS else "udp"


def host(kind: str, entries: int) -> Host:
    """The host that reads it, with the names in its /etc/services."""
    known = resolve(HOSTS[kind])
    names = {f"svc{i}/{_transport(i)}": 1024 + i % _PORTS for i in range(entries)}
    return attrs.evolve(known, policy=attrs.evolve(known.policy, services=names))


_LINE = "svc{i}\t{kind}\t{transport}\t{wait}\troot\t/usr/sbin/daemon{p}\tdaemon{p} -x {i}\n"
_PARAGRAPH = """\
# number {i}
service svc{i}
{{
\tdisable\t\t= no
\tflags\t\t= IPv6
\tsocket_type\t= {kind}
\tprotocol\t= {transport}
\twait\t\t= {wait}
\tuser\t\t= root
\tserver\t\t= /usr/sbin/daemon{p}
\tserver_args\t= -x {i}
}}

"""
