"""What all tests share: golden files, and how long Hypothesis looks for a counterexample."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest

from tests.commandline import beside_the_cases  # noqa: F401 -- a fixture
from tests.daemons.fixtures import benches  # noqa: F401 -- as above
from tests.shell.plays import done, plays, shell  # noqa: F401 -- fixtures

Golden = Callable[[str, str | Path], None]

# No test is timed, so a busy machine makes none of them fail: not by a deadline, and not because examples are slow to come.
CALM = [hypothesis.HealthCheck.too_slow]
hypothesis.settings.register_profile("default", max_examples=50, deadline=None, derandomize=True, database=None, suppress_health_check=CALM)
hypothesis.settings.register_profile("long", max_examples=2000, deadline=None, suppress_health_check=CALM)
hypothesis.settings.load_profile("default")  # --hypothesis-profile=long comes later and wins


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite the golden files with what comes out now")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Compare a text with a file beside the test; where they differ, `<file>.actual` holds what came out."""

    def check(actual: str, path: str | Path) -> None:
        expected = request.path.parent / path
        leftover = expected.with_name(f"{expected.name}.actual")
        leftover.unlink(missing_ok=True)
        data = actual.encode(errors="surrogateescape")
        if request.config.getoption("--update-golden"):
            expected.parent.mkdir(parents=True, exist_ok=True)
            expected.write_bytes(data)
        wanted = expected.read_bytes() if expected.exists() else b""
        if data != wanted:
            leftover.parent.mkdir(parents=True, exist_ok=True)
            leftover.write_bytes(data)
        assert actual == wanted.decode(errors="surrogateescape")

    return check
