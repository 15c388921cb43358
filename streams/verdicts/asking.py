"""Verdicts of an operator, put into every partition of the source's topic.

Each partition's owner meets them at their place there, so a replay repeats them.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from models.spec import SourceSpec
from schemas.verdicts import VERDICT_HEADER, Verdict, encode_verdict
from streams.topics.reading import partitions

ACKNOWLEDGED_S = 30
BY = "operator"


def rejecting(source: str, begin: int, until: int | None, reason: str) -> list[Verdict]:
    """Mark an interval, whether it was found out already or not, and reject it."""
    marked = f"operator-{uuid.uuid4().hex}"
    return [
        Verdict(marked, source, "corrupt", begin, until, reason=reason, by=BY),
        Verdict(f"{marked}-reject", source, "reject", begin, until, reason=reason, by=BY),
    ]


def accepting(source: str, begin: int | None, until: int | None, reason: str) -> list[Verdict]:
    """The data of all intervals that touch this one are right after all."""
    known = f"operator-{uuid.uuid4().hex}"
    return [Verdict(known, source, "accept", begin, until, reason=reason, by=BY)]


def send(
    consumer: Any,
    producer: Any,
    source: SourceSpec,
    verdicts: Sequence[Verdict],
    clocks_ms: Mapping[int, int],
) -> dict[int, int]:
    """Put verdicts into every partition that has records; the last one's offset in each, kept.

    clocks_ms: by partition, the arrival time to give them; not later than what has arrived on an
    arrival clock, or they would move that clock.
    """
    places = partitions(consumer, source.input_topic)
    ends = consumer.end_offsets(places)
    sent = {
        place.partition: [
            producer.send(
                place.topic,
                value=encode_verdict(verdict),
                headers=[(VERDICT_HEADER, b"")],
                partition=place.partition,
                timestamp_ms=clocks_ms[place.partition],
            )
            for verdict in verdicts
        ]
        for place in places
        if ends[place] > 0
    }
    producer.flush()
    return {
        number: [future.get(ACKNOWLEDGED_S).offset for future in futures][-1]
        for number, futures in sent.items()
    }
