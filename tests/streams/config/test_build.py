"""What a right configuration becomes: defaults, units, order."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from models.spec import OnEventSpec, PolicySpec, ScheduleSpec
from schemas.mapping import HeartbeatMapping, OutcomeMapping, TimeMapping
from schemas.times import DAY, HOUR, MINUTE, SECOND, parse_time
from streams.config import Config, ConfigError, WebAddress, load_config, parse_config
from streams.config.starter import starter_text

SMALL = """
[app]
name = "a"
[sources.use]
topic = "use"
user = "u"
time = { path = "t", unit = "ms" }
[sources.out]
topic = "out"
user = "u"
time = { path = "t", unit = "s" }
max_delay = "1d"
outcome = { path = "kind", churn = ["gone"], return = ["back"] }
[[features]]
name = "n"
agg = "count"
source = "use"
window = "7d"
[labels]
rule = "outcome"
horizon = "28d"
[scores]
schedule = { every = "1d" }
"""


def test_the_defaults() -> None:
    config = parse_config(SMALL)
    spec = config.spec
    assert (spec.app, spec.clock, spec.grid, spec.max_future) == ("a", "live", HOUR, HOUR)
    assert spec.population.enter is None
    assert spec.labels.sources == ("out",)
    assert (spec.labels.leave, spec.labels.min_events) == ("negative", 1)
    assert spec.scoring.schedule == ScheduleSpec(every=DAY, anchor=0)
    assert spec.scoring.on_event is None
    assert spec.scoring.bands == (("low", 0.0), ("medium", 0.1), ("high", 0.3))
    assert spec.learning.example_every == spec.labels.horizon == 28 * DAY
    assert spec.policy == PolicySpec("learned", "average", longest_lag=0, lag_models=3)
    assert spec.longest_lag == spec.labels.horizon
    assert config.topics.all() == (
        "churn.scores",
        "churn.sources",
        "churn.deadletter",
        "churn.examples",
        "churn.models",
        "churn.drift",
    )
    assert (config.snapshot_store, config.model_wait) == ("redis", 60 * SECOND)
    assert config.merge_wait == SECOND // 10
    assert config.web == WebAddress("127.0.0.1", 8080) == ("127.0.0.1", 8080)
    assert config.input_topics == ("use", "out")
    assert config.path is None


def test_the_defaults_of_sources() -> None:
    use, out = parse_config(SMALL).spec.sources
    assert (use.completeness, out.completeness) == ("data", "clock")
    assert use.allowed_lateness == DAY
    assert use.stale_after == 2 * HOUR
    assert out.stale_after == DAY + 2 * HOUR
    assert use.mapping.heartbeat == HeartbeatMapping(header="ebbline-heartbeat")
    assert out.mapping.outcome == OutcomeMapping(("kind",), (("gone", "churn"), ("back", "return")))
    assert out.is_outcome
    assert not use.is_outcome


def test_everything_that_can_be_written() -> None:
    text = (
        SMALL.replace(
            'time = { path = "t", unit = "ms" }',
            """
        time = { path = ["a.b", "t"], unit = "rfc3339", zone = "Europe/London" }
        event_id = "meta.id"
        heartbeat = { field = "meta.beat" }
        completeness = "heartbeat"
        out_of_orderness = "5m"
        max_ids = 7
        max_bytes = 99
        stale_after = "1h30m"
        fields = { flag = { path = "x.flag", type = "bool", required = false } }
        """.replace("\n        ", "\n"),
        )
        .replace(
            '"1d" }\n',
            '"7d", anchor = 2026-01-05T01:00:00+01:00 }\n'
            "on_event = {}\nbands = { ok = 0, bad = 0.5 }\nreasons = 0\n",
        )
        .replace('window = "7d"', 'window = "1w"\nwhere = { flag = true }')
    )
    spec = parse_config(text).spec
    use = spec.sources[0]
    assert use.mapping.time == TimeMapping(("a.b", "t"), "rfc3339", "Europe/London")
    assert use.mapping.event_id == ("meta", "id")
    assert use.mapping.heartbeat == HeartbeatMapping(header=None, path=("meta", "beat"))
    assert (use.out_of_orderness, use.max_ids, use.mapping.max_bytes) == (5 * MINUTE, 7, 99)
    assert use.mapping.fields[0].path == ("x", "flag")
    assert spec.features[0].where == (("flag", (True,)),)
    assert spec.features[0].window == 7 * DAY
    assert spec.scoring.schedule == ScheduleSpec(7 * DAY, parse_time("2026-01-05T00:00:00Z"))
    assert spec.scoring.on_event == OnEventSpec(min_interval=MINUTE, sources=("use",))
    assert spec.scoring.bands == (("ok", 0.0), ("bad", 0.5))


def test_the_order_of_sources_is_that_of_the_file() -> None:
    tables = tomllib.loads(starter_text())["sources"]
    assert [s.name for s in parse_config(starter_text()).spec.sources] == list(tables)


def test_the_feature_set_follows_what_state_depends_on() -> None:
    def version(text: str) -> str:
        return parse_config(text).spec.feature_set

    assert version(SMALL) == version(SMALL + "reasons = 1\n[worker]\nweb_port = 1")
    assert version(SMALL) != version(SMALL.replace('"7d"', '"14d"'))


def test_a_file_is_loaded_with_its_path(tmp_path: Path) -> None:
    path = tmp_path / "e.toml"
    path.write_text(SMALL, encoding="utf-8")
    config: Config = load_config(path)
    assert config.path == path


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="ebbline init"):
        load_config(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b'name = "\xe9"')
    with pytest.raises(ConfigError, match="UTF-8"):
        load_config(tmp_path / "latin.toml")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path)
    with pytest.raises(ConfigError, match="line 1"):
        parse_config("[app x]")


def test_a_configuration_cannot_be_changed() -> None:
    config = parse_config(SMALL)
    with pytest.raises(AttributeError):
        config.snapshot_store = "x"  # type: ignore[misc]
    hash(config.spec)


@pytest.mark.parametrize(("grid", "period"), [("6h", DAY), ("1d", DAY), ("7d", 7 * DAY)])
def test_periods_are_days_or_panes_that_make_no_days(grid: str, period: int) -> None:
    feature = 'name = "s"\nagg = "streak"\nsource = "use"\nwindow = "28d"\n'
    text = SMALL.replace('name = "a"\n', f'name = "a"\ngrid = "{grid}"\n', 1).replace(
        'every = "1d"', 'every = "7d"'
    )
    counted, regular = parse_config(text + "[[features]]\n" + feature).spec.features
    assert counted.period is None
    assert regular.period == period
    own = parse_config(text + "[[features]]\n" + feature + 'period = "14d"\n')
    assert own.spec.features[1].period == 14 * DAY


def test_settings_of_features_that_came_later_leave_older_sets_their_version() -> None:
    """A state that was written before them is still read: computed with the program before."""
    assert parse_config(SMALL).spec.feature_set == "fs-6da466c464b4"
