"""What a .service does for a client: program, user, limits, environment, and word for word whatever else it says.

Sources: load-fragment.c (config_parse_exec, config_parse_environ), service.c (service_verify) of systemd 252; measured:
tests/test_lab_systemd.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import attrs

from inet46.diagnostics import Diagnostic, Severity
from inet46.entry import Unstartable
from inet46.formats._reading import fault
from inet46.formats.systemd.document import Assignment
from inet46.formats.systemd.units import Unit
from inet46.formats.systemd.values import expand, split
from inet46.knowledge import SystemdBuild
from inet46.service import Limits, Pairs, Program

__all__ = ["LIMITS", "NO_VARIABLE", "Duty", "serve", "told"]

LIMITS = {"LimitAS": "as", "LimitCPU": "cpu", "LimitDATA": "data", "LimitNOFILE": "files", "LimitRSS": "rss", "LimitSTACK": "stack"}
NO_VARIABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
"""What the value of an environment variable cannot hold: control characters but tab and newline, and bytes that are not UTF-8."""

_SILENT = {"Description", "Documentation"}  # for people, as comments are
_UNITS = {"": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}


def told(unit: Unit, build: SystemdBuild, faults: list[Diagnostic]) -> list[Assignment]:
    """Return the assignments that systemd looks at; the others are faults."""
    known = []
    for one in unit.assignments:
        kind = unit.name.rpartition(".")[2].title()
        if one.section.startswith("X-"):
            known.append(one)
        elif one.section not in {"Unit", "Install", kind}:
            faults.append(_warn("unknown-section", f"{unit.name}: there is no [{one.section}] in a .{kind.lower()}; it is ignored", one))
        elif not build.knows(one.section, one.key):
            faults.append(_warn("unknown-setting", f"{unit.name}: there is no {one.key}= in [{one.section}]; it is ignored", one))
        elif one.section != "Install" and one.key not in _SILENT:
            known.append(one)
    return known


def _warn(name: str, message: str, one: Assignment) -> Diagnostic:
    code = {"unknown-section": "I809", "unknown-setting": "I810", "bad-value": "I811", "access-in-service": "I812"}[name]
    return fault(code, name, message, one.span, severity=Severity.WARNING)


@attrs.define
class Duty:
    """What a service says, while its assignments are taken one by one.

    `refusal` is why systemd does not load it, if it does not.
    """

    unit: Unit
    faults: list[Diagnostic]
    wait: bool
    program: Program | Unstartable = attrs.field(factory=lambda: Unstartable(words=()))
    user: str = "root"
    group: str | None = None
    limits: Limits = attrs.field(factory=Limits)
    environment: dict[str, str] = attrs.field(factory=dict)
    extra: list[str] = attrs.field(factory=list)
    refusal: str | None = None
    commands: list[Assignment] = attrs.field(factory=list)
    input: str = ""
    kind: str = ""

    @property
    def pairs(self) -> Pairs:
        """The environment, as an entry has it."""
        return tuple(self.environment.items())

    def take(self, one: Assignment) -> None:
        """Take one assignment; what no field of an entry holds is kept word for word."""
        if one.section.startswith("X-"):
            return
        if one.key in {"IPAddressAllow", "IPAddressDeny"} and one.value:
            text = f"{self.unit.name}: {one.key}= does nothing for a socket that is handed over; it belongs in the .socket"
            self.faults.append(_warn("access-in-service", text, one))
        takers: Mapping[str, Callable[[Assignment], bool]] = {
            "ExecStart": self._start,
            "StandardInput": self._input,
            "User": self._user,
            "Group": self._group,
            "Environment": self._environment,
            "UMask": self._umask,
            "Nice": self._nice,
            "Type": self._type,
            "StartLimitIntervalSec": lambda one: self.wait and one.value == "0",
            **dict.fromkeys(LIMITS, self._limit),
        }
        if one.key not in takers or not takers[one.key](one):
            self.keep(one)

    def keep(self, one: Assignment) -> None:
        """Keep an assignment word for word."""
        self.extra.append(f".service [{one.section}] {one.key}={one.value}")

    def _start(self, one: Assignment) -> bool:
        self.commands = [*self.commands, one] if one.value else []
        return True

    def _input(self, one: Assignment) -> bool:
        self.input = one.value
        return True

    def _type(self, one: Assignment) -> bool:
        self.kind = one.value
        return False

    def _name(self, one: Assignment) -> tuple[str, bool]:
        """Return a name, and whether it is known."""
        name = expand(one.value, self.unit.specifiers)
        return (one.value, False) if name is None else (name, True)

    def _user(self, one: Assignment) -> bool:
        name, known = self._name(one)
        self.user = name or "root"
        return known

    def _group(self, one: Assignment) -> bool:
        name, known = self._name(one)
        self.group = name or None
        return known

    def _environment(self, one: Assignment) -> bool:
        words = split(one.value)
        if not one.value:
            self.environment.clear()
            return True
        values = [expand(word, self.unit.specifiers) for word, _ in words or ()]
        if words is None or None in values:
            return False
        for value in filter(None, values):
            name, equals, content = value.partition("=")
            if equals and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) and not NO_VARIABLE.search(content):
                self.environment[name] = content
            else:
                self.faults.append(
                    _warn("bad-value", f"{self.unit.name}: {value!r} is no assignment of a variable that systemd takes; it is ignored", one)
                )
        return True

    def _evolve(self, **change: object) -> bool:
        try:
            self.limits = attrs.evolve(self.limits, **change)  # type: ignore[arg-type]
        except ValueError:
            return False
        return True

    def _umask(self, one: Assignment) -> bool:
        return not one.value or (re.fullmatch(r"[0-7]{1,5}", one.value) is not None and self._evolve(umask=int(one.value, 8)))

    def _nice(self, one: Assignment) -> bool:
        return re.fullmatch(r"[+-]?[0-9]{1,3}", one.value) is not None and self._evolve(nice=int(one.value))

    def _limit(self, one: Assignment) -> bool:
        name = LIMITS[one.key]
        match = re.fullmatch(r"([0-9]{1,19})([KMGT]?)", one.value)
        if match is None or (match[2] and name in {"cpu", "files"}):
            return False
        rest = tuple((other, amount) for other, amount in self.limits.rlimits if other != name)
        return self._evolve(rlimits=(*rest, (name, int(match[1]) * _UNITS[match[2]])))

    def settle(self) -> None:
        """Judge the whole: which program is started, and what stands in its way."""
        if self.input != "socket":
            self.extra.append(f".service [Service] StandardInput={self.input or 'null'}")
        commands = [(one, command) for one in self.commands for command in self._split(one)]
        if not commands:
            self.refusal = "has no ExecStart="
        elif len(commands) > 1 and self.kind != "oneshot":
            self.refusal = "has more than one ExecStart=, which only Type=oneshot may"
        else:
            program, plain = self._program(*commands[0])
            self.program = program
            if not plain or len(commands) > 1:
                self.extra += [f".service [Service] ExecStart={one.value}" for one in dict.fromkeys(one for one, _ in commands)]

    def _split(self, one: Assignment) -> list[list[str]]:
        """Cut a value at each bare `;` into commands; what systemd ignores is left out."""
        words = split(one.value)
        if words is None:
            self.faults.append(_warn("bad-value", f"{self.unit.name}: a quote in ExecStart= is not closed; it is ignored", one))
            return []
        commands: list[list[str]] = [[]]
        for word, bare in words:
            if bare:
                commands.append([])
            else:
                commands[-1].append(word)
        return [command for command in commands if command]

    def _program(self, one: Assignment, words: list[str]) -> tuple[Program | Unstartable, bool]:
        """Return what is started, and whether that is all there is to say: no specifier, no variable, no privilege."""
        head = re.match(r"[-@:+!]*", words[0])
        prefix = head[0] if head else ""
        path = expand(words[0][len(prefix) :], self.unit.specifiers)
        rest = [expand(word, self.unit.specifiers) for word in words[1:]]
        plain = path is not None and None not in rest and not set(prefix) & {"+", "!"}
        texts = [word if text is None else text for word, text in zip(words[1:], rest, strict=True)]
        if ":" not in prefix:
            plain = plain and not any(re.match(r"\$(?!\$|\{)", text) or "${" in re.findall(r"\$\$|\$\{", text) for text in texts)
            texts = [text.replace("$$", "$") for text in texts] if plain else texts
        argv0 = texts.pop(0) if "@" in prefix and texts else None
        name = (words[0][len(prefix) :] if path is None else path).replace("//", "/")
        told = None if argv0 == name.rpartition("/")[2] else argv0
        program = _startable(name, texts, told)
        if program is None:
            # `cat` is looked for in the usual folders; a path with a quote or the like in it loses the line.
            self.faults.append(_warn("bad-value", f"{self.unit.name}: {name!r} is not the absolute path of a program", one))
        return program or Unstartable(words=(name, *texts)), plain


def _startable(path: str, args: list[str], argv0: str | None) -> Program | None:
    if re.search(r"[\x00-\x1f\x7f\"'\\]", path):
        return None
    try:
        return Program(path=path, args=tuple(args), argv0=argv0)
    except ValueError:
        return None


def serve(unit: Unit, build: SystemdBuild, faults: list[Diagnostic], *, wait: bool) -> Duty:
    """Return what a service does for a client."""
    duty = Duty(unit, faults, wait)
    for one in told(unit, build, faults):
        duty.take(one)
    duty.settle()
    return duty
