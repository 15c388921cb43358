"""Which River models can be compiled, and how.

Those that ``models.learning.factory`` makes, exactly: another step in the pipeline, another
kind of leaf (``leaf_prediction`` ``nb`` and ``nba``), a nominal split or another loss is not
compiled, since nothing here knows what it would say.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from river import base, compose, forest, linear_model, optim, preprocessing, tree

from models.learning.anchored import Anchored
from models.learning.compiled.anchored import AnchoredForm
from models.learning.compiled.errors import NotCompilable
from models.learning.compiled.flattening import Flattener
from models.learning.compiled.forest import ForestForm
from models.learning.guard import Clip, FiniteOnly, SignedLog
from models.learning.linear import LinearForm
from models.learning.weighted_forest import WeightedForest


def compile_anchored(model: base.Classifier, features: Sequence[str]) -> AnchoredForm:
    """Compile an ``Anchored`` pipeline that works on these features. Raises NotCompilable."""
    if type(model) is not Anchored or type(model.classifier) is not compose.Pipeline:
        raise NotCompilable(f"a {type(model).__name__}")
    steps = tuple(model.classifier.steps.values())
    shape = tuple(type(step) for step in steps)
    if shape not in _SHAPES:
        raise NotCompilable(f"a pipeline of {', '.join(step.__name__ for step in shape)}")
    rate, trust = model._base.rate(), model._base.trust(model.patience)
    return AnchoredForm(rate, trust, _SHAPES[shape](steps, features))


def _logistic(steps: Sequence[Any], features: Sequence[str]) -> LinearForm:
    """SignedLog, StandardScaler, Clip, LogisticRegression. What is missing contributes 0."""
    _, log, scaler, clip, regression = steps
    if type(regression.loss) is not optim.losses.Log:
        raise NotCompilable(f"the loss {type(regression.loss).__name__}")
    variance = np.array([scaler.vars.get(name, 0.0) for name in features])
    mean = np.array([scaler.means.get(name, 0.0) for name in features])
    if not (np.isfinite(variance) & np.isfinite(mean)).all():
        raise NotCompilable("a scaler that has seen too large values")
    weights = np.array([regression.weights.get(name, 0.0) for name in features])
    return LinearForm(
        intercept=regression.intercept,
        weights=np.where(variance > 0.0, weights, 0.0),
        known=np.zeros(len(features)),
        unknown=np.zeros(len(features)),
        mean=mean,
        scale=np.where(variance > 0.0, np.sqrt(variance), 1.0),
        logged=np.array([name not in (log.raw or ()) for name in features], dtype=bool),
        limit=clip.limit,
    )


def _adaptive_tree(steps: Sequence[Any], features: Sequence[str]) -> ForestForm | None:
    """One tree; None while it has not heard of the positive class."""
    return _trees([steps[-1]], [1.0], features)


def _forest(steps: Sequence[Any], features: Sequence[str]) -> ForestForm | None:
    """Trees that vote with the weight of their running metric (1 while that is 0, as in River).

    Trees that grow in the background don't vote.
    """
    model: Any = steps[-1]
    metrics = [metric.get() for metric in model._metrics]
    weights = [1.0 if model.disable_weighted_vote or m <= 0.0 else m for m in metrics]
    return _trees(list(model), weights, features)


def _trees(
    trees: Sequence[Any], weights: Sequence[float], features: Sequence[str]
) -> ForestForm | None:
    flattener = Flattener(features)
    for each, weight in zip(trees, weights, strict=False):  # a forest begins without trees
        flattener.add(each, weight)
    return flattener.form() if any(True in each.classes for each in trees) else None


_SHAPES: dict[tuple[type, ...], Callable[..., ForestForm | LinearForm | None]] = {
    (
        FiniteOnly,
        SignedLog,
        preprocessing.StandardScaler,
        Clip,
        linear_model.LogisticRegression,
    ): _logistic,
    (FiniteOnly, tree.HoeffdingAdaptiveTreeClassifier): _adaptive_tree,
    (FiniteOnly, WeightedForest): _forest,
    (FiniteOnly, forest.ARFClassifier): _forest,
}
