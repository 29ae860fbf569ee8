"""One thing that one super-server is told, whatever the format: a line of inetd.conf, a paragraph of xinetd.

An entry has been *read*: protocol tokens and flags are already the binds they mean on that host, defaults are filled in. It has not been
*judged*: whether the binds succeed is the oracle's question (`predict`).
"""

from __future__ import annotations

import re

import attrs

from inet46.diagnostics import Span
from inet46.service import Builtin, Limits, Pairs, Program
from inet46.sockets import Family, Transport

__all__ = ["Bind", "Entry", "Unstartable", "shuts"]

_SHUTS = re.compile(r"(instances|per_source) = 0+")


@attrs.frozen(kw_only=True)
class Bind:
    """One bind that an entry leads to.

    `v6only` is what the daemon sets itself; None means that it leaves the option to the kernel. `key` is by what the daemon recognises two
    binds as the same one (the protocol string, on most inetds): the later of two then replaces the earlier. `written` is the address as it
    was written, which a reload of xinetd compares; it takes no part in comparisons here, since 0.0.0.0 and no address are the same socket.
    `name` is the host name for which the address was found, where the file names one.
    With `reuseport` (SO_REUSEPORT) a socket collides with none that has it too.
    """

    family: Family
    v6only: bool | None = None
    address: str | None = None
    key: str = ""
    written: str | None = attrs.field(default=None, eq=False, repr=False)
    name: str | None = None
    reuseport: bool = False


@attrs.frozen(kw_only=True)
class Unstartable:
    """What a line names in a program's place and nothing can be started from: `words` are the server, no absolute path, and its argv.

    The socket is there all the same; every client that comes is disconnected, or gets what the daemon's PATH happens to have.
    """

    words: tuple[str, ...]


@attrs.frozen(kw_only=True)
class Entry:
    """What a super-server is told to do for one service.

    `service` is the name or number as written, `port` the number if the file itself says it (0 is one that the kernel picks at every
    start). `id` is the name that the super-server has for it, where that is another one: the id of xinetd, the name of a unit. Entries of
    one `unit` stand and fall together where a super-server has units (systemd, launchd).
    `only_from` None admits everybody, an empty tuple nobody. `extra` is what it also says and no field
    holds, word for word. `origin` is where it stands and takes no part in comparisons; nor do `inherited`, what defaults say for it where
    it says nothing itself, and `known_as` and `unlisted`, which are the id and the kind that a reload of xinetd knows a service by, where
    the other fields leave them open.
    """

    service: str
    transport: Transport
    binds: tuple[Bind, ...]
    program: Program | Builtin | Unstartable
    port: int | None = None
    wait: bool = False
    user: str = "root"
    group: str | None = None
    limits: Limits = attrs.field(factory=Limits)
    only_from: tuple[str, ...] | None = None
    no_access: tuple[str, ...] = ()
    environment: Pairs = ()
    id: str | None = None
    extra: tuple[str, ...] = ()
    origin: Span | None = attrs.field(default=None, eq=False, repr=False)
    inherited: tuple[str, ...] = attrs.field(default=(), eq=False, repr=False)
    known_as: str | None = attrs.field(default=None, eq=False, repr=False)
    unlisted: bool | None = attrs.field(default=None, eq=False, repr=False)

    @property
    def shut(self) -> bool:
        """True where every client is connected and then sent away, by a bound of none."""
        return any(map(shuts, (*self.extra, *self.inherited)))

    @property
    def unit(self) -> str:
        """The name that the super-server has for it."""
        return self.service if self.id is None else self.id

    @property
    def duty(self) -> tuple[object, ...]:
        """What is done for a client, apart from the sockets: two entries with equal duty serve a client alike."""
        return (self.program, self.wait, self.user, self.group, self.limits, self.only_from, self.no_access, self.environment, self.extra)


def shuts(word: str) -> bool:
    """Return True for a bound of none among what an entry also says: xinetd's instances = 0, per_source = 0 (access.c, access_control)."""
    return _SHUTS.fullmatch(word) is not None
