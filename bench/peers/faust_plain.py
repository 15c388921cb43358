"""A Faust agent as Faust's documentation writes one: a record, ``async for``, an awaited send.

A user's features are a value in Redis: read, changed, written back, one event at a time.
"""

from __future__ import annotations

import sys

import faust
import orjson
from redis.asyncio import Redis

from bench.contenders import first_fetch
from bench.notes import settings
from bench.peers.scoring import Scoring

given, notes = settings()
first_fetch.watch(notes, given["topics"])
scoring = Scoring.load(given["about"])
app = faust.App(
    given["group"],
    broker=f"kafka://{given['bootstrap_servers']}",
    consumer_auto_offset_reset="earliest",
    web_enabled=False,
    topic_allow_declare=False,
    topic_disable_leader=True,
    store="memory://",
    datadir=given["folder"],
)
redis = Redis.from_url(given["redis_url"])


class UserEvent(faust.Record, serializer="json"):
    """An event of any of the three sources."""

    user: str
    at: int
    source: str
    kind: str
    value: float


events = app.topic(*given["topics"], key_type=str, value_type=UserEvent)
scores = app.topic(given["output"], key_type=str, value_serializer="json")


@app.agent(events)
async def score(stream: faust.StreamT[UserEvent]) -> None:
    """Score the users whose events come."""
    async for event in stream:
        key = f"{given['group']}:{event.user}"
        kept = await redis.get(key)
        state, found = scoring.on_event(orjson.loads(kept) if kept else None, event.asdict())
        await redis.set(key, orjson.dumps(state))
        for record in found:
            await scores.send(key=event.user, value=record)


if __name__ == "__main__":
    sys.argv[1:] = ["worker", "--loglevel", "warn", "--without-web"]
    app.main()
