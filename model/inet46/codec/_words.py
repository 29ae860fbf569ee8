"""The words in which problems are told: short, whatever was found, and with the nearest good name."""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Iterable

__all__ = ["cut", "did_you_mean", "found", "show", "unknown_key"]

_LONGEST = 500  # characters of one problem
_SHORT = reprlib.Repr()
_SHORT.maxlevel, _SHORT.maxdict, _SHORT.maxlist, _SHORT.maxtuple, _SHORT.maxstring, _SHORT.maxother = 2, 3, 3, 3, 60, 60


def show(value: object) -> str:
    """Show what was found, however large it is."""
    return f"a number of {value.bit_length()} bits" if isinstance(value, int) and value.bit_length() > 128 else _SHORT.repr(value)


def found(value: object) -> str:
    if value is None:
        return "null is not allowed"
    name = type(value).__name__
    return f"{show(value)} is {'an' if name[0] in 'aeiou' else 'a'} {name}"


def cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2]} … {text[-_LONGEST // 2 :]}"


def unknown_key(key: object, names: Iterable[str]) -> str:
    names = list(names)
    return f"unknown key {show(key)}{did_you_mean(key, names) or '; known are ' + ', '.join(names)}"


def did_you_mean(word: object, names: Iterable[str]) -> str:
    """Name the first of the names that is most like the word, if any is."""
    given = str(word)[:40].casefold()
    likeness = {name: difflib.SequenceMatcher(None, given, name).ratio() for name in names}
    best = max(likeness, key=lambda name: likeness[name])
    return f"; did you mean {best!r}?" if likeness[best] >= 0.6 else ""
