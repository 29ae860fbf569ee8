"""sysctl.conf and sysctl.d: what is read is what the readers set, and an edit changes one value and nothing else."""

from __future__ import annotations

import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from inet46.errors import Inexpressible
from inet46.formats import sysctl_conf
from inet46.formats.sysctl_conf import Dialect, Unknown, Unsettled

CASES = Path(__file__).parent / "cases" / "settings" / "sysctl_conf"
KEY = "kernel.domainname"  # takes any string, and belongs to the uts namespace
SYSTEMD = "/lib/systemd/systemd-sysctl"
SLOW = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])


def encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def private(script: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run a script where neither settings nor mounts are anybody else's."""
    return subprocess.run(["unshare", "-n", "-u", "-m", "sh", "-c", script, "sh", *arguments], capture_output=True, check=False, timeout=30)


def readers_are_here() -> bool:
    try:
        return Path(SYSTEMD).exists() and bool(shutil.which("sysctl")) and private("echo x > /proc/sys/kernel/domainname").returncode == 0
    except OSError:
        return False


needs_readers = pytest.mark.skipif(not readers_are_here(), reason="needs root, unshare, procps and systemd")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sysctl")


def applied(text: str, folder: Path) -> dict[str, str | None]:
    """What each reader of Linux makes of one file: the value that it sets, None for none."""
    path = folder / "file.conf"
    path.write_bytes(encoded(text))
    script = 'd=/proc/sys/kernel/domainname; for r in "sysctl -q -p" $2; do echo "(unset)" >$d; $r $1 >&2; cat $d; done'
    values = private(script, str(path), SYSTEMD).stdout.decode("utf-8", "surrogateescape").split("\n")
    return {reader: None if value == "(unset)" else value for reader, value in zip(("procps", "systemd"), values, strict=False)}


# Patterns must fit no other key: not every setting has a namespace.
SPELLINGS = [KEY, KEY, KEY, "kernel/domainname", "-kernel.domainname", "-kernel/domainname", "/kernel/domainname", "kernel.domainnam?"]
SPELLINGS += [
    "kernel.domainn*",
    "kernel/doma[hi]nname",
    "-kernel.domainn*",
    "kernel.domainname.x",
    "",
    "--kernel.domainname",
    "- kernel.domainname",
]
KEYS = st.sampled_from(SPELLINGS)
BLANKS = st.sampled_from(["", "", " ", "\t", "  "])
VALUES = st.lists(
    st.sampled_from(["0", "1", "a b", "#", ";", "=", '"', "'", "\\", "é", "\udcff", "x", " ", "\t", "\r", "\v"]), max_size=5
).map("".join)
LINES = st.one_of(
    st.builds("{}{}{}={}{}{}".format, BLANKS, KEYS, BLANKS, BLANKS, VALUES, BLANKS),
    st.builds("{}{}={}".format, BLANKS, KEYS, VALUES),
    st.builds("{}{}".format, BLANKS, KEYS),
    st.builds("{}{}{}={}".format, BLANKS, st.sampled_from(["#", ";", "# a\r"]), KEYS, VALUES),
    st.sampled_from(["", " ", "\\", "=", "=1", "\ufeffkernel.domainname=bom"]),
)
TEXTS = st.lists(st.builds("{}{}".format, LINES, st.sampled_from(["\n", "\n", "\n", "\r\n", " \n", "\n\n", "\0\n", ""])), max_size=5).map(
    "".join
)
ANY = st.one_of(TEXTS, st.text(), st.binary().map(lambda raw: raw.decode("utf-8", "surrogateescape")))
NEW = st.one_of(VALUES, st.sampled_from(["0", "1", "a b", "a#b", "'", '"', "'\"#", "", " x"]))
DIALECTS = st.sampled_from(list(Dialect))


@given(ANY, DIALECTS)
@example("a=1", Dialect.LINUX)
@example("a=1 \\\r\n\0\n\n;#", Dialect.FREEBSD)
@example("x" * 100_000 + "='" + "#" * 100_000, Dialect.FREEBSD)
def test_lossless(text: str, dialect: Dialect) -> None:
    """Law 1: emit(parse(text)) == text, for every text."""
    assert sysctl_conf.emit(sysctl_conf.parse(text, dialect=dialect)) == text


@needs_readers
@given(TEXTS)
@example("kernel.domainname = a b # c \r\n")
@example('kernel.domainname="a"')
@example("kernel.domainname=a\nkernel/domainname=b\n")
@example("kernel.domainname=a\nkernel.domainn*=b\n")
@example("kernel.domainn*=b\nkernel.domainnam?=c\n")
@example("-kernel.domainname\nkernel.domainn*=b\n")
@example("-kernel.domainname\nkernel.domainname=b\n")
@example("kernel.domainname=a\n-kernel.domainname\n")
@example("kernel.domainname=\n")
@SLOW
def test_a_value_that_get_knows_is_what_both_readers_set(folder: Path, text: str) -> None:
    known = sysctl_conf.get(sysctl_conf.parse(text), KEY)
    assume(not isinstance(known, Unknown))

    assert applied(text, folder) == {"procps": known, "systemd": known}


@given(TEXTS, NEW, DIALECTS)
@example("a=1\r\n", "1", Dialect.LINUX)
@SLOW
def test_a_value_that_was_set_is_got(text: str, value: str, dialect: Dialect) -> None:
    document = sysctl_conf.parse(text, dialect=dialect)
    try:
        changed = sysctl_conf.set_value(document, KEY, value)
    except (Unsettled, Inexpressible):
        return

    assert sysctl_conf.get(changed, KEY) == value
    assert sysctl_conf.set_value(changed, KEY, value) == changed
    assert sysctl_conf.parse(sysctl_conf.emit(changed), dialect=dialect) == changed


@given(TEXTS, NEW, DIALECTS)
@SLOW
def test_setting_a_value_keeps_every_other_line(text: str, value: str, dialect: Dialect) -> None:
    document = sysctl_conf.parse(text, dialect=dialect)
    wanted = "kernel/domainname" if dialect is Dialect.LINUX else KEY
    try:
        changed = sysctl_conf.set_value(document, KEY, value)
    except (Unsettled, Inexpressible):
        return

    assert len(changed.lines) - len(document.lines) in (0, 1)
    for before, after in zip(document.lines, changed.lines, strict=False):
        if before.key == wanted and before.value is not None:
            assert after.raw.startswith(before.raw[: before.start])
            assert after.raw.endswith(before.raw[before.stop :])
        else:
            assert before.raw.rstrip("\r\n") == after.raw.rstrip("\r\n")


@needs_readers
@given(TEXTS, st.sampled_from(["0", "a b", "#x", '"']))
@SLOW
def test_both_readers_take_the_value_that_was_set(folder: Path, text: str, value: str) -> None:
    try:
        changed = sysctl_conf.set_value(sysctl_conf.parse(text), KEY, value)
    except Unsettled:
        return

    assert applied(sysctl_conf.emit(changed), folder) == {"procps": value, "systemd": value}


# -- the files of a host -----------------------------------------------------------------------------------------------------------

PLACES = ["/etc/sysctl.d/10-a.conf", "/etc/sysctl.d/99-b.conf", "/etc/sysctl.d/zz.conf", "/run/sysctl.d/10-a.conf", "/run/sysctl.d/zy.conf"]
PLACES += [
    "/usr/local/lib/sysctl.d/10-a.conf",
    "/usr/local/lib/sysctl.d/50-c.conf",
    "/usr/lib/sysctl.d/50-c.conf",
    "/usr/lib/sysctl.d/99-b.conf",
]
PLACES += [
    "/etc/sysctl.conf",
    "/etc/sysctl.d/60-inet46.conf",
    "/etc/sysctl.d/60-inet46-x.conf",
    "/etc/sysctl.d/.99-h.conf",
    "/usr/lib/sysctl.d/zzz",
]
SHORT = st.lists(st.sampled_from(["0", "1"]).map(lambda value: f"{KEY}={value}\n"), max_size=2).map("".join)
FILES = st.dictionaries(
    st.sampled_from(PLACES), st.one_of(SHORT, SHORT, st.sampled_from(["kernel.domainn*=1\n", "-kernel.domainname\n"])), max_size=6
)
LINKS: st.SearchStrategy[dict[str, str]] = st.one_of(
    st.just({}),
    st.just({"/etc/sysctl.d/99-sysctl.conf": "/etc/sysctl.conf"}),
    st.just({"/etc/sysctl.d/50-c.conf": "/dev/null"}),
)


def booted(files: dict[str, str], links: dict[str, str], folder: Path) -> list[str | None]:
    """What systemd-sysctl and sysctl --system make of a host's files, in this order."""
    root = folder / "root"
    shutil.rmtree(root, ignore_errors=True)
    for name in ("etc/sysctl.d", "run/sysctl.d", "usr/local/lib/sysctl.d", "usr/lib/sysctl.d"):
        (root / name).mkdir(parents=True)
    for path, text in files.items():
        (root / path[1:]).write_bytes(encoded(text))
    for path, target in links.items():
        (root / path[1:]).symlink_to(target)
    script = """
    set -e; d=/proc/sys/kernel/domainname
    mount -t tmpfs none /run; mkdir /run/sysctl.d; mount -t tmpfs none /usr/local/lib; mkdir /usr/local/lib/sysctl.d
    for f in etc/sysctl.d run/sysctl.d usr/local/lib/sysctl.d usr/lib/sysctl.d; do mount --bind $1/$f /$f; done
    touch $1/etc/sysctl.conf; mount --bind $1/etc/sysctl.conf /etc/sysctl.conf; set +e
    for r in $2 "sysctl -q --system"; do echo "(unset)" >$d; $r >&2; cat $d; done"""
    done = private(script, str(root), SYSTEMD)
    assert done.returncode == 0, done.stderr
    return [None if value == "(unset)" else value for value in done.stdout.decode().splitlines()]


@needs_readers
@given(FILES, LINKS)
@example({"/etc/sysctl.conf": f"{KEY}=0\n", "/etc/sysctl.d/zz.conf": f"{KEY}=1\n"}, {"/etc/sysctl.d/99-sysctl.conf": "/etc/sysctl.conf"})
@SLOW
def test_the_files_of_a_host_come_to_what_both_readers_come_to(folder: Path, files: dict[str, str], links: dict[str, str]) -> None:
    found, _ = sysctl_conf.effective(files, KEY, links=links)
    if not isinstance(found, Unknown):
        assert booted(files, links, folder) == [found, found]
    try:
        edits = sysctl_conf.plan_edits(files, KEY, "0", links=links)
    except Unsettled:
        return

    after = files | edits.texts
    assert booted(after, links, folder) == ["0", "0"]
    assert sysctl_conf.plan_edits(after, KEY, "0", links=links) == sysctl_conf.Edits()
    assert all(path.startswith(("/etc/sysctl.d/", "/etc/sysctl.conf")) and path not in links for path in edits.texts)


def test_readers_that_differ_are_said_to() -> None:
    files = {"/etc/sysctl.conf": "# a\nnet.ipv6.bindv6only=0\n", "/etc/sysctl.d/zz.conf": "net.ipv6.bindv6only=1\n"}

    assert sysctl_conf.effective(files, "net.ipv6.bindv6only") == (
        Unknown(line=2, reason="systemd-sysctl comes to 1, sysctl --system to 0", path="/etc/sysctl.conf"),
        "/etc/sysctl.conf",
    )


def tree(folder: Path) -> dict[str, str]:
    """The files below a folder as they would stand on a host."""
    return {
        f"/{path.relative_to(folder)}": path.read_bytes().decode("utf-8", "surrogateescape")
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("case", [path.parent.name for path in sorted(CASES.glob("*/ask.toml"))])
def test_case(case: str) -> None:
    """A case: ask.toml says what to set, before/ and after/ hold the files of the host."""
    ask = tomllib.loads((CASES / case / "ask.toml").read_text())
    files, dialect, links = tree(CASES / case / "before"), Dialect(ask.get("dialect", "linux")), ask.get("links", {})
    if "error" in ask:
        with pytest.raises((Inexpressible, Unsettled)) as raised:
            sysctl_conf.plan_edits(files, ask["key"], ask["value"], dialect=dialect, links=links)
        assert str(raised.value) == ask["error"]
        return
    edits = sysctl_conf.plan_edits(files, ask["key"], ask["value"], dialect=dialect, links=links)

    assert list(edits.notes) == ask.get("notes", [])
    assert files | edits.texts == tree(CASES / case / "after")
    assert sysctl_conf.effective(files | edits.texts, ask["key"], dialect=dialect, links=links) == (ask["value"], ask["decides"])


# -- single facts ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("k.a=1", "1"),
        (" k.a = 1 # why", "1"),
        ("k.a: 1", "1"),
        ("k.a=1#why", "1"),
        ("#k.a=1", None),
        ("k.a", None),
        ('k.a="1 # 2" # why', "1 # 2"),
        ("k.a='1 # 2'", "1 # 2"),
        (r"k.a=1\#2", r"1\#2"),
        ('k.a="1', "1"),
        ("k.a=1 2,3", "1 2,3"),
        ("k.a==1", "=1"),
        ("k.a=1\r", "1"),
        ("k.a=", ""),
        ("k.a # it's=1", None),
        ("k.a=it's # x", "it's # x"),
        ("; k.a=1", None),
    ],
)
def test_freebsd_reads_a_line_as_parsefile_does(line: str, value: str | None) -> None:
    """`parsefile` and `parse` of sbin/sysctl/sysctl.c, freebsd-src 2d614aa2."""
    assert sysctl_conf.get(sysctl_conf.parse(line + "\n", dialect=Dialect.FREEBSD), "k.a") == value


@pytest.mark.parametrize(
    ("line", "value"), [("k.a=1 why", "1"), ("k.a = 1", None), ("\tk.a=1", "1"), ("#k.a=1", None), ('k.a="1"', '"1"'), ("k.a=1#2", "1#2")]
)
def test_old_freebsd_reads_the_first_word(line: str, value: str | None) -> None:
    """`while read var comments` of etc/rc.d/sysctl, FreeBSD 9.0.0."""
    assert sysctl_conf.get(sysctl_conf.parse(line + "\n", dialect=Dialect.FREEBSD_SH), "k.a") == value


@pytest.mark.parametrize(
    ("text", "dialect", "reason"),
    [
        ("kernel.domainname=a\n-kernel.domainname\n", Dialect.LINUX, "systemd-sysctl forgets the value here, sysctl keeps it"),
        ("kernel.domainn*=a\n-kernel.domainn*\n", Dialect.LINUX, "readers differ on a pattern after -"),
        ("\n- kernel.domainname=a\n", Dialect.LINUX, "readers differ on a blank or another - after -"),
        ("\n#\rkernel.domainname=a\n", Dialect.LINUX, "readers differ on where this comment ends"),
        ("\nkernel.domainname=a\0b\n", Dialect.LINUX, "readers differ on the control characters in this line"),
        ("\n#" + "x" * 1100 + "kernel.domainname=a\n", Dialect.FREEBSD, "sysctl -f reads this line in pieces"),
        ("\nkernel.domainname=a\\\n", Dialect.FREEBSD_SH, "rc.d/sysctl drops the backslash in this line"),
    ],
)
def test_a_line_on_which_readers_differ_is_unknown(text: str, dialect: Dialect, reason: str) -> None:
    document = sysctl_conf.parse(text, "/etc/sysctl.conf", dialect)

    assert sysctl_conf.get(document, KEY) == Unknown(line=2, reason=reason, path="/etc/sysctl.conf")
    with pytest.raises(Unsettled):
        sysctl_conf.unset(document, KEY)


@pytest.mark.parametrize("value", ["a\nb", "a\rb", "a\0b", " a", "a "])
def test_a_value_that_no_line_holds_is_refused(value: str) -> None:
    for text in ("", f"{KEY} = 1\n"):
        with pytest.raises(Inexpressible, match=r"^kernel.domainname: "):
            sysctl_conf.set_value(sysctl_conf.parse(text), KEY, value)


def test_unset_takes_the_lines_in_both_spellings() -> None:
    document = sysctl_conf.parse("a.b=1\n# c\na/b = 2\na.c=3\n")

    assert sysctl_conf.emit(sysctl_conf.unset(document, "a.b")) == "# c\na.c=3\n"
    with pytest.raises(Inexpressible, match="a pattern sets it"):
        sysctl_conf.unset(sysctl_conf.parse("a.*=1\n"), "a.b")
