"""The other laws that need no daemon: sound and quiet. Each is a property; `--hypothesis-profile=long` looks longer."""

from __future__ import annotations

import plistlib
from collections.abc import Callable, Mapping

import attrs
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from inet46 import formats
from inet46.errors import Unprovable
from inet46.host import HostPolicy, Sharing
from inet46.knowledge import HOSTS, PORTS, Dual, Host, InetdBuild, LaunchdBuild, SystemdBuild, XinetdBuild, resolve
from inet46.merge import merge
from inet46.plan import plan
from inet46.predict import Held, predict
from inet46.service import Access, Builtin, Listener, Program, Service
from inet46.sockets import Family, Transport
from tests.strategies import host_policies, service_lists
from tests.texts import JOB, MANIFEST, PROGRAM, deadly, patient

NAMES = [row.name for row in HOSTS]
KNOBS = [None, "0", "1"]


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
