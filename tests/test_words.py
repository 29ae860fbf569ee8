"""A change of sockets in words: every form, to the letter."""

from __future__ import annotations

import pytest

from inet46.service import Program, Service
from inet46.sockets import Family, Socket, Transport
from inet46.words import answers, change

IMAP = Service(name="imap", program=Program(path="/usr/sbin/imapd"))
NONE, IPV4, IPV6, BOTH = frozenset[Family](), frozenset({Family.IPV4}), frozenset({Family.IPV6}), frozenset(Family)


def socket(address: str, *, v6only: bool | None = None) -> Socket:
    family = Family.IPV6 if ":" in address else Family.IPV4
    return Socket(transport=Transport.TCP, family=family, address=address, port=143, v6only=v6only)


ANY4, DUAL, ONLY6, ONE4 = socket("0.0.0.0"), socket("::", v6only=False), socket("::", v6only=True), socket("192.0.2.1")
CHANGES = [
    ([ANY4], IPV4, [ONLY6, ANY4], BOTH, "imap: now answers IPv4 only → IPv4 and IPv6 (0.0.0.0:143 + [::]:143 v6only)"),
    ([ONLY6], IPV6, [DUAL], BOTH, "imap: now answers IPv6 only → IPv4 and IPv6 ([::]:143 dual)"),
    ([], NONE, [ANY4], IPV4, "imap: now answers nothing → IPv4 only (0.0.0.0:143)"),
    ([ANY4], IPV4, [], NONE, "imap: now answers IPv4 only → nothing"),
    (
        [DUAL],
        BOTH,
        [ANY4, ONLY6],
        BOTH,
        "imap: answers IPv4 and IPv6 as before, now on 0.0.0.0:143 + [::]:143 v6only instead of [::]:143 dual",
    ),
    ([ONE4], IPV4, [ANY4], IPV4, "imap: answers IPv4 only as before, now on 0.0.0.0:143 instead of 192.0.2.1:143"),
    ([ANY4], NONE, [], NONE, "imap: answers nothing as before, now on no socket instead of 0.0.0.0:143"),
    ([], NONE, [ANY4], NONE, "imap: answers nothing as before, now on 0.0.0.0:143 instead of no socket"),
    ([ANY4, ONLY6], BOTH, [ONLY6, ANY4], BOTH, None),
    ([], NONE, [], NONE, None),
]


@pytest.mark.parametrize(("before", "had", "after", "has", "text"), CHANGES)
def test_a_change_is_said_in_these_words(
    before: list[Socket], had: frozenset[Family], after: list[Socket], has: frozenset[Family], text: str | None
) -> None:
    assert change(IMAP, before, after, (had, has)) == text


@pytest.mark.parametrize(("families", "text"), [(NONE, "nothing"), (IPV4, "IPv4 only"), (IPV6, "IPv6 only"), (BOTH, "IPv4 and IPv6")])
def test_families_are_named_as_people_name_them(families: frozenset[Family], text: str) -> None:
    assert answers(families) == text
