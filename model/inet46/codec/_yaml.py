"""YAML to plain data and back: composed by PyYAML, but understood here, because YAML 1.1 reads 0143 as 99 and 2:23 as 143."""

from __future__ import annotations

import re
from typing import Any

import yaml

from inet46.codec._texts import TextError, error_at
from inet46.codec._words import show

__all__ = ["dump", "parse"]

_MOST = 100_000  # parts of a text with aliases


class _Loader(yaml.SafeLoader):
    pass


class _Dumper(yaml.SafeDumper):
    def text(self, text: str) -> yaml.Node:
        """Quote whatever is not on paper: PyYAML itself loses U+0085 and its like between single quotes."""
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=None if text.isprintable() else '"')


_Dumper.add_representer(str, _Dumper.text)
for _kind in (_Loader, _Dumper):  # both take 0o27 for a number, as TOML and YAML 1.2 do
    _kind.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"0o[0-7]+\Z"), ["0"])


def dump(data: dict[str, Any]) -> str:
    """Return YAML that `parse` reads as the same data."""
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True)


def parse(text: str) -> object:
    """Read plain data; dates and the numbers that YAML versions read differently are refused, with their place.

    Raises TextError.
    """
    try:
        root = yaml.compose(text, Loader=_Loader)
        if root is None:
            raise TextError("the file is empty")
        if _parts(root, {}) > max(len(text), _MOST):
            raise TextError(f"written out, its aliases make more than {_MOST} parts of it")
        return _value(root, {})
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        message = "; ".join(part for part in (error.context, error.problem) if part)
        raise TextError(message, *((mark.line + 1, mark.column + 1) if mark else ())) from None
    except yaml.reader.ReaderError as error:
        raise error_at(f"character {ord(text[error.position])!r} is not allowed in YAML", text, error.position) from None
    except (ValueError, OverflowError) as error:  # "\UFFFFFFFF"
        raise TextError(str(error)) from None


def _parts(node: yaml.Node, known: dict[int, int]) -> int:
    """Count what a node would be if every alias stood there as what it names; a few lines of YAML can be billions."""
    if id(node) not in known:
        inner = [part for pair in node.value for part in pair] if isinstance(node, yaml.MappingNode) else node.value
        known[id(node)] = 1 + (0 if isinstance(node, yaml.ScalarNode) else sum(_parts(part, known) for part in inner))
    return known[id(node)]


def _value(node: yaml.Node, known: dict[int, object]) -> object:
    """Make plain data of a node; what stands behind an anchor is made once, however often it is named."""
    if id(node) not in known:
        match node:
            case yaml.ScalarNode():
                known[id(node)] = _scalar(node)
            case yaml.SequenceNode(tag="tag:yaml.org,2002:seq"):
                known[id(node)] = [_value(item, known) for item in node.value]
            case yaml.MappingNode(tag="tag:yaml.org,2002:map"):
                known[id(node)] = _mapping(node, known)
            case _:
                raise _misread(node, f"tag {show(node.tag)} has no meaning here")
    return known[id(node)]


def _mapping(node: yaml.MappingNode, known: dict[int, object]) -> dict[Any, object]:
    own: dict[Any, object] = {}
    merged: dict[Any, object] = {}
    for key_node, value_node in node.value:
        value = _value(value_node, known)
        if key_node.tag == "tag:yaml.org,2002:merge":
            parts = value if isinstance(value, list) else [value]
            if not all(isinstance(part, dict) for part in parts):
                raise _misread(value_node, "<< takes a mapping or a list of mappings")
            merged = dict(item for part in reversed([merged, *parts]) for item in part.items())
            continue
        if not isinstance(key_node, yaml.ScalarNode):
            raise _misread(key_node, "a key has to be a word")
        key = _scalar(key_node)
        if key in own:
            raise _misread(key_node, f"key {show(key)} stands twice")
        own[key] = value
    return {**merged, **own}


def _scalar(node: yaml.ScalarNode) -> str | int | float | bool | None:
    text: str = node.value
    match node.tag.removeprefix("tag:yaml.org,2002:"):
        case "str" | "value" | "merge":
            return text
        case "null":
            return None
        case "bool" if text.lower() in _WORDS:
            return _WORDS[text.lower()]
        case "int" if re.fullmatch(r"[-+]?(0|[1-9][0-9]{0,30}|0b[01]{1,64}|0o[0-7]{1,22}|0x[0-9a-fA-F]{1,16})", text):
            return int(text, 0)
        case "float" if re.fullmatch(r"[-+]?[0-9]*\.?[0-9]*(e[-+]?[0-9]+)?", text, re.IGNORECASE):
            return float(text)
        case "int" if re.fullmatch(r"0[0-9]+", text):
            raise _misread(
                node, f"{text} is octal to some YAML readers and not to others; write {text.lstrip('0') or 0}, 0o{text[1:]} or quotes"
            )
        case "int" | "float":
            raise _misread(node, f"{show(text)} is a number that not every YAML reader reads alike; write it plainly, or in quotes")
        case "timestamp":
            raise _misread(node, f"{show(text)} is a date to YAML; put it in quotes")
    raise _misread(node, f"tag {show(node.tag)} has no meaning here")


_WORDS = {"yes": True, "no": False, "true": True, "false": False, "on": True, "off": False}


def _misread(node: yaml.Node, message: str) -> TextError:
    return TextError(message, node.start_mark.line + 1, node.start_mark.column + 1)
