"""What the variables of sourced files end up as: the steps of `_shell`, taken in order.

Rules of this module: reading only. A value is a string, None (nothing assigns it), or Unknown with the line that is to blame.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs

from inet46.formats._assignments import Unknown, line_at
from inet46.formats._shell_steps import Anything, Assign, Maybe, Step, Stop, Unset
from inet46.formats._shell_words import Literal, Opaque, Part

__all__ = ["State", "Value", "known", "replay"]

Value = str | None | Unknown


@attrs.define
class State:
    """The variables while files are read, one after the other; mutable, because that is what it is about.

    `places` says in which file each variable was set last. `doubt` is the cause, if any, why a variable that no later line assigns cannot
    be known; `stop` is the cause why nothing can.
    """

    values: dict[str, Value] = attrs.Factory(dict)
    places: dict[str, str] = attrs.Factory(dict)
    doubt: Unknown | None = None
    stop: Unknown | None = None

    def value(self, name: str) -> Value:
        """What a variable is now."""
        if self.stop is not None:
            return self.stop
        return self.values.get(name, self.doubt)

    def set(self, name: str, value: Value, path: str) -> None:
        """Give a variable a value, from a file."""
        self.values[name] = value
        self.places[name] = path

    def comes_to(self, parts: tuple[Part, ...], *, line: int, path: str) -> str | Unknown:
        """What a value comes to here."""
        found: list[str] = []
        for part in parts:
            if isinstance(part, Literal):
                found.append(part.text)
                continue
            if isinstance(part, Opaque):
                return Unknown(line=line, reason=part.reason, path=path)
            value = self.value(part.name)
            if not isinstance(value, str):
                why = _blame(value, path) if value else "no line before assigns it"
                return Unknown(line=line, reason=f"${part.name} is not known: {why}", path=path)
            found.append(value)
        return "".join(found)


def _blame(unknown: Unknown, path: str) -> str:
    """The cause of a cause: its line, and its file where that is another one."""
    return f"line {unknown.line}: {unknown.reason}" if unknown.path == path else str(unknown)


def replay(
    state: State,
    steps: tuple[Step, ...],
    text: str,
    path: str,
    source: Callable[[State, Anything], bool] = lambda _state, _step: False,
) -> None:
    """Take the steps of one file; `source` may take those of a file that it reads, and answers whether it did."""
    for step in steps:
        if state.stop is not None:
            return
        line = line_at(text, step.at)
        match step:
            case Assign():
                state.set(step.name, state.comes_to(step.parts, line=line, path=path), path)
            case Unset():
                state.set(step.name, None, path)
            case Maybe():
                state.set(step.name, Unknown(line=line, reason=step.reason, path=path), path)
            case Anything() if not source(state, step):
                state.values.clear()
                state.doubt = Unknown(line=line, reason=step.reason, path=path)
            case Stop():
                state.stop = Unknown(line=line, reason=step.reason, path=path)
            case _:
                pass


def known(state: State) -> Mapping[str, Value]:
    """Every variable of which the files say something, for comparing two states."""
    return {name: state.value(name) for name in state.values}
