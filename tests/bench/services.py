"""The services of the benchmarks: cheap to start, and with a greeting, so that answering can be told from listening."""

from __future__ import annotations

from inet46 import Program, Service, plan

FIRST_PORT = 20000
HOST = "debian-12/xinetd"


def services(count: int, word: str = "ready") -> tuple[Service, ...]:
    """So many services; another word is another greeting, and a change to every one of them."""
    program = Program(path="/bin/echo", args=(word,))
    return tuple(Service(name=f"bench{i}", port=FIRST_PORT + i, program=program, greeting=word) for i in range(count))


def paragraphs(count: int, word: str) -> dict[str, str]:
    """The files of xinetd.d for them, by path."""
    return {path: text for path, text in plan(services(count, word), HOST).files.items() if path.startswith("/etc/xinetd.d/")}


LISTENING = "test $(ss -Hltn | awk '{{ sub(/.*:/, \"\", $4) }} $4 >= {first} && $4 <= {last}' | wc -l) -ge {ports}"
"""A shell command that fails unless so many sockets listen on the ports of the services."""

ANSWERING = """\
for port in $(seq {first} {last}); do
    for address in 127.0.0.1 ::1; do
        nc -w 2 $address $port </dev/null | grep -q '^{word}' || exit 1
    done
done"""
"""A shell command that fails unless each service greets with the word over each family."""


def checks(count: int, word: str) -> tuple[str, str]:
    """The two commands for so many services: whether they listen, and whether they answer."""
    last = FIRST_PORT + count - 1
    return LISTENING.format(first=FIRST_PORT, last=last, ports=2 * count), ANSWERING.format(first=FIRST_PORT, last=last, word=word)
