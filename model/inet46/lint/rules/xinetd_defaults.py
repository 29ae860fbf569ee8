"""Rules: what may stand in xinetd's defaults, and what it does there."""

from __future__ import annotations

import re
from collections.abc import Iterator

from inet46.diagnostics import Cost, Diagnostic, Fix, Label, Severity
from inet46.formats.xinetd import Attribute, Include, Paragraph
from inet46.formats.xinetd.paragraph import COUNTS, DEFAULTS
from inet46.formats.xinetd.values import mistake
from inet46.lint._rules import Found, Subject, rule, tell
from inet46.lint.rules._xinetd import carried, commented, cut, nearest, shown

__all__: list[str] = []

_AT_ONCE = ("only_from", "no_access", "log_on_success", "log_on_failure", "passenv", "banner", "banner_success", "banner_fail")
_LISTS = ("only_from", "no_access")


def _defaults(subject: Subject) -> Iterator[Attribute]:
    """Yield the attributes of all defaults that no other rule has the words for."""
    for paragraph in subject.paragraphs:
        if paragraph.defaults:
            yield from (one for one in paragraph.attributes if not carried(one) and not commented(one))


@rule("I174", "fatal-default")
def fatal_default(subject: Subject) -> Found:
    """What it catches: a value in `defaults` that xinetd does not take.

    Why it bites: in a service it would cost that service; in `defaults` it ends xinetd, with exit status 0, at the start and at a reload.
    All services are gone, and whoever looks at the status alone believes that it was stopped.

    Example:
        defaults
        {
            instances = many
        }

    Instead: a number or UNLIMITED.

    Source: xinetd parse.c (parse_entry: A fatal error was encountered while parsing the default section); measured on Debian 12

    """
    for attribute in _defaults(subject):
        problem = _problem(attribute)
        if problem:
            yield tell(
                f"defaults: {shown(attribute.name)}: {shown(problem)}; xinetd exits, and its status is 0",
                attribute.span,
                severity=Severity.ERROR,
                remedy="correct the value before anything is reloaded",
                cost=Cost.DAEMON,
            )


def _problem(attribute: Attribute) -> str | None:
    """Return what is wrong with a value that is looked at, which those of unknown attributes and of wrong counts are not."""
    name = "bind" if attribute.name == "interface" else attribute.name
    count = COUNTS.get(name, -2)
    if name not in DEFAULTS or (count > 0 and (len(attribute.values) != count or attribute.operator != "=")):
        return None
    value = attribute.values[0] if attribute.values else ""
    if name in {"instances", "per_source"}:
        return None if re.fullmatch(r"\+?[0-9]+|unlimited", value, re.IGNORECASE) else f"{value} is neither a number nor UNLIMITED"
    if name == "umask":
        return None if re.fullmatch(r"[0-7]+", value) and int(value, 8) <= 0o777 else f"{value} is not an octal number up to 777"
    if name == "log_type" and not attribute.values:
        return "it has no value"
    return mistake(name, attribute.values)


@rule("I175", "not-for-defaults")
def not_for_defaults(subject: Subject) -> Found:
    """What it catches: an attribute in `defaults` that has no place there, or the wrong number of values for one that has.

    Why it bites: xinetd passes over it. Neither flags nor user, socket_type, wait, env, nice or the rlimits can be set for all services,
    and so there is no way to choose the address family in one place.

    Example:
        defaults
        {
            flags = IPv6
        }

    Instead: the attribute in each service.

    Source: xinetd parse.c (default_attributes[]; attr_lookup: should not be in default section); measured on Debian 12

    """
    for attribute in _defaults(subject):
        fix = Fix(title="remove the line", edits=(cut(attribute.span),))
        count = COUNTS.get("bind" if attribute.name == "interface" else attribute.name, -2)
        if attribute.name not in DEFAULTS:
            better = None if attribute.name in COUNTS else nearest(attribute.name, DEFAULTS)
            remedy = f"did you mean {better}?" if better else "say it in each service"
            text = f"defaults: {shown(attribute.name)} cannot stand here; it is ignored"
            yield tell(text, attribute.span, remedy=remedy, cost=Cost.IGNORED, fix=None if better else fix)
        elif count > 0 and attribute.operator != "=":
            text = f"defaults: {attribute.operator} cannot be used for {attribute.name}; it is ignored"
            yield tell(text, attribute.span, remedy="write =", cost=Cost.IGNORED)
        elif count > 0 and len(attribute.values) != count:
            text = f"defaults: {attribute.name} takes {count} and has {len(attribute.values)}; it is ignored"
            yield tell(text, attribute.span, remedy="correct the number of values", cost=Cost.IGNORED)


@rule("I321", "v6only-in-defaults")
def v6only_in_defaults(subject: Subject) -> Found:
    """What it catches: `v6only = yes` in `defaults`. With `no`, as many files have it, the line does nothing at all.

    Why it bites: it never reaches a listening socket. What it does do is turn off the conversion of IPv4 clients on a socket for both:
    their servers see `::ffff:192.0.2.1` where they saw `192.0.2.1`, and their own access rules no longer match.

    Example:
        defaults
        {
            v6only = yes
        }

    Instead: `v6only = yes` in each service that is to take IPv6 clients alone.

    Source: xinetd confparse.c (service_fill copies the value and not that it was given), service.c (activate_normal), connection.c
    (IPV6_ADDRFORM); measured: tests/cases/xinetd/matrix.toml

    """
    for attribute in _defaults(subject):
        if attribute.name == "v6only" and tuple(map(str.lower, attribute.values)) == ("yes",) and attribute.operator == "=":
            yield tell(
                "defaults: v6only reaches no socket, and changes the addresses that servers see",
                attribute.span,
                severity=Severity.ERROR,
                remedy="write it in each service, or remove the line",
                fix=Fix(title="remove the line", edits=(cut(attribute.span),), safe=False),
            )


@rule("I630", "defaults-too-late")
def defaults_too_late(subject: Subject) -> Found:
    """What it catches: access lists, log flags and banners in a `defaults` paragraph below the services or includes they are meant for.

    Why it bites: xinetd copies these when it reads a service. What is said later does not hold for it, so that a list of those who may
    connect protects nothing. Limits, umask, bind and the lists `enabled` and `disabled` are looked up at the end and hold for all.

    Example:
        includedir /etc/xinetd.d
        defaults
        {
            only_from = 192.0.2.0/24
        }

    Instead: `defaults` at the top of the main file.

    Source: xinetd parse.c (get_service_entry: fill_attribute); measured: tests/test_xinetd.py

    """
    for document in subject.documents:
        earlier: Paragraph | Include | None = None
        for item in document.items:
            if isinstance(item, Paragraph) and item.defaults:
                if earlier is not None:
                    yield from (_late(attribute, earlier) for attribute in item.attributes if attribute.name in _AT_ONCE)
            elif earlier is None:
                earlier = item


def _late(attribute: Attribute, earlier: Paragraph | Include) -> Diagnostic:
    what = f"service {shown(earlier.name)}" if isinstance(earlier, Paragraph) else f"what {shown(earlier.path)} holds"
    guards = attribute.name in _LISTS
    return tell(
        f"defaults: {attribute.name} comes too late for {what}{': everybody may connect there' if attribute.name == 'only_from' else ''}",
        attribute.span,
        severity=Severity.ERROR if guards else Severity.WARNING,
        labels=(Label(earlier.header if isinstance(earlier, Paragraph) else earlier.span, "read before"),),
        remedy="move defaults to the top of the file",
    )
