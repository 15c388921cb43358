"""Rules that need a user's past: counters that never fall, and how many events a user may have.

The past is two numbers for each rule, in the user's own state (``Slab.guards``): the newest event
time at which the counter was seen and its value there; the newest slice of event time with an event
and how many there were. Events that break a rule count there too: a counter that begins anew loses
one event, not all that follow. What is older than that breaks no rule: it cannot be told.

Most users of a piece break nothing, and that is seen for all of them at once; only events of those
who may have are looked at one by one.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from models.grid import Bool, Float, Int
from models.spec import RateSpec, SourceSpec
from models.state.slab import Slab
from schemas.events import EventBatch
from schemas.times import format_duration


def broken(
    slab: Slab, source: SourceSpec, s: int, batch: EventBatch, index: Int, rows: Int
) -> dict[int, str]:
    """Events that break a rule: their place among ``index`` to what is wrong; the past moves on.

    index: int64[n], events of the batch in the order of their offsets. rows: of their users.
    """
    found: dict[int, str] = {}
    place = slab.guard_of[s]
    times = batch.times[index]
    if source.quality.max_rate is not None:
        past = slab.guards[:, place : place + 2]
        found |= dict(_too_many(past, source.quality.max_rate, rows, times))
        place += 2
    for name in source.quality.monotone:
        past = slab.guards[:, place : place + 2]
        values: Float = batch.fields[name][index]
        for i, message in _falling(past, name, rows, times, values):
            found.setdefault(i, message)
        place += 2
    return found


def _too_many(past: Float, rate: RateSpec, rows: Int, times: Int) -> Iterator[tuple[int, str]]:
    users, user = np.unique(rows, return_inverse=True)
    slices = times // rate.per
    count = np.bincount(user) + np.where(np.isnan(past[users, 1]), 0, past[users, 1])
    for i in np.flatnonzero((count > rate.events)[user]).tolist():
        row, known = int(rows[i]), past[rows[i]].tolist()
        here = int(slices[i])
        if not known[0] > here:
            past[row] = (here, known[1] + 1 if known[0] == here else 1)
            if past[row, 1] > rate.events:
                words = f"{rate.events} events of a user in {format_duration(rate.per)}"
                yield i, f"rule max_rate: this is number {past[row, 1]:.0f}, above {words}"
    calm = (count <= rate.events)[user]
    _count(past, rows[calm], slices[calm])


def _count(past: Float, rows: Int, slices: Int) -> None:
    """Note events of users who cannot have had too many."""
    users, user = np.unique(rows, return_inverse=True)
    if len(users) == 0:
        return
    newest = np.where(np.isnan(past[users, 0]), -np.inf, past[users, 0])
    before = newest.copy()
    np.maximum.at(newest, user, slices.astype(np.float64))
    own = np.bincount(user, slices == newest[user], minlength=len(users))
    past[users, 1] = own + np.where(before == newest, past[users, 1], 0)
    past[users, 0] = newest


def _falling(
    past: Float, name: str, rows: Int, times: Int, values: Float
) -> Iterator[tuple[int, str]]:
    known = np.flatnonzero(~np.isnan(values))
    order = known[np.argsort(rows[known], kind="stable")]
    if len(order) == 0:
        return
    row, time, value = rows[order], times[order].astype(np.float64), values[order]
    first = np.append(True, row[1:] != row[:-1])
    time_before = np.where(first, past[row, 0], np.append(np.nan, time[:-1]))
    value_before = np.where(first, past[row, 1], np.append(np.nan, value[:-1]))
    odd = (time < time_before) | (value < value_before)
    strange: Bool = np.isin(row, np.unique(row[odd]))
    last = np.append(first[1:], True) & ~strange
    past[row[last]] = np.stack([time[last], value[last]], axis=1)
    for i in np.flatnonzero(strange).tolist():
        newest, seen = past[row[i]].tolist()
        if not time[i] < newest:
            past[row[i]] = (time[i], value[i])
            if value[i] < seen:
                yield (
                    int(order[i]),
                    f'rule monotone of field "{name}": {value[i]:g} is below {seen:g}, which an '
                    "earlier event of the user had",
                )
