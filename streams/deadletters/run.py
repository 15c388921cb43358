"""One look at the dead-letter topic: read it, and send what is selected again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from schemas.codec import decode_deadletter
from schemas.deadletters import DeadLetter
from schemas.events import decode_batch
from streams.config import Config
from streams.deadletters.letters import Letters, Selection, origin, raw
from streams.deadletters.retry import Retry, UserOf, header_bytes, plan_retry
from streams.topics.clients import KafkaClients, opened
from streams.topics.reading import ends, partitions, read_until

UNACKNOWLEDGED = 1_000


@dataclass(frozen=True, slots=True)
class LetterRun:
    """The end of the topic is fixed once, so that listing and retry see the same letters."""

    config: Config
    clients: KafkaClients
    selection: Selection
    until: Mapping[Any, int]

    @classmethod
    def start(cls, config: Config, clients: KafkaClients, selection: Selection) -> LetterRun:
        """Note where the topic ends now."""
        with opened(clients.consumer()) as consumer:
            return cls(config, clients, selection, ends(consumer, [config.topics.deadletter]))

    def read(self, limit: int) -> Letters:
        """Count what is selected, and keep the newest ``limit`` letters."""
        letters = Letters(self.selection, limit)
        with opened(self.clients.consumer()) as consumer:
            for letter in read_letters(consumer, self.until):
                letters.add(letter)
        return letters

    def retry(self, *, dry_run: bool) -> Iterator[Retry]:
        """Send each selected record once; yields what was (with dry_run: would be) sent."""
        with opened(self.clients.consumer()) as consumer:
            planned = self._planned(consumer)
            if dry_run:
                yield from planned
                return
            with opened(self.clients.producer()) as producer:
                yield from send(producer, planned)

    def _planned(self, consumer: Any) -> Iterator[Retry]:
        """Plan one retry for each record, however many letters it has."""
        count = cache(lambda topic: len(partitions(consumer, topic)))
        user_of = users(self.config)
        done: set[str] = set()
        for letter in read_letters(consumer, self.until):
            if letter is None or not self.selection.takes(letter) or origin(letter) in done:
                continue
            done.add(origin(letter))
            yield plan_retry(letter, count(letter.topic), user_of)


def read_letters(consumer: Any, until: Mapping[Any, int]) -> Iterator[DeadLetter | None]:
    """Every letter up to the offsets given; None for a record that is no letter."""
    for record in read_until(consumer, until):
        yield read_letter(record.value)


def read_letter(value: bytes | None) -> DeadLetter | None:
    """Read a letter whose record can be had again; None for anything else."""
    try:
        letter = decode_deadletter(value)
        raw(letter.key_base64), raw(letter.value_base64), header_bytes(letter)
    except ValueError:  # CodecError, or no base64
        return None
    return letter


def users(config: Config) -> UserOf:
    """Make the function that reads a letter's user with its source's present mapping."""
    mappings = {source.name: source.mapping for source in config.spec.sources}

    def user_of(letter: DeadLetter) -> str | None:
        mapping = mappings.get(letter.source)
        if mapping is None:
            return None
        batch = decode_batch(mapping, [raw(letter.value_base64)], [header_bytes(letter)])
        return None if batch.rejects else batch.users[0]

    return user_of


def send(producer: Any, planned: Iterable[Retry]) -> Iterator[Retry]:
    """Send each one and yield it; when the iterator ends, all are acknowledged by all replicas."""
    pending: list[Any] = []
    for retry in planned:
        if not retry.empty:
            pending.append(_sent(producer, retry))
        yield retry
        if len(pending) >= UNACKNOWLEDGED:
            _settle(producer, pending)
    _settle(producer, pending)


def _sent(producer: Any, retry: Retry) -> Any:
    return producer.send(
        retry.topic,
        key=retry.key,
        value=retry.value,
        headers=retry.headers,
        partition=retry.partition,
        timestamp_ms=retry.timestamp_ms,
    )


def _settle(producer: Any, pending: list[Any]) -> None:
    """Wait for the acknowledgements; an error of any of them is raised here."""
    producer.flush()
    for future in pending:
        future.get(timeout=30)
    pending.clear()
