"""The benchmarks' own arithmetic: what is called met is met, and nothing is measured here."""

import pytest

from tests.bench.measure import Figure
from tests.bench.page import line, pages


def figure(ours: float, theirs: float, aim: str) -> Figure:
    return Figure(group="hosts", name="a & b", against="pyinfra: files.put", ours=ours, theirs=theirs, aim=aim)


@pytest.mark.parametrize(
    ("ours", "theirs", "aim", "ratio", "met"),
    [
        (1.0, 5.0, ">= 5", 5.0, True),
        (1.0, 4.9, ">= 5", 4.9, False),
        (2.5, 1.0, "<= 2.5", 2.5, True),
        (2.6, 1.0, "<= 2.5", 2.6, False),
        (2.0, 1.0, "", 0.5, None),
    ],
)
def test_a_ratio_is_theirs_by_ours_where_we_want_to_be_faster_and_ours_by_theirs_where_we_want_to_cost_no_more(
    ours: float,
    theirs: float,
    aim: str,
    ratio: float,
    met: bool | None,  # noqa: FBT001 -- a row of the table
) -> None:
    one = figure(ours, theirs, aim)

    assert one.ratio == pytest.approx(ratio)
    assert one.met is met


def test_an_aim_that_is_missed_is_told_everywhere() -> None:
    missed = figure(1.0, 2.0, ">= 5")
    made = pages([missed])

    assert "MISSED" in line(missed)
    assert "≥ 5: **missed**" in made["docs/reference/speed.md"]
    assert "#c0392b" in made["docs/reference/speed.svg"]
    assert "a &amp; b" in made["docs/reference/speed.svg"]
