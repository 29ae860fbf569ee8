"""The laws of the linter over random inetd.conf: nothing raises, fixes reach a fixed point, bring nothing new, and leave sockets alone."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inet46 import formats
from inet46.host import HostPolicy
from inet46.knowledge import HOSTS, InetdBuild, resolve
from inet46.lint import Report, View, every, mend, weigh

INETDS = [row.name for row in HOSTS if isinstance(resolve(row.name).server, InetdBuild)]
COMPATS = [row.name for row in HOSTS if resolve(row.name).compat]
CODES = {rule.code for rule in every()}

_SERVICES = ["imap", "pop3", "7001", "143", "tftp", "daytime", "shell", "nosuch", "127.0.0.1:imap", "[::1]:imap", "::1:7001", "*:pop3"]
_LISTS = ["127.0.0.1,::1:imap", ":imap", "tcpmux/x", "rusersd/1-3", "/run/x", "$SVC", "{{ svc }}", "[::ffff:127.0.0.1]:7001", "70000"]
_TOKENS = [f"{kind}{digits}" for kind in ("tcp", "udp") for digits in ("", "4", "6", "46", "64", "5", "6only")]
_OTHERS = ["rpc/tcp", "unix", "TCP", "sctp", "tcp,rcvbuf=64k", "tcp6/faith", "="]
_WAITS = ["nowait", "wait", "nowait/5", "nowait:600", "nowait.600", "nowait/0/0/2", "wait/1", "nowiat", "nowait/x", "wait.0"]
_USERS = ["root", "root:mail", "root.mail", "first.last", "nobody/daemon", "/usr/sbin/imapd", "cyrus"]
_SERVERS = [
    "/usr/sbin/imapd imapd",
    "internal",
    "imapd",
    "/usr/sbin/tcpd imapd",
    "/bin/x x 'a b'",
    '/bin/x x "a',
    "/bin/x x # y",
    "/bin/x \\",
]
_BITS = ["a" * 5, "x " * 24, "#y", "a#b", "\0", "\r", "'", "é", "\udcff", "-f $HOME", "\v"]

_words = st.tuples(
    st.sampled_from(_SERVICES + _LISTS),
    st.sampled_from(["stream", "dgram", "stream", "raw", "tcp4"]),
    st.sampled_from(_TOKENS + _OTHERS),
    st.sampled_from(_WAITS),
    st.sampled_from(_USERS),
    st.sampled_from(_SERVERS),
)
_entries = st.builds(
    lambda words, keep, blank, more, indent: indent + blank.join(words[:keep]) + more,
    _words,
    st.sampled_from([6, 6, 6, 6, 6, 5, 3, 2, 1]),
    st.sampled_from(["\t", " ", " \t "]),
    st.just("") | st.sampled_from(_BITS).map(lambda bit: f" {bit}"),
    st.sampled_from(["", "", "", "\t", "  "]),
)
_asides = st.sampled_from(
    [
        "",
        "# comment",
        "\t# indented words here",
        " #x",
        "#@ ipsec",
        "#<off># imap stream tcp nowait root internal",
        "127.0.0.1:",
        "*:",
        "::1:",
        ".include /etc/x",
        "imap on protocol = tcp",
        "#" + "y" * 1022 + "7001 stream tcp4 nowait root /bin/x x",
        "\ta b c",
        " ",
        "\x0c",
    ]
)
_ends = st.sampled_from(["\n", "\n", "\n", "\r\n", ""])
texts = st.lists(st.tuples(_entries | _asides, _ends), max_size=6).map(lambda lines: "".join(line + end for line, end in lines))
soup = st.binary(max_size=80).map(lambda data: data.decode("utf-8", "surrogateescape"))
allows = st.lists(
    st.sampled_from(
        [
            "ALL: ALL\n",
            "imapd: 127.0.0.1\n",
            "imapd: ::1\n",
            "imapd: [::ffff:1.2.3.4]/100\n",
            "x\n",
            "imapd: [2001:db8::]/32 : deny\n",
            "ALL: 10.",
            "imapd: 2001:db8::/32, 10.0.0.0/8\n",
            "imapd: \\\n [::1]\n",
            "#\n",
            "[",
            "imapd:\n",
            "\x00\r\n",
            "imapd: ::ffff:1.2.3.4/200\n",
            "\\",
        ]
    ),
    max_size=3,
).map("".join)


def _files(name: str, text: str, allow: str = "", deny: str = "") -> dict[str, str]:
    host = resolve(name)
    main = {formats.COMPAT: text, host.config: "# nothing\n"} if host.name in COMPATS else {host.config: text}
    return {**main, "/etc/hosts.allow": allow, "/etc/hosts.deny": deny}


def _view(name: str, files: dict[str, str]) -> View:
    return View(resolve(HostPolicy(name=name, users=("root", "first.last"))), {path: path for path in files})


def _report(view: View, files: dict[str, str]) -> Report:
    return weigh(view.look(files))


def _held(report: Report) -> list[object]:
    return [(held.socket, held.accepts, held.service, held.entry.duty) for held in report.subject.prediction.sockets]


def _holds(view: View, files: dict[str, str]) -> None:
    before = _report(view, files)
    assert {diagnostic.code for diagnostic in before.diagnostics} <= CODES
    for diagnostic in before.diagnostics:
        for span in (diagnostic.span, *(label.span for label in diagnostic.labels)):
            assert span is None or 0 <= span.start <= span.stop <= len(span.source.text)
    for unsafe in (False, True):
        mended = mend(files, [view], unsafe=unsafe)
        texts = {**files, **mended.texts}
        after = _report(view, texts)
        assert not Counter(one.code for one in after.diagnostics) - Counter(one.code for one in before.diagnostics)
        assert not mend(texts, [view], unsafe=unsafe).texts
        if not unsafe:
            assert _held(after) == _held(before)


@pytest.mark.parametrize("name", [*INETDS, *COMPATS])
@given(text=texts, allow=allows, deny=allows)
def test_fixes_reach_a_fixed_point_bring_nothing_new_and_safe_ones_leave_sockets_alone(name: str, text: str, allow: str, deny: str) -> None:
    files = _files(name, text, allow, deny)

    _holds(_view(name, files), files)


@pytest.mark.parametrize("name", [*INETDS, *COMPATS])
@given(text=soup, allow=soup, deny=soup)
def test_no_text_makes_a_rule_raise(name: str, text: str, allow: str, deny: str) -> None:
    files = _files(name, text, allow, deny)

    _holds(_view(name, files), files)


@pytest.mark.parametrize("name", INETDS)
@given(text=texts)
def test_every_code_that_the_readers_find_has_a_rule_of_the_same_name(name: str, text: str) -> None:
    names = {rule.code: rule.name for rule in every()}
    subject = _report(_view(name, _files(name, text)), _files(name, text)).subject
    said = {fault.code: fault.name for fault in (*subject.reading.faults, *subject.prediction.faults)}

    assert {code: names.get(code) for code in said} == said
