"""The words in which an interval says what is wrong: several findings, each kind once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

MAX_REASONS: Final = 5
VAGUE: Final = "distribution"
"""The kind of fault that another kind of the same field explains better."""


def together(reason: str, more: Sequence[str]) -> str:
    """A reason with more findings: the first of each kind, the best explanation of each field."""
    told = [part for part in reason.split("; ") if part]
    for one in more:
        kind, field = one.split(":")[0], _field_of(one)
        if kind in {part.split(":")[0] for part in told}:
            continue
        vague = [part for part in told if part.startswith(VAGUE) and _field_of(part) == field]
        if one.startswith(VAGUE) and field in map(_field_of, told):
            continue
        if vague:
            told.remove(vague[0])
        if len(told) < MAX_REASONS:
            told.append(one)
    return "; ".join(told)


def _field_of(reason: str) -> str:
    """The field that a reason is about, "" for those about whole records."""
    return reason.split(":", maxsplit=1)[0].partition(" of ")[2]
