"""One host of the lab, a controller for it, and what happens when they are stopped."""

from __future__ import annotations

import contextlib
import enum
import itertools
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs

from inet46 import HostPolicy, Listener, Program, Service, Sharing
from inet46.sockets import Family
from pyinfra_inet46.judge import Decision, Question, decide, question
from pyinfra_inet46.look import Look, TornLook, look_command, parse_look
from pyinfra_inet46.transaction import LiveSetting, Result, Transaction, Verdict, VerdictError, parse_verdict, render
from tests.faults.states import BOOTED, STATE_DIR, State, difference, leftovers, promised, state_of
from tests.lab import FAMILIES, Host, HostSpec, Lab, power

_HERE = Path(__file__).parent
_GUARD_PATIENCE = 60  # seconds that a host may take to go back by itself
_CONNECTING = 0.4  # seconds that an ssh client takes before it hands anything over
_STEPS_BACK = 120  # about as many as a way back has
_FILES = ("rename", "link", "unlink", "symlink", "open", "creat", "write", "chmod", "chown", "mkdir", "kill")


class Kind(enum.Enum):
    """How a change is stopped."""

    STEP = "killed at a step"  # SIGKILL to the process group of the script
    GUARDED = "killed, with a guard"  # at a step, of a change that has to be confirmed: the host goes back by itself
    TWICE = "killed, and the way back too"  # the next run, which rolls back, is killed as well
    CONNECTION = "connection cut"  # the ssh client is gone from one moment to the next
    SSHD = "sshd killed"  # the host's, with all sessions
    HOST = "host killed"  # its pid 1, and with it everything; then it boots again


class Within(enum.Enum):
    """Which steps count."""

    ALL = "all"
    FILES = "files"  # those that change files, names or processes, not the start of each program
    JOURNAL = "journal"  # those from the first to the last at which the host is between old and new


@attrs.frozen(kw_only=True)
class Injection:
    """One stop, at a share from 0 to 1 of the steps, or of the time, that an undisturbed change has."""

    kind: Kind
    moment: float
    again: float = 0.5
    """TWICE: when the second one is killed."""

    by_step: bool = True
    within: Within = Within.ALL
    recover_first: bool = True
    """Look at the host between recovery and the next change, not only after both."""


@attrs.frozen(kw_only=True)
class Outcome:
    """What became of it."""

    injection: Injection
    host: str
    step: str
    after: str
    """Right after the stop: old, new, or between with a journal."""

    served: bool
    """IMAP answered right after over every family that it had before and has afterwards."""

    recovered: str
    """After the next run has recovered: old or new; - where it went on to the change at once."""

    problems: tuple[str, ...] = ()

    @classmethod
    def failed(cls, injection: Injection, host: str, said: str) -> Outcome:
        """One that could not be played to its end."""
        return cls(injection=injection, host=host, step="?", after="?", served=False, recovered="-", problems=(said,))


@attrs.frozen(kw_only=True)
class Usual:
    """An undisturbed change: its steps, and how long it takes."""

    steps: tuple[str, ...]
    seconds: float

    def at(self, moment: float, within: Within) -> int:
        """The number of the step at this share of the way."""
        numbers = list(range(1, len(self.steps) + 1))
        if within is Within.FILES:
            numbers = [n for n in numbers if self.steps[n - 1].startswith(_FILES)]
        elif within is Within.JOURNAL:
            first, last = (
                next(n for n in numbers if re.fullmatch(rf"rename\w* {name}", self.steps[n - 1])) for name in ("staging", "journal")
            )
            numbers = numbers[first - 1 : last + 1]
        return numbers[min(int(moment * len(numbers)), len(numbers) - 1)]


Wanted = tuple[tuple[Service, ...], HostPolicy]
"""Services on a host of this kind."""


def wishes(super_server: str) -> tuple[Wanted, ...]:
    """What a bench changes its host to, in turn: IPv4 only, both families, and one socket for both where the super-server has that."""
    imap = Service(name="imap", port=143, program=Program(path="/usr/sbin/imap4d", args=("--inetd",)), greeting="* OK")
    tls = Service(name="imaps", port=993, program=Program(path="/usr/sbin/imap4d", args=("--inetd", "--set", "tls-mode=connection")))
    name = f"debian-12/{'systemd' if super_server == 'none' else super_server}"
    only = attrs.evolve(imap, listeners=(Listener(family=Family.IPV4),))
    plain = ((only, attrs.evolve(tls, enabled=False)), HostPolicy(name=name, sharing=Sharing.SEPARATE))
    both = ((imap, tls), HostPolicy(name=name, sharing=Sharing.SEPARATE))
    one = ((imap, tls), HostPolicy(name=name, sharing=Sharing.MAPPED))
    return (plain, both) if super_server == "openbsd-inetd" else (plain, both, one)


class Bench:
    """A host that goes round its wishes, and is stopped on the way."""

    def __init__(self, lab: Lab, spec: HostSpec, *, traced: bool = True) -> None:
        self.lab, self.spec = lab, spec
        self.wishes = self.wanted()
        self.round = itertools.cycle(self.wishes)
        self.usual: dict[object, Usual] = {}
        self.numbers = itertools.count(1)
        seconds: dict[object, float] = {}
        for is_traced in (False, False, True) if traced else ():
            for _ in self.wishes:
                self.wish = next(self.round)
                self.ready()
                change = self.decide()
                if change is None:  # the very first wish may be what the host was made as
                    continue
                if is_traced:
                    steps, output = self.traced(change, 0, "group")
                    verdict = parse_verdict(output.splitlines())
                    self.usual[self.wish] = Usual(steps=steps, seconds=seconds[self.wish])
                else:
                    verdict = self.deliver(change)
                    seconds[self.wish] = verdict.seconds
                assert verdict.result is Result.COMMITTED, verdict
                self.made()

    # -- what another kind of bench does otherwise ---------------------------------------------------------------------------------------

    def wanted(self) -> tuple[Wanted, ...]:
        """What the host is changed to, in turn."""
        return wishes(self.spec.super_server)

    def ready(self) -> None:
        """Before each change."""

    def made(self) -> None:
        """After each undisturbed change."""

    def promised(self, old: State, change: Transaction) -> State:
        """What the host must be once the change is made."""
        return promised(old, change)

    def boot(self, disk: int) -> None:
        """Start the host again."""
        power.on(self.lab, self.spec, disk)

    def wrong(self) -> str:
        """What else is not as it must be of a host that is at peace."""
        return ""

    @property
    def host(self) -> Host:
        return self.lab[self.spec.name]

    # -- the controller --------------------------------------------------------------------------------------------------------------

    def prepare(self) -> Transaction:
        """Look, and decide; what has to be changed."""
        change = self.decide()
        assert change is not None, f"{self.spec.name}: nothing to change"
        return change

    def decide(self, *, setting: bool = True) -> Transaction | None:
        services, policy = self.wish
        decision = self.decided(
            question(services, policy), lambda look, name: decide(services, policy, look, id=name, label=self.spec.name)
        )
        change = decision.transaction
        if change is None or decision.recovers or not setting:
            return change
        # No change of a Debian host needs a live setting, and settings have to be as safe as files: one is made to change with them.
        ttl = self.host.run(["cat", "/proc/sys/net/ipv4/ip_default_ttl"], check=True).stdout.decode().strip()
        wanted = "63" if any(service.listeners for service in services) else "62"
        return attrs.evolve(change, live=(LiveSetting(key="net.ipv4.ip_default_ttl", value=wanted, old=ttl),))

    def decided(self, asked: Question, judge: Callable[[Look, str], Decision]) -> Decision:
        """Look and decide, twice if the first look may have fallen into somebody else's change."""
        for last in (False, True):
            told = self.host.run(look_command(**attrs.asdict(asked)), check=True).stdout.decode().splitlines()
            try:
                decision = judge(parse_look(told), f"fault-{next(self.numbers)}")
            except TornLook:
                if last:
                    raise
                continue
            if not decision.doubtful:
                break
        assert not decision.refusals, f"{self.spec.name}: refused: {decision.refusals}"
        return decision

    def run(self, *, setting: bool) -> Verdict | None:
        """One whole run of a controller: None if nothing has to change. A look that has become stale is taken again."""
        for _ in range(3):
            change = self.decide(setting=setting)
            if change is None:
                return None
            verdict = self.deliver(change)
            if "between look and change" not in verdict.reason and change.files + change.ours:
                break
        return verdict

    def deliver(self, change: Transaction) -> Verdict:
        done = self.host.run(["sh", "-s"], input=render(change).encode(), timeout=180)
        try:
            return parse_verdict(done.stdout.decode().splitlines())
        except VerdictError as error:
            raise AssertionError(f"{error}: {done.stderr.decode()}") from None

    def traced(self, change: Transaction, at: int, victim: str) -> tuple[tuple[str, ...], str]:
        """Run a change, with somebody killed at this step; the steps that it came to, and what it said."""
        with tempfile.TemporaryDirectory() as folder:
            report = Path(folder, "report")
            argv = [sys.executable, str(_HERE / "tracer.py"), str(at), victim, str(report), *self.host.argv(["sh", "-s"])]
            done = subprocess.run(
                argv, input=render(change).encode(), capture_output=True, check=False, env=self.host.environment(), timeout=180
            )
            return tuple(report.read_text().splitlines()), done.stdout.decode()

    # -- the injection -------------------------------------------------------------------------------------------------------------------

    def inject(self, injection: Injection) -> Outcome:
        """Change to the next wish, be stopped, and look at all that follows."""
        self.wish = next(self.round)
        self.ready()
        old = state_of(self.host)
        change = self.decide(setting=injection.kind is not Kind.HOST)
        assert change is not None, f"{self.spec.name}: nothing to change"
        if injection.kind is Kind.GUARDED:
            change = attrs.evolve(change, confirm=2.0)
        new = self.promised(old, change)
        step = self._stop(change, injection)
        if injection.kind is Kind.HOST:
            # What was set and not written down is gone with the memory.
            old, new = (attrs.evolve(state, settings=BOOTED) for state in (old, new))
        problems: list[str] = []
        after = self._right_after(old, new, problems, dead=injection.kind in {Kind.STEP, Kind.TWICE, Kind.HOST})
        served = self._served(old.families(143) & new.families(143))
        recovered = "-"
        if injection.kind is Kind.GUARDED:
            recovered = self._alone(old, problems)
        elif injection.recover_first or injection.kind is Kind.TWICE:
            recovered = self._recover(injection, change, old, new, problems)
        self._finish(new, problems, setting=injection.kind is not Kind.HOST)
        return Outcome(
            injection=injection, host=self.spec.name, step=step, after=after, served=served, recovered=recovered, problems=tuple(problems)
        )

    def _stop(self, change: Transaction, injection: Injection) -> str:
        usual = self.usual[self.wish]
        at = usual.at(injection.moment, injection.within)
        match injection.kind:
            case Kind.STEP | Kind.TWICE | Kind.GUARDED:
                steps, _ = self.traced(change, at, "group")
                return f"{at} {steps[-1]}"
            case Kind.HOST if injection.by_step:
                disk = os.open(f"/proc/{self.host.pid}/ns/mnt", os.O_RDONLY)
                steps, _ = self.traced(change, at, str(self.host.pid))
                with contextlib.suppress(FileNotFoundError):  # it has gone already
                    os.close(power.off(self.host))
                self.boot(disk)
                return f"{at} {steps[-1]}"
            case Kind.HOST:
                return self._over_ssh(change, injection.moment, lambda _: self.boot(power.off(self.host)))
            case Kind.CONNECTION:
                return self._over_ssh(change, injection.moment, lambda client: client.kill())
            case Kind.SSHD:
                return self._over_ssh(change, injection.moment, lambda _: self._restart_sshd())

    def _over_ssh(self, change: Transaction, moment: float, strike: Callable[[subprocess.Popen[bytes]], object]) -> str:
        """Start a change over ssh, and strike when this share of its usual time has gone by."""
        delay = moment * (self.usual[self.wish].seconds + _CONNECTING)
        with tempfile.TemporaryFile() as text:
            text.write(render(change).encode())
            text.seek(0)
            argv = (sys.executable, str(_HERE / "remote.py"), self.lab.ssh_config, self.spec.name)
            with subprocess.Popen(argv, stdin=text, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as client:
                time.sleep(delay)
                strike(client)
                client.kill()
        return f"{delay:.2f}s"

    def _restart_sshd(self) -> None:
        """End every sshd of the host, sessions too, and start it again."""
        pids = self.host.run(["ps", "-C", "sshd", "-o", "pid="]).stdout.decode().split()
        self.host.run(["kill", "-KILL", *pids])
        start = "systemctl start ssh" if self.spec.init == "systemd" else "rm -f /run/sshd.pid; /etc/init.d/ssh start"
        self.host.run(f"{start} >/dev/null 2>&1 </dev/null", check=True)

    # -- what must be true then ----------------------------------------------------------------------------------------------------------

    def _right_after(self, old: State, new: State, problems: list[str], *, dead: bool) -> str:
        seen = state_of(self.host)
        if not difference(seen, old):
            return "old"
        if not difference(seen, new):
            return "new"
        if dead and not self.host.path(f"{STATE_DIR}/journal").exists():
            problems.append(f"between old and new without a journal: {difference(seen, old)}")
        return "between"

    def _served(self, families: frozenset[str]) -> bool:
        answers = self.lab.logins([self.spec.name], ["imap"])
        return all(answers[self.spec.name, "imap", family] == "ok" for family in FAMILIES if family in families)

    def _alone(self, old: State, problems: list[str]) -> str:
        """Nobody comes: the guard has to go back by itself."""
        end = time.monotonic() + _GUARD_PATIENCE
        while self.host.path(f"{STATE_DIR}/armed").is_symlink() and time.monotonic() < end:
            time.sleep(0.2)
        if difference(state_of(self.host), old):
            self._must_be(old, "gone back alone", problems)
        return "old"

    def _recover(self, injection: Injection, change: Transaction, old: State, new: State, problems: list[str]) -> str:
        """The next run has nothing of its own to do: what is left must be all old or all new."""
        nothing: dict[str, Any] = dict.fromkeys(
            ("files", "links", "live", "activate", "retire", "undo", "expected", "expected_after_undo", "keep", "gone", "ours", "probes"),
            (),
        )
        recovery = attrs.evolve(change, id=f"recovery-{change.id}", old=None, **nothing)
        if injection.kind is Kind.TWICE:
            self.traced(recovery, 1 + int(injection.again * _STEPS_BACK), "group")
        verdict = self.deliver(recovery)
        if verdict.result is not Result.COMMITTED:
            problems.append(f"the recovery ended {verdict.result.value} at {verdict.step}: {verdict.reason}")
        seen = state_of(self.host)
        name, state = ("new", new) if not difference(seen, new) else ("old", old)
        self._must_be(state, "recovered", problems)
        return name

    def _finish(self, new: State, problems: list[str], *, setting: bool) -> None:
        verdict = self.run(setting=setting)
        if verdict is not None and verdict.result is not Result.COMMITTED:
            problems.append(f"the next run ended {verdict.result.value} at {verdict.step}: {verdict.reason}")
        self._must_be(new, "finished", problems)

    def _must_be(self, wanted: State, when: str, problems: list[str]) -> None:
        if wrong := difference(state_of(self.host), wanted):
            problems.append(f"{when}: {wrong}")
        if left := leftovers(self.host):
            problems.append(f"{when}: left behind {left}")
        if wrong := self.wrong():
            problems.append(f"{when}: {wrong}")
        answers = self.lab.logins([self.spec.name], ["imap"])
        if "timed out" in answers.values():  # so busy may the machine be; a daemon that is stuck stays so
            answers = self.lab.logins([self.spec.name], ["imap"])
        for (_, service, family), answer in answers.items():
            if (answer == "ok") != (family in wanted.families(143)):
                problems.append(f"{when}: {service} over {family}: {answer}")
