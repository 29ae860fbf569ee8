"""Deploys: services from the inventory's data, pushed and proved."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from pyinfra import host
from pyinfra.api import OperationValueError, deploy

from inet46.service import Program, Service
from pyinfra_inet46 import operations
from pyinfra_inet46.inputs import Policy, Services, confirmation, model, wish

__all__ = ["answer", "migrate", "program"]

DEFAULTS: dict[str, Any] = {
    "inet46_policy": None,
    "inet46_programs": {},
    "inet46_deadline": 10.0,
    "inet46_confirm": None,
    "inet46_outside": None,
    "inet46_via": (),
    "inet46_connect": False,
    "inet46_migrate_to": None,
    "inet46_strict": False,
    "inet46_without": (),
}


@deploy("inet46", data_defaults=DEFAULTS)
def answer(services: Services, policy: Policy | None = None, confirm: float | None = None, *, connect: bool | None = None) -> None:
    """
    Ensure that services answer on both families; what kind of host it is comes from its data.

    + services: ``inet46.Service`` objects, plain dicts, or the name of a TOML, YAML or JSON file
    + policy: what kind of host this is; ``inet46_policy`` of the host's data when left out, and the host's own word without that
    + confirm: seconds in which the controller must have reached every service from outside; ``inet46_confirm`` of the host's data when
        left out, and without that a change need not be confirmed
    + connect: connect to every service also where nothing has to change; ``inet46_connect`` of the host's data when left out

    **Example:**

    .. code:: python

        answer(services=[Service(name="imap", program=program("imap"), greeting="* OK")])
    """
    _misspelt()
    policy = policy if policy is not None else host.data.inet46_policy
    confirm = confirm if confirm is not None else host.data.inet46_confirm
    connect = _switch(connect if connect is not None else host.data.inet46_connect)
    # With --yes an operation looks at its arguments only when others are done already.
    wishes, _ = model(services, policy, host.data.inet46_deadline, connect=connect)
    confirmation(confirm, host.data.inet46_outside, host.data.inet46_via)
    operations.services(
        name=f"{_names(wishes)} on IPv4 and IPv6",
        services=wishes,
        policy=policy,
        deadline=host.data.inet46_deadline,
        confirm=confirm,
        outside=host.data.inet46_outside,
        via=host.data.inet46_via,
        connect=connect,
    )


def _names(services: Sequence[Service]) -> str:
    """Return the services as a title has room for them."""
    names = [service.name for service in services]
    return ", ".join(names) if len(names) <= 6 else f"{', '.join(names[:5])} and {len(names) - 5} more"


@deploy("inet46 migration", data_defaults=DEFAULTS)
def migrate(
    to: Policy | None = None, *, strict: bool | None = None, without: Sequence[str] | None = None, confirm: float | None = None
) -> None:
    """
    Take hosts from the super-server that they run to another one, with every service that answers.

    + to: what kind of host each is to become; ``inet46_migrate_to`` of the host's data when left out
    + strict: refuse when anything that guards a service would be lost; ``inet46_strict`` when left out
    + without: names of services that are given up; ``inet46_without`` when left out, as a list or in one text with blanks or commas
    + confirm: seconds in which the controller must have reached from outside what answered before; ``inet46_confirm`` when left out

    **Example:**

    .. code:: python

        migrate(to="debian-12/systemd", strict=True)
    """
    _misspelt()
    target = to if to is not None else host.data.inet46_migrate_to
    if target is None:
        raise OperationValueError(
            f"{host.name}: inet46_migrate_to is missing; say where to go, as in --data inet46_migrate_to=debian-12/xinetd"
        )
    names = without if without is not None else host.data.inet46_without
    names = names.replace(",", " ").split() if isinstance(names, str) else names
    strict = _switch(strict if strict is not None else host.data.inet46_strict)
    confirm = confirm if confirm is not None else host.data.inet46_confirm
    wish(target, strict=strict, without=names, deadline=host.data.inet46_deadline)  # as above
    confirmation(confirm, host.data.inet46_outside, host.data.inet46_via)
    operations.migrate(
        name=f"from the super-server that runs to {target}",
        to=target,
        strict=strict,
        without=names,
        deadline=host.data.inet46_deadline,
        confirm=confirm,
        outside=host.data.inet46_outside,
        via=host.data.inet46_via,
    )


def _switch(value: object) -> Any:
    """Return what a person means who can only write text, as with --data on the command line."""
    return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}.get(str(value).lower(), value)


def _misspelt() -> None:
    """Raise OperationValueError for data of this host that look like ours and have no name of ours: nobody would ever read them.

    Whoever has asked for a confirmation with `inet46_confrim` would learn of it from a host that is out of reach.
    """
    ours = {key.removeprefix("inet46_"): key for key in DEFAULTS}
    problems = []
    for key in map(str, host.data.dict()):  # type: ignore[no-untyped-call]  # pyinfra has not said what it returns
        near = difflib.get_close_matches(key.lower().removeprefix("inet46").strip("_-"), ours, n=1, cutoff=0.7)
        if key.lower().startswith("inet46") and key not in DEFAULTS and near:
            problems.append(f"{host.name}: {key} in the host's data is nobody's; did you mean {ours[near[0]]}?")
    if problems:
        raise OperationValueError("\n".join(problems))


def program(name: str) -> Program:
    """Return the program for a service on this host, from ``inet46_programs`` of its data: a command line, first word the path.

    A word with blanks in it needs a list of words: quotes are nobody's to take away. Raises OperationValueError, naming the host, when its
    data have no such program, or none that can be started.
    """
    programs = host.data.get("inet46_programs") or {}
    if not isinstance(programs, Mapping):
        raise OperationValueError(
            f"{host.name}: inet46_programs in the host's data is {programs!r}, expected a mapping from names to command lines"
        )
    if name not in programs:
        has = ", ".join(sorted(map(str, programs))) or "nothing"
        raise OperationValueError(f"{host.name}: inet46_programs in the host's data has no {name!r}; it has {has}")
    where = f"{host.name}: inet46_programs[{name!r}] in the host's data"
    said = programs[name]
    if isinstance(said, str) and not {"'", '"', "\\"}.isdisjoint(said):
        raise OperationValueError(f"{where} is {said!r}; words with blanks or quotes in them have to be given as a list")
    words = said.split() if isinstance(said, str) else said
    if not words or not isinstance(words, list | tuple):
        raise OperationValueError(f"{where} is {said!r}, expected a command line or a list of words")
    try:
        return Program(path=words[0], args=tuple(words[1:]))
    except (TypeError, ValueError) as error:
        raise OperationValueError(f"{where} is {said!r}: {error}") from None
