"""docs/reference/speed.md and the picture beside it, from figures."""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Iterable, Sequence
from html import escape

from tests.bench.measure import Figure

_TITLES = {
    "start": "Start: CPU time until an answer is there",
    "formats": "Reading and writing configurations: CPU time",
    "growth": "Growth: what an entry costs when there are many",
    "controller": "The controller: CPU time for a fleet",
    "hosts": "Real hosts in the lab: wall time, over ssh, verification included",
}
_HEAD = """\
<!-- Made by `make bench`; do not edit. -->

# Speed

What inet46 costs, each time against what one would take instead: the same work, on the same machine, in one run of `make bench`. A ratio
with `\u2265` is theirs by ours (how many times faster), one with `\u2264` ours by theirs (how many times the cost). What the limits are, and
what a fleet needs, stands in [scale](../explanation/scale.md).

![How many times faster](speed.svg)
"""


def line(figure: Figure) -> str:
    """One figure for a terminal."""
    met = {None: "", True: "met", False: "MISSED"}[figure.met]
    return f"{figure.name:<62.62} {_time(figure.ours):>9} {_time(figure.theirs):>9} {figure.ratio:>8.2f} {figure.aim:>8} {met}  [{figure.against}]"


def pages(figures: Sequence[Figure]) -> dict[str, str]:
    """The files by path."""
    return {"docs/reference/speed.md": _markdown(figures), "docs/reference/speed.svg": _picture(figures)}


def _markdown(figures: Sequence[Figure]) -> str:
    parts = [_HEAD, f"Measured with Python {platform.python_version()} on {os.cpu_count()} processors of {platform.machine()}.\n"]
    for group, title in _TITLES.items():
        mine = [figure for figure in figures if figure.group == group]
        if mine:
            rows = "".join(_row(figure) for figure in mine)
            parts.append(f"## {title}\n\n| what | inet46 | against | takes | ratio | aim |\n|---|---:|---|---:|---:|---|\n{rows}")
    return "\n".join(parts)


def _row(figure: Figure) -> str:
    aim = figure.aim.replace(">=", "\u2265").replace("<=", "\u2264")
    told = {None: "", True: f"{aim}: met", False: f"{aim}: **missed**"}[figure.met]
    return f"| {figure.name} | {_time(figure.ours)} | {figure.against} | {_time(figure.theirs)} | {figure.ratio:.2f} | {told} |\n"


def _time(seconds: float) -> str:
    """Three digits that mean something, in a unit that fits."""
    for limit, factor, unit in ((1e-3, 1e6, "us"), (1.0, 1e3, "ms")):
        if seconds < limit:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds:.3g} s" if seconds < 1000 else f"{seconds:.0f} s"


# -- the picture -----------------------------------------------------------------------------------------------------------------------

_LEFT, _WIDTH, _STEP, _TOP = 430, 900, 26, 46


def _picture(figures: Iterable[Figure]) -> str:
    """Bars of how many times faster, on a logarithmic scale; a tick shows the aim."""
    bars = [figure for figure in figures if figure.aim.startswith(">=") or figure.group == "formats"]
    most = max([10.0, *(figure.ratio for figure in bars)])
    room = _WIDTH - _LEFT - 60

    def at(ratio: float) -> float:
        return _LEFT + room * math.log10(max(ratio, 1.0)) / math.log10(most)

    height = _TOP + _STEP * len(bars) + 12
    drawn = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
        '<text x="12" y="22" font-size="15">How many times faster than the other way (logarithmic; a tick marks the aim)</text>',
    ]
    for number, figure in enumerate(bars):
        y = _TOP + number * _STEP
        colour = "#c0392b" if figure.met is False else "#2e7d4f"
        label = escape(f"{figure.name} \u2014 {figure.against.partition(':')[0].partition(' (')[0]}")
        drawn.append(f'<text x="{_LEFT - 8}" y="{y + 13}" text-anchor="end">{label}</text>')
        drawn.append(f'<rect x="{_LEFT}" y="{y}" width="{max(at(figure.ratio) - _LEFT, 1):.1f}" height="17" fill="{colour}"/>')
        drawn.append(f'<text x="{at(figure.ratio) + 5:.1f}" y="{y + 13}">{figure.ratio:.1f}</text>')
        if figure.aim:
            aim = at(float(figure.aim.split()[1]))
            drawn.append(f'<line x1="{aim:.1f}" x2="{aim:.1f}" y1="{y - 3}" y2="{y + 20}" stroke="#222222" stroke-width="2"/>')
    return "\n".join([*drawn, "</svg>\n"])
