"""Reading and writing configurations, against Augeas, and whether the cost of an entry stays what it is when there are many."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from inet46 import formats, lint, predict
from inet46.formats import inetd, xinetd
from inet46.formats.inetd.document import logical_lines
from inet46.knowledge import Host, InetdBuild
from tests.bench import texts
from tests.bench.measure import Figure, cpu, least

_LENSES = {"inetd.conf": ("Inetd.lns", "*[1]/user"), "xinetd.d": ("Xinetd.lns", "service[1]/user")}


def figures(*, quick: bool) -> Iterator[Figure]:
    """Against Augeas at 100 to 10,000 entries; then 100,000 against 1,000."""
    for kind in texts.HOSTS:
        for entries in (100, 1000) if quick else (100, 1000, 10_000):
            if shutil.which("augtool") is None:
                break
            yield _against_augeas(kind, entries, quick=quick)
        yield from _growth(kind, 10_000 if quick else 100_000)


def _against_augeas(kind: str, entries: int, *, quick: bool) -> Figure:
    text, host = texts.text(kind, entries), texts.host(kind, entries)
    ours = least(lambda: _there_and_back(kind, text, host), 3 if quick else 7)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "etc/f.conf")
        file.parent.mkdir()
        lens, path = _LENSES[kind]
        argv, load = ("augtool", "-A", "-r", folder), f"set /augeas/load/F/lens {lens}\nset /augeas/load/F/incl /etc/f.conf\nload\n"

        # Without a change nothing is written: each time the user of the first entry becomes one of the same length.
        said = f"{load}set /files/etc/f.conf/{path} toor\nsave\n"
        few = entries < 10_000
        if not few:
            said = load  # to save a file of 10,000 entries takes augtool minutes: there it only has to read
        with_load = cpu(argv, 1 if quick or not few else 3, said=said, prepare=lambda: file.write_text(text))
        if few and file.read_text() != text.replace("root", "toor", 1):
            raise RuntimeError(f"augtool has not written {kind} as it should")
        theirs = with_load - cpu(argv, 3)
    name = f"{kind}, {entries:,} entries: parse and write"
    aim = ">= 5" if entries == 1000 else ""
    against = f"Augeas (augtool: {'load, save' if few else 'load alone'})"
    return Figure(group="formats", name=name, against=against, ours=ours, theirs=theirs, aim=aim)


def _there_and_back(kind: str, text: str, host: Host) -> None:
    """Take a text apart down to the words, and put it together again."""
    if kind == "inetd.conf":
        assert isinstance(host.server, InetdBuild)
        document = inetd.parse(text)
        words = list(logical_lines(document, host.server))
        assert words
        whole = inetd.emit(document)
    else:
        whole = xinetd.emit(xinetd.parse(text))
    assert whole == text


def _growth(kind: str, many: int) -> Iterator[Figure]:
    """What an entry costs among many, against among a thousand."""
    few = 1000
    steps = {few: _steps(kind, few, 5), many: _steps(kind, many, 2)}
    for name in steps[few]:
        yield Figure(
            group="growth",
            name=f"{kind}: {name}, an entry of {many:,}",
            against=f"an entry of {few:,}",
            ours=steps[many][name] / many,
            theirs=steps[few][name] / few,
            aim="<= 1.3",
        )


def _steps(kind: str, entries: int, times: int) -> dict[str, float]:
    text, host = texts.text(kind, entries), texts.host(kind, entries)
    files = {host.config: text}
    reading, subject = formats.read(files, host), lint.look(files, host)
    return {
        "parse and write": least(lambda: _there_and_back(kind, text, host), times),
        "read": least(lambda: formats.read(files, host), times),
        "predict": least(lambda: predict(reading.entries, host), times),
        "check with every rule": least(lambda: lint.weigh(lint.look(subject.files, host)), times),
    }
