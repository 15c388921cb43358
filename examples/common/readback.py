"""Reading what the workers wrote."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from examples.common.evaluate import ScoreRows
from schemas.codec import decode_example
from schemas.examples import Example
from schemas.times import format_time, parse_time
from streams.topics.clients import KafkaClients, opened
from streams.topics.reading import ends, read_until


def records(
    clients: KafkaClients, topic: str, decode: Callable[[bytes], Any] = orjson.loads
) -> Iterator[Any]:
    """Every record of a topic, decoded, up to its present end."""
    # The checksums are computed in Python here: 12 µs for each record, on loopback.
    with opened(clients.consumer(check_crcs=False, fetch_max_bytes=16_777_216)) as consumer:
        for record in read_until(consumer, ends(consumer, [topic])):
            if record.value is not None:
                yield decode(record.value)


def scheduled_scores(clients: KafkaClients, topic: str) -> ScoreRows:
    """Scores of the schedule, the first of each id, in the order of time, then user."""
    found: dict[str, tuple[str, str, float]] = {}
    seen = 0
    for score in records(clients, topic):
        if score["cause"] == "schedule":
            seen += 1
            found.setdefault(score["id"], (score["time"], score["user"], score["probability"]))
    rows = sorted(found.values())
    moments = {text: parse_time(text) for text in {row[0] for row in rows}}
    return ScoreRows(
        users=np.array([row[1] for row in rows], dtype=object),
        times=np.array([moments[row[0]] for row in rows], dtype=np.int64),
        probabilities=np.array([row[2] for row in rows], dtype=np.float64),
        repeated=seen - len(rows),
    )


def write_scores(scores: ScoreRows, path: Path) -> None:
    """Write user, time and probability as CSV, every digit of the probability."""
    columns = (scores.users.tolist(), scores.times.tolist(), scores.probabilities.tolist())
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["user", "time", "probability"])
        for user, time, probability in zip(*columns, strict=True):
            writer.writerow([user, format_time(time), repr(probability)])


def examples(clients: KafkaClients, topic: str) -> Iterator[Example]:
    """Every labelled example of the topic, repeats included."""
    for record in records(clients, topic, decode_example):
        if isinstance(record, Example):
            yield record


def dead_letters(clients: KafkaClients, topic: str) -> dict[str, int]:
    """How many different records were rejected, by reason."""
    reasons = {letter["id"]: letter["reason"] for letter in records(clients, topic)}
    return dict(sorted(Counter(reasons.values()).items()))
