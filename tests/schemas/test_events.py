"""What is done with each kind of bad record, and what its dead letter says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import orjson
import pytest

from schemas.columns import FieldColumn, IdentifierColumn, KindColumn, TimeColumn
from schemas.events import EventBatch, decode_batch, hash_text
from schemas.mapping import (
    FieldMapping,
    HeartbeatMapping,
    OutcomeMapping,
    SourceMapping,
    TimeMapping,
)
from schemas.reasons import Reject
from schemas.times import parse_time

AT = "2026-01-05T12:00:00Z"
MAPPING = SourceMapping(
    user=("who", "id"),
    time=TimeMapping(("at",), "rfc3339"),
    event_id=("id",),
    fields=(
        FieldMapping("amount", ("sum", "amount"), "number"),
        FieldMapping("page", ("page",), "string", required=False),
        FieldMapping("paid", ("paid",), "bool", required=False),
    ),
    outcome=OutcomeMapping(("kind",), (("gone", "churn"), ("moved", "leave"), ("back", "return"))),
    max_bytes=1000,
)
SECONDS = SourceMapping(user=("u",), time=TimeMapping(("t",), "s"))
GOOD = {"who": {"id": "u1"}, "at": AT, "id": "e1", "sum": {"amount": 2}, "kind": "gone"}


def decode(mapping: SourceMapping, *values: bytes | None) -> EventBatch:
    return decode_batch(mapping, values, [()] * len(values))


def decode_docs(mapping: SourceMapping, *docs: Any) -> EventBatch:
    return decode(mapping, *map(orjson.dumps, docs))


def reject(mapping: SourceMapping, value: bytes | None) -> tuple[Reject, str]:
    """Verdict on a record among good ones, which must not suffer from it."""
    good = orjson.dumps(GOOD if mapping == MAPPING else {"u": "a", "t": 1767614400})
    batch = decode(mapping, good, value, good)
    assert list(batch.rejects) == [1]
    assert batch.users == [batch.users[0], None, batch.users[0]]
    return batch.rejects[1]


def without(path: str) -> bytes:
    return orjson.dumps({key: value for key, value in GOOD.items() if key != path})


def changed(**changes: Any) -> bytes:
    return orjson.dumps(GOOD | changes)


def test_a_good_record() -> None:
    batch = decode_docs(MAPPING, GOOD | {"page": "home", "paid": True, "other": [1]})
    assert not batch.rejects
    assert batch.users == ["u1"]
    assert batch.times.tolist() == [parse_time(AT)]
    assert batch.ids.tolist() == [hash_text("e1")]
    assert batch.kinds.tolist() == [0]
    assert batch.heartbeat.tolist() == [False]
    assert batch.fields["amount"].tolist() == [2.0]
    assert batch.fields["page"].tolist() == [hash_text("home")]
    assert batch.fields["paid"].tolist() == [1.0]


def test_the_columns_types() -> None:
    for batch in (decode_docs(MAPPING, GOOD), decode(MAPPING), decode(MAPPING, None)):
        assert batch.times.dtype == np.int64
        assert batch.ids.dtype == np.uint64
        assert batch.kinds.dtype == np.int8
        assert batch.heartbeat.dtype == np.bool_
        types = {name: column.dtype for name, column in batch.fields.items()}
        assert types == {"amount": np.float64, "page": np.uint64, "paid": np.float64}


@pytest.mark.parametrize(
    ("value", "reason", "says"),
    [
        (None, Reject.TOMBSTONE, "no value"),
        (b"x" * 1001, Reject.TOO_LARGE, "1001 bytes"),
        (b'{"a": "\xff"}', Reject.UNDECODABLE, "byte 7"),
        (b"{'a': 1}", Reject.NOT_JSON, "not JSON"),
        (b"", Reject.NOT_JSON, "empty"),
        (b'{"amount": NaN}', Reject.NOT_JSON, "line 1 column"),
        (b'{"amount": 1e999}', Reject.NOT_JSON, "infinity"),
        (b'{"a":' * 190, Reject.NOT_JSON, "not JSON"),
        (b"[1, 2]", Reject.NOT_AN_OBJECT, "an array"),
        (b'"text"', Reject.NOT_AN_OBJECT, "text"),
        (b"null", Reject.NOT_AN_OBJECT, "null"),
        (without("who"), Reject.MISSING_USER, "'who.id'"),
        (changed(who={}), Reject.MISSING_USER, "'who.id'"),
        (changed(who=None), Reject.MISSING_USER, "'who.id'"),
        (changed(who={"id": None}), Reject.NULL_USER, "is null"),
        (changed(who="u1"), Reject.BAD_USER, "'who' is \"u1\", not an object"),
        (changed(who={"id": ""}), Reject.BAD_USER, "at least one character"),
        (changed(who={"id": "a\0b"}), Reject.BAD_USER, "NUL"),
        (changed(who={"id": "é" * 257}), Reject.BAD_USER, "longer than 512 bytes"),
        (changed(who={"id": True}), Reject.BAD_USER, "is true"),
        (changed(who={"id": 1.5}), Reject.BAD_USER, "is 1.5"),
        (changed(who={"id": 1e16}), Reject.BAD_USER, "1e+16"),
        (changed(who={"id": ["u1"]}), Reject.BAD_USER, "a list"),
        (without("at"), Reject.MISSING_TIME, "'at'"),
        (changed(at=None), Reject.NULL_TIME, "is null"),
        (changed(at=True), Reject.BAD_TIME, "is true"),
        (changed(at=1767614400), Reject.BAD_TIME, "RFC 3339 text"),
        (changed(at="yesterday"), Reject.BAD_TIME, "yesterday"),
        (changed(at="2026-01-05T12:00:00"), Reject.BAD_TIME, "zone"),
        (changed(at="0001-01-01T00:00:00Z"), Reject.ABSURD_TIME, "1980"),
        (changed(at="9999-12-31T23:59:59Z"), Reject.ABSURD_TIME, "9999"),
        (without("id"), Reject.MISSING_ID, "event id"),
        (changed(id=None), Reject.NULL_ID, "event id"),
        (changed(id=False), Reject.BAD_ID, "is false"),
        (without("sum"), Reject.MISSING_FIELD, "'sum.amount'"),
        (changed(sum={"amount": None}), Reject.NULL_FIELD, 'field "amount"'),
        (changed(sum={"amount": "2"}), Reject.WRONG_TYPE, 'is "2", not a number'),
        (changed(sum={"amount": True}), Reject.WRONG_TYPE, "is true, not a number"),
        (changed(sum=2), Reject.WRONG_TYPE, "'sum' is 2, not an object"),
        (changed(page=1), Reject.WRONG_TYPE, "not a string"),
        (changed(page={"url": "x"}), Reject.WRONG_TYPE, "is an object"),
        (changed(paid=1), Reject.WRONG_TYPE, "not true or false"),
        (without("kind"), Reject.MISSING_FIELD, "kind of outcome"),
        (changed(kind="lost"), Reject.UNKNOWN_KIND, '"gone", "moved", "back"'),
        (changed(kind=1), Reject.WRONG_TYPE, "kind of outcome"),
    ],
)
def test_each_kind_of_bad_record(value: bytes | None, reason: Reject, says: str) -> None:
    found, message = reject(MAPPING, value)
    assert found == reason
    assert says in message


@pytest.mark.parametrize(
    ("time", "reason", "says"),
    [
        (-1, Reject.ABSURD_TIME, "-1"),
        (0, Reject.ABSURD_TIME, "1980"),
        (1767614400000, Reject.ABSURD_TIME, "in ms (the source says s) it would be 2026-01-05"),
        (2**64 - 1, Reject.ABSURD_TIME, "18446744073709551615"),
        (1e300, Reject.ABSURD_TIME, "1e+300"),
        (-1e300, Reject.ABSURD_TIME, "1e+300"),
        (True, Reject.BAD_TIME, "is true"),
        ("1767614400", Reject.BAD_TIME, "not a number of s since 1970"),
        ({}, Reject.BAD_TIME, "an object"),
    ],
)
def test_each_kind_of_bad_number_as_a_time(time: Any, reason: Reject, says: str) -> None:
    found, message = reject(SECONDS, orjson.dumps({"u": "a", "t": time}))
    assert found == reason
    assert says in message


def test_units_and_decimals_of_times() -> None:
    batch = decode_docs(SECONDS, {"u": "a", "t": 1767614400.25}, {"u": "a", "t": 1767614400})
    assert batch.times.tolist() == [1767614400_250000, 1767614400_000000]
    micros = replace(SECONDS, time=TimeMapping(("t",), "us"))
    assert decode_docs(micros, {"u": "a", "t": 1767614400_123457}).times[0] == 1767614400_123457


def test_a_zone_given_by_the_source() -> None:
    summer = replace(MAPPING, time=TimeMapping(("at",), "rfc3339", "Europe/London"))
    batch = decode_docs(summer, GOOD | {"at": "2026-07-01T13:00:00"})
    assert batch.times.tolist() == [parse_time("2026-07-01T12:00:00Z")]


def test_numbers_are_users_by_their_integer_text() -> None:
    ids = ["7", 7, 7.0, -7, 2**64 - 1]
    batch = decode_docs(SECONDS, *({"u": user, "t": 1767614400} for user in ids))
    assert batch.users == ["7", "7", "7", "-7", "18446744073709551615"]


def test_the_limits_themselves_are_within() -> None:
    users = ["a" * 512, "é" * 256, 2.0**53 - 1]
    docs = [{"u": user, "t": 1767614400} for user in users]
    assert decode_docs(SECONDS, *docs).users == ["a" * 512, "é" * 256, str(2**53 - 1)]
    assert reject(SECONDS, orjson.dumps({"u": 2.0**53, "t": 1767614400}))[0] == Reject.BAD_USER
    exact = replace(SECONDS, max_bytes=len(orjson.dumps(docs[0])))
    assert not decode_docs(exact, docs[0]).rejects


def test_a_way_that_is_no_object_rejects_optional_fields_too() -> None:
    optional = FieldMapping("n", ("a", "b", "n"), "number", required=False)
    mapping = replace(SECONDS, fields=(optional,))
    inner: list[Any] = [{"b": {"n": 1}}, {"b": None}, {}, None, {"b": 5}, "text"]
    batch = decode_docs(mapping, *({"u": "u", "t": 1767614400, "a": a} for a in inner))
    assert {row: reason for row, (reason, _) in batch.rejects.items()} == {
        4: Reject.WRONG_TYPE,
        5: Reject.WRONG_TYPE,
    }
    assert batch.fields["n"][0] == 1
    assert np.isnan(batch.fields["n"][1:]).all()


@pytest.mark.parametrize("unit", ["s", "ms", "us"])
def test_ordinary_records_are_never_read_one_by_one(
    unit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for column in (IdentifierColumn, TimeColumn, FieldColumn, KindColumn):
        monkeypatch.delattr(column, "one")
    numbers = replace(MAPPING, time=TimeMapping(("at",), unit))
    now = 1767614400 * {"s": 1, "ms": 10**3, "us": 10**6}[unit]
    docs = [GOOD | {"at": now, "who": {"id": 7}}, GOOD | {"at": now + 0.5, "page": "x"}]
    for batch in (decode_docs(MAPPING, GOOD, GOOD), decode_docs(numbers, *docs)):
        assert not batch.rejects
    assert decode_docs(numbers, docs[0]).users == ["7"]


def test_optional_fields_may_be_missing_or_null() -> None:
    batch = decode_docs(MAPPING, GOOD, GOOD | {"page": None, "paid": None})
    assert not batch.rejects
    assert batch.fields["page"].tolist() == [0, 0]
    assert np.isnan(batch.fields["paid"]).all()


def test_the_first_thing_wrong_is_told() -> None:
    assert reject(MAPPING, b"{}")[0] == Reject.MISSING_USER
    assert reject(MAPPING, changed(at=1, sum=1))[0] == Reject.BAD_TIME


def test_of_repeated_keys_the_last_counts() -> None:
    batch = decode(SECONDS, b'{"u": "a", "u": "b", "t": 1767614400}')
    assert batch.users == ["b"]


def test_a_heartbeat_by_header_needs_only_a_time() -> None:
    values = [orjson.dumps({"at": AT}), b"{}", orjson.dumps(GOOD), None]
    beat = [("ebbline-heartbeat", b"1")]
    batch = decode_batch(MAPPING, values, [beat, beat, (), beat])
    assert batch.heartbeat.tolist() == [True, False, False, False]
    assert batch.users == [None, None, "u1", None]
    assert batch.times[0] == parse_time(AT)
    assert {i: reason for i, (reason, _) in batch.rejects.items()} == {
        1: Reject.MISSING_TIME,
        3: Reject.TOMBSTONE,
    }


def test_a_heartbeat_by_field_is_one_where_it_is_true() -> None:
    by_field = replace(MAPPING, heartbeat=HeartbeatMapping(path=("meta", "beat")))
    docs = [{"at": AT, "meta": {"beat": beat}} for beat in (True, False, 1, "true")]
    batch = decode_docs(by_field, *docs, GOOD | {"meta": 5})
    assert batch.heartbeat.tolist() == [True, False, False, False, False]
    assert {reason for reason, _ in batch.rejects.values()} == {Reject.MISSING_USER}
    header = [("ebbline-heartbeat", b"")]
    assert decode_batch(by_field, [orjson.dumps(GOOD)], [header]).users == ["u1"]


def test_the_position_of_a_retry_is_its_id_where_there_is_no_event_id() -> None:
    value = orjson.dumps({"u": "a", "t": 1767614400})
    retried = [("ebbline-retried-from", b"events-0-17")]
    batch = decode_batch(SECONDS, [value, value, value], [(), retried, retried])
    assert batch.ids.tolist() == [0, hash_text("events-0-17"), hash_text("events-0-17")]
    own = decode_batch(MAPPING, [orjson.dumps(GOOD)], [retried])
    assert own.ids.tolist() == [hash_text("e1")]


def test_long_values_are_shortened_in_messages() -> None:
    wide = replace(MAPPING, max_bytes=10**6)
    _, message = decode(wide, changed(at="x" * 100_000)).rejects[0]
    assert len(message) < 300
