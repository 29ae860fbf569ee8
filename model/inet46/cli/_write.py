"""Writing files below a folder: all of them or none, each one whole, and never outside the folder."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Mapping
from pathlib import Path

import attrs

from inet46.cli._tree import Tree, read, why
from inet46.cli._trouble import Problems, Refused
from inet46.formats import Link

__all__ = ["replace_all", "write_below"]


@attrs.frozen
class _Staged:
    """One file that is ready to take its place."""

    temporary: Path
    target: Path


def write_below(folder: Path, files: Mapping[str, str], *, force: bool) -> list[Path]:
    """Write files, by their paths on a host, below a folder that stands for its root; return what was written.

    A file that is there already and is the same stays. One that differs is overwritten only with `force`. Links are followed as the host
    itself would follow them, so that nothing outside the folder is touched. Raises Refused, with every reason, before anything is written.
    """
    tree, problems = Tree(folder), Problems()
    todo: dict[Path, bytes | Link] = {}
    if folder.exists() and not folder.is_dir():
        raise Refused([f"{folder}: not a directory"])
    for path, text in files.items():
        if isinstance(text, Link) and not text:
            continue  # a link that is to be gone is none to write
        with problems.gather():
            target = tree.real(posixpath.dirname(path)) / posixpath.basename(path) if isinstance(text, Link) else tree.real(path)
            data = text if isinstance(text, Link) else text.encode("utf-8", "surrogateescape")
            if not _same(target, data, force=force):
                todo[target] = data
    problems.settle()
    _put(todo, folder)
    return list(todo)


def replace_all(files: Mapping[Path, str]) -> None:
    """Replace files, all of them or none, each one whole; a link stays one, and what it points to is replaced.

    Raises Refused with the reason.
    """
    _put({path.resolve(): text.encode("utf-8", "surrogateescape") for path, text in files.items()}, Path())


def _put(todo: Mapping[Path, bytes | Link], folder: Path) -> None:
    """Stage every file, and only then rename them all into place."""
    staged: list[_Staged] = []
    try:
        for target, data in todo.items():
            staged.append(_stage(target, data))
        for one in staged:
            one.temporary.replace(one.target)
    except OSError as error:
        raise Refused([f"{error.filename2 or error.filename or folder}: {why(error)}"]) from None
    finally:
        for one in staged:
            one.temporary.unlink(missing_ok=True)


def _same(target: Path, data: bytes | Link, *, force: bool) -> bool:
    if not os.path.lexists(target):
        return False
    if isinstance(data, Link):
        if not target.is_symlink():
            raise Refused([f"{target}: is there, and is no symbolic link"])
        same = str(target.readlink()) == data
    elif not target.is_file():
        raise Refused([f"{target}: is there, and is no regular file"])
    else:
        same = read(target, str(target)) == data
    if not same and not force:
        raise Refused([f"{target}: is there already and differs; --force overwrites it"])
    return same


def _stage(target: Path, data: bytes | Link) -> _Staged:
    """Write a file beside its place, under a name that has a dot, which no includedir reads; it gets the old one's mode."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    if isinstance(data, Link):
        temporary.symlink_to(str(data))
        return _Staged(temporary, target)
    with temporary.open("xb") as file:
        try:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            if target.exists():
                temporary.chmod(target.stat().st_mode & 0o7777)
        except BaseException:
            temporary.unlink()
            raise
    return _Staged(temporary, target)
