"""The command's options become a plan; a rehearsal counts without connecting to anything."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import click
import orjson
import pytest
from click.testing import CliRunner, Result

from streams.cli.publish import plan_of, publish, spread_sources
from streams.config import Config, load_config
from streams.publish import prepare
from streams.publish.arrival import Arrival, Outage
from streams.publish.plan import Progress

CONFIG = """
[app]
name = "shop"
clock = "arrival"
grid = "1d"
[sources.visits]
topic = "events.visits"
user = "who.id"
time = { path = "at", unit = "s" }
[sources.gone]
topic = "events.gone"
user = "user"
max_delay = "1h"
time = { path = "at", unit = "rfc3339" }
outcome = { path = "kind", churn = ["quit"] }
[labels]
rule = "outcome"
horizon = "7d"
[scores]
schedule = { every = "1d" }
[[features]]
name = "visits"
source = "visits"
agg = "count"
window = "7d"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "ebbline.toml").write_text(CONFIG)
    visits = [b'{"who":{"id":%d},"at":%d}' % (n % 3, 1_359_999_960 + n * 60) for n in range(9)]
    bad = [b'{"at":1360000000}', b"oops", b'{"who":{"id":1},"at":"soon"}']
    (tmp_path / "visits.jsonl").write_bytes(b"\n".join([*visits, *bad]))
    (tmp_path / "gone.csv").write_text("user,at,kind\n1,2013-02-04T18:00:00Z,quit\n")
    return tmp_path


@pytest.fixture
def config(folder: Path) -> Config:
    return load_config(folder / "ebbline.toml")


def run(folder: Path, *args: str) -> Result:
    given = ["--config", str(folder / "ebbline.toml"), *args]
    return CliRunner().invoke(publish, given)


def test_paths_after_a_source_belong_to_it() -> None:
    told = ["--source", "a", "x", "y", "--limit", "3", "--source", "b=z", "--source", "c", "w"]
    assert spread_sources(told) == [
        *("--source", "a=x", "--source", "a=y", "--limit", "3"),
        *("--source", "b=z", "--source", "c=w"),
    ]
    assert spread_sources(["--source", "a", "--limit", "3"])[:2] == ["--source", "a="]
    assert spread_sources(["--source"]) == ["--source"]


def test_a_plan_keeps_the_configuration_order_of_sources(config: Config, folder: Path) -> None:
    visits, gone = str(folder / "visits.jsonl"), str(folder / "gone.csv")
    plan = plan_of(
        config,
        (("gone", gone), ("visits", visits), ("visits", visits)),
        delays=(("visits", "1h"),),
        outages=(("visits", "1970-01-01T00:00:01Z..1970-01-01T00:00:02Z"),),
        close_at=7,
    )
    assert [(f.source.name, len(f.files)) for f in plan.feeds] == [("visits", 2), ("gone", 1)]
    assert plan.feeds[0].arrival == Arrival(3_600_000_000, (Outage(1000, 2000),))
    assert plan.feeds[1].arrival == Arrival()
    assert [s.name for s in plan.closing] == ["visits", "gone"]
    assert [s.name for s in plan.sources] == ["visits", "gone"]


def test_closing_alone_reaches_every_source(config: Config) -> None:
    plan = plan_of(config, (), close_at=7)
    assert plan.feeds == ()
    assert [s.name for s in plan.sources] == ["visits", "gone"]


@pytest.mark.parametrize(
    ("args", "word"),
    [
        ((), "nothing to publish"),
        (("--source", "vists", "x"), "vists"),
        (("--source", "visits"), "nothing after"),
        (("--source", "visits", "nowhere.csv"), "nowhere.csv"),
        (("--source", "gone={folder}/gone.csv", "--delay", "gone=soon"), "soon"),
        (("--source", "gone={folder}/gone.csv", "--outage", "gone=x"), "FROM..TO"),
        (("--close-at", "tomorrow"), "tomorrow"),
        (("--close-at", "2013-01-01T00:00:00Z", "--heartbeats", "0s"), "at least"),
    ],
)
def test_what_is_wrong_is_named(folder: Path, args: tuple[str, ...], word: str) -> None:
    result = run(folder, *(arg.format(folder=folder) for arg in args))
    assert result.exit_code in (1, 2)
    assert word in result.output
    assert "Traceback" not in result.output


def test_a_rehearsal_counts_rows_heartbeats_and_what_it_left_out(folder: Path) -> None:
    result = run(
        folder,
        *("--source", "visits", str(folder / "visits.jsonl")),
        *("--source", "gone", str(folder / "gone.csv")),
        *("--heartbeats", "1m", "--dry-run", "--json"),
    )
    assert result.exit_code == 0, result.output
    told = orjson.loads(result.stdout)
    assert told["rows"] == {"visits": 9, "gone": 1}
    assert told["skipped"]["visits"] == {"missing-user": 1, "not-json": 1, "bad-time": 1}
    first, last = 1_359_999_960_000, 1_360_000_800_000
    assert told["arrivals_ms"]["visits"] == [first, first + 480_000]
    assert last == told["arrivals_ms"]["gone"][0]
    beats = last // 60_000 - -(-first // 60_000) + 1
    assert told["heartbeats"] == {"visits": beats, "gone": beats}


def test_records_go_out_by_arrival_rows_before_heartbeats_closing_last(
    config: Config, folder: Path
) -> None:
    visits = ("visits", str(folder / "visits.jsonl"))
    plan = plan_of(config, (visits,), heartbeats=60_000, close_at=1)
    progress = Progress()
    rows = prepare.read(plan, folder, progress, lambda *_: None)
    out = [
        (at, key is None)
        for chunk in prepare.records(plan, rows)
        for at, key in zip(chunk.arrivals.tolist(), chunk.keys, strict=True)
    ]
    regular, closing = out[:-2], out[-2:]
    assert regular == sorted(regular), "of one moment, rows go before the heartbeat"
    assert {(first, second) for (first, _), (second, _) in pairwise(regular)} & {
        (at, at) for at, _ in regular
    }, "some moment has both"
    assert closing == [(2, True), (2, True)], "one for each source, 1 ms behind"
    assert progress.total == 9


def test_a_limit_counts_rows_in_order_of_arrival(folder: Path) -> None:
    result = run(
        folder,
        *("--source", "visits", str(folder / "visits.jsonl"), "--limit", "4"),
        *("--heartbeats", "1m", "--dry-run", "--json"),
    )
    assert orjson.loads(result.stdout)["rows"] == {"visits": 4}


def test_a_mapping_that_fits_no_row_stops_with_the_row(folder: Path) -> None:
    (folder / "visits.jsonl").write_text('{"user":1,"when":2}\n')
    result = run(folder, "--source", "visits", str(folder / "visits.jsonl"), "--dry-run")
    assert result.exit_code == 1
    assert '{"user":1,"when":2}' in result.output
    assert "[sources.visits]" in result.output


def test_named_options_need_both_parts() -> None:
    with pytest.raises(click.BadParameter):
        publish.make_context("publish", ["--delay", "gone"])


def test_faults_are_listed_read_and_refused_with_a_hint(folder: Path) -> None:
    base = ["--config", str(folder / "ebbline.toml"), "--dry-run", "--json"]
    visits = ["--source", f"visits={folder / 'visits.jsonl'}"]
    assert "growing by=2h" in CliRunner().invoke(publish, ["--faults"]).output
    twice = CliRunner().invoke(publish, [*base, *visits, "--fault", "visits=duplicates"])
    assert orjson.loads(twice.stdout)["rows"] == {"visits": 18}
    refused = CliRunner().invoke(publish, [*base, *visits, "--fault", "visits=flood"])
    assert refused.exit_code == 2
    assert "there are: delay" in refused.output
