"""Imports every module that registers faults; the order is the table's."""

from __future__ import annotations

from tests.faults import (
    brokers,
    kills,
    misfits,
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
    "brokers",
    "kills",
    "misfits",
    "redis_absences",
    "redis_losses",
    "stalls",
    "trainers",
]
