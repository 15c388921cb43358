"""What is stale, as a key: from "something is" down to which source, how old, in what health.

A pattern that was seldom seen borrows from the next more general one; so a path lists the keys of
a pattern from the most general one down.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from models.staleness.ages import BEYOND
from schemas.times import format_duration

ANY = "any"
"""The most general pattern: some source is stale."""


class Stale(NamedTuple):
    """One stale source. age: its bucket (models.staleness.ages)."""

    source: str
    health: str
    age: int


def path(stale: Sequence[Stale]) -> tuple[str, ...]:
    """Keys of a pattern, the most general first.

    >>> path([Stale("usage", "stalled", 7 * 86_400_000_000), Stale("web", "unknown", 0)])
    ('any', 'usage + web', 'usage 7d + web beyond', 'usage 7d stalled + web beyond unknown')
    """
    aged = [f"{one.source} {_age(one.age)}" for one in stale]
    full = [f"{text} {one.health}" for text, one in zip(aged, stale, strict=True)]
    return ANY, " + ".join(one.source for one in stale), " + ".join(aged), " + ".join(full)


def _age(age: int) -> str:
    return "beyond" if age == BEYOND else format_duration(age)
