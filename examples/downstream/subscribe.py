"""Act on high churn risks: what a service behind Ebbline looks like, with kafka-python alone.

    KAFKA_BOOTSTRAP_SERVERS=broker:9092 python subscribe.py

The contract is docs/topics.md. Three things matter: the same score may come twice (its id tells),
fields may be added (read only those you need), and the offset is committed AFTER acting, so that
a crash repeats an action rather than losing one. Make the action itself idempotent by the id,
too, where the memory of one process is not enough.
"""

from __future__ import annotations

import json
import os
import signal
from collections import OrderedDict
from typing import Any

from kafka import KafkaConsumer

TOPIC = os.environ.get("SCORES_TOPIC", "churn.scores")
GROUP = os.environ.get("GROUP", "retention-offers")
APP = os.environ.get("APP")  # topics may be shared by deployments; None: take all
REMEMBERED = 100_000  # repeats follow each other soon: a bounded memory is enough


class Seen:
    """The ids of the last scores, oldest forgotten first."""

    def __init__(self, limit: int) -> None:
        """Remember up to ``limit`` ids."""
        self._ids: OrderedDict[str, None] = OrderedDict()
        self._limit = limit

    def again(self, score_id: str) -> bool:
        """Whether the id was seen before; it has been from now on."""
        known = score_id in self._ids
        self._ids[score_id] = None
        self._ids.move_to_end(score_id)
        if len(self._ids) > self._limit:
            self._ids.popitem(last=False)
        return known


def act(score: dict[str, Any]) -> None:
    """Do what your service does about a user at high risk. Here: say so."""
    stale = [name for name, s in score["sources"].items() if s["health"] != "fresh"]
    because = [
        reason.get("text") or reason.get("label") or reason["feature"]
        for reason in score["reasons"]
    ]
    print(
        f"offer for {score['user']}: {score['probability']:.2f} at {score['time']}",
        f"because of {', '.join(because) or 'nothing in particular'}",
        f"(not up to date: {', '.join(stale) or 'nothing'})",
        flush=True,
    )


def handle(value: bytes | None, seen: Seen) -> None:
    """Take one record of the score topic."""
    try:
        score = json.loads(value or b"")
    except ValueError:
        return  # not a score; a consumer that stops here would stop for ever
    if APP not in (None, score["app"]) or seen.again(score["id"]):
        return
    if score["band"] == "high":
        act(score)


def main() -> None:
    """Consume until SIGTERM or Ctrl-C."""
    stopping = False

    def stop(*_: object) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    consumer = KafkaConsumer(
        TOPIC,
        bootstrap_servers=os.environ["KAFKA_BOOTSTRAP_SERVERS"].split(","),
        group_id=GROUP,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    seen = Seen(REMEMBERED)
    while not stopping:
        batches = consumer.poll(timeout_ms=500).values()
        for records in batches:
            for record in records:
                handle(record.value, seen)
        if batches:
            consumer.commit()  # all that was polled, so only when all of it has been handled
    consumer.close(autocommit=False)


if __name__ == "__main__":
    main()
