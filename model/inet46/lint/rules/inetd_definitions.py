"""Rules: definitions of key = value pairs and directives, which NetBSD's inetd has."""

from __future__ import annotations

import attrs

from inet46.diagnostics import Edit, Fix, Span
from inet46.lint._rules import Found, Subject, rule
from inet46.lint.rules._inetd import advised

__all__: list[str] = []


@rule("I185", "broken-definition")
def broken_definition(subject: Subject) -> Found:
    """What it catches: a definition with a mistake in its syntax: no `=`, no `;` at its end, a quote that is not closed.

    Why it bites: NetBSD's inetd reads the file no further. What stands above is served, every service below is gone. A `;` that was
    forgotten makes the next line a part of the definition, and is said there or at the end of the file.

    Example:
        imap on protocol = tcp6, wait = no, user = root, exec = /usr/libexec/imapd

    Instead: `key = value` with commas between the pairs, and a `;` at the end.

    Source: NetBSD usr.sbin/inetd/parse_v2.c (parse_syntax_v2, parse_invoke_handler, next_value, parse_quotes)

    """
    yield from advised(subject, "I185", "write key = value, a comma before the next key, and a ; at the end")


@rule("I186", "invalid-definition")
def invalid_definition(subject: Subject) -> Found:
    """What it catches: a definition that can be read, and says something that cannot be, or too little.

    Why it bites: it is lost, and what follows it is taken down as well (I187). A protocol of `tcp` without a numeric address is such a
    case: where nothing says the family, the daemon does not choose one.

    Example:
        imap on protocol = tcp, wait = no, user = root, exec = /usr/libexec/imapd;

    Instead: socktype, protocol with its digit, wait, user and exec, each once.

    Source: NetBSD usr.sbin/inetd/parse_v2.c (the key handlers, fill_default_values, infer_protocol_ip_version)

    """
    yield from advised(subject, "I186", "say each key once, and protocol, wait, user and exec in any case")


@rule("I187", "swallowed-line")
def swallowed_line(subject: Subject) -> Found:
    """What it catches: a line that is lost because the definition above it is off, or invalid.

    Why it bites: when NetBSD's inetd gives a definition up it has the next line in its hands already, and drops it. Who switches a service
    off by `off` switches the one below off too; the log says nothing.

    Example:
        pop3 off protocol = tcp6, wait = no, user = root, exec = /usr/libexec/pop3d;
        imap on protocol = tcp6, wait = no, user = root, exec = /usr/libexec/imapd;

    Instead: an empty line or a comment below a definition that is off; it is dropped in place of the service.

    Source: NetBSD usr.sbin/inetd/parse.c (getconfigent: goto more behind parse_syntax_v2, as V2_SKIP and for off); read, not run

    """
    for fault in subject.said("I187"):
        fix = None
        if fault.span is not None:
            at = Span(fault.span.source, fault.span.start, fault.span.start)
            begins = at.column == 1
            fix = Fix(title="put an empty line before it", edits=(Edit(at, "\n" if begins else "\n\n"),), safe=False)
        yield attrs.evolve(fault, help="put an empty line before it", fix=fix)


@rule("I188", "unknown-directive")
def unknown_directive(subject: Subject) -> Found:
    """What it catches: a line that begins with a dot and a word which is no directive.

    Why it bites: NetBSD's inetd has one directive, `.include`. Any other line that begins with a dot is lost, a service whose name does so
    among them.

    Example:
        .includes /etc/inetd.d/*

    Instead: `.include`, or no dot.

    Source: NetBSD usr.sbin/inetd/parse.c (getconfigent: Unknown directive)

    """
    yield from advised(subject, "I188", "write .include, or remove the dot")


@rule("I189", "include-without-file")
def include_without_file(subject: Subject) -> Found:
    """What it catches: `.include` with nothing behind it.

    Why it bites: NetBSD's inetd reads the file no further, so every service below is gone.

    Example:
        .include

    Instead: a pattern behind it, `.include inetd.d/*`, or no such line.

    Source: NetBSD usr.sbin/inetd/parse.c (getconfigent, include_configs)

    """
    yield from advised(subject, "I189", "name a file or a pattern, or remove the line")
