"""A user's durable state: a compact, versioned binary value, many users at a time.

Layout, little-endian::

    header   magic "EB", version u8, sources u8, crc32 of all that follows u32,
             feature set 15 bytes, indexed u8, entered, last_seen, last_cut, last_score i64
    sources  for each: offset i64, newest i64, firsts f64[], base_time f64[], base_value f64[],
             slots u16, pane numbers i32[slots], aggregates f64[slots, columns]
             sketches, event ids (lengths first)
    ragged   outcomes, waiting cuts (counts first)

Only slots that hold a pane are written.
"""

from __future__ import annotations

import struct
import zlib
from itertools import accumulate

import numpy as np

from models.features.distinct import Sketches
from models.features.panes import EMPTY, PaneRing
from models.grid import Int
from models.state.reader import Reader
from models.state.slab import Outcome, PendingCut, Slab

MAGIC = b"EB"
VERSION = 1
_HEADER = struct.Struct("<2sBBI")
_FIXED = struct.Struct("<15sBqqqq")
_OFFSETS = struct.Struct("<qq")
_ID = struct.Struct("<Qq")
_LENGTHS = struct.Struct("<II")
_OUTCOME = struct.Struct("<qB")
_PENDING = struct.Struct("<qI")
_COUNTS = struct.Struct("<HH")
_SLOTS = struct.Struct("<H")


class StateError(Exception):
    """A stored value that this program cannot read; the message says why and what to do."""


def encode(slab: Slab, rows: Int) -> list[bytes]:
    """Durable values of the rows, in their order."""
    if len(rows) == 0:
        return []
    fixed = _encode_fixed(slab, rows)
    rings = [_encode_ring(slab, source, rows) for source in range(len(slab.rings))]
    values = []
    for i, row in enumerate(rows.tolist()):
        parts = [fixed[i]]
        for source, ring in enumerate(rings):
            parts.append(ring[i])
            parts += _encode_sketches(slab, source, row)
        parts += _encode_ragged(slab, row)
        body = b"".join(parts)
        values.append(_HEADER.pack(MAGIC, VERSION, len(rings), zlib.crc32(body)) + body)
    return values


def _encode_fixed(slab: Slab, rows: Int) -> list[bytes]:
    feature_set = slab.spec.feature_set.encode()
    columns = (slab.indexed, slab.entered, slab.last_seen, slab.last_cut, slab.last_score)
    each = zip(*(column[rows].tolist() for column in columns), strict=True)
    return [_FIXED.pack(feature_set, *values) for values in each]


def _encode_ring(slab: Slab, source: int, rows: Int) -> list[bytes]:
    """Each row's part of one source; the arrays become bytes once and are cut."""
    ring = slab.rings[source]
    ids = ring.ids[rows]
    held = ids != EMPTY
    ends = [0, *accumulate(held.sum(axis=1).tolist())]
    ids_bytes = ids[held].astype("<i4").tobytes()
    data_bytes = ring.data[rows][held].astype("<f8", copy=False).tobytes()
    carried = np.hstack([ring.first[rows], ring.base_time[rows], ring.base_value[rows]])
    carried_bytes = carried.astype("<f8", copy=False).tobytes()
    offsets = slab.offsets[rows, source].tolist()
    newest = ring.newest[rows].tolist()
    kept, slot = carried.shape[1] * 8, ring.data.shape[2] * 8
    return [
        b"".join(
            (
                _OFFSETS.pack(offsets[i], newest[i]),
                carried_bytes[i * kept : (i + 1) * kept],
                _SLOTS.pack(ends[i + 1] - ends[i]),
                ids_bytes[ends[i] * 4 : ends[i + 1] * 4],
                data_bytes[ends[i] * slot : ends[i + 1] * slot],
            )
        )
        for i in range(len(offsets))
    ]


def _encode_sketches(slab: Slab, source: int, row: int) -> tuple[bytes, ...]:
    packed = slab.distinct[source].pack(row)
    ids = slab.ids[row].get(source)
    if not ids:
        return _LENGTHS.pack(len(packed), 0), packed
    known = b"".join([_ID.pack(*item) for item in ids.items()])
    return _LENGTHS.pack(len(packed), len(known)), packed, known


def _encode_ragged(slab: Slab, row: int) -> list[bytes]:
    outcomes, pending = slab.outcomes[row], slab.pending[row]
    parts = [_COUNTS.pack(len(outcomes), len(pending))]
    parts.extend([_OUTCOME.pack(o.time, o.kind) for o in outcomes])
    for cut in pending:
        parts += (_PENDING.pack(cut.time, len(cut.packed)), cut.packed)
    return parts


def decode(slab: Slab, user: str, row: int, value: bytes) -> None:
    """Fill an empty row from a durable value. Raises StateError when it cannot be read."""
    try:
        magic, version, sources, crc = _HEADER.unpack_from(value)
    except struct.error as error:
        raise StateError(f"state of user {user!r} is cut short: {error}; rebuild it") from error
    if magic != MAGIC or version != VERSION:
        raise StateError(
            f"state of user {user!r} has format {magic!r} version {version}, this program reads "
            f"version {VERSION}; run the version that wrote it, or rebuild from the topics"
        )
    if zlib.crc32(value[_HEADER.size :]) != crc or sources != len(slab.rings):
        raise StateError(f"state of user {user!r} is damaged (checksum); rebuild from the topics")
    try:
        _decode_body(slab, user, row, Reader(value, _HEADER.size))
    except (struct.error, ValueError, IndexError, OverflowError) as error:
        raise StateError(
            f"state of user {user!r} does not have the layout of version {VERSION}: {error}; "
            "rebuild from the topics"
        ) from error


def _decode_body(slab: Slab, user: str, row: int, reader: Reader) -> None:
    feature_set, indexed, entered, seen, cut, score = reader.unpack(_FIXED)
    if feature_set != slab.spec.feature_set.encode():
        raise StateError(
            f"state of user {user!r} belongs to feature set {feature_set.decode()!r}, not "
            f"{slab.spec.feature_set!r}; rebuild from the topics"
        )
    slab.indexed[row] = bool(indexed)
    slab.entered[row], slab.last_seen[row] = entered, seen
    slab.last_cut[row], slab.last_score[row] = cut, score
    for source, ring in enumerate(slab.rings):
        slab.offsets[row, source], ring.newest[row] = reader.unpack(_OFFSETS)
        _decode_ring(ring, row, reader)
        _decode_sketches(slab, source, row, reader)
    outcomes, pending = reader.unpack(_COUNTS)
    slab.outcomes[row] = [Outcome(*reader.unpack(_OUTCOME)) for _ in range(outcomes)]
    slab.dated[row] = outcomes > 0
    cuts = []
    for _ in range(pending):
        time, size = reader.unpack(_PENDING)
        cuts.append(PendingCut(time, reader.bytes(size)))
    slab.pending[row] = cuts


def _decode_ring(ring: PaneRing, row: int, reader: Reader) -> None:
    ring.first[row] = reader.floats(ring.first.shape[1])
    ring.base_time[row] = reader.floats(ring.base_time.shape[1])
    ring.base_value[row] = reader.floats(ring.base_value.shape[1])
    (count,) = reader.unpack(_SLOTS)
    ids = reader.array("<i4", count)
    data = reader.floats(count * ring.data.shape[2]).reshape(count, ring.data.shape[2])
    order = np.argsort(ids, kind="stable")
    ring.restore(row, ids[order].astype(np.int64), data[order])


def _decode_sketches(slab: Slab, source: int, row: int, reader: Reader) -> None:
    packed, known = (reader.bytes(size) for size in reader.unpack(_LENGTHS))
    if packed:
        slab.distinct[source].rings[row] = Sketches.unpack(packed)
    if known:
        slab.ids[row][source] = dict(_ID.iter_unpack(known))
