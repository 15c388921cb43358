"""The batch hand-over: one Faust message for each fetched chunk of a topic partition.

Faust pays about 150 µs for each message that it hands to an agent. Handing over whole chunks pays
that once a batch. What Faust keeps for each message (gaps, acked offsets) would stop the commits
(a chunk looks like a gap), so two things are replaced with it: a partition's committed offset is
what its runner says is durable, and after a rebalance reading goes on where the durable state
says, not where the group's commit says.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, cast

import faust
from aiokafka import TopicPartition
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.structs import RecordMetadata
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

IDLE_SECONDS = 0.02
"""How long partitions whose buffer is full are left alone: all of them, or beside others that are
waited for."""

FETCH_WAIT_MS = 100
"""How long the broker holds a fetch that finds nothing. Faust asks for 1,500: the client has one
fetch under way for each broker, so a fetch of exhausted partitions would hold up the others."""


Place = tuple[str, int]
"""A topic partition."""


class Standing(NamedTuple):
    """How far a topic partition has come.

    taken: offset up to which records were taken over; done: up to which nothing is left to do
    with them; wants: whether there is room for more.
    """

    taken: int
    done: int
    wants: bool


class Hub(Protocol):
    """What the transport asks of the worker that runs behind it."""

    def wants(self, topic: str, partition: int) -> bool:
        """Whether there is room for more records of a topic partition."""

    def durable(self) -> Mapping[tuple[str, int], int]:
        """For each claimed topic partition the offset up to which effects are durable, + 1."""

    def resume_at(self, committed: Mapping[tuple[str, int], int]) -> Mapping[tuple[str, int], int]:
        """Where to read on after a rebalance, for those that differ from the commit."""

    def standing(self) -> Mapping[tuple[str, int], Standing]:
        """How far each claimed topic partition has come."""

    async def release(self) -> None:
        """Finish what must not be broken off, and let go of everything."""


@dataclass(frozen=True, slots=True)
class Batch:
    """A fetched chunk dressed as one Kafka record; ``value`` is the list of records."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    value: list[Any]
    timestamp_type: int = 0
    headers: tuple[()] = ()
    key: None = None
    checksum: None = None
    serialized_key_size: int = 0
    serialized_value_size: int = 0


class PromptThread(driver.AIOKafkaConsumerThread):
    """Faust's consumer thread, whose fetches are answered soon also where nothing is to be read."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS
        return consumer


class BatchConsumer(driver.Consumer):
    """Consumer that yields a Batch for each partition fetched.

    handed: for each topic partition the offset behind the last record that was handed over to
    Faust; accepted: behind the last one that came out of it again.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.handed: dict[Place, int] = {}
        self.accepted: dict[Place, int] = {}

    @property
    def hub(self) -> Hub:
        """The worker behind this consumer."""
        return cast("BatchApp", self.app).hub

    def _new_consumer_thread(self) -> PromptThread:
        return PromptThread(self, loop=self.loop, beacon=self.beacon)

    async def _getmany(
        self,
        active_partitions: set[TP] | None,
        timeout: float,  # noqa: ASYNC109  # Faust's signature
    ) -> Any:
        wanted = {tp for tp in active_partitions or () if self.hub.wants(tp.topic, tp.partition)}
        if not wanted:
            await asyncio.sleep(IDLE_SECONDS)
            return {}
        if len(wanted) < len(active_partitions or ()):
            timeout = IDLE_SECONDS
        fetched = await super()._getmany(wanted, timeout)
        batches = {tp: _dress(tp, records) for tp, records in fetched.items() if records}
        self.handed |= {(tp.topic, tp.partition): b.offset + 1 for tp, b in batches.items()}
        return {tp: [batch] for tp, batch in batches.items()}

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Offsets inside a batch are no gap."""

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:  # noqa: ARG002
        yield from self._claimed()

    def _new_offset(self, tp: TP) -> int | None:
        """What is durable may be committed, nothing else."""
        self._acked.pop(tp, None)
        self._acked_index.pop(tp, None)
        return self.hub.durable().get((tp.topic, tp.partition))

    def _claimed(self) -> Iterable[TP]:
        assigned = self.assignment()
        wanted = {(tp.topic, tp.partition): tp for tp in assigned}
        return [wanted[key] for key in self.hub.durable() if key in wanted]

    async def perform_seek(self) -> None:
        """Go to where the durable state says; the group's commit only fills in."""
        await super().perform_seek()
        self.handed.clear()
        self.accepted.clear()
        assigned = {(tp.topic, tp.partition): tp for tp in self.assignment()}
        committed = {key: int(self._committed_offset[tp] or 0) for key, tp in assigned.items()}
        target = self.hub.resume_at(committed)
        if target:
            await self.seek_wait({assigned[key]: offset for key, offset in target.items()})


def _dress(tp: TP, records: list[Any]) -> Batch:
    last = records[-1]
    return Batch(tp.topic, tp.partition, last.offset, last.timestamp, records)


class DurableProducer(driver.Producer):
    """Producer whose acknowledgement means that the record is kept, once."""

    def _settings_extra(self) -> Mapping[str, Any]:
        return {"acks": "all", "enable_idempotence": True}

    async def partitions_for(self, topic: str) -> set[int]:
        """Partitions of a topic."""
        return set(await self._ensure_producer().partitions_for(topic))

    def create_batch(self) -> BatchBuilder:
        """An empty batch."""
        return self._ensure_producer().create_batch()

    async def send_batch(
        self, batch: BatchBuilder, topic: str, *, partition: int
    ) -> Awaitable[RecordMetadata]:
        """Hand a batch over; the answer completes when it is kept.

        It takes its place in the idempotent producer's sequence like batches made by `send`.
        """
        sent = await self._ensure_producer().send_batch(batch, topic, partition=partition)
        return cast("Awaitable[RecordMetadata]", sent)


class BatchTransport(driver.Transport):
    """Faust's transport with the two classes above."""

    Consumer = BatchConsumer
    Producer = DurableProducer


class BatchApp(faust.App):
    """A Faust app whose consumer hands over batches to a hub."""

    hub: Hub

    @property
    def batch_consumer(self) -> BatchConsumer:
        """The consumer, as what it is."""
        return cast("BatchConsumer", self.consumer)

    @property
    def reading(self) -> bool:
        """Whether the consumer's thread runs; before, it refuses to be asked anything."""
        return self.batch_consumer._thread._consumer is not None

    def partitions_of(self, topic: str) -> int:
        """Number of partitions of a subscribed topic.

        Asked of the client: Faust's own answer knows it in the group's leader only.
        """
        thread = self.batch_consumer._thread
        return len(thread._ensure_consumer().partitions_for_topic(topic) or ())

    def read_up_to(self, topic: str, partition: int) -> int:
        """The offset that the client reads next; 0 while records are on their way to the agent.

        Looked up in its subscription: a question to its thread would wait for the loop there.
        """
        consumer, place = self.batch_consumer, (topic, partition)
        if consumer.handed.get(place, 0) > consumer.accepted.get(place, 0):
            return 0
        thread = consumer._thread
        subscription = thread._ensure_consumer()._subscription.subscription
        assignment = subscription.assignment if subscription else None
        state = assignment.state_value(TopicPartition(topic, partition)) if assignment else None
        return state.position if state is not None and state.has_valid_position else 0

    @property
    def batch_producer(self) -> DurableProducer:
        """The producer, as what it is."""
        return cast("DurableProducer", self.producer)

    def _create_directories(self) -> None:
        """No tables, so none of the folders that Faust would leave where it is started."""

    def _new_transport(self) -> BatchTransport:
        return BatchTransport(self.conf.broker_consumer, self)

    def _new_producer_transport(self) -> BatchTransport:
        return BatchTransport(self.conf.broker_producer, self)
