"""What a feature's value is, in words that help to talk to the user: "12 days", "31 %"."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np

from models.grid import Float, Int
from models.spec import FeatureSpec

Say = Callable[[float], str]

UNKNOWN = "not known"
_UNITS = (("days", 86_400.0), ("hours", 3_600.0), ("minutes", 60.0))
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_PERIODS = {3_600: "hour", 86_400: "day", 604_800: "week"}


class Wording:
    """How to say the values of features; made once for them."""

    def __init__(self, features: tuple[FeatureSpec, ...]) -> None:
        self._heads = [feature.label or feature.name.replace("_", " ") for feature in features]
        self._says = [_say(feature) for feature in features]
        self._usual = [_usual_gap(features, feature) for feature in features]
        self._ratios = [feature.agg == "gap_ratio" for feature in features]

    def phrases(self, reasons: Int, matrix: Float, contributions: Float) -> list[str]:
        """A sentence for each reason, row by row: label, value, and what it does to the risk.

        reasons: int64[n, k], places of features, -1 = none (its sentence is empty). matrix:
        float64[n, f]. contributions: float64[n, k].
        """
        most = reasons.shape[1]
        flat, effect = reasons.ravel(), contributions.ravel()
        found = [""] * len(flat)
        for j in np.unique(flat[flat >= 0]).tolist():
            places = np.flatnonzero(flat == j)
            values = self.values(j, matrix[places // most])
            raises = effect[places] > 0
            for place, value, up in zip(places.tolist(), values, raises.tolist(), strict=True):
                effects = "raises" if up else "lowers"
                found[place] = f"{self._heads[j]}: {value}, {effects} the risk"
        return found

    def values(self, j: int, matrix: Float) -> list[str]:
        """Values of feature j in words, one for each row of the matrix (n, f)."""
        say, column = self._says[j], matrix[:, j]
        texts = [UNKNOWN if value != value else say(value) for value in column.tolist()]
        usual = self._usual[j]
        if usual is None:
            return texts
        every = matrix[:, usual]
        for i in np.flatnonzero(~np.isnan(every) & ~np.isnan(column)).tolist():
            now = f"{duration(column[i] * every[i])}, " if self._ratios[j] else ""
            texts[i] += f" ({now}usually every {duration(every[i])})"
        return texts


@lru_cache(maxsize=8)
def wording_of(features: tuple[FeatureSpec, ...]) -> Wording:
    """Words for the features of a deployment."""
    return Wording(features)


def duration(seconds: float) -> str:
    """A length of time with the unit that people would use.

    >>> duration(1_036_800), duration(86_400), duration(5_400)
    ('12 days', '24 hours', '90 minutes')
    """
    for unit, length in _UNITS:
        number = seconds / length
        if number >= 2:
            return f"{number:.0f} {unit}" if number >= 10 else f"{number:.2g} {unit}"
    return f"{seconds:.0f} seconds"


def _say(feature: FeatureSpec) -> Say:
    """How to say a known value of a feature."""
    if feature.agg in ("active_periods", "streak", "longest_streak"):
        return _periods(feature)
    return _SAYS.get(feature.agg, _number)


def _number(value: float) -> str:
    return f"{value:.4g}"


def _percent(of: str) -> Say:
    return lambda value: f"{100 * value:.0f} %{of}"


def _date(value: float) -> str:
    return f"in {duration(value)}" if value >= 0 else f"{duration(-value)} ago"


def _times(value: float) -> str:
    return f"{value:.2g} times as long as usual"


def _deviations(value: float) -> str:
    if value == 0:
        return "as usual for this user"
    side = "above" if value > 0 else "below"
    return f"{abs(value):.2g} standard deviations {side} what is usual for this user"


def _yes(value: float) -> str:
    return "yes" if value else "no"


def _weekday(value: float) -> str:
    return _WEEKDAYS[int(value) % len(_WEEKDAYS)]


def _periods(feature: FeatureSpec) -> Say:
    seconds = (feature.period or 0) // 1_000_000
    one = _PERIODS.get(seconds, f"period of {duration(seconds)}")
    more = f"{one}s" if seconds in _PERIODS else f"periods of {duration(seconds)}"
    row = "" if feature.agg == "active_periods" else " in a row"
    return lambda value: f"{value:.0f} {one if value == 1 else more}{row}"


_SAYS: dict[str, Say] = {
    **dict.fromkeys(("first_seen_age", "last_seen_age", "user_age", "user_cycle"), duration),
    **dict.fromkeys(("gap_mean", "gap_std", "gap_max"), duration),
    **dict.fromkeys(("due_in", "last_due_in"), _date),
    **dict.fromkeys(("ratio", "share"), _percent("")),
    "trend": _percent(" of the average"),
    "baseline_ratio": _percent(" of what is usual for this user"),
    "baseline_z": _deviations,
    "gap_ratio": _times,
    "last_is": _yes,
    "day_of_week": _weekday,
}


def _usual_gap(features: Sequence[FeatureSpec], asked: FeatureSpec) -> int | None:
    """Place of the feature that says how long the gaps of such events usually are."""
    if asked.agg not in ("last_seen_age", "gap_ratio"):
        return None
    events = (asked.source, asked.where, asked.of)
    for i, other in enumerate(features):
        if other.agg == "gap_mean" and (other.source, other.where, other.of) == events:
            return i
    return None
