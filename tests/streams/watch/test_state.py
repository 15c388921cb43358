"""The live view's state: counts each score once, takes the worst partition, stays bounded."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from schemas.drift import Prequential
from schemas.scores import Health, ModelRef, Reason, Score
from schemas.sources import SourceStatus
from streams.watch import WatchState
from streams.watch.render import duration_text


def score(number: int, band: str = "low", **more: Any) -> Score:
    values = {
        "id": f"s{number}",
        "app": "shop",
        "user": f"u{number}",
        "time": "2026-01-01T00:00:00Z",
        "horizon_s": 1,
        "cause": "schedule",
        "probability": number / 100,
        "band": band,
        "model": ModelRef("champion", 0, None),
        "feature_set": "fs",
        "policy": "latest",
        "sources": {},
        "reasons": [Reason("n_7d", 3.0, 0.5, "visits [week]"), Reason("x", None, -0.25)],
        "emitted_at": "2026-01-01T00:00:01Z",
    }
    return Score(**{**values, **more})


def status(source: str, partition: int, **more: Any) -> SourceStatus:
    values = {
        "app": "shop",
        "source": source,
        "topic": f"ev.{source}",
        "partition": partition,
        "clock": "2026-01-01T00:00:00Z",
        "watermark": "2026-01-01T00:00:00Z",
        "last_data": "2026-01-01T00:00:00Z",
        "staleness_s": 0.0,
        "health": "fresh",
        "events": 10,
        "heartbeats": 0,
        "late": 1,
        "duplicates": 2,
        "rejected": {"late": 1, "not-json": 2},
        "out_of_arrival_order": 0,
        "emitted_at": "2026-01-01T00:00:00Z",
    }
    return SourceStatus(**{**values, **more})


def drift(**more: Any) -> Prequential:
    values = {
        "app": "shop",
        "model": "champion",
        "epoch": "2026-01-01T00:00:00Z",
        "version": 3,
        "examples": 500,
        "positives": 50,
        "learned": 450,
        "window": 1000,
        "auc": 0.8125,
        "log_loss": 0.25,
        "base_log_loss": None,
        "missing": {},
        "dropped": {},
        "emitted_at": "2026-01-01T00:00:00Z",
    }
    return Prequential(**{**values, **more})


def text(state: WatchState, now: float = 0.0) -> str:
    console = Console(width=160, file=io.StringIO(), record=True)
    console.print(state.render(now))
    return console.export_text()


def test_a_score_with_an_id_seen_before_counts_as_repeated() -> None:
    state = WatchState("shop")
    for number in (1, 2, 1):
        state.update(score(number), 0.0)
    view = state.view(0.0)
    assert (view.scores, view.repeated) == (2, 1)


def test_records_of_other_apps_are_ignored() -> None:
    state = WatchState("shop")
    state.update(score(1, app="other"), 0.0)
    state.update(status("usage", 0, app="other"), 0.0)
    assert (state.view(0.0).scores, state.view(0.0).sources) == (0, ())


def test_the_rate_counts_the_last_seconds_and_nothing_that_lay_there_before() -> None:
    state = WatchState("shop")
    for number in range(100):
        state.update(score(number), 0.0, live=False)
    assert state.view(0.0).rate == 0.0
    for number in range(100, 130):
        state.update(score(number), number - 100.0)  # one each second
    assert state.view(29.0).rate == 1.1  # both ends of ten seconds
    state.skipped(1_000, 30.0)
    assert state.view(30.0).rate > 100
    assert state.view(60.0).rate == 0.0
    assert state.view(60.0).scores == 1_130


def test_the_newest_scores_of_the_watched_band_are_kept() -> None:
    state = WatchState("shop", high="top", keep=3)
    for number in range(10):
        state.update(score(number, band="top" if number % 2 else "low"), 0.0)
    assert [risk.user for risk in state.view(0.0).risks] == ["u9", "u7", "u5"]
    assert state.view(0.0).bands == {"low": 5, "top": 5}


def test_a_source_is_as_bad_as_its_worst_partition() -> None:
    state = WatchState("shop", sources=("usage",))
    newer = "2026-01-01T00:00:00.500Z"  # before ...00Z as text, after it as a time
    state.update(status("usage", 0), 0.0)
    state.update(
        status("usage", 1, watermark=newer, last_data=newer, staleness_s=90.0, health="stalled"),
        0.0,
    )
    line = state.view(0.0).sources[0]
    assert (line.partitions, line.health, line.staleness_s) == (2, "stalled", 90.0)
    assert (line.watermark, line.last_data) == ("2026-01-01T00:00:00Z", newer)
    assert (line.events, line.late, line.rejected, line.duplicates) == (20, 2, 6, 4)


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ("fresh", "lagging"),
        ("lagging", "unknown"),
        ("unknown", "stalled"),
        ("stalled", "corrupt"),
        ("fresh", "corrupt"),
    ],
)
def test_the_worst_health_counts(better: Health, worse: Health) -> None:
    for first, second in ((better, worse), (worse, better)):
        state = WatchState("shop")
        state.update(status("usage", 0, health=first), 0.0)
        state.update(status("usage", 1, health=second), 0.0)
        assert state.view(0.0).sources[0].health == worse


def test_a_partition_never_seen_makes_the_watermark_unknown() -> None:
    state = WatchState("shop")
    state.update(status("usage", 0), 0.0)
    state.update(status("usage", 1, watermark=None, staleness_s=None, health="unknown"), 0.0)
    line = state.view(0.0).sources[0]
    assert (line.watermark, line.staleness_s, line.health) == (None, None, "unknown")


def test_a_partition_reports_anew_and_replaces_what_it_said() -> None:
    state = WatchState("shop")
    state.update(status("usage", 0, events=1), 0.0)
    state.update(status("usage", 0, events=5), 0.0)
    assert state.view(0.0).sources[0].events == 5


def test_sources_keep_the_order_of_the_configuration() -> None:
    state = WatchState("shop", sources=("usage", "billing"))
    for name in ("extra", "billing", "usage"):
        state.update(status(name, 0), 0.0)
    assert [line.name for line in state.view(0.0).sources] == ["usage", "billing", "extra"]


def test_an_older_worker_does_not_take_the_model_back() -> None:
    state = WatchState("shop")
    state.update(score(1, model=ModelRef("champion", 4, "2026-01-01T00:00:00Z")), 0.0)
    state.update(score(2, model=ModelRef("champion", 3, None)), 0.0)
    model = state.view(0.0).model
    assert model is not None
    assert model.version == 4


def test_terminal_and_pipe_say_the_same() -> None:
    state = WatchState("shop", sources=("usage",))
    state.update(score(42, band="high"), 0.0)
    state.update(status("usage", 0, staleness_s=93_600.0, health="stalled"), 0.0)
    state.update(drift(), 0.0)
    state.lags({("ev.usage", 1): 4, ("ev.usage", 0): 3})
    state.note("the source usage is cut")
    for shown in (text(state), "\n".join(state.snapshot(0.0))):
        for part in (
            "shop: 1 scores (high 1)",
            "champion v0 (prior)",
            "AUC 0.812, log loss 0.250 (base rate -), 450 examples learned",
            "ev.usage 7 [3 4]",
            "stalled",
            "1.1d",
            "u42",
            "0.420",
            "visits [week] = 3 (+0.50), x = unknown (-0.25)",
            "the source usage is cut",
        ):
            assert part in shown


def test_nothing_seen_yet_can_be_drawn() -> None:
    state = WatchState("shop")
    assert "none yet" in text(state)
    assert state.snapshot(0.0) == ["shop: 0 scores, 0.0/s, model: none yet"]


def test_durations_are_short() -> None:
    seconds = (None, 0.25, 5.0, 90.0, 7_200.0, 93_600.0)
    assert [duration_text(s) for s in seconds] == ["-", "0.2s", "5s", "1.5min", "2h", "1.1d"]
