"""A few hundred real students through everything, checked by a computation that shares no code.

`examples/oulad/check.py` derives with plain pandas, from the published files alone, who has to be
scored when, the labels, and every metric.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pd = pytest.importorskip("pandas")

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data" / "oulad"
ONE_IN = 100

pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason=f"the Open University data is not there ({DATA})"
)


@pytest.fixture(scope="module")
def some_students(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published files with one student in a hundred, as CSV, as they are published."""
    folder = tmp_path_factory.mktemp("oulad")
    for path in DATA.glob("*.parquet"):
        table = pd.read_parquet(path)
        if "id_student" in table:
            table = table[table["id_student"].astype("int64") % ONE_IN == 7]
        table.convert_dtypes().to_csv(folder / f"{path.stem}.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def outcome(
    some_students: Path, services: Any, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """Result and scores of a run."""
    folder = tmp_path_factory.mktemp("result")
    result, scores = folder / "result.json", folder / "scores.csv"
    command = [sys.executable, str(ROOT / "examples" / "oulad" / "run"), str(some_students)]
    done = subprocess.run(
        [*command, "--json", str(result), "--scores", str(scores)],
        env={**os.environ, **services.environment},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return result, scores


def test_rows_labels_and_metrics_agree_with_plain_pandas(
    some_students: Path, outcome: tuple[Path, Path]
) -> None:
    check = ROOT / "examples" / "oulad" / "check.py"
    command = [sys.executable, str(check), str(some_students), *map(str, outcome)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "agree" in done.stdout


def test_the_check_notices_what_it_should(
    some_students: Path, outcome: tuple[Path, Path], tmp_path: Path
) -> None:
    """A missing row, a strange row and a wrong metric: a check that cannot fail checks nothing."""
    result, scores = json.loads(outcome[0].read_text()), pd.read_csv(outcome[1])
    result["positives"] += 1
    scores.loc[0, "user"] = "AAA/2013J/0"
    (tmp_path / "result.json").write_text(json.dumps(result))
    scores.to_csv(tmp_path / "scores.csv", index=False)
    files = [str(tmp_path / "result.json"), str(tmp_path / "scores.csv")]
    command = [sys.executable, str(ROOT / "examples" / "oulad" / "check.py"), str(some_students)]
    done = subprocess.run([*command, *files], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "1 rows not scored" in done.stdout
    assert "1 rows scored, but not at risk, e.g. AAA/2013J/0" in done.stdout
    assert "all positives" in done.stdout


def test_nothing_was_rejected_and_everything_counted(outcome: tuple[Path, Path]) -> None:
    result = json.loads(outcome[0].read_text())
    assert result["deadletters"] == {}
    assert result["events"] == sum(result["events_by_source"].values()) > 10_000
    assert result["rows"] + sum(result["dropped"].values()) == result["scores"] > 1_000
    assert result["scores_repeated"] == 0
