"""Law 2, faithful: what is written is read back as it was meant, or the loss is named, and nothing that is written ends a daemon."""

from __future__ import annotations

from typing import Any

import attrs
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from inet46 import formats
from inet46.entry import Bind, Entry
from inet46.errors import Inexpressible, Unprovable
from inet46.host import HostPolicy
from inet46.knowledge import HOSTS, Host, InetdBuild, resolve
from inet46.plan import plan
from inet46.service import Builtin, Limits, Listener, Service
from inet46.sockets import Family, Transport
from tests.strategies import host_policies, service_lists, services
from tests.texts import PROGRAM, deadly, patient

NAMES = [row.name for row in HOSTS]
KNOBS = [None, "0", "1"]


@given(service_lists(), host_policies())
@patient
def test_faithful_what_a_plan_says_is_read_back_as_it_was_meant(wishes: tuple[Service, ...], policy: HostPolicy) -> None:
    try:
        planned = plan(wishes, policy)
    except Unprovable:
        assume(False)  # noqa: FBT003

    assert sorted(formats.read(planned.files, policy).entries, key=repr) == sorted(planned.entries, key=repr)
    try:
        files = formats.write(planned.entries, policy)
    except Inexpressible as error:  # two names of one service in one file, say
        assert error.losses
    else:
        assert formats.same(formats.read(files, policy).entries, planned.entries, resolve(policy))


@st.composite
def odd_entries(draw: st.DrawFn, wish: Service, host: Host) -> Entry:
    """An entry by hand: binds of any kind, names, words and lists that no plan would make."""
    word = st.sampled_from(["imap", "143", "0143", "im ap", "#imap", "", "a\nb", "x=y", "{", "}", "é", "a\0b", "'", '"', "\\", "service"])
    keys = (
        ["", *sorted({bound.key for token in host.server.tokens for bound in token.opens})] if isinstance(host.server, InetdBuild) else [""]
    )
    bind = st.builds(
        Bind,
        family=st.sampled_from(Family),
        v6only=st.sampled_from([None, True, False]),
        address=st.sampled_from([None, None, "127.0.0.1", "::1", "::", "0.0.0.0", "::ffff:127.0.0.1", "localhost", "1.2"]),
        key=st.sampled_from(keys),
    )
    if isinstance(host.server, InetdBuild) and draw(st.booleans()):
        token = draw(st.sampled_from([token for token in host.server.tokens if token.opens and token.transport is wish.transport]))
        binds = tuple(Bind(family=x.family, v6only=x.v6only, key=x.key) for x in token.opens)
    else:
        binds = tuple(draw(st.lists(bind, min_size=1, max_size=2)))
    return Entry(
        service=draw(st.sampled_from([wish.name, wish.name, "imap"]) | word),
        port=draw(st.sampled_from([None, wish.port, 143])),
        transport=wish.transport,
        binds=binds,
        program=draw(st.sampled_from([wish.program, PROGRAM, Builtin(builtin="redirect"), Builtin(builtin=wish.name)])),
        wait=wish.waits,
        user=draw(st.just(wish.user) | word),
        group=draw(st.just(wish.group) | word),
        limits=draw(st.sampled_from([Limits(), wish.limits])),
        only_from=draw(st.none() | st.lists(word, max_size=2).map(tuple)),
        no_access=draw(st.just(()) | st.lists(word, max_size=2).map(tuple)),
        environment=draw(st.sampled_from([(), wish.environment, (("A=", "B"),), (("", ""),)])),
        id=draw(st.none() | word),
        extra=draw(
            st.just(()) | st.sampled_from([("banner = /x",), ("flags = KEEPALIVE",), ("login class x",), ("odd",), ("flags = IPv4",)])
        ),
    )


@given(host_policies(), st.lists(services(), min_size=1, max_size=3), st.data())
@patient
def test_faithful_an_entry_of_any_kind_is_read_back_or_its_loss_is_named(
    policy: HostPolicy, wishes: list[Service], data: st.DataObject
) -> None:
    host = resolve(policy)
    entries = tuple(data.draw(odd_entries(wish, host)) for wish in wishes)
    try:
        files = formats.write(entries, host)
    except Inexpressible as error:
        assert error.losses
        assert all(loss.strip() for loss in error.losses)
    else:
        assert formats.same(formats.read(files, host).entries, entries, host)


NAMES_OF = {Transport.TCP: ("imap", "pop3", "ftp"), Transport.UDP: ("tftp", "daytime", "ntp")}
MORTAL = [row.name for row in HOSTS if deadly({resolve(row.name).config: "imap\n"}, HostPolicy(name=row.name))]
CUTS = ["a\nb", "a\n", "a\n b", "", "a b"]  # what cuts a line or a field, if it is written as it is
ODD_FIELDS = ["service", "port", "binds", "program", "user", "group", "limits", "only_from", "no_access", "environment", "id", "extra"]


@st.composite
def odd_in_places(draw: st.DrawFn, policy: HostPolicy) -> tuple[tuple[Entry, ...], tuple[Entry, ...]]:
    """What a plan tells a host, and the same with all those fields odd that can be written so."""
    wish = draw(services())
    wants = draw(st.lists(st.sampled_from(NAMES_OF[wish.transport]), min_size=1, max_size=2, unique=True))
    plain: tuple[Entry, ...] = ()
    for families in (tuple(Family), (Family.IPV4,), (Family.IPV6,)):
        listeners = [Listener(family=family) for family in families]
        asked = [Service(name=name, program=PROGRAM, transport=wish.transport, listeners=listeners) for name in wants]
        try:
            plain = plan(asked, policy).entries
            break
        except Unprovable:
            continue
    host, odd = resolve(policy), []
    for entry in plain:
        strange = draw(odd_entries(wish, host))
        broken: dict[str, Any] = draw(st.dictionaries(st.sampled_from(["user", "group", "service"]), st.sampled_from(CUTS)))
        strange = attrs.evolve(strange, **broken)
        for field in draw(st.permutations(ODD_FIELDS)):
            stranger = attrs.evolve(entry, **{field: getattr(strange, field)})
            entry = stranger if writable(stranger, host) else entry  # noqa: PLW2901
        odd.append(entry)
    return plain, tuple(odd)


def writable(entry: Entry, host: Host) -> bool:
    try:
        formats.write((entry,), host)
    except Inexpressible:
        return False
    return True


def test_faithful_nothing_that_is_written_ends_the_daemon() -> None:
    """A law about what is written says nothing when nothing is: half of the examples write what no plan would."""
    wrote: list[bool] = []

    @given(host_policies() | host_policies(names=MORTAL), st.data())
    @settings(patient, max_examples=max(200, settings().max_examples))
    def law(policy: HostPolicy, data: st.DataObject) -> None:
        plain, odd = data.draw(odd_in_places(policy))
        try:
            files = formats.write(odd, resolve(policy))
        except Inexpressible:
            files = {}
        wrote.append(bool(files) and odd != plain)
        event("written" if wrote[-1] else "not written")

        assert deadly(files, policy) == []

    law()
    assert sum(wrote) * 2 >= len(wrote) > 0, f"{sum(wrote)} of {len(wrote)} wrote something"
