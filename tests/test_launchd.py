"""Property lists of launchd: a dictionary of sockets opens two, every IPv6 one is v6only, and nothing that cannot be said is dropped."""

from __future__ import annotations

import plistlib
from collections.abc import Mapping
from typing import Any

import attrs
import pytest

from inet46 import formats
from inet46.activation import activation
from inet46.entry import Bind, Entry, Unstartable
from inet46.errors import Inexpressible, Unprovable
from inet46.host import HostPolicy, Sharing
from inet46.knowledge import resolve
from inet46.merge import merge
from inet46.plan import plan
from inet46.predict import predict
from inet46.service import Access, Limits, Program, Rate, Service
from inet46.sockets import Family, Transport

HOST = "macos-14/launchd"
PATH = "/Library/LaunchDaemons/org.example.imap.plist"
V4, V6 = Bind(family=Family.IPV4), Bind(family=Family.IPV6, v6only=True)
JOB: dict[str, Any] = {
    "Label": "org.example.imap",
    "ProgramArguments": ["/usr/sbin/imapd", "-x"],
    "Sockets": {"L": {"SockServiceName": "imap"}},
    "inetdCompatibility": {"Wait": False},
}


def text(job: Any, kind: Any = plistlib.FMT_XML) -> str:
    return plistlib.dumps(job, fmt=kind, sort_keys=False).decode("utf-8", "surrogateescape")


def job(**said: Any) -> dict[str, str]:
    return {PATH: text({key: value for key, value in {**JOB, **said}.items() if value is not None})}


def opened(files: Mapping[str, str]) -> list[str]:
    return [str(held.socket) for held in predict(formats.read(files, HOST).entries, HOST).sockets]


# facts/os.md 4; one dictionary of sockets and what it opens
TABLE: list[tuple[dict[str, Any], list[str]]] = [
    ({"SockServiceName": "imap"}, ["0.0.0.0:143", "[::]:143 v6only"]),
    ({"SockServiceName": 143}, ["0.0.0.0:143", "[::]:143 v6only"]),
    ({"SockServiceName": "143", "SockFamily": "IPv4"}, ["0.0.0.0:143"]),
    ({"SockServiceName": "143", "SockFamily": "IPv6"}, ["[::]:143 v6only"]),
    ({"SockServiceName": "143", "SockFamily": "ipv4"}, ["0.0.0.0:143", "[::]:143 v6only"]),
    ({"SockServiceName": "143", "SockNodeName": "127.0.0.1"}, ["127.0.0.1:143"]),
    ({"SockServiceName": "143", "SockNodeName": "::"}, ["[::]:143 v6only"]),
    ({"SockServiceName": "143", "SockNodeName": "::1", "SockFamily": "IPv4"}, []),
    ({"SockServiceName": "143", "SockPassive": False}, []),
    ({"SockPathName": "/var/run/x"}, []),
]


@pytest.mark.parametrize("knob", [0, 1])
@pytest.mark.parametrize(("sockets", "expected"), TABLE)
def test_a_dictionary_of_sockets_opens_what_getaddrinfo_makes_of_it(sockets: dict[str, Any], expected: list[str], knob: int) -> None:
    policy = HostPolicy(name=HOST, settings={"net.inet6.ip6.v6only": knob})

    assert [str(held.socket) for held in predict(formats.read(job(Sockets={"L": sockets}), policy).entries, policy).sockets] == expected


def test_a_list_of_dictionaries_and_a_second_key_open_each_their_own() -> None:
    sockets = {
        "A": [{"SockServiceName": 143, "SockFamily": "IPv4"}, {"SockServiceName": 25}],
        "B": {"SockServiceName": 69, "SockType": "dgram"},
    }

    assert opened(job(Sockets=sockets)) == ["0.0.0.0:143", "0.0.0.0:25", "[::]:25 v6only", "0.0.0.0:69", "[::]:69 v6only"]


def test_the_first_bind_that_fails_ends_its_dictionary_and_no_other() -> None:
    sockets = {"A": {"SockServiceName": 143, "SockFamily": "IPv4"}, "B": {"SockServiceName": 143}, "C": {"SockServiceName": 25}}

    assert opened(job(Sockets=sockets)) == ["0.0.0.0:143", "0.0.0.0:25", "[::]:25 v6only"]


def test_everything_that_an_entry_holds_is_read_from_the_job() -> None:
    limits = {"NumberOfFiles": 99}
    files = job(
        Program="/usr/sbin/imapd", ProgramArguments=["zero", "a b"], UserName="mail", GroupName="g", Umask="027", Nice=5,
        SoftResourceLimits=limits, HardResourceLimits=limits, EnvironmentVariables={"A": "x y"}, KeepAlive={"Crashed": True}, ExitTimeOut=5,
    )  # fmt: skip

    assert formats.read(files, HOST).entries == (
        Entry(
            service="imap", id="org.example.imap", transport=Transport.TCP, binds=(V4, V6),
            program=Program(path="/usr/sbin/imapd", argv0="zero", args=("a b",)), user="mail", group="g",
            limits=Limits(umask=0o27, nice=5, rlimits=(("files", 99),)), environment=(("A", "x y"),),
            extra=('KeepAlive = {"Crashed": true}', "ExitTimeOut = 5"),
        ),
    )  # fmt: skip


def test_a_binary_property_list_is_read_like_any_other() -> None:
    assert formats.read({PATH: text(JOB, plistlib.FMT_BINARY)}, HOST).entries == formats.read(job(), HOST).entries


@pytest.mark.parametrize(("said", "message"), [
    ({"Label": None}, "there is no Label"),
    ({"ProgramArguments": None}, "there is neither Program nor ProgramArguments"),
])  # fmt: skip
def test_a_job_that_launchd_does_not_load_says_why(said: Mapping[str, Any], message: str) -> None:
    (fault,) = formats.read(job(**said), HOST).faults

    assert (fault.code, fault.message) == ("I820", f"{PATH}: {message}: the job is not loaded")


@pytest.mark.parametrize(("broken", "message"), [
    ("", "no property list, neither XML nor binary"),
    ("<plist><dict>", "no element found: line 1, column 13"),
    ("bplist00", "no property list, neither XML nor binary"),
    (text(["x"]), "a property list without a dictionary in it"),
])  # fmt: skip
def test_a_text_that_is_no_property_list_costs_its_file_alone(broken: str, message: str) -> None:
    reading = formats.read({**job(), "/Library/LaunchDaemons/a.plist": broken}, HOST)

    assert [fault.message for fault in reading.faults] == [f"/Library/LaunchDaemons/a.plist: {message}: the job is not loaded"]
    assert len(reading.entries) == 1


def test_a_disabled_job_is_a_note_and_opens_nothing() -> None:
    reading = formats.read(job(Disabled=True), HOST)

    assert reading.entries == ()
    assert [fault.code for fault in reading.faults] == ["I821"]


@pytest.mark.parametrize(("sockets", "reason"), [
    ({"SockServiceName": 143, "SockFamily": "IPv4v6"}, "org.example.imap: what SockFamily IPv4v6 opens"),
    ({"SockServiceName": 143, "SockNodeName": "mail.example.org"}, "org.example.imap: the address of mail.example.org"),
    ({"SockServiceName": 143, "MulticastGroup": "x"}, "org.example.imap: what MulticastGroup means for the socket"),
    ({"SockServiceName": 143, "SockType": "seqpacket"}, "org.example.imap: what a seqpacket socket is"),
    ({}, "org.example.imap: which port is meant, there is no SockServiceName"),
    ({"SockServiceName": 70000}, "org.example.imap: which port 70000 is"),
])  # fmt: skip
def test_what_a_dictionary_opens_is_not_known(sockets: dict[str, Any], reason: str) -> None:
    assert formats.read(job(Sockets={"L": sockets}), HOST).unknown == (f"{PATH}: {reason}",)


def test_a_job_that_asks_for_its_sockets_itself_is_read_and_written_as_one() -> None:
    (one,) = formats.read(job(inetdCompatibility=None), HOST).entries
    written = formats.write([one], HOST)

    assert (one.wait, one.extra) == (True, ("inetdCompatibility = null",))
    assert "inetdCompatibility" not in plistlib.loads(written[PATH].encode())
    assert formats.read(written, HOST).entries == (one,)


def test_a_relative_program_is_no_path() -> None:
    (one,) = formats.read(job(ProgramArguments=["imapd", "-x"]), HOST).entries

    assert one.program == Unstartable(words=("imapd", "-x"))


PLAIN = Entry(service="imap", transport=Transport.TCP, binds=(V4, V6), program=Program(path="/bin/x"))


def test_an_entry_is_written_as_a_job_of_its_own_name() -> None:
    written = formats.write([attrs.evolve(PLAIN, user="mail", limits=Limits(umask=0o27))], HOST)

    assert list(written) == ["/Library/LaunchDaemons/inet46.imap.plist"]
    assert plistlib.loads(written["/Library/LaunchDaemons/inet46.imap.plist"].encode()) == {
        "Label": "inet46.imap",
        "ProgramArguments": ["/bin/x"],
        "Sockets": {"Listeners": {"SockServiceName": "imap", "SockType": "stream"}},
        "inetdCompatibility": {"Wait": False},
        "UserName": "mail",
        "Umask": 0o27,
    }


@pytest.mark.parametrize(("said", "loss"), [
    ({"binds": (Bind(family=Family.IPV6, v6only=False),)}, "imap: launchd sets IPV6_V6ONLY on every IPv6 socket, and none takes IPv4 clients too"),
    ({"only_from": ("10.0.0.0/8",)}, "imap: launchd has no access lists"),
    ({"limits": Limits(instances=3)}, "imap: limits.instances has no spelling in launchd"),
    ({"limits": Limits(rate=Rate(connections=3))}, "imap: limits.rate has no spelling in launchd"),
    ({"limits": Limits(rlimits=(("as", 3),))}, "imap: limits.rlimits as has no spelling in launchd"),
    ({"id": "a b"}, "'a b' cannot be the label of a job ([A-Za-z0-9_.-])"),
    ({"wait": True}, "imap: a server that is handed the socket itself (wait) gets one socket from launchd, not several"),
    ({"program": Program(path="/bin/x", args=("\x01",))},
     "imap: no property list can hold it (strings can't contain control characters; use bytes instead)"),
    ({"extra": ("banner = /x",)}, "imap: no property list can hold it (banner = /x is no key of a job)"),
])  # fmt: skip
def test_what_launchd_cannot_be_told_is_named(said: Mapping[str, Any], loss: str) -> None:
    with pytest.raises(Inexpressible) as caught:
        formats.write([attrs.evolve(PLAIN, **said)], HOST)

    assert loss in caught.value.losses


def test_a_shared_socket_and_an_access_list_are_refused_with_the_reason() -> None:
    wish = Service(name="imap", program=Program(path="/bin/x"))

    with pytest.raises(Unprovable, match="launchd makes every IPv6 socket for IPv6 alone, and gives IPv4 one of its own"):
        plan([wish], HostPolicy(name=HOST, sharing=Sharing.MAPPED))
    with pytest.raises(Unprovable, match="launchd has no access lists"):
        plan([attrs.evolve(wish, access=Access(ipv4=("10.0.0.0/8",)))], HOST)


def test_a_service_whose_name_is_in_no_list_is_told_by_its_number() -> None:
    (one,) = plan([Service(name="check-mk", port=6556, program=Program(path="/bin/x"))], HOST).entries

    assert (one.service, one.port, one.id) == ("6556", 6556, "inet46.check-mk")


def test_a_job_of_another_label_that_holds_the_port_is_disabled_and_nothing_else_in_it_changes() -> None:
    merged = merge([Service(name="imap", program=Program(path="/bin/x"))], HOST, job())

    assert merged.files[PATH] == job()[PATH].replace("</dict>\n</plist>", "\t<key>Disabled</key>\n\t<true/>\n</dict>\n</plist>")
    assert merged.activate == ("bootout system/org.example.imap", "bootstrap system /Library/LaunchDaemons/inet46.imap.plist")


def test_a_binary_job_that_holds_the_port_has_to_be_disabled_by_hand() -> None:
    with pytest.raises(Unprovable, match="stands in a property list that cannot be edited; disable it by hand"):
        merge([Service(name="imap", program=Program(path="/bin/x"))], HOST, {PATH: text(JOB, plistlib.FMT_BINARY)})


def test_nothing_is_activated_where_nothing_changes() -> None:
    entries = formats.read(job(), HOST).entries

    assert activation(entries, entries, resolve(HOST)) == ()
