"""Releasing matured cuts as examples: both classes of a cut together, complete vectors.

It happens at the end of an epoch of arrival time, with the watermarks as they stood there, so
which epoch an example falls into does not depend on batches, workers or restarts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from models.engine.completing import Completion, completions
from models.engine.corrupt import excluded_of, scored_wrong
from models.engine.desk import Desk
from models.engine.state import PartitionState
from models.features.vector import features, touched
from models.grid import NEVER, Float, Int
from models.learning.cuts import kept_with
from models.learning.labels import activity, outcome_label
from models.spec import POLICIES, Spec
from models.staleness.health import HEALTH
from models.staleness.policy import TREATMENT
from models.state.cuts import NOT_STALE, CutRecord
from models.state.slab import Slab
from models.state.waiting import PendingCut
from schemas.examples import Example
from schemas.ids import stable_id


@dataclass(frozen=True, slots=True)
class Whole:
    """What is known of a cut in the end.

    vector: float64[features], as of ``as_of``, int64[sources]. wrong: sources of which intervals
    were left out. completion: what policies are learned from.
    """

    vector: Float
    as_of: Int
    wrong: Int
    completion: Completion


def releasable_until(spec: Spec, state: PartitionState, end: int) -> int:
    """Cuts at or before this are released at the end of the epoch ``end``.

    Matured: every source of the label rule is complete through T + H. Complete: every source
    is complete through T, or ``complete_within`` has passed since T + H.
    """
    through = _through(spec, state, end)
    matured = min(through[spec.source_index(name)] for name in spec.labels.sources)
    limit = end - spec.labels.horizon - spec.learning.complete_within
    return min(matured - spec.labels.horizon, max(min(through), limit))


def complete_as_of(spec: Spec, state: PartitionState, end: int) -> Int:
    """How far each source is complete at the end of the epoch, int64[sources]."""
    return np.array(_through(spec, state, end), dtype=np.int64)


def _through(spec: Spec, state: PartitionState, end: int) -> list[int]:
    return [
        source.progress.through(declared, end)
        for declared, source in zip(spec.sources, state.sources, strict=True)
    ]


def examples(
    desk: Desk,
    rows: Int,
    until: int,
    end: int,
    through: Int,
    asked: Sequence[tuple[str, int]] = (),
) -> Iterator[Example]:
    """Examples of the users' cuts at or before ``until``; removed cuts give none.

    asked: sources and lags that models are trained with.

    Negatives are thinned here, where the label is known; both classes still come together.
    """
    slab, excluded = desk.slab, excluded_of(desk.state)
    for time, waiting in _by_time(slab, rows, until).items():
        chosen = list(_chosen(slab, waiting, time))
        if not chosen:
            continue
        group = np.array([row for row, *_ in chosen], dtype=np.int64)
        as_of = np.minimum(time, through)
        as_of = np.where(through == NEVER, NEVER, as_of)
        wanted = np.tile(as_of, (len(group), 1))
        complete, _ = features(slab, group, np.full(len(group), time), wanted, excluded)
        wrong = touched(slab, group, wanted, excluded, lasting=False)
        lagged = completions(slab, group, time, through, asked, excluded, desk.state.whole_from)
        for i, (row, cut, label, weight) in enumerate(chosen):
            whole = Whole(complete[i], as_of, np.flatnonzero(wrong[i]), lagged[i])
            yield _example(desk, row, cut, (label, weight), whole, end)


def _chosen(
    slab: Slab, waiting: Sequence[tuple[int, PendingCut]], time: int
) -> Iterator[tuple[int, PendingCut, int, float]]:
    """Row, cut, label and weight of those that become examples."""
    labels = _labels(slab, np.array([row for row, _ in waiting], dtype=np.int64), time)
    for (row, cut), label in zip(waiting, labels, strict=True):
        if label is not None:
            weight = kept_with(slab.spec, slab.users[row] or "", time, label)
            if weight is not None:
                yield row, cut, label, weight


def _by_time(slab: Slab, rows: Int, until: int) -> dict[int, list[tuple[int, PendingCut]]]:
    found: dict[int, list[tuple[int, PendingCut]]] = {}
    for row in rows.tolist():
        for cut in slab.pending[row]:
            if cut.time <= until:
                found.setdefault(cut.time, []).append((row, cut))
    return found


def _labels(slab: Slab, rows: Int, time: int) -> list[int | None]:
    rule = slab.spec.labels
    if rule.rule == "inactivity":
        quiet = activity(slab, rows, time, time + rule.horizon) == 0
        return [int(q) for q in quiet.tolist()]
    return [outcome_label(rule, time, slab.outcomes[row]) for row in rows.tolist()]


def _example(
    desk: Desk,
    row: int,
    cut: PendingCut,
    outcome: tuple[int, float],
    whole: Whole,
    end: int,
) -> Example:
    """outcome: label and weight."""
    spec, user, known = desk.spec, desk.name(row), CutRecord.unpack(cut.packed)
    wrong_sources = scored_wrong(spec, desk.state, known, cut.time) | set(whole.wrong.tolist())
    names = [source.name for source in spec.sources]
    as_of = [None if a == NEVER else a for a in known.as_of]
    return Example(
        id=stable_id(spec.app, "example", user, cut.time, spec.labels.horizon),
        app=spec.app,
        user=user,
        partition=desk.partition,
        time=cut.time,
        epoch=end,
        label=outcome[0],
        weight=outcome[1],
        vector=_known(spec, known.vector),
        complete=_known(spec, whole.vector.tolist()),
        as_of=dict(zip(names, as_of, strict=True)),
        health={n: HEALTH[h] for n, h in zip(names, known.health, strict=True)},
        treatment={n: TREATMENT[t] for n, t in zip(names, known.treatment, strict=True)},
        probability=known.probability,
        model_version=known.model_version,
        feature_set=spec.feature_set,
        corrupt=[names[s] for s in sorted(wrong_sources)],
        experts={n: p for n, p in zip(POLICIES, known.experts, strict=True) if p == p},
        ages={n: age for n, age in zip(names, known.ages, strict=True) if age != NOT_STALE},
        complete_as_of={
            n: None if a == NEVER else a for n, a in zip(names, whole.as_of.tolist(), strict=True)
        },
        lagged=whole.completion.lagged,
        paired=whole.completion.paired,
    )


def _known(spec: Spec, vector: Sequence[float]) -> dict[str, float]:
    """Feature name to value, for those that are known."""
    return {
        feature.name: value
        for feature, value in zip(spec.features, vector, strict=True)
        if value == value
    }
