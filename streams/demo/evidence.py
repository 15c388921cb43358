"""What was seen in the output topics, as plain values: the claims judge these and nothing else."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import orjson

from schemas.deadletters import DeadLetter
from schemas.scores import Score
from schemas.times import parse_time
from streams.demo.faults import FaultSpan
from streams.demo.metrics import Quality, quality
from streams.demo.truth import Truth


@dataclass(frozen=True, slots=True)
class SeenScore:
    """The parts of a score that the claims look at.

    states: source → (health, treatment); digest: of everything but ``emitted_at``. weights:
    (policy, its part in the probability), where a source was not fresh.
    """

    id: str
    user: str
    time: int
    cause: str
    probability: float
    version: int
    states: Mapping[str, tuple[str, str]]
    digest: bytes
    weights: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that the claims are judged by.

    invalid: what was wrong with score records that do not fit the schema. lost: records that the
    broker dropped before they were read. dead: reason → letters with different ids; damaged:
    reason → records that the simulator damaged on purpose; due: those of them that must have
    been worked off. at_risk: cut → users who must have a score at it. stale_after: microseconds.
    """

    scores: tuple[SeenScore, ...]
    invalid: tuple[str, ...]
    lost: int
    dead: Mapping[str, int]
    damaged: Mapping[str, int]
    due: Mapping[str, int]
    spans: tuple[FaultSpan, ...]
    at_risk: Mapping[int, frozenset[str]]
    quality: Quality
    stale_after: int
    labels: int


@lru_cache(maxsize=4096)
def _states(key: tuple[tuple[str, str, str], ...]) -> Mapping[str, tuple[str, str]]:
    """Scores by the thousand share their states: one mapping for all of them."""
    return {name: (health, treatment) for name, health, treatment in key}


def see(score: Score) -> SeenScore:
    """Keep of a score what the claims look at; equal states are kept once."""
    states = _states(tuple((n, s.health, s.treatment) for n, s in score.sources.items()))
    content = replace(score, emitted_at="")
    return SeenScore(
        id=score.id,
        user=score.user,
        time=parse_time(score.time),
        cause=score.cause,
        probability=score.probability,
        version=score.model.version,
        states=states,
        digest=hashlib.blake2b(orjson.dumps(content), digest_size=8).digest(),
        weights=tuple((score.weights or {}).items()),
    )


def count_dead(letters: Iterable[DeadLetter]) -> Counter[str]:
    """Letters by reason; a letter that was sent again (equal id) counts once."""
    return Counter({letter.id: letter.reason for letter in letters}.values())


def judge_scores(
    scores: Iterable[SeenScore], truth: Truth, horizon: int, now: int, *, prior: bool = False
) -> Quality:
    """Join scores whose horizon is over with what truly happened.

    Left out: scores of users who were no customers any more in truth, which the worker could not
    know yet, and without ``prior`` those of the model before it learned anything (version 0).
    """
    rows, people = [], set()
    for score in {s.id: s for s in scores}.values():
        chance = truth.chance(score.user, score.time)
        if chance is None or score.time + horizon > now or (score.version == 0 and not prior):
            continue
        churned = truth.churned(score.user, score.time, horizon)
        rows.append((score.probability, chance, churned))
        if churned:
            people.add(score.user)
    columns = np.array(rows, dtype=np.float64).reshape(-1, 3)
    return quality(columns[:, 0], columns[:, 1], columns[:, 2].astype(bool), len(people))
