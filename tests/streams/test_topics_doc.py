"""docs/topics.md is the contract: it may not fall behind the types that are written."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import orjson
import pytest

from schemas.codec import decode, encode
from schemas.deadletters import DeadLetter
from schemas.drift import Prequential
from schemas.examples import EpochEnd, Example, ModelRequest
from schemas.reasons import Reject
from schemas.scores import ModelRef, Reason, Score, SourceState
from schemas.snapshots import Manifest, Paired, Reign
from schemas.sources import Delays, Later, Missing, Silence, SourceOverall, SourceStatus
from streams.config import TopicNames
from streams.deadletters.remedies import REMEDIES

TEXT = (Path(__file__).parents[2] / "docs" / "topics.md").read_text()
TYPES: dict[str, tuple[type[Any], ...]] = {
    "churn.scores": (Score, ModelRef, SourceState, Reason),
    "churn.sources": (SourceStatus, Delays, Silence, Missing, Later, SourceOverall),
    "churn.deadletter": (DeadLetter,),
    "churn.examples": (Example, EpochEnd, ModelRequest),
    "churn.models": (Manifest, Reign, Paired),
    "churn.drift": (Prequential,),
}


def section(topic: str) -> str:
    return TEXT.split(f"\n## {topic}\n")[1].split("\n## ")[0]


def field_tables(text: str) -> list[list[str]]:
    tables = text.split("| field | type | meaning |\n|---|---|---|\n")[1:]
    return [re.findall(r"^\| `(\w+)` \|", table.split("\n\n")[0], re.MULTILINE) for table in tables]


def reasons_table() -> str:
    rows = [f"| `{code}` | {r.meaning} | {r.remedy} |" for code, r in REMEDIES.items()]
    return "\n".join(["| reason | meaning | what to do |", "|---|---|---|", *rows])


@pytest.mark.parametrize("topic", TYPES)
def test_every_field_is_described_and_no_other(topic: str) -> None:
    written = [[field.name for field in fields(kind)] for kind in TYPES[topic]]
    assert field_tables(section(topic)) == written


@pytest.mark.parametrize("topic", TYPES)
def test_the_example_is_a_record_and_whole(topic: str) -> None:
    example = re.findall(
        rf"^```json {re.escape(topic)}\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL
    )[0]
    again = encode(decode(TYPES[topic][0], example.encode()))
    again = re.sub(rb',"(evidence|coverage)":null', b"", again)  # are left out
    assert orjson.loads(again) == orjson.loads(example)


def test_every_topic_that_is_written_has_a_section() -> None:
    assert set(TopicNames().all()) == set(TYPES)


def test_the_reason_codes_are_all_there_with_their_remedies() -> None:
    assert set(REMEDIES) == set(Reject)
    stands = TEXT.split("<!-- reasons")[1].split("-->\n", 1)[1].split("\n<!-- /reasons")[0]
    assert stands == reasons_table(), f"docs/topics.md needs:\n{reasons_table()}"
