"""Plain data, TOML, YAML and JSON, to and from the model. The only module that knows cattrs, and it loads it only when something is read.

Nothing is converted on the way in: "no" is not False, "143" is not a port, True is not 1, 143.0 is not a port, and a string is not a list.
Unknown keys are refused. What is wrong is said all at once, in one ModelError, each problem with its path: `… @ $[2].listeners[0]`.
"""

from __future__ import annotations

import difflib
import enum
import functools
import json
import re
import reprlib
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypeVar, cast, get_args, get_origin, overload

import attrs

from inet46.errors import ModelError
from inet46.host import HostPolicy
from inet46.service import Builtin, Plain, Program, Service

if TYPE_CHECKING:
    import yaml
    from cattrs import Converter

__all__ = ["Services", "Syntax", "dumps", "from_plain", "host_from", "loads", "services_from", "to_plain"]

Syntax = Literal["toml", "yaml", "json"]
Services = Service | Mapping[str, Any] | Sequence[Service | Mapping[str, Any]]
"""Everything that `services_from` understands."""

M = TypeVar("M", bound=Plain)
Hook = Callable[[Any, Any], Any]

_LARGEST = 1_000_000  # characters; a list of services has no use for more, and a slow parser no chance to be slow
_LONGEST = 500  # characters of one problem
_BOTH = 'write {"path": ..., "args": [...]} for a program to start, or {"builtin": ...} for what the super-server does itself'


# Plain data -----------------------------------------------------------------------------------------------------------------------


def to_plain(value: Plain) -> dict[str, Any]:
    """Return a part of the model as dict, list, str, int and bool; what is left at its default is left out."""
    return value.to_json()


def from_plain(data: object, kind: type[M]) -> M:
    """Make a part of the model from plain data, or from plain data with finished parts in it.

    Raises ModelError with every problem.
    """
    made, problems = _structure(data, kind, "$")
    if problems:
        raise ModelError(problems)
    return cast("M", made)


def services_from(data: Services) -> tuple[Service, ...]:
    """Take whatever says services: one Service, a list of them, plain data in their place, or {"services": [...]}.

    `service` means the same as `services`: in TOML each one is headed `[[service]]`. Raises ModelError with every problem.
    """
    results = [_structure(item, Service, path) for path, item in _located(data)]
    problems = [problem for _, found in results for problem in found]
    if problems:
        raise ModelError(problems)
    return tuple(service for service, _ in results)


def host_from(data: str | Mapping[str, Any] | HostPolicy) -> HostPolicy:
    """Take a host's name, a mapping that starts from a name and changes fields, or the policy itself.

    Raises ModelError with every problem.
    """
    return from_plain({"name": data} if isinstance(data, str) else data, HostPolicy)


# Files ----------------------------------------------------------------------------------------------------------------------------


@overload
def loads(text: str | bytes, syntax: Syntax, what: Literal["services"] = "services", path: str = "") -> tuple[Service, ...]: ...
@overload
def loads(text: str | bytes, syntax: Syntax, what: Literal["host"], path: str = "") -> HostPolicy: ...
def loads(
    text: str | bytes, syntax: Syntax, what: Literal["services", "host"] = "services", path: str = ""
) -> tuple[Service, ...] | HostPolicy:
    """Read services, or a host, from the text of a file; `path` is what to call that file.

    Raises ModelError with every problem; where the text is not even TOML, YAML or JSON, with line and column.
    """
    data = _parse(text, syntax, path)
    try:
        if not isinstance(data, Mapping | list):
            raise ModelError([f"{_found(data)}, expected {'a list of services' if what == 'services' else 'a mapping with the key name'}"])
        return services_from(data) if what == "services" else from_plain(data, HostPolicy)
    except ModelError as error:
        raise ModelError([f"{path}: {problem}" if path else problem for problem in error.problems]) from None


def dumps(value: Services | HostPolicy, syntax: Syntax) -> str:
    """Write services, or a host, such that `loads` gives them back.

    Raises ModelError when a text in them holds a byte that is not UTF-8, which these files cannot hold.
    """
    data: dict[str, Any]
    if isinstance(value, HostPolicy):
        data = to_plain(value)
    else:
        data = {"service" if syntax == "toml" else "services": [to_plain(service) for service in services_from(value)]}
    text = _WRITERS[syntax](data)
    if re.search(r"[\ud800-\udfff]", text) or '\\uDC' in text:
        raise ModelError([f"a text in it holds a byte that is not UTF-8, which {syntax.upper()} cannot hold"])
    return text
