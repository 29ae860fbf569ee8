"""Questions that are put to the kernel itself, each in a network namespace of its own."""

from __future__ import annotations

import errno
import os
import pickle
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fcntl import ioctl
from pathlib import Path
from typing import TypeVar, cast

from inet46.sockets import Family, Kind, Transport
from tests.lab import linux

__all__ = ["bind", "bound", "in_new_network", "receiver", "refused", "why_refused"]

T = TypeVar("T")

# An address and IPV6_V6ONLY for each kind; None leaves the option as it is.
_KINDS: dict[Kind, tuple[Family, str, bool | None]] = {
    Kind.V4_ANY: (Family.IPV4, "0.0.0.0", None),
    Kind.V4_ONE: (Family.IPV4, "127.0.0.1", None),
    Kind.V6_ANY: (Family.IPV6, "::", True),
    Kind.DUAL: (Family.IPV6, "::", False),
    Kind.V6_ONE: (Family.IPV6, "::1", None),
}
_SIOCSIFFLAGS, _IFF_UP = 0x8914, 1
_REFUSED = {errno.EADDRINUSE: "in use", errno.EINVAL: "invalid", errno.EADDRNOTAVAIL: "not here"}


def in_new_network(question: Callable[[], T], *, bindv6only: int) -> T:
    """Return what a question comes to in a fresh network that has a loopback and nothing else."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            linux.unshare(linux.CLONE_NEWNET)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
                ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _IFF_UP))
            Path("/proc/sys/net/ipv6/bindv6only").write_text(str(bindv6only))
            answer: object = question()
        except BaseException as problem:  # noqa: BLE001 -- raised again by the parent
            answer = problem
        os.write(writing, pickle.dumps(answer))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as told:
        result = pickle.load(told)
    os.waitpid(child, 0)
    if isinstance(result, BaseException):
        raise result
    return cast(T, result)


def bind(transport: Transport, family: Family, address: str, port: int, v6only: bool | None = None) -> socket.socket:  # noqa: FBT001 -- an option
    """Bind as every inetd does: SO_REUSEADDR first, then listen."""
    number = socket.AF_INET if family is Family.IPV4 else socket.AF_INET6
    made = socket.socket(number, socket.SOCK_STREAM if transport is Transport.TCP else socket.SOCK_DGRAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if v6only is not None:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, v6only)
        made.bind((address, port))
        if transport is Transport.TCP:
            made.listen()
    except BaseException:
        made.close()
        raise
    return made


@contextmanager
def bound(transport: Transport, kind: Kind, port: int) -> Iterator[socket.socket]:
    """A socket of one kind, for as long as it is needed."""
    family, address, v6only = _KINDS[kind]
    with bind(transport, family, address, port, v6only) as made:
        yield made


def refused(transport: Transport, first: Kind, second: Kind, port: int) -> bool:
    """Return True if the second cannot be bound while the first is."""
    with bound(transport, first, port):
        try:
            with bound(transport, second, port):
                return False
        except OSError as problem:
            if problem.errno != errno.EADDRINUSE:
                raise
            return True


def why_refused(family: Family, address: str, port: int, *, v6only: bool | None) -> str | None:
    """Return why the kernel refuses one socket, None if it does not."""
    try:
        bind(Transport.TCP, family, address, port, v6only).close()
    except OSError as problem:
        return _REFUSED[problem.errno or 0]
    return None


def receiver(family: Family, sockets: list[socket.socket], port: int) -> int:
    """Return which of these UDP sockets gets a datagram for the loopback address of a family, by its number."""
    kind = socket.AF_INET if family is Family.IPV4 else socket.AF_INET6
    with socket.socket(kind, socket.SOCK_DGRAM) as client:
        client.sendto(b"?", (family.loopback, port))
    for number, candidate in enumerate(sockets):
        candidate.settimeout(0)
        try:
            candidate.recv(1)
        except BlockingIOError:
            continue
        return number
    raise LookupError("nobody got the datagram")
