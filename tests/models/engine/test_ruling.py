"""Verdicts take effect at their own place: what is before them never saw them, a replay repeats."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.engine import sweeps
from models.spec import Spec
from schemas.verdicts import VERDICT_HEADER, Verdict, encode_verdict
from tests.models.engine.harness import Worker
from tests.models.engine.histories import examples, histories
from tests.models.engine.portrait import portrait
from tests.models.engine.story import EAGER, SPEC, START, Item, S, at, beat, event, micros, topics

ORDER = ("usage", "billing", "outcomes")


def ruled(arrival: float, action: str, source: str = "usage", **more: Any) -> Item:
    """A verdict that arrives at START + arrival seconds; its times in seconds too."""
    times = {name: at(more.pop(name)) for name in ("begin", "until", "valid_from") if name in more}
    verdict = Verdict(**{"id": f"{arrival}", "source": source, "action": action} | more | times)
    raw = encode_verdict(verdict)
    return Item(source, at(arrival), None, raw=raw, headers=((VERDICT_HEADER, b"1"),))


def as_ofs(worker: Worker) -> dict[float, float | None]:
    """Time of each score of user a, and as of when usage was read there; seconds from START."""
    found = {}
    for score in worker.sent("scores"):
        if score["user"] == "a":
            known = micros(score["sources"]["usage"]["as_of"])
            time = micros(score["time"]) or 0
            found[(time - START) / S] = None if known is None else (known - START) / S
    return found


STEADY = [event("usage", t, "a", t, n=t) for t in range(1, 100)]
"""A watermark 5 s behind; cuts at 20, 40, 60, 80."""


def lived(*verdicts: Item) -> dict[float, float | None]:
    items = sorted([*STEADY, *verdicts], key=lambda item: item.stamp)
    return as_ofs(Worker(SPEC, topics(SPEC, items)).run())


def test_features_stop_at_the_begin_and_go_on_when_it_is_cleared() -> None:
    undisturbed = lived()
    assert undisturbed == {20: 20, 40: 40, 60: 60, 80: 80}
    found = lived(ruled(45, "corrupt", begin=30), ruled(75, "clear"))
    assert found == {20: 20, 40: 40, 60: 30, 80: 80}


def test_it_holds_from_the_clock_that_it_names() -> None:
    late = lived(ruled(45, "corrupt", begin=30, valid_from=61))
    assert late == {20: 20, 40: 40, 60: 60, 80: 30}
    just = lived(ruled(45, "corrupt", begin=30, valid_from=60))
    assert just == {20: 20, 40: 40, 60: 30, 80: 30}


def test_a_verdict_about_another_source_changes_nothing_here() -> None:
    assert lived(ruled(45, "corrupt", source="billing", begin=30)) == lived()


def test_a_verdict_about_no_known_source_is_a_dead_letter() -> None:
    stray = ruled(45, "corrupt", begin=30)
    value = (stray.raw or b"").replace(b'"usage"', b'"urage"')
    items = [*STEADY[:50], Item("usage", at(51), None, raw=value, headers=stray.headers)]
    worker = Worker(SPEC, topics(SPEC, items)).run()
    (letter,) = worker.sent("deadletter")
    assert letter["reason"] == "bad-verdict"
    assert "there is no source 'urage'; known: usage" in letter["message"]


@pytest.mark.slow
@pytest.mark.parametrize("spec", [SPEC, EAGER], ids=["scheduled", "eager"])
@examples(5)
@given(histories(), st.data(), st.integers(0, 2**32))
def test_pieces_and_crashes_change_nothing(
    spec: Spec, items: list[Item], data: st.DataObject, seed: int
) -> None:
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(items) - 1))
        now = (items[place].stamp - START) / S
        verdict = ruled(
            now,
            data.draw(st.sampled_from(["corrupt", "clear", "accept", "reject"])),
            data.draw(st.sampled_from(ORDER)),
            begin=now - data.draw(st.integers(-20, 60)),
            valid_from=now + data.draw(st.integers(-10, 40)),
        )
        items.insert(place, verdict)
    items.sort(key=lambda item: (item.stamp, ORDER.index(item.source)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sweeps, "SLICE", 2)
        whole = Worker(spec, topics(spec, items)).run()
        pieces = Worker(spec, topics(spec, items)).run_in_pieces(random.Random(seed), crash=0.2)
    for topic in ("scores", "deadletter", "examples"):
        assert whole.unique(topic) == pieces.unique(topic)
    assert portrait(whole) == portrait(pieces)


def test_the_gate_of_a_silent_source_waits_in_the_record() -> None:
    items = [beat("billing", 1), ruled(2, "corrupt", begin=1, valid_from=500)]
    worker = Worker(SPEC, topics(SPEC, items)).run()
    assert [one.valid_from for one in worker.engine.state.verdicts] == [at(500)]
    assert worker.engine.state.sources[0].corrupt.known == []
