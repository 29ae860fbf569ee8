"""Hosts on which files and sockets are as wanted, and a service does not answer: only who connects sees that."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator

import pytest

from tests.lab import DEFAULT_HOSTS, Lab
from tests.labs import started
from tests.test_lab_deploys import pyinfra

pytestmark = pytest.mark.lab

CONNECTING = ("--data", "inet46_connect=yes")
SILENT = "closed at once, without a word (files and sockets are as wanted)"


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """The default hosts, on which IMAP answers over both families."""
    with started(DEFAULT_HOSTS) as running:
        assert imap(running, "-y").returncode == 0
        yield running


def imap(lab: Lab, *arguments: str) -> subprocess.CompletedProcess[str]:
    return pyinfra(lab, "deploys/imap.py", *arguments)


def refusals(output: str) -> set[tuple[str, str]]:
    return set(re.findall(r"\[([\w-]+)\] +refused: (.*)", output))


def test_services_that_answer_are_left_alone_and_said_to_have_been_asked(lab: Lab) -> None:
    result = imap(lab, "-y", "-v", *CONNECTING)

    assert result.returncode == 0, result.stderr
    assert result.stderr.count("each was connected to") == len(lab.hosts)
    assert not refusals(result.stderr)


def test_a_family_that_a_list_of_tcp_wrappers_sends_away_is_found_by_asking_alone(lab: Lab) -> None:
    """No rule of inet46 reads hosts.deny on a host, and xinetd says nothing of it to those who look."""
    lab["mail-xinetd"].run("echo 'imap4d: [::]/0' >>/etc/hosts.deny", check=True)
    try:
        still, tried = imap(lab, "-y"), imap(lab, "-y", *CONNECTING)
        dry = imap(lab, "--dry", *CONNECTING)
    finally:
        lab["mail-xinetd"].run("rm /etc/hosts.deny", check=True)

    assert (still.returncode, refusals(still.stderr)) == (0, set())
    assert (tried.returncode, refusals(tried.stderr)) == (1, {("mail-xinetd", f"imap at [::1]:143: {SILENT}")})
    assert refusals(dry.stderr) == refusals(tried.stderr)


def test_a_program_that_says_nothing_any_more_is_found_on_every_host(lab: Lab) -> None:
    for host in lab.hosts.values():
        host.run("mount --bind /bin/true /usr/sbin/imap4d", check=True)
    result = imap(lab, "-y", *CONNECTING)
    for host in lab.hosts.values():
        host.run("umount /usr/sbin/imap4d", check=True)

    assert result.returncode == 1
    assert {host for host, why in refusals(result.stderr) if why == f"imap at 127.0.0.1:143: {SILENT}"} == set(lab.hosts)


def test_a_host_that_has_no_address_outside_for_ipv6_is_told_of(lab: Lab) -> None:
    lab["mail-openbsd"].run(
        "for each in /proc/sys/net/ipv6/conf/*/disable_ipv6; do case $each in */lo/*) ;; *) echo 1 >$each ;; esac; done"
    )
    lab["mail-openbsd"].run(
        "ip -6 address show scope global | grep -q inet6 && exit 1 || echo 0 >/proc/sys/net/ipv6/conf/lo/disable_ipv6", check=True
    )
    result = imap(lab, "-y", *CONNECTING)

    assert result.returncode == 0, result.stderr
    assert re.findall(r"\[([\w-]+)\] +this host has no IPv6 address but ::1", result.stderr) == ["mail-openbsd"]
