"""Services as a person may want them, narrowed to what the image has; and every spelling of one port that the planner knows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs
from hypothesis import strategies as st

from inet46 import formats, spelling
from inet46.entry import Entry
from inet46.errors import Inexpressible
from inet46.host import Sharing
from inet46.knowledge import Host
from inet46.plan import _modes, layout
from inet46.service import Builtin, Listener, Program, Service
from inet46.sockets import Family, Transport
from tests.daemons.cases import SERVER
from tests.strategies import service_lists

__all__ = ["SHAPES", "spellings", "wishes"]

SHAPES: dict[str, tuple[tuple[Listener, ...], Sharing]] = {
    "IPv4 only": ((Listener(family=Family.IPV4),), Sharing.SEPARATE),
    "IPv6 only": ((Listener(family=Family.IPV6, v6only=True),), Sharing.SEPARATE),
    "separate": ((), Sharing.SEPARATE),
    "mapped": ((), Sharing.MAPPED),
}


def wishes() -> st.SearchStrategy[tuple[Service, ...]]:
    """A few plain services whose program and user the image has: a super-server looks at both."""
    return service_lists(min_size=1, max_size=4, plain=True).map(lambda services: tuple(map(_at_home, services)))


def _at_home(service: Service) -> Service:
    program = service.program if isinstance(service.program, Builtin) else attrs.evolve(service.program, path=SERVER)
    return attrs.evolve(service, program=program, user="nobody" if service.user == "nobody" else "root", group=None)


def spellings(shape: str, transport: Transport, host: Host) -> Iterator[tuple[Entry, ...]]:
    """Yield the entries of each way in which the planner could spell one port on this host."""
    listeners, sharing = SHAPES[shape]
    where = attrs.evolve(host, policy=attrs.evolve(host.policy, sharing=sharing))
    service = Service(name="daytime", transport=transport, program=Program(path=SERVER), listeners=listeners)
    for _, goals in _modes(service, where):
        for entries in spelling.tellable(spelling.spellings(service, goals, where, frozenset()), {}):
            if _survives(entries, where):
                yield entries


def _survives(entries: Sequence[Entry], host: Host) -> bool:
    try:
        return formats.read(layout(entries, host), host).entries == tuple(entries)
    except Inexpressible:
        return False
