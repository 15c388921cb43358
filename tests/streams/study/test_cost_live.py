"""What is missing costs what it told: from the examples of a deployment, learned again."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from models.learning.costs import told_of
from models.learning.trainer import Trainer
from models.spec import ModelSpec, PolicySpec
from schemas.examples import Example
from schemas.sources import CostOfLag
from schemas.times import DAY, HOUR
from streams.demo.simtime import START
from streams.study.bill import Bill
from streams.study.curves import picture
from streams.study.pairs import TooFewCuts
from streams.study.relived import relive
from streams.study.variants import Variant, variants
from streams.study.worlds import specification

SPEC = replace(specification(), model=ModelSpec(kind="logistic", prior=0.3))
NAMES = [feature.name for feature in SPEC.features]


def examples(epochs: int = 8, users: int = 80) -> dict[int, list[Example]]:
    """Users who use it little leave; nothing else tells anything."""
    rng, found = np.random.default_rng(7), dict[int, list[Example]]()
    for number in range(epochs):
        end = START + (number + 1) * DAY
        values = rng.poisson(6.0, (users, len(NAMES))).astype(float)
        leaves = rng.random(users) < 1 / (1 + np.exp(values[:, NAMES.index("sessions_7d")] - 4.5))
        found[end] = [
            Example(
                id=f"{number}-{n}",
                app=SPEC.app,
                user=f"u{n}",
                partition=0,
                time=end - DAY,
                epoch=end,
                label=int(leaves[n]),
                weight=1.0,
                vector=dict(zip(NAMES, values[n].tolist(), strict=True)),
                complete=dict(zip(NAMES, values[n].tolist(), strict=True)),
                as_of={},
                health={},
                treatment={},
                probability=0.3,
                model_version=0,
                feature_set=SPEC.feature_set,
            )
            for n in range(users)
        ]
    return found


def test_the_source_that_tells_something_is_the_one_to_mend() -> None:
    pairs = relive(SPEC, examples(), variants(SPEC, (), features=True))
    assert len(pairs) == 7 * 80, "the first epoch was scored by the prior"
    costs = pairs.costs(0.5)
    usage, support = (costs[Variant(name, None, None)] for name in ("usage", "support"))
    assert usage.proven
    assert usage.auc.low > 0.1
    assert not support.proven
    feature = costs[Variant("usage", "sessions_7d", None)]
    assert feature.log_loss.middle == pytest.approx(usage.log_loss.middle, rel=0.3)
    churned = int(pairs.label.sum())
    bill = Bill(costs, len(pairs), churned, pairs.days, pairs.monthly, saved=50.0, threshold=0.5)
    assert next(bill.advice()).startswith("mend usage first: missing it costs")
    assert bill.document()["costs"]["usage"]["missing"]["money_a_month"][1] == pytest.approx(
        usage.missed.middle * 50.0 * bill.monthly
    )
    drawn = picture(bill, "x")
    assert "missing" in drawn
    labels = re.findall(r'y="([0-9.]+)" fill="#[0-9a-f]+">(?:usage|billing|support)<', drawn)
    heights = sorted(map(float, labels))
    assert len(heights) == 3
    assert all(b - a > 14 for a, b in pairwise(heights)), "no label lies on another"
    assert len(list(bill.tables())) > 3


def lagged(one: Example, number: int) -> Example:
    """Usage as of a lag tells nothing: all look alike."""
    lag, bound = ((36, 48), (72, 96), (144, 192))[number % 3]
    own = {f.name: 6.0 for f in SPEC.features if f.source == "usage"}
    return replace(
        one,
        complete_as_of={source.name: one.time for source in SPEC.sources},
        lagged={"usage": {str(lag * HOUR): own}},
        paired=(lag * HOUR, bound * HOUR),
    )


def test_what_is_late_costs_what_the_older_values_do_not_tell() -> None:
    spec = replace(SPEC, policy=PolicySpec("latest", longest_lag=8 * DAY))
    told = {
        epoch: [lagged(one, number) for number, one in enumerate(found)]
        for epoch, found in examples(7, 90).items()
    }
    pairs = relive(spec, told, variants(spec, (), features=True))
    costs = pairs.costs(0.5)
    late = [v for v in costs if v.lag is not None and v.feature is None]
    assert [(v.source, v.how) for v in late] == [("usage", "2d"), ("usage", "4d"), ("usage", "8d")]
    missing = costs[Variant("usage", None, None)]
    for variant in late:
        whole = costs[variant].log_loss
        assert whole.low > 0
        assert whole.middle == pytest.approx(missing.log_loss.middle, rel=0.5)
        assert int((~np.isnan(pairs.late[variant])).sum()) == 6 * 30
        alone, other = (
            costs[Variant("usage", name, variant.lag)] for name in ("sessions_7d", "minutes_7d")
        )
        assert alone.log_loss.middle == pytest.approx(whole.middle, rel=0.4)
        assert abs(other.log_loss.middle) < alone.log_loss.middle / 5
    assert not [v for v in costs if v.source == "billing" and v.lag is not None]


def test_the_trainer_tells_the_same_as_it_goes() -> None:
    spec = replace(SPEC, policy=PolicySpec("latest", longest_lag=8 * DAY))
    told = {
        epoch: [lagged(one, number) for number, one in enumerate(found)]
        for epoch, found in examples(19, 90).items()
    }
    pairs = relive(spec, told, variants(spec, (), features=False))
    asked = [epoch - DAY for epoch in sorted(told)[1::3]]
    wanted = pairs.part(np.isin(pairs.time, asked)).costs(0.5)
    trainer = Trainer(spec)
    *_, last = [trainer.learn_epoch(epoch, told[epoch], 0) for epoch in sorted(told)]
    found = last.metrics.costs
    assert [one.up_to_s for one in found["usage"].late] == [2 * 86_400, 4 * 86_400, 8 * 86_400]
    for one in found["usage"].late:
        said = wanted[Variant("usage", None, int(one.up_to_s * 1e6))].log_loss
        assert one.log_loss == pytest.approx(said.middle, rel=0.05), "old examples fade"
        assert one.error == pytest.approx((said.high - said.low) / (2 * 1.96), rel=0.5)
        assert one.examples == pytest.approx(6 * 30, rel=0.05)
    assert found["billing"].late == ()
    missing, late = told_of(last.manifest.metrics, "usage")
    assert missing == found["usage"].log_loss
    assert late == [CostOfLag(one.up_to_s, one.log_loss) for one in found["usage"].late]
    assert told_of(last.manifest.metrics, "billing") == (found["billing"].log_loss, [])
    assert told_of({}, "usage") == (None, [])


def test_of_a_few_cuts_no_cost_is_told() -> None:
    told = {
        epoch: [lagged(one, 0) if number == 0 else one for number, one in enumerate(found)]
        for epoch, found in examples(3, 50).items()
    }
    costs = relive(SPEC, told, variants(SPEC, (), features=False)).costs(0.5)
    assert [variant for variant in costs if variant.lag is not None] == []


def test_one_outcome_alone_tells_no_cost() -> None:
    alike = {
        epoch: [replace(one, label=0) for one in found] for epoch, found in examples(3, 10).items()
    }
    with pytest.raises(TooFewCuts, match="churners and others"):
        relive(SPEC, alike, variants(SPEC, (), features=False))


def test_what_is_not_learned_costs_nothing() -> None:
    told = examples(4, 60)
    wrong: list[dict[str, Any]] = [
        {"corrupt": ["usage"]},
        {"label": 2},
        {"weight": 0.0},
        {"health": {"usage": "corrupt"}},
    ]
    mixed = {
        epoch: found
        + [
            replace(one, id=f"wrong {one.id}", complete=dict.fromkeys(NAMES, 1e3), **why)
            for one, why in zip(found, wrong * 15, strict=True)
        ]
        for epoch, found in told.items()
    }
    mixed[max(mixed) + DAY] = [
        replace(told[min(told)][0], corrupt=["usage"], epoch=max(mixed) + DAY)
    ]
    every = variants(SPEC, (), features=False)
    clean, found = relive(SPEC, told, every), relive(SPEC, mixed, every)
    assert len(found) == len(clean) == 3 * 60
    assert found.costs(0.5) == clean.costs(0.5)


def test_who_stands_for_several_counts_as_several() -> None:
    every = variants(SPEC, (), features=False)
    told = {
        epoch: [replace(one, weight=1.0 if one.label else 4.0) for one in found]
        for epoch, found in examples(6, 400).items()
    }
    pairs, usage = relive(SPEC, told, every), Variant("usage", None, None)
    assert pairs.weight.tolist() == np.where(pairs.label == 1, 1.0, 4.0).tolist()
    whole = replace(pairs, weight=np.ones(len(pairs)))
    chosen = (pairs.label == 1) | (np.arange(len(pairs)) % 4 == 0)
    wanted, found, enriched = (
        one.costs(0.5)[usage] for one in (whole, pairs.part(chosen), whole.part(chosen))
    )
    assert found.log_loss.middle == pytest.approx(wanted.log_loss.middle, rel=0.05)
    assert found.more == pytest.approx(wanted.more, rel=0.1)
    assert enriched.more != pytest.approx(wanted.more, rel=0.2)
    assert found.auc.middle == pytest.approx(wanted.auc.middle, rel=0.05)
    assert found.log_loss.high < enriched.log_loss.middle
