"""A few thousand hostile inputs in every run of the suite; `make fuzz` gives a million. And the driver itself: it finds what is broken."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from inet46.errors import ModelError
from tests.fuzz import targets, watch
from tests.fuzz.__main__ import again, chunk, inputs, planned
from tests.fuzz.mutate import mutated
from tests.fuzz.seeds import seeds
from tests.fuzz.targets import TARGETS, Target, format_modules


@pytest.mark.parametrize("name", list(TARGETS))
def test_no_hostile_input_breaks_a_target(name: str) -> None:
    result = chunk(name, "suite", max(20, round(80 * TARGETS[name].share)))
    assert not result.findings, "\n".join(finding.told for finding in result.findings)
    assert result.inputs >= 20


def test_seeds_are_taken_as_they_are() -> None:
    for target in TARGETS.values():
        some = seeds(target.kind)[:: max(1, round(6 / target.share))]  # fewer of what takes long
        with watch.bounded():
            found = [finding for seed in some if (finding := watch.probe(target, seed))]
        assert not found, found[0].told


def test_a_new_format_is_fuzzed_without_a_word_here() -> None:
    names = [name for name, _ in format_modules()]
    assert {"inetd", "xinetd", "rc_conf", "sysctl_conf"} <= set(names)
    assert {f"parse-{name}" for name in names} <= set(TARGETS)


def test_the_same_seed_makes_the_same_inputs_and_another_one_others() -> None:
    one, same, other = (list(inputs("read", seed, 50)) for seed in ("a", "a", "b"))
    assert one == same != other


def test_every_target_gets_its_share_of_all_inputs() -> None:
    turns = list(planned(20_000, list(TARGETS), "x"))
    counts = {name: sum(count for told, _, count in turns if told == name) for name in TARGETS}
    assert abs(sum(counts.values()) - 20_000) <= len(TARGETS)
    assert counts["verdict"] // counts["mend"] in {39, 40, 41}
    assert len({(name, seed) for name, seed, _ in turns}) == len(turns), "the same inputs twice"


def _broken(data: bytes) -> None:
    if b"xinetd" in data and b"=" in data:
        raise KeyError("planted")


def _slow(data: bytes) -> None:
    while b"}" in data:
        pass


def _greedy(data: bytes) -> None:
    assert len(bytearray(watch.MEMORY * 2)) > len(data)


def _told(_: bytes) -> None:
    raise ModelError(["this is bad input"])


def _plant(monkeypatch: pytest.MonkeyPatch, run: object) -> Target:
    planted = Target("planted", run, 1, "files")  # type: ignore[arg-type]  # it takes bytes
    monkeypatch.setitem(targets.TARGETS, "planted", planted)
    return planted


def test_a_defect_is_found_shrunk_kept_and_shown_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _plant(monkeypatch, _broken)
    (finding,) = chunk("planted", "suite", 3000).findings
    assert sorted(finding.data) == sorted(b"xinetd=")
    assert finding.place.startswith("tests/test_fuzz.py:")
    assert again(watch.kept(finding, tmp_path)) == 1
    assert "KeyError: 'planted'" in capsys.readouterr().out


@pytest.mark.parametrize(("run", "kind"), [(_slow, "TooSlow"), (_greedy, "MemoryError")])
def test_time_and_memory_without_bound_are_findings(monkeypatch: pytest.MonkeyPatch, run: object, kind: str) -> None:
    monkeypatch.setattr(watch, "SECONDS", 0.2)
    with watch.bounded():
        finding = watch.probe(_plant(monkeypatch, run), b"a}")
    assert finding is not None
    assert finding.kind == kind


def test_what_inet46_raises_on_purpose_is_no_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    with watch.bounded():
        assert watch.probe(_plant(monkeypatch, _told), b"") is None


def test_mutations_reach_every_byte_and_every_length() -> None:
    random = Random("suite")
    made = [mutated(random, (b"imap stream tcp",), (b"nowait", b"[::]", b"service")) for _ in range(5000)]
    assert set(b"".join(made)) == set(range(256))
    assert {0, 15} <= {len(data) for data in made}
    assert max(map(len, made)) > 1000
