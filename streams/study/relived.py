"""What lateness costs, from the examples that a live deployment has written.

They are lived through again, epoch after epoch, with the trainer of production, and each epoch's
examples are scored before they are learned: once with all that is known of them by now, and once
not knowing a source, or a feature (the policy ``degrade``: the model averages over what it does
not know). How a user would have been read with a source late needs the user's events: that is
what a replay has.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.learning.diagnosis import ByEpoch
from models.learning.numerics import Floats
from models.learning.scorer import as_matrix
from models.learning.trainer import Trainer
from models.spec import Spec
from schemas.examples import Example
from streams.study.pairs import Pairs, TooFewCuts, groups_of
from streams.study.variants import Variant


def relive(spec: Spec, by_epoch: ByEpoch, variants: Sequence[Variant]) -> Pairs:
    """All examples as pairs, those from before anything was learned left out.

    variants: those that are missing (lag None); others are ignored. Raises TooFewCuts.
    """
    missing = [variant for variant in variants if variant.lag is None]
    names = [feature.name for feature in spec.features]
    trainer, seen = Trainer(spec), list[Example]()
    known, late = list[Floats](), {variant: list[Floats]() for variant in missing}
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
        trainer.learn_epoch(epoch, examples, position=0)
    label = np.array([example.label for example in seen], dtype=float)
    if not {0.0, 1.0} <= set(label.tolist()):
        raise TooFewCuts
    return Pairs(
        np.array([example.time for example in seen], dtype=np.int64),
        label,
        groups_of([example.user for example in seen]),
        np.concatenate(known),
        {variant: np.concatenate(said) for variant, said in late.items()},
    )


def _columns(spec: Spec, variant: Variant) -> list[int]:
    return [
        j
        for j, feature in enumerate(spec.features)
        if variant.feature == feature.name
        or (variant.feature is None and variant.source == feature.source)
    ]
