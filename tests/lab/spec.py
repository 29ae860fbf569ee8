"""What a lab host is to be, and the configuration it has before anybody deploys anything."""

import dataclasses
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, Self

SuperServer = Literal["openbsd-inetd", "inetutils-inetd", "xinetd", "none"]
Init = Literal["none", "systemd"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class HostSpec:
    """One host: its super-server (or "none" at all), what runs as pid 1, and what differs from the usual.

    `before` maps a path to the text it has when the super-server starts, or to None for a file that is not there; with it the host
    does not get the usual IMAP and POP3 over IPv4. `also` is a second super-server that is installed, does not run and is not enabled; as
    packages Debian's conflict with one another, so this is a host on which somebody has installed it by force. `sysctl` is set in the host's own network namespace.
    """

    name: str
    super_server: SuperServer
    also: SuperServer | None = None
    init: Init = "none"
    before: Mapping[str, str | None] = dataclasses.field(default_factory=dict)
    sysctl: Mapping[str, str] = dataclasses.field(default_factory=dict)
    ipv6: bool = True

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z][a-z0-9-]{0,30}", self.name):
            raise ValueError(f"{self.name!r} is no host name: small letters, digits and hyphens, at most 31")

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The opposite of to_dict."""
        return cls(**data)


DEFAULT_HOSTS = (
    HostSpec(name="mail-openbsd", super_server="openbsd-inetd"),
    HostSpec(name="mail-inetutils", super_server="inetutils-inetd"),
    HostSpec(name="mail-xinetd", super_server="xinetd"),
    HostSpec(name="mail-systemd", super_server="xinetd", init="systemd"),
)

# How each mail service is started by a super-server: the program, and its arguments without the zeroth.
MAIL_PROGRAMS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "imap": ("/usr/sbin/imap4d", ("--inetd",)),
    "imaps": ("/usr/sbin/imap4d", ("--inetd", "--set", "tls-mode=connection")),
    "pop3": ("/usr/sbin/pop3d", ("--inetd",)),
    "pop3s": ("/usr/sbin/pop3d", ("--inetd", "--set", "tls-mode=connection")),
}

_PARAGRAPH = """\
# default: on
# description: {title}, added by hand years ago.
service {name}
{{
\tdisable\t\t= no
\tflags\t\t= IPv4
\tsocket_type\t= stream
\tprotocol\t= tcp
\tuser\t\t= root
\twait\t\t= no
\tserver\t\t= {program}
\tserver_args\t= {arguments}
}}
"""


def write_before(spec: HostSpec, root: Path) -> None:
    """Write the host's configuration into its root, from the stock files that the package brought."""
    if spec.before:
        for name, text in spec.before.items():
            target = root / name.lstrip("/")
            if text is None:
                target.unlink(missing_ok=True)
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text)
                target.chmod(0o755 if text.startswith("#!") else 0o644)
    elif spec.super_server == "xinetd":
        _before_xinetd(root / "etc/xinetd.d")
    elif spec.super_server != "none":
        _edit(root / "etc/inetd.conf", lambda stock: _before_inetd(stock, spec.super_server))


def _before_inetd(stock: str, super_server: SuperServer) -> str:
    """Enable stock daytime, and add IMAP and POP3 the way update-inetd writes lines, IPv4 only in this daemon's spelling."""
    protocol = "tcp4" if super_server == "openbsd-inetd" else "tcp"
    lines = "".join(
        f"{name}\t\tstream\t{protocol}\tnowait\troot\t{MAIL_PROGRAMS[service][0]} "
        f"{Path(MAIL_PROGRAMS[service][0]).name} {' '.join(MAIL_PROGRAMS[service][1])}\n"
        for name, service in (("imap2", "imap"), ("pop3", "pop3"))
    )
    off = "#<off># finger\tstream\ttcp\tnowait\tnobody\t/usr/sbin/tcpd\t/usr/sbin/in.fingerd\n"
    text = re.sub(r"^#(daytime\t\tstream)", r"\1", stock, flags=re.MULTILINE)
    text = re.sub(r"^#:MAIL:.*\n", lambda found: found[0] + lines, text, flags=re.MULTILINE)
    return re.sub(r"^#:INFO:.*\n", lambda found: found[0] + off, text, flags=re.MULTILINE)


def _before_xinetd(folder: Path) -> None:
    _edit(folder / "daytime", lambda stock: stock.replace("disable\t\t= yes", "disable\t\t= no", 1))
    for name, title in (("imap", "IMAP"), ("pop3", "POP3")):
        program, arguments = MAIL_PROGRAMS[name]
        text = _PARAGRAPH.format(name=name, title=title, program=program, arguments=" ".join(arguments))
        (folder / name).write_text(text)


def _edit(path: Path, change: Callable[[str], str]) -> None:
    path.write_text(change(path.read_text()))
