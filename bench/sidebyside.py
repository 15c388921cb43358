"""All contenders in turn, several times: rates, CPU, ratios with their spread."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

from bench.contender import CONTENDERS, Contender
from bench.context import Context
from bench.measure import Failed, Measurement, measure
from bench.table import Goal, row, spread, table

GOALS = {
    "faust": Goal("Faust, plain agent", 8.0),
    "quix": Goal("Quix Streams", 5.0),
    "bytewax": Goal("Bytewax", 3.0),
    "ceiling": Goal("batch hand-over + orjson", 0.25),
    "aiokafka": Goal("bare aiokafka + orjson", None),
}


def run(context: Context) -> dict[str, Any]:
    """``contenders`` and ``ratios`` of the JSON."""
    chosen = [c for c in CONTENDERS if not context.contenders or c.name in context.contenders]
    found: dict[str, list[Measurement]] = {contender.name: [] for contender in chosen}
    failures: dict[str, str] = {}
    for number in range(1, context.runs + 1):
        for contender in chosen:
            try:
                measured = measure(context, contender, number)
            except Failed as error:
                failures[contender.name] = str(error)
                context.say(f"run {number}: {contender.title} FAILED: {error}")
                continue
            found[contender.name].append(measured)
            context.say(f"run {number}: {contender.title}: {_line(measured)}")
    contenders = {c.name: _figures(context, c, found[c.name], failures) for c in chosen}
    return {"contenders": contenders, "ratios": ratios(contenders)}


def _line(measured: Measurement) -> str:
    verdict = f"WRONG: {measured.wrong}" if measured.wrong else "right"
    return (
        f"{measured.events:,} events in {measured.seconds:.1f} s = {measured.rate:,.0f} a second, "
        f"{measured.cpu:.1f} CPU s, {measured.outputs:,} scores, {verdict}"
    )


def _figures(
    context: Context,
    contender: Contender,
    runs: Sequence[Measurement],
    failures: dict[str, str],
) -> dict[str, Any]:
    return {
        "title": contender.title,
        "inputs": contender.inputs,
        "users": context.stage.share(contender),
        "events": context.stage.expected(contender).events,
        "scores": max((one.outputs for one in runs), default=0),
        "events_per_s": [round(one.rate, 1) for one in runs],
        "events_per_cpu_s": [round(one.events / one.cpu, 1) for one in runs],
        "compared": contender.scores,
        "wrong": next((one.wrong for one in runs if one.wrong), None),
        "failed": failures.get(contender.name),
    }


def ratios(contenders: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Ebbline's rate over each other's, run by run; none of a contender that is wrong."""
    ours = contenders.get("ebbline")
    if ours is None or not _counts(ours):
        return {}
    return {
        name: {
            "rate": _over(ours, other, "events_per_s"),
            "cpu": _over(ours, other, "events_per_cpu_s"),
            "goal": GOALS[name].least,
        }
        for name, other in contenders.items()
        if name != "ebbline" and _counts(other)
    }


def _counts(contender: dict[str, Any]) -> bool:
    return bool(contender["events_per_s"]) and not contender["wrong"] and not contender["failed"]


def _over(ours: dict[str, Any], other: dict[str, Any], key: str) -> list[float]:
    return [round(a / b, 3) for a, b in zip(ours[key], other[key], strict=True)]


# --- the report ------------------------------------------------------------------------------


def section(found: dict[str, Any]) -> str:
    """Tables of rates and of ratios."""
    contenders = found["contenders"]
    rates = [_rate_row(one) for one in contenders.values()]
    head = ["", "events/s", "min–max", "events per CPU s", "on", "scores", "against the oracle"]
    compared = [_ratio_row(name, one) for name, one in found["ratios"].items()]
    return "\n\n".join(
        [
            "## Side by side",
            table(head, rates),
            "Ebbline's rate over each one's, run by run (median, min–max):",
            table(["Ebbline over", "events/s", "per CPU s", "to reach", ""], compared),
        ]
    )


def _rate_row(one: dict[str, Any]) -> str:
    if not one["events_per_s"]:
        return row([one["title"], "failed", "", "", "", "", ""])
    verdict = "equal" if one["compared"] else "reads only"
    if one["wrong"] or one["failed"]:
        verdict = f"**wrong**: {one['wrong']}" if one["wrong"] else "**failed** in a run"
    rates = one["events_per_s"]
    return row(
        [
            one["title"],
            f"{median(rates):,.0f}",
            f"{min(rates):,.0f}–{max(rates):,.0f}",
            f"{median(one['events_per_cpu_s']):,.0f}",
            f"{one['events']:,} events of {one['users']:,} users",
            f"{one['scores']:,}" if one["compared"] else "",
            verdict,
        ]
    )


def _ratio_row(name: str, one: dict[str, Any]) -> str:
    least, reached = one["goal"], median(one["rate"])
    verdict = "" if least is None else ("reached" if reached >= least else "**not reached**")
    goal = "" if least is None else f"≥ {least:g} ×"
    return row([GOALS[name].title, spread(one["rate"]), spread(one["cpu"]), goal, verdict])
