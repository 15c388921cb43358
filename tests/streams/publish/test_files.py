"""Rows of files: what stands in them goes out, with no more interpretation than needed."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from schemas.mapping import FieldMapping, SourceMapping, TimeMapping
from streams.publish.files import BLOCK_ROWS, FileError, find, kind_of, rows

MAPPING = SourceMapping(
    user=("user",),
    time=TimeMapping(("at",), "s"),
    fields=(
        FieldMapping("n", ("n",), "number"),
        FieldMapping("ok", ("ok",), "bool"),
        FieldMapping("word", ("word",), "string"),
    ),
)


def read(path: Path, mapping: SourceMapping = MAPPING) -> list[Any]:
    return [orjson.loads(row) for block in rows(path, mapping) for row in block]


def test_csv_gets_its_types_from_the_mapping(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("\ufeffuser,at,n,ok,word,other\n007,12,1.5,true,8,9\n8,13,,no,,\n")
    assert read(path) == [
        {"user": "007", "at": 12, "n": 1.5, "ok": True, "word": "8", "other": "9"},
        {"user": "8", "at": 13, "n": None, "ok": False, "word": None, "other": None},
    ]


@pytest.mark.parametrize(
    ("cell", "value"),
    [("12", 12), ("-1e3", -1000.0), ("x", "x"), ("1_0", "1_0"), ("9" * 30, 1e30), ("nan", None)],
)
def test_a_number_that_is_none_stays_for_the_consumer_to_reject(
    tmp_path: Path, cell: str, value: object
) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"n\n{cell}\n")
    assert read(path) == [{"n": value}]


def test_rfc3339_times_in_csv_stay_text(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("user,at\n1,2013-01-01T00:00:00Z\n")
    mapping = SourceMapping(user=("user",), time=TimeMapping(("at",), "rfc3339"))
    assert read(path, mapping) == [{"user": "1", "at": "2013-01-01T00:00:00Z"}]


def test_a_csv_row_of_another_width_is_an_error_that_names_the_place(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a,b\n1,2\n3\n")
    with pytest.raises(FileError, match=r"a\.csv.*line 4"):
        read(path)


def test_json_lines_go_out_byte_for_byte(tmp_path: Path) -> None:
    lines = [b'{"user": 1,  "x": 1.0}', b"not json", b'{"user":"\xc3\xbc"}']
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(b"\n".join([*lines, b"", b"  "])))
    assert [row for block in rows(path, MAPPING) for row in block] == lines


def test_csv_may_be_compressed(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"user,n\nx,1\n"))
    assert read(path) == [{"user": "x", "n": 1}]


def test_parquet_columns_are_written_as_json_has_them(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    moment = datetime(2013, 2, 1, 12, 30, 0, 250_000, UTC)
    table = pa.table(
        {
            "whole": pa.array([1, None], pa.int64()),
            "real": pa.array([1.5, float("nan")]),
            "text": ["ü", None],
            "flag": [True, None],
            "naive": pa.array([moment, None]).cast(pa.timestamp("us")),
            "zoned": pa.array([moment, None], pa.timestamp("ns", "UTC")),
            "day": pa.array([moment.date(), None]),
            "nested": [{"user": {"id": 7}}, None],
            "many": [[1, 2], []],
            "kind": pa.array(["a", None]).dictionary_encode(),
        }
    )
    parquet.write_table(table, tmp_path / "a.parquet")
    first, second = read(tmp_path / "a.parquet")
    assert first == {
        "whole": 1,
        "real": 1.5,
        "text": "ü",
        "flag": True,
        "naive": "2013-02-01T12:30:00.250000",
        "zoned": "2013-02-01T12:30:00.250000Z",
        "day": "2013-02-01",
        "nested": {"user": {"id": 7}},
        "many": [1, 2],
        "kind": "a",
    }
    assert {k for k, v in second.items() if v is not None} == {"many"}


def test_blocks_are_bounded(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"{}\n" * (BLOCK_ROWS + 3))
    assert [len(block) for block in rows(path, MAPPING)] == [BLOCK_ROWS, 3]


def test_a_folder_stands_for_its_files_by_name(tmp_path: Path) -> None:
    for name in ("b.csv", "a.JSONL", "notes.txt"):
        (tmp_path / name).touch()
    assert [p.name for p in find(tmp_path)] == ["a.JSONL", "b.csv"]


@pytest.mark.parametrize("name", ["missing.csv", "notes.txt", "empty"])
def test_what_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileError, match=name):
        [list(rows(path, MAPPING)) for path in find(tmp_path / name)]


@pytest.mark.parametrize("name", ["broken.parquet", "broken.csv.gz"])
def test_a_broken_file_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"no such thing")
    with pytest.raises(FileError, match=name):
        list(rows(tmp_path / name, MAPPING))


def test_kinds() -> None:
    assert kind_of(Path("x.2013.csv.gz")) == ".csv.gz"
    assert kind_of(Path("x.tar.parquet")) == ".parquet"
    assert kind_of(Path("x")) == ""
