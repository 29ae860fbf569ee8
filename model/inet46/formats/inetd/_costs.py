"""What one line can cost: itself, what is below it, or everything. Raised while a line is weighed, told by the reader."""

from __future__ import annotations

__all__ = ["Aside", "Dark", "Ended", "Invalid", "Lost", "Over", "Unfit", "Unknown"]


class Lost(Exception):
    """The daemon drops this entry."""

    def __init__(self, code: str, name: str, message: str) -> None:
        super().__init__(message)
        self.code, self.name = code, name


class Aside(Lost):
    """The daemon takes this entry, and it opens no socket of IPv4 or IPv6: nothing is wrong, and nothing is said."""

    def __init__(self, message: str) -> None:
        super().__init__("", "", message)


class Unfit(Lost):
    """xinetd takes this line among its services, and gives it up when it looks the service up."""


class Invalid(Lost):
    """The parser itself refuses this definition, and not only the daemon what it says."""


class Ended(Lost):
    """The daemon reads no further in this file, and keeps what it has read."""


class Unknown(Exception):
    """What this line opens is not known."""


class Dark(Unknown):
    """From this line on nothing is known."""


class Over(Exception):
    """The daemon comes no further, and serves nothing of what it has read."""
