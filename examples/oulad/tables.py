"""The published OULAD files, as Parquet or as the original CSV, in one form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import compute as pc
from pyarrow import csv, parquet

from examples.common.study import DataError

Table = Any
"""A pyarrow.Table; the library has no types."""

COURSE = ["code_module", "code_presentation"]
COLUMNS = {
    "courses": [*COURSE, "module_presentation_length"],
    "assessments": [*COURSE, "id_assessment", "assessment_type", "date", "weight"],
    "vle": [*COURSE, "id_site", "activity_type"],
    "studentInfo": [
        *COURSE,
        "id_student",
        "highest_education",
        "num_of_prev_attempts",
        "studied_credits",
    ],
    "studentRegistration": [*COURSE, "id_student", "date_registration", "date_unregistration"],
    "studentAssessment": ["id_assessment", "id_student", "date_submitted", "is_banked", "score"],
    "studentVle": [*COURSE, "id_student", "id_site", "date", "sum_click"],
}
TEXT = {*COURSE, "assessment_type", "activity_type", "highest_education"}
REAL = {"weight", "score"}
_MISSING = ["", "?", "NA"]


def load(folder: Path, name: str) -> Table:
    """One of the published tables with the columns in use; whole numbers are int64."""
    path = _find(folder, name)
    columns = COLUMNS[name]
    types = {column: _type(column) for column in columns}
    if path.suffix == ".parquet":
        table = parquet.read_table(path, columns=columns)
    else:
        options = csv.ConvertOptions(
            column_types=types,
            include_columns=columns,
            null_values=_MISSING,
            strings_can_be_null=True,
        )
        table = csv.read_csv(path, convert_options=options)
    return pa.table({c: _whole(table[c], types[c]) for c in columns})


def column(table: Table, name: str) -> np.ndarray[Any, Any]:
    """A column as numpy: int64, float64 or objects; missing whole numbers make it float64."""
    return np.asarray(table[name].to_numpy(zero_copy_only=False))


def _find(folder: Path, name: str) -> Path:
    for ending in (".parquet", ".csv"):
        if (path := folder / f"{name}{ending}").is_file():
            return path
    raise DataError(
        f"{folder}: neither {name}.parquet nor {name}.csv is there. Give the folder of the Open "
        "University Learning Analytics Dataset (analyse.kmi.open.ac.uk), unpacked."
    )


def _type(name: str) -> Any:
    return pa.string() if name in TEXT else pa.float64() if name in REAL else pa.int64()


def _whole(values: Any, kind: Any) -> Any:
    """Cast; Parquet made from R holds whole numbers as doubles."""
    if pa.types.is_integer(kind) and pa.types.is_floating(values.type):
        values = pc.if_else(pc.is_nan(values), None, values)
    return values.cast(kind)
