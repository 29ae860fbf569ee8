"""Files that nobody would write on purpose, of the words that people do write: seeded, so that a run can be repeated.

`inetd_file` and `xinetd_files` make one case from a random.Random; any number of them can be had from different seeds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

from inet46.knowledge import InetdBuild
from tests.daemons.cases import INETD, SERVER, XINETD, left_to_chance
from tests.daemons.judge import Case

__all__ = ["inetd_file", "random_cases", "xinetd_files"]

_NAMES = ("daytime", "discard", "time", "echo", "imap", "imap2", "pop3", "finger", "tftp", "no-such-service")
_NUMBERS = ("13", "143", "7001", "7002", "65535")
_PREFIXES = (*("",) * 12, "*:", "0.0.0.0:", "127.0.0.1:", "127.0.0.2:", "[::1]:", "::1:", "[::]:", "127.0.0.1,127.0.0.2:")
_WAITS = ("nowait", "nowait", "wait", "nowait.40", "nowait.1", "wait.0", "nowiat", "nowait/5", "nowait:600", "NOWAIT")
_USERS = ("root", "root", "root", "nobody", "root.root", "root:root", "nobody.nogroup")
_SERVERS = (f"{SERVER} true", f"{SERVER} true", f"{SERVER} true", SERVER, SERVER, "true", f"{SERVER} true -a 'b c' \"d\" #e")
_OTHER_LINES = (
    "", "", " ", "\t", "# a comment\n# another", "#daytime\tstream\ttcp\tnowait\troot\tinternal", "#<off># imap stream tcp nowait root /x x",
    "\t# an indented comment", "  imap", "imap stream tcp", "127.0.0.1:", "*:", "daytime stream tcp nowait root", "\\", "{", ".include /x",
    "#@ ipsec ipsec-policy", "unix", "x" * 1200, "imap stream tcp nowait root /usr/bin/true true " + " ".join("abcdefghijklmnopqrstuvwxyz"),
)  # fmt: skip


def random_cases(seed: int, count: int, build: InetdBuild | None) -> list[Case]:
    """Make cases for an inetd, or for xinetd when there is no build of one."""
    return [_case(Random(f"{seed}/{number}"), build, f"random file {seed}/{number}") for number in range(count)]


def _case(random: Random, build: InetdBuild | None, label: str) -> Case:
    return Case(label, xinetd_files(random) if build is None else inetd_file(random, build))


def inetd_file(random: Random, build: InetdBuild) -> Mapping[str, str]:
    """An inetd.conf of up to a dozen lines; where the build reads /etc/inetd.d, sometimes a file there too."""
    files = {INETD: _inetd_text(random, build)}
    if "inetutils" in build.name and random.random() < 0.3:
        files[f"/etc/inetd.d/{random.choice(('mail', 'mail.dpkg-old', '.hidden', 'mail~'))}"] = _inetd_text(random, build)
    return files


def _inetd_text(random: Random, build: InetdBuild) -> str:
    lines = [_inetd_line(random, build) if random.random() < 0.8 else random.choice(_OTHER_LINES) for _ in range(random.randint(1, 12))]
    return _ended(random, lines)


def _ended(random: Random, lines: Sequence[str]) -> str:
    end = "\r\n" if random.random() < 0.06 else "\n"
    text = end.join(lines) + end
    return text if random.random() < 0.9 else text.removesuffix(end)


def _inetd_line(random: Random, build: InetdBuild) -> str:
    token = random.choice(build.tokens)
    kind = token.transport.socket_type if random.random() < 0.96 else random.choice(("stream", "dgram", "raw", "streem"))
    service = random.choice(_PREFIXES) + random.choice(_NAMES + _NUMBERS)
    wait = random.choice(_WAITS) if random.random() < 0.5 else "nowait" if kind == "stream" else "wait"
    server = "internal" if service in build.builtins and random.random() < 0.5 else random.choice(_SERVERS)
    server = "internal" if random.random() < 0.03 else server
    fields = [service, kind, token.name, wait, random.choice(_USERS), server]
    if random.random() < 0.03:
        del fields[random.randrange(len(fields))]
    gaps = [random.choice(("\t", "\t", " ", "  ", " \t")) for _ in fields]
    if random.random() < 0.05:
        gaps[random.randrange(len(gaps) - 1)] = random.choice(("\n\t", "\n ", "\\\n"))
    indent = random.choice((" ", "\t")) if random.random() < 0.03 else ""
    return indent + "".join(field + gap for field, gap in zip(fields, gaps, strict=True)).rstrip()


# -- xinetd ----------------------------------------------------------------------------------------------------------------------------

_IDS = ("a", "b", "A", "daytime", "imap", "imap-ipv6")
_ATTRIBUTES: Mapping[str, Sequence[str]] = {
    "flags": ("IPv4", "IPv6", "IPv6", "ipv6", "IPv4 IPv6", "REUSE", "REUSE IPv6", "IPv6 NOLIBWRAP"),
    "v6only": ("yes", "yes", "no"),
    "bind": ("0.0.0.0", "::", "127.0.0.1", "::1", "::ffff:127.0.0.1", "127.0.0.2", "not an address"),
    "interface": ("127.0.0.1", "::1"),
    "id": _IDS,
    "disable": ("no", "no", "no", "yes", "YES", "true"),
    "server_args": ("-a", "true -b 'c d'", "-a # not a comment"),
    "instances": ("60", "UNLIMITED", "few"),
    "per_source": ("10",),
    "cps": ("25 30", "25"),
    "nice": ("10",),
    "umask": ("022", "8"),
    "only_from": ("127.0.0.1", "::1", "10.0.0.0/8 ::1/128", ""),
    "no_access": ("192.0.2.1",),
    "log_on_failure": ("HOST", "USERID"),
    "log_type": ("SYSLOG daemon info",),
    "env": ("A=b C=d",),
    "rlimit_as": ("8M",),
    "group": ("root", "nogroup"),
    "groups": ("yes",),
    "access_times": ("08:00-18:00",),
    "scoket_type": ("stream",),
    "log_on_failer": ("HOST",),
}
_DEFAULTS = (
    "instances = 60", "cps = 25 30", "log_on_success = PID HOST", "log_type = SYSLOG authpriv", "only_from = 127.0.0.1 ::1", "v6only = yes",
    "v6only = no", "bind = ::1", "bind = ::", "enabled = daytime imap a", "enabled += b", "disabled = a daytime",
    "disabled += imap", "flags = IPv4", "user = root", "passenv = PATH", "# nothing",
)  # fmt: skip
_RUBBISH = (
    "}",
    "{",
    "rubbish",
    "service",
    "defaults",
    "# a comment",
    "",
    "   ",
    "includedir /etc/xinetd.d",
    "include /etc/more/extra",
    "include",
)


def xinetd_files(random: Random) -> Mapping[str, str]:
    """An xinetd.conf with defaults and includes, a folder of services, and sometimes an inetd.conf beside it."""
    main = [_defaults(random)] if random.random() < 0.5 else []
    main += [_paragraph(random) for _ in range(random.randint(0, 3))]
    main += ["includedir /etc/xinetd.d"] if random.random() < 0.8 else []
    if random.random() < 0.15:
        main.insert(random.randint(0, len(main)), random.choice(_RUBBISH))
    if random.random() < 0.1:
        main.append(_defaults(random))
    files = {XINETD: _ended(random, main)}
    for name in random.sample(("imap", "imap2", "daytime", "Zz", "a~", "old.conf", "#x#", "b-bak"), random.randint(0, 4)):
        paragraphs = [_paragraph(random) for _ in range(random.choice((1, 1, 1, 2)))]
        files[f"/etc/xinetd.d/{name}"] = _ended(random, paragraphs)
    if random.random() < 0.2:
        files["/etc/more/extra"] = _ended(random, [_paragraph(random)])
    if random.random() < 0.2:
        files[INETD] = _ended(random, [_compat_line(random) for _ in range(random.randint(1, 3))])
    return files


def _defaults(random: Random) -> str:
    lines = random.sample(_DEFAULTS, random.randint(0, 3))
    return "defaults\n{\n" + "".join(f"\t{line}\n" for line in lines) + "}"


def _paragraph(random: Random) -> str:
    stream = random.random() < 0.7
    attributes = {"socket_type": "stream" if stream else "dgram", "wait": "no" if stream else "yes", "user": "root", "server": SERVER}
    service = random.choice(_NAMES)
    if random.random() < 0.4:
        attributes["protocol"] = random.choice(("tcp", "tcp", "tcp6", "TCP")) if stream else "udp"
    if random.random() < 0.3:
        service, attributes["type"], attributes["port"] = f"x{random.choice('ab')}", "UNLISTED", random.choice(_NUMBERS)
        attributes.setdefault("protocol", "tcp" if stream else "udp")
    elif random.random() < 0.1:
        attributes["port"] = random.choice(_NUMBERS)
    if service in {"daytime", "discard", "time", "echo"} and random.random() < 0.3:
        attributes["type"] = "INTERNAL"
        del attributes["server"]
    lines = list(attributes.items())
    lines += [(name, random.choice(_ATTRIBUTES[name])) for name in random.choices(_COMMON, k=random.randint(0, 5))]
    said = {name: " ".join(value for other, value in lines if other == name) for name in ("flags", "v6only", "bind", "interface")}
    if left_to_chance(**said):
        lines = [line for line in lines if line[0] not in {"bind", "interface"}]
    random.shuffle(lines)
    if random.random() < 0.05:
        lines.remove(random.choice(lines))
    return _spelled(random, service, lines)


_COMMON = ("flags", "flags", "flags", "flags", "v6only", "v6only", "bind", "bind", "id", "id", "disable", "disable", *_ATTRIBUTES)


def _spelled(random: Random, service: str, lines: Sequence[tuple[str, str]]) -> str:
    told = []
    for name, value in lines:
        operator = "=" if random.random() < 0.97 else random.choice(("+=", "-=", ":="))
        gap = " " if random.random() < 0.98 else ""
        told.append(f"{random.choice(('', '    ', chr(9)))}{name}{gap}{operator} {value}".rstrip() if value else f"{name}{gap}{operator}")
        if random.random() < 0.03:
            told.append(random.choice(("", "# a comment", "   # another", "rubbish here", "}")))
    header = (
        f"service {service}" if random.random() < 0.97 else random.choice((f"Service {service} more", f"service {service} {{", "service"))
    )
    opening, closing = ("" if random.random() < 0.02 else "{", "" if random.random() < 0.02 else random.choice(("}", "}", "}", " }", "} ")))
    return "\n".join((header, opening, *told, closing))


def _compat_line(random: Random) -> str:
    name, kind = random.choice(_NAMES), random.choice(("stream", "stream", "dgram"))
    protocol = random.choice(("tcp", "tcp", "tcp6")) if kind == "stream" else "udp"
    user = random.choice(("root", "root", "nobody", "root.root"))
    return f"{name}\t{kind}\t{protocol}\t{'nowait' if kind == 'stream' else 'wait'}\t{user}\t{SERVER} true"
