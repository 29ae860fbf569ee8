"""Files as they are found: comments in odd places, continuations, broken lines, odd line ends, includes."""

from __future__ import annotations

from collections.abc import Mapping

from tests.daemons.bench import HOSTS, Files
from tests.daemons.cases import INETD, SERVER, XINETD, paragraph
from tests.daemons.judge import Case

__all__ = ["of"]

_OPENBSD, _INETUTILS, _XINETD, _BUSYBOX = HOSTS

_LINE = f"7001\tstream\ttcp\tnowait\troot\t{SERVER} true\n"
_FOUR = f"7002\tstream\ttcp4\tnowait\troot\t{SERVER} true\n"
_SIX = f"7003\tstream\ttcp6\tnowait\troot\t{SERVER} true\n"

_INETD_TEXTS: Mapping[str, str] = {
    "empty": "",
    "only comments": "# one\n#two\n\n",
    "several services": _LINE + _FOUR + _SIX + f"imap stream tcp nowait root {SERVER}\n" + f"tftp dgram udp wait nobody {SERVER}\n",
    "comment at the margin": f"# a\n{_FOUR}# b\n{_SIX}",
    "comment in a line": f"7001 stream tcp4 nowait root {SERVER} true # not a comment\n{_FOUR}",
    "comment after a line, indented": f"{_FOUR}\t# here\n{_SIX}",
    "comment after an empty line, indented": f"{_FOUR}\n\t# here\n{_SIX}",
    "comment of one word, indented": f"{_FOUR}\n #here\n{_SIX}",
    "comment first, indented": f"  # here\n{_SIX}",
    "entry, indented": f"  7001 stream tcp4 nowait root {SERVER}\n{_FOUR}",
    "entry after another, indented": f"{_FOUR}  7001 stream tcp4 nowait root {SERVER}\n{_SIX}",
    "arguments continued": f"7001 stream tcp nowait root {SERVER} true\n\t-a\n\t-b\n{_FOUR}",
    "server continued": f"7001 stream tcp nowait root\n\t{SERVER} true\n{_FOUR}",
    "server continued, one family": f"7001 stream tcp4 nowait root\n\t{SERVER} true\n7003 stream tcp6 nowait\n root {SERVER}\n",
    "protocol continued": f"{_FOUR}7001 stream\n\ttcp nowait root {SERVER}\n",
    "protocol continued, one family": f"{_FOUR}7001 stream\n\ttcp4 nowait root {SERVER}\n",
    "too few fields": f"7001 stream tcp4\n{_FOUR}7003 stream\n",
    "one word": f"rubbish\n{_FOUR}",
    "many arguments": f"7001 stream tcp nowait root {SERVER} {' '.join('abcdefghijklmnopqrstuvwxyz')}\n{_FOUR}",
    "a line of 1100": f"7001 stream tcp nowait root {SERVER} true {'x' * 1100}\n{_FOUR}",
    "a line of 3000": f"7001 stream tcp nowait root {SERVER} true {'word ' * 600}\n{_FOUR}",
    "a comment of 5000": f"#{'x' * 5000}\n{_FOUR}",
    "a comment of 1100 with an entry in it": f"#{'x' * 1022}7001 stream tcp4 nowait root {SERVER}\n{_FOUR}",
    "line ends of DOS": (_LINE + _FOUR + _SIX).replace("\n", "\r\n"),
    "line ends of DOS with empty lines": f"# a\n\n{_FOUR}\n{_SIX}".replace("\n", "\r\n"),
    "no last line end": _FOUR + _SIX.removesuffix("\n"),
    "form feed": f"\f\n{_FOUR}",
    "bytes that are not text": f"# caf\udce9\n{_FOUR}7001 stream tcp4 nowait root {SERVER} \udcff\n",
    "NUL in a comment": f"# a\0b\n{_FOUR}",
    "NUL in a line": f"7001 stream tcp4 nowait root {SERVER} true\0 b\n{_FOUR}",
    "duplicates": _LINE + _LINE + _FOUR + _FOUR.replace("true", "true -b"),
    "same service, number and name": f"imap stream tcp4 nowait root {SERVER}\n143 stream tcp4 nowait root {SERVER}\n{_FOUR}",
    "alias": f"imap stream tcp6 nowait root {SERVER}\nimap2 stream tcp4 nowait root {SERVER}\n",
    "unknown service": f"no-such-service stream tcp nowait root {SERVER}\n{_FOUR}",
    "service without that transport": f"imap dgram udp wait root {SERVER}\n{_FOUR}",
    "built-in": "daytime stream tcp nowait root internal\ntime dgram udp wait root internal\n",
    "unknown built-in": f"imap stream tcp4 nowait root internal\n{_FOUR}",
    "disabled by update-inetd": f"#<off># imap stream tcp nowait root {SERVER}\n{_FOUR}",
    "default host": f"127.0.0.1:\n{_FOUR}7001 stream tcp4 nowait root {SERVER}\n",
    "default host of IPv6": f"::1:\n{_SIX}",
    "default host that ends": f"127.0.0.1:\n{_FOUR}*:\n7001 stream tcp4 nowait root {SERVER}\n",
    "quotes": f"7001 stream tcp4 nowait root {SERVER} 'a b' \"c\n{_FOUR}",
    "odd wait": f"7001 stream tcp4 nowiat root {SERVER}\n7002 stream tcp4 nowait/5 root {SERVER}\n7003 stream tcp4 nowait.5 root {SERVER}\n",
    "user and group": f"7001 stream tcp4 nowait root.root {SERVER}\n7002 stream tcp4 nowait root:root {SERVER}\n",
    "relative server": f"imap stream tcp4 nowait root imapd\n7001 stream tcp4 nowait root imapd -a\n7002 stream tcp nowait root /usr/bin/\n{_SIX}",
    "field left out": f"7001 stream tcp4 nowait {SERVER} true\n7001 stream tcp4 root {SERVER} true\n{_FOUR}",
    "line ends of DOS, without arguments": f"7001 stream tcp4 nowait root {SERVER}\r\n7002 dgram udp wait root {SERVER}\r\n",
    "indented below an unknown built-in": f"imap stream tcp4 nowait root internal\n\t{_FOUR}\t{_SIX}",
    "indented below an unknown built-in that is continued": f"imap stream tcp4 nowait root\n\tinternal -a\n\t{_FOUR}",
    "address of an unknown built-in": f"127.0.0.1:imap stream tcp4 nowait root internal\n{_FOUR}{_LINE}",
    "address of an unknown built-in, then a comment": f"127.0.0.1:imap stream tcp4 nowait root internal\n# a\n\n*:{_FOUR}{_LINE}",
    "address of an unknown built-in, then a short line": f"127.0.0.1:imap stream tcp4 nowait root internal\nrubbish\n{_FOUR}{_LINE}",
    "address of two unknown built-ins": "127.0.0.1:imap stream tcp4 nowait root internal\npop3 stream tcp4 nowait root internal\n" + _FOUR,
    "0.0.0.0 twice": f"0.0.0.0:tftp dgram udp4 wait root {SERVER}\ntftp dgram udp4 wait root {SERVER}\n",
    ":: twice": f"::0:tftp dgram udp6 wait root {SERVER}\ntftp dgram udp6 wait root {SERVER}\n",
    "tcpmux": f"tcpmux/imap stream tcp nowait root {SERVER} true\n{_FOUR}",
    "tcpmux twice and its listener": f"tcpmux/imap stream tcp nowait root {SERVER}\ntcpmux stream tcp4 nowait root internal\n"
    f"tcpmux/+pop3 stream tcp nowait root {SERVER}\n",
    "tcpmux for datagrams": f"tcpmux/imap dgram udp wait root {SERVER} true\n{_FOUR}",
    "mapped address on an IPv4 socket": f"::ffff:127.0.0.1:7001 stream tcp nowait root {SERVER}\n{_FOUR}",
    "tabs and blanks": f"7001  \t stream \t tcp4\t\tnowait   root\t {SERVER}  true  \t \n{_FOUR}",
}

# What only busybox has: a parser that knows nothing of inetd.conf, and a table that goes by texts.
_BUSYBOX_TEXTS: Mapping[str, str] = {
    "backslashes": f"7001 stream tcp \\\n nowait root {SERVER} true \\\n-a\n7003 stream tc\\\np6 nowait root {SERVER}\n",
    "comment that goes on": f"# imap is off \\\n7001 stream tcp nowait root {SERVER}\n{_SIX}",
    "backslash at the end": f"{_SIX}7001 stream tcp nowait root {SERVER} \\",
    "two backslashes": f"7001 stream tcp nowait root {SERVER} a\\\\\n{_SIX}{_LINE}",
    "backslash before the line end of DOS": f"7001 stream tcp nowait root {SERVER} \\\r\n{_SIX}",
    "backslash behind a NUL": f"7001 stream tcp nowait root {SERVER} a\0b\\\n{_SIX}{_LINE}",
    "comment in the middle of a word": f"7001 stream tcp nowait root {SERVER}#here\n7003 stream tcp6 nowait root#{SERVER}\n{_SIX}",
    "default host behind a comment": f"127.0.0.1: # loopback only\n{_LINE}*:#\n{_SIX}",
    "default host of nothing": f":\n{_LINE}*:\n{_SIX}",
    "default hosts": f"127.0.0.1,::1:\n{_LINE}{_SIX}",
    "list with brackets": f"[::1],[::]:7001 dgram udp6 wait root {SERVER}\n127.0.0.1,[::1]:7002 stream tcp6 nowait root {SERVER}\n",
    "list with something that is no address": f",127.0.0.1,[*]:7001 stream tcp nowait root {SERVER}\n[*]:7002 stream tcp nowait root {SERVER}\n",
    "one address in two spellings": f"::1:7001 dgram udp6 wait root {SERVER}\n[::1]:7001 dgram udp6 wait root {SERVER}\n",
    "one address twice in a list": f"::1,::1:7001 dgram udp6 wait root {SERVER}\n",
    "raw before stream": f"7001 raw tcp nowait root {SERVER}\n{_LINE}{_SIX}",
    "stream before raw": f"{_LINE}7001 raw tcp nowait root {SERVER}\n",
    "raw for one of two hosts": f"127.0.0.1:7001 raw tcp nowait root {SERVER}\n127.0.0.1,127.0.0.2:7001 stream tcp nowait root {SERVER}\n",
    "misspelt type before the right one": f"7001 streem tcp nowait root {SERVER}\n{_LINE}*:{_LINE}",
    "type of the other protocol": f"7001 stream udp nowait root {SERVER}\n7002 dgram tcp wait root {SERVER}\n{_SIX}",
    "protocols of others": "".join(
        f"{7001 + number} stream {protocol} nowait root {SERVER}\n"
        for number, protocol in enumerate(("TCP", "tcp5", "tcp,rcvbuf=64k", "tcp6/faith", "faith/tcp6", "rpc/tcp", "sctp", "6", "tcp66"))
    ),
    "waits": "".join(
        f"{7001 + number} stream tcp {wait} root {SERVER}\n"
        for number, wait in enumerate(
            ("wait", "NOWAIT", "no", "wait.", "wait.1x", "wait.07", "nowait.4294967295", "nowait.4294967296", "w")
        )
    ),
    "built-ins that wait or not": "".join(
        f"{name} {kind} {wait} root internal\n"
        for name, kind, wait in (("echo", "stream tcp", "wait"), ("time", "stream tcp6", "nowait"), ("echo", "dgram udp", "nowait"))
    ),
    "internal for a long name": "kerberos stream tcp wait root internal\nimap stream tcp nowait root internal\n",
    "numbers": f"0143 stream tcp nowait root {SERVER}\n7001x stream tcp nowait root {SERVER}\n",
    "empty lines of DOS": f"\r\n127.0.0.1:\r\n{_FOUR}\r\n{_SIX}",
}

_ALONE, _OTHER = paragraph("imap", flags="IPv4"), paragraph("pop3", flags="IPv6")
_FOLDER = "includedir /etc/xinetd.d\n"
_FINGER = f"finger stream tcp nowait root {SERVER} true\n"

# What is wrong with one service, beside another that stays.
_TOLD: Mapping[str, Mapping[str, str]] = {
    "mapped address, v6only": {"v6only": "yes", "bind": "::ffff:127.0.0.1"},
    "internal without user": {"type": "INTERNAL", "user": "", "server": ""},
    "internal with NAMEINARGS": {"type": "INTERNAL", "server": "", "flags": "NAMEINARGS", "server_args": "time"},
    "NAMEINARGS without arguments": {"flags": "NAMEINARGS"},
    "NAMEINARGS with arguments": {"flags": "NAMEINARGS", "server_args": "true"},
    "redirected datagrams": {"transport": "udp", "redirect": "127.0.0.1 37"},
    "redirected and waiting": {"wait": "yes", "redirect": "127.0.0.1 37"},
    "TRAFFIC without redirect": {"log_on_success": "TRAFFIC"},
    **{
        f"{name} = {value}": {name: value}
        for name, values in {
            "v6only": ("maybe", "YES"),
            "groups": ("maybe", "No"),
            "cps": ("x y", "5 y", "25 30"),
            "deny_time": ("x", "never", "60"),
            "max_load": ("x", "0", "2.5", "3x"),
            "log_type": ("x", "syslog daemon", "SYSLOG nobody", "SYSLOG daemon loud", "FILE", "FILE /tmp/l 5 4", "FILE /tmp/l 1k 1M"),
            "access_times": ("25:00", "8:00-18:00", "18:00-8:00", "08:00-18:60"),
            "log_on_success": ("x", "PID x", "host pid"),
            "log_on_failure": ("x", "host ATTEMPT", "RECORD"),
            "type": ("x",),
            "env": ("x", "A=b c", "A=b"),
            "nice": ("99", "-3", "+3", "x"),
        }.items()
        for value in values
    },
}

_XINETD_TEXTS: Mapping[str, str] = {
    "empty": "",
    "several services": _ALONE + _OTHER + paragraph("tftp", transport="udp"),
    "comments": f"# a\n{_ALONE.replace('{', '{  ' + chr(10) + '  # here')}\n\t# there\n{_OTHER}",
    "comment between name and brace": _ALONE.replace("{", "# here\n\n{") + _OTHER,
    "comment behind a value": _ALONE.replace("flags = IPv4", "flags = IPv4 # only") + _OTHER,
    "comment behind user": _ALONE.replace("user = root", "user = root # who") + _OTHER,
    "brace on the line of the name": _ALONE.replace("\n{", " {") + _OTHER,
    "no blank before the operator": _ALONE.replace("flags =", "flags=") + _OTHER,
    "no blank behind the operator": _ALONE.replace("flags = ", "flags =") + _OTHER,
    "capitals": _ALONE.replace("service", "SERVICE").replace("flags", "FLAGS").replace("IPv4", "ipV4").replace("= no", "= NO") + _OTHER,
    "words behind the name": _ALONE.replace("service imap", "service imap and more") + _OTHER,
    "attribute twice": _ALONE.replace("flags = IPv4", "flags = IPv4\n\tflags = IPv6") + _OTHER,
    "added to a flag": _ALONE.replace("flags =", "flags +=") + _OTHER,
    "unknown attribute": _ALONE.replace("flags =", "falgs =") + _OTHER,
    "unknown flag": _ALONE.replace("IPv4", "IPv4 IPv5") + _OTHER,
    "unknown flag, then switched on": _ALONE.replace("flags = IPv4", "flags = IPv4 IPv5\n\tdisable = no") + _OTHER,
    "protocol tcp6": paragraph("imap", protocol="tcp6") + _OTHER,
    "missing user": paragraph("imap", user="") + _OTHER,
    "missing wait": paragraph("imap", wait="") + _OTHER,
    "missing server": paragraph("imap", server="") + _OTHER,
    "missing socket type": paragraph("imap", socket_type="") + _OTHER,
    "missing socket type and protocol": paragraph("imap", socket_type="", protocol="") + _OTHER,
    "port that is not its own": paragraph("imap", port="1143") + _OTHER,
    "port of its own": paragraph("imap", port="143") + _OTHER,
    "unlisted without port": paragraph("x", type="UNLISTED") + _OTHER,
    "unknown service": paragraph("no-such-service") + _OTHER,
    "missing closing brace": _ALONE.replace("}", "") + _OTHER + _ALONE,
    "missing closing brace at the end": _OTHER + _ALONE.replace("}\n", ""),
    "closing brace too many": f"{_ALONE}}}\n{_OTHER}{_ALONE}",
    "rubbish between": f"{_ALONE}here is rubbish\n{_OTHER}{_ALONE}",
    "rubbish before the folder": f"here is rubbish\n{_FOLDER}{_ALONE}{_OTHER}",
    "line ends of DOS": (_ALONE + _OTHER).replace("\n", "\r\n"),
    "no last line end": _OTHER + _ALONE.removesuffix("\n"),
    "disabled": paragraph("imap", disable="yes") + _OTHER,
    "disabled, then not": paragraph("imap", disable="yes").replace("}", "\tdisable = no\n}") + _OTHER,
    "disabled by true": paragraph("imap", disable="true") + _OTHER,
    "second defaults": "defaults\n{\n\tdisabled = imap\n}\ndefaults\n{\n\tdisabled = pop3\n}\n" + _ALONE + _OTHER,
    "include that is not there": f"include /etc/more/extra\n{_ALONE}",
    "line of 20000": _ALONE.replace("\tuser", f"\tserver_args = {'x' * 20000}\n\tuser") + _OTHER,
    "bytes that are not text": f"# caf\udce9\n{_ALONE}",
    "defaults left open": f"{_ALONE}{_OTHER}defaults\n{{\n\tdisabled = imap\n",
    "defaults with a broken line": f"defaults\n{{\n\tdisabled = imap\n\tbind=::1\n}}\n{_ALONE}{_OTHER}{_ALONE}",
    "closing brace for an opening one": f"service time\n}}\n{_ALONE}{_OTHER}",
    "attribute of one word": f"service time\n{{\nrubbish\n}}\n{_ALONE}{_OTHER}",
    "attribute of one word before an indented brace": f"service time\n{{\nrubbish\n\t}}\n{_ALONE}{_OTHER}",
    "attribute of one word before an empty line": f"service time\n{{\nrubbish\n\n}}\n{_ALONE}{_OTHER}",
    "attribute of one word before another": f"service time\n{{\nrubbish\n\tuser = root\n}}\n{_ALONE}{_OTHER}",
    "attribute of one word in defaults": f"defaults\n{{\n\tdisabled = imap\nrubbish\n}}\n{_ALONE}{_OTHER}{_ALONE}",
    **{label: paragraph("time", **told) + _OTHER for label, told in _TOLD.items()},
}

_XINETD_FILES: Mapping[str, Files] = {
    "folder": {XINETD: _FOLDER, "/etc/xinetd.d/imap": _ALONE, "/etc/xinetd.d/pop3": _OTHER},
    "folder with leftovers": {
        XINETD: _FOLDER,
        "/etc/xinetd.d/imap": _ALONE,
        "/etc/xinetd.d/imap.bak": paragraph("finger"),
        "/etc/xinetd.d/pop3~": paragraph("finger"),
        "/etc/xinetd.d/#ftp#": paragraph("ftp"),
        "/etc/xinetd.d/time-old": paragraph("time"),
    },
    "folder whose order decides": {XINETD: _FOLDER, "/etc/xinetd.d/b": _ALONE, "/etc/xinetd.d/a": paragraph("imap", flags="IPv6", id="a")},
    "file left open does not leak": {XINETD: _FOLDER, "/etc/xinetd.d/a": _ALONE.replace("}\n", ""), "/etc/xinetd.d/b": _OTHER},
    "include": {XINETD: f"include /etc/more/extra\n{_OTHER}", "/etc/more/extra": _ALONE},
    "defaults in an included file": {XINETD: _FOLDER + _OTHER, "/etc/xinetd.d/a": f"defaults\n{{\n\tbind = ::1\n}}\n{_OTHER}"},
    "inetd.conf beside": {
        XINETD: _ALONE,
        INETD: f"imap stream tcp nowait root {SERVER} true\nfinger stream tcp nowait root {SERVER} true\n",
    },
    **{
        f"{line} beside inetd.conf": {XINETD: f"defaults\n{{\n\t{line}\n}}\n", INETD: _FINGER}
        for line in (
            "disabled = finger",
            "enabled = pop3",
            "enabled = finger",
            "bind = ::1",
            "bind = 127.0.0.1",
            "bind = ::",
            "v6only = yes",
        )
    },
    "inetd.conf beside a service with bind": {XINETD: paragraph("finger", bind="::1"), INETD: _FINGER},
    "built-ins beside": {
        XINETD: "defaults\n{\n\tdisabled = time echo-dgram\n}\n",
        INETD: "".join(f"{name} stream tcp nowait root internal\n" for name in ("time", "echo", "discard", "daytime")),
    },
    "relative server beside": {XINETD: _ALONE, INETD: "finger stream tcp nowait root fingerd\npop3 stream tcp nowait root /usr/bin/ -a\n"},
    "inetd.conf with odd lines": {
        XINETD: _ALONE,
        INETD: f"# a\n\nfinger stream tcp nowait.10 root {SERVER} true\npop3 stream tcp nowait root:root {SERVER} true\n7001 stream tcp nowait "
        f"root {SERVER} true\n127.0.0.1:ftp stream tcp nowait root {SERVER} true\ntime stream tcp nowait root internal\nsmtp stream tcp\n",
    },
}


def of(name: str) -> list[Case]:
    """The cases for one host."""
    if name == _XINETD:
        alone = [Case(label, {XINETD: text}) for label, text in _XINETD_TEXTS.items()]
        return [*alone, *(Case(label, files) for label, files in _XINETD_FILES.items())]
    cases = [Case(label, {INETD: text}) for label, text in _INETD_TEXTS.items()]
    if name == _BUSYBOX:
        cases += [Case(label, {INETD: text}) for label, text in _BUSYBOX_TEXTS.items()]
    if name == _OPENBSD:
        cases.append(Case("mapped address, tcp6", {INETD: f"[::ffff:127.0.0.1]:7001 stream tcp6 nowait root {SERVER} true\n{_FOUR}"}))
    if name == _INETUTILS:
        cases.append(Case("mapped address, tcp6only", {INETD: f"::ffff:127.0.0.1:7001 stream tcp6only nowait root {SERVER} true\n{_FOUR}"}))
        folder = {
            f"/etc/inetd.d/{name}": f"imap stream {token} nowait root {SERVER}\n" for name, token in (("a", "tcp4"), ("b", "tcp6only"))
        }
        cases.append(Case("two files that do not contend", folder))
        cases += [Case(f"{label}, in the folder", {"/etc/inetd.d/a.dpkg-old": text, INETD: _SIX}) for label, text in _INETD_TEXTS.items()]
    return cases
