"""How entries are spelled as manifests, one for each service, and what cannot be spelled.

Sources: service_bundle.dtd.1 (the order of elements), inetd(8), smf_method(7), inetconv.c (which properties an inetd service needs);
librestart.c (valid_env_var: names that begin with SMF_ are the restarter's own).
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator

from inet46.diagnostics import Span
from inet46.entry import Bind, Entry
from inet46.errors import Inexpressible
from inet46.formats._reading import NUMBER, numeric, size
from inet46.formats.smf.document import parse
from inet46.formats.smf.naming import key, name_of, path_of
from inet46.formats.smf.reading import OFFLINE, RESTARTER, START, instances
from inet46.knowledge import InetdBuild, Token
from inet46.service import Program
from inet46.sockets import Family, Transport

__all__ = ["carried", "switched_off", "write"]

_NAME = re.compile(r"(?:[A-Za-z][A-Za-z0-9_.-]*,)?[A-Za-z][A-Za-z0-9_-]*(?:/(?:[A-Za-z][A-Za-z0-9_.-]*,)?[A-Za-z][A-Za-z0-9_-]*)*")
_LONGEST = 119  # characters of a name (SCF_LIMIT_MAX_NAME_LENGTH)
_VALUE = 4095  # bytes of a value (SCF_LIMIT_MAX_VALUE_LENGTH)
_TYPES = {
    **dict.fromkeys(("tcp_wrappers", "tcp_trace", "tcp_keepalive", "inherit_env"), "boolean"),
    **dict.fromkeys(("bind_fail_max", "bind_fail_interval", "failrate_cnt", "failrate_interval", "connection_backlog"), "integer"),
}
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# In an attribute a line break or tab that stands there as itself is a blank.
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})
_HEAD = """<?xml version="1.0"?>
<!DOCTYPE service_bundle SYSTEM "/usr/share/lib/xml/dtd/service_bundle.dtd.1">
"""


def write(entries: Iterable[Entry], build: InetdBuild) -> dict[str, str]:
    """Return a manifest for each entry, by path.

    Raises Inexpressible with everything that a manifest cannot say, for all entries at once.
    """
    files: dict[str, str] = {}
    losses: list[str] = []
    for entry in entries:
        path = path_of(entry, str(build.manifests))
        if path in files:
            losses.append(f"{entry.service}: two entries would be one manifest, {path}; give them an id each")
        losses += _losses(entry, build)
        files[path] = _text(entry, _protos(entry, build))
    if losses:
        raise Inexpressible(dict.fromkeys(losses))
    return files


def _protos(entry: Entry, build: InetdBuild) -> list[str | None]:
    """Return the value of proto for each socket, None where there is none."""
    return [_proto(bind, entry, build.protos) for bind in entry.binds]


def _proto(bind: Bind, entry: Entry, tokens: tuple[Token, ...]) -> str | None:
    for token in tokens:
        wish = [(bound.family, bound.v6only, key(bound.key, name_of(entry))) for bound in token.opens]
        if token.transport is entry.transport and wish == [(bind.family, bind.v6only, bind.key)]:
            return token.name
    return None


# -- what cannot be said ---------------------------------------------------------------------------------------------------------------


def _losses(entry: Entry, build: InetdBuild) -> Iterator[str]:
    name = name_of(entry)
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        yield f"{name!r} cannot be the name of a service (at most {_LONGEST} of [A-Za-z0-9_-], words that begin with a letter, / between)"
    if entry.port is not None or not re.fullmatch(r"\S+", entry.service) or re.fullmatch(NUMBER, entry.service):
        yield f"{entry.service}: inetd finds a port by a name in /etc/services, and by nothing else"
    for text in _texts(entry):
        if _NO_XML.search(text):
            yield f"{entry.service}: no manifest can hold {text!r}"
        elif size(text) > _VALUE:
            yield f"{entry.service}: a value has {size(text)} bytes, and SMF holds {_VALUE}"
    yield from _socket_losses(entry, build)
    yield from _program_losses(entry)
    yield from _limit_losses(entry)
    if entry.only_from is not None or entry.no_access:
        yield f"{entry.service}: access lists are no property of a service: tcp_wrappers only has inetd look into /etc/hosts.allow"
    if not entry.user or entry.group in {"", ":default"}:
        yield f"{entry.service}: the name of a user or group is missing"
    for variable, _ in entry.environment:
        if not variable or "=" in variable or variable.startswith("SMF_"):
            yield f"{entry.service}: {variable!r} cannot be a variable of a method (no =, and SMF_ is the restarter's own)"
    for extra in entry.extra:
        if _further(extra) is None:
            yield f"{entry.service}: {extra} is nothing that is written into a manifest"


def _further(extra: str) -> tuple[str, str] | None:
    """Return the name and value of a property that is carried from one manifest to the next, word for word."""
    match = re.fullmatch(r"inetd/(\w+) = (true|false|-?[0-9]+)", extra)
    if match is None or (_TYPES.get(match[1]) == "boolean") is not (match[2] in {"true", "false"}):
        return None
    return (match[1], match[2]) if match[1] in _TYPES else None


def carried(entries: Iterable[Entry]) -> tuple[str, ...]:
    """Return what the successor of these entries goes on saying: that clients are held against hosts.allow, above all."""
    return tuple(dict.fromkeys(extra for entry in entries for extra in entry.extra if _further(extra) is not None))


def _texts(entry: Entry) -> tuple[str, ...]:
    """Return everything that becomes a value."""
    argv0 = entry.program.argv0 if isinstance(entry.program, Program) else None
    variables = tuple(f"{name}={value}" for name, value in entry.environment)
    return (entry.service, entry.user, entry.group or "", argv0 or "", _exec(entry), *variables)


def _socket_losses(entry: Entry, build: InetdBuild) -> Iterator[str]:
    protos = _protos(entry, build)
    for bind, proto in zip(entry.binds, protos, strict=True):
        if proto is None:
            option = "" if bind.v6only is None else f" with v6only={bind.v6only}"
            yield f"{entry.service}: no value of proto opens {bind.family.title}{option}"
        if bind.address is not None and (numeric(bind.address) is None or (":" in bind.address) is not (bind.family is Family.IPV6)):
            yield f"{entry.service}: {bind.address!r} is not a numeric {bind.family.title} address"
        if bind.reuseport:
            yield f"{entry.service}: inetd sets no SO_REUSEPORT"
    if not protos or len(set(protos)) < len(protos):
        yield f"{entry.service}: each value of proto stands for one socket, and there has to be one"
    if len({bind.address for bind in entry.binds}) > 1:
        yield f"{entry.service}: all sockets of an instance have one bind_addr; give each address its own"
    if entry.wait and len(protos) > 1:
        # process_wait_request takes all of them out of the poll set while one server runs.
        yield f"{entry.service}: while a server that is handed the socket itself (wait) runs, inetd listens on no other socket of it"
    if entry.transport is Transport.UDP and not entry.wait:
        yield f"{entry.service}: inetd hands a datagram socket to one server (wait); it has no nowait for udp"


def _program_losses(entry: Entry) -> Iterator[str]:
    program = entry.program
    if not isinstance(program, Program):
        yield f"{entry.service}: inetd performs no service itself, and starts none but by its absolute path"
    elif program.args[:1] == ("%A",):
        yield f"{entry.service}: inetd puts the client's address in the place of a first argument %A"


def _limit_losses(entry: Entry) -> Iterator[str]:
    limits = entry.limits
    for name in ("per_source", "nice", "umask"):
        if getattr(limits, name) is not None:
            yield f"{entry.service}: limits.{name} has no property"
    if limits.rlimits:
        yield f"{entry.service}: limits.rlimits have no property (projects have them, project(5))"
    if limits.instances is not None and entry.wait:
        yield f"{entry.service}: limits.instances: max_copies counts for nowait alone"
    if limits.rate is not None and (entry.wait or limits.rate.seconds != 1):
        rate = f"{limits.rate.connections} in {limits.rate.seconds} s"
        yield f"{entry.service}: limits.rate ({rate}) has no property: max_con_rate counts one second, for nowait alone"


# -- the text --------------------------------------------------------------------------------------------------------------------------


def _exec(entry: Entry) -> str:
    return shlex.join((entry.program.path, *entry.program.args)) if isinstance(entry.program, Program) else ""


def _text(entry: Entry, protos: list[str | None]) -> str:
    name = name_of(entry)
    lines = [
        f"<service_bundle{_attributes(type='manifest', name=name.removeprefix('site/').replace('/', '-'))}>",
        f"\t<service{_attributes(name=name, type='service', version='1')}>",
        '\t\t<create_default_instance enabled="true"/>',
        "\t\t<restarter>",
        f"\t\t\t<service_fmri{_attributes(value=RESTARTER)}/>",
        "\t\t</restarter>",
        *_start(entry),
        '\t\t<exec_method type="method" name="inetd_disable" exec=":kill" timeout_seconds="0"/>',
        *(['\t\t<exec_method type="method" name="inetd_offline" exec=":kill_process" timeout_seconds="0"/>'] if entry.wait else []),
        '\t\t<property_group name="inetd" type="framework">',
        *_inetd(entry, protos),
        "\t\t</property_group>",
        "\t</service>",
        "</service_bundle>",
    ]
    return _HEAD + "".join(f"{line}\n" for line in lines)


def _attributes(**said: str) -> str:
    return "".join(f' {name}="{value.translate(_ESCAPES)}"' for name, value in said.items())


def _value(name: str, kind: str, value: str) -> str:
    return f"\t\t\t<propval{_attributes(name=name, type=kind, value=value)}/>"


def _start(entry: Entry) -> Iterator[str]:
    """Yield the method that serves a client; its process is the server, so it has no time limit."""
    group = {} if entry.group is None else {"group": entry.group}
    yield f"\t\t<exec_method{_attributes(type='method', name=START, exec=_exec(entry), timeout_seconds='0')}>"
    yield "\t\t\t<method_context>"
    yield f"\t\t\t\t<method_credential{_attributes(user=entry.user, **group)}/>"
    if entry.environment:
        yield "\t\t\t\t<method_environment>"
        yield from (f"\t\t\t\t\t<envvar{_attributes(name=name, value=value)}/>" for name, value in entry.environment)
        yield "\t\t\t\t</method_environment>"
    yield "\t\t\t</method_context>"
    if isinstance(entry.program, Program) and entry.program.argv0 is not None:
        yield _value("arg0", "astring", entry.program.argv0)
    yield "\t\t</exec_method>"


def _inetd(entry: Entry, protos: list[str | None]) -> Iterator[str]:
    """Yield the properties that inetd reads."""
    yield _value("name", "astring", entry.service)
    yield _value("endpoint_type", "astring", entry.transport.socket_type)
    yield '\t\t\t<property name="proto" type="astring">'
    yield "\t\t\t\t<astring_list>"
    yield from (f"\t\t\t\t\t<value_node{_attributes(value=proto or '')}/>" for proto in protos)
    yield "\t\t\t\t</astring_list>"
    yield "\t\t\t</property>"
    yield _value("wait", "boolean", "true" if entry.wait else "false")
    yield _value("isrpc", "boolean", "false")
    if entry.binds and entry.binds[0].address is not None:
        yield _value("bind_addr", "astring", entry.binds[0].address)
    limits = entry.limits
    if limits.instances is not None:
        yield _value("max_copies", "integer", str(limits.instances))
    if limits.rate is not None:
        yield _value("max_con_rate", "integer", str(limits.rate.connections))
        yield _value("con_rate_offline", "integer", str(OFFLINE))
    for name, value in filter(None, map(_further, entry.extra)):
        yield _value(name, _TYPES[name], value)


def switched_off(text: str, place: Span) -> str | None:
    """Return a manifest in which the instance that is enabled at a place no longer is, every other byte as it was; None if it cannot be."""
    tag = text[place.start : place.stop]
    edited = text[: place.start] + re.sub(r"""(\senabled\s*=\s*)(["'])true\2""", r"\1\2false\2", tag) + text[place.stop :]
    before, after = ({one.name: one.enabled for one in instances(parse(said))} for said in (text, edited))
    return edited if sum(before.values()) == sum(after.values()) + 1 and before.keys() == after.keys() else None
