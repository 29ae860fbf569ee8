"""Looks at hosts that are not there, for tests of what is decided about them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from pyinfra_inet46.look import Account, FileKind, FileSeen, Look, NamedService, Program, ProgramState, Setting, SuperServer
from pyinfra_inet46.transaction import Listening

IMAPD = "/usr/sbin/imap4d"
OPENBSD = SuperServer(kind="openbsd-inetd", path="/usr/sbin/inetd", pid=812, argv=("/usr/sbin/inetd",), script="/etc/init.d/openbsd-inetd")
INETUTILS = attrs.evolve(OPENBSD, kind="inetutils-inetd", path="/usr/sbin/inetutils-inetd", argv=("/usr/sbin/inetutils-inetd",))
XINETD = attrs.evolve(OPENBSD, kind="xinetd", path="/usr/sbin/xinetd", argv=("/usr/sbin/xinetd", "-stayalive", "-inetd_compat"))


def a_file(path: str, text: str | bytes = "", **changes: Any) -> FileSeen:
    content = text.encode() if isinstance(text, str) else text
    return FileSeen(**{"path": path, "kind": FileKind.REGULAR, "content": content, "mode": 0o644, "uid": 0, "gid": 0, **changes})


def listening(address: str = "0.0.0.0", port: int = 143, **changes: Any) -> Listening:
    family = "ipv6" if ":" in address else "ipv4"
    v6only = True if address == "::" else None
    fields = {"transport": "tcp", "family": family, "address": address, "port": port, "v6only": v6only, "pids": (812,), "command": "inetd"}
    return Listening(**{**fields, **changes})


def a_look(
    server: SuperServer = OPENBSD, files: Mapping[str, str] | None = None, sockets: tuple[Listening, ...] = (), **changes: Any
) -> Look:
    """A Debian 12 with one super-server, on which everything that the tests ask for is there."""
    texts = files if files is not None else {"/etc/inetd.conf": ""}
    command = server.path.rpartition("/")[2][:15]
    look = Look(
        system="Linux",
        release="6.1.0",
        os_id="debian",
        os_version="12",
        super_servers=(server,),
        files=tuple(a_file(path, text) for path, text in texts.items()),
        settings=(Setting(key="net.ipv6.bindv6only", value="0"),),
        services=(NamedService(asked="imap/tcp", name="imap2", port=143, aliases=("imap",)),),
        users=(Account(name="root", number=0),),
        programs=(Program(path=IMAPD, state=ProgramState.OK),),
        sockets=tuple(attrs.evolve(x, command=command) if x.command == "inetd" else x for x in sockets),
        clients=("python3",),
    )
    return attrs.evolve(look, **changes)
