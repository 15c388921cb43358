"""Every contender on every data set; what has been run already is taken from the last time.

A run is kept under a hash of the rows and of the code that made it, so that one contender that
changed is one contender that runs.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.context import ROOT
from bench.learning.contenders import ANCHOR, ANCHORS, Contender
from bench.learning.datasets import DataSet, files_of
from bench.learning.metrics import log_loss
from bench.learning.pool import Task, each
from bench.learning.rows import ARRAYS, Rows
from bench.learning.stage import prequential
from models.grid import Bool, Float


@dataclass(frozen=True, slots=True)
class Result:
    """A contender on a data set.

    probability: float64[n], NaN where it did not score. learn_ms, score_ms: CPU for one example
    learned, for one row scored. chosen: its settings, where some were chosen.
    """

    contender: Contender
    probability: Float
    learn_ms: float
    score_ms: float
    megabytes: float
    chosen: str
    seconds: float

    def save(self, path: Path) -> None:
        """Keep for the next time."""
        part = path.with_suffix(".part.npz")
        numbers = [self.learn_ms, self.score_ms, self.megabytes, self.seconds]
        np.savez_compressed(
            part,
            probability=self.probability,
            numbers=np.array(numbers),
            chosen=np.array(self.chosen),
        )
        part.replace(path)

    @classmethod
    def load(cls, contender: Contender, path: Path) -> Result:
        """Read what :meth:`save` wrote."""
        with np.load(path) as found:
            learn_ms, score_ms, megabytes, seconds = found["numbers"].tolist()
            return cls(
                contender=contender,
                probability=found["probability"],
                learn_ms=learn_ms,
                score_ms=score_ms,
                megabytes=megabytes,
                chosen=str(found["chosen"]),
                seconds=seconds,
            )


@dataclass(frozen=True, slots=True)
class Results:
    """All contenders on a data set. reported: bool[n], the rows that figures are taken of."""

    data: DataSet
    rows: Rows
    reported: Bool
    by_name: dict[str, Result]

    def find_anchor(self) -> None:
        """Enter the better of the batch boosters, by log loss on the reported rows."""
        label = self.rows.label[self.reported]
        found = [self.by_name[name] for name in ANCHORS if name in self.by_name]
        if found:
            self.by_name[ANCHOR] = min(
                found, key=lambda one: log_loss(label, one.probability[self.reported])
            )


def run_all(
    data: DataSet, rows: Rows, contenders: Sequence[Contender], cache: Path, jobs: int
) -> Iterator[Result]:
    """All contenders, in their order, ``jobs`` at a time in processes of their own."""
    cache.mkdir(parents=True, exist_ok=True)
    key = _hash_of_rows(rows)
    names = [f"{data.name}-{c.name}-{_key(key, data, c)}.npz" for c in contenders]

    def task(contender: Contender, path: Path) -> Task:
        return lambda: None if path.exists() else _run(data, rows, contender).save(path)

    made = [(c, cache / name) for c, name in zip(contenders, names, strict=True)]
    for number in each([task(*one) for one in made], jobs):
        yield Result.load(*made[number])


def make_rows(sets: Sequence[DataSet], data: Path, cache: Path, jobs: int) -> Iterator[DataSet]:
    """Make the rows that are not there yet, ``jobs`` data sets at a time."""
    wanted = [one for one in sets if not one.derived and not one.path(data, cache).exists()]

    def task(one: DataSet) -> Task:
        return lambda: one.save_rows(data, cache)

    for number in each([task(one) for one in wanted], jobs):
        yield wanted[number]


def _run(data: DataSet, rows: Rows, contender: Contender) -> Result:
    began = time.monotonic()
    learner, chosen = contender.make(data, rows)
    taking = rows.user % contender.one_user_in == 0
    run = prequential(data.spec, rows, learner, taking)
    return Result(
        contender=contender,
        probability=run.probability,
        learn_ms=run.learn.milliseconds,
        score_ms=run.score.milliseconds,
        megabytes=run.megabytes,
        chosen=chosen,
        seconds=time.monotonic() - began,
    )


def _hash_of_rows(rows: Rows) -> bytes:
    digest = hashlib.blake2b(digest_size=16)
    for name in ARRAYS:
        digest.update(getattr(rows, name).tobytes())
    return digest.digest()


def _key(rows: bytes, data: DataSet, contender: Contender) -> str:
    digest = hashlib.blake2b(rows, digest_size=8)
    digest.update(f"{data.report_from} {data.spec.model.prior}".encode())
    for name in contender.code:
        for path in sorted(files_of(ROOT / name)):
            digest.update(path.read_bytes())
    return digest.hexdigest()
