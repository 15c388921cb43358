"""Topics and configurations that do not fit the state: an error, whose remedy works."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import Any

from kafka import KafkaAdminClient

from streams.config import load_config
from streams.topics.admin import create_topics
from streams.topics.plan import plan_topics
from tests.faults import topics
from tests.faults.deployment import PARTITIONS
from tests.faults.life import Life, Result
from tests.faults.observed import observe
from tests.faults.redis_losses import begun, kept, refused
from tests.faults.registry import Stage, fault
from tests.faults.truth import truth_of
from tests.faults.verdict import judge
from tests.patience import PATIENCE


@fault("topic deleted while it is read; created again, as long as before")
def deleted(stage: Stage) -> Result:
    with stage.life() as life:
        worker = begun(life)
        delete(life, "usage")
        life.strikes += 1
        refused(life, worker, "ebbline topics create")
        create_again(life, "usage")
        life.strikes += 1
        refused(life, life.work(), "created again")
        life.work(words=["--rebuild"])
        return life.finish(2 * PATIENCE)


@fault("topic deleted and created again while it is read")
def replaced(stage: Stage) -> Result:
    with stage.life() as life:
        worker = begun(life)
        delete(life, "usage")
        create_again(life, "usage")
        life.strikes += 1
        refused(life, worker, "created again")
        life.work(words=["--rebuild"])
        return life.finish(2 * PATIENCE)


@fault("topics get another number of partitions")
def repartitioned(stage: Stage) -> Result:
    """Not curable by computing again; what is there stays whole."""
    with stage.life() as life:
        worker = begun(life)
        result = life.finish(2 * PATIENCE)
        before = kept(life)
        worker = life.work()
        life.wait(lambda: worker.says('"known": true'), PATIENCE, "nothing is claimed")
        with closing(KafkaAdminClient(bootstrap_servers=life.servers)) as admin:
            more = {
                f"{life.app}.{name}": PARTITIONS + 1 for name in ("usage", "billing", "outcomes")
            }
            admin.create_partitions(more)
        life.strikes += 1
        refused(life, worker, f"had {PARTITIONS} partitions, now {PARTITIONS + 1}")
        refused(life, life.work(words=["--rebuild"]), "use another app name")
        assert kept(life) == before
        return result._replace(strikes=life.strikes, verdict=life.verdict())


@fault("features changed: a new feature set beside the old state")
def other_features(stage: Stage) -> Result:
    with stage.life() as life:
        worker = begun(life)
        assert worker.end() == 0
        before, text = kept(life), life.path.read_text()
        fewer = [line for line in text.splitlines() if '"spread"' not in line]
        life.path.write_text("\n".join(fewer))
        life.config = load_config(life.path)
        life.strikes += 1
        life.expel()
        refused(life, life.work(), "--rebuild")
        life.work(words=["--rebuild"])
        result = life.finish(2 * PATIENCE)
        assert before.items() <= kept(life).items(), "the old state is as it was"
        return result._replace(verdict=verdict_of_features(life))


def verdict_of_features(life: Life) -> Any:
    """Judge only what belongs to the feature set in force: a score keeps its id over a change of
    features, and says of which set it is."""
    truth = truth_of(life.servers, life.config.spec)
    seen = observe(life.servers, life.redis_url, life.config, PARTITIONS, truth.moments())
    wanted = life.config.spec.feature_set
    ours = [[r for r in rs if r["feature_set"] == wanted] for rs in (seen.scores, seen.examples)]
    return judge(truth, replace(seen, scores=ours[0], examples=ours[1]))


def delete(life: Life, source: str) -> None:
    with closing(KafkaAdminClient(bootstrap_servers=life.servers)) as admin:
        admin.delete_topics([f"{life.app}.{source}"])


def create_again(life: Life, source: str) -> None:
    """With the very records, at the very offsets, as before."""
    plans = [p for p in plan_topics(life.config, PARTITIONS) if p.name == f"{life.app}.{source}"]
    with closing(KafkaAdminClient(bootstrap_servers=life.servers)) as admin:
        life.wait(lambda: bool(create_topics(admin, plans, 1)), PATIENCE, "the old one stays")
    again = [sent for sent in life.history[: life.fed] if sent.item.source == source]
    topics.produce(life.servers, life.app, again)
