"""Where Ebbline's time goes in the job: one run under a sampling profiler."""

from __future__ import annotations

from typing import Any

import orjson

from bench.contender import CONTENDERS
from bench.context import Context
from bench.measure import measure
from bench.table import row, table

SHOWN = 25


def run(context: Context) -> dict[str, Any]:
    """``profile`` of the JSON: samples by own function, and by what that was calling."""
    (ebbline,) = (c for c in CONTENDERS if c.name == "ebbline")
    target = context.folder / "profile.json"
    measured = measure(context, ebbline, "profile", profile=target)
    found: dict[str, Any] = orjson.loads(target.read_bytes())
    return {"profile": {"events": measured.events, "cpu_s": round(measured.cpu, 2), **found}}


def section(figures: dict[str, Any]) -> str:
    """The functions that most samples fell into."""
    found = figures["profile"]
    whole = sum(found["inside"].values())
    rows = [
        row([f"`{name}`", f"{100 * count / whole:.1f} %"])
        for name, count in list(found["inside"].items())[:SHOWN]
    ]
    return "\n\n".join(
        [
            "## Where Ebbline's time goes",
            "Samples of CPU time (all threads, from the first record on) by the innermost function "
            "of Ebbline's own, what it calls in libraries included; "
            f"{found['events']:,} events, {found['cpu_s']} CPU s. `build/bench.json` has more.",
            table(["function", "share"], rows),
        ]
    )
