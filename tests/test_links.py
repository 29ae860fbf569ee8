"""Symbolic links as part of a change: made, moved and removed like files, and refused where they are not what the look saw."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterator

import pytest

from pyinfra_inet46.transaction import LinkChange, Result
from tests.shell.harness import SHELLS, Host, available, socket

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root for a network of its own")


@pytest.fixture(params=[shell for shell in SHELLS if available(shell)])
def host(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> Iterator[Host]:
    with Host(tmp_path, shell=request.param) as running:
        yield running


def change(host: Host, *, old: str | None, new: str | None) -> LinkChange:
    return LinkChange(path=str(host.etc / "wants/imap.socket"), old=old, new=new)


def link(host: Host) -> pathlib.Path:
    return host.etc / "wants/imap.socket"


def test_a_link_comes_with_its_folder_and_goes(host: Host) -> None:
    made = host.run(host.transaction(links=(change(host, old=None, new="../imap.socket"),)))

    assert made.verdict.result is Result.COMMITTED
    assert str(link(host).readlink()) == "../imap.socket"
    assert link(host).parent.stat().st_mode & 0o777 == 0o755

    gone = host.run(
        host.transaction(
            id="change-2",
            files=(),
            links=(change(host, old="../imap.socket", new=None),),
            activate=(),
            expected_after_undo=(socket("ipv4"), socket("ipv6", v6only=True), socket("ipv4", port=14399)),
        )
    )

    assert gone.verdict.result is Result.COMMITTED, gone.verdict
    assert not os.path.lexists(link(host))
    assert host.names() == ["etc/inetd.conf", "etc/wants", "state/last"]


@pytest.mark.parametrize("there", [None, "/dev/null", "a file"])
def test_a_link_that_is_not_what_the_look_saw_is_left_alone(host: Host, there: str | None) -> None:
    link(host).parent.mkdir()
    if there == "a file":
        link(host).write_text("somebody's work\n")
    elif there is not None:
        link(host).symlink_to(there)
    before = host.names()
    run = host.run(host.transaction(links=(change(host, old="../imap.socket", new=None),)))

    assert run.verdict.result is Result.REFUSED
    assert run.verdict.reason == f"{link(host)} changed between look and change: it led to ../imap.socket"
    assert [name for name in host.names() if name != "state/last"] == [name for name in before if name != "state/last"]


def test_a_change_that_fails_brings_links_back_as_they_were(host: Host) -> None:
    link(host).parent.mkdir()
    link(host).symlink_to("../imap.socket")
    run = host.run(host.transaction(links=(change(host, old="../imap.socket", new="/dev/null"),), expected=(), deadline=0.3))

    assert run.verdict.result is Result.ROLLED_BACK
    assert str(link(host).readlink()) == "../imap.socket"


@pytest.mark.parametrize("change_", [(None, "a\nb"), ("a\0b", None)])
def test_a_target_that_a_journal_cannot_hold_is_refused(change_: tuple[str | None, str | None]) -> None:
    with pytest.raises(ValueError, match="has a newline or NUL, which the journal of a change cannot hold"):
        LinkChange(path="/etc/x", old=change_[0], new=change_[1])
