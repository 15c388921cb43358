"""What the runner has to know of an example."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from examples.common.truth import Truth


class DataError(Exception):
    """The data is not what the example needs; the message says what is, and where to get it."""


@dataclass(frozen=True)
class Prepared:
    """Event files by source, what happened, and until when it is known (microseconds).

    close_at: past the maturity of every cut that can be labelled (microseconds).
    """

    files: dict[str, Path]
    truth: Truth
    close_at: int
    counts: dict[str, int]


@dataclass(frozen=True)
class Study:
    """An example: its configuration, and how its data is turned into events.

    heartbeats: their spacing in arrival time, milliseconds.
    """

    title: str
    config: Path
    prepare: Callable[[Path, Path], Prepared]
    heartbeats: int = 86_400_000
