"""The faults that are tried, and what would be right to say about each."""

from __future__ import annotations

from dataclasses import dataclass

DAY_MS = 86_400_000
LEARNED, LASTS, AFTER = 42, 14, 21
"""Days before the fault begins, days that it lasts, days that are watched behind it."""
DAYS = LEARNED + LASTS + AFTER

SPAN = f"from=+{LEARNED}d until=+{LEARNED + LASTS}d"
WEEK = f"from=+{LEARNED}d until=+{LEARNED + 7}d"


@dataclass(frozen=True, slots=True)
class Case:
    """A kind of fault. fault: as `ebbline publish --fault` reads it, ``{field}`` and ``{only}``
    filled in. right: what may be said first (see ``watching.SAID``).
    """

    kind: str
    fault: str
    right: tuple[str, ...]
    lasts: int = LASTS

    def read(self, field: str, only: str) -> str:
        """The fault of one log."""
        return self.fault.replace("{field}", field).replace("{only}", only)


CASES = (
    Case("constant delay", f"delay by=3d {SPAN}", ("late", "silent")),
    Case("growing delay", f"growing by=6h each=1d most=7d {SPAN}", ("late",)),
    Case("outage", f"outage {WEEK}", ("silent",), 7),
    Case("backfill, newest first", f"outage {WEEK} order=newest over=1d", ("silent",), 7),
    Case("outage of half the users", f"partial users=0.5 seed=2 {SPAN}", ("part", "volume")),
    Case("outage of one event type", f"partial only={{only}} {SPAN}", ("part", "volume")),
    Case("duplication burst", f"duplicates records=0.8 copies=2 {SPAN}", ("duplicates",)),
    Case("null burst", f"nulls field={{field}} records=0.6 {SPAN}", ("nulls", "rejected")),
    Case("unit change × 100", f"unit field={{field}} factor=100 {SPAN}", ("unit",)),
    Case("stuck value", f"stuck field={{field}} value=12 {SPAN}", ("stuck",)),
    Case(
        "replayed day",
        f"replayed from=+{LEARNED - 1}d until=+{LEARNED}d after=1d",
        ("replayed", "duplicates"),
        1,
    ),
    Case(
        "clock skew − 5 d, a fifth of the users",
        f"skew by=-5d users=0.2 seed=2 {SPAN}",
        ("clock", "part late"),
    ),
)
"""The constant delay begins in the middle of the log: at first that is a silence of three days.

What a clock says that is behind is what data says that is late: that a part of the source is one or
the other is all that can be told, and right.
"""
