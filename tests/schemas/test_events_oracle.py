"""Decoding in columns equals decoding one record at a time, whatever the records are."""

from __future__ import annotations

import math
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from schemas.events import EventBatch, decode_batch
from schemas.mapping import (
    FieldMapping,
    FieldRule,
    HeartbeatMapping,
    OutcomeMapping,
    SourceMapping,
    TimeMapping,
)
from schemas.reasons import Reject
from tests.properties import examples
from tests.schemas.naive_decoder import Decoded, decode_one

ABSENT = object()
SCALARS = [
    ABSENT, None, True, False, 0, -1, 2**53, 2**63, 2**64 - 1, 2.0**53, 0.0, -0.0, 1.0, 1.5, 1e15,
    1e300, 5e-324, "", "x", "é", "\0", "a" * 512, "a" * 513, "é" * 129, "1", [], [1], {}, {"id": 1},
]  # fmt: skip
TIMES: dict[str, list[Any]] = {
    "rfc3339": [
        "2026-01-05T12:00:00Z", "2026-01-05T12:00:00.5Z", "2026-01-05T12:00:00.123456789+01:00",
        "2026-01-05T12:00:00", "2026-06-30T12:00:00", "1979-12-31T23:59:59.999999Z",
        "1980-01-01T00:00:00Z", "2199-12-31T23:59:59.999999Z", "2200-01-01T00:00:00Z",
        "0001-01-01T00:00:00Z", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z",
        "2016-12-31T23:59:60Z", "2016-12-31T12:59:60Z", "2026-02-30T00:00:00Z", "2026-01-05",
        1767614400,
    ],
    "s": [
        1767614400, 1767614400.25, 1767614400.1234567, 315532800, 315532799, 315532799.9999999,
        7258118399, 7258118400, 1767614400000, -5.5, "1767614400", 0.1,
    ],
    "ms": [1767614400000, 1767614400000.5, 315532800000, 315532799999, 7258118400000, 1767614400],
    "us": [1767614400000000, 1767614400000000.5, 315532800000000, 7258118400000000, 1767614400],
}  # fmt: skip


NO_OBJECTS = [None, b"", b"\xff", b"{", b"[]", b"1", b'"a"', b"null", b'{"a":1e999}']


@st.composite
def mappings(draw: st.DrawFn) -> SourceMapping:
    nested = draw(st.booleans())

    def path(name: str) -> tuple[str, ...]:
        return ("data", name) if nested else (name,)

    unit = draw(st.sampled_from(["rfc3339", "s", "ms", "us"]))
    zone = draw(st.sampled_from([None, "Europe/London"])) if unit == "rfc3339" else None
    fields = tuple(
        FieldMapping(kind, path(kind), kind, required=draw(st.booleans()))  # type: ignore[arg-type]
        for kind in draw(st.lists(st.sampled_from(["number", "string", "bool"]), unique=True))
    )
    outcome = OutcomeMapping(path("kind"), (("x", "churn"), ("1", "leave"), ("é", "return")))
    return SourceMapping(
        user=path("user"),
        time=TimeMapping(path("at"), unit, zone),  # type: ignore[arg-type]
        event_id=path("id") if draw(st.booleans()) else None,
        fields=fields,
        outcome=outcome if draw(st.booleans()) else None,
        heartbeat=draw(
            st.sampled_from([HeartbeatMapping("beat"), HeartbeatMapping(path=path("beat"))])
        ),
        max_bytes=draw(st.sampled_from([1_048_576, 200])),
        rules=tuple(draw(rules(field)) for field in fields if draw(st.booleans())),
    )


ALLOWED = {"number": (1.0, 2.5), "string": ("x", "é"), "bool": (True,)}


@st.composite
def rules(draw: st.DrawFn, field: FieldMapping) -> FieldRule:
    number = field.type == "number"
    return FieldRule(
        field.name,
        minimum=draw(st.sampled_from([None, -3, 0.5])) if number else None,
        maximum=draw(st.sampled_from([None, 1, 2.0])) if number else None,
        allowed=draw(st.sampled_from([(), ALLOWED[field.type]])),
        required=draw(st.booleans()),
    )


def ordinary(unit: str) -> dict[str, st.SearchStrategy[Any]]:
    return {
        "user": st.sampled_from(["u1", "u2", 7]),
        "at": st.sampled_from(TIMES[unit][:3]),
        "id": st.sampled_from(["e1", "e2", 3]),
        "number": st.sampled_from([1, 2.5, -3]),
        "string": st.sampled_from(["x", "1", "é"]),
        "bool": st.booleans(),
        "kind": st.sampled_from(["x", "1", "é"]),
        "beat": st.sampled_from([ABSENT, False]),
    }


@st.composite
def records(draw: st.DrawFn, mapping: SourceMapping) -> bytes | None:
    if draw(st.integers(0, 19)) == 0:
        return draw(
            st.sampled_from(
                [None, b"", b"\xff", b"{", b"[]", b"1", b'"a"', b"null", b'{"a":1e999}']
            )
        )
    content = {}
    for name, strategy in ordinary(mapping.time.unit).items():
        strange = st.sampled_from([*SCALARS, *(TIMES[mapping.time.unit] if name == "at" else ())])
        value = draw(strange if draw(st.integers(0, 14)) == 0 else strategy)
        if name == "beat" and draw(st.integers(0, 9)) == 0:
            value = True
        if value is not ABSENT:
            content[name] = value
    if len(mapping.user) == 2:
        inner = draw(st.sampled_from(SCALARS)) if draw(st.integers(0, 14)) == 0 else content
        content = {} if inner is ABSENT else {"data": inner}
    return orjson.dumps(content)


HEADERS = st.sampled_from(
    [(), (), (), (("other", b""),), (("beat", b"1"),), (("ebbline-retried-from", b"t-0-17"),)]
)


@st.composite
def cases(draw: st.DrawFn) -> tuple[SourceMapping, list[bytes | None], list[Any]]:
    mapping = draw(mappings())
    values = draw(st.lists(records(mapping), max_size=8))
    if draw(st.booleans()):
        return mapping, values, [()] * len(values)
    return mapping, values, [draw(HEADERS) for _ in values]


@examples(150)
@given(cases())
def test_in_columns_equals_one_by_one(
    case: tuple[SourceMapping, list[bytes | None], list[Any]],
) -> None:
    mapping, values, headers = case
    batch = decode_batch(mapping, values, headers)
    for row, (value, pairs) in enumerate(zip(values, headers, strict=True)):
        assert row_of(batch, row) == plain(decode_one(mapping, value, dict(pairs)))


def row_of(batch: EventBatch, row: int) -> Any:
    if row in batch.rejects:
        reason, message = batch.rejects[row]
        assert message
        assert len(message) < 600
        return reason
    fields = {name: readable(column[row].item()) for name, column in batch.fields.items()}
    return (
        batch.users[row], batch.times[row].item(), batch.heartbeat[row].item(),
        batch.ids[row].item(), batch.kinds[row].item(), fields,
    )  # fmt: skip


def plain(decoded: Decoded | Reject) -> Any:
    if isinstance(decoded, Reject):
        return decoded
    fields = {name: readable(value) for name, value in decoded.fields.items()}
    return (
        decoded.user, decoded.time, decoded.heartbeat, decoded.id, decoded.kind, fields,
    )  # fmt: skip


def readable(value: float) -> float | str:
    return "unknown" if math.isnan(value) else value


LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.floats(allow_nan=False),
    st.text(),
    st.integers(-(2**63), 2**64 - 1),
)
KEYS = st.sampled_from(["data", "user", "at", "id"])
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner), max_leaves=8
)


@given(
    mappings(),
    st.lists(st.one_of(st.none(), st.binary(), st.text().map(str.encode), JSON.map(orjson.dumps))),
)
def test_whatever_the_bytes_are_every_record_has_its_verdict(
    mapping: SourceMapping, values: list[bytes | None]
) -> None:
    batch = decode_batch(mapping, values, [()] * len(values))
    assert len(batch) == len(values) == len(batch.times) == len(batch.ids) == len(batch.kinds)
    for row in range(len(values)):
        read = batch.users[row] is not None or batch.heartbeat[row]
        assert read == (row not in batch.rejects)
