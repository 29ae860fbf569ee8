"""A file whose access list (setfacl) lets somebody in, or keeps a group out, does so after a change as well."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess

import attrs
import pytest

from pyinfra_inet46.transaction import Result
from tests.shell.harness import Host, Run
from tests.shell.plays import AFTER, NEW, Outcome, about, scenario

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root for a network of its own"),
    pytest.mark.skipif(shutil.which("setfacl") is None, reason="needs setfacl"),
]


def access_list(path: pathlib.Path) -> str:
    return subprocess.run(["getfacl", "--omit-header", "--absolute-names", str(path)], capture_output=True, text=True, check=True).stdout


def changed(host: Host, before: str = "") -> tuple[Run, object]:
    """What ls shows for the group, r, is how far the list goes; the group itself may nothing."""
    host.config.chmod(0o600)
    done = subprocess.run(["setfacl", "--modify", "user:nobody:r", str(host.config)], check=False, capture_output=True)
    if done.returncode != 0:
        pytest.skip("this file system has no access lists")
    old = access_list(host.config)
    change = attrs.evolve(host.change(), mode=host.config.stat().st_mode & 0o7777)
    run = host.run(host.transaction(files=(change,)), before=before)
    return run, (old, access_list(host.config))


@scenario
def has_a_list(host: Host) -> tuple[Run, object]:
    return changed(host)


@about(has_a_list)
def test_an_access_list_stays(done: Outcome) -> None:
    old, new = done.extra

    assert done.run.verdict.result is Result.COMMITTED, done.run.stderr
    assert (done.config, done.sockets) == (NEW, AFTER)
    assert new == old
    assert "group::---" in new


@scenario
def has_a_list_that_no_program_copies(host: Host) -> tuple[Run, object]:
    return changed(host, before='cp() { cat "$2" >"$3"; }\n')


@about(has_a_list_that_no_program_copies)
def test_a_file_whose_access_list_cannot_be_kept_is_left_alone(done: Outcome) -> None:
    old, new = done.extra

    assert done.run.verdict.result is Result.REFUSED
    assert done.run.verdict.reason.endswith("/etc/inetd.conf has an access list, and nothing here gives it to the new file")
    assert done.untouched
    assert new == old
