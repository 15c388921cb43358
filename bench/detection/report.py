"""The section of ``docs/results.md``: detection delays, and a confusion table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.detection.watching import SAID
from bench.table import row, table

BEGIN = "<!-- bench-detection: written by `make bench-detection`, do not edit -->"
END = "<!-- bench-detection: end -->"

Found = dict[str, dict[str, Any]]

INTRODUCTION = """\
## What is wrong with a source: noticed, and told apart

`make bench-detection` writes this section. Logs with one fault each go through the production
engine (six weeks of learning what is usual, the fault, three weeks behind it); what counts is what
stood on `churn.sources`. *Noticed after*: by the partition's clock, from the fault's beginning to
the first thing said of that source; *right*: whether that, the first thing, named the fault.\
"""


def section(found: Found) -> str:
    """The whole section, markers included."""
    parts = [BEGIN, INTRODUCTION]
    for title, one in found.items():
        parts += [f"### {title}: {one['events']:,} events", _delays(one), _false(one)]
    parts += ["### Confusion", _confusion(found)]
    return "\n\n".join([*parts, END])


def write(path: Path, text: str) -> None:
    """Put the section where the last one was, or at the end."""
    whole = path.read_text(encoding="utf-8")
    if BEGIN in whole:
        before, rest = whole.split(BEGIN, 1)
        after = rest.split(END, 1)[1]
    else:
        before, after = whole.rstrip() + "\n\n", "\n"
    path.write_text(before + text + after, encoding="utf-8")


def _delays(one: dict[str, Any]) -> str:
    rows = []
    for kind, found in one["faults"].items():
        later = "" if found["right"] else _hours(found["right_after_hours"])
        others = ", ".join(found["other_sources"]) or "none"
        right = "yes" if found["right"] else "no"
        said = found["said"] or "nothing"
        rows.append(row([kind, _hours(found["hours"]), said, right, later, others]))
    head = [
        "fault",
        "noticed after",
        "said",
        "right",
        "the right thing after",
        "other sources blamed",
    ]
    return table(head, rows)


def _false(one: dict[str, Any]) -> str:
    alarms, months = one["false_alarms"], one["source_months"]
    told = "; ".join(f"{a['source']} {a['said']} (day {a['day']:.0f})" for a in alarms[:8])
    rate = len(alarms) / months
    text = f"Without a fault: {len(alarms)} alarms in {months:.1f} source-months ({rate:.2f} each)"
    return f"{text}: {told}." if told else f"{text}."


def _confusion(found: Found) -> str:
    kinds = dict.fromkeys(kind for one in found.values() for kind in one["faults"])
    said = [s for s in SAID if any(_said(found, kind, s) for kind in kinds)]
    rows = [
        row([kind, *(str(_said(found, kind, s) or "") for s in said), _silent(found, kind)])
        for kind in kinds
    ]
    return table(["fault \\ said first", *said, "nothing"], rows)


def _said(found: Found, kind: str, said: str | None) -> int:
    return sum(
        one["faults"][kind]["said"] == said for one in found.values() if kind in one["faults"]
    )


def _silent(found: Found, kind: str) -> str:
    return str(_said(found, kind, None) or "")


def _hours(hours: float | None) -> str:
    if hours is None:
        return "never"
    return f"{hours:.0f} h" if hours < 72 else f"{hours / 24:.1f} d"
