"""Damaging bytes: what networks, disks, other programs and attackers make of a good record."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

_TOKEN = re.compile(rb'"[^"]*"|-?[0-9][0-9.eE+-]*|true|false|null')
_ODD: tuple[bytes, ...] = (
    *(b"null", b"true", b"[]", b"{}", b'""', b"-0", b"NaN", b"Infinity", b"1e308", b"-1e308"),
    *(b"9223372036854775807", b"-9223372036854775808", b"18446744073709551615", b"5e-324"),
    *(b"9" * 400, b"1e999", b"253402300799000", b"1577880000", b"1577880000000", b"0.1"),
    *(b'"\\u0000"', b'"\\ud800"', b'"\xf0\x9f\x98\x80"', b'"\xc3\xa9"', b'"\xff"', b'"\\n"'),
    *(b'"2020-01-01T00:00:00Z"', b'"0000-00-00T00:00:00Z"', b'"2016-12-31T23:59:60Z"'),
    *(b'"' + b"x" * 600 + b'"', b'"' + b"\xc3\xa9" * 300 + b'"', b"[" * 2000 + b"]" * 2000),
    *(b'{"a":' * 1100 + b"1" + b"}" * 1100, b'{"id":1}', b"[1,2]"),
)
_BYTES = (b"\0", b"\xff", b"\xc0\x80", b'"', b"{", b"}", b"\\", b",", b":", b"\x80", b"\n", b"=")

Damage = Callable[[random.Random, bytes, Sequence[bytes]], bytes]


def damaged(rng: random.Random, value: bytes, others: Sequence[bytes]) -> bytes:
    """The value after one to three accidents; sometimes as it was. others: to splice with."""
    for _ in range(rng.choice((0, 0, 0, 1, 1, 1, 1, 2, 3))):
        value = rng.choice(_ACCIDENTS)(rng, value, others)
    return value


def _flip(rng: random.Random, value: bytes, _: Sequence[bytes]) -> bytes:
    if not value:
        return value
    changed = bytearray(value)
    changed[rng.randrange(len(value))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _overwrite(rng: random.Random, value: bytes, _: Sequence[bytes]) -> bytes:
    at = rng.randint(0, len(value))
    return value[:at] + rng.randbytes(rng.choice((1, 2, 4, 8))) + value[at + 4 :]


def _insert(rng: random.Random, value: bytes, _: Sequence[bytes]) -> bytes:
    at = rng.randint(0, len(value))
    return value[:at] + rng.choice(_BYTES) + value[at:]


def _cut(rng: random.Random, value: bytes, _: Sequence[bytes]) -> bytes:
    return value[: rng.randint(0, len(value))]


def _drop(rng: random.Random, value: bytes, _: Sequence[bytes]) -> bytes:
    at = rng.randint(0, len(value))
    return value[:at] + value[at + rng.randint(1, 12) :]


def _repeat(rng: random.Random, value: bytes, _: Sequence[bytes]) -> bytes:
    first, last = sorted((rng.randint(0, len(value)), rng.randint(0, len(value))))
    return value[:last] + value[first:last] * rng.randint(1, 3) + value[last:]


def _splice(rng: random.Random, value: bytes, others: Sequence[bytes]) -> bytes:
    other = rng.choice(others)
    return value[: rng.randint(0, len(value))] + other[rng.randint(0, len(other)) :]


def _token(rng: random.Random, value: bytes, _: Sequence[bytes]) -> bytes:
    """Another JSON value (or name) in the place of one that is there."""
    found = list(_TOKEN.finditer(value[:4096]))
    if not found:
        return value
    place = rng.choice(found)
    return value[: place.start()] + rng.choice(_ODD) + value[place.end() :]


_ACCIDENTS: tuple[Damage, ...] = (
    *(_flip, _overwrite, _insert, _cut, _drop, _repeat, _splice),
    *(_token, _token, _token, _token, _token),
)
