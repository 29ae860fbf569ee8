"""Plays: what a host does in a scenario, in every shell, several at once, because most of the time they wait.

A test module writes scenarios, and tests that look at how each ended:

    @scenario
    def adds_ipv6(host: Host) -> Run: ...

    @about(adds_ipv6)
    def test_a_change_is_made(done: Outcome) -> None: ...
"""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Protocol

import attrs
import pytest

from tests.shell.harness import OTHER, SHELLS, V4, V6, Host, Run, available

OLD = V4 + OTHER
NEW = V4 + V6 + OTHER
BEFORE = ["0.0.0.0:14301", "0.0.0.0:14399"]
AFTER = ["0.0.0.0:14301", "0.0.0.0:14399", "[::]:14301"]


@attrs.frozen(kw_only=True)
class Outcome:
    """How a host looks when all is over."""

    run: Run
    config: str
    sockets: list[str]
    names: list[str]
    extra: Any = None

    @property
    def untouched(self) -> bool:
        return (self.config, self.sockets) == (OLD, BEFORE) and set(self.names) <= {"etc/inetd.conf", "state/last"}


class Scenario(Protocol):
    __name__: str
    __module__: str

    def __call__(self, host: Host, /) -> Run | tuple[Run, object]: ...


Key = tuple[str, str]
SCENARIOS: dict[Key, Scenario] = {}


def scenario(play: Scenario) -> Scenario:
    SCENARIOS[play.__module__, play.__name__] = play
    return play


def play(key: Key, shell: str, folder: pathlib.Path) -> Outcome:
    with Host(folder, shell=shell) as host:
        played = SCENARIOS[key](host)
        run, extra = played if isinstance(played, tuple) else (played, None)
        return Outcome(run=run, config=host.config.read_text(), sockets=host.sockets(), names=host.names(), extra=extra)


def _asked(params: dict[str, Any]) -> tuple[Key, str]:
    return (params["wanted"].__module__, params["wanted"].__name__), params["shell"]


@pytest.fixture(scope="module")
def plays(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[tuple[Key, str], Future[Outcome]]]:
    """Every scenario that the module asks for, in every shell."""
    asked: set[tuple[Key, str]] = {
        _asked(item.callspec.params)
        for item in request.session.items
        if isinstance(item, pytest.Function) and item.module is request.module
        if hasattr(item, "callspec") and {"wanted", "shell"} <= item.callspec.params.keys()
    }
    with ThreadPoolExecutor(8) as pool:
        yield {
            (key, shell): pool.submit(play, key, shell, tmp_path_factory.mktemp(key[1]) / "host")
            for key, shell in sorted(asked)
            if available(shell)
        }


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    if not available(name):
        if os.environ.get("CI") == "true":
            pytest.fail(f"{name} is not installed, and CI runs every shell")
        pytest.skip(f"{name} is not installed")
    return name


@pytest.fixture
def done(plays: dict[tuple[Key, str], Future[Outcome]], wanted: Scenario, shell: str) -> Outcome:
    return plays[(wanted.__module__, wanted.__name__), shell].result()


def about(wanted: Scenario) -> pytest.MarkDecorator:
    """The scenario whose outcome a test looks at."""
    return pytest.mark.parametrize("wanted", [wanted], ids=[wanted.__name__])
