"""launchd's property lists: one job each, with the sockets that launchd opens for it.

A dictionary of sockets is what getaddrinfo makes of it: without SockFamily two sockets, 0.0.0.0 and `[::]`, and every IPv6 socket has
IPV6_V6ONLY set, whatever the kernel's own setting is. The first bind that fails ends the rest of its dictionary. `parse` and `emit` keep
the text; what is written is a new property list. A binary one comes as text with surrogate escapes, which is bytes again when it is read.

Sources: launchd-842 support/launchctl.c (sock_dict_edit_entry, sock_dict_cb), launchd.plist(5); read, never run.
"""

from __future__ import annotations

import json
import plistlib
import posixpath
import re
import struct
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from xml.parsers.expat import ExpatError

import attrs

from inet46.diagnostics import Cost, Diagnostic, Severity, Source, Span
from inet46.entry import Bind, Entry, Unstartable
from inet46.errors import Inexpressible
from inet46.formats._reading import NUMBER, Reading, fault, numeric
from inet46.knowledge import Host, LaunchdBuild
from inet46.service import Builtin, Limits, Program
from inet46.sockets import Family, Transport

__all__ = ["Document", "emit", "label", "parse", "path_of", "read", "switched_off", "write"]

_LIMITS = {"CPU": "cpu", "Data": "data", "NumberOfFiles": "files", "ResidentSetSize": "rss", "Stack": "stack"}
_OURS = "inet46."
_KEYS = {"Label", "Disabled", "Program", "ProgramArguments", "Sockets", "UserName", "GroupName", "Umask", "Nice", "EnvironmentVariables"}
_SOCKET_KEYS = {"SockServiceName", "SockNodeName", "SockFamily", "SockType", "SockProtocol", "SockPassive"}
_FAMILIES = {"IPv4": Family.IPV4, "IPv6": Family.IPV6}
_BOTH = (Bind(family=Family.IPV4), Bind(family=Family.IPV6, v6only=True))


class _Lost(Exception):
    """launchd does not take this job."""


class _Unknown(Exception):
    """What this job opens is not known."""


@attrs.frozen
class Document:
    """One property list: what it says, and its text. `content` is None if it is none, and `problem` says why."""

    source: Source
    content: Mapping[str, Any] | None = attrs.field(repr=False)
    problem: str | None = None


def parse(text: str, path: str = "/Library/LaunchDaemons/job.plist") -> Document:
    """Take a text apart, be it XML or binary; every text is a document."""
    source = Source(path, text)
    try:
        content = plistlib.loads(text.encode("utf-8", "surrogateescape"))
    except ExpatError as error:
        return Document(source, None, str(error))
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError, struct.error, EOFError):
        return Document(source, None, "no property list, neither XML nor binary")
    if not isinstance(content, dict):
        return Document(source, None, "a property list without a dictionary in it")
    if not _fits(content, len(text)):
        return Document(source, None, "a property list that says the same thing over and over, or holds itself")
    return Document(source, content)


def _fits(content: object, most: int) -> bool:
    """Return True if a property list, written out, has no more parts than its text has characters.

    In a binary one a part may stand in many places: parts that hold the next one twice would be two to the power of their depth.
    """
    parts = [content]
    while parts and most >= 0:
        part = parts.pop()
        inner = list(part.values()) if isinstance(part, dict) else part if isinstance(part, list) else ()
        most -= 1 + len(inner)
        parts += inner if most >= 0 else ()
    return most >= 0


def emit(document: Document) -> str:
    """Give the text back, byte for byte."""
    return document.source.text


# -- reading ---------------------------------------------------------------------------------------------------------------------------


def read(files: Mapping[str, str], build: LaunchdBuild, host: Host) -> Reading:
    """Return an entry for each dictionary of sockets, job by job; `files` maps every path that could matter to its text."""
    folders = {host.config, *build.folders}
    entries: list[Entry] = []
    faults: list[Diagnostic] = []
    unknown: list[str] = []
    sources: list[Source] = []
    for path in sorted(files):
        if posixpath.dirname(path) not in folders or not path.endswith(".plist"):
            continue
        document = parse(files[path], path)
        sources.append(document.source)
        place = _place(document.source)
        try:
            entries += _job(document, place, faults)
        except _Lost as lost:
            faults.append(fault("I820", "job-lost", f"{path}: {lost}: the job is not loaded", place, cost=Cost.FILE))
        except (_Unknown, ValueError) as reason:
            unknown.append(f"{path}: {reason}")
    return Reading(entries=tuple(entries), faults=tuple(faults), unknown=tuple(unknown), sources=tuple(sources))


def _place(source: Source) -> Span:
    """Return where the sockets stand in a text, its first line if they do not (or it is binary)."""
    start = max(source.text.find("<key>Sockets</key>"), 0)
    return Span(source, start, start + len(source.text[start:].partition("\n")[0]))


def _job(document: Document, place: Span, faults: list[Diagnostic]) -> Iterator[Entry]:
    job = document.content
    if job is None:
        raise _Lost(document.problem)
    sockets = list(_dictionaries(job.get("Sockets", {})))
    if not sockets:
        return
    name = job.get("Label")
    if not isinstance(name, str) or not name:
        raise _Lost("there is no Label")
    if job.get("Disabled") is True:
        text = f"{name} is disabled, so that launchd does not load it (unless `launchctl enable` has said otherwise)"
        faults.append(fault("I821", "job-disabled", text, place, severity=Severity.NOTE))
        return
    common = _duty(job)
    for said in sockets:
        entry = _entry(said, name, place, common)
        if entry is not None and entry.binds:
            yield entry
        elif entry is not None:
            text = f"{name}: {said.get('SockNodeName')} is no address of {said.get('SockFamily')}: nothing is bound"
            faults.append(fault("I822", "address-of-other-family", text, place))


def _dictionaries(sockets: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the dictionaries of sockets: each key has one, or a list of them."""
    for value in sockets.values() if isinstance(sockets, dict) else ():
        yield from (one for one in (value if isinstance(value, list) else [value]) if isinstance(one, dict))


def _text(job: Mapping[str, Any], key: str) -> str | None:
    value = job.get(key)
    return value if isinstance(value, str) and value else None


def _duty(job: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is done for a client, as fields of Entry."""
    compat = job.get("inetdCompatibility")
    extra = {key: value for key, value in job.items() if key not in _KEYS}
    extra.pop("inetdCompatibility", None)
    limits, rest = _limits(job)
    if limits.rlimits:
        extra = {key: value for key, value in extra.items() if key not in {"SoftResourceLimits", "HardResourceLimits"}}
    environment = job.get("EnvironmentVariables", {})
    known = isinstance(environment, dict) and all(isinstance(value, str) for value in environment.values())
    extra = {**extra, **rest, **({} if known else {"EnvironmentVariables": environment})}
    if not isinstance(compat, dict):
        extra["inetdCompatibility"] = None  # it asks for its sockets itself
    elif set(compat) - {"Wait"}:
        extra["inetdCompatibility"] = compat
    return {
        "program": _program(job),
        "wait": not isinstance(compat, dict) or compat.get("Wait") is True,
        "user": _text(job, "UserName") or "root",
        "group": _text(job, "GroupName"),
        "limits": limits,
        "environment": tuple(environment.items()) if known else (),
        "extra": tuple(f"{key} = {json.dumps(value, default=repr)}" for key, value in extra.items()),
    }


def _program(job: Mapping[str, Any]) -> Program | Unstartable:
    words = job.get("ProgramArguments", [])
    words = words if isinstance(words, list) and all(isinstance(word, str) for word in words) else []
    path = _text(job, "Program") or (words[0] if words else "")
    if not path:
        raise _Lost("there is neither Program nor ProgramArguments")
    argv0 = words[0] if words and words[0] not in {path, path.rpartition("/")[2]} else None
    try:
        return Program(path=path, args=tuple(words[1:]), argv0=argv0)
    except ValueError:
        return Unstartable(words=(path, *words[1:]))


def _limits(job: Mapping[str, Any]) -> tuple[Limits, dict[str, Any]]:
    """Return the limits that an entry has fields for, and the keys that say something else."""
    rest: dict[str, Any] = {}
    told: dict[str, Any] = {}
    umask, nice = job.get("Umask"), job.get("Nice")
    if isinstance(umask, str) and re.fullmatch(r"[0-7]{1,4}", umask):
        umask = int(umask, 8)
    for key, name, value, most in (("Umask", "umask", umask, range(0o1000)), ("Nice", "nice", nice, range(-20, 21))):
        if type(value) is int and value in most:
            told[name] = value
        elif value is not None:
            rest[key] = value
    soft, hard = job.get("SoftResourceLimits"), job.get("HardResourceLimits")
    simple = isinstance(soft, dict) and soft == hard and all(key in _LIMITS and type(x) is int and x >= 0 for key, x in soft.items())
    if simple and isinstance(soft, dict):
        told["rlimits"] = tuple((_LIMITS[key], value) for key, value in soft.items())
    return Limits(**told), rest


def _entry(said: Mapping[str, Any], name: str, place: Span, common: Mapping[str, Any]) -> Entry | None:
    """Return what a dictionary of sockets tells launchd to do; None if that is no socket that listens for IPv4 or IPv6."""
    if "SockPathName" in said or said.get("SockPassive") is False or said.get("SockFamily") == "Unix":
        return None
    odd = sorted(set(said) - _SOCKET_KEYS)
    if odd:
        raise _Unknown(f"{name}: what {', '.join(odd)} means for the socket")
    transport = _transport(said, name)
    service = said.get("SockServiceName")
    if type(service) is int:
        service = str(service)
    if not isinstance(service, str) or not service:
        raise _Unknown(f"{name}: which port is meant, there is no SockServiceName")
    port = int(service) if re.fullmatch(NUMBER, service) and len(service) < 6 else None
    if port is not None and not 0 < port < 65536:
        raise _Unknown(f"{name}: which port {service} is")
    return Entry(
        service=service,
        port=port,
        transport=transport,
        binds=_binds(said, name),
        id=None if name == f"{_OURS}{service}" else name,
        origin=place,
        **common,
    )


def _transport(said: Mapping[str, Any], name: str) -> Transport:
    """Read SockType and SockProtocol, which has to agree."""
    kind, protocol = str(said.get("SockType", "stream")).lower(), str(said.get("SockProtocol", "")).upper()
    for transport in Transport:
        if kind == transport.socket_type and protocol in {"", transport.value.upper()}:
            return transport
    raise _Unknown(f"{name}: what a {kind} socket{f' of {protocol}' if protocol else ''} is")


def _binds(said: Mapping[str, Any], name: str) -> tuple[Bind, ...]:
    """Return the sockets that getaddrinfo leads to; a family that is none of the two is as good as none."""
    node, family = said.get("SockNodeName"), said.get("SockFamily")
    if family == "IPv4v6":
        raise _Unknown(f"{name}: what SockFamily IPv4v6 opens")
    wanted = [bind for bind in _BOTH if _FAMILIES.get(str(family)) in {None, bind.family}]
    if not isinstance(node, str) or not node:
        return tuple(wanted)
    address = numeric(node)
    if address is None or address.startswith("::ffff:") or "%" in address:
        raise _Unknown(f"{name}: the address of {node}")
    mine = Family.IPV6 if ":" in address else Family.IPV4
    told = None if address == mine.wildcard else address
    return tuple(attrs.evolve(bind, address=told) for bind in wanted if bind.family is mine)


# -- writing ---------------------------------------------------------------------------------------------------------------------------


def label(entry: Entry) -> str:
    """Return the label of the job that an entry is."""
    return f"{_OURS}{entry.service}" if entry.id is None else entry.id


def path_of(entry: Entry, host: Host) -> str:
    """Return the file that the job of an entry has."""
    return f"{host.config}/{label(entry)}.plist"


def write(entries: Iterable[Entry], host: Host) -> dict[str, str]:
    """Return a property list for each job, by path.

    Raises Inexpressible with everything that launchd cannot be told, for all entries at once.
    """
    jobs: dict[str, list[Entry]] = {}
    for entry in entries:
        jobs.setdefault(label(entry), []).append(entry)
    losses: list[str] = []
    files: dict[str, str] = {}
    for name, group in jobs.items():
        losses += _losses(name, group)
        try:
            text = plistlib.dumps(_content(name, group), sort_keys=False).decode("utf-8")
        except (ValueError, TypeError, OverflowError) as error:
            losses.append(f"{group[0].service}: no property list can hold it ({error})")
        else:
            files[f"{host.config}/{name}.plist"] = text
    if losses:
        raise Inexpressible(dict.fromkeys(losses))
    return files


def _losses(name: str, group: list[Entry]) -> Iterator[str]:
    first = group[0]
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,120}", name):
        yield f"{name!r} cannot be the label of a job ([A-Za-z0-9_.-])"
    if any(entry.duty != first.duty for entry in group):
        yield f"{name}: {len(group)} entries would be one job; give them an id each"
    if first.wait and sum(len(entry.binds) for entry in group) > 1 and "inetdCompatibility = null" not in first.extra:
        yield f"{first.service}: a server that is handed the socket itself (wait) gets one socket from launchd, not several"
    for entry in group:
        yield from _entry_losses(entry)


def _entry_losses(entry: Entry) -> Iterator[str]:
    wildcards = entry.binds == _BOTH
    if not wildcards and len(entry.binds) != 1:
        yield f"{entry.service}: one dictionary of sockets has one address, or both wildcards; give each address its own"
    for bind in entry.binds:
        if bind.family is Family.IPV6 and bind.v6only is not True:
            yield f"{entry.service}: launchd sets IPV6_V6ONLY on every IPv6 socket, and none takes IPv4 clients too"
        if bind.address is not None and (numeric(bind.address) is None or (":" in bind.address) is not (bind.family is Family.IPV6)):
            yield f"{entry.service}: {bind.address!r} is not a numeric {bind.family.title} address"
        if bind.reuseport:
            yield f"{entry.service}: launchd sets no SO_REUSEPORT on a listening socket"
    if isinstance(entry.program, Builtin):
        yield f"{entry.service}: launchd performs no service itself, {entry.program.builtin!r} needs a program"
    elif isinstance(entry.program, Unstartable) or not entry.program.path:
        yield f"{entry.service}: a job needs the absolute path of a program"
    limits = entry.limits
    for name in ("instances", "per_source", "rate"):
        if getattr(limits, name) is not None:
            yield f"{entry.service}: limits.{name} has no spelling in launchd"
    if "as" in dict(limits.rlimits):
        yield f"{entry.service}: limits.rlimits as has no spelling in launchd"
    if entry.only_from is not None or entry.no_access:
        yield f"{entry.service}: launchd has no access lists"


def _content(name: str, group: list[Entry]) -> dict[str, Any]:
    """Return a job as plain data, in the order in which it is written."""
    first, program = group[0], group[0].program
    job: dict[str, Any] = {"Label": name}
    if isinstance(program, Program):
        if program.argv0 is not None:
            job["Program"] = program.path
        job["ProgramArguments"] = [program.path if program.argv0 is None else program.argv0, *program.args]
    sockets = [_socket(entry) for entry in group]
    job["Sockets"] = {"Listeners": sockets[0] if len(sockets) == 1 else sockets}
    job["inetdCompatibility"] = {"Wait": first.wait}
    if first.user != "root":
        job["UserName"] = first.user
    if first.group is not None:
        job["GroupName"] = first.group
    if first.limits.umask is not None:
        job["Umask"] = first.limits.umask
    if first.limits.nice is not None:
        job["Nice"] = first.limits.nice
    if first.limits.rlimits:
        keys = {ours: key for key, ours in _LIMITS.items()}
        amounts = {keys.get(ours, ours): amount for ours, amount in first.limits.rlimits}
        job |= {"SoftResourceLimits": amounts, "HardResourceLimits": amounts}
    if first.environment:
        job["EnvironmentVariables"] = dict(first.environment)
    for extra in first.extra:
        key, _, value = extra.partition(" = ")
        try:
            content = json.loads(value)
        except ValueError:
            raise ValueError(f"{extra} is no key of a job") from None
        if content is None:
            job.pop(key, None)
        else:
            job[key] = content
    return job


def _socket(entry: Entry) -> dict[str, Any]:
    bind = entry.binds[0] if entry.binds else Bind(family=Family.IPV4)
    said: dict[str, Any] = {"SockServiceName": entry.service}
    if bind.address is not None:
        said["SockNodeName"] = bind.address
    if len(entry.binds) == 1:
        said["SockFamily"] = bind.family.title
    said["SockType"] = entry.transport.socket_type
    return said


def switched_off(text: str) -> str | None:
    """Return a property list with `Disabled` set, every other byte as it was; None if it is none that can be edited so."""
    document = parse(text)
    if document.content is None or text.startswith("bplist"):
        return None
    bare = re.sub(r"(<key>Disabled</key>\s*)<false\s*/>", r"\1<true/>", text)
    if bare == text:
        head, end, tail = text.rpartition("</dict>")
        bare = f"{head}\t<key>Disabled</key>\n\t<true/>\n{end}{tail}"
    after = parse(bare).content
    return bare if after is not None and after == {**document.content, "Disabled": True} else None
