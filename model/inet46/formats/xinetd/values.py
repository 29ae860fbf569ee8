"""What xinetd finds wrong with the values of one attribute, each of which disables the service that says it. Nothing of what they mean.

Sources: parsers.c (one function for each attribute), nvlists.c (the words), time.c (ti_add), util.c (parse_int, parse_ull), addr.c
(check_hostname); measured.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from inet46.formats._reading import numeric
from inet46.knowledge import PROTOCOLS, Host
from inet46.service import RLIMITS
from inet46.sockets import Family, Transport

__all__ = ["FLAGS", "TYPES", "WORDS", "Unsure", "mistake"]

FLAGS = frozenset(
    {"REUSE", "INTERCEPT", "NORETRY", "IDONLY", "NAMEINARGS", "NODELAY", "KEEPALIVE", "NOLIBWRAP", "SENSOR", "IPV4", "IPV6", "LABELED"}
)
TYPES = frozenset({"RPC", "INTERNAL", "UNLISTED", "SPECIAL", "TCPMUX", "TCPMUXPLUS"})

WORDS: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(("wait", "disable", "groups", "v6only"), frozenset({"YES", "NO"})),
    "socket_type": frozenset({"STREAM", "DGRAM", "RAW", "SEQPACKET"}),
    "type": TYPES,
    "flags": FLAGS,
    "log_on_success": frozenset({"HOST", "DURATION", "EXIT", "PID", "USERID", "TRAFFIC"}),
    "log_on_failure": frozenset({"HOST", "ATTEMPT", "USERID"}),
}
"""The words that an attribute takes, in whatever case (nvlists.c)."""

_FACILITIES = {"daemon", "auth", "authpriv", "user", "mail", "lpr", "news", "uucp", "ftp", *(f"local{number}" for number in range(8))}
_LEVELS = {"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"}
_AROUND = r"[ \t\n\v\f\r]*"  # strtol(3) passes over blanks before a number, and parse_int over those behind it
_WHOLE = rf"{_AROUND}[+-]?[0-9]+{_AROUND}"

_Check = Callable[[Sequence[str], Host], str | None]


class Unsure(Exception):
    """Whether xinetd takes a value depends on what nobody looked at."""


def mistake(name: str, values: Sequence[str], host: Host) -> str | None:
    """Return what is wrong with the values of an attribute, None when xinetd takes them.

    Raises Unsure.
    """
    check = _CHECKS.get(name)
    return None if check is None else check(values, host)


def _flags(values: Sequence[str], _: Host) -> str | None:
    bad = [value for value in values if value.upper() not in FLAGS]
    return f"bad flag {', '.join(bad)}" if bad else None


def _words(*known: str) -> _Check:
    """Make a check that every value is one of these words, in whatever case."""

    def check(values: Sequence[str], _: Host) -> str | None:
        bad = [value for value in values if value.upper() not in known]
        return f"{', '.join(bad)} is none of {', '.join(sorted(known))}" if bad else None

    return check


def _numbers(pattern: str, *words: str, base: int = 10, least: int | None = None, most: int | None = None) -> _Check:
    """Make a check that every value is a number within limits, or one of these words."""

    def check(values: Sequence[str], _: Host) -> str | None:
        for value in values:
            if value.upper() in words:
                continue
            if not re.fullmatch(pattern, value):
                return f"{value} is not a number"
            number = int(re.sub(r"[^0-9+-]", "", value), base)
            if (least is not None and number < least) or (most is not None and number > most):
                return f"{value} is not a number from {least} to {most}" if most is not None else f"{value} is less than {least}"
        return None

    return check


def _load(values: Sequence[str], _: Host) -> str | None:
    # sscanf("%lf") takes what begins like a number; 0 is refused as well.
    match = re.match(rf"{_AROUND}([+-]?([0-9]+\.?[0-9]*|\.[0-9]+))", values[0])
    return None if match is not None and float(match[1]) else f"{values[0]} is no load"


def _env(values: Sequence[str], _: Host) -> str | None:
    bad = [value for value in values if "=" not in value]
    return f"env: {', '.join(bad)} has no '='" if bad else None


def _times(values: Sequence[str], _: Host) -> str | None:
    for value in values:
        match = re.fullmatch(r"([0-9]*):([0-9]*)-([0-9]*):([0-9]*)", value)
        start, begun, stop, over = (int(digits or 0) for digits in match.groups()) if match else (24, 0, 0, 0)
        if max(start, stop) > 23 or max(begun, over) > 59 or 60 * start + begun >= 60 * stop + over:
            return f"{value} is no interval hour:min-hour:min of one day"
    return None


def _log_type(values: Sequence[str], _: Host) -> str | None:
    kind, rest = values[0].upper(), values[1:]
    if kind == "SYSLOG":
        known = len(rest) in {1, 2} and rest[0].lower() in _FACILITIES and all(level.lower() in _LEVELS for level in rest[1:])
        return None if known else "SYSLOG takes a facility and a level"
    if kind != "FILE":
        return f"{values[0]} is neither SYSLOG nor FILE"
    limits = [re.fullmatch(rf"\+?([0-9]+)([kKmM]?){_AROUND}", limit) for limit in rest[1:]]
    sizes = [int(match[1]) * {"": 1, "k": 1024, "m": 1024**2}[match[2].lower()] for match in limits if match is not None]
    fits = 1 <= len(rest) <= 3 and len(sizes) == len(limits) and sizes == sorted(sizes)
    return None if fits else "FILE takes a path, a soft limit and a hard limit that is not less"


def _list(values: Sequence[str], _: Host) -> str | None:
    bad = [value for value in values if "," in value and "{" not in value]
    return f"{bad[0]} has a comma in it" if bad else None


def _protocol(values: Sequence[str], _: Host) -> str | None:
    return None if values[0] in PROTOCOLS else f"protocol {values[0]} not in /etc/protocols"


def _user(values: Sequence[str], host: Host) -> str | None:
    known = re.fullmatch(r"[0-9]+", values[0]) or host.policy.has("users", values[0])
    return None if known else f"user {values[0]} is unknown"


def _group(values: Sequence[str], host: Host) -> str | None:
    known = re.fullmatch(r"[0-9]+", values[0]) or host.policy.has("groups", values[0])
    return None if known else f"group {values[0]} is unknown"


def _server(values: Sequence[str], host: Host) -> str | None:
    path = values[0]
    if "\r" in path or (not path.startswith("/") and host.policy.programs is None):
        return f"server {path} is not the absolute path of a program"
    # xinetd is started in the root directory; a folder passes, because it may be entered.
    there = host.policy.has("programs", path if path.startswith("/") else f"/{path}")
    return None if there else f"server {path} is not executable"


def _bind(values: Sequence[str], host: Host) -> str | None:
    text = values[0]
    if numeric(text) is not None:
        return None
    found = () if re.fullmatch(r"[0-9.]+|.*:.*", text) else host.policy.addresses(text)
    if found is None:
        raise Unsure(f"the address of {text}")
    return None if found else f"{text} is a bad address"


def _redirect(values: Sequence[str], host: Host) -> str | None:
    text, port = values
    number = int(port) if re.fullmatch(_WHOLE, port) else 0
    if number >= 1 << 16:
        return f"port {port} is too large"
    if number <= 0 and host.port(port, Transport.TCP) is None:
        return f"{port} is no port, and no service of /etc/services"
    bad = f"{text} is a bad address"
    if ":" in text or re.fullmatch(r"[0-9.]+", text):
        return None if numeric(text) is not None else bad
    return bad if host.lookup(text, Family.IPV4) == () else None


def _versions(values: Sequence[str], _: Host) -> str | None:
    match = re.fullmatch(r"([0-9]+)(?:-([0-9]+))?", values[0])
    return (
        None if match is not None and int(match[2] or match[1]) >= int(match[1]) else f"{values[0]} is no version and no range of versions"
    )


_COUNT = _numbers(_WHOLE, "UNLIMITED", least=0)
_LIMIT = _numbers(rf"{_AROUND}[+-]?[0-9]+{_AROUND}[kKmM]?{_AROUND}", "UNLIMITED")

_CHECKS: Mapping[str, _Check] = {
    **{name: _words(*known) for name, known in WORDS.items()},
    **dict.fromkeys(("instances", "per_source"), _COUNT),
    **{f"rlimit_{name}": _LIMIT for name in RLIMITS},
    **dict.fromkeys(("cps", "nice", "rpc_number"), _numbers(_WHOLE)),
    **dict.fromkeys(("only_from", "no_access"), _list),
    "rlimit_cpu": _numbers(_WHOLE, "UNLIMITED"),
    "flags": _flags,
    "deny_time": _numbers(_WHOLE, "FOREVER", "NEVER"),
    "port": _numbers(_WHOLE, least=0, most=65535),
    "umask": _numbers(rf"{_AROUND}[+-]?[0-7]+{_AROUND}", base=8, least=0, most=0o777),
    "max_load": _load,
    "log_type": _log_type,
    "access_times": _times,
    "env": _env,
    "protocol": _protocol,
    "user": _user,
    "group": _group,
    "server": _server,
    "bind": _bind,
    "redirect": _redirect,
    "rpc_version": _versions,
}
