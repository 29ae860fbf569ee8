"""Exceptions, for callers who asked for something that cannot be had.

What is wrong with a *configuration* is a `diagnostics.Diagnostic`, returned; what is wrong with a *request* is raised from here.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["Inet46Error", "Inexpressible", "ModelError", "UnknownHost", "UnknownRule", "Unprovable"]


class Inet46Error(Exception):
    """Base of every exception that inet46 raises on purpose."""


class ModelError(Inet46Error, ValueError):
    """Plain data that is not a model; `problems` holds every one of them, each with its path."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class UnknownHost(Inet46Error, ValueError):
    """A host name that stands in no knowledge table."""


class Inexpressible(Inet46Error, ValueError):
    """What a format cannot hold; `losses` names each thing and why."""

    def __init__(self, losses: Iterable[str]) -> None:
        self.losses = tuple(losses)
        super().__init__("; ".join(self.losses))


class Unprovable(Inet46Error, ValueError):
    """A plan that the oracle does not confirm; `reasons` says what would be missing, for each service."""

    def __init__(self, reasons: Iterable[str]) -> None:
        self.reasons = tuple(reasons)
        super().__init__("\n".join(self.reasons))


class UnknownRule(Inet46Error, ValueError):
    """A word that means no rule of the linter."""
