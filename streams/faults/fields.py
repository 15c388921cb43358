"""Changing one field inside records, wherever it stands in their JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import compress
from typing import Any

import orjson

from schemas.mapping import Path
from streams.faults.log import Chosen, Events

Change = Callable[[Any], Any]


def edited(events: Events, which: Chosen, path: Path, change: Change) -> Events:
    """The events, a field of the chosen ones put through ``change``."""
    if not which.any():
        return events
    values = compress(events.values, which.tolist())
    return events.changed(which, [_edit(value, path, change) for value in values])


def found(values: Iterable[bytes], path: Path) -> list[Any]:
    """The field of each record; None where it is not there."""
    return [_at(_parsed(value), path) for value in values]


def scaled(factor: float) -> Change:
    """Multiply numbers; leave everything else alone."""

    def change(value: Any) -> Any:
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return value * factor if number else value

    return change


def _edit(value: bytes, path: Path, change: Change) -> bytes:
    record = _parsed(value)
    place = _at(record, path[:-1])
    if not isinstance(place, dict) or path[-1] not in place:
        return value
    place[path[-1]] = change(place[path[-1]])
    return orjson.dumps(record)


def _parsed(value: bytes) -> Any:
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return None  # broken before it came here


def _at(record: Any, path: Path) -> Any:
    for name in path:
        record = record.get(name) if isinstance(record, dict) else None
    return record
