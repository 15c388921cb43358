"""A user's durable state: a compact, versioned binary value.

Little-endian, without gaps::

    header   magic "EB", version u8, sources u8, crc32 of all that follows u32
    fixed    feature set 15 bytes, wide u8, flags u8, entered, last_seen, last_cut,
             last_score i64, outcomes u16, waiting cuts u16, guards f64[];
             for each source: offset i64, newest i64, firsts f64[], base_time f64[],
             base_value f64[], panes u32, bytes of sketches u32, bytes of event ids u32
    panes    for each source, oldest first: how many panes before that of the newest event,
             counts[], other aggregates f64[]; the whole numbers are u16, in a ``wide`` value u32
    ragged   for each source sketches, event ids; then outcomes, waiting cuts; where the flags
             say so, the score that may be renewed: time i64, id 16 bytes, stale u8[sources]

Only panes with events are written. Values of many users are made, and read, column by column.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from models.features.plan import SourcePlan

MAGIC = b"EB"
VERSION = 4
READABLE = (2, 3, 4)
"""Version 2 had shorter waiting cuts, without what policies said; 3 no scores to renew."""
INDEXED, RENEWABLE = 1, 2
"""Flags: in the index of users at risk; with a score that may be renewed."""
HEADER = struct.Struct("<2sBBI")
OUTCOME = struct.Struct("<qB")
PENDING = struct.Struct("<qI")
EVENT_ID = struct.Struct("<Qq")
TIMES = ("entered", "last_seen", "last_cut", "last_score")


class StateError(Exception):
    """A stored value that this program cannot read; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Layout:
    """fixed: one record a user. panes: for each source one record a pane, by width."""

    fixed: np.dtype[np.void]
    narrow: tuple[np.dtype[np.void], ...]
    wide: tuple[np.dtype[np.void], ...]

    def panes(self, source: int, wide: bool) -> np.dtype[np.void]:
        """Record of one pane of a source."""
        return (self.wide if wide else self.narrow)[source]


def layout_of(plans: tuple[SourcePlan, ...], guards: int) -> Layout:
    """The records of a feature set's values. guards: numbers that rules keep of a user."""
    return _layout(tuple(_widths(plan) for plan in plans), guards)


def _widths(plan: SourcePlan) -> tuple[int, int, int]:
    """Numbers carried, counts and other aggregates in a pane."""
    return len(plan.firsts) + 2 * len(plan.carried), len(plan.counts), len(plan.numbers)


@lru_cache(maxsize=64)
def _layout(widths: tuple[tuple[int, int, int], ...], guards: int) -> Layout:
    fixed: list[tuple[str, str] | tuple[str, str, tuple[int]]] = [
        ("feature_set", "S15"),
        ("wide", "u1"),
        ("flags", "u1"),
        *((name, "<i8") for name in TIMES),
        ("outcomes", "<u2"),
        ("pending", "<u2"),
    ]
    if guards:
        fixed.append(("guards", "<f8", (guards,)))
    for s, (carried, _, _) in enumerate(widths):
        fixed += [
            (f"offset{s}", "<i8"),
            (f"newest{s}", "<i8"),
            (f"carried{s}", "<f8", (carried,)),
            (f"panes{s}", "<u4"),
            (f"sketches{s}", "<u4"),
            (f"ids{s}", "<u4"),
        ]
    return Layout(
        np.dtype(fixed),
        tuple(_pane("<u2", counts, numbers) for _, counts, numbers in widths),
        tuple(_pane("<u4", counts, numbers) for _, counts, numbers in widths),
    )


def _pane(whole: str, counts: int, numbers: int) -> np.dtype[np.void]:
    return np.dtype([("back", whole), ("counts", whole, (counts,)), ("numbers", "<f8", (numbers,))])
