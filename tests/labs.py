"""A lab for a test: where there can be none, the test is skipped and says what is missing. CI lacks nothing, so there it fails."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence

import pytest

from tests.lab import HostSpec, Lab, missing

__all__ = ["started"]


@contextlib.contextmanager
def started(specs: Sequence[HostSpec]) -> Iterator[Lab]:
    """A lab of these hosts, which ends with the test."""
    why = missing()
    if why is not None and not os.environ.get("CI"):
        pytest.skip(f"no lab: {why}")
    with Lab.start(specs) as running:
        yield running
