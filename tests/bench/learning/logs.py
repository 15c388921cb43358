"""A small log of purchases, as the bench of truth reads one: who buys rarely goes quiet first."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson

from bench.context import ROOT
from bench.learning.datasets import every_cut
from bench.learning.driver import Record, examples
from bench.learning.rows import Gatherer, Rows
from bench.learning.sources import from_files
from models.spec import ScheduleSpec, Spec
from schemas.times import DAY, SECOND, format_time, parse_time
from streams.config import load_config

START = parse_time("2013-01-05T00:00:00Z")
DAYS = 280
USERS = [f"c{i:04d}" for i in range(150)]
Purchase = tuple[int, str, float]


def spec() -> Spec:
    """CDNOW's configuration, four weeks ahead, with a cut every week, half of them learned."""
    found = load_config(ROOT / "examples/cdnow/ebbline.toml").spec
    learning = replace(found.learning, example_every=14 * DAY)
    scoring = replace(found.scoring, schedule=ScheduleSpec(7 * DAY), reasons=0)
    labels = replace(found.labels, horizon=28 * DAY, within=84 * DAY)
    population = replace(found.population, inactivity=84 * DAY)
    return replace(
        found, grid=DAY, learning=learning, scoring=scoring, labels=labels, population=population
    )


def purchases(users: list[str], start: int, days: int, seed: int = 1) -> list[Purchase]:
    """(time, user, dollars), in order of time; each user at a rate of their own."""
    rng = np.random.default_rng(seed)
    found = []
    for user in users:
        rate = rng.gamma(1.0, 0.06)
        at = rng.uniform(0, 60)
        while at < days:
            found.append((start + int(at * 86_400) * SECOND, user, float(rng.integers(5, 90))))
            at += 0.01 + rng.exponential(1 / rate)
    return sorted(found)


def records(events: list[Purchase], path: Path, close_at: int) -> list[list[Record]]:
    """What would be published."""
    lines = [
        orjson.dumps({"customer": user, "at": format_time(at), "cds": 1, "dollars": dollars})
        for at, user, dollars in events
    ]
    path.write_bytes(b"\n".join(lines))
    return list(from_files(spec(), {"purchases": path}, close_at))


def gather(blocks: list[list[Record]]) -> Rows:
    """Rows of the records."""
    gatherer = Gatherer(spec())
    examples(every_cut(spec()), blocks, gatherer.keep)
    return gatherer.rows()


def log(folder: Path) -> list[list[Record]]:
    """The log as it is."""
    events = purchases(USERS, START, DAYS)
    return records(events, folder / "purchases.jsonl", START + DAYS * DAY)
