#!/usr/bin/env python3
"""Turn the published OULAD files into events: clicks, assessments, registration, outcomes.

    python examples/oulad/prepare.py DATA_FOLDER OUT_FOLDER

Works on the files of any folder (Parquet or the original CSV) with any presentations in it. One
user = one student on one presentation of one module. The files count days from the first day of
the presentation; everything is dated at the last second of its day, when the day's total is known.
Nothing is dated before it could be known, and a line that tells the future (`final_result`, a
withdrawal before the first day, what happened after leaving) decides nothing that comes before.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import compute as pc
from pyarrow import parquet

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from examples.common.study import DataError
from examples.oulad.tables import COURSE, Table, column, load

DAY = 86_400
MARKING_DAYS = 14
"""A tutor's mark is known so long after the work was handed in (the files don't say when);
what a computer marks (CMA) is known at once."""
NOTICE_DAYS = 14
"""A deadline is announced (on the course's calendar it stands all the time) so long before."""
ENDING_DAYS = 56
"""So many days before the end the last weeks of a presentation begin."""
EDUCATION = {
    "No Formal quals": 0,
    "Lower Than A Level": 1,
    "A Level or Equivalent": 2,
    "HE Qualification": 3,
    "Post Graduate Qualification": 4,
}

Ints = np.ndarray[Any, np.dtype[np.int64]]
Columns = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Enrolments:
    """Students who are there on the first day or come later; columns of equal length.

    start: midnight of day 0 (s). length: of the presentation, in days. enter, end: days;
    withdrawn: whether the end is a withdrawal.
    """

    user: np.ndarray[Any, Any]
    course: np.ndarray[Any, Any]
    start: Ints
    length: Ints
    enter: Ints
    end: Ints
    withdrawn: np.ndarray[Any, np.dtype[np.bool_]]


def prepare(folder: Path, out: Path) -> dict[str, int]:
    """Write the four event files, each in order of time; returns what was counted on the way."""
    out.mkdir(parents=True, exist_ok=True)
    counts: dict[str, int] = {}
    people, attributes = enrolments(folder, counts)
    events = {
        "registration": registration(people, attributes),
        "outcomes": outcomes(people),
        "assessments": assessments(folder, people, counts),
        "clicks": clicks(folder, counts),
    }
    for name, columns in events.items():
        table = pa.table(dict(columns))
        table = table.take(np.argsort(column(table, "at"), kind="stable"))
        counts[name] = table.num_rows
        parquet.write_table(table, out / f"{name}.parquet", compression="zstd")
    (out / "counts.json").write_text(json.dumps(counts, indent=2))
    return counts


def starts(presentations: Any) -> Ints:
    """Midnight of day 0 (s, UTC): the year, and the first of the month that the letter stands for.

    The Open University's letters count the months: B starts in February, J in October.

    >>> [datetime.fromtimestamp(s, UTC).date().isoformat() for s in starts(["2013B", "2014J"])]
    ['2013-02-01', '2014-10-01']
    """
    known: dict[str, int] = {}
    for code in dict.fromkeys(presentations):
        match = re.fullmatch(r"([0-9]{4})([A-L])", code)
        if match is None:
            raise DataError(f"presentation {code!r}: not a year and a letter from A to L")
        month = ord(match[2]) - ord("A") + 1
        known[code] = int(datetime(int(match[1]), month, 1, tzinfo=UTC).timestamp())
    return np.array([known[code] for code in presentations], dtype=np.int64)


def day_end(start: Any, day: Any) -> Ints:
    """The last second of a day that is counted from the start."""
    return np.asarray(start + (day + 1) * DAY - 1, dtype=np.int64)


def enrolments(folder: Path, counts: dict[str, int]) -> tuple[Enrolments, Columns]:
    """Who enters, when, and how it ends; with what is known of them on entering."""
    info = load(folder, "studentInfo")
    table = load(folder, "studentRegistration")
    table = table.join(info, [*COURSE, "id_student"], join_type="left outer")
    table = table.join(load(folder, "courses"), COURSE, join_type="inner")
    table = table.sort_by([(key, "ascending") for key in (*COURSE, "id_student")])
    registered, left = column(table, "date_registration"), column(table, "date_unregistration")
    length = column(table, "module_presentation_length")
    enter = np.where(np.isnan(registered), -1, np.maximum(registered, -1)).astype(np.int64)
    withdrawn = ~np.isnan(left) & (left <= length)
    end = np.where(withdrawn, left, length).astype(np.int64)
    gone_before = left <= 0
    counts["enrolments"] = table.num_rows
    counts["unregistered_on_or_before_day_0"] = int(gone_before.sum())
    counts["unregistered_by_the_day_they_registered"] = int((~gone_before & (left <= enter)).sum())
    counts["withdrew_after_the_end"] = int((left > length).sum())
    stays = ~gone_before & (end > enter)
    counts["users"] = int(stays.sum())
    kept = table.filter(pa.array(stays))
    people = Enrolments(
        user=column(_with_user(kept), "student"),
        course=_course(kept),
        start=starts(kept["code_presentation"].to_pylist()),
        length=length[stays].astype(np.int64),
        enter=enter[stays],
        end=end[stays],
        withdrawn=withdrawn[stays],
    )
    return people, _attributes(kept)


def registration(people: Enrolments, attributes: Columns) -> Columns:
    """One event for each user who enters: the register at the end of the day before day 0."""
    return {"student": people.user, "at": day_end(people.start, people.enter), **attributes}


def outcomes(people: Enrolments) -> Columns:
    """One event for each user: withdrawn, or finished on the last day of the presentation."""
    kind = np.where(people.withdrawn, "withdrawn", "finished")
    return {"student": people.user, "at": day_end(people.start, people.end), "kind": kind}


def clicks(folder: Path, counts: dict[str, int]) -> Columns:
    """Every published row of clicks, exact duplicates included, with the site's activity type."""
    table = load(folder, "studentVle")
    activity = looked_up(table, load(folder, "vle"), "id_site", "activity_type")
    counts["clicks_without_activity_type"] = activity.null_count
    day = column(table, "date")
    return {
        "student": _with_user(table)["student"],
        "at": day_end(starts_of(table), day),
        "site": table["id_site"],
        "activity": activity,
        "clicks": table["sum_click"],
        "day": day,
    }


def looked_up(table: Table, other: Table, key: str, name: str) -> Any:
    """Column ``name`` of the other table where its ``key`` is the same; keeps the rows' order."""
    return other[name].take(pc.index_in(table[key], value_set=other[key].combine_chunks()))


def starts_of(table: Table) -> Ints:
    """The start of each row's presentation, worked out once for each presentation."""
    coded = pc.dictionary_encode(table["code_presentation"]).combine_chunks()
    known = starts(coded.dictionary.to_pylist())
    return np.asarray(known[coded.indices.to_numpy()])


def assessments(folder: Path, people: Enrolments, counts: dict[str, int]) -> Columns:
    """Work handed in, marks, deadlines announced, met or missed, and the end in sight."""
    tasks = load(folder, "assessments")
    done = load(folder, "studentAssessment")
    for name in (*COURSE, "assessment_type", "date", "weight"):
        done = done.append_column(name, looked_up(done, tasks, "id_assessment", name))
    counts["submissions_to_unknown_assessments"] = done["code_module"].null_count
    done = done.filter(pc.is_valid(done["code_module"]))
    due = _deadlines(tasks, people)
    parts = [
        _submitted(done),
        _marked(done),
        _announced(due),
        _passed(due, done),
        _ending(people),
    ]
    for part in parts:
        counts[f"assessments_{part['kind'][0]}"] = len(part["kind"])
    names = ["student", "at", "kind", "type", "weight", "late_days", "banked", "score", "missed"]
    return {name: _stack(parts, name) for name in names}


def _submitted(done: Table) -> Columns:
    day = column(done, "date_submitted")
    return {
        "student": column(_with_user(done), "student"),
        "at": day_end(starts_of(done), day),
        "kind": np.full(len(day), "submitted"),
        "type": column(done, "assessment_type"),
        "weight": column(done, "weight"),
        "late_days": day - column(done, "date"),
        "banked": column(done, "is_banked") == 1,
    }


def _marked(done: Table) -> Columns:
    """The mark, as many days later as marking takes; banked work has been marked long before."""
    done = done.filter(pc.is_valid(done["score"]))
    by_tutor = (column(done, "assessment_type") != "CMA") & (column(done, "is_banked") != 1)
    day = column(done, "date_submitted") + np.where(by_tutor, MARKING_DAYS, 0)
    return {
        "student": column(_with_user(done), "student"),
        "at": day_end(starts_of(done), day),
        "kind": np.full(len(day), "marked"),
        "type": column(done, "assessment_type"),
        "weight": column(done, "weight"),
        "score": column(done, "score"),
    }


@dataclass(frozen=True, slots=True)
class Deadlines:
    """A deadline of a user: index of the user in the enrolments, and the assessment's."""

    people: Enrolments
    who: Ints
    task: Ints
    day: Ints
    type: np.ndarray[Any, Any]
    weight: np.ndarray[Any, np.dtype[np.float64]]

    def at(self, day: Any, picked: Any) -> Columns:
        """The columns that announcements and results share."""
        return {
            "student": self.people.user[self.who][picked],
            "at": day_end(self.people.start[self.who][picked], day[picked]),
            "type": self.type[picked],
            "weight": self.weight[picked],
        }


def _deadlines(tasks: Table, people: Enrolments) -> Deadlines:
    """Every dated assessment but exams (nobody hands those in), for everyone on the course."""
    dated = tasks.filter(
        pc.and_(pc.is_valid(tasks["date"]), pc.not_equal(tasks["assessment_type"], "Exam"))
    ).sort_by("id_assessment")
    course = _course(dated)
    pairs = [np.flatnonzero(people.course == c) for c in course]
    which = np.repeat(np.arange(len(course)), [len(p) for p in pairs])
    who = np.concatenate([*pairs, np.empty(0, dtype=np.int64)]).astype(np.int64)
    return Deadlines(
        people,
        who,
        column(dated, "id_assessment")[which],
        column(dated, "date")[which].astype(np.int64),
        column(dated, "assessment_type")[which],
        column(dated, "weight")[which],
    )


def _announced(due: Deadlines) -> Columns:
    """Told ahead, or on entering if that is later; not told once the user has left."""
    enter, end = due.people.enter[due.who], due.people.end[due.who]
    day = np.maximum(due.day - NOTICE_DAYS - 1, enter)
    told = (day <= end) & (due.day > enter)
    return {**due.at(day, told), "kind": np.full(int(told.sum()), "announced")}


def _passed(due: Deadlines, done: Table) -> Columns:
    """What had become of it at the end of the day: handed in, or missed."""
    enter, end = due.people.enter[due.who], due.people.end[due.who]
    counted = (due.day > enter) & (due.day <= end)
    handed_in = _first_hand_in(done)
    keys = zip(due.people.user[due.who][counted], due.task[counted], strict=True)
    days = np.array([handed_in.get(key, np.inf) for key in keys])
    return {
        **due.at(due.day, counted),
        "kind": np.full(int(counted.sum()), "deadline"),
        "missed": days > due.day[counted],
    }


def _ending(people: Enrolments) -> Columns:
    """The last weeks begin; the calendar is known ahead, and told on entering if that is later."""
    day = np.maximum(people.length - ENDING_DAYS - 1, people.enter)
    told = day <= people.end
    return {
        "student": people.user[told],
        "at": day_end(people.start[told], day[told]),
        "kind": np.full(int(told.sum()), "ending"),
    }


def _first_hand_in(done: Table) -> dict[tuple[str, int], int]:
    days: dict[tuple[str, int], int] = {}
    columns = (column(_with_user(done), "student"), column(done, "id_assessment"))
    for user, task, day in zip(*columns, column(done, "date_submitted"), strict=True):
        days[user, task] = min(day, days.get((user, task), day))
    return days


def _attributes(table: Table) -> Columns:
    registered = column(table, "date_registration")
    education = [EDUCATION.get(name) for name in table["highest_education"].to_pylist()]
    return {
        "days_ahead": pa.array(-registered, from_pandas=True),
        "previous_attempts": table["num_of_prev_attempts"],
        "credits": table["studied_credits"],
        "education": pa.array(education, pa.int64()),
    }


def _with_user(table: Table) -> Table:
    parts = [table[name].cast(pa.string()) for name in (*COURSE, "id_student")]
    return table.append_column("student", pc.binary_join_element_wise(*parts, "/"))


def _course(table: Table) -> np.ndarray[Any, Any]:
    parts = [table[name] for name in COURSE]
    return np.asarray(pc.binary_join_element_wise(*parts, "/").to_pylist(), dtype=object)


def _stack(parts: list[Columns], name: str) -> Any:
    """One column of all parts; missing where a part has none, or has NaN."""
    pieces = [
        pa.array(part[name], from_pandas=True) if name in part else pa.nulls(len(part["kind"]))
        for part in parts
    ]
    kind = next(piece.type for piece in pieces if piece.type != pa.null())
    return pa.chunked_array([piece.cast(kind) for piece in pieces])


def main() -> None:
    """Do it for the folders on the command line."""
    if len(sys.argv) != 3:
        sys.exit(f"usage: {sys.argv[0]} DATA_FOLDER OUT_FOLDER")
    try:
        counts = prepare(Path(sys.argv[1]), Path(sys.argv[2]))
    except DataError as error:
        sys.exit(str(error))
    for name, count in counts.items():
        print(f"{name:45}{count:>10,}")


if __name__ == "__main__":
    main()
