"""Law 5 for systemd: what is predicted of units is what a real pid 1 opens, with net.ipv6.bindv6only 0 and 1; and planned units serve."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Iterator, Sequence

import pytest

from inet46 import formats, plan, predict
from inet46.activation import activation
from inet46.cli._told import present
from inet46.formats import Link
from inet46.host import HostPolicy, Sharing
from inet46.knowledge import Host, resolve
from inet46.merge import merge
from inet46.service import Access, Limits, Listener, Program, Service
from inet46.sockets import Family, Transport
from tests.lab import FAMILIES, base_root, missing
from tests.systemds import Bench, Case, benches, grid, odd_units, random_units

pytestmark = [pytest.mark.lab, pytest.mark.slow]

SEEDS, UNITS = (46, 64), 60
CAT = Program(path="/bin/cat")
# A server that is handed the socket itself, answers one client, and ends; its text needs every kind of quoting.
WAITS = {
    Transport.TCP: "import socket; s = socket.socket(fileno=0); c, _ = s.accept(); c.recv(99); c.sendall(b'it\\'s \"me\"\\n'); c.close()",
    Transport.UDP: "import socket; s = socket.socket(fileno=0); d, a = s.recvfrom(99); s.sendto(d + b' $$ %h\\n', a)",
}
ASK = """
import socket, sys
kind, host, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
s.settimeout(5)
try:
    s.connect((host, port))
    s.send(b"hi")
    if kind == "tcp": s.shutdown(socket.SHUT_WR)
    sys.stdout.write(s.recv(9999).decode())
except OSError as error:
    sys.stdout.write(type(error).__name__)
"""


@pytest.fixture(scope="module")
def hosts() -> Iterator[tuple[Bench, Bench]]:
    if (why := missing()) is not None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(why)
    base_root()
    with benches() as made:
        yield made


def hold(hosts: Sequence[Bench], cases: Sequence[Case], capsys: pytest.CaptureFixture[str]) -> None:
    for bench in hosts:
        tally = bench.judge(cases)
        with capsys.disabled():
            print(f"\n  bindv6only={bench.bindv6only}: {tally}", end="")

        assert not tally.mismatches, "\n\n".join(tally.mismatches[:5])
        assert tally.sockets > len(cases) / 4


def test_true_of_every_address_and_pair_of_addresses_with_every_option(
    hosts: tuple[Bench, Bench], capsys: pytest.CaptureFixture[str]
) -> None:
    hold(hosts, grid(), capsys)


def test_true_of_odd_lines_services_links_and_drop_ins(hosts: tuple[Bench, Bench], capsys: pytest.CaptureFixture[str]) -> None:
    hold(hosts, odd_units(), capsys)


@pytest.mark.parametrize("seed", SEEDS)
def test_true_of_random_units(seed: int, hosts: tuple[Bench, Bench], capsys: pytest.CaptureFixture[str]) -> None:
    hold(hosts, random_units(seed, UNITS), capsys)


def test_true_of_the_units_that_the_system_itself_has(hosts: tuple[Bench, Bench]) -> None:
    for bench in hosts:
        files = present(bench.host, bench.lab.path("/"))
        reading = formats.read(files, bench.host)

        assert len([path for path in files if path.endswith(".socket") and ".wants/" not in path]) > 8
        assert Counter(held.socket for held in predict(reading.entries, bench.host).sockets) == Counter(bench.sockets())


# -- what is planned -------------------------------------------------------------------------------------------------------------------


def service(transport: Transport, port: int, *, wait: bool, **said: object) -> Service:
    program = Program(path="/usr/bin/python3", args=("-c", WAITS[transport])) if wait else CAT
    return Service(name=f"try-{port}", port=port, transport=transport, wait=wait, program=program, **said)  # type: ignore[arg-type]


SHAPES: dict[str, tuple[tuple[Listener, ...], Sharing, frozenset[str]]] = {
    "separate": ((), Sharing.SEPARATE, frozenset(FAMILIES)),
    "mapped": ((), Sharing.MAPPED, frozenset(FAMILIES)),
    "auto": ((), Sharing.AUTO, frozenset(FAMILIES)),
    "IPv4 only": ((Listener(family=Family.IPV4),), Sharing.AUTO, frozenset({"ipv4"})),
    "IPv6 only": ((Listener(family=Family.IPV6, v6only=True),), Sharing.AUTO, frozenset({"ipv6"})),
    "dual": ((Listener(family=Family.IPV6, v6only=False),), Sharing.SEPARATE, frozenset(FAMILIES)),
}
KINDS = ((Transport.TCP, False), (Transport.TCP, True), (Transport.UDP, True))


def ask(bench: Bench, transport: Transport, family: str, port: int) -> str:
    address = "127.0.0.1" if family == "ipv4" else "::1"
    result = bench.lab.run(["python3", "-c", ASK, transport.value, address, str(port)])
    return result.stdout.decode(errors="replace") + result.stderr.decode(errors="replace")


def verified(bench: Bench, files: dict[str, str]) -> str:
    """What systemd-analyze has to say of the sockets among these files."""
    sockets = sorted(path for path in files if path.endswith(".socket") and ".wants/" not in path)
    result = bench.lab.run(["systemd-analyze", "verify", "--man=no", *sockets])
    return (
        result.stdout.decode(errors="replace")
        + result.stderr.decode(errors="replace")
        + ("" if result.returncode == 0 else f"exit {result.returncode}")
    )


@pytest.mark.parametrize("shape", SHAPES)
def test_planned_units_verify_without_a_word_open_what_was_planned_and_answer(shape: str, hosts: tuple[Bench, Bench]) -> None:
    listeners, sharing, answering = SHAPES[shape]
    for bench in hosts:
        host = _with(bench.host, sharing)
        wishes = [service(*kind[:1], 9000 + n, wait=kind[1], listeners=listeners) for n, kind in enumerate(KINDS)]
        planned = plan(wishes, host)
        files = dict(planned.files)
        bench.install(files)
        try:
            bench.boot()

            assert verified(bench, files) == ""
            assert Counter(bench.sockets()) == Counter(held.socket for held in planned.sockets)
            for wish, family in itertools.product(wishes, FAMILIES):
                expected = answer(wish) if family in answering else "ConnectionRefusedError"
                # Five starts in ten seconds are the most that a service has by default.
                for _ in range(7 if wish.wait and shape == "mapped" else 1):
                    assert ask(bench, wish.transport, family, wish.port or 0) == expected, (wish.name, family)
        finally:
            bench.remove(files)


def answer(wish: Service) -> str:
    if not wish.wait:
        return "hi"
    return 'it\'s "me"\n' if wish.transport is Transport.TCP else "hi $$ %h\n"


def _with(host: Host, sharing: Sharing) -> Host:
    return resolve(HostPolicy(name=host.name, sharing=sharing, settings=dict(host.policy.settings)))


WORDS = (
    "a b",
    "",
    "'",
    '"',
    "\\",
    "\\n",
    "a\nb",
    "\t",
    "%n",
    "%%",
    "$HOME",
    "${HOME}",
    "$$",
    "$",
    ";",
    "\\;",
    "#",
    "é",
    "\udcff",
    "\x01",
    "-x",
    "@",
    "日",
    "a;b",
    "\u2028",
)
SHOW = """#!/bin/sh
for word in "$0" "$@" "$(id -un)" "$(id -gn)" "$(umask)" "$(nice)" "$(ulimit -n)" "$A" "$B"; do printf '%s\\0' "$word"; done
"""


def test_every_word_limit_and_variable_reaches_the_program_as_it_was_meant(hosts: tuple[Bench, Bench]) -> None:
    bench = hosts[0]
    bench.lab.write("/usr/local/sbin/sh o%w", SHOW, mode=0o755)
    limits = Limits(nice=5, umask=0o027, rlimits={"files": 99}, instances=9, per_source=9)
    environment = {"A": " '%i' \"$B\" \\x ", "B": "é\t日\n"}
    program = Program(path="/usr/local/sbin/sh o%w", args=WORDS)
    wish = Service(name="o@dd!", port=9100, program=program, user="daemon", group="mail", limits=limits, environment=environment)
    files = dict(plan([wish], bench.host).files)
    bench.install(files)
    try:
        bench.boot()
        result = bench.lab.run(
            [
                "python3",
                "-c",
                "import socket, sys\ns = socket.create_connection(('::1', 9100))\nwhile d := s.recv(9999): sys.stdout.buffer.write(d)",
            ]
        )
        words = result.stdout.decode(errors="surrogateescape").split("\0")[:-1]

        assert verified(bench, files) == ""
        assert words == ["/usr/local/sbin/sh o%w", *WORDS, "daemon", "mail", "0027", "5", "99", environment["A"], environment["B"]]
    finally:
        bench.remove(files)
        bench.lab.path("/usr/local/sbin/sh o%w").unlink()


def test_access_lets_in_who_is_named_and_drops_the_others(hosts: tuple[Bench, Bench]) -> None:
    bench = hosts[0]
    wishes = [
        Service(name="only-v6", port=9201, program=CAT, access=Access(ipv4=(), ipv6=None)),
        Service(name="only-some", port=9202, program=CAT, access=Access(ipv4=("127.0.0.0/8",), ipv6=("2001:db8::/32",))),
    ]
    for sharing in (Sharing.SEPARATE, Sharing.MAPPED):
        files = dict(plan(wishes, _with(bench.host, sharing)).files)
        bench.install(files)
        try:
            bench.boot()
            if "not supported" in bench.lab.run("journalctl -q -b -g 'BPF|firewall'").stdout.decode():
                pytest.skip("this kernel has no packet filters for control groups")

            assert [ask(bench, Transport.TCP, family, 9201) for family in FAMILIES] == ["TimeoutError", "hi"]
            assert [ask(bench, Transport.TCP, family, 9202) for family in FAMILIES] == ["hi", "TimeoutError"]
        finally:
            bench.remove(files)


# -- how a change takes effect ---------------------------------------------------------------------------------------------------------


def test_the_verbs_of_a_change_bring_it_about(hosts: tuple[Bench, Bench]) -> None:
    bench = hosts[0]
    old = [service(Transport.TCP, 9301, wait=True), service(Transport.TCP, 9302, wait=False), service(Transport.UDP, 9303, wait=True)]
    new = [service(Transport.TCP, 9301, wait=False), service(Transport.TCP, 9304, wait=False), service(Transport.UDP, 9303, wait=True)]
    before = dict(plan(old, _with(bench.host, Sharing.MAPPED)).files)
    bench.install(before)
    everything = dict(before)
    try:
        bench.boot()
        ask(bench, Transport.TCP, "ipv4", 9301)
        host = _with(bench.host, Sharing.SEPARATE)
        merged = merge([*new, Service(name="try-9302", port=9302, program=CAT, enabled=False)], host, before)
        for path, text in merged.files.items():
            bench.lab.path(path).unlink(missing_ok=True)
            everything[path] = text
            if text or not isinstance(text, Link):
                bench.install({path: text})
        everything = {path: text for path, text in everything.items() if text or not isinstance(text, Link)}
        for verb in merged.activate:
            bench.lab.run(f"systemctl {verb}", check=True)

        assert Counter(bench.sockets()) == Counter(held.socket for held in merged.sockets)
        assert merged.activate == activation(formats.read(before, host).entries, formats.read(everything, host).entries, host)
        assert [ask(bench, Transport.TCP, family, port) for port in (9301, 9304) for family in FAMILIES] == ["hi"] * 4
        assert {ask(bench, Transport.TCP, family, 9302) for family in FAMILIES} == {"ConnectionRefusedError"}
    finally:
        bench.remove(everything)
