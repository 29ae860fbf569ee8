"""Where the lab keeps its things, and what stands in the way of a lab on this machine."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

# What a lab needs of the machine; everything else comes with the image.
_PROGRAMS = {
    "apt-get": "since its hosts are installed from the machine's own Debian mirror",
    "unshare": "of the package util-linux",
    "nsenter": "of the package util-linux",
    "setpriv": "of the package util-linux",
}

REPOSITORY = Path(__file__).resolve().parents[2]


class LabError(Exception):
    """The lab cannot do what was asked; the message is one line and says why."""


def cache() -> Path:
    """The user's cache folder for inet46."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "inet46"


def state(name: str) -> Path:
    """The folder of one lab while it runs."""
    return cache() / "labs" / name


def missing() -> str | None:
    """What this machine lacks for a lab, in one line, or None."""
    if sys.platform != "linux":
        return f"the lab needs Linux namespaces, and this is {sys.platform}"
    if os.geteuid() != 0:
        return "the lab needs root, to make namespaces, device nodes and mounts"
    for program, why in _PROGRAMS.items():
        if shutil.which(program) is None:
            return f"the lab needs {program}, {why}"
    if not Path("/proc/sys/net/ipv6").is_dir():
        return "the lab needs IPv6, and this kernel runs without it"
    trial = ("unshare", "--mount", "--net", "--pid", "--uts", "--ipc", "--cgroup", "--fork", "true")
    if (result := subprocess.run(trial, capture_output=True, text=True, check=False)).returncode != 0:
        return f"the lab needs namespaces, which this machine refuses: {result.stderr.strip()}"
    return None
