"""From a model that learns to a scorer that does not change any more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from river import base

from models.learning.compiled.anchored import AnchoredForm
from models.learning.compiled.errors import NotCompilable
from models.learning.linear import LinearForm
from models.learning.replay_logistic import ReplayLogistic
from models.learning.scorer import ArrayScorer, LinearScorer, RiverScorer, Scorer
from models.spec import Spec
from schemas.scores import Maturity


@dataclass(frozen=True, slots=True)
class Compiled:
    """What a snapshot's head holds: flat arrays where there are some, the model otherwise.

    version, valid_from: those of the epoch that made it, which manifests of later, unchanged
    epochs do not say.
    """

    version: int
    valid_from: int
    model: LinearForm | AnchoredForm | base.Classifier


def compile_model(
    model: base.Classifier, features: Sequence[str], version: int, valid_from: int
) -> Compiled:
    """What scores like ``model`` on matrices with these columns, as flat arrays if possible.

    Every kind of the factory has arrays, with the exceptions that ``compiled.shapes`` names;
    of those, and of any other model, the scorer asks River, row by row.
    """
    return Compiled(version, valid_from, _arrays(model, features) or model)


def make_scorer(spec: Spec, compiled: Compiled, maturity: Maturity) -> Scorer:
    """Scorer of a compiled model, columns in the order of ``spec.features``."""
    about = (spec.model.name, compiled.version, compiled.valid_from, maturity)
    if isinstance(compiled.model, LinearForm):
        return LinearScorer(*about, form=compiled.model)
    if isinstance(compiled.model, AnchoredForm):
        return ArrayScorer(*about, form=compiled.model)
    features = tuple(feature.name for feature in spec.features)
    return RiverScorer(*about, model=compiled.model, features=features, prior=spec.model.prior)


def _arrays(model: base.Classifier, features: Sequence[str]) -> LinearForm | AnchoredForm | None:
    if isinstance(model, ReplayLogistic):
        return model.form()
    # River's forests take two seconds to import, and only who learns compiles.
    from models.learning.compiled.shapes import compile_anchored

    try:
        return compile_anchored(model, features)
    except NotCompilable:
        return None
