"""From the text of a file to plain data: TOML and JSON here, YAML in the module beside."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from typing import Any, Literal, NoReturn

from inet46.codec._words import cut, show
from inet46.errors import ModelError

__all__ = ["Syntax", "TextError", "error_at", "parse", "write"]

Syntax = Literal["toml", "yaml", "json"]

_LARGEST = 1_000_000  # characters; a list of services has no use for more, and a slow parser no chance to be slow


class TextError(Exception):
    """A text that breaks its own syntax, with line and column if they are known."""

    def __init__(self, message: str, line: int | None = None, column: int | None = None) -> None:
        super().__init__(message)
        self.message, self.line, self.column = message, line, column

    def at(self, path: str) -> str:
        """The message with its place."""
        if self.line is None:
            return f"{path}: {self.message}" if path else self.message
        return f"{path}:{self.line}:{self.column}: {self.message}" if path else f"line {self.line}, column {self.column}: {self.message}"


def error_at(message: str, text: str, offset: int) -> TextError:
    """Return the same, with the place of an offset."""
    return TextError(message, text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset))


def parse(text: str | bytes, syntax: Syntax, path: str) -> object:
    """Read plain data.

    Raises ModelError, with line and column, when the text breaks its own syntax.
    """
    readers: dict[str, Callable[[str], object]] = {"toml": _toml, "yaml": _yaml, "json": _json}
    if syntax not in readers:
        raise ModelError([f"syntax {syntax!r} is not one of {', '.join(readers)}"])
    try:
        return readers[syntax](_checked(text))
    except TextError as error:
        raise ModelError([cut(error.at(path))]) from None
    except RecursionError:
        raise ModelError([TextError("nests too deeply to be read").at(path)]) from None


def _checked(text: str | bytes) -> str:
    text = (_decoded(text) if isinstance(text, bytes) else text).removeprefix("\ufeff")
    if len(text) > _LARGEST:
        raise TextError(f"{len(text)} characters are more than the {_LARGEST} that are read")
    if not text.strip():
        raise TextError("the file is empty")
    return text


def _decoded(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        before = text[: error.start].decode()
        raise error_at(f"byte 0x{text[error.start]:02x} is not UTF-8", before, len(before)) from None


def _toml(text: str) -> object:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message, place, where = str(error).rpartition(" (at ")
        numbers = re.fullmatch(r"line (\d+), column (\d+)\)", where)
        if numbers:
            raise TextError(message, int(numbers[1]), int(numbers[2])) from None
        raise error_at(message if place else where, text, len(text)) from None
    except ValueError:  # the only other thing that Python's readers refuse
        raise TextError("a number in it has thousands of digits") from None


def _json(text: str) -> object:
    try:
        return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_number)
    except json.JSONDecodeError as error:
        raise TextError(error.msg, error.lineno, error.colno) from None
    except ValueError:  # the only other thing that Python's readers refuse
        raise TextError("a number in it has thousands of digits") from None


def _yaml(text: str) -> object:
    from inet46.codec import _yaml  # noqa: PLC0415 -- PyYAML is loaded when there is YAML

    return _yaml.parse(text)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    for key, value in pairs:
        if key in seen:
            raise TextError(f"key {show(key)} stands twice, first as {show(seen[key])}, then as {show(value)}")
        seen[key] = value
    return seen


def _no_number(text: str) -> NoReturn:
    raise TextError(f"{text} is no number in JSON")


def write(data: dict[str, Any], syntax: Syntax) -> str:
    """Return the text of plain data."""
    match syntax:
        case "toml":
            import tomli_w  # noqa: PLC0415 -- loaded when TOML is written

            return tomli_w.dumps(data)
        case "json":
            return json.dumps(data, indent=2, ensure_ascii=False) + "\n"
        case "yaml":
            from inet46.codec import _yaml  # noqa: PLC0415 -- PyYAML is loaded when there is YAML

            return _yaml.dump(data)
