"""What the socket type and the protocol field of an entry mean together, on one build: what its row lists, and its rule for all the rest.

The daemons hardly look at the protocol: openbsd-inetd makes a socket of the socket type and of the last character, inetutils of the first
four. Sources: openbsd-inetd inetd.c (getconfigent, config, setup) with debian/patches/default_v4v6; inetutils inetd.c (getconfigent,
expand_enter); xinetd inet.c (get_next_inet_entry); glibc getaddrinfo (gaih_inet_typeproto); measured. Those of the BSDs and of illumos
are read: FreeBSD inetd.c (getconfigent), NetBSD parse.c (parse_protocol), OpenBSD inetd.c, inetconv.c (valid_inetconfent).
"""

from __future__ import annotations

import re

import attrs

from inet46.formats._reading import NUMBER
from inet46.formats.inetd._costs import Aside, Lost, Unfit, Unknown
from inet46.knowledge import PROTOCOLS, Bound, InetdBuild, Protocols, Token
from inet46.sockets import Family, Transport

__all__ = ["SOCKET_TYPES", "Meaning", "meaning", "read_twice"]

SOCKET_TYPES = {transport.socket_type: transport for transport in Transport}
_OTHER_TYPES = {"raw", "rdm", "seqpacket"}
_PROTONAME = 10  # openbsd-inetd looks a service up under what fits into 11 bytes of its protocol


@attrs.frozen(kw_only=True)
class Meaning:
    """What an entry opens: the token, the transport by which its service name is looked up, and whether it is an RPC program.

    `extra` are the sizes of socket buffers.
    """

    token: Token
    looked_up: Transport
    rpc: bool = False
    extra: tuple[str, ...] = ()


def meaning(build: InetdBuild, socket_type: str, protocol: str, service: str) -> Meaning:
    """Return what the two fields mean.

    Raises Lost, Unknown, or Aside for what opens no socket of IPv4 or IPv6.
    """
    for token in build.tokens:
        if token.name == protocol and token.transport.socket_type == socket_type:
            return _opening(token)
    match build.protocols:
        case Protocols.STRICT:
            return _strict(build, socket_type, protocol, service)
        case Protocols.LAST_DIGIT:
            return _by_last_digit(build, socket_type, protocol, service)
        case Protocols.PREFIX:
            return _by_prefix(socket_type, protocol)
        case Protocols.ETC_PROTOCOLS:
            raise _not_in_etc(build, socket_type, protocol)
        case Protocols.LISTED:
            return _listed(build, socket_type, protocol, service)


def _opening(token: Token, extra: tuple[str, ...] = ()) -> Meaning:
    if not token.opens:
        raise _no_protocol(token.name)
    return Meaning(token=token, looked_up=token.transport, extra=extra)


def _no_protocol(name: str) -> Lost:
    return Lost("I115", "unknown-protocol", f"protocol {name} is none to this inetd; the line is lost")


def _no_type(socket_type: str) -> Lost:
    return Lost("I103", "unknown-socket-type", f"socket type {socket_type!r} is not one of stream, dgram; the line is lost")


def _unix(build: InetdBuild, service: str) -> Exception:
    if build.unix is None:
        return Unknown("protocol unix")
    if not build.unix:
        return _no_protocol("unix")
    return Aside(f"{service}: a socket in the file system, which neither IPv4 nor IPv6 reaches")


def _type(socket_type: str) -> Transport:
    if socket_type not in SOCKET_TYPES:
        raise _no_type(socket_type)
    return SOCKET_TYPES[socket_type]


# -- busybox ---------------------------------------------------------------------------------------------------------------------------


def _strict(build: InetdBuild, socket_type: str, protocol: str, service: str) -> Meaning:
    """Find a token where every protocol is known or lost; a type that is neither stream nor dgram is not looked at yet."""
    if protocol == "unix":
        raise _unix(build, service)
    token = next((token for token in build.tokens if token.name == protocol and token.opens), None)
    if token is None:
        raise _no_protocol(protocol)
    if socket_type in SOCKET_TYPES:
        raise Lost("I103", "unknown-socket-type", f"a {socket_type} socket does not go with protocol {protocol}; the line is lost")
    return _opening(token)


# -- openbsd-inetd of Debian -----------------------------------------------------------------------------------------------------------


def _by_last_digit(build: InetdBuild, socket_type: str, protocol: str, service: str) -> Meaning:
    """Read `name[,rcvbuf=SIZE][,sndbuf=SIZE]`; without 4 or 6 at its end the line is read twice, for IPv6 with a 6 behind the name."""
    name, sizes = _without_buffers(protocol, service)
    if name == "unix":
        raise _unix(build, service)
    transport = _type(socket_type)
    keys = [(name, name.endswith("6"))] if name.endswith(("4", "6")) else [(name, False), (f"{name}6", True)]
    opens = tuple(_bound(key, Family.IPV6 if six else Family.IPV4) for key, six in keys)
    base = Transport.UDP if name.startswith("udp") else Transport.TCP if name.startswith("tcp") else transport
    token = Token(name=protocol, transport=transport, opens=opens, named=any(bound.named for bound in opens))
    return Meaning(token=token, looked_up=base, rpc=name.startswith("rpc/"), extra=sizes)


def read_twice(protocol: str) -> bool:
    """Return True if openbsd-inetd reads a line with this protocol a second time, for its IPv6 half."""
    try:
        name, _ = _without_buffers(protocol, "")
    except (Lost, Unknown):
        return False
    return name != "unix" and not name.endswith(("4", "6"))


def _bound(key: str, family: Family) -> Bound:
    """Set IPV6_V6ONLY as setup does, and look at what getservbyname(3) is asked for, as config does."""
    v6only = None if family is Family.IPV4 else True if key.startswith("tcp6") else False if key.startswith("tcp46") else None
    cut = key[:_PROTONAME]
    asked = re.split(r"[0-9]", cut)[0] if family is Family.IPV4 else re.sub(r"[0-9]\Z", "", cut)
    return Bound(family=family, v6only=v6only, key=key, named=asked in {"tcp", "udp"} or key.startswith("rpc/"))


def _without_buffers(protocol: str, service: str) -> tuple[str, tuple[str, ...]]:
    """Take `,sndbuf=64k` off a protocol. A size without a unit is compared with the byte behind the string (GETVAL), which is not known."""
    name, *sizes = protocol.split(",")
    if len(sizes) > 2:
        raise Lost("I119", "bad-buffer-size", f"{service}: {len(sizes)} buffer sizes, where two are taken; the line is lost")
    for place, told in enumerate(sizes, 1):
        match = re.fullmatch(rf"(sndbuf|rcvbuf)=({NUMBER})(.?)", told, re.DOTALL)
        if match is None or int(match[2]) == 0 or not (match[3] or place == len(sizes)):
            raise Lost("I119", "bad-buffer-size", f"{service}: {told!r} is not sndbuf or rcvbuf and a size such as 64k; the line is lost")
        if not match[3]:
            raise Unknown(f"{service}: {told!r} has no k or m behind the number, and what inetd makes of that is left to chance")
    return name, tuple(sizes)


# -- inetutils -------------------------------------------------------------------------------------------------------------------------


def _by_prefix(socket_type: str, protocol: str) -> Meaning:
    """Look at `tcp` or `udp` and the character behind it; any other name has to stand in /etc/protocols and to fit the socket type."""
    prefix, rest = protocol[:3], protocol[3:]
    usual = prefix in {"tcp", "udp"}
    name = prefix if usual else PROTOCOLS.get(protocol)
    if name is None:
        raise _no_protocol(protocol)
    transport = _type(socket_type) if socket_type not in _OTHER_TYPES else None
    fits = {Transport.TCP: {"tcp", "sctp", "ip"}, Transport.UDP: {"udp", "udplite", "ip"}}
    if transport is None or name not in fits[transport]:
        raise Lost("I190", "type-and-protocol", f"a {socket_type} socket with protocol {protocol} is none; the line is lost")
    six = usual and rest.startswith("6")
    bound = Bound(family=Family.IPV6 if six else Family.IPV4, v6only=rest == "6only" if six else None, key=protocol)
    named = name in {"tcp", "udp", "ip"}
    return Meaning(token=Token(name=protocol, transport=transport, opens=(bound,), named=named), looked_up=transport)


# -- xinetd ----------------------------------------------------------------------------------------------------------------------------


def _not_in_etc(build: InetdBuild, socket_type: str, protocol: str) -> Exception:
    """Say why xinetd opens no TCP and no UDP socket here: the protocol has to exist, and the service to be listed under that very name."""
    if socket_type not in SOCKET_TYPES and socket_type not in _OTHER_TYPES:
        return _no_type(socket_type)
    if "rpc" in protocol:
        return Unknown(f"protocol {protocol}")
    if protocol not in PROTOCOLS:
        return Lost("I115", "unknown-protocol", f"protocol {protocol} not in /etc/protocols; the line is lost")
    names = ", ".join(token.name for token in build.tokens if token.opens)
    return Unfit("I190", "type-and-protocol", f"a {socket_type} socket with protocol {protocol}, and not {names}: the line is lost")


# -- the BSDs and illumos --------------------------------------------------------------------------------------------------------------


def _listed(build: InetdBuild, socket_type: str, protocol: str, service: str) -> Meaning:
    """Read a protocol as the fields of a row say it."""
    name, sizes = _plain(build, protocol, service)
    if build.version_digits and (match := re.fullmatch(r"(tcp|udp)([0-9]+)", name)):
        digits = "".join(sorted(set(match[2])))
        if not set(digits) <= {"4", "6"}:
            raise _no_protocol(name)
        name = match[1] + digits
    kind = _kind(build, socket_type, name, service)
    found = next((token for token in build.tokens if token.name == name and token.transport is kind), None)
    if found is None and not build.last_character:
        raise Unknown(f"protocol {name}")
    if found is None:
        family = Family.IPV6 if name.endswith("6") else Family.IPV4
        stem = re.sub(r"[0-9]$", "", name) if build.strips_digit else kind.value
        found = Token(name=name, transport=kind, opens=(Bound(family=family, key=name),), named=stem == kind.value)
    return _opening(found, sizes)


def _plain(build: InetdBuild, protocol: str, service: str) -> tuple[str, tuple[str, ...]]:
    """Take off what is no part of the protocol, and settle what opens no socket that is modelled here: unix, rpc/, faith/."""
    if protocol == "unix":
        raise _unix(build, service)
    if protocol.startswith("rpc/"):
        raise _rpc(build, protocol, service)
    if protocol.startswith("faith/") or (build.slash_ignored and protocol.endswith("/faith")):
        if build.faith is False:
            raise _no_protocol(protocol)
        if build.faith or not build.last_character:
            raise Unknown(f"protocol {protocol}")
    if build.slash_ignored and protocol.startswith("tcp") and "/" in protocol:
        return protocol.partition("/")[0], ()
    if build.buffers:
        return _without_buffers(protocol, service)
    if ("/" in protocol or "," in protocol) and not build.last_character:
        raise Unknown(f"protocol {protocol}")
    return protocol, ()


def _rpc(build: InetdBuild, protocol: str, service: str) -> Exception:
    family = Family.IPV6 if "6" in protocol else Family.IPV4
    if build.rpc is None:
        return Unknown(f"protocol {protocol}")
    if family not in build.rpc:
        return _no_protocol(protocol)
    return Unknown(f"{service}: the port of {protocol}, which the kernel chooses when inetd starts, and rpcbind then tells")


def _kind(build: InetdBuild, socket_type: str, name: str, service: str) -> Transport:
    """Join socket type and protocol. Where only the last character of a protocol counts, the type decides; a name has to fit, though."""
    kind = "stream" if build.keyed and socket_type.startswith("stream") else socket_type
    for known in Transport:
        if kind == known.socket_type and name.startswith(known.value):
            return known
    if kind not in SOCKET_TYPES and kind not in _OTHER_TYPES:
        raise _no_type(socket_type)
    numbered = re.fullmatch(NUMBER, service) is not None
    if name and build.last_character and kind in SOCKET_TYPES and (build.named_by_type or numbered):
        return SOCKET_TYPES[kind]
    raise Unknown(f"{socket_type} socket with protocol {name}")
