"""Builds the base image: a Debian root, and one layer for each super-server.

The image is made in a folder beside its final place and renamed when whole, under a lock, so there is never half an image: an
interrupted build is thrown away by the next one.
"""

import contextlib
import fcntl
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.lab import recipe
from tests.lab.places import LabError, cache, missing

_OLD = 7 * 24 * 3600
_TALK = 10
_CLEAN = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}

# Runs a program so that nothing of it, no process and no mount, can outlive this one.
CONTAINED = (
    *("setpriv", "--pdeathsig", "KILL"),
    *("unshare", "--mount", "--pid", "--fork", "--kill-child=KILL", "--propagation", "private"),
)


def base_root() -> Path:
    """The image's root, with all three super-servers' programs in it; built now if this is the first time."""
    return image() / "root"


def layers(*super_servers: str | None) -> tuple[Path, ...]:
    """The overlay layers, topmost first, of a machine on which just these super-servers (or "none") are installed."""
    return *(image() / "layers" / name for name in super_servers if name is not None), image() / "root"


def present() -> bool:
    """True if the image need not be built."""
    return _final().is_dir()


def image() -> Path:
    """The image's folder: `root`, and `layers/NAME`."""
    final = _final()
    if final.is_dir():
        os.utime(final)
        return final
    if (why := missing()) is not None:
        raise LabError(why)
    final.parent.mkdir(parents=True, exist_ok=True)
    with locked(final.parent / "base.lock"):
        if not final.is_dir():
            _build(final)
    return final


def _final() -> Path:
    return cache() / f"base-{recipe.FINGERPRINT}"


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock; whoever has to wait for it says so."""
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another build of the base image is under way: waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(final: Path) -> None:
    started = time.monotonic()
    for leftover in final.parent.glob("base-*.building"):
        shutil.rmtree(leftover)
    for old in final.parent.glob("base-*/"):
        if time.time() - old.stat().st_mtime > _OLD:
            shutil.rmtree(old)
    building = final.with_name(final.name + ".building")
    (building / "layers").mkdir(parents=True)
    say("building the base image, about two minutes, once:")
    scratch = building / "scratch"
    scratch.mkdir()
    try:
        say("  1 of 5: debootstrap, and where this machine gets its packages")
        mirror, settings = _debootstrap_ready(), _apt_settings(scratch)
        _debootstrap(building / "root", mirror, settings)
        say("  4 of 5: users, mailbox, certificate, mail services")
        run(*CONTAINED, "chroot", building / "root", "sh", "-c", recipe.PROVISION, env=_CLEAN)
        run("sh", "-c", recipe.TRIM, cwd=building / "root")
        say(f"  5 of 5: {', '.join(recipe.SUPER_SERVERS)}")
        _super_servers(building, mirror, scratch)
        shutil.rmtree(scratch)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise
    building.rename(final)
    say(f"the base image is ready after {time.monotonic() - started:.0f} s: {final}")


def _super_servers(building: Path, mirror: str, scratch: Path) -> None:
    packages = _download(recipe.SUPER_SERVERS, mirror, scratch)
    for name, program in recipe.DAEMONS.items():
        unpacked = scratch / f"unpacked-{name}"
        run("dpkg", "--extract", packages[name], unpacked)
        shutil.copy2(unpacked / program, building / "root" / program)
    for name in ("none", *recipe.SUPER_SERVERS):
        merging = scratch / "merging"
        merging.mkdir(exist_ok=True)
        package = (packages[name],) if name in packages else ()
        run(*CONTAINED, "sh", "-c", recipe.LAYER, "layer", building / "root", building / "layers" / name, merging, *package)


def _debootstrap_ready() -> str:
    """Install debootstrap if it is not there; return the mirror that this machine's own apt uses."""
    if shutil.which("debootstrap") is None:
        run("apt-get", "update", "--quiet")
        run("apt-get", "install", "--quiet", "--yes", "--no-install-recommends", "debootstrap")
    return mirror()


def mirror() -> str:
    """The Debian mirror that this machine's own apt uses."""
    targets = run("apt-get", "indextargets", "--format", "$(LABEL)|$(RELEASE)|$(SITE)", "Created-By: Packages")
    for target in targets.splitlines():
        label, release, site = target.split("|", 2)
        fetchable = re.match(r"(https?|file|ftp):", site)
        if fetchable and label in {"", "Debian"} and re.fullmatch(r"[a-z]+", release) and "security" not in site:
            return site
    raise LabError("this machine's apt has no Debian mirror that debootstrap could use (apt-get indextargets names none)")


def _apt_settings(scratch: Path) -> dict[str, str]:
    """What debootstrap's downloader must be told so that it fetches the way this machine's apt does."""
    found = dict(re.findall(r'^Acquire::(https?::[\w:]+) "(.+)";$', run("apt-config", "dump"), re.MULTILINE))
    settings = {f"{scheme}_proxy": proxy for scheme in ("http", "https") if (proxy := found.get(f"{scheme}::Proxy", "DIRECT")) != "DIRECT"}
    if authority := found.get("https::CAInfo") or found.get("https::CaInfo"):
        (scratch / "wgetrc").write_text(f"ca_certificate = {authority}\n")
        settings["WGETRC"] = str(scratch / "wgetrc")
    return settings


def _debootstrap(root: Path, mirror: str, settings: dict[str, str]) -> None:
    wanted = ",".join(" ".join(recipe.PACKAGES).split())
    # debootstrap cannot live with every path, such as one with a space: so it gets to see the folder in a plain place.
    plainly = (*CONTAINED, "sh", "-c", 'mount --bind "$1" /mnt && shift && exec "$@"', "sh", str(root.parent))
    argv = (*plainly, "debootstrap", "--variant=minbase", f"--include={wanted}", recipe.SUITE, f"/mnt/{root.name}", mirror)
    announce = {
        "Retrieving": f"  2 of 5: fetching packages of Debian {recipe.SUITE} from {mirror}",
        "Unpacking": "  3 of 5: unpacking and configuring them",
    }
    lines: list[str] = []
    said = time.monotonic()
    environment = {**os.environ, **_CLEAN, **settings}
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                lines.append(line.strip().removeprefix("I: "))
                step = announce.pop(lines[-1].partition(" ")[0], None)
                if step is not None or time.monotonic() > said + _TALK:
                    say(step or f"            {lines[-1]}")
                    said = time.monotonic()
        except BaseException:
            process.kill()
            raise
    if process.returncode != 0:
        raise LabError(f"debootstrap failed ({process.returncode}): {' / '.join(lines[-3:])}")


def _download(names: tuple[str, ...], site: str, scratch: Path) -> dict[str, Path]:
    """Fetch packages of the image's own suite."""
    apt = apt_apart("deb", site, scratch)
    run(*apt, "download", *names, cwd=scratch)
    return {name: next(scratch.glob(f"{name}_*.deb")) for name in names}


def apt_apart(kind: str, site: str, scratch: Path) -> tuple[str, ...]:
    """An apt-get for packages (deb) or their sources (deb-src) of the image's own suite: this machine's apt with none of its lists."""
    keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
    (scratch / "sources.list").write_text(f"{kind} [signed-by={keyring}] {site} {recipe.SUITE} main\n")
    (scratch / "lists").mkdir()
    (scratch / "status").touch()
    apart = {
        "Dir::Etc::SourceList": scratch / "sources.list",
        "Dir::Etc::SourceParts": "/dev/null",
        "Dir::State::Lists": scratch / "lists",
        "Dir::State::Status": scratch / "status",
        "Dir::Cache": scratch,
        "APT::Sandbox::User": "root",
    }
    apt = ("apt-get", *(argument for key, value in apart.items() for argument in ("-o", f"{key}={value}")), "--quiet")
    run(*apt, "update", cwd=scratch)
    return apt


def run(*argv: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None, said: str = "") -> str:
    """Run a program with this on its standard input and return its output; raises LabError with its last words."""
    result = subprocess.run(argv, cwd=cwd, env=env, capture_output=True, text=True, input=said, check=False)
    if result.returncode != 0:
        words = (result.stderr or result.stdout).strip().splitlines()
        raise LabError(f"{argv[0]} failed ({result.returncode}): {' / '.join(words[-3:])}")
    return result.stdout


def say(line: str) -> None:
    """Tell whoever waits what is being done."""
    print(line, file=sys.stderr, flush=True)
