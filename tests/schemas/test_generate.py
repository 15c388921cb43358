"""The committed JSON Schemas are those of the types, and hold for what is sent."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import orjson
import pytest

from schemas.codec import encode
from schemas.generate import FOLDER, RECORDS, field_docs, json_schema, main, stale
from schemas.scores import ModelRef, Reason, Score, SourceState
from schemas.snapshots import Manifest

SCORE = Score(
    id="0",
    app="a",
    user="u",
    time="2026-01-05T00:00:00Z",
    horizon_s=1,
    cause="schedule",
    probability=0.5,
    band="low",
    model=ModelRef("champion", 0, None),
    feature_set="fs-0",
    policy="latest",
    sources={"usage": SourceState(None, None, "unknown", "latest")},
    reasons=[Reason("f", None, 0.25)],
    emitted_at="2026-01-05T00:00:01Z",
)


def test_the_committed_files_are_fresh() -> None:
    assert stale(FOLDER) == [], "run: python -m schemas.generate"


def test_check_names_what_is_stale(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "new"
    assert main(["--folder", str(folder)]) == 0
    assert main(["--check", "--folder", str(folder)]) == 0
    (folder / "score.json").write_text("{}")
    (folder / "example.json").unlink()
    (folder / "gone.json").write_text("{}")
    assert main(["--check", "--folder", str(folder)]) == 1
    said = capsys.readouterr().err
    assert [name in said for name in ("score", "example", "gone", "manifest")] == [
        True,
        True,
        True,
        False,
    ]
    assert "python -m schemas.generate" in said
    main(["--folder", str(folder)])
    assert stale(folder) == []


@pytest.mark.parametrize("record", RECORDS.values(), ids=lambda record: record.__name__)
def test_they_are_valid_and_open_to_new_fields(record: type) -> None:
    schema = json_schema(record)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert "additionalProperties" not in schema


def test_they_hold_for_what_is_sent() -> None:
    validator = jsonschema.Draft202012Validator(json_schema(Score))
    sent = orjson.loads(encode(SCORE))
    validator.validate(sent)
    assert not validator.is_valid(sent | {"probability": "0.5"})
    assert not validator.is_valid({k: v for k, v in sent.items() if k != "user"})
    assert validator.is_valid({k: v for k, v in sent.items() if k != "supersedes"})


def test_fields_are_described_by_the_docstrings() -> None:
    docs = dict(field_docs(Manifest))
    assert docs["epoch"] == docs["valid_from"] == "microseconds since the epoch."
    assert docs["learned"] == "examples learned so far."
    assert docs["checksum"].startswith("blake2b of the payload")
    described = json_schema(Manifest)["properties"]
    assert described["learned"]["description"] == docs["learned"]
