"""What stands in the defaults of an xinetd, when its services are read back or become those of another super-server."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest
from click.testing import CliRunner, Result

from inet46.cli import main
from inet46.codec import loads
from inet46.convert import export
from inet46.errors import Unprovable
from inet46.merge import merge
from inet46.service import Limits

XINETD, INETD = "debian-12/xinetd", "debian-12/openbsd-inetd"
CONF = "/etc/xinetd.conf"
DEFAULTS = """\
defaults
{
	instances      = 60
	cps            = 25 10
	only_from      = 10.0.0.0/8
	banner         = /etc/motd
	per_source     = 10
	max_load       = 4
	log_on_success = PID HOST
}
"""
TFTP = """\
service tftp
{
	socket_type    = dgram
	wait           = yes
	user           = root
	server         = /usr/sbin/in.tftpd
	flags          = IPv4
}
"""
RSYNC = """\
service rsync
{
	socket_type    = stream
	wait           = no
	user           = root
	server         = /usr/bin/rsync
	flags          = IPv4
	per_source     = 3
	only_from      = 192.0.2.1
}
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")


def run(*args: str) -> Result:
    return CliRunner().invoke(main, args)


def test_what_export_leaves_in_defaults_is_said_with_where_it_stands() -> None:
    Path("xinetd.conf").write_text(DEFAULTS + TFTP + RSYNC)

    result = run("export", "xinetd.conf", "--host", XINETD)

    assert result.exit_code == 1
    assert (
        result.stderr
        == """\
xinetd.conf:3: defaults: instances = 60 holds on this host and is in no service: write limits.instances for other hosts
xinetd.conf:7: defaults: per_source = 10 holds on this host and is in no service: write limits.per_source for other hosts
xinetd.conf:4: defaults: cps = 25 10 holds on this host and is in no service: write limits.rate for other hosts
xinetd.conf:8: defaults: max_load = 4 holds on this host and is in no service: no service can say it
xinetd.conf:9: defaults: log_on_success = PID HOST holds on this host and is in no service: no service can say it
xinetd.conf:6: defaults: banner = /etc/motd holds on this host and is in no service: no service can say it
"""
    )
    assert [service.access.ipv4 for service in loads(result.stdout, "toml")] == [("10.0.0.0/8",), ("192.0.2.1",)]


def test_what_export_leaves_in_defaults_still_holds_when_the_services_are_planned_there() -> None:
    files = {CONF: DEFAULTS + TFTP.replace("\tuser", "\tinstances      = UNLIMITED\n\tuser")}

    exported = export(files, XINETD)

    assert merge(exported.services, XINETD, files).files == {}
    edited = merge([attrs.evolve(exported.services[0], user="nobody")], XINETD, files).files[CONF]
    assert "\tinstances       = UNLIMITED\n" in edited
    assert exported.found[0].losses == ()


def test_where_it_stood_is_said_of_what_defaults_lose() -> None:
    Path("xinetd.conf").write_text(DEFAULTS + TFTP)

    result = run("convert", "xinetd.conf", "--from", XINETD, "--to", INETD)

    assert "\n  xinetd.conf:8: defaults: max_load = 4 is lost: it stood in defaults, which the new files do" in result.stdout


UNSEEN = "what the defaults of xinetd.conf hold for these services: it is not among the PATHs\n"


@pytest.mark.parametrize(("name", "more"), [("rsync", ""), ("inetd.conf", ""), ("xinetd.conf", ""), ("rsync", DEFAULTS)])
def test_paragraphs_without_the_main_file_are_said_to_stand_alone(name: str, more: str) -> None:
    Path("etc").mkdir()
    Path("etc", name).write_text("rsync stream tcp nowait root /x x\n" if name == "inetd.conf" else more + RSYNC)

    exported = run("export", f"etc/{name}", "--host", XINETD)
    converted = run("convert", f"etc/{name}", "--from", XINETD, "--to", "fedora-33/xinetd")

    alone = name == "rsync" and not more
    assert (f"not known: {UNSEEN}" in exported.stderr, f"  {UNSEEN}" in converted.stdout) == (alone, alone)
    assert not alone or (exported.exit_code, converted.exit_code) == (1, 1)


@pytest.mark.parametrize("more", [("--host", XINETD), ("--from", XINETD, "--to", INETD)], ids=["export", "convert"])
def test_a_folder_that_is_included_and_not_there_is_no_success(more: tuple[str, ...]) -> None:
    Path("xinetd.conf").write_text(TFTP + "includedir /not/there\n")

    result = run("export" if more[0] == "--host" else "convert", "xinetd.conf", *more)

    line = len(TFTP.splitlines()) + 1
    assert result.exit_code == 1
    assert f"xinetd.conf:{line}: what is in /not/there, which is not there\n" in result.output
    assert "nothing is lost" not in result.output


SHUT = RSYNC.replace("per_source     = 3", "instances      = 0")


def test_a_service_that_sends_everybody_away_is_none_that_others_should_serve() -> None:
    made = export({CONF: SHUT}, XINETD)

    assert made.services == ()
    assert made.on_paper == ("/etc/xinetd.conf:1: rsync turns every client away on this host, by a bound of 0",)


@pytest.mark.parametrize("text", [SHUT, RSYNC.replace("per_source     = 3", "per_source = 00")])
def test_what_is_deployed_is_not_sent_away(text: str) -> None:
    wish = attrs.evolve(export({CONF: RSYNC}, XINETD).services[0], limits=Limits())
    made = merge([wish], XINETD, {CONF: text})

    assert not any(held.entry.shut for held in made.sockets)
    assert made.files[CONF]


def test_what_defaults_send_away_is_no_plan() -> None:
    wish = attrs.evolve(export({CONF: RSYNC}, XINETD).services[0], limits=Limits())
    with pytest.raises(Unprovable, match="changes what is done for its clients"):
        merge([wish], XINETD, {CONF: "defaults\n{\n\tinstances = 0\n}\n" + RSYNC.replace("\tper_source     = 3\n", "")})
