"""Parts that are programs of their own: ``python -m bench.NAME`` runs each of them alone too."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import orjson

from bench.contender import CONTENDERS
from bench.context import ROOT, Context
from bench.job.model import KEY
from bench.measure import measure
from bench.table import row, table

LONGEST = 3_600.0


class ProgramFailed(Exception):
    """A part's program ended with an error; what it said is above."""


def said(context: Context, name: str, *words: str) -> str:
    """What a program prints. Its standard error is ours."""
    done = subprocess.run(
        [sys.executable, "-m", f"bench.{name}", *words],
        cwd=ROOT,
        env=os.environ | context.services.environment | {"EBBLINE_SIGNING_KEY": KEY},
        stdout=subprocess.PIPE,
        text=True,
        timeout=LONGEST,
        check=False,
    )
    if done.returncode != 0:
        raise ProgramFailed(f"python -m bench.{name} ended with {done.returncode}; see above")
    return done.stdout.strip()


# --- compiled scoring ------------------------------------------------------------------------


def scoring(context: Context) -> dict[str, Any]:
    """``compiled_over_river``, ``policies_over_latest``: median ratios for each kind of model."""
    target = context.folder / "scoring.json"
    quick = ("--examples", "4000", "--repeats", "3") if context.quick else ()
    text = said(context, "scoring", "--json", str(target), *quick)
    found: dict[str, Any] = orjson.loads(target.read_bytes())
    return {**found, "compiled_scoring_table": text}


def scoring_section(figures: dict[str, Any]) -> str:
    """Its own table."""
    about = (
        "A batch of rows scored by the compiled arrays, and row by row by River's own "
        "`predict_proba_one`, in CPU time; both say the same to 1e-9. To reach: >= 20 on `arf`, "
        ">= 10 on `river_logistic`. Beside it what a row costs of which a third of the features is "
        "masked (`degrade`) or believed (`nowcast`), and the three together over the values alone."
    )
    return f"## Compiled scoring\n\n{about}\n\n{figures['compiled_scoring_table']}"


# --- latency ---------------------------------------------------------------------------------


def latency(context: Context) -> dict[str, Any]:
    """``latency_ms`` at half the rate that Ebbline reached in the job."""
    rate = round(_maximum(context) / 2)
    seconds = ("--seconds", "15", "--warm-up", "10") if context.quick else ("--seconds", "60")
    text = said(context, "latency", "--rate", str(rate), *seconds)
    return {"latency_ms": orjson.loads(text)}


def latency_section(figures: dict[str, Any]) -> str:
    """Percentiles, and at which load."""
    found = figures["latency_ms"]
    names = ("p50", "p99", "p999", "max")
    return "\n\n".join(
        [
            "## Latency",
            f"From an event to its score, by the broker's own timestamps of both, at "
            f"{found['rate']:,.0f} events a second: half of what one worker reached above "
            f"({found['scores']:,} scores, clock `{found['clock']}`). To reach: p99 < 250 ms.",
            table(["", *names], [row(["milliseconds", *(f"{found[n]:,.0f}" for n in names)])]),
        ]
    )


def _maximum(context: Context) -> float:
    """Events a second of one worker, as the side-by-side part found; or one run now."""
    rates = context.figures.get("contenders", {}).get("ebbline", {}).get("events_per_s")
    if rates:
        return float(sorted(rates)[len(rates) // 2])
    (ebbline,) = (c for c in CONTENDERS if c.name == "ebbline")
    return measure(context, ebbline, "maximum").rate


# --- memory ----------------------------------------------------------------------------------


def memory(context: Context) -> dict[str, Any]:
    """``gib_1m_users`` resident in one worker, ``bytes_per_user`` in Redis (mean)."""
    found = orjson.loads(said(context, "memory", *(("--quick",) if context.quick else ())))
    return {
        "gib_1m_users": found["gib"],
        "bytes_per_user": found["redis_bytes_per_user"]["mean"],
        "memory": found,
    }


def memory_section(figures: dict[str, Any]) -> str:
    """Where the memory goes."""
    found = figures["memory"]
    days = ", ".join(
        f"{name} {one['median']:.0f} (mean {one['mean']})"
        for name, one in found["active_days_of_60"].items()
    )
    sizes = found["redis_bytes_per_user"]
    parts = ("before", "rows_and_names", "cuts", "panes", "growth_after")
    cells = [f"{found['gib']:.2f}", *(f"{found[f'gib_{part}']:.2f}" for part in parts)]
    head = ["GiB in all", "program", "rows, names", "waiting cuts", "panes", "growth afterwards"]
    return "\n\n".join(
        [
            "## Memory",
            f"{found['users']:,} users, {found['features']} features, all resident in one "
            f"process; active days of 60 (median): {days}; one cut of each waits for its label. "
            "To reach: < 2 GiB, flat afterwards.",
            table(head, [row(cells)]),
            f"A user's value in Redis: {sizes['mean']:,} bytes (mean), {sizes['p99']:,} (p99).",
        ]
    )


# --- rekeying --------------------------------------------------------------------------------


def rekeying(context: Context) -> dict[str, Any]:
    """``rekey``: how fast topics that are not keyed by user are copied."""
    target = context.folder / "rekey.json"
    said(context, "rekey", "--json", str(target), *(("--quick",) if context.quick else ()))
    return {"rekey": orjson.loads(target.read_bytes())}


def rekeying_section(figures: dict[str, Any]) -> str:
    """Rates beside bare aiokafka's."""
    found = figures["rekey"]
    ratios = sorted(found["rekey_over_ceiling"])
    return "\n\n".join(
        [
            "## Rekeying",
            f"The role `rekey` copied {found['median_events_per_s']:,} events a second (median): "
            f"{ratios[len(ratios) // 2]:.2f} × ({ratios[0]:.2f}–{ratios[-1]:.2f}) bare aiokafka "
            "that fetches the same records and appends the same bytes without looking at them.",
        ]
    )
