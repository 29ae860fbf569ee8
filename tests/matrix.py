"""Formats by formats: services that are planned for one host and converted to every other one, counted.

python -m tests.matrix 200        rows are the old host, columns the new one: services kept whole / kept with a loss that is said / wrong
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator, Sequence

import attrs

from inet46 import formats
from inet46.convert import convert
from inet46.errors import Unprovable
from inet46.plan import Plan, plan
from inet46.predict import predict
from inet46.proof import reach
from inet46.service import Access, Limits, Listener, Program, Rate, Service
from inet46.sockets import Family, Transport

__all__ = ["FORMATS", "Count", "count", "generated"]

FORMATS = {
    "openbsd-inetd": "debian-12/openbsd-inetd",
    "inetutils": "debian-12/inetutils-inetd",
    "busybox": "linux/busybox-inetd",
    "freebsd inetd": "freebsd-14/inetd",
    "netbsd inetd": "netbsd-10/inetd",
    "illumos": "illumos/inetd",
    "xinetd": "debian-12/xinetd",
    "systemd": "debian-12/systemd",
    "launchd": "macos-14/launchd",
}
_PORTS = (("imap", 143), ("imaps", 993), ("pop3", 110), ("finger", 79), ("rsync", 873), ("tftp", 69))


@attrs.frozen
class Count:
    """How conversions from one host to another went: kept whole, kept but for what is said to be lost, wrong."""

    whole: int = 0
    lossy: int = 0
    wrong: int = 0

    def __str__(self) -> str:
        """As a cell of the table."""
        return f"{self.whole} / {self.lossy} / {self.wrong}"


def generated(number: int, seed: int = 46) -> Iterator[Service]:
    """Yield services as people have them: most plain, some with limits, lists or an address."""
    chance = random.Random(seed)
    for _ in range(number):
        name, port = chance.choice(_PORTS)
        udp = name == "tftp"
        shapes: Sequence[tuple[Listener, ...]] = (
            (),
            (),
            (Listener(family=Family.IPV4),),
            (Listener(family=Family.IPV6, v6only=True),),
            (Listener(family=Family.IPV6, v6only=False),),
            (Listener(family=Family.IPV4, address="127.0.0.1"),),
        )
        yield Service(
            name=name,
            port=port,
            transport=Transport.UDP if udp else Transport.TCP,
            program=Program(path=f"/usr/sbin/{name}d", args=tuple(chance.sample(["-a", "--inetd", "-s", "/srv"], chance.randint(0, 2)))),
            user=chance.choice(["root", "root", "nobody"]),
            listeners=chance.choice(shapes),
            limits=Limits(
                instances=chance.choice([None, None, 40]),
                per_source=chance.choice([None, None, None, 5]),
                rate=chance.choice([None, None, None, Rate(connections=50, seconds=1), Rate(connections=100, seconds=60)]),
                nice=chance.choice([None, None, None, None, 10]),
            ),
            access=chance.choice([Access(), Access(), Access(), Access(ipv4=["192.0.2.0/24"], ipv6=["2001:db8::/32"])]),
        )


def count(services: Sequence[Service], old: str, new: str) -> Count:
    """Convert each service by itself."""
    whole = lossy = wrong = 0
    for service in services:
        try:
            there = plan([service], old)
        except Unprovable:
            continue
        fine, losses = _carried(there, new)
        whole += fine and not losses
        lossy += fine and losses
        wrong += not fine
    return Count(whole, lossy, wrong)


def _carried(there: Plan, new: str) -> tuple[bool, bool]:
    """Return whether what is reached, and by whom it is served, came along or is said to be lost; and whether something is."""
    made = convert(there.files, there.host.with_settings(there.settings), new)
    host = made.host.with_settings(made.settings)
    sockets = predict(formats.read(made.files, host).entries, host).sockets
    gone = any(loss.thing == "service" for loss in made.losses)
    same = reach(sockets) == reach(there.sockets) and {x.entry.program for x in sockets} == {x.entry.program for x in there.sockets}
    return (gone and not sockets) or same, bool(made.losses)


def main(number: int) -> int:
    """Print the table; return how many conversions were wrong."""
    services = list(generated(number))
    print(f"{number} generated services, each planned for the row and converted to the column: whole / with a loss that is said / wrong")
    print(f"{'':16}" + "".join(f"{name:>16}" for name in FORMATS))
    wrong = 0
    for title, old in FORMATS.items():
        cells = [count(services, old, new) if old != new else None for new in FORMATS.values()]
        wrong += sum(cell.wrong for cell in cells if cell is not None)
        print(f"{title:16}" + "".join(f"{cell if cell is not None else '-'!s:>16}" for cell in cells), flush=True)
    print(f"wrong: {wrong}")
    return wrong


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 50) != 0)
