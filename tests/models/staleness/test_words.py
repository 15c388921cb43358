"""The evidence in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from models.staleness.words import Facts, duration, in_words

FACTS = Facts("fresh", 60, 5, 5, 10, 7200, 60, 240, 1.0, recovering=False)
HOUR, DAY = 3600.0, 86400.0


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (FACTS, "in time"),
        (replace(FACTS, empty=True), "in time, but no event has come yet"),
        (
            replace(FACTS, staleness=3 * DAY, silence=3 * DAY),
            "quiet for 3d, as usual; what comes is in time",
        ),
        (
            replace(
                FACTS,
                health="lagging",
                staleness=26 * HOUR,
                lag=26 * HOUR,
                usual_lag=26 * HOUR,
                usual_most=28 * HOUR,
            ),
            "late by its usual 26h",
        ),
        (
            replace(
                FACTS,
                health="lagging",
                staleness=3 * DAY,
                lag=3 * DAY,
                usual_lag=26 * HOUR,
                usual_most=28 * HOUR,
            ),
            "late by 3d where 26h is usual; its data flows",
        ),
        (
            replace(FACTS, health="lagging", staleness=26 * HOUR, usual_lag=None),
            "late by 26h (too little is known to say whether that is usual)",
        ),
        (
            replace(FACTS, health="lagging", staleness=3 * HOUR, silence=3 * HOUR),
            "late by 3h: its newest data came 3h ago, 5s old",
        ),
        (
            replace(  # one bad day in a month is not what is usual
                FACTS,
                health="lagging",
                staleness=28 * HOUR,
                lag=28 * HOUR,
                usual_lag=1.0,
                usual_most=28 * HOUR,
            ),
            "late by 28h where 1s is usual; its data flows",
        ),
        (
            replace(FACTS, health="stalled", silence=3 * HOUR, chance=3e-9),
            "silent for 3h where 4min is usual (p < 1e-8)",
        ),
        (
            replace(FACTS, health="stalled", silence=3 * HOUR, chance=None),
            "silent for 3h, and more than 2h counts as too long",
        ),
        (
            replace(FACTS, health="stalled", recovering=True),
            "speaks again after a silence, not yet as densely as usual",
        ),
        (replace(FACTS, health="corrupt", wrong="unit of amount: x100"), "unit of amount: x100"),
        (replace(FACTS, health="unknown"), "never seen"),
        (
            replace(FACTS, missing=("4 of 8 slices of the users", "kind = quiz")),
            "in time; nothing of 4 of 8 slices of the users, kind = quiz while the rest flows",
        ),
        (
            replace(FACTS, health="stalled", recovering=True, missing=("kind = quiz",)),
            "speaks again after a silence, not yet as densely as usual; "
            "before that nothing of kind = quiz while the rest flowed",
        ),
    ],
)
def test_why_the_health_is_what_it_is(facts: Facts, words: str) -> None:
    assert in_words(facts) == words


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (0.25, "0.25s"), (59, "59s"), (172800, "2d"), (1e8, "1157d")]
)
def test_a_duration_has_one_unit(seconds: float, text: str) -> None:
    assert duration(seconds) == text
