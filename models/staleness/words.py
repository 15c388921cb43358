"""The evidence of a source's health in words, for whoever is called at night."""

from __future__ import annotations

import math
from dataclasses import dataclass

from schemas.scores import Health

_UNITS = ((86_400.0, "d"), (3_600.0, "h"), (60.0, "min"), (1.0, "s"))
_LEAST = 1e-12
WHOLE = 0.8
"""If more than this share is later than usual, all of the source is."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is to be said. Durations in seconds, None where nothing is known.

    staleness: behind the clock; lag: of the newest data when it came; usual_lag, usual_most: its
    median and 95 % quantile so far; bound: above which it is late. silence: since the newest data
    came; usual_silence: the median of all silences; chance: P(so much silence), None: too little
    is known. recovering: it was silent for too long and speaks again. missing: parts that are gone
    while the rest flows. later: the share of what comes that is later than usual, and its median
    delay. wrong: why its data is not to be trusted, and from when on. empty: no event has come yet.
    """

    health: Health
    staleness: float | None
    lag: float | None
    usual_lag: float | None
    usual_most: float | None
    bound: float
    silence: float | None
    usual_silence: float | None
    chance: float | None
    recovering: bool
    missing: tuple[str, ...] = ()
    wrong: str | None = None
    later: tuple[float, float] | None = None
    empty: bool = False


def in_words(facts: Facts) -> str:
    """Say why the health is what it is.

    >>> from dataclasses import replace
    >>> facts = Facts("lagging", 93600, 93600, 93600, 95000, 7200, 60, 240, 0.5, False)
    >>> in_words(facts)
    'late by its usual 26h'
    >>> in_words(replace(facts, health="stalled", lag=60, silence=10800, chance=2e-9))
    'silent for 3h where 4min is usual (p < 1e-8)'
    """
    more = [_gone(facts)] if facts.missing else []
    return "; ".join([_said(facts), *more, *([_later(*facts.later)] if facts.later else [])])


def _said(facts: Facts) -> str:
    match facts.health:
        case "fresh":
            return _fresh(facts)
        case "lagging":
            return _late(facts)
        case "stalled":
            return _silent(facts)
        case "corrupt":
            return facts.wrong or "its data is wrong"
        case "unknown":
            return "never seen"


def _fresh(facts: Facts) -> str:
    if facts.empty:
        return "in time, but no event has come yet"
    if facts.staleness is not None and facts.staleness > facts.bound:
        quiet = f"quiet for {duration(facts.silence)}, as usual"
        return quiet if facts.later else f"{quiet}; what comes is in time"
    if facts.later is not None and facts.later[0] >= WHOLE:
        return f"within its bound of {duration(facts.bound)}"
    return "in time"


def _late(facts: Facts) -> str:
    lag, usual, most = facts.lag, facts.usual_lag, facts.usual_most
    behind = duration(facts.staleness)
    if lag is None or usual is None or most is None:
        return f"late by {behind} (too little is known to say whether that is usual)"
    if lag <= facts.bound:
        ago = duration(facts.silence)
        return f"late by {behind}: its newest data came {ago} ago, {duration(lag)} old"
    if facts.bound < usual and lag <= 1.2 * most:  # it has nearly always been so
        return f"late by its usual {duration(min(max(usual, lag), most))}"
    return f"late by {duration(lag)} where {duration(usual)} is usual; its data flows"


def _silent(facts: Facts) -> str:
    if facts.recovering:
        return "speaks again after a silence, not yet as densely as usual"
    if facts.chance is None or facts.usual_silence is None:
        bound = duration(facts.bound)
        return f"silent for {duration(facts.silence)}, and more than {bound} counts as too long"
    usual = duration(facts.usual_silence)
    return (
        f"silent for {duration(facts.silence)} where {usual} is usual ({probability(facts.chance)})"
    )


def _gone(facts: Facts) -> str:
    parts = "nothing of " + ", ".join(facts.missing)
    if facts.health == "stalled":
        return f"before that {parts} while the rest flowed"
    return f"{parts} while the rest flows"


def _later(share: float, by: float) -> str:
    """What stands out of the delays of two days.

    >>> _later(0.21, 432_000)
    '21% of it comes about 5d late (held back, or clocks behind)'
    >>> _later(1.0, 21_600)
    'it comes later than usual, about 6h'
    """
    if share >= WHOLE:
        return f"it comes later than usual, about {duration(by)}"
    return f"{share:.0%} of it comes about {duration(by)} late (held back, or clocks behind)"


def probability(chance: float) -> str:
    """A probability: "p = 0.02", or "p < 1e-8"."""
    if chance >= 0.001:
        return f"p = {chance:.2g}"
    return f"p < 1e{math.ceil(math.log10(max(chance, _LEAST)) - 1e-9)}"


def duration(seconds: float | None) -> str:
    """A duration in one unit.

    >>> duration(93_600), duration(240), duration(800_000), duration(None)
    ('26h', '4min', '9.26d', 'ever')
    """
    if seconds is None:
        return "ever"
    for size, unit in _UNITS:
        if seconds >= (2 * size if unit == "d" else size) or unit == "s":
            break
    many = seconds / size
    return (f"{many:.0f}" if many >= 100 else f"{many:.3g}") + unit
