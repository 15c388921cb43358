"""Figures against what they mean, computed the long way."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.learning import metrics, plots, report

ROW = st.tuples(st.booleans(), st.sampled_from([0.1, 0.2, 0.5, 0.7, 0.9]), st.integers(0, 99))


def columns(rows):
    label, said, user = zip(*rows, strict=True)
    return np.array(label, dtype=float), np.array(said), np.array(user)


@given(st.lists(ROW, min_size=2, max_size=40), st.integers(0, 4))
def test_ranking_of_any_part_is_that_of_the_part_alone(rows, modulus) -> None:
    label, said, user = columns(rows)
    keep = user % 5 != modulus
    ranking = metrics.Ranking(label, said)
    kept, scores = label[keep], said[keep]
    up, down = scores[kept == 1], scores[kept == 0]
    if len(up) == 0 or len(down) == 0:
        assert np.isnan(ranking.auc(keep))
        return
    pairs = (up[:, None] > down) + 0.5 * (up[:, None] == down)
    assert ranking.auc(keep) == pytest.approx(pairs.mean())
    precision, recall, total = [], [], 0.0
    for threshold in sorted(set(scores), reverse=True):
        taken = scores >= threshold
        precision.append(kept[taken].mean())
        recall.append(kept[taken].sum() / kept.sum())
    for p, r, before in zip(precision, recall, [0.0, *recall], strict=False):
        total += p * (r - before)
    assert ranking.pr_auc(keep) == pytest.approx(total)


def test_the_jackknife_of_a_mean_is_the_standard_error_between_groups() -> None:
    rng = np.random.default_rng(1)
    users = np.arange(metrics.GROUPS * 40)
    values = rng.normal(2.0, 1.0, len(users))
    low, middle, high = metrics.jackknife(users, metrics.mean_of(values))
    assert middle == pytest.approx(values.mean())
    groups = values.reshape(40, metrics.GROUPS).mean(axis=0)
    error = groups.std(ddof=1) / np.sqrt(metrics.GROUPS)
    assert (high - low) / 2 == pytest.approx(metrics.STUDENT * error)


def test_calibration_error_is_none_where_the_rates_are_said() -> None:
    said = np.repeat([0.1, 0.4], 500)
    label = np.concatenate([np.arange(500) % 10 == 0, np.arange(500) % 5 < 2]).astype(float)
    assert metrics.calibration_error(label, said) == pytest.approx(0.0, abs=1e-9)
    assert metrics.calibration_error(label, said + 0.1) == pytest.approx(0.1)


def test_the_section_is_put_in_the_place_of_the_last_one(tmp_path) -> None:
    path = tmp_path / "results.md"
    path.write_text("# Before\n")
    for text in ("one", "two"):
        report.write(path, f"{report.BEGIN}\n{text}\n{report.END}")
        path.write_text(path.read_text() + "after\n")
    assert path.read_text().split() == [
        *["#", "Before", *report.BEGIN.split(), "two", *report.END.split()],
        *["after", "after"],
    ]


def test_plots_are_xml() -> None:
    lines = [plots.Line("a", [(0.0, 1.0), (1.0, 2.0)]), plots.Line("b", [])]
    shown = [plots.Panel("x < y", lines, diagonal=True), plots.Panel("flat", lines, level=1.0)]
    for svg in (
        plots.panels("both", shown, ["a", "b"]),
        plots.bars("bars", [("one", [plots.Bar("a", -1.0, 0.0, 2.0)])], ["a"]),
    ):
        ElementTree.fromstring(svg)
