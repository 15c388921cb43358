"""`docker compose up` from the project's own file: scores appear, and nothing that ends loses any.

Simulated users are the same in every process with the same seed: who has to be scored at each day's
cut is known here without asking the deployment.
"""

from __future__ import annotations

import os
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

from schemas.times import DAY, parse_time
from streams.demo.simtime import START
from streams.demo.simulator import Simulator
from streams.embedded import containers
from tests.stack.deployment import Deployment, compose_command

pytestmark = [pytest.mark.faults, pytest.mark.containers]

IMAGES = (containers.KAFKA_IMAGE, containers.REDIS_IMAGE, "ebbline:0.1.0")
PATIENCE_SECONDS = 180


@pytest.fixture(scope="module")
def deployment() -> Iterator[Deployment]:
    compose = compose_command()
    reasons = [why for image in IMAGES if (why := containers.why_not(image))]
    if compose is None:
        reasons.append("there is neither `docker compose` nor `docker-compose`")
    if reasons or compose is None:
        why = f"no stack here: {'; '.join(reasons)} (tools/images/build --app makes the images)"
        if os.environ.get("EBBLINE_CONTAINERS") == "required":
            pytest.fail(why, pytrace=False)
        pytest.skip(why)
    running = Deployment(compose)
    try:
        yield running
    finally:
        running.run("down", "--volumes", "--timeout", "20")


Scores = dict[int, list[dict[str, Any]]]


def days_scored(scores: Scores) -> int:
    """Days since the beginning whose cuts are behind every partition.

    Scores are keyed like events, so a user's partition is the one that scored her.
    """
    newest = [max((parse_time(s["time"]) for s in part), default=START) for part in scores.values()]
    return (min(newest, default=START) - START) // DAY


def wait_for_days(deployment: Deployment, days: int) -> Scores:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        scores = deployment.scores()
        if days_scored(scores) >= days:
            return scores
        assert time.monotonic() < deadline, f"{days_scored(scores)} days\n{deployment.logs()}"
        time.sleep(1)


def check(found: Scores) -> None:
    """Everybody at risk has a score at every cut; what is repeated has an id that was seen."""
    days = days_scored(found)
    scores = [score for part in found.values() for score in part]
    simulator = Simulator(seed=1)
    simulator.advance(START + (days + 1) * DAY)
    scored: defaultdict[int, set[str]] = defaultdict(set)
    contents: defaultdict[str, set[str]] = defaultdict(set)
    for score in scores:
        if score["cause"] == "schedule":
            scored[parse_time(score["time"])].add(score["user"])
        contents[score["id"]].add(str({**score, "emitted_at": None}))
    for day in range(1, days):
        cut = START + day * DAY
        missing = simulator.truth.at_risk(cut) - scored[cut]
        assert not missing, f"day {day}: {len(missing)} users without a score"
    counts = Counter((s["user"], s["time"], s["cause"]) for s in scores)
    ids = {(s["user"], s["time"], s["cause"], s["id"]) for s in scores}
    assert len(ids) == len(counts)
    assert all(len(versions) == 1 for versions in contents.values())


def test_up_scores_survive_and_nothing_is_lost(deployment: Deployment) -> None:
    deployment.up()
    check(wait_for_days(deployment, 15))

    deployment.run("stop", "worker")
    before = days_scored(deployment.scores())
    deployment.up()
    check(wait_for_days(deployment, before + 2))

    deployment.docker("kill", "--signal", "KILL", service="worker")
    deployment.run("restart", "kafka")
    deployment.up()
    before = days_scored(deployment.scores())
    check(wait_for_days(deployment, before + 2))

    deployment.run("down", "--timeout", "20")
    deployment.up()
    assert days_scored(deployment.scores()) >= before + 2
    check(wait_for_days(deployment, before + 4))


def test_the_image_is_what_it_says(deployment: Deployment) -> None:
    """Non-root, no compiler, no tests inside, the root not writable."""
    deployment.up()
    run = "exec"
    assert deployment.run(run, "-T", "worker", "id", "-u").strip() == "10001"
    absent = "for x in gcc cc make pip pytest; do command -v $x && exit 1; done; exit 0"
    deployment.run(run, "-T", "worker", "sh", "-c", absent)
    deployment.run(run, "-T", "worker", "sh", "-c", "! touch /etc/x && ! touch /opt/ebbline/x")
    found = "import importlib.util as u, sys; sys.exit(any(map(u.find_spec, ['tests', 'bench'])))"
    deployment.run(run, "-T", "worker", "python", "-c", found)
