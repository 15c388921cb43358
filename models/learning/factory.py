"""From the configuration's ``[model]`` to a River classifier that is safe to feed."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from river import base, compose, drift, linear_model, optim, preprocessing, tree

from models.aggregates import LINEAR
from models.learning.anchored import Anchored
from models.learning.boosted import BoostedTrees
from models.learning.forgetting import ForgettingLogistic
from models.learning.guard import Clip, FiniteOnly, SignedLog
from models.learning.mixture import Mixture
from models.learning.numerics import logit
from models.learning.refitted import RefittedLogistic
from models.learning.replay_logistic import ReplayLogistic
from models.learning.weighted_forest import WeightedForest
from models.spec import FeatureSpec, MemberSpec, ModelSpec

Model = ReplayLogistic | RefittedLogistic | ForgettingLogistic | BoostedTrees | Mixture | Anchored
"""A classifier whose ``learn_one`` takes a weight, and anything as a value."""

Maker = Callable[..., Model]


class ModelSpecError(ValueError):
    """The configuration asks for a model that cannot be made."""


def make_model(spec: ModelSpec, features: Sequence[FeatureSpec]) -> Model:
    """Make the untrained classifier, ready for whatever values come: NaN, None, extremes.

    kinds: ``mixture`` (of ``spec.members``), ``logistic`` (replay), ``boosted`` (trees, replay),
    ``refitted`` (a logistic regression fitted to a sample of history), ``forgetting`` (one on the
    latest examples),
    ``river_logistic`` (plain online learning), ``hat`` (Hoeffding adaptive tree), ``arf``
    (adaptive random forest, tuned), or the import path of a River classifier,
    ``package.module:Class``. ``spec.params`` go to the estimator. Raises ModelSpecError.
    """
    if spec.members and spec.kind != "mixture":
        raise ModelSpecError(f"[model] kind {spec.kind!r} has no members: only a mixture has")
    maker = _imported if ":" in spec.kind else MAKERS.get(spec.kind)
    if maker is None:
        raise ModelSpecError(_unknown_kind(spec.kind))
    try:
        return maker(spec, features, **dict(spec.params))
    except TypeError as error:
        raise ModelSpecError(f"[model] params do not fit kind {spec.kind!r}: {error}") from error


def _mixture(spec: ModelSpec, features: Sequence[FeatureSpec], **params: Any) -> Model:
    members = spec.members or DEFAULT_MEMBERS
    models = tuple(
        make_model(replace(spec, kind=member.kind, params=member.params, members=()), features)
        for member in members
    )
    weights = tuple(member.weight for member in members)
    return Mixture(models, weights, features=_names(features), prior=spec.prior, **params)


def _boosted(spec: ModelSpec, features: Sequence[FeatureSpec], **params: Any) -> Model:
    settings: dict[str, Any] = {"prior": spec.prior, "seed": spec.seed} | params
    return BoostedTrees(features=_names(features), **settings)


def _imported(spec: ModelSpec, _: Sequence[FeatureSpec], **params: Any) -> Model:
    module, _colon, name = spec.kind.partition(":")
    try:
        made = getattr(importlib.import_module(module), name)(**params)
    except (ImportError, AttributeError) as error:
        raise ModelSpecError(
            f"[model] kind {spec.kind!r} cannot be imported ({error}): "
            "write package.module:Class of something that is installed here"
        ) from error
    if not isinstance(made, base.Classifier | compose.Pipeline):
        raise ModelSpecError(
            f"[model] kind {spec.kind!r} is a {type(made).__name__}, no River classifier"
        )
    return Anchored(FiniteOnly() | made, prior=spec.prior)


def _names(features: Sequence[FeatureSpec]) -> tuple[str, ...] | None:
    return tuple(feature.name for feature in features) or None


def _logistic(spec: ModelSpec, features: Sequence[FeatureSpec], **params: Any) -> Model:
    settings: dict[str, Any] = {"prior": spec.prior, "seed": spec.seed} | params
    return ReplayLogistic(features=_names(features), raw=_raw(features), **settings)


def _refitted(spec: ModelSpec, features: Sequence[FeatureSpec], **params: Any) -> Model:
    settings: dict[str, Any] = {"prior": spec.prior, "seed": spec.seed} | params
    return RefittedLogistic(features=_names(features), raw=_raw(features), **settings)


def _forgetting(spec: ModelSpec, features: Sequence[FeatureSpec], **params: Any) -> Model:
    settings: dict[str, Any] = {"prior": spec.prior, "seed": spec.seed} | params
    return ForgettingLogistic(features=_names(features), raw=_raw(features), **settings)


def _river_logistic(spec: ModelSpec, features: Sequence[FeatureSpec], **params: Any) -> Model:
    settings: dict[str, Any] = {
        "optimizer": optim.AdaGrad(params.pop("lr", 0.05)),
        "l2": 1e-3,
        "intercept_init": logit(spec.prior),
    } | params
    steps = (
        FiniteOnly(),
        SignedLog(_raw(features)),
        preprocessing.StandardScaler(),
        Clip(),
        linear_model.LogisticRegression(**settings),
    )
    return Anchored(compose.Pipeline(*steps), prior=spec.prior)


def _hat(spec: ModelSpec, _: Sequence[FeatureSpec], **params: Any) -> Model:
    settings: dict[str, Any] = {"leaf_prediction": "mc", "seed": spec.seed} | params
    model = tree.HoeffdingAdaptiveTreeClassifier(**settings)
    return Anchored(compose.Pipeline(FiniteOnly(), model), prior=spec.prior)


def _arf(spec: ModelSpec, _: Sequence[FeatureSpec], **params: Any) -> Model:
    settings: dict[str, Any] = {
        "lambda_value": 1,
        "leaf_prediction": "mc",
        "max_depth": 6,
        "max_features": 0.5,
        "delta": 1e-3,
        "grace_period": 200,
        "drift_detector": _no_drift(),
        "warning_detector": _no_drift(),
        "seed": spec.seed,
    } | params
    return Anchored(compose.Pipeline(FiniteOnly(), WeightedForest(**settings)), prior=spec.prior)


def _no_drift() -> base.DriftDetector:
    return drift.NoDrift()  # type: ignore[no-untyped-call] # River leaves it untyped


MAKERS: dict[str, Maker] = {
    "mixture": _mixture,
    "logistic": _logistic,
    "boosted": _boosted,
    "refitted": _refitted,
    "forgetting": _forgetting,
    "river_logistic": _river_logistic,
    "hat": _hat,
    "arf": _arf,
}
KINDS = tuple(MAKERS)
DEFAULT_MEMBERS = (
    MemberSpec("logistic"),
    MemberSpec("boosted"),
    MemberSpec("refitted"),
    MemberSpec("forgetting", weight=0.3),
)
"""Of a mixture that names none: the one that forgets is a precaution, and begins with little."""


def _raw(features: Sequence[FeatureSpec]) -> tuple[str, ...] | None:
    names = tuple(feature.name for feature in features if feature.agg in LINEAR)
    return names or None


def _unknown_kind(kind: str) -> str:
    near = difflib.get_close_matches(kind, KINDS, 1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"[model] kind {kind!r} is not known: use one of {', '.join(KINDS)}{hint}"
