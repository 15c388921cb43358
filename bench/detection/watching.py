"""One log through the engine in memory, and what was said about its sources meanwhile."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from models.engine.requests import Output
from models.spec import Spec
from models.staleness.words import WHOLE
from schemas.times import parse_time
from streams.replay import Prior, Replay
from streams.replay.engine import NOW
from streams.study.logs import Faults, Log

SAID = (
    "late",
    "silent",
    "part",
    "part late",
    "volume",
    "nulls",
    "rejected",
    "duplicates",
    "replayed",
    "unit",
    "stuck",
    "distribution",
    "clock",
    "other",
)
"""Late, silent: by health; late also, and part late, by the delays of two days. Part: of users or
events is gone. The rest: reasons of the gate."""

LOOK_MS = 10_800_000
"""Three hours."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something was said of a source for the first time, or again. at: clock, ms."""

    source: str
    said: str
    at: int
    words: str


class Watching:
    """Follows the records of churn.sources."""

    def __init__(self) -> None:
        self.alarms: list[Alarm] = []
        self._now: dict[str, set[str]] = {}
        self._known: set[tuple[str, str]] = set()

    def see(self, outputs: Sequence[Output]) -> None:
        for output in outputs:
            if output.topic == "sources":
                self._status(orjson.loads(output.value))

    def _status(self, status: dict[str, Any]) -> None:
        if status["clock"] is None:
            return
        source, at = status["source"], parse_time(status["clock"]) // 1000
        now = dict(_health(status))
        for said in sorted(now.keys() - self._now.get(source, set())):
            self.alarms.append(Alarm(source, said, at, now[said]))
        self._now[source] = set(now)
        for interval in status["intervals"]:
            if interval["by"] == "gate" and (source, interval["id"]) not in self._known:
                self._known.add((source, interval["id"]))
                kind = interval["reason"].split()[0].strip(":;,")
                said = kind if kind in SAID else "other"
                self.alarms.append(Alarm(source, said, at, interval["reason"]))


def _health(status: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if status["health"] == "lagging":
        yield "late", status["evidence"]
    if status["health"] == "stalled":
        yield "silent", status["evidence"]
    for part in status["missing"]:
        yield "part", f"{part['of']} {part['what']}"
    if (later := status["later"]) is not None:
        yield ("late" if later["share"] >= WHOLE else "part late"), status["evidence"]


def watch(spec: Spec, log: Log, faults: Faults) -> list[Alarm]:
    """Every alarm, in order. It is looked every three hours of the clock."""
    watching = Watching()
    replay, until = Replay(spec, Prior(spec), watching.see), 0
    for block in log.arriving(faults):
        start = 0
        for i, (_, arrival, *_rest) in enumerate(block):
            if arrival >= until:
                replay.push(block[start:i])
                replay.work()
                watching.see(replay.engine.statuses(NOW))
                start, until = i, (arrival // LOOK_MS + 1) * LOOK_MS
        replay.push(block[start:])
    replay.finish()
    return watching.alarms
