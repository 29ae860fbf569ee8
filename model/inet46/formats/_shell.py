r"""Read a file that sh sources, as far as it only assigns variables, and say honestly where it does more.

Rules of this module: it never guesses. A text becomes a row of steps in the order in which the shell takes them; what is not a plain
assignment becomes a step that says which variables it may change, or that the shell may not come past it. Whatever shells differ in, or
may stop at, is a `Stop`: after one, nothing is known. Offsets are kept, so that a value can be changed where it stands.

The grammar is that of POSIX.1-2017, Shell Command Language, 2.10, without here-documents, arithmetic and `$'...'`. It is written by hand
because `shlex` knows neither expansions nor operators; the reading is held against real shells by tests/test_rc_conf.py.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable

import attrs

from inet46.formats._shell_steps import Anything, Assign, Maybe, Step, Stop, Unset, maybe
from inet46.formats._shell_words import NAME, PLAIN, Literal, Opaque, Part, Unreadable, Variable, Word, Words

__all__ = ["read"]


def read(text: str) -> tuple[Step, ...]:
    """The steps of a text, in order; a single Stop where it cannot be read to its end, since the shell reads no further either."""
    if "\0" in text:  # shells differ: dropped, refused, or the end of the line
        return (Stop(reason="a NUL is not read", at=text.index("\0")),)
    try:
        return tuple(_Reader(text).commands(frozenset()))
    except Unreadable as trouble:
        return (Stop(reason=trouble.reason, at=trouble.at),)


_REDIRECTION = re.compile(r"[0-9]*(<<|>>|<&|>&|<>|>\||[<>])")
_CLOSERS = frozenset({"then", "elif", "else", "fi", "do", "done", "esac", "}"})
# Words that open what only some shells know.
_DIALECT = frozenset({"function", "select", "coproc", "time", "[["})
# Commands that end the shell or the file, or change how it reads on. `local`, `typeset` and `readonly` can make later assignments fail.
_STOPPING = frozenset(
    {"exit", "return", "exec", "set", "alias", "unalias", "trap", "eval", "break", "continue", "shift"}
    | {"readonly", "local", "typeset", "declare", "let", "command", "builtin", "times"},
)
# Commands that change no variable, whatever they are given.
_HARMLESS = frozenset({"echo", ":", "true", "false", "test", "[", "logger"})
# Variables that a shell keeps for itself: assigning them fails, or reading them gives something else.
_SPECIAL = re.compile(
    r"(?:OPTIND|PPID|UID|EUID|GROUPS|SHELLOPTS|BASH.*|RANDOM|SRANDOM|SECONDS|LINENO|EPOCH.*|DIRSTACK|FUNCNAME|FUNCNEST|"
    r"HISTCMD|PIPESTATUS|POSIXLY_CORRECT|KSH.*|PGRP|USER_ID|_)\Z",
)
_DEEPEST = 40


class _Reader(Words):
    """A cursor over a text; each method reads one construct and leaves the cursor behind it."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.depth = 0
        self.functions: set[str] = set()

    def substitution(self, inside: str | None) -> None:
        """Read the commands of a substitution; they run in a shell of their own, so only their syntax matters here."""
        if inside is None:
            self.commands(frozenset({")"}))
            self.pos += 1
            return
        try:
            _Reader(inside).commands(frozenset())
        except Unreadable as trouble:
            raise Unreadable(trouble.reason, self.pos) from None

    def keyword(self) -> str:
        """The reserved word or closing operator under the cursor, "" for none; the cursor stays."""
        start = self.pos
        if self.operator() in (")", ";;"):
            return self.operator()
        match = PLAIN.match(self.text, start)
        run = match.group() if match else ""
        follows = self.text[start + len(run) : start + len(run) + 1]
        known = run in _CLOSERS or run in _DIALECT or run in _COMPOUND or run == "!"
        return run if known and (not follows or follows in " \t\n;&|()<>") else ""

    def expect(self, wanted: str) -> None:
        """Exactly this reserved word or operator."""
        self.blank_lines()
        if self.keyword() != wanted:
            raise Unreadable(f"expected {wanted}", min(self.pos, len(self.text)))
        self.pos += len(wanted)

    def commands(self, closers: frozenset[str]) -> list[Step]:
        """List = and-or { (";" | "&" | newline) and-or }, up to a closer or the end of the text."""
        if self.depth > _DEEPEST:
            raise Unreadable("nested too deeply", self.pos)
        self.depth += 1
        start, steps, ready = self.pos, list[Step](), True
        while True:
            self.blank_lines()
            keyword = self.keyword()
            if self.pos >= len(self.text) or keyword in closers:
                break
            if keyword in _CLOSERS or keyword in _DIALECT or keyword in (")", ";;") or not ready:
                raise Unreadable(f"{keyword or self.text[self.pos]} is out of place", self.pos)
            steps += self.and_or()
            self.blanks()
            ready = self.pos >= len(self.text) or self.text[self.pos] in ";&\n#" or self.operator() == ")"
            if self.operator() in (";", "&"):
                self.pos += 1
        if closers and self.pos >= len(self.text):
            raise Unreadable(f"expected {' or '.join(sorted(closers))}", start)
        self.depth -= 1
        return steps

    def body(self, *closers: str) -> list[Step]:
        """A list that must not be empty, and the word that closes it."""
        start = self.pos
        self.blank_lines()
        if self.keyword() in closers:
            raise Unreadable("a list without a command", start)
        return self.commands(frozenset(closers))

    def and_or(self) -> list[Step]:
        """And-or = pipeline { ("&&" | "||") pipeline } [ "&" ]; with more than one command, none of its assignments is certain."""
        pipelines = [self.pipeline()]
        self.blanks()
        while (joint := self.operator()) in ("&&", "||", "|"):
            self.pos += len(joint)
            self.blank_lines()
            pipelines.append(self.pipeline())
            self.blanks()
        steps = maybe(itertools.chain(*pipelines), "in a command list") if len(pipelines) > 1 else pipelines[0]
        return maybe(steps, "in the background") if self.operator() == "&" else steps

    def pipeline(self) -> list[Step]:
        """Pipeline = [ "!" ] command."""
        if self.keyword() != "!":
            return self.command()
        self.pos += 1
        self.blanks()
        return maybe(self.command(), "in a command list")

    def command(self) -> list[Step]:
        """Command = compound { redirection } | function | simple."""
        if self.text.startswith("((", self.pos):
            raise Unreadable("arithmetic is not read", self.pos)
        keyword = self.keyword()
        compound = _COMPOUND.get("(" if self.operator() == "(" else keyword)
        if compound is None:
            if keyword:
                raise Unreadable(f"{keyword} is out of place", self.pos)
            return self.simple()
        kind = "(" if self.operator() == "(" else keyword
        self.pos += len(kind)
        steps = maybe(compound(self), f"inside {_INSIDE[kind]}")
        while self.redirection():
            pass
        return steps

    def redirection(self) -> bool:
        """Redirection = [ number ] operator word; here-documents are not read."""
        self.blanks()
        match = _REDIRECTION.match(self.text, self.pos)
        if match is None:
            return False
        if match.group(1) == "<<":
            raise Unreadable("a here-document is not read", self.pos)
        self.pos = match.end()
        self.blanks()
        target = self.word()
        if target is None:
            raise Unreadable("a redirection without a file", self.pos)
        if match.group(1).endswith("&") and not re.fullmatch(r"[0-9]|-", self.text[target.start : target.stop]):
            raise Unreadable("a redirection that is not read", target.start)  # an error for some shells, a file for others
        return True

    def simple(self) -> list[Step]:
        """Simple = { assignment | redirection } [ word { word | redirection } ], or a function = name "(" ")" compound."""
        head, redirected = self.pos, False
        assigned: list[Word] = []
        words: list[Word] = []
        while True:
            if self.redirection():
                redirected = True
                continue
            word = self.word()
            if word is None:
                break
            (words if words or word.name is None else assigned).append(word)
            self.blanks()
            if self.operator() == "(":
                if assigned or redirected or len(words) != 1:
                    raise Unreadable("( is out of place", self.pos)
                return self.function(words[0])
        if not (assigned or words):
            raise Unreadable("a redirection without a command" if redirected else "an operator is out of place", self.pos)
        steps = [self.assignment(word, head, len(assigned)) for word in assigned]
        if words or redirected:
            steps = maybe(steps, "for one command") + self.effect(words, redirected=redirected)
        if any(isinstance(part, Opaque) and part.sets for word in (*assigned, *words) for part in word.parts):
            steps.append(Anything(reason="an expansion assigns a variable", at=head))
        return steps

    def function(self, word: Word) -> list[Step]:
        """A function = name "(" ")" compound; it does nothing until it is called."""
        name = word.literal or ""
        if not re.fullmatch(NAME, name) or name in _STOPPING or name in ("unset", "export") or name in _RESERVED:
            raise Unreadable("a function with that name is not read", word.start)
        self.pos += 1
        self.blanks()
        if self.operator() != ")":
            raise Unreadable("expected )", self.pos)
        self.pos += 1
        self.blank_lines()
        if self.operator() != "(" and self.keyword() not in _COMPOUND:
            raise Unreadable("a function without a body in braces", self.pos)
        self.command()
        self.functions.add(name)
        return []

    def assignment(self, word: Word, head: int, among: int) -> Step:
        """The step of one `name=value`."""
        name, parts = word.name or "", word.parts
        if _SPECIAL.match(name):
            return Stop(reason=f"{name} belongs to the shell", at=word.start)
        if any(isinstance(part, Literal) and not part.quoted and "~" in part.text for part in parts):
            parts = (Opaque(reason="a ~ outside quotes is not expanded here"),)
        return Assign(word=word, name=name, parts=parts, head=head, among=among, at=word.start)

    def effect(self, words: list[Word], *, redirected: bool) -> list[Step]:
        """What a command does to the variables."""
        at = words[0].start if words else self.pos
        name = words[0].literal if words else None
        if name in _RESERVED and all(isinstance(part, Literal) and not part.quoted for part in words[0].parts):
            raise Unreadable(f"{name} is out of place", at)  # a reserved word that a joined line hid from keyword()
        step: Step = Anything(reason=f"{name or 'a command'} may set any variable", at=at)
        if not words or name in _STOPPING or name in self.functions or (redirected and name in ("export", "unset", ".", ":")):
            # A special built-in that fails ends the shell, and so does its redirection; a function may do anything that any command does.
            step = Stop(reason=f"{name or 'a redirection'} may end the file or change how it is read", at=at)
        elif name == "export":
            return self.export(words)
        elif name == "unset":
            return self.unset(words)
        elif name == "." and len(words) == 2:
            step = Anything(reason="another file is read here", at=at, source=words[1].literal)
        elif name == ".":
            step = Stop(reason="shells differ in what this . does", at=at)
        return [] if name in _HARMLESS and not isinstance(step, Stop) else [step]

    def export(self, words: list[Word]) -> list[Step]:
        """Export = "export" { name | assignment }; some shells split and expand what other assignments leave whole."""
        steps: list[Step] = []
        for word in words[1:]:
            if word.name is None and not re.fullmatch(NAME, word.literal or ""):
                return [Stop(reason="an export that is not read", at=word.start)]
            if word.name is None:
                continue
            step = self.assignment(word, words[0].start, len(words) - 1)
            if isinstance(step, Assign) and any(_splits(part) for part in word.parts):
                step = attrs.evolve(step, parts=(Opaque(reason="shells differ in what this export sets"),))
            steps.append(step)
        return steps

    def unset(self, words: list[Word]) -> list[Step]:
        """Unset = "unset" name { name }."""
        names = [word.literal or "" for word in words[1:]]
        if not names or not all(re.fullmatch(NAME, name) and not _SPECIAL.match(name) for name in names):
            return [Stop(reason="an unset that is not read", at=words[0].start)]
        return [Unset(name=name, at=words[0].start) for name in names]

    # Each of the compound commands begins behind its first word.

    def conditional(self) -> list[Step]:
        """If = "if" list "then" list { "elif" list "then" list } [ "else" list ] "fi"."""
        steps, closer = [], "elif"
        while closer == "elif":
            steps += self.body("then")
            self.expect("then")
            steps += self.body("elif", "else", "fi")
            closer = self.keyword()
            self.expect(closer)
        if closer == "else":
            steps += self.body("fi")
            self.expect("fi")
        return steps

    def loop(self) -> list[Step]:
        """While = ("while" | "until") list "do" list "done"."""
        steps = self.body("do")
        self.expect("do")
        steps += self.body("done")
        self.expect("done")
        return steps

    def for_each(self) -> list[Step]:
        """For = "for" name [ "in" { word } ] [ ";" ] "do" list "done"."""
        self.blanks()
        at, variable = self.pos, self.word()
        name = variable.literal if variable else None
        if name is None or not re.fullmatch(NAME, name) or _SPECIAL.match(name):
            raise Unreadable("a for loop that is not read", at)
        self.blank_lines()
        if _IN.match(self.text, self.pos):
            self.pos += 2
            self.blanks()
            while self.word():
                self.blanks()
        self.blanks()
        if self.operator() == ";":
            self.pos += 1
        self.expect("do")
        steps = self.body("done")
        self.expect("done")
        return [Maybe(name=name, reason=f"{name} is set by a for loop", at=at), *steps]

    def case(self) -> list[Step]:
        """Case = "case" word "in" { [ "(" ] word { "|" word } ")" [ list ] [ ";;" ] } "esac"."""
        self.blanks()
        at, subject = self.pos, self.word()
        self.blank_lines()
        if subject is None or not _IN.match(self.text, self.pos):
            raise Unreadable("a case that is not read", at)
        self.pos += 2
        steps: list[Step] = []
        while True:
            self.blank_lines()
            if self.keyword() == "esac":
                self.expect("esac")
                return steps
            self.pos += self.operator() == "("
            self.patterns()
            steps += self.commands(frozenset({";;", "esac"}))
            if self.keyword() == ";;":
                self.pos += 2

    def patterns(self) -> None:
        """Patterns = word { "|" word } ")"."""
        while True:
            self.blanks()
            if self.word() is None:
                raise Unreadable("a case that is not read", self.pos)
            self.blanks()
            found = self.operator()
            self.pos += 1
            if found == ")":
                return
            if found != "|":
                raise Unreadable("a case that is not read", self.pos - 1)

    def group(self) -> list[Step]:
        """Group = "{" list "}"."""
        steps = self.body("}")
        self.expect("}")
        return steps

    def subshell(self) -> list[Step]:
        """Subshell = "(" list ")"; what it assigns is lost, so only its reasons to stop reading matter."""
        self.body(")")
        self.expect(")")
        return []


_IN = re.compile(r"in(?=[ \t\n;]|\\\n|$)")
_COMPOUND: dict[str, Callable[[_Reader], list[Step]]] = {
    "if": _Reader.conditional,
    "while": _Reader.loop,
    "until": _Reader.loop,
    "for": _Reader.for_each,
    "case": _Reader.case,
    "{": _Reader.group,
    "(": _Reader.subshell,
}
_INSIDE = {"if": "an if", "while": "a loop", "until": "a loop", "for": "a loop", "case": "a case", "{": "braces", "(": "parentheses"}
_RESERVED = _CLOSERS | _DIALECT | {"!", *_COMPOUND}


def _splits(part: Part) -> bool:
    """True if `export` may make something else of a part than a plain assignment would."""
    if isinstance(part, Literal):
        return not part.quoted and not set(part.text).isdisjoint("*?[{~")
    return isinstance(part, Variable) and not part.quoted
