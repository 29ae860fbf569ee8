"""What one remote command tells about a host and its super-servers."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from pyinfra.api import FactBase, QuoteString, StringCommand
from typing_extensions import override

from pyinfra_inet46 import proxied
from pyinfra_inet46.look import Look, LookError, TornLook, look_command, parse_look
from pyinfra_inet46.outside import client, heard
from pyinfra_inet46.transaction import Probe

__all__ = ["HostAnswers", "HostLook", "Unseen"]

proxied.mend()


@attrs.frozen
class Unseen:
    """A look that told nothing that can be trusted, and why."""

    reason: str
    torn: bool = False
    """A second look may be whole."""

    def to_json(self) -> dict[str, str]:
        """What ``pyinfra INVENTORY fact`` prints."""
        return {"unseen": self.reason}


class HostLook(FactBase[Look | Unseen]):
    """
    Returns everything that inet46 has to know of a host, in one command: system, super-servers, the files that matter byte for byte,
    listening sockets, kernel settings, and the answers to what is asked; or ``Unseen`` with the reason.

    + programs: paths of programs that must be there
    + users: users that must exist
    + groups: groups that must exist
    + services: names of /etc/services, such as ``imap/tcp``
    + settings: names of sysctl variables
    + extra_paths: further files to read
    + units: whether to read systemd's units too: ``always``, or ``alone``, which is where no other super-server is installed

    **Example:**

    .. code:: python

        look = host.get_fact(HostLook, programs=["/usr/sbin/imap4d"], services=["imap/tcp"])
    """

    @override
    def command(
        self,
        programs: Sequence[str] = (),
        users: Sequence[str] = (),
        groups: Sequence[str] = (),
        services: Sequence[str] = (),
        settings: Sequence[str] = (),
        extra_paths: Sequence[str] = (),
        units: str | None = None,
    ) -> StringCommand:
        argv = look_command(
            programs=programs, users=users, groups=groups, services=services, settings=settings, extra_paths=extra_paths, units=units
        )
        return StringCommand(*(QuoteString(word) for word in argv))

    @override
    @staticmethod
    def default() -> Look | Unseen:
        return Unseen("the host gave no answer to the look")

    @override
    def process(self, output: list[str]) -> Look | Unseen:
        # An exception here would be asked about on the terminal, or end the run for every host; a garbled answer is one host's affair.
        try:
            return parse_look(output)
        except LookError as error:
            return Unseen(str(error), torn=isinstance(error, TornLook))


class HostAnswers(FactBase[str]):
    """
    Returns what is wrong when a host connects to its own services, one sentence; nothing when every one answers as it should.

    + probes: the connections, as ``inet46`` makes them of services: ``pyinfra_inet46.transaction.Probe``
    + seconds: how long all of them together may take
    """

    @override
    def command(self, probes: Sequence[Probe], seconds: int = 5) -> StringCommand:
        return StringCommand("sh", "-c", QuoteString(client(probes, seconds=seconds)))

    @override
    @staticmethod
    def default() -> str:
        return "the host did not say whether its services answer"

    @override
    def process(self, output: list[str]) -> str:
        said = heard(output)
        if said is None:
            return self.default()
        name, problem = said
        return "there is no TCP client on this host to ask with: python3, perl, nc or bash" if name == "sockets" else problem
