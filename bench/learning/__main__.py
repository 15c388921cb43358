"""``python -m bench.learning``: the command behind ``make bench-learning``."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

import click
import orjson

from bench.context import ROOT
from bench.learning import report, small
from bench.learning.about import about
from bench.learning.contenders import CONTENDERS, Contender
from bench.learning.datasets import DATASETS, DataSet
from bench.learning.figures import Figures, basic, compact, figures, warnings
from bench.learning.running import Results, make_rows, run_all

BUILD = ROOT / "build"
CACHE = BUILD / "learning"
RESULTS = ROOT / "docs" / "results.md"
DATA = "EBBLINE_BENCH_DATA"
NAMES = [*(data.name for data in DATASETS), *(c.name for c in CONTENDERS)]

_DATASETS = "\n".join(f"  {data.name}: {data.title}" for data in DATASETS)
_CONTENDERS = "\n".join(f"  {c.name}: {c.title.replace('**', '')}" for c in CONTENDERS)


def _chosen(_: click.Context, __: click.Parameter, value: str) -> tuple[str, ...]:
    names = tuple(part.strip() for part in value.split(",") if part.strip())
    if wrong := [name for name in names if name not in NAMES]:
        raise click.BadParameter(f"{', '.join(wrong)}: known are {', '.join(NAMES)}")
    return names


@click.command(
    help=f"""Is the online learner as good as a batch learner, and what does it cost?

The project's own engine turns each log into rows: what was known of each user at each cut, the
label, and when it matured. Every contender scores every cut before it can know how it ends, and
learns what has matured, in one pass; the batch learners are fitted anew every 28 days. Figures
are taken from the part of each log that nothing was chosen on.

The logs of OULAD and CDNOW are read from --data (folders oulad and cdnow in it; see
examples/*/README.md for where they are published). Without them the simulator's worlds are left.

Rows and runs are kept in build/learning, under a hash of data, configuration and code: what has
not changed is not computed again. The figures go to --json, {{data set: {{contender: figures}}}};
those of a full run to docs/results.md too, with plots.

\b
Data sets:
{_DATASETS}

\b
Contenders:
{_CONTENDERS}

\b
Examples:
  make bench-learning                        everything (half an hour)
  make bench-learning ARGS=--quick           fewer users, fewer data sets (under 5 minutes)
  make bench-learning ARGS="--only sim_sudden,lightgbm_tuned,ebbline"
"""
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=lambda: os.environ.get(DATA, str(ROOT.parent / "shared" / "data")),
    help=f"Folder of the published data.  [default: ${DATA} or ../shared/data]",
)
@click.option("--quick", is_flag=True, help="A quarter of the users, three data sets.")
@click.option("--only", default="", callback=_chosen, help="Data sets and contenders, by comma.")
@click.option(
    "--json",
    "json_path",
    type=click.Path(dir_okay=False, path_type=Path),
    default=BUILD / "learning.json",
    show_default="build/learning.json",
    help="Where the figures go.",
)
@click.option("--jobs", default=2, show_default=True, help="Processes at a time.")
@click.option("--fresh", is_flag=True, help="Run everything again (rows are kept).")
@click.option("--docs/--no-docs", default=None, help="Write docs/results.md, or don't.")
def main(
    *,
    data: Path,
    quick: bool,
    only: tuple[str, ...],
    json_path: Path,
    jobs: int,
    fresh: bool,
    docs: bool | None,
) -> None:
    """Run it."""
    sets = _datasets(data, only, quick=quick)
    contenders = [c for c in CONTENDERS if c.name in only] or list(CONTENDERS)
    if fresh:
        for path in (CACHE / "runs").glob("*.npz"):
            path.unlink()
    click.echo("== rows: the engine goes over the logs, once", err=True)
    for made in make_rows(sets, data, CACHE / "rows", jobs):
        click.echo(f"   made: {made.title}", err=True)
    every: list[Results] = []
    found: dict[str, dict[str, Figures]] = {}
    for one in sets:
        results = _run(one, data, contenders, jobs, quick=quick)
        every.append(results)
        found[one.name] = figures(results)
        json_path.parent.mkdir(parents=True, exist_ok=True)
        json_path.write_bytes(orjson.dumps(compact(found), option=orjson.OPT_INDENT_2))
    for text in warnings(found):
        click.secho(text, fg="red", err=True)
    if docs if docs is not None else not (quick or only):
        _document(every, found, quick=quick)
    click.echo(f"written: {json_path}", err=True)


def _datasets(data: Path, only: Sequence[str], *, quick: bool) -> list[DataSet]:
    chosen = [one for one in DATASETS if one.name in only]
    if not chosen:
        chosen = [one for one in DATASETS if not quick or one.name in small.DATASETS]
    missing = [one for one in chosen if not all((data / name).is_dir() for name in one.inputs)]
    for one in missing:
        click.secho(
            f"{one.title}: left out, {data}/{one.inputs[0]} is not there. Put the published files "
            f"there, or say --data FOLDER (or ${DATA}).",
            fg="yellow",
            err=True,
        )
    return [one for one in chosen if one not in missing]


def _run(
    data: DataSet, folder: Path, contenders: Sequence[Contender], jobs: int, *, quick: bool
) -> Results:
    click.echo(f"== {data.title}", err=True)
    began = time.monotonic()
    rows = data.rows(folder, CACHE / "rows")
    if quick:
        rows = small.fewer(rows)
    click.echo(f"   {len(rows):,} rows ({time.monotonic() - began:.0f} s)", err=True)
    results = Results(data, rows, rows.time >= data.report_from, {})
    for result in run_all(data, rows, contenders, CACHE / "runs", jobs):
        results.by_name[result.contender.name] = result
        own = basic(results, result)
        click.echo(
            f"   {result.contender.name:17} AUC {own['auc']:.4f}  log loss {own['log_loss']:.5f}  "
            f"{own['cpu_ms_per_example']:.3f} ms  {own['mb']:.2f} MB  ({result.seconds:.0f} s)",
            err=True,
        )
    results.find_anchor()
    return results


def _document(
    every: Sequence[Results], found: dict[str, dict[str, Figures]], *, quick: bool
) -> None:
    for name, picture in report.pictures(every, found).items():
        (RESULTS.parent / name).write_text(picture)
    report.write(RESULTS, report.section(every, found, about(quick=quick)))
    click.echo(f"written: {RESULTS}", err=True)


if __name__ == "__main__":
    main()
