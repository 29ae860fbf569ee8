"""The attributes of one paragraph, taken one after the other as parse.c takes them: what holds, what is ignored, what disables the service.

A bad value does not end a service: it marks it disabled, and what it has set before the mistake stays set. The mark goes when a later line,
or the list in defaults, switches the service on. Sources: parse.c (tables of attributes, identify_attribute, parse_entry), parsers.c.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs

from inet46.diagnostics import Diagnostic, Severity, Span
from inet46.formats._reading import fault
from inet46.formats.xinetd.document import Attribute
from inet46.formats.xinetd.values import FLAGS, TYPES, Unsure, mistake
from inet46.knowledge import Host, XinetdBuild
from inet46.service import RLIMITS

__all__ = ["BANNERS", "COUNTS", "DEFAULTS", "INHERITED", "Taken"]

BANNERS = ("banner", "banner_success", "banner_fail")
# name -> number of values; -1 any number once, -2 a list that += and -= may change (parse.c, service_attributes[])
COUNTS = {
    **dict.fromkeys(("socket_type", "protocol", "wait", "disable", "groups", "v6only", "user", "group", "server", "id", "port"), 1),
    **dict.fromkeys(("instances", "per_source", "nice", "deny_time", *BANNERS, "max_load", "umask"), 1),
    **dict.fromkeys(("bind", "interface", "rpc_version", "rpc_number", "libwrap", "mdns"), 1),
    **{f"rlimit_{name}": 1 for name in RLIMITS},
    **dict.fromkeys(("redirect", "cps"), 2),
    **dict.fromkeys(("server_args", "type", "flags", "access_times", "log_type"), -1),
    **dict.fromkeys(("only_from", "no_access", "log_on_success", "log_on_failure", "env", "passenv"), -2),
}
# What may stand in defaults (parse.c, default_attributes[]); log_type can be said again there, and the second one is a mistake.
DEFAULTS = {
    **{name: COUNTS[name] for name in ("instances", "per_source", "groups", "cps", "max_load", "v6only", "umask", "bind", "interface")},
    **{name: COUNTS[name] for name in BANNERS},
    **dict.fromkeys(("log_type", "log_on_success", "log_on_failure", "disabled", "enabled", "no_access", "only_from", "passenv"), -2),
}
# Copied from the defaults read so far at the moment when a service is parsed.
INHERITED = ("only_from", "no_access", "log_on_success", *BANNERS)
_NEED_VALUES = {"flags", "type", "server_args", "access_times", "log_type"}
_YES_OR_NO = ("wait", "disable", "groups", "v6only")
_SPEAK_FOR_THEMSELVES = {"flags", "protocol", "user", "group", "server", "env", *_YES_OR_NO}
_TOLD = {
    "protocol": ("I139", "no-such-protocol"),
    "only_from": ("I137", "comma-in-list"),
    "no_access": ("I137", "comma-in-list"),
    "user": ("I531", "no-such-user"),
}
_WORDS = {"flags": FLAGS, "type": TYPES}


@attrs.define
class _Growing:
    """A list that any number of lines may add to and take from: `values` by their places, and the places of each value."""

    values: dict[int, str] = attrs.field(factory=dict)
    places: dict[str, list[int]] = attrs.field(factory=dict)
    next: int = 0

    def add(self, values: Iterable[str]) -> None:
        for value in values:
            self.values[self.next] = value
            self.places.setdefault(value, []).append(self.next)
            self.next += 1

    def remove(self, values: Iterable[str]) -> None:
        for value in values:
            for place in self.places.pop(value, ()):
                del self.values[place]


@attrs.define
class Taken:
    """What one paragraph has said so far; its lists are among the `values` when the last attribute was taken and `settle` was called.

    `values` are the attributes that were taken; `flags` and `kinds` are in capital letters, and hold what stood before a mistake as well.
    `why` is what has marked the service as disabled, None when nothing has, and `at` the attribute that did. `gone` tells that the daemon
    reads no further and forgets the service; `unsure` what it would take a look at the host to know.
    """

    name: str
    build: XinetdBuild
    host: Host
    inherited: Mapping[str, tuple[str, ...]]
    faults: list[Diagnostic]
    counts: Mapping[str, int] = attrs.field(factory=lambda: COUNTS)
    values: dict[str, tuple[str, ...]] = attrs.field(factory=dict)
    flags: set[str] = attrs.field(factory=set)
    kinds: set[str] = attrs.field(factory=set)
    why: str | None = None
    at: Attribute | None = None
    gone: bool = False
    lists: dict[str, _Growing] = attrs.field(factory=dict)
    unsure: str | None = None

    @property
    def told(self) -> tuple[str, str]:
        """Under which code and name it is said why the service is disabled."""
        if self.at is not None and self.at.name == "server":
            absolute = self.at.values[0].startswith("/") and "\r" not in self.at.values[0]
            return ("I530", "no-such-server") if absolute else ("I138", "server-not-absolute")
        return _TOLD.get(self.at.name if self.at is not None else "", ("I130", "service-disabled"))

    @property
    def defaults(self) -> bool:
        """True for the defaults paragraph."""
        return self.counts is DEFAULTS

    def take(self, attribute: Attribute) -> None:
        """Take an attribute as the daemon does: unknown ones and wrong counts are ignored, the first of two wins."""
        name = "bind" if attribute.name == "interface" else attribute.name
        count = self.counts.get(name)
        if count is None or (name == "rlimit_files" and not self.build.rlimit_files):
            text = "should not be in the defaults" if self.defaults else "bad service attribute"
            self._warn("I140", "unknown-attribute", f"{text}: {attribute.name}; it is ignored", attribute.span)
        elif count != -2 and name in self.values:
            self._warn("I143", "attribute-already-set", f"attribute already set: {name}; the first one counts", attribute.span)
        elif count != -2 and attribute.operator != "=":
            self._warn("I141", "operator-on-scalar", f"{attribute.operator} cannot be used for {name}; it is ignored", attribute.span)
        elif count > 0 and len(attribute.values) != count:
            text = f"attribute {name} expects {count} values and {len(attribute.values)} were specified; it is ignored"
            self._warn("I142", "wrong-number-of-values", text, attribute.span)
        else:
            self._parse(name, attribute)
        if attribute.name == "disable" and self.why is not None and self.build.disable_is_final:
            self.gone = True

    def _parse(self, name: str, attribute: Attribute) -> None:
        try:
            problem = self._mistake(name, attribute)
        except Unsure as reason:
            self.unsure, problem = str(reason), None
        good = attribute.values if problem is None else self._before_mistake(name, attribute.values)
        if name in _WORDS:
            (self.flags if name == "flags" else self.kinds).update(value.upper() for value in good)
        if problem is not None:
            self.at = attribute
            self.why = problem if name in _SPEAK_FOR_THEMSELVES else f"{name}: {problem}"
        if self.counts[name] == -2:
            self._change(name, attribute.operator, good)
        elif problem is None:
            self.values[name] = good
        if name == "disable" and problem is None:
            self.why = "disable = yes" if attribute.values[0].lower() == "yes" else None

    def _mistake(self, name: str, attribute: Attribute) -> str | None:
        if name in _NEED_VALUES and not attribute.values:
            return "it has no value"
        if name == "env" and attribute.operator == "-=":
            return "-= cannot be used for env"
        if name == "log_type" and (name in self.values or name in self.lists):
            return "it can be set once only"
        problem = mistake(name, attribute.values, self.host)
        return f"{name} = {attribute.values[0]} is neither yes nor no" if problem is not None and name in _YES_OR_NO else problem

    def _before_mistake(self, name: str, values: tuple[str, ...]) -> tuple[str, ...]:
        """Return the values of a list that are taken although a later one is bad: each is taken as it is read."""
        if name not in _WORDS and self.counts[name] != -2:
            return ()
        good = 0
        while good < len(values) and mistake(name, values[good : good + 1], self.host) is None:
            good += 1
        return values[:good]

    def _change(self, name: str, operator: str, values: tuple[str, ...]) -> None:
        """Set a list, add to it or take from it; a service begins with that of the defaults, and defaults with what they said above."""
        afresh = operator == "=" and not self.defaults
        if afresh or name not in self.lists:
            self.lists[name] = _Growing()
            self.lists[name].add(() if afresh else self.values.get(name, self.inherited.get(name, ())))
        if operator == "-=" and name not in {"enabled", "disabled"}:
            self.lists[name].remove(values)
        else:
            self.lists[name].add(values)

    def settle(self) -> None:
        """Put the lists among the values, once every attribute was taken."""
        self.values.update({name: tuple(held.values.values()) for name, held in self.lists.items()})

    def _warn(self, code: str, name: str, message: str, span: Span) -> None:
        self.faults.append(fault(code, name, f"{self.name or 'defaults'}: {message}", span, severity=Severity.WARNING))
