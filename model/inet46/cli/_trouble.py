"""What cannot be done: every reason at once, on standard error, exit status 2, and never a traceback."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from inet46.errors import Inet46Error, Inexpressible, ModelError, Unprovable

__all__ = ["Group", "Problems", "Refused", "both"]

A = TypeVar("A")
B = TypeVar("B")

_INTERRUPTED = 130  # what a shell reports for a program that SIGINT ended
_PIPE_CLOSED = 141  # the same for SIGPIPE

# What is there when the program ends need not be looked through for garbage once more: that takes as long as loading two libraries.
atexit.register(gc.freeze)


class Refused(click.ClickException):
    """A request that cannot be met, with all the reasons."""

    exit_code = 2

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(dict.fromkeys(problems))
        super().__init__("\n".join(self.problems))

    def show(self, file: Any = None) -> None:
        """Print one line for each reason."""
        from inet46.words import one_line  # noqa: PLC0415 -- what a command needs is loaded by `Group.invoke`, which spares the collector

        for problem in self.problems:
            click.echo(f"Error: {one_line(problem)}", file=file, err=file is None)


class Problems(list[str]):
    """Reasons to refuse, gathered while the rest of the input is still looked at."""

    @contextmanager
    def gather(self) -> Iterator[None]:
        """Go on after a refusal, and keep its reasons."""
        try:
            yield
        except Refused as refused:
            self.extend(refused.problems)
        except Inet46Error as error:
            self.extend(_reasons(error))

    def settle(self) -> None:
        """Refuse if there was any reason to."""
        if self:
            raise Refused(self)


def both(first: Callable[[], A], second: Callable[[], B]) -> tuple[A, B]:
    """Do two things; where either is refused, refuse with the reasons of both."""
    problems = Problems()
    results: list[Any] = []
    for act in (first, second):
        with problems.gather():
            results.append(act())
    problems.settle()
    return results[0], results[1]


def _reasons(error: Inet46Error) -> tuple[str, ...]:
    match error:
        case ModelError():
            return error.problems
        case Unprovable():
            return error.reasons
        case Inexpressible():
            return error.losses
        case _:
            return tuple(str(error).splitlines())


class Group(click.Group):
    """A group of commands none of which ends in a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; whatever comes out of it becomes a message and an exit status."""
        # A command ends soon, and what it has made is no garbage until then: to look for some takes half as long again as to check a file.
        before = gc.get_threshold()
        gc.set_threshold(1_000_000, 50, 100)
        if "NO_COLOR" in os.environ:
            ctx.color = False
        if hasattr(sys.stdout, "reconfigure"):
            sys.stdout.reconfigure(errors="backslashreplace")  # a terminal that lacks a character is no reason to stop
        try:
            super().invoke(ctx)
            sys.stdout.flush()
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except KeyboardInterrupt:
            ctx.exit(_INTERRUPTED)
        except BrokenPipeError:
            _drop_output()
            ctx.exit(_PIPE_CLOSED)
        except OSError as error:
            _drop_output()
            what = error.filename or "the output could not be written"
            raise Refused([f"{what}: {(error.strerror or str(error)).lower()}"]) from None
        except Inet46Error as error:
            raise Refused(_reasons(error)) from None
        except Exception as error:  # the last line of defence: it says that it is a defect
            raise Refused([_defect(error)]) from error
        finally:
            gc.set_threshold(*before)


def _drop_output() -> None:
    """Let the interpreter's own last flush go nowhere."""
    if sys.__stdout__ is not None and sys.stdout is sys.__stdout__:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.__stdout__.fileno())


def _defect(error: Exception) -> str:
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = f" at {Path(place.tb_frame.f_code.co_filename).name}:{place.tb_lineno}" if place is not None else ""
    return f"this input met a defect in inet46 itself, please report it: {type(error).__name__}{where}: {error}"
