"""Hosts that go from one super-server to another and back, and are stopped on the way."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
import time

from inet46 import HostPolicy
from pyinfra_inet46.migration import Wish, asked, migrate
from pyinfra_inet46.transaction import Transaction
from tests.faults.bench import Bench, Wanted
from tests.faults.states import State, difference, state_of
from tests.lab import HostSpec, Lab, power

_PROGRAMS = {"openbsd-inetd": "/usr/sbin/inetd", "inetutils-inetd": "/usr/sbin/inetutils-inetd", "xinetd": "/usr/sbin/xinetd"}
_UNITS = {"openbsd-inetd": "inetd.service", "inetutils-inetd": "inetutils-inetd.service", "xinetd": "xinetd.service"}
_PATIENCE = 10  # seconds
_SOCKETS = ("discard.socket", "imap2.socket", "pop3.socket")
_INETD = (
    "imap2\tstream\ttcp\tnowait\troot\t/usr/sbin/imap4d imap4d --inetd\n"
    "pop3\tstream\ttcp4\tnowait\troot\t/usr/sbin/pop3d pop3d --inetd\n"
    "discard\tdgram\tudp4\twait\troot\t/usr/local/sbin/never-greets never-greets\n"
)
_PARAGRAPH = "service {}\n{{\n\tflags = {}\n\tsocket_type = {}\n\twait = {}\n\tuser = root\n\tserver = {}\n\tserver_args = {}\n}}\n"
_XINETD = {
    "/etc/xinetd.d/imap": _PARAGRAPH.format("imap2", "IPv6", "stream", "no", "/usr/sbin/imap4d", "--inetd"),
    "/etc/xinetd.d/pop3": _PARAGRAPH.format("pop3", "IPv4", "stream", "no", "/usr/sbin/pop3d", "--inetd"),
    "/etc/xinetd.d/discard": _PARAGRAPH.format("discard", "IPv4", "dgram", "yes", "/usr/local/sbin/never-greets", "now"),
}

MOVES = (
    HostSpec(name="inetd-and-xinetd", super_server="openbsd-inetd", also="xinetd", before={"/etc/inetd.conf": _INETD}),
    HostSpec(name="xinetd-to-units", super_server="xinetd", init="systemd", before=_XINETD),
    HostSpec(name="both-in-systemd", super_server="openbsd-inetd", also="xinetd", init="systemd", before={"/etc/inetd.conf": _INETD}),
)


class Moves(Bench):
    """A host that goes to its other super-server and back, or to systemd's sockets."""

    def __init__(self, lab: Lab, spec: HostSpec, *, traced: bool = True) -> None:
        self.states: dict[Wanted, State] = {}
        self.first = state_of(lab[spec.name])
        super().__init__(lab, spec, traced=traced)

    @property
    def to_units(self) -> bool:
        """No migration leads away from systemd, so each of these starts where the host was made."""
        return self.spec.also is None

    def wanted(self) -> tuple[Wanted, ...]:
        there = ("systemd",) if self.to_units else (self.spec.also or "", self.spec.super_server)
        return tuple(((), HostPolicy(name=f"debian-12/{kind}")) for kind in there)

    def ready(self) -> None:
        if self.to_units and self.host.path("/etc/systemd/system/imap2.socket").exists():
            names = " ".join(_SOCKETS)
            self.host.run(
                f"systemctl disable --now {names}; cd /etc/systemd/system && rm imap2* pop3* discard* && systemctl daemon-reload"
                " && systemctl enable xinetd && systemctl reset-failed && systemctl start xinetd && sleep 0.5",
                check=True,
            )
            assert not difference(state_of(self.host), self.first), difference(state_of(self.host), self.first)

    def made(self) -> None:
        """Going round must come to the same each time; then that is what has been promised."""
        seen = state_of(self.host)
        if self.wish in self.usual:
            assert not difference(seen, self.states[self.wish]), difference(seen, self.states[self.wish])
        self.states[self.wish] = seen

    def promised(self, old: State, change: Transaction) -> State:
        return self.states[self.wish]

    def decide(self, *, setting: bool = True) -> Transaction | None:
        wish = Wish(to=self.wish[1])
        return self.decided(asked(wish), lambda look, name: migrate(wish, look, id=name, label=self.spec.name)).transaction

    def boot(self, disk: int) -> None:
        """Start what the links of System V start; pid 1 of a host without systemd knows one super-server, and not which."""
        if self.spec.init == "systemd":
            super().boot(disk)
            return
        inside = (shutil.which("nsenter") or "nsenter", f"--mount=/proc/{os.getpid()}/fd/{disk}", "ls", "/etc/rc2.d")
        names = [name[3:] for name in subprocess.run(inside, capture_output=True, text=True, check=True).stdout.split() if name[0] == "S"]
        power.on(self.lab, dataclasses.replace(self.spec, super_server="none"), disk)
        for name in names:
            if name in _PROGRAMS:
                self.host.run([f"/etc/init.d/{name}", "start"], check=True)
                self.serves(_PROGRAMS[name].rpartition("/")[2])

    def serves(self, program: str) -> None:
        """Wait until a super-server has opened its sockets: its script ends before that."""
        end = time.monotonic() + _PATIENCE
        while not any(socket.process == program for socket in self.host.sockets()) and time.monotonic() < end:
            time.sleep(0.1)

    def wrong(self) -> str:
        """Exactly one super-server runs, and it is the one that starts at the next boot."""
        here, then = (
            self.host.run("".join(f"if {ask} >/dev/null; then echo {kind}; fi\n" for kind, ask in asks.items())).stdout.decode().split()
            for asks in self._asks()
        )
        return "" if here == then and len(here) == 1 else f"{here or 'none'} runs, and {then or 'none'} is enabled"

    def _asks(self) -> tuple[dict[str, str], dict[str, str]]:
        """How a host is asked of each super-server whether it runs, and whether it starts; the image has units without programs."""
        runs = {kind: f"pidof {program}" for kind, program in _PROGRAMS.items()}
        if self.spec.init != "systemd":
            return runs, {kind: f"ls /etc/rc2.d/S01{kind}" for kind in _PROGRAMS}
        starts = {kind: f"[ -x {_PROGRAMS[kind]} ] && systemctl is-enabled {unit}" for kind, unit in _UNITS.items()}
        return {**runs, "systemd": "systemctl is-active imap2.socket"}, {**starts, "systemd": "systemctl is-enabled imap2.socket"}
