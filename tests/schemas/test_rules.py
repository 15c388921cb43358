"""Rules for single records: the message names rule, field and value."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from schemas.events import decode_batch
from schemas.mapping import FieldMapping, FieldRule, SourceMapping, TimeMapping
from schemas.reasons import Reject

FIELDS = (
    FieldMapping("n", ("data", "n"), "number", required=False),
    FieldMapping("k", ("data", "k"), "string", required=False),
)


def judged(rule: FieldRule, *datas: Any) -> dict[int, tuple[Reject, str]]:
    mapping = SourceMapping(("user",), TimeMapping(("at",), "s"), fields=FIELDS, rules=(rule,))
    values = [orjson.dumps({"user": "u", "at": 10**9, "data": data}) for data in datas]
    return decode_batch(mapping, values, [[]] * len(values)).rejects


@pytest.mark.parametrize(
    ("rule", "data", "message"),
    [
        (FieldRule("n", minimum=0), {"n": -1.5}, 'rule min of field "n": -1.5 is below 0'),
        (FieldRule("n", maximum=10), {"n": 900}, 'rule max of field "n": 900 is above 10'),
        (FieldRule("n", allowed=(1.0,)), {"n": 3}, 'rule allowed of field "n": 3 is not 1.0'),
        (FieldRule("k", allowed=("é",)), {"k": "e"}, 'rule allowed of field "k": "e" is not "é"'),
        (FieldRule("k", required=True), {"n": 1}, 'rule required of field "k": null is no value'),
        (FieldRule("k", required=True), None, 'rule required of field "k": null is no value'),
    ],
)  # fmt: skip
def test_the_message_names_rule_field_and_value(rule: FieldRule, data: Any, message: str) -> None:
    good = {"n": 1, "k": "é"}
    assert judged(rule, good, data, good) == {1: (Reject.QUALITY_RULE, message)}


@pytest.mark.parametrize(
    "rule", [FieldRule("n", minimum=0, maximum=0, allowed=(0.0,)), FieldRule("k", allowed=("x",))]
)
def test_bounds_are_right_themselves_and_what_is_not_known_breaks_no_rule(rule: FieldRule) -> None:
    assert judged(rule, {"n": 0, "k": "x"}, {}, {"n": None, "k": None}) == {}


def test_heartbeats_and_what_is_rejected_anyway_are_not_asked() -> None:
    mapping = SourceMapping(
        ("user",), TimeMapping(("at",), "s"), fields=FIELDS, rules=(FieldRule("k", required=True),)
    )
    values = [b'{"at": 1000000000}', b'{"at": 1000000000}', b"{"]
    batch = decode_batch(mapping, values, [[("ebbline-heartbeat", b"")], [], []])
    assert {i: why for i, (why, _) in batch.rejects.items()} == {
        1: Reject.MISSING_USER,
        2: Reject.NOT_JSON,
    }
