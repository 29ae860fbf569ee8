"""What people do between an interruption and the recovery is neither lost nor taken for the old state, and what is done is not undone."""

from __future__ import annotations

import os
import shutil

import attrs
import pytest

from pyinfra_inet46.transaction import Result, Seen
from tests.shell.harness import OTHER, V4, Host, Run
from tests.shell.plays import AFTER, NEW, OLD, Outcome, about, scenario

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root for a network of its own")

KEPT = "step_place() { kill -9 $$; }\n"
PLACED = "step_activate() { kill -9 $$; }\n"
FOUND = ".inet46-old.inetd.conf.found"


def recovered(host: Host) -> Run:
    """The next run, which has a change of its own to make."""
    return host.run(host.transaction(files=(attrs.evolve(host.change(), old=Seen.of(OLD.encode())),)))


@scenario
def is_tidied_up(host: Host) -> tuple[Run, object]:
    host.run(host.transaction(), before=PLACED)
    shutil.rmtree(host.etc / ".inet46-old")
    stuck = recovered(host), host.config.read_text()
    host.config.write_text(OLD)
    return recovered(host), stuck


@about(is_tidied_up)
def test_new_files_are_not_called_the_old_ones_when_somebody_has_removed_those(done: Outcome) -> None:
    stuck, text = done.extra

    assert (stuck.verdict.result, stuck.verdict.step, stuck.verdict.recovered) == (Result.BROKEN, "recover", False)
    assert "/etc/inetd.conf is as the change made it, and the old file is gone from /" in stuck.verdict.reason
    assert text == NEW
    assert (done.run.verdict.result, done.run.verdict.recovered) == (Result.COMMITTED, True)
    assert (done.config, done.sockets) == (NEW, AFTER)


@scenario
def is_edited_before_it_was_replaced(host: Host) -> Run:
    """In place, as many editors do: then the kept name shows the edit as well."""
    host.run(host.transaction(), before=KEPT)
    with host.config.open("a") as config:
        config.write("ipv4 127.0.0.1 14500 no -\n")
    return recovered(host)


@about(is_edited_before_it_was_replaced)
def test_an_edit_of_a_file_that_was_not_replaced_yet_stays_where_it_is(done: Outcome) -> None:
    assert "/etc/inetd.conf was changed by somebody else meanwhile, before it was replaced: it stays as it is" in done.run.stderr
    assert done.config == V4 + OTHER + "ipv4 127.0.0.1 14500 no -\n"
    assert done.names == ["etc/inetd.conf", "state/last"]
    assert done.run.verdict.reason.endswith("/etc/inetd.conf changed between look and change")


@scenario
def is_edited_after_each_of_two_interruptions(host: Host) -> tuple[Run, object]:
    for text in ("one\n", "two\n"):
        host.run(host.transaction(), before=PLACED)
        host.config.write_text(text)
        host.run(host.transaction(files=(), activate=(), expected=(), probes=(), ours=()))
    found = {path.name: path.read_text() for path in host.etc.glob(".inet46*")}
    return recovered(host), found


@about(is_edited_after_each_of_two_interruptions)
def test_a_second_edit_does_not_take_the_place_of_the_first_one(done: Outcome) -> None:
    assert done.extra == {FOUND: "one\n", f"{FOUND}.2": "two\n"}
    assert (done.config, done.sockets) == (NEW, AFTER)


# What a Ctrl-C to the whole process group can do: the rename is done, and its program says that it was ended.
ENDED = """
mv() {
	command mv "$@"
	case $* in
	*/state/staging\\ */state/journal | */state/journal\\ */state/committed) return 143 ;;
	esac
}
"""


@scenario
def has_renames_that_are_ended_when_they_are_done(host: Host) -> Run:
    return host.run(host.transaction(), before=ENDED)


@about(has_renames_that_are_ended_when_they_are_done)
def test_a_rename_that_was_done_counts_whatever_its_program_says(done: Outcome) -> None:
    assert done.run.verdict.result is Result.COMMITTED, done.run.verdict
    assert (done.config, done.sockets) == (NEW, AFTER)
    assert done.names == ["etc/inetd.conf", "state/last"]
