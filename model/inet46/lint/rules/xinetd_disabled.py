"""Rules: what makes an xinetd disable a service that it has read, one reason each."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from inet46.diagnostics import Cost, Edit, Fix, Label, Severity, Span
from inet46.formats.xinetd import Attribute, Paragraph
from inet46.formats.xinetd.attributes import COUNTS
from inet46.formats.xinetd.values import WORDS
from inet46.lint._rules import Found, Subject, rule, tell
from inet46.lint.rules._xinetd import above, cut, living, nearest, placed, services, shown, values_of
from inet46.sockets import Transport

__all__: list[str] = []

_TAKES = {
    **{name: tuple(words) for name, words in WORDS.items()},
    "socket_type": ("stream", "dgram", "raw", "seqpacket"),
    **dict.fromkeys(("wait", "disable", "v6only", "groups"), ("yes", "no")),
}
_MEANT = {
    "true": "yes",
    "on": "yes",
    "1": "yes",
    "y": "yes",
    "wait": "yes",
    "nowait": "no",
    "false": "no",
    "off": "no",
    "0": "no",
    "n": "no",
}
_NEEDED = ("socket_type", "wait", "user", "server", "protocol", "port")


@rule("I130", "service-disabled")
def service_disabled(subject: Subject) -> Found:
    """What it catches: a value that xinetd does not take: a mistyped flag, `true` in place of `yes`, a number that is none.

    Why it bites: an attribute that it does not know is passed over, but a bad value of one that it knows disables the whole service. The
    log says so when xinetd starts, and nothing listens.

    Example:
        flags = IPv6 KEEPALIV

    Instead: one of the words that the attribute takes; yes and no are the only words for yes and no.

    Source: xinetd parse.c (identify_attribute: DISABLING SERVICE), parsers.c, nvlists.c; measured: tests/cases/xinetd/matrix.toml

    """
    for fault, _, attribute in placed(subject, "I130"):
        edits = tuple(_corrections(attribute)) if attribute else ()
        words = _TAKES.get(attribute.name, ()) if attribute else ()
        if edits:
            text = ", ".join(edit.text for edit in edits)
            fix = Fix(title=f"write {text}", edits=edits, safe=False)
            yield attrs.evolve(fault, help=f"did you mean {text}?", fix=fix)
        elif words:
            yield attrs.evolve(fault, help=f"the words are {', '.join(sorted(words))}")
        else:
            yield attrs.evolve(fault, help="correct the value, or take the attribute away")


def _corrections(attribute: Attribute) -> Iterator[Edit]:
    """Put the nearest word that an attribute takes in the place of each that it does not."""
    words = _TAKES.get(attribute.name, ())
    known = {word.lower() for word in words}
    for span in values_of(attribute):
        better = nearest(span.text, words) or (_MEANT.get(span.text.lower()) if "no" in known else None)
        if known and span.text.lower() not in known and better:
            yield Edit(span, better)


@rule("I139", "no-such-protocol")
def no_such_protocol(subject: Subject) -> Found:
    """What it catches: `protocol = tcp6` and its like, and TCP in capital letters.

    Why it bites: the words tcp4, tcp6 and tcp46 are those of some inetds. For xinetd a protocol is a name in /etc/protocols, and the
    service is disabled. Of a service that /etc/services lists, the protocol is looked up there as it is written, in small letters.

    Example:
        protocol = tcp6

    Instead: `protocol = tcp`, and the family in `flags`.

    Source: xinetd parsers.c (protocol_parser: getprotobyname), confparse.c (service_fill: getservbyname); measured:
    tests/cases/xinetd/matrix.toml

    """
    for fault, paragraph, attribute in placed(subject, "I139"):
        if paragraph is None or attribute is None or not attribute.values[0].lower().startswith(("tcp", "udp")):
            yield attrs.evolve(fault, help="name a protocol of /etc/protocols for which /etc/services lists the service")
            continue
        (span,) = values_of(attribute)
        plain = span.text.lower()[:3]
        family = {"4": "IPv4", "6": "IPv6", "46": "IPv6"}.get(span.text.lower()[3:])
        edits = [Edit(span, plain)]
        if family and not any(other.name == "flags" for other in paragraph.attributes):
            edits.append(above(attribute.span, f"flags = {family}"))
        remedy = f"write protocol = {plain}" + (f", and flags = {family} for the family" if family else "")
        yield attrs.evolve(fault, help=remedy, fix=Fix(title=remedy, edits=tuple(edits), safe=False))


@rule("I144", "missing-attribute")
def missing_attribute(subject: Subject) -> Found:
    """What it catches: a service without socket_type, wait, user or server, or an UNLISTED one without its port.

    Why it bites: none of them has a default, and none can stand in `defaults`. The service is disabled. Often the attribute is there, but
    mistyped, or with a comment behind its value, so that xinetd passes over it.

    Example:
        scoket_type = stream

    Instead: write the attribute, with one value and nothing behind it.

    Source: xinetd confparse.c (check_entry: missing attribute), parse.c; measured: tests/cases/xinetd/files.toml

    """
    for fault, paragraph, _ in placed(subject, "I144"):
        labels = tuple(_ignored(paragraph)) if paragraph else ()
        remedy = "correct the attribute that is ignored" if labels else "add the attribute; it cannot stand in defaults"
        yield attrs.evolve(fault, labels=labels, help=remedy)


def _ignored(paragraph: Paragraph) -> Iterator[Label]:
    """Name the lines that were meant to be what is missing."""
    for attribute in paragraph.attributes:
        meant = attribute.name if attribute.name in _NEEDED else nearest(attribute.name, _NEEDED)
        counts = attribute.operator == "=" and len(attribute.values) == 1
        if meant and (attribute.name not in COUNTS or (attribute.name in _NEEDED and not counts)):
            yield Label(attribute.span, f"this is ignored, and was {meant} meant to be?" if attribute.name != meant else "this is ignored")


@rule("I134", "unlisted-service")
def unlisted_service(subject: Subject) -> Found:
    """What it catches: a service whose name /etc/services does not list for its protocol, without `type = UNLISTED`.

    Why it bites: xinetd disables the service. A name may well be listed for tcp alone: Debian's imap has no udp line.

    Example:
        service webdav
        {
            port = 8080
            ...
        }

    Instead: `type = UNLISTED` and a port.

    Source: xinetd confparse.c (check_entry: service/protocol combination not in /etc/services); measured: tests/test_xinetd.py

    """
    for fault, paragraph, _ in placed(subject, "I134"):
        if paragraph is None:
            yield fault
            continue
        ported = any(attribute.name == "port" for attribute in paragraph.attributes)
        other = [one.value for one in Transport if subject.host.port(paragraph.name, one) is not None]
        notes = (f"it is listed for {' and '.join(other)} only",) if other else ()
        fix = _unlisted(paragraph) if ported else None
        yield attrs.evolve(fault, notes=notes, help=f"add type = UNLISTED{'' if ported else ' and a port'}", fix=fix)


def _unlisted(paragraph: Paragraph) -> Fix | None:
    """Add `type = UNLISTED` where no type stands."""
    if any(attribute.name == "type" for attribute in paragraph.attributes):
        return None
    line = next(attribute.span for attribute in paragraph.attributes if attribute.name == "port")
    return Fix(title="add type = UNLISTED", edits=(above(line, "type = UNLISTED"),), safe=False)


@rule("I135", "unexpected-port")
def unexpected_port(subject: Subject) -> Found:
    """What it catches: a port that is not the one of /etc/services, in a service that is not UNLISTED.

    Why it bites: xinetd disables the service and says which port it expected.

    Example:
        service imap
        {
            port = 1143
            ...
        }

    Instead: `type = UNLISTED` beside the port.

    Source: xinetd confparse.c (check_entry: expects port); measured: tests/cases/xinetd/matrix.toml

    """
    for fault, paragraph, _ in placed(subject, "I135"):
        yield attrs.evolve(fault, help="add type = UNLISTED, or remove the port", fix=_unlisted(paragraph) if paragraph else None)


@rule("I136", "both-families")
def both_families(subject: Subject) -> Found:
    """What it catches: `flags = IPv4 IPv6`.

    Why it bites: it looks like "both", and builds of xinetd disagree. The original one up to 2.3.15 and Fedora's disable the service; the
    openSUSE fork, which is Debian's, takes it for IPv6 on a socket that serves both.

    Example:
        flags = IPv6 IPv4

    Instead: `flags = IPv6` alone. Without a `v6only` line the socket takes both families.

    Source: xinetd confparse.c (service_fill: specified as both IPv4 and IPv6); measured: tests/cases/xinetd/matrix.toml

    """
    for fault, _, attribute in placed(subject, "I136"):
        yield attrs.evolve(fault, help="write IPv6 alone: it takes both families", fix=_one_family(attribute) if attribute else None)
    for paragraph, _ in living(subject):
        attribute = next((one for one in paragraph.attributes if one.name == "flags"), None)
        if attribute and {"IPV4", "IPV6"} <= {value.upper() for value in attribute.values}:
            yield tell(
                f"{shown(paragraph.name)}: both IPv4 and IPv6: this build takes it for IPv6, others disable the service",
                attribute.span,
                remedy="write IPv6 alone: it takes both families",
                cost=Cost.IGNORED,
                fix=_one_family(attribute),
            )


def _one_family(attribute: Attribute) -> Fix:
    """Take the flag IPv4 away, and the blanks before it."""
    text, start = attribute.span.source.text, attribute.span.start
    edits = []
    for span in values_of(attribute):
        if span.text.upper() == "IPV4":
            begin = start + len(text[start : span.start].rstrip(" \t"))
            edits.append(cut(Span(span.source, begin, span.stop)))
    return Fix(title="take IPv4 away", edits=tuple(edits))


@rule("I137", "comma-in-list")
def comma_in_list(subject: Subject) -> Found:
    """What it catches: commas between the addresses of `only_from` or `no_access`.

    Why it bites: values are separated by blanks. A comma is allowed only inside braces (192.0.2.{1,2}); any other one disables the service.

    Example:
        only_from = 192.0.2.1, 192.0.2.2

    Instead: only_from = 192.0.2.1 192.0.2.2

    Source: xinetd parsers.c (parse_inet_addresses: remove the comma); measured on Debian 12

    """
    for fault, _, attribute in placed(subject, "I137"):
        spans = [span for span in values_of(attribute) if _comma(span)] if attribute else []
        edits = tuple(Edit(span, " ".join(filter(None, span.text.split(",")))) for span in spans)
        yield attrs.evolve(fault, help="separate the addresses by blanks", fix=Fix(title="remove the commas", edits=edits, safe=False))


def _comma(span: Span) -> bool:
    """Return True for an address with a comma that xinetd does not take."""
    return "," in span.text and "{" not in span.text


@rule("I138", "server-not-absolute")
def server_not_absolute(subject: Subject) -> Found:
    """What it catches: a `server` that does not begin with a slash.

    Why it bites: xinetd looks when it reads its files, and disables the service. A path without a slash is looked for below the directory
    in which it was started, and from / at a reload. A folder passes the look and fails with every client.

    Example:
        server = imapd

    Instead: server = /usr/sbin/imapd

    Source: xinetd parsers.c (server_parser: access and stat), main.c (chdir); measured: tests/cases/xinetd/files.toml

    """
    for fault, _, _ in placed(subject, "I138"):
        yield attrs.evolve(fault, help="give the whole path of the program")


@rule("I131", "not-enabled")
def not_enabled(subject: Subject) -> Found:
    """What it catches: a service that the `enabled` list of defaults does not name.

    Why it bites: once there is such a list, whatever it does not name is removed, also services of files that are added later. It holds
    for services of /etc/inetd.conf too, where xinetd serves those.

    Example:
        enabled = imap

    Instead: name the service's id in the list, or do without the list.

    Source: xinetd confparse.c (remove_disabled_services); measured: tests/cases/xinetd/matrix.toml

    """
    lists = [one for paragraph in subject.paragraphs if paragraph.defaults for one in paragraph.attributes if one.name == "enabled"]
    for fault in subject.said("I131"):
        labels = tuple(Label(one.span, "only these are served") for one in lists)
        yield attrs.evolve(
            fault, severity=Severity.WARNING, cost=Cost.ENTRY, labels=labels, help="name it in the list, or remove its entry"
        )


@rule("I202", "identical-service")
def identical_service(subject: Subject) -> Found:
    """What it catches: a service without `bind` behind one that binds an address on the same port, or with the same `bind`.

    Why it bites: xinetd compares port and protocol with those of every earlier service that has a `bind`, and neither the family nor, if
    the later one binds nothing, the address. A service for IPv6 clients behind one that is bound to 127.0.0.1 is disabled, though the
    kernel would take both. A `bind` in `defaults` does that to every second service of a port.

    Example:
        service imap
        {
            id   = imap-inside
            bind = 127.0.0.1
            ...
        }
        service imap
        {
            id    = imap-ipv6
            flags = IPv6
            ...
        }

    Instead: put the one without `bind` first, or give each an address.

    Source: xinetd confparse.c (check_entry); measured: tests/cases/xinetd/matrix.toml

    """
    for fault in subject.said("I202"):
        labels = tuple(_earlier(subject, fault.span)) if fault.span else ()
        yield attrs.evolve(fault, cost=Cost.ENTRY, labels=labels, help="give each a bind of its own, or put the one without bind first")


def _earlier(subject: Subject, span: Span) -> Iterator[Label]:
    """Name the entry that has the port, if it is one of the same name."""
    mine = next((paragraph for paragraph in services(subject) if paragraph.span == span), None)
    for paragraph, entry in living(subject):
        if mine and paragraph.name == mine.name and entry.origin and entry.origin.start < span.start:
            yield Label(paragraph.header, "this one has the port")
            return


@rule("I147", "switched-on-again")
def switched_on_again(subject: Subject) -> Found:
    """What it catches: a service with a value that xinetd does not take, which the `enabled` list of defaults names.

    Why it bites: the list clears the mark that the bad value had set, and the service runs without the attribute.

    Example:
        defaults
        {
            enabled = imap
        }
        service imap
        {
            nice = x
            ...
        }

    Instead: correct the value.

    Source: xinetd confparse.c (remove_disabled_services); measured: tests/cases/xinetd/matrix.toml

    """
    for fault in subject.said("I147"):
        yield attrs.evolve(fault, help="correct the value")


@rule("I148", "no-inet-socket")
def no_inet_socket(subject: Subject) -> Found:
    """What it catches: a service that xinetd serves without a TCP or UDP socket of its own, as those behind tcpmux.

    Why it bites: it is no mistake. What such a service is reached by is another service's socket.

    Example:
        type = TCPMUX UNLISTED

    Instead: nothing, if that is what is meant.

    Source: xinetd confparse.c (check_entry), builtins.c (tcpmux_handler)

    """
    for fault in subject.said("I148"):
        yield attrs.evolve(fault, cost=None)
