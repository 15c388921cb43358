"""The CDNOW log as an example that the common runner can run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import orjson

from examples.cdnow.prepare import prepare
from examples.common.study import Prepared, Study
from examples.common.truth import EventTimes, SilenceTruth
from schemas.times import SECOND, parse_time
from streams.config import load_config

CONFIG = Path(__file__).parent / "ebbline.toml"


def study() -> Study:
    """Make the example."""
    return Study("CDNOW: customers who stop buying", CONFIG, _prepare)


def _prepare(data: Path, out: Path) -> Prepared:
    path = prepare(data, out)
    events = [orjson.loads(line) for line in path.read_bytes().splitlines()]
    users = [event["customer"] for event in events]
    times = np.array([parse_time(event["at"]) for event in events], dtype=np.int64)
    closed = int(times.max()) + SECOND  # midnight after the last day of the log
    horizon = load_config(CONFIG).spec.labels.horizon
    truth = SilenceTruth(EventTimes(users, times), horizon, closed)
    counts = {"purchases": len(events), "customers": len(set(users))}
    return Prepared({"purchases": path}, truth, closed, counts)
