"""``python -m bench``: the command behind ``make bench``."""

from __future__ import annotations

import shutil
import tempfile
import uuid
from pathlib import Path

import click

from bench import machine, report
from bench.broker import Kafka
from bench.contender import CONTENDERS
from bench.context import ROOT, Context
from bench.job.events import Size
from bench.parts import PARTS, Outcome, run_parts
from bench.stage import Stage
from streams.embedded import ServiceUnavailable, resolve_services

PEERS_PYTHON = ROOT / ".venv-bench" / "bin" / "python"
USERS, QUICK_USERS = 1_000, 400
RUNS, QUICK_RUNS = 5, 2

_PARTS = "\n".join(f"  {part.name}: {part.about}" for part in PARTS)


def _chosen(_: click.Context, __: click.Parameter, value: str) -> tuple[str, ...]:
    names = tuple(part.strip() for part in value.split(",") if part.strip())
    known = {part.name for part in PARTS} | {contender.name for contender in CONTENDERS}
    if wrong := [name for name in names if name not in known]:
        raise click.BadParameter(f"{', '.join(wrong)}: known are {', '.join(sorted(known))}")
    return names


@click.command(
    help=f"""Measure Ebbline beside what one would pick instead, on a real Kafka and Redis.

Every contender does the same job: three sources, twenty features over windows of 1, 7 and 28
days, a score for each user at most once a minute of event time and one at every midnight, the
same River model, the same records written. Each is a process of its own; their outputs are
compared with an oracle, and one that is wrong has no ratio. They take turns, so that a slow
moment of the machine meets all of them.

Kafka and Redis are taken from KAFKA_BOOTSTRAP_SERVERS and REDIS_URL where those are set, and
started otherwise. The figures go to build/bench.json (build/bench-part.json with --only) and
build/benchmarks.md; those of a full run to docs/benchmarks.md too.

\b
Parts:
{_PARTS}

\b
Examples:
  make bench                                everything (about 25 minutes)
  make bench ARGS=--quick                   a shorter version of the same (under 8 minutes)
  make bench ARGS="--only ebbline,bytewax --runs 3"
"""
)
@click.option("--quick", is_flag=True, help="Fewer users, fewer runs; docs/ is left as it is.")
@click.option("--runs", type=click.IntRange(min=1), help=f"Turns.  [default: {RUNS}, quick: 2]")
@click.option(
    "--only",
    default="",
    callback=_chosen,
    help="Names of parts, or of contenders, separated by commas; docs/ is left as it is.",
)
@click.option(
    "--peers-python",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=PEERS_PYTHON,
    show_default=True,
    help="Python of the environment with the peers (requirements/bench.txt).",
)
@click.option("--keep", is_flag=True, help="Keep the folder with the contenders' logs.")
def main(
    *, quick: bool, runs: int | None, only: tuple[str, ...], peers_python: Path, keep: bool
) -> None:
    """See the help above."""
    place = Path(tempfile.mkdtemp(prefix="ebbline-bench-"))
    size = Size(users=QUICK_USERS if quick else USERS)
    try:
        with resolve_services() as services, Kafka(services.bootstrap_servers, 2) as kafka:
            stage = Stage(kafka, f"bench-{uuid.uuid4().hex[:6]}", size, quick)
            turns = runs or (QUICK_RUNS if quick else RUNS)
            contenders = tuple(c.name for c in CONTENDERS if c.name in only)
            context = Context(services, stage, place, peers_python, turns, contenders)
            outcomes = _measure(context, only)
    except ServiceUnavailable as error:
        raise click.ClickException(str(error)) from error
    failed = [outcome.part.name for outcome in outcomes if outcome.error is not None]
    if failed or keep:
        click.echo(f"logs: {place}", err=True)
    else:
        shutil.rmtree(place)
    if failed:
        raise click.ClickException(f"failed: {', '.join(failed)}; the others are reported")


def _measure(context: Context, only: tuple[str, ...]) -> list[Outcome]:
    about = machine.describe(context)
    names = {"contenders"} if context.contenders else set()
    wanted = names | set(only)
    outcomes = run_parts([part for part in PARTS if not only or part.name in wanted], context)
    full, stem = not (only or context.quick), "bench-part" if only else "bench"
    for path in report.write(outcomes, about, docs=full, stem=stem):
        context.say(f"written: {path.relative_to(ROOT)}")
    click.echo(report.markdown(outcomes, about))
    return outcomes


if __name__ == "__main__":
    main()
