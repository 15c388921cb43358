"""Cutting and joining decoded batches."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from schemas.events import EventBatch
from schemas.parsing import Rejects
from schemas.verdicts import Verdict


def slice_batch(batch: EventBatch, start: int, stop: int) -> EventBatch:
    """Rows ``start <= i < stop`` (views of the arrays)."""
    part = slice(start, stop)
    return EventBatch(
        users=batch.users[part],
        times=batch.times[part],
        heartbeat=batch.heartbeat[part],
        ids=batch.ids[part],
        kinds=batch.kinds[part],
        fields={name: column[part] for name, column in batch.fields.items()},
        rejects={i - start: r for i, r in batch.rejects.items() if start <= i < stop},
        forgets={i - start: u for i, u in batch.forgets.items() if start <= i < stop},
        verdicts={i - start: v for i, v in batch.verdicts.items() if start <= i < stop},
    )


def concat_batches(batches: Sequence[EventBatch]) -> EventBatch:
    """Rows of the batches one after the other."""
    rejects: Rejects = {}
    forgets: dict[int, str] = {}
    verdicts: dict[int, Verdict] = {}
    offset = 0
    for batch in batches:
        rejects.update({i + offset: r for i, r in batch.rejects.items()})
        forgets.update({i + offset: u for i, u in batch.forgets.items()})
        verdicts.update({i + offset: v for i, v in batch.verdicts.items()})
        offset += len(batch.users)
    return EventBatch(
        users=[user for batch in batches for user in batch.users],
        times=np.concatenate([batch.times for batch in batches]),
        heartbeat=np.concatenate([batch.heartbeat for batch in batches]),
        ids=np.concatenate([batch.ids for batch in batches]),
        kinds=np.concatenate([batch.kinds for batch in batches]),
        fields={
            name: np.concatenate([batch.fields[name] for batch in batches])
            for name in batches[0].fields
        },
        rejects=rejects,
        forgets=forgets,
        verdicts=verdicts,
    )
