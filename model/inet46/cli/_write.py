"""Writing files below a folder: all of them or none, each one whole, and never outside the folder."""

from __future__ import annotations

import os
import posixpath
import secrets
import stat
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

    Mode and owner stay. A file with several names would be parted from the others, and a link in a folder in which everybody may write
    leads wherever somebody wants it to: both are left alone. Raises Refused with every reason, before anything is written.
    """
    problems = Problems()
    for path in files:
        with problems.gather():
            _check_place(path)
    problems.settle()
    _put({path.resolve(): text.encode("utf-8", "surrogateescape") for path, text in files.items()}, Path())


def _check_place(path: Path) -> None:
    """Refuse to replace what is not this path's alone."""
    names = path.stat().st_nlink
    if names > 1:
        raise Refused([f"{path}: has {names} names (hard links), and replacing it would part them; mend it by hand"])
    here = path.absolute()
    for link in (here, *here.parents):
        if link.is_symlink() and link.parent.stat().st_mode & stat.S_IWOTH and link.lstat().st_uid not in {0, os.geteuid()}:
            raise Refused([f"{path}: {link} is somebody's link in a folder in which everybody may write; name what it points to"])


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
    """Write a file beside its place, under a name that has a dot, which no includedir reads; it gets the old one's owner and mode.

    Until then nobody else may read it: what it replaces may hold secrets. Nobody can know its name, or put a link there.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(8)}.tmp")
    if isinstance(data, Link):
        temporary.symlink_to(str(data))
        return _Staged(temporary, target)
    old = target.stat() if target.exists() else None
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with os.fdopen(os.open(temporary, flags, 0o666 if old is None else 0o600), "wb") as file:
        try:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
            if old is not None and (old.st_uid, old.st_gid) != (os.geteuid(), os.getegid()):
                os.fchown(file.fileno(), old.st_uid, old.st_gid)
            if old is not None:
                os.fchmod(file.fileno(), old.st_mode & 0o7777)
        except BaseException:
            temporary.unlink()
            raise
    return _Staged(temporary, target)
