"""Are the probabilities right: by band of the prediction, over time, and in segments of users?"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from bench.learning import metrics
from bench.learning.running import Result, Results
from models.grid import Float, Int
from schemas.times import DAY

SEGMENTS = 4
PERIODS = 24
"""At most so many points over time."""


class Cell(NamedTuple):
    """A group of rows: mean prediction, rate of positives, rows."""

    name: str
    said: float
    happened: float
    rows: int


def bands(results: Results, result: Result) -> list[tuple[float, float]]:
    """Mean prediction and rate in each tenth of the rows."""
    label, said, _ = _reported(results, result)
    return [(mean, rate) for mean, rate, _ in metrics.reliability(label, said)]


def over_time(results: Results, result: Result) -> list[Cell]:
    """Mean prediction and rate by time; the name is the days since reporting began."""
    label, said, places = _reported(results, result)
    time = results.rows.time[places]
    cuts = np.unique(time)
    found = []
    for part in np.array_split(cuts, min(PERIODS, len(cuts))):
        inside = (time >= part[0]) & (time <= part[-1])
        name = f"{(part[0] - cuts[0]) / DAY:.0f}"
        found.append(_cell(name, label[inside], said[inside]))
    return found


def loss_over_time(results: Results, result: Result) -> list[tuple[float, float]]:
    """Log loss by time, in days since reporting began."""
    label, said, places = _reported(results, result)
    time, loss = results.rows.time[places], metrics.losses(label, said)
    cuts = np.unique(time)
    found = []
    for part in np.array_split(cuts, min(PERIODS, len(cuts))):
        inside = (time >= part[0]) & (time <= part[-1])
        found.append((float(part[0] - cuts[0]) / DAY, float(loss[inside].mean())))
    return found


def segments(results: Results, result: Result) -> list[Cell]:
    """By how long the user has been silent: quarters of the reported rows, and never seen."""
    label, said, places = _reported(results, result)
    rows = results.rows
    silence = rows.scored[places, rows.names.index(results.data.recency)]
    edges = np.nanquantile(silence, np.linspace(0, 1, SEGMENTS + 1)[1:-1])
    segment = np.where(np.isnan(silence), SEGMENTS, np.digitize(silence, edges))
    names = [*(f"silence {i + 1}/{SEGMENTS}" for i in range(SEGMENTS)), "never seen"]
    return [
        _cell(name, label[segment == i], said[segment == i])
        for i, name in enumerate(names)
        if (segment == i).any()
    ]


def _cell(name: str, label: Float, said: Float) -> Cell:
    return Cell(name, float(said.mean()), float(label.mean()), len(label))


def _reported(results: Results, result: Result) -> tuple[Float, Float, Int]:
    places = np.flatnonzero(results.reported & ~np.isnan(result.probability))
    return results.rows.label[places], result.probability[places], places
