"""All rules, by code. A module of this package is a family; a rule in it is a value that `rule` made."""

from __future__ import annotations

from inet46.lint import fleet
from inet46.lint._rules import Rule
from inet46.lint.rules import (
    access,
    addresses,
    changes,
    host,
    inetd_definitions,
    inetd_fields,
    inetd_others,
    inetd_text,
    inetd_tokens,
    inetd_values,
    jobs,
    manifests,
    reach,
    reload,
    sockets,
    unit_lines,
    units,
    xinetd_access,
    xinetd_attributes,
    xinetd_builds,
    xinetd_bytes,
    xinetd_defaults,
    xinetd_disabled,
    xinetd_entries,
    xinetd_host,
    xinetd_reach,
    xinetd_reload,
)

__all__ = ["RULES"]

_MODULES = (
    access,
    addresses,
    changes,
    fleet,
    host,
    inetd_definitions,
    inetd_fields,
    inetd_others,
    inetd_text,
    inetd_tokens,
    inetd_values,
    jobs,
    manifests,
    reach,
    reload,
    sockets,
    unit_lines,
    units,
    xinetd_access,
    xinetd_attributes,
    xinetd_builds,
    xinetd_bytes,
    xinetd_defaults,
    xinetd_disabled,
    xinetd_entries,
    xinetd_host,
    xinetd_reach,
    xinetd_reload,
)

# A rule may have two names in its module; two rules of one code stay two, for the tests to find.
_FOUND = {id(thing): thing for module in _MODULES for thing in vars(module).values() if isinstance(thing, Rule)}

RULES = tuple(sorted(_FOUND.values(), key=lambda one: one.code))
