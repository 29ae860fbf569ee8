"""Seen from outside: which connections the controller tries to confirm a change, and how.

The host itself only proves that it answers itself. With ``confirm`` the controller connects as a client would, over each family to each
service, and the host goes back by itself if it is not told in time that this worked.

Rules of this module:

1. The client is the one that hosts use, ``probe.sh``, run by a ``sh -s`` on the controller, or by one that ``via`` reaches (a bastion,
   a namespace): ``("ssh", "bastion")`` stands before it.
2. Where a host cannot be asked, that is said before anything is changed.
"""

from __future__ import annotations

import ipaddress
import socket
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence

import attrs

from pyinfra_inet46.transaction import Probe, Transaction, function, library, printf
from pyinfra_inet46.verdict import Verdict, ntop

__all__ = ["Confirmation", "Unasked", "addresses_of", "client", "from_outside", "heard", "reach"]

SHORTEST, LONGEST = 5, 3600
"""Seconds that a confirmation may take: less is too short to connect to anything, and nobody holds a lock for longer."""

_FAMILIES = {"ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}
_EVERYWHERE = {"0.0.0.0", "::"}  # noqa: S104 -- compared, not bound
_MARK = "inet46-outside "


def _seconds(_: object, attribute: attrs.Attribute[float], value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not SHORTEST <= value <= LONGEST:
        raise ValueError(f"confirm: {value!r} is not a number of seconds from {SHORTEST} to {LONGEST}")


def _addresses(_: object, attribute: attrs.Attribute[Mapping[str, str]], value: object) -> None:
    if not isinstance(value, Mapping) or not set(value) <= set(_FAMILIES):
        raise ValueError(f"outside: {value!r} is not a mapping from ipv4 and ipv6 to addresses")
    for family, address in value.items():
        if not isinstance(address, str):  # a number would be taken for one, too
            raise ValueError(f"outside: {address!r} is not an IP address")  # noqa: TRY004 -- as any other value that is none
        try:
            version = ipaddress.ip_address(address).version
        except ValueError:
            raise ValueError(f"outside: {address!r} is not an IP address") from None
        if f"ipv{version}" != family:
            raise ValueError(f"outside: {address!r} is not an {'IPv4' if family == 'ipv4' else 'IPv6'} address")


def _words(_: object, attribute: attrs.Attribute[Sequence[str]], value: object) -> None:
    if isinstance(value, str) or not isinstance(value, Sequence) or not all(isinstance(word, str) and "\0" not in word for word in value):
        raise ValueError(f"via: {value!r} is not a list of words, such as ['ssh', 'bastion']")


@attrs.frozen(kw_only=True)
class Confirmation:
    """That a change is to be confirmed from outside: how soon, where the host is, and from where one connects."""

    seconds: float = attrs.field(validator=_seconds)
    outside: Mapping[str, str] = attrs.field(factory=dict, validator=_addresses)
    via: Sequence[str] = attrs.field(default=(), validator=_words)

    @property
    def patience(self) -> int:
        """Seconds in which every connection has to be answered, so that there is time to say so."""
        return int(min(10, self.seconds / 2))


class Unasked(ValueError):
    """A connection from outside that has to be tried, and nobody knows where to."""


def addresses_of(name: str, given: Mapping[str, str]) -> dict[str, str]:
    """The host's address for each family: what was given, and what its name says for the rest."""
    found = dict(given)
    for family in _FAMILIES.keys() - found.keys():
        try:
            found[family] = str(socket.getaddrinfo(name, None, _FAMILIES[family], socket.SOCK_STREAM)[0][4][0])
        except (OSError, UnicodeError):
            continue
    return found


def from_outside(transaction: Transaction, addresses: Mapping[str, str], armed: Verdict | None = None) -> tuple[Probe, ...]:
    """The probes of a change as they look from elsewhere. What listens on the host's loopback only is nobody else's affair.

    Of a host that goes from one super-server to another, `armed` tells what answered before: that, and nothing else, has to answer.
    Raises Unasked when there is no address for a family that has to be tried.
    """
    return tuple(_from_outside(transaction, _probes(transaction, armed), addresses))


def _probes(transaction: Transaction, armed: Verdict | None) -> Iterator[Probe]:
    """Yield the probes of a change, or, of a migration, those that were answered before, with the greeting that they got.

    Where the host has no client to find that out with, whatever listens is asked: better back again than silent.
    """
    if armed is None or transaction.old is None or armed.proof == "sockets":
        yield from transaction.probes
        return
    before = {(each.family, each.address, each.port): each for each in armed.answered}
    for probe in transaction.probes:
        answered = before.get((probe.family, probe.address, probe.port))
        if answered is not None:
            yield attrs.evolve(probe, greeting=answered.greeting)


def _from_outside(transaction: Transaction, probes: Iterable[Probe], addresses: Mapping[str, str]) -> Iterator[Probe]:
    everywhere = {(x.family, x.port) for x in transaction.expected if x.address in _EVERYWHERE}
    dual = {x.port for x in transaction.expected if x.address == "::" and x.v6only is not True}
    for probe in probes:
        if not ipaddress.ip_address(probe.address).is_loopback:
            yield probe
        elif (probe.family, probe.port) in everywhere or probe.port in dual:
            if probe.family not in addresses:
                family = "IPv4" if probe.family == "ipv4" else "IPv6"
                raise Unasked(
                    f"{probe.service}: to confirm it over {family} from outside, an {family} address of this host is needed,"
                    f' and its name has none: say outside={{"{probe.family}": …}}'
                )
            yield attrs.evolve(probe, address=ntop(addresses[probe.family]))


def client(probes: Iterable[Probe], *, seconds: int) -> str:
    """The shell text that connects to all of these, wherever it is run, until all have answered or this time has passed."""
    lines = []
    for probe in probes:
        lines.append(f"probe {probe.family} {probe.address} {probe.port} {probe.service}\n")
        lines.extend(() if probe.greeting is None else (f"greeting {probe.greeting}\n",))
    wanted = function("probes_wanted", printf("".join(lines).encode("utf-8", "surrogateescape")))
    return f"{library('common.sh', 'probe.sh', 'outside.sh')}{wanted}inet46_outside {seconds}\n"


def heard(output: Iterable[str]) -> tuple[str, str] | None:
    """What the client says: its name, ``sockets`` where there is none, and what is wrong, if anything is; None if it says nothing."""
    said = next((line for line in output if line.startswith(_MARK)), None)
    if said is None:
        return None
    name, _, problem = said.removeprefix(_MARK).partition(" ")
    return name, problem


def reach(probes: Sequence[Probe], *, seconds: int, via: Sequence[str] = ()) -> str | None:
    """Connect from here to all of these; None when all have answered within this time, else what has not."""
    if not probes:
        return None
    text = client(probes, seconds=seconds)
    try:
        done = subprocess.run(  # noqa: S603 -- the words are the user's own, and the script is data
            [*via, "sh", "-s"], input=text.encode("ascii"), capture_output=True, check=False, timeout=seconds + 30
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"the connections from outside could not be tried: {error}"
    said = heard(done.stdout.decode(errors="replace").splitlines())
    if said is None:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or [f"exit status {done.returncode}"]
        return f"the connections from outside could not be tried: {last[0]}"
    name, problem = said
    if name == "sockets":
        return "there is no TCP client where the connections from outside are tried: python3, perl, nc or bash"
    return f"from outside: {problem}" if problem else None
