"""Small things that random files are made of."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

__all__ = ["ended", "of", "some"]


def of(random: Random, usual: Sequence[str], odd: Sequence[str], share: float) -> str:
    """Return one of the usual words, and every now and then an odd one."""
    return random.choice(odd if random.random() < share else usual)


def some(random: Random, lines: Sequence[str], share: float) -> str:
    """Return a line, newline and all, every now and then; else nothing."""
    return random.choice(lines) + "\n" if random.random() < share else ""


def ended(random: Random, lines: Sequence[str]) -> str:
    """Join lines to a text, a few times with the line ends of DOS, or without the last one."""
    end = "\r\n" if random.random() < 0.04 else "\n"
    text = end.join(lines) + end
    return text if random.random() < 0.9 else text.removesuffix(end)
