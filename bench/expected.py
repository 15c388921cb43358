"""What the oracle says the outputs of a run have to be, and whether they are."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from bench import oracle
from bench.job.events import Event
from bench.oracle import Key

TOLERANCE = 1e-6
SAMPLE = 400


@dataclass(frozen=True, slots=True)
class Expected:
    """The scores of one share of the job. keys: of all of them. sample: probabilities of some."""

    events: int
    keys: frozenset[Key]
    sample: dict[Key, float]

    @classmethod
    def of(cls, events: Sequence[Event], model: Any, until: int) -> Expected:
        """Ask the oracle. until: the last midnight that the stream passes."""
        users = oracle.by_user(events)
        keys = {key for each in users.values() for key in oracle.keys(each, until)}
        chosen = random.Random(5).sample(sorted(keys), min(SAMPLE, len(keys)))
        sample = {key: oracle.probability(model, users[key.user], key.at) for key in chosen}
        return cls(len(events), frozenset(keys), sample)

    def objection(self, values: Iterable[bytes]) -> str | None:
        """What is wrong with a run's outputs; None when all is as it has to be.

        Every score of every user once, no other, with its as-of; sampled probabilities.
        """
        found = [(key_of(record), record) for record in map(orjson.loads, values)]
        scores = dict(found)
        if len(scores) != len(found):
            return f"{len(found) - len(scores)} scores more than once"
        missing, more = self.keys - scores.keys(), scores.keys() - self.keys
        if missing or more:
            return f"{len(missing)} scores missing, {len(more)} unknown ones"
        for key, wanted in self.sample.items():
            got = scores[key]["probability"]
            if abs(got - wanted) > TOLERANCE:
                return f"probability of {key} is {got}, not {wanted}"
            if wrong := _about(key, scores[key]):
                return wrong
        return None


def key_of(record: dict[str, Any]) -> Key:
    """User, time and kind of cause of a score record."""
    return Key(record["user"], _ms(record["time"]), record["cause"].partition(":")[0])


def _about(key: Key, record: dict[str, Any]) -> str | None:
    if record["model"]["version"] != 1:
        return f"{key} was scored by model version {record['model']['version']}, not 1"
    for name, source in record["sources"].items():
        if source["as_of"] is None or _ms(source["as_of"]) != key.at:
            return f"{key} knows {name} as of {source['as_of']}"
    return None


def _ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)
