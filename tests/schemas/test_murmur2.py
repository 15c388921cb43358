"""Our partitioner puts keys where every default producer puts them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from kafka.partitioner.default import DefaultPartitioner
from kafka.partitioner.default import murmur2 as kafkas

from schemas.murmur2 import murmur2, partition_of


@given(st.binary(max_size=64))
def test_the_hash_is_that_of_kafka_python(key: bytes) -> None:
    assert murmur2(key) == kafkas(key) & 0xFFFFFFFF


class OneTopic:
    """As much of a cluster's metadata as the partitioner asks for."""

    def __init__(self, partitions: int) -> None:
        self.all = set(range(partitions))

    def topics(self) -> set[str]:
        return {"t"}

    def partitions_for_topic(self, _topic: str) -> set[int]:
        return self.all

    def available_partitions_for_topic(self, _topic: str) -> set[int]:
        return self.all


@given(st.binary(min_size=1, max_size=64), st.integers(1, 64))
def test_the_partition_is_that_of_kafka_python(key: bytes, partitions: int) -> None:
    chosen = DefaultPartitioner().partition("t", None, key, None, b"", OneTopic(partitions))
    assert partition_of(key, partitions) == chosen
