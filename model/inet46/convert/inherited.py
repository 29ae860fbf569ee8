"""What stands in defaults for a service that does not say it itself: its limits become the service's own, the rest is lost once for all.

The words are those of `Entry.inherited`, as xinetd fills them in (confparse.c, service_fill).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import attrs

from inet46.convert.losses import Loss
from inet46.convert.nearest import GUARDS
from inet46.convert.services import Found
from inet46.service import Limits, Rate

__all__ = ["with_defaults"]

_WHY = "it stood in defaults, which the new files do not have"


def with_defaults(found: Iterable[Found]) -> tuple[tuple[Found, ...], tuple[Loss, ...]]:
    """Return the services with the limits that defaults set for them, and what else defaults say."""
    filled: list[Found] = []
    left: dict[str, Loss] = {}
    for one in found:
        limits = one.service.limits
        for word in one.inherited:
            fuller = _filled(limits, word)
            if fuller is None:
                thing = word.split(" ", 1)[0]
                left.setdefault(word, Loss(service="defaults", thing=thing, what=word, why=_WHY, guards=thing in GUARDS))
            else:
                limits = fuller
        filled.append(attrs.evolve(one, service=attrs.evolve(one.service, limits=limits)))
    return tuple(filled), tuple(left.values())


def _filled(limits: Limits, word: str) -> Limits | None:
    """Return the limits with what a word of defaults adds to them, None if it is no limit that a Service has."""
    name, _, value = word.partition(" = ")
    if name in {"instances", "per_source"}:
        number = int(value) if re.fullmatch(r"[0-9]+", value) else 0
        return limits if getattr(limits, name) is not None or not number else attrs.evolve(limits, **dict[str, Any]({name: number}))
    if name == "umask":
        return limits if limits.umask is not None else attrs.evolve(limits, umask=int(value, 8))
    rate = re.fullmatch(r"cps = ([0-9]+) 10", word)
    if rate is not None and int(rate[1]):
        return limits if limits.rate is not None else attrs.evolve(limits, rate=Rate(connections=int(rate[1]), seconds=1))
    return None
