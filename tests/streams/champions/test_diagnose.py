"""``ebbline models diagnose`` on a file of examples: table, picture, JSON, errors."""

from __future__ import annotations

import math
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import orjson
import pytest
from click.testing import CliRunner, Result

from schemas.codec import encode
from schemas.examples import EpochEnd, Example
from streams.cli.models import models
from streams.config import load_config
from streams.config.starter import starter_text

DAY = 86_400_000_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration, and a file of examples with repeats, markers and rubbish in it."""
    folder = tmp_path_factory.mktemp("diagnose")
    quick = starter_text().replace('kind = "mixture"', 'kind = "logistic"')
    (folder / "ebbline.toml").write_text(quick)
    spec, rng = load_config(folder / "ebbline.toml").spec, np.random.default_rng(2)
    lines = [b"rubbish"]
    for day in range(50, 60):
        for number in range(40):
            sessions = float(rng.poisson(4))
            vector = {"sessions_7d": sessions, "minutes_28d": float(rng.exponential(60))}
            label = int(rng.random() < 1 / (1 + math.exp(sessions - 2.5)))
            example = Example(
                id=f"{day}-{number}",
                app="my-app",
                user=f"u{number}",
                partition=0,
                time=day * DAY,
                epoch=day * DAY,
                label=label,
                weight=1.0,
                vector=vector,
                complete=vector,
                as_of={},
                health={},
                treatment={},
                probability=0.1,
                model_version=0,
                feature_set=spec.feature_set,
            )
            lines += [encode(example)] * (1 + number % 2)
        lines.append(encode(EpochEnd("my-app", 0, 1, day * DAY, spec.feature_set)))
    (folder / "examples.jsonl").write_bytes(b"\n".join(lines))
    return folder


def run(folder: Path, *words: str) -> Result:
    given = ["--config", str(folder / "ebbline.toml"), "--examples", str(folder / "examples.jsonl")]
    return CliRunner().invoke(models, ["diagnose", *given, *words])


def test_tables_advice_and_picture(folder: Path) -> None:
    result = run(folder, "--plot", str(folder / "curves.svg"), "--by", "sessions_7d")
    assert result.exit_code == 0, result.output
    assert "1 records are of another app" in result.stderr
    assert "→ " in result.stdout
    for said in ("100.0%", "400", "low", "sessions_7d", "on learned"):
        assert said in result.stdout
    drawn = ElementTree.parse(folder / "curves.svg").getroot()  # written by us
    texts = [element.text for element in drawn.iter() if element.text]
    assert {"new examples", "learned examples", "base rate", "400"} <= set(texts)


def test_json(folder: Path) -> None:
    found = orjson.loads(run(folder, "--json").stdout)
    assert [point["share"] for point in found["points"]] == [0.125, 0.25, 0.5, 1.0]
    assert found["points"][-1]["learned"] == 400
    assert found["advice"]
    assert {group["by"] for group in found["calibration"]} == {"band", "time"}


def test_what_is_not_there_is_said(folder: Path) -> None:
    assert "no model 'x'" in run(folder, "x").output
    assert "no feature 'x'" in run(folder, "--by", "x").output
    (folder / "examples.jsonl").write_bytes(b"")
    assert "0 examples in 0 epochs are too few" in run(folder).output
