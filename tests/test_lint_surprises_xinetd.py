"""Every surprise that is known of xinetd is said by a rule, and every rule about xinetd says one."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from inet46.lint import every

CASES = Path(__file__).parent / "cases" / "lint"
SURPRISES = {surprise["id"]: surprise["codes"] for surprise in tomllib.loads((CASES / "surprises-xinetd.toml").read_text())["surprise"]}
CODES = {rule.code for rule in every()}


@pytest.mark.parametrize("name", SURPRISES)
def test_a_surprise_of_xinetd_is_said_by_rules_that_exist_and_have_a_failing_case(name: str) -> None:
    mine = set(SURPRISES[name])

    assert mine
    assert mine <= CODES
    assert all("fail" in tomllib.loads((CASES / f"{code}.toml").read_text()) for code in mine)


def test_no_numbered_surprise_of_xinetd_is_left_out() -> None:
    numbers = [*range(1, 20), *range(101, 107), *range(201, 214)]

    assert {*(f"X{number:03}" for number in numbers), "xinetd 5b.1", "xinetd 5b.2", "xinetd 5b.3"} <= SURPRISES.keys()


def test_every_rule_about_xinetd_says_a_surprise() -> None:
    mine = {rule.code for rule in every() if rule.find.__module__.rpartition(".")[2].startswith("xinetd_")}

    assert mine
    assert mine <= {code for codes in SURPRISES.values() for code in codes}
