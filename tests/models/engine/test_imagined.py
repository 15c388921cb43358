"""Examples asked as if a source were late, against looks at the same users as of then."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from models.engine.imagined import if_late
from models.engine.looking import look
from models.engine.weighing import score
from models.spec import POLICIES, PolicySpec, Spec
from models.staleness.ages import bucket_of
from models.staleness.health import FRESH, STALLED
from schemas.codec import decode
from schemas.examples import Example
from tests.models.engine.harness import Worker
from tests.models.engine.knowing import with_policy, worker
from tests.models.engine.story import SPEC, S, at, beat, event

SOURCES = ("usage", "billing")


def patient(policy: str, **own: str) -> Spec:
    spec = with_policy(SPEC, policy, **own)
    return replace(spec, policy=PolicySpec(spec.policy.default, longest_lag=80 * S))


SPECS = {name: patient(name) for name in (*POLICIES, "learned")}
SPECS["own"] = patient("learned", billing="nowcast")


@cache
def lived() -> Worker:
    """A history in which nothing is late, short enough for its panes to be there in the end."""
    items = []
    for second in range(2, 240, 4):
        user = f"u{second // 4 % 7}"
        items.append(event("usage", second, user, second, n=second % 7, k="quiz"))
        items.append(event("billing", second, user, second, n=second % 11, b=True))
        items.append(beat("billing", second))
    return worker(SPECS["learned"], items).run()


def scorer() -> Any:
    found = lived().models.in_force(at(300))
    assert found.version > 0, "a prior has no opinions"
    return found


def examples_of(found: Worker) -> list[Example]:
    sent = (
        o.value for o in found.outputs if o.topic == "examples" and b'"kind":"example"' in o.value
    )
    return list({one.id: one for one in (decode(Example, value) for value in sent)}.values())


def with_the_drawn_lag_alone(one: Example) -> Example:
    """As it would be if no model had its lag, when the example was made."""
    if one.paired is None:
        return one
    drawn = str(one.paired[0])
    lagged = {name: {drawn: of[drawn]} for name, of in one.lagged.items() if drawn in of}
    return replace(one, lagged=lagged)


@pytest.mark.parametrize("carried_alone", [False, True])
@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_it_is_what_a_look_at_them_would_have_said(
    spec: Spec, source: str, carried_alone: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = lived()
    told = examples_of(found)
    if carried_alone:
        told = [with_the_drawn_lag_alone(one) for one in told]
    slab, model, s = found.engine.slab, scorer(), spec.source_index(source)
    monkeypatch.setattr(slab, "spec", spec)
    imagined = if_late(spec, model, told, source)
    assert len(imagined.said) > 5
    for i, bucket, said in zip(
        imagined.index.tolist(), imagined.bucket.tolist(), imagined.said.tolist(), strict=True
    ):
        one = told[i]
        assert one.paired is not None
        lag = one.paired[0]
        marks = np.full((1, len(spec.sources)), one.time)
        marks[0, s] = one.time - lag
        health = np.full(marks.shape, FRESH, dtype=np.uint8)
        health[0, s] = STALLED
        times, rows = np.array([one.time]), slab.row_of([one.user])
        carried = {(source, int(text)) for text in one.lagged[source]}
        policies = model.policies
        assert policies is not None
        lagged = tuple(
            form for form in policies.lagged if all((n, x) in carried for n, x in form.lags)
        )
        knows = replace(model, policies=replace(policies, lagged=lagged))
        real = look(slab, rows, times, marks, health, knows.policies)
        wanted = score(spec, [real], knows).probability[0]
        assert said == pytest.approx(wanted, rel=1e-12)
        assert bucket == bucket_of(spec, np.array(lag))


def test_what_would_not_count_as_late_is_left_out() -> None:
    spec = SPECS["learned"]
    usage = replace(spec.sources[0], stale_after=45 * S)
    strict = replace(spec, sources=(usage, *spec.sources[1:]))
    told = examples_of(lived())
    found = if_late(strict, scorer(), told, "usage")
    lags = [one.paired[0] for one in told if one.paired is not None]
    assert 0 < len(found.index) < len(told)
    assert {lags[i] for i in found.index.tolist()} == {lag for lag in lags if lag > 45 * S}


def test_examples_that_carry_nothing_tell_nothing() -> None:
    found = lived()
    bare = [replace(one, lagged={}, paired=None) for one in examples_of(found)]
    assert len(if_late(SPECS["learned"], scorer(), bare, "usage").said) == 0
