"""Notes when aiokafka hands over the first records of a topic: under Faust and without it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from aiokafka.consumer.fetcher import Fetcher

from bench.notes import Notes


def watch(notes: Notes, topics: Collection[str], then: Callable[[], None] | None = None) -> None:
    """Note the first hand-over of any of the topics in this process, and do ``then``."""
    original = Fetcher.fetched_records

    async def fetched_records(self: Any, *args: Any, **kwargs: Any) -> Any:
        records = await original(self, *args, **kwargs)
        if any(place.topic in topics for place in records):
            notes.first()
            if then is not None:
                then()
            Fetcher.fetched_records = original
        return records

    Fetcher.fetched_records = fetched_records
