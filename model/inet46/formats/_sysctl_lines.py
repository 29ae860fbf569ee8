"""One line of a sysctl file, in the dialect of the program that reads it.

Rules of this module: one function per dialect; where two programs that read the same file make different things of a line, the line is in
doubt.

Sources, for Linux: sysctl.conf(5) of procps 4.0.2, sysctl.d(5) of systemd 252, and both programs run in namespaces on files with one
oddity each (tests/test_sysctl_conf.py runs them again). For FreeBSD: sbin/sysctl/sysctl.c, `parsefile` and `parse` (freebsd-src
2d614aa2), used by rc.d/sysctl as `sysctl -i -f` (etc/rc.d/sysctl of 10.4); in 9.0.0, rc.d/sysctl read the first word of each line itself.
NetBSD and OpenBSD have readers of their own, at which nobody has looked yet.
"""

from __future__ import annotations

import enum
import re
from fnmatch import fnmatchcase

import attrs

__all__ = ["READERS", "Dialect", "Line", "canonical", "fits", "read_line"]


class Dialect(enum.Enum):
    """Who reads the file, and so how."""

    LINUX = "linux"  # sysctl of procps and systemd-sysctl: "a.b = v" or "a/b = v", no comment behind a value
    FREEBSD = "freebsd"  # sysctl -f, FreeBSD 10 and later: "a.b=v", also with ":" and blanks, quotes taken off, comment behind a value
    FREEBSD_SH = "freebsd-sh"  # rc.d/sysctl of FreeBSD up to 9: "a.b=v" without a blank, the rest of the line is a comment


@attrs.frozen(kw_only=True)
class Line:
    """One line: its text with its newline, and what it sets.

    `value` is None where nothing is set; `start` and `stop` say where in `raw` the value stands, quotes included. A `key` without a value
    is one that patterns leave alone (`-key`, Linux). `doubt` says why readers differ on this line.
    """

    raw: str
    key: str = ""
    value: str | None = None
    start: int = 0
    stop: int = 0
    doubt: str = ""


def canonical(key: str, dialect: Dialect) -> str:
    """A key in one spelling; on Linux the path below /proc/sys.

    There the first separator says whether "." and "/" are exchanged (sysctl.d(5)); doubled and leading ones do not count (measured).
    """
    if dialect is not Dialect.LINUX:
        return key
    first = re.search(r"[./]", key)
    if first and first.group() == ".":
        key = key.translate(str.maketrans("./", "/."))
    return re.sub(r"/+", "/", key).lstrip("/")


def fits(key: str, pattern: str) -> bool:
    """True if a pattern fits, folder by folder, as glob(7) has it."""
    parts, wanted = pattern.split("/"), key.split("/")
    return bool(re.search(r"[*?[]", pattern)) and len(parts) == len(wanted) and all(map(fnmatchcase, wanted, parts))


def read_line(raw: str, dialect: Dialect) -> Line:
    """What the readers of a dialect make of one line."""
    return _READ[dialect](raw)


def _read_linux(raw: str) -> Line:
    r"""Line = blanks [ "-" ] key blanks "=" blanks value blanks, or "-" key; comments begin with "#" or ";", at the beginning only.

    Blanks at the ends of key and value go, a "\r" before the newline with them; "#", quotes and "\" inside a value belong to it. The
    programs differ on a line with another "\r" (the end of the line for systemd), with "\v" or "\f" (blank for procps) or a NUL, and on
    a blank (part of the key for procps) or another "-" (nothing for procps) behind "-".
    """
    body = raw.rstrip(" \t\r\n")
    inner = body.lstrip(" \t\r")
    if not inner or inner[0] in "#;":
        odd = re.search("[\r\0]", inner)  # for systemd a comment ends there
        return Line(raw=raw, doubt="readers differ on where this comment ends" if odd else "")
    if re.search("[\r\0\v\f]", body):
        return Line(raw=raw, doubt="readers differ on the control characters in this line")
    if re.match(r"-[ \t-]", inner):
        return Line(raw=raw, doubt="readers differ on a blank or another - after -")
    name, equals, rest = inner.partition("=")
    key = canonical(name.removeprefix("-").strip(" \t"), Dialect.LINUX)
    if not equals:
        return Line(raw=raw, key=key) if name.startswith("-") else Line(raw=raw)
    start = len(body) - len(rest.lstrip(" \t"))
    if not rest.strip(" \t"):  # "key = ": the value goes behind the blank
        start = len(body) + (raw[len(body) : len(body) + 1] == " ")
        return Line(raw=raw, key=key, value="", start=start, stop=start)
    return Line(raw=raw, key=key, value=body[start:], start=start, stop=len(body))


# fgets() into BUFSIZ bytes: what is behind is read as a line of its own.
_FREEBSD_LONGEST = 1023


def _read_freebsd(raw: str) -> Line:
    r"""Line = blanks key blanks ("=" | ":") blanks ( value | quote value quote ) blanks [ "#" comment ].

    `\#` is not a comment (and keeps its backslash); a "#" behind a quote is not one either, then the line ends with the next such quote.
    """
    if len(raw.encode("utf-8", "surrogateescape")) > _FREEBSD_LONGEST or "\0" in raw:
        return Line(raw=raw, doubt="sysctl -f reads this line in pieces")
    body = raw[: _freebsd_comment(raw)].rstrip(_SPACE)
    split = re.search("[=:]", body)
    if split is None:
        return Line(raw=raw)
    start = split.end() + len(body[split.end() :]) - len(body[split.end() :].lstrip(_SPACE))
    value = body[start:]
    if value[:1] in ("'", '"') and value:
        value = value[1:-1] if value.endswith(value[0]) else value[1:]
    return Line(raw=raw, key=body[: split.start()].strip(_SPACE), value=value, start=start, stop=max(start, len(body)))


_SPACE = " \t\n\v\f\r"


def _freebsd_comment(raw: str) -> int:
    """Where what `parsefile` keeps of a line ends."""
    single, double, at = raw.find("'"), raw.find('"'), raw.find("#")
    while at >= 0:
        for quote in (single, double):
            if 0 <= quote < at:
                closing = raw.find(raw[quote], quote + 1)
                return closing + 1 if closing >= 0 else len(raw)
        if at == 0 or raw[at - 1] != "\\":
            return at
        at = raw.find("#", at + 1)
    return len(raw)


def _read_freebsd_sh(raw: str) -> Line:
    r"""Line = blanks key "=" value [ blanks comment ]; `while read var comments` takes the first word."""
    match = re.match(r"[ \t]*(?P<key>[^ \t\n#=][^ \t\n=]*)=(?P<value>[^ \t\n]*)", raw)
    if "\\" in raw or "\0" in raw:  # `read` without -r joins lines and drops backslashes
        return Line(raw=raw, doubt="rc.d/sysctl drops the backslash in this line")
    if match is None:
        return Line(raw=raw)
    return Line(raw=raw, key=match["key"], value=match["value"], start=match.start("value"), stop=match.end("value"))


_READ = {Dialect.LINUX: _read_linux, Dialect.FREEBSD: _read_freebsd, Dialect.FREEBSD_SH: _read_freebsd_sh}
READERS = {Dialect.LINUX: "sysctl", Dialect.FREEBSD: "sysctl -f", Dialect.FREEBSD_SH: "rc.d/sysctl"}
