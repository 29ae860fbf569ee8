"""What a super-server can be told to do, in the words of a transaction; ``shell/activate.sh`` and ``shell/server.sh`` do it."""

from __future__ import annotations

import re

import attrs

__all__ = ["VERBS", "known_verbs"]

_OF_TWO = tuple(f"{verb}-{whose}" for whose in ("old", "new") for verb in ("stop", "start", "enable", "disable"))
VERBS = ("reload", "restart", "start", "stop", "settle", "daemon-reload", *_OF_TWO, "stop-units", "start-units", "signal")
"""What `Transaction.activate` and `Transaction.undo` may say; ``signal`` is followed by a name, as in ``signal ALRM``, and
``stop-units`` and ``start-units`` by the names of units.

- ``reload``: ``systemctl reload`` when systemd is pid 1 and the unit is active, otherwise SIGHUP to the main process
- ``restart``: ``systemctl reset-failed`` and ``restart``, or the script with ``restart``, or TERM and a new start with the saved argv
- ``start``: the same three ways, for a super-server that does not run
- ``stop``: TERM, for a super-server that did not run before
- ``settle``: wait until the daemon has worked through its signal; two signals without it are merged into one
- ``daemon-reload``: ``systemctl daemon-reload``
- ``stop-units``, ``start-units``: ``systemctl stop`` and ``start``, of several at once; one that systemd does not know is stopped already
- ``stop-old``, ``start-new``, ``enable-new`` and so on: one of two super-servers, when a host goes over from one to the other, or the
  units that take its place; it is stopped by its unit or its script, so that the sessions it has begun go on, and enabled for the next
  boot as systemd or the links of System V do it
"""

_SIGNAL = re.compile(r"signal [A-Z][A-Z0-9]{1,9}")
_UNITS = re.compile(r"(stop|start)-units( [A-Za-z0-9:_.@\\][A-Za-z0-9:_.@\\-]*)+")


def known_verbs(_: object, attribute: attrs.Attribute[tuple[str, ...]], value: tuple[str, ...]) -> None:
    """Refuse what is no verb."""
    for verb in value:
        pattern = _SIGNAL if verb.startswith("signal") else _UNITS if "-units" in verb else None
        if not (pattern.fullmatch(verb) if pattern is not None else verb in VERBS):
            raise ValueError(f"{attribute.name}: {verb!r} is not one of {', '.join(VERBS)} (signal with a name, like ALRM)")
