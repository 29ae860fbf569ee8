"""The oracle of a change: old files, new files and what is done to the super-server, replayed, and which sockets are there afterwards.

This is where services die: most inetds bind the new socket while the old one is still open, inetutils never listens on what it binds at a
second attempt, and xinetd takes no notice of a changed v6only. Sources: those of `replay`; FreeBSD's and OpenBSD's inetd.c (config,
setconfig, sskip) and xinetd's parse.c for the daemons that end, or go on, over a file; measured: tests/test_daemons_changes.py.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator

import attrs

from inet46.diagnostics import Cost, Diagnostic, Severity
from inet46.entry import Entry
from inet46.formats import Reading
from inet46.host import HostPolicy
from inet46.knowledge import Host, InetdBuild, XinetdBuild, resolve
from inet46.predict import Prediction, outcome
from inet46.replay import Replay, label, replay_of
from inet46.sockets import Socket

__all__ = ["After", "Down", "State", "fate", "predict_change"]


class State(enum.Enum):
    """What has become of the daemon."""

    SERVES = "serves"
    EXITED = "exited"  # and all its sockets with it
    HANGS = "hangs"  # in an endless loop; its sockets are open, and nobody answers on them


@attrs.frozen(kw_only=True)
class Down:
    """A socket that is asked for and that nobody listens on. `seconds` is when the daemon tries again and succeeds; None: never."""

    entry: Entry
    socket: Socket
    seconds: int | None = None


@attrs.frozen(kw_only=True)
class After(Prediction):
    """What is there after a change.

    `down` is what is asked for and missing. `cut` are the entries that stay and of which the running sessions have been killed; `gone`
    those that went, and their sessions with them. `stale` are the entries for whose clients the daemon still does what it did before.
    """

    state: State = State.SERVES
    down: tuple[Down, ...] = ()
    cut: tuple[Entry, ...] = ()
    gone: tuple[Entry, ...] = ()
    stale: tuple[Entry, ...] = ()


def predict_change(old: Reading, new: Reading | None, acts: Iterable[str], host: str | HostPolicy | Host) -> After:
    """Return what is there when a super-server that was started on the old files is told of the new ones by these acts, in this order.

    Acts are the verbs of the transaction: reload, restart, settle, signal NAME. New files of None mean that the main file is not there any
    more. Raises UnknownHost for a host that stands in no knowledge table.
    """
    run = _Run(resolve(host))
    run.start(old)
    for act in acts:
        run.perform(act, new)
    return run.after()


@attrs.define
class _Run:
    """A daemon that has been started. `told` is what it read last."""

    host: Host
    replay: Replay = attrs.field(init=False)
    told: Reading = attrs.field(factory=Reading)
    state: State = State.SERVES
    alarm: bool = False  # a bind has failed, and the timer runs whatever becomes of it
    unknown: list[str] = attrs.field(factory=list)
    cut: list[Entry] = attrs.field(factory=list)
    gone: list[Entry] = attrs.field(factory=list)

    def __attrs_post_init__(self) -> None:
        self.replay = replay_of(self.host)

    def start(self, reading: Reading | None) -> None:
        """Start it, with nothing open; running sessions are left alone by whatever ended it."""
        self.cut += self.replay.cut
        self.gone += self.replay.dropped
        self.replay, self.state, self.told = replay_of(self.host), State.SERVES, Reading()
        self.unknown.clear()
        self.alarm = False
        self._read(reading)
        if reading is None and isinstance(self.host.server, XinetdBuild):
            self._end(State.EXITED)

    def perform(self, act: str, reading: Reading | None) -> None:
        """Do one thing to it."""
        match act.split():
            case ["settle"]:
                pass
            case ["restart"]:
                self.start(reading)
            case _ if self.state is not State.SERVES:
                pass  # a signal finds nobody who would act on it
            case ["reload"] | ["signal", "HUP"]:
                self._read(reading)
            case ["signal", "ALRM"] if isinstance(self.host.server, InetdBuild):
                self._retry(self.host.server)
            case _:
                self.unknown.append(f"what {self.host.row.unit} does at {act!r}")

    def _read(self, reading: Reading | None) -> None:
        build = self.host.server
        if reading is None:
            kills = isinstance(build, InetdBuild) and build.missing_file_kills
            if kills:
                self._end(State.EXITED)
            elif kills is None:
                self.unknown.append(f"what {self.host.row.unit} does at a reload without its file")
            return
        if self.told.poisons:  # inetutils inetd.c, serv_node: the next reading begins with an entry that has no user (getpwnam)
            self._end(State.EXITED)
            return
        if self.told.carries is not None and reading.entries:
            # inetutils inetd.c, global_serv_node: set by a line, never by the end of a file.
            self.unknown.append(f"{self.host.row.unit} goes on with the default host {self.told.carries} of the last reading")
        self.unknown += self.told.unknown  # what was not known before may be in the way of what is known now
        self.told = reading
        state = fate(reading)
        if state is State.SERVES:
            self.replay.load(_by_file(reading))
            self.alarm |= any(slot is not None for slot, _ in self.replay.faults)
        else:
            self._end(state)

    def _retry(self, build: InetdBuild) -> None:
        self.alarm = False
        nameless = list(self._nameless())
        if nameless and build.retry_kills:
            self._end(State.EXITED)
            return
        self.replay.retry()
        if build.retries_nameless:
            self.unknown += (f"{said}, and gets a random port when failed binds are tried again" for said in nameless)

    def _nameless(self) -> Iterator[str]:
        """Say which services have no port; OpenBSD's retry gives them one all the same (setup), and busybox's dies."""
        build = self.host.server
        kept = {"token-without-name"}
        if isinstance(build, InetdBuild) and build.retry_kills:
            kept |= {"unknown-service", "unknown-address", "address-family"}
        for entry in self.told.entries:
            if entry.port is None and self.host.port(entry.service, entry.transport) is None:
                yield f"{label(entry)} is not in /etc/services"
        for fault in self.told.faults:
            if fault.name in kept:
                yield str(fault)

    def _end(self, state: State) -> None:
        self.replay.end()
        self.state = state

    def after(self) -> After:
        """Look at it."""
        replay = self.replay
        seen, build = outcome(replay), self.host.server
        doomed = []
        if self.alarm and isinstance(build, InetdBuild) and build.retry_kills:
            doomed = [f"{said}: {self.host.row.unit} ends when it tries failed binds again" for said in self._nameless()]
        stale = [(slot.entry, said) for slot in replay.slots.values() if (said := slot.stale) is not None]
        return After(
            sockets=seen.sockets,
            faults=(*seen.faults, *(_unchanged(*one, self.host) for one in stale)),
            unknown=tuple(dict.fromkeys((*self.told.unknown, *self.unknown, *seen.unknown, *doomed))),
            state=self.state,
            down=tuple(self._down()),
            cut=(*self.cut, *replay.cut),
            gone=(*self.gone, *replay.dropped),
            stale=tuple(entry for entry, _ in stale),
        )

    def _down(self) -> Iterator[Down]:
        missing = self.replay.down
        if not missing:
            return
        then, build = self.replay.copy(), self.host.server
        then.retry()
        seconds = build.retry if isinstance(build, InetdBuild) else None
        for slot in missing:
            yield Down(entry=slot.entry, socket=slot.socket, seconds=seconds if slot.key in then.bound else None)


def fate(reading: Reading) -> State:
    """Return what becomes of a daemon that reads these files."""
    fatal = [fault.name for fault in reading.faults if fault.cost is Cost.DAEMON]
    if not fatal:
        return State.SERVES
    return State.HANGS if "daemon-hang" in fatal else State.EXITED


def _unchanged(entry: Entry, said: str, host: Host) -> Diagnostic:
    text = f"{label(entry)}: {host.row.unit} {said}: a reload does not apply this change"
    return Diagnostic(code="I702", name="duty-not-applied", severity=Severity.ERROR, message=text, span=entry.origin)


def _by_file(reading: Reading) -> list[list[Entry]]:
    """Return the entries file by file, also of a file that has none: some daemons close what they no longer want after each."""
    places = {source.path: place for place, source in enumerate(reading.sources)}
    files: list[list[Entry]] = [[] for _ in places] or [[]]
    at = 0  # what a daemon adds of itself at the end stands in the last file
    for entry in reading.entries:
        at = max(at, places.get(entry.origin.source.path, at)) if entry.origin is not None else at
        files[at].append(entry)
    return files
