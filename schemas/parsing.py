"""From records' bytes to JSON objects; what cannot be parsed is named, the rest goes on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import orjson

from schemas.reasons import Reject

Doc = dict[str, Any]
Rejects = dict[int, tuple[Reject, str]]
"""Row to the reason why its record was not used, and a message."""


def parse_values(values: Sequence[bytes | None], max_bytes: int, rejects: Rejects) -> list[Doc]:
    """Parse each value; one that is no JSON object becomes an empty one, and is rejected."""
    whole = _parse_all(values, max_bytes)
    if whole is not None:
        return whole
    docs: list[Doc] = []
    for i, value in enumerate(values):
        parsed = _parse(value, max_bytes)
        if isinstance(parsed, dict):
            docs.append(parsed)
        else:
            docs.append({})
            rejects[i] = parsed
    return docs


def _parse_all(values: Sequence[bytes | None], max_bytes: int) -> list[Doc] | None:
    """Parse values that are all in order; None when any is not."""
    try:
        if max(map(len, cast("Sequence[bytes]", values)), default=0) > max_bytes:
            return None
        docs = list(map(orjson.loads, cast("Sequence[bytes]", values)))
    except (TypeError, orjson.JSONDecodeError):
        return None
    return docs if set(map(type, docs)) <= {dict} else None


def _parse(value: bytes | None, max_bytes: int) -> Doc | tuple[Reject, str]:
    if value is None:
        return Reject.TOMBSTONE, "the record has no value (a tombstone)"
    if len(value) > max_bytes:
        return (
            Reject.TOO_LARGE,
            f"the value has {len(value)} bytes, more than the source's max_bytes {max_bytes}",
        )
    try:
        doc = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        return _unreadable(value, error)
    if type(doc) is not dict:
        kind = "an array" if isinstance(doc, list) else f"{value[:40].decode(errors='replace')!r}"
        return Reject.NOT_AN_OBJECT, f"the value is JSON, but {kind}, not an object"
    return doc


def _unreadable(value: bytes, error: orjson.JSONDecodeError) -> tuple[Reject, str]:
    try:
        value.decode()
    except UnicodeDecodeError as wrong:
        return Reject.UNDECODABLE, f"the value is not UTF-8: {wrong.reason} at byte {wrong.start}"
    return Reject.NOT_JSON, f"the value is not JSON: {error}"
