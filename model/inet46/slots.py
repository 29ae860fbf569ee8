"""The lines of a super-server's table while it is replayed: what each of them has, and what it was refused."""

from __future__ import annotations

import attrs

from inet46.diagnostics import Diagnostic
from inet46.entry import Bind, Entry
from inet46.service import Builtin
from inet46.sockets import Socket, bare, kind_of

__all__ = ["Key", "Refused", "Slot", "performs"]

Key = tuple[object, ...]


@attrs.frozen(kw_only=True)
class Refused:
    """One bind that the kernel refuses, and the entry that asked for it."""

    socket: Socket
    entry: Entry
    bind: Bind


@attrs.define(eq=False)
class Slot:
    """One line of the daemon's table: an entry, the socket that it is to have, and whether it has it.

    `deaf` is a socket that was bound and is never listened on. `builtin`, `wait` and `passes` are what the daemon does for a client, which
    a reload may leave as it was: performs the service itself, waits for the server to end, passes it the socket that listens.
    """

    key: Key
    entry: Entry
    bind: Bind
    socket: Socket
    open: bool = False
    deaf: bool = False
    seen: bool = True  # by the reading that is under way
    builtin: bool = False
    wait: bool = False
    passes: bool = False
    fault: Diagnostic | None = None
    place: int = 0  # among all that were ever bound

    @property
    def shelves(self) -> tuple[Key, Key]:
        """Where it is looked for once it is bound: among all of its kind on its port, and among those of its address."""
        shelf = (self.socket.transport, self.socket.port, kind_of(self.socket), self.bind.reuseport)
        return shelf, (*shelf, bare(self.socket.address))

    @property
    def stale(self) -> str | None:
        """What the daemon goes on doing although its entry says something else."""
        if self.builtin != performs(self.entry):
            return "goes on as what is built into inetd" if self.builtin else "tries to start a program named internal"
        if self.builtin or (self.wait, self.passes) == (self.entry.wait, self.entry.wait):
            return None
        return "goes on with nowait" if self.entry.wait else "passes the listening socket on, and waits for nobody"


def performs(entry: Entry) -> bool:
    """Return True for a service that the super-server performs itself."""
    return isinstance(entry.program, Builtin)
