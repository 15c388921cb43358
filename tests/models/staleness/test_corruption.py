"""Intervals of wrong data: what is used meanwhile, and what verdicts do to them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.grid import NEVER
from models.staleness import corruption
from models.staleness.corruption import FOREVER, Interval, Intervals
from schemas.verdicts import ACTIONS, Action, Verdict


def verdict(action: Action, **more: Any) -> Verdict:
    return Verdict(**{"id": "v", "source": "usage", "action": action} | more)


def gate(begin: int, end: int | None = None, name: str = "g") -> Interval:
    return Interval(name, begin, end, "open" if end is None else "closed", "nulls", 100, "gate")


def test_a_clean_source_is_used_without_end() -> None:
    clean = Intervals()
    assert (clean.corrupt_since, clean.good_through) == (NEVER, FOREVER)
    assert clean.excluded == []


def test_while_it_is_open_nothing_behind_its_begin_is_used() -> None:
    known = Intervals([gate(50), gate(30, name="h"), gate(10, 20, "old")])
    assert (known.corrupt_since, known.good_through) == (30, 30)


def test_a_verdict_opens_and_another_ends_it() -> None:
    known = Intervals()
    assert known.rule(verdict("corrupt", begin=10, reason="wrong tariff"), 90, 95)
    assert known.excluded == [(10, FOREVER)]
    assert not known.rule(verdict("corrupt", begin=10), 90, 96)
    assert known.rule(verdict("clear"), 90, 97)
    assert known.good_through == FOREVER
    assert known.excluded == [(10, 90)]
    assert known.known[0].reason == "wrong tariff"


@pytest.mark.parametrize(
    ("actions", "state", "excluded"),
    [
        (["accept"], "accepted", []),
        (["reject"], "rejected", [(10, 90)]),
        (["reject", "repaired"], "repaired", []),
        (["repaired"], "closed", [(10, 90)]),
        (["accept", "repaired"], "accepted", []),
        (["reject", "repaired", "reject"], "repaired", []),
        (["accept", "reject"], "rejected", [(10, 90)]),
    ],
)
def test_an_open_one_ends_where_data_ends_and_is_settled(
    actions: list[Action], state: str, excluded: list[tuple[int, int]]
) -> None:
    known = Intervals([gate(10)])
    for action in actions:
        known.rule(verdict(action), 90, 100)
    assert known.known[0].state == state
    assert known.known[0].end == 90
    assert known.excluded == excluded


@pytest.mark.parametrize(
    ("action", "until", "end"),
    [("reject", 60, 60), ("reject", 200, 90), ("accept", 200, 90), ("clear", 200, 200)],
)
def test_a_decision_about_an_open_one_is_about_what_has_come(
    action: Action, until: int, end: int
) -> None:
    known = Intervals([gate(10)])
    known.rule(verdict(action, begin=10, until=until), 90, 100)
    assert known.known[0].end == end


def test_what_has_not_come_yet_is_no_part_of_an_open_one() -> None:
    known = Intervals([gate(10)])
    for action in ("corrupt", "reject"):
        known.rule(verdict(action, begin=120, until=200), 90, 100)
    assert [(one.begin, one.end) for one in known.known] == [(10, 90), (120, 200)]


@pytest.mark.parametrize(
    ("more", "meant"),
    [
        ({}, "abc"),
        ({"interval": "b"}, "b"),
        ({"begin": 20, "until": 30}, ""),
        ({"begin": 19, "until": 31}, "ab"),
        ({"begin": 60}, "c"),
        ({"until": 30}, "a"),
    ],
)
def test_which_intervals_are_meant(more: dict[str, Any], meant: str) -> None:
    known = Intervals([gate(10, 20, "a"), gate(30, 40, "b"), gate(50, 70, "c")])
    known.rule(verdict("accept", **more), 90, 100)
    assert "".join(one.id for one in known.known if one.state == "accepted") == meant


def test_what_was_accepted_is_rejected_only_where_all_of_it_is_meant() -> None:
    known = Intervals([gate(10, 60, "a"), gate(70, 80, "b"), gate(85, 90, "c")])
    known.rule(verdict("accept", until=80), 90, 100)
    known.rule(verdict("reject", begin=40, until=88), 90, 101)
    assert [one.state for one in known.known] == ["accepted", "rejected", "rejected"]


def test_what_is_left_out_is_told_once() -> None:
    known = Intervals([gate(10, 20, "a"), gate(15, 18, "b"), gate(20, 25, "c"), gate(30, 40, "d")])
    assert known.excluded == [(10, 25), (30, 40)]


def test_the_oldest_settled_ones_leave_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(corruption, "MAX_KEPT", 2)
    known = Intervals()
    for name, begin in zip("abc", (10, 30, 50), strict=True):
        known.add(gate(begin, begin + 10, name))
        if name == "b":
            known.rule(verdict("accept", interval="b"), 90, 100)
    assert [one.id for one in known.known] == ["a", "c"]
    assert known.dropped == 1


@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(1, 20), st.booleans()), max_size=6),
    st.lists(st.tuples(st.sampled_from(ACTIONS), st.integers(0, 60)), max_size=6),
)
def test_no_time_is_left_out_that_no_interval_covers(
    drawn: list[tuple[int, int, bool]], actions: list[tuple[Action, int]]
) -> None:
    known = Intervals()
    for i, (begin, length, is_open) in enumerate(drawn):
        known.add(gate(begin, None if is_open else begin + length, str(i)))
    for i, (action, begin) in enumerate(actions):
        known.rule(verdict(action, id=f"v{i}", begin=begin, until=begin + 9), 70, 80)
    left_out = ("open", "closed", "rejected")
    bad = {
        t
        for one in known.known
        if one.state in left_out
        for t in range(one.begin + 1, (99 if one.end is None else one.end) + 1)
    }
    told = {t for begin, end in known.excluded for t in range(begin + 1, min(end, 99) + 1)}
    assert told == bad
    assert known.excluded == sorted(known.excluded)
