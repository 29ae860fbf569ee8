"""sysctl.conf and sysctl.d: kernel settings, read as their readers read them and edited by value.

Rules of this module: what a line says is `_sysctl_lines`' matter; here stands which line decides, in one file and among a host's files. An
edit replaces the value where it stands and is read back before it is given out. Linux has two readers at boot, and a host may have either,
so among files a value counts only if both come to it.

Sources: sysctl.d(5) of systemd 252 and sysctl(8) of procps 4.0.2, `--system`; order, masking and patterns measured with both
(tests/test_sysctl_conf.py). FreeBSD: etc/rc.d/sysctl of 10.4, /etc/sysctl.conf and then /etc/sysctl.conf.local.

On FreeBSD `net.inet6.ip6.v6only` does not belong here: rc.d/netoptions writes it at every boot from `ipv6_ipv4mapping` of rc.conf, after
/etc/sysctl.conf was read. A line for it is read and edited like any other, and has no lasting effect.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import attrs

from inet46.errors import Inexpressible
from inet46.formats._assignments import Edits, Unknown, Unsettled, newline_of, require_one_line, terminated
from inet46.formats._sysctl_lines import READERS, Dialect, Line, canonical, fits, read_line

__all__ = [
    "Dialect",
    "Document",
    "Edits",
    "Line",
    "Unknown",
    "Unsettled",
    "effective",
    "emit",
    "get",
    "parse",
    "plan_edits",
    "set_value",
    "unset",
]

_MAIN = "/etc/sysctl.conf"
_LOCAL = "/etc/sysctl.conf.local"
_OURS = "/etc/sysctl.d/"
# A file hides those of the same name in the folders behind its own.
_FOLDERS = (_OURS, "/run/sysctl.d/", "/usr/local/lib/sysctl.d/", "/usr/lib/sysctl.d/", "/lib/sysctl.d/")
_DROP_IN = "/etc/sysctl.d/60-inet46.conf"
# Names that sort later, for hosts where a file that is not the administrator's would win over the drop-in.
_LATER = ("/etc/sysctl.d/99-inet46.conf", "/etc/sysctl.d/zz-inet46.conf")


@attrs.frozen(kw_only=True)
class Document:
    """A parsed file: every line of it, in order."""

    lines: tuple[Line, ...]
    path: str = ""
    dialect: Dialect = Dialect.LINUX


def parse(text: str, path: str = "", dialect: Dialect = Dialect.LINUX) -> Document:
    """Parse a file. Every text can be parsed; a line that its reader does not take sets nothing.

    Args:
        text: the bytes decoded with utf-8 and surrogateescape, newlines untouched.
        path: where it was read, for messages.
        dialect: who reads it.

    """
    raws = re.findall(r"[^\n]*\n|[^\n]+\Z", text)
    return Document(lines=tuple(read_line(raw, dialect) for raw in raws), path=path, dialect=dialect)


def emit(document: Document) -> str:
    """The text of a document, byte for byte what was parsed."""
    return "".join(line.raw for line in document.lines)


def get(document: Document, key: str) -> str | Unknown | None:
    """The value that this file alone gives a key; None if it gives none, Unknown if its readers differ on it."""
    return _decide([document], key).value


def set_value(document: Document, key: str, value: str) -> Document:
    """The document with a key set to a value; the same document if it is so already.

    Every line that sets the key otherwise gets the value in place, so that no contrary line is left, whichever came last; nothing else on
    the line changes. With none, a line is appended, in the file's newlines and its way of writing "=".

    Raises:
        Inexpressible: the value does not come back when the line is read: a newline, blanks at its ends, a mix of quotes.
        Unsettled: what the key is now cannot be known.

    """
    require_one_line(key, value)
    current = get(document, key)
    if current == value:
        return document
    if isinstance(current, Unknown):
        raise Unsettled(key, current)
    wanted = canonical(key, document.dialect)
    lines = [
        _rewritten(document, line, key, value) if line.key == wanted and line.value not in (None, value) else line
        for line in document.lines
    ]
    if not any(line.key == wanted and line.value is not None for line in lines):
        text = "".join(line.raw for line in lines)
        newline = "\n" if document.dialect is Dialect.FREEBSD_SH else newline_of(text)  # sh would take a "\r" into the value
        lines = list(parse(terminated(text, newline), document.path, document.dialect).lines)
        equals = _equals(document)
        lines.append(_rewritten(document, Line(raw=key + equals + newline, start=len(key + equals), stop=len(key + equals)), key, value))
    return attrs.evolve(document, lines=tuple(lines))


def unset(document: Document, key: str) -> Document:
    """The document without the lines that set a key; the same document if there is none.

    Raises Unsettled if what the key is cannot be known, and Inexpressible if a pattern sets it.
    """
    current = get(document, key)
    if isinstance(current, Unknown):
        raise Unsettled(key, current)
    wanted = canonical(key, document.dialect)
    kept = tuple(line for line in document.lines if line.key != wanted or line.value is None)
    changed = document if len(kept) == len(document.lines) else attrs.evolve(document, lines=kept)
    if get(changed, key) is not None:
        raise Inexpressible([f"{key} cannot be removed from {document.path or 'this file'}: a pattern sets it"])
    return changed


def effective(
    files: Mapping[str, str],
    key: str,
    *,
    dialect: Dialect = Dialect.LINUX,
    links: Mapping[str, str] | None = None,
) -> tuple[str | Unknown | None, str | None]:
    """The value that a key has after boot, and the path that decides it; Unknown where the two readers of Linux differ.

    Args:
        files: path to text, of the sysctl files there are.
        key: the setting, in either spelling.
        dialect: the kind of host.
        links: symbolic links among the paths, with the file at their end (`readlink -f`): Debian's /etc/sysctl.d/99-sysctl.conf is one to
            /etc/sysctl.conf, and one to /dev/null masks a vendor's file. A path that is a link need not be in `files`, and is never edited.

    """
    found = [_decided(files, order, key, dialect) for order in _orders(files, dialect, links or {})]
    first, last = found[0], found[-1]
    if first.value == last.value or isinstance(first.value, Unknown):
        return first.value, first.path
    place = last if last.path else first
    systemd, procps = (each.value if isinstance(each.value, str) else "none" for each in (first, last))
    reason = f"systemd-sysctl comes to {systemd}, sysctl --system to {procps}"
    return Unknown(line=place.line, reason=reason, path=place.path or ""), place.path


def plan_edits(
    files: Mapping[str, str],
    key: str,
    value: str,
    drop_in: str = _DROP_IN,
    *,
    dialect: Dialect = Dialect.LINUX,
    links: Mapping[str, str] | None = None,
) -> Edits:
    """What to write so that a key has a value after boot, whichever file sets it now; no edits if it has it already.

    Every contrary line in the administrator's files (/etc/sysctl.conf, /etc/sysctl.d) is brought to the value in place. If that is not
    enough, the setting goes to `drop_in` (FreeBSD: /etc/sysctl.conf), or to 99-inet46.conf or zz-inet46.conf beside it where a file that
    belongs to somebody else would be read later; such files are never edited. The notes name every file that had something else.

    Raises:
        Inexpressible: the value fits on no line, or a file of somebody else wins over every drop-in.
        Unsettled: what a file sets cannot be known.

    """
    require_one_line(key, value)
    at_end = links or {}
    if all(_decided(files, order, key, dialect).value == value for order in _orders(files, dialect, at_end)):
        return Edits()
    home = drop_in if dialect is Dialect.LINUX else _MAIN
    texts = dict(files)
    notes: list[str] = []
    for path in sorted({real for order in _orders(files, dialect, at_end) for _, real in order if real in files}):
        document = parse(files[path], path, dialect)
        found = _decide([document], key)
        if found.value is None or found.value == value:
            continue
        said = f"{path}:{found.line}: {key} is set here to something else"
        if dialect is Dialect.LINUX and path != _MAIN and not path.startswith(_OURS):
            notes.append(f"{said}; left as it is, a later file overrules it")
            continue
        texts[path] = emit(set_value(document, key, value))
        if path != home:
            notes.append(f"{said}; changed there")
    for target in (None, home, *(_LATER if dialect is Dialect.LINUX else ())):
        trial = texts if target is None else {**texts, target: _with(texts.get(target, ""), target, key, value, dialect)}
        if all(_decided(trial, order, key, dialect).value == value for order in _orders(trial, dialect, at_end)):
            return Edits(texts={path: text for path, text in trial.items() if text != files.get(path)}, notes=tuple(notes))
    left, last = effective(trial, key, dialect=dialect, links=links)
    if isinstance(left, Unknown):
        raise Unsettled(key, left)
    raise Inexpressible([f"{key}: {value!r} cannot be set, {last} is read after every drop-in"])


def _orders(files: Mapping[str, str], dialect: Dialect, links: Mapping[str, str]) -> list[list[tuple[str, str]]]:
    """The files of each reader in its order, each as the path it opens and the file at the end of it."""
    if dialect is not Dialect.LINUX:
        return [[(path, links.get(path, path)) for path in (_MAIN, _LOCAL) if path in files or path in links]]
    chosen: dict[str, str] = {}
    for folder in _FOLDERS:
        for path in (*files, *links):
            name = path.removeprefix(folder)
            if path.startswith(folder) and "/" not in name and name.endswith(".conf"):
                chosen.setdefault(name, path)
    named = [(name, chosen[name]) for name in sorted(chosen, key=lambda name: name.encode("utf-8", "surrogateescape"))]
    systemd = [(path, links.get(path, path)) for name, path in named if not name.startswith(".")]
    procps = [(path, links.get(path, path)) for _, path in named]
    if _MAIN in files or _MAIN in links:
        procps.append((_MAIN, links.get(_MAIN, _MAIN)))
    return [systemd, procps]


def _decided(files: Mapping[str, str], order: list[tuple[str, str]], key: str, dialect: Dialect) -> _Found:
    return _decide([parse(files.get(real, ""), real, dialect) for _, real in order], key)


def _with(text: str, path: str, key: str, value: str, dialect: Dialect) -> str:
    return emit(set_value(parse(text, path, dialect), key, value))


@attrs.frozen(kw_only=True)
class _Found:
    """The value of a key, and the place that decides it."""

    value: str | Unknown | None = None
    path: str | None = None
    line: int = 1


def _decide(documents: list[Document], key: str) -> _Found:
    """The value of a key after these files, read in this order as one.

    The last assignment wins. Only where there is none, the last pattern that fits (Linux: `net.ipv6.*`), unless `-key` keeps patterns away.
    """
    found = fallback = _Found()
    excluded = False
    spoiled: Unknown | None = None
    for document in documents:
        wanted = canonical(key, document.dialect)
        for number, line in enumerate(document.lines, start=1):
            here = _Found(path=document.path, line=number)
            why = line.doubt if _mentions(line, document.dialect, key, wanted) else ""
            if line.value is None and fits(wanted, line.key):
                spoiled = Unknown(line=number, reason="readers differ on a pattern after -", path=document.path)
            if line.key == wanted and line.value is None:
                excluded = True
                why = "systemd-sysctl forgets the value here, sysctl keeps it" if isinstance(found.value, str) else ""
            if why:
                found = attrs.evolve(here, value=Unknown(line=number, reason=why, path=document.path))
            elif line.value is not None and line.key == wanted:
                found = attrs.evolve(here, value=line.value)
            elif line.value is not None and document.dialect is Dialect.LINUX and fits(wanted, line.key):
                fallback = attrs.evolve(here, value=line.value)
    if found.value is not None or excluded or fallback.value is None:
        return found
    return attrs.evolve(fallback, value=spoiled) if spoiled else fallback


def _mentions(line: Line, dialect: Dialect, *spellings: str) -> bool:
    """True if a line in doubt may be about a key, be it through a pattern."""
    return any(key in line.raw for key in spellings) or (dialect is Dialect.LINUX and not set(line.raw).isdisjoint("*?["))


def _equals(document: Document) -> str:
    """The way in which a file writes "=": that of its last setting."""
    if document.dialect is Dialect.FREEBSD_SH:
        return "="
    for line in reversed(document.lines):
        if line.value is not None and (found := re.search(r"[ \t]*[=:][ \t]*\Z", line.raw[: line.start])):
            return found.group()
    return " = " if document.dialect is Dialect.LINUX else "="


def _rewritten(document: Document, line: Line, key: str, value: str) -> Line:
    """A line with another value, in its own quotes or in others, but only if its reader gets that value from it."""
    old = line.raw[line.start : line.stop]
    quotes = [old[0] if old[:1] in ("'", '"') else "", "", '"', "'"] if document.dialect is Dialect.FREEBSD else [""]
    for quote in quotes:
        changed = read_line(line.raw[: line.start] + quote + value + quote + line.raw[line.stop :], document.dialect)
        if changed.key == canonical(key, document.dialect) and changed.value == value and not changed.doubt:
            return changed
    raise Inexpressible([f"{key}: {value!r} does not fit on a line that {READERS[document.dialect]} reads"])
