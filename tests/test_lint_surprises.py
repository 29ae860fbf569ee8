"""Every surprise that is known of the daemons is said by a rule."""

from __future__ import annotations

import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from inet46.lint import every

CASES = Path(__file__).parent / "cases" / "lint"
CODES = {rule.code for rule in every()}
SURPRISES: list[dict[str, Any]] = [
    surprise for path in sorted(CASES.glob("surprises-*.toml")) for surprise in tomllib.loads(path.read_text())["surprise"]
]

# Of the numbered ones none may be missing.
NUMBERED = [f"inetd 5.{number}" for number in range(1, 28)] + [f"inetd 5b.{number}" for number in range(1, 6)]
HOSTS = """L-ORDER L-LINUX-DUP L-OBSD-DUAL L-FBSD-SYSCTLCONF-ONLY L-FBSD-OLD-IPV6ENABLE L-RCCONFD-OVERRIDE L-NETNS-SYSCTL
    L-DEB-XINETD-COMPAT L-WRAP-BRACKET L-WRAP-MAPPED L-UDP-SILENT""".split()


@pytest.mark.parametrize("surprise", SURPRISES, ids=lambda surprise: surprise["id"])
def test_a_surprise_is_said_by_rules_that_exist_and_have_a_failing_case(surprise: dict[str, Any]) -> None:
    assert surprise.keys() == {"id", "text", "codes"}
    assert surprise["codes"]
    assert set(surprise["codes"]) <= CODES
    for code in surprise["codes"]:
        assert tomllib.loads((CASES / f"{code}.toml").read_text())["fail"]


def test_no_numbered_surprise_is_left_out_and_none_is_told_twice() -> None:
    told = [surprise["id"] for surprise in SURPRISES]

    assert max(Counter(told).values()) == 1
    assert {*NUMBERED, *(f"os {name}" for name in HOSTS), "bsd 3", "bsd 4b"} <= set(told)
