"""`python -m tests.bench [PART...]`: measure, print the table, and write docs/reference/speed.md and its picture."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator

from tests.bench import controller, formats, hosts, page, start
from tests.bench.measure import REPOSITORY, Figure

_PARTS: dict[str, Callable[..., Iterator[Figure]]] = {
    "start": start.figures,
    "formats": formats.figures,
    "controller": controller.figures,
    "hosts": hosts.figures,
}


def main() -> int:
    """Measure what is asked for; the pages are written when everything was measured at full length."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"some of {', '.join(_PARTS)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="small numbers, to see that everything runs; nothing is written")
    asked = parser.parse_args()
    if unknown := [part for part in asked.parts if part not in _PARTS]:
        parser.error(f"there is no part {unknown[0]!r}; there are {', '.join(_PARTS)}")
    began, found = time.monotonic(), []
    for part in asked.parts or _PARTS:
        for figure in _PARTS[part](quick=asked.quick):
            print(page.line(figure), flush=True)
            found.append(figure)
    print(f"{len(found)} figures in {time.monotonic() - began:.0f} s")
    if not asked.parts and not asked.quick and any(figure.group == "hosts" for figure in found):
        for path, text in page.pages(found).items():
            (REPOSITORY / path).write_text(text)
            print(f"wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
