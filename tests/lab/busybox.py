"""Builds busybox's inetd from Debian's source package, since Debian's own busybox is built without that applet.

The source comes by this machine's own apt from its own mirror, in a folder apart; what is kept, in the user's cache folder, is a layer of
an overlay that holds the one program. It is built once, under a lock, and renamed when it is whole, as the base image is.
"""

import hashlib
import shutil
from pathlib import Path

from tests.lab import image, recipe
from tests.lab.places import LabError, cache

NAME = "busybox-inetd"

# Everything else is off (allnoconfig): the applet as its own defaults have it.
_OPTIONS = (
    *("INETD", "FEATURE_IPV6", "FEATURE_PIDFILE", "FEATURE_SYSLOG", "LFS"),
    *(f"FEATURE_INETD_SUPPORT_BUILTIN_{name}" for name in ("ECHO", "DISCARD", "TIME", "DAYTIME", "CHARGEN")),
)
_PROGRAM = "usr/sbin/inetd"
_FINGERPRINT = hashlib.sha256("\0".join((recipe.SUITE, _PROGRAM, *_OPTIONS)).encode()).hexdigest()[:12]

# What a build needs, and the Debian package that brings it; .ci/setup installs them.
_NEEDED = {"gcc": "gcc", "make": "make", "dpkg-source": "dpkg-dev"}
_HEADER = Path("/usr/include/stdio.h")


def missing() -> str | None:
    """What this machine lacks to build it, in one line, or None; it is built when it is not there and can be."""
    lacking = [package for program, package in _NEEDED.items() if shutil.which(program) is None]
    lacking += [] if _HEADER.exists() else ["libc6-dev"]
    if lacking and not _final().is_dir():
        return f"{NAME} is built from Debian's source package, and this machine lacks {', '.join(lacking)}"
    try:
        layers()
    except LabError as problem:
        return str(problem)
    return None


def layers() -> tuple[Path, ...]:
    """The overlay layers, topmost first, of a machine on which it is the only super-server."""
    below = image.layers("none")
    final = _final()
    if not final.is_dir():
        with image.locked(final.parent / "busybox.lock"):
            if not final.is_dir():
                _build(final, below[-1])
    return final / "layer", *below


def _final() -> Path:
    return cache() / f"busybox-{_FINGERPRINT}"


def _build(final: Path, root: Path) -> None:
    for leftover in final.parent.glob("busybox-*.building"):
        shutil.rmtree(leftover)
    building = final.with_name(final.name + ".building")
    scratch = building / "scratch"
    scratch.mkdir(parents=True)
    try:
        image.say(f"building {NAME} from Debian's source package, about half a minute, once")
        apt = image.apt_apart("deb-src", image.mirror(), scratch)
        image.run(*apt, "source", "busybox", cwd=scratch)
        program = building / "layer" / _PROGRAM
        program.parent.mkdir(parents=True)
        shutil.copy2(_compile(next(scratch.glob("busybox-*/"))), program)
        _try_out(program, root)
        version = next(scratch.glob("*.dsc")).stem.partition("_")[2]
        shutil.rmtree(scratch)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise
    building.rename(final)
    image.say(f"{NAME} {version} is ready: {final}")


def _compile(source: Path) -> Path:
    image.run("make", "allnoconfig", cwd=source)
    config = source / ".config"
    wanted = {f"# CONFIG_{option} is not set": f"CONFIG_{option}=y" for option in _OPTIONS}
    config.write_text("".join(f"{wanted.get(line, line)}\n" for line in config.read_text().splitlines()))
    # Options that become visible only now are asked for: an empty line is the default, which is what was written for those above.
    image.run("make", "oldconfig", cwd=source, said="\n" * 1000)
    text = config.read_text()
    if refused := [option for option in _OPTIONS if f"CONFIG_{option}=y\n" not in text]:
        raise LabError(f"busybox's configuration does not take {', '.join(refused)}")
    image.run("make", "-j2", cwd=source)
    return source / "busybox"


def _try_out(program: Path, root: Path) -> None:
    """Run it in the image once: a program that was built here may want a newer C library than the image has."""
    script = 'mount -t tmpfs tmpfs "$1/mnt" && cp "$2" "$1/mnt/inetd" && exec chroot "$1" /mnt/inetd --help'
    image.run(*image.CONTAINED, "sh", "-c", script, "sh", root, program)
