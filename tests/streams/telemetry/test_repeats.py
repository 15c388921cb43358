"""A library that says the same a thousand times is heard once."""

from __future__ import annotations

import logging

import pytest

from streams.telemetry.logs import REPEAT_SECONDS, Repeats


def record(name: str, message: str, *args: object) -> logging.LogRecord:
    return logging.LogRecord(name, logging.ERROR, "", 1, message, args, None)


def test_only_the_first_of_many(monkeypatch: pytest.MonkeyPatch) -> None:
    repeats, now = Repeats(), 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    heard = [repeats.filter(record("aiokafka.client", "Unable %s", n)) for n in range(99)]
    assert heard == [True] + 98 * [False]
    assert repeats.filter(record("aiokafka.client", "Something else"))
    assert repeats.filter(record("aiokafka.fetcher", "Unable %s", 1))
    now += REPEAT_SECONDS
    assert repeats.filter(record("aiokafka.client", "Unable %s", 100))


def test_what_we_say_ourselves_is_never_held_back() -> None:
    repeats = Repeats()
    assert all(repeats.filter(record("streams.worker", "the same")) for _ in range(3))
