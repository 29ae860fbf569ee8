"""The first process of a lab host: makes the host's root, moves into it, and becomes its pid 1.

It runs as a forked child of the lab's init (see keeper.py), already in new namespaces. All that it makes lives in those
namespaces, and goes with them. Device nodes are the host's own, made by mknod: never bind mounts of the machine's, since a host's
root, and systemd first of all, sets owners and modes on them.
"""

import os
import secrets
import shutil
import stat
import subprocess
from pathlib import Path

from tests.lab import image, linux, recipe
from tests.lab.spec import HostSpec, write_before

_DEVICES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0)}

# The console is a null device: what systemd writes there must not reach the machine's console.
_CONSOLE = (1, 3)

_ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8"}


def make_root(spec: HostSpec, layers: tuple[Path, ...], scratch: Path) -> Path:
    """Mount the host's root with its /dev, /proc, /sys and /run, on memory that only this mount namespace knows."""
    linux.mount("none", Path("/"), "", linux.MS_REC | linux.MS_PRIVATE)
    linux.mount("lab", scratch, "tmpfs", options="mode=0755")
    os.chdir(scratch)
    for folder in ("upper", "work", "root"):
        Path(folder).mkdir()
    lower: list[str] = []
    for layer in layers:
        # By way of a short name, since a path may hold what separates mount options.
        lower.append(f"lower{len(lower)}")
        Path(lower[-1]).mkdir()
        linux.mount(layer, Path(lower[-1]), "", linux.MS_BIND)
    linux.mount("lab", Path("root"), "overlay", options=f"lowerdir={':'.join(lower)},upperdir=upper,workdir=work")
    root = scratch / "root"
    _devices(root / "dev")
    memory(spec, root)
    return root


def memory(spec: HostSpec, root: Path) -> None:
    """Mount what a boot makes anew: /run, and the kernel's own /proc and /sys."""
    linux.mount("tmpfs", root / "run", "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, "mode=0755")
    (root / "run/lock").mkdir(mode=0o1777)
    _kernel(root, cgroup=spec.init == "systemd")


def _devices(dev: Path) -> None:
    linux.mount("tmpfs", dev, "tmpfs", linux.MS_NOSUID, "mode=0755")
    previous = os.umask(0)
    for name, (major, minor) in {**_DEVICES, "console": _CONSOLE}.items():
        os.mknod(dev / name, 0o666 | stat.S_IFCHR, os.makedev(major, minor))
    os.umask(previous)
    for name in ("pts", "shm"):
        (dev / name).mkdir()
    linux.mount("devpts", dev / "pts", "devpts", linux.MS_NOSUID | linux.MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5")
    linux.mount("tmpfs", dev / "shm", "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, "mode=1777")
    for name, target in (
        ("ptmx", "pts/ptmx"),
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
    ):
        (dev / name).symlink_to(target)


def _kernel(root: Path, *, cgroup: bool) -> None:
    """Mount /proc and /sys so that a host can set its own network's sysctls and nothing of the machine's."""
    quiet = linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC
    proc = root / "proc"
    linux.mount("proc", proc, "proc", quiet)
    network = os.open(proc / "sys/net", os.O_PATH)
    linux.bind_read_only(proc / "sys")
    linux.mount(f"/proc/self/fd/{network}", proc / "sys/net", "", linux.MS_BIND)
    os.close(network)
    if (trigger := proc / "sysrq-trigger").exists():
        linux.bind_read_only(trigger)
    linux.mount("sysfs", root / "sys", "sysfs", quiet | linux.MS_RDONLY)
    if cgroup:
        linux.mount("cgroup2", root / "sys/fs/cgroup", "cgroup2", quiet)


def furnish(spec: HostSpec, root: Path, *, address4: str, address6: str, public_key: str) -> str:
    """Write what is this host's own; return its ssh host key."""
    (root / "etc/hostname").write_text(f"{spec.name}\n")
    (root / "etc/machine-id").write_text(f"{secrets.token_hex(16)}\n")
    addresses = f"{address4} {spec.name}\n" + (f"{address6} {spec.name}\n" if spec.ipv6 else "")
    loopback = "127.0.0.1 localhost\n" + ("::1 localhost ip6-localhost ip6-loopback\n" if spec.ipv6 else "")
    (root / "etc/hosts").write_text(loopback + addresses)
    for home, owner in (("root", "root"), ("home/admin", "admin"), ("home/nobodyssh", "nobodyssh")):
        _authorize(root / home, _identity(root, owner), public_key)
    if spec.init == "systemd":
        for init_script in ("busybox-syslogd", "busybox-klogd"):
            (root / "etc/init.d" / init_script).unlink()
    if spec.also is not None:
        _install_also(spec.also, root)
    write_before(spec, root)
    key = "/etc/ssh/ssh_host_ed25519_key"
    argv = ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"root@{spec.name}", "-f", key)
    subprocess.run(argv, check=True, env=_ENVIRONMENT, preexec_fn=lambda: os.chroot(root), stdin=subprocess.DEVNULL)
    return " ".join((root / f"{key[1:]}.pub").read_text().split()[:2])


def _install_also(also: str, root: Path) -> None:
    """Bring what the layer of the first super-server hides of the second: its program, and that dpkg knows it; and disable it.

    Each layer was made without the programs of the others (image.py), and has a dpkg status of its own.
    """
    program = recipe.DAEMONS[also]
    shutil.copy2(image.base_root() / program, root / program)
    known = (image.layers(also)[0] / "var/lib/dpkg/status").read_text().split("\n\n")
    (stanza,) = (text for text in known if text.startswith(f"Package: {also}\n"))
    status = root / "var/lib/dpkg/status"
    status.write_text(f"{status.read_text().rstrip()}\n\n{stanza}\n")
    for link in (root / "etc").glob(f"rc[2345].d/S01{also}"):
        link.rename(link.with_name(f"K01{also}"))
    if also == "openbsd-inetd":
        (root / "etc/systemd/system/multi-user.target.wants/inetd.service").unlink()


def _identity(root: Path, user: str) -> tuple[int, int]:
    for line in (root / "etc/passwd").read_text().splitlines():
        name, _, uid, gid, *_ = line.split(":")
        if name == user:
            return int(uid), int(gid)
    raise LookupError(f"the image has no user {user}")


def _authorize(home: Path, owner: tuple[int, int], public_key: str) -> None:
    folder = home / ".ssh"
    folder.mkdir(mode=0o700, exist_ok=True)
    keys = folder / "authorized_keys"
    keys.write_text(public_key)
    keys.chmod(0o600)
    for path in (folder, keys):
        os.chown(path, *owner)


def enter(root: Path) -> None:
    """Make `root` the root of this mount namespace, and send what is said from here on to a log inside it."""
    linux.change_root(root, "mnt")
    log = os.open("/var/log/lab-boot.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.close(log)


def network(spec: HostSpec, *, address4: str, address6: str) -> None:
    """Configure the loopback and eth0, with no wait for duplicate address detection; then this host's sysctls."""
    for switch in ("all", "default"):
        value = "0" if spec.ipv6 else "1"
        Path(f"/proc/sys/net/ipv6/conf/{switch}/disable_ipv6").write_text(value)
    for name, value in spec.sysctl.items():
        Path("/proc/sys", name.replace(".", "/")).write_text(value)
    commands = [
        "link set lo up",
        # ssh comes in through a relay that does not turn off Nagle's algorithm: without prompt ACKs each command takes 50 ms, not 7.
        "route replace local 127.0.0.1 dev lo table local proto kernel scope host src 127.0.0.1 quickack 1",
        f"addr add {address4}/16 dev eth0",
    ]
    if spec.ipv6:
        commands.append(f"addr add {address6}/64 dev eth0 nodad")
    commands.append("link set eth0 up")
    subprocess.run(("ip", "-batch", "-"), input="\n".join(commands) + "\n", text=True, check=True, env=_ENVIRONMENT)


def become_init(spec: HostSpec) -> None:
    """Run the host's pid 1 in this process; does not return."""
    linux.drop_capabilities_of_the_machine()
    if spec.init == "systemd":
        os.execve("/sbin/init", ["/sbin/init"], {**_ENVIRONMENT, "container": "inet46-lab"})
    service = [] if spec.super_server == "none" else [spec.super_server]
    os.execve("/usr/local/sbin/lab-init", ["lab-init", *service], _ENVIRONMENT)
