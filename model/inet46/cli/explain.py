"""`inet46 explain`: the page of a rule."""

from __future__ import annotations

import click

from inet46.cli import _show
from inet46.cli._rules_page import FAMILIES, page
from inet46.lint import Rule, select

__all__ = ["explain"]


@click.command(short_help="What a finding means, and what to write instead.")
@click.argument("words", metavar="[RULE]...", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print JSON; keys are stable.")
@click.option("--markdown", is_flag=True, help="Print the page docs/reference/rules.md.")
def explain(*, words: tuple[str, ...], as_json: bool, markdown: bool) -> None:
    """Say what a finding means: what is caught, why it bites, an example, what to write instead, and where that is known from.

    RULE is a code (I201), the start of one (I2), or a name; without any, all rules are listed.

    \b
    inet46 explain I201
    inet46 explain v6only-no-means-yes
    inet46 explain

    Exit status: 0, or 2 it could not run: there is no such rule.
    """
    if (as_json or words) and markdown:
        raise click.UsageError("--markdown stands alone.")
    rules = select(words)
    if markdown:
        click.echo(page(), nl=False)
    elif as_json:
        _show.plain_json({"rules": [{"code": rule.code, "name": rule.name, "page": dict(rule.page)} for rule in rules]})
    elif words:
        for number, rule in enumerate(rules):
            _print(rule, first=number == 0)
    else:
        _list(rules)


def _list(rules: tuple[Rule, ...]) -> None:
    for start, title in FAMILIES.items():
        mine = [(rule.code, rule.name) for rule in rules if rule.code.startswith(start)]
        if mine:
            _show.heading(title)
            _show.table(("RULE", "NAME"), mine)
            _show.text()


def _print(rule: Rule, *, first: bool) -> None:
    if not first:
        _show.text()
    _show.heading(f"{rule.code} {rule.name}")
    for title, body in rule.page.items():
        _show.text()
        _show.heading(title)
        _show.text("\n".join(f"  {line}".rstrip() for line in body.split("\n")))
