"""Rules: files that a daemon which is already running does not take well."""

from __future__ import annotations

from inet46.diagnostics import Cost, Edit, Fix, Label, Severity, Source, Span
from inet46.entry import Entry
from inet46.lint._rules import Found, Subject, rule, tell
from inet46.lint.rules._inetd import label_of
from inet46.sockets import Family

__all__: list[str] = []


@rule("I710", "order-trips-reload")
def order_trips_reload(subject: Subject) -> Found:
    """What it catches: `tcp4` above `tcp6` for one service, where a reload binds in the order of the file.

    Why it bites: a daemon that still holds one socket for both families (tcp46) binds the IPv4 one first, while the old one is open, and
    fails; the old one goes with the line behind it. IPv4 is refused until the daemon tries again, ten minutes later. With IPv6 first, that
    line re-makes the old socket and makes room.

    Example:
        imap stream tcp4 nowait root /usr/local/libexec/imapd imapd
        imap stream tcp6 nowait root /usr/local/libexec/imapd imapd

    Instead: tcp6 above tcp4, or a restart, or SIGALRM after the reload.

    Source: FreeBSD usr.sbin/inetd/inetd.c (config, retry: RETRYTIME); measured with FreeBSD 14's inetd on a kernel 14

    """
    build = subject.inetd
    if build is None or not build.rebind_conflict or subject.host.row.order[0] is not Family.IPV6 or subject.xinetd is not None:
        return
    first: dict[tuple[object, ...], Entry] = {}
    for entry in subject.reading.entries:
        key = entry.service, entry.transport
        families = {bind.family for bind in entry.binds if bind.address is None}
        if families == {Family.IPV4}:
            first.setdefault(key, entry)
        elif key in first and entry.origin is not None and any(bind.v6only is True for bind in entry.binds):
            above = first.pop(key)
            text = (
                f"{entry.service}/{entry.transport.value}: IPv6 stands below IPv4, and a reload that comes from one dual socket loses IPv4"
            )
            yield tell(
                text,
                entry.origin,
                severity=Severity.NOTE,
                labels=label_of(above, "is bound while the old socket is open"),
                remedy=f"put this line above the other one, or send {build.heals.removeprefix('signal ')} after the reload",
                fix=_exchanged(above, entry),
            )


def _exchanged(above: Entry, below: Entry) -> Fix | None:
    """Exchange two lines."""
    one, other = above.origin, below.origin
    if one is None or other is None or one.source.path != other.source.path or not (one.text.endswith("\n") and other.text.endswith("\n")):
        return None
    return Fix(title="exchange the lines", edits=(Edit(one, other.text), Edit(other, one.text)), safe=False)


@rule("I711", "failed-bind-stays-dead")
def failed_bind_stays_dead(subject: Subject) -> Found:
    """What it catches: a line whose socket cannot be bound, where the daemon never makes good for it.

    Why it bites: inetutils tries again after ten minutes, binds, and forgets to listen. From then on the port is taken by a socket that
    answers nobody; no signal helps, and the log says nothing. The same becomes of a service that was switched off for looping.

    Example:
        imap stream tcp  nowait root /usr/sbin/imapd imapd
        imap stream tcp6 nowait root /usr/sbin/imapd imapd

    Instead: mend the file and restart the daemon; look at who listens, not at the log.

    Source: inetutils inetd.c (retry calls setup, not servent_setup), 2.4 and 2.6; measured: tests/test_daemons.py

    """
    build = subject.inetd
    if build is None or build.retry_listens or subject.xinetd is not None:
        return
    for fault in subject.said("I201"):
        text = "once the daemon has tried this bind again, only a restart brings the service back"
        yield tell(text, fault.span, remedy="mend the file, and restart the daemon")


@rule("I712", "missing-file-ends-daemon")
def missing_file_ends_daemon(subject: Subject) -> Found:
    """What it catches: a host without the file that its daemon reads.

    Why it bites: openbsd-inetd exits when the file is not there at a reload, and takes every service with it. An editor that removes the
    file before it writes the new one is enough.

    Example:
        rm /etc/inetd.conf; kill -HUP `cat /run/inetd.pid`

    Instead: write the new text beside the file and rename it, as `inet46` does.

    Source: openbsd-inetd inetd.c (config: exit(1)); measured: tests/test_daemons.py

    """
    build, path = subject.inetd, subject.host.config
    if build is None or not build.missing_file_kills or subject.xinetd is not None or path in subject.files or not subject.files:
        return
    if subject.host.policy.config is not None:
        return  # somebody asks about other files than the host's own
    place = Span(Source(path, ""), 0, 0)
    yield tell(f"there is no {path}: the next reload ends the daemon", place, cost=Cost.DAEMON, remedy="write an empty file")


@rule("I713", "retry-ends-daemon")
def retry_ends_daemon(subject: Subject) -> Found:
    """What it catches: a line whose socket cannot be bound, in a file that has a line without a port as well.

    Why it bites: a minute after the bind failed, busybox tries every line without a socket again, also the one whose service is not in
    /etc/services. That one has no address, and the daemon ends on it, with every service.

    Example:
        imap   stream tcp  nowait root /usr/sbin/imapd imapd
        imap   stream tcp6 nowait root /usr/sbin/imapd imapd
        mymail stream tcp  nowait root /usr/sbin/imapd imapd

    Instead: mend both lines before the daemon starts.

    Source: busybox networking/inetd.c (retry_network_setup, prepare_socket_fd); read, not run

    """
    build = subject.inetd
    nameless = subject.said("I110")
    if build is None or not build.retry_kills or not nameless:
        return
    for fault in subject.said("I201"):
        labels = tuple(Label(one.span, "has no port") for one in nameless[:1] if one.span is not None)
        text = "the daemon ends when it tries this bind again, for another line has no port"
        yield tell(text, fault.span, severity=Severity.ERROR, cost=Cost.DAEMON, labels=labels, remedy="mend both lines")
