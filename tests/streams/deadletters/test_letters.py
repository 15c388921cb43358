"""Listing dead letters: selected, counted once each, bounded, shown in one line."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from schemas.deadletters import DeadLetter
from schemas.reasons import Reject
from schemas.times import SECOND, format_time
from streams.deadletters.letters import Letters, Selection, origin, shortened
from streams.deadletters.remedies import REMEDIES, remedy_of


def letter(offset: int, **more: Any) -> DeadLetter:
    values = {
        "id": f"ev-0-{offset}",
        "app": "shop",
        "source": "usage",
        "topic": "ev",
        "partition": 0,
        "offset": offset,
        "record_time": "2026-01-01T00:00:00Z",
        "reason": "not-json",
        "message": "m",
        "key_base64": None,
        "value_base64": None,
        "headers": [],
        "rejected_at": format_time(offset * SECOND),
    }
    return DeadLetter(**{**values, **more})


def test_every_reason_has_a_meaning_and_a_remedy() -> None:
    assert set(REMEDIES) == set(Reject)
    assert all(r.meaning.endswith(".") and r.remedy.endswith(".") for r in REMEDIES.values())
    assert "Update" in remedy_of("from-the-future").remedy


def test_a_repeated_letter_counts_once() -> None:
    letters = Letters(Selection("shop"), 10)
    for offset in (1, 2, 1):
        letters.add(letter(offset))
    letters.add(None)
    assert (letters.total, letters.repeated, letters.unreadable) == (2, 1, 1)
    assert letters.counts == {("not-json", "usage"): 2}


def test_a_rejected_retry_is_another_letter_about_the_same_record() -> None:
    letters = Letters(Selection("shop"), 10)
    first, second = letter(1), letter(9, retried_from="ev-0-1")
    letters.add(first)
    letters.add(second)
    assert (letters.total, letters.origins) == (2, 1)
    assert origin(first) == origin(second) == "ev-0-1"


def test_the_newest_are_kept_whatever_the_order_of_partitions() -> None:
    letters = Letters(Selection("shop"), 3)
    for offset in (5, 1, 9, 3, 7):
        letters.add(letter(offset))
    assert [kept.offset for kept in letters.newest()] == [9, 7, 5]
    assert letters.total == 5


def test_nothing_is_kept_with_a_limit_of_zero() -> None:
    letters = Letters(Selection("shop"), 0)
    letters.add(letter(1))
    assert (letters.newest(), letters.total) == ([], 1)


@pytest.mark.parametrize(
    ("selection", "taken"),
    [
        (Selection("shop"), True),
        (Selection("other"), False),
        (Selection("shop", reason="late"), False),
        (Selection("shop", reason="not-json", source="usage"), True),
        (Selection("shop", source="billing"), False),
        (Selection("shop", since=5 * SECOND), True),
        (Selection("shop", since=5 * SECOND + 1), False),
    ],
)
def test_selection(selection: Selection, taken: bool) -> None:
    assert selection.takes(letter(5)) is taken


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


@pytest.mark.parametrize(
    ("content", "shown"),
    [
        (b'{"u": 1}', '{"u": 1}'),
        (b"\xff\x00a", r"\xff\x00a"),
        ("grün\n".encode(), r"grün\n"),
        (b"", ""),
        (b"x" * 80, "x" * 80),
        (b"x" * 81, "x" * 79 + "…"),
        (b"x" * 1_000_000, "x" * 79 + "…"),
    ],
)
def test_raw_bytes_are_shown_in_one_short_line(content: bytes, shown: str) -> None:
    assert shortened(encoded(content)) == shown
