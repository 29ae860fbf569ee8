"""Rules: what may stand in xinetd's defaults, and what it does there."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from inet46.diagnostics import Cost, Diagnostic, Fix, Label, Severity
from inet46.formats.xinetd import Attribute, Include, Paragraph
from inet46.formats.xinetd.attributes import COUNTS, DEFAULTS
from inet46.lint._rules import Found, Subject, rule, tell
from inet46.lint.rules._xinetd import carried, commented, cut, nearest, placed, shown

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
    for fault, _, _ in placed(subject, "I174"):
        yield attrs.evolve(fault, cost=Cost.DAEMON, help="correct the value before anything is reloaded")


@rule("I145", "dangling-default")
def dangling_default(subject: Subject) -> Found:
    """What it catches: `bind` with a name of several addresses in a `defaults` paragraph that is never closed.

    Why it bites: which address is meant is left open until the paragraph ends, and xinetd dies at the first service without one.

    Example:
        defaults
        {
            bind = localhost

    Instead: an address, and the closing brace.

    Source: xinetd parse.c (parse_conf_file), confparse.c (service_fill); measured by random files on Debian 12

    """
    for fault in subject.said("I145"):
        yield attrs.evolve(fault, cost=Cost.DAEMON, help="give an address, and close the paragraph")


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
    for fault, paragraph, attribute in (*placed(subject, "I140"), *placed(subject, "I141"), *placed(subject, "I142")):
        if paragraph is None or attribute is None or not paragraph.defaults:
            continue
        better = None if attribute.name in COUNTS else nearest(attribute.name, DEFAULTS)
        fix = Fix(title="remove the line", edits=(cut(attribute.span),))
        remedy = f"did you mean {better}?" if better else "say it in each service" if attribute.name not in DEFAULTS else "correct the line"
        yield attrs.evolve(fault, help=remedy, fix=fix if attribute.name not in DEFAULTS and better is None else None)


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
