"""What a worker's durable state means, in plain values that can be compared.

Left out is what may differ with the cutting into batches because nothing ever asks for it:
sketches older than a ring, the cut that a user was scored at last, and, where nothing is
scored on events, when; expiry timers of users at risk, which do nothing when they go off.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from models.engine.state import PartitionState
from models.state.decoding import decode
from models.state.slab import Slab
from tests.models.engine.harness import Worker


def portrait(worker: Worker) -> dict[str, Any]:
    """Users, indexes and partition record of a worker's store."""
    store = worker.store
    assert store.partition is not None
    slab = Slab(worker.plan)
    users = sorted(store.users)
    rows = slab.make(users)
    decode(slab, users, rows, [store.users[user] for user in users])
    eager = worker.spec.scoring.on_event is not None
    return {
        "users": {u: person(slab, r, eager) for u, r in zip(users, rows.tolist(), strict=True)},
        "at_risk": store.at_risk,
        "pending": store.pending,
        "expiry": {u: time for u, time in store.expiry.items() if u not in store.at_risk},
        "partition": asdict(PartitionState.decode(store.partition)),
    }


def person(slab: Slab, row: int, eager: bool) -> dict[str, Any]:
    """All that is kept of one user."""
    return {
        "entered": int(slab.entered[row]),
        "last_seen": int(slab.last_seen[row]),
        "last_score": int(slab.last_score[row]) if eager else None,
        "indexed": bool(slab.indexed[row]),
        "offsets": slab.offsets[row].tolist(),
        "outcomes": slab.outcomes[row],
        "pending": slab.pending[row],
        "renewable": slab.renewable.pack(row),
        "ids": {s: known for s, known in slab.ids[row].items() if known},
        "guards": slab.guards[row].tobytes(),
        "rings": [_ring(slab, s, row) for s in range(len(slab.rings))],
    }


def _ring(slab: Slab, s: int, row: int) -> dict[str, Any]:
    ring = slab.rings[s]
    newest = int(ring.newest[row])
    oldest = (newest - 1) // slab.spec.grid - ring.panes
    pool = ring.pool
    data = {
        int(pool.ids[entry]): (pool.counts[entry].tolist(), pool.numbers[entry].tobytes())
        for entry in pool.entries(np.array([row]))[0].tolist()
    }
    assert all(pane > oldest for pane in data)
    sketches = slab.distinct[s].get(row)
    panes = {} if sketches is None else sketches.panes
    return {
        "newest": newest,
        "panes": data,
        "first": ring.first[row].tolist(),
        "base": np.hstack([ring.base_time[row], ring.base_value[row]]).tobytes(),
        "sketches": {
            (selection, pane): sketch
            for selection, found in panes.items()
            for pane, sketch in found.items()
            if pane > oldest
        },
    }
