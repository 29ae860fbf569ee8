"""The files of a host: this machine's own, or those below a folder that stands for its root."""

from __future__ import annotations

import os
import posixpath
import stat
from pathlib import Path

import attrs

from inet46.cli._trouble import Refused

__all__ = ["LARGEST", "Tree", "decode", "read", "why"]

LARGEST = 16 * 1024 * 1024  # bytes; no super-server has a configuration like that, and /dev/zero has no end
_LINKS = 40  # symbolic links on one path, as many as Linux follows


def read(path: Path, shown: str) -> bytes:
    """Return the bytes of a file.

    Raises Refused, with the name as the user knows it.
    """
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        raise Refused([f"{shown}: {why(error)}"]) from None
    if len(data) > LARGEST:
        raise Refused([f"{shown}: has more than {LARGEST >> 20} MiB, so it is no configuration"])
    return data


def why(error: OSError | ValueError) -> str:
    """Say what the system said, without its number."""
    return str(getattr(error, "strerror", None) or error).lower()


def decode(data: bytes) -> str:
    """Turn bytes into text such that every byte can be given back; no newline is touched."""
    return data.decode("utf-8", "surrogateescape")


@attrs.frozen
class Tree:
    """A host's files; `root` None is this machine."""

    root: Path | None = None

    def real(self, path: str) -> Path:
        """Return where a path of the host lies here; below a root, links are followed as the host itself would follow them.

        Raises Refused when links go round in a circle.
        """
        if self.root is None:
            return Path(path)
        done: list[str] = []
        todo = path.split("/")[::-1]
        links = 0
        while todo:
            part = todo.pop()
            if part == "..":
                done[-1:] = []
            elif part not in {"", "."}:
                here = self.root.joinpath(*done, part)
                if not here.is_symlink():
                    done.append(part)
                    continue
                links += 1
                if links > _LINKS:
                    raise Refused([f"{path}: too many symbolic links below {self.root}"])
                target = str(here.readlink())
                done = [] if target.startswith("/") else done
                todo += target.split("/")[::-1]
        return self.root.joinpath(*done)

    def is_file(self, path: str) -> bool:
        """Return True for a regular file; a daemon passes over everything else that it finds in a folder."""
        try:
            return stat.S_ISREG(self.real(path).stat().st_mode)
        except (OSError, ValueError):
            return False

    def is_folder(self, path: str) -> bool:
        """Return True for a folder."""
        try:
            return self.real(path).is_dir()
        except (OSError, ValueError):
            return False

    def names(self, folder: str) -> list[str]:
        """Return the names of the regular files in a folder, sorted by their bytes; none if there is no such folder.

        Raises Refused when the folder cannot be read.
        """
        return [name for name in self.listing(folder) if self.is_file(posixpath.join(folder, name))]

    def link(self, path: str) -> str | None:
        """Return where a symbolic link points, as it is written there; None if the path is none."""
        folder, name = posixpath.split(path.rstrip("/"))
        try:
            here = self.real(folder) / name
            return str(here.readlink()) if here.is_symlink() else None
        except (OSError, ValueError):
            return None

    def listing(self, folder: str) -> list[str]:
        """Return every name in a folder, whatever it is, sorted; none if there is no such folder.

        Raises Refused when the folder cannot be read.
        """
        try:
            return sorted(os.listdir(self.real(folder)), key=os.fsencode)  # noqa: PTH208 -- names are wanted, not paths
        except (FileNotFoundError, NotADirectoryError, ValueError):
            return []
        except OSError as error:
            raise Refused([f"{self.shown(folder)}: {why(error)}"]) from None

    def text(self, path: str) -> str:
        """Return a file's text.

        Raises Refused when it cannot be read.
        """
        return decode(read(self.real(path), self.shown(path)))

    def shown(self, path: str) -> str:
        """Name a path of the host for a message."""
        return path if self.root is None else f"{path} (below {self.root})"
