"""Files as people have them: no form of them raises, loses a byte or hides what stands below, and each gets what its daemon deserves.

The forms are tables, tests/cases/wild/*.toml; what is found on every host that reads such a file stands beside them, by code and by what
the daemon drops. Notes are left out.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest
from click.testing import CliRunner

from inet46 import formats
from inet46.cli import main
from inet46.diagnostics import Cost, Severity
from inet46.formats import inetd, xinetd
from inet46.knowledge import HOSTS, Host, InetdBuild, XinetdBuild, resolve
from inet46.lint import Report, check
from tests.conftest import Golden

CASES = Path(__file__).parent / "cases" / "wild"
KINDS = ("inetd", "xinetd")
BODY = "\tsocket_type\t= stream\n\twait\t\t= no\n\tuser\t\t= root\n"
SERVED = "pop3"


@attrs.frozen
class Form:
    """One form, and the file that it stands in."""

    kind: str
    told: Mapping[str, Any]

    def text(self, host: Host) -> str:
        """The file: a sound service stands below, or above what has to be the last."""
        form = self.fragment
        sound = _sound(self.kind, host)
        return sound + form if self.told.get("last") else form + sound

    @property
    def fragment(self) -> str:
        form = self.told.get("text") or self.told["line"]
        form += self.told.get("repeat", "") * self.told.get("times", 0) + self.told.get("end", "")
        form = form.replace(r"\xF6", "\udcf6")
        return form if "text" in self.told else f"service imap\n{{\n{form}{BODY}\tserver\t\t= /usr/sbin/imapd\n}}\n"

    def report(self, host: Host) -> Report:
        """What `check` says of it; an xinetd that serves inetd.conf has a main file besides."""
        return check({host.config: "", _path(self.kind, host): self.text(host)}, host)

    def __str__(self) -> str:
        return f"{self.kind}: {self.told['name']}"


def _sound(kind: str, host: Host) -> str:
    if kind == "xinetd":
        return f"service {SERVED}\n{{\n{BODY}\tserver\t\t= /usr/sbin/pop3d\n}}\n"
    return f"{SERVED}\tstream\ttcp\tnowait\troot\t/usr/sbin/pop3d pop3d\n"


def _path(kind: str, host: Host) -> str:
    return formats.COMPAT if kind == "inetd" and not isinstance(host.server, InetdBuild) else host.config


def _forms() -> Iterator[Form]:
    for path in sorted(CASES.glob("*.toml")):
        yield from (Form(path.stem, told) for told in tomllib.loads(path.read_text())["form"])


def _readers(kind: str) -> list[Host]:
    """Every host that reads such a file: also an xinetd that serves inetd.conf."""
    hosts = [resolve(row.name) for row in HOSTS]
    if kind == "xinetd":
        return [host for host in hosts if isinstance(host.server, XinetdBuild)]
    return [host for host in hosts if isinstance(host.server, InetdBuild) or host.compat]


FORMS = list(_forms())
EVERYWHERE = [(form, host) for form in FORMS for host in _readers(form.kind)]


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_no_byte_is_lost(form: Form) -> None:
    text = form.text(resolve("debian-12/xinetd"))

    assert (inetd.emit(inetd.parse(text)) if form.kind == "inetd" else xinetd.emit(xinetd.parse(text))) == text


@pytest.mark.parametrize(("form", "host"), [pytest.param(form, host, id=f"{form} on {host.name}") for form, host in EVERYWHERE])
def test_the_service_below_is_read_unless_the_daemon_goes_no_further(form: Form, host: Host) -> None:
    """After a line that begins no paragraph, and after a `service` inside of one, xinetd skips to the next closing brace (skip_entry).

    A short line of an inetd.conf that xinetd serves too is filled up from the line before, or ends the daemon: what follows is not known.
    """
    report = form.report(host)
    ended = {Cost.REST, Cost.FILE, Cost.DAEMON} & {one.cost for one in report.diagnostics}
    skipped = {"I120", "I122"} & {one.code for one in report.diagnostics} and form.kind == "xinetd" and "text" in form.told

    dark = form.kind == "inetd" and isinstance(host.server, XinetdBuild) and report.unknown

    assert _served(report) or dark or ended or skipped or host.name in form.told.get("unknown_below", ())


@pytest.mark.parametrize("kind", KINDS)
def test_each_form_gets_what_its_daemon_makes_of_it(kind: str, golden: Golden) -> None:
    forms = [form for form in FORMS if form.kind == kind]

    golden("\n".join(_outcomes(form) for form in forms), Path("cases/wild") / f"{kind}.txt")


def _outcomes(form: Form) -> str:
    """Write what is found where: hosts with the same findings together."""
    groups: dict[str, list[str]] = {}
    for host in _readers(form.kind):
        groups.setdefault(_outcome(form.report(host)), []).append(host.name)
    return f"{form.told['name']}\n" + "".join(f"  {said}\n    {', '.join(names)}\n" for said, names in groups.items())


def _outcome(report: Report) -> str:
    found = [one for one in report.diagnostics if one.severity is not Severity.NOTE]
    said = [f"{one.severity.value} {one.code}{f' {one.cost.value}' if one.cost else ''}" for one in found]
    served = [held.service for held in report.subject.prediction.sockets]
    names = " ".join(dict.fromkeys(served)) or "nobody"
    return f"{'; '.join(dict.fromkeys(said)) or 'nothing found'}{'; something unknown' if report.unknown else ''} -> {names} served"


def _served(report: Report) -> bool:
    """Tell whether an entry was read of the sound service."""
    return any(entry.service == SERVED for entry in report.subject.reading.entries)


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("how", ["text", "json", "sarif", "github"])
def test_the_command_line_says_it_without_a_traceback(form: Form, how: str, tmp_path: Path) -> None:
    path = tmp_path / ("inetd.conf" if form.kind == "inetd" else "xinetd.conf")
    path.write_bytes(form.text(resolve("debian-12/xinetd")).encode("utf-8", "surrogateescape"))

    result = CliRunner().invoke(main, ["check", str(path), "--host", "debian-12/xinetd", "--format", how])

    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert result.exit_code in {0, 1}
    assert "defect" not in result.stderr
