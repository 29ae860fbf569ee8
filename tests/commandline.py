"""The command line as tests call it: every call shows no traceback, and says something on standard error exactly when it could not run."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from inet46.cli import main

__all__ = ["HERE", "IN", "answer", "beside_the_cases", "brief", "process", "run"]

HERE = Path(__file__).parent
IN = Path("cases/cli/in")


@pytest.fixture
def beside_the_cases(monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths in outputs are those that a person would type."""
    monkeypatch.chdir(HERE)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("COLUMNS", "100")


def run(*args: str | Path, stdin: bytes | str = "", color: bool = False) -> Result:
    result = CliRunner().invoke(main, [str(arg) for arg in args], input=stdin, color=color)

    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert "defect" not in result.stderr
    assert "Traceback" not in result.stderr
    assert bool(result.stderr) == (result.exit_code == 2)
    return result


def answer(*args: str | Path, stdin: bytes | str = "") -> Any:
    return json.loads(run(*args, "--json", stdin=stdin).stdout)


def process(*args: str, **options: Any) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "inet46.cli", *args]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


def brief(sockets: Sequence[dict[str, Any]]) -> list[tuple[str, str, bool | None, list[str]]]:
    return [(x["service"], f"{x['address']} {x['port']}", x["v6only"], x["accepts"]) for x in sockets]
