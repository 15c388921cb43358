"""Events from the CDNOW log."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from examples.cdnow.prepare import prepare
from examples.common.study import DataError

LOG = """ customer_id  date number_of_cds  dollar_value
 00001 19970112  1   11.77
 00002 19970101 25  149.99
"""


def test_purchases_in_order_of_time_customers_as_written(tmp_path: Path) -> None:
    (tmp_path / "CDNOW_master.txt").write_text(LOG)
    lines = prepare(tmp_path, tmp_path / "out").read_bytes().splitlines()
    assert [orjson.loads(line) for line in lines] == [
        {"customer": "00002", "at": "1997-01-01T23:59:59+00:00", "cds": 25, "dollars": 149.99},
        {"customer": "00001", "at": "1997-01-12T23:59:59+00:00", "cds": 1, "dollars": 11.77},
    ]


def test_a_line_that_does_not_fit_is_named(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_text(LOG + "oops\n")
    with pytest.raises(DataError, match=r"log\.txt, line 4"):
        prepare(path, tmp_path)


def test_a_missing_log_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="CDNOW_master"):
        prepare(tmp_path, tmp_path / "out")
