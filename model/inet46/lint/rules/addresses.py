"""Rules: addresses before a service, one by one, in lists, and as the default for the lines below."""

from __future__ import annotations

import re

from inet46.diagnostics import Cost, Severity
from inet46.formats import inetd
from inet46.formats._reading import numeric
from inet46.lint._rules import Found, Subject, rule, tell
from inet46.lint.rules._inetd import parted, place_of, respelled
from inet46.sockets import Family

__all__: list[str] = []


def _defaults(subject: Subject) -> list[inetd.Fields]:
    build = subject.inetd
    if build is None or not build.host_prefix:
        return []
    return [fields for fields in subject.lines if len(fields.words) == 1 and fields.words[0].endswith(":")]


@rule("I208", "default-host-reset")
def default_host_reset(subject: Subject) -> Found:
    """What it catches: a line `*:` that is to end a default address, where the daemon uses memory that it has freed.

    Why it bites: in inetutils the default stays, in memory that belongs to nobody: the lines below are bound to a host of any name that
    happens to stand there (`tcp` was met). A second such line makes the daemon abort, and no service is left.

    Example:
        127.0.0.1:
        imap stream tcp nowait root /usr/sbin/imapd imapd
        *:
        pop3 stream tcp nowait root /usr/sbin/pop3d pop3d

    Instead: an address before each service that needs one.

    Source: inetutils inetd.c (nextconfig: global_serv_node is freed and not reset), 2.4 and 2.6; measured: tests/test_daemons.py

    """
    build = subject.inetd
    if build is None or build.default_host_ends:
        return
    told, resets = False, 0
    for fields in _defaults(subject):
        if fields.words[0] != "*:":
            told = True
        elif told:
            resets += 1
            kills = resets > 1
            yield tell(
                "a second *: makes this inetd abort" if kills else "*: ends no default address here: what holds below is not known",
                fields.spans[0],
                severity=Severity.ERROR,
                remedy="write addresses before the services, and no default",
                cost=Cost.DAEMON if kills else Cost.REST,
            )


@rule("I209", "default-host-carried-over")
def default_host_carried_over(subject: Subject) -> Found:
    """What it catches: a default address that is still in force at the end of a file, with other files to be read.

    Why it bites: it holds for them as well, also for a package's file in /etc/inetd.d that knows nothing of it. These files are read in no
    order that anybody could tell.

    Example:
        127.0.0.1:
        imap stream tcp nowait root /usr/sbin/imapd imapd

    Instead: an address before each service that needs one.

    Source: inetutils inetd.c (config, nextconfig: global_serv_node is static); measured: tests/test_daemons.py

    """
    paths = [source.path for source in subject.reading.sources]
    last = {fields.span.source.path: fields for fields in _defaults(subject)}
    for path, fields in last.items():
        if fields.words[0] != "*:" and path != paths[-1]:
            text = f"default address {fields.words[0]} holds in the files that are read after this one too"
            yield tell(text, fields.spans[0], remedy="write the address before each service")


@rule("I210", "address-without-socket")
def address_without_socket(subject: Subject) -> Found:
    """What it catches: an address in a list before the service at which nothing is opened, for it has the other family than the protocol.

    Why it bites: `127.0.0.1,::1:imap` with `tcp` opens both on Debian's openbsd-inetd alone, with an error for each half in the log; with
    tcp4 the IPv6 address is left out.

    Example:
        127.0.0.1,::1:imap stream tcp4 nowait root /usr/sbin/imapd imapd

    Instead: a line for each family.

    Source: openbsd-inetd inetd.c (config: gethost), inetutils inetd.c (getaddrinfo); measured: tests/test_daemons.py

    """
    lines = parted(subject)
    for entry in subject.reading.entries:
        fields = lines.get(place_of(entry.origin)) if entry.origin is not None else None
        hosts = fields.words[0].rpartition(":")[0].split(",") if fields is not None else []
        if fields is None or len(hosts) < 2:
            continue
        bound = {numeric(re.sub(r"^::ffff:(?=\d+\.)", "", bind.address or "")) for bind in entry.binds}
        for host in hosts:
            address = numeric(host)
            if address is not None and address not in bound:
                text = f"{entry.service}: {fields.words[2]} opens nothing at {host}"
                yield tell(text, fields.spans[0], severity=Severity.ERROR, remedy="write a line for each family")


@rule("I309", "address-is-mapped")
def address_is_mapped(subject: Subject) -> Found:
    """What it catches: an IPv4 address before a service, with a protocol of IPv6.

    Why it bites: inetutils makes a mapped address of it and an IPv6 socket: IPv4 clients come in, as ::ffff:a.b.c.d, and IPv6 ones do not.
    Other inetds open nothing.

    Example:
        127.0.0.1:imap stream tcp6 nowait root /usr/sbin/imapd imapd

    Instead: the protocol of the address's family.

    Source: inetutils inetd.c (getaddrinfo with AI_V4MAPPED); measured: tests/test_daemons.py

    """
    lines = parted(subject)
    for entry in subject.reading.entries:
        fields = lines.get(place_of(entry.origin)) if entry.origin is not None else None
        mapped = next((bind.address for bind in entry.binds if (bind.address or "").startswith("::ffff:")), None)
        if fields is not None and mapped is not None and mapped.removeprefix("::ffff:") in fields.words[0].split(":")[0].split(","):
            text = f"{entry.service}: {fields.words[2]} makes {mapped} of the address, and takes no IPv6 client"
            fix = respelled(fields, subject, frozenset({Family.IPV4}))
            yield tell(text, fields.spans[0], remedy="write the protocol of the address's family", fix=fix)
