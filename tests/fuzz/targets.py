"""What is fuzzed: functions that take any bytes, and end quietly unless a law is broken.

Formats are found by themselves: every module of `inet46.formats` that has `parse` and `emit`. A target may raise what inet46 raises on
purpose; any other exception is a finding, and so is an AssertionError from here.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, TypeVar

import attrs

from inet46 import codec, formats, lint
from inet46.change import predict_change
from inet46.cli._show import one_line, visible
from inet46.convert import convert
from inet46.diagnostics import render
from inet46.errors import Inet46Error
from inet46.formats import rc_conf, sysctl_conf
from inet46.formats.systemd.document import Link
from inet46.knowledge import HOSTS, Host, LaunchdBuild, SystemdBuild, resolve
from inet46.merge import merge
from inet46.predict import predict
from inet46.service import Program, Service
from inet46.words import answers
from pyinfra_inet46.judge import decide
from pyinfra_inet46.look import Look, LookError, encode_look, parse_look
from pyinfra_inet46.transaction import render as render_script
from pyinfra_inet46.verdict import VerdictError, parse_verdict, write_verdict
from tests.looks import INETUTILS, OPENBSD, XINETD, a_file, a_look

T = TypeVar("T")

__all__ = ["OURS", "TARGETS", "Target", "attempt", "format_modules", "joined", "text_of"]

OURS = (Inet46Error, LookError, VerdictError)
"""What may be raised for bad input, and nothing else."""

MARK = "\x1c\n"  # between the files of one input; it is no byte that a format knows


@attrs.frozen
class Target:
    """One door: its name, what goes through it, and its share of the inputs. `kind` names the seeds that suit it."""

    name: str
    run: Callable[[bytes], object]
    share: float
    kind: str


def attempt(target: Target, data: bytes) -> None:
    """Give one input to a target; what inet46 raises on purpose is an answer."""
    try:
        target.run(data)
    except OURS as error:
        assert str(error).strip(), f"a {type(error).__name__} that says nothing"


def text_of(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def joined(files: Mapping[str, str]) -> bytes:
    """Several files as one input; the first byte chooses the host, and `_files` takes them apart again."""
    return ("\0" + MARK.join(f"{path}\n{text}" for path, text in files.items())).encode("utf-8", "surrogateescape")


# -- formats -----------------------------------------------------------------------------------------------------------------------------


def format_modules() -> Iterator[tuple[str, Any]]:
    """Every format: its name and its module."""
    for info in pkgutil.iter_modules(formats.__path__):
        module = importlib.import_module(f"inet46.formats.{info.name}")
        if not info.name.startswith("_") and hasattr(module, "parse") and hasattr(module, "emit"):
            yield info.name, module


def _lossless(module: Any) -> Callable[[bytes], None]:
    def run(data: bytes) -> None:
        text = text_of(data)
        assert module.emit(module.parse(text)) == text, "emit(parse(text)) is not text"

    return run


_VALUES = ("YES", "NO", "a b", "$x", "'", '"', "`", "#", "\\", "=", "~", "é", "\udcff", "", "0", "a\nb", "-", "*")


def _rc_conf(data: bytes) -> None:
    value, text = _chosen(data, _VALUES), text_of(data[1:])
    document = rc_conf.parse(text)
    for name in ("ipv6_ipv4mapping", "inetd_enable", "x"):
        _set(rc_conf, document, name, value)
    rc_conf.unset(document, "inetd_enable")


def _set(module: Any, document: Any, name: str, value: str) -> None:
    """Set a value in a file of settings, and read it back."""
    module.get(document, name)
    try:
        changed = module.set_value(document, name, value)
    except OURS:
        return
    assert module.get(changed, name) == value, "what was set is not what is got"
    assert module.set_value(changed, name, value) is changed, "a value that is there is set again"


def _sysctl(data: bytes) -> None:
    value, text = _chosen(data, _VALUES), text_of(data[1:])
    for dialect in sysctl_conf.Dialect:
        document = sysctl_conf.parse(text, "", dialect)
        assert sysctl_conf.emit(document) == text, f"lossy as {dialect.value}"
        for key in ("net.ipv6.bindv6only", "net.inet6.ip6.v6only"):
            _set(sysctl_conf, document, key, value)


# -- hosts -------------------------------------------------------------------------------------------------------------------------------


def _chosen(data: bytes, things: tuple[T, ...]) -> T:
    return things[data[0] % len(things)] if data else things[0]


_UNITS: Mapping[type, str] = {SystemdBuild: "/imap.socket", LaunchdBuild: "/imap.plist"}  # where the main file is a folder


def _files(data: bytes, host: Host) -> dict[str, str]:
    """One text is the host's main file; further ones are named by their first lines."""
    first, *more = text_of(data[1:]).split(MARK)
    files = {f"{host.config}{_UNITS.get(type(host.server), '')}": first}
    head, _, rest = first.partition("\n")
    if head.startswith("/"):
        files = {head: rest} if type(host.server) in _UNITS else {host.config: "", head: rest}
    files |= {head: rest for head, _, rest in (part.partition("\n") for part in more)}
    if isinstance(host.server, SystemdBuild):  # every socket is enabled; a link is no text that an input could hold
        started = [path for path in files if path.endswith(".socket")]
        files |= {f"{host.config}/sockets.target.wants/{path.rpartition('/')[2]}": Link(path) for path in started}
    return files


def _hosts() -> tuple[Host, ...]:
    return tuple(resolve(row.name) for row in HOSTS)


_HOSTS = _hosts()


def _read(data: bytes) -> None:
    host = _chosen(data, _HOSTS)
    files = _files(data, host)
    reading = formats.read(files, host)
    for fault in (*reading.faults, *predict(reading.entries, host).faults):
        if fault.span is not None:
            assert 0 <= fault.span.start <= fault.span.stop <= len(fault.span.source.text), "a span outside its text"
    for entry in reading.entries:
        try:
            formats.write([entry], host)
        except OURS:
            continue


def _check(data: bytes) -> None:
    host = _chosen(data, _HOSTS)
    for fault in lint.check(_files(data, host), host).diagnostics:
        drawn = visible(render(fault))
        assert all(character in "\n\t" or character.isprintable() or ord(character) > 0x9F for character in drawn), "not fit to print"
        assert "\n" not in one_line(fault.message)


def _mend(data: bytes) -> None:
    host = _chosen(data, _HOSTS)
    files = _files(data, host)
    view = lint.View(host, {path: path for path in files})
    mended = lint.mend(files, [view], unsafe=len(data) % 2 == 1)
    if not len(data) % 2 and mended.texts:
        old, new = (formats.read({**files, **texts}, host).entries for texts in ({}, mended.texts))
        was, now = ({held.socket for held in predict(entries, host).sockets} for entries in (old, new))
        assert was == now, "a safe fix changes sockets"


def _reload(data: bytes) -> None:
    host = _chosen(data, _HOSTS)
    half = len(data) // 2
    old, new = (formats.read(_files(data[:1] + part, host), host) for part in (data[1:half], data[half:]))
    predict_change(old, new, ("reload", "signal ALRM"), host)


_WISHES = (Service(name="imap", program=Program(path="/usr/sbin/imapd")), Service(name="pop3", enabled=False, program=Program(path="/p")))


def _merge(data: bytes) -> None:
    host = _chosen(data, _HOSTS)
    files = _files(data, host)
    merged = merge(_WISHES, host, files)
    assert not merge(_WISHES, merged.host, {**files, **merged.files}).files, "a second merge changes something"


def _convert(data: bytes) -> None:
    source = _chosen(data, _HOSTS)
    target = _HOSTS[(len(data) + data[-1] if data else 0) % len(_HOSTS)]
    made = convert(_files(data, source), source, target)
    for syntax in ("toml", "yaml", "json"):
        try:
            written = codec.dumps(made.services, syntax)
        except OURS:
            continue
        assert codec.loads(written, syntax) == made.services, f"{syntax} does not give the services back"


# -- answers of hosts, and files of people -----------------------------------------------------------------------------------------------


def _lines(data: bytes) -> list[str]:
    return text_of(data).split("\n")  # pyinfra hands over lines; "\r" and the like stay in them


def _look(data: bytes) -> None:
    look = parse_look(_lines(data))
    look.to_json()
    encode_look(look)


def _decide(data: bytes) -> None:
    _decided(parse_look(_lines(data)))


def _decide_files(data: bytes) -> None:
    """A host that answers as it should, with files that nobody meant to write."""
    server = _chosen(data, (OPENBSD, INETUTILS, XINETD))
    config = "/etc/xinetd.conf" if server is XINETD else "/etc/inetd.conf"
    first, *more = text_of(data[1:]).split(MARK)
    files = {config: first, **{f"/etc/xinetd.d/{number}": text for number, text in enumerate(more)}}
    seen = tuple(a_file(path, text.encode("utf-8", "surrogateescape")) for path, text in files.items())
    _decided(attrs.evolve(a_look(server), files=seen))


def _decided(look: Look) -> None:
    decision = decide(_WISHES, None, look, id="20260101T000000-1-00", label="web1")
    assert not (decision.refusals and decision.transaction), "refused and done"
    if decision.transaction is not None:
        render_script(decision.transaction)
    said = (*decision.refusals, *decision.words, *decision.warnings, *decision.answers)
    assert not any("has a defect" in text for text in said), said
    for diff in decision.diffs:
        list(diff.lines())


def _verdict(data: bytes) -> None:
    verdict = parse_verdict(_lines(data))
    parse_verdict(write_verdict(verdict))


def _codec(syntax: Literal["toml", "yaml", "json"]) -> Callable[[bytes], None]:
    def run(data: bytes) -> None:
        for service in codec.loads(data, syntax):
            answers(family for listener in service.listeners for family in (listener.family,))
        try:
            codec.loads(data, syntax, "host")
        except OURS:
            return

    return run


def _targets() -> Iterator[Target]:
    for name, module in format_modules():
        yield Target(f"parse-{name}", _lossless(module), 8, "files")
    yield Target("edit-rc_conf", _rc_conf, 6, "files")
    yield Target("edit-sysctl_conf", _sysctl, 4, "files")
    yield Target("read", _read, 6, "hosts")
    yield Target("check", _check, 1, "hosts")
    yield Target("mend", _mend, 0.25, "hosts")
    yield Target("reload", _reload, 2, "hosts")
    yield Target("merge", _merge, 1, "hosts")
    yield Target("convert", _convert, 0.75, "hosts")
    yield Target("codec-toml", _codec("toml"), 4, "models")
    yield Target("codec-yaml", _codec("yaml"), 1, "models")
    yield Target("codec-json", _codec("json"), 4, "models")
    yield Target("look", _look, 8, "looks")
    yield Target("decide", _decide, 1, "looks")
    yield Target("decide-files", _decide_files, 1, "hosts")
    yield Target("verdict", _verdict, 10, "verdicts")


TARGETS = {target.name: target for target in _targets()}
