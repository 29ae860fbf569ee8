"""`python3 -m tests.lab`: start, look at and end a lab by hand."""

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence

from tests.lab import image, places, state
from tests.lab.lab import FAMILIES, PORTS, Lab
from tests.lab.places import LabError
from tests.lab.spec import DEFAULT_HOSTS


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what was asked; 0 if that worked, 1 if a login failed or a command did, 2 if it could not be done at all."""
    asked = _parser().parse_args(arguments)
    commands: dict[str, Callable[[argparse.Namespace], int]] = {
        "up": _up,
        "down": _down,
        "status": _status,
        "logins": _logins,
        "exec": _exec,
        "base": _base,
        "base-path": _base,
    }
    if (why := places.missing()) is not None:
        print(f"lab: {why}", file=sys.stderr)
        return 2
    try:
        return commands[asked.command](asked)
    except LabError as problem:
        print(f"lab: {problem}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("lab: interrupted; nothing was left running", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python3 -m tests.lab", description="Real mail hosts on this machine.")
    common = argparse.ArgumentParser(add_help=False)
    default = os.environ.get("INET46_LAB", "lab")
    common.add_argument("--lab", metavar="NAME", default=default, help="which lab (default: $INET46_LAB or 'lab')")
    commands = parser.add_subparsers(dest="command", required=True)
    known = [spec.name for spec in DEFAULT_HOSTS]
    up = commands.add_parser("up", parents=[common], help="start a lab that runs until `down`")
    up.add_argument("hosts", metavar="HOST", nargs="*", help=f"some of {', '.join(known)} (default: all)")
    commands.add_parser("down", parents=[common], help="end the lab and all of its processes")
    commands.add_parser("status", parents=[common], help="what runs")
    commands.add_parser("logins", parents=[common], help="log in to every mail service from outside, and show a table")
    run = commands.add_parser("exec", parents=[common], help="run a command on a host, as root")
    run.add_argument("host", metavar="HOST")
    run.add_argument("argv", metavar="CMD", nargs=argparse.REMAINDER, help="the command, after --")
    commands.add_parser("base", help="build the base image, if there is none yet")
    commands.add_parser("base-path", help="print where the base image's root is")
    return parser


def _up(asked: argparse.Namespace) -> int:
    if asked.lab in state.names():
        print(f"the lab {asked.lab!r} is already running")
        return _status(asked)
    known = {spec.name: spec for spec in DEFAULT_HOSTS}
    if unknown := [name for name in asked.hosts if name not in known]:
        raise LabError(f"there is no lab host {unknown[0]!r}; the lab has {', '.join(known)}")
    specs = [known[name] for name in asked.hosts or known]
    image.base_root()
    started = time.monotonic()
    Lab.start(specs, name=asked.lab, stay=True)
    print(f"the lab {asked.lab!r} is up after {time.monotonic() - started:.1f} s; `down` ends it")
    return _status(asked)


def _down(asked: argparse.Namespace) -> int:
    try:
        state.stop(asked.lab)
    finally:
        state.sweep()
    print(f"the lab {asked.lab!r} is down")
    return 0


def _status(asked: argparse.Namespace) -> int:
    lab = Lab.attach(asked.lab)
    for host in lab.hosts.values():
        init = "systemd" if host.init == "systemd" else "no systemd"
        print(f"  {host.name:15} {host.super_server:16} {init:11} {host.address4:12} {host.address6:10} pid {host.pid}")
    print(f"  ssh -F {lab.ssh_config} {next(iter(lab.hosts))}")
    return 0


def _logins(asked: argparse.Namespace) -> int:
    outcomes = Lab.attach(asked.lab).logins()
    columns = [(service, family) for service in PORTS for family in FAMILIES]
    print(" " * 16 + "".join(f"{service:^15}" for service in PORTS).rstrip())
    print(f"{'host':16}" + f"{'IPv4':7}{'IPv6':8}" * len(PORTS))
    reasons: list[str] = []
    for host in dict.fromkeys(host for host, _, _ in outcomes):
        cells = [_cell(outcomes[host, service, family], reasons) for service, family in columns]
        print(f"{host:16}" + "".join(f"{cell:{7 + index % 2}}" for index, cell in enumerate(cells)).rstrip())
    for number, reason in enumerate(reasons, 1):
        print(f"{f'({number})':>6} {reason}")
    return 0 if all(outcome == "ok" for outcome in outcomes.values()) else 1


def _cell(outcome: str, reasons: list[str]) -> str:
    if outcome == "ok":
        return "yes"
    if outcome == "connection refused":
        return "-"
    if outcome not in reasons:
        reasons.append(outcome)
    return f"no({reasons.index(outcome) + 1})"


def _exec(asked: argparse.Namespace) -> int:
    hosts = Lab.attach(asked.lab).hosts
    if asked.host not in hosts:
        raise LabError(f"the lab {asked.lab!r} has no host {asked.host!r}; it has {', '.join(hosts)}")
    command = asked.argv[1:] if asked.argv[:1] == ["--"] else asked.argv
    argv = hosts[asked.host].argv(command or ["bash", "--login"])
    os.execve(argv[0], argv, hosts[asked.host].environment(os.environ.get("TERM", "dumb")))


def _base(asked: argparse.Namespace) -> int:
    root = image.base_root()
    print(root if asked.command == "base-path" else f"the base image is at {root}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
