"""From declared features to columns: what is shared, how far back, and for how long."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from models.aggregates import Aggregate
from models.features.plan import lifetime, make_plan, reach
from models.spec import FeatureSpec
from tests.models.engine.story import QUIZ, SILENT, SPEC, S

DOCS = Path(__file__).parents[3] / "docs" / "features.md"


def test_features_of_one_selection_share_its_columns() -> None:
    usage = make_plan(SPEC).sources[0]
    places = [(c.kind, c.selection) for c in usage.columns]
    assert len(set(places)) == len(places)
    assert [c.index for c in usage.columns] == list(range(len(places)))
    number = usage.selection((), "n")
    kinds = {c.kind for c in usage.columns if c.selection == number}
    assert kinds == {"sum", "count", "min", "max", "sumsq", "last_time", "last_value"}


def test_the_ring_reaches_over_window_horizon_lags_and_the_time_to_complete() -> None:
    # window + horizon + delay + complete_within + epoch + max_future
    assert reach(SPEC) == (60 + 40 + 20 + 20 + 30 + 10) * S
    assert make_plan(SPEC).panes == 18 + 2


def test_state_outlives_windows_repeats_and_the_next_cut() -> None:
    assert lifetime(SPEC) == reach(SPEC) + (60 + 20) * S


def test_inactivity_labels_count_their_sources_events() -> None:
    plan = make_plan(SILENT)
    assert [source for source, _ in plan.label_counts] == [0, 1]
    for source, selection in plan.label_counts:
        chosen = plan.sources[source].selections[selection]
        assert (chosen.where, chosen.of) == ((), None)


def test_what_is_stored_by_the_label_rule_is_part_of_the_feature_sets_version() -> None:
    assert SILENT.feature_set != SPEC.feature_set


def test_settings_that_change_no_stored_value_leave_the_version_alone() -> None:
    moved = replace(SPEC, sources=tuple(replace(s, topic="x", stale_after=1) for s in SPEC.sources))
    assert moved.feature_set == SPEC.feature_set
    finer = replace(SPEC, features=SPEC.features[1:])
    assert finer.feature_set != SPEC.feature_set


@pytest.mark.parametrize(
    ("agg", "of", "pane", "user"),
    [
        ("count", None, 2, 0),
        ("gap_std", None, 2, 0),
        ("share", None, 4, 0),
        ("share", "n", 16, 0),
        ("sum", "n", 8, 0),
        ("mean", "n", 10, 0),
        ("std", "n", 18, 0),
        ("max", "n", 8, 0),
        ("last_seen_age", None, 8, 16),
        ("gap_ratio", None, 10, 16),
        ("last", "n", 16, 16),
        ("last_is", "k", 16, 16),
        ("last_due_in", "n", 16, 16),
        ("due_in", "n", 0, 0),
        ("first_seen_age", None, 0, 8),
        ("trend", "n", 8, 0),
        ("baseline_z", None, 2, 8),
    ],
)
def test_bytes_of_a_feature_as_the_docs_say(agg: Aggregate, of: str, pane: int, user: int) -> None:
    where = QUIZ if agg == "share" else ()
    feature = FeatureSpec("f", agg, "usage", of, where, window=10 * S, over=30 * S, period=10 * S)
    plan = make_plan(replace(SPEC, features=(feature,))).sources[0]
    assert 2 * len(plan.counts) + 8 * len(plan.numbers) == pane
    assert 16 * len(plan.carried) + 8 * len(plan.firsts) == user


def test_every_aggregate_is_in_the_docs_with_its_definition_and_its_cost() -> None:
    rows = [line.split("|")[1] for line in DOCS.read_text().splitlines() if line.startswith("| `")]
    named = [name for row in rows for name in re.findall(r"`(\w+)`", row) if name != "agg"]
    assert {name: named.count(name) for name in named} == dict.fromkeys(get_args(Aggregate), 2)
