"""What a host answers to a change: the verdict, and the sockets in it.

Rule of this module: it reads what the scripts in ``shell/`` print, and refuses what it does not understand.
"""

from __future__ import annotations

import enum
import functools
import ipaddress
import re
from collections.abc import Mapping, Sequence
from typing import Protocol

import attrs

__all__ = [
    "Answered",
    "Listening",
    "Result",
    "Verdict",
    "VerdictError",
    "a_family",
    "a_port",
    "a_transport",
    "an_address",
    "ntop",
    "parse_verdict",
    "read_listening",
    "write_listening",
    "write_verdict",
]

_NUMBER = re.compile(r"[0-9]{1,5}")
_PIDS = re.compile(r"-|[0-9]{1,10}(,[0-9]{1,10})*")
_COMMAND = r"[!-,.-~][!-~]*|-[!-~]+"  # a word, but not the "-" that stands for none


class VerdictError(ValueError):
    """The answer of a transaction is missing, cut short or not one that this version understands."""


class _HasFamily(Protocol):
    @property
    def family(self) -> str: ...


def an_address(instance: _HasFamily, attribute: attrs.Attribute[str], value: str) -> None:
    """An address as ``ss`` writes it, so that the host may compare letters."""
    read = _address(value)
    if read is None:
        raise ValueError(f"{attribute.name} {value!r} is not an IP address")
    if read[0] != instance.family:
        raise ValueError(f"{attribute.name} {value!r} is not {instance.family}")


def ntop(value: str) -> str:
    """The spelling of inetntop, which is what ss and sockstat print: ``::ffff:127.0.0.1``, not ``::ffff:7f00:1``."""
    read = _address(value)
    return value if read is None else read[1]


@functools.lru_cache(maxsize=1024)
def _address(value: str) -> tuple[str, str] | None:
    """Read an address: its family, and its spelling. A fleet listens on very few."""
    try:
        address = ipaddress.ip_address(value)
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return f"ipv{address.version}", f"::ffff:{mapped}" if mapped is not None else str(address)


a_transport = attrs.validators.in_(("tcp", "udp"))
a_family = attrs.validators.in_(("ipv4", "ipv6"))


def a_port(_: object, attribute: attrs.Attribute[int], value: int) -> None:
    """A number that a port can have."""
    if not 0 <= value <= 65535:
        raise ValueError(f"{attribute.name} {value} is outside 0..65535")


@attrs.frozen(kw_only=True)
class Listening:
    """A listening TCP or any UDP socket that was seen on a host. What the host's tools do not tell is None, or no pids.

    A pid of 0 is nobody on this host: the tools tell who holds the other sockets.
    """

    transport: str = attrs.field(validator=a_transport)
    family: str = attrs.field(validator=a_family)
    address: str = attrs.field(converter=ntop, validator=an_address)
    port: int = attrs.field(validator=a_port)
    v6only: bool | None = None
    pids: tuple[int, ...] = ()
    command: str | None = attrs.field(default=None, validator=attrs.validators.optional(attrs.validators.matches_re(_COMMAND)))


@attrs.frozen(kw_only=True)
class Answered:
    """A client that was answered by the old super-server, when another one is to take its place."""

    family: str = attrs.field(validator=a_family)
    address: str = attrs.field(converter=ntop, validator=an_address)
    port: int = attrs.field(validator=a_port)
    greeting: str | None = attrs.field(default=None, validator=attrs.validators.optional(attrs.validators.matches_re(r"[ -~]{1,16}")))
    """How its greeting began, if it was one as protocols have them."""


class Result(enum.Enum):
    """How a transaction ended."""

    COMMITTED = "committed"  # the new files, settings and sockets are there and proved
    REFUSED = "refused"  # nothing was changed, because something was not as the look saw it
    ROLLED_BACK = "rolled-back"  # a step failed, and the old files, settings and sockets are back
    ARMED = "armed"  # the new state is there and proved from inside; the host goes back by itself unless it is told that it is confirmed
    UNCONFIRMED = "unconfirmed"  # nobody confirmed it from outside in time, or somebody could not, and the old state is back
    BROKEN = "broken"  # a step failed and so did the way back: the journal stays for the next run


@attrs.frozen(kw_only=True)
class Verdict:
    """What a transaction says at its end."""

    result: Result
    id: str
    step: str
    """The step of the change that ended it: lock, recover, stage, learn, arm, journal, place, activate, verify, commit or hand_over;
    confirm when that was decided later."""

    reason: str
    state: str
    """What state the host is in now, in words."""

    recovered: bool = False
    """True: an interrupted change was found and rolled back first."""

    proof: str = "none"
    """How connections were proved: python3, perl, nc or bash; ``sockets`` when the host has no TCP client; ``none``: not tried."""

    seconds: float = 0.0
    answered: tuple[Answered, ...] = ()
    """ARMED, from one super-server to another: who was answered before."""

    sockets: tuple[Listening, ...] = ()
    """Who listened on our ports at the end."""

    log: tuple[str, ...] = ()
    """The daemon's own last lines, when something failed."""


def parse_verdict(lines: Sequence[str]) -> Verdict:
    """Read the block between ``inet46-verdict 1`` and ``end``; what stands before it, say a login banner, is passed over."""
    try:
        first = list(lines).index("inet46-verdict 1")
    except ValueError:
        raise VerdictError("the host gave no verdict: there is no line 'inet46-verdict 1'") from None
    words: dict[str, str] = {}
    many: dict[str, list[str]] = {"answered": [], "socket": [], "log": []}
    for line in lines[first + 1 :]:
        key, _, value = line.partition(" ")
        if line == "end":
            break
        if key in many:
            many[key].append(value)
        elif key in words or key not in _WORDS:
            raise VerdictError(f"the verdict has an unexpected line {line!r}")
        else:
            words[key] = value
    else:
        raise VerdictError("the verdict is cut short: there is no line 'end'")
    return _verdict(words, many)


_WORDS = ("result", "id", "step", "reason", "state", "recovered", "proof", "seconds")


def _verdict(words: Mapping[str, str], many: Mapping[str, Sequence[str]]) -> Verdict:
    try:
        return Verdict(
            result=Result(words["result"]),
            id=words["id"],
            step=words["step"],
            reason=words["reason"],
            state=words["state"],
            recovered={"yes": True, "no": False}[words["recovered"]],
            proof=words["proof"],
            seconds=float(words["seconds"]),
            answered=tuple(_read_answered(line) for line in many["answered"]),
            sockets=tuple(read_listening(line) for line in many["socket"]),
            log=tuple(many["log"]),
        )
    except KeyError as missing:
        raise VerdictError(f"the verdict does not say {missing}") from None
    except ValueError as wrong:
        raise VerdictError(f"the verdict cannot be read: {wrong.args[0]}") from None


def write_verdict(verdict: Verdict) -> list[str]:
    """The lines that `parse_verdict` reads."""
    return [
        "inet46-verdict 1",
        f"result {verdict.result.value}",
        f"id {verdict.id}",
        f"step {verdict.step}",
        f"reason {verdict.reason}",
        f"state {verdict.state}",
        f"recovered {'yes' if verdict.recovered else 'no'}",
        f"proof {verdict.proof}",
        f"seconds {verdict.seconds!r}",
        *(f"answered {_write_answered(each)}" for each in verdict.answered),
        *(f"socket {write_listening(socket)}" for socket in verdict.sockets),
        *(f"log {line}" for line in verdict.log),
        "end",
    ]


def _read_answered(line: str) -> Answered:
    """Read ``FAMILY ADDRESS PORT [GREETING]``, as ``server.sh`` prints it."""
    words = line.split(" ", 3)
    if len(words) < 3 or not _NUMBER.fullmatch(words[2]):
        raise ValueError(f"{line!r} does not say who was answered")
    return Answered(family=words[0], address=words[1], port=int(words[2]), greeting=words[3] if len(words) > 3 else None)


def _write_answered(answered: Answered) -> str:
    """Write the line that `_read_answered` reads."""
    words = f"{answered.family} {answered.address} {answered.port}"
    return words if answered.greeting is None else f"{words} {answered.greeting}"


_V6ONLY = {"yes": True, "no": False, "unknown": None, "-": None}


@functools.lru_cache(maxsize=1024)
def _pids(text: str) -> tuple[int, ...] | None:
    """Read the processes that hold a socket, None when these are none; a super-server holds many."""
    if not _PIDS.fullmatch(text):
        return None
    return () if text == "-" else tuple(map(int, text.split(",")))


def read_listening(line: str) -> Listening:
    """Read ``TRANSPORT FAMILY ADDRESS PORT V6ONLY PIDS COMMAND``, as ``listeners.sh`` prints it."""
    words = line.split(" ")
    if len(words) != 7 or words[4] not in _V6ONLY or not _NUMBER.fullmatch(words[3]) or _pids(words[5]) is None:
        raise ValueError(f"{line!r} is not a socket")
    transport, family, address, port, v6only, pids, command = words
    return Listening(
        transport=transport,
        family=family,
        address=address,
        port=int(port),
        v6only=_V6ONLY[v6only],
        pids=_pids(pids) or (),
        command=None if command == "-" else command,
    )


def write_listening(socket: Listening) -> str:
    """The line that `read_listening` reads."""
    v6only = "-" if socket.family == "ipv4" else {True: "yes", False: "no", None: "unknown"}[socket.v6only]
    pids = ",".join(map(str, socket.pids)) or "-"
    return f"{socket.transport} {socket.family} {socket.address} {socket.port} {v6only} {pids} {socket.command or '-'}"
