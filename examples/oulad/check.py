#!/usr/bin/env python3
"""Check a run's labels and metrics by a plain pandas computation that shares no code with it.

    examples/oulad/run DATA --json result.json --scores scores.csv
    python examples/oulad/check.py DATA result.json scores.csv

From the published files alone: who should have been scored when, who withdrew within 28 days,
and what AUC and log loss of the scores, of the base rate and of the recency rule follow.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

HORIZON = pd.Timedelta(days=28)
PRIOR, PRIOR_ROWS, BIN_ROWS = 0.03, 100, 20
EDGES = [0, 1, 2, 3, 4, 5, 7, 10, 14, 21, 28, 42, 63, 91]
COURSE = ["code_module", "code_presentation"]
DAY = pd.Timedelta(days=1)
SECOND = pd.Timedelta(seconds=1)


def check(folder: Path, result: dict[str, Any], scores: pd.DataFrame) -> list[str]:
    """Everything in which the run and the plain computation differ."""
    people = enrolments(folder)
    scores = scores.assign(time=pd.to_datetime(scores["time"], utc=True))
    wrong = compare_rows(expected_rows(people), scores)
    rows = scores.merge(people, on="user", how="inner").sort_values(["time", "user"])
    churn_time = rows["end"].where(rows["withdrawn"])
    rows["label"] = (churn_time > rows["time"]) & (churn_time <= rows["time"] + HORIZON)
    rows["silence"] = silence(folder, rows)
    rows = rules(rows)
    warm = rows[rows["time"] >= rows["time"].min() + 2 * HORIZON]
    wrong += compare("all", expected(rows), result)
    return wrong + compare("warm", expected(warm), result["without_cold_start"])


def table(folder: Path, name: str) -> pd.DataFrame:
    """A published file."""
    path = folder / f"{name}.parquet"
    return pd.read_parquet(path) if path.exists() else pd.read_csv(folder / f"{name}.csv")


def user(frame: pd.DataFrame) -> pd.Series[str]:
    """The user's name."""
    student = frame["id_student"].astype("int64").astype(str)
    return frame["code_module"] + "/" + frame["code_presentation"] + "/" + student


def start(frame: pd.DataFrame) -> pd.Series[pd.Timestamp]:
    """Day 0: B is February, J is October."""
    month = frame["code_presentation"].str[4].map({"B": "02", "J": "10"})
    return pd.to_datetime(frame["code_presentation"].str[:4] + "-" + month + "-01", utc=True)


def end_of(start_of: Any, day: Any) -> Any:
    """The last second of a day."""
    return start_of + pd.to_timedelta(day, unit="D") + DAY - SECOND


def enrolments(folder: Path) -> pd.DataFrame:
    """Users who are there on day 0 or later: entering, end, and whether they withdrew."""
    frame = table(folder, "studentRegistration").merge(table(folder, "courses"), on=COURSE)
    length = frame["module_presentation_length"]
    left = frame["date_unregistration"]
    entered = frame["date_registration"].fillna(-1).clip(lower=-1)
    frame["user"] = user(frame)
    frame["withdrawn"] = left <= length
    frame["enter"] = end_of(start(frame), entered)
    frame["end"] = end_of(start(frame), left.where(frame["withdrawn"], length))
    there = ~(left <= 0) & (frame["end"] > frame["enter"])
    return frame.loc[there, ["user", "enter", "end", "withdrawn"]]


def expected_rows(people: pd.DataFrame) -> pd.DataFrame:
    """Every user at every Saturday midnight between entering and leaving."""
    saturday = pd.Timestamp("2000-01-01", tz="UTC")
    cuts = pd.date_range(saturday, people["end"].max(), freq="7D")
    cuts = cuts[cuts >= people["enter"].min()]
    rows = people.merge(pd.DataFrame({"time": cuts}), how="cross")
    return rows.loc[
        (rows["enter"] <= rows["time"]) & (rows["time"] < rows["end"]), ["user", "time"]
    ]


def compare_rows(wanted: pd.DataFrame, scores: pd.DataFrame) -> list[str]:
    """Users who were not scored when they should, or scored when they should not."""
    both = wanted.merge(scores, on=["user", "time"], how="outer", indicator="side")
    counts = both["side"].value_counts()
    wrong = []
    for side, text in (("left_only", "not scored"), ("right_only", "scored, but not at risk")):
        if counts[side]:
            example = both[both["side"] == side].iloc[0]
            wrong.append(f"{counts[side]} rows {text}, e.g. {example['user']} {example['time']}")
    return wrong


def silence(folder: Path, rows: pd.DataFrame) -> pd.Series[float]:
    """Days since the last click before each row's time; inf for none."""
    clicks = table(folder, "studentVle")
    clicks = clicks.drop_duplicates([*COURSE, "id_student", "date"])
    seen = pd.DataFrame({"user": user(clicks), "clicked": end_of(start(clicks), clicks["date"])})
    left = rows[["user", "time"]].sort_values("time")
    pairs = pd.merge_asof(
        left.reset_index(),
        seen.sort_values("clicked"),
        left_on="time",
        right_on="clicked",
        by="user",
    ).set_index("index")
    days: pd.Series[float] = (pairs["time"] - pairs["clicked"]).dt.total_seconds() / 86_400
    return days.fillna(np.inf).reindex(rows.index)


def rules(rows: pd.DataFrame) -> pd.DataFrame:
    """What the two rules say, cut by cut, from the labels that were known by then."""
    bins = pd.cut(rows["silence"], [*EDGES, 1e9, np.inf], right=False, labels=False)
    rows = rows.assign(bin=bins.fillna(len(EDGES)), base=0.0, recency=0.0)
    for time in rows["time"].unique():
        now, known = rows["time"] == time, rows[rows["time"] + HORIZON <= time]
        base = (known["label"].sum() + PRIOR_ROWS * PRIOR) / (len(known) + PRIOR_ROWS)
        seen = known.groupby("bin")["label"].agg(["sum", "count"]).reindex(range(20), fill_value=0)
        rate = (seen["sum"] + BIN_ROWS * base) / (seen["count"] + BIN_ROWS)
        rows.loc[now, "base"] = base
        rows.loc[now, "recency"] = rows.loc[now, "bin"].map(rate)
    return rows


def expected(rows: pd.DataFrame) -> dict[str, Any]:
    """The part of the result that follows from these rows."""
    y = rows["label"].to_numpy()
    return {
        "rows": len(rows),
        "positives": int(y.sum()),
        "auc": auc(y, rows["probability"]),
        "log_loss": loss(y, rows["probability"]),
        "base_rate": {"auc": auc(y, rows["base"]), "log_loss": loss(y, rows["base"])},
        "hindsight_rate": {"rate": y.mean(), "log_loss": loss(y, np.full(len(y), y.mean()))},
        "recency": {
            "auc": auc(y, rows["silence"].replace(np.inf, 1e9)),
            "log_loss": loss(y, rows["recency"]),
        },
    }


def auc(y: Any, score: Any) -> float:
    """From the Mann-Whitney statistic."""
    positive = np.asarray(score)[y]
    negative = np.asarray(score)[~y]
    u = stats.mannwhitneyu(positive, negative, method="asymptotic").statistic
    return float(u) / (len(positive) * len(negative))


def loss(y: Any, p: Any) -> float:
    """Log loss, as in the textbook."""
    p = np.asarray(p)
    return float(-(y * np.log(p) + (1 - y) * np.log(1 - p)).mean())


def compare(where: str, wanted: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """Differences by name; numbers were rounded to 6 digits."""
    wrong = []
    for name, value in wanted.items():
        if isinstance(value, dict):
            wrong += compare(f"{where} {name}", value, found[name])
        elif abs(found[name] - value) > 2e-6:
            wrong.append(f"{where} {name}: {found[name]} in the result, {value} expected")
    return wrong


def main() -> None:
    """Compare the files on the command line."""
    if len(sys.argv) != 4:
        sys.exit(f"usage: {sys.argv[0]} DATA_FOLDER RESULT.json SCORES.csv")
    result = json.loads(Path(sys.argv[2]).read_text())
    wrong = check(Path(sys.argv[1]), result, pd.read_csv(sys.argv[3]))
    print("\n".join(wrong) or "labels, rows and metrics agree with the plain computation")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
