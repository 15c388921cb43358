"""What is usual for a user, by definition: the part of the oracle about rhythm and baseline.

Every period and every earlier window is looked at in turn, from the list of the events.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from itertools import pairwise

from models.spec import FeatureSpec
from tests.models.engine.story import S

UNKNOWN = math.nan


def regularity(feature: FeatureSpec, times: Sequence[int], end: int, effective: int) -> float:
    """end: the as-of time on the grid. times: of all events at or before the effective as-of."""
    assert feature.window is not None
    assert feature.period is not None
    period, number = feature.period, feature.window // feature.period
    active = []
    for i in range(number):
        low, high = end - (i + 1) * period, end - i * period if i else effective
        if any(low < time <= high for time in times):
            active.append(i)
    if feature.agg == "active_periods":
        return len(active)
    if feature.agg == "streak":
        return next(i for i in range(number + 1) if i not in active)
    if feature.agg == "longest_streak":
        runs = [0]
        for i in range(number):
            runs.append(runs[-1] + 1 if i in active else 0)
        return max(runs)
    gaps = [(b - a) * period / S for a, b in pairwise(active)]
    if feature.agg == "gap_std":
        return statistics.pstdev(gaps) if len(gaps) > 1 else UNKNOWN
    if not gaps:
        return UNKNOWN
    if feature.agg == "gap_max":
        return max(gaps)
    usual = statistics.fmean(gaps)
    return (effective - max(times)) / S / usual if feature.agg == "gap_ratio" else usual


def against_itself(
    feature: FeatureSpec, values: Sequence[tuple[int, float]], end: int, effective: int
) -> float:
    """values: time and worth of all events at or before the effective as-of."""
    assert feature.window is not None
    assert feature.over is not None
    window, first = feature.window, min((time for time, _ in values), default=None)
    newest = sum(v for time, v in values if end - window < time <= effective)
    earlier = []
    for i in range(1, feature.over // window):
        low, high = end - (i + 1) * window, end - i * window
        if first is not None and low >= first:
            earlier.append(sum(v for time, v in values if low < time <= high))
    if not earlier:
        return UNKNOWN
    mean = statistics.fmean(earlier)
    if feature.agg == "baseline_ratio":
        return newest / mean if mean else UNKNOWN
    if len(earlier) == 1:
        return UNKNOWN
    spread = statistics.pstdev(earlier)
    if spread == 0:
        return 0 if newest == mean else math.copysign(10, newest - mean)
    return max(-10.0, min(10.0, (newest - mean) / spread))
