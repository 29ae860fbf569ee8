"""The look: the law of its answer, hostile files, old tools, and how long it takes."""

from __future__ import annotations

import contextlib
import os
import pathlib
import subprocess

import attrs
import hypothesis
import pytest
from hypothesis import strategies as st

from pyinfra_inet46.look import (
    Account,
    FileKind,
    FileSeen,
    Look,
    LookError,
    NamedService,
    Program,
    ProgramState,
    Setting,
    SuperServer,
    encode_look,
    look_command,
    parse_look,
)
from pyinfra_inet46.transaction import Result, Verdict, cksum
from pyinfra_inet46.verdict import Listening
from tests.conftest import Golden
from tests.shell.harness import SHELLS, Host, available
from tests.shell.roots import Root, freebsd_4_9, freebsd_14

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root for a root directory of its own")

# --- the law ---------------------------------------------------------------------------------------------------------------------

number = st.integers(0, 99999)
plain = st.text("abcXYZ019._+-", min_size=1, max_size=12)
path = plain.map(lambda text: f"/etc/{text}")
words = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30)


@st.composite
def files(draw: st.DrawFn) -> tuple[FileSeen, ...]:
    seen = []
    for each in draw(st.lists(path, unique=True, max_size=5)):
        kind = draw(st.sampled_from(FileKind))
        known = kind in {FileKind.REGULAR, FileKind.TOO_LARGE}
        seen.append(
            FileSeen(
                path=each,
                kind=kind,
                resolved=draw(st.none() | path),
                content=draw(st.binary(max_size=5000)) if kind is FileKind.REGULAR else None,
                mode=draw(st.integers(0, 0o7777)) if known else None,
                uid=draw(number) if known else None,
                gid=draw(number) if known else None,
            )
        )
    return tuple(seen)


listening = st.sampled_from(["ipv4 192.0.2.1", "ipv4 0.0.0.0", "ipv6 ::", "ipv6 ::ffff:192.0.2.1", "ipv6 fe80::1"]).flatmap(
    lambda place: st.builds(
        Listening,
        transport=st.sampled_from(["tcp", "udp"]),
        family=st.just(place.split()[0]),
        address=st.just(place.split()[1]),
        port=st.integers(0, 65535),
        v6only=st.sampled_from([True, False, None]) if "ipv6" in place else st.none(),
        pids=st.lists(number, max_size=3).map(tuple),
        command=st.none() | plain.filter(lambda text: text != "-"),
    )
)
verdicts = st.builds(
    Verdict,
    result=st.sampled_from(Result),
    id=plain,
    step=plain,
    reason=words,
    state=words,
    recovered=st.booleans(),
    proof=plain,
    seconds=st.floats(0, 1000),
    sockets=st.lists(listening, max_size=2).map(tuple),
    log=st.lists(words, max_size=3).map(tuple),
)
servers = st.builds(
    SuperServer,
    kind=plain,
    path=path,
    package=st.none() | plain,
    pid=st.none() | number,
    argv=st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), max_size=3).map(tuple),
    unit=st.none() | plain,
    script=st.none() | path,
).flatmap(lambda server: st.just(server) if server.package is None else plain.map(lambda v: attrs.evolve(server, version=v)))
looks = st.builds(
    Look,
    system=plain,
    release=plain,
    os_id=st.none() | plain,
    os_version=st.none() | plain,
    uid=number,
    ipv6=st.booleans(),
    ipv6_loopback=st.booleans(),
    ipv6_within=st.booleans(),
    systemd=st.booleans(),
    super_servers=st.lists(servers, max_size=2).map(tuple),
    files=files(),
    skipped=st.lists(path, max_size=2).map(tuple),
    settings=st.lists(st.builds(Setting, key=plain, value=st.none() | words), max_size=3).map(tuple),
    services=st.lists(
        st.builds(NamedService, asked=plain) | st.builds(NamedService, asked=plain, name=plain, port=number, aliases=st.tuples(plain)),
        max_size=2,
    ).map(tuple),
    users=st.lists(st.builds(Account, name=plain, number=st.none() | number), max_size=2).map(tuple),
    groups=st.lists(st.builds(Account, name=plain, number=st.none() | number), max_size=2).map(tuple),
    programs=st.lists(st.builds(Program, path=path, state=st.sampled_from(ProgramState)), max_size=3).map(tuple),
    sockets=st.lists(listening, max_size=3).map(tuple),
    sockets_from=plain,
    clients=st.lists(plain, max_size=3).map(tuple),
    journal_pending=st.none() | plain,
    remains=st.booleans(),
    lock_holder=st.none() | plain,
    last_verdict=st.none() | verdicts,
)


@hypothesis.given(looks)
def test_a_look_is_what_its_encoding_says(look: Look) -> None:
    assert parse_look(encode_look(look)) == look


@hypothesis.given(looks)
def test_a_socket_is_found_by_its_port(look: Look) -> None:
    for x in look.sockets:
        assert look.listening(x.transport, x.port) == tuple(y for y in look.sockets if (y.transport, y.port) == (x.transport, x.port))
    assert look.listening("tcp", None) == ()


@hypothesis.given(looks, looks)
def test_hosts_with_the_same_files_share_them_in_memory(one: Look, other: Look) -> None:
    first, second = (parse_look(encode_look(look)) for look in (one, attrs.evolve(other, files=one.files)))

    assert first.files is second.files
    assert second == attrs.evolve(other, files=one.files)


@hypothesis.given(looks, st.data())
def test_a_garbled_answer_is_refused_or_harmless(look: Look, data: st.DataObject) -> None:
    lines = encode_look(look)
    at = data.draw(st.integers(0, len(lines) - 1))
    lines[at] = data.draw(st.text(max_size=20) | st.just(lines[at][:-1]) | st.just(lines[at] + "0"))
    lines = lines[: data.draw(st.integers(at, len(lines)))]
    with contextlib.suppress(LookError):
        assert isinstance(parse_look(lines), Look)


@hypothesis.given(st.binary(max_size=2000))
@hypothesis.settings(max_examples=40)
def test_our_checksum_is_that_of_cksum(content: bytes) -> None:
    said = subprocess.run(["cksum"], input=content, capture_output=True, check=True).stdout.split()

    assert [cksum(content), len(content)] == [int(word) for word in said[:2]]


GOOD = ["inet46-look 1", "system Linux", "release 6", "uid 0", "ipv6 yes", "ipv6-loopback yes", "systemd no", "sockets-from ss"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["sh: not found"], "the host gave no answer: there is no line 'inet46-look 1'"),
        (["inet46-look 2", "end"], "the answer begins with 'inet46-look 2', and this version understands 'inet46-look 1'"),
        (GOOD, "the answer is cut short: there is no line 'end'"),
        ([*GOOD[:3], "end"], "the answer does not say uid, ipv6, ipv6-loopback, systemd, sockets-from"),
        ([*GOOD, "whatever", "end"], "the answer has a line that cannot be read: 'whatever' ('whatever')"),
        (
            [*GOOD, "socket tcp ipv4 x", "end"],
            "the answer has a line that cannot be read: 'socket tcp ipv4 x' ('tcp ipv4 x' is not a socket)",
        ),
        ([*GOOD, "file regular /etc/a", "end"], "the answer contradicts itself: /etc/a vanished while it was looked at"),
        (
            [*GOOD, "file regular /etc/a", "stat -rw-r--r-- 0 0 1 /etc/a", "sum 5 1 /etc/a", "hex 41", "end"],
            "the answer contradicts itself: /etc/a changed while it was looked at, or its content is garbled",
        ),
        (
            [*GOOD, "file regular /etc/a", "stat -rw-r--r-- 0 0 1 /etc/a", "sum 5 9 /etc/a", "hex 41", "end"],
            "the answer contradicts itself: the contents of the files are cut short, or a file changed while it was looked at",
        ),
    ],
)
def test_an_answer_that_cannot_be_trusted_is_refused(lines: list[str], message: str) -> None:
    with pytest.raises(LookError) as caught:
        parse_look(lines)

    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"programs": ["/bin/a b"]}, "program '/bin/a b' cannot be looked for: a path begins with / and holds letters, digits and"),
        ({"users": ["-n"]}, "user '-n' cannot be looked for: a name holds letters, digits and"),
        ({"services": ["imap"]}, "service 'imap' cannot be looked for: it must be NAME/PROTOCOL, as in imap/tcp"),
        ({"settings": ["$(id)"]}, "setting '$(id)' cannot be looked for: it must be a sysctl name"),
        ({"extra_paths": ["/etc/a\nb"]}, "path '/etc/a\\nb' cannot be looked for: a path begins with /"),
    ],
)
def test_what_no_host_could_know_is_not_asked(asked: dict[str, list[str]], message: str) -> None:
    with pytest.raises(LookError) as caught:
        look_command(**asked)  # type: ignore[arg-type]

    assert str(caught.value).startswith(message)


# --- simulated hosts -------------------------------------------------------------------------------------------------------------

QUESTIONS = look_command(
    programs=["/usr/local/libexec/imapd", "/usr/local/libexec/ipop3d"],
    users=["root", "nobody"],
    groups=["wheel"],
    services=["imap/tcp", "imaps/tcp", "pop3s/tcp"],
    settings=["net.inet6.ip6.v6only", "net.inet6.ip6.mapped_addr"],
)


@needs_root
@pytest.mark.parametrize(("build", "name"), [(freebsd_14, "freebsd-14"), (freebsd_4_9, "freebsd-4.9")])
def test_a_simulated_freebsd_is_looked_at(tmp_path: pathlib.Path, golden: Golden, build: object, name: str) -> None:
    root: Root = build(tmp_path / "root")  # type: ignore[operator]
    answers = (
        {tuple(root.run(QUESTIONS, shell=f"/bin/{shell}")) for shell in SHELLS if available(shell)}
        if name == "freebsd-14"
        else {tuple(root.run(QUESTIONS))}
    )

    assert len(answers) == 1, "every shell tells the same"
    golden("\n".join(answers.pop()) + "\n", f"shell/looks/{name}.txt")


def recorded(name: str) -> Look:
    return parse_look(pathlib.Path(__file__).with_name("shell").joinpath("looks", f"{name}.txt").read_text().splitlines())


def test_what_a_simulated_freebsd_14_tells() -> None:
    look = recorded("freebsd-14")

    assert (look.system, look.release, look.os_id, look.os_version) == ("FreeBSD", "14.0-RELEASE-p6", "freebsd", "14.0")
    assert look.super_servers == (
        SuperServer(kind="inetd", path="/usr/sbin/inetd", pid=812, argv=("/usr/sbin/inetd", "-wW", "-C", "60"), script="/etc/rc.d/inetd"),
    )
    assert [(s.transport, s.family, s.address, s.port, s.v6only, s.pids, s.command) for s in look.sockets] == [
        ("tcp", "ipv4", "0.0.0.0", 143, None, (812,), "inetd"),
        ("tcp", "ipv6", "::", 22, True, (700,), "sshd"),
        ("tcp", "ipv4", "0.0.0.0", 22, None, (700,), "sshd"),
        ("udp", "ipv6", "::", 514, True, (601,), "syslogd"),
        ("tcp", "ipv6", "::", 8080, False, (900,), "some_daemon"),
    ]
    assert look.setting("net.inet6.ip6.v6only") == "1"
    assert look.setting("net.inet6.ip6.mapped_addr") is None
    assert look.services[0] == NamedService(asked="imap/tcp", name="imap4", port=143, aliases=("imap", "imap2"))
    assert look.services[2] == NamedService(asked="pop3s/tcp")


def test_what_a_simulated_freebsd_4_9_tells() -> None:
    look = recorded("freebsd-4.9")
    conf = look.file("/usr/local/etc/xinetd.conf")

    assert [(server.kind, server.package, server.pid, server.script) for server in look.super_servers] == [
        ("inetd", None, None, None),
        ("xinetd", None, 123, "/usr/local/etc/rc.d/xinetd.sh"),
    ]
    assert conf is not None
    assert conf.content is not None
    assert conf.content.startswith(b"# gr\xfc\xdfe\n")
    assert look.file("/usr/local/etc/xinetd.d/imap") is not None
    assert look.services[:2] == (
        NamedService(asked="imap/tcp", name="imap4", port=143, aliases=("imap", "imap2")),
        NamedService(asked="imaps/tcp", name="imaps", port=993),
    )


# --- real files -------------------------------------------------------------------------------------------------------------------


@needs_root
@pytest.mark.parametrize("shell", SHELLS)
def test_files_come_byte_for_byte_and_odd_names_do_no_harm(tmp_path: pathlib.Path, shell: str) -> None:
    if not available(shell):
        pytest.skip(f"{shell} is not installed")
    root = Root(tmp_path / "root")
    every = bytes(range(256)) * 30
    root.write("etc/xinetd.conf", "includedir /etc/xinetd.d\ninclude /etc/more/one\ninclude relative\ninclude /etc/$(id)\n")
    root.write("etc/more/one", "includedir /etc/more/deep")
    root.write("etc/more/deep/two", "deep")
    root.write("etc/xinetd.d/imap", every, 0o640)
    root.write("etc/xinetd.d/empty", b"")
    for odd in ("a b", "new\nline", "$(touch canary)", "*", "-n", "q'uote", "gr\udcfc\udcdf", ";touch canary"):
        root.write(f"etc/xinetd.d/{odd}", "odd")
    for passed_over in ("a b.old", "#imap#~"):
        root.write(f"etc/xinetd.d/{passed_over}", "odd")
    root.write("etc/inetd.conf", b"no newline", 0o4755)
    (root.folder / "etc/rc.conf").symlink_to("/etc/more/../inetd.conf")
    (root.folder / "etc/rc.conf.local").symlink_to("nowhere")
    (root.folder / "etc/sysctl.conf").symlink_to("sysctl.conf")
    (root.folder / "etc/sysctl.d").mkdir()
    os.mkfifo(root.folder / "etc/sysctl.d/pipe.conf")
    root.write("etc/default/xinetd", b"x" * (1024 * 1024 + 1))

    look = parse_look(root.run(look_command(extra_paths=["/etc/more"]), shell=f"/bin/{shell}", proc=True))

    seen = {each.path: each for each in look.files}
    assert seen["/etc/xinetd.d/imap"] == FileSeen(path="/etc/xinetd.d/imap", kind=FileKind.REGULAR, content=every, mode=0o640, uid=0, gid=0)
    assert seen["/etc/xinetd.d/empty"].content == b""
    assert seen["/etc/more/deep/two"].content == b"deep"
    assert (seen["/etc/inetd.conf"].content, seen["/etc/inetd.conf"].mode) == (b"no newline", 0o4755)
    assert (seen["/etc/rc.conf"].content, seen["/etc/rc.conf"].resolved) == (b"no newline", "/etc/inetd.conf")
    assert (seen["/etc/rc.conf.local"].kind, seen["/etc/rc.conf.local"].resolved) == (FileKind.ABSENT, "/etc/nowhere")
    assert seen["/etc/sysctl.conf"].kind is FileKind.ABSENT
    assert seen["/etc/sysctl.d/pipe.conf"].kind is FileKind.OTHER
    assert (seen["/etc/default/xinetd"].kind, seen["/etc/default/xinetd"].content) == (FileKind.TOO_LARGE, None)
    assert seen["/etc/more"].kind is FileKind.DIRECTORY
    # "-n" is plain: every path begins with its folder.
    assert "/etc/xinetd.d/-n" in seen
    assert look.skipped.count("/etc/xinetd.d") == 7
    assert not list(root.folder.rglob("canary"))


@needs_root
@pytest.mark.parametrize("shell", SHELLS)
def test_names_of_services_in_the_files_are_looked_up_too(tmp_path: pathlib.Path, shell: str) -> None:
    if not available(shell):
        pytest.skip(f"{shell} is not installed")
    root = Root(tmp_path / "root")
    root.write("etc/services", "imap2\t143/tcp\timap\t# mail\nmymail\t143/tcp\tpost\nmymail\t143/udp\n")
    root.write("etc/inetd.conf", "# mymail is below\n127.0.0.1:post\tstream\ttcp\tnowait\troot\t/x x\nnope stream tcp nowait root /x\n")
    root.write("etc/xinetd.conf", "service mymail\n{\n\tserver = /x\n}\n")

    look = parse_look(root.run(look_command(services=["imap/tcp", "pop3/tcp"]), shell=f"/bin/{shell}", proc=True))

    assert [named for named in look.services if named.port is None] == [NamedService(asked="pop3/tcp")]
    assert {(named.asked, named.name, named.port) for named in look.services if named.port is not None} == {
        ("imap/tcp", "imap2", 143),
        ("post/tcp", "mymail", 143),
        ("mymail/tcp", "mymail", 143),
        ("mymail/udp", "mymail", 143),
    }


@needs_root
def test_a_look_without_privilege_says_what_it_could_not_read(tmp_path: pathlib.Path) -> None:
    root = Root(tmp_path / "root")
    for folder in (tmp_path, *tmp_path.parents):
        if folder.is_relative_to("/tmp") and folder != pathlib.Path("/tmp"):
            folder.chmod(0o755)
    root.write("etc/inetd.conf", "secret", 0o600)

    look = parse_look(root.run(look_command(), uid=65534, proc=True))

    assert look.uid == 65534
    assert look.file("/etc/inetd.conf") == FileSeen(path="/etc/inetd.conf", kind=FileKind.UNREADABLE)


@needs_root
def test_two_hundred_files_take_well_under_half_a_second(tmp_path: pathlib.Path) -> None:
    root = Root(tmp_path / "root")
    root.write("etc/xinetd.conf", "includedir /etc/xinetd.d\n")
    for each in range(200):
        root.write(f"etc/xinetd.d/service-{each}", f"service s{each}\n{{\n\tsocket_type = stream\n\tport = {each + 1000}\n}}\n" * 4)
    times = []
    for _ in range(3):
        before = os.times()
        look = parse_look(root.run(look_command(), proc=True))
        after = os.times()
        times.append(after.children_user + after.children_system - before.children_user - before.children_system)

    assert sum(each.path.startswith("/etc/xinetd.d/") for each in look.files) == 200
    # Processor time, because a busy machine must not make a test fail.
    assert min(times) < 0.4


@needs_root
def test_a_pending_journal_shows_files_as_they_will_be(tmp_path: pathlib.Path) -> None:
    with Host(tmp_path / "host") as host:
        old = host.config.read_text()
        changes = (host.change(), host.change("created\n", name="created"))
        host.run(host.transaction(files=changes), before="step_activate() { kill -9 $$; }\n")
        assert host.config.read_text() != old
        words = look_command(state_dir=str(host.state), extra_paths=[change.path for change in changes])

        look = parse_look(subprocess.run(host.inside(*words), capture_output=True, text=True, check=True).stdout.splitlines())

        seen = look.file(str(host.config))
        assert (look.journal_pending, seen and seen.content) == ("change-1", old.encode())
        assert look.file(changes[1].path) == FileSeen(path=changes[1].path, kind=FileKind.ABSENT)
        assert look.lock_holder is None  # its holder is dead, so nobody is at work


@needs_root
@pytest.mark.parametrize("text", ["inet46-verdict 1\nresult comm", "\0" * 5000, ""])
def test_a_last_verdict_that_is_not_whole_spoils_nothing_else(tmp_path: pathlib.Path, text: str) -> None:
    with Host(tmp_path / "host") as host:
        host.state.mkdir()
        (host.state / "last").write_text(text)
        words = look_command(state_dir=str(host.state))
        look = parse_look(subprocess.run(host.inside(*words), capture_output=True, text=True, check=True).stdout.splitlines())

        assert look.last_verdict is None
        assert [s.address for s in look.sockets] == ["0.0.0.0", "0.0.0.0"]


@needs_root
def test_what_a_killed_run_has_left_is_told_by_the_next_look(tmp_path: pathlib.Path) -> None:
    with Host(tmp_path / "host") as host:
        words = look_command(state_dir=str(host.state))

        def remains() -> bool:
            return parse_look(subprocess.run(host.inside(*words), capture_output=True, text=True, check=True).stdout.splitlines()).remains

        assert not remains()
        host.state.mkdir()
        (host.state / "notes.txt").write_text("somebody else's\n")
        assert not remains()
        host.run(host.transaction(), before="drop() { kill -9 $$; }\n")
        assert remains()
        host.run(attrs.evolve(host.transaction(files=()), activate=()))
        assert not remains()
        assert (host.state / "notes.txt").exists()


@needs_root
def test_the_last_verdict_is_told_by_the_next_look(tmp_path: pathlib.Path) -> None:
    with Host(tmp_path / "host") as host:
        run = host.run(host.transaction())
        words = look_command(state_dir=str(host.state))
        look = parse_look(subprocess.run(host.inside(*words), capture_output=True, text=True, check=True).stdout.splitlines())

        assert look.last_verdict == run.verdict
        assert [s.address for s in look.sockets] == ["0.0.0.0", "0.0.0.0", "::"]
