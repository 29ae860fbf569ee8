"""What tests of real daemons share: benches, made when they are asked for."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator

import pytest

from tests.daemons.bench import Bench, missing

__all__ = ["Benches", "benches"]

Benches = Callable[[str], tuple[Bench, Bench]]


@pytest.fixture(scope="module")
def benches() -> Iterator[Benches]:
    """The two benches of a host, with bindv6only 0 and 1; they are made when they are asked for."""
    with contextlib.ExitStack() as stack:
        made: dict[str, tuple[Bench, Bench]] = {}

        def of(name: str) -> tuple[Bench, Bench]:
            if name not in made and (why := missing(name)) is not None:
                (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(why)
            if name not in made:
                made[name] = (stack.enter_context(Bench(name, bindv6only=0)), stack.enter_context(Bench(name, bindv6only=1)))
            return made[name]

        yield of
