"""A history gives the same scores and the same model however it is lived through.

One backlog read by one worker is the yardstick; the others see the history in pieces, with
restarts and kills, with more workers, with a slow trainer.
"""

from __future__ import annotations

import itertools
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.groups import expel
from tests.integration.story import DAY, START, Event, Story, history

END = START + 27 * DAY
EPOCH = START + 25 * DAY

MakeStory = Callable[..., Story]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("story")


@pytest.fixture
def make_story(services, redis_url: str, fresh_name: str, folder: Path) -> Iterator[MakeStory]:
    made: list[Story] = []

    def make(**options) -> Story:
        name = f"{fresh_name}-{len(made)}"
        made.append(Story(name, folder, services.bootstrap_servers, redis_url, **options).begin())
        return made[-1]

    yield make
    for story in made:
        story.kill_all()


@dataclass(frozen=True)
class Yardstick:
    outcome: dict[str, bytes]
    models: list[tuple[int, int, str | None]]


_yardstick: list[Yardstick] = []


@pytest.fixture
def events() -> list[Event]:
    return history()


@pytest.fixture
def yardstick(make_story: MakeStory, events: list[Event]) -> Yardstick:
    """Everything produced first, then one worker with both roles."""
    if not _yardstick:
        story = make_story()
        story.produce(events)
        with story.running():
            story.wait_scored_through(END)
            story.wait_trained_through(EPOCH)
            story.wait_applied()
        assert story.committed() == story.ends(), "the commit did not reach the end"
        assert not story.read("deadletter")
        _yardstick.append(Yardstick(story.outcome(), story.models()))
    return _yardstick[0]


def check(story: Story, yardstick: Yardstick) -> None:
    disordered = [s["disordered"] for r in story.records() for s in r["sources"]]
    assert sum(disordered) == 0, "produced in time order, merged in time order"
    outcome = story.outcome()
    assert outcome.keys() == yardstick.outcome.keys()
    assert outcome == yardstick.outcome
    assert story.models()[: len(yardstick.models)] == yardstick.models


def test_the_yardstick_is_worth_comparing_with(yardstick: Yardstick) -> None:
    scores = list(yardstick.outcome)
    assert sum(key.endswith(" schedule") for key in scores) > 400
    assert sum(" event:" in key for key in scores) > 400
    versions = {version for _, version, _ in yardstick.models}
    assert len(versions) > 8
    assert any(b'"health":"stalled"' in score for score in yardstick.outcome.values())


def test_pieces_with_restarts_and_kills(
    make_story: MakeStory, events: list[Event], yardstick: Yardstick
) -> None:
    story = make_story()
    cuts = [0, *(len(events) * part // 7 for part in (1, 2, 3, 4, 5, 6)), len(events)]
    for number, (start, stop) in enumerate(itertools.pairwise(cuts)):
        worker = story.start()
        story.produce(events[start:stop])
        story.wait_applied()
        if stop < len(events):
            worker.send_signal(signal.SIGKILL if number % 2 else signal.SIGTERM)
            worker.wait()
            for group in (story.app, f"{story.app}.train"):
                expel(story.servers, group)  # a killed one's session would last for seconds
    story.wait_scored_through(END)
    story.wait_trained_through(EPOCH)
    check(story, yardstick)


def test_three_workers_and_a_trainer_of_its_own(
    make_story: MakeStory, events: list[Event], yardstick: Yardstick
) -> None:
    story = make_story()
    with story.running("score", "score", "score", "train"):
        story.produce(events)
        story.wait_scored_through(END)
        story.wait_trained_through(EPOCH)
    check(story, yardstick)


def test_a_slow_trainer_changes_no_score(
    make_story: MakeStory, events: list[Event], yardstick: Yardstick
) -> None:
    story = make_story()
    story.produce(events)
    with story.running("score", "train") as (_, trainer):
        story.wait_said('"working"')
        done = threading.Event()
        slow = threading.Thread(target=_run_a_tenth_of_the_time, args=(trainer, done))
        slow.start()
        try:
            story.wait_scored_through(END)
            story.wait_trained_through(EPOCH)
        finally:
            done.set()
            slow.join()
    check(story, yardstick)


def _run_a_tenth_of_the_time(process, done: threading.Event) -> None:
    while not done.is_set():
        process.send_signal(signal.SIGSTOP)
        time.sleep(0.45)
        process.send_signal(signal.SIGCONT)
        time.sleep(0.05)
