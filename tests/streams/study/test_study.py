"""The study: regrets as counted by hand, conditions as written, a small one from end to end."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import orjson
import pytest
from click.testing import CliRunner

from streams.cli.study import study
from streams.faults import FaultError
from streams.faults.delay import Delay
from streams.study.conditions import parse, usual
from streams.study.figures import figures, regrets, reliability, together
from streams.study.results import Results
from streams.study.staleness import Cell
from streams.study.worlds import SEEDS, World, specification


def cell(condition: str, seed: int, **losses: float) -> Cell:
    found = {policy: {"log_loss": loss, "auc": 0.7} for policy, loss in losses.items()}
    return Cell(condition, "logistic", seed, 100, 10, found, 1.0)


RESULTS = Results(
    [
        cell("late", 1, latest=0.30, nowcast=0.20, learned=0.21),
        cell("late", 2, latest=0.20, nowcast=0.25, learned=0.19),
        cell("away", 1, latest=0.40, nowcast=0.40, learned=0.41),
    ]
)


def test_regret_is_against_the_best_fixed_policy_of_each_run() -> None:
    assert RESULTS.fixed == ["latest", "nowcast"]
    assert RESULTS.regrets("learned", "logistic") == pytest.approx([0.01, -0.01, 0.01])
    assert RESULTS.regrets("latest", "logistic", "late") == pytest.approx([0.10, 0.0])
    among = RESULTS.regrets("nowcast", "logistic", "late", among=["latest"])
    assert among == pytest.approx([-0.10, 0.05])


def test_the_document_has_every_policy_with_mean_and_worst() -> None:
    found = RESULTS.document()["late"]["logistic"]
    assert list(found) == ["latest", "nowcast", "learned"], "no policy that loses is hidden"
    assert found["nowcast"]["log_loss"] == pytest.approx(0.225)
    assert found["nowcast"]["regret"] == pytest.approx(0.025)
    assert found["nowcast"]["regret_worst"] == pytest.approx(0.05)


def test_figures_by_hand() -> None:
    label, said = np.array([1.0, 0.0, 0.0]), np.array([0.5, 0.5, 0.25])
    found = figures(label, {"latest": said})["latest"]
    assert found["log_loss"] == pytest.approx(-(2 * np.log(0.5) + np.log(0.75)) / 3)
    assert found["auc"] == pytest.approx(0.75)
    assert regrets({"a": {"log_loss": 2.0}, "b": {"log_loss": 1.5}}, ["a"]) == {"a": 0.0, "b": -0.5}
    bands = reliability(np.array([0.0, 1.0] * 10), np.linspace(0, 1, 20), bins=2)
    assert [rows for *_, rows in bands] == [10, 10]


def test_reliability_over_seeds_is_weighed_by_rows() -> None:
    one, other = [(0.1, 0.0, 10), (0.5, 0.4, 10)], [(0.2, 0.1, 30), (0.6, 0.8, 30)]
    low, high = together([one, other])
    assert low == (pytest.approx(0.175), pytest.approx(0.075), 40)
    assert high == (pytest.approx(0.575), pytest.approx(0.7), 40)


def test_conditions_are_read_as_they_are_written() -> None:
    spec = specification()
    condition = parse("both late: usage=delay by=1d; billing=outage from=+1d until=+2d")
    faults = condition.read(spec, 0)
    assert faults["usage"] == (Delay(86_400_000),)
    assert set(faults) == {"usage", "billing"}
    with pytest.raises(FaultError, match="no source mail"):
        parse("x: mail=delay by=1d").read(spec, 0)
    with pytest.raises(FaultError, match="SOURCE=FAULT"):
        parse("usage delay")


def test_the_usual_conditions_touch_every_source_with_features_and_no_outcomes() -> None:
    found = usual(specification())
    assert found[0].faults == {}
    assert {source for one in found for source in one.faults} == {"usage", "billing", "support"}
    assert len(found) == 1 + 3 * 4 + 1
    for condition in found:
        condition.read(specification(), 0)


def test_the_study_has_seeds_of_its_own() -> None:
    assert min(SEEDS) > 400, "defaults are chosen with seeds below"


def test_a_world_is_the_same_every_time() -> None:
    logs = [World(days=6, users=20).log(specification(), 401) for _ in range(2)]
    assert logs[0].events[0].values == logs[1].events[0].values
    assert len(logs[0]) > 20


def test_a_run_that_is_killed_is_told_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr("streams.study.staleness.run", killed)
    result = CliRunner().invoke(study, ["staleness", "--users", "0.06", "--days", "6"])
    assert result.exit_code == 1
    assert "memory" in result.output
    assert "--users" in result.output


@pytest.mark.slow
def test_a_small_study_from_end_to_end(tmp_path: Path) -> None:
    conditions = ["fresh:", "usage late 7d: usage=delay by=7d"]
    result = CliRunner().invoke(
        study,
        [
            *("staleness", "--users", "0.06", "--days", "60", "--seeds", "404"),
            *(word for text in conditions for word in ("--condition", text)),
            *("--json", str(tmp_path / "f.json"), "--plot", str(tmp_path / "p.svg")),
            *("--reliability", str(tmp_path / "r.svg")),
        ],
    )
    assert result.exit_code == 0, result.output
    found = orjson.loads((tmp_path / "f.json").read_bytes())
    assert list(found) == ["fresh", "usage late 7d"]
    for models in found.values():
        for policy in models["champion"].values():
            assert {"log_loss", "auc", "regret"} <= policy.keys()
            assert len(policy["reliability"]) == 10
    fresh = {one["log_loss"] for one in found["fresh"]["champion"].values()}
    assert len(fresh) == 1, "nothing is stale, so there is nothing to treat"
    assert "<svg" in (tmp_path / "p.svg").read_text()
    drawn = ElementTree.fromstring((tmp_path / "r.svg").read_text())
    assert len([e for e in drawn.iter() if e.tag.endswith("circle")]) == 2 * 10 + 2
