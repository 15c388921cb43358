"""Rows of Parquet, CSV and JSON-lines files as JSON objects, a block at a time.

Columns go out as they are. A CSV file has no types, so the source's mapping gives them: what it
reads as a number or a flag becomes one, everything else stays text (``00001`` keeps its zeros).
JSON lines are not touched at all.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import IO, Any

import orjson

from schemas.mapping import SourceMapping

BLOCK_ROWS = 10_000
_TRUE, _FALSE = frozenset({"true", "1", "yes"}), frozenset({"false", "0", "no"})
_LARGEST = 2**63

Cell = str | int | float | bool | None


class FileError(ValueError):
    """A file that cannot be read as rows. The message names the file and the remedy."""


def rows(path: Path, mapping: SourceMapping) -> Iterator[list[bytes]]:
    """Blocks of rows, each row a JSON object. Raises FileError."""
    reader = READERS.get(kind_of(path))
    if reader is None:
        raise FileError(f"{path}: not a file of rows. Give one of {', '.join(sorted(READERS))}.")
    try:
        yield from reader(path, mapping)
    except (OSError, UnicodeDecodeError, csv.Error, EOFError) as error:
        raise FileError(f"{path}: cannot be read: {error}.") from error


def kind_of(path: Path) -> str:
    """Ending that says how to read the file; ``.gz`` counts together with the one before.

    >>> kind_of(Path("a/events.csv.GZ"))
    '.csv.gz'
    """
    ends = [end.lower() for end in path.suffixes]
    return "".join(ends[-2:]) if ends[-1:] == [".gz"] else "".join(ends[-1:])


def find(path: Path) -> list[Path]:
    """The file itself, or the files of rows in a folder, by name. Raises FileError."""
    if path.is_dir():
        found = sorted(p for p in path.iterdir() if p.is_file() and kind_of(p) in READERS)
        if not found:
            raise FileError(f"{path}: no file of rows in it ({', '.join(sorted(READERS))}).")
        return found
    if not path.is_file():
        raise FileError(f"{path}: no such file. Check the path after --source.")
    return [path]


def _parquet(path: Path, _: SourceMapping) -> Iterator[list[bytes]]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise FileError(
            f"{path}: reading Parquet needs pyarrow. Install it: pip install 'ebbline[replay]'."
        ) from error
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=BLOCK_ROWS):
                yield _objects(batch.schema.names, [_plain(column) for column in batch.columns])
    except pyarrow.ArrowException as error:
        raise FileError(f"{path}: cannot be read as Parquet: {error}.") from error


def _plain(column: Any) -> list[Any]:
    """Values of an Arrow column as JSON has them: times as RFC 3339 text."""
    import pyarrow
    from pyarrow import compute, types

    if types.is_timestamp(column.type):
        pattern = "%Y-%m-%dT%H:%M:%S" + ("Z" if column.type.tz else "")
        in_utc = column.cast(pyarrow.timestamp("us", "UTC" if column.type.tz else None))
        return list(compute.strftime(in_utc, format=pattern).to_pylist())
    return list(column.to_pylist())


def _csv(path: Path, mapping: SourceMapping) -> Iterator[list[bytes]]:
    with _text(path) as file:
        reader = csv.reader(file)
        names = next(reader, [])
        types = [_column_type(mapping, name) for name in names]
        for block in _blocks(reader):
            if any(len(row) != len(names) for row in block):
                raise FileError(
                    f"{path}: a row before line {reader.line_num + 1} has not the {len(names)} "
                    "columns of the first line. Its first line must name the columns."
                )
            columns = zip(*block, strict=True)
            yield _objects(names, [list(map(t, c)) for t, c in zip(types, columns, strict=True)])


def _json_lines(path: Path, _: SourceMapping) -> Iterator[list[bytes]]:
    with _binary(path) as file:
        for block in _blocks(file):
            yield [line for raw in block if (line := raw.strip())]


READERS: dict[str, Callable[[Path, SourceMapping], Iterator[list[bytes]]]] = {
    ".parquet": _parquet,
    ".csv": _csv,
    ".csv.gz": _csv,
    ".jsonl": _json_lines,
    ".jsonl.gz": _json_lines,
    ".ndjson": _json_lines,
    ".ndjson.gz": _json_lines,
}


def _objects(names: list[str], columns: list[list[Any]]) -> list[bytes]:
    cells = zip(*columns, strict=True)
    return [
        orjson.dumps(dict(zip(names, row, strict=True)), default=_text_or_number) for row in cells
    ]


def _text_or_number(value: Any) -> str | float:
    """What JSON has no word for: bytes as text, decimals as numbers."""
    return value.decode() if isinstance(value, bytes) else float(value)


def _column_type(mapping: SourceMapping, name: str) -> Callable[[str], Cell]:
    types = {f.path: f.type for f in mapping.fields}
    if mapping.time.unit != "rfc3339":
        types[mapping.time.path] = "number"
    return {"number": _number, "bool": _flag}.get(types.get((name,), "string"), _words)


def _number(text: str) -> Cell:
    """A number if it is one; what is not stays text, for the consumer to reject."""
    if not text or "_" in text:
        return text or None
    try:
        whole = int(text)
        return whole if abs(whole) < _LARGEST else float(whole)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return text


def _flag(text: str) -> Cell:
    low = text.lower()
    return True if low in _TRUE else False if low in _FALSE else _words(text)


def _words(text: str) -> Cell:
    return text or None


def _blocks(lines: Iterable[Any]) -> Iterator[list[Any]]:
    source = iter(lines)
    while block := list(islice(source, BLOCK_ROWS)):
        yield block


def _binary(path: Path) -> IO[bytes] | gzip.GzipFile:
    return gzip.open(path, "rb") if path.suffix.lower() == ".gz" else path.open("rb")


def _text(path: Path) -> IO[str]:
    if path.suffix.lower() == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open("rt", encoding="utf-8-sig", newline="")
