"""From plain data to the model, by cattrs, with nothing converted on the way.

What cattrs would do by itself: take "no" for True and "143" for 143, split a string into a list of letters, and drop the words of a
validator. Hence a hook for every type that the model is made of.
"""

from __future__ import annotations

import enum
import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any, get_args, get_origin

import attrs
import cattrs
import cattrs.gen

from inet46.codec._words import cut, did_you_mean, found, show, unknown_key
from inet46.host import HostPolicy, Sharing
from inet46.service import Builtin, Program
from inet46.sockets import Family, Transport

__all__ = ["structure"]

Hook = Callable[[Any, Any], Any]

_BOTH = 'write {"path": ..., "args": [...]} for a program to start, or {"builtin": ...} for what the super-server does itself'


def structure(data: object, kind: type, path: str) -> tuple[Any, list[str]]:
    """Return a part of the model, or every problem with its path; `path` is that of the data."""
    try:
        return _converter().structure(data, kind), []
    except (TypeError, ValueError, ExceptionGroup) as error:
        return None, [cut(f"{problem} @ {place}") for problem, place in _problems(error, path)]


def _problems(error: Exception, path: str) -> Iterator[tuple[str, str]]:
    """Yield every problem in a tree of exceptions with its path."""
    if isinstance(error, cattrs.ClassValidationError):
        named, bare = error.group_exceptions()
        for inner, field in named:
            yield from _problems(inner, f"{path}.{field.name}")
        for inner in bare:
            yield from _problems(inner, path)
    elif isinstance(error, cattrs.IterableValidationError):
        for inner, item in error.group_exceptions()[0]:
            yield from _problems(inner, f"{path}[{item.index!r}]")
    elif isinstance(error, cattrs.ForbiddenExtraKeysError):
        names = [field.name for field in attrs.fields(error.cl)]
        yield from ((unknown_key(key, names), path) for key in sorted(error.extra_fields, key=str))
    else:
        yield "required, but missing" if isinstance(error, KeyError) else str(error.args[0]), path


@functools.cache
def _converter() -> cattrs.Converter:
    converter = cattrs.Converter()
    for kind in (bool, int, str):
        converter.register_structure_hook(kind, _exactly(kind))
    converter.register_structure_hook_func(lambda kind: kind == str | int, _exactly(str, int))
    for words in (Family, Transport, Sharing):
        converter.register_structure_hook(words, _member)
    converter.register_structure_hook_func(lambda kind: kind == Program | Builtin, functools.partial(_program, converter))
    converter.register_structure_hook_factory(_is_tuple, functools.partial(_list_or_mapping, converter))
    converter.register_structure_hook_factory(attrs.has, functools.partial(_model, converter))
    return converter


def _is_tuple(kind: Any) -> bool:
    return get_origin(kind) is tuple


def _exactly(*kinds: type) -> Hook:
    def structure(value: object, _: object) -> object:
        if type(value) not in kinds:
            raise TypeError(f"{found(value)}, expected {' or '.join(kind.__name__ for kind in kinds)}")
        return value

    return structure


def _member(value: object, kind: type[enum.Enum]) -> enum.Enum:
    if isinstance(value, kind):
        return value
    members = {member.value: member for member in kind}
    if isinstance(value, str) and value in members:
        return members[value]
    raise ValueError(f"{kind.__name__.lower()} {show(value)} is not one of {', '.join(members)}{did_you_mean(value, members)}")


def _program(converter: cattrs.Converter, value: object, _: object) -> Program | Builtin:
    """Tell Program and Builtin apart by their keys."""
    if isinstance(value, Program | Builtin):
        return value
    if not isinstance(value, Mapping):
        raise TypeError(f"{found(value)}, expected a mapping: {_BOTH}")
    kinds: list[type[Program | Builtin]] = [kind for key, kind in (("path", Program), ("builtin", Builtin)) if key in value]
    if len(kinds) == 1:
        return converter.structure(value, kinds[0])
    if kinds:
        raise ValueError(f"both 'path' and 'builtin' are given: {_BOTH}")
    near = (did_you_mean(key, ("path", "builtin")) for key in value)
    raise ValueError(f"neither 'path' nor 'builtin' is given: {_BOTH}{next(filter(None, near), '')}")


def _list_or_mapping(converter: cattrs.Converter, kind: Any) -> Hook:
    """Tuples are written as lists, and pairs as a mapping."""
    item = get_args(kind)[0]
    pairs = get_origin(item) is tuple
    plain: Any = dict[get_args(item)] if pairs else list[item]  # type: ignore[misc, valid-type]
    inner = converter.get_structure_hook(plain)

    def structure(value: object, _: object) -> tuple[Any, ...]:
        if not isinstance(value, Mapping if pairs else list | tuple):
            raise TypeError(f"{found(value)}, expected a {'mapping' if pairs else 'list'}")
        made = inner(value, plain)
        return tuple(made.items() if pairs else made)

    return structure


def _model(converter: cattrs.Converter, kind: type) -> Hook:
    """Make a part of the model, each field with its own validator, so that all problems come at once."""
    attrs.resolve_types(kind)
    fields: Any = {field.name: cattrs.gen.override(struct_hook=_field(converter, kind, field)) for field in attrs.fields(kind)}
    inner: Hook = cattrs.gen.make_dict_structure_fn(kind, converter, _cattrs_forbid_extra_keys=True, **fields)

    def structure(value: Any, _: object) -> Any:
        if isinstance(value, kind):
            return value
        if not isinstance(value, Mapping):
            raise TypeError(f"{found(value)}, expected a mapping ({kind.__name__})")
        # A key that is no text is unknown anyway, and not every cattrs can say so.
        return inner({key if isinstance(key, str) else repr(key): content for key, content in value.items()}, kind)

    return structure


def _field(converter: cattrs.Converter, kind: type, field: attrs.Attribute[Any]) -> Hook:
    expected = _WIDER.get((kind, field.name), field.type)
    inner = converter.get_structure_hook(expected)
    convert: Callable[[Any], Any] | None = field.converter  # type: ignore[assignment]  # the model's converters are functions

    def structure(value: Any, _: object) -> Any:
        made = inner(value, expected)
        if convert is not None:
            made = convert(made)
        if field.validator is not None:
            field.validator(kind, field, made)
        return made

    return structure


_WIDER: dict[tuple[type, str], Any] = {(HostPolicy, "settings"): tuple[tuple[str, str | int], ...]}
