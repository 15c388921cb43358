"""Matured cuts become examples at the end of an epoch: both classes together, complete."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from models.engine.requests import ModelAt
from models.spec import Spec
from tests.models.engine.harness import Worker
from tests.models.engine.story import SPEC as STORY
from tests.models.engine.story import START, Item, S, beat, event, topics

SPEC = replace(STORY, learning=replace(STORY.learning, example_every=20 * S))
"""Every cut of every user is an example; horizon 40, outcomes here after 20, epochs of 30."""


def run(*items: Item, spec: Spec = SPEC) -> Worker:
    ordered = sorted(items, key=lambda item: item.stamp)
    return Worker(spec, topics(spec, ordered)).run()


def seconds(time: int) -> float:
    return (time - START) / S


def released(worker: Worker) -> dict[tuple[str, float], tuple[float, int]]:
    """User and cut to epoch and label."""
    return {
        (x["user"], seconds(x["time"])): (seconds(x["epoch"]), x["label"])
        for x in worker.examples().values()
    }


def heartbeats(until: int) -> list[Item]:
    return [beat("billing", t) for t in range(5, until, 5)]


def usage(until: int) -> list[Item]:
    """Usage of somebody, so that its watermark is 5 s behind."""
    return [event("usage", t, "z", t) for t in range(1, until, 3)]


def test_both_classes_of_a_cut_come_together_when_it_has_matured() -> None:
    worker = run(
        event("usage", 1, "a", 1),
        event("usage", 1, "b", 1),
        event("outcomes", 22, "a", 21, kind="churn"),
        *usage(200),
        *heartbeats(200),
    )
    found = released(worker)
    # T = 20: matured when the clock has passed 20 + 40 + 20, released at the end of that epoch
    assert found["a", 20] == (90, 1)
    assert found["b", 20] == found["z", 20] == (90, 0)
    assert found["b", 40] == (120, 0)
    epochs: dict[float, set[float]] = {}
    for (_, cut), (epoch, _) in found.items():
        epochs.setdefault(cut, set()).add(epoch)
    assert all(len(at) == 1 for at in epochs.values())


def test_a_cut_that_matures_at_the_end_of_an_epoch_belongs_to_it() -> None:
    spec = replace(SPEC, learning=replace(SPEC.learning, every=80 * S))
    worker = run(event("usage", 1, "a", 1), *usage(170), *heartbeats(170), spec=spec)
    assert released(worker)["a", 20] == (80, 0)
    assert released(worker)["a", 40] == (160, 0)


def test_an_examples_vector_is_completed_by_what_came_after_the_cut() -> None:
    late = event("usage", 26, "a", 19, n=7)
    worker = run(event("usage", 1, "a", 1, n=1), late, *usage(130), *heartbeats(130))
    (example,) = [x for x in worker.examples().values() if (x["user"], x["epoch"]) == at("a", 90)]
    assert example["vector"]["count"] == 1
    assert example["complete"]["count"] == 2
    assert example["complete"]["last"] == 7
    assert "billed" not in example["vector"]


def at(user: str, epoch: float) -> tuple[str, int]:
    return user, START + round(epoch * S)


def test_what_is_later_than_the_cut_never_gets_into_its_vector() -> None:
    later = [event("usage", 20 + t, "a", 20 + t, n=99) for t in (0.001, 5, 10, 30)]
    worker = run(event("usage", 1, "a", 1, n=1), *later, *usage(130), *heartbeats(130))
    (example,) = [x for x in worker.examples().values() if (x["user"], x["epoch"]) == at("a", 90)]
    for vector in (example["vector"], example["complete"]):
        assert (vector["count"], vector["max"], vector["last_seen"]) == (1, 1, 19)


def test_a_cut_waits_for_slow_sources_but_not_for_ever() -> None:
    # usage falls silent at 10: never complete through 20; complete_within = 20
    worker = run(*usage(10), *heartbeats(200))
    found = released(worker)
    assert found["z", 20] == (90, 0)  # 20 + 40 + 20
    patient = replace(SPEC, learning=replace(SPEC.learning, complete_within=65 * S))
    assert released(run(*usage(10), *heartbeats(200), spec=patient))["z", 20] == (150, 0)
    # and a source that is complete in time spares the wait
    both = released(run(*usage(200), *heartbeats(200), spec=patient))
    assert both["z", 20] == (90, 0)


def test_a_source_that_was_never_heard_of_does_not_hold_examples_back_for_ever() -> None:
    worker = run(*usage(200))
    assert released(worker)["z", 20] == (90, 0)


def test_no_example_without_the_label_sources_watermark() -> None:
    spec = replace(SPEC, labels=replace(SPEC.labels, sources=("billing", "outcomes")))
    assert released(run(*usage(400), spec=spec)) == {}
    assert released(run(*usage(400), *heartbeats(400), spec=spec))["z", 20] == (90, 0)


def test_an_example_says_what_was_known_and_said_at_the_cut() -> None:
    worker = run(event("usage", 1, "a", 1, n=1), *usage(130), *heartbeats(130))
    (example,) = [x for x in worker.examples().values() if (x["user"], x["epoch"]) == at("a", 90)]
    (score,) = [
        s for s in worker.sent("scores") if (s["user"], s["time"]) == ("a", "2020-01-06T00:00:20Z")
    ]
    assert example["probability"] == score["probability"]
    assert example["model_version"] == score["model"]["version"]
    assert example["weight"] == 1.0
    assert example["feature_set"] == score["feature_set"] == SPEC.feature_set
    for name, source in score["sources"].items():
        assert example["health"][name] == source["health"]
        assert example["treatment"][name] == source["treatment"]
    assert example["as_of"] == dict.fromkeys(score["sources"], at("a", 20)[1])


def test_every_partition_says_when_an_epoch_is_complete() -> None:
    worker = Worker(SPEC, topics(SPEC, [beat("billing", 5), beat("billing", 100)]))
    worker.partition, worker.partitions = 2, 3
    worker.restart()
    worker.run()
    markers: list[dict[str, Any]] = worker.sent("examples")
    assert [seconds(marker["epoch"]) for marker in markers] == [30, 60, 90]
    for marker in markers:
        assert (marker["partition"], marker["partitions"]) == (2, 3)
        assert marker["feature_set"] == SPEC.feature_set


def test_the_marker_is_out_before_anyone_waits_for_the_model_of_its_epoch() -> None:
    """Else worker and trainer wait for each other, where a batch spans more than an epoch."""

    class Waiting(Worker):
        def answer(self, request: Any) -> Any:
            if isinstance(request, ModelAt) and request.epoch is not None:
                told = [x["epoch"] for x in self.sent("examples") if x["kind"] == "epoch_end"]
                assert request.epoch in told
                asked.add(request.epoch)
            return super().answer(request)

    asked: set[int] = set()
    items = sorted([*usage(300), *heartbeats(300)], key=lambda item: item.stamp)
    Waiting(SPEC, topics(SPEC, items)).run()
    assert len(asked) > 5
