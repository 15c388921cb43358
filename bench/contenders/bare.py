"""Bare aiokafka: ``getmany``, and orjson for each record. What the client itself can do."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer

from bench.contenders import first_fetch
from bench.notes import Notes, settings


async def read(given: dict[str, Any], notes: Notes) -> None:
    """Read every record once."""
    consumer = AIOKafkaConsumer(
        *given["topics"],
        bootstrap_servers=given["bootstrap_servers"],
        group_id=given["group"],
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=4 * 1024 * 1024,
    )
    await consumer.start()
    left = given["events"]
    while left > 0:
        for records in (await consumer.getmany(timeout_ms=200, max_records=2000)).values():
            for record in records:
                orjson.loads(record.value)
            left -= len(records)
    notes.last()
    await consumer.stop()


if __name__ == "__main__":
    settings_given, own_notes = settings()
    first_fetch.watch(own_notes, settings_given["topics"])
    asyncio.run(read(settings_given, own_notes))
