"""Files in which every entry has a server that says its name, and what inet46 says of who answers whom."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from random import Random

from inet46 import formats
from inet46.entry import Entry
from inet46.knowledge import Host, InetdBuild
from inet46.predict import Held, predict
from inet46.service import Program
from inet46.sockets import Family, Transport
from tests.daemons.bench import Files, Step
from tests.daemons.cases import INETD, XINETD, left_to_chance, paragraph

__all__ = ["QUESTIONS", "WHO", "Question", "answering_files", "asked", "said"]

Question = tuple[str, str, int]
"""What a client asks: transport, address, port."""

QUESTIONS: tuple[Question, ...] = tuple(
    (transport, address, port)
    for transport, address, port in itertools.product(("tcp", "udp"), ("127.0.0.1", "127.0.0.2", "::1"), (7001, 7002, 143))
    if (transport, address) != ("udp", "127.0.0.2")  # a socket without an address answers it from 127.0.0.1, which is somebody else
)

_PATH = "/etc/more/who"
# Says its name to the client that it was handed, to the first one that it accepts, or to the sender of a datagram.
_PROGRAM = """\
use Socket;
my $name = shift;
if (unpack("i", getsockopt(STDIN, SOL_SOCKET, SO_TYPE)) == SOCK_DGRAM) {
    my $from = recv(STDIN, my $text, 99, 0);
    send(STDOUT, $name, 0, $from);
} elsif (unpack("i", getsockopt(STDIN, SOL_SOCKET, SO_ACCEPTCONN))) {
    accept(my $client, STDIN);
    syswrite($client, $name);
} else {
    syswrite(STDOUT, $name);
}
"""
WHO = f"/usr/bin/perl perl {_PATH}"
"""The server of a line of inetd.conf; the name is its next argument."""

_PREFIXES = ("", "", "", "", "*:", "0.0.0.0:", "127.0.0.1:", "127.0.0.2:", "::1:")


def asked(files: Files, questions: Iterable[Question]) -> tuple[Step, ...]:
    """The run of a daemon that is started on these files and asked by one client after the other."""
    return ("files", {**files, _PATH: _PROGRAM}), ("start",), ("who", list(questions)), ("look",)


def said(files: Files, host: Host) -> Mapping[Question, str] | None:
    """Who answers whom, "" for nobody; None where something is not known, or a line is not served as it is written (I213)."""
    reading = formats.read(files, host)
    prediction = predict(reading.entries, host)
    if reading.unknown or prediction.unknown or "I213" in {fault.code for fault in prediction.faults}:
        return None
    return {question: _answering(question, prediction.sockets) for question in QUESTIONS}


def _answering(question: Question, sockets: Iterable[Held]) -> str:
    transport, address, port = question
    family = Family.IPV6 if ":" in address else Family.IPV4
    there = {
        held.socket.address.removeprefix("::ffff:"): held.entry
        for held in sockets
        if (held.socket.transport, held.socket.port) == (Transport(transport), port) and family in held.accepts
    }
    entry = there.get(address) or there.get(family.wildcard) or there.get("::")
    return _name(entry) if entry is not None else ""


def _name(entry: Entry) -> str:
    assert isinstance(entry.program, Program)
    return entry.program.args[-1]


def answering_files(random: Random, host: Host) -> Files:
    """A few entries that are in one another's way."""
    names = [f"entry{number}" for number in range(random.randint(2, 5))]
    if isinstance(host.server, InetdBuild):
        return {INETD: "".join(_line(random, host.server, name) for name in names)}
    return {XINETD: "".join(_paragraph(random, name) for name in names)}


def _line(random: Random, build: InetdBuild, name: str) -> str:
    token = random.choice(build.tokens)
    kind = token.transport.socket_type
    service = random.choice(_PREFIXES) + random.choice(("7001", "7001", "7002", "imap", "imap2", "143"))
    wait = "wait" if kind == "dgram" or random.random() < 0.2 else "nowait"
    return f"{service}\t{kind}\t{token.name}\t{wait}\troot\t{WHO} {name}\n"


def _paragraph(random: Random, name: str) -> str:
    flags, bind = random.choice(("", "", "IPv4", "IPv6", "IPv6")), random.choice(("", "", "", "0.0.0.0", "::", "127.0.0.1", "::1"))
    transport = random.choice(("tcp", "tcp", "udp"))
    service = random.choice(("imap", "x7001", "x7002"))
    told = {
        "id": random.choice(("", name)),
        "flags": "" if left_to_chance(flags, bind) else flags,
        "bind": bind,
        "v6only": random.choice(("", "", "yes")),
        "wait": "yes" if transport == "udp" or random.random() < 0.2 else "no",
        "server": WHO.split(maxsplit=1)[0],
        "server_args": f"{_PATH} {name}",
    }
    if service != "imap":
        told |= {"type": "UNLISTED", "port": service[1:]}
    return paragraph(service, transport=transport, **told)
