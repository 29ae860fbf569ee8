"""Rules: what works when xinetd starts and fails when it is told to read its files again."""

from __future__ import annotations

import itertools

from inet46.diagnostics import Fix, Label, Severity
from inet46.entry import Entry
from inet46.formats.xinetd import Include, Paragraph
from inet46.lint._rules import Found, Subject, rule, tell
from inet46.lint.rules._xinetd import above, living, shown
from inet46.sockets import Family

__all__: list[str] = []


@rule("I720", "shared-id")
def shared_id(subject: Subject) -> Found:
    """What it catches: two services of one port with the same id; where no id stands, the name is the id.

    Why it bites: at a reload xinetd finds a service again by its id. Of two with the same one it takes the first that it comes to, so
    that after their order has changed it closes the one socket and tries to bind the other one twice: a family is lost. The lists
    `enabled` and `disabled` name both at once.

    Example:
        service imap
        {
            flags = IPv4
            ...
        }
        service imap
        {
            flags  = IPv6
            v6only = yes
            ...
        }

    Instead: an id of its own for each: id = imap-ipv6.

    Source: xinetd conf.c (cnf_extract), sconf.c (sc_different_confs); measured: order of two paragraphs swapped, Debian 12

    """
    first: dict[tuple[object, ...], Paragraph] = {}
    taken = {(entry.id or entry.service).lower() for _, entry in living(subject)}
    for paragraph, entry in living(subject):
        port = entry.port if entry.port is not None else subject.host.port(entry.service, entry.transport)
        key = ((entry.id or entry.service).lower(), entry.transport, port)
        other = first.setdefault(key, paragraph)
        if other is paragraph:
            continue
        fresh = _fresh(entry, taken)
        taken.add(fresh)
        fix = None
        if entry.id is None and paragraph.attributes:
            fix = Fix(title=f"give it the id {shown(fresh)}", edits=(above(paragraph.attributes[0].span, f"id = {fresh}"),))
        yield tell(
            f"{shown(paragraph.name)}: two services of one port have the id {shown(entry.id or entry.service)}",
            paragraph.header,
            labels=(Label(other.header, "this one has it too"),),
            remedy=f"give each an id of its own, as id = {shown(fresh)}",
            fix=fix,
        )


def _fresh(entry: Entry, taken: set[str]) -> str:
    """Return an id that nobody has, which says for which family the service is."""
    family = "ipv6" if any(bind.family is Family.IPV6 for bind in entry.binds) else "ipv4"
    names = (f"{entry.service}-{family}{'' if number == 1 else f'-{number}'}" for number in itertools.count(1))
    return next(name for name in names if name.lower() not in taken)


@rule("I721", "relative-include")
def relative_include(subject: Subject) -> Found:
    """What it catches: `include` or `includedir` with a path that does not begin with a slash.

    Why it bites: it is looked for below the directory in which xinetd was started. When it has read its files xinetd changes to /, and
    the next reload looks there: the file is not found, and its services are dropped.

    Example:
        include services.conf

    Instead: include /etc/services.conf

    Source: xinetd main.c (chdir after the first reading), includedir.c; measured on Debian 12

    """
    for document in subject.documents:
        for item in document.items:
            if isinstance(item, Include) and not item.path.startswith("/"):
                word = "includedir" if item.folder else "include"
                start = item.span.start + item.span.text.index(item.path, item.span.text.lower().index("include") + 7)
                whole = f"{document.source.path.rpartition('/')[0]}/{item.path}"
                yield tell(
                    f"{word} {shown(item.path)}: what is read at a reload is /{shown(item.path)}",
                    item.span,
                    severity=Severity.ERROR,
                    remedy=f"write the whole path: {word} {shown(whole)}" if start else None,
                )


@rule("I722", "v6only-needs-a-restart")
def v6only_needs_a_restart(subject: Subject) -> Found:
    """What it catches: a service with `v6only = yes` on an IPv6 socket, of which it is worth knowing how it can be changed.

    Why it bites: a reload leaves a socket alone unless its address or family changed, and `v6only` is neither: taking the line away, or
    adding it, changes nothing before xinetd is restarted. A `bind` that is taken away, of the same family, stays as well. What does change
    at once is how IPv4 clients look to the server.

    Example:
        v6only = yes

    Instead: restart xinetd after such a change, or give the service a new id, so that its socket is closed and made anew.

    Source: xinetd reconfig.c (readjust), service.c; measured: socket inode unchanged after HUP, Debian 12 and upstream's 2.3.15

    """
    for paragraph, entry in living(subject):
        line = next((one for one in paragraph.attributes if one.name == "v6only"), None)
        if line and tuple(map(str.lower, line.values)) == ("yes",) and any(bind.family is Family.IPV6 for bind in entry.binds):
            yield tell(
                f"{shown(paragraph.name)}: a reload does not apply a change of v6only",
                line.span,
                severity=Severity.NOTE,
                remedy="restart xinetd after a change of this line, or change the id with it",
            )
