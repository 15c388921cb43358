"""Usable events of one source, ready to be folded into users' state; and the folding."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.engine import guards
from models.engine.intake import Judged
from models.engine.state import SourceState
from models.features.distinct import hash_numbers
from models.features.plan import Selection
from models.features.values import dates_of, numbers_of
from models.grid import NEVER, Bool, Float, Int, pane_of
from models.spec import SourceSpec
from models.state.membership import note_outcomes
from models.state.slab import RETURN, Slab
from schemas.events import EventBatch
from schemas.reasons import Reject

Hashes = np.ndarray[tuple[int], np.dtype[np.uint64]]


@dataclass(frozen=True, slots=True)
class Events:
    """n events of one source in this piece, all arrays int64[n] unless said otherwise.

    places: where they stand in the merged order. clocks: the partition's clock there.
    entries: where their panes lie (models.features.panes). masks, values, hashes: for each
    selection of the plan: bool[n] which events match, float64[n] or None the number it is of,
    uint64[n] or None the value's hash (distinct only).
    """

    source: int
    rows: Int
    times: Int
    offsets: Int
    places: Int
    clocks: Int
    kinds: Int
    entries: Int
    masks: list[Bool]
    values: list[Float | None]
    hashes: list[Hashes | None]

    def part(self, chosen: Int) -> Events:
        """The chosen events."""
        if len(chosen) == len(self.rows):
            return self
        return Events(
            self.source,
            self.rows[chosen],
            self.times[chosen],
            self.offsets[chosen],
            self.places[chosen],
            self.clocks[chosen],
            self.kinds[chosen],
            self.entries[chosen],
            [mask[chosen] for mask in self.masks],
            [None if value is None else value[chosen] for value in self.values],
            [None if value is None else value[chosen] for value in self.hashes],
        )


def collect(
    slab: Slab, source: SourceSpec, state: SourceState, judged: Judged, places: Int
) -> Events:
    """Events to apply: usable, not applied to their user before, not a known event id.

    The users must be in the slab. New event ids are remembered; repeated ones are counted, unless
    a commit that broke off has counted them before. Panes are made ready for all of them.
    """
    batch, s = judged.chunk.batch, slab.spec.source_index(source.name)
    plan = slab.plan.sources[s]
    index = np.flatnonzero(judged.usable)
    rows = judged.rows[index]
    oldest = judged.course.before[index] - source.allowed_lateness
    fresh = judged.chunk.offsets[index] > slab.offsets[rows, s]
    new = _new_ids(slab, source, s, rows, batch.ids[index], batch.times[index], oldest, fresh)
    _forget_ids(slab, s, rows, oldest)
    uncounted = judged.chunk.offsets[index] > state.counted
    state.events += int((new & uncounted).sum())
    state.duplicates += int((~new & uncounted).sum())
    index, rows = index[fresh & new], rows[fresh & new]
    if source.quality.guards:
        index, rows = _guarded(slab, source, state, judged, index, rows)
    columns = [
        _select(batch, index, selection, number in plan.distinct, plan.remembers(number))
        for number, selection in enumerate(plan.selections)
    ]
    times = batch.times[index]
    return Events(
        s,
        rows,
        times,
        judged.chunk.offsets[index],
        places[index],
        judged.clocks[index],
        batch.kinds[index].astype(np.int64),
        slab.rings[s].prepare(rows, times),
        [mask for mask, _, _ in columns],
        [value for _, value, _ in columns],
        [value for _, _, value in columns],
    )


def _guarded(
    slab: Slab, source: SourceSpec, state: SourceState, judged: Judged, index: Int, rows: Int
) -> tuple[Int, Int]:
    """Events, and their users' rows, without those that break a rule; these are noted and counted.

    Their users' offsets move on here: their past has, and must not do so again.
    """
    s, offsets = slab.spec.source_index(source.name), judged.chunk.offsets
    found = guards.broken(slab, source, s, judged.chunk.batch, index, rows)
    if not found:
        return index, rows
    places = np.array(sorted(found), dtype=np.int64)
    judged.broken.update({int(index[i]): (Reject.QUALITY_RULE, found[i]) for i in found})
    uncounted = int((offsets[index[places]] > state.counted).sum())
    state.events -= uncounted
    state.unruly += uncounted
    np.maximum.at(slab.offsets[:, s], rows[places], offsets[index[places]])
    kept = np.ones(len(index), dtype=np.bool_)
    kept[places] = False
    return index[kept], rows[kept]


def _select(
    batch: EventBatch, index: Int, selection: Selection, distinct: bool, remembered: bool
) -> tuple[Bool, Float | None, Hashes | None]:
    mask = np.ones(len(index), dtype=np.bool_)
    for name, allowed in selection.where_hashed:
        column = batch.fields[name][index]
        mask &= np.isin(column, np.array(allowed, dtype=column.dtype))
    if selection.of is None:
        return mask, None, None
    column = batch.fields[selection.of][index]
    if column.dtype == np.uint64:
        return mask & (column != 0), numbers_of(column) if remembered else None, column
    if selection.unit is not None:
        dates, known = dates_of(column, batch.times[index], selection.unit)
        return mask & known, dates.astype(np.float64), dates.astype(np.uint64)
    hashes = hash_numbers(column) if distinct else None
    return mask & ~np.isnan(column), column, hashes


def _new_ids(
    slab: Slab,
    source: SourceSpec,
    s: int,
    rows: Int,
    ids: Hashes,
    times: Int,
    oldest: Int,
    fresh: Bool,
) -> Bool:
    """Which events carry no id, or one that this user's memory does not hold.

    oldest: int64[n], at each record the event time before which an event is late; ids from
    before count as forgotten, whether they are yet or not.
    """
    new = np.ones(len(rows), dtype=np.bool_)
    for i in np.flatnonzero(fresh & (ids != 0)).tolist():
        known = slab.ids.setdefault(int(rows[i]), {}).setdefault(s, {})
        event_id, bound = int(ids[i]), int(oldest[i])
        if known.get(event_id, bound - 1) >= bound:
            new[i] = False
            continue
        known[event_id] = int(times[i])
        if len(known) > source.max_ids:
            del known[min(known, key=lambda key: (known[key], key))]
    return new


def _forget_ids(slab: Slab, s: int, rows: Int, oldest: Int) -> None:
    """Forget ids of events that would have been late at their user's newest record."""
    if not slab.ids:
        return
    for row, bound in dict(zip(rows.tolist(), oldest.tolist(), strict=True)).items():
        known = slab.ids[row].get(s)
        if known and min(known.values()) < bound:
            slab.ids[row][s] = {key: time for key, time in known.items() if time >= bound}


def fold(slab: Slab, events: Events, enters: bool) -> None:
    """Add events to their users' state. enters: whether this source lets users enter."""
    if len(events.rows) == 0:
        return
    s, rows, times = events.source, events.rows, events.times
    if slab.spec.sources[s].quality.guards:  # a newer one that broke a rule may be noted already
        np.maximum.at(slab.offsets[:, s], rows, events.offsets)
    else:
        slab.offsets[rows, s] = events.offsets  # in offset order: the last write is the newest
    if slab.spec.sources[s].is_outcome:
        note_outcomes(slab, rows, times, events.kinds)
        if slab.spec.population.enter is None:
            back = events.kinds == RETURN
            _enter(slab, rows[back], times[back])
    else:
        np.maximum.at(slab.last_seen, rows, times)
    if enters:
        _enter(slab, rows, times)
    plan = slab.plan.sources[s]
    slab.rings[s].apply(events.entries, rows, times, events.masks, events.values)
    for selection in plan.distinct:
        hashes, mask = events.hashes[selection], events.masks[selection]
        if hashes is not None:
            panes = pane_of(times[mask], slab.spec.grid)
            slab.distinct[s].add(selection, rows[mask], panes, hashes[mask].tolist())


def _enter(slab: Slab, rows: Int, times: Int) -> None:
    unborn = slab.entered[rows] == NEVER
    slab.entered[rows[unborn]] = -NEVER
    np.minimum.at(slab.entered, rows, times)
