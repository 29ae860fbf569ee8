r"""rc.conf: variables that sh assigns, read as the shell reads them and edited by value.

Rules of this module: no line is matched by pattern. A value is what the shell would end up with, or Unknown; an edit replaces the value
where it stands, keeps the quoting, and is read back before it is given out.

Sources: rc.conf(5) ("the file is sourced by sh"); FreeBSD libexec/rc/rc.subr, `load_rc_config` (freebsd-src 02274513): first
/etc/defaults/rc.conf, then `source_rc_confs`, which reads $rc_conf_files, then for each of /etc and $local_startup the file
rc.conf.d/SERVICE, or every file in the folder of that name.

A line that ends in "\r\n" gives the shell a value that ends in "\r" (measured: tests/test_rc_conf.py), so `get` says so, `set_value` takes
it away, and an appended line ends in "\n" even in a file of CRLF lines: following the file's style would spoil the value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import attrs

from inet46.errors import Inexpressible
from inet46.formats._assignments import Edits, Unknown, Unsettled, line_at, require_one_line, splice, terminated
from inet46.formats._settle import State, Value, known, replay
from inet46.formats._shell import read
from inet46.formats._shell_steps import Anything, Assign, Maybe, Step, Stop, Unset
from inet46.formats._shell_words import NAME, literal

__all__ = ["Document", "Edits", "Unknown", "Unsettled", "effective", "emit", "get", "parse", "plan_edits", "set_value", "unset"]

_DEFAULTS = "/etc/defaults/rc.conf"
_VENDOR = "/etc/defaults/vendor.conf"
_HOME = "/etc/rc.conf"
_RC_CONF_FILES = "/etc/rc.conf /etc/rc.conf.local"
_LOCAL_STARTUP = "/usr/local/etc/rc.d"
# What every shell leaves as it is outside quotes; "~" is missing because it may become a folder.
_BARE = re.compile(r"[A-Za-z0-9_./:@%+,-]+\Z")


@attrs.frozen(kw_only=True)
class Document:
    """A parsed file: its text, unchanged, and the steps that the shell takes through it."""

    text: str = attrs.field(repr=False)
    path: str = ""
    steps: tuple[Step, ...] = attrs.field(default=(), eq=False, repr=False)


def parse(text: str, path: str = "") -> Document:
    """Parse a file. Every text can be parsed; what the shell makes of a broken one is Unknown.

    Args:
        text: the bytes decoded with utf-8 and surrogateescape, newlines untouched.
        path: where it was read, for messages.

    """
    return Document(text=text, path=path, steps=read(text))


def emit(document: Document) -> str:
    """The text of a document, byte for byte what was parsed."""
    return document.text


def get(document: Document, name: str) -> str | Unknown | None:
    """The value that a variable has after the shell has read this file and nothing else.

    None says that the file leaves it alone or unsets it; Unknown says why the text alone does not tell: the output of a command, a variable
    that no line before assigns, an assignment inside an `if`, a syntax that is not read. A file that is read with `.` is taken to exist
    and to come to its end.
    """
    return _state(document).value(name)


def set_value(document: Document, name: str, value: str) -> Document:
    r"""The document with a variable set to a value; the same document if it is so already.

    The last assignment decides, so its value is replaced where it stands, in its own quoting as far as the value allows. Earlier
    assignments that say otherwise are brought to the value too: that is the smallest edit that leaves no contrary line, since no line and
    no comment moves or goes (one stays when another variable is made of it). With none, `name="value"` is appended.

    Raises:
        Inexpressible: the value has a newline, a carriage return or a NUL, or the name is not one of a shell variable.
        Unsettled: what the variable is now cannot be known, unless the only doubt is a file that this one reads with `.`; then an
            appended line settles it.

    """
    if not re.fullmatch(NAME, name):
        raise Inexpressible([f"{name!r} is not the name of a shell variable: letters, digits and _ only, no digit first"])
    require_one_line(name, value)
    before = _state(document)
    current = before.value(name)
    if current == value:
        return document
    commands = any(isinstance(step, Anything) and step.source is None for step in document.steps)
    if isinstance(current, Unknown) and (before.stop or name in before.values or commands):
        raise Unsettled(name, current)
    assigned = _assignments(document, name)
    line = "" if isinstance(current, str) else f"{name}={_double_quoted(value)}\n"
    least = _assign(document, assigned[-1:] if isinstance(current, str) else [], value, line)
    thorough = _assign(document, assigned, value, line)
    changed = thorough if _others(thorough, name) == _others(least, name) else least
    if get(changed, name) != value:  # pragma: no cover -- no such text is known, and none must come out if there is one
        raise Inexpressible([f"{name}: {value!r} cannot be given to the shell in {document.path or 'this file'}"])
    return changed


def unset(document: Document, name: str) -> Document:
    """The document without any assignment of a variable; the same document if there is none.

    A line that holds nothing else goes, with the comment behind it. Raises Unsettled where an assignment is not certain, and Inexpressible
    where another variable is made of this one.
    """
    for step in document.steps:
        if isinstance(step, Stop) or (isinstance(step, Maybe) and step.name == name):
            raise Unsettled(name, Unknown(line=line_at(document.text, step.at), reason=step.reason, path=document.path))
    changed = document
    while assigned := _assignments(changed, name):
        changed = parse(splice(changed.text, [(*_extent(changed.text, assigned[-1]), "")]), document.path)
    if _others(changed, name) != _others(document, name):
        raise Inexpressible([f"{name} cannot be removed from {document.path or 'this file'}: another variable is made of it"])
    return changed


def effective(files: Mapping[str, str], name: str, service: str | None = None) -> tuple[Value, str | None]:
    """The value of a variable on a FreeBSD host, and the path that decides it (None if no file sets it).

    Args:
        files: path to text, of the rc.conf files there are: /etc/defaults/rc.conf and vendor.conf (both may be left out), /etc/rc.conf,
            /etc/rc.conf.local, and those below rc.conf.d of the service.
        name: the variable.
        service: the rc.d script that reads it, for its file in rc.conf.d. For `ipv6_ipv4mapping` that is `netoptions` since FreeBSD 9 and
            `network_ipv6` on 5 to 8; 4 has no rc.conf.d, so None.

    """
    _, state = _layers(files, service)
    value = state.value(name)
    if isinstance(value, Unknown):
        return value, value.path
    return value, None if value is None else state.places[name]


def plan_edits(files: Mapping[str, str], name: str, value: str, service: str | None = None, *, home: str = _HOME) -> Edits:
    """What to write so that a variable has a value on a host, whichever file sets it now; no edits if it has it already.

    Every file that assigns it otherwise is edited in place, so that no override is left behind; files below /etc/defaults never are. If
    none assigns it, it goes to `home`. The notes name each override beside `home`. `files` and `service` are as for `effective`.

    Raises:
        Inexpressible: as `set_value`.
        Unsettled: the value cannot be known, or would not be known after the edit.

    """
    require_one_line(name, value)
    order, state = _layers(files, service)
    if state.value(name) == value:
        return Edits()
    texts = dict(files)
    notes: list[str] = []
    for path in order:
        document = parse(files[path], path)
        lines = [line_at(files[path], step.at) for step in document.steps if isinstance(step, Assign | Maybe | Unset) and step.name == name]
        if path.startswith("/etc/defaults/") or not lines:
            continue
        texts[path] = emit(set_value(document, name, value))
        if path != home:
            done = "already so" if texts[path] == files[path] else "changed there"
            notes.append(f"{path}:{lines[-1]}: {name} is set here, and {home} does not decide it; {done}")
    if effective(texts, name, service)[0] != value:
        texts[home] = emit(set_value(parse(texts.get(home, ""), home), name, value))
    found = effective(texts, name, service)[0]
    if isinstance(found, Unknown):
        raise Unsettled(name, found)
    if found != value:
        raise Inexpressible([f"{name}: {value!r} has no effect in {home}: it is not read, or overruled"])
    return Edits(texts={path: text for path, text in texts.items() if text != files.get(path)}, notes=tuple(notes))


def _layers(files: Mapping[str, str], service: str | None) -> tuple[list[str], State]:
    """The files that rc.subr sources, in order, of those there are, and the variables after the last of them."""
    order, state = list[str](), State()

    def take(path: str) -> None:
        if path in files and path not in order:
            order.append(path)
            _source(files, state, path, ())

    def listed(name: str, default: str) -> list[str]:
        value = state.value(name)
        return (value if isinstance(value, str) else default).split()

    take(_DEFAULTS)
    for _ in range(2):  # rc.subr looks a second time, since the files may have named others
        for path in listed("rc_conf_files", _RC_CONF_FILES):
            take(path)
    for folder in ("/etc", *listed("local_startup", _LOCAL_STARTUP)) if service else ():
        own = f"{folder.removesuffix('/rc.d')}/rc.conf.d/{service}"
        for path in [own] if own in files else sorted(path for path in files if path.startswith(f"{own}/")):
            take(path)
    return order, state


def _source(files: Mapping[str, str], state: State, path: str, above: tuple[str, ...]) -> None:
    """Let the shell read one file, and those that it reads in turn."""
    document = parse(files[path], path)

    def nested(state: State, step: Anything) -> bool:
        source = step.source
        if source is None or source in (path, *above):
            return False
        standard = source in (_DEFAULTS, _VENDOR, *_RC_CONF_FILES.split())
        if source in files and (step.always or standard):  # `if [ -r FILE ]` is how these files read one another
            _source(files, state, source, (path, *above))
            return True
        return standard and source not in files

    replay(state, document.steps, document.text, path, nested)


def _state(document: Document) -> State:
    """The variables after this file alone."""
    state = State()
    replay(state, document.steps, document.text, document.path)
    return state


def _others(document: Document, name: str) -> dict[str, str | None]:
    """Every variable but one, for seeing what an edit did to it; an Unknown is the same wherever its line has moved."""
    values = known(_state(document))
    return {other: value if isinstance(value, str) else None for other, value in values.items() if other != name}


def _assignments(document: Document, name: str) -> list[Assign]:
    return [step for step in document.steps if isinstance(step, Assign) and step.name == name]


def _assign(document: Document, assigned: list[Assign], value: str, line: str) -> Document:
    """Give each of these assignments a value where it stands, and append a line."""
    edits = []
    for step in assigned:
        if literal(step.parts) != value:
            old = document.text[step.word.value_start : step.word.stop]
            edits.append((step.word.value_start, step.word.stop, _quoted_like(old, value)))
    text = splice(document.text, edits)
    return parse(terminated(text, "\n") + line if line else text, document.path)


def _quoted_like(old: str, value: str) -> str:
    """A value in the quoting of another, or in double quotes where that one cannot hold it."""
    if old.startswith("'") and "'" not in value:
        return f"'{value}'"
    if not old.startswith(('"', "'")) and _BARE.match(value):
        return value
    return _double_quoted(value)


def _double_quoted(value: str) -> str:
    return '"' + re.sub(r'([$`"\\])', r"\\\1", value) + '"'


def _extent(text: str, step: Assign) -> tuple[int, int]:
    """What goes when an assignment goes: its line, its command, or its word alone."""
    start, stop = step.word.start, step.word.stop
    if step.among > 1:
        blanks = re.compile(r"[ \t]*").match(text, stop)
        return start, blanks.end() if blanks else stop
    head = text.rfind("\n", 0, step.head) + 1
    rest = re.compile(r"[ \t]*(?P<next>;[ \t]*)?(?P<comment>(?<![^ \t;])#[^\n]*)?(?P<end>\n|\Z)?").match(text, stop)
    if rest and rest.group("end") is not None and not text[head : step.head].strip(" \t"):
        return head, rest.end()
    if rest and rest.group("next"):
        return step.head, rest.end("next")
    before = re.compile(r"[ \t]*;[ \t]*\Z").search(text, head, step.head)
    return before.start() if before else step.head, stop
