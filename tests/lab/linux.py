"""The few system calls that Python 3.11 has no name for."""

import ctypes
import os
import platform
from pathlib import Path

CLONE_NEWNS = 0x0002_0000
CLONE_NEWCGROUP = 0x0200_0000
CLONE_NEWUTS = 0x0400_0000
CLONE_NEWIPC = 0x0800_0000
CLONE_NEWPID = 0x2000_0000
CLONE_NEWNET = 0x4000_0000

MS_RDONLY = 0x1
MS_NOSUID = 0x2
MS_NODEV = 0x4
MS_NOEXEC = 0x8
MS_REMOUNT = 0x20
MS_BIND = 0x1000
MS_REC = 0x4000
MS_PRIVATE = 0x4_0000

_MNT_DETACH = 2
_PR_SET_PDEATHSIG = 1
_PR_CAPBSET_DROP = 24
_SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}

# What could reach the machine through no namespace: loading modules, raw I/O, the boot and the clock, the kernel's log.
_CAPABILITIES_OF_THE_MACHINE = (16, 17, 22, 25, 34)

_libc = ctypes.CDLL(None, use_errno=True)


def unshare(flags: int) -> None:
    """Leave the namespaces named by CLONE_NEW... for new ones."""
    _checked(_libc.unshare(flags), "unshare")


def rejoin(namespace: int) -> None:
    """Go (or, for a pid namespace, have later children go) to the namespace that this descriptor is open on."""
    _checked(_libc.setns(namespace, 0), "setns")


def mount(what: str | Path, where: Path, kind: str, flags: int = 0, options: str = "") -> None:
    """Mount a file system of this kind, or change a mount when kind is empty."""
    result = _libc.mount(os.fsencode(what), os.fsencode(where), kind.encode(), ctypes.c_ulong(flags), os.fsencode(options))
    _checked(result, f"mount {kind or 'bind'} on {where}")


def unmount(where: Path) -> None:
    """Take a mount and all below it out of the tree; what is open of it lives on until it is closed."""
    _checked(_libc.umount2(os.fsencode(where), _MNT_DETACH), f"umount of {where}")


def bind_read_only(path: Path) -> None:
    """Make one file or folder read-only where it is."""
    mount(path, path, "", MS_BIND)
    mount(path, path, "", MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC)


def change_root(new: Path, old: str) -> None:
    """Make `new` the root of this mount namespace and let go of the previous one; `old` is an empty folder below `new`."""
    result = _libc.syscall(_SYS_PIVOT_ROOT[platform.machine()], os.fsencode(new), os.fsencode(new / old))
    _checked(result, f"pivot_root to {new}")
    os.chdir("/")
    unmount(Path("/", old))


def die_with_parent(signal: int) -> None:
    """Have the kernel send this signal when the parent ends, however it ends."""
    _checked(_libc.prctl(_PR_SET_PDEATHSIG, signal, 0, 0, 0), "prctl")


def drop_capabilities_of_the_machine() -> None:
    """Give up, for good and for all children, what a lab host's root has no business with."""
    for capability in _CAPABILITIES_OF_THE_MACHINE:
        _checked(_libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0), "prctl")


def _checked(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
