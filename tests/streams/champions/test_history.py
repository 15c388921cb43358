"""Examples are retold with hindsight: what is known by now to be wrong is so from the beginning."""

from __future__ import annotations

from dataclasses import replace

import pytest

from models.spec import Spec
from schemas.codec import encode
from schemas.examples import EpochEnd, Example, LeftOut, ModelRequest
from schemas.times import DAY
from streams.champions.history import by_epoch
from streams.study.worlds import specification

SPEC = specification()
WRONG = LeftOut("usage", 2 * DAY, 3 * DAY)
BACK = ModelRequest("r", SPEC.app, "rollback", None, None, "", "", 2 * DAY, (WRONG,))


def example(spec: Spec, epoch: int) -> Example:
    return Example(
        id=f"e{epoch}",
        app=spec.app,
        user="u",
        partition=0,
        time=epoch - DAY,
        epoch=epoch,
        label=0,
        weight=1.0,
        vector={},
        complete={},
        as_of={"usage": epoch - DAY},
        health={},
        treatment={},
        probability=0.1,
        model_version=0,
        feature_set=spec.feature_set,
    )


def epoch_of(spec: Spec, day: int) -> list[bytes]:
    """An example whose usage is known up to the day before, and the ends of both partitions."""
    ends = (EpochEnd(spec.app, p, 2, day * DAY, spec.feature_set) for p in (0, 1))
    return [encode(example(spec, day * DAY)), *map(encode, ends)]


def corrupt(spec: Spec, values: list[bytes]) -> list[int]:
    """Days whose examples are marked."""
    found, others = by_epoch(spec, values)
    assert others == 0
    return [epoch // DAY for epoch, (one,) in sorted(found.items()) if one.corrupt == ["usage"]]


@pytest.mark.parametrize(
    ("read", "marked"),
    [(5, [4, 5, 6]), (7, [4, 5, 6, 7, 8]), (9, [4, 5, 6, 7, 8, 9])],
    ids=["amid", "later", "still to be done"],
)
def test_what_was_asked_to_be_left_out_is_marked_up_to_where_it_was_asked(
    read: int, marked: list[int]
) -> None:
    """Values without a window look back for ever, but after the request the gate is right."""
    values = [epoch_of(SPEC, day) for day in range(1, 10)]
    values.insert(read, [encode(BACK)])
    assert corrupt(SPEC, [value for part in values for value in part]) == marked


def test_an_epoch_that_a_partition_has_not_ended_is_not_over() -> None:
    *first, last_end = [value for day in range(1, 6) for value in epoch_of(SPEC, day)]
    after = [value for day in range(6, 9) for value in epoch_of(SPEC, day)]
    assert corrupt(SPEC, [*first, encode(BACK), last_end, *after]) == [4, 5]


def test_requests_about_other_apps_or_about_nothing_wrong_mark_nothing() -> None:
    values = [value for day in range(1, 6) for value in epoch_of(SPEC, day)]
    others = (replace(BACK, app="other"), replace(BACK, before=None, left_out=()))
    assert corrupt(SPEC, [*values, *map(encode, others)]) == []
    assert corrupt(SPEC, [encode(BACK)]) == []
