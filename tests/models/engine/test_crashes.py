"""A worker dies at each commit, at each stage of it: nothing lost, nothing counted twice."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from models.engine import epochs, sweeps, unit
from models.engine.requests import Effects, Output
from models.spec import Spec
from tests.models.engine.harness import Blow, Crashed, Store, Worker
from tests.models.engine.portrait import portrait
from tests.models.engine.story import EAGER, SPEC, Item, S, beat, event, topics

EXAMPLES = replace(SPEC.learning, example_every=20 * S)
SPECS = {
    "scheduled": replace(SPEC, learning=EXAMPLES),
    "eager": replace(EAGER, learning=EXAMPLES),
}

STORY: list[Item] = [
    event("usage", 1, "a", 1, n=3, k="quiz"),
    event("usage", 2, "b", 1, n=4, id="b1"),
    event("billing", 2, "c", 2, n=1, b=True),
    event("usage", 3, "c", 3, n=5),
    event("usage", 9, "d", 8, n=6),
    event("usage", 11, "b", 1, n=4, id="b1"),  # a repeat
    event("billing", 15, "a", 15, n=2),
    event("usage", 19, "", 18, raw=b"{"),
    # the cut at 20 is being scored while these come
    event("usage", 20.1, "d", 12, n=7),
    event("usage", 20.2, "a", 19, n=8),
    event("usage", 20.3, "x", 18, n=1),
    event("outcomes", 20.4, "b", 17, kind="churn"),
    event("usage", 41, "a", 41, n=2),
    event("usage", 43, "c", 42, n=2),
    event("usage", 44, "c", -60, n=2),  # late
    event("billing", 62, "a", 61, n=2),
    event("usage", 65, "c", 64, n=9, k="été"),
    event("outcomes", 66, "x", 66, kind="leave"),
    beat("billing", 100),
]


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeps, "SLICE", 2)
    monkeypatch.setattr(epochs, "SLICE", 2)


COMMITS = pytest.mark.parametrize(("enough", "least"), [(1, 80), (8, 30), (10_000, 30)])
"""How much makes a commit, and how many ways to die there are at least then."""


def live(worker: Worker) -> Worker:
    """The story from where the worker stands, a few records at a time."""
    for source, topic in enumerate(worker.topics):
        worker.push(source, len(topic))
    worker.work(5)
    worker.drive(worker.engine.drain(worker.now))
    return worker


class Doomed(Worker):
    """Keeps what would be left if it died at any stage of any of its commits."""

    def commit(self, effects: Effects) -> None:
        sent = len(effects.outputs)
        for count in sorted({0, 1, sent} & set(range(sent + 1))):
            self.keep(effects.outputs[:count], [])
        for written in range(1, len(list(self.store.slices(effects))) + 1):
            self.keep(effects.outputs, list(range(written)), effects)
        super().commit(effects)

    def keep(self, sent: list[Output], written: list[int], effects: Effects | None = None) -> None:
        store = copy.deepcopy(self.store)
        for number, write in enumerate(store.slices(effects)) if effects else ():
            if number in written:
                write()
        self.left.append((store, [*self.outputs, *sent]))

    @property
    def left(self) -> list[tuple[Store, list[Output]]]:
        return self.__dict__.setdefault("_left", [])


def heirs(spec: Spec) -> Iterator[Worker]:
    """Workers that take over after each death, and live to the end of the story."""
    doomed = Doomed(spec, topics(spec, STORY))
    live(doomed)
    for store, outputs in doomed.left:
        yield live(Worker(spec, doomed.topics, store=store, outputs=outputs))


@pytest.mark.slow
@COMMITS
@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_wherever_it_dies_the_outcome_is_the_same(
    spec: Spec, enough: int, least: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unit, "ENOUGH", enough)
    whole = live(Worker(spec, topics(spec, STORY)))
    wanted = portrait(whole)
    assert whole.examples()
    deaths = 0
    for number, worker in enumerate(heirs(spec)):
        for topic in ("scores", "deadletter", "examples"):
            assert worker.unique(topic) == whole.unique(topic), (number, topic)
        assert portrait(worker) == wanted, number
        follows(worker.sent("examples"))
        deaths += 1
    assert deaths > least


def follows(examples: list[dict[str, Any]]) -> None:
    """An epoch's marker comes behind all of its examples."""
    closed, known = set[int](), set[str]()
    for record in examples:
        if record["kind"] == "epoch_end":
            closed.add(record["epoch"])
        elif record["id"] not in known:
            known.add(record["id"])
            assert record["epoch"] not in closed
    assert closed


def test_a_record_read_again_changes_nothing() -> None:
    worker = live(Worker(SPECS["eager"], topics(SPECS["eager"], STORY)))
    before, outputs = portrait(worker), len(worker.sent("scores"))
    worker.restart()
    worker.next, worker.arrived = [0, 0, 0], [-(2**62)] * 3
    assert portrait(live(worker)) == before
    assert len(worker.sent("scores")) == outputs
    assert len(worker.sent("deadletter")) == 2


def test_who_comes_after_a_sweep_is_not_scored_in_it_when_it_is_done_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A write breaks off when the newcomer is in the index, but the sweep is not yet over."""
    monkeypatch.setattr(unit, "ENOUGH", 10_000)
    story = [
        *(event("usage", 1 + i / 10, user, 1) for i, user in enumerate("abc")),
        *(event("usage", 21 + i / 10, user, 12) for i, user in enumerate("dxyz")),
        beat("billing", 30),
    ]
    whole = Worker(SPEC, topics(SPEC, story)).run()
    for written in range(1, 4):
        worker = Worker(SPEC, topics(SPEC, story), blow=Blow(1, slices=written))
        with contextlib.suppress(Crashed):
            worker.run()
        worker.blow = None
        worker.restart()
        assert worker.run().scores() == whole.scores()
