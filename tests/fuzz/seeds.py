"""Where fuzzing begins: the cases and goldens of the other tests, answers of hosts, and the words of the formats."""

from __future__ import annotations

import functools
import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from inet46.errors import Unprovable
from inet46.formats.systemd.document import Link
from inet46.formats.xinetd.attributes import COUNTS
from inet46.formats.xinetd.values import FLAGS
from inet46.knowledge import HOSTS, INETD_BUILDS, PORTS, Host, InetdBuild, LaunchdBuild, SystemdBuild, XinetdBuild, resolve
from inet46.plan import plan
from inet46.service import Access, Builtin, Limits, Listener, Program, Service
from inet46.sockets import Family, Transport
from pyinfra_inet46.look import FileKind, encode_look
from pyinfra_inet46.reading import _ONCE, _TAKERS
from pyinfra_inet46.transaction import Result, Verdict
from pyinfra_inet46.verdict import Answered, write_verdict
from tests.fuzz.targets import joined
from tests.looks import INETUTILS, OPENBSD, XINETD, a_file, a_look, listening

__all__ = ["dictionary", "seeds"]

_HERE = Path(__file__).parent.parent
_LONGEST = 6000  # characters; mutations of longer texts are slow and find nothing else


@functools.cache
def seeds(kind: str) -> tuple[bytes, ...]:
    """The seeds of one kind, each once, in a fixed order."""
    made = {"files": _of_files, "hosts": _of_hosts, "models": _of_models, "looks": _of_looks, "verdicts": _of_verdicts}[kind]()
    return tuple(dict.fromkeys(made))


def _strings(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            yield from (text for item in value.values() for text in _strings(item))
        case list():
            yield from (text for item in value for text in _strings(item))


def _cases() -> Iterator[str]:
    """Every text in the case tables that looks like one of a configuration."""
    for path in sorted((_HERE / "cases").rglob("*.toml")):
        texts = _strings(tomllib.loads(path.read_text()))
        yield from (text for text in texts if "\n" in text or "\t" in text or re.search(r" (stream|dgram) |^[^ :]* = ", text))


def _goldens() -> Iterator[str]:
    for folder in (_HERE / "goldens", _HERE / "cases" / "cli"):
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.stat().st_size <= _LONGEST:
                yield path.read_bytes().decode("utf-8", "surrogateescape")


_SETTINGS = (
    'inetd_enable="YES"\ninetd_flags="-wW -C 60"\nipv6_ipv4mapping=\'YES\' # both\nif [ -r /x ]; then . /x; fi\n',
    'x=${y:-1}; case $x in a|b) inetd_enable=NO ;; esac\nfor i in 1 2; do x="$x$i"; done; f() { echo; }\nexport x=`date`\n',
    "net.ipv6.bindv6only = 1\n# comment\n-net/ipv4/x=2\nnet.ipv6.conf.*.x=1\nnet.inet6.ip6.v6only=0 # no\n; other\n",
    "imap 143/tcp imap2 # mail\nimaps 993/tcp\n",
    "[Socket]\nListenStream=143\nBindIPv6Only=ipv6-only\nAccept=yes\n[Install]\nWantedBy=sockets.target\n",
    '<?xml version="1.0"?>\n<plist version="1.0"><dict><key>Label</key><string>x</string></dict></plist>\n',
)


def _of_files() -> Iterator[bytes]:
    for text in (*_SETTINGS, *_cases(), *_goldens()):
        yield text[:_LONGEST].encode("utf-8", "surrogateescape")


def _kind(text: str) -> type:
    """Guess what reads a text."""
    if "<plist" in text:
        return LaunchdBuild
    if "[Socket]" in text or "[Service]" in text:
        return SystemdBuild
    return XinetdBuild if re.search(r"^\s*(service|defaults|includ)", text, re.MULTILINE) else InetdBuild


def _of_hosts() -> Iterator[bytes]:
    texts = list(dict.fromkeys((*_cases(), *_goldens())))
    kinds = [type(resolve(row.name).server) for row in HOSTS]
    for turn, text in enumerate(texts):
        kind = _kind(text)
        suits = [number for number, server in enumerate(kinds) if server is kind]
        yield bytes([suits[turn % len(suits)]]) + text[:_LONGEST].encode("utf-8", "surrogateescape")
    for number, row in enumerate(HOSTS):
        host = resolve(row.name)
        for files in _planned(host):
            yield bytes([number]) + joined({path: text for path, text in files.items() if not isinstance(text, Link)})[1:]
        folder = host.directory or "/etc/xinetd.d"
        text = texts[number % len(texts)][:_LONGEST]
        files = {host.config: f"includedir {folder}\n" if "xinetd" in host.name else text, f"{folder}/a": text}
        files |= {"/etc/hosts.allow": "imapd: 192.0.2. [2001:db8::]/32\n", "/etc/inetd.conf": text, "/etc/rc.conf": _SETTINGS[0]}
        yield bytes([number]) + joined(files)[1:]


_WISHES = (
    Service(name="imap", program=Program(path="/usr/sbin/imapd", args=("-x",)), greeting="* OK"),
    Service(name="pop3", program=Program(path="/usr/sbin/ipop3d"), listeners=(Listener(family=Family.IPV6, v6only=False),)),
    Service(name="echo", program=Builtin(builtin="echo"), listeners=(Listener(family=Family.IPV4),)),
    Service(name="tftp", transport=Transport.UDP, port=69, program=Program(path="/usr/sbin/tftpd"), user="nobody"),
    Service(name="mine", port=7777, program=Program(path="/usr/bin/mine"), listeners=(Listener(family=Family.IPV4, address="127.0.0.1"),)),
    Service(
        name="imaps", program=Program(path="/x"), limits=Limits(instances=5, nice=3, umask=0o22), access=Access(ipv4=("192.0.2.0/24",))
    ),
)


def _planned(host: Host) -> Iterator[dict[str, str]]:
    """Files that are right: each service alone where it can be planned, and all of those together."""
    good: list[Service] = []
    for service in _WISHES:
        try:
            yield dict(plan([service], host).files)
        except Unprovable:
            continue
        good.append(service)
    yield dict(plan(good, host).files)


def _of_models() -> Iterator[bytes]:
    for folder in (_HERE.parent / "docs", _HERE / "cases", _HERE / "goldens", _HERE.parent / "inventories"):
        for path in sorted(folder.rglob("*")):
            if path.suffix in {".toml", ".yaml", ".json"} and path.stat().st_size <= _LONGEST:
                yield path.read_bytes()
    yield b'[[service]]\nname = "imap"\n[service.program]\npath = "/usr/sbin/imapd"\nargs = ["-x"]\n[service.limits]\nnice = 1\n'
    yield b"services:\n- &a {name: imap, port: 143, program: {path: /usr/sbin/imapd}}\n- <<: *a\n  name: pop3\n  port: 0x6e\n"
    yield b'{"services": [{"name": "imap", "program": {"builtin": "echo"}, "listeners": [{"family": "ipv6", "v6only": true}]}]}'
    yield b'{"name": "debian-12/xinetd", "sharing": "mapped", "settings": {"net.ipv6.bindv6only": 1}}'


def _of_looks() -> Iterator[bytes]:
    verdict = _verdicts()[0]
    for server in (OPENBSD, INETUTILS, XINETD):
        for sockets in ((), (listening(), listening("::"))):
            files = {
                "/etc/inetd.conf": "imap stream tcp nowait root /usr/sbin/imap4d imap4d\n",
                "/etc/xinetd.conf": "defaults\n{\n}\nincludedir /etc/xinetd.d\n",
                "/etc/xinetd.d/imap": "service imap\n{\n disable = no\n socket_type = stream\n wait = no\n user = root\n server = /x\n}\n",
            }
            look = a_look(server, files, sockets, last_verdict=verdict, journal_pending="20260101T000000-1-00", lock_holder="42 web1")
            yield "\n".join(encode_look(look)).encode("utf-8", "surrogateescape")
    odd = (a_file("/etc/inetd.conf", resolved="/srv/inetd.conf"), a_file("/x", kind=FileKind.TOO_LARGE, content=None))
    yield "\n".join(encode_look(a_look(files={}, sockets=(listening(pids=(), command=None),)))).encode()
    yield "\n".join(encode_look(a_look(files={}).__class__(system="FreeBSD", release="14.0-RELEASE", files=odd))).encode()


def _verdicts() -> list[Verdict]:
    made: dict[str, Any] = {
        "id": "20260101T000000-1-00",
        "step": "verify",
        "reason": "143/tcp does not answer",
        "state": "all is as before",
    }
    made["answered"] = (Answered(family="ipv4", address="127.0.0.1", port=143, greeting="* O"),)
    return [
        Verdict(result=result, recovered=True, seconds=1.5, sockets=(listening(),), log=("xinetd: x",), proof="python3", **made)
        for result in Result
    ]


def _of_verdicts() -> Iterator[bytes]:
    for verdict in _verdicts():
        yield "\n".join(write_verdict(verdict)).encode()


@functools.cache
def dictionary() -> tuple[bytes, ...]:
    """The words of the formats, those that the seeds say often, and what hurts readers."""
    words: Counter[str] = Counter()
    for kind in ("files", "models", "looks", "verdicts"):
        for seed in seeds(kind):
            words.update(set(re.findall(r"[^\s]{1,40}", seed.decode("utf-8", "surrogateescape"))))
    known: Mapping[str, None] = dict.fromkeys(
        (
            *(word for word, count in words.most_common(1500) if count > 1),
            *COUNTS, *FLAGS, *(key.partition("/")[0] for key in PORTS), *_ONCE, *_TAKERS,
            *(token.name for build in INETD_BUILDS.values() for token in build.tokens),
        )
    )  # fmt: skip
    return (*(word.encode("utf-8", "surrogateescape") for word in known), *_HARD)


_HARD = (
    *(bytes([code]) for code in range(33)), b"\x7f", b"\x80", b"\xff", b"\xc3", "\u2028".encode(), "\x85".encode(), "\ufeff".encode(),
    b"\r\n", b"\n\t", b"\n}", b"{\n", b"{\n}\n", b"\\\n", b"#", b"'", b'"', b"`", b"$(", b"${", b"$((", b"<<", b";;", b"(", b")", b"}", b"{",
    b"0", b"-1", b"65535", b"65536", b"99999999999999999999", b"9" * 400, b"0x7f", b"\xd9\xa3", b"1e999", b"nan", b"inf", b"0143", b"1_0",
    b"::1", b"::ffff:1.2.3.4", b"fe80::1%eth0", b"0.0.0.0", b"127.0.0.01", b"[::]", b"*", b"&a", b"*a", b"<<: ", b"!!python/object:x", b"---\n",
    b"a" * 1024, b"x" * 8192, b"[" * 300, b"{" * 300, b"(" * 300, b'{"a":' * 200, b"- " * 200, b"/" * 100, b"../" * 20, b"\x1c\n", b"if x; then ",
)  # fmt: skip
