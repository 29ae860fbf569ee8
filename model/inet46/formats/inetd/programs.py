"""What an entry starts: a program, what is built into inetd, or nothing that can be started."""

from __future__ import annotations

import re

from inet46.diagnostics import Severity
from inet46.entry import Unstartable
from inet46.formats.inetd._costs import Lost
from inet46.formats.inetd.fields import Say
from inet46.formats.inetd.protocols import SOCKET_TYPES
from inet46.knowledge import Host, InetdBuild
from inet46.service import Builtin, Program

__all__ = ["internal", "performed", "started"]

_BUILTIN_NAME = 7  # letters that a built-in service may have in busybox; a longer one is a program (struct builtin)


def performed(server: str, service: str, socket_type: str, build: InetdBuild) -> bool:
    """Return True for a built-in, False for a program and where `internal` is the name of one after all."""
    return server == "internal" and (not build.strict or (len(service) <= _BUILTIN_NAME and socket_type in SOCKET_TYPES))


def internal(service: str, socket_type: str, build: InetdBuild, host: Host) -> Builtin:
    """Look a built-in service up, by name and socket type.

    Raises Lost.
    """
    transport = SOCKET_TYPES.get(socket_type)
    if transport is not None and service in build.builtins and (service != "tcpmux" or socket_type == "stream"):
        return Builtin(builtin=service)
    port = host.port(service, transport) if transport is not None else None
    alias = next((name for name in build.builtins if port is not None and transport and host.port(name, transport) == port), None)
    if build.builtin_aliases and alias is not None:
        return Builtin(builtin=alias)
    has = ", ".join(build.builtins) or "none"
    raise Lost("I108", "unknown-builtin", f"internal service {service} unknown: this inetd has {has}")


def started(service: str, server: str, argv: list[str], build: InetdBuild, say: Say) -> Program | Unstartable:
    """Read a server and its arguments, as far as this build takes them."""
    startable = server.startswith("/") and not server.endswith("/") and "\r" not in server
    if not startable and build.looks_at_server:
        raise Lost("I107", "relative-server", f"server {server!r} is not the absolute path of a program")
    if build.max_args is not None and len(argv) > build.max_args:
        text = f"{service}: {len(argv)} arguments, and this inetd takes {build.max_args}"
        if build.excess_args_cost_line:
            raise Lost("I112", "too-many-arguments", f"{text}; the line is lost")
        say("I112", "too-many-arguments", f"{text}; the rest is cut off", Severity.WARNING)
        argv = argv[: build.max_args]
    elif build.glues_args and re.search(r"[ \t]", "".join(argv[-1:])):
        text = f"{service}: this inetd takes {build.max_args} arguments; the last one is the rest of the line, blanks and all"
        say("I112", "too-many-arguments", text, Severity.WARNING)
    if not startable:
        sought = build.searches_path and "/" not in server
        fate = "what its PATH has of that name is started" if sought else "every client will be disconnected"
        text = f"{service}: server {server!r} is not the absolute path of a program: {fate}"
        say("I107", "relative-server", text, Severity.WARNING if sought else Severity.ERROR)
        return Unstartable(words=(server, *argv))
    argv0 = argv[0] if argv and argv[0] != server.rpartition("/")[2] else server if build.argv0_is_path and not argv else None
    return Program(path=server, args=tuple(argv[1:]), argv0=argv0)
