"""The codec: in which words bad data and bad files are refused, and what the three syntaxes may and may not say."""

from __future__ import annotations

from typing import Any, Literal, get_args

import pytest

from inet46.codec import Syntax, dumps, from_plain, loads, services_from
from inet46.errors import ModelError
from inet46.service import Limits, Listener, Program, Service
from inet46.sockets import Family

SYNTAXES: tuple[Syntax, ...] = get_args(Syntax)


def problems(error: pytest.ExceptionInfo[ModelError]) -> list[str]:
    return list(error.value.problems)


def plain(**fields: Any) -> dict[str, Any]:
    return {"name": "imap", "program": {"path": "/usr/libexec/imapd"}, **fields}


BOTH = 'write {"path": ..., "args": [...]} for a program to start, or {"builtin": ...} for what the super-server does itself'

KEYS = "name, program, port, transport, listeners, wait, user, group, limits, access, environment, greeting, enabled"

# Each row: the fields of a service, and every problem word for word.
REFUSED: list[tuple[dict[Any, Any], list[str]]] = [
    ({"name": 3}, ["3 is an int, expected str @ $.name"]),
    ({"name": None}, ["null is not allowed, expected str @ $.name"]),
    ({"name": "a b"}, ["name 'a b' has to be one word without blanks or control characters @ $.name"]),
    ({"port": "143"}, ["'143' is a str, expected int @ $.port"]),
    ({"port": True}, ["True is a bool, expected int @ $.port"]),
    ({"port": 143.0}, ["143.0 is a float, expected int @ $.port"]),
    ({"port": [143]}, ["[143] is a list, expected int @ $.port"]),
    ({"port": 99999}, ["port 99999 is outside 1..65535 @ $.port"]),
    ({"prot": 143}, ["unknown key 'prot'; did you mean 'port'? @ $"]),
    ({143: "port"}, [f"unknown key '143'; known are {KEYS} @ $"]),
    ({"transport": "tpc"}, ["transport 'tpc' is not one of tcp, udp; did you mean 'tcp'? @ $.transport"]),
    ({"transport": 6}, ["transport 6 is not one of tcp, udp @ $.transport"]),
    ({"transport": None}, ["transport None is not one of tcp, udp @ $.transport"]),
    ({"wait": "no"}, ["'no' is a str, expected bool @ $.wait"]),
    ({"wait": 0}, ["0 is an int, expected bool @ $.wait"]),
    ({"user": 0}, ["0 is an int, expected str @ $.user"]),
    ({"user": None}, ["null is not allowed, expected str @ $.user"]),
    ({"group": False}, ["False is a bool, expected str @ $.group"]),
    ({"enabled": "false"}, ["'false' is a str, expected bool @ $.enabled"]),
    ({"enabled": None}, ["null is not allowed, expected bool @ $.enabled"]),
    ({"greeting": ["* OK"]}, ["['* OK'] is a list, expected str @ $.greeting"]),
    ({"greeting": "a\nb"}, ["greeting 'a\\nb' has to be the start of one line, and not empty @ $"]),
    ({"environment": "A=1"}, ["'A=1' is a str, expected a mapping @ $.environment"]),
    ({"environment": [["A", "1"]]}, ["[['A', '1']] is a list, expected a mapping @ $.environment"]),
    ({"environment": {"A": 1, 2: "B"}}, ["1 is an int, expected str @ $.environment['A']", "2 is an int, expected str @ $.environment[2]"]),
    ({"environment": {"A-B": ""}}, ["environment name 'A-B' is not a variable name ([A-Za-z_][A-Za-z0-9_]*) @ $.environment"]),
    ({"listeners": "ipv4"}, ["'ipv4' is a str, expected a list @ $.listeners"]),
    ({"listeners": {"family": "ipv4"}}, ["{'family': 'ipv4'} is a dict, expected a list @ $.listeners"]),
    ({"listeners": ["ipv4"]}, ["'ipv4' is a str, expected a mapping (Listener) @ $.listeners[0]"]),
    ({"listeners": [{"family": "ipv5"}]}, ["family 'ipv5' is not one of ipv4, ipv6; did you mean 'ipv4'? @ $.listeners[0].family"]),
    ({"listeners": [{"family": "IPv6"}]}, ["family 'IPv6' is not one of ipv4, ipv6; did you mean 'ipv6'? @ $.listeners[0].family"]),
    ({"listeners": [{"v6only": True}]}, ["required, but missing @ $.listeners[0].family"]),
    ({"listeners": [{"family": "ipv6", "v6only": "no"}]}, ["'no' is a str, expected bool @ $.listeners[0].v6only"]),
    ({"listeners": [{"family": "ipv6", "v6_only": True}]}, ["unknown key 'v6_only'; did you mean 'v6only'? @ $.listeners[0]"]),
    ({"listeners": [{"family": "ipv4", "v6only": True}]}, ["v6only has no meaning on an ipv4 listener; drop it @ $.listeners[0]"]),
    ({"listeners": [{"family": "ipv6"}] * 2}, ["listeners name ipv6 :: twice @ $"]),
    ({"program": "/usr/libexec/imapd"}, [f"'/usr/libexec/imapd' is a str, expected a mapping: {BOTH} @ $.program"]),
    ({"program": None}, [f"null is not allowed, expected a mapping: {BOTH} @ $.program"]),
    ({"program": {}}, [f"neither 'path' nor 'builtin' is given: {BOTH} @ $.program"]),
    ({"program": {"pth": "/x"}}, [f"neither 'path' nor 'builtin' is given: {BOTH}; did you mean 'path'? @ $.program"]),
    ({"program": {"path": "/x", "builtin": "time"}}, [f"both 'path' and 'builtin' are given: {BOTH} @ $.program"]),
    ({"program": {"path": "x", "args": "-v", "argv": []}}, [
        "path 'x' is not the absolute path of a program @ $.program.path",
        "'-v' is a str, expected a list @ $.program.args",
        "unknown key 'argv'; did you mean 'argv0'? @ $.program",
    ]),
    ({"program": {"path": "/x", "args": ["-p", 143, None]}}, [
        "143 is an int, expected str @ $.program.args[1]",
        "null is not allowed, expected str @ $.program.args[2]",
    ]),
    ({"program": {"builtin": "daytime", "args": []}}, ["unknown key 'args'; known are builtin @ $.program"]),
    ({"limits": 40}, ["40 is an int, expected a mapping (Limits) @ $.limits"]),
    ({"limits": None}, ["null is not allowed, expected a mapping (Limits) @ $.limits"]),
    ({"limits": {"instances": "UNLIMITED", "nice": True, "umask": "027", "rlimits": {"cpu": "1"}, "rate": 10, "pre_source": 4}}, [
        "'UNLIMITED' is a str, expected int @ $.limits.instances",
        "10 is an int, expected a mapping (Rate) @ $.limits.rate",
        "True is a bool, expected int @ $.limits.nice",
        "'027' is a str, expected int @ $.limits.umask",
        "'1' is a str, expected int @ $.limits.rlimits['cpu']",
        "unknown key 'pre_source'; did you mean 'per_source'? @ $.limits",
    ]),
    ({"limits": {"rate": {"connections": 0, "second": 1}}}, [
        "connections 0 is outside 1..2147483647 @ $.limits.rate.connections",
        "unknown key 'second'; did you mean 'seconds'? @ $.limits.rate",
    ]),
    ({"access": {"ipv4": "192.0.2.0/24", "ipv5": []}}, [
        "'192.0.2.0/24' is a str, expected a list @ $.access.ipv4",
        "unknown key 'ipv5'; did you mean 'ipv4'? @ $.access",
    ]),
    ({"access": {"ipv6": ["192.0.2.0/24"]}}, [
        "ipv6 '192.0.2.0/24' is not an ipv6 network such as 2001:db8::/32 (At least 3 parts expected in '192.0.2.0') @ $.access.ipv6",
    ]),
]  # fmt: skip


class TestRefusals:
    @pytest.mark.parametrize(("fields", "expected"), REFUSED)
    def test_wrong_data_is_refused_in_these_words(self, fields: dict[Any, Any], expected: list[str]) -> None:
        with pytest.raises(ModelError) as caught:
            from_plain({**plain(), **fields}, Service)

        assert problems(caught) == expected

    def test_every_problem_of_every_service_is_said_at_once_with_its_path(self) -> None:
        data = [
            plain(),
            plain(port=0, user="a b"),
            plain(listeners=[{"family": "ipv4", "v6only": False}, {"family": "ipv7"}]),
            {"name": "x"},
        ]
        with pytest.raises(ModelError) as caught:
            services_from(data)

        assert problems(caught) == [
            "port 0 is outside 1..65535 @ $[1].port",
            "user 'a b' has to be one word without blanks or control characters @ $[1].user",
            "v6only has no meaning on an ipv4 listener; drop it @ $[2].listeners[0]",
            "family 'ipv7' is not one of ipv4, ipv6; did you mean 'ipv4'? @ $[2].listeners[1].family",
            "required, but missing @ $[3].program",
        ]
        assert str(caught.value) == "\n".join(caught.value.problems)

    def test_a_problem_stays_short_however_long_what_was_found_is(self) -> None:
        with pytest.raises(ModelError) as caught:
            services_from(
                [plain(port="1" * 10_000_000), plain(name="a b" * 1_000_000), plain(port=10**5000), {"x" * 10_000_000: 1, **plain()}]
            )

        assert len(caught.value.problems) == 4
        assert all(len(problem) < 600 for problem in caught.value.problems)

    def test_data_that_holds_itself_is_refused(self) -> None:
        knot: list[Any] = []
        knot.append(knot)
        with pytest.raises(ModelError):
            services_from(knot)
        with pytest.raises(ModelError):
            services_from([plain(listeners=knot)])


# Each row: syntax, text, and the problem word for word, as said of a file called f.
UNREADABLE: list[tuple[Syntax, str | bytes, str]] = [
    ("toml", "", "f: the file is empty"),
    ("yaml", " \n\n", "f: the file is empty"),
    ("json", "\ufeff", "f: the file is empty"),
    ("yaml", "# nothing\n", "f: the file is empty"),
    ("toml", "# nothing\n", "f: neither 'services' nor 'service' here; give one @ $"),
    ("json", "null", "f: null is not allowed, expected a list of services @ $"),
    ("json", '"imap"', "f: 'imap' is a str, expected a list of services @ $"),
    ("yaml", "imap", "f: 'imap' is a str, expected a list of services @ $"),
    ("yaml", "143:", "f: unknown key 143; known are services, service @ $"),
    ("toml", "[[service]\nname = 'x'", "f:1:10: Expected ']]' at the end of an array declaration"),
    ("toml", "[[service]]\nname = 'x", "f:2:10: Expected \"'\""),
    ("toml", "a = 1\na = 2\n", "f:2:6: Cannot overwrite a value"),
    ("json", "[1,\n 2", "f:2:3: Expecting ',' delimiter"),
    ("json", '{"a": 1, "a": 2}', "f: key 'a' stands twice, first as 1, then as 2"),
    ("json", "[NaN]", "f: NaN is no number in JSON"),
    ("yaml", "- a: [\n", "f:2:1: while parsing a flow node; expected the node content, but found '<stream end>'"),
    ("yaml", "- a: 1\n  b: 2\n  a: 3\n", "f:3:3: key 'a' stands twice"),
    ("yaml", "--- 1\n--- 2\n", "f:2:1: expected a single document in the stream; but found another document"),
    ("yaml", "- *a\n", "f:1:3: found undefined alias 'a'"),
    ("yaml", "- <<: 1\n", "f:1:7: << takes a mapping or a list of mappings"),
    ("yaml", "- ? [a]\n  : 1\n", "f:1:5: a key has to be a word"),
    ("yaml", "- \tx: \0", "f:1:7: character 0 is not allowed in YAML"),
    ("yaml", "- port: 0143\n", "f:1:9: 0143 is octal to some YAML readers and not to others; write 143, 0o143 or quotes"),
    ("yaml", "- port: 2:23\n", "f:1:9: '2:23' is a number that not every YAML reader reads alike; write it plainly, or in quotes"),
    ("yaml", "- port: 1_43\n", "f:1:9: '1_43' is a number that not every YAML reader reads alike; write it plainly, or in quotes"),
    ("yaml", "- port: .inf\n", "f:1:9: '.inf' is a number that not every YAML reader reads alike; write it plainly, or in quotes"),
    ("yaml", "- greeting: 2024-01-01\n", "f:1:13: '2024-01-01' is a date to YAML; put it in quotes"),
    ("yaml", "- !!python/name:os.system x\n", "f:1:3: tag 'tag:yaml.org,2002:python/name:os.system' has no meaning here"),
    ("yaml", "- !!set {a}\n", "f:1:3: tag 'tag:yaml.org,2002:set' has no meaning here"),
    ("yaml", "- !mine x\n", "f:1:3: tag '!mine' has no meaning here"),
    ("yaml", "- &a [*a]\n", "f: nests too deeply to be read"),
    ("yaml", "[" * 10_000, "f: nests too deeply to be read"),
    ("json", "[" * 100_000, "f: nests too deeply to be read"),
    ("toml", "a = " + "[" * 10_000, "f: nests too deeply to be read"),
    ("toml", "a." * 10_000 + "b = 1", "f: unknown key 'a'; known are services, service @ $"),
    ("toml", "a = " + "9" * 5000, "f: a number in it has thousands of digits"),
    ("json", "9" * 5000, "f: a number in it has thousands of digits"),
    ("yaml", "x" * 10_000_000, "f: 10000000 characters are more than the 1000000 that are read"),
    ("json", b'["\xff"]', "f:1:3: byte 0xff is not UTF-8"),
    ("toml", b"\x7fELF\n\x02\x01\n\xfe\x00", "f:3:1: byte 0xfe is not UTF-8"),
]  # fmt: skip


class TestFiles:
    @pytest.mark.parametrize(("syntax", "text", "problem"), UNREADABLE, ids=[f"{row[0]}-{row[1]!r:.30}-{row[2]:.40}" for row in UNREADABLE])
    def test_an_unreadable_file_is_refused_in_these_words(self, syntax: Syntax, text: str | bytes, problem: str) -> None:
        with pytest.raises(ModelError) as caught:
            loads(text, syntax, path="f")

        assert problems(caught) == [problem]

    @pytest.mark.parametrize(
        ("syntax", "text"), [("toml", ""), ("toml", "x"), ("json", "[]"), ("json", '"linux/inetd"'), ("yaml", "linux/inetd")]
    )
    def test_a_host_file_is_a_mapping(self, syntax: Syntax, text: str) -> None:
        with pytest.raises(ModelError):
            loads(text, syntax, "host")

    def test_without_a_path_the_place_is_told_in_words(self) -> None:
        with pytest.raises(ModelError, match=r"^line 1, column 4: Expecting value$"):
            loads("[1,]", "json")

    def test_an_unknown_syntax_is_refused(self) -> None:
        with pytest.raises(ModelError, match=r"^syntax 'yml' is not one of toml, yaml, json$"):
            loads("[]", "yml")  # type: ignore[call-overload]

    def test_services_in_toml(self) -> None:
        text = """
            [[service]]
            name = "imap"
            program = { path = "/usr/libexec/imapd" }

            [[service]]
            name = "imaps"
            program.path = "/usr/libexec/imapd"
            limits.umask = 0o027
            listeners = [{ family = "ipv6", v6only = false }]
        """

        imap, imaps = loads(text, "toml")

        assert imap == Service(name="imap", program=Program(path="/usr/libexec/imapd"))
        assert (imaps.limits.umask, imaps.listeners) == (23, (Listener(family=Family.IPV6, v6only=False),))

    def test_services_in_yaml_with_anchors(self) -> None:
        text = """
            - &imap
              name: imap
              program: {path: /usr/libexec/imapd}
              listeners: &both [{family: ipv4}, {family: ipv6, v6only: yes}]
            - <<: *imap
              name: imaps
              enabled: no
              limits: {umask: 0o27}
            - name: daytime
              program: {builtin: daytime}
              listeners: *both
        """

        imap, imaps, daytime = loads(text, "yaml")

        assert imap.listeners == imaps.listeners == daytime.listeners
        assert (imaps.name, imaps.enabled, imaps.limits.umask, imaps.program) == ("imaps", False, 23, imap.program)

    @pytest.mark.parametrize(
        ("field", "problem"),
        [
            ("user: no", "False is a bool, expected str @ $[0].user"),
            ("user: 0", "0 is an int, expected str @ $[0].user"),
            ("group: ~", None),
            ("user: ~", "null is not allowed, expected str @ $[0].user"),
            ("greeting: 220", "220 is an int, expected str @ $[0].greeting"),
            ("port: '143'", "'143' is a str, expected int @ $[0].port"),
            ("port: yes", "True is a bool, expected int @ $[0].port"),
            ("port: 143.0", "143.0 is a float, expected int @ $[0].port"),
            ("port: 0o217", None),
            ("port: 0089", "'0089' is a str, expected int @ $[0].port"),
            ("wait: 'no'", "'no' is a str, expected bool @ $[0].wait"),
            ("enabled: n", "'n' is a str, expected bool @ $[0].enabled"),
            ("environment: {NO: x}", "False is a bool, expected str @ $[0].environment[False]"),
        ],
    )
    def test_yaml_words_keep_their_type(self, field: str, problem: str | None) -> None:
        text = f"- name: imap\n  program: {{path: /x}}\n  {field}\n"
        if problem is None:
            assert len(loads(text, "yaml")) == 1
        else:
            with pytest.raises(ModelError) as caught:
                loads(text, "yaml")
            assert problems(caught) == [problem]

    def test_a_yaml_bomb_is_not_written_out(self) -> None:
        bomb = "\n".join([*(f"- &a{n} [{f'*a{n - 1}, ' * 10}]" if n else "- &a0 [x]" for n in range(30))])
        with pytest.raises(ModelError) as caught:
            loads(bomb, "yaml")

        assert caught.value.problems == ("written out, its aliases make more than 100000 parts of it",)

    def test_yaml_merges_cannot_explode(self) -> None:
        bomb = "\n".join([*(f"- &a{n} {{<<: [{f'*a{n - 1}, ' * 10}]}}" if n else "- &a0 {x: 1}" for n in range(30))])
        with pytest.raises(ModelError):
            loads(bomb, "yaml")

    def test_line_ends_and_a_byte_order_mark_make_no_difference(self) -> None:
        service = Service(name="imap", program=Program(path="/x", args=("a b",)), limits=Limits(umask=0o027))
        text = dumps(service, "toml").replace("\n", "\r\n")

        assert loads(b"\xef\xbb\xbf" + text.encode(), "toml") == (service,)

    def test_no_services_can_be_written_and_read(self) -> None:
        assert [loads(dumps([], syntax), syntax) for syntax in SYNTAXES] == [()] * 3

    @pytest.mark.parametrize("syntax", SYNTAXES)
    def test_a_byte_that_is_not_utf_8_cannot_be_written(self, syntax: Syntax) -> None:
        with pytest.raises(ModelError, match=f"holds a byte that is not UTF-8, which {syntax.upper()} cannot hold"):
            dumps(Service(name="x", program=Program(path="/x", args=("\udcff",))), syntax)

    @pytest.mark.parametrize("what", ["services", "host"])
    def test_every_problem_names_the_file(self, what: Literal["services", "host"]) -> None:
        with pytest.raises(ModelError) as caught:
            loads('{"name": 1, "nmae": 2}', "json", what, "conf/x.json")

        assert len(caught.value.problems) > 1
        assert all(problem.startswith("conf/x.json: ") for problem in caught.value.problems)
