"""Events from OULAD files: each rule on a course of five students, from the original CSV form."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyarrow")

from pyarrow import csv, parquet

from examples.common.study import DataError
from examples.oulad.prepare import prepare

FILES = {
    "courses": """code_module,code_presentation,module_presentation_length
XYZ,2031C,100
XYZ,2031K,90
""",
    "studentRegistration": """code_module,code_presentation,id_student,\
date_registration,date_unregistration
XYZ,2031C,1,-30,
XYZ,2031C,2,-20,40
XYZ,2031C,3,-20,0
XYZ,2031C,4,5,
XYZ,2031C,5,,300
XYZ,2031K,1,-10,89
""",
    "studentInfo": """code_module,code_presentation,id_student,gender,\
highest_education,num_of_prev_attempts,studied_credits
XYZ,2031C,1,F,HE Qualification,0,60
XYZ,2031C,2,F,A Level or Equivalent,1,120
XYZ,2031C,3,M,No Formal quals,0,30
XYZ,2031C,4,M,?,0,30
XYZ,2031C,5,M,Post Graduate Qualification,0,30
XYZ,2031K,1,F,HE Qualification,0,60
""",
    "vle": """id_site,code_module,code_presentation,activity_type,week_from,week_to
100,XYZ,2031C,quiz,,
200,XYZ,2031C,forumng,1,2
""",
    "studentVle": """code_module,code_presentation,id_student,id_site,date,sum_click
XYZ,2031C,2,200,3,7
XYZ,2031C,1,100,-2,4
XYZ,2031C,1,100,-2,4
XYZ,2031C,3,999,1,1
""",
    "assessments": """code_module,code_presentation,id_assessment,assessment_type,date,weight
XYZ,2031C,11,TMA,20,10
XYZ,2031C,12,CMA,50,5
XYZ,2031C,13,Exam,,100
XYZ,2031C,14,Exam,99,100
XYZ,2031C,15,CMA,5,0
""",
    "studentAssessment": """id_assessment,id_student,date_submitted,is_banked,score
11,1,18,0,80
11,2,22,0,
12,1,-1,1,60
""",
}
START = datetime(2031, 3, 1, tzinfo=UTC)


def on(day: int, start: datetime = START) -> int:
    """The last second of a day."""
    return int((start + timedelta(days=day + 1)).timestamp()) - 1


@pytest.fixture(scope="module", params=["csv", "parquet"])
def events(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    data, out = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("out")
    for name, text in FILES.items():
        (data / f"{name}.csv").write_text(text)
        if request.param == "parquet":
            parquet.write_table(csv.read_csv(data / f"{name}.csv"), data / f"{name}.parquet")
            (data / f"{name}.csv").unlink()
    counts = prepare(data, out)
    tables = {p.stem: parquet.read_table(p).to_pylist() for p in out.glob("*.parquet")}
    return {**tables, "counts": counts}


def test_who_enters_and_when(events: Any) -> None:
    entered = {r["student"]: r["at"] for r in events["registration"]}
    assert entered == {
        "XYZ/2031C/1": on(-1),
        "XYZ/2031C/2": on(-1),
        "XYZ/2031C/4": on(5),
        "XYZ/2031C/5": on(-1),
        "XYZ/2031K/1": on(-1, datetime(2031, 11, 1, tzinfo=UTC)),
    }
    assert events["counts"]["unregistered_on_or_before_day_0"] == 1
    assert events["counts"]["enrolments"] == 6
    first = next(r for r in events["registration"] if r["student"] == "XYZ/2031C/2")
    assert (first["days_ahead"], first["education"], first["previous_attempts"]) == (20, 2, 1)
    unknown = next(r for r in events["registration"] if r["student"] == "XYZ/2031C/4")
    assert (unknown["days_ahead"], unknown["education"]) == (-5, None)


def test_outcomes_end_with_the_course_or_before(events: Any) -> None:
    ended = {r["student"]: (r["at"], r["kind"]) for r in events["outcomes"]}
    assert ended == {
        "XYZ/2031C/1": (on(100), "finished"),
        "XYZ/2031C/2": (on(40), "withdrawn"),
        "XYZ/2031C/4": (on(100), "finished"),
        "XYZ/2031C/5": (on(100), "finished"),
        "XYZ/2031K/1": (on(89, datetime(2031, 11, 1, tzinfo=UTC)), "withdrawn"),
    }
    assert events["counts"]["withdrew_after_the_end"] == 1


def test_every_click_row_is_an_event_in_order(events: Any) -> None:
    rows = [(r["student"], r["at"], r["activity"], r["clicks"]) for r in events["clicks"]]
    assert rows == [
        ("XYZ/2031C/1", on(-2), "quiz", 4),
        ("XYZ/2031C/1", on(-2), "quiz", 4),
        ("XYZ/2031C/3", on(1), None, 1),
        ("XYZ/2031C/2", on(3), "forumng", 7),
    ]


def picked(events: Any, kind: str, *columns: str) -> list[tuple[Any, ...]]:
    rows = [r for r in events["assessments"] if r["kind"] == kind]
    return [(r["student"][-1], r["at"], *(r[c] for c in columns)) for r in rows]


def test_submissions_and_marks(events: Any) -> None:
    assert picked(events, "submitted", "late_days", "banked") == [
        ("1", on(-1), -51.0, True),
        ("1", on(18), -2.0, False),
        ("2", on(22), 2.0, False),
    ]
    assert picked(events, "marked", "score") == [("1", on(-1), 60.0), ("1", on(18 + 14), 80.0)]


def test_deadlines_are_announced_and_judged_on_the_day(events: Any) -> None:
    assert set(picked(events, "announced", "weight")) == {
        *((s, on(5), 10.0) for s in "1245"),
        *((s, on(35), 5.0) for s in "1245"),
        *((s, on(-1), 0.0) for s in "125"),
    }, "student 4 came on day 5, when it was due; the others had less than 14 days"
    assert set(picked(events, "deadline", "missed")) == {
        *{("1", on(20), False), ("2", on(20), True), ("4", on(20), True), ("5", on(20), True)},
        *{("1", on(50), False), ("4", on(50), True), ("5", on(50), True)},
        *((s, on(5), True) for s in "125"),
    }
    assert events["counts"]["assessments_announced"] == 11
    assert events["counts"]["assessments_deadline"] == 10


def test_the_last_weeks_are_told_to_those_who_are_still_there(events: Any) -> None:
    later = datetime(2031, 11, 1, tzinfo=UTC)
    assert picked(events, "ending") == [
        ("1", on(100 - 57)),
        ("4", on(100 - 57)),
        ("5", on(100 - 57)),
        ("1", on(90 - 57, later)),
    ], "student 2 left on day 40"


def test_files_are_in_order_of_time(events: Any) -> None:
    for name in ("clicks", "assessments", "registration", "outcomes"):
        times = [r["at"] for r in events[name]]
        assert times == sorted(times)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"studentInfo\.parquet nor studentInfo\.csv"):
        prepare(tmp_path, tmp_path / "out")


def test_a_presentation_of_another_kind_is_named(tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / f"{name}.csv").write_text(text.replace("2031K", "autumn"))
    with pytest.raises(DataError, match="autumn"):
        prepare(tmp_path, tmp_path / "out")
