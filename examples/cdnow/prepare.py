#!/usr/bin/env python3
"""Turn CDNOW_master.txt into events: one JSON line for each purchase.

    python examples/cdnow/prepare.py CDNOW_master.txt OUT_FOLDER

The log has dates, no times: a purchase is dated at the last second of its day.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from examples.common.study import DataError

NAME = "CDNOW_master.txt"


def prepare(data: Path, out: Path) -> Path:
    """Write purchases.jsonl in order of time; its path."""
    out.mkdir(parents=True, exist_ok=True)
    path = out / "purchases.jsonl"
    rows = sorted(purchases(data), key=lambda row: row["at"])
    path.write_bytes(b"".join(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE) for row in rows))
    return path


def purchases(data: Path) -> Iterator[dict[str, Any]]:
    """The lines of the log: customer, date, number of CDs, dollars."""
    path = data / NAME if data.is_dir() else data
    if not path.is_file():
        raise DataError(
            f"{path} is not there. Give {NAME} (brucehardie.com/datasets), or its folder."
        )
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        cells = line.split()
        if len(cells) != 4:
            raise DataError(f"{path}, line {number}: not four columns: {line!r}")
        if number == 1 and not cells[0].isdecimal():
            continue  # the names of the columns
        yield {
            "customer": cells[0],
            "at": day_end(cells[1]).isoformat(),
            "cds": int(cells[2]),
            "dollars": float(cells[3]),
        }


def day_end(date: str) -> datetime:
    """The last second of a day that is written 19970101."""
    day = datetime.strptime(date, "%Y%m%d").replace(tzinfo=UTC)
    return day + timedelta(days=1) - timedelta(seconds=1)


def main() -> None:
    """Do it for the paths on the command line."""
    if len(sys.argv) != 3:
        sys.exit(f"usage: {sys.argv[0]} {NAME} OUT_FOLDER")
    try:
        print(prepare(Path(sys.argv[1]), Path(sys.argv[2])))
    except DataError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
