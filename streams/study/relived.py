"""What lateness costs, from the examples that a live deployment has written.

They are lived through again, epoch after epoch, with the trainer of production, and each epoch's
examples are scored before they are learned: once with all that is known of them by now; once not
knowing a source, or a feature (the policy ``degrade``: the model averages over what it does not
know); and once with a source late by the lag that was drawn for the example, by the policy in
force (``models.engine.imagined``). Other lags need the users' events: those a replay has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from models.engine.imagined import if_late
from models.grid import Int
from models.learning.admission import admitted
from models.learning.diagnosis import ByEpoch
from models.learning.numerics import Floats
from models.learning.scorer import Scorer, as_matrix
from models.learning.trainer import Trainer
from models.spec import Spec
from schemas.examples import Example
from schemas.hashing import hash_texts
from streams.study.churners import Rhythm
from streams.study.pairs import Pairs, TooFewCuts
from streams.study.variants import Variant


def relive(spec: Spec, by_epoch: ByEpoch, variants: Sequence[Variant]) -> Pairs:
    """All examples that are learned as pairs, but for those from before anything was learned.

    variants: those that are missing (lag None); what is late follows from the examples, a variant
    for each bucket of lags. Raises TooFewCuts.
    """
    missing = [variant for variant in variants if variant.lag is None]
    names = [feature.name for feature in spec.features]
    trainer, seen = Trainer(spec), list[Example]()
    known, late = list[Floats](), {variant: list[Floats]() for variant in missing}
    aged = {v.source: list[_Told]() for v in missing if v.feature is None}
    single = [v for v in missing if v.feature is not None]
    for epoch, examples in admitted(spec, by_epoch).items():
        if trainer.scorer.version > 0:
            matrix = as_matrix(names, [example.complete for example in examples])
            known.append(trainer.scorer.predict(matrix))
            seen += examples
            for variant in missing:
                masked = np.zeros(matrix.shape, dtype=np.bool_)
                masked[:, _columns(spec, variant)] = True
                late[variant].append(trainer.scorer.marginal(matrix, masked))
            for source, told in aged.items():
                own = [v.feature for v in single if v.source == source and v.feature is not None]
                told.append(_late(spec, trainer.scorer, examples, matrix, source, own))
        trainer.learn_epoch(epoch, examples, position=0)
    label = np.array([example.label for example in seen], dtype=float)
    if not {0.0, 1.0} <= set(label.tolist()):
        raise TooFewCuts
    said = _by_bucket(aged) | {variant: np.concatenate(parts) for variant, parts in late.items()}
    sources = list(aged)
    return Pairs(
        Rhythm.of_examples(spec),
        np.array([example.time for example in seen], dtype=np.int64),
        label,
        np.array([example.weight for example in seen], dtype=float),
        hash_texts([example.user for example in seen]),
        np.concatenate(known),
        dict(sorted(said.items(), key=lambda item: sources.index(item[0].source))),
    )


class _Told(NamedTuple):
    """Of n examples the bucket of each one's lag, int64[n], and what would be said, float64[n].

    said: by feature, None for the whole source; NaN where it cannot be told.
    """

    bucket: Int
    said: dict[str | None, Floats]


def _late(
    spec: Spec,
    scorer: Scorer,
    examples: Sequence[Example],
    known: Floats,
    source: str,
    features: Sequence[str],
) -> _Told:
    """A source late, and each of these features alone. known: float64[n, features of the spec]."""
    found, names = if_late(spec, scorer, examples, source), [one.name for one in spec.features]
    bucket = np.zeros(len(examples), dtype=np.int64)
    bucket[found.index] = found.bucket
    said: dict[str | None, Floats] = {None: found.said}
    for feature in features if len(found.index) else ():
        matrix, j = known[found.index], names.index(feature)
        matrix[:, j] = found.matrix[:, j]
        said[feature] = scorer.predict(matrix)
    whole = {feature: np.full(len(examples), np.nan) for feature in said}
    for what, told in said.items():
        whole[what][found.index] = told
    return _Told(bucket, whole)


def _by_bucket(aged: Mapping[str, Sequence[_Told]]) -> dict[Variant, Floats]:
    """What was said for each source, feature and bucket, float64[n]; NaN on the other examples."""
    found = {}
    for source, parts in aged.items():
        bucket = np.concatenate([one.bucket for one in parts])
        features = dict.fromkeys(feature for one in parts for feature in one.said)
        for feature in features:
            empty = [np.full(len(one.bucket), np.nan) for one in parts]
            told = [one.said.get(feature, none) for one, none in zip(parts, empty, strict=True)]
            said = np.concatenate(told)
            for bound in np.unique(bucket[bucket > 0]).tolist():
                found[Variant(source, feature, bound)] = np.where(bucket == bound, said, np.nan)
    return found


def _columns(spec: Spec, variant: Variant) -> list[int]:
    return [
        j
        for j, feature in enumerate(spec.features)
        if variant.feature == feature.name
        or (variant.feature is None and variant.source == feature.source)
    ]
