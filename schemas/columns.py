"""Reading one value of MANY records at once.

A column of ordinary values (right type, nothing missing) is read by numpy; each value that is
not ordinary is left to `schemas.cells`, and rejects its own record only.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import tzinfo
from operator import itemgetter
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from schemas.cells import (
    MAX_USER_BYTES,
    OUTCOME_CODES,
    SCALE,
    BadCell,
    Part,
    field_part,
    is_unknown,
    read_bool,
    read_identifier,
    read_kind,
    read_number,
    read_string,
    read_time,
)
from schemas.hashing import hash_text, hash_texts
from schemas.mapping import FieldMapping, OutcomeMapping, Path, TimeMapping
from schemas.parsing import Doc
from schemas.timecolumns import parse_times
from schemas.times import MAX_TIME, MIN_TIME

Types = set[type]
Suspects = Collection[int]

_NOTHING: Doc = {}


class Column:
    """How the values at one path are read. Subclasses: one for each type of value.

    ordinary: types that `many` can read; other values go to `one`. filler: an ordinary value
    that takes their place meanwhile.
    """

    ordinary: frozenset[type]
    filler: Any

    def __init__(self, part: Part) -> None:
        """Read what ``part`` stands for."""
        self.part = part

    def many(self, values: list[Any], types: Types) -> tuple[Any, Suspects]:
        """Read ordinary values; and the rows that must be looked at one by one."""
        raise NotImplementedError

    def one(self, doc: Doc) -> Any:
        """Read the value of one record, as `many` gives it. Raises BadCell."""
        raise NotImplementedError

    def read(self, docs: Sequence[Doc], reject: Callable[[int, BadCell], None]) -> Any:
        """Read the column of all records; values of rejected records mean nothing."""
        values, odd = pick(docs, self.part.path)
        types = set(map(type, values))
        if not types <= self.ordinary:
            odd |= {i for i, value in enumerate(values) if type(value) not in self.ordinary}
        for i in odd:
            values[i] = self.filler
        read, suspects = self.many(values, types | {type(self.filler)} if odd else types)
        for i in sorted(odd.union(suspects)):
            try:
                read[i] = self.one(docs[i])
            except BadCell as error:
                reject(i, error)
        return read


class IdentifierColumn(Column):
    """User and event ids, as text."""

    ordinary = frozenset({str, int})
    filler = "-"

    def many(self, values: list[Any], types: Types) -> tuple[list[str], Suspects]:
        """Write integers as text; empty, long and strange texts are suspect."""
        if not values:
            return values, ()
        texts = values if int not in types else list(map(str, values))
        lengths = set(map(len, texts))
        if min(lengths) > 0 and max(lengths) <= MAX_USER_BYTES // 4 and "\0" not in "".join(texts):
            return texts, ()
        strange = [i for i, text in enumerate(texts) if not _is_plain(text)]
        return texts, strange

    def one(self, doc: Doc) -> str:
        """Read one id."""
        return read_identifier(self.part.look_up(doc), self.part)


class TimeColumn(Column):
    """Event times, as microseconds (int64)."""

    def __init__(self, part: Part, mapping: TimeMapping) -> None:
        """Read times as the mapping says."""
        super().__init__(part)
        self.mapping = mapping
        self.zone: tzinfo | None = ZoneInfo(mapping.zone) if mapping.zone else None
        text = mapping.unit == "rfc3339"
        self.ordinary = frozenset({str}) if text else frozenset({int, float})
        self.filler = "1980-01-01T00:00:00Z" if text else MIN_TIME // SCALE[mapping.unit]

    def many(self, values: list[Any], types: Types) -> tuple[NDArray[np.int64], Suspects]:
        """Read times; unreadable and absurd ones are suspect."""
        if self.mapping.unit == "rfc3339":
            times, good = parse_times(values, self.zone)
        else:
            times, good = _scaled(values, types, SCALE[self.mapping.unit])
        good &= (times >= MIN_TIME) & (times < MAX_TIME)
        return times, () if good.all() else np.flatnonzero(~good).tolist()

    def one(self, doc: Doc) -> int:
        """Read one time."""
        return read_time(self.part.look_up(doc), self.part, self.mapping, self.zone)


class FieldColumn(Column):
    """A field that features use; without it an optional one is not known."""

    types: frozenset[type]
    unknown: float

    def __init__(self, part: Part, mapping: FieldMapping) -> None:
        """Read a field as the mapping says."""
        super().__init__(part)
        self.required = mapping.required
        optional = frozenset() if mapping.required else frozenset({type(None)})
        self.ordinary = self.types | optional

    def one(self, doc: Doc) -> Any:
        """Read one value."""
        if self.required:
            return self.read_one(self.part.look_up(doc))
        value = self.part.look_up_optional(doc)
        return self.unknown if is_unknown(value) else self.read_one(value)

    def read_one(self, value: Any) -> Any:
        """Read a value that is there."""
        raise NotImplementedError


class NumberColumn(FieldColumn):
    """Numbers as float64, NaN = unknown."""

    types = frozenset({int, float})
    filler = 0.0
    unknown = np.nan

    def many(self, values: list[Any], _types: Types) -> tuple[NDArray[np.float64], Suspects]:
        """Read numbers; None becomes NaN."""
        return np.array(values, dtype=np.float64), ()

    def read_one(self, value: Any) -> float:
        """Read a number."""
        return read_number(value, self.part)


class BoolColumn(FieldColumn):
    """Booleans as float64: 0, 1, NaN = unknown."""

    types = frozenset({bool})
    filler = False
    unknown = np.nan

    def many(self, values: list[Any], _types: Types) -> tuple[NDArray[np.float64], Suspects]:
        """Read booleans; None becomes NaN."""
        return np.array(values, dtype=np.float64), ()

    def read_one(self, value: Any) -> float:
        """Read a boolean."""
        return read_bool(value, self.part)


class StringColumn(FieldColumn):
    """Strings as 64-bit hashes, 0 = unknown."""

    types = frozenset({str})
    filler = ""
    unknown = 0

    def many(self, values: list[Any], types: Types) -> tuple[NDArray[np.uint64], Suspects]:
        """Hash strings; None becomes 0."""
        if type(None) not in types:
            return hash_texts(values), ()
        hashes = hash_texts([value or "" for value in values])
        hashes[np.array([value is None for value in values], dtype=np.bool_)] = 0
        return hashes, ()

    def read_one(self, value: Any) -> int:
        """Hash a string."""
        return hash_text(read_string(value, self.part))


class KindColumn(Column):
    """Kinds of outcomes as int8 codes."""

    ordinary = frozenset({str})

    def __init__(self, part: Part, mapping: OutcomeMapping) -> None:
        """Read kinds as the mapping says."""
        super().__init__(part)
        self.mapping = mapping
        self.codes = {value: OUTCOME_CODES[kind] for value, kind in mapping.kinds}
        self.filler = mapping.kinds[0][0] if mapping.kinds else ""

    def many(self, values: list[Any], _types: Types) -> tuple[NDArray[np.int8], Suspects]:
        """Look kinds up; unknown ones are suspect."""
        codes = [self.codes.get(value, -1) for value in values]
        kinds = np.array(codes, dtype=np.int8)
        return kinds, np.flatnonzero(kinds < 0).tolist()

    def one(self, doc: Doc) -> int:
        """Read one kind."""
        return read_kind(self.part.look_up(doc), self.part, self.mapping)


def field_column(mapping: FieldMapping) -> FieldColumn:
    """Make the column for a field's type."""
    types = {"number": NumberColumn, "bool": BoolColumn, "string": StringColumn}
    return types[mapping.type](field_part(f'field "{mapping.name}"', mapping.path), mapping)


def pick(docs: Sequence[Doc], path: Path) -> tuple[list[Any], set[int]]:
    """Values at a path, None where there are none; and rows where the way there is no object."""
    odd: set[int] = set()
    level = docs
    for name in path[:-1]:
        inner = _values(level, name)
        if set(map(type, inner)) != {dict}:
            odd.update(i for i, v in enumerate(inner) if v is not None and type(v) is not dict)
            inner = [value if type(value) is dict else _NOTHING for value in inner]
        level = inner
    return _values(level, path[-1]), odd


def _values(docs: Sequence[Doc], name: str) -> list[Any]:
    try:
        return list(map(itemgetter(name), docs))
    except KeyError:
        return [doc.get(name) for doc in docs]


def _scaled(
    values: list[Any], types: Types, scale: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Numbers of a unit as microseconds; what overflows is not good."""
    if float not in types:
        try:
            numbers = np.array(values, dtype=np.int64)
        except OverflowError:
            pass
        else:
            good = (numbers >= MIN_TIME // scale) & (numbers < MAX_TIME // scale)
            return np.where(good, numbers, 0) * scale, good
    with np.errstate(over="ignore"):
        scaled = np.rint(np.array(values, dtype=np.float64) * scale)
    good = (scaled >= MIN_TIME) & (scaled < MAX_TIME)
    return np.where(good, scaled, 0).astype(np.int64), good


def _is_plain(text: str) -> bool:
    return 0 < len(text) <= MAX_USER_BYTES // 4 and "\0" not in text
