"""Verdicts of an operator, put into partitions of the source's topic.

Each partition's owner meets them at their place there, so a replay repeats them. They are about
what that partition holds; without them a partition stays as it is.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from models.spec import SourceSpec
from models.staleness.corruption import FOREVER, LEFT_OUT, Interval
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


def rejecting_marked(
    source: str, known: Iterable[Interval], begin: int, until: int | None, reason: str
) -> list[Verdict]:
    """Reject, of what a partition knows, the intervals that touch this one and were not accepted.

    Each by its own id and as it is: nothing that is not marked is taken out. until: also where one
    that is open ends.
    """
    asked = f"operator-{uuid.uuid4().hex}"
    meant = [
        one
        for one in known
        if one.state in LEFT_OUT and one.touches(begin, FOREVER if until is None else until)
    ]
    return [
        Verdict(
            f"{asked}-{i}", source, "reject", until=until, interval=one.id, reason=reason, by=BY
        )
        for i, one in enumerate(meant)
    ]


def accepting(source: str, begin: int | None, until: int | None, reason: str) -> list[Verdict]:
    """The data of all intervals that touch this one are right after all."""
    known = f"operator-{uuid.uuid4().hex}"
    return [Verdict(known, source, "accept", begin, until, reason=reason, by=BY)]


def send(
    consumer: Any,
    producer: Any,
    source: SourceSpec,
    verdicts: Mapping[int, Sequence[Verdict]],
    clocks_ms: Mapping[int, int],
) -> dict[int, int]:
    """Put verdicts into partitions that have records; the last one's offset in each, kept.

    verdicts: by partition. clocks_ms: by partition, the arrival time to give them; not later than
    what has arrived on an arrival clock, or they would move that clock.
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
            for verdict in verdicts[place.partition]
        ]
        for place in places
        if ends[place] > 0 and verdicts[place.partition]
    }
    producer.flush()
    return {
        number: [future.get(ACKNOWLEDGED_S).offset for future in futures][-1]
        for number, futures in sent.items()
    }
