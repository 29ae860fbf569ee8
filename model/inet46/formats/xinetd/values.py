"""What xinetd finds wrong with the values of one attribute, each of which disables the service that says it. Nothing of what they mean.

Sources: parsers.c (one function for each attribute; parse_inet_addresses), nvlists.c (the words), time.c (ti_add), util.c (parse_int);
measured.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

__all__ = ["WORDS", "fatal", "mistake"]

_YES_NO = frozenset({"YES", "NO"})
WORDS: Mapping[str, frozenset[str]] = {
    "v6only": _YES_NO,
    "groups": _YES_NO,
    "type": frozenset({"RPC", "INTERNAL", "UNLISTED", "SPECIAL", "TCPMUX", "TCPMUXPLUS"}),
    "log_on_success": frozenset({"HOST", "DURATION", "EXIT", "PID", "USERID", "TRAFFIC"}),
    "log_on_failure": frozenset({"HOST", "ATTEMPT", "USERID"}),
}
"""The words that an attribute takes, in whatever case (nvlists.c)."""

_FACILITIES = {"daemon", "auth", "authpriv", "user", "mail", "lpr", "news", "uucp", "ftp", *(f"local{number}" for number in range(8))}
_LEVELS = {"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"}
_WHOLE = r"[+-]?[0-9]+"  # as strtol(3) takes it


def mistake(name: str, values: Sequence[str]) -> str | None:
    """Return what is wrong with the values of an attribute, None when xinetd takes them."""
    check = _CHECKS.get(name)
    return None if check is None else check(values)


def _words(known: frozenset[str]) -> Callable[[Sequence[str]], str | None]:
    """Make a check that every value is one of these words, in whatever case."""

    def check(values: Sequence[str]) -> str | None:
        bad = [value for value in values if value.upper() not in known]
        return f"{', '.join(bad)} is none of {', '.join(sorted(known))}" if bad else None

    return check


def _numbers(pattern: str, *words: str) -> Callable[[Sequence[str]], str | None]:
    """Make a check that every value is a number, or one of these words."""

    def check(values: Sequence[str]) -> str | None:
        bad = [value for value in values if not re.fullmatch(pattern, value) and value.upper() not in words]
        return f"{', '.join(bad)} is not a number" if bad else None

    return check


def _load(values: Sequence[str]) -> str | None:
    # sscanf("%lf") takes what begins like a number; 0 is refused as well.
    match = re.match(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)", values[0])
    return None if match is not None and float(match[0]) else f"{values[0]} is no load"


def _addresses(values: Sequence[str]) -> str | None:
    bad = [value for value in values if "," in value and "{" not in value]
    return f"{bad[0]} has a comma in it" if bad else None


def _env(values: Sequence[str]) -> str | None:
    bad = [value for value in values if "=" not in value]
    return f"{', '.join(bad)} has no '='" if bad else None


def _times(values: Sequence[str]) -> str | None:
    for value in values:
        match = re.fullmatch(r"([0-9]*):([0-9]*)-([0-9]*):([0-9]*)", value)
        start, begun, stop, over = (int(digits or 0) for digits in match.groups()) if match else (24, 0, 0, 0)
        if max(start, stop) > 23 or max(begun, over) > 59 or 60 * start + begun >= 60 * stop + over:
            return f"{value} is no interval hour:min-hour:min of one day"
    return None


def _log_type(values: Sequence[str]) -> str | None:
    kind, rest = values[0].upper(), values[1:]
    if kind == "SYSLOG":
        known = len(rest) in {1, 2} and rest[0].lower() in _FACILITIES and all(level.lower() in _LEVELS for level in rest[1:])
        return None if known else "SYSLOG takes a facility and a level"
    if kind != "FILE":
        return f"{values[0]} is neither SYSLOG nor FILE"
    limits = [re.fullmatch(r"\+?([0-9]+)([kKmM]?)", limit) for limit in rest[1:]]
    sizes = [int(match[1]) * {"": 1, "k": 1024, "m": 1024**2}[match[2].lower()] for match in limits if match is not None]
    fits = 1 <= len(rest) <= 3 and len(sizes) == len(limits) and sizes == sorted(sizes)
    return None if fits else "FILE takes a path, a soft limit and a hard limit that is not less"


_CHECKS: Mapping[str, Callable[[Sequence[str]], str | None]] = {
    **{name: _words(known) for name, known in WORDS.items()},
    "cps": _numbers(_WHOLE),
    "nice": _numbers(_WHOLE),
    "deny_time": _numbers(_WHOLE, "FOREVER", "NEVER"),
    "max_load": _load,
    "log_type": _log_type,
    "access_times": _times,
    "env": _env,
    "only_from": _addresses,
    "no_access": _addresses,
}

# Attributes of defaults and how many values each takes; with another number of them the line is ignored, as is any other attribute.
_DEFAULTS: Mapping[str, tuple[int | None, Callable[[Sequence[str]], str | None]]] = {
    "instances": (1, _numbers(r"[0-9]+", "UNLIMITED")),
    "per_source": (1, _numbers(r"[0-9]+", "UNLIMITED")),
    "umask": (1, _numbers(r"[0-7]+")),
    **{name: (2 if name == "cps" else 1, _CHECKS[name]) for name in ("groups", "v6only", "max_load", "cps")},
    **{name: (None, _CHECKS[name]) for name in ("log_on_success", "log_on_failure", "log_type")},
}


def fatal(name: str, values: Sequence[str]) -> str | None:
    """Return what is wrong with an attribute of defaults, None when xinetd takes it or passes over it: a bad value there ends xinetd."""
    count, check = _DEFAULTS.get(name, (-1, None))
    return None if check is None or not values or count not in {None, len(values)} else check(values)
