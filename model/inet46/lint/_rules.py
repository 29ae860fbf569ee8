"""What a rule is, and what it looks at.

A rule is a function from a `Subject` to what it finds; its docstring is its page, in five parts that each begin a line: What it catches,
Why it bites, Example, Instead, Source. A rule of something that the readers or the oracle already say (`Subject.said`) adds its page, a
remedy and a fix; the fault itself is found in one place only.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import attrs

from inet46 import formats
from inet46.diagnostics import Cost, Diagnostic, Fix, Label, Severity, Span
from inet46.entry import Entry
from inet46.formats import Reading
from inet46.formats.inetd import Fields, classic_lines
from inet46.formats.inetd import parse as parse_inetd
from inet46.knowledge import INETD_BUILDS, Host, InetdBuild, XinetdBuild
from inet46.predict import Prediction, predict

if TYPE_CHECKING:
    from inet46.formats.xinetd import Document, Paragraph

__all__ = ["PARTS", "Found", "Rule", "Subject", "look", "rule", "tell"]

PARTS = ("What it catches", "Why it bites", "Example", "Instead", "Source")

Found = Iterator[Diagnostic]


@attrs.frozen(kw_only=True, slots=False)  # it keeps what its properties found, and is made thrice as fast without slots
class Subject:
    """What a super-server on one host is told, what it makes of it, and what the kernel then holds.

    `files` are all texts by path: those that the super-server reads, and of the rest of the host what was looked at (hosts.allow, rc.conf,
    sysctl files).
    """

    host: Host
    files: Mapping[str, str]
    reading: Reading
    prediction: Prediction

    def said(self, code: str) -> list[Diagnostic]:
        """Return the faults with this code that the readers and the oracle found."""
        return self._said.get(code, [])

    @functools.cached_property
    def _said(self) -> dict[str, list[Diagnostic]]:
        said: dict[str, list[Diagnostic]] = {}
        for fault in (*self.reading.faults, *self.prediction.faults):
            said.setdefault(fault.code, []).append(fault)
        return said

    @property
    def inetd(self) -> InetdBuild | None:
        """The build that reads this host's inetd.conf: the super-server, or the part of xinetd that does; None if nothing does."""
        match self.host.server:
            case InetdBuild() as build:
                return build
            case XinetdBuild(compat=str() as compat) if self.host.compat:
                return INETD_BUILDS[compat]
        return None

    @property
    def xinetd(self) -> XinetdBuild | None:
        """The build of xinetd, None on other hosts."""
        return self.host.server if isinstance(self.host.server, XinetdBuild) else None

    @functools.cached_property
    def lines(self) -> tuple[Fields, ...]:
        """The logical lines of every inetd.conf that is read, broken ones too; a manifest of SMF has none."""
        build = self.inetd
        if build is None:
            return ()
        mine = [source for source in self.reading.sources if self.xinetd is None or source.path == formats.COMPAT]
        texts = (parse_inetd(source.text, source.path) for source in mine if not build.is_manifest(source.path))
        return tuple(line for text in texts for line in classic_lines(text, build))

    @functools.cached_property
    def documents(self) -> tuple[Document, ...]:
        """The files that an xinetd reads, in its own order."""
        if self.xinetd is None:
            return ()
        from inet46.formats.xinetd import parse  # noqa: PLC0415 -- loaded for the hosts that have such files

        return tuple(parse(source.text, source.path) for source in self.reading.sources if source.path != formats.COMPAT)

    @property
    def paragraphs(self) -> Iterator[Paragraph]:
        """The paragraphs in these files, `defaults` too; what the daemon skips over is not among them."""
        return (paragraph for document in self.documents for paragraph in document.paragraphs)

    @functools.cached_property
    def _entries(self) -> dict[tuple[str, int], Entry]:
        return {(entry.origin.source.path, entry.origin.start): entry for entry in self.reading.entries if entry.origin is not None}

    def entry(self, span: Span) -> Entry | None:
        """Return the entry that was read from this place, None if nothing came of it."""
        return self._entries.get((span.source.path, span.start))


def look(files: Mapping[str, str], host: Host) -> Subject:
    """Read and predict, once for all rules."""
    reading = formats.read(files, host)
    return Subject(host=host, files=files, reading=reading, prediction=predict(reading.entries, host))


@attrs.frozen(kw_only=True)
class Rule:
    """One rule: code and name, which are stable for ever, and what finds it; the docstring of that is the rule's page."""

    code: str
    name: str
    find: Callable[[Subject], Iterable[Diagnostic]] = attrs.field(repr=False)

    @property
    def page(self) -> Mapping[str, str]:
        """The parts of the page by their titles."""
        text = inspect.cleandoc(self.find.__doc__ or "")
        pieces = re.split(rf"^({'|'.join(PARTS)}):", text, flags=re.MULTILINE)
        return {title: body.removeprefix(" ").strip("\n").rstrip() for title, body in zip(pieces[1::2], pieces[2::2], strict=True)}

    def check(self, subject: Subject) -> Found:
        """Yield what the rule finds, under its own code and name."""
        for found in self.find(subject):
            yield attrs.evolve(found, code=self.code, name=self.name)


def rule(code: str, name: str) -> Callable[[Callable[[Subject], Iterable[Diagnostic]]], Rule]:
    """Make a rule of the function below."""

    def make(function: Callable[[Subject], Iterable[Diagnostic]]) -> Rule:
        return Rule(code=code, name=name, find=function)

    return make


def tell(
    message: str,
    span: Span | None,
    *,
    severity: Severity = Severity.WARNING,
    labels: tuple[Label, ...] = (),
    notes: tuple[str, ...] = (),
    remedy: str | None = None,
    cost: Cost | None = None,
    fix: Fix | None = None,
) -> Diagnostic:
    """Make what a rule yields; code and name are the rule's."""
    return Diagnostic(
        code="", name="", severity=severity, message=message, span=span, labels=labels, notes=notes, help=remedy, cost=cost, fix=fix
    )
