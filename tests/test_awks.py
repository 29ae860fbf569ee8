"""Every awk that a host may have: the one of the BSDs and macOS (original-awk here), GNU's, mawk, and busybox's."""

from __future__ import annotations

import os
import pathlib
import shutil

import pytest

from pyinfra_inet46.look import look_command, parse_look
from pyinfra_inet46.transaction import Result
from tests.shell.harness import PORT, Host, probe
from tests.shell.plays import AFTER, BEFORE
from tests.shell.roots import freebsd_14

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root for networks and folders of its own")

AWKS = (
    "original-awk",
    "mawk",
    "busybox",
    *filter(shutil.which, ["gawk"]),
)  # which Debian would make the usual one: not for a test to install


@pytest.fixture(params=AWKS)
def awk(request: pytest.FixtureRequest) -> str:
    found: str | None = shutil.which(request.param)
    if found is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(f"{request.param} is not installed")
    return found


def test_a_change_is_proved_and_taken_back_with_every_awk(tmp_path: pathlib.Path, awk: str) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "awk").symlink_to(awk)
    with Host(tmp_path / "host") as host:
        wrong = host.run(host.transaction(probes=(probe("ipv6", greeting="+OK"),)), path=[tools])
        before = host.sockets()
        right = host.run(host.transaction(), path=[tools])

        assert wrong.verdict.result is Result.ROLLED_BACK, wrong.stderr
        assert wrong.verdict.reason == 'imap at [::1]:14301: greets with "* OK ready", not with "+OK"'
        assert before == BEFORE
        assert right.verdict.result is Result.COMMITTED, right.stderr
        assert [(s.family, s.port, s.v6only) for s in right.verdict.sockets] == [("ipv4", PORT, None), ("ipv6", PORT, True)]
        assert host.sockets() == AFTER


def test_a_look_tells_the_same_with_every_awk(tmp_path: pathlib.Path, awk: str) -> None:
    looks = []
    for name, program in (("this", awk), ("usual", shutil.which("awk"))):
        root = freebsd_14(tmp_path / name)
        (root.folder / "bin/awk").unlink()
        (root.folder / "bin/awk").symlink_to(f"/real{pathlib.Path(str(program)).resolve()}")
        looks.append(parse_look(root.run(look_command(services=["imap4/tcp"], settings=["net.inet6.ip6.v6only"]))))

    assert looks[0] == looks[1]
    assert len(looks[0].sockets) > 3
