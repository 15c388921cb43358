"""``docs/benchmarks.md``, its plot, and ``build/bench.json``: all from one run's figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from bench import chart
from bench.context import ROOT
from bench.parts import Outcome

BUILD = ROOT / "build"
DOCS = ROOT / "docs"

HEAD = """# Benchmarks

Written by `make bench`; do not edit. What is compared, and why it is fair, is in
[decisions/012](decisions/012-the-bench.md); the figures are in `build/bench.json` too. Repeat it
with `make bench`, or in a few minutes with `make bench ARGS=--quick`.
"""


def figures(outcomes: Sequence[Outcome], about: dict[str, Any]) -> dict[str, Any]:
    """The content of ``build/bench.json``: all parts' keys, what it ran on, what failed."""
    found: dict[str, Any] = {}
    for outcome in outcomes:
        found |= outcome.figures
    found["ran_on"] = about
    found["failed"] = {o.part.name: o.error for o in outcomes if o.error is not None}
    found["part_seconds"] = {o.part.name: round(o.seconds, 1) for o in outcomes}
    return found


def markdown(outcomes: Sequence[Outcome], about: dict[str, Any]) -> str:
    """The report."""
    sections = [HEAD.strip(), _ran_on(about)]
    for outcome in outcomes:
        if outcome.error is not None:
            said = outcome.error.splitlines()[0]
            sections.append(f"## {outcome.part.name}\n\n**Failed**: {said}")
            continue
        sections.append(outcome.section)
        if "contenders" in outcome.figures:
            sections.append("![Events a second, on a logarithmic scale](benchmarks.svg)")
    return "\n\n".join(sections) + "\n"


def write(
    outcomes: Sequence[Outcome], about: dict[str, Any], *, docs: bool, stem: str = "bench"
) -> list[Path]:
    """Write ``build/<stem>.json`` and the report; with ``docs`` that into ``docs/`` as well."""
    BUILD.mkdir(exist_ok=True)
    content = orjson.dumps(figures(outcomes, about), option=orjson.OPT_INDENT_2)
    written = [_write(BUILD / f"{stem}.json", content)]
    for folder in (BUILD, DOCS) if docs else (BUILD,):
        written.append(_write(folder / "benchmarks.md", markdown(outcomes, about).encode()))
        if svg := _plot(outcomes):
            written.append(_write(folder / "benchmarks.svg", svg.encode()))
    return written


def _write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def _plot(outcomes: Sequence[Outcome]) -> str | None:
    for outcome in outcomes:
        contenders = outcome.figures.get("contenders", {})
        bars = [(name, c["title"], c["events_per_s"]) for name, c in contenders.items()]
        if any(values for _, _, values in bars):
            return chart.rates(bars, "Events a second (median, min–max)")
    return None


def _ran_on(about: dict[str, Any]) -> str:
    def versions(key: str) -> str:
        return ", ".join(f"{name} {number}" for name, number in about[key].items())

    load = ", ".join(map(str, about["load_before"]))
    return "\n".join(
        [
            "## What it ran on",
            "",
            f"- {about['when']}, commit {about['commit']}; "
            f"{about['runs']} alternating runs{' (the quick version)' if about['quick'] else ''}",
            f"- {about['cpu']}, {about['cores']} cores, {about['memory_gib']} GiB; "
            f"{about['system']}; load before (1, 5, 15 minutes): {load}",
            f"- Kafka and Redis on the same machine (Kafka: {about['kafka']}, "
            f"Redis: {about['redis']}); 2 partitions; nothing is pinned to a core",
            f"- Python {about['python']}; {versions('packages')}",
            f"- the peers' environment: {versions('peers_packages')}",
        ]
    )
