"""Records that would stop a careless consumer: each is a dead letter, and the stream goes on."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.record.util import calc_crc32c

from schemas.murmur2 import partition_of
from tests.integration.story import DAY, PARTITIONS, START, Story, history

AT = START + 5 * DAY
USER = b"user-1"
HOME = partition_of(USER, PARTITIONS)
NAME, NO_TEXT = b"abcd", b"\xff\xfe\xc3("


@pytest.fixture
def story(services, redis_url: str, fresh_name: str, tmp_path: Path) -> Iterator[Story]:
    made = Story(fresh_name, tmp_path, services.bootstrap_servers, redis_url, model_wait="5s")
    yield made.begin()
    made.kill_all()


async def send(story: Story, value: bytes | None, headers: list[Any]) -> None:
    """One record as any client may write it: header names of any bytes, null header values."""
    producer = AIOKafkaProducer(bootstrap_servers=story.servers, max_request_size=2_000_000)
    producer._message_accumulator._batch_size = 2_000_000
    await producer.start()
    try:
        batch = producer.create_batch()
        assert batch.append(key=USER, value=value, timestamp=AT, headers=headers)
        batch.close()
        raw = bytearray(bytes(batch._build()).replace(NAME, NO_TEXT))
        struct.pack_into(">I", raw, 17, calc_crc32c(bytes(raw[21:])))
        batch._buffer = bytes(raw)
        await (await producer.send_batch(batch, f"{story.app}.usage", partition=HOME))
    finally:
        await producer.stop()


async def test_nothing_that_a_broker_takes_stops_a_worker(story: Story) -> None:
    good = orjson.dumps({"user": {"id": USER.decode()}, "at": AT, "id": "good", "minutes": 1.0})
    story.produce(e for e in history(users=6, days=5) if e.arrival < AT)
    await send(story, b"{", [(NAME.decode(), b"x")])
    await send(story, b"x" * 1_040_000, [])
    await send(story, None, [("trace", b"x" * 1_040_000)])
    await send(story, good, [(NAME.decode(), None), ("ebbline-retried-from", None)])
    with story.running():
        story.wait_applied()
        events = sum(record["sources"][0]["events"] for record in story.records())
    letters = [
        x for x in story.read("deadletter") if x["reason"] not in ("late", "wrong-partition")
    ]
    assert {x["reason"]: x["omitted"] for x in letters} == {
        "not-json": False,
        "too-large": True,
        "tombstone": True,
    }
    named = next(x for x in letters if x["reason"] == "not-json")
    assert named["headers"] == [["\\xff\\xfe\\xc3(", "eA=="]]
    sent = [e for e in history(users=6, days=5) if e.arrival < AT and e.source == "usage" and e.key]
    assert events == len({e.value["id"] for e in sent}) + 1, "the good one behind them was used"
