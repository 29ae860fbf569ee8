"""/etc/services: which names a host has for ports."""

from __future__ import annotations

import re

__all__ = ["parse_services"]


def parse_services(text: str) -> tuple[tuple[str, int], ...]:
    """Read /etc/services: `name port/protocol [alias ...] [# comment]`, the first line that has a name deciding, as getservbyname(3) does.

    Lines of other protocols than tcp and udp, and what is no such line, are passed over as the C library passes over them.
    """
    ports: dict[str, int] = {}
    for line in text.split("\n"):
        words = line.partition("#")[0].split()
        match = re.fullmatch(r"([0-9]{1,5})[/,](tcp|udp)", words[1]) if len(words) > 1 else None
        if match and 0 < int(match[1]) < 65536:
            for name in (words[0], *words[2:]):
                if "/" not in name:
                    ports.setdefault(f"{name}/{match[2]}", int(match[1]))
    return tuple(ports.items())
