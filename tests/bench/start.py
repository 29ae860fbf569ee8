"""How long a command takes before it has done anything."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.bench.measure import Figure, cpu


def figures(*, quick: bool) -> Iterator[Figure]:
    """Checking a file of two lines, against loading the two libraries that any such command loads."""
    times = 5 if quick else 25
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "inetd.conf"
        file.write_text("imap stream tcp nowait root /usr/sbin/imapd imapd\npop3 stream tcp nowait root /usr/sbin/popd popd\n")
        bare = cpu((sys.executable, "-c", "import attrs, click"), times)
        program = str(Path(sys.executable).with_name("inet46"))
        for name, options in (("inet46 check FILE", ()), ("inet46 check FILE --host HOST", ("--host", "debian-12/openbsd-inetd"))):
            ours = cpu((program, "check", str(file), *options), times, status=(0, 1))
            yield Figure(group="start", name=name, against="python -c 'import attrs, click'", ours=ours, theirs=bare, aim="<= 2.5")
        empty = cpu((sys.executable, "-c", "pass"), times)
        imported = cpu((sys.executable, "-c", "import inet46"), times)
        yield Figure(group="start", name="import inet46", against="python -c pass", ours=imported, theirs=empty)
