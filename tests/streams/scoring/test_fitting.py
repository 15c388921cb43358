"""State and topics that do not belong together are told apart, with the remedy."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from models.engine.state import PartitionState, SourceState
from streams.scoring.fitting import adopt, misfit
from streams.topics.cluster import TopicState

SPEC: Any = SimpleNamespace(
    sources=[SimpleNamespace(input_topic=name) for name in ("usage", "billing")]
)
TOPICS = {name: TopicState(name, 3, topic_id=f"id-{name}") for name in ("usage", "billing")}
ENDS = {("usage", 1): 10, ("billing", 1): 10}


@pytest.fixture
def state() -> PartitionState:
    state = PartitionState([SourceState(applied=9), SourceState(applied=-1)])
    adopt(SPEC, state, TOPICS)
    return PartitionState.decode(state.encode())


def changed(name: str, **what: Any) -> dict[str, TopicState]:
    return TOPICS | {name: replace(TOPICS[name], **what)}


def test_what_was_noted_fits(state: PartitionState) -> None:
    assert misfit(SPEC, 1, state, TOPICS, ENDS) is None


def test_a_log_shorter_than_what_was_applied(state: PartitionState) -> None:
    wrong = misfit(SPEC, 1, state, TOPICS, ENDS | {("usage", 1): 9})
    assert wrong
    assert wrong.curable
    assert "--rebuild" in wrong.message


def test_a_topic_made_again_although_it_is_as_long(state: PartitionState) -> None:
    wrong = misfit(SPEC, 1, state, changed("usage", topic_id="id-2"), ENDS)
    assert wrong
    assert wrong.curable
    assert "created again" in wrong.message
    assert "usage" in wrong.message


def test_a_topic_made_again_before_anything_of_it_was_applied(state: PartitionState) -> None:
    assert misfit(SPEC, 1, state, changed("billing", topic_id="id-2"), ENDS) is None


@pytest.mark.parametrize(("noted", "told"), [("", "id-1"), ("id-1", "")])
def test_ids_that_are_not_told_are_not_compared(
    state: PartitionState, noted: str, told: str
) -> None:
    state.sources[0].topic_id = noted
    assert misfit(SPEC, 1, state, changed("usage", topic_id=told), ENDS) is None


def test_another_number_of_partitions_is_not_cured_by_computing_again(
    state: PartitionState,
) -> None:
    wrong = misfit(SPEC, 1, state, changed("usage", partitions=4), ENDS)
    assert wrong
    assert not wrong.curable
    assert "had 3 partitions" in wrong.message


def test_all_topics_made_again_with_another_number_is(state: PartitionState) -> None:
    state.sources[1].applied = 4
    again = {name: replace(t, partitions=4, topic_id="new") for name, t in TOPICS.items()}
    wrong = misfit(SPEC, 1, state, again, ENDS)
    assert wrong
    assert wrong.curable


def test_records_of_older_programs_have_no_identity_and_fit() -> None:
    state = PartitionState([SourceState(applied=9), SourceState()])
    old = state.encode().replace(b'"topic_id":"",', b"").replace(b',"partitions":0', b"")
    assert b"topic_id" not in old
    assert b"partitions" not in old
    assert misfit(SPEC, 1, PartitionState.decode(old), TOPICS, ENDS) is None
