"""``ebbline sources`` on real services: two workers report, one of them tells the whole."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.integration.story import PARTITIONS, SOURCES, Story, history
from tests.patience import PATIENCE


@pytest.fixture
def story(services: Any, redis_url: str, fresh_name: str, tmp_path: Path) -> Iterator[Story]:
    made = Story(fresh_name, tmp_path, services.bootstrap_servers, redis_url).begin()
    yield made
    made.kill_all()


def told(story: Story) -> list[dict[str, Any]]:
    """Records of whole sources."""
    return [one for one in story.read("sources") if one.get("kind") == "source"]


def test_two_workers_report_and_one_tells_the_whole(story: Story) -> None:
    before = run(story)
    assert before.returncode == 1
    assert "No worker of app" in before.stderr
    story.produce(history(users=20, days=6))
    with story.running("score,train", "score"):
        story.wait_applied()
        deadline = time.monotonic() + PATIENCE
        while len({one["source"] for one in told(story)}) < len(SOURCES):
            assert time.monotonic() < deadline, story.logs()
            time.sleep(1)
        found = [orjson.loads(line) for line in story.ebbline("sources", "--json").splitlines()]
        table = story.ebbline("sources")
    assert [one["source"] for one in found] == list(SOURCES)
    assert [one["partitions"] for one in found] == [PARTITIONS] * len(SOURCES)
    assert all(one["events"] > 0 and one["evidence"] for one in found)
    newest = {one["source"]: one for one in told(story)}
    assert {name: one["app"] for name, one in newest.items()} == dict.fromkeys(SOURCES, story.app)
    assert all(name in table for name in SOURCES)
    assert "since" in table


def run(story: Story) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "streams.cli", "sources", "--config", str(story.config)],
        env=story.environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
