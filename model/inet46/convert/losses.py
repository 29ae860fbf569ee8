"""What a conversion cannot carry over: each thing by its name, where it stood, why, and what comes nearest there."""

from __future__ import annotations

import attrs

from inet46.diagnostics import Span

__all__ = ["Loss"]


@attrs.frozen(kw_only=True)
class Loss:
    """One thing that is said on the old host and cannot be said on the new one.

    `thing` is what kind of thing it is (a key of `nearest.NEAREST`). `guards` tells what protects the service or keeps it reachable (a
    limit, an access list, a family, the service itself) from what does not (how it is logged). `instead` names the nearest equivalent
    together with its difference, None where there is none.
    """

    service: str
    thing: str
    what: str
    why: str
    guards: bool
    instead: str | None = None
    span: Span | None = attrs.field(default=None, eq=False, repr=False)

    def __str__(self) -> str:
        """One line for a person."""
        place = f"{self.span.source.path}:{self.span.line}: " if self.span else ""
        return f"{place}{self.service}: {self.what} is lost: {self.why}" + (f"; nearest: {self.instead}" if self.instead else "")
