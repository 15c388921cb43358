"""The data sets: how each one's rows are made, and which part of it is reported.

What is before ``report_from`` may be used to choose (LightGBM's and the logistic regression's
settings are, there and nowhere else); figures are taken from the cuts at or after it. For the
simulator the parts are other worlds as well: seeds from CHOOSE for choosing, REPORT for reporting.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import orjson
from pyarrow import parquet

from bench.context import ROOT
from bench.learning import worlds
from bench.learning.driver import Record, examples
from bench.learning.rows import Gatherer, Rows
from bench.learning.sources import from_files, from_simulator
from examples.cdnow import prepare as cdnow
from examples.oulad import prepare as oulad
from examples.oulad.study import SOURCES as OULAD_SOURCES
from models.spec import ModelSpec, ScheduleSpec, Spec
from schemas.times import DAY, SECOND, parse_time
from streams.config import load_config, parse_config
from streams.demo.simtime import START
from streams.demo.simulator import Simulator
from streams.demo.template import configuration

CHOOSE, REPORT = 1, 101
"""Seeds of the simulator: to try things out on, and to report."""


@dataclass(frozen=True, slots=True)
class DataSet:
    """A log with its configuration.

    make: the rows, from the folder of the published data. report_from: µs. inputs: files and
    folders (relative to the data folder) that the rows are made of. recency: the feature that
    says how long a user has been silent. derived: made of another one's rows.
    """

    name: str
    title: str
    spec: Spec
    report_from: int
    recency: str
    inputs: tuple[str, ...]
    make: Callable[[Spec, Path, Path], Rows]
    derived: bool = False

    def path(self, data: Path, cache: Path) -> Path:
        """Where the rows are kept, once they are made."""
        return cache / f"{self.name}-{self._key(data)}.npz"

    def rows(self, data: Path, cache: Path) -> Rows:
        """Rows, made once for each configuration, data and code."""
        path = self.path(data, cache)
        if not path.exists():
            self.save_rows(data, cache)
        return Rows.load(path)

    def save_rows(self, data: Path, cache: Path) -> None:
        """Make them."""
        cache.mkdir(parents=True, exist_ok=True)
        self.make(self.spec, data, cache).save(self.path(data, cache))

    def _key(self, data: Path) -> str:
        digest = hashlib.blake2b(digest_size=8)
        digest.update(repr(replace(self.spec, model=ModelSpec())).encode())
        folders = [data / name for name in self.inputs]
        folders += [ROOT / name for name in CODE]
        for path in sorted(file for folder in folders for file in files_of(folder)):
            digest.update(path.read_bytes())
        return digest.hexdigest()


CODE = (
    "models/engine",
    "models/features",
    "models/state",
    "models/staleness",
    "models/grid.py",
    "models/learning/cuts.py",
    "models/learning/labels.py",
    "schemas",
    "streams/demo/world.py",
    "streams/demo/simulator.py",
    "examples/oulad/prepare.py",
    "examples/cdnow/prepare.py",
    "bench/learning/datasets.py",
    "bench/learning/driver.py",
    "streams/replay",
    "bench/learning/rows.py",
    "bench/learning/sources.py",
    "bench/learning/worlds.py",
)


def files_of(path: Path) -> list[Path]:
    """The file itself, or the code and the data in a folder."""
    if path.is_file():
        return [path]
    return [p for p in path.rglob("*") if p.is_file() and p.suffix in (".py", ".parquet", ".txt")]


def every_cut(spec: Spec) -> Spec:
    """The same deployment with an example of every cut, for scoring all that production scores."""
    learning = replace(spec.learning, example_every=spec.cuts.every, negatives=1.0)
    return replace(spec, learning=learning, scoring=replace(spec.scoring, reasons=0))


def _gather(spec: Spec, records: Iterable[list[Record]]) -> Rows:
    gatherer = Gatherer(spec)
    examples(every_cut(spec), records, gatherer.keep)
    return gatherer.rows()


# --- the Open University: who withdraws ----------------------------------------------------------

EARLIER, LATER = "2013B", "2013J"
DATED = ("day_of_month", "season_sin", "season_cos")
MOVED_ON, MOVED_BACK = 38 * 7 * DAY, 35 * 7 * DAY
"""For the calendar reversed: so much later are 2013B's rows, so much earlier 2013J's. Whole weeks,
so that cuts stay on Saturdays, and 2013B begins as 2013J ends, as it is the other way round."""


def _oulad() -> DataSet:
    def make(spec: Spec, data: Path, cache: Path) -> Rows:
        with tempfile.TemporaryDirectory(prefix="oulad-", dir=cache) as folder:
            oulad.prepare(data / "oulad", Path(folder))
            files = {source: Path(folder) / f"{source}.parquet" for source in OULAD_SOURCES}
            last = max(_last_second(path) for path in files.values())
            return _gather(spec, from_files(spec, files, last * SECOND + 29 * DAY))

    return DataSet(
        name="oulad_fwd",
        title=f"OULAD {EARLIER} → {LATER}",
        spec=load_config(ROOT / "examples/oulad/ebbline.toml").spec,
        report_from=parse_time("2013-09-30T00:00:00Z"),
        recency="last_click",
        inputs=("oulad",),
        make=make,
    )


def _oulad_reversed(forwards: DataSet) -> DataSet:
    """The later presentation first.

    No two presentations share a user, and a row depends on its own user's past alone (tested), so
    the rows are moved, not computed again.
    """

    def make(_spec: Spec, data: Path, cache: Path) -> Rows:
        if dated := [f.name for f in forwards.spec.features if f.agg in DATED]:
            raise ValueError(f"{', '.join(dated)}: bound to the date, so rows cannot be moved")
        return moved(forwards.rows(data, cache))

    return replace(
        forwards,
        name="oulad_rev",
        title=f"OULAD {LATER} → {EARLIER} (calendar reversed)",
        report_from=parse_time("2013-10-24T00:00:00Z"),
        make=make,
        derived=True,
    )


def moved(rows: Rows) -> Rows:
    """Rows of 2013B after those of 2013J."""
    earlier = np.array([f"/{EARLIER}/" in user for user in rows.users])[rows.user]
    by = np.where(earlier, MOVED_ON, -MOVED_BACK)
    found = replace(rows, time=rows.time + by, epoch=rows.epoch + by)
    return found.take(np.lexsort((found.user, found.time)))


def _last_second(path: Path) -> int:
    return int(parquet.read_table(path, columns=["at"])["at"].to_numpy().max())


# --- CDNOW: who stops buying ---------------------------------------------------------------------


def _cdnow(days: int, report_from: str) -> DataSet:
    def make(spec: Spec, data: Path, cache: Path) -> Rows:
        with tempfile.TemporaryDirectory(prefix="cdnow-", dir=cache) as folder:
            path = cdnow.prepare(data / "cdnow", Path(folder))
            last = orjson.loads(path.read_bytes().splitlines()[-1])["at"]
            records = from_files(spec, {"purchases": path}, parse_time(last) + SECOND)
            return _gather(spec, records)

    spec = load_config(ROOT / "examples/cdnow/ebbline.toml").spec
    spec = replace(spec, labels=replace(spec.labels, horizon=days * DAY))
    return DataSet(
        name=f"cdnow_{days}",
        title=f"CDNOW, silent for {days} days",
        spec=spec,
        report_from=parse_time(f"{report_from}T00:00:00Z"),
        recency="last_purchase",
        inputs=("cdnow",),
        make=make,
    )


# --- the simulator -------------------------------------------------------------------------------


def simulated(drift: str, seed: int, name: str) -> DataSet:
    """The demo's world with one kind of drift; scored once a week, for a week ahead."""

    def make(spec: Spec, _data: Path, _cache: Path) -> Rows:
        simulator = Simulator(seed, worlds.habits(drift, 0.0), horizon=DAY)

        def turn(day: float) -> None:
            simulator.world.habits = worlds.habits(drift, day)

        records = from_simulator(simulator, spec.sources, worlds.DAYS, turn)
        return _gather(spec, records)

    spec = parse_config(configuration("sim")).spec
    scoring = replace(spec.scoring, schedule=ScheduleSpec(every=7 * DAY, anchor=START))
    return DataSet(
        name=name,
        title=f"simulator, {drift} drift" if drift != "none" else "simulator, no drift",
        spec=replace(spec, scoring=scoring),
        report_from=START + worlds.REPORT_DAY * DAY,
        recency="last_session",
        inputs=(),
        make=make,
    )


OULAD = _oulad()
DATASETS: tuple[DataSet, ...] = (
    OULAD,
    _oulad_reversed(OULAD),
    _cdnow(56, "1997-06-12"),
    _cdnow(84, "1997-07-10"),
    _cdnow(168, "1997-09-04"),
    *(simulated(drift, REPORT, f"sim_{drift}") for drift in worlds.DRIFTS),
)
CHOOSING: tuple[DataSet, ...] = tuple(
    simulated(drift, CHOOSE, f"choose_{drift}") for drift in worlds.DRIFTS
)
