"""How long a worker takes to its first score: ``python -m bench.startup [--json FILE] [--quick]``.

A worker lives through a small history and ends. Then its users' state is copied in Redis until
there are a million of them, an event comes in, and a new worker is started: the time from there
until the score of that event stands on the topic. Users are loaded when they are needed, so it
should not depend on how many there are.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import click
import redis

from bench.broker import Kafka
from bench.crew import STOP_SECONDS, Variant, await_scores, prepared, start
from bench.job.events import Event, Size
from bench.output import json_option, quick_option, write_json
from bench.table import row, table
from streams.embedded import Services, resolve_services
from streams.state.keys import Keys

SIZE = Size(users=1_000, hours=30)
MILLION = 1_000_000
MINUTE = 60_000

COPY = """
local value = redis.call('GET', KEYS[1] .. ARGV[1])
local pending = redis.call('ZSCORE', KEYS[3], ARGV[1])
for i = tonumber(ARGV[2]), tonumber(ARGV[3]) do
  local copy = ARGV[1] .. '-' .. i
  redis.call('SET', KEYS[1] .. copy, value)
  redis.call('ZADD', KEYS[2], 0, copy)
  if pending then redis.call('ZADD', KEYS[3], pending, copy) end
end
"""
"""KEYS: users' prefix, at risk, pending. ARGV: user, number of the first and the last copy."""


class Deployment:
    """An app with state; workers are started on it one after the other."""

    def __init__(self, variant: Variant, app: str, scores: str, folder: Path) -> None:
        self._variant, self._app, self._scores, self._folder = variant, app, scores, folder
        self._started = 0
        self._now = variant.events[-1].at

    def live_through(self) -> None:
        """Let a worker score the whole history."""
        self._run(self._variant.scores)

    def first_score(self) -> float:
        """Seconds from the start of a process to the score of an event that waits for it."""
        self._now += 2 * MINUTE
        user = self._variant.events[0].user
        event = Event(self._now, user, "usage", "view", 1.0)
        self._variant.kafka.produce(self._variant.topics, [event])
        begun = time.time()
        self._run(self._variant.kafka.ends(self._scores) + 1)
        newest = max(record.appended for record in self._variant.kafka.read(self._scores))
        return newest - begun

    def multiply(self, users: int) -> None:
        """Copy every user's state until there are about so many."""
        copies = users // SIZE.users
        config = self._variant.config(self._app)
        with redis.Redis.from_url(self._variant.services.redis_url) as store:
            copy = store.register_script(COPY)
            for partition in range(self._variant.kafka.partitions):
                keys = Keys(self._app, partition, config.spec.feature_set)
                for user in store.zrange(keys.at_risk, 0, -1):
                    copy(keys=[keys.users, keys.at_risk, keys.pending], args=[user, 1, copies - 1])

    def _run(self, scores: int) -> None:
        """Start a worker, and end it when there are so many scores."""
        process = start(self._variant, self._app, self._folder, self._started)
        self._started += 1
        try:
            await_scores(self._variant.kafka, self._scores, scores, [process], self._folder)
        finally:
            process.terminate(STOP_SECONDS)


def measured(services: Services, users: int, runs: int) -> dict[int, list[float]]:
    """Seconds to the first score by number of users."""
    found: dict[int, list[float]] = {}
    with (
        Kafka(services.bootstrap_servers, SIZE.partitions) as kafka,
        tempfile.TemporaryDirectory(prefix="ebbline-startup-") as place,
    ):
        variant = Variant(services, kafka, SIZE)
        app, folder = f"{variant.name}-app", Path(place) / "app"
        with prepared(variant, app, folder) as scores:
            deployment = Deployment(variant, app, scores, folder)
            deployment.live_through()
            for count in (SIZE.users, users):
                if count > SIZE.users:
                    click.echo(f"copying state to {count:,} users", err=True)
                    deployment.multiply(count)
                found[count] = [deployment.first_score() for _ in range(runs)]
                click.echo(f"{count:,} users: {median(found[count]):.2f} s", err=True)
    return found


def section(found: dict[int, list[float]]) -> str:
    """A table."""
    rows = [
        row([f"{users:,}", f"{median(s):.2f} s ({min(s):.2f}–{max(s):.2f})"])
        for users, s in found.items()
    ]
    return table(["users in Redis", "process start to first score"], rows)


@click.command(help=__doc__)
@json_option
@quick_option
def main(json: Path | None, quick: bool) -> None:
    """See the module's docstring."""
    users = MILLION // 10 if quick else MILLION
    with resolve_services() as services:
        found = measured(services, users, runs=1 if quick else 3)
    click.echo(section(found))
    figures: dict[str, Any] = {str(users): seconds for users, seconds in found.items()}
    write_json(json, {"first_score_s": figures})


if __name__ == "__main__":
    main()
