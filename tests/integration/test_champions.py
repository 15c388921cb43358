"""Challengers on real services: who scores changes, by request or evidence; a replay repeats it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import redis

from schemas.times import parse_time
from tests.integration.story import DAY, START, Story, history

END = START + 17 * DAY + 1
"""Arrival of the last heartbeats, behind the last cut."""

EPOCH = START + 15 * DAY
MODELS = """
[model]
name = "first"
kind = "logistic"
prior = {prior}
params = {{ patience = 1e9, prior_weight = {stubborn} }}

[challengers.better]
kind = "logistic"
prior = 0.1
"""


class ContestedStory(Story):
    """The model learns nothing but the base rate; its challenger does better."""

    configured = MODELS.format(prior=0.1, stubborn=100)

    def begin(self) -> Story:
        super().begin()
        text = self.config.read_text().replace("[model]\nprior = 0.1\n", self.configured)
        text = text.replace("[learning]\n", '[learning]\nevidence_every = "1d"\n')
        self.config.write_text(text)
        return self

    def reigns(self) -> dict[int, dict[str, Any]]:
        """By the time from which on they score."""
        return {m["valid_from"]: m["reign"] for m in self.read("models") if m["reign"]}

    def listed(self) -> dict[str, dict[str, Any]]:
        lines = self.ebbline("models", "list", "--json").splitlines()
        return {row["model"]: row for row in map(orjson.loads, lines)}


class OneSidedStory(ContestedStory):
    """The model says .6, whatever it learns: a few days of evidence are enough."""

    configured = MODELS.format(prior=0.6, stubborn=1e9)


@pytest.fixture
def story(
    request: Any, services: Any, redis_url: str, fresh_name: str, tmp_path: Path
) -> Iterator[Story]:
    kind = getattr(request, "param", ContestedStory)
    made = kind(fresh_name, tmp_path, services.bootstrap_servers, redis_url)
    yield made.begin()
    made.kill_all()


def test_promoted_rolled_back_and_replayed(story: ContestedStory) -> None:
    events = history(users=30, days=10)
    pieces = [[e for e in events if e.arrival <= START + 9 * DAY]]
    pieces.append([e for e in events if START + 9 * DAY < e.arrival <= START + 12 * DAY])
    pieces.append([e for e in events if e.arrival > START + 12 * DAY])

    story.produce(pieces[0])
    with story.running("score", "train") as (_, trainer):
        story.wait_trained_through(START + 8 * DAY)
        assert story.listed()["first"]["scores"]
        said = story.ebbline("models", "promote", "better", "--note", "it is better")
        assert f"Asked at {story.app}.examples-0-" in said
        trainer.send_signal(signal.SIGKILL)
        trainer.wait()
        story.start("train")
        story.produce(pieces[1])
        story.wait_trained_through(START + 11 * DAY)
        assert story.listed()["better"]["scores"]
        assert "it is better" in story.ebbline("models", "show")
        story.ebbline("models", "rollback", "--to-version", "2", "--model", "better")
        story.produce(pieces[2])
        story.wait_trained_through(EPOCH)
        story.wait_scored_through(END)
        story.wait_applied()
        trainer.returncode = 0

    reigns = story.reigns()
    told = [(r["name"], r["pinned"], r["by"]) for _, r in sorted(reigns.items())]
    assert list(dict.fromkeys(told)) == [
        ("first", False, "configuration"),
        ("better", False, "request"),
        ("better", True, "request"),
    ]
    assert {r["version"] for r in reigns.values() if r["pinned"]} == {2}
    lived = story.outcome()
    _replay(story)
    assert story.outcome() == lived, "every score came again, and equal"
    _as_decided(story, reigns)


@pytest.mark.parametrize("story", [OneSidedStory], indirect=True)
def test_evidence_promotes_and_a_replay_repeats_it(story: ContestedStory) -> None:
    story.produce(history(users=30, days=10))
    with story.running("score", "train"):
        story.wait_trained_through(EPOCH)
        story.wait_scored_through(END)
        story.wait_applied()
        assert story.listed()["better"]["scores"]
        shown = " ".join(story.ebbline("models", "show").split())  # it is wrapped in a table
        assert "lower than first's by" in shown
    reigns = story.reigns()
    told = [(r["name"], r["by"]) for _, r in sorted(reigns.items())]
    assert list(dict.fromkeys(told)) == [("first", "configuration"), ("better", "evidence")]
    promoted = next(r for r in reigns.values() if r["by"] == "evidence")
    assert "confidence sequence" in promoted["reason"]
    assert promoted["before"] == "first"
    lived = story.outcome()
    _replay(story)
    assert story.outcome() == lived, "every score came again, and equal"
    _as_decided(story, reigns)


def _replay(story: Story) -> None:
    """Without any state, from the first event on; no trainer is needed any more."""
    client = redis.Redis.from_url(story.redis_url)
    keys = [key for key in client.scan_iter(f"ebb:*{story.app}*") if b":snapshot:" not in key]
    client.delete(*keys)
    client.close()
    worker = story.start("score", "--rebuild")
    story.wait_scored_through(END)
    story.wait_applied()
    worker.send_signal(signal.SIGTERM)
    assert worker.wait() == 0, story.logs()


def _as_decided(story: Story, reigns: dict[int, dict[str, Any]]) -> None:
    """Every score was made by the model whose reign it lies in."""
    for score in story.read("scores"):
        time, model = parse_time(score["time"]), score["model"]
        since = max((at for at in reigns if at <= time), default=None)
        if since is None or reigns[since]["version"] == 0:
            assert (model["version"], score["maturity"]) == (0, "prior")
        else:
            reign = reigns[since]
            assert (model["name"], model["version"]) == (reign["name"], reign["version"])
