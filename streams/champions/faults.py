"""Wrong data that the workers have told of on the sources' topic."""

from __future__ import annotations

from schemas.codec import CodecError, decode_source_status
from schemas.examples import LeftOut
from schemas.sources import SourceStatus
from schemas.times import parse_time
from streams.config import Config
from streams.topics.clients import KafkaClients, opened
from streams.topics.reading import ends, read_tail

TAIL = 20_000
"""Newest records that are looked at: each source's newest of every partition is among them."""


def wrong_since(config: Config, clients: KafkaClients, since: int) -> list[LeftOut]:
    """Intervals of all sources and partitions that do not end before a time, but for accepted."""
    newest: dict[tuple[str, int], SourceStatus] = {}
    with opened(clients.consumer()) as consumer:
        for record in read_tail(consumer, ends(consumer, [config.topics.sources]), TAIL):
            try:
                status = decode_source_status(record.value)
            except CodecError:
                continue
            if isinstance(status, SourceStatus) and status.app == config.spec.app:
                newest[status.source, status.partition] = status
    found = [one for status in newest.values() for one in _wrong(status, since)]
    return sorted(set(found), key=lambda one: (one.source, one.begin, one.until or 2**62))


def _wrong(status: SourceStatus, since: int) -> list[LeftOut]:
    found = []
    for one in status.intervals:
        end = None if one.end is None else parse_time(one.end)
        if one.state != "accepted" and (end is None or end > since):
            found.append(LeftOut(status.source, parse_time(one.begin), end))
    return found
