"""docs/reference/rules.md, and the page of one rule: made from the rules' own docstrings."""

from __future__ import annotations

from inet46.lint import Rule, every

__all__ = ["FAMILIES", "page"]

FAMILIES = {
    "I1": "Syntax: what a daemon drops or takes for something else",
    "I2": "Sockets: what collides",
    "I3": "Reach: which clients get through",
    "I4": "Portability: what means something else elsewhere",
    "I5": "Host: settings and surroundings",
    "I6": "Access: who may connect",
    "I7": "Reload: what a change leaves behind",
    "I8": "Units and jobs: what systemd and launchd drop, ignore or stop at",
}

_INTRODUCTION = """\
<!-- Made by `inet46 explain --markdown` from the rules in model/inet46/lint; do not edit. -->

# Rules

What `inet46 check` finds, and what `inet46 sockets` reports as faults. Codes and names are stable; `--select` and `--ignore` take a code,
the start of one (`I2`), or a name. `inet46 explain CODE` prints a page.
"""


def page() -> str:
    """Return the whole page."""
    parts = [_INTRODUCTION]
    for start, title in FAMILIES.items():
        mine = [rule for rule in every() if rule.code.startswith(start)]
        if mine:
            parts.append(f"## {title}\n")
            parts += [_markdown(rule) for rule in mine]
    return "\n".join(parts)


def _markdown(rule: Rule) -> str:
    parts = [f"### {rule.code} {rule.name}\n"]
    for title, body in rule.page.items():
        example = body.startswith(" ")  # what is indented is an example to Markdown as it stands
        parts.append(f"**{title}:**\n\n{body}\n" if example else f"**{title}:** {body}\n")
    return "\n".join(parts)
