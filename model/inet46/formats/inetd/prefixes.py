"""The addresses before services, from line to line: default hosts, and addresses that a line which was dropped has left over.

Sources: openbsd-inetd inetd.c and inetutils inetd.c (getconfigent, nextconfig); measured: tests/test_daemons.py.
"""

from __future__ import annotations

import enum

import attrs

from inet46.diagnostics import Span
from inet46.formats.inetd import fields
from inet46.formats.inetd._costs import Dark, Lost, Unknown
from inet46.knowledge import InetdBuild

__all__ = ["LEFT_OVER", "Leak", "Prefixes"]

LEFT_OVER = "an address is left over at the end of a file of the folder: if another one is read after it, which is not known, inetd dies"


class _Freed(enum.Enum):
    """What has happened since a line `*:` freed the default address and went on using it (inetutils inetd.c, getconfigent)."""

    JUST_NOW = "nothing"
    USED_SINCE = "something"


@attrs.frozen
class Leak:
    """An address that a line which was dropped has left to the next one."""

    hosts: str
    span: Span


@attrs.define
class Prefixes:
    """What holds where no address is written.

    `any_order` are the files that are read in no order that could be known, `path` is the file that is being read; `default` the address
    of the last default-host line, which later files inherit; `freed` tells that it was given back and is used all the same; `leaked` is an
    address without its line.
    """

    build: InetdBuild
    any_order: frozenset[str]
    default: str | None = None
    path: str = ""
    leaked: Leak | None = None
    freed: _Freed | None = None

    def begin(self, path: str) -> Leak | None:
        """Come to a file; return an address that the one before has left over, which is then taken for an entry that is empty.

        Raises Dark.
        """
        if self.doubtful:
            raise Dark(LEFT_OVER)
        self.path = path
        self.use()
        return self.leaked

    @property
    def doubtful(self) -> bool:
        """True if it is not known whether a file follows, and an address is left over."""
        return self.leaked is not None and self.path in self.any_order

    def use(self) -> None:
        """Note that inetd has gone on to do something else with its memory."""
        self.freed = self.freed and _Freed.USED_SINCE

    def split(self, label: str) -> tuple[str | None, str]:
        """Split off what stands before the service; where nothing does, the default holds, then what leaked.

        Raises Unknown.
        """
        leaked, self.leaked = self.leaked, None
        hosts, service = fields.split_address(label, self.build)
        if hosts is None and self.freed is not None:
            raise Unknown("the default address stands in memory that the line *: has freed")
        told = hosts if hosts is not None else self.default
        return (leaked.hosts if leaked is not None and told in {None, "*"} else told), service

    def leave(self, hosts: str | None, span: Span) -> None:
        """Note what a line that is given up leaves to the next one; `*` is nothing."""
        self.leaked = Leak(hosts, span) if self.build.builtin_leaks_address and hosts is not None and hosts != "*" else None

    def default_host(self, hosts: str, path: str) -> None:
        """Take a line `address:`.

        Raises Lost or Dark.
        """
        if path in self.any_order:
            raise Dark(
                "the default-host line holds for the files of the folder that are read after this one, and which these are is not known"
            )
        if self.freed is _Freed.JUST_NOW:
            text = "inetd frees the same memory twice here and dies, and every service with it"
            raise Lost("I193", "default-freed-twice", text)
        if self.freed is _Freed.USED_SINCE:
            raise Dark("a default-host line behind *: frees memory that something else uses now; what becomes of inetd is not known")
        if hosts != "*":
            self.default = hosts
            return
        if self.default is not None and not self.build.default_host_ends:
            self.freed = _Freed.JUST_NOW
        self.default = None
