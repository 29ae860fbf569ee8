"""What a login shell has set for people does not change what a look and a change read."""

from __future__ import annotations

import os
import pathlib
import subprocess

import pytest

from pyinfra_inet46.look import look_command, parse_look
from pyinfra_inet46.transaction import LinkChange, Result, parse_verdict
from tests.shell.harness import Host, script
from tests.shell.roots import Root

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root for folders and networks of its own")

FOR_PEOPLE = [{"BLOCK_SIZE": "human-readable"}, {"LS_BLOCK_SIZE": "si"}, {"QUOTING_STYLE": "c"}, {"QUOTING_STYLE": "shell-always"}]


@pytest.mark.parametrize("environment", FOR_PEOPLE, ids=lambda each: " ".join(each.values()))
def test_how_ls_writes_for_people_does_not_spoil_a_look(tmp_path: pathlib.Path, environment: dict[str, str]) -> None:
    root = Root(tmp_path / "root")
    root.write("etc/real.conf", "x" * 3000)
    (root.folder / "etc/inetd.conf").symlink_to("real.conf")

    look = parse_look(root.run(look_command(), proc=True, environment=environment))

    seen = look.file("/etc/inetd.conf")
    assert seen is not None
    assert (seen.resolved, seen.content) == ("/etc/real.conf", b"x" * 3000)


@pytest.mark.parametrize("environment", FOR_PEOPLE, ids=lambda each: " ".join(each.values()))
def test_how_ls_writes_for_people_does_not_spoil_a_change(tmp_path: pathlib.Path, environment: dict[str, str]) -> None:
    with Host(tmp_path / "host") as host:
        link = host.etc / "link"
        link.symlink_to("one")
        change = host.transaction(links=(LinkChange(path=str(link), old="one", new="two"),))
        text, everything = script(change).encode(), {**host.environment, **environment}
        done = subprocess.run(host.words(), input=text, capture_output=True, check=False, env=everything, timeout=60)

        assert parse_verdict(done.stdout.decode().splitlines()).result is Result.COMMITTED, done.stderr
        assert str(link.readlink()) == "two"
