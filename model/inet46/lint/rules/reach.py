"""Rules: which clients a socket really takes."""

from __future__ import annotations

import re

import attrs

from inet46.diagnostics import Edit, Fix, Severity
from inet46.entry import Entry
from inet46.knowledge import Dual, Suffix
from inet46.lint._rules import Found, Subject, rule, tell
from inet46.lint.rules._inetd import SERVER, advised, label_of, parted, place_of, respelled
from inet46.predict import Held
from inet46.sockets import Family, Kind, kind_of

__all__: list[str] = []

_NAMESPACES = ("each network namespace has its own setting, and a container starts with the kernel's",)
_BY_ADDRESS = {"shell", "login", "exec", "ftp", "nntp", "rsync", "printer"}


def _named(entry: Entry) -> str:
    return f"{entry.service}/{entry.transport.value}"


@rule("I301", "deaf-to-ipv4")
def deaf_to_ipv4(subject: Subject) -> Found:
    """What it catches: a socket that is to take IPv4 clients as well, on a kernel that gives it none.

    Why it bites: the daemon clears IPV6_V6ONLY, and the kernel pays no heed: FreeBSD 4 unless `ipv6_ipv4mapping="YES"` says so, OpenBSD
    and DragonFly never. The socket is there, IPv6 works, and IPv4 clients are refused.

    Example:
        imap stream tcp46 nowait root /usr/local/libexec/imapd imapd

    Instead: one line for each family, or the kernel's setting where there is one.

    Source: KAME IMPLEMENTATION 1.12 (ip6_mapped_addr_on); OpenBSD and DragonFly ip6_output.c (ip6_ctloutput); UW-IMAP docs/IPv6.txt

    """
    knob = subject.host.kernel.knob
    governed = subject.host.kernel.dual is Dual.GOVERNED
    remedy = f"write one line for each family, or set {knob} to 0" if governed else "write one line for each family"
    for fault in subject.said("I301"):
        yield attrs.evolve(fault, help=remedy)


@rule("I303", "starved-listener")
def starved_listener(subject: Subject) -> Found:
    """What it catches: an IPv4 line that listens and gets no client, because a later line takes both families.

    Why it bites: FreeBSD 14 hands an IPv4 client to the socket that was bound last, so `tcp46` behind `tcp4` takes everything. Both show in
    sockstat, neither leaves a word in the log, and up to FreeBSD 13 the same file gave IPv4 to the first line.

    Example:
        imap stream tcp4  nowait root /usr/local/libexec/imapd imapd
        imap stream tcp46 nowait root /usr/local/libexec/imapd imapd

    Instead: tcp6 in the second line, or that line alone.

    Source: FreeBSD in_pcb.c (in_pcblookup_hash_wild_smr, _in6_pcbinshash_wild); measured on a booted 14.0-STABLE kernel with its inetd

    """
    places = {place_of(held.entry.origin): held for held in subject.prediction.sockets if held.entry.origin is not None}
    for fault in subject.said("I303"):
        held = places.get(place_of(fault.span)) if fault.span is not None else None
        thief = _thief(held, subject) if held is not None else None
        labels = label_of(thief.entry, "takes its clients") if thief is not None else ()
        fix = _narrowed(held.entry, thief.entry, subject) if held is not None and thief is not None else None
        yield attrs.evolve(fault, labels=labels, help="let the later line take IPv6 alone, or drop this one", fix=fix)


def _thief(held: Held, subject: Subject) -> Held | None:
    """Return the dual socket on the port of another one."""
    port = held.socket.transport, held.socket.port
    others = (one for one in subject.prediction.sockets if (one.socket.transport, one.socket.port) == port and one.socket.dual)
    return next((one for one in others if one.entry is not held.entry), None)


def _narrowed(starved: Entry, thief: Entry, subject: Subject) -> Fix | None:
    """Let the later line take IPv6 alone, and put it first: a reload would stumble over the other order."""
    one, other = starved.origin, thief.origin
    fields = parted(subject).get(place_of(other)) if other is not None else None
    swapped = respelled(fields, subject, frozenset({Family.IPV6})) if fields is not None else None
    if one is None or other is None or swapped is None or one.source.path != other.source.path:
        return None
    if not (one.text.endswith("\n") and other.text.endswith("\n")):
        return None
    place, word = swapped.edits[0].span, swapped.edits[0].text
    narrow = other.text[: place.start - other.start] + word + other.text[place.stop - other.start :]
    return Fix(title="let the later line take IPv6 alone, above this one", edits=(Edit(one, narrow), Edit(other, one.text)), safe=False)


@rule("I305", "mapped-and-v6only")
def mapped_and_v6only(subject: Subject) -> Found:
    """What it catches: an address like ::ffff:192.0.2.1 on a socket for IPv6 alone.

    Why it bites: such an address is an IPv4 one in IPv6's dress, and the option that shuts IPv4 out refuses it: Linux says `Invalid
    argument`, FreeBSD `Can't assign requested address`. Nothing listens.

    Example:
        [::ffff:192.0.2.1]:7001 stream tcp6 nowait root /usr/sbin/imapd imapd

    Instead: the IPv4 address on an IPv4 socket.

    Source: linux net/ipv6/af_inet6.c (__inet6_bind), FreeBSD in6_pcb.c (in6_pcbbind); measured: tests/test_kernel.py

    """
    yield from advised(subject, "I305", "write the IPv4 address, with an IPv4 socket")


@rule("I306", "reach-depends-on-setting")
def reach_depends_on_setting(subject: Subject) -> Found:
    """What it catches: an IPv6 socket of which the daemon leaves it to the kernel whether it takes IPv4 clients.

    Why it bites: a setting of the host decides (`net.ipv6.bindv6only`, `net.inet6.ip6.v6only`), each network namespace has its own, and a
    socket keeps what was set when it was made. The same file serves both families on one host, and one on the next. `udp6` of Debian's
    openbsd-inetd is left to the kernel, and `udp` is not. Where the daemon has no other word (busybox, NetBSD) there is nothing to mend in
    the file, and this is a note.

    Example:
        tftp dgram udp6 wait root /usr/sbin/in.tftpd in.tftpd

    Instead: where both families are wanted, a line for each where the daemon has that; else state the setting for the host.

    Source: openbsd-inetd inetd.c (setup: strncmp(proto, "tcp6", 4)), busybox inetd.c; measured: tests/test_daemons.py

    """
    kernel = subject.host.kernel
    if kernel.knob is None or kernel.dual is Dual.NEVER:
        return
    for entry in subject.reading.entries:
        native = any(bind.family is Family.IPV4 for bind in entry.binds)
        if any(bind.v6only is None and bind.family is Family.IPV6 and bind.address is None for bind in entry.binds) and not native:
            now = "does not" if subject.host.v6only_default else "does"
            text = f"{_named(entry)}: whether IPv4 clients are taken depends on {kernel.knob}: as it is, the socket {now} take them"
            severity = Severity.WARNING if _has_other_word(entry, subject) else Severity.NOTE
            yield tell(text, entry.origin, severity=severity, notes=_NAMESPACES if kernel.name == "linux" else ())


def _has_other_word(entry: Entry, subject: Subject) -> bool:
    """Return True if the file can say it: by a protocol of both families, or one that sets IPV6_V6ONLY; an xinetd has `v6only`."""
    if subject.inetd is None or subject.xinetd is not None:
        return True
    mine = [token.opens for token in subject.inetd.tokens if token.transport is entry.transport]
    sets = any(bound.v6only is not None and bound.family is Family.IPV6 for opens in mine for bound in opens)
    return sets or any({bound.family for bound in opens} == set(Family) for opens in mine)


@rule("I307", "mapped-peers")
def mapped_peers(subject: Subject) -> Found:
    """What it catches: a service that goes by its clients' addresses and takes IPv4 clients on an IPv6 socket.

    Why it bites: the server sees them as ::ffff:192.0.2.1. A server that goes by addresses (rshd and rlogind by hosts.equiv, ftpd, nntpd
    and rsyncd by lists of their own) may know nobody any more, or stop nobody; those of KAME refuse such clients. (tcpd takes the prefix
    off.)

    Example:
        shell stream tcp46 nowait root /usr/libexec/rshd rshd

    Instead: nothing, if the server knows; one socket for each family if it does not.

    Source: RFC 4291 2.5.5.2; KAME IMPLEMENTATION 1.12.6; measured with openbsd-inetd and inetutils: tests/test_daemons.py

    """
    for held in subject.prediction.sockets:
        if held.service in _BY_ADDRESS and kind_of(held.socket) is Kind.DUAL and Family.IPV4 in held.accepts:
            text = f"{_named(held.entry)}: the server sees IPv4 clients as ::ffff:a.b.c.d, and goes by addresses"
            yield tell(text, held.entry.origin, remedy="write one line for each family")


_MAIL = {"imap", "imap2", "imap3", "imap4", "imaps", "pop2", "pop3", "pop3s", "143", "220", "993", "110", "995"}


@rule("I308", "rate-limit-trips")
def rate_limit_trips(subject: Subject) -> Found:
    """What it catches: a mail service without a limit of its own, where the daemon's own one is low.

    Why it bites: an inetd takes a service that is started too often for one that loops, and switches it off for ten minutes: after 40
    connections a minute on NetBSD, 256 on OpenBSD and FreeBSD. Mail programs open a connection for each folder, and phones reconnect all
    day.

    Example:
        imap stream tcp nowait root /usr/sbin/imapd imapd

    Instead: a limit that suits the number of users: `nowait.1000`, `nowait:1000` on NetBSD, the option -R on FreeBSD.

    Source: inetd.c (TOOMANY, CNT_INTVL, RETRYTIME) of FreeBSD, OpenBSD, NetBSD and inetutils; measured: tests/test_daemons.py

    """
    build = subject.inetd
    if build is None or build.spawn is None or build.spawn.connections is None or subject.xinetd is not None:
        return
    written = build.suffix not in {Suffix.CHILDREN, Suffix.NONE}
    remedy = f"write nowait{build.suffix.value} with a number that suits the users" if written else "start it with another -R"
    beyond = f"after {build.spawn.connections} connections in {build.spawn.seconds} seconds {build.spawn.beyond}"
    for fields in subject.lines:
        service = fields.words[0].rpartition(":")[2] if fields.words else ""
        wait = fields.words[3] if len(fields.words) > SERVER else ""
        if service in _MAIL and wait.startswith("nowait") and not (written and re.fullmatch(r"nowait[.:][1-9][0-9]*", wait)):
            text = f"{service}: no limit is written, and the daemon's own holds"
            yield tell(text, fields.spans[3], severity=Severity.NOTE, notes=(beyond,), remedy=remedy)
