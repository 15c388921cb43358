"""Rules that a record's fields must keep, for whole columns at once.

They are questions of quality, asked after a record has been read: what cannot be read at all is
said by `schemas.cells`. A field that is not known breaks no rule but ``required``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.cells import shown
from schemas.hashing import hash_text
from schemas.mapping import FieldMapping, FieldRule
from schemas.parsing import Doc

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Broken:
    """A rule that a record breaks."""

    row: int
    message: str


def broken(
    rules: Sequence[FieldRule],
    mappings: Sequence[FieldMapping],
    columns: Mapping[str, NDArray[Any]],
    docs: Sequence[Doc],
    judged: Mask,
) -> Iterator[Broken]:
    """Records that break a rule, for every rule, in the order of the rules.

    columns: the fields as read, n values each. docs: the records. judged: bool[n], which of them
    are events.
    """
    known = {mapping.name: mapping for mapping in mappings}
    for rule in rules:
        column = columns[rule.field]
        there = _is_known(column)
        for name, wrong, allowed in _questions(rule, column, there):
            for row in np.flatnonzero(wrong & judged).tolist():
                value = shown(_value(docs[row], known[rule.field].path))
                yield Broken(row, f'rule {name} of field "{rule.field}": {value} {allowed}')


def _questions(
    rule: FieldRule, column: NDArray[Any], there: Mask
) -> Iterator[tuple[str, Mask, str]]:
    """Name of each rule, which values break it (bool[n]), and in words what is wrong with them."""
    if rule.required:
        yield "required", ~there, "is no value"
    if rule.minimum is not None:
        with np.errstate(invalid="ignore"):
            yield "min", there & (column < rule.minimum), f"is below {rule.minimum:g}"
    if rule.maximum is not None:
        with np.errstate(invalid="ignore"):
            yield "max", there & (column > rule.maximum), f"is above {rule.maximum:g}"
    if rule.allowed:
        texts = column.dtype == np.uint64
        codes = [hash_text(str(v)) if texts else float(v) for v in rule.allowed]
        named = ", ".join(shown(value) for value in rule.allowed)
        yield "allowed", there & ~np.isin(column, np.array(codes, column.dtype)), f"is not {named}"


def _is_known(column: NDArray[Any]) -> Mask:
    found: Mask = column != 0 if column.dtype == np.uint64 else ~np.isnan(column)
    return found


def _value(doc: Doc, path: Sequence[str]) -> Any:
    value: Any = doc
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value
