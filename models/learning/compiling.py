"""From a model that learns to a scorer that does not change any more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from river import base

from models.learning.compiled.attribution import attribution
from models.learning.compiled.mixture import Form
from models.learning.freezing import Asked, freeze
from models.learning.scorer import ArrayScorer, RiverScorer, Scorer
from models.learning.told_policies import Policies
from models.spec import Spec
from schemas.scores import Maturity


@dataclass(frozen=True, slots=True)
class Compiled:
    """What a snapshot's head holds: flat arrays where there are some, the model otherwise.

    version, valid_from: those of the epoch that made it, which manifests of later, unchanged
    epochs do not say. policies: None in snapshots from before there were any.
    """

    version: int
    valid_from: int
    model: Form | base.Classifier
    policies: Policies | None = None


def compile_model(
    model: base.Classifier,
    features: Sequence[str],
    version: int,
    valid_from: int,
    policies: Policies | None = None,
) -> Compiled:
    """What scores like ``model`` on matrices with these columns, as flat arrays if possible.

    Every kind of the factory has arrays, with the exceptions that ``compiled.shapes`` names;
    of those, and of any other model, the scorer asks River, row by row.
    """
    form = freeze(model, features, prior=0.5, copied=False)
    own = form.model if isinstance(form, Asked) else form
    return Compiled(version, valid_from, own, policies)


def make_scorer(spec: Spec, compiled: Compiled, maturity: Maturity) -> Scorer:
    """Scorer of a compiled model, columns in the order of ``spec.features``."""
    about = (spec.model.name, compiled.version, compiled.valid_from, maturity)
    policies = getattr(compiled, "policies", None)  # older snapshots have none
    if not isinstance(compiled.model, base.Classifier):
        return ArrayScorer(
            *about,
            form=compiled.model,
            attribution=attribution(compiled.model),
            policies=policies,
        )
    features = tuple(feature.name for feature in spec.features)
    return RiverScorer(
        *about,
        model=compiled.model,
        features=features,
        prior=spec.model.prior,
        policies=policies,
    )
