"""--host and the options that say more about it: which host, which kernel settings, which /etc/services."""

from __future__ import annotations

import difflib
import posixpath
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import attrs
import click

from inet46.cli._tree import Tree, decode, read
from inet46.cli._trouble import Problems, Refused, both
from inet46.etc_services import parse_services
from inet46.host import HostPolicy, Sharing
from inet46.knowledge import HOSTS, Host, Place, resolve

if TYPE_CHECKING:
    from inet46 import codec

__all__ = ["SUFFIXES", "host_from", "host_options", "hosts_options", "root_option"]

F = TypeVar("F", bound=Callable[..., Any])

SUFFIXES: dict[str, codec.Syntax] = {".toml": "toml", ".yaml": "yaml", ".yml": "yaml", ".json": "json"}
"""How the name of a file says what is in it."""

_ETC_SERVICES = "/etc/services"


def host_options(command: F) -> F:
    """Add --host, --set and --services."""
    return _host_options(command, _ONE_HOST)


def hosts_options(command: F) -> F:
    """Add --host, which can be given several times or not at all, --set and --services."""
    return _host_options(command, _ANY_HOSTS)


_ONE_HOST = click.option(
    "--host",
    "host",
    metavar="HOST",
    required=True,
    help="The kind of host: a name from `inet46 hosts`, or a .toml, .yaml or .json file that starts from one.",
)
_ANY_HOSTS = click.option(
    "--host",
    "hosts",
    metavar="HOST",
    multiple=True,
    help="The kind of host, as `inet46 hosts` names it, or a file that starts from one. Can be given several times.",
)


def _host_options(command: F, host: Callable[[F], F]) -> F:
    for option in (
        click.option(
            "--services",
            "services_file",
            metavar="FILE",
            help="The host's /etc/services. Without it the usual names (imap, pop3, ftp and their like) are known.",
        ),
        click.option(
            "--set",
            "settings",
            metavar="KEY=VALUE",
            multiple=True,
            help="State a kernel setting, such as net.ipv6.bindv6only=1. Can be given several times.",
        ),
        host,
    ):
        command = option(command)
    return command


def root_option(help_text: str) -> Callable[[F], F]:
    """Add --root, which means something else in each command."""
    return click.option("--root", metavar="DIR", type=click.Path(path_type=Path), help=help_text)


def host_from(
    name: str,
    settings: tuple[str, ...],
    services_file: str | None,
    *,
    root: Path | None = None,
    sharing: Sharing | None = None,
    option: str = "--host",
) -> Host:
    """Build the host from what the options say; `option` is the one that names it.

    Raises Refused with everything that is wrong with them.
    """
    host, listed = both(lambda: _stated(name, settings, sharing, option), lambda: _listed(services_file, root))
    if services_file is None and host.policy.services is not None:
        return host
    return attrs.evolve(host, policy=attrs.evolve(host.policy, services=listed))


def _stated(name: str, settings: tuple[str, ...], sharing: Sharing | None, option: str) -> Host:
    """Resolve the host, with the settings and the sharing that the command line states."""
    host = resolve(_policy(name, option))
    values = {**dict(host.policy.settings), **_settings(settings, host)}
    policy = attrs.evolve(host.policy, settings=values, sharing=host.policy.sharing if sharing is None else sharing)
    return attrs.evolve(host, policy=policy)


def _policy(text: str, option: str) -> HostPolicy:
    """Take a file by its suffix, which no host name has, and everything else for a name."""
    syntax = SUFFIXES.get(posixpath.splitext(text)[1])
    if syntax is not None:
        from inet46 import codec  # noqa: PLC0415 -- a host is mostly given by its name

        return codec.loads(read(Path(text), text), syntax, "host", text)
    if text not in {row.name for row in HOSTS}:
        near = _near(text)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        raise Refused([f"{option}: {text!r} is not known{hint} (inet46 hosts lists them all; a file's name ends in {', '.join(SUFFIXES)})"])
    return HostPolicy(name=text)


def _near(text: str) -> list[str]:
    names = [row.name for row in HOSTS]
    part = [name for name in names if len(text) > 2 and text in name]
    return part or difflib.get_close_matches(text, names, n=3, cutoff=0.5)


def _settings(given: tuple[str, ...], host: Host) -> dict[str, str]:
    """Read KEY=VALUE; a setting that would change nothing here is a slip, not a wish."""
    known = [host.kernel.knob] if host.kernel.knob else []
    known += [setting.key for setting in host.row.mapping if setting.place is not Place.RC_CONF and setting.key not in known]
    values, problems = {}, Problems()
    for text in given:
        key, equals, value = text.partition("=")
        key, value = key.strip(), value.strip()
        if not equals:
            problems.append(f"--set: {text!r} is not of the form KEY=VALUE")
        elif key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.6)
            hint = f"did you mean {near[0]}?" if near else f"{', '.join(known) or 'none'} does"
            problems.append(f"--set: {key!r} decides nothing about sockets on {host.name}; {hint}")
        elif value not in {"0", "1"}:
            problems.append(f"--set: {key} is {value!r}, expected 0 or 1")
        else:
            values[key] = value
    problems.settle()
    return values


def _listed(file: str | None, root: Path | None) -> tuple[tuple[str, int], ...] | None:
    """Return the service names of --services, else those below the root; None if neither is there to be looked at."""
    if file is not None:
        return parse_services(decode(read(Path(file), file)))
    tree = Tree(root)
    return parse_services(tree.text(_ETC_SERVICES)) if root is not None and tree.is_file(_ETC_SERVICES) else None
