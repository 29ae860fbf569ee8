"""What stands in defaults for a service that does not say it itself, as xinetd fills it in (confparse.c, service_fill).

On its own host it goes on to hold, and no service says it: `kept_in_defaults`. In files for another host the limits become the service's
own, and the rest is lost once for all: `with_defaults`. The words are those of `Entry.inherited`.
"""

from __future__ import annotations

import re
from typing import Any

import attrs

from inet46 import formats
from inet46.convert.losses import Loss
from inet46.convert.nearest import GUARDS
from inet46.convert.services import Exported, Found
from inet46.diagnostics import Span
from inet46.formats import xinetd
from inet46.service import Limits, Rate

__all__ = ["kept_in_defaults", "with_defaults"]

_WHY = "it stood in defaults, which the new files do not have"
_WORDS = {"instances": "limits.instances", "per_source": "limits.per_source", "umask": "limits.umask", "cps": "limits.rate"}


def kept_in_defaults(exported: Exported) -> tuple[str, ...]:
    """Say what defaults hold for the services of a host, each thing once: no service that was read back says it."""
    told = []
    for word in dict.fromkeys(word for one in exported.found for word in one.inherited):
        limits, place = _filled(Limits(), word), _place(word, exported)
        if limits != Limits():
            elsewhere = "no service can say it" if limits is None else f"write {_WORDS[word.partition(' ')[0]]} for other hosts"
            where = f"{place.source.path}:{place.line}: " if place is not None else ""
            told.append(f"{where}defaults: {word} holds on this host and is in no service: {elsewhere}")
    return tuple(told)


def with_defaults(exported: Exported) -> tuple[tuple[Found, ...], tuple[Loss, ...]]:
    """Return the services with the limits that defaults set for them, and what else defaults say."""
    filled: list[Found] = []
    left: dict[str, Loss] = {}
    for one in exported.found:
        limits = one.service.limits
        for word in one.inherited:
            fuller = _filled(limits, word)
            if fuller is None:
                thing = word.partition(" ")[0]
                loss = Loss(service="defaults", thing=thing, what=word, why=_WHY, guards=thing in GUARDS, span=_place(word, exported))
                left.setdefault(word, loss)
            else:
                limits = fuller
        filled.append(attrs.evolve(one, service=attrs.evolve(one.service, limits=limits)))
    return tuple(filled), tuple(left.values())


def _place(word: str, exported: Exported) -> Span | None:
    """Return where defaults say something: the line that says just this, else the first one that adds to it."""
    name = word.partition(" ")[0]
    said = [
        attribute
        for source in exported.reading.sources
        for item in (xinetd.parse(source.text, source.path).items if source.path != formats.COMPAT else ())
        if isinstance(item, xinetd.Paragraph) and item.defaults
        for attribute in item.attributes
        if attribute.name == name
    ]
    just = (one.span for one in said if " ".join((name, "=", *one.values)) == word)
    return next(just, said[0].span if said else None)


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
