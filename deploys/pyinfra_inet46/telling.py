"""What a person is told of a decision: diffs of files, and the change in sockets in words."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping

import attrs

from inet46 import words
from inet46.entry import Unstartable
from inet46.merge import Merge
from inet46.proof import port_of
from inet46.service import Builtin, Program, Service
from inet46.sockets import Family, Socket, Transport
from pyinfra_inet46.look import Look
from pyinfra_inet46.transaction import Listening

__all__ = ["Diff", "Now", "answer", "as_socket", "changes", "settled"]

Now = Mapping[tuple[Transport, int], tuple[Listening, ...]]
"""Who listens on our ports now."""


@attrs.frozen(kw_only=True)
class Diff:
    """One file that changes: its text before (None: it was not there) and after.

    Of a `private` one, which not everybody may read on the host, a log gets no line but those that change.
    """

    path: str
    old: str | None
    new: str
    private: bool = False

    def lines(self) -> Iterator[str]:
        """Yield the unified diff; bytes that are no UTF-8 are shown as escapes, control characters as their pictures."""
        old, new = ([_shown(line) for line in text.split("\n")] for text in (self.old or "", self.new))
        for lines in (old, new):
            if lines and not lines[-1]:
                lines.pop()
        name = self.path if self.old is not None else "/dev/null"
        yield from difflib.unified_diff(old, new, name, self.path, lineterm="", n=0 if self.private else 2)


def _shown(line: str) -> str:
    return words.visible(line.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace"))


def as_socket(x: Listening) -> Socket:
    """Return what was seen as a socket of the model; where the tools do not tell, [::] is taken for dual."""
    family = Family(x.family)
    v6only = None if family is Family.IPV4 else x.v6only if x.v6only is not None else x.address != "::"
    return Socket(transport=Transport(x.transport), family=family, address=x.address, port=x.port, v6only=v6only)


def answer(service: Service, merged: Merge) -> str:
    """Say how a service answers once all is as wanted: `imap: answers IPv4 and IPv6 (…)`."""
    held = merged.held(service)
    listing = " + ".join(str(x.socket) for x in held) or "no socket"
    return f"{service.name}: answers {words.answers(f for x in held for f in x.accepts)} ({listing})"


def _served_by(service: Service, merged: Merge) -> str:
    """Say which program is started now, if that is what changes."""
    port = port_of(service, merged.host)
    old, new = (
        dict.fromkeys(_command(h.entry.program) for h in sockets if (h.socket.transport, h.socket.port) == (service.transport, port))
        for sockets in (merged.before, merged.sockets)
    )
    return "" if old == new or not new else f", and is served by {' and '.join(new)} instead of {' and '.join(old) or 'nothing'}"


def _command(program: Program | Builtin | Unstartable) -> str:
    match program:
        case Builtin():
            return f"its own {program.builtin}"
        case Program():
            return " ".join((program.path, *program.args))
        case Unstartable():
            return "what cannot be started"


def changes(merged: Merge, now: Now, look: Look) -> Iterator[str]:
    """Yield what changes, a line each: sockets first, then live settings, then what was met on the way."""
    if look.journal_pending is not None and look.lock_holder is None:
        yield f"an interrupted change ({look.journal_pending}) is rolled back first"
    elif look.remains:
        yield "what a run that was killed has left is removed"
    yield from _services(merged, now)
    yield from settled(merged, look)


_FEW = 3  # services that are told to answer as before


def _services(merged: Merge, now: Now) -> Iterator[str]:
    """Yield what changes for each service; of those for which nothing does, when they are many, only how many they are."""
    texts: list[tuple[str, bool]] = []
    for service in merged.services:
        port = port_of(service, merged.host)
        before = [as_socket(x) for key, sockets in now.items() for x in sockets if key == (service.transport, port)]
        after = merged.held(service)
        families = frozenset(f for s in before for f in s.families), frozenset(f for h in after for f in h.accepts)
        text = words.change(service, before, [h.socket for h in after], families)
        if text is not None:
            texts.append((text, False))
        elif merged.files or merged.live:
            served = _served_by(service, merged)
            texts.append((f"{answer(service, merged)}, as before{served}", not served))
    same = sum(unchanged for _, unchanged in texts)
    yield from (text for text, unchanged in texts if not unchanged or same <= _FEW)
    if same > _FEW:
        yield f"{same} other services answer as before"


def settled(merged: Merge, look: Look) -> Iterator[str]:
    """Yield what becomes of live settings, and what was met on the way to them."""
    for setting in merged.live:
        yield f"{setting.key}: {look.setting(setting.key)} → {setting.value} (live)"
    yield from merged.notes
