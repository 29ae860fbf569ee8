"""What one remote command tells about a host and its super-servers."""

from __future__ import annotations

from collections.abc import Sequence

from pyinfra.api import FactBase, QuoteString, StringCommand
from pyinfra.api.exceptions import FactProcessError
from typing_extensions import override

from pyinfra_inet46.look import Look, LookError, look_command, parse_look

__all__ = ["HostLook"]


class HostLook(FactBase[Look | None]):
    """
    Returns everything that inet46 has to know of a host, in one command: system, super-servers, the files that matter byte for byte,
    listening sockets, kernel settings, and the answers to what is asked. None when the host could not be looked at.

    + programs: paths of programs that must be there
    + users: users that must exist
    + groups: groups that must exist
    + services: names of /etc/services, such as ``imap/tcp``
    + settings: names of sysctl variables
    + extra_paths: further files to read

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
    ) -> StringCommand:
        argv = look_command(
            programs=programs, users=users, groups=groups, services=services, settings=settings, extra_paths=extra_paths
        )
        return StringCommand(*(QuoteString(word) for word in argv))

    @override
    def process(self, output: list[str]) -> Look | None:
        try:
            return parse_look(output)
        except LookError as error:
            # Any other exception would end the run for every host, not only for the one that answered so.
            raise FactProcessError(str(error)) from error
