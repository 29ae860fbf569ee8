"""The laws that need no daemon: lossless, faithful, sound, quiet. Each is a property; `--hypothesis-profile=long` looks longer."""

from __future__ import annotations

import plistlib
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, assume, event, example, given, settings
from hypothesis import strategies as st

from inet46 import formats
from inet46.diagnostics import Cost
from inet46.entry import Bind, Entry
from inet46.errors import Inexpressible, Unprovable
from inet46.formats import inetd, launchd, smf, systemd, xinetd
from inet46.host import HostPolicy, Sharing
from inet46.knowledge import HOSTS, PORTS, Dual, Host, InetdBuild, LaunchdBuild, SystemdBuild, XinetdBuild, resolve
from inet46.merge import merge
from inet46.plan import plan
from inet46.predict import Held, predict
from inet46.service import Access, Builtin, Limits, Listener, Program, Service
from inet46.sockets import Family, Transport
from tests.strategies import host_policies, service_lists, services

patient = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
NAMES = [row.name for row in HOSTS]
KNOBS = [None, "0", "1"]
PROGRAM = Program(path="/usr/local/libexec/imapd")

# -- texts of every kind ---------------------------------------------------------------------------------------------------------------

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


@given(documents)
@example("a\r\nb\r\n\0\udcff")
@example("x" * 20_000)
def test_lossless_inetd_gives_every_text_back(text: str) -> None:
    assert inetd.emit(inetd.parse(text)) == text


@given(documents)
@example("service a\n{\n" + "x" * 20_000)
def test_lossless_xinetd_gives_every_text_back(text: str) -> None:
    assert xinetd.emit(xinetd.parse(text)) == text


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


@given(documents | unit_files)
@example("[Socket]\r\n\0\rListenStream=1\\\n")
@example("a\\")
def test_lossless_systemd_gives_every_text_back(text: str) -> None:
    assert systemd.emit(systemd.parse(text)) == text


@given(documents | jobs)
def test_lossless_launchd_gives_every_text_back(text: str) -> None:
    assert launchd.emit(launchd.parse(text)) == text


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


@given(documents | manifests)
@example("<?xml version='1.0' encoding='utf-7'?><a/>")
@example("\ud800")
@example("<" * 9)
def test_lossless_smf_gives_every_text_back(text: str) -> None:
    assert smf.emit(smf.parse(text)) == text


@given(manifests, manifests)
@patient
def test_lossless_reading_manifests_never_raises(one: str, other: str) -> None:
    host = resolve("illumos/inetd")
    files = {f"/lib/svc/manifest/site/{name}.xml": text for name, text in (("a", one), ("b", other), ("ours", MANIFEST))}

    reading = formats.read(files, host)

    assert [entry for entry in reading.entries if entry.origin and entry.origin.source.path.endswith("ours.xml")]
    predict(reading.entries, host)


@given(st.sampled_from(NAMES), documents | unit_files | jobs, documents | unit_files | jobs)
@patient
def test_lossless_reading_never_raises_on_any_host(name: str, main: str, other: str) -> None:
    host = resolve(name)
    files = {
        host.config: main,
        f"{host.directory}/other": other,
        "/etc/inetd.conf": other if host.config != "/etc/inetd.conf" else main,
        f"{host.config}/a.socket": main,
        f"{host.config}/a@.service": other,
        f"{host.config}/a.service": other,
        f"{host.config}/a.socket.d/b.conf": other,
        f"{host.config}/sockets.target.wants/a.socket": formats.Link("/x"),
        f"{host.config}/a.plist": other,
        "/lib/svc/manifest/site/a.xml": other,
    }

    reading = formats.read(files, host)

    predict(reading.entries, host)


# -- law 2: faithful -------------------------------------------------------------------------------------------------------------------


@given(service_lists(), host_policies())
@patient
def test_faithful_what_a_plan_says_is_read_back_as_it_was_meant(wishes: tuple[Service, ...], policy: HostPolicy) -> None:
    try:
        planned = plan(wishes, policy)
    except Unprovable:
        assume(False)  # noqa: FBT003

    assert sorted(formats.read(planned.files, policy).entries, key=repr) == sorted(planned.entries, key=repr)
    try:
        files = formats.write(planned.entries, policy)
    except Inexpressible as error:  # two names of one service in one file, say
        assert error.losses
    else:
        assert formats.same(formats.read(files, policy).entries, planned.entries, resolve(policy))


@st.composite
def odd_entries(draw: st.DrawFn, wish: Service, host: Host) -> Entry:
    """An entry by hand: binds of any kind, names, words and lists that no plan would make."""
    word = st.sampled_from(["imap", "143", "0143", "im ap", "#imap", "", "a\nb", "x=y", "{", "}", "é", "a\0b", "'", '"', "\\", "service"])
    keys = (
        ["", *sorted({bound.key for token in host.server.tokens for bound in token.opens})] if isinstance(host.server, InetdBuild) else [""]
    )
    bind = st.builds(
        Bind,
        family=st.sampled_from(Family),
        v6only=st.sampled_from([None, True, False]),
        address=st.sampled_from([None, None, "127.0.0.1", "::1", "::", "0.0.0.0", "::ffff:127.0.0.1", "localhost", "1.2"]),
        key=st.sampled_from(keys),
    )
    if isinstance(host.server, InetdBuild) and draw(st.booleans()):
        token = draw(st.sampled_from([token for token in host.server.tokens if token.opens and token.transport is wish.transport]))
        binds = tuple(Bind(family=x.family, v6only=x.v6only, key=x.key) for x in token.opens)
    else:
        binds = tuple(draw(st.lists(bind, min_size=1, max_size=2)))
    return Entry(
        service=draw(st.sampled_from([wish.name, wish.name, "imap"]) | word),
        port=draw(st.sampled_from([None, wish.port, 143])),
        transport=wish.transport,
        binds=binds,
        program=draw(st.sampled_from([wish.program, PROGRAM, Builtin(builtin="redirect"), Builtin(builtin=wish.name)])),
        wait=wish.waits,
        user=draw(st.just(wish.user) | word),
        group=draw(st.just(wish.group) | word),
        limits=draw(st.sampled_from([Limits(), wish.limits])),
        only_from=draw(st.none() | st.lists(word, max_size=2).map(tuple)),
        no_access=draw(st.just(()) | st.lists(word, max_size=2).map(tuple)),
        environment=draw(st.sampled_from([(), wish.environment, (("A=", "B"),), (("", ""),)])),
        id=draw(st.none() | word),
        extra=draw(
            st.just(()) | st.sampled_from([("banner = /x",), ("flags = KEEPALIVE",), ("login class x",), ("odd",), ("flags = IPv4",)])
        ),
    )


@given(host_policies(), st.lists(services(), min_size=1, max_size=3), st.data())
@patient
def test_faithful_an_entry_of_any_kind_is_read_back_or_its_loss_is_named(
    policy: HostPolicy, wishes: list[Service], data: st.DataObject
) -> None:
    host = resolve(policy)
    entries = tuple(data.draw(odd_entries(wish, host)) for wish in wishes)
    try:
        files = formats.write(entries, host)
    except Inexpressible as error:
        assert error.losses
        assert all(loss.strip() for loss in error.losses)
    else:
        assert formats.same(formats.read(files, host).entries, entries, host)


def deadly(files: Mapping[str, str], host: HostPolicy | Host) -> list[str]:
    """What in these files ends the daemon, or stops it for good."""
    return [str(fault) for fault in formats.read(files, host).faults if fault.cost is Cost.DAEMON]


NAMES_OF = {Transport.TCP: ("imap", "pop3", "ftp"), Transport.UDP: ("tftp", "daytime", "ntp")}
MORTAL = [row.name for row in HOSTS if deadly({resolve(row.name).config: "imap\n"}, HostPolicy(name=row.name))]
CUTS = ["a\nb", "a\n", "a\n b", "", "a b"]  # what cuts a line or a field, if it is written as it is
ODD_FIELDS = ["service", "port", "binds", "program", "user", "group", "limits", "only_from", "no_access", "environment", "id", "extra"]


@st.composite
def odd_in_places(draw: st.DrawFn, policy: HostPolicy) -> tuple[tuple[Entry, ...], tuple[Entry, ...]]:
    """What a plan tells a host, and the same with all those fields odd that can be written so."""
    wish = draw(services())
    wants = draw(st.lists(st.sampled_from(NAMES_OF[wish.transport]), min_size=1, max_size=2, unique=True))
    plain: tuple[Entry, ...] = ()
    for families in (tuple(Family), (Family.IPV4,), (Family.IPV6,)):
        listeners = [Listener(family=family) for family in families]
        asked = [Service(name=name, program=PROGRAM, transport=wish.transport, listeners=listeners) for name in wants]
        try:
            plain = plan(asked, policy).entries
            break
        except Unprovable:
            continue
    host, odd = resolve(policy), []
    for entry in plain:
        strange = draw(odd_entries(wish, host))
        broken: dict[str, Any] = draw(st.dictionaries(st.sampled_from(["user", "group", "service"]), st.sampled_from(CUTS)))
        strange = attrs.evolve(strange, **broken)
        for field in draw(st.permutations(ODD_FIELDS)):
            stranger = attrs.evolve(entry, **{field: getattr(strange, field)})
            entry = stranger if writable(stranger, host) else entry  # noqa: PLW2901
        odd.append(entry)
    return plain, tuple(odd)


def writable(entry: Entry, host: Host) -> bool:
    try:
        formats.write((entry,), host)
    except Inexpressible:
        return False
    return True


def test_faithful_nothing_that_is_written_ends_the_daemon() -> None:
    """A law about what is written says nothing when nothing is: half of the examples write what no plan would."""
    wrote: list[bool] = []

    @given(host_policies() | host_policies(names=MORTAL), st.data())
    @settings(patient, max_examples=max(200, settings().max_examples))
    def law(policy: HostPolicy, data: st.DataObject) -> None:
        plain, odd = data.draw(odd_in_places(policy))
        try:
            files = formats.write(odd, resolve(policy))
        except Inexpressible:
            files = {}
        wrote.append(bool(files) and odd != plain)
        event("written" if wrote[-1] else "not written")

        assert deadly(files, policy) == []

    law()
    assert sum(wrote) * 2 >= len(wrote) > 0, f"{sum(wrote)} of {len(wrote)} wrote something"


@given(service_lists(min_size=1), host_policies(), st.data())
@patient
def test_sound_no_plan_and_no_merge_ends_the_daemon(wishes: tuple[Service, ...], policy: HostPolicy, data: st.DataObject) -> None:
    files = data.draw(old_files(policy, wishes))
    assume(not deadly(files, policy))
    try:
        planned, merged = plan(wishes, policy), merge(wishes, policy, files)
    except Unprovable:
        assume(False)  # noqa: FBT003

    assert deadly(planned.files, planned.host) == []
    assert deadly({**files, **merged.files}, merged.host) == []


# -- law 3: sound ----------------------------------------------------------------------------------------------------------------------

Way = tuple[Transport, str, int, Family]
ANY = {Family.IPV4: "0.0.0.0", Family.IPV6: "::"}


def ways_in(wishes: tuple[Service, ...]) -> set[Way]:
    """What the services ask for, worked out from their listeners and nothing else."""
    found = set()
    for wish in wishes:
        if not wish.enabled:
            continue
        port = wish.port or PORTS[f"{wish.name}/{wish.transport.value}"]
        if not wish.listeners:
            found |= {(wish.transport, ANY[family], port, family) for family in Family}
        for listener in wish.listeners:
            found.add((wish.transport, listener.address or ANY[listener.family], port, listener.family))
            if listener.v6only is False:
                found.add((wish.transport, "0.0.0.0", port, Family.IPV4))
    return found


def ways_of(sockets: tuple[Held, ...]) -> set[Way]:
    """What sockets give, worked out from what they accept."""
    return {
        (held.socket.transport, ANY[family] if held.socket.address in {"0.0.0.0", "::"} else held.socket.address, held.socket.port, family)
        for held in sockets
        for family in held.accepts
    }


def free_to_share(wish: Service) -> bool:
    """Both wildcards wanted, and no listener decides about v6only."""
    return not wish.listeners or {x.family for x in wish.listeners if x.address is None and x.v6only is None} == set(Family)


def check_sound(wishes: tuple[Service, ...], policy: HostPolicy) -> None:
    planned = plan(wishes, policy)
    sockets = predict(planned.entries, planned.host.with_settings(planned.settings)).sockets

    assert sockets == planned.sockets
    assert ways_of(sockets) == ways_in(wishes)
    for wish in wishes:
        port = wish.port or PORTS[f"{wish.name}/{wish.transport.value}"]
        mine = [held.socket for held in sockets if (held.socket.transport, held.socket.port) == (wish.transport, port)]
        decided = {x.address or "::": x.v6only for x in wish.listeners if x.family is Family.IPV6 and x.v6only is not None}
        assert all(socket.v6only is decided[socket.address] for socket in mine if socket.address in decided)
        if policy.sharing is Sharing.SEPARATE:
            assert not [socket for socket in mine if socket.dual and socket.address not in decided]
        if policy.sharing is Sharing.MAPPED and free_to_share(wish) and wish.enabled:
            assert [socket for socket in mine if socket.dual]


@given(service_lists(min_size=1), host_policies())
@patient
def test_sound_a_plan_opens_what_is_wanted_or_is_refused_with_a_reason(wishes: tuple[Service, ...], policy: HostPolicy) -> None:
    try:
        check_sound(wishes, policy)
    except Unprovable as error:
        assert error.reasons
        assert all(reason.strip() for reason in error.reasons)


def cannot(host: Host, sharing: Sharing, transport: Transport, knob: str | None) -> str | None:
    """What the kernel or the daemon cannot do, for a service on both wildcards in which nothing is decided. The rest has to be proved."""
    if sharing is Sharing.MAPPED and host.kernel.dual is Dual.NEVER:
        return "no socket takes both families"
    if sharing is Sharing.SEPARATE and host.server.name == "debian-openbsd-inetd" and transport is Transport.UDP and knob != "1":
        return "udp6 leaves IPV6_V6ONLY to the kernel: at bindv6only=0 there is no v6only datagram socket (facts/inetd.md 1)"
    if (
        sharing is Sharing.SEPARATE
        and host.server.name in {"netbsd-inetd", "busybox-inetd"}
        and not resolve(HostPolicy(name=host.name, settings={str(host.kernel.knob): knob} if knob else {})).v6only_default
    ):
        return "no token sets IPV6_V6ONLY, so that with the kernel's setting at 0 there is no such socket"
    if sharing is Sharing.MAPPED and host.server.name == "launchd":
        return "launchd sets IPV6_V6ONLY on every IPv6 socket (facts/os.md 4)"
    return None


@pytest.mark.parametrize("knob", KNOBS)
@pytest.mark.parametrize("sharing", Sharing)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("service", "transport"), [("imap", Transport.TCP), ("tftp", Transport.UDP)])
def test_sound_a_plain_service_is_planned_unless_the_host_cannot_do_it(
    service: str, transport: Transport, name: str, sharing: Sharing, knob: str | None
) -> None:
    key = resolve(name).kernel.knob
    policy = HostPolicy(name=name, sharing=sharing, settings={} if knob is None or key is None else {key: knob})
    wishes = (Service(name=service, transport=transport, program=PROGRAM),)

    if cannot(resolve(name), sharing, transport, knob):
        with pytest.raises(Unprovable):
            plan(wishes, policy)
    else:
        check_sound(wishes, policy)


@pytest.mark.parametrize("knob", KNOBS)
@pytest.mark.parametrize("sharing", Sharing)
@pytest.mark.parametrize("name", NAMES)
def test_sound_a_socket_that_takes_ipv4_never_loses_the_list_for_ipv4(name: str, sharing: Sharing, knob: str | None) -> None:
    key = resolve(name).kernel.knob
    policy = HostPolicy(name=name, sharing=sharing, settings={} if knob is None or key is None else {key: knob})
    wish = Service(name="imap", program=PROGRAM, access=Access(ipv4=("10.0.0.0/8",)))
    try:
        planned = plan([wish], policy)
    except Unprovable as error:
        assert error.reasons
    else:
        assert all(held.entry.only_from is not None for held in planned.sockets if Family.IPV4 in held.accepts)


@given(service_lists(min_size=1, plain=True, transports=[Transport.TCP]), host_policies())
@patient
def test_sound_plain_tcp_services_are_planned_on_every_host(wishes: tuple[Service, ...], policy: HostPolicy) -> None:
    host = resolve(policy)
    assume(not any(refusal(wish, host) for wish in wishes))

    check_sound(wishes, policy)


def refusal(wish: Service, host: Host) -> str | None:
    """Why a plain tcp service may be refused."""
    listed = host.port(wish.name, wish.transport) == (wish.port or host.port(wish.name, wish.transport)) is not None
    dual = any(listener.v6only is False for listener in wish.listeners)
    if isinstance(host.server, SystemdBuild | LaunchdBuild):
        return unit_refusal(wish, host)
    one = dual or host.policy.sharing is Sharing.MAPPED
    builtin = isinstance(wish.program, Builtin)
    inetd_build = host.server if isinstance(host.server, InetdBuild) else None
    debian, netbsd = (host.server.name == name for name in ("debian-openbsd-inetd", "netbsd-inetd"))
    reasons = {
        "tcp46 works with a number only, and a built-in service only with its name": debian and builtin and one,
        "what one service needs of the kernel's setting, another may not bear": netbsd and (one or not host.v6only_default),
        "SMF has no built-in service": inetd_build is not None and inetd_build.manifests is not None and builtin,
        "no socket takes both families": host.kernel.dual is Dual.NEVER and one,
        "this inetd knows services by name only": inetd_build is not None and not inetd_build.numeric_ports and not listed,
        "a built-in service has no number": inetd_build is not None and builtin and not listed,
    }
    reasons["busybox leaves IPV6_V6ONLY to the kernel, for all services alike"] = host.server.name == "busybox-inetd" and (
        _alone(wish) or host.policy.sharing is Sharing.SEPARATE
    )
    return next((reason for reason, there in reasons.items() if there), None)


def unit_refusal(wish: Service, host: Host) -> str | None:
    """Why systemd or launchd may refuse a plain tcp service."""
    shared = any(x.v6only is False for x in wish.listeners) or (host.policy.sharing is Sharing.MAPPED and free_to_share(wish))
    if isinstance(wish.program, Builtin):
        return "it performs no service itself"
    return "launchd makes no dual socket" if isinstance(host.server, LaunchdBuild) and shared else None


def _alone(wish: Service) -> bool:
    """True if IPv6 is wanted on every address and IPv4 is not, from the same socket."""
    anywhere = {listener.family: listener for listener in wish.wanted if listener.address is None}
    six = anywhere.get(Family.IPV6)
    return six is not None and (six.v6only is True or (six.v6only is None and Family.IPV4 not in anywhere))


# -- law 6: quiet ----------------------------------------------------------------------------------------------------------------------

FOREIGN_INETD = (
    "# a comment\n",
    "#<off># finger\tstream\ttcp\tnowait\tnobody\t/usr/sbin/tcpd\t/usr/sbin/in.fingerd\n",
    "#discard\tstream\ttcp\tnowait\troot\tinternal\n",
    "\n",
    "ftp\tstream\ttcp4\tnowait\troot\t/usr/sbin/ftpd\tftpd -l\r\n",
    "nntp stream tcp4 nowait news /usr/sbin/nntpd nntpd \udce9\n",
    "exec stream tcp6 nowait root /usr/sbin/rexecd rexecd\n",
    "12 not a line at all and so it stays\n",
    "#:MAIL: Mail, news and uucp services.\n",
)
FOREIGN_XINETD = (
    "# a comment\n\n",
    "service ftp\n{\n\tdisable = no\n\tsocket_type = stream\n\twait = no\n\tuser = root\n\tserver = /usr/sbin/ftpd # odd\n}\n\n",
    "service echo\n{\n\tdisable\t\t= yes\n\ttype\t\t= INTERNAL\n\tid\t\t= echo-stream\n\tsocket_type\t= stream\n\twait = no\n\tuser = root\n}\n",
    "\n",
    "  # indented \udce9\n",
    "service nntp\n{\n\tsocket_type=stream\n\tuser = news\n}\n",
    "service exec\r\n{\r\n\tsocket_type = stream\r\n}\r\n",
)


_ETC, _LIB = "/etc/systemd/system", "/usr/lib/systemd/system"
FOREIGN_UNITS: tuple[Mapping[str, str], ...] = (
    {
        f"{_LIB}/ftp.socket": "; odd\n[Socket]\r\nListenStream = 21\nAccept=\\\n# inside\n yes\n",
        f"{_LIB}/ftp@.service": "[Service]\nExecStart=-/usr/sbin/ftpd -l %i\nStandardInput=socket\n",
        f"{_ETC}/sockets.target.wants/ftp.socket": formats.Link("/lib/systemd/system/ftp.socket"),
    },
    {
        f"{_ETC}/exec.socket": "[Socket]\nListenStream=512\nListenStream=/run/exec\nBacklog=9",
        f"{_ETC}/exec.service": "[Service]\nExecStart=/usr/sbin/rexecd\n",
        f"{_LIB}/sockets.target.wants/exec.socket": formats.Link("../exec.socket"),
        f"{_ETC}/exec.socket.d/50-more.conf": "[Socket]\nBindIPv6Only=ipv6-only\n",
    },
    {f"{_LIB}/nntp.socket": "[Socket]\nListenStream=119\n", f"{_ETC}/nntp.socket": formats.Link("/dev/null")},
    {f"{_ETC}/broken.socket": "[Socket\nListenStream=1\n", f"{_ETC}/empty.socket": ""},
)
FOREIGN_JOBS: tuple[Mapping[str, str], ...] = (
    {"/Library/LaunchDaemons/com.example.ftp.plist": plistlib.dumps({**JOB, "Label": "ftp", "Sockets": {"L": {"SockServiceName": "ftp"}}}).decode()},
    {"/System/Library/LaunchDaemons/exec.plist": plistlib.dumps({**JOB, "Label": "exec", "Sockets": {"L": {"SockServiceName": 512}}}, fmt=plistlib.FMT_BINARY).decode("utf-8", "surrogateescape")},
    {"/Library/LaunchDaemons/broken.plist": "<plist><dict>"},
)  # fmt: skip


@given(service_lists(min_size=1, plain=True), host_policies(), st.data())
@patient
def test_quiet_a_second_merge_changes_nothing_and_activates_nothing(
    wishes: tuple[Service, ...], policy: HostPolicy, data: st.DataObject
) -> None:
    files = data.draw(old_files(policy, wishes))
    try:
        first = merge(wishes, policy, files)
    except Unprovable:
        assume(False)  # noqa: FBT003

    second = merge(wishes, first.host, {**files, **first.files})

    assert not second.files
    assert not second.live
    assert second.activate == ()
    assert second.before == second.sockets == first.sockets


@given(service_lists(min_size=1, plain=True), host_policies(), st.data())
@patient
def test_quiet_a_merge_keeps_every_line_that_is_not_ours(wishes: tuple[Service, ...], policy: HostPolicy, data: st.DataObject) -> None:
    assume(not {wish.name for wish in wishes} & {"ftp", "nntp", "exec"})
    files = data.draw(old_files(policy, ()))
    try:
        result = merge(wishes, policy, files)
    except Unprovable:
        assume(False)  # noqa: FBT003

    for path, text in files.items():
        old, new = text.splitlines(keepends=True), result.files.get(path, text).splitlines(keepends=True)
        if text and not text.endswith("\n"):
            old[-1] += "\n" if path in result.files else ""
        rest = iter(new)
        assert all(line in rest for line in old)


@st.composite
def old_files(draw: st.DrawFn, policy: HostPolicy, wishes: tuple[Service, ...]) -> dict[str, str]:
    """Files as a host may have them: foreign lines in any order, some of our own under another spelling, with or without a last newline."""
    host = resolve(policy)
    is_xinetd = isinstance(host.server, XinetdBuild)
    parts = draw(st.lists(st.sampled_from(FOREIGN_XINETD if is_xinetd else FOREIGN_INETD), unique=True, max_size=6))
    own: list[str] = []
    owned: list[Mapping[str, str]] = []
    manifests = isinstance(host.server, InetdBuild) and host.server.manifests is not None
    foreign = draw(st.lists(st.sampled_from(FOREIGN_UNITS if isinstance(host.server, SystemdBuild) else FOREIGN_JOBS), max_size=6))
    for wish in wishes:
        if draw(st.booleans()):
            try:
                other = plan(
                    [attrs.evolve(wish, user="daemon", enabled=True)], HostPolicy(name=policy.name, sharing=draw(st.sampled_from(Sharing)))
                )
            except Unprovable:
                continue
            own += [text for path, text in other.files.items() if path != host.config or not is_xinetd]
            owned.append(other.files)
    if isinstance(host.server, SystemdBuild | LaunchdBuild):
        return dict(item for files in draw(st.permutations([*foreign, *owned])) for item in files.items())
    texts = draw(st.permutations([*parts, *([] if manifests else own)]))
    main = "".join(texts)
    if draw(st.booleans()):
        main = main.removesuffix("\n")
    if manifests:
        theirs = draw(st.sampled_from([{}, {"/lib/svc/manifest/site/ftp.xml": MANIFEST.replace("imap", "ftp")}]))
        return {host.config: main, **theirs, **dict(item for files in owned for item in files.items())}
    if not is_xinetd:
        return {host.config: main}
    if draw(st.booleans()):
        return {host.config: f"includedir {host.directory}\n", f"{host.directory}/all": main}
    return {host.config: f"{main}\nincludedir {host.directory}\n"}


# -- hostile text ----------------------------------------------------------------------------------------------------------------------

HOSTILE = ("", " ", "a b", "a\tb", "a\nb", "a\r", "\n", "a\0b", "#a", "a#b", "'", '"', "a'b", "\"a b'", "a\\", "\\n", "{", "}", "=", "a=b", "+=",
           "service", "imap\nservice x\n{\n}", "x\n7001 stream tcp nowait root /bin/sh sh", "é", "a\u00a0b", "a\x0cb", "\udcff", "*:", "::1", "%h",
           "$(id)", "`id`", "-x", "/", "a:b", "a.b", "a/b", "internal")  # fmt: skip
FIELDS: dict[str, Callable[[str], Service]] = {
    "name": lambda text: Service(name=text, port=7001, program=PROGRAM),
    "user": lambda text: Service(name="imap", user=text, program=PROGRAM),
    "group": lambda text: Service(name="imap", group=text, program=PROGRAM),
    "path": lambda text: Service(name="imap", program=Program(path=f"/bin/{text}")),
    "argv0": lambda text: Service(name="imap", program=Program(path="/bin/x", argv0=text)),
    "args": lambda text: Service(name="imap", program=Program(path="/bin/x", args=(text, "end"))),
    "environment": lambda text: Service(name="imap", program=PROGRAM, environment={"A": text}),
    "environment name": lambda text: Service(name="imap", program=PROGRAM, environment={text: "a"}),
    "address": lambda text: Service(name="imap", program=PROGRAM, listeners=(Listener(family=Family.IPV6, address=text),)),
    "access": lambda text: Service(name="imap", program=PROGRAM, access=Access(ipv4=(text,), ipv6=(text,))),
    "builtin": lambda text: Service(name="time", program=Builtin(builtin=text)),
}


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("name", NAMES)
def test_hostile_text_is_refused_or_means_itself_and_opens_nothing_else(name: str, field: str) -> None:
    for text in HOSTILE:
        try:
            wish = FIELDS[field](text)
            planned = plan([wish], name)
        except ValueError as error:  # of the model, or Unprovable
            assert str(error).strip()
            continue
        entries = formats.read(planned.files, name).entries

        assert ways_of(predict(entries, name).sockets) == ways_in((wish,))
        for entry in entries:
            assert entry.service in {wish.name, str(wish.port)}
            assert (entry.program, entry.user, entry.group, entry.environment) == (wish.program, wish.user, wish.group, wish.environment)
