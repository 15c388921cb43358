"""Reading what the live view shows: the last records of three topics, and whatever follows."""

from __future__ import annotations

from typing import Any

from schemas.codec import CodecError, decode
from schemas.drift import Prequential
from schemas.scores import Score
from schemas.sources import SourceStatus
from streams.config import Config
from streams.topics.admin import committed_offsets
from streams.topics.clients import NO_ANSWER
from streams.topics.reading import ends, partitions, seek_to_tail
from streams.watch.state import Record, WatchState

TAIL = 500
TOO_FAR_BEHIND = 20_000


class Follower:
    """Feeds a WatchState from the topics; reads without a group, so it disturbs nobody.

    Begins at most TAIL records before the end of each partition. Where scores come faster than
    they can be read here, it jumps to the end and counts what it left out.
    """

    def __init__(self, consumer: Any, config: Config, state: WatchState) -> None:
        names = config.topics
        self._kinds: dict[str, type[Record]] = {
            names.scores: Score,
            names.sources: SourceStatus,
            names.drift: Prequential,
        }
        self._consumer = consumer
        self._scores = names.scores
        self._state = state
        self._ends = ends(consumer, self._kinds)
        seek_to_tail(consumer, self._ends, TAIL)

    def caught_up(self) -> bool:
        """Whether all that was there at the beginning has been read."""
        return all(self._consumer.position(tp) >= end for tp, end in self._ends.items())

    def poll(self, now: float, timeout_s: float) -> None:
        """Take what has arrived, waiting for the first of it at most so long."""
        for tp, records in self._consumer.poll(timeout_ms=int(timeout_s * 1_000)).items():
            for record in records:
                self._take(tp, record, now)
        self._keep_up(now)

    def _take(self, tp: Any, record: Any, now: float) -> None:
        try:
            decoded = decode(self._kinds[tp.topic], record.value or b"")
        except CodecError:
            return  # not ours: a topic may be shared, and a viewer judges nobody
        self._state.update(decoded, now, live=record.offset >= self._ends[tp])

    def _keep_up(self, now: float) -> None:
        mine = [tp for tp in self._ends if tp.topic == self._scores]
        for tp in mine:
            end, at = self._consumer.highwater(tp), self._consumer.position(tp)
            if end is not None and end - at > TOO_FAR_BEHIND:
                self._consumer.seek(tp, end - TAIL)
                self._state.skipped(end - TAIL - at, now)


def group_lags(admin: Any, consumer: Any, config: Config) -> dict[tuple[str, int], int] | None:
    """Records that the app's group has not committed yet; None if the broker does not say.

    A partition without a commit counts from its first record.
    """
    wanted = [tp for topic in config.input_topics for tp in partitions(consumer, topic)]
    counts = {topic: sum(tp.topic == topic for tp in wanted) for topic in config.input_topics}
    try:
        committed = committed_offsets(admin, config.spec.app, counts)
        last, first = consumer.end_offsets(wanted), consumer.beginning_offsets(wanted)
    except NO_ANSWER:
        return None
    return {(tp.topic, tp.partition): last[tp] - committed.get(tp, first[tp]) for tp in wanted}
