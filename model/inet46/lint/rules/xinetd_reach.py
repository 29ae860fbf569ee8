"""Rules: which clients an xinetd service really takes."""

from __future__ import annotations

import re

import attrs

from inet46.diagnostics import Cost, Edit, Fix, Severity
from inet46.entry import shuts
from inet46.formats._reading import numeric
from inet46.lint._rules import Found, Subject, rule, tell
from inet46.lint.rules._xinetd import above, cut, living, shown, values_of
from inet46.sockets import Family

__all__: list[str] = []

_NAME = re.compile(r"[A-Za-z0-9._-]+")
# Names that the systems give to interfaces; a host that is called like one would be a strange one.
_INTERFACE = re.compile(
    r"(lo|eth|en[opsx]?|em|re|igb|ix|bge|fxp|xl|rl|dc|vr|vtnet|vmx|wlan|wl[ops]?|br|bond|vlan|tun|tap|ppp)[0-9][0-9a-z]*|lo"
)


@rule("I320", "v6only-no-means-yes")
def v6only_no_means_yes(subject: Subject) -> Found:
    """What it catches: `v6only = no` in a service of xinetd.

    Why it bites: xinetd asks only whether the attribute is written at all, so `no` sets IPV6_V6ONLY exactly as `yes` does. IPv4 clients
    are refused, and no tool says so.

    Example:
        service imap
        {
            flags  = IPv6
            v6only = no
            ...
        }

    Instead: leave the line out. An IPv6 socket without it takes IPv4 clients too, whatever net.ipv6.bindv6only says.

    Source: xinetd service.c (activate_normal: SC_SPECIFIED(scp, A_V6ONLY)), 2.3.12 to 2.3.15 and the openSUSE fork; measured:
    tests/test_daemons.py

    """
    for paragraph in subject.paragraphs:
        if paragraph.defaults:
            continue
        for attribute in paragraph.attributes:
            if attribute.name == "v6only" and tuple(map(str.lower, attribute.values)) == ("no",):
                cut = Fix(title="remove the line", edits=(Edit(attribute.span, ""),), safe=False)
                yield tell(
                    f"{paragraph.name}: v6only = no means yes: the socket takes no IPv4 clients",
                    attribute.span,
                    severity=Severity.ERROR,
                    remedy="remove the line; without it the socket takes both families",
                    fix=cut,
                )


@rule("I324", "bound-of-none")
def bound_of_none(subject: Subject) -> Found:
    """What it catches: `instances = 0` or `per_source = 0`.

    Why it bites: elsewhere 0 means without a bound. Here it is a bound: the socket is there, every client is connected, and at once
    disconnected without a word. Whoever looks only at the sockets finds all as it should be.

    Example:
        instances = 0

    Instead: UNLIMITED, a number, or no line at all where defaults have no bound.

    Source: xinetd parsers.c (instances_parser, per_source_parser), access.c (access_control: SVC_RUNNING_SERVERS >= SC_INSTANCES);
    measured: xinetd of Debian 12, connections to services with either

    """
    defaults = [attribute for paragraph in subject.paragraphs if paragraph.defaults for attribute in paragraph.attributes]
    for paragraph, entry in living(subject):
        for name in (word.partition(" ")[0] for word in (*entry.extra, *entry.inherited) if shuts(word)):
            own = [attribute for attribute in paragraph.attributes if attribute.name == name]
            said = next((x for x in (*own, *defaults) if x.name == name and not x.values[0].strip("0")), None)
            where = "" if own else " (in defaults)"
            yield tell(
                f"{shown(paragraph.name)}: {name} = 0{where} turns every client away",
                said.span if said is not None else paragraph.header,
                severity=Severity.ERROR,
                remedy=f"{name} = UNLIMITED, or a number",
            )


@rule("I304", "bind-ignored")
def bind_ignored(subject: Subject) -> Found:
    """What it catches: a `bind` of one family with a flag of the other.

    Why it bites: the flag decides the family of the socket, and the bytes of the address are read as one of that family. What is bound
    is then every address, or what happens to stand in memory, and the service that was to be reachable from inside is open to everybody.

    Example:
        flags = IPv4
        bind  = ::1

    Instead: give the flag of the address's own family, or no flag at all.

    Source: xinetd parsers.c (bind_parser copies 16 bytes of 28), service.c; measured: tests/test_daemons.py

    """
    for fault in subject.said("I304"):
        yield attrs.evolve(fault, help="drop the flag, or give the one of the address's family")


@rule("I322", "redirect-to-a-name")
def redirect_to_a_name(subject: Subject) -> Found:
    """What it catches: `redirect` to a host by its name.

    Why it bites: xinetd looks for an IPv4 address unless there is a colon in what it is given, so that a name with IPv6 addresses alone
    is not found and one with both is reached by IPv4. It looks once, when it reads its files.

    Example:
        redirect = mail.example.org 143

    Instead: an address. An IPv6 one is written without brackets, and which family the service itself listens on does not matter.

    Source: xinetd parsers.c (redir_parser: AF_INET6 if there is a colon, else AF_INET)

    """
    for paragraph, _ in living(subject):
        for attribute in paragraph.attributes:
            if attribute.name == "redirect" and len(attribute.values) == 2 and numeric(attribute.values[0]) is None:
                host = values_of(attribute)[0]
                yield tell(
                    f"{shown(paragraph.name)}: {shown(host.text)} is looked up for IPv4 alone, and once",
                    host,
                    remedy="give an address; a word without a colon is never an IPv6 one",
                )


@rule("I323", "v6only-on-an-ipv4-socket")
def v6only_on_an_ipv4_socket(subject: Subject) -> Found:
    """What it catches: `v6only` in a service whose socket is an IPv4 one.

    Why it bites: it does nothing there. Builds whose family is IPv4 where no flag says another one open an IPv4 socket even with
    `v6only = yes`: IPv6 clients, the only ones that were wanted, are refused.

    Example:
        flags  = IPv4
        v6only = yes

    Instead: flags = IPv6 beside v6only, or no v6only.

    Source: xinetd service.c (activate_normal), confparse.c (service_fill); measured: tests/cases/xinetd/matrix.toml

    """
    for paragraph, entry in living(subject):
        if any(bind.family is not Family.IPV4 for bind in entry.binds):
            continue
        for attribute in paragraph.attributes:
            if attribute.name == "v6only":
                bound = any(one.name in {"bind", "interface"} for one in paragraph.attributes)
                words = [value.upper() for one in paragraph.attributes if one.name == "flags" for value in one.values]
                stated = bound or "IPV4" in words
                away = Fix(title="remove the line", edits=(cut(attribute.span),))
                there = Fix(title="add flags = IPv6", edits=(above(attribute.span, "flags = IPv6"),), safe=False)
                yield tell(
                    f"{shown(paragraph.name)}: v6only does nothing: the socket is an IPv4 one",
                    attribute.span,
                    severity=Severity.WARNING if stated else Severity.ERROR,
                    remedy="remove the line" if stated else "add flags = IPv6, or remove the line",
                    cost=Cost.IGNORED,
                    fix=away if stated else None if words else there,
                )
                break


@rule("I222", "interface-in-bind")
def interface_in_bind(subject: Subject) -> Found:
    """What it catches: the name of a network interface in `bind` or `interface`.

    Why it bites: both take an address, the second is only another name of the first. An interface is no host name, so the service is
    disabled with "bad address".

    Example:
        interface = eth0

    Instead: the interface's address.

    Source: xinetd parsers.c (bind_parser: getaddrinfo); measured: bad address with lo on Debian 12

    """
    for paragraph in subject.paragraphs:
        for attribute in paragraph.attributes:
            if attribute.name in {"bind", "interface"} and len(attribute.values) == 1 and _INTERFACE.fullmatch(attribute.values[0]):
                yield tell(
                    f"{shown(paragraph.name or 'defaults')}: {attribute.values[0]} is an interface, and {attribute.name} takes an address",
                    values_of(attribute)[0],
                    severity=Severity.ERROR,
                    remedy="give the address of the interface",
                    cost=Cost.DAEMON if paragraph.defaults else Cost.ENTRY,
                )


@rule("I223", "name-in-bind")
def name_in_bind(subject: Subject) -> Found:
    """What it catches: a host name in `bind`.

    Why it bites: it is looked up when xinetd reads its files, and of several addresses the first one of a family is taken: the family of
    `flags`, or the build's own. A name with one address of the other family than `flags` says makes xinetd listen on every address. A
    name that is not found, because the network is not up yet, disables the service.

    Example:
        bind = mail.example.org

    Instead: the address.

    Source: xinetd parsers.c (bind_parser), confparse.c (service_fill); measured: a name with two addresses and one with one on Debian 12

    """
    for paragraph in subject.paragraphs:
        for attribute in paragraph.attributes:
            value = attribute.values[0] if len(attribute.values) == 1 else "::"
            if (
                attribute.name in {"bind", "interface"}
                and numeric(value) is None
                and _NAME.fullmatch(value)
                and not _INTERFACE.fullmatch(value)
            ):
                yield tell(
                    f"{shown(paragraph.name or 'defaults')}: which address {shown(value)} stands for is known only when xinetd starts",
                    values_of(attribute)[0],
                    remedy="give the address",
                )
