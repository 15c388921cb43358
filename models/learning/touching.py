"""Which vectors may hold events of an interval, told from their as-of times alone."""

from __future__ import annotations

from models.aggregates import WINDOWED
from models.grid import NEVER
from models.spec import Spec

LIFETIME = None
"""Reach of a source with values that have no window: any earlier event may be in them."""


def reach_of(spec: Spec, source: int) -> int | None:
    """How far back from its as-of time a source's features look, microseconds; or LIFETIME.

    A pane longer than their windows: as-of times are floored to the grid.
    """
    own = [f for f in spec.features if f.source == spec.sources[source].name]
    if any(f.agg not in WINDOWED for f in own):
        return LIFETIME
    return windows_of(spec, source)


def windows_of(spec: Spec, source: int) -> int:
    """How far back the features of a source look that have a window, microseconds."""
    own = [f for f in spec.features if f.source == spec.sources[source].name and f.agg in WINDOWED]
    return max((max(f.window or 0, f.over or 0) + spec.grid for f in own), default=0)


def touches(reach: int | None, as_of: int | None, begin: int, end: int | None) -> bool:
    """Whether (as_of - reach, as_of] holds any time t with begin < t <= end.

    as_of: None or NEVER = nothing of the source is known. end: None = open.

    >>> touches(10, 25, 5, 15), touches(10, 25, 5, 16), touches(10, 25, 25, None)
    (False, True, False)
    """
    if as_of is None or as_of == NEVER or as_of <= begin or reach == 0:
        return False
    return reach is LIFETIME or end is None or as_of - reach < end
