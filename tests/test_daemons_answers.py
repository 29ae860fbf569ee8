"""Law 5 from the client's side: of the entries of a file, the one of which inet46 says so is the one that answers.

`test_daemons` holds the sockets against `ss`; here somebody connects to each of them, and the server says its name.
"""

from __future__ import annotations

import json
from random import Random

import pytest

from inet46 import formats
from inet46.predict import predict
from tests.daemons import HOSTS
from tests.daemons.answers import QUESTIONS, WHO, Question, answering_files, asked, said
from tests.daemons.cases import INETD
from tests.daemons.fixtures import Benches
from tests.daemons.judge import mismatch

pytestmark = [pytest.mark.daemon, pytest.mark.slow]

SEED, FILES = 46, 40
OPENBSD, INETUTILS, _, BUSYBOX = HOSTS
DAYTIME: Question = ("tcp", "127.0.0.1", 13)


@pytest.mark.parametrize("name", HOSTS)
def test_true_of_who_answers_whom(name: str, benches: Benches) -> None:
    pair = benches(name)
    files = [answering_files(Random(f"{SEED}/{number}"), pair[0].host) for number in range(FILES)]
    known = [[(one, told) for one in files if (told := said(one, bench.host)) is not None] for bench in pair]
    for bench, cases in zip(pair, known, strict=True):
        bench.send([asked(one, QUESTIONS) for one, _ in cases])
    wrong, answers = [], 0
    for bench, cases in zip(pair, known, strict=True):
        for (one, told), (look,) in zip(cases, bench.receive(), strict=True):
            heard = dict(zip(QUESTIONS, json.loads(look.log[0]), strict=True))
            answers += sum(map(bool, heard.values()))
            odd = [f"{what}: {told[what]!r} is said to answer, {heard[what]!r} does" for what in QUESTIONS if told[what] != heard[what]]
            if odd:
                sockets = (held.socket for held in predict(formats.read(one, bench.host).entries, bench.host).sockets)
                wrong.append(mismatch("\n".join(odd), one, bench.host, sockets, look))

    assert not wrong, "\n\n".join(wrong)
    assert answers > FILES
    assert all(len(cases) > FILES * 3 // 4 for cases in known)


# Two lines for one socket, in this order, and the answers to three clients; a built-in service tells the day.
_TWICE = {
    ("internal", "program"): {OPENBSD: ("day",) * 3, INETUTILS: ("day",) * 3, BUSYBOX: ("day",) * 3},
    ("program", "internal"): {OPENBSD: ("",) * 3, INETUTILS: ("",) * 3, BUSYBOX: ("",) * 3},
    ("waits", "program"): {OPENBSD: ("program", "", ""), INETUTILS: ("program",) * 3, BUSYBOX: ("program",) * 3},
}
_DUTIES = {"internal": "nowait\troot\tinternal", "program": f"nowait\troot\t{WHO} program", "waits": f"wait\troot\t{WHO} waits"}


@pytest.mark.parametrize("name", [OPENBSD, INETUTILS, BUSYBOX])
@pytest.mark.parametrize("duties", _TWICE, ids=" then ".join)
def test_a_second_line_that_is_not_served_as_it_is_written_is_said_not_to_be(name: str, duties: tuple[str, str], benches: Benches) -> None:
    bench = benches(name)[0]
    files = {INETD: "".join(f"daytime\tstream\ttcp\t{_DUTIES[duty]}\n" for duty in duties)}
    (look,) = bench.run(*asked(files, [DAYTIME] * 3))
    heard = tuple("day" if len(answer) > 20 else answer for answer in json.loads(look.log[0]))

    codes = {fault.code for fault in predict(formats.read(files, bench.host).entries, bench.host).faults}

    assert heard == _TWICE[duties][name]
    assert ("I213" in codes) is (heard != (duties[1],) * 3)
