"""What is loaded when: nobody waits for what his command does not use."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import inet46

LIBRARIES = {"cattrs", "click", "rich", "pyinfra", "yaml", "tomli_w"}


def loaded(code: str) -> set[str]:
    """What a fresh interpreter has loaded after this code."""
    code += "\nimport sys; print(*sys.modules, sep='\\n', file=sys.stderr)"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return set(run.stderr.split("\n"))


def test_importing_inet46_loads_none_of_the_libraries_and_none_of_its_own_modules() -> None:
    names = loaded("import inet46")

    assert not names & {*LIBRARIES, "attrs"}
    assert [name for name in sorted(names) if name.startswith("inet46")] == ["inet46"]


def test_using_all_of_the_library_loads_no_more_than_attrs() -> None:
    names = loaded("from inet46 import *")

    assert "attrs" in names
    assert not names & LIBRARIES


@pytest.mark.parametrize("options", [[], ["--host", "debian-12/openbsd-inetd"]])
def test_check_loads_only_what_a_check_needs(options: list[str], tmp_path: Path) -> None:
    file = tmp_path / "inetd.conf"
    file.write_text("imap stream tcp nowait root /usr/sbin/imapd imapd\nimap stream tcp nowait root /usr/sbin/imapd imapd\n")
    run = f"from inet46.cli import main; main({['check', str(file), *options]!r}, standalone_mode=False)"
    names = loaded(run)

    assert "inet46.lint" in names
    assert not names & (LIBRARIES - {"click"})
    assert not names & {"json", "importlib.metadata", "email", "tomllib", "inet46.codec", "inet46.plan", "inet46.convert", "inet46.merge"}
    assert not names & {"inet46.formats.rc_conf", "inet46.formats.sysctl_conf", "inet46.lint.rules.units", "inet46.lint.rules.jobs"}
    assert not names & {f"inet46.formats.{name}" for name in ("launchd", "smf", "systemd", "xinetd")}
    assert "inet46.lint.rules.inetd_fields" in names
    assert not [name for name in names if name.startswith("inet46.lint.rules.xinetd_")]
    assert {name for name in names if name.startswith("inet46.cli.") and "._" not in name} == {"inet46.cli.check"}


def test_a_command_that_ends_looks_for_no_garbage_any_more() -> None:
    code = "import atexit, gc; atexit.register(lambda: print(gc.get_freeze_count() > 0)); import inet46.cli"
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert run.stdout == "True\n"


@pytest.mark.parametrize("name", inet46.__all__)
def test_a_name_of_the_package_is_that_of_the_module_that_makes_it(name: str) -> None:
    value = getattr(inet46, name)

    assert value.__name__ == name
    assert value.__module__.startswith("inet46.")
    assert name in dir(inet46)


@pytest.mark.parametrize("name", ["plan", "predict", "convert"])
@pytest.mark.parametrize("order", ["before", "after"])
def test_a_function_stays_a_function_when_the_module_of_its_name_is_imported(name: str, order: str) -> None:
    first, then = f"import inet46.{name}", f"from inet46 import {name}"
    lines = [first, then] if order == "before" else [then, first]
    code = "\n".join([*lines, f"import inet46; assert callable({name}); assert inet46.{name} is {name}"])

    assert f"inet46.{name}" in loaded(code)


def test_a_module_without_such_a_function_is_an_attribute_as_ever() -> None:
    assert inet46.lint is importlib.import_module("inet46.lint")


def test_a_name_that_is_none_is_told_as_python_tells_it() -> None:
    with pytest.raises(AttributeError, match=r"^module 'inet46' has no attribute 'plans'$"):
        inet46.plans  # type: ignore[attr-defined]  # noqa: B018 -- the access is what is tried
