"""What a deployment has really done: its own topics, and its state in Redis, decoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import redis

from models.engine.state import PartitionState
from models.features.plan import make_plan
from models.features.vector import features
from models.spec import Spec
from models.state.decoding import decode
from models.state.slab import Slab
from streams.config import Config
from streams.state.keys import Keys
from tests.faults.topics import contents, read


@dataclass(frozen=True, slots=True)
class UserState:
    """A user's durable state. vectors: features as of each moment, for all sources."""

    offsets: list[int]
    pending: list[int]
    vectors: list[list[float]]


@dataclass(frozen=True, slots=True)
class Observed:
    """What is there. records: the partition records by number."""

    scores: list[dict[str, Any]]
    letters: list[dict[str, Any]]
    examples: list[dict[str, Any]]
    users: dict[str, UserState]
    records: dict[int, PartitionState]


def observe(
    servers: str, redis_url: str, config: Config, partitions: int, moments: list[int]
) -> Observed:
    """Look at a deployment from outside. moments: as-of times for the users' vectors."""
    topics = config.topics
    found = read(servers, [topics.scores, topics.deadletter, topics.examples])
    client = redis.Redis.from_url(redis_url)
    try:
        users: dict[str, UserState] = {}
        records = {}
        for number in range(partitions):
            keys = Keys(config.spec.app, number, config.spec.feature_set)
            value = client.get(keys.partition_record)
            if isinstance(value, bytes):
                records[number] = PartitionState.decode(value)
            users |= _users(client, keys, config.spec, moments)
    finally:
        client.close()
    return Observed(
        contents(found[topics.scores]),
        contents(found[topics.deadletter]),
        contents(found[topics.examples]),
        users,
        records,
    )


def _users(client: redis.Redis, keys: Keys, spec: Spec, moments: list[int]) -> dict[str, UserState]:
    found: dict[str, bytes] = {
        key.decode()[len(keys.users) :]: value
        for key in client.scan_iter(keys.users + "*", count=1000)
        if isinstance(value := client.get(key), bytes)
    }
    return decoded(found, spec, moments)


def decoded(values: dict[str, bytes], spec: Spec, moments: list[int]) -> dict[str, UserState]:
    """Users' durable values, with their features as of each moment."""
    slab = Slab(make_plan(spec))
    names = sorted(values)
    rows = slab.make(names)
    decode(slab, names, rows, [values[name] for name in names])
    vectors = []
    for moment in moments:
        at = np.full(len(rows), moment)
        as_of = np.full((len(rows), len(spec.sources)), moment)
        vectors.append(features(slab, rows, at, as_of)[0].tolist())
    return {
        name: UserState(
            slab.offsets[row].tolist(),
            [cut.time for cut in slab.pending[row]],
            [vector[i] for vector in vectors],
        )
        for i, (name, row) in enumerate(zip(names, rows.tolist(), strict=True))
    }
