"""Hosts of the lab go from one super-server to another: the command as typed, the real daemons, clients from outside."""

from __future__ import annotations

import contextlib
import re
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import attrs
import pytest

from tests.lab import Host, HostSpec, Lab
from tests.labs import started
from tests.test_lab_deploys import IMAP, deploy, pyinfra, state

pytestmark = pytest.mark.lab

ECHO = """\
#!/usr/bin/python3
import select, socket
given = socket.socket(fileno=0)
while select.select([given], [], [], 1)[0]:
    said, client = given.recvfrom(2048)
    given.sendto(said, client)
"""
INETD = (
    "# what this host serves\n"
    "imap2\tstream\ttcp\tnowait\troot\t/usr/sbin/imap4d imap4d --inetd\n"
    "pop3\tstream\ttcp4\tnowait\troot\t/usr/sbin/pop3d pop3d --inetd\n"
    "echo\tdgram\tudp4\twait\troot\t/usr/local/sbin/udp-echo udp-echo\n"
    "#time\tstream\ttcp\tnowait\troot\tinternal\n"
)
PARAGRAPH = "service {}\n{{\n\tdisable = no\n\tflags = {}\n\tsocket_type = {}\n\twait = {}\n\tuser = root\n\tserver = {}\n{}}}\n"
XINETD = {
    "/etc/xinetd.d/imap": PARAGRAPH.format("imap2", "IPv6", "stream", "no", "/usr/sbin/imap4d", "\tserver_args = --inetd\n"),
    "/etc/xinetd.d/pop3": PARAGRAPH.format(
        "pop3", "IPv4", "stream", "no", "/usr/sbin/pop3d", "\tserver_args = --inetd\n\tinstances = 40\n"
    ),
    "/etc/xinetd.d/echo-udp": PARAGRAPH.format("echo", "IPv4", "dgram", "yes", "/usr/local/sbin/udp-echo", ""),
}
BEFORE: dict[str, dict[str, str | None]] = {
    "openbsd-inetd": {"/etc/inetd.conf": INETD, "/usr/local/sbin/udp-echo": ECHO},
    "xinetd": {**XINETD, "/usr/local/sbin/udp-echo": ECHO},
}
PROGRAMS = {"openbsd-inetd": "inetd", "inetutils-inetd": "inetutils-inetd", "xinetd": "xinetd", "systemd": "systemd"}
UNITS = {"openbsd-inetd": "inetd", "inetutils-inetd": "inetutils-inetd", "xinetd": "xinetd"}
Row = tuple[str, str]


@attrs.frozen(kw_only=True)
class Way:
    """From where to where, and under which init."""

    old: str
    new: str
    init: str = "none"
    installed: bool = True

    def __str__(self) -> str:
        return f"{self.old}-to-{self.new}{'-under-systemd' if self.init == 'systemd' else ''}"

    @property
    def spec(self) -> HostSpec:
        also = self.new if self.installed and self.new != "systemd" else None
        return HostSpec(name="mail", super_server=self.old, also=also, init=self.init, before=BEFORE[self.old])  # type: ignore[arg-type]


WAYS = [
    Way(old="openbsd-inetd", new="xinetd"),
    Way(old="openbsd-inetd", new="inetutils-inetd"),
    Way(old="xinetd", new="openbsd-inetd"),
    Way(old="openbsd-inetd", new="xinetd", init="systemd"),
    Way(old="xinetd", new="openbsd-inetd", init="systemd"),
    Way(old="xinetd", new="systemd", init="systemd"),
    Way(old="openbsd-inetd", new="systemd", init="systemd"),
]


@contextlib.contextmanager
def serving(spec: HostSpec, *ports: int) -> Iterator[Lab]:
    """A lab of one host that serves these ports."""
    with started([spec]) as running:
        until(lambda: set(ports) <= {s.port for s in running["mail"].sockets()})
        yield running


@pytest.fixture
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """A lab of one host, which serves IMAP, POP3 and a datagram echo."""
    with serving(request.param.spec, 143, 110, 7) as running:
        yield running


@pytest.fixture
def page(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """A lab of one host as a page of the documentation describes it."""
    with serving(request.param, 143) as running:
        yield running


def ways(*wanted: Way) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("lab", wanted, indirect=True, ids=str)


def until(condition: Callable[[], object], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it does not come to what it should be"
        time.sleep(0.1)


def move(lab: Lab, to: str, *more: str) -> tuple[int, str]:
    done = pyinfra(lab, "deploys/migrate.py", "--data", f"inet46_migrate_to=debian-12/{to}", *more)
    return done.returncode, done.stderr


ASK = (
    "import socket, sys; s = socket.socket(socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(2)\n"
)
ASK += "s.connect((sys.argv[1], 7)); s.send(b'hear'); print(s.recv(9).decode())"


def answers(lab: Lab) -> dict[Row, str]:
    """What clients elsewhere get, for each service over each family."""
    # One after the other: a POP3 session locks the mailbox that IMAP wants to select.
    found: dict[Row, str] = {(s, f): outcome for each in ("imap", "pop3") for (_, s, f), outcome in lab.logins(services=(each,)).items()}
    for family in ("ipv4", "ipv6"):
        asked = lab.outside((sys.executable, "-I", "-c", ASK, lab["mail"].address(family)))
        found["echo/udp", family] = (
            "ok" if asked.stdout == b"hear\n" else asked.stderr.decode().strip().splitlines()[-1].partition("] ")[2].lower()
        )
    until(lambda: lab["mail"].run(["pgrep", "-f", "udp-echo"]).returncode != 0)  # it has the socket for a second
    return found


def enabled(host: Host, name: str) -> bool:
    if host.init == "systemd":
        return host.run(f"systemctl is-enabled {UNITS[name]}").stdout.strip() == b"enabled"
    return host.run(f"ls /etc/rc2.d/S01{name}").returncode == 0


def running(host: Host, name: str) -> bool:
    return host.run(f"pidof /usr/sbin/{PROGRAMS[name]}").returncode == 0


def whole(host: Host) -> dict[str, object]:
    """Files, links that start something at boot, sockets and who runs."""
    links = host.run("find /etc/rc?.d /etc/systemd -type l | sort", check=True).stdout
    daemons = {name: running(host, name) for name in UNITS}
    sockets = [f"{s.transport} {s.address} {s.port} {s.v6only} {s.process}" for s in host.sockets()]
    return {"files": state(host)["files"], "links": links, "sockets": sorted(sockets), "daemons": daemons}


def table(way: object, before: dict[Row, str], after: dict[Row, str]) -> None:
    print(f"\n{way}")
    print(f"  {'service':10}{'family':8}{'before':28}after")
    for (service, family), was in before.items():
        print(f"  {service:10}{family:8}{was:28}{after[service, family]}")


# -- each way --------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("lab", "way"), [(way, way) for way in WAYS], indirect=["lab"], ids=list(map(str, WAYS)))
def test_what_answered_before_answers_afterwards_and_the_other_super_server_is_the_one_that_runs(lab: Lab, way: Way) -> None:
    host = lab["mail"]
    before, untouched = answers(lab), whole(host)
    status, said = move(lab, way.new, "--dry", "--diff")

    assert status == 0
    assert f"{way.new} takes the place of {way.old}: " in said
    assert "refused" not in said
    assert whole(host) == untouched

    status, said = move(lab, way.new, "-y")
    after = answers(lab)
    table(way, before, after)

    assert status == 0, said
    assert re.search(r"proved in [0-9.]+ s, by connecting", said)
    assert list(before.values()).count("ok") >= 4
    assert {row for row, outcome in before.items() if outcome == "ok"} == {row for row, outcome in after.items() if outcome == "ok"}
    assert {s.process for s in host.sockets() if s.port in {143, 110, 7}} == {PROGRAMS[way.new]}
    assert not running(host, way.old)
    assert not enabled(host, way.old)
    if way.new in UNITS:
        assert enabled(host, way.new)
    else:
        assert host.run("systemctl is-enabled imap2.socket pop3.socket echo.socket").stdout == b"enabled\n" * 3
    assert host.run("find /etc -name '.inet46*'; ls /var/lib/inet46", check=True).stdout == b"last\n"

    quiet = whole(host)
    status, said = move(lab, way.new, "-y")

    assert (status, said.count("No changes")) == (0, 1)
    assert whole(host) == quiet


# -- there and back again ----------------------------------------------------------------------------------------------------------------

TO_XINETD = Way(old="openbsd-inetd", new="xinetd")
TO_UNITS = Way(old="xinetd", new="systemd", init="systemd")

# A server that speaks when one super-server has started it, and is silent under another one.
PICKY = """\
#!/bin/sh
read -r parent </proc/$PPID/comm
[ "$parent" = {} ] || exec sleep 60
exec /usr/sbin/imap4d --inetd
"""

FAILING = {
    "it cannot start": (
        TO_XINETD,
        r"sed -i 's/^    start)/    start) exit 0/' /etc/init.d/xinetd",
        r"rolled-back at activate: xinetd was started and did not stay",
    ),
    "it ends at once": (
        TO_XINETD,
        "cp /bin/true /usr/sbin/xinetd",
        r"rolled-back at activate: xinetd was started and did not stay",
    ),
    "a service is silent": (
        TO_XINETD,
        f"printf '%s' '{PICKY.format('inetd')}' >/usr/sbin/imap4d.new && mv /usr/sbin/imap4d /usr/sbin/imap4d.real"
        " && sed 's|sbin/imap4d|sbin/imap4d.real|' /usr/sbin/imap4d.new >/usr/sbin/imap4d && chmod 755 /usr/sbin/imap4d",
        r'rolled-back at verify: imap2 at 127\.0\.0\.1:143: connected, but nobody greets, and before with "\* OK IMAP4rev1"',
    ),
    "a unit cannot listen": (
        TO_UNITS,
        "mkdir -p /etc/systemd/system/pop3.socket.d && printf '[Socket]\\nExecStartPre=/bin/false\\n' >/etc/systemd/system/pop3.socket.d/x.conf",
        r"rolled-back at activate: systemctl start echo\.socket imap2\.socket pop3\.socket failed",
    ),
}


@pytest.mark.parametrize(("lab", "case"), [(case[0], case) for case in FAILING.values()], indirect=["lab"], ids=FAILING.keys())
def test_a_move_that_fails_ends_with_the_old_files_and_the_old_super_server_running_and_enabled(
    lab: Lab, case: tuple[Way, str, str]
) -> None:
    way, sabotage, reason = case
    host = lab["mail"]
    host.run(sabotage, check=True)
    before, clients = whole(host), answers(lab)
    status, said = move(lab, way.new, "-y", "--data", "inet46_deadline=4")
    table(f"{way}, and back", clients, answers(lab))
    print("\n".join(line for line in said.splitlines() if "@ssh" in line or "[mail]" in line))

    assert status == 1
    assert re.search(reason, said), said
    assert "the old files, settings and sockets are back" in said
    assert whole(host) == before
    assert answers(lab) == clients
    assert running(host, way.old)
    assert enabled(host, way.old)
    assert way.new not in UNITS or not enabled(host, way.new)


# A start that takes a minute: before anything has started, or after it.
SLOW = {
    "xinetd": r"cp -p /etc/init.d/xinetd /root/quick && sed -i 's/^    start)/    start) sleep 60/' /etc/init.d/xinetd",
    "systemd": "mv /usr/bin/systemctl /root/ && printf '#!/bin/sh\\ncase $1 in start) sleep 60 ;; esac\\nexec /root/systemctl \"$@\"\\n'"
    " >/usr/bin/systemctl && chmod 755 /usr/bin/systemctl",
    "after": r"""cp -p /etc/init.d/xinetd /root/quick && sed -i 's/^exit 0$/[ "$1" != start ] || sleep 60; exit 0/' /etc/init.d/xinetd""",
}


@ways(TO_XINETD, TO_UNITS)
def test_a_move_that_is_killed_between_the_two_is_rolled_back_by_the_next_run_which_then_makes_it(lab: Lab) -> None:
    (host,) = lab.hosts.values()
    to = "systemd" if host.init == "systemd" else "xinetd"
    old = host.super_server
    host.run(SLOW[to], check=True)
    before = answers(lab)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(move, lab, to, "-y")
        until(lambda: not running(host, old))
        host.run("kill -9 $(readlink /var/lib/inet46/lock | sed 's/^pid=//; s/,.*//')", check=True)
        status, said = first.result()
    host.run("mv -f /root/quick /etc/init.d/xinetd || mv -f /root/systemctl /usr/bin/systemctl", check=True)
    host.run(["pkill", "sleep"])

    assert status == 1
    assert "no verdict came back" in said
    assert host.run("ls /var/lib/inet46/journal").returncode == 0

    status, said = move(lab, to, "--dry")
    assert f"is rolled back first: it was about to take the place of /usr/sbin/{PROGRAMS[old]}" in said

    status, said = move(lab, to, "-y")
    table(f"{old} to {to}, killed and made again", before, answers(lab))

    assert status == 0, said
    assert "the interrupted change is rolled back: looking again" in said
    assert answers(lab) == before
    assert not running(host, old)
    assert {s.process for s in host.sockets() if s.port in {143, 110, 7}} == {PROGRAMS[to]}


@ways(TO_XINETD)
def test_an_ordinary_deploy_too_rolls_a_killed_move_back_before_anything_else(lab: Lab, tmp_path: Path) -> None:
    host = lab["mail"]
    host.run(SLOW["after"], check=True)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(move, lab, "xinetd", "-y")
        until(lambda: running(host, "xinetd"))
        host.run("kill -9 $(readlink /var/lib/inet46/lock | sed 's/^pid=//; s/,.*//')", check=True)
        first.result()
    host.run("mv -f /root/quick /etc/init.d/xinetd", check=True)
    host.run(["pkill", "sleep"])
    done = pyinfra(lab, deploy(tmp_path, [IMAP]), "-y")

    assert done.returncode == 0, done.stderr
    assert "it was about to take the place of /usr/sbin/inetd" in done.stderr
    assert running(host, "openbsd-inetd")
    assert not running(host, "xinetd")
    assert set(lab.logins(services=("imap",)).values()) == {"ok"}


# -- refusals ----------------------------------------------------------------------------------------------------------------------------


def refused(lab: Lab, to: str, *more: str) -> str:
    """What a run says that changes nothing."""
    host = lab["mail"]
    before = whole(host)
    status, said = move(lab, to, "-y", *more)

    assert status == 1
    assert whole(host) == before
    return " ".join(said.split())


@ways(Way(old="openbsd-inetd", new="xinetd", installed=False))
def test_what_is_not_installed_is_not_installed_in_passing(lab: Lab) -> None:
    assert "refused: xinetd is not installed (/usr/sbin/xinetd is missing): install it first, a migration installs nothing" in refused(
        lab, "xinetd"
    )
    assert "refused: systemd is not the init of this host" in refused(lab, "systemd")


@ways(Way(old="xinetd", new="openbsd-inetd"))
def test_strict_refuses_to_lose_a_limit_which_otherwise_is_said(lab: Lab) -> None:
    loss = "pop3: the bound of 40 servers at once is lost"

    assert f"refused: strict: /etc/xinetd.d/pop3:1: {loss}" in refused(lab, "openbsd-inetd", "--data", "inet46_strict=True")
    assert f"lost, and it guarded something: /etc/xinetd.d/pop3:1: {loss}" in move(lab, "openbsd-inetd", "--dry")[1]


@ways(TO_UNITS)
def test_a_service_that_cannot_be_had_is_a_refusal_or_is_given_up_by_name(lab: Lab) -> None:
    host = lab["mail"]
    host.run("sed -i 's/disable.*= yes/disable = no/' /etc/xinetd.d/daytime && systemctl reload xinetd; sleep 1", check=True)

    assert "refused: daytime would not answer any more at tcp" in refused(lab, "systemd")

    status, said = move(lab, "systemd", "-y", "--data", "inet46_without=daytime")
    assert status == 0, said
    assert "given up: daytime/tcp" in said
    assert not [s for s in host.sockets() if s.port == 13]


@ways(TO_XINETD)
def test_a_server_that_has_the_socket_itself_is_waited_for_and_not_run_over(lab: Lab) -> None:
    host = lab["mail"]
    host.run("sed -i 's/, 1)/, 60)/' /usr/local/sbin/udp-echo", check=True)
    lab.outside((sys.executable, "-I", "-c", ASK, host.address4))
    said = refused(lab, "xinetd", "--data", "inet46_deadline=2")

    assert re.search(r"refused at learn: udp port 7 is in use by a server that has the socket itself \(pid \d+\)", said), said

    host.run(["pkill", "-f", "udp-echo"], check=True)
    assert move(lab, "xinetd", "-y")[0] == 0


# -- the pages -----------------------------------------------------------------------------------------------------------------------------

HOWTO = Path(__file__).parents[1] / "docs/howto"


def blocks(page: str, language: str) -> list[tuple[str, str]]:
    """The blocks of a page in one language, each with the name of its file, if it has one."""
    found = re.findall(rf"^```{language}(?: (\S+))?\n(.*?)^```$", (HOWTO / page).read_text(), re.MULTILINE | re.DOTALL)
    return [(name, text) for name, text in found]


def missing_lines(text: str, said: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip() not in said]


LEAVING = HostSpec(
    name="mail",
    super_server="xinetd",
    init="systemd",
    before={**{name.removeprefix("web1"): text for name, text in blocks("leaving-xinetd.md", "xinetd")}, "/usr/local/sbin/udp-echo": ECHO},
)
EXISTING = HostSpec(
    name="mail",
    super_server="openbsd-inetd",
    before={f"/etc/{name}": text for name, text in blocks("existing-machine.md", "inetd")},
)


@pytest.mark.parametrize("page", [LEAVING], indirect=True, ids=["leaving-xinetd"])
def test_a_host_says_what_the_page_on_leaving_xinetd_shows(page: Lab) -> None:
    said = move(page, "systemd", "--dry", "--diff")[1]

    assert missing_lines(blocks("leaving-xinetd.md", "text")[0][1], said) == []
    assert said.count("Will create /etc/systemd/system/") == 4


@pytest.mark.parametrize("page", [EXISTING], indirect=True, ids=["existing-machine"])
def test_a_host_says_what_the_page_on_an_existing_machine_shows(page: Lab, tmp_path: Path) -> None:
    (_, console), *_ = blocks("existing-machine.md", "console")
    (_, program), *_ = blocks("existing-machine.md", "python")
    nothing, change = (text for _, text in blocks("existing-machine.md", "text"))
    services, script = tmp_path / "services.toml", tmp_path / "deploy.py"
    services.write_text(console.partition("\n")[2])
    script.write_text(program.replace("services.toml", str(services)))
    said = pyinfra(page, str(script), "--dry", "--diff").stderr

    assert missing_lines(nothing, said) == []
    assert "Will change" not in said

    head, name, rest = services.read_text().partition('name = "pop3"')
    services.write_text(head + name + rest.replace('listeners = [\n    { family = "ipv4" },\n]\n', "", 1))
    said = pyinfra(page, str(script), "--dry", "--diff").stderr

    assert missing_lines(change, said) == []
