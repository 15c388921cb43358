"""What a batch learner would have said: LightGBM on the examples that the deployment learned.

The examples are read back from their topic: each has the vector as it was scored, the probability
that Ebbline gave, the completed vector, the label, and when it was learned. So LightGBM gets what
Ebbline got, no later and no earlier: it is fitted anew every 28 days on all that had matured.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from bench.learning.rows import Gatherer, Rows
from bench.learning.stage import Learner, Maker, prequential
from examples.common import metrics
from examples.common.evaluate import short
from examples.common.metrics import Bools, Floats
from models.spec import Spec
from schemas.examples import Example
from schemas.times import format_time

NAME = "LightGBM, 100 rounds, every 28 days"
HOW = "make .venv-learning/.pinned, then start this with .venv-learning/bin/python"


def installed() -> bool:
    """Whether there is a LightGBM to compare with."""
    return all(importlib.util.find_spec(name) for name in ("lightgbm", "sklearn"))


def lightgbm(spec: Spec, rows: Rows) -> Learner:
    """The anchor: the bench's LightGBM that nobody tuned."""
    from bench.learning.batch import Batch, StandardLightGBM

    family = StandardLightGBM()
    return Batch(spec, rows, family, family.settings(rows, rows))


def compare(
    spec: Spec, examples: Iterable[Example], warm_from: int, make: Maker = lightgbm
) -> dict[str, Any]:
    """AUC and log loss of both on the examples' cuts, with the cold start and without.

    warm_from: the cold start's end, microseconds. make: the learner to compare with.
    """
    once = {example.id: example for example in examples}
    gatherer = Gatherer(spec)
    for example in once.values():
        gatherer.keep(example)
    rows = gatherer.rows()
    rows = replace(rows, sampled=np.ones(len(rows), dtype=np.bool_))  # what is there was learned
    said = prequential(spec, rows, make(spec, rows))
    ours = _as_scored(rows, once.values())
    found = {"name": NAME, **_figures(rows, ours, said.probability, np.ones(len(rows), dtype=bool))}
    warm = _figures(rows, ours, said.probability, rows.time >= warm_from)
    return found | {"without_cold_start": {"from": format_time(warm_from), **warm}}


def _as_scored(rows: Rows, examples: Iterable[Example]) -> Floats:
    """Probabilities that Ebbline gave, in the order of the rows."""
    given = {(example.user, example.time): example.probability for example in examples}
    users = [rows.users[place] for place in rows.user.tolist()]
    return np.array([given[key] for key in zip(users, rows.time.tolist(), strict=True)])


def _figures(rows: Rows, ours: Floats, theirs: Floats, chosen: Bools) -> dict[str, Any]:
    labels = rows.label[chosen] == 1.0
    return {
        "rows": len(labels),
        "positives": int(labels.sum()),
        **{
            name: {
                "auc": short(metrics.auc(labels, said[chosen])),
                "log_loss": short(metrics.log_loss(labels, said[chosen])),
            }
            for name, said in (("ebbline", ours), ("anchor", theirs))
        },
    }
