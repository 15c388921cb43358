"""``ebbline study``: what each way of treating stale sources would have cost."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
import orjson
from rich.console import Console

from models.spec import ModelSpec, Spec
from streams.cli.common import config_option, told
from streams.cli.logs import the_log
from streams.faults import FaultError

if TYPE_CHECKING:
    from streams.study.results import Results
    from streams.study.staleness import Cell, Study

SIMULATOR = "simulator"


@click.group()
def study() -> None:
    """Put faults into a log, and compare what the policies make of it."""


@study.command()
@config_option
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    default=Path(SIMULATOR),
    show_default=True,
    help="A folder with one file (or folder) for each source, named as it is: clicks.parquet; "
    "or the word simulator.",
)
@click.option(
    "--condition",
    "conditions",
    multiple=True,
    metavar="'NAME: SOURCE=FAULT; …'",
    help="What goes wrong (`ebbline publish --faults` lists it); repeatable. Times may count from "
    "the log's beginning: from=+60d.  [default: every source late by 1d, 7d, 14d and in outage]",
)
@click.option(
    "--conditions",
    "conditions_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A file of conditions, one a line.",
)
@click.option(
    "--models",
    default="",
    metavar="NAME,…",
    help="Models of the configuration, or kinds (logistic, hat, arf …).  [default: all configured]",
)
@click.option("--policies", default="", metavar="NAME,…", help="Policies to show.  [default: all]")
@click.option("--seeds", default="", metavar="N,…", help="Simulator's.  [default: 401,402,403]")
@click.option(
    "--users",
    default=1.0,
    type=click.FloatRange(0, 1, min_open=True),
    show_default=True,
    help="Share of the users, by a hash.",
)
@click.option("--days", default=220, show_default=True, help="Simulated days.")
@click.option(
    "--json",
    "json_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the figures there: {condition: {model: {policy: {log_loss, auc, regret, "
    "reliability}}}}.",
)
@click.option(
    "--plot",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the regrets there, as SVG.",
)
@click.option(
    "--reliability",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write there, as SVG, whether the mixture's probabilities came true.",
)
@click.option("--jobs", default=1, show_default=True, help="Runs at a time.")
def staleness(
    config_file: Path | None,
    data: Path,
    conditions: tuple[str, ...],
    conditions_file: Path | None,
    models: str,
    policies: str,
    seeds: str,
    users: float,
    days: int,
    json_path: Path | None,
    plot: Path | None,
    reliability: Path | None,
    jobs: int,
) -> None:
    """Conditions × models × seeds: what every policy loses against the best in hindsight.

    Runs the production engine and trainer in memory over the log, once for each condition, model
    and seed; every run gives all policies' probabilities, as they were when the score was made.
    Figures are taken of all scores whose label is known, behind the first quarter of the log.
    `regret` is the log loss above that of the best fixed policy in hindsight, in nats; the mixture
    of all (`learned`) is not among those, and its regret may be negative. Where a policy could not
    be had yet (nothing learned for that lag), it counts with what `latest` said.

    Without --data the users are simulated, in a world of the study's own; --config, if given, must
    be one of `ebbline init --simulated` then.
    """
    from streams.demo.standalone import NotSimulated
    from streams.publish.files import FileError
    from streams.publish.records import UnreadableRows
    from streams.study.conditions import parse, usual
    from streams.study.staleness import RunKilledError, Study
    from streams.study.tables import tables
    from streams.study.worlds import SEEDS

    with told(FaultError, FileError, UnreadableRows, NotSimulated, RunKilledError):
        spec, make_log, own = the_log(config_file, data, users, days)
        lines = conditions_file.read_text().splitlines() if conditions_file else []
        texts = [*conditions, *(line for line in lines if line.strip())]
        wanted = Study(
            spec,
            [parse(text) for text in texts] or usual(spec),
            _models(spec, models),
            own or _numbers(seeds) or SEEDS,
            make_log,
        )
        title = f"{spec.app}: what each policy loses"
        for found in _watched(wanted, jobs):
            _write(found, title, json_path, plot, reliability)
    shown = [name for name in found.policies if not policies or name in policies.split(",")]
    Console(width=160).print(*tables(found, shown), sep="\n")


def _write(
    found: Results,
    title: str,
    json_path: Path | None,
    plot: Path | None,
    reliability: Path | None,
) -> None:
    """What there is so far: a study may be long, and may be broken off."""
    from streams.study.plots import picture
    from streams.study.reliable import reliability_picture

    if json_path is not None:
        json_path.write_bytes(orjson.dumps(found.document(), option=orjson.OPT_INDENT_2))
    if plot is not None:
        plot.write_text(picture(found, title), encoding="utf-8")
    if reliability is not None:
        said = f"{found.cells[0].rows:,} scores a run: what was said, and what came true"
        reliability.write_text(reliability_picture(found, said), encoding="utf-8")


def _models(spec: Spec, names: str) -> list[ModelSpec]:
    known = {model.name: model for model in spec.models}
    chosen = [name.strip() for name in names.split(",") if name.strip()] or list(known)
    return [
        known.get(name) or replace(spec.model, name=name, kind=name, params=(), members=())
        for name in chosen
    ]


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise click.BadParameter(f"{text!r}: numbers, by comma", param_hint="--seeds") from error


def _watched(wanted: Study, jobs: int) -> Iterator[Results]:
    """What there is after each run, with a line on how it goes."""
    from streams.study.results import Results

    began = time.monotonic()
    done: list[Cell] = []
    for cell in wanted.cells(jobs):
        done.append(cell)
        passed = time.monotonic() - began
        left = passed / len(done) * (len(wanted) - len(done))
        click.echo(
            f"{len(done)}/{len(wanted)}  {cell.condition}, {cell.model}, seed {cell.seed}: "
            f"{cell.rows:,} scores, {cell.positives:,} churned, {cell.seconds:.0f} s; "
            f"about {left / 60:.0f} min left",
            err=True,
        )
        yield Results(done)
