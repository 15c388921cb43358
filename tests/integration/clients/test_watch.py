"""``ebbline watch`` on a real broker, piped, as a script would run it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from typing import Any

import pytest

from schemas.codec import encode
from schemas.drift import Prequential
from schemas.scores import ModelRef, Reason, Score
from schemas.sources import SourceStatus
from tests.patience import PATIENCE

AT = "2026-01-01T00:00:00Z"


def score(app: str, number: int, band: str) -> Score:
    return Score(
        id=f"s{number}",
        app=app,
        user=f"user-{number}",
        time=AT,
        horizon_s=1,
        cause="schedule",
        probability=0.75,
        band=band,
        model=ModelRef("champion", 3, AT),
        feature_set="fs",
        policy="latest",
        sources={},
        reasons=[Reason("n", 2.0, 0.5, "visits")],
        emitted_at=AT,
    )


def status(app: str, partition: int) -> SourceStatus:
    return SourceStatus(
        app=app,
        source="usage",
        topic=f"{app}.usage",
        partition=partition,
        clock=AT,
        watermark=AT,
        last_data=AT,
        staleness_s=float(partition),
        health="fresh",
        events=100,
        heartbeats=0,
        late=1,
        duplicates=0,
        rejected={"late": 1},
        out_of_arrival_order=0,
        emitted_at=AT,
    )


def drift(app: str) -> Prequential:
    return Prequential(
        app=app,
        model="champion",
        epoch=AT,
        version=3,
        examples=5,
        positives=2,
        learned=50,
        window=40,
        auc=0.875,
        log_loss=0.25,
        base_log_loss=0.5,
        missing={},
        emitted_at=AT,
    )


@pytest.fixture
def filled(deployment: Any, produce: Any) -> Any:
    deployment.run("topics", "create", "--partitions", "2")
    names, app = deployment.config.topics, deployment.app
    scores = [score(app, n, "high" if n == 7 else "low") for n in range(20)]
    produce(names.scores, [(s.user, encode(s)) for s in [*scores, scores[0]]])
    produce(names.scores, [b"not a score"])
    produce(names.sources, [encode(status(app, 0)), encode(status(app, 1))])
    produce(names.drift, [encode(drift(app))])
    produce(deployment.config.input_topics[0], [b"{}", b"{}", b"{}"], partition=1)
    return deployment


def test_once_shows_what_is_there(filled: Any) -> None:
    result = filled.run("watch", "--once")
    assert result.exit_code == 0, result.output
    for part in (
        "20 scores (",
        "1 repeated, 0.0/s",
        "champion v3",
        "AUC 0.875, log loss 0.250 (base rate 0.500), 50 examples learned",
        "source usage: fresh",
        "stale 1s, 200 events, 2 late, 2 rejected",
        f"{filled.app}.usage 3 [0 3]",
        "risk user-7 0.750",
        "visits = 2 (+0.50)",
    ):
        assert part in result.output, (part, result.output)


def test_empty_topics_are_shown_as_such(deployment: Any) -> None:
    deployment.run("topics", "create", "--partitions", "1")
    result = deployment.run("watch", "--once")
    assert "0 scores, 0.0/s, model: none yet" in result.output


def test_for_a_while_ends_with_the_last_state(filled: Any) -> None:
    start = time.monotonic()
    result = filled.run("watch", "--for", "2s")
    assert result.exit_code == 0, result.output
    assert time.monotonic() - start < 20
    assert "20 scores" in result.output.split("source usage")[-2]


def test_ctrl_c_is_a_clean_end_and_new_scores_have_a_rate(filled: Any, produce: Any) -> None:
    command = "from streams.cli import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", command, "watch", "--for", "90s", "--config", str(filled.file)],
        env={**os.environ, **filled.environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert "scores" in process.stdout.readline()
        new = [replace(score(filled.app, 100 + n, "low"), user=f"n{n}") for n in range(30)]
        produce(filled.config.topics.scores, [(s.user, encode(s)) for s in new])
        assert any("50 scores" in line for line in process.stdout)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0, errors
    assert "Traceback" not in errors
    assert "50 scores" in output
    assert "0.0/s" not in output.split("50 scores")[1].splitlines()[0]


def test_missing_topics_are_an_error_with_a_remedy(deployment: Any) -> None:
    result = deployment.run("watch", "--once")
    assert result.exit_code == 1
    assert "does not exist" in result.output
