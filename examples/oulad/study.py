"""The Open University data as an example that the common runner can run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pyarrow import parquet

from examples.common.study import Prepared, Study
from examples.common.truth import EventTimes, OutcomeTruth
from examples.oulad.prepare import prepare
from schemas.times import DAY, SECOND
from streams.config import load_config

CONFIG = Path(__file__).parent / "ebbline.toml"
SOURCES = ("registration", "clicks", "assessments", "outcomes")


def study() -> Study:
    """Make the example."""
    return Study("OULAD: withdrawal from courses", CONFIG, _prepare)


def _prepare(folder: Path, out: Path) -> Prepared:
    counts = prepare(folder, out)
    files = {name: out / f"{name}.parquet" for name in SOURCES}
    labels = load_config(CONFIG).spec.labels
    ended = parquet.read_table(files["outcomes"])
    ends = ended["at"].to_numpy() * SECOND
    closed = int(ends.max()) + labels.horizon
    truth = OutcomeTruth(
        outcomes={
            user: (int(end), kind == "withdrawn")
            for user, end, kind in zip(
                ended["student"].to_pylist(), ends, ended["kind"].to_pylist(), strict=True
            )
        },
        activity=_clicks(files["clicks"]),
        horizon=labels.horizon,
        known_until=closed,
    )
    return Prepared(files, truth, max(closed, _last_event(files)) + DAY, counts)


def _last_event(files: dict[str, Path]) -> int:
    """Some work is handed in long after the end."""
    tables = (parquet.read_table(path, columns=["at"]) for path in files.values())
    return max(int(table["at"].to_numpy().max()) for table in tables) * SECOND


def _clicks(path: Path) -> EventTimes:
    """The days on which each user clicked."""
    clicks = parquet.read_table(path, columns=["student", "at"])
    days = clicks.group_by(["student", "at"]).aggregate([])
    return EventTimes(days["student"].to_pylist(), days["at"].to_numpy().astype(np.int64) * SECOND)
