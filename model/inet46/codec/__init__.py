"""Plain data, TOML, YAML and JSON, to and from the model. The only module that knows cattrs, and it loads it only when something is read.

Nothing is converted on the way in: "no" is not False, "143" is not a port, True is not 1, 143.0 is not a port, and a string is not a list.
Unknown keys are refused. What is wrong is said all at once, in one ModelError, each problem with its path: `… @ $[2].listeners[0]`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, TypeVar, cast, overload

import attrs

from inet46.codec._texts import Syntax, parse, write
from inet46.codec._words import found, unknown_key
from inet46.errors import ModelError
from inet46.host import HostPolicy
from inet46.service import Plain, Service

__all__ = ["Services", "Syntax", "dumps", "from_plain", "host_from", "loads", "services_from", "to_plain"]

Services = Service | Mapping[str, Any] | Sequence[Service | Mapping[str, Any]]
"""Everything that `services_from` understands."""

M = TypeVar("M", bound=Plain)


def _structured(data: object, kind: type[Plain], path: str) -> tuple[Any, list[str]]:
    from inet46.codec._structure import structure  # noqa: PLC0415 -- cattrs is loaded when something is read, not before

    return structure(data, kind, path)


# Plain data -----------------------------------------------------------------------------------------------------------------------


def to_plain(value: Plain) -> dict[str, Any]:
    """Return a part of the model as dict, list, str, int and bool; what is left at its default is left out."""
    return value.to_json()


def from_plain(data: object, kind: type[M]) -> M:
    """Make a part of the model from plain data, or from plain data with finished parts in it.

    Raises ModelError with every problem.
    """
    made, problems = _structured(data, kind, "$")
    if problems:
        raise ModelError(problems)
    return cast("M", made)


def services_from(data: Services) -> tuple[Service, ...]:
    """Take whatever says services: one Service, a list of them, plain data in their place, or {"services": [...]}.

    `service` means the same as `services`: in TOML each one is headed `[[service]]`. Raises ModelError with every problem.
    """
    results = [(item, []) if type(item) is Service else _structured(item, Service, path) for path, item in _located(data)]
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
    data = parse(text, syntax, path)
    try:
        return services_from(cast("Services", data)) if what == "services" else from_plain(data, HostPolicy)
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
    if re.search(r"[\ud800-\udfff]", json.dumps(data, ensure_ascii=False)):
        raise ModelError([f"a text in it holds a byte that is not UTF-8, which {syntax.upper()} cannot hold"])
    return write(data, syntax)


def _located(data: object, path: str = "$") -> Iterator[tuple[str, object]]:
    """Yield every service in the data, with its path."""
    match data:
        case list() | tuple():
            yield from ((f"{path}[{place}]", item) for place, item in enumerate(data))
        case Mapping() if path == "$" and not _SERVICE_KEYS & set(data):
            yield from _listed(data)
        case Service() | Mapping():
            yield path, data
        case _:
            raise ModelError([f"{found(data)}, expected a list of services @ {path}"])


_SERVICE_KEYS = {field.name for field in attrs.fields(Service)}
_LIST_KEYS = ("services", "service")


def _listed(data: Mapping[Any, object]) -> Iterator[tuple[str, object]]:
    unknown = [unknown_key(key, _LIST_KEYS) + " @ $" for key in data if key not in _LIST_KEYS]
    if unknown or len(data) != 1:
        raise ModelError(unknown or [f"{'both' if data else 'neither'} 'services' {'and' if data else 'nor'} 'service' here; give one @ $"])
    for key, value in data.items():
        yield from _located(value, f"$.{key}")
