"""Changes that people make to files, and the signals that follow: seeded, and held against the daemons as files are.

A change is a file of few services, so that they get in each other's way, and the same file after a few edits: another token, another
address, lines that change places, a number for a name, an id, a flag, a bind, an entry more or less.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from random import Random
from typing import TypeVar

import attrs

from inet46 import formats
from inet46.activation import RELOAD, activation
from inet46.change import After, State, predict_change
from inet46.formats import Reading
from inet46.knowledge import Host, InetdBuild, Token
from inet46.sockets import Socket, Transport
from tests.daemons.bench import Bench, Files, Look, Step
from tests.daemons.cases import INETD, SERVER, XINETD, left_to_chance, paragraph
from tests.daemons.judge import Tally, mismatch

__all__ = ["Activated", "Change", "fresh", "hold_activations", "hold_changes", "random_changes"]

T = TypeVar("T")

_SHOWN = 4
_ENOUGH = 200
_SIGNALS = (("HUP",), ("HUP",), ("HUP", "HUP"), ("HUP", "ALRM"), ("HUP", "ALRM", "HUP"), ("HUP", "HUP", "ALRM"))


@attrs.frozen
class Change:
    """Files that a daemon is started with, those that it finds afterwards, and the signals that it gets."""

    label: str
    old: Files
    new: Files
    signals: tuple[str, ...]

    @property
    def steps(self) -> tuple[Step, ...]:
        """The run of it on a bench; in the end it is looked at once."""
        return ("files", dict(self.old)), ("start",), ("files", dict(self.new)), *(("signal", name) for name in self.signals), ("look",)


def random_changes(seed: int | str, count: int, build: InetdBuild | None) -> list[Change]:
    """Make changes for an inetd, or for xinetd when there is no build of one."""
    return [_change(Random(f"change {seed}/{number}"), build, f"change {seed}/{number}") for number in range(count)]


def _change(random: Random, build: InetdBuild | None, label: str) -> Change:
    old, new = _xinetd_change(random) if build is None else _inetd_change(random, build)
    signals = random.choice(_SIGNALS if build else _SIGNALS[:3])
    return Change(label, old, new if random.random() < 0.98 else {}, signals)


# -- inetd.conf ------------------------------------------------------------------------------------------------------------------------

_TCP = (*(("daytime", "13"), ("imap", "143")) * 3, ("imap2", "143"), ("finger", "79"), *(("7001", "7001"),) * 3)
_UDP = (("daytime", "13"), ("tftp", "69"), ("7001", "7001"))
_PREFIXES = (*("",) * 9, "*:", "0.0.0.0:", "127.0.0.1:", "127.0.0.1:", "127.0.0.2:", "[::1]:", "::1:", "[::]:", "127.0.0.1,127.0.0.2:")
_OTHER = (
    "",
    "no-such-service stream tcp nowait root /x x",
    "# a comment",
    "imap stream tcp",
    "127.0.0.1:",
    "*:",
    "\t# indented",
    "tcpmux/x stream tcp nowait root /x x",
)


@attrs.frozen
class _Line:
    """What is said in one line of inetd.conf; `rest` stands for all of it where it is no entry."""

    names: tuple[str, str]
    token: Token
    prefix: str = ""
    numbered: bool = False
    wait: bool | None = None
    argument: str = "a"
    rest: str | None = None

    def __str__(self) -> str:
        if self.rest is not None:
            return f"{self.rest}\n"
        kind = self.token.transport.socket_type
        wait = kind == "dgram" if self.wait is None else self.wait
        name = self.names[self.numbered]
        return f"{self.prefix}{name}\t{kind}\t{self.token.name}\t{'wait' if wait else 'nowait'}\troot\t{SERVER} {self.argument}\n"


@attrs.frozen
class _Lines:
    """Makes lines for one file, all of them for two ports at the most."""

    random: Random
    build: InetdBuild
    tcp: Sequence[tuple[str, str]]
    udp: tuple[str, str]

    def new(self) -> _Line:
        random = self.random
        kind = Transport.TCP if random.random() < 0.85 else Transport.UDP
        token = random.choice([token for token in self.build.tokens if token.transport is kind])
        names = random.choice(self.tcp) if token.transport is Transport.TCP else self.udp
        other = random.choice(_OTHER) if random.random() < 0.04 else None
        return self._possible(_Line(names, token, random.choice(_PREFIXES), random.random() < 0.5, rest=other))

    def again(self, line: _Line) -> _Line:
        """Change one thing about a line."""
        tokens = [token for token in self.build.tokens if token.transport is line.token.transport]
        match self.random.choice(("token", "token", "token", "prefix", "prefix", "name", "argument", "off")):
            case "token":
                return self._possible(attrs.evolve(line, token=self.random.choice(tokens)))
            case "prefix":
                return attrs.evolve(line, prefix=self.random.choice(_PREFIXES))
            case "name":
                return self._possible(attrs.evolve(line, numbered=not line.numbered))
            case "argument":
                return attrs.evolve(line, argument=self.random.choice("abc"))
            case _:
                return attrs.evolve(line, rest=f"#<off># {line}".rstrip("\n"))

    def _possible(self, line: _Line) -> _Line:
        """Prefer a number where a name would lose the line, and bring it a random port later."""
        return line if line.token.named or self.random.random() < 0.05 else attrs.evolve(line, numbered=True)


def _inetd_change(random: Random, build: InetdBuild) -> tuple[Files, Files]:
    lines = _Lines(random, build, random.choices(_TCP, k=random.choice((1, 2))), random.choice(_UDP))
    folder = build.purges_each_file and random.random() < 0.2
    old = [lines.new() for _ in range(random.choice((1, 1, 2, 2, 3, 4)))]
    new = _edited(random, old, lines.again, lines.new)
    return _inetd_files(old, folder=folder), _inetd_files(new, folder=folder)


def _inetd_files(lines: Sequence[_Line], *, folder: bool) -> Files:
    text = "".join(map(str, lines[folder:]))
    return {INETD: text, **({"/etc/inetd.d/one": "".join(map(str, lines[:1]))} if folder else {})}


def _edited(random: Random, old: Sequence[T], again: Callable[[T], T], more: Callable[[], T]) -> list[T]:
    """Edit a few of the things in a file."""
    new = list(old)
    for _ in range(random.choice((1, 1, 2, 3))):
        place = random.randrange(len(new)) if new else None
        match random.choice(("again", "again", "again", "swap", "remove", "add")):
            case "again" if place is not None:
                new[place] = again(new[place])
            case "swap" if place is not None:
                new.append(new.pop(place))
            case "remove" if place is not None:
                del new[place]
            case _:
                new.insert(random.randint(0, len(new)), more())
    return new


# -- xinetd ----------------------------------------------------------------------------------------------------------------------------

_IDS = ("", "", "a", "b", "A")
_CHOICES: Mapping[str, Sequence[str]] = {
    "flags": ("", "IPv4", "IPv6", "IPv6", "IPv4 IPv6", "REUSE"),
    "v6only": ("", "", "yes", "yes", "no"),
    "bind": ("", "", "", "0.0.0.0", "::", "127.0.0.1", "127.0.0.2", "::1", "::ffff:127.0.0.1"),
    "id": _IDS,
    "disable": ("", "", "no", "no", "yes"),
    "server_args": ("", "-a", "-b"),
    "instances": ("", "", "", "", "", "3", "few"),
    "wait": ("", "", "yes", "no"),
    "type": ("", "UNLISTED"),
}
_DEFAULTS = (
    *("",) * 9,
    "bind = ::1",
    "bind = ::",
    "bind = 127.0.0.1",
    "v6only = yes",
    "enabled = imap a daytime",
    "disabled = a",
    "instances = 60",
    "instances = few",
)
_SERVICES = (*(("imap", "tcp", "143"), ("daytime", "tcp", "13")) * 3, ("daytime", "udp", "13"), ("tftp", "udp", "69"))
_COMPAT = (
    f"daytime stream tcp nowait root {SERVER} a",
    "daytime stream tcp nowait root internal",
    f"imap stream tcp nowait root {SERVER} a",
)


@attrs.frozen
class _Paragraph:
    """What is said of one service of xinetd."""

    service: tuple[str, str, str]
    said: Mapping[str, str]

    def __str__(self) -> str:
        name, transport, port = self.service
        return paragraph(name, transport=transport, **{**({"port": port} if self.said.get("type") else {}), **self.said})


def _paragraph(random: Random, services: Sequence[tuple[str, str, str]]) -> _Paragraph:
    said = {name: random.choice(values) for name, values in _CHOICES.items() if random.random() < 0.4}
    return _possible(_Paragraph(random.choice(services), {name: value for name, value in said.items() if value}))


def _readjusted(random: Random, one: _Paragraph) -> _Paragraph:
    name = random.choice(("flags", "flags", "v6only", "v6only", "bind", "bind", *_CHOICES))
    said = {**one.said, name: random.choice(_CHOICES[name])}
    return _possible(attrs.evolve(one, said={key: value for key, value in said.items() if value}))


def _possible(one: _Paragraph) -> _Paragraph:
    """Take away a bind of which xinetd makes what stands in its memory, and what might switch a broken service on again."""
    if one.said.get("instances") == "few":
        one = attrs.evolve(one, said={name: value for name, value in one.said.items() if name != "disable"})
    return attrs.evolve(one, said={**one.said, "bind": "::1"}) if left_to_chance(**one.said) else one


def _xinetd_change(random: Random) -> tuple[Files, Files]:
    services = random.choices(_SERVICES, k=random.choice((1, 2)))
    old = [_paragraph(random, services) for _ in range(random.choice((1, 1, 2, 2, 3, 4)))]
    new = _edited(random, old, lambda one: _readjusted(random, one), lambda: _paragraph(random, services))
    defaults = random.choice(_DEFAULTS)
    compat = random.choice(_COMPAT) if random.random() < 0.2 else None
    then = random.choice(_DEFAULTS) if random.random() < 0.2 else defaults
    return _xinetd_files(random, old, defaults, compat), _xinetd_files(random, new, then, compat if random.random() < 0.8 else None)


def _xinetd_files(random: Random, paragraphs: Sequence[_Paragraph], defaults: str, compat: str | None) -> Files:
    ipv4 = "." in defaults
    told = [
        attrs.evolve(x, said={**x.said, "bind": "::1"}) if ipv4 and left_to_chance(**{"bind": "1.1", **x.said}) else x for x in paragraphs
    ]
    head = f"defaults\n{{\n\t{defaults}\n}}\n" if defaults else ""
    body = "".join(map(str, told))
    return {XINETD: head + body, **({INETD: f"{compat}\n"} if compat else {})}


# -- against the daemons ---------------------------------------------------------------------------------------------------------------


def expected(change: Change, host: Host) -> After:
    """Read and predict; a daemon that finds no file at all finds its main file missing."""
    old, new = (formats.read(files, host) for files in (change.old, change.new))
    acts = [f"signal {name}" for name in change.signals]
    return predict_change(old, new if new.sources else None, acts, host)


def _agrees(said: After, look: Look) -> bool:
    states = {State.SERVES: ("serves",), State.HANGS: ("hangs",), State.EXITED: ("exited", "killed")}
    return Counter(held.socket for held in said.sockets) == look.served and look.state.startswith(states[said.state])


def hold_changes(changes: Sequence[Change], benches: Sequence[Bench]) -> Tally:
    """Play every change on every bench and hold what is there in the end against what inet46 says; what it cannot know is counted."""
    tally, failed = Tally(), []
    for bench in benches:
        bench.send([change.steps for change in changes])
    for bench in benches:
        for change, (look,) in zip(changes, bench.receive(), strict=True):
            said = expected(change, bench.host)
            tally.files += 1
            tally.entries += len(formats.read(change.new, bench.host).entries)
            if said.unknown:
                tally.unknown.append(f"{change.label}: {said.unknown[0]}")
            elif not _agrees(said, look):
                failed.append((change, bench))
    for number, (change, bench) in enumerate(failed):
        tally.mismatches.append(_explain(change, bench) if number < _SHOWN else change.label)
    return tally


def _explain(change: Change, bench: Bench) -> str:
    small = _smallest(change, bench)
    (look,) = bench.run(*small.steps)
    said = expected(small, bench.host)
    files = {**{f"old {path}": text for path, text in small.old.items()}, **{f"new {path}": text for path, text in small.new.items()}}
    title = f"{small.label}, {' '.join(small.signals)} ({said.state.value})"
    return mismatch(title, files, bench.host, (held.socket for held in said.sockets), look)


def _smallest(change: Change, bench: Bench) -> Change:
    """Take lines away, from one file or from all that have them, for as long as the two still differ."""
    tries = 0
    found = True
    while found:
        found = False
        for fewer in _fewer(change):
            tries += 1
            if tries > _ENOUGH:
                return change
            said = expected(fewer, bench.host)
            if not said.unknown and not _agrees(said, bench.run(*fewer.steps)[0]):
                change, found = fewer, True
                break
    return change


def _fewer(change: Change) -> Iterator[Change]:
    lines = dict.fromkeys(line for files in (change.old, change.new) for text in files.values() for line in text.splitlines(keepends=True))
    for line in lines:
        for old, new in itertools.product((True, False), repeat=2):
            told = attrs.evolve(
                change, old=_without(change.old, line) if old else change.old, new=_without(change.new, line) if new else change.new
            )
            if told != change:
                yield told
    for place in range(len(change.signals) - 1):
        yield attrs.evolve(change, signals=change.signals[:place] + change.signals[place + 1 :])


def _without(files: Files, line: str) -> Files:
    """Take one occurrence of a line away."""
    return {path: text.replace(line, "", 1) if line in text.splitlines(keepends=True) else text for path, text in files.items()}


# -- the activation that the library chooses -------------------------------------------------------------------------------------------


@attrs.define
class Activated:
    """How it went: changes activated, those that took more than one SIGHUP, what came out wrong, and what was dearer than needed."""

    done: int = 0
    dearer: int = 0
    wrong: list[str] = attrs.field(factory=list)
    needless: list[str] = attrs.field(factory=list)

    def add(self, other: Activated) -> None:
        """Take in how other changes went."""
        self.done += other.done
        self.dearer += other.dearer
        self.wrong += other.wrong
        self.needless += other.needless

    def __str__(self) -> str:
        told = f"{self.done} activations, {self.dearer} of them more than a SIGHUP"
        return f"{told}, {len(self.wrong)} wrong, {len(self.needless)} dearer than they need be"


def fresh(reading: Reading, host: Host) -> Counter[Socket]:
    """What is there after a start."""
    return Counter(held.socket for held in predict_change(reading, reading, (), host).sockets)


def hold_activations(changes: Sequence[Change], bench: Bench) -> Activated:
    """Activate every change as the library says, and with one SIGHUP alone: the first has to be right, the second not, if it is cheaper."""
    tally, host = Activated(), bench.host
    read = [(change, formats.read(change.old, host), formats.read(change.new, host)) for change in changes]
    known = [(*one, activation(*one[1:], host)) for one in read if not one[1].unknown and not one[2].unknown and one[2].sources]
    ways = [tuple(dict.fromkeys((verbs, RELOAD))) for *_, verbs in known]
    runs = [(*one[0].steps[:3], *_performed(way), ("look",)) for one, tried in zip(known, ways, strict=True) for way in tried]
    bench.send(runs)
    looks = iter(bench.receive())
    for (change, old, new, verbs), tried in zip(known, ways, strict=True):
        seen = {way: next(looks)[0] for way in tried}
        tally.done += 1
        tally.dearer += verbs not in {(), RELOAD}
        wanted = fresh(new, host)
        if seen[verbs].served != wanted:
            tally.wrong.append(mismatch(f"{change.label}, {verbs}", change.new, host, wanted.elements(), seen[verbs]))
        if verbs not in {(), RELOAD} and seen[RELOAD].served == wanted and not _excused(old, new, host):
            tally.needless.append(f"{change.label}: {verbs}")
    return tally


def _performed(verbs: Sequence[str]) -> Iterator[Step]:
    for verb in verbs:
        match verb.split():
            case ["reload"]:
                yield ("signal", "HUP")
            case ["restart"]:
                yield from (("stop",), ("start",))
            case ["signal", name]:
                yield ("signal", name)
            case _:
                assert verb == "settle"


def _excused(old: Reading, new: Reading, host: Host) -> bool:
    """True where one SIGHUP brings the sockets and still is not right: sessions are cut, or clients get what they should not."""
    found, wanted = predict_change(old, new, RELOAD, host), predict_change(new, new, (), host)
    return bool(found.cut or found.stale or found.unknown) or Counter(found.sockets) != Counter(wanted.sockets)
