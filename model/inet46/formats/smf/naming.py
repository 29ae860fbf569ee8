"""What the service of an entry is called in SMF, and which file its manifest is."""

from __future__ import annotations

import re

from inet46.entry import Entry
from inet46.knowledge import InetdBuild
from inet46.sockets import Transport

__all__ = ["converted", "default", "fmri", "in_manifest", "key", "name_of", "path_of"]


def default(service: str, transport: Transport, tail: str = "") -> str:
    """Return the name that is given to a service; smf(7) has those of a site begin with `site`."""
    return f"site/inet46-{_plain(service)}-{transport.value}{tail}"


def name_of(entry: Entry) -> str:
    """Return the name of an entry's service, with its instance if that is not `default`."""
    return default(entry.service, entry.transport) if entry.id is None else entry.id


def fmri(entry: Entry) -> str:
    """Return the full name of an entry's instance."""
    name = name_of(entry)
    return f"svc:/{name}" if ":" in name else f"svc:/{name}:default"


def key(proto: str, name: str) -> str:
    """Return by what inetd knows a socket again: instances have nothing to do with one another (config.c, bind_config_equal)."""
    return f"{proto} {name}"


def path_of(entry: Entry, folder: str) -> str:
    """Return the file that the manifest of an entry has."""
    return f"{folder}/{name_of(entry).removeprefix('site/').replace('/', '-')}.xml"


def in_manifest(entry: Entry, build: InetdBuild) -> bool:
    """Return True for an entry that a manifest tells of; one that stands nowhere yet will be one."""
    return entry.origin is None or build.is_manifest(entry.origin.source.path)


def converted(entry: Entry) -> str:
    """Return the instance that inetconv has made of a line of inetd.conf (inetconv.c: servicename, propertyname)."""
    proto = entry.binds[0].key if entry.binds else entry.transport.value
    service = _plain(entry.service, keep=".")
    if not re.match("[A-Za-z]", service):
        service = f"s-{service}"
    return f"svc:/network/{service.replace('.', '_')}/{proto}:default"


def _plain(text: str, keep: str = "") -> str:
    return re.sub(rf"[^A-Za-z0-9{keep}-]", "_", text)
