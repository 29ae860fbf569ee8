"""Rules: lines of inetd.conf that only some builds refuse, and mistakes that only some builds can be made to make."""

from __future__ import annotations

import re

import attrs

from inet46.diagnostics import Edit, Fix, Span
from inet46.lint._rules import Found, Subject, rule
from inet46.lint.rules._inetd import advised, judged, swap

__all__: list[str] = []

_WAIT = 3


@rule("I118", "leaked-address")
def leaked_address(subject: Subject) -> Found:
    """What it catches: an address before an unknown built-in service, where no line follows that would take the address over.

    Why it bites: inetutils drops the line and keeps its address for the next one. At the end of a file the next one is the first of the
    next file, of which nothing has been read yet: the daemon crashes over it, and every service is gone. With one file only it starts, and
    crashes at the first reload.

    Example:
        127.0.0.1:daytimes stream tcp nowait root internal

    Instead: the right name of the built-in service, or no address before it.

    Source: inetutils inetd.c (nextconfig, serv_node: the address of an entry that was given up); measured: tests/test_daemons_changes.py

    """
    yield from advised(subject, "I118", "write the service's official name, or remove the line")


@rule("I119", "bad-buffer-size")
def bad_buffer_size(subject: Subject) -> Found:
    """What it catches: buffer sizes behind a protocol that the daemon cannot read.

    Why it bites: the line is lost, and the service with it. A size needs its unit, and there are two of them at most.

    Example:
        imap stream tcp4,sndbuf=big nowait root /usr/sbin/imapd imapd

    Instead: sizes with a unit, `tcp4,sndbuf=64k,rcvbuf=64k`, or none.

    Source: NetBSD usr.sbin/inetd/parse.c (GETVAL)

    """
    yield from advised(subject, "I119", "write sndbuf=64k, or leave the sizes out")


@rule("I125", "already-converted")
def already_converted(subject: Subject) -> Found:
    """What it catches: a second line for a service and a protocol, where the first one counts.

    Why it bites: elsewhere the last one does. inetconv makes an SMF service of the first line, finds it there when it comes to the second
    one, and makes nothing of that: what stands in it never runs.

    Example:
        imap stream tcp6 nowait root /usr/sbin/imapd imapd
        imap stream tcp6 nowait root /usr/sbin/imapd imapd -debug

    Instead: one line.

    Source: illumos usr/src/cmd/cmd-inet/usr.sbin/inetconv.c (the manifest's name is made of service and protocol)

    """
    yield from advised(subject, "I125", "keep one of the lines")


@rule("I128", "behind-tcpmux")
def behind_tcpmux(subject: Subject) -> Found:
    """What it catches: a datagram service named `tcpmux/NAME`.

    Why it bites: such a service opens no socket; who wants it connects to port 1 and says its name. That is a stream, so a datagram service
    cannot be had that way, and the line is lost.

    Example:
        tcpmux/tftp dgram udp wait root /usr/libexec/tftpd tftpd

    Instead: the service under its own name, on its own port.

    Source: inetd.c of FreeBSD, NetBSD parse.c (getconfigent: MUX_LEN), RFC 1078

    """
    yield from advised(subject, "I128", "serve it under its own name")


@rule("I129", "bad-ipsec-policy")
def bad_ipsec_policy(subject: Subject) -> Found:
    """What it catches: a comment that begins with `#@`, and what follows is no IPsec policy.

    Why it bites: to the daemons that came from KAME `#@` is no comment. NetBSD stops reading the file there, so every service below is
    gone. (FreeBSD exits: I102.)

    Example:
        #@ see below

    Instead: a blank behind the # of a comment.

    Source: NetBSD usr.sbin/inetd/parse.c (getconfigent: ipsecsetup)

    """
    for fault in subject.said("I129"):
        fix = None
        if fault.span is not None:
            at = Span(fault.span.source, fault.span.start + 1, fault.span.start + 1)
            fix = Fix(title="make it a comment", edits=(Edit(at, " "),), safe=False)
        yield attrs.evolve(fault, help="begin a comment with # and a blank", fix=fix)


@rule("I132", "dgram-nowait")
def dgram_nowait(subject: Subject) -> Found:
    """What it catches: a datagram service with `nowait`, where the daemon refuses that.

    Why it bites: the line is lost. Other inetds take it, and start one server after another for the same datagram, until they give the
    service up.

    Example:
        tftp dgram udp nowait root /usr/sbin/in.tftpd in.tftpd

    Instead: `wait`: the server gets the socket, and the daemon has it back when the server ends.

    Source: illumos usr/src/cmd/cmd-inet/usr.sbin/inetconv.c (valid_props)

    """
    for fault, fields in judged(subject, "I132"):
        fix = None
        if fields is not None and len(fields.words) > _WAIT and (match := re.fullmatch(r"nowait(.*)", fields.words[_WAIT])):
            fix = swap(fields.spans[_WAIT], f"wait{match[1]}", "write wait")
        yield attrs.evolve(fault, help="write wait", fix=fix)


@rule("I133", "unread-line")
def unread_line(subject: Subject) -> Found:
    """What it catches: a line that the daemon passes over as a whole.

    Why it bites: it is the last one and has no newline, or it is longer than the daemon's buffer. inetconv looks for the newline, does not
    find it, and goes on without the service.

    Example:
        imap stream tcp6 nowait root /usr/sbin/imapd imapd (and the file ends here, without a newline)

    Instead: a newline at the end of the file, and arguments that are many in a script.

    Source: illumos usr/src/cmd/cmd-inet/usr.sbin/inetconv.c (fgets, strchr)

    """
    for fault in subject.said("I133"):
        fix = None
        if fault.span is not None and not fault.span.text.endswith("\n") and "newline" in fault.message:
            at = Span(fault.span.source, fault.span.stop, fault.span.stop)
            fix = Fix(title="end the file with a newline", edits=(Edit(at, "\n"),), safe=False)
        yield attrs.evolve(fault, help="end the line with a newline" if fix else "write a shorter line", fix=fix)
