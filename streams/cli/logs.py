"""A log to study, from files or from the simulator, as several subcommands take it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import Progress

from models.spec import Spec
from streams.cli.common import load

if TYPE_CHECKING:
    from streams.study.logs import Log
    from streams.study.staleness import MakeLog

SIMULATOR = "simulator"


def the_log(
    config_file: Path | None, data: Path, users: float, days: int
) -> tuple[Spec, MakeLog, tuple[int, ...]]:
    """Deployment, its log for a seed, and the seeds where they are not to be chosen."""
    from streams.demo.standalone import require_simulated
    from streams.study.worlds import USERS, World, specification

    if str(data) == SIMULATOR:
        spec, world = specification(), World(days, round(USERS * users))
        if config_file is not None:
            config = load(config_file)
            require_simulated(config)
            spec = config.spec
        return (
            spec,
            lambda seed: _said(f"simulating seed {seed}", lambda: world.log(spec, seed)),
            (),
        )
    spec = load(config_file).spec
    return spec, lambda _: _read(spec, data, users), (0,)


def _read(spec: Spec, folder: Path, users: float) -> Log:
    from streams.study.logs import files_by_source, from_files

    paths = files_by_source(spec, folder)
    with Progress(transient=True, console=Console(stderr=True)) as progress:
        tasks = {name: progress.add_task(f"reading {name}", total=None) for name in paths}
        return from_files(spec, paths, users, lambda n, more: progress.advance(tasks[n], more))


def _said(text: str, make: Callable[[], Log]) -> Log:
    click.echo(f"{text} …", err=True)
    log = make()
    click.echo(f"{len(log):,} events", err=True)
    return log
