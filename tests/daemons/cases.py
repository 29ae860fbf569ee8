"""Files of which every combination is tried: protocol tokens, addresses, flags, ids, defaults.

A scene is what is written for one service, with `{name}` and `{number}` where the service stands. Scenes that have nothing to do with one
another share a file, each with a service of its own: the daemon is then started once for all of them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence

from inet46.knowledge import InetdBuild, Token
from tests.daemons.judge import Case

__all__ = [
    "INETD",
    "SERVER",
    "XINETD",
    "compat_files",
    "default_files",
    "inetd_line",
    "inetd_pairs",
    "inetd_singles",
    "left_to_chance",
    "paragraph",
    "together",
    "xinetd_pairs",
    "xinetd_singles",
]

INETD = "/etc/inetd.conf"
XINETD = "/etc/xinetd.conf"
SERVER = "/usr/bin/true"

# The image's /etc/services has these for tcp and udp.
_SERVICES = (("echo", 7), ("discard", 9), ("daytime", 13), ("chargen", 19), ("time", 37), ("domain", 53), ("kerberos", 88), ("sunrpc", 111))
_ADDRESSES = ("", "*:", "0.0.0.0:", "127.0.0.1:", "[::1]:", "::1:", "[::]:", "127.0.0.1,127.0.0.2:")


def together(label: str, scenes: Iterable[str], path: str, head: str = "") -> list[Case]:
    """Put scenes into files, one scene for each service that is at hand."""
    cases, left = [], list(scenes)
    while left:
        group, left = left[: len(_SERVICES)], left[len(_SERVICES) :]
        texts = [_told(scene, *service) for scene, service in zip(group, _SERVICES, strict=False)]
        cases.append(Case(label, {path: head + "".join(texts)}))
    return cases


def _told(scene: str, name: str, number: int) -> str:
    return scene.replace("{name}", name).replace("{number}", str(number))


# -- inetd.conf ------------------------------------------------------------------------------------------------------------------------


def inetd_line(service: str, token: Token, *, server: str = f"{SERVER} true") -> str:
    """A line of inetd.conf as people write it."""
    kind = token.transport.socket_type
    return f"{service}\t{kind}\t{token.name}\t{'nowait' if kind == 'stream' else 'wait'}\troot\t{server}\n"


def _lines(build: InetdBuild, prefixes: Iterable[str] = ("",), services: Iterable[str] = ("{name}", "{number}")) -> list[str]:
    combinations = itertools.product(prefixes, services, build.tokens)
    return [inetd_line(f"{prefix}{service}", token) for prefix, service, token in combinations]


def inetd_singles(build: InetdBuild) -> list[Case]:
    """Every token with a name and with a number, at every address; and as a service that inetd performs itself. Each in its own file."""
    internal = [inetd_line("{name}", token, server="internal") for token in build.tokens]
    return [Case("one line", {INETD: _told(line, "daytime", 13)}) for line in (*_lines(build, _ADDRESSES), *internal)]


def inetd_pairs(build: InetdBuild) -> list[Case]:
    """Every ordered pair of lines for one port; then pairs of which one or both have an address."""
    pairs = itertools.product(_lines(build), repeat=2)
    addressed = [line for line in _lines(build, _ADDRESSES[2:6], ["{number}"]) if "stream" in line]
    plain = [line for line in _lines(build, services=["{number}"]) if "stream" in line]
    mixed = itertools.chain(
        itertools.product(addressed, plain), itertools.product(plain, addressed), itertools.product(addressed, repeat=2)
    )
    return together("two lines", ("".join(pair) for pair in itertools.chain(pairs, mixed)), INETD)


# -- xinetd ----------------------------------------------------------------------------------------------------------------------------

_FLAGS = ("", "IPv4", "IPv6", "IPv4 IPv6")
_V6ONLY = ("", "yes", "no")
_BINDS = ("", "0.0.0.0", "::", "127.0.0.1", "::1", "::ffff:127.0.0.1")
# What people write, and what they write by mistake.
_SENSIBLE = (
    *({"flags": flags, "v6only": v6only} for flags in _FLAGS for v6only in ("", "yes")),
    *({"bind": bind} for bind in _BINDS[1:]),
    {"flags": "IPv4", "bind": "::1"},
)


def paragraph(service: str, *, transport: str = "tcp", **attributes: str) -> str:
    """A paragraph of xinetd; an attribute without a value is left out."""
    usual = {
        "socket_type": "stream" if transport == "tcp" else "dgram",
        "protocol": transport,
        "wait": "no" if transport == "tcp" else "yes",
        "user": "root",
        "server": SERVER,
    }
    lines = [f"\t{name} = {value}\n" for name, value in {**usual, **attributes}.items() if value]
    return f"service {service}\n{{\n{''.join(lines)}}}\n"


def left_to_chance(flags: str = "", bind: str = "", interface: str = "", **_: str) -> bool:
    """True where xinetd binds what happens to stand in its memory: an IPv4 address is copied into a larger union of which all is used."""
    return "ipv6" in flags.lower() and any("." in address and ":" not in address for address in f"{bind} {interface}".split())


def xinetd_singles() -> list[Case]:
    """Flags, v6only and bind in every combination, over both transports, by name and UNLISTED."""
    combinations = itertools.product(("tcp", "udp"), _FLAGS, _V6ONLY, _BINDS)
    all_told = [{"transport": t, "flags": flags, "v6only": v6only, "bind": bind} for t, flags, v6only, bind in combinations]
    told = [one for one in all_told if not left_to_chance(**one)]
    named = together("one paragraph", (paragraph("{name}", **one) for one in told), XINETD)
    return named + together("UNLISTED", (paragraph("x{number}", type="UNLISTED", port="{number}", **one) for one in told), XINETD)


def xinetd_pairs() -> list[Case]:
    """Every ordered pair of the sensible paragraphs for one port, with ids and without."""
    scenes = []
    for transport, ids in itertools.product(("tcp", "udp"), (("", ""), ("a-{name}", "b-{name}"), ("{name}", "B-{name}"))):
        for first, second in itertools.product(_SENSIBLE, repeat=2):
            one, two = ({"transport": transport, "id": name, **told} for name, told in zip(ids, (first, second), strict=True))
            scenes.append(paragraph("{name}", **one) + paragraph("{name}", **two))
    return together("two paragraphs", scenes, XINETD)


def default_files() -> list[Case]:
    """What stands in defaults, before and after services that say it themselves or do not."""
    more: Sequence[Mapping[str, str]] = ({}, {"disable": "yes"}, {"disable": "no", "id": "other"})
    cases = []
    for told in _defaults():
        bind = {"bind": told[0].removeprefix("bind = ")} if told[0].startswith("bind") else {}
        known = [one for one in _SENSIBLE if not left_to_chance(**bind | one)]
        services = [paragraph("{name}", **one, **also) for one, also in itertools.product(known, more)]
        head = "defaults\n{\n" + "".join(f"\t{line}\n" for line in told) + "}\n"
        cases += together("defaults", services, XINETD, head)
        for case in together("defaults last", services[:: len(_SERVICES)], XINETD):
            cases.append(Case(case.label, {XINETD: case.files[XINETD] + head}))
    return cases


def _defaults() -> Iterator[Sequence[str]]:
    yield from (["v6only = yes"], ["v6only = no"], ["instances = 60", "cps = 25 30"])
    yield from ([f"bind = {address}"] for address in _BINDS[1:])
    names = [name for name, _ in _SERVICES]
    yield from ([f"disabled = {' '.join(names[::2])}"], [f"enabled = {' '.join(names[::2])}"], ["disabled = OTHER"], ["enabled = Other"])
    yield [f"enabled = {' '.join(names[:4])}", f"disabled = {' '.join(names[2:6])}"]
    yield ["flags = IPv4", "no_such_attribute = 1"]


_BUILTINS = [
    *(f"{service} stream tcp nowait root" for service in ("tcpmux", "tcpmux/imap", "discard", "echo", "time", "no-such", "NO-SUCH")),
    *(f"{service} stream {protocol} nowait {user}" for service in ("tcpmux", "no-such") for protocol, user in (
        ("udp", "root"), ("SCTP", "root"), ("nosuch", "root"), ("tcp", "nosuch"), ("SCTP", "nosuch"), ("tcp", "root.nosuch"), ("tcp", "root:sys")
    )),
    "tcpmux dgram udp wait root", "tcpmux raw tcp nowait root", "tcpmux stream tcp nowait. root", "no-such raw icmp nowait root",
    "echo stream SCTP nowait root", "discard stream SCTP nowait root", "no-such nosuch tcp nowait root",
]  # fmt: skip


def compat_files(build: InetdBuild) -> list[Case]:
    """inetd.conf beside xinetd.conf: every token alone, then each with every sensible paragraph for the same port."""
    cases = []
    for number, scene in enumerate(_lines(build)):
        line = _told(scene, "daytime", 13)
        cases.append(Case("inetd_compat alone", {XINETD: "", INETD: line}))
        if number % len(build.tokens) in {0, 1, len(build.tokens) // 2}:
            both = (Case("inetd_compat", {XINETD: paragraph("daytime", **told), INETD: line}) for told in _SENSIBLE)
            cases += [*both, Case("inetd_compat, disabled", {XINETD: paragraph("daytime", disable="yes"), INETD: line})]
    for line in _BUILTINS:
        builtin = f"{line} internal\n"
        for told in ("log_type = SYSLOG authpriv", "log_type = FILE /dev/null", "disabled = a daytime", "enabled = daytime"):
            cases.append(Case("inetd_compat, built-in", {XINETD: f"defaults\n{{\n\t{told}\n}}\n", INETD: builtin}))
    return cases
