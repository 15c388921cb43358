"""The same log, a source of it late: scores keep coming, nothing is lost, all heals.

`ebbline publish` puts it on a real broker three times: usage five days late; usage away for a
week, the backlog landing in order; and landing with the newest first. What came of the log as it
happened is known from the engine in memory.
"""

from __future__ import annotations

import base64
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
import redis

from models.engine.requests import Output
from models.features.plan import make_plan
from models.features.vector import features
from models.grid import Float
from models.spec import Spec
from models.state.decoding import decode
from models.state.slab import Slab
from models.watch.cost import losses
from schemas.murmur2 import partition_of
from schemas.times import format_time, parse_time
from streams.config import load_config
from streams.replay import Replay, Trained
from streams.study.figures import reliability
from streams.study.logs import from_files
from tests.integration.story import DAY, PARTITIONS, START, Event, Story, history

USERS, DAYS = 60, 24
FIRST, LAST = START + 14 * DAY, START + 21 * DAY
"""Usage is away from FIRST to LAST."""
BACK = LAST - DAY // 2
"""Or to here, between two cuts."""
END = START + 24 * DAY + 1
"""Where the outage's runs are closed: what was away lies in the windows there."""
LATE, LATE_END = 5 * DAY, START + 30 * DAY
LATENESS = DAY
"""The story's ``allowed_lateness`` of usage."""

Live = Callable[..., "Lived"]


def at(time: int) -> str:
    return format_time(time * 1000)


@dataclass(frozen=True)
class Lived:
    """What came of a log. features: user → as of the end."""

    scores: list[dict[str, Any]]
    letters: list[dict[str, Any]]
    features: dict[str, Float]

    def scheduled(self, first: int = START, last: int = LATE_END) -> list[dict[str, Any]]:
        """Scores of cuts in [first, last] (ms)."""
        found = [score for score in self.scores if score["cause"] == "schedule"]
        return [score for score in found if at(first) <= score["time"] <= at(last)]

    def health(self, first: int, last: int) -> Counter[str]:
        """Of usage."""
        return Counter(s["sources"]["usage"]["health"] for s in self.scheduled(first, last))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("late")


@pytest.fixture(scope="module")
def events() -> list[Event]:
    return [event for event in history(USERS, DAYS, seed=5) if event.key is not None]


@pytest.fixture(scope="module")
def files(folder: Path, events: list[Event]) -> dict[str, Path]:
    by_source: dict[str, list[bytes]] = defaultdict(list)
    for event in events:
        by_source[event.source].append(orjson.dumps(event.value))
    paths = {source: folder / f"{source}.jsonl" for source in by_source}
    for source, path in paths.items():
        path.write_bytes(b"\n".join(by_source[source]))
    return paths


@pytest.fixture
def story(services, redis_url: str, fresh_name: str, folder: Path):
    story = Story(fresh_name, folder, services.bootstrap_servers, redis_url).begin()
    text = story.config.read_text()
    story.config.write_text(text.replace("[scores]\n", "[scores]\nrenew = true\n"))
    yield story
    story.kill_all()


@pytest.fixture
def live(story: Story, files: dict[str, Path], redis_url: str) -> Live:
    """Publish the log with faults, and live through it."""

    def live(end: int, *faults: str) -> Lived:
        given = [word for s, path in files.items() for word in ("--source", s, str(path))]
        story.ebbline("publish", *given, "--heartbeats", "6h", "--close-at", at(end), *faults)
        with story.running():
            story.wait_scored_through(end)
            story.wait_applied()
        client = redis.Redis.from_url(redis_url)
        keys = list(client.scan_iter(f"ebb:{{{story.app}.p*}}:fs-*:u:*"))
        read = {key.decode().split(":u:", 1)[1]: client.get(key) for key in keys}
        values = {user: value for user, value in read.items() if isinstance(value, bytes)}
        client.close()
        known = _features(load_config(story.config).spec, values, end)
        return Lived(story.read("scores"), story.read("deadletter"), known)

    return live


def as_it_happened(story: Story, files: dict[str, Path], end: int) -> Lived:
    """The same log without faults, through the engine in memory."""
    spec, outputs = load_config(story.config).spec, list[Output]()
    log = from_files(spec, {s: [path] for s, path in files.items()}, 1.0, lambda *_: None)
    replay = Replay(spec, Trained(spec), outputs.extend)
    replay.run(log.arriving({}, end))
    found = [orjson.loads(output.value) for output in outputs if output.topic == "scores"]
    return Lived(found, [], _features(spec, replay.memory.users, end))


def _features(spec: Spec, values: dict[str, bytes], end: int) -> dict[str, Float]:
    slab, users = Slab(make_plan(spec)), sorted(values)
    rows = slab.make(users)
    decode(slab, users, rows, [values[user] for user in users])
    times = np.full(len(users), end * 1000)
    matrix, _ = features(slab, rows, times, np.tile(times[:, None], (1, len(spec.sources))))
    return dict(zip(users, matrix, strict=True))


def check_healed(lived: Lived, clean: Lived) -> None:
    """Nothing missing in the end, and nobody without a score on the way."""
    assert lived.features.keys() == clean.features.keys()
    for user, known in clean.features.items():
        np.testing.assert_allclose(lived.features[user], known, rtol=1e-9, err_msg=user)
    assert scored(lived.scheduled()) == scored(clean.scheduled())


def check_renewed(lived: Lived) -> None:
    """Whose newest score was told without usage was scored again when the backlog had landed."""
    by_id = {score["id"]: score for score in lived.scores}
    renewed = [score for score in by_id.values() if score["supersedes"]]
    assert {score["cause"] for score in renewed} == {"renewal:usage"}
    assert {score["user"] for score in renewed} != set()
    for score in renewed:
        old = by_id[score["supersedes"]]
        before, after = old["sources"]["usage"], score["sources"]["usage"]
        assert (before["health"] != "fresh", after["health"]) == (True, "fresh")
        assert before["evidence"]
        assert "evidence" not in after
        assert at(BACK) < score["time"] < at(LAST)
        own = [s for s in by_id.values() if s["user"] == old["user"]]
        assert not [s for s in own if old["time"] < s["time"] < score["time"]]
    assert len({score["supersedes"] for score in renewed}) == len(renewed)


def scored(scores: Sequence[dict[str, Any]]) -> set[tuple[str, str]]:
    return {(score["user"], score["time"]) for score in scores}


def check_calibrated(
    late: Sequence[dict[str, Any]], clean: Sequence[dict[str, Any]], events: Sequence[Event]
) -> None:
    """Probabilities are as true as without the fault, a little less sharp perhaps."""
    churned = {
        event.value["user"]: event.value["at"] * 1000
        for event in events
        if event.source == "outcomes" and event.value["kind"] == "cancelled"
    }
    found = []
    for scores in (late, clean):
        said = np.array([score["probability"] for score in scores])
        waits = [churned.get(s["user"], 0) - parse_time(s["time"]) for s in scores]
        came = np.array([0 < wait <= 4 * DAY * 1000 for wait in waits], dtype=float)
        bands = reliability(came, said, bins=4)
        off = sum(rows * abs(rate - mean) for mean, rate, rows in bands) / len(said)
        found.append((off, float(losses(came, said).mean())))
    (off, loss), (off_clean, loss_clean) = found
    assert off < off_clean + 0.03
    assert loss < loss_clean + 0.03


def test_a_source_that_is_always_late(
    live: Live, story: Story, files: dict[str, Path], events: list[Event]
) -> None:
    lived = live(LATE_END, "--delay", f"usage={LATE // DAY}d")
    clean = as_it_happened(story, files, LATE_END)
    assert not lived.letters, "lateness is judged against the source's own watermark"
    check_healed(lived, clean)
    health = lived.health(START + 12 * DAY, START + 24 * DAY)
    assert "fresh" not in health, "five days late is not fresh"
    span = START + 8 * DAY, START + 20 * DAY
    check_calibrated(lived.scheduled(*span), clean.scheduled(*span), events)


def test_a_week_of_outage(
    live: Live, story: Story, files: dict[str, Path], events: list[Event]
) -> None:
    lived = live(END, "--outage", f"usage={at(FIRST)}..{at(BACK)}")
    clean = as_it_happened(story, files, END)
    assert not lived.letters
    check_healed(lived, clean)
    assert lived.health(FIRST - 4 * DAY, FIRST - DAY).keys() == {"fresh"}
    assert "fresh" not in lived.health(FIRST + 3 * DAY, LAST - DAY)
    assert lived.health(LAST + 2 * DAY, END).keys() == {"fresh"}, "it heals by itself"
    check_renewed(lived)
    span = FIRST, LAST - DAY
    check_calibrated(lived.scheduled(*span), clean.scheduled(*span), events)


def test_a_backfill_that_begins_with_the_newest(
    live: Live, story: Story, files: dict[str, Path], events: list[Event]
) -> None:
    """The watermark jumps, then the old days arrive: what is too old is named, one by one."""
    fault = f"usage=outage from={at(FIRST)} until={at(LAST)} order=newest over=6h"
    lived = live(END, "--fault", fault)
    assert {letter["reason"] for letter in lived.letters} == {"late"}
    expected = too_late(events)
    assert len(expected) > 100
    named = Counter(_id(letter) for letter in lived.letters)
    assert named.keys() == expected
    clean = as_it_happened(story, files, END)
    untouched = {event.key for event in events} - {name.split("/")[0] for name in expected}
    for user in untouched & clean.features.keys():
        np.testing.assert_allclose(lived.features[user], clean.features[user], rtol=1e-9)


def _id(letter: dict[str, Any]) -> str:
    return str(orjson.loads(base64.b64decode(letter["value_base64"]))["id"])


def too_late(events: Sequence[Event]) -> set[str]:
    """Ids of what is older than its partition's newest event by more than is allowed."""
    found, newest = set(), dict[int, int]()
    usage = [event for event in events if event.source == "usage"]
    for event in sorted(usage, key=lambda e: _arrival(e.value["at"])):
        assert event.key is not None
        partition, time = partition_of(event.key.encode(), PARTITIONS), event.value["at"]
        if time < newest.get(partition, 0) - LATENESS:
            found.add(event.value["id"])
        newest[partition] = max(newest.get(partition, 0), time)
    return found


def _arrival(time: int) -> float:
    """The backfill takes six hours, the newest first; other events come as they happen."""
    if not FIRST <= time < LAST:
        return time
    return LAST + (LAST - time) / (LAST - FIRST) * DAY / 4
