"""``make bench-detection``: how soon each kind of fault is noticed, and whether it is told apart.

The engine watches a log with one fault at a time, and one without any. What counts is what stands
on ``churn.sources``: the first thing said of the disturbed source behind the fault's beginning.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from bench.context import ROOT
from bench.detection import report
from bench.detection.cases import CASES, DAY_MS, DAYS, LEARNED, Case
from bench.detection.logs import Trial, oulad, simulated
from bench.detection.watching import Alarm, watch
from bench.output import json_option, write_json
from streams.faults import read_fault

RESULTS = ROOT / "docs" / "results.md"
GRACE_DAYS = 14
"""Days at the beginning in which nothing is usual yet; alarms are not counted there."""


@click.command(help=__doc__)
@click.option("--data", type=click.Path(path_type=Path), help="OULAD's events (examples/oulad).")
@click.option("--users", default=300, show_default=True, help="Simulated users.")
@click.option("--share", default=0.1, show_default=True, help="Share of OULAD's users.")
@click.option("--only", default="", help="Kinds of faults, by comma: parts of their names.")
@click.option("--docs/--no-docs", default=False, help="Write the tables to docs/results.md.")
@json_option
def main(
    data: Path | None, users: int, share: float, only: str, json: Path | None, *, docs: bool
) -> None:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    trials = [simulated(users), *([oulad(data, share)] if data is not None else [])]
    parts = [part.strip() for part in only.split(",") if part.strip()]
    cases = [case for case in CASES if not parts or any(part in case.kind for part in parts)]
    found = {trial.title: _try(trial, cases) for trial in trials}
    write_json(json, found)
    text = report.section(found)
    click.echo(text)
    if docs:
        report.write(RESULTS, text)


def _try(trial: Trial, cases: list[Case]) -> dict[str, Any]:
    clean = [a for a in watch(trial.spec, trial.log, {}) if _counts(trial, a)]
    sources = len(trial.spec.sources)
    months = sources * (DAYS - GRACE_DAYS) / 30
    click.echo(f"{trial.title}: {len(clean)} alarms without a fault", err=True)
    return {
        "events": len(trial.log),
        "source_months": months,
        "false_alarms": [_plain(trial, alarm) for alarm in clean],
        "faults": {case.kind: _one(trial, case, clean) for case in cases},
    }


def _one(trial: Trial, case: Case, clean: list[Alarm]) -> dict[str, Any]:
    mapping = trial.spec.sources[trial.spec.source_index(trial.source)].mapping
    fault = read_fault(case.read(trial.field, trial.only), mapping, trial.log.first)
    start = trial.log.first + LEARNED * DAY_MS
    known = {(alarm.source, alarm.said, alarm.at) for alarm in clean}
    alarms = [
        alarm
        for alarm in watch(trial.spec, trial.log, {trial.source: (fault,)})
        if alarm.at >= start and (alarm.source, alarm.said, alarm.at) not in known
    ]
    own = [alarm for alarm in alarms if alarm.source == trial.source]
    right = next((alarm for alarm in own if alarm.said in case.right), None)
    first = own[0] if own else None
    click.echo(f"{trial.title}, {case.kind}: {first}", err=True)
    return {
        "said": first.said if first else None,
        "words": first.words if first else None,
        "hours": (first.at - start) / 3_600_000 if first else None,
        "right": first is not None and first.said in case.right,
        "right_after_hours": (right.at - start) / 3_600_000 if right else None,
        "all_said": sorted({alarm.said for alarm in own}),
        "other_sources": sorted({a.source for a in alarms if a.source != trial.source}),
    }


def _counts(trial: Trial, alarm: Alarm) -> bool:
    return alarm.at >= trial.log.first + GRACE_DAYS * DAY_MS


def _plain(trial: Trial, alarm: Alarm) -> dict[str, Any]:
    day = (alarm.at - trial.log.first) / DAY_MS
    return {"source": alarm.source, "said": alarm.said, "day": round(day, 2), "words": alarm.words}


if __name__ == "__main__":
    main()
