"""One lab host on which many cases of units are started at once: each has unit names and a range of ports for itself."""

from __future__ import annotations

import ipaddress
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import PurePosixPath

import attrs

from inet46 import formats
from inet46.formats import Link
from inet46.host import HostPolicy
from inet46.knowledge import Host, resolve
from inet46.predict import predict
from inet46.sockets import Family, Socket, Transport
from tests.lab import Host as LabHost
from tests.lab import HostSpec, Lab
from tests.systemds.cases import WIDTH, Case

__all__ = ["Bench", "Tally", "benches"]

NAME = "debian-12/systemd"
_FIRST = 10_000  # the ports of the first case


@attrs.define
class Tally:
    """How it went: cases, sockets, cases of which inet46 says that it does not know them, and mismatches in words."""

    cases: int = 0
    sockets: int = 0
    unknown: int = 0
    mismatches: list[str] = attrs.field(factory=list)

    def __str__(self) -> str:
        return f"{self.cases} cases, {self.sockets} sockets, {self.unknown} unknown, {len(self.mismatches)} mismatches"


@attrs.define
class Bench:
    """A host with systemd as pid 1 and one value of bindv6only."""

    lab: LabHost
    bindv6only: int

    @property
    def host(self) -> Host:
        """The same host as inet46 knows it."""
        return resolve(HostPolicy(name=NAME, settings={"net.ipv6.bindv6only": self.bindv6only}))

    def install(self, files: Mapping[str, str]) -> None:
        """Write files and links, by their paths on the host."""
        for path, text in files.items():
            if isinstance(text, Link):
                target = self.lab.path(path)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.symlink_to(str(text))
            else:
                self.lab.write(path, text.encode("utf-8", "surrogateescape"))

    def remove(self, files: Mapping[str, str]) -> None:
        """Stop what the files started, and take them away."""
        names = sorted({PurePosixPath(path).name for path in files if path.endswith(".socket")})
        self.lab.run(["sh", "-c", 'systemctl stop "$@" >/dev/null 2>&1', "sh", *names])
        for path in files:
            self.lab.path(path).unlink()
        self.lab.run("systemctl daemon-reload; systemctl reset-failed", check=True)

    def boot(self) -> None:
        """Have systemd read its files and start what a boot would start now."""
        # A target that is active already still pulls in what it wants.
        self.lab.run("systemctl daemon-reload && systemctl start sockets.target multi-user.target", check=True)

    def sockets(self) -> list[Socket]:
        """What pid 1 itself holds."""
        text = self.lab.run(["ss", "-H", "-ltunpe"], check=True).stdout.decode()
        return [_socket(line) for line in text.splitlines() if '("systemd",pid=1,' in line]

    def judge(self, cases: Sequence[Case]) -> Tally:
        """Start all cases, and hold what is there against what inet46 says of each."""
        tally = Tally()
        placed = [case.at(number, _FIRST + WIDTH * number) for number, case in enumerate(cases)]
        everything = {path: text for files in placed for path, text in files.items()}
        self.install(everything)
        try:
            self.boot()
            there: dict[int, Counter[Socket]] = {}
            for socket in self.sockets():
                there.setdefault((socket.port - _FIRST) // WIDTH, Counter())[socket] += 1
            for number, (case, files) in enumerate(zip(cases, placed, strict=True)):
                self._compare(case, files, there.get(number, Counter()), tally)
        finally:
            self.remove(everything)
        return tally

    def _compare(self, case: Case, files: Mapping[str, str], there: Counter[Socket], tally: Tally) -> None:
        reading = formats.read(files, self.host)
        prediction = predict(reading.entries, self.host)
        tally.cases += 1
        tally.sockets += there.total()
        if reading.unknown or prediction.unknown:
            tally.unknown += 1
            return
        said = Counter(held.socket for held in prediction.sockets)
        if said != there:
            texts = "\n".join(f"--- {path}{' -> ' if isinstance(text, Link) else ''}\n{text}" for path, text in files.items())
            answers = "\n".join(
                f"{who}: {', '.join(map(str, sorted(map(str, what.elements()))))}" for who, what in (("said", said), ("there", there))
            )
            log = self.lab.run(
                f"journalctl -q -o cat -b | grep -F '{min(PurePosixPath(path).name for path in files)}' | tail -5"
            ).stdout.decode()
            tally.mismatches.append(f"{case.label}, bindv6only={self.bindv6only}:\n{texts}\n{answers}\n{log}")


def _socket(line: str) -> Socket:
    transport, _, _, _, local, *_ = line.split()
    address, _, port = local.rpartition(":")
    v6only = re.search(r"\bv6only:([01])", line)
    host = "::" if address == "*" else address.strip("[]")
    if v6only is None:
        return Socket(transport=Transport(transport), family=Family.IPV4, address=host, port=int(port))
    return Socket(transport=Transport(transport), family=Family.IPV6, address=_as_ss(host), port=int(port), v6only=v6only[1] == "1")


def _as_ss(text: str) -> str:
    mapped = ipaddress.IPv6Address(text.partition("%")[0]).ipv4_mapped
    return text if mapped is None else f"::ffff:{mapped}"


@contextmanager
def benches() -> Iterator[tuple[Bench, Bench]]:
    """Two hosts, with bindv6only 0 and 1."""
    specs = [
        HostSpec(name=f"units-{value}", super_server="none", init="systemd", sysctl={"net.ipv6.bindv6only": str(value)}) for value in (0, 1)
    ]
    with Lab.start(specs) as lab:
        yield Bench(lab["units-0"], 0), Bench(lab["units-1"], 1)
