"""`inet46 check`: what is wrong with files that people already have, and mending it."""

from __future__ import annotations

import contextlib
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import attrs
import click

from inet46.cli import _findings, _show
from inet46.cli._findings import Answer, Finding
from inet46.cli._host import hosts_options, root_option
from inet46.cli._stdin import STDIN, stdin_option
from inet46.cli._told import Given, locate, something
from inet46.cli._trouble import Problems, Refused, both
from inet46.cli._views import Seen, candidates, hosts_from, see, sorted_by_kind
from inet46.diagnostics import Edit, Severity
from inet46.knowledge import Host
from inet46.lint import Mended, Report, Rule, compare, everywhere, mend, select, weigh
from inet46.lint.fleet import MEANING_DIFFERS
from inet46.sockets import Family
from inet46.words import answers

__all__ = ["check"]

T = TypeVar("T")

_FORMATS: Mapping[str, Callable[[Answer], None]] = {
    "text": _findings.text,
    "json": _findings.to_json,
    "sarif": _findings.sarif,
    "github": _findings.github,
}


@attrs.frozen(kw_only=True)
class _Wish:
    """What the options ask for; rules are None where all are meant."""

    rules: tuple[Rule, ...] | None
    root: Path | None
    write: bool
    unsafe: bool
    diff: bool


@click.command(short_help="What is wrong with files, and --fix to mend it.")
@click.argument("paths", metavar="[PATH]...", nargs=-1)
@hosts_options
@root_option("Take everything from below this folder: the PATHs, what they include, and what the rules look at besides.")
@click.option("--format", "form", type=click.Choice(list(_FORMATS)), default="text", help="How findings are printed.", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option(
    "--select",
    "chosen",
    metavar="RULE",
    multiple=True,
    help="Only these rules, apart by commas: codes, starts of codes (I2), or names.",
)
@click.option("--ignore", "ignored", metavar="RULE", multiple=True, help="All but these rules.")
@click.option("--fix", is_flag=True, help="Mend what can be mended without changing a socket; files are replaced whole.")
@click.option("--unsafe-fixes", "unsafe", is_flag=True, help="With --fix or --diff, mend also what changes sockets; what changes is said.")
@click.option("--diff", is_flag=True, help="Show what --fix would change, and write nothing.")
@stdin_option
@click.pass_context
def check(
    ctx: click.Context,
    *,
    paths: tuple[str, ...],
    hosts: tuple[str, ...],
    settings: tuple[str, ...],
    services_file: str | None,
    root: Path | None,
    form: str,
    as_json: bool,
    chosen: tuple[str, ...],
    ignored: tuple[str, ...],
    fix: bool,
    unsafe: bool,
    diff: bool,
) -> None:
    """Say what is wrong with files: lines that a daemon drops, families that are gone, access lists that do not hold.

    PATH is what the super-server is told to read, in order: a file, or a folder that it reads file by file; - is standard input.

    \b
    inet46 check /etc/inetd.conf --host debian-12/openbsd-inetd
    inet46 check /etc/xinetd.conf --host debian-12/xinetd --host rhel-7/xinetd
    inet46 check xinetd.d/ --fix
    ssh web1 cat /etc/inetd.conf | inet46 check - --host debian-12/openbsd-inetd
    inet46 check --host debian-12/xinetd --root /srv/backup/web1

    Without --host only what is wrong on every known host that reads such a file is said, and how many of them find more. With several,
    each finding says where it holds, and what means something else from host to host is a finding too. With --root the host's
    surroundings are looked at as well: programs, users, /etc/services, access lists and settings.

    --fix touches only the bytes that it must. It changes no socket, brings no new finding, and runs until nothing is left to mend; the
    rest needs --unsafe-fixes. Of standard input (-) it prints the mended text, and the findings go to standard error.
    `inet46 explain CODE` prints the page of a rule.

    Exit status: 0 nothing found (or only notes), 1 errors or warnings, 2 it could not run.
    """
    if not paths and (root is None or not hosts):
        raise click.UsageError("Missing argument 'PATH...' (only with --root and --host it can be left out).", ctx)
    if unsafe and not (fix or diff):
        raise click.UsageError("--unsafe-fixes goes with --fix or --diff.", ctx)
    if settings and not hosts:
        raise click.UsageError("--set goes with --host.", ctx)
    rules, (given, named) = both(
        lambda: select(_words(chosen), _words(ignored)) if chosen or ignored else None,
        lambda: both(lambda: locate(paths, root), lambda: hosts_from(hosts, settings, services_file, root)),
    )
    wish = _Wish(rules=rules, root=root, write=fix and not diff, unsafe=unsafe, diff=diff)
    groups = candidates(given) if not named else ((given, named),) if root is not None else sorted_by_kind(given, named)
    answer = _merged([_answer(*group, wish, stated=bool(named)) for group in groups], stated=bool(named))
    if not answer.files:
        raise Refused([f"{', '.join(paths)}: no file in it that a super-server reads (the root of a host is given with --root and --host)"])
    with _aside(paths, given, wish):
        _FORMATS["json" if as_json else form](answer)
    ctx.exit(1 if answer.bad else 0)


def _aside(paths: tuple[str, ...], given: tuple[Given, ...], wish: _Wish) -> contextlib.AbstractContextManager[object]:
    """Give standard input back if it was mended, and send the findings to the other stream: who mends it wants to have it."""
    if not wish.write or STDIN not in paths:
        return contextlib.nullcontext()
    click.echo(given[paths.index(STDIN)].real.read_bytes(), nl=False)
    return contextlib.redirect_stdout(sys.stderr)


def _words(given: tuple[str, ...]) -> tuple[str, ...]:
    """Take rules that are given one by one, or apart by commas."""
    return tuple(word.strip() for text in given for word in text.split(","))


def _answer(given: tuple[Given, ...], hosts: tuple[Host, ...], wish: _Wish, *, stated: bool) -> Answer:
    """Look at the same files with the eyes of each host, mend them if that is asked for, and gather what was found."""
    with _progress(len(hosts)) as step:
        seen = [see(given, host, wish.root) for host in step(hosts, "reading for")]
        if stated:
            _something(seen, given, wish.root)
        texts = {name: one.told.files[path] for one in seen for path, name in one.view.texts.items()}
        before = [weigh(one.view.look(texts), wish.rules) for one in step(seen, "checking for")]
        mended = Mended(texts={})
        if wish.write or wish.diff:
            mended = mend(texts, [one.view for one in seen], wish.rules, unsafe=wish.unsafe, common=not stated)
    after = [weigh(one.view.look({**texts, **mended.texts}), wish.rules) for one in seen] if mended.texts else before
    if wish.write:
        from inet46.cli._write import replace_all  # noqa: PLC0415 -- most checks write nothing

        replace_all({Path(name): text for name, text in mended.texts.items()})
    names = {name: one.told.path(path) for one in seen for path, name in one.view.texts.items()}
    reports = after if wish.write else before
    return Answer(
        hosts=tuple(one.host.name for one in seen),
        stated=stated,
        files=len(names),
        findings=_findings_of(seen, reports, wish.rules, stated=stated),
        elsewhere=0 if stated else _elsewhere(reports),
        unknown=_unknown(seen, reports) if stated else _unknown_to_all(seen, reports),
        blocked=tuple((seen[0].told.fault(one), codes) for one, codes in mended.blocked),
        applied=tuple(seen[0].told.fault(one) for one in mended.applied) if wish.write else (),
        mended=tuple(names[name] for name in mended.texts) if wish.write else (),
        changes=tuple(_changes(before, after)),
        mendable=0 if wish.write else _fixes(seen, reports, safe=True, stated=stated),
        mendable_unsafely=0 if wish.unsafe else _fixes(seen, reports, safe=False, stated=stated),
        diff="".join(_show.unified(names[name], texts[name], text) for name, text in mended.texts.items()) if wish.diff else "",
    )


def _something(seen: Sequence[Seen], given: tuple[Given, ...], root: Path | None) -> None:
    """Refuse, with what each host looked for, where one has read nothing: that nothing is wrong with that would be no news."""
    problems = Problems()
    for one in seen:
        with problems.gather():
            something(one.told, given, root)
    problems.settle()


def _fixes(seen: Sequence[Seen], reports: Sequence[Report], *, safe: bool, stated: bool) -> int:
    """Count the fixes of files that were given; what stands beside them is not ours to mend. Without a host all of them must offer one."""
    mine = {one.told.path(path) for one in seen for path in one.view.texts}
    offered: Counter[tuple[Edit, ...]] = Counter()
    for one, report in zip(seen, reports, strict=True):
        fixes = [found.fix for found in map(one.told.fault, report.diagnostics) if found.fix is not None and found.fix.safe is safe]
        offered.update({fix.edits for fix in fixes if mine.issuperset(edit.span.source.path for edit in fix.edits)})
    return sum(hosts >= len(seen) or stated for hosts in offered.values())


def _unknown(seen: Sequence[Seen], reports: Sequence[Report]) -> tuple[tuple[str, str], ...]:
    pairs = zip(seen, reports, strict=True)
    return tuple((one.host.name, reason) for one, report in pairs for reason in (*one.told.unknown, *map(one.told.words, report.unknown)))


def _unknown_to_all(seen: Sequence[Seen], reports: Sequence[Report]) -> tuple[tuple[str, str], ...]:
    reasons = Counter(reason for _, reason in _unknown(seen, reports))
    return tuple(("", reason) for reason, number in reasons.items() if number >= len(seen))


def _elsewhere(reports: Sequence[Report]) -> int:
    """Count the hosts on which there is more to mend than what is found on every one."""
    pairs = zip(reports, everywhere(reports), strict=True)
    return sum(any(one.severity is not Severity.NOTE and one not in common for one in report.diagnostics) for report, common in pairs)


def _findings_of(seen: Sequence[Seen], reports: Sequence[Report], rules: Sequence[Rule] | None, *, stated: bool) -> tuple[Finding, ...]:
    found: dict[tuple[object, ...], Finding] = {}
    for one, diagnostics in zip(seen, [report.diagnostics for report in reports] if stated else everywhere(reports), strict=True):
        for diagnostic in map(one.told.fault, diagnostics):
            # Hosts that differ in no more than the way to mend it find the same.
            key = diagnostic if stated else (diagnostic.code, diagnostic.span, diagnostic.message, diagnostic.severity, diagnostic.cost)
            finding = found.setdefault((key,), Finding(diagnostic))
            found[key,] = attrs.evolve(finding, hosts=(*finding.hosts, one.host.name))
    findings = [attrs.evolve(one, hosts=() if len(one.hosts) == len(seen) else one.hosts) for one in found.values()]
    if stated and len(seen) > 1 and (rules is None or MEANING_DIFFERS in rules):
        findings += [Finding(seen[0].told.fault(one)) for one in compare([report.subject for report in reports])]
    return tuple(sorted(findings, key=_place))


def _place(finding: Finding) -> tuple[str, int, str]:
    span = finding.diagnostic.span
    return (span.source.path, span.start, finding.diagnostic.code) if span else ("", -1, finding.diagnostic.code)


def _changes(before: Sequence[Report], after: Sequence[Report]) -> Iterator[str]:
    """Say what becomes of each port on each host."""
    for old, new in zip(before, after, strict=True):
        was, will = _ports(old), _ports(new)
        for port in sorted({*was, *will}):
            if was.get(port) != will.get(port):
                name, number = port
                yield (
                    f"{old.host.name}: {number}/{name} answered {answers(was.get(port, Counter()))}, "
                    f"and then {answers(will.get(port, Counter()))}"
                )


def _ports(report: Report) -> dict[tuple[str, int], Counter[Family]]:
    ports: dict[tuple[str, int], Counter[Family]] = {}
    for held in report.subject.prediction.sockets:
        ports.setdefault((held.socket.transport.value, held.socket.port), Counter()).update(held.accepts)
    return ports


def _merged(parts: Sequence[Answer], *, stated: bool) -> Answer:
    """Put together what was found in files of different kinds."""
    if len(parts) == 1:
        return parts[0]
    return Answer(
        hosts=tuple(name for part in parts for name in part.hosts),
        stated=stated,
        files=sum(part.files for part in parts),
        findings=tuple(attrs.evolve(one, hosts=one.hosts or part.hosts) if stated else one for part in parts for one in part.findings),
        elsewhere=sum(part.elsewhere for part in parts),
        unknown=tuple(dict.fromkeys(unknown for part in parts for unknown in part.unknown)),
        blocked=tuple(one for part in parts for one in part.blocked),
        applied=tuple(one for part in parts for one in part.applied),
        mended=tuple(path for part in parts for path in part.mended),
        changes=tuple(change for part in parts for change in part.changes),
        mendable=sum(part.mendable for part in parts),
        mendable_unsafely=sum(part.mendable_unsafely for part in parts),
        diff="".join(part.diff for part in parts),
    )


@contextlib.contextmanager
def _progress(hosts: int) -> Iterator[Callable[[Sequence[T], str], Iterator[T]]]:
    """Say on a terminal what is being done, for as long as it takes."""
    if not sys.stderr.isatty():
        yield lambda things, _: iter(things)
        return
    from rich.console import Console  # noqa: PLC0415 -- only where somebody watches

    with Console(stderr=True).status("reading") as status:

        def step(things: Sequence[T], what: str) -> Iterator[T]:
            for number, thing in enumerate(things, 1):
                host = thing if isinstance(thing, Host) else getattr(thing, "host", None)
                status.update(f"{what} {getattr(host, 'name', '')} ({number} of {hosts})")
                yield thing

        yield step
