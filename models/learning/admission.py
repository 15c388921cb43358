"""Which examples of an epoch are learned, and in which order: both independent of arrival."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict

import orjson

from models.spec import Spec
from schemas.examples import Example
from schemas.ids import keyed_hash


def admit(
    spec: Spec, examples: Sequence[Example], after: int | None, epoch: int
) -> tuple[list[Example], dict[str, int]]:
    """Examples to learn, by (time, keyed hash of the user, id), and what was left out and why.

    Left out: ``other_app``, ``other_feature_set``, ``bad_label`` (neither 0 nor 1),
    ``bad_weight`` (not finite and positive), ``corrupt`` (a source's data was wrong),
    ``learned_epoch`` (an epoch ≤ ``after`` has been learned already), ``repeated`` (an id that is
    there already). Raises ValueError for an example of an epoch that has not ended.
    """
    dropped: Counter[str] = Counter()
    kept: dict[str, Example] = {}
    for example in examples:
        reason = _objection(spec, example, after, epoch)
        if reason is None and example.id in kept:
            reason = "repeated"
            kept[example.id] = min(kept[example.id], example, key=_canonical)
        elif reason is None:
            kept[example.id] = example
        if reason is not None:
            dropped[reason] += 1
    ordered = sorted(
        kept.values(), key=lambda e: (e.time, keyed_hash(spec.learning.sample_key, e.user), e.id)
    )
    return ordered, dict(sorted(dropped.items()))


def admitted(spec: Spec, by_epoch: Mapping[int, Sequence[Example]]) -> dict[int, list[Example]]:
    """The examples to learn of a whole history, by the end of their epoch, the oldest first.

    Epochs that have none are left out.
    """
    every = {epoch: admit(spec, by_epoch[epoch], None, epoch)[0] for epoch in sorted(by_epoch)}
    return {epoch: examples for epoch, examples in every.items() if examples}


def _objection(spec: Spec, example: Example, after: int | None, epoch: int) -> str | None:
    if example.app != spec.app:
        return "other_app"
    if example.feature_set != spec.feature_set:
        return "other_feature_set"
    if after is not None and example.epoch <= after:
        return "learned_epoch"
    if example.epoch > epoch:
        raise ValueError(
            f"example {example.id} belongs to epoch {example.epoch}, which has not ended when "
            f"epoch {epoch} is learned: keep it for its own epoch"
        )
    if example.label not in (0, 1):
        return "bad_label"
    if not (math.isfinite(example.weight) and example.weight > 0):
        return "bad_weight"
    if example.corrupt or "corrupt" in example.health.values():
        return "corrupt"
    return None


def _canonical(example: Example) -> bytes:
    return orjson.dumps(asdict(example), option=orjson.OPT_SORT_KEYS)
