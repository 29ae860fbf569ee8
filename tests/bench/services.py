"""The services of the benchmarks: cheap to start, and with a greeting, so that answering can be told from listening."""

from __future__ import annotations

from inet46 import Program, Service

FIRST_PORT = 20000


def services(count: int, word: str = "ready") -> tuple[Service, ...]:
    """So many services; another word is another greeting, and a change to every one of them."""
    program = Program(path="/bin/echo", args=(word,))
    return tuple(Service(name=f"bench{i}", port=FIRST_PORT + i, program=program, greeting=word) for i in range(count))
