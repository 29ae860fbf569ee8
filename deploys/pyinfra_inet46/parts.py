"""Parts of a change that follow from a look at a host: files, sockets and clients as a transaction has them.

Rule of this module: as in `judge`, no I/O and no pyinfra.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from inet46.knowledge import Host, InetdBuild, SystemdBuild, XinetdBuild
from inet46.merge import Merge, lets_in
from inet46.proof import port_of
from inet46.service import Service
from inet46.sockets import Family, Socket, Transport
from pyinfra_inet46.look import FileKind, FileSeen, Look, SuperServer
from pyinfra_inet46.standing import comm
from pyinfra_inet46.telling import as_socket
from pyinfra_inet46.transaction import ExpectedSocket, FileChange, Listening, Probe, Result

__all__ = [
    "doubtful",
    "expected",
    "file_change",
    "held_by_others",
    "last_change",
    "out_of_reach",
    "private",
    "probes_of",
    "texts",
    "unasked",
    "unread",
]

_STATE = {FileKind.UNREADABLE: "cannot be read", FileKind.TOO_LARGE: "is larger than 1 MiB", FileKind.OTHER: "is no regular file"}
NOBODY = (0,)
"""The processes of a socket that nobody on the host holds, though its tools tell who holds the others."""


def doubtful(look: Look) -> bool:
    """Return True if a refusal has to be confirmed by a second look.

    This one may have fallen into a change that somebody else makes, or between the moments at which a tool looks for sockets and for those
    who hold them.
    """
    return look.lock_holder is not None or any(x.pids == NOBODY for x in look.sockets)


def texts(look: Look) -> dict[str, str]:
    """Return the files that were read, as the formats want them."""
    return {seen.path: seen.content.decode("utf-8", "surrogateescape") for seen in look.files if seen.content is not None}


def private(path: str, look: Look) -> bool:
    """Return True for a file that not everybody on the host may read."""
    seen = look.file(path)
    return seen is not None and seen.mode is not None and not seen.mode & 0o004


def expected(socket: Socket, service: str = "") -> ExpectedSocket:
    """Return a socket of the model as what a kernel has to tell of it."""
    return ExpectedSocket(
        service=service,
        transport=socket.transport.value,
        family=socket.family.value,
        address=socket.address,
        port=socket.port,
        v6only=socket.v6only if socket.address == "::" else None,
    )


def last_change(look: Look) -> Iterator[str]:
    """Yield how the last change here ended, when it did not end well: whoever made it may never have heard."""
    last = look.last_verdict
    if look.lock_holder is not None:
        yield f"another change is at work on this host ({look.lock_holder}); this one waits for it"
    elif last is not None and last.result in {Result.ROLLED_BACK, Result.UNCONFIRMED, Result.BROKEN}:
        yield f"the last change here ({last.id}) ended {last.result.value} at {last.step}: {last.reason}"


def out_of_reach(services: Iterable[Service], look: Look) -> Iterator[str]:
    """Yield that no client can come over IPv6, where that is wanted: sockets and connections from the host itself do not show it."""
    wanted = (x for service in services if service.enabled for x in service.wanted)
    if look.ipv6_within and any(x.family is Family.IPV6 and x.address != Family.IPV6.loopback for x in wanted):
        yield "this host has no IPv6 address but ::1: its services can listen over IPv6, and nobody can reach them"


def file_change(path: str, text: str, host: Host, look: Look) -> FileChange:
    """Return the change of one file to this text, behind its symbolic link if it is one, under names that no daemon of the host reads."""
    seen = look.file(path) or FileSeen(path=path, kind=FileKind.ABSENT)
    target = seen.resolved or path
    folder, suffix = target.rpartition("/")[0], ""
    if isinstance(host.server, InetdBuild) and folder == host.directory:
        # An inetd with a folder reads every name in it, dots and all.
        folder, _, name = folder.rpartition("/")
        suffix = f".{name}"
    return FileChange(
        path=target,
        old=seen.seen,
        new=text.encode("utf-8", "surrogateescape"),
        mode=0o644 if seen.mode is None else seen.mode,
        uid=seen.uid or 0,
        gid=seen.gid or 0,
        staged=f"{folder}/.inet46-new{suffix}",
        kept=f"{folder}/.inet46-old{suffix}",
    )


def probes_of(service: Service, merged: Merge) -> Iterator[Probe]:
    """Yield the connections that have to be answered: each family, over loopback where every address is bound.

    A service that is handed the listening socket itself is not probed: a connection would start it and leave it waiting. Nor is one whose
    access list does not admit the host itself, be it the service's own or one that stands on the host.
    """
    if not service.enabled or service.waits or service.transport is Transport.UDP:
        return
    for held in merged.held(service):
        for family in sorted(held.accepts, key=lambda family: family.value):
            address = family.loopback if held.socket.address in {"0.0.0.0", "::"} else held.socket.address  # noqa: S104 -- compared
            if service.access.of(family) is None and lets_in(held, family, merged.host, address):
                yield Probe(service=service.name, family=family.value, address=address, port=held.socket.port, greeting=service.greeting)


def unread(host: Host, look: Look) -> Iterator[str]:
    """Yield the files of a host's super-server that could not be read, or were not looked at."""
    for seen in look.files:
        if isinstance(host.server, SystemdBuild) and seen.target is not None:
            continue  # of a unit that is masked, or another's name, only the link counts
        if seen.kind in _STATE and _matters(seen.path, host):
            yield f"{seen.path} {_STATE[seen.kind]}"
    yield from (
        f"{folder} has a name in it with blanks or odd characters, which {host.policy.super_server} reads and a look does not: rename it"
        for folder in look.skipped
        if _is_read(folder, host)
    )
    if look.file(host.config) is None:
        yield f"{host.policy.super_server} reads {host.config}, which was not looked at: say it with policy config="


def _matters(path: str, host: Host) -> bool:
    places = (host.config, *([f"{host.directory}/"] if host.directory else []), "/etc/rc.conf", "/etc/sysctl")
    return path.startswith(places)


def _is_read(folder: str, host: Host) -> bool:
    """Return True if a host's super-server reads the odd names of this folder too; besides these three a look lists none but xinetd's."""
    if isinstance(host.server, XinetdBuild):
        return folder not in {"/etc/inetd.d", "/etc/rc.conf.d", "/etc/sysctl.d"}
    return isinstance(host.server, InetdBuild) and folder == host.directory


def held_by_others(service: Service, host: Host, server: SuperServer, look: Look) -> Iterator[str]:
    """Yield the stand-alone daemons that hold a service's port, and whoever else holds it."""
    port = port_of(service, host)
    for x in look.listening(service.transport.value, port):
        if x.pids == NOBODY:
            who = "nobody whom this host sees, the kernel or somebody outside this container"
            yield f"{service}: port {port} is held by {who}, and {as_socket(x)} is served there; that has to stop first"
        elif x.pids and server.pid not in x.pids and x.command != comm(server):
            pids = ", ".join(map(str, x.pids))
            holder = f"{x.command or 'another process'} (pid {pids})"
            yield f"{service}: port {port} is held by {holder}, which serves {as_socket(x)} itself; stop it first"


def unasked(x: Listening, server: SuperServer) -> str:
    """Say why a socket of the super-server that no file asks for keeps a host from being changed."""
    text = f"{server.kind} listens on {x.transport} {as_socket(x)}, and no file asks for that: an edit has not been loaded"
    return f"{text}. Reload {server.kind}, or put the entry back, and come again"
