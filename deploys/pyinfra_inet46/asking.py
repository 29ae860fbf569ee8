"""What a look has to find out, from the services and the policy.

Rule of this module: as in `judge`, no I/O and no pyinfra.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable

import attrs

from inet46.host import HostPolicy
from inet46.knowledge import HOSTS, SystemdBuild, resolve
from inet46.service import Builtin, Service

__all__ = ["Question", "question"]


@attrs.frozen(kw_only=True)
class Question:
    """What a look has to find out for these services."""

    programs: tuple[str, ...]
    users: tuple[str, ...]
    groups: tuple[str, ...]
    services: tuple[str, ...]
    settings: tuple[str, ...]
    extra_paths: tuple[str, ...]
    units: str | None = None


@functools.lru_cache(maxsize=256)
def question(services: tuple[Service, ...], policy: HostPolicy | None) -> Question:
    """Gather what must be asked of a host about these services."""
    wishes = [service for service in services if service.enabled]
    paths = [path for path in (policy.config if policy else None,) if path]
    units = "alone" if policy is None else "always" if isinstance(resolve(policy).server, SystemdBuild) else None
    return Question(
        programs=_sorted(service.program.path for service in wishes if not isinstance(service.program, Builtin)),
        users=_sorted(service.user for service in wishes),
        groups=_sorted(service.group for service in wishes if service.group is not None),
        services=_sorted(str(service) for service in services),
        settings=_knobs(),
        extra_paths=() if units == "always" else tuple(paths),
        units=units,
    )


@functools.cache
def _knobs() -> tuple[str, ...]:
    """Every kernel's knob: which kernel it is shows only in the answer."""
    knobs = {resolve(row.name).kernel.knob for row in HOSTS}
    return _sorted(knob for knob in knobs if knob is not None)


def _sorted(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(values)))
