"""From a model that learns to a scorer that does not change any more."""

from __future__ import annotations

from dataclasses import dataclass

from river import base

from models.learning.linear import LinearForm
from models.learning.replay_logistic import ReplayLogistic
from models.learning.scorer import LinearScorer, RiverScorer, Scorer
from models.spec import Spec


@dataclass(frozen=True, slots=True)
class Compiled:
    """What a snapshot's head holds: flat arrays where there are some, the model otherwise.

    version, valid_from: those of the epoch that made it, which manifests of later, unchanged
    epochs do not say.
    """

    version: int
    valid_from: int
    model: LinearForm | base.Classifier


def compile_model(model: base.Classifier, version: int, valid_from: int) -> Compiled:
    """The smallest thing that scores like ``model``."""
    form = model.form() if isinstance(model, ReplayLogistic) else model
    return Compiled(version, valid_from, form)


def make_scorer(spec: Spec, compiled: Compiled) -> Scorer:
    """Scorer of a compiled model, columns in the order of ``spec.features``."""
    about = (spec.model.name, compiled.version, compiled.valid_from)
    if isinstance(compiled.model, LinearForm):
        return LinearScorer(*about, form=compiled.model)
    features = tuple(feature.name for feature in spec.features)
    return RiverScorer(*about, model=compiled.model, features=features, prior=spec.model.prior)
