"""Folders that stand for whole hosts: a look runs in them as root directory, with the tools that the host would have.

The BSD ones are simulated: their tools are stand-ins that print what `docs` and sources say those systems print.
"""

from __future__ import annotations

import pathlib
import shutil
import subprocess
from collections.abc import Mapping, Sequence

TOOLS = (
    *("awk", "cat", "cksum", "date", "grep", "id", "ls", "mkdir", "od", "printf", "sed", "sleep", "tr", "uname"),
    *("getent", "hexdump", "netstat", "ss"),
    *("bash", "busybox", "dash", "mksh", "sh"),
)


class Root:
    """A root directory with some of this machine's tools, and stand-ins before them."""

    def __init__(self, folder: pathlib.Path, *, without: Sequence[str] = (), stand_ins: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        for name in ("bin", "etc", "real", "proc", "dev", "tmp", "usr/sbin", "stand-in", "var"):
            (folder / name).mkdir(parents=True)
        for name in ("lib", "lib64"):
            (folder / name).symlink_to(f"/real/usr/{name}")
        for tool in TOOLS:
            found = shutil.which(tool)
            if found is not None and tool not in without:
                (folder / "bin" / tool).symlink_to(f"/real{pathlib.Path(found).resolve()}")
        for name, text in (stand_ins or {}).items():
            self.program(f"stand-in/{name}", f"#!/bin/sh\n{text}")

    def write(self, path: str, content: bytes | str, mode: int = 0o644) -> None:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
        target.chmod(mode)

    def program(self, path: str, text: str = "#!/bin/sh\n") -> None:
        self.write(path, text, 0o755)

    def run(
        self, argv: Sequence[str], *, shell: str = "sh", proc: bool = False, uid: int = 0, environment: Mapping[str, str] | None = None
    ) -> list[str]:
        """Run a look here; `argv` is what look_command gave, and `shell` takes the place of its sh."""
        mounts = f"mount --bind / '{self.folder}/real' && mount -t tmpfs none '{self.folder}/dev' && : >'{self.folder}/dev/null'"
        mounts += f" && mount --rbind /proc '{self.folder}/proc'" if proc else ""
        enter = f'{mounts} && chmod 666 "$0/dev/null" && exec chroot --userspec={uid}:{uid} "$0" "$@"'
        words = [*shell.split(), *argv[1:]]
        done = subprocess.run(
            ["unshare", "--net", "--mount", "sh", "-c", enter, str(self.folder), *words],
            capture_output=True,
            check=False,
            env={**(environment or {}), "PATH": "/stand-in:/bin:/usr/bin:/usr/sbin:/sbin"},
        )
        assert (done.returncode, done.stderr) == (0, b""), done.stderr.decode()
        return done.stdout.decode().splitlines()


def freebsd_14(folder: pathlib.Path) -> Root:
    """Simulated: FreeBSD 14 with the base system's inetd, which serves IMAP over IPv4 only."""
    root = Root(
        folder,
        without=["ss", "netstat", "python3"],
        stand_ins={
            "uname": "echo FreeBSD 14.0-RELEASE-p6",
            "sysctl": 'case "$*" in "-n net.inet6.ip6.v6only") echo 1 ;; *) echo "sysctl: unknown oid" >&2; exit 1 ;; esac',
            "ifconfig": "echo '\tinet6 ::1 prefixlen 128'",
            "ps": 'case "$*" in\n*command*) echo COMMAND; echo "/usr/sbin/inetd -wW -C 60" ;;\n'
            "*) printf '  PID  PPID UCOMM\\n    1     0 init\\n  700     1 sshd\\n  812     1 inetd\\n' ;;\nesac",
            "pkg": "exit 1",
            "sockstat": "cat <<'TXT'\n"
            "USER     COMMAND    PID   FD  PROTO  LOCAL ADDRESS         FOREIGN ADDRESS      \n"
            "root     inetd        812 5   tcp4   *:143                 *:*\n"
            "root     sshd         700 3   tcp6   *:22                  *:*\n"
            "root     sshd         700 4   tcp4   *:22                  *:*\n"
            "root     syslogd      601 6   udp6   *:514                 *:*\n"
            "root     some daemon  900 6   tcp46  *:8080                *:*\n"
            "TXT",
        },
    )
    root.program("usr/sbin/inetd")
    root.program("usr/local/libexec/imapd")
    root.program("etc/rc.d/inetd")
    root.write("etc/os-release", 'NAME=FreeBSD\nVERSION="14.0-RELEASE-p6"\nVERSION_ID="14.0"\nID=freebsd\n')
    root.write("etc/inetd.conf", "#ftp\tstream\ttcp\tnowait\troot\t/usr/libexec/ftpd\tftpd -l\n" + FREEBSD_IMAP)
    root.write("etc/rc.conf", 'hostname="mx2.example.org"\ninetd_enable="YES"\nifconfig_vtnet0_ipv6="inet6 accept_rtadv"\n')
    root.write("etc/sysctl.conf", "# $FreeBSD$\n")
    common(root)
    return root


def freebsd_4_9(folder: pathlib.Path) -> Root:
    """Simulated: FreeBSD 4.9 with xinetd from the ports, tools of 2003, and Latin-1 in a comment."""
    root = Root(
        folder,
        without=["ss", "netstat", "getent", "python3", "bash"],
        stand_ins={
            "uname": "echo FreeBSD 4.9-RELEASE",
            "sysctl": 'case "$*" in "-n net.inet6.ip6.v6only") echo 1 ;; *) echo "unknown oid" >&2; exit 1 ;; esac',
            "ifconfig": "echo '\tinet6 ::1 prefixlen 128 '",
            "ps": 'case "$*" in\n*command*) echo COMMAND; echo "/usr/local/sbin/xinetd -pidfile /var/run/xinetd.pid" ;;\n'
            "*) printf '  PID  PPID UCOMM\\n    1     0 init\\n  123     1 xinetd\\n' ;;\nesac",
            "od": "echo 'usage: od [-aBbcDdeFfHhIiLlOovXx] [[+]offset[.][Bb]] file' >&2; exit 1",
            "hexdump": "shift 3\n/real/usr/bin/od -An -v -tx1 \"$@\" | tr -d ' '",
            "sockstat": "cat <<'TXT'\n"
            "USER     COMMAND    PID   FD PROTO  LOCAL ADDRESS         FOREIGN ADDRESS\n"
            "root     xinetd     123    5 tcp4   *:143                 *:*\n"
            "root     sendmail   101    4 tcp4   *:25                  *:*\n"
            "root     sendmail   101    5 tcp46  *:587                 *:*\n"
            "TXT",
        },
    )
    root.program("usr/sbin/inetd")
    root.program("usr/local/sbin/xinetd")
    root.program("usr/local/libexec/imapd")
    root.program("usr/local/etc/rc.d/xinetd.sh")
    (root.folder / "var/db/pkg/xinetd-2.3.12").mkdir(parents=True)
    root.write("usr/local/etc/xinetd.conf", b"# gr\xfc\xdfe\ndefaults\n{\n}\nincludedir /usr/local/etc/xinetd.d\n")
    root.write(
        "usr/local/etc/xinetd.d/imap",
        "service imap\n{\n\tsocket_type = stream\n\tprotocol = tcp\n\twait = no\n\tuser = root\n\tserver = /usr/local/libexec/imapd\n}\n",
    )
    root.write("etc/inetd.conf", "#imap4\tstream\ttcp\tnowait\troot\t/usr/local/libexec/imapd\timapd\n")
    root.write("etc/rc.conf", 'inetd_enable="NO"\nipv6_enable="YES"\n')
    common(root)
    return root


FREEBSD_IMAP = "imap4\tstream\ttcp\tnowait\troot\t/usr/local/libexec/imapd\timapd\n"


def common(root: Root) -> None:
    root.write("etc/passwd", "root:*:0:0:Charlie &:/root:/bin/csh\n")
    root.write("etc/group", "wheel:*:0:root\n")
    root.write("etc/services", "imap4\t\t143/tcp    imap imap2\t#Interactive Mail Access Protocol v4\nimaps\t\t993/tcp\npop3\t110/tcp\n")
