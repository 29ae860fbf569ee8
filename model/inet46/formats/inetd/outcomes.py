"""What can become of a line besides an entry."""

from __future__ import annotations

__all__ = ["Dark", "Lost", "Over", "Quiet", "Unknown"]


class Lost(Exception):
    """The daemon drops this entry."""

    def __init__(self, code: str, name: str, message: str) -> None:
        super().__init__(message)
        self.code, self.name = code, name


class Quiet(Exception):
    """The daemon serves this line, and opens no TCP or UDP socket for it."""


class Unknown(Exception):
    """What this line opens is not known."""


class Dark(Unknown):
    """From this line on nothing is known."""


class Over(Exception):
    """The daemon comes no further, and serves nothing of what it has read."""
