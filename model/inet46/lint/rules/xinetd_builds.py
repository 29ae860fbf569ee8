"""Rules: what one build of xinetd takes in another way than the next."""

from __future__ import annotations

from inet46.diagnostics import Cost, Edit, Fix, Label, Severity, Span
from inet46.lint._rules import Found, Subject, rule, tell
from inet46.lint.rules._xinetd import above, living, off, services, shown, values_of
from inet46.service import Program
from inet46.sockets import Family, Transport

__all__: list[str] = []

_BUILDS = {
    "rlimit_files": "Fedora's builds and the openSUSE fork, which is Debian's",
    "libwrap": "builds with TCP wrappers, from 2.3.14 on",
    "mdns": "builds of the original xinetd with mDNS",
}


@rule("I431", "family-by-build")
def family_by_build(subject: Subject) -> Found:
    """What it catches: services that name no family: neither IPv4 nor IPv6 in `flags`, and no `bind`.

    Why it bites: the family is then a constant of the build. The original xinetd, FreeBSD's port and Debian up to 9 open an IPv4 socket;
    Fedora's, the openSUSE fork and Debian from 10 on open one for both families. The same file serves IPv6 clients on one host and not
    on the next, and an upgrade opens to IPv6 what was closed.

    Example:
        service imap
        {
            socket_type = stream
            ...
        }

    Instead: `flags = IPv4` for IPv4 alone, `flags = IPv6` for both, `flags = IPv6` with `v6only = yes` for IPv6 alone: these mean the same
    with every build. What was served so far is kept by `flags = IPv4` with the first three, and by `flags = IPv6` with the others.

    Source: xinetd confparse.c (service_fill), the bind-ipv6 patch (bz#195265); measured: tests/cases/xinetd/matrix.toml

    """
    build = subject.xinetd
    shared = any(
        one.name in {"bind", "interface"} for paragraph in subject.paragraphs if paragraph.defaults for one in paragraph.attributes
    )
    if build is None or shared:
        return
    silent: dict[tuple[str, bool], list[str]] = {}
    heads: dict[tuple[str, bool], Span] = {}
    for paragraph, _ in living(subject):
        names = {one.name for one in paragraph.attributes}
        words = {value.upper() for one in paragraph.attributes if one.name == "flags" for value in one.values}
        if not names & {"bind", "interface"} and not words & {"IPV4", "IPV6"}:
            key = paragraph.header.source.path, "v6only" in names
            silent.setdefault(key, []).append(paragraph.name)
            heads.setdefault(key, paragraph.header)
    for key, mine in silent.items():
        more = f" and {len(mine) - 1} more name" if mine[1:] else " names"
        six = build.default_family is Family.IPV6
        wide = "IPv6 alone" if key[1] else "both families"
        here, elsewhere = (wide, "IPv4 alone") if six else ("IPv4 alone", wide)
        now, other = ("IPv6", "IPv4") if six else ("IPv4", "IPv6")
        yield tell(
            f"{shown(mine[0])}{more} no family: {here} with this build, {elsewhere} with others",
            heads[key],
            severity=Severity.NOTE,
            remedy=f"write flags = {now} to keep {here}, or flags = {other} for {elsewhere}: these mean the same with every build",
        )


@rule("I432", "attribute-of-some-builds")
def attribute_of_some_builds(subject: Subject) -> Found:
    """What it catches: rlimit_files, libwrap and mdns, in a service that this host's xinetd starts.

    Why it bites: each is known to some builds only. The others pass over it with a warning, and the service runs without the limit, or
    with TCP wrappers.

    Example:
        rlimit_files = 256

    Instead: keep it where every host knows it; otherwise a limit of the service manager.

    Source: xinetd parse.c (service_attributes[]: #ifdef LIBWRAP, HAVE_MDNS, RLIMIT_NOFILE); measured: tests/cases/xinetd/matrix.toml

    """
    unknown = {(fault.span.source.path, fault.span.start) for fault in subject.said("I140") if fault.span}
    for paragraph, _ in living(subject):
        for attribute in paragraph.attributes:
            if attribute.name in _BUILDS and (attribute.span.source.path, attribute.span.start) not in unknown:
                yield tell(
                    f"{shown(paragraph.name)}: only some builds know {attribute.name}; the others ignore it",
                    attribute.span,
                    severity=Severity.NOTE,
                    notes=(f"known to {_BUILDS[attribute.name]}",),
                )


@rule("I433", "enabled-beats-disable")
def enabled_beats_disable(subject: Subject) -> Found:
    """What it catches: a service with `disable = yes` whose id stands in the `enabled` list of defaults.

    Why it bites: the manual says that `disable` wins, and that is so in the openSUSE fork and on Debian only. The original xinetd and
    Fedora's serve it.

    Example:
        defaults
        {
            enabled = imap
        }
        service imap
        {
            disable = yes
            ...
        }

    Instead: say it in one place.

    Source: xinetd parse.c (parse_entry of the fork stops at disable = yes), confparse.c (remove_disabled_services); measured:
    tests/cases/xinetd/matrix.toml

    """
    build = subject.xinetd
    lists = [one for paragraph in subject.paragraphs if paragraph.defaults for one in paragraph.attributes if one.name == "enabled"]
    for paragraph in services(subject) if build else ():
        ids = [one.values[0] for one in paragraph.attributes if one.name == "id" and len(one.values) == 1]
        name = (ids[0] if ids else paragraph.name).lower()
        line = next((one for one in lists if name in map(str.lower, one.values)), None)
        if build and off(paragraph) and line:
            here = (
                "stays off here, and the original xinetd serves it"
                if build.disable_is_final
                else "is served here in spite of disable = yes"
            )
            yield tell(
                f"{shown(paragraph.name)}: {here}",
                next(one.span for one in paragraph.attributes if one.name == "disable"),
                severity=Severity.WARNING if build.disable_is_final else Severity.ERROR,
                labels=(Label(line.span, "this list names it"),),
                remedy="take it out of the list, or say disable = no",
            )


@rule("I434", "datagram-without-wait")
def datagram_without_wait(subject: Subject) -> Found:
    """What it catches: a datagram service with `wait = no`.

    Why it bites: up to 2.3.15.3 xinetd takes it and starts a server for each datagram; from 2.3.15.4 on it disables the service.

    Example:
        socket_type = dgram
        wait        = no

    Instead: wait = yes, with a server that reads what comes until it is quiet.

    Source: xinetd confparse.c (check_entry: has socket_type dgram, but does not wait), openSUSE fork 2.3.15.4

    """
    for paragraph, entry in living(subject):
        line = next((one for one in paragraph.attributes if one.name == "wait"), None)
        if entry.transport is Transport.UDP and not entry.wait and line:
            edits = tuple(Edit(span, "yes") for span in values_of(line))
            yield tell(
                f"{shown(paragraph.name)}: a datagram service that does not wait is disabled by xinetd from 2.3.15.4 on",
                line.span,
                remedy="write wait = yes, if the server can",
                fix=Fix(title="write wait = yes", edits=edits, safe=False),
            )


@rule("I176", "nameinargs-too-late")
def nameinargs_too_late(subject: Subject) -> Found:
    """What it catches: the flag NAMEINARGS below server_args.

    Why it bites: xinetd puts the arguments together when it comes to server_args, and needs to know by then whether they begin with the
    program's name. Below it, argv[0] is missing: with TCP wrappers, as on Debian, the process of every connection crashes; without them
    the server is started without a name.

    Example:
        server_args = imapd -d
        flags       = NAMEINARGS

    Instead: flags first.

    Source: xinetd parsers.c (server_args_parser), access.c (strrchr of argv[0]); measured on Debian 12 and upstream's 2.3.15

    """
    for paragraph, entry in living(subject):
        names = [one.name for one in paragraph.attributes]
        flags = next((one for one in paragraph.attributes if one.name == "flags"), None)
        args = next((one for one in paragraph.attributes if one.name == "server_args"), None)
        named = flags and "NAMEINARGS" in map(str.upper, flags.values)
        if flags and args and named and isinstance(entry.program, Program) and names.index("server_args") < names.index("flags"):
            text = flags.span.text.strip(" \t\n")
            moved = (above(args.span, text), Edit(flags.span, ""))
            yield tell(
                f"{shown(paragraph.name)}: NAMEINARGS stands below server_args: the server gets no argv[0]",
                flags.span,
                severity=Severity.ERROR,
                labels=(Label(args.span, "the arguments are put together here"),),
                remedy="move flags above server_args",
                cost=Cost.ENTRY,
                fix=Fix(title="move flags above server_args", edits=moved, safe=False),
            )
