"""Quix Streams: a StreamingDataFrame with its state store for each user.

Its documentation's advice: state through ``apply(..., stateful=True)``, changelog topics left on,
a commit interval of seconds (5, its default) instead of a commit each message, and a producer
that lingers to fill batches.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from quixstreams import Application, State

from bench.notes import settings
from bench.peers.scoring import Scoring

if __name__ == "__main__":
    given, notes = settings()
    scoring = Scoring.load(given["about"])
    app = Application(
        broker_address=given["bootstrap_servers"],
        consumer_group=given["group"],
        auto_offset_reset="earliest",
        commit_interval=5.0,
        state_dir=f"{given['folder']}/state",
        producer_extra_config={"linger.ms": 20, "batch.size": 512 * 1024},
        loglevel="WARNING",
    )
    (name,) = given["topics"]
    events = app.topic(name, key_deserializer="str", value_deserializer="json")
    scores = app.topic(given["output"], key_serializer="str", value_serializer="json")

    def score(event: dict[str, Any], state: State) -> Iterable[dict[str, Any]]:
        """Score the user whose event this is."""
        notes.first()
        kept, found = scoring.on_event(state.get("user"), event)
        state.set("user", kept)
        return found

    app.dataframe(events).apply(score, stateful=True, expand=True).to_topic(scores)
    app.run()
