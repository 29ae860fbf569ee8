"""What a sourced file does to the variables, one step after the other: the language that `_shell` speaks and `rc_conf` hears.

Rules of this module: values only. A step says no more than what is certain, and where it stands.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from inet46.formats._shell_words import Part, Word

__all__ = ["Anything", "Assign", "Maybe", "Step", "Stop", "Unset", "maybe"]


@attrs.frozen(kw_only=True)
class Assign:
    """`name=value`, taken whenever the file is read. `head` is where its command begins, `among` how many it assigns."""

    word: Word
    name: str
    parts: tuple[Part, ...]
    head: int
    among: int
    at: int


@attrs.frozen(kw_only=True)
class Unset:
    """`unset name`."""

    name: str
    at: int


@attrs.frozen(kw_only=True)
class Maybe:
    """A variable that is assigned in some cases only."""

    name: str
    reason: str
    at: int


@attrs.frozen(kw_only=True)
class Anything:
    """A command that may assign any variable; `source` is the file, if it is `. FILE`, and `always` says it is not in a condition."""

    reason: str
    at: int
    source: str | None = None
    always: bool = True


@attrs.frozen(kw_only=True)
class Stop:
    """Something the shell may not come past, or that is read here no further."""

    reason: str
    at: int


Step = Assign | Unset | Maybe | Anything | Stop


def maybe(steps: Iterable[Step], reason: str) -> list[Step]:
    """The same steps, when it is not certain that they are taken."""
    found: list[Step] = []
    for step in steps:
        match step:
            case Assign() | Unset():
                found.append(Maybe(name=step.name, reason=f"{step.name} is set {reason}", at=step.at))
            case Anything():
                found.append(attrs.evolve(step, always=False))
            case _:
                found.append(step)
    return found
