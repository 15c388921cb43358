"""What a retry sends: the same bytes, the right partition, the position it first came from."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.deadletters import DeadLetter
from schemas.events import RETRIED_HEADER
from schemas.murmur2 import partition_of
from streams.deadletters.retry import AS_IT_WAS, LEFT_OUT, OMITTED, Retry, plan_retry

PARTITIONS = 8


def encoded(content: bytes | None) -> str | None:
    return None if content is None else base64.b64encode(content).decode()


def letter(
    key: bytes | None = b"u1", value: bytes | None = b"{}", partition: int = 0, **more: Any
) -> DeadLetter:
    values = {
        "id": f"ev-{partition}-7",
        "app": "shop",
        "source": "usage",
        "topic": "ev",
        "partition": partition,
        "offset": 7,
        "record_time": "2026-01-01T00:00:00.123Z",
        "reason": "not-json",
        "message": "m",
        "key_base64": encoded(key),
        "value_base64": encoded(value),
        "headers": [],
        "rejected_at": "2026-01-01T00:00:00Z",
    }
    return DeadLetter(**{**values, **more})


def planned(made: DeadLetter, user: str | None = None) -> Retry:
    return plan_retry(made, PARTITIONS, lambda _: user)


@given(
    key=st.none() | st.binary(max_size=20),
    value=st.none() | st.binary(max_size=50),
    headers=st.lists(st.tuples(st.text(max_size=5), st.binary(max_size=5)), max_size=3),
)
def test_bytes_and_headers_go_back_as_they_came(
    key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]]
) -> None:
    texts = [(name, encoded(content) or "") for name, content in headers]
    retry = planned(letter(key, value, headers=texts))
    assert (retry.key, retry.value) == (key, value)
    assert retry.headers == [*headers, (RETRIED_HEADER, b"ev-0-7")]
    assert retry.partition == (0 if key is None else partition_of(key, PARTITIONS))


def test_the_header_names_the_first_position_through_any_number_of_retries() -> None:
    carried = [(RETRIED_HEADER, encoded(b"ev-3-1") or "")]
    again = planned(letter(retried_from="ev-3-1", headers=carried))
    assert again.headers == [(RETRIED_HEADER, b"ev-3-1")]
    assert again.origin == "ev-3-1"


def test_the_record_keeps_the_time_at_which_it_arrived() -> None:
    assert planned(letter()).timestamp_ms == 1_767_225_600_123


@pytest.mark.parametrize("time", ["1969-12-31T23:59:59.999Z", "never"])
def test_a_record_without_a_time_gets_the_oldest_one(time: str) -> None:
    assert planned(letter(record_time=time)).timestamp_ms == 0


def test_a_record_in_the_wrong_partition_is_moved_to_its_users() -> None:
    right = partition_of(b"u9", PARTITIONS)
    wrong = (right + 1) % PARTITIONS
    retry = planned(letter(b"session-5", partition=wrong, reason="wrong-partition"), user="u9")
    assert (retry.key, retry.partition) == (b"u9", right)
    assert retry.done == f"key set to the user's id u9, partition {wrong} → {right}"


def test_a_right_key_in_a_wrong_partition_only_moves() -> None:
    right = partition_of(b"u9", PARTITIONS)
    wrong = (right + 1) % PARTITIONS
    retry = planned(letter(b"u9", partition=wrong, reason="wrong-partition"), user="u9")
    assert retry.done == f"{AS_IT_WAS}, partition {wrong} → {right}"


def test_a_user_that_cannot_be_read_is_said() -> None:
    retry = planned(letter(None, partition=5, reason="wrong-partition"), user=None)
    assert (retry.key, retry.partition) == (None, 5)
    assert "cannot be read" in retry.done


def test_other_reasons_do_not_change_the_key() -> None:
    assert planned(letter(b"k"), user="u9").key == b"k"


def test_there_is_nothing_to_send_of_a_tombstone_without_a_key() -> None:
    retry = planned(letter(None, None, reason="tombstone"))
    assert retry.empty
    assert retry.done == LEFT_OUT
    assert not planned(letter(b"k", None, reason="tombstone")).empty


def test_a_record_that_was_too_large_for_its_letter_is_left_where_it_stands() -> None:
    retry = planned(letter(None, None, omitted=True))
    assert retry.empty
    assert retry.done == OMITTED
