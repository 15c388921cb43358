"""Snapshots that must not be used: refused by name, counted, and the old model stays in force."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from unittest.mock import patch

import numpy as np
import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from models.learning.errors import FeatureSetError, SignatureError
from models.learning.payload import checksum
from models.learning.signing import sign
from models.learning.trainer import Trainer
from models.spec import (
    FeatureSpec,
    LabelSpec,
    LearningSpec,
    ModelSpec,
    PopulationSpec,
    ScheduleSpec,
    ScoringSpec,
    SourceSpec,
    Spec,
)
from schemas.examples import Example
from schemas.mapping import SourceMapping, TimeMapping
from schemas.snapshots import Manifest, Reign
from streams.snapshots.registry import ModelRegistry
from streams.snapshots.store import RedisSnapshots
from streams.supervision import Fatal
from streams.telemetry.metrics import Metrics
from streams.training.resuming import resume

DAY = 86_400_000_000
KEY, OTHER_KEY = b"ours", b"somebody else's"
LATE = 90 * DAY
Snapshot = tuple[Manifest, bytes]


def make_spec(app: str, *features: str, kind: str = "arf") -> Spec:
    mapping = SourceMapping(user=("user",), time=TimeMapping(path=("at",), unit="ms"))
    return Spec(
        app=app,
        clock="live",
        grid=DAY,
        max_future=DAY,
        sources=(SourceSpec(name="usage", topic="events.usage", mapping=mapping),),
        features=tuple(FeatureSpec(name, "sum", "usage", window=7 * DAY) for name in features),
        population=PopulationSpec(),
        labels=LabelSpec(rule="outcome", horizon=28 * DAY, sources=("usage",)),
        scoring=ScoringSpec(schedule=ScheduleSpec(7 * DAY), on_event=None, bands=(("low", 0.0),)),
        model=ModelSpec(kind=kind, prior=0.2),
        learning=LearningSpec(
            every=DAY, activation_delay=DAY // 24, example_every=28 * DAY, complete_within=DAY
        ),
    )


def epochs(spec: Spec, count: int) -> list[Snapshot]:
    """Signed snapshots of that many epochs, from day 50 on."""
    trainer, rng = Trainer(spec), np.random.default_rng(1)
    made = []
    for epoch in range(50 * DAY, (50 + count) * DAY, DAY):
        result = trainer.learn_epoch(epoch, [_example(spec, epoch, i, rng) for i in range(60)], 7)
        assert result.payload is not None
        made.append((sign(result.manifest, KEY), result.payload))
    return made


def _example(spec: Spec, epoch: int, number: int, rng: np.random.Generator) -> Example:
    value = float(rng.poisson(5))
    vector = {feature.name: value for feature in spec.features}
    return Example(
        id=f"{epoch}-{number}",
        app=spec.app,
        user=f"user-{number}",
        partition=0,
        time=epoch - 28 * DAY,
        epoch=epoch,
        label=int(value < 4),
        weight=1.0,
        vector=vector,
        complete=vector,
        as_of={"usage": epoch},
        health={"usage": "fresh"},
        treatment={"usage": "current"},
        probability=0.2,
        model_version=0,
        feature_set=spec.feature_set,
    )


@dataclass
class Setting:
    """A registry on a real store that knows a good first version; a second one is at hand."""

    spec: Spec
    redis: Redis
    store: RedisSnapshots
    metrics: Metrics
    registry: ModelRegistry
    good: Snapshot
    second: Snapshot

    async def announce(self, manifest: Manifest, payload: bytes | None) -> None:
        if payload is not None:
            await self.store.put(manifest.payload or "", payload)
        await self.registry.hear(manifest)

    async def in_force(self) -> int:
        scorer = await self.registry.at(LATE, None)
        assert scorer.predict(np.array([[1.0, 1.0]])).shape == (1,)
        return scorer.version

    def refused(self) -> dict[str, float]:
        samples = [s for m in self.metrics.model_refused.collect() for s in m.samples]
        return {s.labels["reason"]: s.value for s in samples if s.name.endswith("_total")}


@pytest.fixture
async def setting(redis_url: str, fresh_name: str) -> AsyncIterator[Setting]:
    spec = make_spec(fresh_name, "clicks", "visits")
    redis, metrics = Redis.from_url(redis_url), Metrics()
    store = RedisSnapshots(redis, spec.app)
    good, second = epochs(spec, 2)
    registry = ModelRegistry(spec, store, KEY, wait=1.0, metrics=metrics)
    found = Setting(spec, redis, store, metrics, registry, good, second)
    await found.announce(*good)
    yield found
    await redis.aclose()


Change = Callable[[Manifest, bytes], tuple[Manifest, bytes | None]]
OTHER_SET = make_spec("other", "clicks", "calls").feature_set
BAD: dict[str, tuple[str, Change]] = {
    "manifest tampered": ("SignatureError", lambda m, p: (replace(m, position=1), p)),
    "re-signed with another key": ("SignatureError", lambda m, p: (sign(m, OTHER_KEY), p)),
    "unsigned": ("SignatureError", lambda m, p: (replace(m, signature=""), p)),
    "of another feature set": (
        "FeatureSetError",
        lambda m, p: (sign(replace(m, feature_set=OTHER_SET), KEY), p),
    ),
    "of another River": ("RiverVersionError", lambda m, p: (sign(replace(m, river="1"), KEY), p)),
    "payload tampered": ("ChecksumError", lambda m, p: (m, p[:99] + b"?" + p[100:])),
    "payload truncated": ("ChecksumError", lambda m, p: (m, p[:-1])),
    "payload lost": ("ChecksumError", lambda m, _: (m, None)),
    "payload too large": ("SizeError", lambda m, p: (sign(replace(m, size=2**40), KEY), p)),
    "payload of another kind": (
        "FormatError",
        lambda m, _: (sign(replace(m, size=16, checksum=checksum(b"?" * 16)), KEY), b"?" * 16),
    ),
}


@pytest.mark.parametrize("case", BAD)
async def test_refused_by_its_own_name_and_the_old_model_kept(case: str, setting: Setting) -> None:
    reason, change = BAD[case]
    assert await setting.in_force() == 1
    with capture_logs() as logs:
        await setting.announce(*change(*setting.second))
        assert await setting.in_force() == 1
        assert await setting.in_force() == 1
    assert setting.refused() == {reason: 1.0}
    said = [entry for entry in logs if entry["log_level"] == "error"]
    assert [(entry["version"], entry["reason"]) for entry in said] == [(2, reason)]
    assert "the old model is kept" in said[0]["event"]
    assert KEY.decode() not in str(logs)
    await setting.announce(*setting.second)
    assert await setting.in_force() == 2, "the good one must still be accepted"


@pytest.mark.parametrize("case", ["re-signed with another key", "of another feature set"])
async def test_a_forgery_does_not_displace_what_it_imitates(case: str, setting: Setting) -> None:
    await setting.announce(*setting.second)
    forged, _ = BAD[case][1](*setting.second)
    await setting.registry.hear(forged)
    assert await setting.in_force() == 2
    assert setting.registry.newest == setting.second[0]


@pytest.mark.parametrize(
    ("case", "error"),
    [
        ("re-signed with another key", SignatureError),
        ("of another feature set", FeatureSetError),
    ],
)
async def test_a_trainer_that_can_use_nothing_announced_does_not_begin_anew(
    case: str, error: type[Exception], setting: Setting
) -> None:
    lonely = ModelRegistry(setting.spec, setting.store, KEY, wait=1.0, metrics=setting.metrics)
    forged, _ = BAD[case][1](*setting.good)
    await lonely.hear(forged)
    with pytest.raises(error):
        await resume(setting.spec, lonely, setting.store, KEY, 0, setting.metrics)
    await lonely.hear(setting.good[0])
    _, newest = await resume(setting.spec, lonely, setting.store, KEY, 0, setting.metrics)
    assert newest == setting.good[0]


async def test_on_the_arrival_clock_a_lost_payload_is_waited_for(setting: Setting) -> None:
    """The trainer learns it again; a replay must not go on with an older model meanwhile."""
    spec = replace(setting.spec, clock="arrival")
    registry = ModelRegistry(spec, setting.store, KEY, wait=20.0, metrics=setting.metrics)
    for manifest, _ in (setting.good, setting.second):
        await registry.hear(manifest)
    asked = asyncio.create_task(registry.at(LATE, None))
    await asyncio.sleep(0.2)
    assert not asked.done()
    waiting = setting.metrics.registry.get_sample_value("ebbline_waiting", {"service": "trainer"})
    assert waiting == 1
    await setting.store.put(setting.second[0].payload or "", setting.second[1])
    assert (await asked).version == 2
    assert not setting.refused()


async def test_nobody_waits_twice_for_a_payload_that_does_not_come(setting: Setting) -> None:
    spec = replace(setting.spec, clock="arrival")
    registry = ModelRegistry(spec, setting.store, KEY, wait=0.3, metrics=setting.metrics)
    for manifest, _ in (setting.good, setting.second):
        await registry.hear(manifest)
    with patch.object(registry, "_waiting", wraps=registry._waiting) as waiting:
        assert (await registry.at(LATE, None)).version == 1
        assert waiting.call_count == 1
        assert (await registry.at(LATE, None)).version == 1
        assert waiting.call_count == 1
    assert setting.refused() == {"ChecksumError": 1.0}


async def test_a_trainer_learns_lost_snapshots_again_if_the_examples_are_there(
    setting: Setting,
) -> None:
    await setting.registry.hear(setting.second[0])
    world = (setting.spec, setting.registry, setting.store, KEY)
    trainer, newest = await resume(*world, 0, setting.metrics)
    assert newest == setting.good[0], "the newest one that is there"
    assert trainer.epoch == setting.good[0].epoch
    await setting.store.drop(setting.good[0].payload or "")
    trainer, newest = await resume(*world, 0, setting.metrics)
    assert (trainer.epoch, newest) == (None, None)
    with pytest.raises(Fatal, match="begins at 1 now"):
        await resume(*world, 1, setting.metrics)
    await setting.store.put(setting.second[0].payload or "", setting.second[1])
    with pytest.raises(Fatal, match="offset 7"):
        await resume(*world, 8, setting.metrics)


async def test_the_reign_says_which_model_scores(setting: Setting) -> None:
    """Of whatever name and version it is; what it names is checked like anything else."""
    other = setting.spec.of_model("other")
    theirs = epochs(other, 2)
    for snapshot in theirs:
        await setting.announce(*snapshot)
    assert (await setting.registry.at(LATE, None)).name == "champion", "nobody has said so"

    async def reigns(manifest: Manifest, name: str, version: int) -> tuple[str, int]:
        reign = Reign(name, version)
        await setting.registry.hear(sign(replace(manifest, reign=reign), KEY))
        scorer = await setting.registry.at(LATE, None)
        return scorer.name, scorer.version

    closing = setting.good[0]
    assert await reigns(closing, "other", 2) == ("other", 2)
    assert await reigns(closing, "other", 1) == ("other", 1)
    assert await reigns(closing, "champion", 1) == ("champion", 1)
    assert await reigns(replace(closing, epoch=closing.epoch + DAY), "other", 1) == ("other", 1)
    before = await setting.registry.at(closing.valid_from - 1, None)
    assert (before.version, before.maturity) == (0, "prior")
    await setting.registry.hear(replace(closing, reign=Reign("champion", 1)))
    assert setting.refused() == {"SignatureError": 1.0}, "a reign is signed"
