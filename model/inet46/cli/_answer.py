"""What is said about sockets: where each comes from, what is wrong, what is not known; as text and as JSON."""

from __future__ import annotations

from typing import Any

import attrs

from inet46.cli import _show
from inet46.cli._told import Told
from inet46.diagnostics import Cost, Diagnostic, Severity
from inet46.predict import Held
from inet46.words import answers

__all__ = ["Answer"]


@attrs.frozen(kw_only=True)
class Answer:
    """What is said about the PATHs, in the user's words."""

    told: Told
    sockets: tuple[Held, ...]
    faults: tuple[Diagnostic, ...]
    unknown: tuple[str, ...]

    @property
    def findings(self) -> bool:
        """True if there is a fault that costs something."""
        return any(fault.severity is not Severity.NOTE for fault in self.faults)

    @property
    def losses(self) -> bool:
        """True if something that the files say is not there: of a warning about a word that is passed over all else holds."""
        return any(fault.severity is Severity.ERROR or _costs(fault) for fault in self.faults)

    def json(self) -> dict[str, Any]:
        """As JSON, with stable keys."""
        return {
            "host": self.told.host.name,
            "sockets": [_socket_json(held, self.told) for held in self.sockets],
            "faults": [_fault_json(fault) for fault in self.faults],
            "unknown": list(self.unknown),
        }

    def show(self, said: str = "") -> None:
        """Print it, below a line that names the host and what else is said of it."""
        _show.heading(f"{self.told.host.name}{said}: {_count(self)}")
        _show.text()
        if self.sockets:
            _show.table(("SERVICE", "SOCKET", "ANSWERS", "FROM"), [_row(held, self.told) for held in self.sockets])
            _show.text()
        for fault in self.faults:
            _show.diagnostic(fault)
        if self.unknown:
            _show.heading("not known:")
            for reason in self.unknown:
                _show.paragraph(reason, indent=2)


def _costs(fault: Diagnostic) -> bool:
    return fault.severity is Severity.WARNING and fault.cost is not Cost.IGNORED


def _place(held: Held, told: Told) -> tuple[str | None, int | None]:
    origin = held.entry.origin
    return (None, None) if origin is None else (told.path(origin.source.path), origin.line)


def _socket_json(held: Held, told: Told) -> dict[str, Any]:
    path, line = _place(held, told)
    return {**_show.socket_json(held.service, held.socket, held.accepts), "path": path, "line": line}


def _fault_json(fault: Diagnostic) -> dict[str, Any]:
    span = fault.span
    return {
        "code": fault.code,
        "name": fault.name,
        "severity": fault.severity.value,
        "message": fault.message,
        "path": span.source.path if span else None,
        "line": span.line if span else None,
        "column": span.column if span else None,
    }


def _row(held: Held, told: Told) -> tuple[str, str, str, str]:
    path, line = _place(held, told)
    return held.service, f"{held.socket.transport.value} {held.socket}", answers(held.accepts), f"{path}:{line}"


def _count(answer: Answer) -> str:
    parts = [_plural(len(answer.sockets), "socket")]
    for severity in Severity:
        number = sum(fault.severity is severity for fault in answer.faults)
        parts += [_plural(number, severity.value)] if number else []
    parts += [f"{len(answer.unknown)} not known"] if answer.unknown else []
    return ", ".join(parts)


def _plural(number: int, word: str) -> str:
    return f"{number or 'no'} {word}{'' if number == 1 else 's'}"
