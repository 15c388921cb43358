"""Which cuts become examples: one for each user and period, and of the negatives a sample."""

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
    return phase_at(spec, cut) == phase_of(spec, user)


def phase_at(spec: Spec, cut: int) -> int:
    """The phase of the users for whom the cut is an example."""
    return (cut - spec.cuts.anchor) // spec.cuts.every % _period(spec)


def phase_of(spec: Spec, user: str) -> int:
    """The phase of the cuts that are this user's examples."""
    return _phase(spec.learning.sample_key, user, _period(spec))


def _period(spec: Spec) -> int:
    return max(1, spec.learning.example_every // spec.cuts.every)


def kept_with(spec: Spec, user: str, cut: int, label: int) -> float | None:
    """Weight of an example whose label is known; None if it is left out.

    Of the negatives a share of ``negatives`` is kept, by a keyed hash of user and cut, each with
    the weight ``1 / negatives``: sums over examples keep their expectation (Horvitz and Thompson,
    A generalization of sampling without replacement from a finite universe, JASA 47, 1952). So does
    the base rate, and a learner that honours weights stays calibrated.
    """
    share = spec.learning.negatives
    if label == 1 or share == 1.0:
        return 1.0
    chance = keyed_hash(spec.learning.sample_key, f"{user}\x1f{cut}") / 2**64
    return 1.0 / share if chance < share else None
