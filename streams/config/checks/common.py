"""What several checks share: the grid, and names of sources."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from schemas.times import SECOND, format_duration
from streams.config.problems import Problems, did_you_mean
from streams.config.reading import Draft


def check_on_grid(
    draft: Draft, problems: Problems, key: str, value: int | None, about: str | None = None
) -> None:
    """A duration must be a multiple of the grid."""
    grid = draft.grid
    if grid is None or value is None or value % grid == 0:
        return
    problems.add(
        key,
        f"{format_duration(value)} is not a multiple of the grid, "
        f"app.grid = {format_duration(grid)}.",
        _nearest(value, grid) + _finer(value, grid),
        about,
    )


def check_source_names(
    draft: Draft, problems: Problems, key: str, names: Sequence[str], allowed: Iterable[str]
) -> None:
    """A list of sources must name declared ones, of the kind that is allowed, once each."""
    known = set(allowed)
    if not names:
        problems.add(key, "The list is empty.", f"Name sources: {', '.join(sorted(known))}.")
    for name in names:
        if name not in draft.sources:
            wrong = f'There is no source "{name}".'
            problems.add(key, wrong, did_you_mean(name, known, "declared"))
        elif name not in known and draft.sources[name] is not None:
            wrong = f'The source "{name}" is of the wrong kind here.'
            problems.add(key, wrong, f"Possible: {', '.join(sorted(known)) or '(none)'}.")
    if len(set(names)) < len(names):
        problems.add(key, "A source is named twice.", "Name each source once.")


def _nearest(value: int, grid: int) -> str:
    below, above = value // grid * grid, (value // grid + 1) * grid
    options = [format_duration(x) for x in (below, above) if x > 0]
    return f"Use {' or '.join(options)}"


def _finer(value: int, grid: int) -> str:
    common = math.gcd(value, grid)
    return f", or the grid {format_duration(common)}." if common >= SECOND else "."
