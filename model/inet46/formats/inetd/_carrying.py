"""Digits of a protocol that a line leaves to the next one (FreeBSD up to 6, DragonFly: `more` resets neither v4bind nor v6bind)."""

from __future__ import annotations

import re

__all__ = ["carried", "with_carried"]

# Mistakes that getconfigent finds after it has taken the digits off the protocol, and before it gives the entry to config().
_CARRYING = {"odd-wait", "unknown-builtin", "too-many-arguments"}


def with_carried(digits: str, protocol: str) -> str:
    """Add the digits that a line which was dropped has left."""
    if not digits or re.fullmatch(r"(tcp|udp)[46]*", protocol) is None:
        return protocol
    return protocol[:3] + "".join(sorted({*digits, *protocol[3:]}))


def carried(digits: str, mistake: str, protocol: str) -> str:
    """Return what a line that is dropped for this mistake leaves, besides what had been left to it."""
    if mistake in _CARRYING or (mistake == "unknown-protocol" and re.fullmatch(r"(tcp|udp)[0-9]+", protocol)):
        found = re.search(r"[46]*$", protocol)
        return "".join(sorted({*digits, *(found[0] if found else "")}))
    return ""
