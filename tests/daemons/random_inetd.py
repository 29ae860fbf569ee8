"""Random files for the daemons that read an inetd.conf, and for xinetd's own reading of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

from inet46.knowledge import InetdBuild
from tests.daemons.cases import INETD, SERVER
from tests.daemons.words import ended, of, some

__all__ = ["compat_text", "inetd_files"]

# Not domain: a daemon that listens there waits for its own answer when it looks up a name.
_NAMES = (*("daytime", "discard", "time", "echo", "imap", "imap2", "pop3", "finger", "tftp", "tcpmux"), "no-such-service", "IMAP")
_NUMBERS = ("13", "143", "7001", "7001", "7002", "7002", "4464", "65535")
_ODD_NUMBERS = ("0", "70000", "99999", "65536", "007001", "4294967295", "4294974297", "18446744073709551615", "9" * 40)
_PREFIXES = ("*:", "0.0.0.0:", "127.0.0.1:", "127.0.0.2:", "[::1]:", "::1:", "[::]:", "::0:", "127.0.0.1,127.0.0.2:", "localhost:")
_ODD_PREFIXES = (
    *("both.test:", "only4.test:", "two.test:", "nowhere.test:", "ip6-localhost:", "127.0.0.1,::1:", "both.test,127.0.0.4:", "two.test,::1:"),
    *(",127.0.0.1:", "127.0.0.3,:", ":", "[*]:", "*,127.0.0.1:", "[::1],127.0.0.1:", "::ffff:127.0.0.1:", "[::ffff:127.0.0.1]:", "::ffff:0.0.0.0:"),
    *("127.0.0.1,127.0.0.1:", "[localhost]:", "no such host:", "127.0.0.1::"),
)  # fmt: skip
# What people write as a protocol: facts/inetd.md, sections 1 and 10. The build's own tokens are written far more often.
_PROTOCOLS = (
    *("tcp4", "tcp6", "tcp46", "tcp64", "tcp6only", "udp4", "udp6", "udp46", "udp64", "udp6only", "tcp5", "udp5", "TCP", "UDP", "TCP6", "Tcp"),
    *("sctp", "sctp6", "SCTP", "tcp6x", "tcp46x", "tcp4only", "tcpmux", "udplite", "icmp", "ip", "foo", "protocol", "tcp6/faith", "faith/tcp6"),
    *("tcp,rcvbuf=64k", "tcp4,sndbuf=1m,rcvbuf=8k", "udp6,rcvbuf=8k", "tcp,rcvbuf", "tcp,rcvbuf=k", "tcp,buf=8k", "tcp/ttcp", "tcp:max=3"),
)  # fmt: skip
_RPC = ("rpc/tcp", "rpc/tcp4", "rpc/tcp6", "rpc/udp", "rpc/tcp46")
_RPC_SERVICES = ("rusers/1-3", "rusersd/2", "100/1", "rusers", "rusers/3-1", "70000/1", "rstatd/0x2-4", "127.0.0.1:mountd/3", "sprayd/x")
_WAITS = ("nowait", "nowait", "wait", "nowait.40", "nowait.1", "wait.0", "nowiat", "nowait/5", "nowait:600", "NOWAIT", "nowait.", "wait.x")
_USERS = ("root", "root", "root", "nobody", "root.root", "root:root", "nobody.nogroup")
_ODD_USERS = (
    "no-such-user",
    "root.no-such-group",
    "root:no-such-group",
    "root:",
    "root.",
    ":root",
    "0",
    "65534",
    "root:root.root",
    "daemon/x",
)
_SERVERS = (f"{SERVER} true", f"{SERVER} true", f"{SERVER} true", SERVER, SERVER, f"{SERVER} true -a 'b c' \"d\" #e")
_ODD_SERVERS = (
    *("true", "bin/true -a", "/usr/bin/", "/usr/bin/no-such-program", f"{SERVER} true 'never closed", f"{SERVER} # nothing", "internal -a"),
    f"{SERVER} true {' '.join('abcdefghijklmnopqrstuvwxyz')}",
    f"{SERVER} true {'word ' * 300}",
)  # fmt: skip
_OTHER_LINES = (
    *("", "", " ", "\t", "# a comment\n# another", "#daytime\tstream\ttcp\tnowait\troot\tinternal", "#<off># imap stream tcp nowait root /x x"),
    *("\t# an indented comment", "  imap", "imap stream tcp", "127.0.0.1:", "::1:", "localhost:", "daytime stream tcp nowait root", "\\", "{"),
    *(".include /x", "#@ ipsec ipsec-policy", "unix", "\f", "\v", "\r", "a\0b", "# a\0b", "imap\0 stream tcp nowait root /x x", "#:MAIL: mail"),
    *("imap on protocol = tcp;", "<" * 7 + " HEAD", "$SERVICE stream tcp nowait root $SERVER", "\ufeff# a mark", "caf\udce9", "/run/x.sock stream"),
    *("x" * 1200, "#" + "x" * 1022 + "7001 stream tcp4 nowait root /usr/bin/true", "#" + "x" * 20000, "y" * 20000),
    f"7002 stream tcp4 nowait root {SERVER} {'z' * 20000}",
)  # fmt: skip
_FOLDER = ("mail", "mail.dpkg-old", ".hidden", "mail~", "#mail#", "90-more", "sub/mail")


def inetd_files(random: Random, build: InetdBuild) -> Mapping[str, str]:
    """An inetd.conf of up to a dozen lines; where the build reads /etc/inetd.d, sometimes files there too."""
    if "inetutils" not in build.name or random.random() < 0.6:
        return {INETD: _text(random, build, _NAMES, _NUMBERS)}
    # Each file has services of its own, most of the time: in which order the files are read is not known.
    files = {INETD: _text(random, build, _NAMES[:6], _NUMBERS)} if random.random() < 0.7 else {}
    for name, own, number in zip(random.sample(_FOLDER, random.randint(1, 2)), (_NAMES[6:8], _NAMES[8:9]), ("7003", "7004"), strict=False):
        files[f"/etc/inetd.d/{name}"] = _text(random, build, own, (number,), mean=2)
    return files


def _text(random: Random, build: InetdBuild, names: Sequence[str], numbers: Sequence[str], *, mean: int = 6) -> str:
    lines = [
        _line(random, build, names, numbers) if random.random() < 0.8 else _other_line(random, build)
        for _ in range(random.randint(1, 2 * mean))
    ]
    return ended(random, lines)


def _other_line(random: Random, build: InetdBuild) -> str:
    # inetutils uses memory that it has freed: what becomes of the lines below is not to be known.
    ends = "*:" if build.default_host_ends or random.random() < 0.1 else ""
    return random.choice((*_OTHER_LINES, ends))


def _line(random: Random, build: InetdBuild, names: Sequence[str], numbers: Sequence[str]) -> str:
    token = random.choice(build.tokens)
    protocol, kind = token.name, token.transport.socket_type
    if random.random() < 0.12:
        protocol = random.choice(_PROTOCOLS)
        kind = "dgram" if protocol.lower().startswith("udp") else "stream"
    if random.random() < 0.04:
        kind = random.choice(("stream", "dgram", "raw", "rdm", "seqpacket", "streem", "STREAM"))
    service = of(random, (*names, *numbers), _ODD_NUMBERS, 0.02)
    if random.random() < 0.25:
        service = of(random, _PREFIXES, _ODD_PREFIXES, 0.3) + service
    match of(random, ("plain",), ("rpc", "unix", "tcpmux"), 0.05):
        case "rpc":
            service, protocol = random.choice(_RPC_SERVICES), random.choice(_RPC)
        case "unix":
            service, protocol = "/run/inet46.sock", "unix"
        case "tcpmux":
            service = random.choice(("tcpmux", "tcpmux/imap", "tcpmux/+pop3", "tcpmux/echo", "127.0.0.1:tcpmux/imap", "tcpmux/no-such"))
            protocol, kind = of(random, ("tcp", "tcp4"), (protocol,), 0.2), of(random, ("stream",), ("dgram",), 0.1)
    return _spelled(random, build, service, kind, protocol)


def _spelled(random: Random, build: InetdBuild, service: str, kind: str, protocol: str) -> str:
    wait = random.choice(_WAITS) if random.random() < 0.4 else "nowait" if kind == "stream" else "wait"
    name = service.rpartition(":")[2].removeprefix("tcpmux/")
    server = "internal" if name in build.builtins and random.random() < 0.5 else of(random, _SERVERS, _ODD_SERVERS, 0.08)
    server = "internal" if random.random() < 0.02 else server
    fields = [service, kind, protocol, wait, of(random, _USERS, _ODD_USERS, 0.05), server]
    if random.random() < 0.03:
        del fields[random.randrange(len(fields))]
    gaps = [random.choice(("\t", "\t", " ", "  ", " \t")) for _ in fields]
    if random.random() < 0.05:
        gaps[random.randrange(len(gaps) - 1)] = random.choice(("\n\t", "\n ", "\n\n\t", "\n# a comment\n\t", "\\\n", "\n"))
    indent = random.choice((" ", "\t")) if random.random() < 0.03 else ""
    return indent + "".join(field + gap for field, gap in zip(fields, gaps, strict=True)).rstrip()


def compat_text(random: Random, build: InetdBuild) -> str:
    """An inetd.conf that xinetd serves as well; a short line is the only one, because xinetd takes its other words from the one before."""
    if random.random() < 0.02:
        return ended(random, ["# short", random.choice(("imap", "imap stream", "imap\tstream"))])
    return ended(random, [_compat_line(random, build) for _ in range(random.randint(1, 3))])


def _compat_line(random: Random, build: InetdBuild) -> str:
    token = random.choice([token for token in build.tokens if token.opens])
    protocol = of(random, (token.name,), _PROTOCOLS, 0.15)
    kind = of(random, (token.transport.socket_type,), ("raw", "streem", "STREAM"), 0.04)
    service = of(random, _NAMES, (*_NUMBERS, "127.0.0.1:imap", "tcpmux/imap"), 0.1)
    wait = of(random, ("nowait",) if kind == "stream" else ("wait",), _WAITS, 0.15)
    user = of(random, ("root", "root", "nobody", "root.root"), _ODD_USERS, 0.08)
    server = (
        "internal" if service in build.builtins and random.random() < 0.3 else of(random, _SERVERS, (*_ODD_SERVERS[:6], "internal"), 0.1)
    )
    other = some(random, ("# a comment", "", "  # another", "\t", "#<off># pop3 stream tcp nowait root /x x"), 0.15)
    return f"{other}{service}\t{kind}\t{protocol}\t{wait}\t{user}\t{server}"
