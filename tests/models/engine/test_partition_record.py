"""The partition record: read back as written, or refused with the reason."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given

from models.engine.state import PartitionState, SourceState, Sweep
from models.state.layout import StateError
from tests.models.engine.harness import Worker
from tests.models.engine.histories import examples, histories
from tests.models.engine.story import EAGER, Item, topics


@examples(20)
@given(histories(15))
def test_it_is_read_back_as_it_was_written(items: list[Item]) -> None:
    worker = Worker(EAGER, topics(EAGER, items)).run()
    value = worker.store.partition
    assert value is not None
    assert PartitionState.decode(value) == worker.engine.state
    assert PartitionState.decode(value).encode() == value


def test_a_sweep_under_way_is_part_of_it() -> None:
    state = PartitionState([SourceState()], sweep=Sweep(7, [1, -(2**62)], "ü"))
    assert PartitionState.decode(state.encode()) == state


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"\xff",
        b"{}",
        b"[]",
        b"7",
        b'{"version": 1}',
        b'{"version": 1, "record": []}',
        b'{"version": 1, "record": 7}',
        b'{"version": 1, "record": {"sources": 7}}',
        b'{"version": 1, "record": {"sources": [7], "sweep": null}}',
        b'{"version": 1, "record": {"sources": [], "sweep": null, "unknown": 1}}',
    ],
)
def test_a_damaged_one_is_refused(value: bytes) -> None:
    with pytest.raises(StateError, match="rebuild"):
        PartitionState.decode(value)


def test_another_version_is_refused_with_the_remedy() -> None:
    content = orjson.loads(PartitionState([]).encode())
    content["version"] += 1
    with pytest.raises(StateError, match="run the version that wrote it"):
        PartitionState.decode(orjson.dumps(content))
