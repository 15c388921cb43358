"""Writing users' durable values (models.state.layout), many at a time."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Sequence
from itertools import pairwise

import numpy as np

from models.features.pool import NARROW
from models.features.ragged import owners
from models.grid import Bool, Int
from models.state.layout import (
    EVENT_ID,
    HEADER,
    INDEXED,
    MAGIC,
    OUTCOME,
    PENDING,
    RENEWABLE,
    TIMES,
    VERSION,
    layout_of,
)
from models.state.renewable import Renewable
from models.state.slab import Slab
from models.state.waiting import WaitingCuts


def encode(slab: Slab, rows: Int) -> list[bytes]:
    """Durable values of the rows, in their order."""
    values = [b""] * len(rows)
    wide = _wide(slab, rows)
    for width in (False, True):
        chosen = np.flatnonzero(wide == width)
        bodies = _bodies(slab, rows[chosen], wide=width)
        for i, body in zip(chosen.tolist(), bodies, strict=True):
            values[i] = HEADER.pack(MAGIC, VERSION, len(slab.rings), zlib.crc32(body)) + body
    return values


def _wide(slab: Slab, rows: Int) -> Bool:
    """Which users have a count, or a distance between panes, that needs 32 bits."""
    wide = np.zeros(len(rows), dtype=np.bool_)
    for ring in slab.rings:
        entries, lengths = ring.pool.entries(rows)
        large = ring.pool.counts[entries].max(axis=1, initial=0) >= NARROW
        large |= ring.newest_pane(rows)[owners(lengths)] - ring.pool.ids[entries] >= NARROW
        wide[owners(lengths)[large]] = True
    return wide


def _bodies(slab: Slab, rows: Int, *, wide: bool) -> list[bytes]:
    """All that follows the header. Arrays become bytes once and are cut for each user."""
    if len(rows) == 0:
        return []
    ragged = _ragged(slab, rows.tolist())
    columns = [_fixed(slab, rows, ragged, wide=wide)]
    columns += [_panes(slab, s, rows, wide=wide) for s in range(len(slab.rings))]
    bodies = [b"".join(parts) for parts in zip(*columns, strict=True)]
    for i, parts in ragged.items():
        bodies[i] += b"".join(parts)
    return bodies


def _fixed(slab: Slab, rows: Int, ragged: dict[int, Sequence[bytes]], *, wide: bool) -> list[bytes]:
    layout = layout_of(slab.plan.sources, slab.guard_of[-1])
    table = np.zeros(len(rows), dtype=layout.fixed)
    table["feature_set"] = slab.spec.feature_set.encode()
    table["wide"] = wide
    table["flags"] = slab.indexed[rows] * INDEXED + slab.renewable.holding(rows) * RENEWABLE
    if slab.guard_of[-1]:
        table["guards"] = slab.guards[rows]
    for name in TIMES:
        table[name] = getattr(slab, name)[rows]
    for s, ring in enumerate(slab.rings):
        table[f"offset{s}"] = slab.offsets[rows, s]
        table[f"newest{s}"] = ring.newest[rows]
        table[f"carried{s}"] = np.hstack(
            [ring.first[rows], ring.base_time[rows], ring.base_value[rows]]
        )
        table[f"panes{s}"] = ring.pool.used[rows]
    for i, parts in ragged.items():
        row = int(rows[i])
        table["outcomes"][i] = len(slab.outcomes[row])
        table["pending"][i] = len(slab.pending[row])
        for s in range(len(slab.rings)):
            table[f"sketches{s}"][i] = len(parts[2 * s])
            table[f"ids{s}"][i] = len(parts[2 * s + 1])
    return _cut(table, np.ones(len(rows), dtype=np.int64))


def _panes(slab: Slab, source: int, rows: Int, *, wide: bool) -> list[bytes]:
    ring = slab.rings[source]
    entries, lengths = ring.pool.entries(rows)
    table = np.empty(
        len(entries), dtype=layout_of(slab.plan.sources, slab.guard_of[-1]).panes(source, wide=wide)
    )
    table["back"] = ring.newest_pane(rows)[owners(lengths)] - ring.pool.ids[entries]
    table["counts"] = ring.pool.counts[entries]
    table["numbers"] = ring.pool.numbers[entries]
    return _cut(table, lengths)


def _cut(table: np.ndarray[tuple[int], np.dtype[np.void]], lengths: Int) -> list[bytes]:
    """The records' bytes, ``lengths`` records for each user."""
    whole = table.tobytes()
    ends = np.concatenate([[0], np.cumsum(lengths) * table.dtype.itemsize]).tolist()
    return [whole[start:end] for start, end in pairwise(ends)]


def _ragged(slab: Slab, rows: list[int]) -> dict[int, Sequence[bytes]]:
    """What comes last, part by part, of those who have any of it."""
    everything: list[Collection[int] | WaitingCuts | Renewable] = [
        slab.pending,
        slab.renewable,
        *slab.ragged(),
    ]
    holders = [holder for holder in everything if len(holder)]
    if not holders:
        return {}
    return {
        i: _ragged_parts(slab, row)
        for i, row in enumerate(rows)
        if any(row in holder for holder in holders)
    }


def _ragged_parts(slab: Slab, row: int) -> list[bytes]:
    parts: list[bytes] = []
    for s, sketches in enumerate(slab.distinct):
        parts.append(bytes(sketches[row].packed) if row in sketches else b"")
        known = slab.ids[row].get(s, {})
        parts.append(b"".join([EVENT_ID.pack(*item) for item in known.items()]))
    parts.extend([OUTCOME.pack(o.time, o.kind) for o in slab.outcomes[row]])
    for cut in slab.pending[row]:
        parts += (PENDING.pack(cut.time, len(cut.packed)), cut.packed)
    parts.append(slab.renewable.pack(row))
    return parts
