"""Dates in events: the next one ahead, the one said last; texts and flags said last."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.features.values import dates_of, number_of, numbers_of
from models.spec import FeatureSpec
from schemas.hashing import hash_texts
from tests.models.engine import oracle
from tests.models.engine.harness import Worker
from tests.models.engine.histories import examples
from tests.models.engine.story import Item, S, at, event
from tests.models.engine.wanted import features as by_definition
from tests.models.features.test_vector import NOW, PATIENT, equal, ingested, vectors

WHERE = (("b", (True,)),)
DUE = replace(
    PATIENT,
    features=(
        FeatureSpec("next", "due_in", "usage", "n", window=60 * S, unit="s"),
        FeatureSpec("next_sure", "due_in", "usage", "n", WHERE, window=30 * S, unit="s"),
        FeatureSpec("kinds", "distinct", "usage", "n", window=60 * S),
        FeatureSpec("said", "last_due_in", "usage", "n", unit="s"),
        FeatureSpec("said_ms", "last_due_in", "usage", "n", WHERE, unit="ms"),
        FeatureSpec("raw", "last", "usage", "n"),
    ),
)
drawn = st.tuples(st.integers(0, 100), st.integers(-90, 130), st.sampled_from([True, False]))


def told(draw: Any, number: int) -> Item:
    before, ahead, sure = draw
    due = None if ahead % 13 == 0 else (at(NOW + ahead)) // S
    return event("usage", NOW, "a", NOW - before, n=due, b=sure, id=str(number))


@examples(30)
@given(
    st.lists(drawn, min_size=1, max_size=30),
    st.lists(st.integers(-10, 60), min_size=6, max_size=6),
    st.integers(0, 2**32),
)
def test_the_next_date_is_the_first_one_ahead_of_those_told(
    draws: list[Any], backwards: list[int], seed: int
) -> None:
    items = [told(draw, number) for number, draw in enumerate(draws)]
    worker = ingested(DUE, items, seed)
    user = oracle.Oracle(DUE).run(items).users["a"]
    times = [[at(NOW - back), at(NOW), at(NOW)] for back in backwards]
    matrix, _ = vectors(worker, "a", times)
    for found, as_of in zip(matrix, times, strict=True):
        wanted, _ = by_definition(DUE, user, at(NOW), as_of)
        assert equal(found.tolist(), wanted), (found.tolist(), wanted)


def seconds(worker: Worker, name: str, as_of: float) -> float:
    vector, _ = worker.vector("a", at(NOW), [at(as_of), at(NOW), at(NOW)])
    return vector[[f.name for f in DUE.features].index(name)]


def test_a_date_that_has_passed_is_behind_or_followed_by_the_next() -> None:
    events = [
        event("usage", NOW, "a", 150 + i, n=at(due) // S, b=True, id=str(i))
        for i, due in enumerate([195, 230, 180])
    ]
    worker = ingested(DUE, events, 1)
    assert [seconds(worker, "next", t) for t in (170, 180, 190, 195, 200)] == [10, 15, 5, 35, 30]
    assert [seconds(worker, "said", t) for t in (170, 180, 200)] == [10, 0, -20]
    assert math.isnan(seconds(worker, "next", 230))


def test_units_of_dates() -> None:
    times = np.array([1000 * S] * 4, dtype=np.int64)
    field = np.array([2.0, -1.0, np.nan, 1e300])
    dates, known = dates_of(field, times, "days")
    assert (dates[0], known.tolist()) == ((1000 + 2 * 86_400) * S, [True, False, False, False])
    assert [dates_of(field, times, unit)[0][0] for unit in ("s", "ms", "us")] == [2 * S, 2000, 2]


@pytest.mark.parametrize("text", ["quiz", "été", "", "x" * 300])
def test_a_text_has_one_number_in_state_and_in_questions(text: str) -> None:
    assert numbers_of(hash_texts([text])).tolist() == [number_of(text)]
    assert number_of(text) == float(int(number_of(text)))
