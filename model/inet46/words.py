"""A change of sockets in words that a person understands, and that a dry run can show."""

from __future__ import annotations

from collections.abc import Iterable

from inet46.service import Service
from inet46.sockets import Family, Socket

__all__ = ["answers", "change", "one_line", "verbs", "visible"]


def answers(families: Iterable[Family]) -> str:
    """Name the families that are answered: `IPv4 only`, `IPv4 and IPv6`, `nothing`."""
    names = [family.title for family in sorted(set(families), key=lambda family: family.value)]
    if not names:
        return "nothing"
    return f"{names[0]} only" if len(names) == 1 else " and ".join(names)


def change(
    service: Service, before: Iterable[Socket], after: Iterable[Socket], families: tuple[frozenset[Family], frozenset[Family]]
) -> str | None:
    """Say what becomes of one service: `imap: now answers IPv4 only → IPv4 and IPv6 (0.0.0.0:143 + [::]:143 v6only)`; None if nothing.

    `families` are those that were answered and those that will be.
    """
    old, new = (sorted(sockets, key=lambda s: (s.family.value, s.address)) for sockets in (before, after))
    if old == new:
        return None
    listing = " + ".join(map(str, new))
    if families[0] != families[1]:
        return f"{service.name}: now answers {answers(families[0])} → {answers(families[1])}{f' ({listing})' if new else ''}"
    was = " + ".join(map(str, old)) or "no socket"
    return f"{service.name}: answers {answers(families[1])} as before, now on {listing or 'no socket'} instead of {was}"


def verbs(activate: Iterable[str], unit: str) -> str:
    """Say how a change takes effect: `reload inetd (SIGHUP), wait until it has done so, send it SIGALRM`, or by which commands."""
    command = {"systemd": "systemctl", "launchd": "launchctl"}.get(unit)
    if command is not None:
        return ", ".join(f"{command} {verb}" for verb in activate)
    if unit.startswith("svc:"):
        return ", ".join("restart " + unit if verb == "restart" else verb for verb in activate)
    said = {"reload": f"reload {unit} (SIGHUP)", "restart": f"restart {unit}", "settle": "wait until it has done so"}
    return ", ".join(said.get(verb, f"send it SIG{verb.removeprefix('signal ')}") for verb in activate)


# One character for one, so that a marker still stands below what it marks: control characters become their pictures; bytes that are not
# UTF-8, C1 controls and what turns the direction of writing become a replacement character.
_PICTURES = {
    **{code: 0x2400 + code for code in range(0x20) if chr(code) not in "\t\n"},
    0x7F: 0x2421,
    **dict.fromkeys((*range(0x80, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A), *range(0xD800, 0xE000)), 0xFFFD),
}


def visible(string: str) -> str:
    """Return a text that does nothing to a terminal but be read."""
    return string.translate(_PICTURES)


def one_line(string: str) -> str:
    """Return a text that does nothing to a terminal and stays on its line."""
    return visible(string).translate({0x09: 0x2409, 0x0A: 0x240A})
