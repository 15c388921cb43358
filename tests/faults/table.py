"""The campaign's table: in the terminal, in docs/reliability.md, in build/faults.json."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from tests.faults.life import Result

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "reliability.md"
JSON = ROOT / "build" / "faults.json"


@dataclass(slots=True)
class Row:
    """One fault. runs: how often it struck. events: input records that lived through it.

    The findings are counted: scores, dead letters, examples, users' states, counters.
    """

    fault: str
    runs: int = 0
    events: int = 0
    lost: int = 0
    counted_twice: int = 0
    unrecognisable_duplicates: int = 0

    def add(self, result: Result) -> None:
        """Count one more life."""
        verdict = result.verdict
        self.runs += result.strikes
        self.events += result.events
        self.lost += len(verdict.lost)
        self.counted_twice += len(verdict.counted_twice)
        self.unrecognisable_duplicates += len(verdict.unrecognisable)

    @property
    def clean(self) -> bool:
        """Whether it struck, and did nothing."""
        return self.runs > 0 and not (
            self.lost or self.counted_twice or self.unrecognisable_duplicates
        )


def markdown(rows: Iterable[Row]) -> str:
    """The rows and their sum as a table."""
    rows = list(rows)
    total = Row("**all**")
    for name in ("runs", "events", "lost", "counted_twice", "unrecognisable_duplicates"):
        setattr(total, name, sum(getattr(row, name) for row in rows))
    head = "| fault | runs | events | lost | counted twice | unrecognisable duplicates |"
    lines = [head, "|---|--:|--:|--:|--:|--:|"]
    lines += ["| " + " | ".join(map(str, asdict(row).values())) + " |" for row in (*rows, total)]
    return "\n".join(lines)


def put(name: str, text: str, document: Path = DOCUMENT) -> None:
    """Replace what stands between a document's markers of this name."""
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    content = document.read_text()
    head, _, rest = content.partition(begin)
    _, found, tail = rest.partition(end)
    assert found, f"{document} has no markers {begin} … {end}"
    document.write_text(f"{head}{begin}\n\n{text}\n\n{end}{tail}")


def save(rows: Sequence[Row], path: Path = JSON) -> None:
    """Write the rows for machines."""
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(orjson.dumps([asdict(row) for row in rows], option=orjson.OPT_INDENT_2))
