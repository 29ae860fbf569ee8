"""rc.conf: what is read is what the shell does, and an edit changes one value and nothing else."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, reject, settings
from hypothesis import strategies as st

from inet46.errors import Inexpressible
from inet46.formats import rc_conf
from inet46.formats._shell_steps import Assign
from inet46.formats.rc_conf import Unknown, Unsettled

CASES = Path(__file__).parent / "cases" / "settings" / "rc_conf"
SHELLS = [
    command
    for command in (["dash"], ["bash", "--posix"], ["mksh"], ["busybox", "ash"], ["busybox-static", "ash"])
    if shutil.which(command[0])
]


def encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def sourced(shell: list[str], files: list[str], name: str, folder: Path) -> bytes | None:
    """What a shell has in a variable after it has read the files; None if it has none. Fails if it does not come so far."""
    paths = []
    for number, text in enumerate(files):
        path = folder / f"file{number}"
        path.write_bytes(encoded(text))
        paths.append(str(path))
    script = f'{"".join(f". {path} >/dev/null;" for path in paths)} /usr/bin/printf "<%s>%s" "${{{name}+set}}" "${{{name}-}}"'
    # No PATH: a generated text must find no program to run.
    done = subprocess.run(
        [shutil.which(shell[0]) or shell[0], *shell[1:], "-c", script],
        env={"PATH": "/nonexistent"},
        cwd=folder,
        capture_output=True,
        check=False,
        timeout=20,
    )
    assert done.stdout.startswith((b"<set>", b"<>")), done.stderr
    return done.stdout.removeprefix(b"<set>") if done.stdout.startswith(b"<set>") else None


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sourced")


# -- texts -------------------------------------------------------------------------------------------------------------------------

NAMES = st.sampled_from(["A", "B", "ipv6_enable"])
BYTES = st.binary(max_size=6).map(lambda raw: raw.replace(b"\0", b"").decode("utf-8", "surrogateescape"))
INNER = st.one_of(
    st.sampled_from(
        [
            "YES",
            "NO",
            "",
            " ",
            "x y",
            "$A",
            "${B}",
            "$(echo 1)",
            "`echo 1`",
            "\\$",
            '\\"',
            "\\\\",
            "\\\n",
            "\\n",
            "~",
            "#",
            ";",
            "*",
            "$",
            "\n",
            "\r",
            "é",
        ]
    ),
    BYTES.filter(lambda text: not set(text) & set("\"'\\$`\n&|();<>")),
)
QUOTED = st.one_of(
    st.lists(INNER, max_size=3).map(lambda inner: '"' + "".join(inner) + '"'),
    st.lists(INNER, max_size=3).map(lambda inner: "'" + "".join(inner).replace("'", "") + "'"),
    st.sampled_from(
        [
            "YES",
            "NO",
            "a/b:c",
            "$A",
            "$B",
            "${A}x",
            "\\ ",
            "\\\n",
            "\\'",
            "a#b",
            "=",
            "~",
            "${A:-z}",
            "${#A}",
            "$(echo 2)",
            "`echo 2`",
            "$1",
            "$",
            "",
        ]
    ),
)
VALUES = st.lists(QUOTED, max_size=3).map("".join)
ASSIGNMENTS = st.builds("{}={}".format, NAMES, VALUES)
COMMANDS = st.one_of(
    ASSIGNMENTS,
    ASSIGNMENTS,
    st.builds("{} {}".format, ASSIGNMENTS, ASSIGNMENTS),
    st.builds("export {}".format, ASSIGNMENTS),
    st.builds("unset {}".format, NAMES),
    st.builds("export {}".format, NAMES),
    st.sampled_from(["echo A=1", ": $A", "nosuch A=2", "true", "test -r /x", "A=1 echo x", "A=1 :", "exit", "return", "false || return 0"]),
)
STATEMENTS = st.one_of(
    COMMANDS,
    COMMANDS,
    st.builds("{} {} {}".format, COMMANDS, st.sampled_from(["&&", "||", "|", "&& \\\n", ";"]), COMMANDS),
    st.builds("if {}; then {}; else {}; fi".format, COMMANDS, COMMANDS, COMMANDS),
    st.builds("case $A in\n(1|2) {};; *) {}\nesac".format, COMMANDS, COMMANDS),
    st.builds("for A in 1 2; do {}; done".format, COMMANDS),
    st.builds("f() {{ {}\n}}".format, COMMANDS),
    st.builds("({})".format, COMMANDS),
    st.builds("{{ {}; }}".format, COMMANDS),
    st.builds("! {}".format, COMMANDS),
    st.builds("{} {}".format, COMMANDS, st.sampled_from(["2>/dev/null", ">&2", "</nonexistent", "3<&-"])),
    st.just("f"),
    st.just(""),
)
ENDS = st.sampled_from(["\n", "\n", "\n", "; ", ";", " # comment\n", "\n\n", " \\\n\n", "\r\n", "\t\n", "", "#\n", " & ", "#;A=9\n"])
TEXTS = st.lists(st.builds("{}{}{}".format, st.sampled_from(["", "", " ", "\t"]), STATEMENTS, ENDS), max_size=6).map("".join)
# What the grammar above would never make. No "/" and no function, so that a shell can run it harmlessly; no ".", because the file behind it
# is taken to exist.
TOKENS = [
    "A",
    "B",
    "=",
    "A=1",
    "B='2'",
    " ",
    "\n",
    ";",
    "&",
    "|",
    "(",
    ")",
    "{",
    "}",
    "<",
    ">",
    "'",
    '"',
    "\\",
    "\\\n",
    "$",
    "`",
    "#",
    "if",
    "then",
    "fi",
    "case",
]
TOKENS += [
    "in",
    "esac",
    "for",
    "do",
    "done",
    "export",
    "unset",
    "echo",
    ":",
    "!",
    "${",
    "$(",
    "\r",
    "\t",
    "~",
    "é",
    "\udcff",
    "\x81",
    "=A",
    "1",
    "-",
    "[",
    "]",
]
NOISE = st.lists(st.sampled_from(TOKENS), max_size=14).map("".join).filter(lambda text: not re.search(r"[A-Za-z]\s*(\\\n)*\s*\(", text))
ANY = st.one_of(TEXTS, NOISE, st.text(), st.binary().map(lambda raw: raw.decode("utf-8", "surrogateescape")))
NEW = st.one_of(st.sampled_from(["YES", "NO", "", "x y", "~", "a'b", 'a"b', "$A", "`x`", "a\\b", "#", "-w -C 60", "a\\"]), BYTES).filter(
    lambda value: not set(value) & set("\n\r\0"),
)
SLOW = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])


@given(ANY)
@example("A=1")
@example("A='")
@example("\0\r\n\\")
@example("#" + "x" * 100_000 + "\r\n" + "A=" + "y" * 100_000)
@example("(" * 5000)
@example("$(" * 5000)
@example('"$(' * 3000)
def test_lossless(text: str) -> None:
    """Law 1: emit(parse(text)) == text, for every text."""
    assert rc_conf.emit(rc_conf.parse(text)) == text


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
@given(text=st.one_of(TEXTS, TEXTS, NOISE), name=NAMES)
@example(text="A=1\r\n", name="A")
@example(text="A=1\\\n#2\n", name="A")
@example(text="A=1\ni\\\nf true; then A=2; fi\n", name="A")
@example(text='A="a\\\nb\\c\\$"\n', name="A")
@example(text="export A=1 B\nunset A;A='x'#y\n", name="A")
@example(text="A=\x81\x82\udc81\udcff\n", name="A")
@SLOW
def test_a_value_that_get_knows_is_what_the_shell_has(shell: list[str], folder: Path, text: str, name: str) -> None:
    known = rc_conf.get(rc_conf.parse(text), name)
    if isinstance(known, Unknown):
        reject()

    assert sourced(shell, [text], name, folder) == (None if known is None else encoded(known))


@given(text=TEXTS, name=NAMES, value=NEW)
@example(text="A=1\r\nB=2\r\n", name="A", value="0")
@example(text="A=1; B=$A; A=2", name="A", value="3")
@example(text="A=1\nunset A", name="A", value="")
@SLOW
def test_a_value_that_was_set_is_got(folder: Path, text: str, name: str, value: str) -> None:
    document = rc_conf.parse(text)
    try:
        changed = rc_conf.set_value(document, name, value)
    except Unsettled:
        assert isinstance(rc_conf.get(document, name), Unknown)
        return

    assert rc_conf.get(changed, name) == value
    assert rc_conf.set_value(changed, name, value) == changed
    assert sourced(SHELLS[0], [rc_conf.emit(changed)], name, folder) == encoded(value)


def around(document: rc_conf.Document, name: str) -> str:
    """The text of a document without the values of one variable."""
    text = document.text
    for step in reversed(document.steps):
        if isinstance(step, Assign) and step.name == name:
            text = text[: step.word.value_start] + text[step.word.stop :]
    return text


@given(text=TEXTS, name=NAMES, value=NEW)
@SLOW
def test_setting_a_value_keeps_every_other_byte(text: str, name: str, value: str) -> None:
    """What stands around a value stays around it, and an appended line stands at the end."""
    document = rc_conf.parse(text)
    try:
        changed = rc_conf.set_value(document, name, value)
    except Unsettled:
        return

    before, after = around(document, name), around(changed, name)
    assert after in (before, f"{before}{name}=\n", f"{before}\n{name}=\n")


@given(text=TEXTS, name=NAMES)
@SLOW
def test_what_was_unset_is_not_set(folder: Path, text: str, name: str) -> None:
    document = rc_conf.parse(text)
    try:
        changed = rc_conf.unset(document, name)
    except (Unsettled, Inexpressible):
        return

    after = rc_conf.get(changed, name)
    assert not isinstance(after, str)
    if after is None:
        assert sourced(SHELLS[0], [rc_conf.emit(changed)], name, folder) is None
    assert rc_conf.unset(changed, name) == changed


@given(texts=st.tuples(TEXTS, TEXTS, TEXTS), name=NAMES, value=NEW)
@SLOW
def test_the_layers_come_to_what_the_shell_comes_to(folder: Path, texts: tuple[str, str, str], name: str, value: str) -> None:
    paths = ("/etc/rc.conf", "/etc/rc.conf.local", "/etc/rc.conf.d/netoptions")
    files = dict(zip(paths, texts, strict=True))
    found, _ = rc_conf.effective(files, name, "netoptions")
    if not isinstance(found, Unknown):
        assert sourced(SHELLS[0], list(texts), name, folder) == (None if found is None else encoded(found))
    try:
        edits = rc_conf.plan_edits(files, name, value, "netoptions")
    except Unsettled:
        return

    after = files | edits.texts
    assert rc_conf.effective(after, name, "netoptions")[0] == value
    assert rc_conf.plan_edits(after, name, value, "netoptions") == rc_conf.Edits()
    assert sourced(SHELLS[0], [after[path] for path in paths], name, folder) == encoded(value)


# -- cases -------------------------------------------------------------------------------------------------------------------------


def tree(folder: Path) -> dict[str, str]:
    """The files below a folder as they would stand on a host."""
    return {
        f"/{path.relative_to(folder)}": path.read_bytes().decode("utf-8", "surrogateescape")
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def cases() -> list[str]:
    return [path.parent.name for path in sorted(CASES.glob("*/ask.toml"))]


@pytest.mark.parametrize("case", cases())
def test_case(case: str) -> None:
    """A case: ask.toml says what to set, before/ and after/ hold the files of the host."""
    ask = tomllib.loads((CASES / case / "ask.toml").read_text())
    files = tree(CASES / case / "before")
    service = ask.get("service")
    if "error" in ask:
        with pytest.raises((Inexpressible, Unsettled)) as raised:
            rc_conf.plan_edits(files, ask["name"], ask["value"], service)
        assert str(raised.value) == ask["error"]
        return
    edits = rc_conf.plan_edits(files, ask["name"], ask["value"], service)

    assert list(edits.notes) == ask.get("notes", [])
    assert files | edits.texts == tree(CASES / case / "after")
    assert rc_conf.effective(files | edits.texts, ask["name"], service) == (ask["value"], ask["decides"])


# -- single facts ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("A=$(hostname)\n", 1, "the output of a command is not known"),
        ("B=1\nA=`hostname`\n", 2, "the output of a command is not known"),
        ("A=$C\n", 1, "$C is not known: no line before assigns it"),
        ("C=$(x)\nA=$C\n", 2, "$C is not known: line 1: the output of a command is not known"),
        ("A=${C:-x}\n", 1, "${C:-x} is not worked out"),
        ("A=1\nif true; then A=2; fi\n", 2, "A is set inside an if"),
        ("true && A=2\n", 1, "A is set in a command list"),
        ("A=1 &\n", 1, "A is set in the background"),
        ("case x in x) A=2;; esac\n", 1, "A is set inside a case"),
        ("A=1\n. /etc/other\n", 2, "another file is read here"),
        ("A=1\nread A\n", 2, "read may set any variable"),
        ("A=1\nexit\n", 2, "exit may end the file or change how it is read"),
        ("f() { A=2; }\nA=1\nf\n", 3, "f may end the file or change how it is read"),
        ("A=1\nB='x\n", 2, "a quotation is not closed"),
        ("A=1\ncat <<E\nE\n", 2, "a here-document is not read"),
        ("A=1\nfi\n", 2, "fi is out of place"),
        ("A=1\nif true\r\nthen\r\n B=1\nfi\n", 5, "fi is out of place"),
        ("A=~root\n", 1, "a ~ outside quotes is not expanded here"),
        ("A=1\0\n", 1, "a NUL is not read"),
        ("A=1\\", 1, "a backslash ends the file"),
        ("A=$((1+1))\n", 1, "an expansion that is not read"),
        ("OPTIND=1\nA=1\n", 1, "OPTIND belongs to the shell"),
        ("B=`if`\n", 1, "expected then"),
        ("if then fi\n", 1, "a list without a command"),
        ("{ B=1; } C=1\n", 1, "C is out of place"),
        ("B=1; {\n", 2, "expected }"),
        ("B=1 | then\n", 1, "then is out of place"),
        ("A=1\n.\n", 2, "shells differ in what this . does"),
        ("A=1\n: >&2#\n", 2, "a redirection that is not read"),
        (": >\n", 1, "a redirection without a file"),
        ("for A B; do :; done\n", 1, "expected do"),
        ("for 1 in 2; do :; done\n", 1, "a for loop that is not read"),
        ("for B; do A=1; done\n", 1, "A is set inside a loop"),
        ("while read B\ndo C=1\ndone </x 2>y\n", 1, "read may set any variable"),
        ("while :\ndo A=1\ndone <x\n", 2, "A is set inside a loop"),
        (": ${A:=1}\n", 1, "an expansion assigns a variable"),
        ("f(x) { :; }\n", 1, "expected )"),
        ("f() :\n", 1, "a function without a body in braces"),
        ("case x in a b) :;; esac\n", 1, "a case that is not read"),
        ("case x in | b) :;; esac\n", 1, "a case that is not read"),
        ("case x\n", 1, "a case that is not read"),
    ],
)
def test_what_cannot_be_known_says_why(text: str, line: int, reason: str) -> None:
    assert rc_conf.get(rc_conf.parse(text, "/etc/rc.conf"), "A") == Unknown(line=line, reason=reason, path="/etc/rc.conf")


def test_a_function_that_is_not_called_does_nothing() -> None:
    assert rc_conf.get(rc_conf.parse("A=1\nf() { local i; A=2; return; }\n"), "A") == "1"


def test_the_defaults_of_freebsd_do_not_hide_their_values() -> None:
    """They define source_rc_confs and read vendor.conf in a condition at their end."""
    text = (
        'A="NO"\nif [ -z "${d}" ]; then\n\td=yes\n\tg() {\n\t\tlocal i\n\t\tfor i in ${rc_conf_files}; do\n\t\t\t. $i\n\t\tdone\n\t}\nfi\n'
    )
    text += "if [ -r /etc/defaults/vendor.conf ]; then\n\t. /etc/defaults/vendor.conf\nfi\n"
    files = {"/etc/defaults/rc.conf": text}

    assert rc_conf.effective(files, "A") == ("NO", "/etc/defaults/rc.conf")
    assert rc_conf.effective(files | {"/etc/defaults/vendor.conf": "A=v\n"}, "A") == ("v", "/etc/defaults/vendor.conf")
    assert rc_conf.effective(files, "Z") == (None, None)


def test_a_file_that_another_one_reads_is_followed() -> None:
    files = {"/etc/rc.conf": ". /etc/site\nB=2\n", "/etc/site": "A=1\n"}

    assert rc_conf.effective(files, "A") == ("1", "/etc/site")
    assert rc_conf.effective({"/etc/rc.conf": ". /etc/site\n"}, "A")[0] == Unknown(
        line=1, reason="another file is read here", path="/etc/rc.conf"
    )


def test_rc_conf_files_says_which_files_count() -> None:
    files = {"/etc/rc.conf": "rc_conf_files='/etc/rc.conf /etc/site'\nA=1\n", "/etc/rc.conf.local": "A=2\n", "/etc/site": "A=3\n"}

    assert rc_conf.effective(files, "A") == ("3", "/etc/site")


def test_a_file_that_is_not_read_is_no_place_for_a_value() -> None:
    with pytest.raises(Inexpressible) as raised:
        rc_conf.plan_edits({"/etc/rc.conf": "rc_conf_files=/etc/site\nA=1\n", "/etc/site": "B=1\n"}, "C", "1", home="/etc/other")

    assert str(raised.value) == "C: '1' has no effect in /etc/other: it is not read, or overruled"


def test_the_files_of_a_service_count_for_that_service_only() -> None:
    files = {"/etc/rc.conf": "A=1\n", "/etc/rc.conf.d/x/b": "A=2\n", "/etc/rc.conf.d/x/a": "A=3\n", "/usr/local/etc/rc.conf.d/y": "A=4\n"}

    assert [rc_conf.effective(files, "A", service)[0] for service in (None, "x", "y", "z")] == ["1", "2", "4", "1"]


@pytest.mark.parametrize("value", ["a\nb", "a\rb", "a\0b", "\ud800"])
def test_a_value_that_no_line_holds_is_refused(value: str) -> None:
    with pytest.raises(Inexpressible, match=r"^A: "):
        rc_conf.set_value(rc_conf.parse(""), "A", value)


@pytest.mark.parametrize("name", ["", "1A", "A-B", "A=B", "A B", "é", "A\n"])
def test_a_name_that_no_shell_has_is_refused(name: str) -> None:
    with pytest.raises(Inexpressible, match="is not the name of a shell variable"):
        rc_conf.set_value(rc_conf.parse(""), name, "1")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("A=1 # why\nB=2\n", "B=2\n"),
        ("A=1; B=2\n", "B=2\n"),
        ("B=2; A=1\n", "B=2\n"),
        ("B=2; A=1 # both\n", "B=2 # both\n"),
        ("export A=1 B=2\n", "export B=2\n"),
        ("  export A=1\nB=2", "B=2"),
        ("A=1\nB=2\nA='3\n4'\n", "B=2\n"),
        ("B=2\n", "B=2\n"),
        ("A=1", ""),
    ],
)
def test_unset_takes_the_line_or_the_command(before: str, after: str) -> None:
    assert rc_conf.emit(rc_conf.unset(rc_conf.parse(before), "A")) == after


def test_unset_leaves_what_others_are_made_of() -> None:
    with pytest.raises(Inexpressible) as raised:
        rc_conf.unset(rc_conf.parse("A=1\nB=$A\n", "/etc/rc.conf"), "A")

    assert str(raised.value) == "A cannot be removed from /etc/rc.conf: another variable is made of it"
