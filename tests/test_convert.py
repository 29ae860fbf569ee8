"""Conversion and export: law 4, preserving; what is lost is said; what listens on paper only is left out."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from inet46 import formats
from inet46.cli import main
from inet46.codec import loads
from inet46.convert import Conversion, convert, export
from inet46.errors import Unprovable
from inet46.knowledge import HOSTS, resolve
from inet46.merge import merge
from inet46.plan import plan
from inet46.predict import Held, predict
from inet46.proof import reach
from inet46.service import Access, Limits, Rate, Service
from inet46.sockets import Family
from tests import matrix
from tests.strategies import service_lists

XINETD, OPENBSD, INETUTILS = "debian-12/xinetd", "debian-12/openbsd-inetd", "debian-12/inetutils-inetd"
SYSTEMD = "debian-12/systemd"
NAMES = [row.name for row in HOSTS]


def duties(sockets: Iterable[Held]) -> set[tuple[object, ...]]:
    """What is done for a client on each port: the program, its user, and whether it gets the socket."""
    return {(held.socket.transport, held.socket.port, held.entry.program, held.entry.user, held.entry.wait) for held in sockets}


def names(held: Held, host: str) -> set[str | None]:
    """What a service on this port may be called by a conversion."""
    port = held.socket.port
    return {held.service, resolve(host).name_of(port, held.socket.transport), f"port{port}"}


def sorted_by_port(services: Iterable[Service]) -> list[Service]:
    return sorted(services, key=lambda service: (service.port or 0, service.transport.value))


# -- law 4 -----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
@given(services=service_lists(min_size=1, max_size=3, plain=True), other=st.sampled_from(NAMES))
def test_preserving_what_is_reached_and_what_is_done_or_saying_what_is_lost(name: str, services: tuple[Service, ...], other: str) -> None:
    try:
        old = plan(services, name)
    except Unprovable:
        return
    try:
        made = convert(old.files, old.host.with_settings(old.settings), other)
    except Unprovable:
        # NetBSD's inetd leaves IPV6_V6ONLY to one setting of the kernel: what one service needs of it, another may not bear.
        assert other == "netbsd-10/inetd"
        return
    lost = {loss.service for loss in made.losses}
    kept = [held for held in old.sockets if not names(held, name) & lost]
    ports = {(held.socket.transport, held.socket.port) for held in kept}
    then = made.host.with_settings(made.settings)
    new = predict(formats.read(made.files, then).entries, then).sockets
    there = [held for held in new if (held.socket.transport, held.socket.port) in ports]

    assert reach(there) == reach(kept)
    assert duties(there) == duties(kept)
    assert not made.on_paper
    assert {way[:3] for way in reach(new)} <= {way[:3] for way in reach(old.sockets)}, "nothing is opened that was not open"


@pytest.mark.parametrize("name", NAMES)
@given(services=service_lists(min_size=1, max_size=3, plain=True))
def test_quiet_when_what_was_exported_is_planned_for_its_own_host(name: str, services: tuple[Service, ...]) -> None:
    try:
        old = plan(services, name)
    except Unprovable:
        return
    host = old.host.with_settings(old.settings)

    assert merge(export(old.files, host).services, host, old.files).files == {}


@pytest.mark.parametrize("old", matrix.FORMATS)
def test_every_format_to_every_other_keeps_what_is_reached_or_says_what_is_lost(old: str) -> None:
    services = list(matrix.generated(12))
    counts = {new: matrix.count(services, matrix.FORMATS[old], host) for new, host in matrix.FORMATS.items() if new != old}

    assert {new: counted.wrong for new, counted in counts.items() if counted.wrong} == {}
    assert sum(counted.whole for counted in counts.values()) > 0


@pytest.mark.parametrize(
    ("flags", "nearest"),
    [("SENSOR", None), ("IDONLY", None), ("NODELAY KEEPALIVE NOLIBWRAP", "NoDelay= of the socket and KeepAlive= of the socket")],
)
def test_of_flags_those_have_something_near_for_which_systemd_has_a_word(flags: str, nearest: str | None) -> None:
    text = CHECK_MK.replace("{\n", f"{{\n\tflags = {flags}\n", 1)

    losses = convert({"/etc/xinetd.conf": text}, "debian-12/xinetd", "debian-12/systemd").losses

    assert [loss.instead for loss in losses if loss.thing == "flags"] == [nearest]


def test_a_dual_socket_keeps_no_other_service_from_having_ipv6_alone() -> None:
    """On NetBSD one setting decides for all sockets: with it, udp6 takes both families here and tcp6 must not."""
    lines = "talk\tdgram\tudp\twait\tnobody\t/usr/sbin/in.talkd in.talkd\nfinger\tstream\ttcp6\tnowait\tnobody\t/usr/sbin/in.fingerd in.fingerd\n"

    made = convert({"/etc/inetd.conf": lines}, "debian-12/openbsd-inetd", "netbsd-10/inetd")

    assert [str(held.socket) for held in made.sockets] == ["0.0.0.0:517", "[::]:517 v6only", "[::]:79 v6only"]
    assert not made.losses
    assert not made.settings


# -- real services ---------------------------------------------------------------------------------------------------------------------

CHECK_MK = """\
service check_mk
{
	type           = UNLISTED
	port           = 6556
	socket_type    = stream
	protocol       = tcp
	wait           = no
	user           = root
	server         = /usr/bin/check_mk_agent
	only_from      = 127.0.0.1 10.0.20.1
	log_on_success =
	disable        = no
}
"""
RSYNC = """\
service rsync
{
	flags          = IPv6
	socket_type    = stream
	wait           = no
	user           = root
	server         = /usr/bin/rsync
	server_args    = --daemon
	only_from      = 10.0.0.0 2001:db8::/32
	per_source     = 3
	cps            = 50 10
}
"""
TFTP = """\
service tftp
{
	socket_type    = dgram
	protocol       = udp
	wait           = yes
	user           = root
	server         = /usr/sbin/in.tftpd
	server_args    = -s /srv/tftp
	flags          = IPv4
}
"""
CONF = "/etc/xinetd.conf"


def carried(text: str, to: str, source: str = XINETD, path: str = CONF) -> Conversion:
    return convert({path: text}, source, to)


def told(made: Conversion) -> list[tuple[str, bool]]:
    return [(f"{loss.service}: {loss.what}: {loss.why}", loss.guards) for loss in made.losses]


def test_tftp_goes_to_inetd_without_loss() -> None:
    made = carried(TFTP, INETUTILS)

    assert made.files == {"/etc/inetd.conf": "tftp\tdgram\tudp4\twait\troot\t/usr/sbin/in.tftpd in.tftpd -s /srv/tftp\n"}
    assert (made.losses, made.differences, made.on_paper, made.unknown) == ((), (), (), ())


def test_what_an_inetd_cannot_say_is_lost_thing_by_thing_and_what_guards_is_told_apart() -> None:
    made = carried(CHECK_MK + RSYNC, INETUTILS)

    assert told(made) == [
        ("check_mk: log_on_success = (nothing): a Service has no word for it", False),
        ("check_mk: the access list (IPv4: 10.0.20.1, 127.0.0.1; IPv6: nobody): access cannot be said in inetd.conf", True),
        ("rsync: the rate of 50 in 1 s: limits.rate (50 in 1 s) has no spelling in this inetd.conf", True),
        ("rsync: the bound of 3 servers for one address: limits.per_source cannot be said in this inetd.conf", True),
        ("rsync: the access list (IPv4: 10.0.0.0/8; IPv6: 2001:db8::/32): access cannot be said in inetd.conf", True),
    ]
    assert made.losses[1].instead is not None
    assert made.losses[1].instead.startswith("tcpd as the server")
    assert [loss.span.line for loss in made.losses if loss.span] == [1, 1, 14, 14, 14]


def test_from_one_xinetd_to_another_its_own_words_go_along() -> None:
    made = carried(CHECK_MK + RSYNC.replace("per_source", "log_on_failure += USERID\n\tper_source"), "freebsd-14/xinetd")

    assert made.losses == ()
    assert "log_on_failure  += USERID\n" in made.files["/usr/local/etc/xinetd.d/rsync"]
    assert "only_from       = 10.0.20.1 127.0.0.1\n" in made.files["/usr/local/etc/xinetd.d/check_mk"]


DEFAULTS = """\
defaults
{
	instances      = 60
	cps            = 25 10
	per_source     = 10
	max_load       = 4
	log_on_success = PID HOST
}
"""


def test_what_stands_in_defaults_holds_for_every_service_and_goes_along() -> None:
    made = carried(DEFAULTS + RSYNC.replace("\tcps            = 50 10\n", "") + TFTP, "fedora-33/xinetd")

    assert [(one.limits.instances, one.limits.per_source, one.limits.rate) for one in made.services] == [
        (60, 3, Rate(connections=25, seconds=1)),
        (60, 10, Rate(connections=25, seconds=1)),
    ]
    assert told(made) == [
        ("defaults: max_load = 4: it stood in defaults, which the new files do not have", True),
        ("defaults: log_on_success = PID HOST: it stood in defaults, which the new files do not have", False),
    ]
    assert export({CONF: DEFAULTS + TFTP}, XINETD).services[0].limits == Limits()


def test_what_is_there_on_paper_only_is_left_out_and_said() -> None:
    off = TFTP.replace("service tftp", "service finger").replace("flags          = IPv4", "disable        = yes")
    text = off + TFTP + RSYNC.replace("flags ", "id = again\n\tflags ") + RSYNC + CHECK_MK.replace("\tuser           = root\n", "")

    made = carried(text, "fedora-33/xinetd")

    assert [service.name for service in made.services] == ["tftp", "rsync"]
    assert len(made.on_paper) == 3
    assert "address already in use" in made.on_paper[0]
    assert "check_mk" in made.on_paper[1]
    assert made.on_paper[2] == "/etc/xinetd.conf:1: finger is disabled"


def test_two_sockets_in_the_place_of_one_are_a_difference_and_no_loss() -> None:
    plain = RSYNC.replace("\tonly_from      = 10.0.0.0 2001:db8::/32\n", "").replace("\tper_source     = 3\n\tcps            = 50 10\n", "")

    made = carried(plain, OPENBSD)

    assert made.losses == ()
    assert made.differences in {(), ("rsync: 0.0.0.0:873 + [::]:873 v6only instead of [::]:873 dual",)}


def test_a_bound_that_nobody_stated_is_said() -> None:
    made = carried(TFTP + RSYNC.replace("\tcps            = 50 10\n", ""), SYSTEMD)

    assert made.losses == ()
    assert made.differences == (
        "rsync: at most 64 clients at once (MaxConnections= of systemd, when nothing is said), and no bound before",
    )


def test_what_xinetd_heals_by_itself_and_systemd_does_not_is_a_loss_with_its_nearest() -> None:
    (loss,) = carried(RSYNC, SYSTEMD).losses

    assert (loss.thing, loss.guards) == ("rate", True)
    assert loss.instead is not None
    assert "the port stays closed until somebody restarts it, where xinetd's cps comes back by itself" in loss.instead


def test_a_second_program_on_the_same_port_is_a_loss_of_its_family() -> None:
    lines = "imap stream tcp4 nowait root /usr/sbin/a a\nimap stream tcp6 nowait root /usr/sbin/b b\n"

    made = carried(lines, XINETD, OPENBSD, "/etc/inetd.conf")

    assert [(loss.thing, loss.what) for loss in made.losses] == [("family", "[::]:143 v6only, which serves IPv6 in another way")]
    assert [held.accepts for held in made.sockets] == [frozenset({Family.IPV4})]


def test_a_redirection_and_a_server_that_cannot_be_started_are_no_services() -> None:
    redirected = carried(
        RSYNC.replace("server         = /usr/bin/rsync\n\tserver_args    = --daemon", "redirect       = 192.0.2.1 873"), OPENBSD
    )
    relative = carried("imap stream tcp4 nowait root imapd\n", XINETD, OPENBSD, "/etc/inetd.conf")

    assert (redirected.services, [loss.thing for loss in redirected.losses if loss.guards][:1]) == ((), ["redirect"])
    assert "every client is disconnected on the old host" in relative.losses[0].why


# -- access ----------------------------------------------------------------------------------------------------------------------------


def _access(lists: str, flags: str = "IPv6") -> tuple[Access, list[str]]:
    text = TFTP.replace("dgram", "stream").replace("udp", "tcp").replace("wait           = yes", "wait = no").replace("IPv4", flags)
    text = text.replace("tftp", "rsync").replace("}", f"{lists}\n}}")
    found = export({CONF: text}, XINETD).found[0]
    return found.service.access, [loss.why for loss in found.losses]


@pytest.mark.parametrize(
    ("lists", "ipv4", "ipv6"),
    [
        ("only_from = 10.0.0.0", ("10.0.0.0/8",), ()),
        ("only_from = ::/0", None, None),
        ("only_from = 2001:db8::/32 0.0.0.0/0", None, ("2001:db8::/32",)),
        ("only_from =", (), ()),
        ("only_from = ::1/128 ::", (), ()),
        ("no_access = 10.0.0.0/8\n\tonly_from = 10.0.0.0/7", ("11.0.0.0/8",), ()),
        ("no_access = ::/1", ("128.0.0.0/1",), ("8000::/1",)),
    ],
)
def test_lists_are_read_as_xinetd_reads_them(lists: str, ipv4: tuple[str, ...] | None, ipv6: tuple[str, ...] | None) -> None:
    access, losses = _access(lists)

    if lists == "no_access = ::/1":  # mapped addresses lie in ::/1, so every IPv4 client is refused
        ipv4 = ()
    assert (access.ipv4, access.ipv6, losses) == (ipv4, ipv6, [])


def test_names_in_lists_cannot_be_carried_and_the_effect_is_said() -> None:
    access, losses = _access("only_from = 10.0.0.1 mail.example.org")

    assert (access.ipv4, access.ipv6) == (("10.0.0.1",), ())
    assert losses == ["what mail.example.org means only a look-up on the host tells, so its clients are shut out"]


# -- the round trip --------------------------------------------------------------------------------------------------------------------

TRIP = (OPENBSD, XINETD, SYSTEMD, XINETD, OPENBSD)


@given(services=service_lists(min_size=1, max_size=3, plain=True))
def test_round_trip_ends_with_the_same_services_but_for_losses(services: tuple[Service, ...]) -> None:
    try:
        files = dict(plan(services, TRIP[0]).files)
    except Unprovable:
        return
    first = export(files, TRIP[0]).services
    lost: set[str] = set()
    for source, target in itertools.pairwise(TRIP):
        made = convert(files, source, target)
        lost |= {loss.service for loss in made.losses}
        files = dict(made.files)
    last = export(files, TRIP[-1]).services

    kept = [sorted_by_port(one for one in services if one.name not in lost) for services in (first, last)]

    assert kept[0] == kept[1]


# -- the command line ------------------------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    Path("xinetd.conf").write_text(TFTP + RSYNC)


def run(*args: str) -> Result:
    result = CliRunner().invoke(main, args)

    assert result.exception is None or isinstance(result.exception, SystemExit)
    assert "defect" not in result.stderr
    return result


def test_convert_prints_files_sockets_and_losses_and_ends_with_1() -> None:
    result = run("convert", "xinetd.conf", "--from", XINETD, "--to", INETUTILS)

    assert result.exit_code == 1
    assert "==> /etc/inetd.conf <==\n" in result.stdout
    assert "lost, and it guarded something:\n  xinetd.conf:11: rsync: the rate of 50 in 1 s is lost:" in result.stdout


def test_strict_refuses_what_would_leave_a_service_unguarded_and_writes_nothing() -> None:
    result = run("convert", "xinetd.conf", "--from", XINETD, "--to", INETUTILS, "--strict", "-o", "out")

    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 3
    assert all(line.startswith("Error: --strict: xinetd.conf:11: rsync: ") for line in result.stderr.splitlines())
    assert not Path("out").exists()


def test_convert_writes_below_a_folder_and_has_json() -> None:
    data: Any = (
        json.loads(run("convert", "xinetd.conf", "--from", XINETD, "--to", "rhel-7/xinetd", "-o", "out", "--json").stdout)
        if ("rhel-7/xinetd" in NAMES)
        else json.loads(run("convert", "xinetd.conf", "--from", XINETD, "--to", "fedora-33/xinetd", "-o", "out", "--json").stdout)
    )

    assert data["losses"] == []
    assert sorted(path.name for path in Path("out/etc/xinetd.d").iterdir()) == ["rsync", "tftp"]
    assert {"from", "to", "files", "settings", "sockets", "losses", "differences", "on_paper", "unknown", "written"} == set(data)


@pytest.mark.parametrize("form", ["toml", "yaml", "json"])
def test_what_export_prints_is_read_back_as_the_same_services(form: Any) -> None:
    result = run("export", "xinetd.conf", "--host", XINETD, "--format", form)

    assert result.exit_code == 0
    assert loads(result.stdout, form) == export({CONF: TFTP + RSYNC}, XINETD).services


def test_json_is_a_form_of_export() -> None:
    forms = [run("export", "xinetd.conf", "--host", XINETD, *more).stdout for more in (("--json",), ("--format", "json"))]

    assert forms[0] == forms[1]
    assert loads(forms[0], "json") == export({CONF: TFTP + RSYNC}, XINETD).services


def test_export_in_python_is_a_deploy() -> None:
    result = run("export", "xinetd.conf", "--host", XINETD, "--format", "python")
    names: dict[str, Any] = {}
    code = result.stdout.replace("from pyinfra_inet46.deploys import answer", "def answer(services): names.extend(services)")
    exec(code, {"names": (names := [])})  # type: ignore[assignment]

    assert loads(json.dumps({"services": names}), "json") == export({CONF: TFTP + RSYNC}, XINETD).services


def test_what_export_cannot_say_is_said_on_standard_error() -> None:
    Path("xinetd.conf").write_text(CHECK_MK + "service pop3\n{\n}\n")

    result = run("export", "xinetd.conf", "--host", XINETD)

    assert result.exit_code == 1
    assert result.stderr.startswith("xinetd.conf:1: check_mk: log_on_success = (nothing) is lost: a Service has no word for it\n")
    assert "xinetd.conf:14: pop3: " in result.stderr


def test_both_hosts_that_are_not_known_are_named() -> None:
    result = run("convert", "xinetd.conf", "--from", "debian-12/xined", "--to", "debian-12/oinetd")

    assert result.exit_code == 2
    assert [line.split(":")[1] for line in result.stderr.splitlines()] == [" --from", " --to"]
