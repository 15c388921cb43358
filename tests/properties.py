"""On how many examples a property is tried.

All of them in ``make test`` and in CI; ``make test-fast`` takes a part (``EBBLINE_EXAMPLES=0.2``),
as most of its time would go there. A factor above 1 is for a long search.
"""

from __future__ import annotations

import os

from hypothesis import settings

SHARE = float(os.environ.get("EBBLINE_EXAMPLES", "1"))
USUAL = 100
"""Where a test doesn't say."""
FEWEST = 3
"""The first examples that Hypothesis makes are very simple ones."""


def scaled(count: int) -> int:
    """How many examples are tried where a test says ``count``."""
    return max(min(count, FEWEST), round(count * SHARE))


def examples(count: int) -> settings:
    """Settings of a property."""
    return settings(max_examples=scaled(count))
