"""How well anybody could predict: the chance of cancelling, given what the events only hint at.

Each user's distribution over eight conditions (drifting or not, unpaid or not, angry or not) is
carried forward with the world's own rates, and what cancels on the way is the answer.
"""

from __future__ import annotations

import numpy as np

from streams.demo.world import Floats, World

_STEP = 0.25  # days


def churn_probability(world: World, days: float) -> Floats:
    """P(cancels within ``days``) of each row's user; NaN for those who are not customers."""
    share = _certain(world)
    moods = np.stack([world.mood, world.mood], axis=1)
    for step in range(round(days / _STEP)):
        share *= np.exp(-_STEP * _hazard(world, moods))
        moods = _drift(world, share, moods)
        _bill(world, share, step * _STEP)
        _complain(world, share)
    left: Floats = share.sum(axis=(1, 2, 3))
    return np.where(world.active, 1 - left, np.nan)


def _certain(world: World) -> Floats:
    """All the weight on the present condition: [row, drifting, unpaid, angry]."""
    share = np.zeros((world.users, 2, 2, 2))
    present = (world.drifting.astype(int), world.unpaid.astype(int), world.angry.astype(int))
    share[np.arange(world.users), *present] = 1.0
    return share


def _hazard(world: World, moods: Floats) -> Floats:
    h = world.habits
    by_mood = h.hazard * np.exp(-h.hazard_mood * moods)
    factors = np.outer([1.0, h.hazard_unpaid], [1.0, h.hazard_angry])
    hazard: Floats = np.minimum(by_mood[:, :, None, None] * factors, h.hazard_most)
    return hazard


def _drift(world: World, share: Floats, moods: Floats) -> Floats:
    """Turn some, and give those who turned into their new company's mean mood."""
    h = world.habits
    begin = share[:, 0] * -np.expm1(-h.begin_drifting * _STEP)
    stop = share[:, 1] * -np.expm1(-h.stop_drifting * _STEP)
    share[:, 0] += stop - begin
    share[:, 1] += begin - stop
    inflow = np.stack([stop.sum(axis=(1, 2)), begin.sum(axis=(1, 2))], axis=1)
    part = inflow / np.maximum(share.sum(axis=(2, 3)), 1e-12)
    mixed = moods + part * (moods[:, ::-1] - moods)
    pull = -np.expm1(-h.mood_pull * _STEP)
    pulled: Floats = mixed + pull * (np.array([0.0, h.drifting_mood]) - mixed)
    return pulled


def _bill(world: World, share: Floats, ahead: float) -> None:
    h = world.habits
    paid = share[:, :, 1] * -np.expm1(-h.retry_succeeds * _STEP)
    due = (world.invoice_in > ahead) & (world.invoice_in <= ahead + _STEP)
    failed = share[:, :, 0] * np.where(due, h.payment_fails, 0.0)[:, None, None]
    share[:, :, 0] += paid - failed
    share[:, :, 1] += failed - paid


def _complain(world: World, share: Floats) -> None:
    h = world.habits
    solved = share[..., 1] * -np.expm1(-h.solved_angry * _STEP)
    opened = share[..., 0] * h.tickets * h.angry * _STEP * np.array([1.0, 2.0])[None, :, None]
    share[..., 0] += solved - opened
    share[..., 1] += opened - solved
