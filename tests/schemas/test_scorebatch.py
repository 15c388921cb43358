"""Scores written as columns are the bytes that the codec gives, one by one."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import decode_score, encode
from schemas.scorebatch import ScoreColumns, ScoreConstants, encode_scores
from schemas.scores import Health, ModelRef, Reason, Score, SourceState, Treatment
from schemas.times import MAX_TIME, MIN_TIME, format_time

HEALTH: tuple[Health, ...] = ("fresh", "stalled", "unknown")
TREATMENT: tuple[Treatment, ...] = ("current", "latest", "masked")
LEFT_OUT = re.compile(rb',"(evidence|coverage)":null')
NASTY = ['a","b', '",', ",", '"', "\\", '\\",', "%b %% %s", "\u2028é😀\x00\n", ""]

texts = st.one_of(st.sampled_from(NASTY), st.text(st.characters(codec="utf-8"), max_size=8))
numbers = st.one_of(st.floats(), st.sampled_from([0.0, -0.0, 1e16, 5e-324, 1e-7]))
states = st.tuples(
    st.integers(MIN_TIME, MAX_TIME),
    st.booleans(),
    numbers,
    st.integers(0, 2),
    st.integers(0, 2),
    st.none() | texts,
    st.none() | st.integers(0, 10_000).map(lambda part: part / 10_000),
)
weights = st.one_of(st.none(), st.tuples(numbers, numbers))
reasons = st.tuples(st.integers(-1, 2), numbers, numbers, texts)
rows = st.tuples(
    texts,
    texts,
    texts,
    st.integers(MIN_TIME, MAX_TIME),
    numbers,
    st.tuples(states, states),
    st.tuples(reasons, reasons),
    weights,
)
constants = st.builds(
    ScoreConstants,
    app=texts,
    horizon_s=st.integers(0, 2**40),
    model=st.builds(
        ModelRef, texts, st.integers(0, 9), st.one_of(st.none(), st.just("1970-01-01T00:00:00Z"))
    ),
    maturity=st.sampled_from(("prior", "learning", "mature")),
    feature_set=texts,
    policy=texts,
    emitted_at=texts,
    sources=st.just(["usage %", "bil,ling"]),
    features=st.just(["one", "two%", 'thr"ee']),
    labels=st.lists(st.one_of(st.none(), texts), min_size=3, max_size=3),
    health=st.just(HEALTH),
    treatment=st.just(TREATMENT),
    policies=st.just(["one%", 'tw"o']),
)


def finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def one(c: ScoreConstants, row: tuple[Any, ...], identity: str) -> Score:
    """A row as the typed record."""
    user, cause, band, time, probability, sources, why, weights = row
    return Score(
        id=identity,
        app=c.app,
        user=user,
        time=format_time(time),
        horizon_s=c.horizon_s,
        cause=cause,
        probability=probability,
        band=band,
        model=c.model,
        feature_set=c.feature_set,
        policy=c.policy,
        sources={
            name: SourceState(
                format_time(as_of) if known else None, finite(stale), HEALTH[h], TREATMENT[t], *rest
            )
            for name, (as_of, known, stale, h, t, *rest) in zip(c.sources, sources, strict=True)
        },
        reasons=[
            Reason(c.features[j], finite(value), part, c.labels[j], text)
            for j, value, part, text in why
            if j >= 0
        ],
        emitted_at=c.emitted_at,
        maturity=c.maturity,
        weights=weighed(c, weights),
    )


def weighed(c: ScoreConstants, weights: tuple[float, float] | None) -> dict[str, float] | None:
    """Weights by policy; NaN stands for a policy that has none, and infinity for null."""
    if weights is None:
        return None
    known = {n: w for n, w in zip(c.policies, weights, strict=True) if not np.isnan(w)}
    return known or None


def columns(batch: list[tuple[Any, ...]], ids: list[str], *, renews: bool = False) -> ScoreColumns:
    n = len(batch)
    sources = [[row[5][s] for row in batch] for s in (0, 1)]
    why = [[row[6][k] for row in batch] for k in (0, 1)]

    def table(parts: list[list[tuple[Any, ...]]], place: int, dtype: Any) -> Any:
        return np.array([[item[place] for item in part] for part in parts], dtype).T.reshape(n, 2)

    held = [i for i, row in enumerate(batch) if row[7] is not None]

    return ScoreColumns(
        ids=ids,
        users=[row[0] for row in batch],
        causes=[row[1] for row in batch],
        bands=[row[2] for row in batch],
        times=np.array([row[3] for row in batch], dtype=np.int64),
        probability=np.array([row[4] for row in batch], dtype=np.float64),
        as_of=table(sources, 0, np.int64),
        known=table(sources, 1, np.bool_),
        staleness_s=table(sources, 2, np.float64),
        health=table(sources, 3, np.uint8),
        treatment=table(sources, 4, np.uint8),
        reasons=table(why, 0, np.int64),
        values=table(why, 1, np.float64),
        contributions=table(why, 2, np.float64),
        phrases=[item[3] for row in batch for item in row[6]],
        weighed=np.array(held, dtype=np.int64),
        weights=np.array([batch[i][7] for i in held], dtype=np.float64).reshape(len(held), 2),
        supersedes=["f" * 32] * n if renews else (),
        evidence={
            s: {i: row[5][s][5] for i, row in enumerate(batch) if row[5][s][5] is not None}
            for s in (0, 1)
        },
        coverage=covered(sources, n),
    )


def covered(sources: list[list[tuple[Any, ...]]], n: int) -> Any:
    """What remains of windows; None where that is said of no row."""
    shares = np.array([[item[6] for item in part] for part in sources], np.float64)
    return None if np.isnan(shares).all() else shares.T.reshape(n, 2)


@given(constants, st.lists(rows, max_size=5), st.booleans())
def test_the_bytes_are_the_codecs(
    c: ScoreConstants, batch: list[tuple[Any, ...]], renews: bool
) -> None:
    ids = [f"{i:032x}" for i in range(len(batch))]
    supersedes = "f" * 32 if renews else None
    made = [one(c, row, identity) for row, identity in zip(batch, ids, strict=True)]
    records = [replace(record, supersedes=supersedes) for record in made]
    wanted = [LEFT_OUT.sub(b"", encode(record)) for record in records]
    assert encode_scores(c, columns(batch, ids, renews=renews)) == wanted


@pytest.mark.parametrize("user", NASTY)
def test_a_user_is_read_back(user: str) -> None:
    c = ScoreConstants(
        app="a",
        horizon_s=1,
        model=ModelRef("m", 0, None),
        maturity="prior",
        feature_set="f",
        policy="latest",
        emitted_at="",
        sources=["s", "t"],
        features=[],
        labels=[],
        health=HEALTH,
        treatment=TREATMENT,
        policies=[],
    )
    state = (MIN_TIME, True, 0.5, 0, 0, None, None)
    row = (
        user,
        "schedule",
        "low",
        MIN_TIME,
        0.5,
        (state, state),
        ((-1, 0, 0, ""), (-1, 0, 0, "")),
        None,
    )
    (value, other) = encode_scores(c, columns([row, row], ["0" * 32, "1" * 32]))
    assert decode_score(value).user == decode_score(other).user == user
