"""Reading users' durable values (models.state.layout), many at a time."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from models.features.distinct import Sketches
from models.features.panes import PaneRing
from models.features.ragged import owners, spread
from models.grid import Bool, Int
from models.state.cuts import brought_up
from models.state.layout import (
    EVENT_ID,
    HEADER,
    INDEXED,
    MAGIC,
    OUTCOME,
    PENDING,
    READABLE,
    RENEWABLE,
    TIMES,
    VERSION,
    StateError,
    layout_of,
)
from models.state.reader import Reader
from models.state.slab import Outcome, Slab
from models.state.waiting import PendingCut

Bytes = np.ndarray[tuple[int], np.dtype[np.uint8]]
Table = np.ndarray[tuple[int], np.dtype[np.void]]


def decode(slab: Slab, users: Sequence[str], rows: Int, values: Sequence[bytes]) -> None:
    """Fill empty rows from durable values. Raises StateError when one cannot be read."""
    if not values:
        return
    for user, value in zip(users, values, strict=True):
        _check(slab, user, value)
    layout = layout_of(slab.plan.sources, slab.guard_of[-1])
    sizes = np.array([len(value) for value in values], dtype=np.int64)
    starts = np.cumsum(sizes) - sizes
    whole = np.frombuffer(b"".join(values), dtype=np.uint8)
    fixed = _records(whole, starts + HEADER.size, layout.fixed)
    for wide in (False, True):
        chosen = np.flatnonzero((fixed["wide"] != 0) == wide)
        if len(chosen) == 0:
            continue
        begin = starts[chosen] + HEADER.size + layout.fixed.itemsize
        lengths = _lengths(slab, fixed[chosen], wide=wide)
        short = np.flatnonzero(begin + lengths.sum(axis=1) > (starts + sizes)[chosen])
        if len(short):
            raise _layout_error(users[chosen[short[0]]], "its panes end behind it")
        ends = _read_columns(slab, rows[chosen], fixed[chosen], whole, begin, wide=wide)
        more = _has_ragged(slab, fixed[chosen]) | (ends < (starts + sizes)[chosen])
        for i, end in zip(chosen[more].tolist(), ends[more].tolist(), strict=True):
            reader = Reader(values[i], end - int(starts[i]))
            _read_rest(slab, users[i], int(rows[i]), fixed[i], reader)


def _check(slab: Slab, user: str, value: bytes) -> None:
    """Refuse what is not a value of this version and feature set, as it was written."""
    try:
        magic, version, sources, crc = HEADER.unpack_from(value)
    except struct.error as error:
        raise StateError(f"state of user {user!r} is cut short: {error}; rebuild it") from error
    if magic != MAGIC or version not in READABLE:
        raise StateError(
            f"state of user {user!r} has format {magic!r} version {version}, this program reads "
            f"version {VERSION}; run the version that wrote it, or rebuild from the topics"
        )
    if len(value) < HEADER.size + layout_of(slab.plan.sources, slab.guard_of[-1]).fixed.itemsize:
        raise StateError(f"state of user {user!r} is cut short; rebuild from the topics")
    if zlib.crc32(memoryview(value)[HEADER.size :]) != crc or sources != len(slab.rings):
        raise StateError(f"state of user {user!r} is damaged (checksum); rebuild from the topics")
    own, read = slab.spec.feature_set, value[HEADER.size : HEADER.size + 15]
    if read != own.encode():
        raise StateError(
            f"state of user {user!r} belongs to feature set {read.decode(errors='replace')!r}, "
            f"not {own!r}; rebuild from the topics"
        )


def _lengths(slab: Slab, fixed: Table, *, wide: bool) -> Int:
    """Bytes of the panes of each user and source, int64[n, sources]."""
    layout = layout_of(slab.plan.sources, slab.guard_of[-1])
    sizes = [layout.panes(s, wide=wide).itemsize for s in range(len(slab.rings))]
    counts = [fixed[f"panes{s}"].astype(np.int64) for s in range(len(slab.rings))]
    return np.stack(counts, axis=1) * np.array(sizes, dtype=np.int64)


def _has_ragged(slab: Slab, fixed: Table) -> Bool:
    """Which users have anything of what only some have."""
    found: Bool = (fixed["outcomes"] > 0) | (fixed["pending"] > 0)
    found |= (fixed["flags"] & RENEWABLE) > 0
    for s in range(len(slab.rings)):
        found |= (fixed[f"sketches{s}"] > 0) | (fixed[f"ids{s}"] > 0)
    return found


def _layout_error(user: str, why: object) -> StateError:
    return StateError(
        f"state of user {user!r} does not have the layout of version {VERSION}: {why}; "
        "rebuild from the topics"
    )


def _records(whole: Bytes, starts: Int, kind: np.dtype[np.void]) -> Table:
    """Records that begin at these bytes."""
    found: Table = whole[starts[:, None] + np.arange(kind.itemsize)].view(kind).ravel()
    return found


def _read_columns(
    slab: Slab, rows: Int, fixed: Table, whole: Bytes, starts: Int, *, wide: bool
) -> Int:
    """Everything but the ragged parts; where those begin, int64[n]."""
    slab.indexed[rows] = fixed["flags"] & INDEXED
    slab.dated[rows] = fixed["outcomes"] > 0
    if slab.guard_of[-1]:
        slab.guards[rows] = fixed["guards"]
    for name in TIMES:
        getattr(slab, name)[rows] = fixed[name]
    for s, ring in enumerate(slab.rings):
        kind = layout_of(slab.plan.sources, slab.guard_of[-1]).panes(s, wide=wide)
        lengths = fixed[f"panes{s}"].astype(np.int64)
        each = starts[owners(lengths)] + kind.itemsize * spread(np.zeros_like(lengths), lengths)
        slab.offsets[rows, s] = fixed[f"offset{s}"]
        ring.newest[rows] = fixed[f"newest{s}"]
        _read_carried(ring, rows, fixed[f"carried{s}"])
        _read_panes(ring, rows, lengths, _records(whole, each, kind))
        starts = starts + lengths * kind.itemsize
    return starts


def _read_carried(ring: PaneRing, rows: Int, carried: np.ndarray[Any, Any]) -> None:
    firsts, bases = ring.first.shape[1], ring.base_time.shape[1]
    ring.first[rows] = carried[:, :firsts]
    ring.base_time[rows] = carried[:, firsts : firsts + bases]
    ring.base_value[rows] = carried[:, firsts + bases :]


def _read_panes(ring: PaneRing, rows: Int, lengths: Int, table: Table) -> None:
    """The ring may have been longer when they were written: then its end moves on here."""
    ids = ring.newest_pane(rows)[owners(lengths)] - table["back"]
    ring.restore(rows, lengths, ids, table["counts"], table["numbers"])
    ring.settle(rows)


def _read_rest(slab: Slab, user: str, row: int, fixed: np.void, reader: Reader) -> None:
    try:
        _read_ragged(slab, row, fixed, reader)
    except (struct.error, ValueError, IndexError, OverflowError) as error:
        raise _layout_error(user, error) from error


def _read_ragged(slab: Slab, row: int, fixed: np.void, reader: Reader) -> None:
    known = {}
    for s, sketches in enumerate(slab.distinct):
        packed = reader.bytes(int(fixed[f"sketches{s}"]))
        ids = reader.bytes(int(fixed[f"ids{s}"]))
        if packed:
            sketches[row] = Sketches.unpack(packed)
        if ids:
            known[s] = dict(EVENT_ID.iter_unpack(ids))
    slab.ids.put(row, known)
    slab.outcomes.put(row, [Outcome(*reader.unpack(OUTCOME)) for _ in range(fixed["outcomes"])])
    cuts = []
    for _ in range(fixed["pending"]):
        time, size = reader.unpack(PENDING)
        packed = brought_up(reader.bytes(size), len(slab.rings), len(slab.spec.features))
        cuts.append(PendingCut(time, packed))
    slab.pending.put(row, cuts)
    if fixed["flags"] & RENEWABLE:
        note = reader.bytes(slab.renewable.size)
        if slab.spec.scoring.renew:
            slab.renewable.unpack(row, note)
    if reader.position != len(reader.value):
        raise ValueError(f"{len(reader.value) - reader.position} bytes are left")
