"""A plan meets the files that a host already has: what is ours is replaced, every other byte stays.

Ours is what binds a port of our services. An entry that already does what is wanted is left exactly as it stands, spelling and all. The
result is read again and predicted as a whole; a merge that would do anything but the plan is refused.
"""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Iterable, Iterator, Mapping

import attrs

from inet46 import formats
from inet46.activation import RESTART, activation
from inet46.diagnostics import Severity
from inet46.editing import editor
from inet46.entry import Entry
from inet46.errors import Inexpressible, Unprovable
from inet46.host import HostPolicy
from inet46.knowledge import Host, InetdBuild, Setting, XinetdBuild, resolve
from inet46.plan import needs_settings, plan, skeleton
from inet46.predict import Held, Prediction, predict
from inet46.proof import port_of, shortfalls, unproved
from inet46.service import Service
from inet46.settings import settle
from inet46.sockets import Family, Transport
from inet46.spelling import bare, duty

__all__ = ["Merge", "lets_in", "merge"]

Port = tuple[Transport, int]
_Key = tuple[Transport, int | None]


@attrs.frozen(kw_only=True, slots=False)  # as `Host`
class Merge:
    """What has to change on a host, and what is then true.

    `files` maps the path of each file that changes to its new text, `live` are the running kernel's values that have to be set, `notes`
    say what else was met. `before` and `sockets` are those of the whole super-server, before and afterwards, as far as nothing is
    `unknown`. `ours` are the ports that this is about. `activate` are the verbs that bring the change about, if the super-server now runs
    on the old files.
    """

    host: Host
    services: tuple[Service, ...]
    files: Mapping[str, str] = attrs.field(eq=False)
    live: tuple[Setting, ...] = ()
    notes: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    before: tuple[Held, ...]
    sockets: tuple[Held, ...]
    ours: tuple[Port, ...]
    activate: tuple[str, ...]

    def held(self, service: Service) -> tuple[Held, ...]:
        """The sockets of one service afterwards."""
        port = port_of(service, self.host)
        return tuple(self._held.get((service.transport, port), ()))

    @functools.cached_property
    def _held(self) -> Mapping[_Key, list[Held]]:
        """What is asked once for every service is not gone through anew for every service."""
        found: dict[_Key, list[Held]] = {}
        for held in self.sockets:
            key = held.socket.transport, held.socket.port
            found.setdefault(key, []).append(held)
        return found


_WOKEN = 4  # times that paragraphs are looked at again


def merge(
    services: Iterable[Service],
    host: str | HostPolicy | Host,
    files: Mapping[str, str],
    links: Mapping[str, str] | None = None,
) -> Merge:
    """Work out the smallest change that makes a host's files do what is wanted.

    `files` maps absolute paths to texts (UTF-8 with surrogateescape), as in `formats.read`, and `links` the symbolic links among them to
    where they end. Raises Unprovable when no plan can be proved, or when the files as they are would undo it.
    """
    where, wishes = resolve(host), tuple(services)
    there_already, files = files, {**skeleton(where), **files}
    old = formats.read(files, where)
    aim = _aim(wishes, where, old.entries)
    then = where.with_settings(aim.settings)
    ours = _ports(wishes, where)
    texts = _edited(wishes, where, files, old.entries, aim)
    for _ in range(_WOKEN if texts and isinstance(where.server, XinetdBuild | InetdBuild) else 0):
        # What was disabled as identical to a paragraph or line that has gone is a service now.
        now = {**files, **texts}
        awake = formats.read(now, where).entries
        have = _by_port(awake, where)
        if all(len(have.get(port, ())) <= len(aim.entries.get(port, ())) for port in ours):
            break
        texts |= _edited(wishes, where, now, awake, attrs.evolve(aim, serving=frozenset()))
    settled = settle(aim.settings, where, files, links)
    main = {path: files[path] for path in skeleton(where)} if texts else {}
    changed = {**main, **texts, **settled.files}
    new = formats.read({**files, **texts}, where) if texts else old
    was = predict(old.entries, where)
    result = was if new is old and then == where else predict(new.entries, then)
    _check(wishes, old, new, then, result)
    return Merge(
        host=then,
        services=wishes,
        files={path: text for path, text in changed.items() if there_already.get(path) != text},
        live=settled.live,
        notes=settled.notes,
        unknown=(
            *old.unknown,
            *was.unknown,
            *(f"the port that the kernel picks for {x.service}" for x in was.sockets if not x.socket.port),
        ),
        before=was.sockets,
        sockets=result.sockets,
        ours=ours,
        # A socket keeps the option it was made with: a changed knob counts only for sockets that are made after it.
        activate=RESTART if settled.live else activation(old, new, then),
    )


@attrs.frozen(kw_only=True)
class _Aim:
    """What is to stand on each port of ours, the settings that it needs, and the ports where nothing has to be done."""

    entries: Mapping[_Key, tuple[Entry, ...]]
    settings: tuple[Setting, ...] = ()
    serving: frozenset[_Key] = frozenset()


def _aim(wishes: tuple[Service, ...], host: Host, there: tuple[Entry, ...]) -> _Aim:
    """Plan what does not serve already; or all of it, when what is planned changes the kernel under the others, or services clash."""
    have = _by_port(there, host)
    keys = {(service.transport, port_of(service, host)): service for service in wishes}
    if len(keys) == len(wishes):
        serving = frozenset(key for key, service in keys.items() if _stays(service, have.get(key, ()), host))
        planned = plan([service for key, service in keys.items() if key not in serving], host, present=there)
        if not planned.settings:
            return _Aim(entries={key: have[key] for key in serving} | _by_port(planned.entries, host), serving=serving)
    planned = plan(wishes, host, present=there)
    return _Aim(entries=_by_port(planned.entries, host), settings=planned.settings)


def _stays(service: Service, entries: tuple[Entry, ...], host: Host) -> bool:
    """Return True if these entries serve as wanted, whatever else is planned."""
    known = service.enabled and port_of(service, host) is not None
    return known and not needs_settings(service, host, host.policy.sharing) and _serves(service, entries, host)


def _edited(wishes: tuple[Service, ...], host: Host, files: Mapping[str, str], there: Iterable[Entry], aim: _Aim) -> dict[str, str]:
    """Return the new text of each file in which what is there does not serve as wanted."""
    then = host.with_settings(aim.settings)
    have = _by_port(there, host)
    todo: list[tuple[Service, tuple[Entry, ...], tuple[Entry, ...]]] = []
    for service in wishes:
        key = service.transport, port_of(service, host)
        mine = have.get(key, ())
        if not service.enabled:
            todo.extend([] if key[1] is None else [(service, mine, ())])
        elif key not in aim.serving and not _serves(service, mine, then):
            todo.append((service, mine, aim.entries.get(key, ())))
    if not todo:
        return {}
    edits = editor(host, files, wishes)
    for service, mine, told in todo:
        edits.replace(service, mine, told)
    return edits.result()


def _ports(services: tuple[Service, ...], host: Host) -> tuple[Port, ...]:
    return tuple((service.transport, port) for service in services if (port := port_of(service, host)) is not None)


def _port(entry: Entry, host: Host) -> int | None:
    return entry.port if entry.port is not None else host.port(entry.service, entry.transport)


def _by_port(entries: Iterable[Entry], host: Host) -> dict[_Key, tuple[Entry, ...]]:
    groups: dict[_Key, list[Entry]] = {}
    for entry in entries:
        groups.setdefault((entry.transport, _port(entry, host)), []).append(entry)
    return {port: tuple(group) for port, group in groups.items()}


def _serves(service: Service, entries: tuple[Entry, ...], host: Host) -> bool:
    """Return True if these entries already are what is wanted, in whatever spelling."""
    if not entries or shortfalls(service, predict(entries, host), host, host.policy.sharing):
        return False
    return all(_same_duty(service, entry, host) for entry in entries)


def _same_duty(service: Service, entry: Entry, host: Host) -> bool:
    """Compare what a service says, leaving alone what it says nothing about (access, when it is open to all)."""
    if entry.shut:
        return False
    try:
        told = duty(service, entry.binds, host)
    except Inexpressible:
        return False
    fields = [name for name in told if name != "only_from" or not service.access.open]
    return all(_alike(getattr(entry, name), told[name]) if name == "only_from" else getattr(entry, name) == told[name] for name in fields)


def _alike(one: object, other: object) -> bool:
    """Compare access lists: their order says nothing."""
    return set(one) == set(other) if isinstance(one, tuple) and isinstance(other, tuple) else one == other


def _sent_away(service: Service, result: Prediction, host: Host) -> Iterator[str]:
    """Yield the families whose clients are all connected and then sent away, by lists that stand there already.

    A list that names one family only shuts the other one out: to open it is not for a merge to decide.
    """
    key = service.transport, port_of(service, host)
    mine = [held for held in result.sockets if (held.socket.transport, held.socket.port) == key]
    for family in Family:
        sockets = [held for held in mine if family in held.accepts]
        if sockets and not any(lets_in(held, family, host) for held in sockets):
            entries = dict.fromkeys(held.entry for held in sockets)
            words = " ".join(dict.fromkeys(word for entry in entries for word in (*(entry.only_from or ()), *entry.no_access)))
            text = f"{service}: who may connect is limited where it stands now ({words}), and no {family.title} client is let in"
            yield f"{text}: say it with access"


def lets_in(held: Held, family: Family, host: Host, client: str | None = None) -> bool:
    """Return True if the lists of an entry let this client in; without one, unless they send everybody of the family away.

    What only the host can look up lets somebody in, and no client that is named.
    """
    entry, dual = held.entry, held.socket.dual
    if entry.only_from is None and not entry.no_access:
        return True
    from inet46.formats.xinetd.patterns import matches  # noqa: PLC0415 -- what only lists need is loaded for them

    # A unit's list is of networks, and xinetd reads the few that look like one of its patterns in the same way, but for a /128.
    read = matches if isinstance(host.server, XinetdBuild) else lambda word: matches(word.removesuffix("/128"))
    allowed = None if entry.only_from is None else [read(word) for word in entry.only_from]
    denied = [network for word in entry.no_access for network in read(word).of(family, dual=dual)]
    if client is None:
        if any(network.prefixlen == 0 for network in denied):
            return False
        return allowed is None or any(said.name is not None or said.of(family, dual=dual) for said in allowed)
    address = ipaddress.ip_address(client)
    if any(address in network for network in denied) or any(read(word).name is not None for word in entry.no_access):
        return False
    return allowed is None or any(address in network for said in allowed for network in said.of(family, dual=dual))


def _check(services: tuple[Service, ...], old: formats.Reading, new: formats.Reading, host: Host, result: Prediction) -> None:
    """Prove the whole: every service as wanted, and every other entry as it was."""
    ours = set(_ports(services, host))
    problems = unproved(services, result, host)
    there = _by_port(new.entries, host)
    for service in services:
        port = port_of(service, host)
        mine = there.get((service.transport, port), ())
        if port is None and any((entry.service, entry.transport) == (service.name, service.transport) for entry in new.entries):
            text = "no port is given, and the name is not in /etc/services: what is to be taken out is not known"
            problems.append(f"{service}: {text}, give the service a port")
        if service.enabled and not all(_same_duty(service, entry, host) for entry in mine):
            problems.append(f"{service}: what else stands in the files changes what is done for its clients")
        if service.enabled and service.access.open:
            problems.extend(_sent_away(service, result, host))
    before, after = (
        [bare(entry) for entry in reading.entries if (entry.transport, _port(entry, host)) not in ours] for reading in (old, new)
    )
    if before != after:
        problems.append("other services would not stay as they are")
    if problems:
        # What was wrong before is the cause, and stands in lines that the reader of this can find.
        faults = [*old.faults, *result.faults] if any(f.severity is Severity.ERROR for f in old.faults) else [*new.faults, *result.faults]
        why = [str(fault) for fault in faults if fault.severity is Severity.ERROR]
        raise Unprovable([*problems, *why])
