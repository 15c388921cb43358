"""How much faster compiled scoring is than River's own, and that both say the same.

``python bench/scoring.py [--json FILE]``: one batch of rows for each kind of model, scored by the
compiled arrays and, row by row, by ``predict_proba_one`` of River's part of the model alone (scaler
and regression, the tree, the forest; ``mixture``, ``logistic`` and ``boosted`` are not River's:
their own method), on dicts made beforehand; by turns, in CPU time of this process. What guards
River from bad values is in the compiled time, not in River's. Beside them what the policies cost
that treat a stale source in the model: ``degrade`` (averaged) and ``nowcast``, of a third of the
features, and all three together against the values alone. Takes about two minutes, most of it
learning.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import orjson
from river import base, compose

from models.learning.anchored import Anchored
from models.learning.compiled.anchored import AnchoredForm
from models.learning.compiled.forest import ForestForm
from models.learning.compiled.mixture import MixtureForm
from models.learning.compiled.oblivious import ObliviousForm
from models.learning.compiling import compile_model
from models.learning.factory import KINDS, Model, make_model
from models.learning.guard import Clip, FiniteOnly, SignedLog
from models.learning.numerics import Floats
from models.learning.payload import pack, unpack_head
from models.learning.scorer import as_dicts
from models.spec import FeatureSpec, ModelSpec
from models.staleness.belief import Belief

FEATURES = tuple(
    FeatureSpec(f"{agg}_{days}d", agg, "usage", window=days * 86_400_000_000)
    for days in (1, 7, 14, 28)
    for agg in ("count", "sum", "mean", "max", "std")
)
NAMES = tuple(feature.name for feature in FEATURES)
HEADER = """\
| model | nodes | River, µs a row | compiled, µs a row | ratio (spread) | compile, ms | head, KiB \
| load, ms | degrade, µs a row | nowcast, µs a row | all ÷ compiled |
|---|---|---|---|---|---|---|---|---|---|---|"""
LEAST_SECONDS = 0.05
"""What is quicker than this is measured over several calls."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one kind: µs a row, each run; ms to compile; bytes that a scorer loads, ms to load.

    nodes: of all trees, 0 for linear models. degrade_us, nowcast_us: µs a row, each run.
    """

    river_us: list[float]
    compiled_us: list[float]
    compile_ms: float
    head_bytes: int
    load_ms: float
    nodes: int
    degrade_us: list[float]
    nowcast_us: list[float]

    @property
    def policies(self) -> float:
        """Time of the values alone, ``degrade`` and ``nowcast`` together, over the first's."""
        own, *others = map(median, (self.compiled_us, self.degrade_us, self.nowcast_us))
        return 1.0 + sum(others) / own

    @property
    def ratios(self) -> list[float]:
        """River's time over the compiled one's, run by run."""
        return [river / ours for river, ours in zip(self.river_us, self.compiled_us, strict=True)]


def churn_stream(rng: np.random.Generator, rows: int) -> tuple[Floats, Floats]:
    """Vectors (rows, 20) with heavy tails, 5 % unknown, and labels, about a fifth of them churn."""
    activity = rng.lognormal(1.0, 1.0, (rows, 1))
    matrix = activity * rng.lognormal(0.0, 0.8, (rows, len(NAMES)))
    ended = np.where(matrix[:, 7] < 2.0, 1.0, 0.0)
    logits = -1.0 - 1.2 * np.log(activity[:, 0]) + ended * np.log1p(matrix[:, 3])
    labels = (rng.random(rows) < 1.0 / (1.0 + np.exp(-logits))).astype(float)
    matrix[rng.random(matrix.shape) < 0.05] = np.nan
    return matrix, labels


def trained(kind: str, matrix: Floats, labels: Floats) -> Model:
    """A model of that kind as the factory makes it, taught all rows."""
    model = make_model(ModelSpec(kind=kind), FEATURES)
    for row, label in zip(as_dicts(NAMES, matrix), labels.tolist(), strict=True):
        model.learn_one(row, bool(label))
    return model


def compare(model: Model, matrix: Floats, repeats: int) -> Figures:
    """Time both on the same rows, by turns. Fails if they differ or nothing was compiled."""
    compile_s = seconds(lambda: compile_model(model, NAMES, version=1, valid_from=0))
    head = pack(compile_model(model, NAMES, version=1, valid_from=0), None)
    form = unpack_head(head).model
    assert not isinstance(form, base.Classifier), "not compiled"
    expected = [model.predict_proba_one(row)[True] for row in as_dicts(NAMES, matrix)]
    np.testing.assert_allclose(form.probabilities(matrix), expected, rtol=0.0, atol=1e-9)
    river, rows = bare(model, matrix)

    def row_by_row() -> None:
        for row in rows:
            river.predict_proba_one(row)

    belief = stale(matrix)
    timed: list[Callable[[], object]] = [
        row_by_row,
        lambda: form.probabilities(matrix),
        lambda: form.marginal(matrix, belief.uncertain),
        lambda: form.expected(matrix, belief),
    ]
    turns = [[seconds(call) for call in timed] for _ in range(repeats)]
    river_us, compiled_us, degrade_us, nowcast_us = (
        [1e6 * taken / len(matrix) for taken in side] for side in zip(*turns, strict=True)
    )
    return Figures(
        river_us,
        compiled_us,
        1e3 * compile_s,
        len(head),
        1e3 * seconds(lambda: unpack_head(head)),
        nodes_of(form),
        degrade_us,
        nowcast_us,
    )


def stale(matrix: Floats) -> Belief:
    """Beliefs about the first third of the features, half as wide as the prior."""
    columns = np.arange(len(NAMES)) < len(NAMES) // 3
    logs = np.log1p(matrix)
    return Belief(
        uncertain=np.broadcast_to(columns, matrix.shape),
        mean=matrix,
        variance=np.broadcast_to(0.25 * np.nanvar(logs, axis=0), matrix.shape),
        prior_mean=np.expm1(np.nanmean(logs, axis=0)),
        prior_variance=np.nanvar(logs, axis=0),
        logged=np.ones(len(NAMES), dtype=np.bool_),
        absent=np.zeros(matrix.shape),
        prior_absent=np.isnan(matrix).mean(axis=0),
    )


def nodes_of(form: Any) -> int:
    """Nodes of all trees, leaves included."""
    if isinstance(form, MixtureForm):
        return sum(nodes_of(member) for member in form.members)
    if isinstance(form, ObliviousForm):
        trees, leaves = form.values.shape
        return int(trees * (2 * leaves - 1))
    own = form.own if isinstance(form, AnchoredForm) else None
    return len(own.nodes.weight) if isinstance(own, ForestForm) else 0


def bare(model: Model, matrix: Floats) -> tuple[Any, list[dict[Any, Any]]]:
    """River's part of the model, and the rows as they reach it."""
    rows = as_dicts(NAMES, matrix)
    if not isinstance(model, Anchored):
        return model, rows
    assert isinstance(model.classifier, compose.Pipeline)
    steps = list(model.classifier.steps.values())
    theirs = [step for step in steps if not isinstance(step, FiniteOnly | SignedLog | Clip)]
    for guard in steps[: steps.index(theirs[0])]:
        rows = [guard.transform_one(row) for row in rows]
    return theirs[0] if len(theirs) == 1 else compose.Pipeline(*theirs), rows


def seconds(call: Callable[[], object]) -> float:
    """CPU seconds of a call, the mean of as many as it takes to measure them."""
    calls, taken = 0, 0.0
    begun = time.process_time()
    while taken < LEAST_SECONDS:
        call()
        calls, taken = calls + 1, time.process_time() - begun
    return taken / calls


def line(kind: str, figures: Figures) -> str:
    """A row of the table: medians, and the ratio's spread."""
    low, middle, high = (pick(figures.ratios) for pick in (min, median, max))
    return (
        f"| {kind} | {figures.nodes} | {median(figures.river_us):.1f} "
        f"| {median(figures.compiled_us):.2f} | {middle:.0f} ({low:.0f}–{high:.0f}) "
        f"| {figures.compile_ms:.1f} | {figures.head_bytes / 1024:.1f} | {figures.load_ms:.2f} "
        f"| {median(figures.degrade_us):.2f} | {median(figures.nowcast_us):.2f} "
        f"| {figures.policies:.1f} |"
    )


def main() -> None:
    """Print the table; write the ratios for each kind where asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the ratios (medians) to this file")
    parser.add_argument("--examples", type=int, default=20_000, help="examples learned")
    parser.add_argument("--rows", type=int, default=2_000, help="rows of a batch")
    parser.add_argument("--repeats", type=int, default=7, help="runs of each, by turns")
    options = parser.parse_args()
    rng = np.random.default_rng(4)
    taught, labels = churn_stream(rng, options.examples)
    batch, _ = churn_stream(rng, options.rows)
    print(HEADER, flush=True)
    ratios, policies = {}, {}
    for kind in KINDS:
        figures = compare(trained(kind, taught, labels), batch, options.repeats)
        ratios[kind] = round(median(figures.ratios), 1)
        policies[kind] = round(figures.policies, 1)
        print(line(kind, figures), flush=True)
    if options.json:
        found = {"compiled_over_river": ratios, "policies_over_latest": policies}
        content = orjson.dumps(found, option=orjson.OPT_INDENT_2)
        options.json.write_bytes(content)


if __name__ == "__main__":
    main()
