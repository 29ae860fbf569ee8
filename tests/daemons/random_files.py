"""Files that nobody would write on purpose, of the words that people do write: seeded, so that a run can be repeated."""

from __future__ import annotations

from random import Random

from inet46.knowledge import INETD_BUILDS, Host, InetdBuild, XinetdBuild
from tests.daemons.judge import Case
from tests.daemons.random_inetd import inetd_files
from tests.daemons.random_xinetd import xinetd_files

__all__ = ["random_cases"]


def random_cases(seed: int | str, count: int, host: Host) -> list[Case]:
    """Make files for the super-server of a host; each depends on the seed and its own number alone."""
    return [_case(Random(f"{seed}/{number}"), host, f"random file {seed}/{number}") for number in range(count)]


def _case(random: Random, host: Host, label: str) -> Case:
    if isinstance(host.server, InetdBuild):
        return Case(label, inetd_files(random, host.server))
    assert isinstance(host.server, XinetdBuild)
    assert host.server.compat is not None
    return Case(label, xinetd_files(random, INETD_BUILDS[host.server.compat]))
