"""Who takes part, and how each one is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench.learning import naive
from bench.learning.datasets import DataSet
from bench.learning.own import Own
from bench.learning.rows import Rows
from bench.learning.rules import BaseRate, Recency
from bench.learning.stage import Learner
from models.spec import ModelSpec

ANCHOR, ANCHORS = "lightgbm", ("lightgbm_tuned", "lightgbm_100")
"""Ours are compared with the better of the two, as the reported rows tell in hindsight."""
Make = Callable[[DataSet, Rows], tuple[Learner, str]]
"""Makes the learner; the text says what was chosen, if anything."""


@dataclass(frozen=True, slots=True)
class Contender:
    """Someone who takes part. one_user_in: learns and scores only one user in so many.

    code: what its figures depend on besides the rows, relative to the root.
    """

    name: str
    title: str
    make: Make
    code: tuple[str, ...]
    one_user_in: int = 1


def _batch(name: str) -> Make:
    def make(data: DataSet, rows: Rows) -> tuple[Learner, str]:
        from bench.learning import batch  # LightGBM is there in the bench's environment alone

        family = batch.FAMILIES[name]
        settings = batch.choose(data.spec, rows, family, data.report_from)
        return batch.Batch(data.spec, rows, family, settings), batch.describe(settings)

    return make


def _naive(name: str) -> Make:
    return lambda data, rows: (naive.Naive(data.spec, rows, naive.MODELS[name]()), "defaults")


def own(kind: str, **params: Any) -> Make:
    """Ebbline's kind of this name, with the data set's prior and nothing else of it."""

    def make(data: DataSet, rows: Rows) -> tuple[Learner, str]:
        spec = ModelSpec(kind=kind, prior=data.spec.model.prior, params=tuple(params.items()))
        return Own(data.spec, rows, spec), ""

    return make


_COMMON = ("bench/learning/stage.py", "bench/learning/rules.py")
_OWN = (*_COMMON, "bench/learning/own.py", "models/learning", "models/spec.py")
_BATCH = (*_COMMON, "bench/learning/batch.py")
_NAIVE = (*_COMMON, "bench/learning/naive.py")

OWN_KINDS = {"ebbline_logistic": "logistic", "ebbline_boosted": "boosted", "ebbline": "mixture"}
"""Ours: the two parts, and the whole, which is the default of ``ebbline init``."""
OWN_TITLES = {
    "ebbline_logistic": "**Ebbline**, logistic with replay alone",
    "ebbline_boosted": "**Ebbline**, boosted oblivious trees alone",
    "ebbline": "**Ebbline**, the mixture",
}

CONTENDERS: tuple[Contender, ...] = (
    Contender("base_rate", "base rate so far", lambda d, r: (BaseRate(d.spec, r), ""), _COMMON),
    Contender(
        "recency",
        "recency only",
        lambda d, r: (Recency(d.spec, r, d.recency), ""),
        _COMMON,
    ),
    Contender("river_lr", "River: scaler, logistic regression", _naive("river_lr"), _NAIVE),
    Contender("river_hat", "River: Hoeffding adaptive tree", _naive("river_hat"), _NAIVE),
    Contender(
        "river_arf",
        "River: adaptive random forest (1/7 of the users)",
        _naive("river_arf"),
        _NAIVE,
        one_user_in=naive.ONE_USER_IN["river_arf"],
    ),
    Contender("logistic_28d", "logistic regression, every 28 days", _batch("logistic_28d"), _BATCH),
    Contender("lightgbm_tuned", "LightGBM, tuned", _batch("lightgbm_tuned"), _BATCH),
    Contender("lightgbm_100", "LightGBM, 100 rounds", _batch("lightgbm_100"), _BATCH),
    *(Contender(name, OWN_TITLES[name], own(kind), _OWN) for name, kind in OWN_KINDS.items()),
)
