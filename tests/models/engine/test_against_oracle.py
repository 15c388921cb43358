"""The engine against a recomputation of everything from lists of events."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given

from models.features.plan import lifetime
from models.spec import Spec
from tests.models.engine.harness import Worker
from tests.models.engine.histories import examples, histories
from tests.models.engine.oracle import Oracle
from tests.models.engine.story import (
    EAGER,
    EVENTS_ONLY,
    SILENT,
    SPEC,
    START,
    Item,
    S,
    micros,
    topics,
)

SPECS = {"scheduled": SPEC, "eager": EAGER, "silent": SILENT, "events-only": EVENTS_ONLY}


def same(found: Any, wanted: Any) -> bool:
    """Equal, numbers to 1e-9."""
    if isinstance(wanted, float) or isinstance(found, float):
        return isinstance(found, (int, float)) and math.isclose(
            found, wanted, rel_tol=1e-9, abs_tol=1e-9
        )
    if isinstance(wanted, dict):
        return found.keys() == wanted.keys() and all(same(found[k], wanted[k]) for k in wanted)
    return bool(found == wanted)


def readable(score: Mapping[str, Any]) -> dict[str, Any]:
    """A score record in the oracle's words."""
    sources = {
        name: {
            **{what: known for what, known in state.items() if what != "evidence"},
            "as_of": micros(state["as_of"]),
        }
        for name, state in score["sources"].items()
    }
    return {
        "user": score["user"],
        "time": micros(score["time"]),
        "cause": score["cause"],
        "probability": score["probability"],
        "version": score["model"]["version"],
        "valid_from": micros(score["model"]["valid_from"]),
        "sources": sources,
    }


def agree(worker: Worker, oracle: Oracle) -> None:
    scores = {identity: readable(score) for identity, score in worker.scores().items()}
    told = {i: (s["user"], (s["time"] - START) / S, s["cause"]) for i, s in scores.items()}
    expected = {
        i: (s["user"], (s["time"] - START) / S, s["cause"]) for i, s in oracle.scores.items()
    }
    assert told == expected
    for identity, score in scores.items():
        assert same(score, oracle.scores[identity]), (score, oracle.scores[identity])
    letters = {(x["source"], x["offset"]): x["reason"] for x in worker.letters().values()}
    assert letters == oracle.letters
    found = worker.examples()
    assert {(x["user"], x["time"], x["label"]) for x in found.values()} == {
        (x["user"], x["time"], x["label"]) for x in oracle.examples.values()
    }
    for identity, wanted in oracle.examples.items():
        record = {name: found[identity][name] for name in wanted}
        assert same(record, wanted), (record, wanted)
    markers = [x["epoch"] for x in worker.sent("examples") if x["kind"] == "epoch_end"]
    assert sorted(set(markers)) == oracle.markers
    counts(worker, oracle)


def counts(worker: Worker, oracle: Oracle) -> None:
    assert worker.engine.state.clock == oracle.clock
    for state, wanted in zip(worker.engine.state.sources, oracle.clocks, strict=True):
        assert state.events == wanted.events
        assert state.heartbeats == wanted.heartbeats
        assert state.duplicates == wanted.duplicates
        assert state.rejected == wanted.rejected
        assert state.late == wanted.rejected["late"]
        assert state.disordered == 0
        assert state.progress.last_data == (-(2**62) if wanted.newest is None else wanted.newest)


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
@examples(20)
@given(histories())
def test_everything_is_as_recomputed_from_scratch(spec: Spec, items: list[Item]) -> None:
    oracle = Oracle(spec, lifetime=lifetime(spec)).run(items)
    agree(Worker(spec, topics(spec, items)).run(), oracle)
