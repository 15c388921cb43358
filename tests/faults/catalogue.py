"""Imports every module that registers faults; the order is the table's."""

from __future__ import annotations

from tests.faults import kills
from tests.faults.registry import FAULTS, Fault, Stage

__all__ = ["FAULTS", "Fault", "Stage", "kills"]
