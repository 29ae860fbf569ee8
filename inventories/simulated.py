"""The fleet of prod.py with simulated connections: every answer is made up here, nothing is contacted and nothing can be changed.

For a look at a dry run without hosts, and for the tests: pyinfra inventories/simulated.py deploys/imap.py --dry --diff
"""

import runpy as _runpy
from pathlib import Path as _Path
from typing import Any as _Any

import attrs as _attrs

from pyinfra_inet46.look import (
    Account as _Account,
)
from pyinfra_inet46.look import (
    FileKind as _FileKind,
)
from pyinfra_inet46.look import (
    FileSeen as _FileSeen,
)
from pyinfra_inet46.look import (
    Look as _Look,
)
from pyinfra_inet46.look import (
    NamedService as _NamedService,
)
from pyinfra_inet46.look import (
    Program as _Program,
)
from pyinfra_inet46.look import (
    ProgramState as _ProgramState,
)
from pyinfra_inet46.look import (
    Setting as _Setting,
)
from pyinfra_inet46.look import (
    SuperServer as _SuperServer,
)
from pyinfra_inet46.look import (
    encode_look as _encode_look,
)
from pyinfra_inet46.transaction import Listening as _Listening
from pyinfra_inet46.verdict import Result as _Result
from pyinfra_inet46.verdict import Verdict as _Verdict
from pyinfra_inet46.verdict import write_verdict as _write_verdict

_ANY = "0.0.0.0"  # noqa: S104 -- what a simulated host is said to listen on
_PORTS = {"imap": 143, "imaps": 993, "pop3": 110, "pop3s": 995}
_PROGRAMS = ("/usr/local/libexec/imapd", "/usr/local/libexec/ipop3d", "/usr/local/sbin/imapd", "/usr/local/sbin/ipop3d",
             "/usr/sbin/imap4d", "/usr/sbin/pop3d")  # fmt: skip

_INETD_CONF = """\
# Internet server configuration database, as the release ships it, and two lines of ours.
#ftp\tstream\ttcp\tnowait\troot\t/usr/libexec/ftpd\tftpd -l
#ftp\tstream\ttcp6\tnowait\troot\t/usr/libexec/ftpd\tftpd -l
daytime\tstream\ttcp\tnowait\troot\tinternal
imap\tstream\ttcp\tnowait\troot\t{imap}
pop3\tstream\ttcp\tnowait\troot\t{pop3}
"""
_XINETD_CONF = "defaults\n{{\n\tinstances = 60\n\tlog_type = SYSLOG daemon\n}}\n\nincludedir {folder}\n"
_PARAGRAPH = """\
# added by hand years ago
service {name}
{{
\tflags           = {flags}
\tsocket_type     = stream
\tprotocol        = tcp
\twait            = no
\tuser            = root
\tserver          = {server}
}}
"""


def _file(path: str, text: str) -> _FileSeen:
    return _FileSeen(path=path, kind=_FileKind.REGULAR, content=text.encode(), mode=0o644, uid=0, gid=0)


def _host(server: _SuperServer, files: dict[str, str], *, system: str = "FreeBSD", release: str, knob: str, **more: _Any) -> _Look:
    """A host whose IMAP and POP3 answer on IPv4 only."""
    command = server.path.rpartition("/")[2]
    ports = (110, 143) if server.kind == "xinetd" else (13, 110, 143)
    return _Look(
        system=system,
        release=release,
        super_servers=(server,),
        files=tuple(_file(path, text) for path, text in sorted(files.items())),
        settings=(_Setting(key=knob.partition("=")[0], value=knob.partition("=")[2]),),
        services=tuple(_NamedService(asked=f"{name}/tcp", name=name, port=port) for name, port in _PORTS.items()),
        users=(_Account(name="root", number=0),),
        programs=tuple(_Program(path=path, state=_ProgramState.OK) for path in _PROGRAMS),
        sockets=tuple(
            _Listening(transport="tcp", family="ipv4", address=_ANY, port=port, pids=(server.pid or 0,), command=command) for port in ports
        ),
        sockets_from="ss" if system == "Linux" else "sockstat",
        clients=("perl",),
        **more,
    )


def _xinetd(path: str, **more: _Any) -> _SuperServer:
    return _SuperServer(kind="xinetd", path=path, pid=977, argv=(path, "-pidfile", "/var/run/xinetd.pid"), **more)


def _freebsd_inetd(release: str, rc_conf: str, script: str | None) -> _Look:
    conf = _INETD_CONF.format(imap="/usr/local/libexec/imapd\timapd", pop3="/usr/local/libexec/ipop3d\tipop3d")
    server = _SuperServer(kind="inetd", path="/usr/sbin/inetd", pid=812, argv=("/usr/sbin/inetd", "-wW", "-C", "60"), script=script)
    return _host(server, {"/etc/inetd.conf": conf, "/etc/rc.conf": rc_conf}, release=release, knob="net.inet6.ip6.v6only=1")


def _with_xinetd(folder: str, path: str, imap: str, pop3: str, flags: str, **more: _Any) -> _Look:
    files = {
        f"{folder}.conf": _XINETD_CONF.format(folder=f"{folder}.d"),
        f"{folder}.d/imap": _PARAGRAPH.format(name="imap", server=imap, flags=flags),
        f"{folder}.d/pop3": _PARAGRAPH.format(name="pop3", server=pop3, flags=flags),
    }
    return _host(_xinetd(path), files, **more)


def _debian_inetd(kind: str, path: str) -> _Look:
    conf = _INETD_CONF.format(imap="/usr/sbin/imap4d\timap4d --inetd", pop3="/usr/sbin/pop3d\tpop3d --inetd")
    conf = conf.replace("\ttcp\t", "\ttcp4\t")
    server = _SuperServer(kind=kind, path=path, pid=812, argv=(path,), package=kind, script=f"/etc/init.d/{kind}")
    files = {"/etc/inetd.conf": conf}
    more = {"os_id": "debian", "os_version": "12"}
    return _host(server, files, system="Linux", release="6.1.0", knob="net.ipv6.bindv6only=0", **more)


def _debian_systemd() -> _Look:
    folder = "/etc/systemd/system"
    files = {"/etc/sysctl.conf": "#net.ipv4.ip_forward=1\n"}
    for name, program in (("imap", "/usr/sbin/imap4d"), ("pop3", "/usr/sbin/pop3d")):
        files[f"{folder}/{name}.socket"] = (
            f"[Socket]\nListenStream=0.0.0.0:{_PORTS[name]}\nAccept=yes\n\n[Install]\nWantedBy=sockets.target\n"
        )
        files[f"{folder}/{name}@.service"] = f"[Service]\nExecStart=-{program} --inetd\nStandardInput=socket\n"
    server = _SuperServer(kind="systemd", path="/usr/lib/systemd/systemd", pid=1)
    look = _host(server, files, os_id="debian", os_version="12", systemd=True, **_LINUX)
    links = tuple(
        _FileSeen(
            path=f"{folder}/sockets.target.wants/{name}.socket",
            kind=_FileKind.LINK,
            resolved=f"{folder}/{name}.socket",
            target=f"{folder}/{name}.socket",
        )
        for name in ("imap", "pop3")
    )
    of_units = tuple(socket for socket in look.sockets if socket.port in _PORTS.values())
    there = (_FileSeen(path=folder, kind=_FileKind.DIRECTORY), *look.files, *links)
    return _attrs.evolve(look, super_servers=(), files=there, sockets=of_units)


_FREEBSD_XINETD = {"folder": "/usr/local/etc/xinetd", "path": "/usr/local/sbin/xinetd", "imap": _PROGRAMS[0], "pop3": _PROGRAMS[1]}
_LINUX = {"system": "Linux", "release": "6.1.0", "knob": "net.ipv6.bindv6only=0"}

_LOOKS = {
    "freebsd_inetd": _freebsd_inetd("14.0-RELEASE-p4", 'hostname="mail1.fra.example.org"\ninetd_enable="YES"\n', "/etc/rc.d/inetd"),
    "freebsd_xinetd": _with_xinetd(**_FREEBSD_XINETD, flags="REUSE IPv4", release="14.0-RELEASE-p4", knob="net.inet6.ip6.v6only=1"),
    "freebsd4_inetd": _freebsd_inetd("4.9-RELEASE", 'inetd_enable="YES"\nipv6_ipv4mapping="NO"\t# until the mail servers need it\n', None),
    "freebsd4_xinetd": _with_xinetd(**_FREEBSD_XINETD, flags="REUSE", release="4.9-RELEASE", knob="net.inet6.ip6.v6only=1"),
    "debian_openbsd_inetd": _debian_inetd("openbsd-inetd", "/usr/sbin/inetd"),
    "debian_inetutils_inetd": _debian_inetd("inetutils-inetd", "/usr/sbin/inetutils-inetd"),
    "debian_xinetd": _with_xinetd(
        "/etc/xinetd", "/usr/sbin/xinetd", _PROGRAMS[4], _PROGRAMS[5], "IPv4", os_id="debian", os_version="12", **_LINUX
    ),
    "debian_systemd": _debian_systemd(),
    "fedora": _with_xinetd(
        "/etc/xinetd", "/usr/sbin/xinetd", _PROGRAMS[2], _PROGRAMS[3], "IPv4", os_id="fedora", os_version="33", **_LINUX
    ),
}

_NEVER = _Verdict(
    result=_Result.REFUSED, id="simulated", step="lock", reason="this host is simulated", state="there is nothing that could be changed"
)

_PROD = _runpy.run_path(str(_Path(globals().get("__file__", "inventories/simulated.py")).with_name("prod.py")))


def _simulated(name: str, look: _Look) -> tuple[str, dict[str, _Any]]:
    responses = {"inet46-look": _encode_look(look), "sh -s": list(_write_verdict(_NEVER))}
    return f"@fake/{name}", {"fake_responses": responses, "fake_delay": 0, "fake_delay_jitter": 0}


def _group(group: str) -> list[tuple[str, dict[str, _Any]]]:
    kinds = {name: kind for kind in _LOOKS for name in _PROD[kind]}
    return [_simulated(name, _LOOKS[kinds[name]]) for name in _PROD[group]]


freebsd_inetd = _group("freebsd_inetd")
freebsd_xinetd = _group("freebsd_xinetd")
freebsd4_inetd = _group("freebsd4_inetd")
freebsd4_xinetd = _group("freebsd4_xinetd")
freebsd = _group("freebsd")
debian_openbsd_inetd = _group("debian_openbsd_inetd")
debian_inetutils_inetd = _group("debian_inetutils_inetd")
debian_xinetd = _group("debian_xinetd")
debian_systemd = _group("debian_systemd")
debian = _group("debian")
fedora = _group("fedora")
