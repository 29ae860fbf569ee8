"""Whatever can be said has one code, one name and a page: the readers', the oracle's and a change's codes are those of the rules."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import inet46
from inet46.lint import every

MODEL = Path(inet46.__file__).parent
SAYING = [*sorted((MODEL / "formats").rglob("*.py")), *(MODEL / name for name in ("predict.py", "replay.py", "change.py"))]
SAID = re.compile(r'"(?P<code>I[0-9]{3})",\s*(?:name=)?"(?P<name>[a-z0-9-]+)"(?!:)')
TOLD = re.compile(r'"(?P<name>[a-z0-9-]+)": "(?P<code>I[0-9]{3})"')  # a table of names
CODE = re.compile(r'"(I[0-9]{3})"')
OF_RULE = {rule.code: rule.name for rule in every()}


def said() -> dict[tuple[str, str], str]:
    """Return where each code is said, by code and name."""
    found = {}
    for path in SAYING:
        for match in (match for pattern in (SAID, TOLD) for match in pattern.finditer(path.read_text())):
            found[match["code"], match["name"]] = str(path.relative_to(MODEL))
    return found


@pytest.mark.parametrize(("code", "name"), sorted(said()))
def test_what_is_said_has_the_page_of_its_code_and_name(code: str, name: str) -> None:
    assert OF_RULE.get(code) == name


def test_no_code_is_written_without_its_name_where_it_is_said() -> None:
    """A code alone only looks up or compares one that stands with its name elsewhere."""
    named = {code for code, _ in said()}
    bare = {code for path in SAYING for code in CODE.findall(path.read_text())}

    assert named
    assert bare <= named


def test_a_rule_that_only_passes_on_what_is_said_passes_on_something() -> None:
    """A page of a code that nobody says any more is a page of nothing."""
    passed = re.compile(r'\b(?:said|advised|judged|placed)\((?:subject, )?"(I[0-9]{3})"')
    asked = {code for path in sorted((MODEL / "lint").rglob("*.py")) for code in passed.findall(path.read_text())}

    assert {"I101", "I701"} <= asked
    assert asked <= {code for code, _ in said()}
