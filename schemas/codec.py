"""Between the typed objects of this package and the bytes of a topic's records.

Evolution is additive: a reader ignores fields that it does not know, and a field that an older
writer did not know has a default.
"""

from __future__ import annotations

from functools import cache
from typing import Any, TypeVar, cast

import orjson
from pydantic import TypeAdapter, ValidationError

from schemas.deadletters import DeadLetter
from schemas.drift import Prequential
from schemas.examples import EpochEnd, Example, ModelRequest
from schemas.scores import Score
from schemas.snapshots import Manifest
from schemas.sources import SourceOverall, SourceStatus

T = TypeVar("T")


class CodecError(ValueError):
    """Bytes that are not a record of the wanted type; the message says where and why."""


def encode(record: Any) -> bytes:
    """Write a typed object as JSON.

    Infinite and NaN numbers become null, which no reader takes for a number.
    """
    return orjson.dumps(record, option=orjson.OPT_SERIALIZE_NUMPY)


def decode(kind: type[T], value: bytes | None) -> T:
    """Read a typed object. Raises CodecError."""
    return _validate(kind, _load(kind.__name__, value))


def decode_score(value: bytes | None) -> Score:
    """Read a record of the score topic."""
    return decode(Score, value)


def decode_source_status(value: bytes | None) -> SourceStatus | SourceOverall:
    """Read a record of the sources topic, told apart by ``kind``."""
    content = _load("SourceStatus", value)
    if isinstance(content, dict) and content.get("kind") == "source":
        return _validate(SourceOverall, content)
    return _validate(SourceStatus, content)


def decode_deadletter(value: bytes | None) -> DeadLetter:
    """Read a record of the dead-letter topic."""
    return decode(DeadLetter, value)


def decode_example(value: bytes | None) -> Example | EpochEnd | ModelRequest:
    """Read a record of the examples topic, told apart by ``kind``."""
    content = _load("Example", value)
    kind = content.get("kind") if isinstance(content, dict) else None
    if kind == "epoch_end":
        return _validate(EpochEnd, content)
    if kind == "model_request":
        return _validate(ModelRequest, content)
    return _validate(Example, content)


def decode_manifest(value: bytes | None) -> Manifest:
    """Read a record of the models topic."""
    return decode(Manifest, value)


def decode_drift(value: bytes | None) -> Prequential:
    """Read a record of the drift topic."""
    return decode(Prequential, value)


def _load(name: str, value: bytes | None) -> Any:
    if value is None:
        raise CodecError(f"not {name}: the record has no value")
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise CodecError(f"not {name}: not JSON: {error}") from error


def _validate(kind: type[T], content: Any) -> T:
    adapter: TypeAdapter[T] = _adapter(cast("Any", kind))
    try:
        return adapter.validate_python(content)
    except ValidationError as error:
        raise CodecError(f"not {kind.__name__}: {_first(error)}") from error


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _first(error: ValidationError) -> str:
    """Say what is wrong with the first field, and how many more there are."""
    first, *others = error.errors(include_url=False, include_input=False)
    place = ".".join(str(part) for part in first["loc"]) or "the record"
    more = f" (and {len(others)} more)" if others else ""
    return f"{place}: {first['msg']}{more}"
