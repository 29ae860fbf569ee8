"""What the socket type and the protocol field of a line mean together, on one build: what its row lists, and its rule for all the rest.

The daemons hardly look at the protocol: openbsd-inetd makes a socket of the socket type and of the last character, inetutils of the first
four. Sources: openbsd-inetd inetd.c (getconfigent, config, setup) with debian/patches/default_v4v6; inetutils inetd.c (getconfigent,
expand_enter); xinetd inet.c (get_next_inet_entry); glibc getaddrinfo (gaih_inet_typeproto); measured.
"""

from __future__ import annotations

import re

import attrs

from inet46.formats.inetd.outcomes import Lost, Quiet, Unknown
from inet46.knowledge import PROTOCOLS, Bound, InetdBuild, Protocols, Token
from inet46.sockets import Family, Transport

__all__ = ["Meaning", "meaning", "read_twice"]

_TYPES = {transport.socket_type: transport for transport in Transport}
_OTHER_TYPES = {"raw", "rdm", "seqpacket"}
_PROTONAME = 10  # openbsd-inetd looks a service up under what fits into 11 bytes of its protocol


@attrs.frozen(kw_only=True)
class Meaning:
    """What a line opens: the token, the transport by which its service name is looked up, and whether it is an RPC program."""

    token: Token
    looked_up: Transport
    rpc: bool = False


def meaning(build: InetdBuild, socket_type: str, protocol: str) -> Meaning:
    """Return what the two fields mean.

    Raises Lost, Quiet or Unknown.
    """
    if build.protocols is Protocols.ETC_PROTOCOLS:
        socket_type = socket_type.lower()
    for token in build.tokens:
        if token.name == protocol and token.transport.socket_type == socket_type:
            if not token.opens:
                raise Lost("I115", "unknown-protocol", f"protocol {protocol} is none to this inetd; the line is lost")
            return Meaning(token=token, looked_up=token.transport)
    match build.protocols:
        case Protocols.STRICT:
            return _strict(build, socket_type, protocol)
        case Protocols.LAST_DIGIT:
            return _by_last_digit(socket_type, protocol)
        case Protocols.PREFIX:
            return _by_prefix(socket_type, protocol)
        case Protocols.ETC_PROTOCOLS:
            raise _no_protocol(build, socket_type, protocol)
        case Protocols.LISTED:
            raise _not_listed(socket_type, protocol)


def _strict(build: InetdBuild, socket_type: str, protocol: str) -> Meaning:
    """Find a token where every protocol is known or lost; a type that is neither stream nor dgram is not looked at yet."""
    if protocol == "unix":
        raise Quiet(f"a socket in the file system, of type {socket_type}")
    token = next((token for token in build.tokens if token.name == protocol and token.opens), None)
    if token is None:
        raise Lost("I115", "unknown-protocol", f"protocol {protocol} is none to this inetd; the line is lost")
    if socket_type in _TYPES:
        raise Lost("I103", "unknown-socket-type", f"a {socket_type} socket does not go with protocol {protocol}; the line is lost")
    return Meaning(token=token, looked_up=token.transport)


def _transport(socket_type: str) -> Transport:
    if socket_type not in _TYPES:
        kinds = "stream, dgram"
        raise Lost("I103", "unknown-socket-type", f"socket type {socket_type!r} is not one of {kinds}; the line is lost")
    return _TYPES[socket_type]


def _by_last_digit(socket_type: str, protocol: str) -> Meaning:
    """Read `name[,rcvbuf=SIZE][,sndbuf=SIZE]`; without 4 or 6 at its end the line is read twice, for IPv6 with a 6 behind the name."""
    name = _without_buffers(protocol)
    if name == "unix":
        raise Quiet(f"a socket in the file system, of type {socket_type}")
    transport = _transport(socket_type)
    keys = [(name, name.endswith("6"))] if name.endswith(("4", "6")) else [(name, False), (f"{name}6", True)]
    opens = tuple(_bound(key, Family.IPV6 if six else Family.IPV4) for key, six in keys)
    base = Transport.UDP if name.startswith("udp") else Transport.TCP if name.startswith("tcp") else transport
    token = Token(name=protocol, transport=transport, opens=opens, named=any(bound.named for bound in opens))
    return Meaning(token=token, looked_up=base, rpc=name.startswith("rpc/"))


def read_twice(protocol: str) -> bool:
    """Return True if openbsd-inetd reads a line with this protocol a second time, for its IPv6 half."""
    try:
        name = _without_buffers(protocol)
    except (Lost, Unknown):
        return False
    return name != "unix" and not name.endswith(("4", "6"))


def _bound(key: str, family: Family) -> Bound:
    """Set IPV6_V6ONLY as setup does, and look at what getservbyname(3) is asked for, as config does."""
    v6only = None if family is Family.IPV4 else True if key.startswith("tcp6") else False if key.startswith("tcp46") else None
    cut = key[:_PROTONAME]
    asked = re.split(r"[0-9]", cut)[0] if family is Family.IPV4 else re.sub(r"[0-9]\Z", "", cut)
    return Bound(family=family, v6only=v6only, key=key, named=asked in {"tcp", "udp"} or key.startswith("rpc/"))


def _without_buffers(protocol: str) -> str:
    name, *buffers = protocol.split(",")
    malformed = Lost("I118", "malformed-buffer-size", f"{protocol!r} has a malformed buffer size; the line is lost")
    if len(buffers) > 2:
        raise malformed
    for place, buffer in enumerate(buffers):
        match = re.fullmatch(r"(sndbuf|rcvbuf)=([0-9]+)(.?)", buffer, re.DOTALL)
        if match is None or int(match[2]) == 0:
            raise malformed
        if not match[3]:
            if place + 1 < len(buffers):
                raise malformed  # the digit behind the end of the number is looked at, and the next buffer stands there
            raise Unknown(f"the size in {protocol!r} ends in no k and no m, and inetd looks at what stands in memory behind it")
    return name


def _by_prefix(socket_type: str, protocol: str) -> Meaning:
    """Look at `tcp` or `udp` and the character behind it; any other name has to stand in /etc/protocols and to fit the socket type."""
    prefix, rest = protocol[:3], protocol[3:]
    usual = prefix in {"tcp", "udp"}
    name = prefix if usual else PROTOCOLS.get(protocol)
    if name is None:
        raise Lost("I115", "unknown-protocol", f"protocol {protocol} is none to this inetd; the line is lost")
    transport = _transport(socket_type) if socket_type not in _OTHER_TYPES else None
    fits = {Transport.TCP: {"tcp", "sctp", "ip"}, Transport.UDP: {"udp", "udplite", "ip"}}
    if transport is None or name not in fits[transport]:
        raise Lost("I119", "type-and-protocol", f"a {socket_type} socket with protocol {protocol} is none; the line is lost")
    six = usual and rest.startswith("6")
    bound = Bound(family=Family.IPV6 if six else Family.IPV4, v6only=rest == "6only" if six else None, key=protocol)
    named = name in {"tcp", "udp", "ip"}
    return Meaning(token=Token(name=protocol, transport=transport, opens=(bound,), named=named), looked_up=transport)


def _no_protocol(build: InetdBuild, socket_type: str, protocol: str) -> Exception:
    """Say why xinetd opens no TCP and no UDP socket here: the protocol has to exist, and the service to be listed under that very name."""
    if socket_type not in _TYPES and socket_type not in _OTHER_TYPES:
        return Lost("I103", "unknown-socket-type", f"socket type {socket_type!r} is not one of stream, dgram; the line is lost")
    if "rpc" in protocol:
        return Unknown(f"protocol {protocol}")
    if protocol not in PROTOCOLS:
        return Lost("I115", "unknown-protocol", f"protocol {protocol} not in /etc/protocols; the line is lost")
    names = ", ".join(token.name for token in build.tokens if token.opens)
    return Lost("I119", "type-and-protocol", f"a {socket_type} socket with protocol {protocol}, and not {names}: the line is lost")


def _not_listed(socket_type: str, protocol: str) -> Exception:
    """Say what is not known of a protocol that stands in no row."""
    if socket_type not in _TYPES and socket_type not in _OTHER_TYPES:
        return Lost("I103", "unknown-socket-type", f"socket type {socket_type!r} is not one of stream, dgram; the line is lost")
    return Unknown(f"{socket_type} socket with protocol {protocol}" if protocol.startswith(("tcp", "udp")) else f"protocol {protocol}")
