"""Scripts of more than a pipe holds, through a proxy that is slow to read."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("pyinfra")

SIZE = 5 * 65536

PROGRAM = """
from gevent import monkey

monkey.patch_all()
from paramiko.proxy import ProxyCommand
from pyinfra_inet46 import proxied

if {mended}:
    proxied.mend()
proxy = ProxyCommand("sh -c 'sleep 1; wc -c >&2'")
rest = b"x" * {size}
while rest:
    rest = rest[proxy.send(rest):]
proxy.process.stdin.close()
proxy.process.wait()
print(int(proxy.process.stderr.read()))
"""


def arrived(*, mended: bool) -> int:
    program = PROGRAM.format(mended=mended, size=SIZE)
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    return int(result.stdout)


def test_paramiko_alone_loses_what_the_pipe_has_no_room_for() -> None:
    assert arrived(mended=False) < SIZE


def test_everything_arrives_through_a_proxy_that_is_slow_to_read() -> None:
    assert arrived(mended=True) == SIZE


def test_whoever_looks_at_a_host_has_it_mended() -> None:
    program = "from paramiko.proxy import ProxyCommand; import pyinfra_inet46.facts; print(ProxyCommand.send.__module__)"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)

    assert result.stdout == "pyinfra_inet46.proxied\n"
