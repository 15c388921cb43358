"""What lateness costs, from the examples that a live deployment has written.

They are lived through again, epoch after epoch, with the trainer of production, and each epoch's
examples are scored before they are learned: once with all that is known of them by now; once not
knowing a source, or a feature (the policy ``degrade``: the model averages over what it does not
know); and once with a source late by the lag that was drawn for the example, by the policy in
force (``models.engine.imagined``). Other lags need the users' events: those a replay has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from models.engine.imagined import if_late
from models.grid import Int
from models.learning.diagnosis import ByEpoch
from models.learning.numerics import Floats
from models.learning.scorer import Scorer, as_matrix
from models.learning.trainer import Trainer
from models.spec import Spec
from schemas.examples import Example
from streams.study.pairs import Pairs, TooFewCuts, groups_of
from streams.study.variants import Variant


def relive(spec: Spec, by_epoch: ByEpoch, variants: Sequence[Variant]) -> Pairs:
    """All examples as pairs, those from before anything was learned left out.

    variants: those that are missing (lag None); what is late follows from the examples, a variant
    for each bucket of lags. Raises TooFewCuts.
    """
    missing = [variant for variant in variants if variant.lag is None]
    names = [feature.name for feature in spec.features]
    trainer, seen = Trainer(spec), list[Example]()
    known, late = list[Floats](), {variant: list[Floats]() for variant in missing}
    aged = {v.source: list[tuple[Int, Floats]]() for v in missing if v.feature is None}
    for epoch in sorted(by_epoch):
        examples = list(by_epoch[epoch])
        if trainer.scorer.version > 0:
            matrix = as_matrix(names, [example.complete for example in examples])
            known.append(trainer.scorer.predict(matrix))
            seen += examples
            for variant in missing:
                masked = np.zeros(matrix.shape, dtype=np.bool_)
                masked[:, _columns(spec, variant)] = True
                late[variant].append(trainer.scorer.marginal(matrix, masked))
            for source, told in aged.items():
                told.append(_late(spec, trainer.scorer, examples, source))
        trainer.learn_epoch(epoch, examples, position=0)
    label = np.array([example.label for example in seen], dtype=float)
    if not {0.0, 1.0} <= set(label.tolist()):
        raise TooFewCuts
    said = _by_bucket(aged) | {variant: np.concatenate(parts) for variant, parts in late.items()}
    sources = list(aged)
    return Pairs(
        np.array([example.time for example in seen], dtype=np.int64),
        label,
        groups_of([example.user for example in seen]),
        np.concatenate(known),
        dict(sorted(said.items(), key=lambda item: sources.index(item[0].source))),
    )


def _late(
    spec: Spec, scorer: Scorer, examples: Sequence[Example], source: str
) -> tuple[Int, Floats]:
    """Of each example the bucket of its lag and what would be said, NaN where it cannot be told."""
    bucket, said = np.zeros(len(examples), dtype=np.int64), np.full(len(examples), np.nan)
    found = if_late(spec, scorer, examples, source)
    bucket[found.index], said[found.index] = found.bucket, found.said
    return bucket, said


def _by_bucket(aged: Mapping[str, Sequence[tuple[Int, Floats]]]) -> dict[Variant, Floats]:
    """What was said for each source and bucket, float64[n], NaN on examples with another."""
    found = {}
    for source, parts in aged.items():
        bucket = np.concatenate([one for one, _ in parts]) if parts else np.empty(0, np.int64)
        said = np.concatenate([one for _, one in parts]) if parts else np.empty(0)
        for bound in np.unique(bucket[~np.isnan(said)]).tolist():
            found[Variant(source, None, bound)] = np.where(bucket == bound, said, np.nan)
    return found


def _columns(spec: Spec, variant: Variant) -> list[int]:
    return [
        j
        for j, feature in enumerate(spec.features)
        if variant.feature == feature.name
        or (variant.feature is None and variant.source == feature.source)
    ]
