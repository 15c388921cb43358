"""Nothing of the future reaches a score on the bench of truth."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bench.learning.contenders import Contender, own
from bench.learning.datasets import DataSet, moved
from bench.learning.figures import figures, warnings
from bench.learning.metrics import Ranking
from bench.learning.naive import MODELS, Naive
from bench.learning.rows import Rows
from bench.learning.rules import BaseRate, Recency
from bench.learning.running import Result, Results
from bench.learning.stage import Learner, prequential
from schemas.times import DAY
from tests.bench.learning import logs

pytestmark = pytest.mark.slow  # a log through the engine, several times

OURS = ("mixture",)


@pytest.fixture(scope="module")
def rows(tmp_path_factory) -> Rows:
    return logs.gather(logs.log(tmp_path_factory.mktemp("log")))


def data() -> DataSet:
    return DataSet("log", "log", logs.spec(), logs.START, "last_purchase", (), _made)


def _made(*_: object) -> Rows:
    raise AssertionError


def learner(kind: str, rows: Rows) -> Learner:
    match kind:
        case "base_rate":
            return BaseRate(logs.spec(), rows)
        case "recency":
            return Recency(logs.spec(), rows, "last_purchase")
        case "river_lr":
            return Naive(logs.spec(), rows, MODELS[kind]())
    return own(kind)(data(), rows)[0]


def within_cuts(rows: Rows, said: np.ndarray) -> float:
    """Mean AUC within cuts, from the second month on."""
    found, weights = [], []
    for cut in np.unique(rows.time)[12:]:
        here = rows.time == cut
        label = rows.label[here]
        if 0 < label.sum() < len(label):
            found.append(Ranking(label, said[here]).auc())
            weights.append(label.sum() * (1 - label).sum())
    return float(np.average(found, weights=weights))


@pytest.mark.slow
@pytest.mark.parametrize("kind", OURS)
def test_a_label_shuffled_within_cuts_cannot_be_predicted(rows, kind) -> None:
    rng = np.random.default_rng(3)
    label = rows.label.copy()
    for cut in np.unique(rows.time):
        here = np.flatnonzero(rows.time == cut)
        label[here] = label[rng.permutation(here)]
    shuffled = replace(rows, label=label)
    honest = prequential(logs.spec(), rows, learner(kind, rows)).probability
    blind = prequential(logs.spec(), shuffled, learner(kind, shuffled)).probability
    assert within_cuts(rows, honest) > 0.65
    assert abs(within_cuts(shuffled, blind) - 0.5) < 0.03


@pytest.mark.parametrize("kind", [*OURS, "base_rate", "recency", "river_lr"])
def test_what_matures_later_changes_no_earlier_prediction(rows, kind) -> None:
    spec, rows = logs.spec(), rows.take(rows.user % 3 == 0)
    until = int(np.unique(rows.time)[16])
    later = rows.epoch + spec.learning.activation_delay > until
    assert 0 < later.sum() < len(rows)
    other = replace(
        rows,
        label=np.where(later, 1.0 - rows.label, rows.label),
        complete=np.where(later[:, None], -rows.complete, rows.complete),
        scored=np.where((rows.time > until)[:, None], 7.0, rows.scored),
    )
    whole = prequential(spec, rows, learner(kind, rows)).probability
    cut_off = prequential(spec, other, learner(kind, other)).probability
    before = rows.time <= until
    assert np.array_equal(whole[before], cut_off[before])
    assert not np.array_equal(whole[~before], cut_off[~before])


def test_features_are_the_same_without_the_events_that_come_later(rows, tmp_path) -> None:
    until = int(np.unique(rows.time)[20])
    past = [
        [record for record in block if record[2] is None or record[1] * 1000 <= until]
        for block in logs.log(tmp_path)
    ]
    again = logs.gather(past)
    assert not np.array_equal(rows.label, again.label)
    both = rows.take(rows.time <= until), again.take(again.time <= until)
    names = [[part.users[u] for u in part.user] for part in both]
    assert len(names[0]) > 1000
    assert names[0] == names[1]
    assert np.array_equal(both[0].time, both[1].time)
    assert np.array_equal(both[0].scored, both[1].scored, equal_nan=True)


def test_a_label_among_the_features_is_noticed(rows) -> None:
    def judged(rows: Rows) -> list[str]:
        reported = rows.time >= int(np.unique(rows.time)[10])
        results = Results(data(), rows, reported, {})
        run = prequential(logs.spec(), rows, own("logistic")(data(), rows)[0])
        contender = Contender("ebbline_logistic", "", own("logistic"), ())
        result = Result(contender, run.probability, 0.0, 0.0, 0.0, "", 0.0)
        results.by_name["ebbline_logistic"] = result
        return warnings({"log": figures(results)})

    last = rows.names.index("last_dollars")
    told = rows.scored.copy()
    told[:, last] = rows.label
    assert judged(rows) == []
    assert "look for the label" in judged(replace(rows, scored=told, complete=told))[0]


def test_rows_moved_by_whole_weeks_are_what_the_engine_makes_of_events_moved(tmp_path) -> None:
    """What spares the calendar reversed a second run of the engine."""
    early, late = 38 * 7 * DAY, 35 * 7 * DAY
    sides = {"2013B": (0, early), "2013J": (36 * 7 * DAY, -late)}
    events, shifted = [], []
    for code, (begin, by) in sides.items():
        users = [f"AAA/{code}/{i}" for i in range(40)]
        own_events = logs.purchases(users, logs.START + begin, 150)
        events += own_events
        shifted += [(at + by, user, dollars) for at, user, dollars in own_events]
    last, shifted_last = max(events)[0], max(shifted)[0]
    there = moved(logs.gather(logs.records(sorted(events), tmp_path / "a.jsonl", last + DAY)))
    back = logs.gather(logs.records(sorted(shifted), tmp_path / "b.jsonl", shifted_last + DAY))
    # What has not matured by the end of the log is no row, and both logs have an end of their own.
    until = {"2013B": shifted_last - 42 * DAY, "2013J": last - late - 42 * DAY}
    one, other = rows_by_place(there, until), rows_by_place(back, until)
    assert len(one) > 700
    assert one == other


def rows_by_place(rows: Rows, until: dict[str, int]) -> dict[tuple[str, int], tuple[object, ...]]:
    """(user, time) → label, epoch and what was known, up to a time for each presentation."""
    found: dict[tuple[str, int], tuple[object, ...]] = {}
    for i, (place, time) in enumerate(zip(rows.user, rows.time, strict=True)):
        user = rows.users[place]
        if time <= until[user.split("/")[1]]:
            row = (rows.label[i], rows.epoch[i], rows.scored[i].tobytes())
            found[user, int(time)] = row
    return found
