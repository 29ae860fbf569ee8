"""What inetd makes of the manifests of a site, once they are imported.

A manifest says how an instance is first; what `inetadm -m` or `svcadm disable` has said since stands in the repository, which is no file.
An instance with a property that is missing or wrong is not served at all, whatever its other properties say.

Sources: illumos libinetsvc inetsvc.c (valid_props, set_bind_addr, read_prop), usr.lib/inetd config.c (valid_inst_props,
create_method_info), inetd.c (create_bound_fds, create_bound_socket, process_nowait_request); service_bundle(5); read, never run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import attrs

from inet46.diagnostics import Cost, Diagnostic, Severity, Source, Span
from inet46.entry import Bind, Entry, Unstartable
from inet46.formats._reading import NUMBER, Reading, fault, numeric
from inet46.formats._shell_words import Literal, Unreadable, Words
from inet46.formats.smf.document import Document, Element, parse
from inet46.formats.smf.naming import default, key
from inet46.knowledge import Bound, InetdBuild, Token
from inet46.service import Limits, Program, Rate
from inet46.sockets import Family, Transport

__all__ = ["OFFLINE", "RESTARTER", "START", "instances", "read"]

RESTARTER = "svc:/network/inetd:default"
START = "inetd_start"
CONTEXT = "method_context"
OFFLINE = 10  # seconds: what limits.rate means on xinetd as well (cps N 10)
_TRANSPORTS = {transport.socket_type: transport for transport in Transport}
_KNOWN = {
    *(("inetd", name) for name in ("name", "endpoint_type", "proto", "wait", "isrpc", "bind_addr")),
    *((START, name) for name in ("exec", "arg0", "timeout_seconds")),
    *((group, name) for group in (START, CONTEXT) for name in ("user", "group")),
}
_PLAIN = re.compile(r"[^*?\[\]~{}]*")  # what the shell leaves alone outside quotes
_COUNT = re.compile(rf"-?{NUMBER}")

Properties = dict[tuple[str, str], tuple[str, ...]]


class _Lost(Exception):
    """inetd does not serve this instance."""


class _Unknown(Exception):
    """What this instance opens, or is, is not known."""


@attrs.frozen
class Instance:
    """One instance of a service: its full name, the element that says whether it is enabled, and its properties, composed."""

    name: str
    element: Element
    enabled: bool
    restarter: str
    properties: Properties = attrs.field(repr=False)
    environment: tuple[tuple[str, str], ...] = ()


def read(files: Mapping[str, str], build: InetdBuild) -> Reading:
    """Return an entry for each instance that inetd serves, manifest by manifest."""
    entries: list[Entry] = []
    faults: list[Diagnostic] = []
    unknown: list[str] = []
    sources: list[Source] = []
    for path in sorted(path for path in files if build.is_manifest(path)):
        document = parse(files[path], path)
        sources.append(document.source)
        if document.doubt is not None:
            unknown.append(f"{path}: {document.doubt}")
        if document.problem is not None:
            text = f"{path}: {document.problem}: svccfg imports nothing of it"
            faults.append(fault("I830", "manifest-lost", text, _first_line(document.source), cost=Cost.FILE))
        for instance in instances(document):
            if instance.restarter != RESTARTER:
                continue
            try:
                entries += _served(instance, document, build, faults)
            except (_Unknown, ValueError) as reason:  # a ValueError is a value that no model holds
                unknown.append(f"{path}: svc:/{instance.name}: {reason}")
    return Reading(entries=tuple(entries), faults=tuple(faults), unknown=tuple(unknown), sources=tuple(sources))


def _first_line(source: Source) -> Span:
    return Span(source, 0, len(source.text.partition("\n")[0]))


def _served(instance: Instance, document: Document, build: InetdBuild, faults: list[Diagnostic]) -> list[Entry]:
    """Return the entry that one instance comes to, if inetd listens for it."""
    place = document.tag(instance.element)
    if not instance.enabled:
        text = f"svc:/{instance.name} is not enabled, so that inetd does not listen for it (unless `inetadm -e` has said otherwise)"
        faults.append(fault("I832", "instance-disabled", text, place, severity=Severity.NOTE))
        return []
    try:
        entry = _entry(instance, place, build, faults)
    except _Lost as lost:
        faults.append(fault("I831", "instance-lost", f"svc:/{instance.name}: {lost}: inetd does not serve it", place))
        return []
    return [entry] if entry.binds else []


# -- elements --------------------------------------------------------------------------------------------------------------------------


def instances(document: Document) -> Iterator[Instance]:
    """Yield every instance that a manifest describes, whoever its restarter is."""
    bundles = [document.root] if document.root is not None else []
    for bundle in bundles:
        if bundle.tag == "service_bundle" and bundle.get("type") == "manifest":
            bundles += bundle.all("service_bundle")
            for service in bundle.all("service"):
                yield from _instances(service)


def _instances(service: Element) -> Iterator[Instance]:
    for element in service.all("create_default_instance", "instance"):
        name = element.get("name") if element.tag == "instance" else "default"
        told = [restarter for one in (element, service) for restarter in one.all("restarter")]
        restarters = [fmri.get("value") for restarter in told for fmri in restarter.all("service_fmri")]
        properties: Properties = {}
        environment: dict[str, tuple[tuple[str, str], ...]] = {}
        for one in (service, element):
            for group, inside in _groups(one):
                properties |= _properties(group, inside)
                environment[group] = _environment(inside) or environment.get(group, ())
        yield Instance(
            name=service.get("name") if name == "default" else f"{service.get('name')}:{name}",
            element=element,
            enabled=element.get("enabled") == "true",
            restarter=restarters[0] if restarters else "",
            properties=properties,
            environment=environment.get(START) or environment.get(CONTEXT, ()),
        )


def _groups(owner: Element) -> Iterator[tuple[str, Element]]:
    """Yield the property groups of a service or instance; a method is one, and so is its context."""
    for element in owner.children:
        if element.tag == "method_context":
            yield CONTEXT, element
        elif element.tag in {"property_group", "exec_method"} and element.get("delete") != "true":
            yield element.get("name"), element
            for context in element.all("method_context"):
                yield element.get("name"), context


def _properties(group: str, element: Element) -> Properties:
    """Return the properties of one group: its own attributes, if it is a method or context, and those that it lists."""
    if element.tag == "exec_method":
        said = {name: element.get(name) for name in ("exec", "timeout_seconds")}
    elif element.tag == "method_context":
        said = {name: value for one in (element, *element.all("method_credential")) for name, value in one.attributes.items()}
        for profile in element.all("method_profile"):
            said["profile"] = profile.get("name")
    else:
        said = {}
    listed = {one.get("name"): (one.get("value"),) for one in element.all("propval")}
    several = {
        one.get("name"): tuple(node.get("value") for values in one.children for node in values.all("value_node"))
        for one in element.all("property")
    }
    return {(group, name): values for name, values in {**{name: (value,) for name, value in said.items()}, **listed, **several}.items()}


def _environment(element: Element) -> tuple[tuple[str, str], ...]:
    variables = (variable for told in element.all("method_environment") for variable in told.all("envvar"))
    return tuple((variable.get("name"), variable.get("value")) for variable in variables)


# -- meaning ---------------------------------------------------------------------------------------------------------------------------


def _entry(instance: Instance, place: Span, build: InetdBuild, faults: list[Diagnostic]) -> Entry:
    properties = instance.properties
    service = _one(properties, "inetd", "name")
    waits, rpc = (_flag(properties, name) for name in ("wait", "isrpc"))
    if rpc:
        raise _Unknown(f"the port of the RPC service {service}, which the kernel chooses and rpcbind then tells")
    transport = _transport(_one(properties, "inetd", "endpoint_type"))
    if re.fullmatch(NUMBER, service):
        raise _Lost(f"the name {service} is a number, and inetd knows services by name only")
    limits, extra = _limits(properties, waits=waits)
    extra += [f"{group}/{name} = {' '.join(values)}" for (group, name), values in properties.items() if _more(group, name, limits)]
    user = properties.get((START, "user"), properties.get((CONTEXT, "user"), ("root",)))
    groups = properties.get((START, "group"), properties.get((CONTEXT, "group"), ()))
    return Entry(
        service=service,
        transport=transport,
        binds=_binds(instance, transport, build, place, faults, waits=waits),
        program=_program(properties),
        wait=waits,
        user="".join(user),
        group=None if groups in {(), (":default",)} else "".join(groups),
        limits=limits,
        environment=instance.environment,
        id=None if instance.name == default(service, transport) else instance.name,
        extra=tuple(dict.fromkeys(extra)),
        origin=place,
    )


def _more(group: str, name: str, limits: Limits) -> bool:
    """Return True for a property that no field of an entry holds; those of limits are told apart by `_limits`."""
    counted = {"max_copies", "max_con_rate", "con_rate_offline"}
    return group in {"inetd", START, CONTEXT} and (group, name) not in _KNOWN and not (group == "inetd" and name in counted)


def _one(properties: Properties, group: str, name: str) -> str:
    """Return a property that an instance has to have."""
    values = properties.get((group, name), ())
    if not values or not values[0]:
        raise _Lost(f"the property {group}/{name} is missing")
    return values[0]


def _flag(properties: Properties, name: str) -> bool:
    value = _one(properties, "inetd", name)
    if value not in {"true", "false"}:
        raise _Lost(f"inetd/{name} is {value!r}, and has to be true or false")
    return value == "true"


def _transport(kind: str) -> Transport:
    if kind in _TRANSPORTS:
        return _TRANSPORTS[kind]
    if kind in {"tli", "xti", "raw", "seqpacket"}:
        raise _Unknown(f"what an endpoint of type {kind} opens")
    raise _Lost(f"inetd/endpoint_type is {kind!r}, and has to be stream or dgram (or tli, xti, raw, seqpacket)")


def _limits(properties: Properties, *, waits: bool) -> tuple[Limits, list[str]]:
    """Return the limits, and what of them no field says. Both count for nowait alone; 0 and -1 are no limit."""
    told = {name: _count(properties, name) for name in ("max_copies", "max_con_rate", "con_rate_offline")}
    copies, rate, offline = told.values()
    usual = rate is not None and offline == OFFLINE and not waits
    limits = Limits(
        instances=copies if not waits else None,
        rate=Rate(connections=rate, seconds=1) if usual and rate is not None else None,
    )
    rest = {"max_copies": copies if waits else None, **({} if usual else {"max_con_rate": rate, "con_rate_offline": offline})}
    return limits, [f"inetd/{name} = {value}" for name, value in rest.items() if value is not None]


def _count(properties: Properties, name: str) -> int | None:
    value = "".join(properties.get(("inetd", name), ("-1",)))
    if not _COUNT.fullmatch(value) or len(value) > 18 or int(value) < -1:
        raise _Lost(f"inetd/{name} is {value!r}, and has to be a number, or -1 for none")
    return int(value) if int(value) > 0 else None


def _binds(
    instance: Instance, transport: Transport, build: InetdBuild, place: Span, faults: list[Diagnostic], *, waits: bool
) -> tuple[Bind, ...]:
    """Return a socket for each value of proto. One that is none costs the instance; one of another type, its own socket."""
    protos = {token.name: token for token in build.protos}
    names = instance.properties.get(("inetd", "proto"), ())
    if not names:
        raise _Lost("the property inetd/proto is missing")
    tokens: list[Token] = []
    for name in names:
        if name in {"sctp", "sctp6", "sctp6only"}:
            raise _Unknown(f"what proto {name} opens")
        if name not in protos:
            raise _Lost(f"inetd/proto {name!r} is none of {', '.join(protos)}")
        if protos[name].transport is Transport.UDP and not waits:
            raise _Lost(f"a datagram service ({name}) has to have inetd/wait true")
        tokens.append(protos[name])
    for token in tokens:
        if token.transport is not transport:
            text = f"svc:/{instance.name}: there is no {transport.socket_type} socket of {token.name}: nothing is bound for it"
            faults.append(fault("I833", "socket-not-made", text, place, cost=Cost.IGNORED))
    address = "".join(instance.properties.get(("inetd", "bind_addr"), ("",)))
    return tuple(
        Bind(family=bound.family, v6only=bound.v6only, address=_address(address, bound), key=key(bound.key, instance.name))
        for token in tokens
        if token.transport is transport
        for bound in token.opens
    )


def _address(text: str, bound: Bound) -> str | None:
    """Return the address of a socket: getaddrinfo with AF_INET6 maps an IPv4 address, with AF_INET it takes no IPv6 address."""
    if not text:
        return None
    address = numeric(text)
    if address is None:
        raise _Unknown(f"the address of {text}")
    if bound.family is Family.IPV4 and ":" in address:
        raise _Lost(f"inetd/bind_addr {text} is no IPv4 address, and {bound.key} is IPv4")
    if address == bound.family.wildcard:
        return None
    if bound.family is Family.IPV6 and ":" not in address:
        if address == Family.IPV4.wildcard:
            raise _Unknown("what ::ffff:0.0.0.0 takes")
        return f"::ffff:{address}"
    return address


# -- programs --------------------------------------------------------------------------------------------------------------------------


class _Exec(Words):
    """The words of a method; wordexp is told to run no command (WRDE_NOCMD)."""

    def substitution(self, inside: str | None) -> None:
        raise _Lost("inetd_start/exec runs a command in its words")


def _program(properties: Properties) -> Program | Unstartable:
    words = list(_words(_one(properties, START, "exec")))
    argv0 = properties.get((START, "arg0"))
    path, args = words[0], tuple(words[1:])
    try:
        return Program(path=path, args=args, argv0=None if argv0 is None else "".join(argv0))
    except ValueError:
        return Unstartable(words=(path, *args))


def _words(text: str) -> Iterator[str]:
    """Take the words of a method apart as wordexp does: quotes and backslashes are understood, operators refused."""
    cursor, found = _Exec(text), False
    while True:
        cursor.blanks()
        try:
            word = cursor.word()
        except Unreadable as error:
            raise _Lost(f"inetd_start/exec: {error.reason}") from None
        if word is None and cursor.pos >= len(text) and found:
            return
        if word is None and text.startswith("#", cursor.pos):
            raise _Unknown("what the shell makes of #")
        if word is None:
            raise _Lost("inetd_start/exec is empty, or has in it what is no word of a command")
        found = True
        loose = "".join(part.text for part in word.parts if isinstance(part, Literal) and not part.quoted)
        if word.literal is None or not _PLAIN.fullmatch(loose):
            raise _Unknown(f"what the shell makes of {text[word.start : word.stop]}")
        yield word.literal if word.name is None else f"{word.name}={word.literal}"
