"""The comparison with a batch learner: from the examples' topic, on the same rows."""

from __future__ import annotations

import numpy as np
import pytest

from bench.learning.rules import BaseRate
from examples.cdnow.study import CONFIG
from examples.common import anchor
from examples.common.metrics import auc, log_loss
from schemas.examples import Example
from schemas.times import DAY, parse_time
from streams.config import load_config

SPEC = load_config(CONFIG).spec
BEGIN = parse_time("1997-01-08T00:00:00Z")


def example(user: int, cut: int, label: int, probability: float) -> Example:
    time = BEGIN + cut * 28 * DAY
    return Example(
        id=f"{user}-{time}",
        app=SPEC.app,
        user=f"u{user}",
        partition=0,
        time=time,
        epoch=time + SPEC.labels.horizon + 7 * DAY,
        label=label,
        weight=1.0,
        vector={},
        complete={},
        as_of={},
        health={},
        treatment={},
        probability=probability,
        model_version=1,
        feature_set=SPEC.feature_set,
    )


def test_both_are_judged_on_the_rows_as_they_were_scored() -> None:
    rng = np.random.default_rng(1)
    examples = [
        example(user, cut, int(rng.random() < 0.7), float(rng.random()))
        for cut in range(12)
        for user in range(30)
    ]
    mixed = [examples[i] for i in rng.permutation(len(examples))]
    warm_from = BEGIN + 6 * 28 * DAY
    found = anchor.compare(SPEC, [*mixed, *mixed[:50]], warm_from, BaseRate)
    for figures, first in ((found, 0), (found["without_cold_start"], 6)):
        chosen = [e for e in examples if e.time >= BEGIN + first * 28 * DAY]
        labels = np.array([e.label == 1 for e in chosen])
        ours = np.array([e.probability for e in chosen])
        assert figures["rows"] == len(chosen)
        assert figures["positives"] == labels.sum()
        assert figures["ebbline"]["auc"] == pytest.approx(auc(labels, ours), abs=1e-6)
        assert figures["ebbline"]["log_loss"] == pytest.approx(log_loss(labels, ours), abs=1e-6)
    rates = []
    for e in sorted(examples, key=lambda e: e.time):
        past = [o for o in examples if o.epoch + SPEC.learning.activation_delay <= e.time]
        known = [sum(o.label for o in past) + 100 * SPEC.model.prior, len(past) + 100.0]
        rates.append(known[0] / known[1])
    labels = np.array([e.label == 1 for e in sorted(examples, key=lambda e: e.time)])
    expected = log_loss(labels, np.array(rates))
    assert found["anchor"]["log_loss"] == pytest.approx(expected, abs=1e-6)
