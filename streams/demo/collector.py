"""Reading every output topic from its beginning, strictly: what does not fit is written down."""

from __future__ import annotations

from typing import Any

from schemas.codec import CodecError, decode, decode_source_status
from schemas.deadletters import DeadLetter
from schemas.drift import Prequential
from schemas.scores import Score
from schemas.sources import SourceOverall, SourceStatus
from streams.config import TopicNames
from streams.demo.ledger import Ledger, Output
from streams.topics.reading import partitions


class Collector:
    """Feeds the ledger. Reads without a group.

    Parameters
    ----------
    consumer
        Of kafka-python, without subscriptions.
    names
        The topics.
    ledger
        The book to fill.
    """

    def __init__(self, consumer: Any, names: TopicNames, ledger: Ledger) -> None:
        self._kinds: dict[str, type[Output]] = {
            names.scores: Score,
            names.sources: SourceStatus,
            names.drift: Prequential,
            names.deadletter: DeadLetter,
        }
        self._consumer = consumer
        self._scores = names.scores
        self._ledger = ledger
        self._next: dict[Any, int] = {}
        assigned = [tp for topic in self._kinds for tp in partitions(consumer, topic)]
        consumer.assign(assigned)
        consumer.seek_to_beginning(*assigned)

    def poll(self, now: float, timeout_s: float) -> None:
        """Enter what has come, waiting for the first of it at most so long."""
        for tp, records in self._consumer.poll(timeout_ms=int(timeout_s * 1000)).items():
            for record in records:
                self._take(tp, record, now)

    def _take(self, tp: Any, record: Any, now: float) -> None:
        skipped = record.offset - self._next.get(tp, 0)
        self._next[tp] = record.offset + 1
        if skipped and tp.topic == self._scores:
            self._ledger.miss(skipped)
        try:
            decoded = self._read(tp.topic, record.value or b"")
        except CodecError as error:
            self._ledger.reject(f"{tp.topic}-{tp.partition}-{record.offset}: {error}")
            return
        if not isinstance(decoded, SourceOverall):  # partitions are what is watched here
            self._ledger.take(decoded, tp.partition, now)

    def _read(self, topic: str, value: bytes) -> Output | SourceOverall:
        kind = self._kinds[topic]
        return decode_source_status(value) if kind is SourceStatus else decode(kind, value)
