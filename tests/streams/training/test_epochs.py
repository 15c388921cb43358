"""When an epoch is complete, and to which one a request belongs: by offsets alone."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.examples import EpochEnd, Example, ModelRequest
from streams.training.epochs import Epochs
from tests.properties import examples

PARTITIONS = 3


def request(number: int) -> ModelRequest:
    return ModelRequest(str(number), "a", "promote", "m", None, "", "")


def marker(partition: int, epoch: int) -> EpochEnd:
    return EpochEnd("a", partition, PARTITIONS, epoch, "fs")


def example(number: int, epoch: int) -> Example:
    about: dict[str, Any] = {"user": "u", "partition": 0, "time": 0, "label": 0, "weight": 1.0}
    empty: dict[str, Any] = {name: {} for name in ("vector", "complete", "as_of", "health")}
    return Example(
        id=str(number),
        app="a",
        epoch=epoch,
        treatment={},
        probability=0.1,
        model_version=0,
        feature_set="fs",
        **about,
        **empty,
    )


Log = list[Example | EpochEnd | ModelRequest]


def make_log(random: Random) -> Log:
    """What three partitions write over five epochs, in any interleaving, requests in between."""
    lanes = [
        [item for epoch in range(1, 6) for item in (("example", epoch), ("end", epoch))]
        for _ in range(PARTITIONS)
    ]
    found: Log = []
    while any(lanes):
        choice = random.randint(0, PARTITIONS)
        if choice == PARTITIONS:
            found.append(request(len(found)))
        elif lanes[choice]:
            kind, epoch = lanes[choice].pop(0)
            one = example(len(found), epoch) if kind == "example" else marker(choice, epoch)
            found.append(one)
    return found


Learned = list[tuple[int, list[str], list[int]]]


def learn(log: Log, epochs: Epochs, start: int, chunks: list[int]) -> tuple[Learned, list[int]]:
    """Epoch, ids of its examples, offsets of its requests; and the positions after each."""
    learned: Learned = []
    positions: list[int] = []
    offset = start
    while offset < len(log):
        for _ in range(chunks[offset % len(chunks)]):
            if offset < len(log):
                epochs.add(offset, log[offset])
                offset += 1
        while (epoch := epochs.complete()) is not None:
            closed = epochs.take(epoch)
            ids = [one.id for one in closed.examples]
            learned.append((epoch, ids, [at for at, _ in closed.requests]))
            positions.append(closed.position)
    return learned, positions


@examples(60)
@given(
    st.integers(0, 10**6),
    st.lists(st.integers(1, 20), min_size=1, max_size=3),
    st.integers(0, 3),
)
def test_batches_and_restarts_change_nothing(seed: int, chunks: list[int], stop: int) -> None:
    log = make_log(Random(seed))
    straight, positions = learn(log, Epochs(1), 0, [1])
    assert [epoch for epoch, *_ in straight] == [1, 2, 3, 4, 5]
    assert learn(log, Epochs(1), 0, chunks)[0] == straight
    done = max([at for _, _, requests in straight[: stop + 1] for at in requests], default=-1)
    restarted = Epochs(1, closed=straight[stop][0], requests_done=done)
    assert learn(log, restarted, positions[stop], chunks)[0] == straight[stop + 1 :]


@pytest.mark.parametrize(("at", "epoch"), [(0, 1), (2, 1), (3, 2), (4, 2)])
def test_a_request_belongs_to_the_epoch_that_is_not_complete_yet(at: int, epoch: int) -> None:
    log: Log = []
    log += [marker(p, e) for e in (1, 2) for p in range(PARTITIONS)]
    log.insert(at, request(9))
    learned, _ = learn(log, Epochs(1), 0, [100])
    assert [(e, requests) for e, _, requests in learned] == [
        (e, [at] if e == epoch else []) for e in (1, 2)
    ]


def test_a_waiting_request_is_read_again_after_a_restart() -> None:
    epochs = Epochs(1)
    log: Log = [marker(0, 1), marker(1, 1), marker(2, 1), request(3), marker(0, 2)]
    for offset, record in enumerate(log):
        epochs.add(offset, record)
    assert epochs.complete() == 1
    assert epochs.take(1).position == 3
