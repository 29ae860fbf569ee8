"""Rules: which clients an xinetd service really takes."""

from __future__ import annotations

import attrs

from inet46.diagnostics import Edit, Fix, Severity
from inet46.lint._rules import Found, Subject, rule, tell

__all__: list[str] = []


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
