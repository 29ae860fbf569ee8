"""Random files for xinetd: an xinetd.conf with what it includes, and sometimes an inetd.conf beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

from inet46.knowledge import InetdBuild
from tests.daemons.cases import INETD, SERVER, XINETD, left_to_chance
from tests.daemons.random_inetd import compat_text
from tests.daemons.words import ended, of

__all__ = ["xinetd_files"]

_NAMES = ("daytime", "discard", "time", "echo", "imap", "imap2", "pop3", "finger", "tftp")
_ODD_NAMES = ("no-such-service", "IMAP", "tcpmux", "143", "sensor", "rusersd", "127.0.0.1:imap", "imap/tcp", "\udce9")
_NUMBERS = ("13", "143", "7001", "7001", "7002", "65535")
_ODD_NUMBERS = ("0", "70000", "65536", "-1", "imap", "0x10", "007001", "+7001", "7001x")
_IDS = ("a", "b", "A", "daytime", "imap", "imap-ipv6", "time-dgram")
_ATTRIBUTES: Mapping[str, Sequence[str]] = {
    "flags": ("IPv4", "IPv6", "IPv6", "ipv6", "IPv4 IPv6", "REUSE", "REUSE IPv6", "IPv6 NOLIBWRAP", "NODELAY KEEPALIVE", "IDONLY"),
    "v6only": ("yes", "yes", "no"),
    "bind": ("0.0.0.0", "::", "127.0.0.1", "::1", "::ffff:127.0.0.1", "127.0.0.2", "localhost", "both.test", "only4.test", "ip6-localhost"),
    "interface": ("127.0.0.1", "::1"),
    "id": _IDS,
    "disable": ("no", "no", "no", "yes", "YES"),
    "server_args": ("-a", "true -b 'c d'", "-a # not a comment"),
    "instances": ("60", "UNLIMITED", "unlimited"),
    "per_source": ("10", "UNLIMITED"),
    "cps": ("25 30", "100 10"),
    "nice": ("10", "-5"),
    "umask": ("022",),
    "only_from": ("127.0.0.1", "::1", "10.0.0.0/8 ::1/128", "localhost", ".example.org", ""),
    "no_access": ("192.0.2.1",),
    "log_on_failure": ("HOST", "USERID", "host attempt"),
    "log_on_success": ("HOST PID", "DURATION EXIT"),
    "log_type": ("SYSLOG daemon info", "FILE /run/inet46.log", "syslog authpriv"),
    "env": ("A=b C=d",),
    "passenv": ("PATH", "NO_SUCH_VARIABLE"),
    "rlimit_as": ("8M", "UNLIMITED"),
    "rlimit_files": ("100",),
    "group": ("root", "nogroup", "0"),
    "groups": ("yes",),
    "access_times": ("08:00-18:00",),
    "banner": ("/etc/motd",),
    "deny_time": ("NEVER", "10"),
    "max_load": ("2.5",),
    "libwrap": ("imapd",),
    "redirect": ("127.0.0.1 143", "::1 143", "localhost imap"),
}
# What a value must not be, and what is no attribute at all.
_ODD_ATTRIBUTES: Mapping[str, Sequence[str]] = {
    "flags": ("IPv4 IPv5", "BOGUS", "", "SENSOR", "INTERCEPT", "NAMEINARGS", "NAMEINARGS IPv4", "LABELED", "IPv6, IPv4", "DISABLE"),
    "v6only": ("maybe", "1", "yes no"),
    "bind": ("not an address", "nowhere.test", "two.test", "300.1.1.1", "lo", "[::1]", ":::", "127.0.0.1 ::1", "", "0::1"),
    "interface": ("eth0",),
    "id": ("a b", ""),
    "disable": ("true", "no yes", "1", ""),
    "wait": ("maybe", "true", "nowait"),
    "user": ("no-such-user", "root # who", "0", "root.root", "4294967295", ""),
    "group": ("no-such-group", "root wheel"),
    "server": ("/usr/bin/no-such-program", "true", "/etc/passwd", "/usr/bin", "/usr/bin/", "usr/bin/true", f"{SERVER} -a"),
    "protocol": ("tcp6", "tcp46", "udp6", "TCP", "UDP", "sctp", "icmp", "foo", "tcp udp", "rpc/tcp", ""),
    "socket_type": ("STREAM", "raw", "seqpacket", "streem", "rdm", "stream dgram"),
    "port": _ODD_NUMBERS,
    "type": (
        "BOGUS",
        "",
        "INTERNAL",
        "UNLISTED",
        "SPECIAL",
        "UNLISTED INTERNAL",
        "TCPMUX",
        "UNLISTED TCPMUXPLUS",
        "UNLISTED BOGUS",
        "unlisted",
    ),
    "server_args": ("",),
    "instances": ("few", "-1", "", "60 70"),
    "per_source": ("x",),
    "cps": ("25", "x y", "5 y"),
    "nice": ("x", "99"),
    "umask": ("8", "1000", "x"),
    "only_from": ("127.0.0.1,::1", "nowhere.test", "127.0.0.1/33", "127.{0,1}"),
    "log_on_success": ("TRAFFIC", "x", "HOST x", "traffic"),
    "log_on_failure": ("RECORD",),
    "log_type": ("x", "SYSLOG nobody", "FILE", "", "FILE /run/l 5 4"),
    "env": ("x", "A=b c"),
    "rlimit_cpu": ("8M", "x"),
    "rlimit_stack": ("x", "1G"),
    "groups": ("maybe",),
    "access_times": ("25:00", "18:00-8:00", ""),
    "deny_time": ("x",),
    "max_load": ("x", "0"),
    "redirect": ("127.0.0.1", "127.0.0.1 no-such-service", "127.0.0.1 70000", "nowhere.test 143", "x:y 143", "127.0.0.1 0"),
    "rpc_version": ("2",),
    "mdns": ("yes",),
    "scoket_type": ("stream",),
    "log_on_failer": ("HOST",),
    "enabled": ("imap",),
    "defaults": ("yes",),
}
_DEFAULTS = (
    *("instances = 60", "cps = 25 30", "log_on_success = PID HOST", "log_type = SYSLOG authpriv", "only_from = 127.0.0.1 ::1", "v6only = yes"),
    *("v6only = no", "bind = ::1", "bind = ::", "bind = localhost", "interface = 127.0.0.1", "enabled = daytime imap a", "enabled += b"),
    *("disabled = a daytime", "disabled += imap", "disabled -= imap", "flags = IPv4", "user = root", "passenv = PATH", "# nothing", ""),
    *("log_on_success += HOST", "only_from += 10.0.0.1", "only_from -= ::1", "disabled =", "per_source = 5", "umask = 022", "groups = yes"),
    *("banner = /etc/motd", "max_load = 5", "instances = 5 6", "cps = 5", "bind = both.test", "no_such = 1", "disable = yes", "id = x"),
)  # fmt: skip
# Each of these ends the daemon.
_FATAL = (
    *("instances = few", "v6only = maybe", "cps = x y", "umask = 9", "bind = nowhere.test", "bind = 1.2.3.400", "log_on_success = HOST x"),
    *("log_type = x", "log_type =", "only_from = 127.0.0.1,::1", "per_source = -1", "groups = 1", "max_load = 0"),
)  # fmt: skip
_RUBBISH = (
    *("}", "{", "rubbish", "service", "defaults", "# a comment", "", "   ", "includedir /etc/xinetd.d", "include /etc/more/extra", "include"),
    *("includedir /etc/more", "include /etc/more", "includedir /nowhere", "include /etc/xinetd.d/imap", "includedir", "\f", "a\0b", "# a\0b"),
    *("#" + "x" * 20000, "x" * 20000, "#" + "x" * 9000, "\ufeff", "service imap {", "Include /etc/more/extra and more", "\tinclude /etc/more/extra"),
)  # fmt: skip
_FILES = ("imap", "imap2", "daytime", "Zz", "a~", "old.conf", "#x#", "b-bak", "c,v", "imap.dpkg-old", ".hidden", "10x", "9x", "sub/imap")


def xinetd_files(random: Random, compat: InetdBuild) -> Mapping[str, str]:
    """An xinetd.conf with defaults and includes, a folder of services, and sometimes an inetd.conf beside it."""
    files = {}
    for name in random.sample(_FILES, random.randint(0, 4)):
        parts = [_paragraph(random) for _ in range(random.choice((1, 1, 1, 2)))]
        parts += [_defaults(random)] if random.random() < 0.06 else []
        parts += [random.choice(_RUBBISH)] if random.random() < 0.05 else []
        files[f"/etc/xinetd.d/{name}"] = ended(random, parts)
    if random.random() < 0.25:
        more = ["includedir /etc/xinetd.d"] if random.random() < 0.1 else []
        files["/etc/more/extra"] = ended(random, [_paragraph(random), *more])
    if random.random() < 0.2:
        files[INETD] = compat_text(random, compat)
    return {XINETD: _main(random), **files}


def _main(random: Random) -> str:
    main = [_defaults(random)] if random.random() < 0.5 else []
    main += [_paragraph(random) for _ in range(random.randint(0, 3))]
    main += ["includedir /etc/xinetd.d"] if random.random() < 0.8 else []
    main += ["include /etc/more/extra"] if random.random() < 0.1 else []
    if random.random() < 0.15:
        main.insert(random.randint(0, len(main)), random.choice(_RUBBISH))
    if random.random() < 0.1:
        main.append(_defaults(random))
    return ended(random, main)


def _defaults(random: Random) -> str:
    lines = random.sample(_DEFAULTS, random.randint(0, 4))
    if random.random() < 0.03:
        lines.insert(random.randint(0, len(lines)), random.choice(_FATAL))
    if random.random() < 0.03:
        lines.insert(random.randint(0, len(lines)), random.choice(("rubbish here", "rubbish", "bind=::1", "}", "{")))
    return "\n".join(
        (of(random, ("defaults",), ("Defaults", "defaults more", "DEFAULTS"), 0.1), "{", *(f"\t{line}" for line in lines), "}")
    )


def _paragraph(random: Random) -> str:
    stream = random.random() < 0.7
    usual = {"socket_type": "stream" if stream else "dgram", "wait": "no" if stream else "yes", "user": "root", "server": SERVER}
    service = of(random, _NAMES, _ODD_NAMES, 0.05)
    if random.random() < 0.4:
        usual["protocol"] = "tcp" if stream else "udp"
    if random.random() < 0.3:
        service, usual["type"], usual["port"] = f"x{random.choice('ab')}", "UNLISTED", of(random, _NUMBERS, _ODD_NUMBERS, 0.05)
        usual.setdefault("protocol", "tcp" if stream else "udp")
    elif random.random() < 0.1:
        usual["port"] = random.choice(_NUMBERS)
    if service in {"daytime", "discard", "time", "echo", "tcpmux"} and random.random() < 0.3:
        usual["type"] = "INTERNAL"
        del usual["server"]
    _behind_tcpmux_or_rpc(random, usual)
    lines = list(usual.items())
    lines += [(name, random.choice(_ATTRIBUTES[name])) for name in random.choices(_COMMON, k=random.randint(0, 5))]
    random.shuffle(lines)
    if random.random() < 0.2:
        name = random.choice(list(_ODD_ATTRIBUTES))
        lines.insert(random.randint(0, len(lines)), (name, random.choice(_ODD_ATTRIBUTES[name])))
    if random.random() < 0.05:
        lines.remove(random.choice(lines))
    said = {name: " ".join(value for other, value in lines if other == name) for name in ("flags", "v6only", "bind", "interface")}
    if left_to_chance(**said) or "only4" in said["bind"] or "two" in said["bind"]:
        lines = [line for line in lines if line[0] not in {"bind", "interface"}]
    return _spelled(random, service, lines)


def _behind_tcpmux_or_rpc(random: Random, usual: dict[str, str]) -> None:
    match of(random, ("",), ("tcpmux", "rpc"), 0.02):
        case "tcpmux":
            usual["type"] = random.choice(("UNLISTED TCPMUX", "TCPMUX UNLISTED", "TCPMUXPLUS UNLISTED", "TCPMUX"))
            usual["protocol"] = of(random, ("tcp",), ("udp", "TCP"), 0.2)
        case "rpc":
            # Without a version it is lost. With one it depends on a portmapper, and takes xinetd a second.
            usual["type"] = random.choice(("RPC", "RPC UNLISTED"))


_COMMON = ("flags", "flags", "flags", "flags", "v6only", "v6only", "bind", "bind", "id", "id", "disable", "disable", *_ATTRIBUTES)


def _spelled(random: Random, service: str, lines: Sequence[tuple[str, str]]) -> str:
    told = []
    for name, value in lines:
        operator = "=" if random.random() < 0.97 else random.choice(("+=", "-=", ":=", "==", "+ ="))
        gap = " " if random.random() < 0.98 else ""
        spelled = name.upper() if random.random() < 0.03 else name
        told.append(
            f"{random.choice(('', '    ', chr(9)))}{spelled}{gap}{operator} {value}".rstrip() if value else f"{name}{gap}{operator}"
        )
        if random.random() < 0.03:
            told.append(random.choice(("", "# a comment", "   # another", "rubbish here", "}", "\v", "a\0b = c", "#" + "x" * 20000, "{")))
        if random.random() < 0.002:
            told.append(f"server_args = {'y' * random.choice((9000, 17000, 20000))}")
    header = (
        f"service {service}" if random.random() < 0.97 else random.choice((f"Service {service} more", f"service {service} {{", "service"))
    )
    opening, closing = ("" if random.random() < 0.02 else "{", "" if random.random() < 0.02 else random.choice(("}", "}", "}", " }", "} ")))
    return "\n".join((header, opening, *told, closing))
