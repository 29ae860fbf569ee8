"""Texts of every kind: some that are almost files of one format or other, and some that are nothing."""

from __future__ import annotations

import plistlib
from collections.abc import Mapping

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from inet46 import formats
from inet46.diagnostics import Cost
from inet46.host import HostPolicy
from inet46.knowledge import Host
from inet46.plan import plan
from inet46.service import Listener, Program, Service
from inet46.sockets import Family

patient = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
PROGRAM = Program(path="/usr/local/libexec/imapd")

WORDS = (
    *("imap stream dgram raw tcp tcp4 tcp6 tcp46 tcp6only udp udp6 nowait wait root nobody:mail root.mail internal /bin/x imapd".split()),
    *("nowait.3 nowait/3/4/5 wait/1 nowait.99999999999 nowait/99999999999 143 0 70000 127.0.0.1:143 [::1]:143 ::1:143 *:143 :143 127.0.0.1:".split()),
    *("*: ::ffff: ::ffff:1.2.3.4:143 a/b tcpmux/x /bin/x/ '' 'a b' \"a ' # #<off># #@ \\ \\n .include rpc/tcp unix root:root".split()),
    *("service defaults include includedir /etc/xinetd.d /etc/xinetd.conf { } = += -= disable yes no true type UNLISTED INTERNAL RPC flags".split()),
    *("IPv4 IPv6 NAMEINARGS bind interface :: 0.0.0.0 v6only socket_type protocol port user group server server_args id instances cps".split()),
    *("on off on# protocol=tcp6, wait=no, user=root, exec=/x; args='a\\x41 bind=::1, exec=internal; protocol = , ; \"\\q #@ in none".split()),
    *("nice 99 -21 umask 7777 rlimit_cpu 10M only_from no_access env A=b enabled disabled redirect localhost daytime echo time".split()),
)  # fmt: skip
BREAKS = ("\n", "\r\n", "\n\n", "\n\t", "\n ", "\r", "\0", "\x0b", "\x0c", "\x85", "\u2028", "\udcff", "é", "日")
scraps = st.sampled_from(WORDS) | st.text(max_size=4) | st.sampled_from(["y" * 1023, "y" * 2050, "z" * 20_000, "9" * 5000])
lines = st.lists(scraps, max_size=9).map(" ".join)
almost = st.lists(lines | st.sampled_from(BREAKS), max_size=12).map(
    lambda parts: "".join(f"{part}\n" if part not in BREAKS else part for part in parts)
)
anything = st.text(st.characters(exclude_categories=[]) | st.sampled_from("\udc80\udcff\0\r\n\t #{}="), max_size=200)
entries_of_inetd = st.tuples(
    st.sampled_from(["imap", "143", "127.0.0.1:imap", "[::1]:143", "x" * 900]),
    st.sampled_from(["stream", "dgram"]),
    st.sampled_from(["tcp", "tcp6", "tcp46", "udp", "udp6"]),
    st.sampled_from(["nowait", "wait", "nowait.5", "nowait/5/0/2"]),
    st.sampled_from(["root", "mail:mail"]),
    st.sampled_from(["/bin/x", "internal"]),
    lines,
).map(" ".join)
texts = anything | almost | st.lists(entries_of_inetd | lines, max_size=6).map("\n".join)


@st.composite
def paragraphs(draw: st.DrawFn) -> str:
    """Almost valid paragraphs of xinetd, with one thing or other in them that is not."""
    names = [
        "socket_type",
        "protocol",
        "wait",
        "user",
        "server",
        "flags",
        "v6only",
        "bind",
        "disable",
        "port",
        "type",
        "nice",
        "cps",
        "env",
    ]
    body = [
        f"\t{draw(st.sampled_from(names))} {draw(st.sampled_from(['=', '+=', '-=', '']))} {draw(lines)}"
        for _ in range(draw(st.integers(0, 6)))
    ]
    good = ["\tsocket_type = stream", "\twait = no", "\tuser = root", "\tserver = /bin/x"] if draw(st.booleans()) else []
    head = draw(st.sampled_from(["service imap", "service pop3", "Service imap x", "defaults", "service", "include /etc/xinetd.d/a"]))
    return "\n".join([head, "{", *good, *body, draw(st.sampled_from(["}", " } ", "}\r", "} x", ""]))])


documents = texts | st.lists(paragraphs() | lines, max_size=4).map("\n".join)

UNIT_WORDS = (
    *("[Socket] [Service] [Unit] [Install] [X-a] [Socket [] ] Listen ListenStream= ListenStream=143 ListenStream=[::]:143 ListenDatagram=0.0.0.0:69".split()),
    *("ListenStream=0.0.0.0:143 ListenFIFO=/x ListenStream=/x ListenStream=%i ListenStream=0x8f ListenStream=[::1%lo]:1 ListenStream=[fe80::1]:1%lo".split()),
    *("Accept=yes Accept=no Accept=perhaps BindIPv6Only=both BindIPv6Only=ipv6-only BindIPv6Only= ReusePort=yes MaxConnections=0 Service=b.service".split()),
    *(r"""IPAddressDeny=any IPAddressAllow=10.0.0.0/8 IPAddressAllow= ExecStart=-/bin/x ExecStart=cat ExecStart=@/bin/x 'a\tb "c" $$X ${A} %% %p ; \; \\""".split()),
    *("User=%i Group=g UMask=027 Nice=99 Nice=5 LimitCPU=1 LimitAS=1M Environment=A=b Environment=%H=c StandardInput=socket Type=oneshot = =a a=".split()),
    *("ConditionPathExists=/x # ; \\ \ufeff <key> <plist> <dict> </dict> </plist> bplist00 <key>Sockets</key>".split()),
)  # fmt: skip
unit_lines = st.lists(st.sampled_from(UNIT_WORDS) | scraps, max_size=3).map(" ".join)
unit_files = st.lists(st.sampled_from(UNIT_WORDS) | unit_lines | st.sampled_from(BREAKS), max_size=14).map("\n".join)

JOB = {"Label": "a", "ProgramArguments": ["/bin/x"], "Sockets": {"L": {"SockServiceName": "imap"}}, "inetdCompatibility": {"Wait": False}}
JOBS = (
    JOB,
    {"Label": "a", "Program": "x", "Sockets": {"L": [{"SockServiceName": 143, "SockFamily": "IPv6"}, {"SockNodeName": "h"}, 3]}},
    {"Label": 3, "ProgramArguments": [1], "Sockets": []},
    {"Sockets": {"L": {"SockServiceName": 99999999, "SockType": [], "SockNodeName": 3, "SockFamily": {}}}, "Umask": "999", "Nice": True},
    ["no dictionary"],
)
jobs = st.builds(
    lambda job, kind: plistlib.dumps(job, fmt=kind).decode("utf-8", "surrogateescape"),
    st.sampled_from(JOBS),
    st.sampled_from([plistlib.FMT_XML, plistlib.FMT_BINARY]),
)

MANIFEST = formats.write(
    plan([Service(name="imap", program=PROGRAM, listeners=(Listener(family=Family.IPV4),))], "illumos/inetd").entries, "illumos/inetd"
)["/lib/svc/manifest/site/inet46-imap-tcp.xml"]
XML_WORDS = (
    *("<service_bundle type='manifest'> </service_bundle> <service name='site/a'> </service> <instance name='b' enabled='true'> <!-- -->".split()),
    *("</instance> <create_default_instance enabled='true'/> <![CDATA[ ]]> <propval name='wait' value='maybe'/> <!DOCTYPE &lt; &a; <?x ?>".split()),
    "<!DOCTYPE service_bundle [<!ENTITY a 'b'>]>", "<?xml version='1.0' encoding='utf-16'?>", "<?xml version='1.0' encoding='klingon'?>", "<a>" * 70,
    "<restarter><service_fmri value='svc:/network/inetd:default'/></restarter>", "<xi:include href='/etc/shadow'/>",
    "<exec_method name='inetd_start' exec='/bin/x &apos;a b&apos; $HOME `id` ; x'/>", "<property_group name='inetd'>", "</property_group>",
    "<property name='proto'><astring_list><value_node value='tcp6only'/><value_node value='tcp'/></astring_list></property>",
)  # fmt: skip
ALTERED = (
    "true",
    "false",
    "tcp",
    "tcp6only",
    "stream",
    "imap",
    "0",
    "inetd",
    "name",
    "/usr/local/libexec/imapd",
    "root",
    ">",
    '"',
    "value",
    "isrpc",
)
altered = st.builds(
    lambda old, new, text: text.replace(old, new, 1), st.sampled_from(ALTERED), st.sampled_from([*XML_WORDS, "", "-1", "udp", "9" * 30]) | scraps, st.just(MANIFEST)
)  # fmt: skip
manifests = altered | st.lists(st.sampled_from(XML_WORDS) | scraps, max_size=14).map("".join)


def deadly(files: Mapping[str, str], host: HostPolicy | Host) -> list[str]:
    """What in these files ends the daemon, or stops it for good."""
    return [str(fault) for fault in formats.read(files, host).faults if fault.cost is Cost.DAEMON]
