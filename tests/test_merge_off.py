"""A service that is switched off, and whose port nobody has said."""

from __future__ import annotations

import pytest

from inet46 import HostPolicy, Program, Service
from inet46.errors import Unprovable
from inet46.merge import merge

FOO = Service(name="foo", program=Program(path="/x/foo"), enabled=False)
NAMELESS = HostPolicy(name="debian-12/openbsd-inetd", services={"pop3/tcp": 110})
UNLISTED = """\
service foo
{
\ttype = UNLISTED
\tport = 7100
\tprotocol = tcp
\tsocket_type = stream
\twait = no
\tuser = root
\tserver = /x/foo
}
"""
HOSTS: dict[str, tuple[str | HostPolicy, dict[str, str]]] = {
    "a paragraph that says its port": (
        "debian-12/xinetd",
        {"/etc/xinetd.conf": "includedir /etc/xinetd.d\n", "/etc/xinetd.d/foo": UNLISTED},
    ),
    "a line that is on no port": (
        NAMELESS,
        {"/etc/inetd.conf": "bar stream tcp nowait root /x/bar\nfoo stream tcp nowait root /x/foo\n"},
    ),
}


@pytest.mark.parametrize("there", HOSTS.values(), ids=HOSTS.keys())
def test_what_is_there_under_the_name_is_not_said_to_be_taken_out(there: tuple[str | HostPolicy, dict[str, str]]) -> None:
    host, files = there
    with pytest.raises(Unprovable) as caught:
        merge([FOO], host, files)

    assert caught.value.reasons[0] == (
        "foo/tcp: no port is given, and the name is not in /etc/services: what is to be taken out is not known, give the service a port"
    )
    assert not any("other services" in reason for reason in caught.value.reasons)


def test_where_nothing_has_the_name_there_is_nothing_to_take_out() -> None:
    assert merge([FOO], NAMELESS, {"/etc/inetd.conf": "bar stream tcp nowait root /x/bar\n"}).files == {}


def test_with_its_port_it_is_taken_out() -> None:
    host, files = HOSTS["a paragraph that says its port"]
    off = Service(name="foo", port=7100, program=Program(path="/x/foo"), enabled=False)

    assert merge([off], host, files).sockets == ()
