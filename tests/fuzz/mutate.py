"""New inputs from old ones: a mutation driver that needs nothing but a seed, so that each input can be made again."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

__all__ = ["mutated"]

_LONGEST = 12_000  # bytes

_Step = Callable[[Random, bytes, tuple[bytes, ...], tuple[bytes, ...]], bytes]


def mutated(random: Random, seeds: tuple[bytes, ...], words: tuple[bytes, ...]) -> bytes:
    """Return one input: a seed with a few changes, seldom nothing but noise."""
    if random.random() < 0.02:
        return random.randbytes(random.randrange(200))
    data = random.choice(seeds)
    for _ in range(1 + int(random.expovariate(0.4))):
        data = random.choice(_STEPS)(random, data, seeds, words)[:_LONGEST]
    return data


def _cut(random: Random, data: bytes) -> tuple[int, int]:
    start = random.randrange(len(data) + 1)
    return start, min(len(data), start + int(random.expovariate(0.05)))


def _line(random: Random, data: bytes) -> tuple[int, int]:
    at = random.randrange(len(data) + 1)
    start = data.rfind(b"\n", 0, at) + 1
    stop = data.find(b"\n", at)
    return start, len(data) if stop < 0 else stop + 1


def _flip(random: Random, data: bytes, seeds: tuple[bytes, ...], words: tuple[bytes, ...]) -> bytes:
    at = random.randrange(len(data) + 1)
    return data[:at] + random.randbytes(1) + data[at + 1 :]


def _insert(random: Random, data: bytes, seeds: tuple[bytes, ...], words: tuple[bytes, ...]) -> bytes:
    at = random.randrange(len(data) + 1)
    return data[:at] + random.choice(words) + data[at:]


def _replace(random: Random, data: bytes, seeds: tuple[bytes, ...], words: tuple[bytes, ...]) -> bytes:
    """Replace a word, so that the line around it keeps its shape."""
    at = random.randrange(len(data) + 1)
    start = max(data.rfind(blank, 0, at) for blank in (b" ", b"\n", b"\t", b"=", b'"')) + 1
    found = [place for place in (data.find(blank, at) for blank in (b" ", b"\n", b"\t", b"=", b'"')) if place >= 0]
    return data[:start] + random.choice(words) + data[min(found, default=len(data)) :]


def _delete(random: Random, data: bytes, seeds: tuple[bytes, ...], words: tuple[bytes, ...]) -> bytes:
    start, stop = random.choice((_cut, _line))(random, data)
    return data[:start] + data[stop:]


def _repeat(random: Random, data: bytes, seeds: tuple[bytes, ...], words: tuple[bytes, ...]) -> bytes:
    start, stop = random.choice((_cut, _line))(random, data)
    return data[:stop] + data[start:stop] * random.choice((1, 1, 1, 2, 5, 50)) + data[stop:]


def _move(random: Random, data: bytes, seeds: tuple[bytes, ...], words: tuple[bytes, ...]) -> bytes:
    start, stop = _line(random, data)
    rest = data[:start] + data[stop:]
    at, _ = _line(random, rest)
    return rest[:at] + data[start:stop] + rest[at:]


def _splice(random: Random, data: bytes, seeds: tuple[bytes, ...], words: tuple[bytes, ...]) -> bytes:
    other = random.choice(seeds)
    start, stop = _line(random, other)
    return data[: random.randrange(len(data) + 1)] + (other[start:stop] if random.random() < 0.7 else other[start:])


def _number(random: Random, data: bytes, seeds: tuple[bytes, ...], words: tuple[bytes, ...]) -> bytes:
    """Change a digit, or the first byte, which chooses a host."""
    digits = [place for place, byte in enumerate(data) if 0x30 <= byte <= 0x39]
    at = random.choice(digits) if digits and random.random() < 0.7 else 0
    return data[:at] + (b"%d" % random.randrange(300) if digits and at else random.randbytes(1)) + data[at + 1 :]


_STEPS: tuple[_Step, ...] = (_flip, _insert, _insert, _replace, _replace, _replace, _delete, _repeat, _move, _splice, _number)
