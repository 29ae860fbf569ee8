"""One change to one host as a value, the POSIX sh text that makes it, and the verdict that comes back.

The text is the library in ``shell/`` followed by data: one *document* of ``key value`` lines that says what is to be done, and the
contents of the new files. The host keeps the document beside its state as the journal, so an interrupted change is rolled back from
the very words that began it. Rules of this module:

1. Nothing here runs anything. `render` gives text for ``sh -s``; `parse_verdict` reads what that text printed.
2. Data never becomes words. A document or a file is printed by ``printf`` from a format in single quotes that holds printable
   ASCII only; no value stands anywhere else in the script.
3. The script is pure ASCII, and only its last line does something: a script that is cut short does nothing.
"""

from __future__ import annotations

import functools
import re
import zlib
from collections.abc import Iterator, Sequence
from importlib import resources

import attrs

from pyinfra_inet46.verbs import VERBS, known_verbs
from pyinfra_inet46.verdict import (
    Answered,
    Listening,
    Result,
    Verdict,
    VerdictError,
    a_family,
    a_port,
    a_transport,
    an_address,
    ntop,
    parse_verdict,
)

__all__ = [
    "VERBS",
    "Answered",
    "Daemon",
    "ExpectedSocket",
    "FileChange",
    "LinkChange",
    "Listening",
    "LiveSetting",
    "Probe",
    "Result",
    "Seen",
    "Transaction",
    "Verdict",
    "VerdictError",
    "cksum",
    "function",
    "library",
    "parse_verdict",
    "printf",
    "render",
    "render_answer",
]

LIBRARY = (
    "common.sh",
    "listeners.sh",
    "process.sh",
    "activate.sh",
    "server.sh",
    "lock.sh",
    "probe.sh",
    "document.sh",
    "durable.sh",
    "journal.sh",
    "log.sh",
    "stage.sh",
    "transaction.sh",
)
_CHUNK = 4096  # bytes for one printf: each is an argument, and mksh starts a program for it
_SPECIAL = re.compile(rb"[^\n -~]|['\\%]")
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def cksum(content: bytes) -> int:
    """The checksum that POSIX ``cksum`` prints for this content.

    It is CRC-32 with the bits the other way round, no initial ones, and the length appended, low byte first.
    """
    size = len(content)
    tail = size.to_bytes((size.bit_length() + 7) // 8, "little")
    crc = zlib.crc32((content + tail).translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{crc:032b}"[::-1], 2) ^ 0xFFFFFFFF


def _one_line(_: object, attribute: attrs.Attribute[str], value: str | None) -> None:
    if value is not None and ("\n" in value or "\0" in value):
        raise ValueError(f"{attribute.name} {value!r} has a newline or NUL, which the journal of a change cannot hold")


def _a_path(_: object, attribute: attrs.Attribute[str], value: str | None) -> None:
    _one_line(_, attribute, value)
    if value is not None and not value.startswith("/"):
        raise ValueError(f"{attribute.name} {value!r} is not absolute: it must begin with /")


def _no_nul(_: object, attribute: attrs.Attribute[tuple[str, ...]], value: tuple[str, ...]) -> None:
    for word in value:
        if "\n" in word or "\0" in word:
            raise ValueError(f"{attribute.name}: {word!r} has a newline or NUL, which the journal of a change cannot hold")


def _units(_: object, attribute: attrs.Attribute[tuple[str, ...]], value: tuple[str, ...]) -> None:
    for name in value:
        if not re.fullmatch(r"[A-Za-z0-9:_.@\\][A-Za-z0-9:_.@\\-]*", name):
            raise ValueError(f"{attribute.name}: {name!r} is no name of a unit")


@attrs.frozen(kw_only=True)
class Seen:
    """A file's content as POSIX ``cksum`` names it; enough to notice that somebody else has changed it."""

    crc: int
    size: int

    @classmethod
    def of(cls, content: bytes) -> Seen:
        """What ``cksum`` prints for this content."""
        return cls(crc=cksum(content), size=len(content))


@attrs.frozen(kw_only=True)
class FileChange:
    """One file that is to be written, replaced or removed.

    ``old`` is what the look saw, and None when the path must not exist. ``new`` is None when the file is to be removed.
    ``staged`` and ``kept`` are the folders where the new file waits, and the old one until the change is proved: of names that no
    daemon reads, beside the file or, where every name is read (inetutils' /etc/inetd.d), one folder above it. The change makes and
    removes them, so files that go to one folder share them.
    """

    path: str = attrs.field(validator=_a_path)
    old: Seen | None
    new: bytes | None
    mode: int = attrs.field(default=0o644, validator=attrs.validators.and_(attrs.validators.ge(0), attrs.validators.le(0o7777)))
    uid: int = attrs.field(default=0, validator=attrs.validators.ge(0))
    gid: int = attrs.field(default=0, validator=attrs.validators.ge(0))
    staged: str = attrs.field(validator=_a_path)
    kept: str = attrs.field(validator=_a_path)

    def __attrs_post_init__(self) -> None:
        if self.old is None and self.new is None:
            raise ValueError(f"{self.path}: a file that must not exist cannot be removed")
        folder = self.path.rpartition("/")[0]
        if self.staged == self.kept:
            raise ValueError(f"{self.path}: staged and kept must be two different folders")
        for name in (self.staged, self.kept):
            if name.rpartition("/")[0] not in {folder, folder.rpartition("/")[0]}:
                raise ValueError(f"{name} is neither beside {self.path} nor one folder above it: a rename further away need not be atomic")
            if not name.rpartition("/")[2].startswith("."):
                raise ValueError(f"{name} does not begin with a dot: daemons read names that do not")


@attrs.frozen(kw_only=True)
class LinkChange:
    """One symbolic link that is to be made, to lead elsewhere, or to be removed; None is no link. What it leads to is not touched."""

    path: str = attrs.field(validator=_a_path)
    old: str | None = attrs.field(validator=_one_line)
    new: str | None = attrs.field(validator=_one_line)


@attrs.frozen(kw_only=True)
class LiveSetting:
    """A live sysctl value to be set, and the value to go back to."""

    key: str = attrs.field(validator=attrs.validators.matches_re(r"[A-Za-z0-9_][A-Za-z0-9_./-]*"))
    value: str = attrs.field(validator=_one_line)
    old: str = attrs.field(validator=_one_line)


@attrs.frozen(kw_only=True)
class ExpectedSocket:
    """A listening socket by what a kernel tells of it. ``v6only`` None means that both are right (and all there is for IPv4)."""

    service: str = attrs.field(default="", validator=_one_line)
    transport: str = attrs.field(validator=a_transport)
    family: str = attrs.field(validator=a_family)
    address: str = attrs.field(converter=ntop, validator=an_address)
    port: int = attrs.field(validator=a_port)
    v6only: bool | None = None


@attrs.frozen(kw_only=True)
class Probe:
    """A client that must be answered. The greeting is how the first line begins; without one, an open connection is enough.

    A UDP probe is never sent: its socket is looked at, no more.
    """

    service: str = attrs.field(validator=_one_line)
    family: str = attrs.field(validator=a_family)
    address: str = attrs.field(converter=ntop, validator=an_address)
    port: int = attrs.field(validator=a_port)
    transport: str = attrs.field(default="tcp", validator=a_transport)
    greeting: str | None = attrs.field(default=None, validator=_one_line)


@attrs.frozen(kw_only=True)
class Daemon:
    """The super-server: how its process is known, and how it is told to read its files.

    ``pid`` is only a hint and is checked. ``unit`` is its systemd unit, ``script`` its init or rc.d script, ``argv`` how to
    start it when there is neither.
    """

    name: str = attrs.field(validator=_one_line)
    exe: str = attrs.field(validator=_a_path)
    unit: str | None = attrs.field(default=None, validator=_one_line)
    script: str | None = attrs.field(default=None, validator=_a_path)
    argv: tuple[str, ...] = attrs.field(default=(), validator=_no_nul)
    pid: int | None = None
    units: tuple[str, ...] = attrs.field(default=(), validator=_units)
    """The units that this is about, when it is systemd itself."""


@attrs.frozen(kw_only=True)
class Transaction:
    """Everything that one host needs to change itself, to prove it, and to go back."""

    id: str = attrs.field(validator=attrs.validators.matches_re(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"))
    """Names the change in the lock, the journal and the verdict."""

    host: str = attrs.field(default="", validator=_one_line)
    """The controller's name for the host, for people who read the journal."""

    files: tuple[FileChange, ...] = ()
    links: tuple[LinkChange, ...] = ()
    live: tuple[LiveSetting, ...] = ()
    daemon: Daemon
    old: Daemon | None = None
    """The super-server that `daemon` takes the place of. What answered under it has to answer again; what did not need not."""

    activate: tuple[str, ...] = attrs.field(default=(), validator=known_verbs)
    undo: tuple[str, ...] = attrs.field(default=(), validator=known_verbs)
    """The verbs that make the old files true again. A daemon that no longer runs is started instead."""

    retire: tuple[str, ...] = attrs.field(default=(), validator=known_verbs)
    """The verbs that take the new super-server away, before the old files come back; none of them may mind that there is nothing to do."""

    expected: tuple[ExpectedSocket, ...] = ()
    """The sockets that must exist on our ports, and no others, owned by the super-server."""

    expected_after_undo: tuple[ExpectedSocket, ...] = ()
    """The sockets of the super-server that must be back after a roll-back: ours and the others."""

    gone: tuple[ExpectedSocket, ...] = ()
    """Sockets that the super-server must not have any more."""

    keep: tuple[ExpectedSocket, ...] = ()
    """Sockets of the super-server that are not ours and must still be there."""

    ours: tuple[tuple[str, int], ...] = ()
    """(transport, port) of every port that the change is about."""

    probes: tuple[Probe, ...] = ()
    confirm: float | None = None
    """Seconds in which somebody must confirm the change from outside (see ``confirm.py``); otherwise the host goes back by itself."""

    deadline: float = 10.0
    """Seconds that the daemon has to reach the wanted sockets and greetings, and once more to reach the old ones."""

    lock_wait: float = 30.0
    state_dir: str | None = attrs.field(default=None, validator=_a_path)
    """None: /var/lib/inet46, and /var/db/inet46 on the BSDs."""


def _v6only(socket: ExpectedSocket) -> str:
    return "-" if socket.family == "ipv4" or socket.v6only is None else "yes" if socket.v6only else "no"


def render(transaction: Transaction) -> str:
    """The whole text for ``sh -s`` on standard input."""
    document = ("\n".join(_document(transaction)) + "\n").encode("utf-8", "surrogateescape")
    settings = _settings(transaction, Seen.of(document))
    contents = "".join((function("document", printf(document)), _contents(transaction.files)))
    if transaction.confirm is None:
        return "".join((library(*LIBRARY), settings, contents, "inet46_transaction\n"))
    # The guard outlives this script, which nobody can read twice; so it is handed over once more, as data.
    whole = library(*LIBRARY, "confirm.sh") + settings
    guard = f"{whole}inet46_guard\n".encode("ascii")
    seen = Seen.of(guard)
    sent = function("guard_text", printf(guard)) + function("guard_seen", f"guard_sum='{seen.crc} {seen.size}'")
    return "".join((whole, sent, contents, "inet46_transaction\n"))


def render_answer(transaction: Transaction, refusal: str | None) -> str:
    """The text for ``sh -s`` that tells a host whose change waits to be confirmed that it is (None), or why it is not."""
    word = f"{transaction.id} yes" if refusal is None else f"{transaction.id} no {' '.join(refusal.split())}"
    answer = function("answer_word", printf(word.encode("utf-8", "surrogateescape")))
    return "".join((library(*LIBRARY, "confirm.sh"), _settings(transaction, Seen(crc=0, size=0)), answer, "inet46_answer\n"))


@functools.cache
def library(*names: str) -> str:
    """Files of ``shell/`` as one text, without comment lines and the tabs before a line, which say nothing to the host."""
    folder = resources.files(__package__) / "shell"
    lines = (line for name in names for line in (folder / name).read_text("ascii").splitlines(keepends=True))
    return "".join(line.lstrip("\t") for line in lines if line != "\n" and not line.lstrip().startswith("#"))


def _settings(transaction: Transaction, document: Seen) -> str:
    state_dir = (transaction.state_dir or "").encode("utf-8", "surrogateescape")
    return (
        f"settings() {{\n\tid={transaction.id}\n\tlock_wait={_hundredths(transaction.lock_wait)}\n"
        f"\tconfirm={'' if transaction.confirm is None else _hundredths(transaction.confirm)}\n"
        f"\tdocument_sum='{document.crc} {document.size}'\n"
        # The dot keeps $() from cutting newlines off the end of the name.
        f"\tstate_dir=$({printf(state_dir + b'.')})\n\tstate_dir=${{state_dir%.}}\n}}\n"
    )


def _hundredths(seconds: float) -> int:
    return max(0, round(seconds * 100))


def function(name: str, body: str) -> str:
    """A shell function of this name."""
    return f"{name}() {{\n{body}\n}}\n"


def _contents(files: Sequence[FileChange]) -> str:
    cases = [f"{number})\n{printf(file.new)}\n;;\n" for number, file in enumerate(files, 1) if file.new is not None]
    return function("content", f"case $1 in\n{''.join(cases)}*) return 1 ;;\nesac")


def printf(content: bytes) -> str:
    """Commands that print exactly this: what is not plain stands in octal, a leading ``-`` too, which is no option then."""
    chunks = [content[start : start + _CHUNK] for start in range(0, len(content), _CHUNK)]
    formats = (_SPECIAL.sub(_escape, chunk).decode("ascii") for chunk in chunks)
    return " &&\n".join(f"printf '{_leading(text)}'" for text in formats) or ":"


def _escape(match: re.Match[bytes]) -> bytes:
    return b"%%" if match[0] == b"%" else b"\\%03o" % match[0][0]


def _leading(text: str) -> str:
    return "\\055" + text[1:] if text.startswith("-") else text


def _document(transaction: Transaction) -> Iterator[str]:
    """The lines that say what is to be done; ``journal.sh`` and the awk programs of ``stage.sh`` and ``transaction.sh`` read them."""
    yield "inet46-transaction 1"
    yield f"id {transaction.id}"
    yield f"host {transaction.host}"
    yield f"deadline {_hundredths(transaction.deadline)}"
    yield from _daemon(transaction.daemon)
    if transaction.old is not None:
        yield from (f"old-{line}" for line in _daemon(transaction.old))
    for number, file in enumerate(transaction.files, 1):
        yield f"file {number} {_sum(file.old)} {_sum(file.new)} {file.mode:o} {file.uid} {file.gid}"
        name = file.path.rpartition("/")[2]
        yield f"path {file.path}"
        yield f"staged {file.staged}/{name}"
        yield f"kept {file.kept}/{name}"
    for link in transaction.links:
        yield f"link {link.path}"
        yield f"from {link.old or ''}"
        yield f"to {link.new or ''}"
    for setting in transaction.live:
        yield f"live {setting.key}"
        yield f"was {setting.old}"
        yield f"set {setting.value}"
    yield from _sockets("expect", transaction.expected)
    yield from _sockets("restore", transaction.expected_after_undo)
    yield from _sockets("gone", transaction.gone)
    yield from _sockets("keep", transaction.keep)
    for transport, port in transaction.ours:
        yield f"own {transport} {port}"
    yield from (f"activate {verb}" for verb in transaction.activate)
    yield from (f"undo {verb}" for verb in transaction.undo)
    yield from (f"retire {verb}" for verb in transaction.retire)
    for probe in transaction.probes:
        if probe.transport == "tcp":
            yield f"probe {probe.family} {probe.address} {probe.port} {probe.service}"
            if probe.greeting is not None:
                yield f"greeting {probe.greeting}"
    yield "end"


def _daemon(daemon: Daemon) -> Iterator[str]:
    yield f"daemon {daemon.name}"
    yield f"exe {daemon.exe}"
    if daemon.unit is not None:
        yield f"unit {daemon.unit}"
    if daemon.script is not None:
        yield f"script {daemon.script}"
    if daemon.pid is not None:
        yield f"pid {daemon.pid}"
    if daemon.units:
        yield f"units {' '.join(daemon.units)}"
    yield from (f"arg {word}" for word in daemon.argv)


def _sum(content: Seen | bytes | None) -> str:
    if content is None:
        return "- -"
    seen = Seen.of(content) if isinstance(content, bytes) else content
    return f"{seen.crc} {seen.size}"


def _sockets(key: str, sockets: Sequence[ExpectedSocket]) -> Iterator[str]:
    for each in sockets:
        yield f"{key} {each.transport} {each.family} {each.address} {each.port} {_v6only(each)} {each.service}"
