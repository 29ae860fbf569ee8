"""Rules: files and includes, whichever daemon reads them."""

from __future__ import annotations

import attrs

from inet46.diagnostics import Cost, Severity, Span
from inet46.lint._rules import Found, Subject, rule, tell
from inet46.lint.rules._inetd import swap

__all__: list[str] = []


@rule("I182", "byte-order-mark")
def byte_order_mark(subject: Subject) -> Found:
    """What it catches: a file that begins with the byte order mark of UTF-8.

    Why it bites: for the daemon the mark is part of the first word. To xinetd `service` is then no `service`, and a comment is no comment;
    everything to the next closing brace is skipped, and the includes on the way. To an inetd the first service has a name that nobody
    knows, and a comment is a broken line.

    Example:
        <U+FEFF>service imap

    Instead: UTF-8 without a mark.

    Source: xinetd parse.c (find_next_entry: missing service keyword), parsesup.c (next_line); measured on Debian 12; inetd.c of
    every build (only line[0] == '#' is a comment). systemd passes the mark over.

    """
    if subject.xinetd is None and subject.inetd is None:
        return
    for source in subject.reading.sources:
        if source.text.startswith("\ufeff"):
            mark = Span(source, 0, 1)
            reader = "xinetd" if subject.xinetd is not None else "inetd"
            yield tell(
                f"the file begins with a byte order mark, which {reader} takes for a part of the first word",
                mark,
                severity=Severity.ERROR,
                remedy="save the file without the mark",
                cost=Cost.ENTRY,
                fix=swap(mark, "", "take the mark away"),
            )


@rule("I126", "missing-include")
def missing_include(subject: Subject) -> Found:
    """What it catches: `include` of a file that is not there; in NetBSD's inetd.conf `.include` of a pattern that nothing fits.

    Why it bites: the daemon says so in its log and goes on without what stands in that file. The path is the first word behind `include`,
    as it stands: to xinetd quotes and blanks cannot be part of one. NetBSD takes it from the folder of the file in which it stands.

    Example:
        include /etc/xinetd.mial

    Instead: the absolute path of a file that is there, without blanks and quotes.

    Source: xinetd parse.c (parse_conf_file: Unable to open included configuration file); measured: tests/cases/xinetd/files.toml;
    NetBSD usr.sbin/inetd/parse.c (include_configs, read_glob_configs)

    """
    for fault in subject.said("I126"):
        if fault.span is None or "\r" not in fault.span.text:
            yield attrs.evolve(fault, help="remove the line, or put the file there")


@rule("I127", "include-loop")
def include_loop(subject: Subject) -> Found:
    """What it catches: a file that includes itself, by itself or by way of others.

    Why it bites: xinetd goes round in the circle until it crashes, and every service is gone. NetBSD's inetd sees it, says so, and passes
    over the line.

    Example:
        include /etc/xinetd.conf

    Instead: include each file once, from the main file.

    Source: xinetd parse.c (parse_conf_file calls itself and remembers nothing); measured: SIGSEGV on Debian 12; NetBSD
    usr.sbin/inetd/parse.c (check_no_reinclude)

    """
    for fault in subject.said("I127"):
        yield attrs.evolve(fault, cost=fault.cost if subject.xinetd is None else Cost.DAEMON, help="remove the line")
