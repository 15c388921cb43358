"""However records are cut into batches, and wherever the worker stops: the same, bit for bit."""

from __future__ import annotations

import random
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.engine import epochs, sweeps, unit
from models.spec import Spec
from tests.models.engine.harness import Worker
from tests.models.engine.histories import examples, histories
from tests.models.engine.portrait import portrait
from tests.models.engine.story import EAGER, EVENTS_ONLY, SILENT, SPEC, Item, topics

SPECS = {"scheduled": SPEC, "eager": EAGER, "silent": SILENT, "events-only": EVENTS_ONLY}


@pytest.fixture(autouse=True)
def _small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeps, "SLICE", 2)
    monkeypatch.setattr(epochs, "SLICE", 2)


def alike(one: Worker, other: Worker) -> None:
    """Same records by id, same markers, same state."""
    for topic in ("scores", "deadletter", "examples"):
        assert one.unique(topic) == other.unique(topic)
    assert markers(one) == markers(other)
    assert portrait(one) == portrait(other)


def markers(worker: Worker) -> set[int]:
    return {x["epoch"] for x in worker.sent("examples") if x["kind"] == "epoch_end"}


@pytest.mark.slow
@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
@examples(7)
@given(histories(), st.integers(0, 2**32))
def test_one_backlog_is_many_pieces_with_restarts(spec: Spec, items: list[Item], seed: int) -> None:
    whole = Worker(spec, topics(spec, items)).run()
    pieces = Worker(spec, topics(spec, items)).run_in_pieces(random.Random(seed))
    assert len(pieces.sent("scores")) == len(whole.sent("scores"))
    alike(whole, pieces)


@pytest.mark.slow
@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
@examples(7)
@given(histories(), st.integers(0, 2**32), st.sampled_from([1, 6, 10_000]))
def test_crashes_lose_nothing_and_count_nothing_twice(
    spec: Spec, items: list[Item], seed: int, enough: int
) -> None:
    whole = Worker(spec, topics(spec, items)).run()
    crashing = Worker(spec, topics(spec, items))
    with mock.patch.object(unit, "ENOUGH", enough):
        alike(whole, crashing.run_in_pieces(random.Random(seed), crash=0.3))
