"""pyinfra as a user runs it, on the example fleet with simulated connections."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pyinfra_inet46.verdict import Result, Verdict, write_verdict

REPOSITORY = Path(__file__).parents[1]
SIMULATED = "inventories/simulated.py"


def pyinfra(*arguments: str, cwd: Path = REPOSITORY) -> subprocess.CompletedProcess[str]:
    program = str(Path(sys.executable).with_name("pyinfra"))
    environment = {**os.environ, "PYINFRA_PROGRESS": "off"}
    return subprocess.run((program, *arguments), cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=120)


def by_host(output: str) -> dict[str, str]:
    """What the preparation says of each host; hosts come in any order."""
    prepared = output.partition("Loading: ")[2].partition("--> Detected")[0]
    parts = re.findall(r"(?ms)^    \[@fake/(\S+)\] +(.*?)^    \[@fake/\1\] +Ready: ", prepared)
    return {name: re.sub(r"(?m)^    \[@fake/\S+\] +", "", text) for name, text in parts}


@pytest.mark.parametrize("deploy", ["imap", "pop3"])
def test_the_dry_run_of_the_fleet_shows_files_settings_and_sockets(deploy: str, golden: Callable[[str, str], None]) -> None:
    result = pyinfra(SIMULATED, f"deploys/{deploy}.py", "--dry", "--diff")

    assert result.returncode == 0, result.stderr
    hosts = by_host(result.stderr)
    assert len(hosts) == 10
    text = "\n".join(f"== {name}\n{re.sub(r'[ ]+$', '', said, flags=re.MULTILINE)}" for name, said in sorted(hosts.items()))
    golden(text, f"goldens/fleet/{deploy}.txt")


def test_the_freebsd_4_group_gets_rc_conf_and_the_live_sysctl() -> None:
    result = pyinfra(SIMULATED, "deploys/imap.py", "--dry", "--diff", "--limit", "freebsd4_inetd")
    (said,) = by_host(result.stderr).values()

    assert '-ipv6_ipv4mapping="NO"\t# until the mail servers need it' in said
    assert '+ipv6_ipv4mapping="YES"\t# until the mail servers need it' in said
    assert '+ipv6_enable="YES"' in said
    assert "net.inet6.ip6.v6only: 1 → 0 (live)" in said


def test_a_migration_has_to_be_told_where_to_go() -> None:
    result = pyinfra(SIMULATED, "deploys/migrate.py", "--dry", "--limit", "freebsd_inetd")

    assert result.returncode == 1
    assert re.search(r"say where to go, as in --data inet46_migrate_to=debian-12/xinetd", result.stderr), result.stderr


def test_a_migration_of_a_fleet_tells_each_host_that_cannot_go_there_why() -> None:
    result = pyinfra(SIMULATED, "deploys/migrate.py", "--dry", "--data", "inet46_migrate_to=debian-12/xinetd")
    said = by_host(result.stderr)

    assert result.returncode == 0, result.stderr
    assert [name for name, text in said.items() if not text.strip()] == [name for name in said if "debian" in name and "xinetd" in name]
    assert all("refused: " in text for text in said.values() if text.strip())


def test_a_migration_is_confirmed_as_its_data_say() -> None:
    result = pyinfra(SIMULATED, "deploys/migrate.py", "--dry", "--data", "inet46_migrate_to=debian-12/xinetd", "--data", "inet46_confirm=4")

    assert result.returncode == 1
    assert "confirm: 4 is not a number of seconds from 5 to 3600" in result.stderr


def test_the_example_fleet_can_be_listed() -> None:
    result = pyinfra("inventories/prod.py", "debug-inventory")

    assert result.returncode == 0, result.stderr
    assert "mail1.fra.example.org" in result.stdout + result.stderr


def test_the_example_fleet_can_be_listed_with_models_in_its_data(tmp_path: Path) -> None:
    (tmp_path / "group_data").mkdir()
    (tmp_path / "fleet.py").write_text('web = ["@fake/a"]\n')
    (tmp_path / "group_data/web.py").write_text(
        "from inet46 import HostPolicy as _P, Program as _Prog, Service as _S\n"
        'policy = _P(name="debian-12/xinetd")\n'
        'services = [_S(name="imap", program=_Prog(path="/x"))]\n'
    )
    result = pyinfra("fleet.py", "debug-inventory", "--json", cwd=tmp_path)

    assert result.returncode == 0, result.stderr
    assert '"debian-12/xinetd"' in result.stdout


def _deploy(folder: Path, body: str) -> str:
    path = folder / "deploy.py"
    path.write_text(f"from pyinfra import host\nfrom pyinfra_inet46 import operations\n{body}")
    return str(path)


LIMIT = ("--dry", "--diff", "--limit", "debian_xinetd")


def test_plain_dicts_are_as_good_as_models(tmp_path: Path) -> None:
    body = 'operations.services(name="x", services=[{"name": "imap", "program": {"path": "/usr/sbin/imap4d", "args": ["--inetd"]}}])\n'
    result = pyinfra(SIMULATED, _deploy(tmp_path, body), *LIMIT)

    assert "imap: now answers IPv4 only → IPv4 and IPv6 (0.0.0.0:143 + [::]:143 v6only)" in result.stderr


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("s.toml", '[[service]]\nname = "imap"\nprogram = { path = "/usr/sbin/imap4d", args = ["--inetd"] }\n'),
        ("s.yaml", "services:\n- name: imap\n  program: {path: /usr/sbin/imap4d, args: [--inetd]}\n"),
        ("s.json", '{"services": [{"name": "imap", "program": {"path": "/usr/sbin/imap4d", "args": ["--inetd"]}}]}'),
    ],
)
def test_a_file_is_as_good_as_models(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    result = pyinfra(SIMULATED, _deploy(tmp_path, f'operations.services(name="x", services="{tmp_path / name}")\n'), *LIMIT)

    assert "imap: now answers IPv4 only → IPv4 and IPv6" in result.stderr


def test_every_mistake_in_the_data_is_named_at_once_and_nothing_is_contacted(tmp_path: Path) -> None:
    body = (
        'operations.services(name="x", services=[{"nam": "imap", "port": "143"}], policy={"name": "debian-12/xinetd", "sharing": "no"})\n'
    )
    result = pyinfra(SIMULATED, _deploy(tmp_path, body), *LIMIT)

    assert result.returncode == 1
    assert "unknown key 'nam'; did you mean 'name'?" in result.stderr
    assert "'143' is a str" in result.stderr
    assert "sharing 'no' is not one of separate, mapped, auto" in result.stderr


def test_a_missing_file_is_a_message(tmp_path: Path) -> None:
    result = pyinfra(SIMULATED, _deploy(tmp_path, 'operations.services(name="x", services="nowhere.toml")\n'), *LIMIT)

    assert result.returncode == 1
    assert "services: [Errno 2] No such file or directory: 'nowhere.toml'" in result.stderr


def test_a_refused_host_ends_with_status_1_and_the_others_go_on(tmp_path: Path) -> None:
    body = (
        'operations.services(name="x", policy="debian-12/xinetd", services=[{"name": "imap", "program": {"path": "/usr/sbin/imap4d"}}])\n'
    )
    result = pyinfra(SIMULATED, _deploy(tmp_path, body), "--dry", "--limit", "debian")

    assert "refused: the policy says debian-12/xinetd, and this host is debian-12/openbsd-inetd" in result.stderr
    assert "[@fake/mail3.ber.example.org] imap: now answers" in result.stderr


def test_a_refusal_is_an_error_of_the_run_and_nothing_is_sent(tmp_path: Path) -> None:
    body = (
        'operations.services(name="x", policy="debian-12/xinetd", services=[{"name": "imap", "program": {"path": "/usr/sbin/imap4d"}}])\n'
    )
    result = pyinfra(SIMULATED, _deploy(tmp_path, body), "-y", "--limit", "debian_openbsd_inetd")

    assert result.returncode == 1
    assert "nothing was changed" in result.stderr


def test_a_host_that_answers_garbage_costs_only_itself(tmp_path: Path) -> None:
    (tmp_path / "fleet.py").write_text(
        'web = [("@fake/a", {"fake_responses": {"inet46-look": ["inet46-look 1", "oh no"]}, "fake_delay": 0}), ("@fake/b", {"fake_delay": 0})]\n'
    )
    body = 'operations.services(name="x", services=[{"name": "imap", "program": {"path": "/usr/sbin/imap4d"}}])\n'
    result = pyinfra("fleet.py", _deploy(tmp_path, body), "--dry", cwd=tmp_path)

    assert "[@fake/a] refused: the answer is cut short: there is no line 'end'" in result.stderr
    assert "[@fake/b] refused: the host gave no answer to the look" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("shell", "reason"),
    [
        ("sleep 600", "the host gave no answer to the look"),
        ("head -c 50000000 /dev/zero", "the host gave no answer"),
        ("head -c 3000000 /dev/urandom", "the host gave no answer"),
        ("yes inet46-look 1 | head -n 20000", "the answer is cut short"),
        (r"printf 'inet46-look 1\nsystem \033]0;owned\007\nend\n'", "the answer does not say release"),
        (r"printf 'inet46-look \033]0;owned\007\n'", "the answer begins with 'inet46-look \\x1b]0;owned\\x07'"),
    ],
    ids=["never", "zeros", "noise", "over and over", "an escape in a value", "an escape in the head"],
)
def test_a_host_whose_shell_is_somebody_elses_costs_itself_alone(tmp_path: Path, shell: str, reason: str) -> None:
    stand_in = tmp_path / "sh"
    stand_in.write_text(f"#!/bin/sh\n{shell}\n")
    stand_in.chmod(0o755)
    told = runpy.run_path(str(REPOSITORY / SIMULATED))["debian_xinetd"]
    (tmp_path / "fleet.py").write_text(
        "import runpy\n"
        f"good = runpy.run_path({str(REPOSITORY / SIMULATED)!r})['debian_xinetd']\n"
        f"evil = [('@local', {{'_shell_executable': {str(stand_in)!r}}})]\n"
    )
    body = (
        "operations.PATIENCE = 3\n"
        'operations.services(name="x", services=[{"name": "imap", "program": {"path": "/usr/sbin/imap4d", "args": ["--inetd"]}}])\n'
    )
    result = pyinfra("fleet.py", _deploy(tmp_path, body), "--dry", cwd=tmp_path)

    assert reason in result.stderr
    assert result.stderr.count("imap: now answers IPv4 only → IPv4 and IPv6") == len(told)
    assert "\x1b]0;" not in result.stderr + result.stdout


def test_the_fact_can_be_asked_for_by_itself_and_keeps_contents_to_itself() -> None:
    result = pyinfra(SIMULATED, "fact", "pyinfra_inet46.facts.HostLook", "--limit", "freebsd4_inetd")

    assert result.returncode == 0, result.stderr
    assert '"kind": "inetd"' in result.stdout + result.stderr
    assert "ftpd" not in result.stdout + result.stderr


def test_a_simulated_host_says_that_it_cannot_be_changed() -> None:
    result = pyinfra(SIMULATED, "deploys/imap.py", "-y", "--limit", "debian_xinetd")

    assert result.returncode == 1
    assert "refused at lock: this host is simulated" in result.stderr


def test_a_change_of_which_nothing_is_heard_is_said_to_be_open(tmp_path: Path) -> None:
    fleet = runpy.run_path(str(REPOSITORY / SIMULATED))
    ((name, data),) = fleet["debian_xinetd"]
    look = data["fake_responses"]["inet46-look"]
    (tmp_path / "fleet.py").write_text(f'web = [({name!r}, {{"fake_responses": {{"inet46-look": {look!r}}}, "fake_delay": 0}})]\n')
    body = 'operations.services(name="x", services=[{"name": "imap", "program": {"path": "/usr/sbin/imap4d"}}])\n'
    result = pyinfra("fleet.py", _deploy(tmp_path, body), "-y", cwd=tmp_path)

    assert result.returncode == 1
    assert "no verdict came back" in result.stderr


@pytest.mark.parametrize(
    ("id", "reason"),
    [
        ("yesterday", "the verdict is that of another change, yesterday"),
        ("now", "the host says that all is well, and shows no socket of imap at 0.0.0.0 port 143"),
    ],
)
def test_a_success_that_does_not_show_what_it_claims_is_not_believed(tmp_path: Path, id: str, reason: str) -> None:  # noqa: A002
    fleet = runpy.run_path(str(REPOSITORY / SIMULATED))
    ((name, data),) = fleet["debian_xinetd"]
    verdict = Verdict(result=Result.COMMITTED, id=id, step="commit", reason="", state="all is well", proof="python3")
    answers = {"inet46-look": data["fake_responses"]["inet46-look"], "sh -s": write_verdict(verdict)}
    (tmp_path / "fleet.py").write_text(f'web = [({name!r}, {{"fake_responses": {answers!r}, "fake_delay": 0}})]\n')
    body = "operations._change_id = lambda: 'now'\n"
    body += 'operations.services(name="x", services=[{"name": "imap", "program": {"path": "/usr/sbin/imap4d"}}])\n'
    result = pyinfra("fleet.py", _deploy(tmp_path, body), "-y", cwd=tmp_path)

    assert result.returncode == 1
    assert f"no verdict came back ({reason})" in result.stderr


@pytest.mark.parametrize("deadline", ["abc", True, 0, 1e9])
def test_a_deadline_that_is_none_is_refused(tmp_path: Path, deadline: object) -> None:
    body = f'operations.services(name="x", services=[], deadline={deadline!r})\n'
    result = pyinfra(SIMULATED, _deploy(tmp_path, body), *LIMIT)

    assert f"deadline: {deadline!r} is not a number of seconds up to 600" in result.stderr


def test_a_policy_that_nobody_knows_is_answered_with_the_nearest(tmp_path: Path) -> None:
    body = 'operations.services(name="x", services=[], policy="debian-12/xinet")\n'
    result = pyinfra(SIMULATED, _deploy(tmp_path, body), *LIMIT)

    assert "policy: host 'debian-12/xinet' is not known; did you mean debian-12/xinetd" in result.stderr


def test_a_host_without_a_program_in_its_data_is_named(tmp_path: Path) -> None:
    (tmp_path / "fleet.py").write_text('web = [("@fake/a", {"fake_delay": 0})]\n')
    result = pyinfra("fleet.py", str(REPOSITORY / "deploys/imap.py"), "--dry", cwd=tmp_path)

    assert "@fake/a: inet46_programs in the host's data has no 'imap'; it has nothing" in result.stderr


@pytest.mark.parametrize(
    ("programs", "reason"),
    [
        ("imap", " is 'imap', expected a mapping from names to command lines"),
        ({"imap": ""}, " is '', expected a command line or a list of words"),
        ({"imap": 5}, " is 5, expected a command line or a list of words"),
        ({"imap": "imap4d"}, " is 'imap4d': path 'imap4d' is not the absolute path of a program"),
        ({"imap": ["/x", 5]}, " is ['/x', 5]: args[0] is 5, an int; expected str"),
        ({"imap": "/x -n 'a b'"}, " is \"/x -n 'a b'\"; words with blanks or quotes in them have to be given as a list"),
    ],
    ids=str,
)
def test_a_program_in_the_data_that_is_none_is_named_with_what_it_is(tmp_path: Path, programs: object, reason: str) -> None:
    (tmp_path / "fleet.py").write_text(f'web = [("@fake/a", {{"fake_delay": 0, "inet46_programs": {programs!r}}})]\n')
    result = pyinfra("fleet.py", str(REPOSITORY / "deploys/imap.py"), "--dry", cwd=tmp_path)

    assert result.returncode == 1
    where = "['imap']" if isinstance(programs, dict) else ""
    assert f"@fake/a: inet46_programs{where} in the host's data{reason}" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("without", ["5", "null"])
def test_services_to_be_given_up_that_are_no_list_are_refused(without: str) -> None:
    to = ("--data", "inet46_migrate_to=debian-12/systemd", "--data", f"inet46_without={without}")
    result = pyinfra(SIMULATED, "deploys/migrate.py", "--dry", *to)

    assert result.returncode == 1
    assert re.search(r"without: (5|None) is no list of names of services", result.stderr)


@pytest.mark.parametrize("options", ["services='a\\0.toml'", "services=[], policy='a\\0.toml'"])
def test_a_name_of_a_file_with_a_nul_is_a_message(tmp_path: Path, options: str) -> None:
    result = pyinfra(SIMULATED, _deploy(tmp_path, f"operations.services(name='x', {options})\n"), *LIMIT)

    assert result.returncode == 1
    assert r"'a\x00.toml' is no name of a file: it holds a NUL" in result.stderr


@pytest.mark.parametrize(
    ("name", "meant"), [("inet46_confrim", "inet46_confirm"), ("inet46_program", "inet46_programs"), ("Inet46_Policy", "inet46_policy")]
)
@pytest.mark.parametrize("deploy", ["imap", "migrate"])
def test_a_misspelt_name_in_the_data_is_refused_with_what_was_meant(deploy: str, name: str, meant: str) -> None:
    to = ("--data", "inet46_migrate_to=debian-12/systemd", "--data", f"{name}=60")
    result = pyinfra(SIMULATED, f"deploys/{deploy}.py", "--dry", "--limit", "debian_xinetd", *to)

    assert result.returncode == 1
    assert f"{name} in the host's data is nobody's; did you mean {meant}?" in result.stderr


def test_names_that_no_host_could_have_are_all_named_and_nothing_is_contacted(tmp_path: Path) -> None:
    body = 'operations.services(name="x", services=[{"name": "imap", "user": "$(id)", "group": "-x", "program": {"path": "/im ap"}}])\n'
    result = pyinfra(SIMULATED, _deploy(tmp_path, body), *LIMIT)

    assert result.returncode == 1
    for named in ("program '/im ap'", "user '$(id)'", "group '-x'"):
        assert f"{named} cannot be looked for: " in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    "options", ["services=5", 'services=[], policy="debian-12/xinet"', "services=[], confirm=0", "services=[], connect=1"]
)
def test_wrong_data_that_only_show_in_a_run_under_way_cost_one_host(tmp_path: Path, options: str) -> None:
    body = f'if host.name.endswith("mail3.ber.example.org"):\n    operations.services(name="x", {options})\n'
    body += 'operations.services(name="y", services=[])\n'
    result = pyinfra(SIMULATED, _deploy(tmp_path, body), "-y", "--limit", "debian")

    assert result.returncode == 1
    assert "[@fake/mail3.ber.example.org] nothing was changed" in result.stderr
    assert result.stderr.count("No changes") >= 1
    assert "Traceback" not in result.stderr


def test_wrong_data_of_one_host_end_a_deploy_before_it_begins_with_yes_too() -> None:
    result = pyinfra(SIMULATED, "deploys/imap.py", "-y", "--limit", "debian", "--data", "inet46_policy=debian-12/xinet")

    assert result.returncode == 1
    assert "policy: host 'debian-12/xinet' is not known; did you mean debian-12/xinetd" in result.stderr
    assert "Beginning operation run" not in result.stderr
