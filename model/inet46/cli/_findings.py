"""What `inet46 check` found, in the forms that people and machines read: text, JSON, SARIF 2.1.0, and annotations for GitHub."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import attrs
import click

from inet46.cli import _show
from inet46.diagnostics import Diagnostic, Severity, Span
from inet46.lint import Rule, every

__all__ = ["Answer", "Finding", "github", "sarif", "text", "to_json"]

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


@attrs.frozen
class Finding:
    """One diagnostic in the user's words, with the hosts on which it is so; none are named where it is so everywhere."""

    diagnostic: Diagnostic
    hosts: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class Answer:
    """What was looked at, and what was found.

    Where no hosts were named, `findings` and `unknown` are so on every one, and `elsewhere` counts those that find more. `changes` say what
    mending did to the sockets of each host; `mended` are the files that were written. `mendable` and `mendable_unsafely` count the findings
    that offer a fix which was not asked for.
    """

    hosts: tuple[str, ...]
    stated: bool
    files: int
    findings: tuple[Finding, ...]
    elsewhere: int = 0
    unknown: tuple[tuple[str, str], ...] = ()
    blocked: tuple[tuple[Diagnostic, tuple[str, ...]], ...] = ()
    applied: tuple[Diagnostic, ...] = ()
    mended: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    mendable: int = 0
    mendable_unsafely: int = 0
    diff: str = ""

    @property
    def bad(self) -> bool:
        """True if there is something to mend."""
        return any(finding.diagnostic.severity is not Severity.NOTE for finding in self.findings)


# -- for people ------------------------------------------------------------------------------------------------------------------------


def text(answer: Answer) -> None:
    """Draw every finding over its source line, then count."""
    for finding in answer.findings:
        where = f"so on {', '.join(finding.hosts)}"
        notes = (*finding.diagnostic.notes, where) if finding.hosts else finding.diagnostic.notes
        _show.diagnostic(attrs.evolve(finding.diagnostic, notes=notes))
    if answer.unknown:
        _show.heading("not known:")
        for host, reason in answer.unknown:
            _show.paragraph(f"{reason} ({host})" if host and len(answer.hosts) > 1 else reason, indent=2)
        _show.text()
    for one, codes in answer.blocked:
        why = f"it would bring {', '.join(codes)}" if codes else "it would change sockets"
        _show.paragraph(
            f"not mended: {one.code} at {one.span.source.path}:{one.span.line}: {why}" if one.span else f"not mended: {one.code}: {why}"
        )
    if answer.diff:
        _show.diff(answer.diff)
        _show.text()
    for change in (*answer.changes, *(f"mended {path}" for path in answer.mended)):
        _show.paragraph(change)
    _show.heading(_count(answer))


def _count(answer: Answer) -> str:
    counts = [(sum(x.diagnostic.severity is severity for x in answer.findings), severity.value) for severity in Severity]
    found = ", ".join(f"{number} {word}{'' if number == 1 else 's'}" for number, word in counts if number) or "nothing found"
    files = f"{answer.files} file{'' if answer.files == 1 else 's'}"
    told = f"{found} in {files}{_where(answer)}"
    told += f"; mended {len(answer.applied)}" if answer.applied else ""
    ways = [(answer.mendable, "--fix"), (answer.mendable_unsafely, "--fix --unsafe-fixes")]
    mendable = [f"{number} can be mended with {way}" for number, way in ways if number]
    return "; ".join((told, *mendable))


def _where(answer: Answer) -> str:
    if answer.stated:
        return f" on {', '.join(answer.hosts)}"
    hosts = f"of the {len(answer.hosts)} known hosts that read such files"
    if not answer.elsewhere:
        return f", so on each {hosts}" if answer.findings else f" on any {hosts}"
    each, more = (f", so on each {hosts}", "more") if answer.findings else (f" that is so on each {hosts}", "something")
    return f"{each}; {answer.elsewhere} of them find{'s' * (answer.elsewhere == 1)} {more} (--host says what)"


# -- for machines ----------------------------------------------------------------------------------------------------------------------


def to_json(answer: Answer) -> None:
    """Print JSON with stable keys."""
    _show.plain_json(
        {
            "hosts": list(answer.hosts),
            "findings": [_json(finding, answer) for finding in answer.findings],
            "unknown": [{"host": host or None, "reason": reason} for host, reason in answer.unknown],
            "applied": [{**_place(one.span), "code": one.code, "title": one.fix.title if one.fix else ""} for one in answer.applied],
            "mended": list(answer.mended),
            "changes": list(answer.changes),
            "diff": answer.diff,
        }
    )


def _json(finding: Finding, answer: Answer) -> dict[str, Any]:
    one = finding.diagnostic
    return {
        "code": one.code,
        "name": one.name,
        "severity": one.severity.value,
        "cost": one.cost.value if one.cost else None,
        "message": one.message,
        **_place(one.span),
        "hosts": list(finding.hosts or answer.hosts),
        "labels": [{**_place(label.span), "text": label.text} for label in one.labels],
        "notes": list(one.notes),
        "help": one.help,
        "fix": {"title": one.fix.title, "safe": one.fix.safe} if one.fix else None,
    }


def _place(span: Span | None) -> dict[str, Any]:
    if span is None:
        return dict.fromkeys(("path", "line", "column", "end_line", "end_column"))
    end = Span(span.source, span.stop, span.stop)
    return {"path": span.source.path, "line": span.line, "column": span.column, "end_line": end.line, "end_column": end.column}


_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}
_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def github(answer: Answer) -> None:
    """Print workflow commands, one for each finding."""
    for finding in answer.findings:
        one = finding.diagnostic
        place = _place(one.span)
        fields = {"file": place["path"], "line": place["line"], "col": place["column"], "title": f"{one.code} {one.name}"}
        said = ",".join(f"{name}={_property(str(value))}" for name, value in fields.items() if value is not None)
        message = one.message + (f" ({one.help})" if one.help else "")
        click.echo(f"::{_COMMANDS[one.severity]} {said}::{_data(_show.visible(message))}")


def _data(value: str) -> str:
    return value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(value: str) -> str:
    return _data(_show.visible(value)).replace(":", "%3A").replace(",", "%2C")


def sarif(answer: Answer) -> None:
    """Print a SARIF 2.1.0 log of one run."""
    import json  # noqa: PLC0415 -- the usual answer is text

    from inet46.cli._version import version  # noqa: PLC0415 -- importlib.metadata takes a while to load

    used = [rule for rule in every() if any(finding.diagnostic.code == rule.code for finding in answer.findings)]
    driver = {
        "name": "inet46",
        "version": version(),
        "semanticVersion": version(),
        "rules": [_rule(rule) for rule in used],
    }
    places = {rule.code: number for number, rule in enumerate(used)}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding.diagnostic, places) for finding in answer.findings],
    }
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    click.echo(json.dumps(log, indent=2))


def _rule(rule: Rule) -> dict[str, Any]:
    page = "\n\n".join(f"**{title}:** {body}" for title, body in rule.page.items())
    return {
        "id": rule.code,
        "name": "".join(word.capitalize() for word in rule.name.split("-")),
        "shortDescription": {"text": rule.page["What it catches"]},
        "fullDescription": {"text": rule.page["Why it bites"]},
        "help": {"text": rule.page["Instead"], "markdown": page},
    }


def _result(one: Diagnostic, places: dict[str, int]) -> dict[str, Any]:
    extra = [f"cost: {one.cost.value}"] if one.cost else []
    message = "\n".join([one.message, *extra, *one.notes, *([f"help: {one.help}"] if one.help else [])])
    result: dict[str, Any] = {
        "ruleId": one.code,
        "level": _LEVELS[one.severity],
        "message": {"text": _printable(message)},
    }
    if one.code in places:
        result["ruleIndex"] = places[one.code]
    if one.span is not None:
        result["locations"] = [{"physicalLocation": _physical(one.span)}]
    if one.labels:
        result["relatedLocations"] = [
            {"id": number, "physicalLocation": _physical(label.span), "message": {"text": _printable(label.text)}}
            for number, label in enumerate(one.labels, 1)
        ]
    if one.fix is not None:
        result["fixes"] = [_fix(one)]
    return result


def _fix(one: Diagnostic) -> dict[str, Any]:
    changes: dict[str, list[dict[str, Any]]] = {}
    for edit in one.fix.edits if one.fix else ():
        replacement = {"deletedRegion": _region(edit.span), "insertedContent": {"text": _printable(edit.text)}}
        changes.setdefault(edit.span.source.path, []).append(replacement)
    return {
        "description": {"text": one.fix.title if one.fix else ""},
        "artifactChanges": [{"artifactLocation": {"uri": _uri(path)}, "replacements": told} for path, told in changes.items()],
    }


def _physical(span: Span) -> dict[str, Any]:
    return {"artifactLocation": {"uri": _uri(span.source.path)}, "region": _region(span)}


def _region(span: Span) -> dict[str, int]:
    end = Span(span.source, span.stop, span.stop)
    return {"startLine": span.line, "startColumn": span.column, "endLine": end.line, "endColumn": end.column}


def _uri(path: str) -> str:
    absolute = "file://" if path.startswith("/") else ""
    return absolute + quote(path.encode("utf-8", "surrogateescape"))


def _printable(text: str) -> str:
    """Replace what no JSON reader takes: bytes that are not UTF-8."""
    return text.encode("utf-8", "replace").decode()
