"""Requests about models, put among the examples, where the trainer meets them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

from models.learning.reign import objection
from schemas.codec import encode
from schemas.examples import LeftOut, ModelRequest
from schemas.times import format_time
from streams.champions.overview import Collector, Overview
from streams.clock import now_us
from streams.config import Config
from streams.connections import Connections
from streams.topics.clients import KafkaClients, connect, opened
from streams.topics.reading import ends, read_until

ACKNOWLEDGED_S = 30
KEY = b"request"


class RequestRefusedError(Exception):
    """What was asked for cannot be done; the message says why."""


@contextmanager
def looking(config: Config) -> Iterator[tuple[KafkaClients, Overview]]:
    """Clients of the cluster, and what its models topic says."""
    connections = Connections.from_env()
    clients = connect(connections)
    collector = Collector(config.spec, connections.signing_key)
    with opened(clients.consumer()) as consumer:
        for record in read_until(consumer, ends(consumer, [config.topics.models])):
            collector.add(record.value)
    yield clients, collector.overview()


def make_request(
    app: str,
    overview: Overview,
    action: Literal["promote", "rollback"],
    model: str | None,
    version: int | None,
    note: str,
    before: int | None = None,
    left_out: Sequence[LeftOut] = (),
) -> ModelRequest:
    """A request that the trainer would carry out now. Raises RequestRefusedError."""
    request = ModelRequest(
        id=uuid.uuid4().hex,
        app=app,
        action=action,
        model=model,
        version=version,
        note=note,
        asked_at=format_time(now_us()),
        before=before,
        left_out=tuple(left_out),
    )
    if overview.reign is None:
        raise RequestRefusedError(
            "no epoch has been learned yet, so there is nothing to choose from. Is a trainer "
            "running (ebbline worker --roles train), and has an epoch ended?"
        )
    why = objection(overview.reign, request, overview.versions())
    if why is not None:
        raise RequestRefusedError(f"{why}. See: ebbline models list.")
    return request


def send(config: Config, clients: KafkaClients, request: ModelRequest) -> str:
    """Put a request on the examples topic; its place there, when it is kept."""
    with opened(clients.producer()) as producer:
        sent: Any = producer.send(
            config.topics.examples, key=KEY, value=encode(request), partition=0
        )
        kept = sent.get(ACKNOWLEDGED_S)
    return f"{kept.topic}-{kept.partition}-{kept.offset}"
