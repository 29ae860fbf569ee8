"""All rules, by code. A module of this package is a family; a rule in it is a value that `rule` made.

A family is loaded when there is something that its rules can be about: who checks an inetd.conf does not wait for those of xinetd.
"""

from __future__ import annotations

import functools
import importlib

from inet46.knowledge import Host, InetdBuild, LaunchdBuild, SystemdBuild, XinetdBuild
from inet46.lint import fleet
from inet46.lint._rules import Rule

__all__ = ["about", "every"]

_ANY = ("access", "changes", "files", "host", "reach", "reload", "sockets")
_LINES = ("addresses", "inetd_definitions", "inetd_fields", "inetd_others", "inetd_text", "inetd_tokens", "inetd_values")
_MANIFESTS = ("manifests",)
_PARAGRAPHS = (
    "xinetd_access",
    "xinetd_attributes",
    "xinetd_builds",
    "xinetd_bytes",
    "xinetd_defaults",
    "xinetd_disabled",
    "xinetd_entries",
    "xinetd_host",
    "xinetd_reach",
    "xinetd_reload",
)
_UNITS = ("unit_lines", "units")
_JOBS = ("jobs",)


def every() -> tuple[Rule, ...]:
    """Return all rules there are."""
    return _of((*_ANY, *_LINES, *_MANIFESTS, *_PARAGRAPHS, *_UNITS, *_JOBS))


def about(host: Host) -> tuple[Rule, ...]:
    """Return the rules that can find something on a host, by what its super-server reads."""
    return _of((*_ANY, *_read_by(host)))


def _read_by(host: Host) -> tuple[str, ...]:
    match host.server:
        case InetdBuild(manifests=None):
            return _LINES
        case InetdBuild():
            return (*_LINES, *_MANIFESTS)
        case XinetdBuild():
            return (*_PARAGRAPHS, *_LINES) if host.compat else _PARAGRAPHS
        case SystemdBuild():
            return _UNITS
        case LaunchdBuild():
            return _JOBS


@functools.cache
def _of(families: tuple[str, ...]) -> tuple[Rule, ...]:
    modules = [fleet, *(importlib.import_module(f"{__name__}.{family}") for family in families)]
    # A rule may have two names in its module; two rules of one code stay two, for the tests to find.
    found = {id(thing): thing for module in modules for thing in vars(module).values() if isinstance(thing, Rule)}
    return tuple(sorted(found.values(), key=lambda one: one.code))
