"""What a deploy or an inventory may say: models, plain data, or the name of a file; all of it becomes models here."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import attrs
from pyinfra.api import OperationValueError

from inet46.codec import host_from, loads, services_from
from inet46.errors import Inet46Error, ModelError
from inet46.host import HostPolicy
from inet46.knowledge import resolve
from inet46.service import Service
from pyinfra_inet46.asking import Question, question
from pyinfra_inet46.look import LookError, look_command
from pyinfra_inet46.outside import Confirmation

if TYPE_CHECKING:
    from pyinfra_inet46.migration import Wish

__all__ = ["Policy", "Services", "confirmation", "model", "wish"]

Services = Service | Mapping[str, Any] | Sequence[Service | Mapping[str, Any]] | str
Policy = HostPolicy | Mapping[str, Any] | str

_SYNTAX: dict[str, Literal["toml", "yaml", "json"]] = {".toml": "toml", ".yaml": "yaml", ".yml": "yaml", ".json": "json"}

T = TypeVar("T")


def model(
    services: Services, policy: Policy | None, deadline: object = 10.0, *, connect: object = False
) -> tuple[tuple[Service, ...], HostPolicy | None]:
    """Make models of what was said; files are looked for from the current folder.

    Raises OperationValueError with every mistake in both at once: wrong data is wrong for every host, so the run ends before it began.
    """
    problems: list[str] = []
    wishes = _try(lambda: _services(services), "services", problems)
    kind = None if policy is None else _try(lambda: _known(_policy(policy)), "policy", problems)
    problems += _no_deadline(deadline)
    if not isinstance(connect, bool):
        problems.append(f"connect: {connect!r} is neither True nor False")
    if not problems and wishes is not None:
        problems.extend(_unaskable(question(wishes, kind)))
    if problems or wishes is None:
        raise OperationValueError("\n".join(problems))
    return wishes, kind


def wish(to: Policy, *, strict: object, without: object, deadline: object) -> Wish:
    """Make a model of where a host is to go. Raises OperationValueError as `model` does."""
    problems: list[str] = []
    kind = _try(lambda: _known(_policy(to)), "to", problems)
    if not isinstance(strict, bool):
        problems.append(f"strict: {strict!r} is neither True nor False")
    names = [name for name in without if isinstance(name, str)] if isinstance(without, list | tuple) else []
    if not isinstance(without, list | tuple) or len(names) < len(without):
        problems.append(f"without: {without!r} is no list of names of services")
    problems += _no_deadline(deadline)
    if not problems and kind is not None:
        problems.extend(_unaskable(question((), kind)))
    if problems or kind is None:
        raise OperationValueError("\n".join(problems))
    from pyinfra_inet46.migration import Wish  # noqa: PLC0415 -- what only migrations need is loaded for them

    return Wish(to=kind, strict=strict is True, without=tuple(names))


def confirmation(seconds: float | None, outside: Mapping[str, str] | None, via: Sequence[str] | None) -> Confirmation | None:
    """Make a model of how a change is confirmed; None if it is not. Raises OperationValueError as `model` does."""
    if seconds is None:
        return None
    try:
        return Confirmation(seconds=seconds, outside=outside or {}, via=via or ())
    except ValueError as error:
        raise OperationValueError(str(error)) from None


@functools.lru_cache(maxsize=256)
def _unaskable(asked: Question) -> tuple[str, ...]:
    """Return why some of this cannot be asked of any host: a name that no host could have."""
    problems = []
    for key, said in attrs.asdict(asked).items():
        for word in said if isinstance(said, tuple) else ():
            alone: dict[str, Any] = {key: (word,)}
            try:
                look_command(**alone)
            except LookError as error:
                problems.append(str(error))
    return tuple(problems)


def _no_deadline(value: object) -> list[str]:
    good = not isinstance(value, bool) and isinstance(value, int | float) and 0 < value <= 600
    return [] if good else [f"deadline: {value!r} is not a number of seconds up to 600"]


def _try(make: Callable[[], T], what: str, problems: list[str]) -> T | None:
    try:
        return make()
    except ModelError as error:
        problems.extend(f"{what}: {problem}" for problem in error.problems)
    except (Inet46Error, OSError) as error:
        problems.append(f"{what}: {error}")
    return None


def _services(data: Services) -> tuple[Service, ...]:
    if isinstance(data, str):
        return loads(_bytes(data), _syntax(data), "services", data)
    return services_from(data)


def _bytes(path: str) -> bytes:
    if "\0" in path:
        raise ModelError([f"{path!r} is no name of a file: it holds a NUL"])
    return Path(path).read_bytes()


def _policy(data: Policy) -> HostPolicy:
    if isinstance(data, str) and Path(data).suffix in _SYNTAX:
        return loads(_bytes(data), _syntax(data), "host", data)
    return _named(data) if isinstance(data, str) else host_from(data)


@functools.cache
def _named(name: str) -> HostPolicy:
    """Return the policy of a name; a fleet is of few kinds."""
    return host_from(name)


def _known(policy: HostPolicy) -> HostPolicy:
    """Return the policy if there is such a host; UnknownHost names the nearest."""
    resolve(policy)
    return policy


def _syntax(path: str) -> Literal["toml", "yaml", "json"]:
    suffix = Path(path).suffix
    if suffix not in _SYNTAX:
        raise ModelError([f"{path!r} is no file that can be read here; its name has to end in {', '.join(_SYNTAX)}"])
    return _SYNTAX[suffix]
