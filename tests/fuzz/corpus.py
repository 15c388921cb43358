"""Good records to damage: rows of the two public logs where they are, and made-up ones."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from models.spec import SourceSpec
from schemas.mapping import (
    FieldMapping,
    HeartbeatMapping,
    OutcomeMapping,
    SourceMapping,
    TimeMapping,
)

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
ROWS = 300
START = 1_577_836_800  # 2020-01-01
KINDS = OutcomeMapping(("kind",), (("cancelled", "churn"), ("moved", "leave"), ("back", "return")))

Corpus = list[tuple[SourceSpec, list[bytes]]]


def corpus() -> Corpus:
    """Sources with every kind of mapping, and records of theirs."""
    return [*_made_up(), *_cdnow(), *_oulad()]


def _source(name: str, mapping: SourceMapping) -> SourceSpec:
    return SourceSpec(name, f"t.{name}", mapping, max_ids=64)


def _fields(*types: str, required: bool) -> tuple[FieldMapping, ...]:
    return tuple(FieldMapping(t, ("data", t), t, required) for t in types)  # type: ignore[arg-type]  # the three names are the three types


def _made_up() -> Corpus:
    found: Corpus = []
    units = {"s": START, "ms": START * 1000, "us": START * 10**6, "rfc3339": "2020-01-01T00:00:00Z"}
    for unit, at in units.items():
        mapping = SourceMapping(
            user=("user", "id"),
            time=TimeMapping(("at",), unit, "Europe/London" if unit == "rfc3339" else None),  # type: ignore[arg-type]  # a unit of the table above
            event_id=("id",) if unit in ("s", "rfc3339") else None,
            fields=_fields("number", "string", "bool", required=unit in ("s", "us")),
            outcome=KINDS if unit == "ms" else None,
            heartbeat=HeartbeatMapping(path=("beat",))
            if unit == "us"
            else HeartbeatMapping("ebbline-heartbeat"),
            max_bytes=1_000 if unit == "rfc3339" else 1_048_576,
        )
        content: dict[str, Any] = {"user": {"id": "u-1"}, "at": at, "id": "e1", "kind": "moved"}
        data = {"number": 1.5, "string": "été", "bool": True}
        rows = [
            content | {"data": data},
            content | {"data": {**data, "number": -3}, "user": {"id": 17}, "id": 5},
            content | {"beat": True},
            {"at": at},
        ]
        found.append((_source(unit, mapping), [orjson.dumps(row) for row in rows]))
    return found


def _cdnow() -> Corpus:
    path = DATA / "cdnow" / "CDNOW_master.txt"
    if not path.is_file():
        return []
    rows = []
    with path.open() as file:
        for line in islice(file, 1, ROWS):
            user, day, cds, dollars = line.split()
            moment = datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC)
            number, paid = int(cds), float(dollars)
            row = {"user": user, "at": moment.isoformat(), "cds": number, "dollars": paid}
            rows.append(orjson.dumps(row))
    fields = tuple(FieldMapping(name, (name,), "number") for name in ("cds", "dollars"))
    mapping = SourceMapping(("user",), TimeMapping(("at",), "rfc3339"), fields=fields)
    return [(_source("cdnow", mapping), rows)]


def _oulad() -> Corpus:
    path = DATA / "oulad" / "studentVle.parquet"
    if not path.is_file():
        return []
    from pyarrow import parquet

    table = next(parquet.ParquetFile(path).iter_batches(batch_size=ROWS)).to_pylist()
    rows = [orjson.dumps(row | {"date": START + 86_400 * int(row["date"])}) for row in table]
    fields = (
        FieldMapping("sum_click", ("sum_click",), "number"),
        FieldMapping("code_module", ("code_module",), "string"),
    )
    mapping = SourceMapping(("id_student",), TimeMapping(("date",), "s"), fields=fields)
    return [(_source("oulad", mapping), rows)]
