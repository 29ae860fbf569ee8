"""What the files of a host set at boot: rc.conf and the sysctl files.

Most texts that are checked come without such a file, and their readers take longer to load than the texts to check: they are loaded for
the first file that needs them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from inet46.diagnostics import Source, Span

if TYPE_CHECKING:
    from inet46.formats._assignments import Unknown

__all__ = ["RC_CONF", "rc_conf_alone", "rc_conf_value", "sysctl_lines", "sysctl_value"]

RC_CONF = "/etc/rc.conf"
_RC_CONFS = ("/etc/defaults/", "/etc/rc.conf", "/usr/local/etc/rc.conf")
_SYSCTLS = re.compile(r"/etc/sysctl\.conf(\.local)?|.*/sysctl\.d/[^/]*\.conf")


def rc_conf_value(files: Mapping[str, str], name: str, script: str | None = None) -> tuple[str | Unknown | None, str | None]:
    """Return the value that a variable of rc.conf has for a script, and the path that decides it."""
    if not any(path.startswith(_RC_CONFS) for path in files):
        return None, None
    from inet46.formats import rc_conf  # noqa: PLC0415 -- see above

    return rc_conf.effective(files, name, script)


def rc_conf_alone(files: Mapping[str, str], name: str) -> str | Unknown | None:
    """Return the value that /etc/rc.conf by itself gives a variable."""
    if RC_CONF not in files:
        return None
    from inet46.formats import rc_conf  # noqa: PLC0415 -- see above

    return rc_conf.get(rc_conf.parse(files[RC_CONF], RC_CONF), name)


def sysctl_value(files: Mapping[str, str], key: str) -> tuple[str | Unknown | None, str | None]:
    """Return the value that a Linux host gives a key at boot, and the path that decides it."""
    if not any("/sysctl." in path for path in files):
        return None, None
    from inet46.formats import sysctl_conf  # noqa: PLC0415 -- see above

    return sysctl_conf.effective(files, key)


def sysctl_lines(files: Mapping[str, str], key: str, *, freebsd: bool) -> list[tuple[Span, str]]:
    """Return where the sysctl files give a key a value, and which."""
    mine = {path: text for path, text in files.items() if _SYSCTLS.fullmatch(path)}
    if not mine:
        return []
    from inet46.formats import sysctl_conf  # noqa: PLC0415 -- see above
    from inet46.formats._sysctl_lines import Dialect, canonical  # noqa: PLC0415

    dialect = Dialect.FREEBSD if freebsd else Dialect.LINUX
    found = []
    for path, text in mine.items():
        at, source = 0, Source(path, text)
        for line in sysctl_conf.parse(text, path, dialect).lines:
            if line.value is not None and line.key == canonical(key, dialect):
                found.append((Span(source, at, at + len(line.raw.rstrip("\n"))), line.value))
            at += len(line.raw)
    return found
