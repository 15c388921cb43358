"""Reading what members subscribe to, as Faust writes it and as kafka-python shows it."""

from __future__ import annotations

from typing import Any

import pytest
from aiokafka.coordinator.protocol import ConsumerProtocolMemberMetadata
from hypothesis import given
from hypothesis import strategies as st

from streams.topics.subscriptions import subscribed_topics


def shown(topics: list[str], user_data: bytes) -> str:
    """The way kafka-python's ``to_dict`` shows bytes that it could not decode."""
    content: bytes = ConsumerProtocolMemberMetadata(4, topics, user_data).encode()
    return content.decode(errors="backslashreplace")


@given(
    topics=st.lists(st.from_regex(r"[a-z0-9._-]{1,200}", fullmatch=True), max_size=5),
    user_data=st.binary(max_size=300),
)
def test_topics_of_any_length_are_read_whatever_follows(
    topics: list[str], user_data: bytes
) -> None:
    assert subscribed_topics(shown(topics, user_data)) == frozenset(topics)


def test_a_decoded_subscription_is_taken_as_it_is() -> None:
    assert subscribed_topics({"topics": ["b", "a"]}) == {"a", "b"}


@pytest.mark.parametrize("metadata", [None, "", b"", "\x00\x01\x00", "\x00\x01\x00\x00\x00\x09ab"])
def test_what_cannot_be_read_is_none(metadata: Any) -> None:
    assert subscribed_topics(metadata) is None
