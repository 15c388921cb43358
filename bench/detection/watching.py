"""One log through the engine in memory, and what was said about its sources meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from models.engine.requests import Output
from models.spec import Spec
from schemas.times import parse_time
from streams.replay import Prior, Replay
from streams.study.logs import Faults, Log

SAID = (
    "late",
    "silent",
    "part",
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
"""Late, silent: by health. Part: of users or events is gone. The rest: reasons of the gate."""


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

    def see(self, outputs: Sequence[Output]) -> None:
        for output in outputs:
            if output.topic == "sources":
                self._status(orjson.loads(output.value))

    def _status(self, status: dict[str, Any]) -> None:
        if status["clock"] is None:
            return
        source, at = status["source"], parse_time(status["clock"]) // 1000
        said = dict(_said(status))
        for new in said.keys() - self._now.get(source, set()):
            self.alarms.append(Alarm(source, new, at, said[new]))
        self._now[source] = set(said)


def _said(status: dict[str, Any]) -> list[tuple[str, str]]:
    found = []
    words = status.get("evidence", "")
    if status["health"] == "lagging":
        found.append(("late", words))
    if status["health"] == "stalled":
        found.append(("silent", words))
    found += [("part", f"{one['of']} {one['what']}") for one in status.get("missing") or ()]
    for interval in status.get("intervals") or ():
        if interval["by"] == "gate":
            first = interval["reason"].split()[0].strip(":;,").lower() if interval["reason"] else ""
            found.append((first if first in SAID else "other", interval["reason"]))
    return found


def watch(spec: Spec, log: Log, faults: Faults) -> list[Alarm]:
    """Every alarm, in order."""
    watching = Watching()
    Replay(spec, Prior(spec), watching.see).run(log.arriving(faults))
    return watching.alarms
