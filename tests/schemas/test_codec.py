"""Wire types to bytes and back; records of older and newer writers are read."""

from __future__ import annotations

import dataclasses
from typing import Any, get_type_hints

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import codec
from schemas.codec import CodecError, decode, encode
from schemas.deadletters import DeadLetter
from schemas.drift import Prequential
from schemas.examples import EpochEnd, Example
from schemas.generate import RECORDS
from schemas.scores import Score
from schemas.snapshots import Manifest
from schemas.sources import SourceOverall, SourceStatus
from tests.properties import examples

READERS = {
    Score: codec.decode_score,
    SourceStatus: codec.decode_source_status,
    SourceOverall: codec.decode_source_status,
    DeadLetter: codec.decode_deadletter,
    Example: codec.decode_example,
    EpochEnd: codec.decode_example,
    Manifest: codec.decode_manifest,
    Prequential: codec.decode_drift,
}
st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))
st.register_type_strategy(int, st.integers(-(2**63), 2**63 - 1))


def objects(kind: type) -> st.SearchStrategy[Any]:
    hints = get_type_hints(kind)
    return st.builds(kind, **{name: st.from_type(hint) for name, hint in hints.items()})


@pytest.mark.parametrize("kind", READERS, ids=lambda kind: kind.__name__)
@examples(20)
@given(data=st.data())
def test_what_is_written_is_read_again(kind: type, data: st.DataObject) -> None:
    record = data.draw(objects(kind))
    value = encode(record)
    found = READERS[kind](value)
    assert type(found) is kind
    assert comparable(found) == comparable(record)


def comparable(record: Any) -> Any:
    """Tuples of a list become lists in JSON; nothing else may differ."""
    return orjson.loads(orjson.dumps(record))


def smallest(kind: type) -> dict[str, Any]:
    """A record of an older writer: no field that has a default; and as a dict."""
    value = {str: "x", int: 1, float: 0.5, bool: True}
    hints = get_type_hints(kind)
    content: dict[str, Any] = {}
    for field in dataclasses.fields(kind):
        if field.default is dataclasses.MISSING:
            hint = hints[field.name]
            content[field.name] = value.get(hint, special(hint))
    return content


def special(hint: Any) -> Any:
    if dataclasses.is_dataclass(hint):
        assert isinstance(hint, type)
        return smallest(hint)
    text = str(hint)
    if "Literal" in text and not text.startswith(("dict", "list")):
        return hint.__args__[0]
    return {} if text.startswith("dict") else [] if text.startswith("list") else None


@pytest.mark.parametrize("kind", RECORDS.values(), ids=lambda kind: kind.__name__)
def test_fields_that_are_not_known_are_ignored_and_new_ones_have_defaults(kind: type) -> None:
    older = smallest(kind)
    newer = older | {"field_of_the_future": {"a": 1}}
    assert decode(kind, orjson.dumps(newer)) == decode(kind, orjson.dumps(older))


def test_tuples_of_headers_survive() -> None:
    letter = decode(DeadLetter, orjson.dumps(smallest(DeadLetter) | {"headers": [["a", "b"]]}))
    assert letter.headers == [("a", "b")]


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (None, "no value"),
        (b"{", "not JSON"),
        (b"[]", "Manifest"),
        (b"{}", "app: "),
        (orjson.dumps(smallest(Manifest) | {"version": "one"}), "version: "),
        (orjson.dumps(smallest(Manifest) | {"metrics": {"auc": "high"}}), r"metrics\.auc: "),
    ],
)
def test_errors_say_where_and_why(value: bytes | None, says: str) -> None:
    with pytest.raises(CodecError, match=says):
        codec.decode_manifest(value)


def test_examples_and_markers_are_told_apart() -> None:
    marker = EpochEnd("a", 0, 4, 17, "fs-0")
    assert codec.decode_example(encode(marker)) == marker
    tricky = smallest(Example) | {"user": "epoch_end"}
    assert isinstance(codec.decode_example(orjson.dumps(tricky)), Example)


def test_nan_is_written_as_null() -> None:
    example = decode(Example, orjson.dumps(smallest(Example)))
    broken = dataclasses.replace(example, probability=float("nan"))
    assert orjson.loads(encode(broken))["probability"] is None
    with pytest.raises(CodecError, match="probability"):
        codec.decode_example(encode(broken))
