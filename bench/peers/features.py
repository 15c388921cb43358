"""One user's features in plain Python, as a user of any of the tools would write them.

A user's state is lists and dicts, so that any state store can hold it: a list of days (panes),
each with the aggregates of the three sources, and the last event of each source. A feature is
taken over the panes from a day's start on up to the score time: the semantics of Ebbline's
windows (sawtooth: the head is exact, the tail lies on the grid).
"""

from __future__ import annotations

import math
from typing import Any

DAY = 86_400_000
"""Milliseconds, as all times here."""
KEPT_DAYS = 29
FAR = 1e308
"""Beyond every value; infinity would not survive JSON."""

State = dict[str, Any]
"""days: [[day, usage, support, billing], …] oldest first, with usage = [count, sum, sum of
squares, min, max, exports], support = [count, urgent], billing = [sum]. last: source to [time,
value]. scored: time of the last score. cut: the last midnight that is scored or was before the
user."""


def new_state(at: int) -> State:
    """The state of a user whose first event is at ``at``."""
    return {"days": [], "last": {}, "scored": None, "cut": (at - 1) // DAY * DAY}


def add(state: State, source: str, at: int, kind: str, value: float) -> None:
    """Apply one event; a user's events come in the order of time."""
    days, number = state["days"], (at - 1) // DAY
    if not days or days[-1][0] != number:
        days.append([number, [0, 0.0, 0.0, FAR, -FAR, 0], [0, 0], [0.0]])
        if days[0][0] < number - KEPT_DAYS:
            del days[0]
    _, usage, support, billing = days[-1]
    if source == "usage":
        usage[0] += 1
        usage[1] += value
        usage[2] += value * value
        usage[3] = min(usage[3], value)
        usage[4] = max(usage[4], value)
        usage[5] += kind == "export"
    elif source == "support":
        support[0] += 1
        support[1] += kind == "high"
    else:
        billing[0] += value
    state["last"][source] = [at, value]


def features(state: State, at: int) -> dict[str, float]:
    """The features as of ``at``, without those that have no value."""
    week, month, day = (at // DAY - days for days in (7, 28, 1))
    n1 = n7 = n28 = exports = tickets = urgent = 0
    s1 = s7 = s28 = squares = p7 = p28 = 0.0
    least, most = FAR, -FAR
    for number, usage, support, billing in state["days"]:
        if number < month:
            continue
        count, total, square, low, high, exported = usage
        n28 += count
        s28 += total
        squares += square
        most = max(most, high)
        exports += exported
        tickets += support[0]
        urgent += support[1]
        p28 += billing[0]
        if number >= week:
            n7 += count
            s7 += total
            least = min(least, low)
            p7 += billing[0]
            if number >= day:
                n1 += count
                s1 += total
    found: dict[str, float] = {
        "use_1d": n1,
        "use_7d": n7,
        "use_28d": n28,
        "minutes_1d": s1,
        "minutes_7d": s7,
        "minutes_28d": s28,
        "exports_28d": exports,
        "tickets_28d": tickets,
        "urgent_28d": urgent,
        "paid_28d": p28,
    }
    if n7:
        found["minutes_mean_7d"] = s7 / n7
        found["minutes_min_7d"] = least
    if n28:
        mean = s28 / n28
        found["minutes_std_28d"] = math.sqrt(max(squares / n28 - mean * mean, 0.0))
        found["minutes_max_28d"] = most
    if s28:
        found["minutes_trend"] = s7 / s28 * 4.0
    if p28:
        found["paid_ratio"] = p7 / p28
    _add_lasts(found, state["last"], at)
    return found


def _add_lasts(found: dict[str, float], last: dict[str, list[float]], at: int) -> None:
    if "usage" in last:
        time, value = last["usage"]
        found["since_use"] = (at - time) / 1000
        found["last_minutes"] = value
    if "support" in last:
        found["since_ticket"] = (at - last["support"][0]) / 1000
    if "billing" in last:
        found["last_paid"] = last["billing"][1]
