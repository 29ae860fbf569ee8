"""`make demo`: the main job, on a lab of real hosts on this machine, as a story in six steps.

It needs root on Debian for the lab. Elsewhere it says so, and shows the dry run on simulated hosts instead.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from tests.lab import FAMILIES, PORTS, Family, Lab, LabError, Service, base_root, missing

REPOSITORY = Path(__file__).resolve().parents[2]
INVENTORY = "inventories/lab.py"
DEPLOYS = ("deploys/imap.py", "deploys/pop3.py")

console = Console(highlight=False)
Logins = Mapping[tuple[str, Service, Family], str]


def main() -> int:
    """Tell the story; 0 if everything in it came out as it should."""
    why = missing()
    if why is not None:
        return _simulated(why)
    try:
        return _real()
    except LabError as problem:
        console.print(f"[red]the lab could not be made:[/] {problem}")
        return 2
    except KeyboardInterrupt:
        console.print("\ninterrupted; the lab has been taken down")
        return 130


def _real() -> int:
    name = f"demo-{os.getpid()}"
    _title("Set-up: four mail hosts, three super-servers, one of them under systemd")
    base_root()
    started = time.monotonic()
    with Lab.start(name=name) as lab:
        for host in lab.hosts.values():
            init = "under systemd" if host.init == "systemd" else "on its own"
            console.print(f"  {host.name:<15} {host.super_server:<16} {init:<14} {host.address4}, {host.address6}")
        console.print(f"  up in {time.monotonic() - started:.1f} s, each with its own sshd; nothing of it is on this machine's network")
        return _story(lab, name)


def _story(lab: Lab, name: str) -> int:
    failures = []
    _title("1. Before: who can log in, from outside, over which family")
    _show(lab.logins())

    _title("2. The dry run: what IMAP would change, file by file and socket by socket")
    _pyinfra(name, DEPLOYS[0], "--dry", "--diff")

    _title("3. The run")
    if _pyinfra(name, *DEPLOYS, "-y") != 0:
        failures.append("the run")

    _title("4. After: the same logins")
    after = lab.logins()
    _show(after)
    if set(after.values()) != {"ok"}:
        failures.append("the logins after the run")

    _title("5. Once more: a host that is right is left alone")
    if _pyinfra(name, *DEPLOYS, "-y") != 0:
        failures.append("the second run")

    _title("6. A broken deploy has to roll itself back")
    console.print("IMAP, by a program that takes the connection and never greets:")
    if _pyinfra(name, "tests/lab/broken.py", "-y") == 0:
        failures.append("the broken deploy (it should have failed)")
    console.print("\nAnd the logins, after all that:")
    last = lab.logins()
    _show(last)
    if set(last.values()) != {"ok"}:
        failures.append("the logins after the roll-back")
    return _end(failures)


def _end(failures: Sequence[str]) -> int:
    console.rule()
    if failures:
        console.print(f"[red]not as it should be:[/] {', '.join(failures)}")
        return 1
    console.print("[green]Every host answers on IPv4 and IPv6, and the broken deploy left no trace.[/]")
    _next()
    return 0


def _next() -> None:
    steps = {
        "make lab": "start the lab and leave it running (make lab-down ends it)",
        ". .venv/bin/activate": "pyinfra and inet46 by name, from here on",
        "pyinfra inventories/lab.py deploys/imap.py --dry --diff": "the dry run, by hand",
        "pyinfra inventories/prod.py debug-inventory": "an example fleet, grouped by operating system",
        "inet46 plan docs/examples/imap.toml --host freebsd-14/inetd": "what a host must be told",
        "inet46 hosts": "what is known, with its sources",
        "make test": "everything, real daemons included",
    }
    console.print("\nWhat to try next:")
    for command, why in steps.items():
        console.print(f"  [bold]{command}[/]\n      {why}", soft_wrap=True)


def _simulated(why: str) -> int:
    console.print(f"The lab of real hosts needs more than there is here: {why}")
    console.print(
        "Left out: logins before and after, the run itself, the roll-back. What follows is the dry run on [bold]simulated[/] hosts:"
    )
    console.print("their answers are recorded, nothing is contacted and nothing is changed.\n")
    return _pyinfra("", *DEPLOYS, "--dry", "--diff", inventory="inventories/simulated.py")


def _title(text: str) -> None:
    console.print()
    console.rule(f"[bold]{text}[/]", align="left")


def _pyinfra(lab: str, *arguments: str, inventory: str = INVENTORY) -> int:
    """Run pyinfra as a user would; its own output is the demo's."""
    console.print(f"[dim]$ pyinfra {inventory} {' '.join(arguments)}[/]")
    environment = {**os.environ, "INET46_LAB": lab, "PYINFRA_PROGRESS": "off", "PYTHONUNBUFFERED": "1"}
    started = time.monotonic()
    with _flushed():
        code = subprocess.run(
            (str(Path(sys.executable).with_name("pyinfra")), inventory, *arguments), cwd=REPOSITORY, env=environment, check=False
        ).returncode
    console.print(f"[dim]exit status {code}, {time.monotonic() - started:.1f} s[/]")
    return code


@contextmanager
def _flushed() -> Iterator[None]:
    sys.stdout.flush()
    yield
    sys.stdout.flush()


def _show(logins: Logins) -> None:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1))
    table.add_column("host", no_wrap=True)
    for service in PORTS:
        for title in ("v4", "v6"):
            table.add_column(f"{service}\n{title}", no_wrap=True)
    for host in dict.fromkeys(host for host, _, _ in logins):
        cells = [logins[host, service, family] for service in PORTS for family in FAMILIES]
        table.add_row(host, *("[green]yes[/]" if cell == "ok" else "[red]—[/]" for cell in cells))
    console.print(table)


if __name__ == "__main__":
    sys.exit(main())
