"""The trainer is killed, or its store forgets: the models are those of an undisturbed run.

The scoring worker has done its part before, so the examples are the same for everybody. What a
disturbed trainer announced and kept is compared, bit by bit, with what one makes that starts
again from nothing and is left in peace.
"""

from __future__ import annotations

import signal
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson
import redis
from kafka import KafkaAdminClient

from streams.topics.admin import create_topics
from streams.topics.plan import plan_topics
from tests.faults.life import Life, Result, Worker
from tests.faults.points import Cut
from tests.faults.redis_losses import logged, lose, own_redis
from tests.faults.registry import Stage, fault
from tests.faults.topics import contents, read
from tests.faults.verdict import Verdict
from tests.patience import PATIENCE

STEPS = ("learned", "put", "fenced", "acknowledged", "announced")


@dataclass(frozen=True, slots=True)
class Learned:
    """What a trainer left: announcements by epoch, payloads by name, all repeats equal."""

    announced: dict[int, bytes]
    payloads: dict[str, bytes]


@fault("trainer: killed at each step of its order of effects", "kill")
def killed(stage: Stage) -> Result:
    with stage.life() as life:
        result = life.finish(2 * PATIENCE)
        for number, step in enumerate(STEPS):
            worker = train(life, Cut(step, 1 + number % 2 + stage.rng.randint(0, 1)))
            life.wait(partial(ended, worker), PATIENCE, "it was not killed")
            life.strikes += 1
        through(life, train(life))
        judge_models(life, result.verdict)
        return result._replace(strikes=life.strikes)


@fault("trainer: Redis loses its last second, then every snapshot")
def forgotten(stage: Stage) -> Result:
    with own_redis(stage) as server, stage.life(redis_url=server.url) as life:
        result = life.finish(2 * PATIENCE)
        worker = train(life, Cut("announced", 3, "stop"), Cut("announced", 6, "stop"))
        paused(life, worker, 1)
        kept = logged(server)
        worker.signal(signal.SIGCONT)
        paused(life, worker, 2)
        lose(server, kept)
        life.strikes += 1
        worker.signal(signal.SIGCONT)
        life.wait(lambda: worker.says("its epoch is learned again"), PATIENCE, "it has not noticed")
        through(life, worker)
        _drop_snapshots(life)
        life.strikes += 1
        worker = train(life)
        life.wait(lambda: len(payloads(life)) == newest(life), PATIENCE, "not all is learned again")
        assert worker.end() == 0
        judge_models(life, result.verdict)
        return result._replace(strikes=life.strikes)


def train(life: Life, *cuts: Cut) -> Worker:
    """A trainer, at once: nobody waits for the session of one that died."""
    life.expel(f"{life.app}.train")
    return life.work(*cuts, roles="train")


def ended(worker: Worker) -> bool:
    return not worker.alive


def paused(life: Life, worker: Worker, times: int) -> None:
    life.wait(lambda: worker.text.count("CUT stop") == times, PATIENCE, "it has not been stopped")


def through(life: Life, worker: Worker) -> None:
    """Until every epoch is announced that all partitions have closed; then an orderly end."""
    markers = [r for r in _contents(life, life.config.topics.examples) if r["kind"] == "epoch_end"]
    newest_of = {r["partition"]: r["epoch"] for r in sorted(markers, key=lambda r: r["epoch"])}
    last = min(newest_of.values())
    life.wait(lambda: newest(life, "epoch") >= last, PATIENCE, f"epoch {last} is not announced")
    assert worker.end() == 0, worker.text[-2000:]


def newest(life: Life, what: str = "version") -> int:
    """The greatest version (or epoch) announced."""
    return max((m[what] for m in _contents(life, life.config.topics.models)), default=0)


def _contents(life: Life, topic: str) -> list[dict[str, Any]]:
    return contents(read(life.servers, [topic])[topic])


def payloads(life: Life) -> dict[str, bytes]:
    """The snapshot store."""
    client = redis.Redis.from_url(life.redis_url)
    prefix = f"ebb:{life.app}:snapshot:"
    keys: Any = client.keys(prefix + "*")
    found: dict[str, Any] = {key.decode()[len(prefix) :]: client.get(key) for key in keys}
    client.close()
    return found


def _drop_snapshots(life: Life) -> None:
    client = redis.Redis.from_url(life.redis_url)
    client.delete(*client.keys(f"ebb:{life.app}:snapshot:*"), f"ebb:{{{life.app}.train}}:fence")
    client.close()


def judge_models(life: Life, verdict: Verdict) -> None:
    """Compare with an undisturbed trainer, and with the examples."""
    disturbed = _learned(life, verdict)
    figures = {r["epoch"] for r in _contents(life, life.config.topics.drift)}
    _begin_again(life)
    through(life, train(life))
    peaceful = _learned(life, verdict)
    for epoch in disturbed.announced.keys() | peaceful.announced.keys():
        if disturbed.announced.get(epoch) != peaceful.announced.get(epoch):
            verdict.lost.append(f"the model of epoch {epoch} is not that of an undisturbed run")
    if disturbed.payloads != peaceful.payloads:
        verdict.lost.append("payloads are not those of an undisturbed run")
    missing = {r["epoch"] for r in _contents(life, life.config.topics.drift)} - figures
    verdict.lost += [f"no figures of epoch {epoch}" for epoch in missing]
    records = _contents(life, life.config.topics.examples)
    due = len({record["id"] for record in records if record["kind"] == "example"})
    learned = newest(life, "learned")
    if learned != due:
        (verdict.lost if learned < due else verdict.counted_twice).append(
            f"{learned} examples learned of {due}"
        )


def _learned(life: Life, verdict: Verdict) -> Learned:
    announced: dict[int, bytes] = {}
    for manifest in _contents(life, life.config.topics.models):
        content = orjson.dumps(manifest)
        if announced.setdefault(manifest["epoch"], content) != content:
            verdict.unrecognisable.append(f"epoch {manifest['epoch']} is announced differently")
    return Learned(announced, payloads(life))


def _begin_again(life: Life) -> None:
    """Forget everything that was learned; the examples stay."""
    _drop_snapshots(life)
    plans = [p for p in plan_topics(life.config) if p.name == life.config.topics.models]
    with closing(KafkaAdminClient(bootstrap_servers=life.servers)) as admin:
        admin.delete_topics([life.config.topics.models])
        life.wait(lambda: bool(create_topics(admin, plans, 1)), PATIENCE, "the old topic stays")
