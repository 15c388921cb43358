"""Imports every module that registers faults; the order is the table's."""

from __future__ import annotations

from tests.faults import (
    answers,
    brokers,
    kills,
    misfits,
    pauses,
    rebalances,
    redis_absences,
    redis_losses,
    stalls,
    trainers,
)
from tests.faults.registry import FAULTS, Fault, Stage

__all__ = [
    "FAULTS",
    "Fault",
    "Stage",
    "answers",
    "brokers",
    "kills",
    "misfits",
    "pauses",
    "rebalances",
    "redis_absences",
    "redis_losses",
    "stalls",
    "trainers",
]
