"""Rules: lines that contend for a port, take one another's place, or open less than they name."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

import attrs

from inet46.diagnostics import Cost, Edit, Fix, Label, Severity
from inet46.entry import Bind, Entry
from inet46.formats import inetd
from inet46.knowledge import Host, InetdBuild
from inet46.lint._rules import Found, Subject, rule, tell
from inet46.lint.rules._inetd import advised, clients, label_of, opened, parted, place_of, swap
from inet46.predict import Held, predict
from inet46.slots import performs
from inet46.sockets import Family, Kind, Transport, kind_of

__all__: list[str] = []


def _ports(subject: Subject) -> dict[tuple[Transport, int], list[Entry]]:
    """Return the entries for each port, in their order."""
    ports: dict[tuple[Transport, int], list[Entry]] = {}
    for entry in subject.reading.entries:
        port = entry.port if entry.port is not None else subject.host.port(entry.service, entry.transport)
        if port is not None:
            ports.setdefault((entry.transport, port), []).append(entry)
    return ports


def _held(subject: Subject) -> dict[tuple[Transport, int], list[Held]]:
    """Return the sockets of each port, in the order in which they are bound."""
    ports: dict[tuple[Transport, int], list[Held]] = {}
    for held in subject.prediction.sockets:
        ports.setdefault((held.socket.transport, held.socket.port), []).append(held)
    return ports


@rule("I201", "double-bind")
def double_bind(subject: Subject) -> Found:
    """What it catches: a line whose socket cannot be bound, because an earlier line holds the port.

    Why it bites: the first of two conflicting lines wins, the second one leaves a word in the log, and the family that only it was to
    serve is lost. `tcp` and then `tcp6` on inetutils or busybox is the usual pair: there `tcp6` takes both families, and Linux lets no such
    socket beside an IPv4 one. On FreeBSD `tcp46` and then `tcp4` do so, and the other order starves the IPv4 line instead (I303).
    Judge by the sockets, not by the log: what it says of a bind that failed is not always the reason.

    Example:
        imap stream tcp  nowait root /usr/sbin/imapd imapd
        imap stream tcp6 nowait root /usr/sbin/imapd imapd

    Instead: one socket for both families, or an IPv6 one that takes IPv6 alone (`tcp6only` on inetutils).

    Source: linux net/ipv4/inet_connection_sock.c (inet_bind_conflict), FreeBSD in_pcb.c (in_pcbbind_setup); measured: tests/test_kernel.py
    and tests/test_daemons.py

    """
    lines = parted(subject)
    places = {place_of(entry.origin): entry for entry in subject.reading.entries if entry.origin is not None}
    groups = {id(entry): group for group in _ports(subject).values() for entry in group}
    taken: dict[int, set[Family]] = {}
    holders = {id(held.entry) for held in subject.prediction.sockets}
    for held in subject.prediction.sockets:
        taken.setdefault(id(groups.get(id(held.entry))), set()).update(held.accepts)
    for fault in subject.said("I201"):
        entry = places.get(place_of(fault.span)) if fault.span is not None else None
        if entry is None or subject.inetd is None or entry.origin is None:
            yield attrs.evolve(fault, help="give each family one socket, or let one socket serve both")
            continue
        group = groups.get(id(entry), [])
        first = next((other for other in group if other is not entry), None)
        idle = id(entry) not in holders
        lost = clients(entry, subject.host) - taken.get(id(group), set())
        fix = _one_family(lines.get(place_of(entry.origin)), entry, subject)
        if idle and not lost:
            fix = Fix(title="remove the line, which opens nothing", edits=(Edit(entry.origin, ""),))
        yield attrs.evolve(
            fault,
            severity=Severity.ERROR if lost else Severity.WARNING,
            cost=Cost.ENTRY if idle else None,
            labels=label_of(first, "this line has the port") if first is not None and _before(first, entry) else (),
            help="give each family one socket, or let one socket serve both",
            fix=fix,
        )


def _before(first: Entry, second: Entry) -> bool:
    """Return True if the first stands in another file or above."""
    if first.origin is None or second.origin is None:
        return False
    return first.origin.source.path != second.origin.source.path or first.origin.start < second.origin.start


def _one_family(fields: inetd.Fields | None, entry: Entry, subject: Subject) -> Fix | None:
    """Replace the protocol of a dual socket by the one for IPv6 alone, beside an IPv4 line."""
    build = subject.inetd
    if fields is None or build is None or len(entry.binds) != 1 or entry.binds[0].v6only is True:
        return None
    if entry.binds[0].family is not Family.IPV6 or subject.xinetd is not None:
        return None
    names = (token.name for token in build.tokens if [bound.v6only for bound in token.opens] == [True])
    alone = frozenset({Family.IPV6})
    name = next((name for name in names if opened(fields.words[0], fields.words[1], name, subject.host) == alone), None)
    return swap(fields.spans[2], name, f"write {name}, which takes IPv6 alone") if name else None


@rule("I203", "duplicate-line")
def duplicate_line(subject: Subject) -> Found:
    """What it catches: a line that says what an earlier one has said, and changes nothing.

    Why it bites: it does no harm until one of the two is edited; then the later one wins on some inetds, the earlier one on others.

    Example:
        imap stream tcp4 nowait root /usr/sbin/imapd imapd
        imap stream tcp4 nowait root /usr/sbin/imapd imapd

    Instead: one line.

    Source: inetd.c of FreeBSD, OpenBSD and inetutils (config: a second entry with the same key); measured: tests/test_daemons.py

    """
    seen: dict[object, Entry] = {}
    lines = parted(subject)
    for entry in subject.reading.entries:
        if entry.origin is None or place_of(entry.origin) not in lines:
            continue
        fields = lines[place_of(entry.origin)]
        if fields.words in seen:
            cut = Fix(title="remove the line", edits=(Edit(entry.origin, ""),))
            text = f"{entry.service}/{entry.transport.value}: the line stands here a second time"
            labels = label_of(seen[fields.words], "the first one")
            yield tell(text, entry.origin, labels=labels, remedy="keep one of them", fix=cut)
        seen.setdefault(fields.words, entry)


def _keys(entry: Entry, build: InetdBuild) -> Iterator[tuple[object, Bind]]:
    """Yield by what the daemon recognises each socket of an entry."""
    for bind in entry.binds:
        if bind.key:
            yield (entry.service, bind.key, bind.family, bind.address, build.name), bind


def _replaced(subject: Subject) -> Iterator[tuple[Entry, Bind, Entry, Bind]]:
    """Yield an entry's bind that takes the place of an earlier one: which, and of which."""
    build = subject.inetd
    if build is None or subject.xinetd is not None:
        return
    table: dict[object, tuple[Entry, Bind]] = {}
    for entry in subject.reading.entries:
        for key, bind in _keys(entry, build):
            if key in table:
                yield entry, bind, *table[key]
            table[key] = entry, bind


@rule("I204", "earlier-line-replaced")
def earlier_line_replaced(subject: Subject) -> Found:
    """What it catches: a line that takes over the socket of an earlier one, with another server, other arguments or another user.

    Why it bites: the daemon knows an entry by service and protocol. A second one with the same key is no second listener: its server is
    put in place of the first one's, and nothing is logged. On Debian's openbsd-inetd `tcp` holds the key `tcp6` as well, so a `tcp6` line
    beside it rewrites its IPv6 half.

    Example:
        imap stream tcp  nowait root /usr/sbin/imapd imapd
        imap stream tcp6 nowait root /usr/sbin/imapd imapd -6

    Instead: tcp4 and tcp6 where the families are to be served differently, else one line.

    Source: openbsd-inetd inetd.c (config: matchconf; debian/patches/default_v4v6), inetutils inetd.c (enter); measured:
    tests/test_daemons.py

    """
    for entry, bind, earlier, old in _replaced(subject):
        kept = subject.inetd is not None and subject.inetd.keeps_builtin and performs(entry) != performs(earlier)
        if entry.duty != earlier.duty and bind.v6only == old.v6only and entry.origin is not None and not kept:
            text = f"{entry.service}/{bind.key}: this line takes the {bind.family.title} socket of an earlier one"
            labels = label_of(earlier, f"not served for {bind.family.title}")
            yield tell(text, entry.origin, labels=labels, remedy="write one line for each family, or one for both")


@rule("I213", "earlier-line-goes-on")
def earlier_line_goes_on(subject: Subject) -> Found:
    """What it catches: a second line for one socket that says `internal` where the first names a program, or `wait` where it says `nowait`.

    Why it bites: server, arguments and user become those of the second line, and what was settled when the first one was read stays. Behind
    a built-in service the second line is never heard of; behind a program `internal` is started as one, and every client is disconnected.
    A server that was to `wait` gets one client after the other; one that was not gets the listening socket, and on Debian's openbsd-inetd
    the port is closed behind its first client.

    Example:
        daytime stream tcp nowait root internal
        daytime stream tcp nowait root /usr/sbin/any any

    Instead: one line for each socket.

    Source: inetd.c of OpenBSD and inetutils (config: se_bi and se_wait are not copied to the entry that is there), busybox inetd.c;
    measured: tests/test_daemons_answers.py

    """
    yield from advised(subject, "I213", "keep one line for each socket")


@rule("I205", "socket-made-anew")
def socket_made_anew(subject: Subject) -> Found:
    """What it catches: `tcp6` and `tcp46` lines for one service, of which the last one decides what both open.

    Why it bites: FreeBSD's inetd takes the digits off before it compares entries. The second line closes the socket of the first and makes
    its own: after tcp46 and then tcp6, IPv4 is refused, and nothing is logged.

    Example:
        imap stream tcp46 nowait root /usr/local/libexec/imapd imapd
        imap stream tcp6  nowait root /usr/local/libexec/imapd imapd

    Instead: one of the two, or tcp4 and tcp6.

    Source: FreeBSD usr.sbin/inetd/inetd.c (config: SERVTAB_EXCEEDS, se_reset); measured with FreeBSD 14's inetd on a kernel 14

    """
    for entry, bind, earlier, old in _replaced(subject):
        if bind.v6only != old.v6only and entry.origin is not None:
            takes = "both families" if bind.v6only is False else "IPv6 alone"
            text = f"{entry.service}/{bind.key}: the IPv6 socket of an earlier line is made anew, and takes {takes}"
            labels = label_of(earlier, "this line has no say any more")
            yield tell(text, entry.origin, severity=Severity.ERROR, labels=labels, remedy="keep one of the two lines")


@rule("I206", "wildcard-and-specific")
def wildcard_and_specific(subject: Subject) -> Found:
    """What it catches: one line for every address of a family and another for a single one, both open at once.

    Why it bites: clients of that address get the second server, all others the first. Where the lines differ in who is let in, the wider
    one is easily taken for the only one. Linux refuses the pair for TCP (I201), so the file means something else there.

    Example:
        imap           stream tcp4 nowait root /usr/sbin/imapd imapd
        127.0.0.1:imap stream tcp4 nowait root /usr/sbin/imapd imapd -local

    Instead: it may well be meant so. Addresses for all lines, or for none, are easier to read.

    Source: in_pcblookup of FreeBSD, udp4_lib_lookup2 of Linux; measured: tests/test_kernel.py

    """
    for group in _held(subject).values():
        for wide, narrow in itertools.permutations(group, 2):
            one, other = kind_of(wide.socket), kind_of(narrow.socket)
            pair = (one in {Kind.V4_ANY, Kind.DUAL} and other is Kind.V4_ONE) or (one in {Kind.V6_ANY, Kind.DUAL} and other is Kind.V6_ONE)
            if pair and wide.entry is not narrow.entry and narrow.entry.origin is not None:
                text = f"{narrow.service}/{narrow.socket.transport.value}: {narrow.socket} takes its clients from {wide.socket}"
                labels = label_of(wide.entry, "serves every other address")
                yield tell(text, narrow.entry.origin, severity=Severity.NOTE, labels=labels)


@rule("I207", "silently-shared-port")
def silently_shared_port(subject: Subject) -> Found:
    """What it catches: an IPv6 datagram socket that is to take both families, beside an IPv4 one of another line.

    Why it bites: for UDP, Linux binds both without an error, for SO_REUSEADDR is set on them. The IPv4 socket gets every IPv4 datagram,
    and the line that says it serves both does not.

    Example:
        tftp dgram udp  wait root /usr/sbin/in.tftpd in.tftpd
        tftp dgram udp6 wait root /usr/sbin/in.tftpd in.tftpd -6

    Instead: one line for both families, or one for each.

    Source: linux net/ipv4/udp.c (udp_lib_lport_inuse, compute_score); measured: tests/test_kernel.py

    """
    for (transport, port), group in _held(subject).items():
        duals = [held for held in group if held.socket.dual and Family.IPV4 not in held.accepts and held.accepts]
        # Where it is not known who gets them (illumos), the IPv4 socket accepts nobody for certain.
        native = next((held for held in group if kind_of(held.socket) is Kind.V4_ANY and held.accepts), None)
        for held in duals:
            if native is not None and native.entry is not held.entry and held.entry.origin is not None:
                text = f"{held.service}/{transport.value}: IPv4 datagrams to port {port} go to another line, and no error says so"
                yield tell(text, held.entry.origin, labels=label_of(native.entry, "gets them"), remedy="write one line for each family")


@rule("I211", "order-of-files-decides")
def order_of_files_decides(subject: Subject) -> Found:
    """What it catches: two files of the folder whose lines contend for a port.

    Why it bites: the folder is read in the order in which the file system hands its names out. Which of the two wins is chance, and may
    change when the host is restored from a backup.

    Example:
        /etc/inetd.d/imap      imap stream tcp nowait root /usr/sbin/imapd imapd
        /etc/inetd.d/imap.old  imap stream tcp nowait root /usr/sbin/imapd imapd -old

    Instead: one of them.

    Source: inetutils inetd.c (config_dir: readdir(3)); measured: tests/test_daemons.py

    """
    folder = (subject.host.directory or "").rstrip("/") + "/"
    if subject.inetd is None or subject.xinetd is not None or subject.host.directory is None:
        return
    for (transport, port), group in _ports(subject).items():
        inside = [entry for entry in group if entry.origin is not None and entry.origin.source.path.startswith(folder)]
        for one, other in itertools.combinations(inside, 2):
            if one.origin is None or other.origin is None or one.origin.source.path == other.origin.source.path:
                continue
            if _outcome(one, other, subject.host) != _outcome(other, one, subject.host):
                text = f"port {port}/{transport.value} goes to whichever of two files is read first, and that is chance"
                label = Label(one.origin, "the other one")
                yield tell(text, other.origin, severity=Severity.ERROR, labels=(label,), remedy="keep one of the lines")


def _outcome(first: Entry, second: Entry, host: Host) -> set[tuple[object, ...]]:
    told = predict((first, second), host)
    return {(held.socket, held.accepts, held.entry.duty) for held in told.sockets}


@rule("I212", "family-carried-over")
def family_carried_over(subject: Subject) -> Found:
    """What it catches: a tcp or tcp4 line below a tcp6 line that was dropped half-way, as for its nowait or its built-in service.

    Why it bites: old FreeBSDs and DragonFly note the digits when they read them and forget them only when an entry is made. The digits of a
    dropped tcp6 line count for the line below it: tcp then takes IPv6 instead of IPv4, and tcp4 becomes tcp46.

    Example:
        pop3 stream tcp6 nowait/x root /usr/local/libexec/popper popper
        imap stream tcp  nowait   root /usr/local/libexec/imapd imapd

    Instead: mend the line above, or make it a comment.

    Source: FreeBSD 5 and DragonFly usr.sbin/inetd/inetd.c (getconfigent: v4bind, v6bind stay as they are at `more:`)

    """
    build = subject.inetd
    if build is None or not build.carries_family:
        return
    above: inetd.Fields | None = None
    for fields in subject.lines:
        protocol, entry = fields.words[2] if len(fields.words) > 2 else "", subject.entry(fields.span)
        taken = entry is not None and any(bind.family is Family.IPV6 for bind in entry.binds)
        if above is not None and taken and protocol in {"tcp", "udp", "tcp4", "udp4"}:
            text = f"{fields.words[0]}: the digits of {above.words[2]} above count here too, for that line is dropped"
            label = Label(above.spans[2], "these digits")
            yield tell(text, fields.spans[2], severity=Severity.ERROR, labels=(label,), remedy="mend the line above, or make it a comment")
        if entry is not None:
            above = None
        elif re.fullmatch("(tcp|udp)[46]*6[46]*", protocol):
            above = fields
