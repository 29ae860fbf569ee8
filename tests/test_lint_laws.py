"""The laws of the linter over random files of xinetd: nothing raises, nothing hides what follows, fixes end and leave sockets alone."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from inet46.diagnostics import Cost, Severity, render
from inet46.host import HostPolicy
from inet46.knowledge import HOSTS, XinetdBuild, resolve
from inet46.lint import Report, View, every, mend, weigh

XINETDS = [row.name for row in HOSTS if isinstance(resolve(row.name).server, XinetdBuild)]
NAMES = {rule.code: rule.name for rule in every()}
NAMES |= {"I201": "double-bind", "I303": "starved-listener", "I305": "mapped-and-v6only"}  # of the oracle, on every host

_GOOD = ["socket_type = stream", "wait = no", "user = root", "server = /usr/sbin/imapd"]
_LINES = """flags = IPv6|flags = IPv4|flags = IPv4 IPv6|flags = REUSE|flags += IPv6|flags = BOGUS|flags=IPv6|FLAGS =ipv6 # c|v6only = no|v6only = yes
v6only = maybe|bind = 127.0.0.1|bind = ::1|bind = ::ffff:127.0.0.1|bind = lo|interface = eth0|bind = mail.example.org|bind = 0.0.0.0|disable = no|disable = yes
disable = true|id = a|id = b|port = 143|port = 7001|type = UNLISTED|type = INTERNAL|protocol = tcp|protocol = tcp6|protocol = TCP|protocol = udp|protocol = sctp
socket_type = dgram|socket_type = streem|wait = yes|scoket_type = stream|log_on_failer += USERID|only_from = 127.0.0.1|only_from = ::1/128|only_from =
only_from += 10.0.0.0/255.0.0.0|only_from = ::|only_from = 1.2.3.4, ::1|only_from -= ::1|only_from = localhost|no_access = 0.0.0.0/0 ::1/128|no_access = 127.0.0.1
server_args = -x # y|server_args = "a b"|server_args = $HOME {{x}}|server_args = a \\\\|flags = NAMEINARGS|instances = 10|instances =|instances = ten|cps = 5|cps = 5 x
env = A=b|env -= A|nice = 5|umask = 022|umask = 9|redirect = mail.example.org 143|redirect = ::1 143|rlimit_files = 9|libwrap = x|log_type = FILE|user|user=root
user = root wheel|group = mail|enabled = a imap|disabled = b|log_on_success = PID TRAFFIC|passenv = # x|colour = blue|; comment|-b c|}}|{""".replace(
    "\n", "|"
).split("|")
_HEADS = [
    "service imap",
    "service imap",
    "service pop3 x",
    "service time",
    "Service tftp",
    "defaults",
    "service imap {",
    "service",
    "defaults x",
    "service ${x}",
]
_ASIDES = [
    "}", "{", "# comment", "garbage", "include /etc/more", "includedir /etc/xinetd.d", "includedir /etc/xinetd.d x", "include none",
    "include /nowhere", "service", "\ufeff", "", "\0", "{% if x %}", "service x\0y", " \v\f",
]  # fmt: skip
_ends = st.sampled_from(["\n", "\n", "\n", "\n", "\r\n", ""])
_attributes = st.sampled_from(_LINES) | st.sampled_from(_GOOD)
_bodies = st.builds(
    lambda odd, good, first: [*odd, *good] if first else [*good, *odd],
    st.lists(_attributes, max_size=4),
    st.sampled_from([_GOOD, _GOOD, _GOOD[:3], _GOOD[1:]]),
    st.booleans(),
)
_paragraphs = st.builds(
    lambda head, opened, body, closed, indent, end: end.join([head, *opened, *(indent + line for line in body), *closed, ""]),
    st.sampled_from(_HEADS),
    st.sampled_from([["{"], ["{"], ["{"], ["{ # x"], [], ["# x", "{"]]),
    _bodies,
    st.sampled_from([["}"], ["}"], ["}"], ["} # x"], []]),
    st.sampled_from(["\t", "", "  "]),
    st.sampled_from(["\n", "\n", "\n", "\r\n"]),
)
_defaults = st.builds(lambda body: "\n".join(["defaults", "{", *body, "}", ""]), st.lists(st.sampled_from(_LINES), max_size=2))
texts = st.lists(_paragraphs | _paragraphs | _defaults | st.builds(str.__add__, st.sampled_from(_ASIDES), _ends), max_size=4).map("".join)
soup = st.binary(max_size=80).map(lambda data: data.decode("utf-8", "surrogateescape")) | st.text(
    "servicdfaultn{} =+-#\n\r\t\0:1", max_size=60
)
_compats = st.sampled_from(
    ["", "imap stream tcp nowait root /usr/sbin/imapd imapd\n", "time dgram udp wait root internal\npop3 stream tcp6 nowait root /x x\n"]
)


def _files(host: str, text: str, more: str, compat: str = "") -> dict[str, str]:
    return {
        resolve(host).config: text,
        "/etc/xinetd.d/imap": more,
        "/etc/xinetd.d/x.conf": more,
        "/etc/more": more,
        "/etc/inetd.conf": compat,
    }


def _view(host: str, files: Mapping[str, str]) -> View:
    policy = HostPolicy(name=host, programs=("/usr/sbin/imapd",), users=("root",))
    return View(resolve(policy), {path: path for path in files})


def _troubles(report: Report) -> Counter[str]:
    return Counter(one.code for one in report.diagnostics if one.severity is not Severity.NOTE)


def _held(report: Report) -> list[object]:
    return [(held.socket, held.accepts, held.service, held.entry.duty) for held in report.subject.prediction.sockets]


def _holds(view: View, files: Mapping[str, str]) -> None:
    """Hold the laws against files as one host sees them."""
    before = weigh(view.look(files))
    for one in before.diagnostics:
        assert render(one)
        for span in (one.span, *(label.span for label in one.labels), *(edit.span for edit in (one.fix.edits if one.fix else ()))):
            assert span is None or 0 <= span.start <= span.stop <= len(span.source.text)
    for unsafe in (False, True):
        mended = mend(files, [view], unsafe=unsafe)
        now = {**files, **mended.texts}
        after = weigh(view.look(now))
        assert not _troubles(after) - _troubles(before)
        assert not mend(now, [view], unsafe=unsafe).texts
        if not unsafe:
            assert _held(after) == _held(before)


@pytest.mark.parametrize("host", XINETDS)
@given(text=texts, more=texts, compat=_compats)
def test_fixes_reach_a_fixed_point_bring_no_trouble_and_safe_ones_leave_sockets_alone(host: str, text: str, more: str, compat: str) -> None:
    files = _files(host, text, more, compat)

    _holds(_view(host, files), files)


@pytest.mark.parametrize("host", XINETDS)
@given(text=soup, more=soup)
def test_no_bytes_make_a_rule_raise(host: str, text: str, more: str) -> None:
    files = _files(host, text, more)

    _holds(_view(host, files), files)


def _service(port: int) -> str:
    return "\n".join([f"service s{port}", "{", "type = UNLISTED", f"port = {port}", *_GOOD, "}", ""])


def _services(host: str, files: Mapping[str, str]) -> set[str]:
    """The services that are read, of files that do not end the daemon."""
    subject = _view(host, files).look(files)
    assume(not {"I145", "I174"} & {fault.code for fault in subject.reading.faults})
    return {paragraph.name for paragraph in subject.paragraphs}


@pytest.mark.parametrize("host", XINETDS)
@given(text=texts | soup)
def test_what_is_wrong_in_a_file_hides_at_most_the_next_entry(host: str, text: str) -> None:
    """What ends the daemon (a bad value in defaults) hides everything, and says so."""
    main = resolve(host).config
    assume(all(fault.cost is not Cost.DAEMON for fault in _view(host, {main: text}).look({main: text}).reading.faults))
    joined = "" if text.endswith("\n") or not text else "\n"
    both = _service(7771) + _service(7772)

    inside = _services(host, {main: text + joined + both})
    beside = _services(host, {main: "includedir /etc/xinetd.d\n", "/etc/xinetd.d/a": text, "/etc/xinetd.d/b": both})

    # Behind a line of one word xinetd reads on, and may cut all that its buffer holds.
    assert "s7772" in inside or re.search(
        r"\0|^[ \t\v\f\r]*[^ \t\n=]+[ \t\v\f\r]*$", text.replace("{\n", "").replace("}\n", ""), re.MULTILINE
    )
    assert {"s7771", "s7772"} <= beside


@pytest.mark.parametrize("host", XINETDS)
@given(text=texts, more=texts)
def test_every_fault_of_the_readers_has_a_rule_of_the_same_name(host: str, text: str, more: str) -> None:
    files = _files(host, text, more)
    subject = _view(host, files).look(files)
    said = {fault.code: fault.name for fault in (*subject.reading.faults, *subject.prediction.faults)}

    assert {code: NAMES.get(code) for code in said} == said
