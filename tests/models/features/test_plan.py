"""From declared features to columns: what is shared, how far back, and for how long."""

from __future__ import annotations

from dataclasses import replace

from models.features.plan import lifetime, make_plan, reach
from tests.models.engine.story import SILENT, SPEC, S


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
