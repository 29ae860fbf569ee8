"""Which files an include of NetBSD's inetd means: a pattern as glob(3) takes it, relative to the file that it stands in.

Source: NetBSD/src usr.sbin/inetd/parse.c (include_configs, read_glob_configs, gen_file_pattern). The matches are taken as the folder has
them (GLOB_NOSORT), so where there are several, nobody knows which is read first.
"""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Iterable

__all__ = ["includes", "matching", "resolved"]


def resolved(pattern: str, path: str) -> str:
    """Return a pattern as it counts in the file at a path, without `.` and `..`: no folder on the way is taken for a symbolic link."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), pattern))


def matching(pattern: str, paths: Iterable[str]) -> list[str]:
    """Return the paths that a pattern means, sorted; a star stops at a slash, and does not find names that begin with a dot."""
    parts = pattern.split("/")
    return sorted(path for path in paths if _fits(path.split("/"), parts))


def _fits(names: list[str], parts: list[str]) -> bool:
    if len(names) != len(parts):
        return False
    return all(_names(name, part) for name, part in zip(names, parts, strict=True))


def _names(name: str, part: str) -> bool:
    hidden = name.startswith(".") and not part.startswith(".")
    return name == part or (not hidden and fnmatch.fnmatchcase(name, part))


def includes(text: str, path: str) -> list[str]:
    """Return every pattern that a text could include, whether the daemon comes to it or not."""
    return [resolved(found.strip("'\""), path) for found in re.findall(r"^[ \t]*\.include[ \t]+([^ \t\n\0]+)", text, re.MULTILINE)]
