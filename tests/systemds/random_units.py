"""Units made at random from a seed: several lines of every kind, in one file or spread over drop-ins, with and without a service."""

from __future__ import annotations

from random import Random

from inet46.formats import Link
from tests.systemds.cases import ETC, LIB, RUN, Case

__all__ = ["random_units"]

_ADDRESSES = (
    *("P0", "P0", "[::]:P0", "0.0.0.0:P0", "127.0.0.1:P0", "[::1]:P0", "P1", "[::]:P1", "0.0.0.0:P1", "[::ffff:127.0.0.1]:P2", "P2"),
    *("/run/UNIT.sock", "@UNIT", "", "P3 ", "[::]", "[::1]:P3", "0.0.0.0", "imap", "%p", "P%%4", "127.0.0.2:P0"),
)
_LINES = (
    *("BindIPv6Only=both", "BindIPv6Only=ipv6-only", "BindIPv6Only=ipv6-only", "BindIPv6Only=default", "BindIPv6Only=x", "ReusePort=yes"),
    *(
        "ReusePort=no",
        "FreeBind=yes",
        "MaxConnections=5",
        "MaxConnections=0",
        "Backlog=9",
        "# comment",
        "; comment \\",
        "nonsense",
        "[Socket]",
    ),
    *("[Unit]", "[Install]", "[X-y]", "TriggerLimitBurst=3", "Accept=no", "Service=cat-UNIT.service", "\t", "Accept=\\"),
)
_SERVICES = (
    *("[Service]\nExecStart=-/bin/cat\nStandardInput=socket\n", "[Service]\nExecStart=/bin/cat\n", "[Service]\nUser=root\n", ""),
    "[Service]\nExecStart=/bin/cat\nExecStart=/bin/cat\n",
)


def random_units(seed: int, count: int) -> list[Case]:
    """Make cases; the same seed makes the same."""
    random = Random(seed)
    return [_case(random, f"random {seed}:{number}") for number in range(count)]


def _case(random: Random, label: str) -> Case:
    files: dict[str, str] = {f"{ETC}/cat-UNIT.service": _SERVICES[0]}
    files[f"{random.choice((ETC, ETC, RUN, LIB))}/UNIT.socket"] = _text(random, random.randint(1, 4))
    if random.random() < 0.2:
        files[f"{random.choice((ETC, RUN, LIB))}/UNIT.socket"] = _text(random, 3)
    for folder in (ETC, RUN, LIB):
        if random.random() < 0.2:
            files[f"{folder}/UNIT.socket.d/{random.choice('abc')}.conf"] = random.choice(("", _text(random, 2)))
    for name in ("UNIT.service", "UNIT@.service"):
        if random.random() < 0.85:
            files[f"{random.choice((ETC, LIB))}/{name}"] = random.choice(_SERVICES) if random.random() < 0.3 else _SERVICES[0]
    if random.random() < 0.95:
        files[f"{random.choice((ETC, RUN))}/{random.choice(('sockets', 'sockets', 'multi-user'))}.target.wants/UNIT.socket"] = Link(
            "../UNIT.socket"
        )
    return Case(label, files)


def _text(random: Random, lines: int) -> str:
    said = [] if random.random() < 0.05 else ["[Socket]"]
    said += ["Accept=yes"] if random.random() < 0.6 else []
    for _ in range(lines):
        if random.random() < 0.75:
            kind = random.choices(("ListenStream", "ListenDatagram", "ListenSequentialPacket"), (16, 3, 1))[0]
            said.append(f"{kind}{random.choice(('=', '=', '=', ' = '))}{random.choice(_ADDRESSES)}")
        else:
            said.append(random.choice(_LINES))
    return random.choice(("\n", "\n", "\n", "\r\n")).join(said) + random.choice(("\n", "\n", "", "\\"))
