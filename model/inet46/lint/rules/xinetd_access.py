"""Rules: whom xinetd's own access lists let in, family by family."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping

from inet46.diagnostics import Edit, Fix, Label, Severity, Span
from inet46.entry import Entry
from inet46.formats.xinetd import Attribute, Paragraph
from inet46.lint._rules import Found, Subject, rule, tell
from inet46.lint.rules._xinetd import carried, commented, living, shown, values_of
from inet46.predict import Held
from inet46.sockets import Family, Transport

__all__: list[str] = []

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_MAPPED = ipaddress.IPv6Network("::ffff:0:0/96")
_LISTS = ("only_from", "no_access")


@rule("I620", "list-for-one-family")
def list_for_one_family(subject: Subject) -> Found:
    """What it catches: an `only_from` list of one family in a service whose socket takes both, or only the other one.

    Why it bites: every client of the family that is not listed is turned away, and it does not look like that: the connection is made
    and closed, so that a look at the port says that all is well. IPv4 addresses do match the IPv4 clients of an IPv6 socket.

    Example:
        flags     = IPv6
        only_from = 192.0.2.0/24

    Instead: networks of both families: only_from = 192.0.2.0/24 2001:db8::/32

    Source: xinetd addr.c (addrlist_match); measured on a socket for both families, Debian 12

    """
    told: set[tuple[str, int]] = set()
    shared, sockets = _shared(subject), dict[int, list[Held]]()
    for held in subject.prediction.sockets:
        sockets.setdefault(id(held.entry), []).append(held)
    for paragraph, entry in living(subject):
        line = _line(shared, paragraph, "only_from")
        patterns = entry.only_from or ()
        if line is None or not patterns or any(_dead(one) or _family(one) is None for one in patterns):
            continue
        place = (line.span.source.path, line.span.start)
        admitted = {family for one in patterns for family in (_family(one) or ())}
        for held in sockets.get(id(entry), ()):
            left = held.accepts - admitted
            if left and place not in told:
                told.add(place)
                nobody = left == held.accepts
                names = " and ".join(sorted(family.title for family in left))
                socket = f"{held.socket} takes {'only those' if nobody else 'them'}"
                yield tell(
                    f"{shown(paragraph.name)}: only_from lets no {names} client in, and {socket}",
                    line.span,
                    severity=Severity.ERROR if nobody else Severity.WARNING,
                    labels=(Label(paragraph.header, "this service"),),
                    remedy=f"add the {names} networks that are meant, or do not listen for them",
                )


def _shared(subject: Subject) -> dict[str, Attribute]:
    """Return the last line of each list in defaults."""
    return {one.name: one for other in subject.paragraphs if other.defaults for one in other.attributes if one.name in _LISTS}


def _line(shared: Mapping[str, Attribute], paragraph: Paragraph, name: str) -> Attribute | None:
    """Return the line that a service's list comes from: its own last one, or the last one in defaults."""
    return next((one for one in reversed(paragraph.attributes) if one.name == name), shared.get(name))


def _network(pattern: str) -> _Network | None:
    """Return the addresses that a numeric pattern means for xinetd, None for names, braces and masks that are none."""
    address, slash, bits = pattern.partition("/")
    try:
        if slash and re.fullmatch(r"[0-9]+", bits):
            return ipaddress.ip_network(f"{address}/{min(int(bits), 32 if '.' in address and ':' not in address else 128)}", strict=False)
        if slash:
            return None
        network = ipaddress.ip_network(address)
    except ValueError:
        return None
    if network.version == 4:
        # Octets of zero at the end are a wildcard (numeric_addr).
        octets = str(network.network_address).split(".")
        while octets and octets[-1] == "0":
            octets.pop()
        return ipaddress.ip_network(f"{network.network_address}/{8 * len(octets)}")
    return network


def _family(pattern: str) -> frozenset[Family] | None:
    """Return whose clients a pattern can match on a socket for both, None for a name, which may be anybody's."""
    if "{" in pattern:
        return frozenset({Family.IPV4})
    network = _network(pattern)
    if network is None:
        return None
    if isinstance(network, ipaddress.IPv4Network):
        return frozenset({Family.IPV4})
    found = set()
    if network.overlaps(_MAPPED):
        found.add(Family.IPV4)
    if not network.subnet_of(_MAPPED):
        found.add(Family.IPV6)
    return frozenset(found)


def _dead(pattern: str) -> bool:
    """Return True for a pattern that xinetd takes and that matches nobody."""
    address, _, bits = pattern.partition("/")
    return pattern == "::" or (":" in address and bool(re.fullmatch(r"[0-9]+", bits)) and int(bits) >= 128)


def _patterns(subject: Subject) -> Iterator[tuple[Paragraph, Attribute, Span]]:
    """Yield every address in the lists of defaults and of services that are served."""
    served = {id(paragraph) for paragraph, _ in living(subject)}
    for paragraph in subject.paragraphs:
        if paragraph.defaults or id(paragraph) in served:
            for attribute in paragraph.attributes:
                if attribute.name in _LISTS and not carried(attribute) and commented(attribute) is None:
                    yield from ((paragraph, attribute, span) for span in values_of(attribute))


@rule("I621", "name-in-access-list")
def name_in_access_list(subject: Subject) -> Found:
    """What it catches: a host name in `only_from` or `no_access`.

    Why it bites: xinetd asks for the name of each client's address and compares. An IPv4 client of a socket for both families has an
    address like ::ffff:127.0.0.1, whose name is not found: `only_from = localhost` lets ::1 in and not 127.0.0.1. What cannot be looked
    up is not in the list, so a name in `no_access` keeps nobody out when DNS fails.

    Example:
        only_from = localhost

    Instead: only_from = 127.0.0.1 ::1

    Source: xinetd addr.c (host_addr, addrlist_match: getnameinfo); measured on Debian 12

    """
    for paragraph, attribute, span in _patterns(subject):
        if re.fullmatch(r"[A-Za-z0-9._-]*[A-Za-z][A-Za-z0-9._-]*", span.text):
            yield tell(
                f"{shown(paragraph.name or 'defaults')}: {attribute.name}: {shown(span.text)} is compared with what DNS calls the client",
                span,
                severity=Severity.WARNING,
                remedy="give addresses or networks, of both families",
            )


@rule("I622", "full-prefix-matches-nobody")
def full_prefix_matches_nobody(subject: Subject) -> Found:
    """What it catches: an IPv6 address with /128 in `only_from` or `no_access`.

    Why it bites: xinetd takes it for the name of a host, and fills none in, so that no client ever matches. `only_from = ::1/128` lets
    nobody in; `no_access = 2001:db8::bad/128` keeps nobody out.

    Example:
        no_access = 2001:db8::bad/128

    Instead: the address without a prefix length.

    Source: xinetd addr.c (explicit_mask: mask >= 128 makes it a HOST_ADDR); measured on Debian 12

    """
    for paragraph, attribute, span in _patterns(subject):
        address, slash, _ = span.text.partition("/")
        if slash and _dead(span.text):
            effect = "lets nobody in" if attribute.name == "only_from" else "keeps nobody out"
            yield tell(
                f"{shown(paragraph.name or 'defaults')}: {attribute.name}: {shown(span.text)} matches no client, and {effect}",
                span,
                severity=Severity.ERROR,
                remedy=f"write {shown(address)}",
                fix=Fix(title="take the prefix length away", edits=(Edit(span, address),), safe=False),
            )


@rule("I623", "unspecified-matches-nobody")
def unspecified_matches_nobody(subject: Subject) -> Found:
    """What it catches: `::` in `only_from` or `no_access`.

    Why it bites: 0.0.0.0 is a wildcard for xinetd and :: is not. It is compared as it stands, and no client has that address.

    Example:
        only_from = 0.0.0.0 ::

    Instead: only_from = 0.0.0.0/0 ::/0

    Source: xinetd addr.c (numeric_addr, addrlist_match: IN6_ARE_ADDR_EQUAL); measured on Debian 12

    """
    for paragraph, attribute, span in _patterns(subject):
        if span.text == "::":
            yield tell(
                f"{shown(paragraph.name or 'defaults')}: {attribute.name}: :: matches no client, unlike 0.0.0.0",
                span,
                severity=Severity.ERROR,
                remedy="write ::/0",
                fix=Fix(title="write ::/0", edits=(Edit(span, "::/0"),), safe=False),
            )


@rule("I624", "list-on-a-waiting-stream")
def list_on_a_waiting_stream(subject: Subject) -> Found:
    """What it catches: access lists in a stream service with `wait = yes`.

    Why it bites: the server takes the connections itself, so xinetd never sees who comes. Up to 2.3.15.3, `only_from` refuses everybody,
    in a loop that trips `cps` and closes the socket; `no_access` keeps nobody out. Later versions apply neither.

    Example:
        wait      = yes
        only_from = 192.0.2.0/24

    Instead: a packet filter, or the server's own list.

    Source: xinetd service.c (svc_request), access.c (access_control); measured on Debian 12 and upstream's 2.3.15

    """
    shared = _shared(subject)
    for paragraph, entry in living(subject):
        if not entry.wait or entry.transport is not Transport.TCP:
            continue
        for name, effect in (("only_from", "refuses everybody"), ("no_access", "keeps nobody out")):
            given = entry.only_from is not None if name == "only_from" else bool(entry.no_access)
            line = _line(shared, paragraph, name)
            if given and line is not None:
                yield tell(
                    f"{shown(paragraph.name)}: {name} {effect} in a stream service that waits",
                    line.span if line in paragraph.attributes else paragraph.header,
                    severity=Severity.ERROR,
                    remedy="let the server or a packet filter decide who may connect",
                )


@rule("I625", "nobody-may-connect")
def nobody_may_connect(subject: Subject) -> Found:
    """What it catches: `only_from` without a value.

    Why it bites: an empty list lets nobody in. The socket listens and takes connections, and closes each of them.

    Example:
        only_from =

    Instead: no `only_from` for everybody; `disable = yes` for nobody.

    Source: xinetd access.c (access_control), xinetd.conf(5); measured on Debian 12

    """
    shared = _shared(subject)
    for paragraph, entry in living(subject):
        line = _line(shared, paragraph, "only_from")
        if entry.only_from == () and line is not None:
            yield tell(
                f"{shown(paragraph.name)}: only_from is empty: nobody may connect",
                line.span if line in paragraph.attributes else paragraph.header,
                remedy="remove the line to let everybody in, or disable the service",
            )


@rule("I626", "both-lists-match")
def both_lists_match(subject: Subject) -> Found:
    """What it catches: an `only_from` address that lies in a network of `no_access`.

    Why it bites: the manual says that the better match decides. It does not: a client that is on both lists is turned away, with a line
    in the log that both match equally.

    Example:
        no_access = 192.0.2.0/24
        only_from = 192.0.2.7

    Instead: name in `no_access` only what `only_from` would let in wrongly.

    Source: xinetd access.c (access_control: match equally)

    """
    shared = _shared(subject)
    for paragraph, entry in living(subject):
        line = _line(shared, paragraph, "only_from")
        clash = _clash(entry) if line is not None else None
        if clash and line is not None:
            yield tell(
                f"{shown(paragraph.name)}: {shown(clash[0])} of only_from lies in {shown(clash[1])} of no_access, and is turned away",
                line.span if line in paragraph.attributes else paragraph.header,
                severity=Severity.ERROR,
                remedy="take one of the two away",
            )


def _clash(entry: Entry) -> tuple[str, str] | None:
    for wanted in entry.only_from or ():
        for unwanted in entry.no_access:
            inner, outer = _network(wanted), _network(unwanted)
            if inner and outer and not _dead(wanted) and not _dead(unwanted) and _inside(inner, outer):
                return wanted, unwanted
    return None


def _inside(inner: _Network, outer: _Network) -> bool:
    if isinstance(inner, ipaddress.IPv4Network):
        return isinstance(outer, ipaddress.IPv4Network) and inner.subnet_of(outer)
    return isinstance(outer, ipaddress.IPv6Network) and inner.subnet_of(outer)


@rule("I627", "mask-is-no-length")
def mask_is_no_length(subject: Subject) -> Found:
    """What it catches: a netmask in place of a prefix length, or a length that no IPv4 address has.

    Why it bites: xinetd reads the digits up to the first dot. 192.0.2.0/255.255.255.0 is 192.0.2.0/255, every bit counts, and only the
    client 192.0.2.0 matches.

    Example:
        only_from = 192.0.2.0/255.255.255.0

    Instead: only_from = 192.0.2.0/24

    Source: xinetd addr.c (explicit_mask: sscanf %u, one bit for each); 127.0.0.1/33 measured on Debian 12

    """
    for paragraph, attribute, span in _patterns(subject):
        found = re.fullmatch(r"([0-9.]+)/([0-9]+)(\.[0-9.]*)?", span.text)
        if found and (found[3] or int(found[2]) > 32):
            length = _length(f"{found[2]}{found[3] or ''}")
            edit = Edit(span, f"{found[1]}/{length}")
            yield tell(
                f"{shown(paragraph.name or 'defaults')}: {attribute.name}: {shown(span.text)} matches the one address {shown(found[1])}",
                span,
                severity=Severity.ERROR if found[3] else Severity.WARNING,
                remedy="write the length of the prefix" if length is None else f"write {shown(found[1])}/{length}",
                fix=None if length is None else Fix(title="write the length", edits=(edit,), safe=False),
            )


def _length(mask: str) -> int | None:
    """Return the prefix length that a netmask means."""
    try:
        return ipaddress.IPv4Network(f"0.0.0.0/{mask}").prefixlen if "." in mask else None
    except ValueError:
        return None
