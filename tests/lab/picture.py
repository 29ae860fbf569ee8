"""`python -m tests.lab.picture > docs/dry-run.svg`: the README's picture, drawn from a real dry run on two hosts of a fresh lab."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html import escape
from pathlib import Path

from tests.lab import DEFAULT_HOSTS, Lab

REPOSITORY = Path(__file__).resolve().parents[2]
COMMAND = ("inventories/lab.py", "deploys/imap.py", "--dry", "--diff")
HOSTS = ("mail-inetutils", "mail-xinetd")

_COLOURS = (("+", "#8ec07c"), ("-", "#fb4934"), ("@@", "#83a598"))
_WIDTH, _HEIGHT = 7.25, 16  # of one character cell, in pixels


def main() -> None:
    """Run, pick the part that shows the change, draw."""
    with Lab.start([spec for spec in DEFAULT_HOSTS if spec.name in HOSTS], name="picture") as lab:
        environment = {**os.environ, "INET46_LAB": lab.name, "PYINFRA_PROGRESS": "off"}
        program = Path(sys.executable).with_name("pyinfra")
        run = subprocess.run((program, *COMMAND), cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=True)
    part = run.stderr.partition("deploys/imap.py\n")[2].partition("\n--> Detected")[0]
    lines = [line.expandtabs(8) for line in part.splitlines() if "Ready: " not in line]
    sys.stdout.write(draw([f"$ pyinfra {' '.join(COMMAND)}", *lines]))


def draw(lines: list[str]) -> str:
    """Return the lines as a terminal would show them."""
    width = round(max(map(len, lines)) * _WIDTH) + 24
    height = len(lines) * _HEIGHT + 28
    rows = (f'<text x="12" y="{number * _HEIGHT + 24}"{_style(line)}>{escape(line)}</text>' for number, line in enumerate(lines))
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="monospace" font-size="12" xml:space="preserve">'
    frame = f'<rect width="{width}" height="{height}" rx="8" fill="#1d2021"/>'
    return "\n".join((head, frame, *rows, "</svg>", ""))


def _style(line: str) -> str:
    if re.match(r" +\[mail", line) or line.startswith("$"):
        return ' fill="#fabd2f" font-weight="bold"' if "→" in line or line.startswith("$") else ' fill="#ebdbb2" font-weight="bold"'
    colour = next((colour for mark, colour in _COLOURS if line.lstrip().startswith(mark)), "#bdae93")
    return f' fill="{colour}"'


if __name__ == "__main__":
    main()
