"""A small deployment with five features, and examples whose label the features explain."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from models.learning.trainer import EpochResult, Trainer
from models.spec import (
    FeatureSpec,
    LabelSpec,
    LearningSpec,
    ModelSpec,
    PopulationSpec,
    ScheduleSpec,
    ScoringSpec,
    SourceSpec,
    Spec,
)
from schemas.examples import Example
from schemas.ids import stable_id
from schemas.mapping import SourceMapping, TimeMapping

DAY = 86_400_000_000
FEATURES = ("clicks_7d", "clicks_28d", "recency", "score", "weekday")


def make_spec(kind: str = "logistic", *, app: str = "test", **params: Any) -> Spec:
    mapping = SourceMapping(user=("user",), time=TimeMapping(path=("at",), unit="ms"))
    usage = SourceSpec(name="usage", topic="events.usage", mapping=mapping)
    return Spec(
        app=app,
        clock="arrival",
        grid=DAY,
        max_future=DAY,
        sources=(usage,),
        features=(
            FeatureSpec("clicks_7d", "sum", "usage", window=7 * DAY),
            FeatureSpec("clicks_28d", "sum", "usage", window=28 * DAY),
            FeatureSpec("recency", "last_seen_age", "usage"),
            FeatureSpec("score", "mean", "usage", window=28 * DAY),
            FeatureSpec("weekday", "day_of_week"),
        ),
        population=PopulationSpec(),
        labels=LabelSpec(rule="outcome", horizon=28 * DAY, sources=("usage",)),
        scoring=ScoringSpec(schedule=ScheduleSpec(7 * DAY), on_event=None, bands=(("low", 0.0),)),
        model=ModelSpec(kind=kind, prior=0.2, params=tuple(params.items())),
        learning=LearningSpec(
            every=DAY, activation_delay=DAY // 24, example_every=28 * DAY, complete_within=DAY
        ),
    )


def make_example(spec: Spec, number: int, rng: np.random.Generator, epoch: int) -> Example:
    """Churners click little and long ago; a fifth of the scores is not known."""
    clicks, recency = float(rng.poisson(8)), float(rng.exponential(5.0))
    logit = -1.2 + 0.25 * recency - 0.15 * clicks
    vector = {
        "clicks_7d": clicks,
        "clicks_28d": clicks * 3 + float(rng.poisson(3)),
        "recency": recency,
        "weekday": float(number % 7),
    }
    if rng.random() < 0.8:
        vector["score"] = float(rng.normal(60, 20))
    return Example(
        id=stable_id(spec.app, epoch, number),
        app=spec.app,
        user=f"user-{number}",
        partition=number % 3,
        time=epoch - 28 * DAY - (number % 5) * DAY,
        epoch=epoch,
        label=int(rng.random() < 1 / (1 + math.exp(-logit))),
        weight=1.0,
        vector=vector,
        complete=vector | {"clicks_7d": clicks + float(rng.integers(2))},
        as_of={"usage": epoch},
        health={"usage": "fresh"},
        treatment={"usage": "current"},
        probability=0.2,
        model_version=0,
        feature_set=spec.feature_set,
    )


def make_epoch(spec: Spec, epoch: int, count: int = 40, seed: int = 0) -> list[Example]:
    rng = np.random.default_rng((seed, epoch // DAY))
    return [make_example(spec, number, rng, epoch) for number in range(count)]


def random_matrix(rng: np.random.Generator, rows: int) -> np.ndarray:
    """Rows as a scorer gets them: heavy tails, a fifth not known."""
    matrix = rng.lognormal(1.0, 2.0, (rows, len(FEATURES)))
    matrix[rng.random(matrix.shape) < 0.2] = np.nan
    return matrix


@pytest.fixture(scope="session")
def spec_of() -> Callable[..., Spec]:
    return make_spec


@pytest.fixture(scope="session")
def spec() -> Spec:
    return make_spec()


@pytest.fixture(scope="session")
def epoch_of() -> Callable[..., list[Example]]:
    return make_epoch


@pytest.fixture(scope="session")
def matrix_of() -> Callable[..., np.ndarray]:
    return random_matrix


@pytest.fixture(scope="session")
def learned(spec: Spec) -> tuple[Trainer, EpochResult]:
    """A trainer after three epochs, and the last one's result. Not to be taught any more."""
    trainer = Trainer(spec)
    for day in (50, 51):
        trainer.learn_epoch(day * DAY, make_epoch(spec, day * DAY, 120), position=day)
    return trainer, trainer.learn_epoch(52 * DAY, make_epoch(spec, 52 * DAY, 120), position=52)
