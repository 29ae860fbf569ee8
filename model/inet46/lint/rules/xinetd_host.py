"""Rules: what xinetd finds on its host besides the paragraphs themselves."""

from __future__ import annotations

import re
from collections.abc import Iterator

import attrs

from inet46.diagnostics import Cost, Label, Severity, Span
from inet46.entry import Entry
from inet46.formats import COMPAT
from inet46.formats.xinetd import Attribute, Include, Paragraph, parse
from inet46.lint._rules import Found, Subject, rule, tell
from inet46.lint.rules._xinetd import off, services, shown

__all__: list[str] = []

# Names that editors and package managers give to what is not to be read, and that xinetd does not read.
_MEANT_TO_REST = re.compile(r"\..*|.*(~|\.(rpmnew|rpmsave|rpmorig|dpkg-\w+|ucf-\w+|bak|old|orig|swp|save|disabled|off|pacnew|pacsave))")
# Names of backups that it does read.
_BACKUP = re.compile(r"#.*#|.*,v|.*[-_](bak|backup|old|orig|save|copy|dist|new)|(old|backup)[-_].*", re.IGNORECASE)


@rule("I530", "no-such-server")
def no_such_server(subject: Subject) -> Found:
    """What it catches: a `server` that is not there or cannot be executed, where somebody looked.

    Why it bites: xinetd looks when it reads its files, and disables the service.

    Example:
        server = /usr/sbin/imapd

    Instead: install the program first, then the service.

    Source: xinetd parsers.c (server_parser: access X_OK); measured on Debian 12

    """
    for fault in subject.said("I530"):
        yield attrs.evolve(fault, help="install the program, or correct the path")


@rule("I531", "no-such-user")
def no_such_user(subject: Subject) -> Found:
    """What it catches: a `user` that does not exist, where somebody looked.

    Why it bites: xinetd disables the service. A number is taken without a look, and its group is then the same number.

    Example:
        user = imapd

    Instead: a user that exists.

    Source: xinetd parsers.c (user_parser: getpwnam); measured on Debian 12

    """
    for fault in subject.said("I531"):
        yield attrs.evolve(fault, help="create the user, or name another one")


def _compat(subject: Subject) -> list[Entry]:
    """Return what xinetd serves of /etc/inetd.conf."""
    return [entry for entry in subject.reading.entries if subject.xinetd and entry.origin and entry.origin.source.path == COMPAT]


def _first(paragraph: Paragraph, name: str) -> Attribute | None:
    return next((one for one in paragraph.attributes if one.name == name), None)


@rule("I149", "nameless-builtin")
def nameless_builtin(subject: Subject) -> Found:
    """What it catches: a built-in service of /etc/inetd.conf for which xinetd has no id, beside an `enabled` or `disabled` list,
    or a `log_type` of syslog, in defaults.

    Why it bites: the lists are compared with the id of every service. This one has none, and xinetd dies at it with every service. A log in
    syslog is opened under the id as well: without one there is none, and the service is not started.

    Example:
        tcpmux stream tcp nowait root internal

    Instead: the service in a paragraph of xinetd, or defaults without these attributes.

    Source: xinetd inet.c (parse_inet_conf_file), confparse.c (remove_disabled_services); measured by random files on Debian 12

    """
    for fault in subject.said("I149"):
        yield attrs.evolve(fault, help=f"remove the line from {COMPAT}, or write a paragraph for the service")


@rule("I532", "disabled-and-served")
def disabled_and_served(subject: Subject) -> Found:
    """What it catches: a service with `disable = yes` that stands in /etc/inetd.conf as well, where xinetd serves that too.

    Why it bites: Debian starts xinetd with -inetd_compat. Its README says that a paragraph hides the line of the same name, and that is no
    longer so: a disabled paragraph hides nothing, and the line is served.

    Example:
        service imap
        {
            disable = yes
        }

    Instead: remove the line from /etc/inetd.conf, or name the service in the `disabled` list of defaults.

    Source: xinetd inet.c (parse_inet_conf_file), Debian's /etc/default/xinetd (INETD_COMPAT); measured on Debian 12

    """
    lines = {entry.service.lower(): entry for entry in _compat(subject)}
    for paragraph in services(subject):
        entry = lines.get(paragraph.name.lower())
        line = _first(paragraph, "disable")
        if off(paragraph) and line and entry and entry.origin:
            yield tell(
                f"{shown(paragraph.name)}: disabled here, and served all the same: {COMPAT} names it too",
                line.span,
                severity=Severity.ERROR,
                labels=(Label(entry.origin, "xinetd serves this line"),),
                remedy=f"remove the line from {COMPAT}, or add the service to the disabled list of defaults",
            )


@rule("I534", "file-not-read")
def file_not_read(subject: Subject) -> Found:
    """What it catches: a file with services in a folder of an `includedir` whose name holds a dot or ends in ~.

    Why it bites: xinetd passes over it without a word. `imap.conf` is never read; `imap` is.

    Example:
        /etc/xinetd.d/imap.conf

    Instead: a name without a dot.

    Source: xinetd includedir.c (handle_includedir: strchr(name, '.')); measured on Debian 12

    """
    read = {source.path for source in subject.reading.sources}
    for include, path, name in _beside(subject):
        if path in read or _MEANT_TO_REST.fullmatch(name):
            continue
        document = parse(subject.files[path], path)
        heads = list(document.paragraphs)
        if heads and ("." in name or name.endswith("~")):
            yield tell(
                f"{shown(path)} is not read: its name holds a dot",
                heads[0].header,
                labels=(Label(include.span, "the folder is read here"),),
                remedy=f"rename it to {shown(name.partition('.')[0])}",
                cost=Cost.FILE,
            )


@rule("I535", "backup-is-read")
def backup_is_read(subject: Subject) -> Found:
    """What it catches: a backup in a folder of an `includedir` whose name xinetd does not pass over.

    Why it bites: only a dot and a ~ at the end keep a file from being read. `#imap#`, `imap-bak` and `imap,v` are read like any other, and
    in the C locale's order the first of them is read before the file itself, so that the old services win.

    Example:
        /etc/xinetd.d/imap-bak

    Instead: a name with a dot (imap.bak), or another folder.

    Source: xinetd includedir.c (handle_includedir); measured on Debian 12

    """
    read = {source.path: source for source in subject.reading.sources}
    for include, path, name in _beside(subject):
        if path in read and _BACKUP.fullmatch(name) and any(parse(read[path].text, path).paragraphs):
            yield tell(
                f"{shown(path)} looks like a backup, and xinetd reads it",
                Span(read[path], 0, 0),
                labels=(Label(include.span, "the folder is read here"),),
                remedy="give it a name with a dot, or remove it",
            )


def _beside(subject: Subject) -> Iterator[tuple[Include, str, str]]:
    """Yield the files of every folder that is included, by path and by name."""
    for document in subject.documents:
        for item in document.items:
            if isinstance(item, Include) and item.folder and item.path.startswith("/"):
                prefix = item.path.rstrip("/") + "/"
                names = ((path, path.removeprefix(prefix)) for path in sorted(subject.files) if path.startswith(prefix))
                yield from ((item, path, name) for path, name in names if "/" not in name)
