"""Access lists that stand on a host already, under a service that says nothing of access: what they let in is the administrator's."""

from __future__ import annotations

import pytest

from inet46 import Access, Program, Service
from inet46.errors import Unprovable
from inet46.merge import merge

IMAP = Service(name="imap", program=Program(path="/x/imapd"))


def xinetd(defaults: str = "", ipv4: str = "", ipv6: str = "") -> dict[str, str]:
    """A host that answers on both families, but for its lists."""
    rest = "\tsocket_type = stream\n\twait = no\n\tuser = root\n\tserver = /x/imapd\n}\n"
    paragraphs = (
        f"service imap\n{{\n\tflags = IPv4\n{ipv4}{rest}",
        f"service imap\n{{\n\tid = imap-ipv6\n\tflags = IPv6\n\tv6only = yes\n{ipv6}{rest}",
    )
    return {"/etc/xinetd.conf": f"defaults\n{{\n{defaults}}}\nincludedir /etc/xinetd.d\n", "/etc/xinetd.d/imap": "\n".join(paragraphs)}


@pytest.mark.parametrize(
    ("lists", "words", "family"),
    [
        ({"ipv6": "\tonly_from = 10.0.0.0/8\n"}, "10.0.0.0/8", "IPv6"),
        ({"defaults": "\tonly_from = 10.0.0.0/8 127.0.0.1\n"}, "10.0.0.0/8 127.0.0.1", "IPv6"),
        ({"ipv4": "\tonly_from = 2001:db8::/32\n"}, "2001:db8::/32", "IPv4"),
        ({"ipv6": "\tno_access = ::/0\n"}, "::/0", "IPv6"),
        ({"ipv6": "\tonly_from = ::1/128\n"}, "::1/128", "IPv6"),
    ],
)
def test_a_list_that_lets_nobody_of_a_family_in_is_no_service_over_it(lists: dict[str, str], words: str, family: str) -> None:
    with pytest.raises(Unprovable) as caught:
        merge([IMAP], "debian-12/xinetd", xinetd(**lists))

    reason = f"who may connect is limited where it stands now ({words}), and no {family} client is let in: say it with access"
    assert caught.value.reasons[0] == f"imap/tcp: {reason}"


@pytest.mark.parametrize(
    "lists",
    [
        {"ipv4": "\tonly_from = 10.0.0.0/8\n", "ipv6": "\tonly_from = 2001:db8::/32\n"},
        {"defaults": "\tonly_from = 10.0.0.0/8 2001:db8::/32\n"},
        {"ipv6": "\tonly_from = mail.example.org\n"},
        {"ipv6": "\tno_access = 2001:db8::/32\n"},
        {},
    ],
)
def test_a_list_that_lets_some_of_each_family_in_is_left_as_it_is(lists: dict[str, str]) -> None:
    assert merge([IMAP], "debian-12/xinetd", xinetd(**lists)).files == {}


def test_a_service_that_says_who_may_connect_takes_the_place_of_such_a_list() -> None:
    imap = Service(name="imap", program=Program(path="/x/imapd"), access=Access(ipv4=("10.0.0.0/8",), ipv6=("2001:db8::/32",)))
    text = merge([imap], "debian-12/xinetd", xinetd(defaults="\tonly_from = 10.0.0.0/8\n")).files["/etc/xinetd.d/imap"]

    assert "2001:db8::/32" in text


@pytest.mark.parametrize(("allow", "shut"), [("192.0.2.0/24", True), ("192.0.2.0/24 2001:db8::/32", False), ("::1/128 127.0.0.1", False)])
def test_a_unit_that_lets_nobody_of_a_family_in_is_no_service_over_it(*, allow: str, shut: bool) -> None:
    files = merge([IMAP], "debian-12/systemd", {}).files
    limit = f"[Socket]\nIPAddressAllow={allow}\nIPAddressDeny=any\n"
    listed = {path: type(text)(text.replace("[Socket]\n", limit)) for path, text in files.items()}

    if shut:
        with pytest.raises(Unprovable, match="no IPv6 client is let in"):
            merge([IMAP], "debian-12/systemd", listed)
    else:
        assert merge([IMAP], "debian-12/systemd", listed).files == {}
