"""What needs no source: how long someone has been a user, and the calendar, at the score's time."""

from __future__ import annotations

import numpy as np

from models.grid import NEVER, Float, Int
from models.spec import FeatureSpec

_DAY = 86_400_000_000
_THURSDAY = 3  # 1970-01-01, counted from Monday = 0
_YEAR = 365.2425 * _DAY


def context(feature: FeatureSpec, entered: Int, at: Int) -> Float:
    """Value of a feature in CONTEXT, float64[n].

    entered: int64[n], when each user entered the population (NEVER = not). at: int64[n].
    """
    if feature.agg == "day_of_week":
        return ((at // _DAY + _THURSDAY) % 7).astype(np.float64)
    if feature.agg == "day_of_month":
        day = at.astype("datetime64[us]").astype("datetime64[D]")
        since: Int = (day - day.astype("datetime64[M]")).astype(np.int64)
        return (since + 1).astype(np.float64)
    if feature.agg in ("season_sin", "season_cos"):
        turn = 2 * np.pi * (at % _YEAR).astype(np.float64) / _YEAR
        wave: Float = np.sin(turn) if feature.agg == "season_sin" else np.cos(turn)
        return wave
    age = at - entered
    if feature.agg == "user_cycle":
        assert feature.period is not None
        age = np.where(age < 0, age, age % feature.period)
    return np.where((entered == NEVER) | (age < 0), np.nan, age.astype(np.float64) / 1e6)
