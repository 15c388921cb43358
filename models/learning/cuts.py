"""Which cuts become examples: one for each user and period, chosen without looking at the label."""

from __future__ import annotations

from functools import lru_cache

from models.spec import Spec
from schemas.ids import keyed_hash


@lru_cache(maxsize=1_000_000)
def _phase(key: str, user: str, period: int) -> int:
    return keyed_hash(key, user) % period


def is_example(spec: Spec, user: str, cut: int) -> bool:
    """Whether the cut at ``cut`` of this user is an example.

    Every ``example_every / every``-th cut, the phase given by a keyed hash of the user.
    """
    schedule = spec.cuts
    period = max(1, spec.learning.example_every // schedule.every)
    number = (cut - schedule.anchor) // schedule.every
    return number % period == _phase(spec.learning.sample_key, user, period)
