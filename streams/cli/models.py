"""``ebbline models``: which models learn, which one scores, and changing it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import click
import orjson
from kafka.errors import KafkaError
from rich.console import Console

from schemas.examples import LeftOut
from schemas.times import format_duration, format_time
from streams.champions.asking import RequestRefusedError, looking, make_request, send
from streams.champions.faults import wrong_since
from streams.champions.overview import Overview
from streams.champions.show import particulars, rows, standing
from streams.cli.common import config_option, load, told
from streams.cli.diagnose import diagnose
from streams.cli.stretches import Moment, Stretch
from streams.config import Config
from streams.topics.clients import KafkaUnreachable
from streams.topics.reading import TopicNotReadable

json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
note_option = click.option("--note", default="", help="Why; stands in the reason, for good.")
ERRORS = (KafkaUnreachable, TopicNotReadable, KafkaError, RequestRefusedError)


@click.group()
def models() -> None:
    """Models in training, the one that scores, promotion and its undoing.

    [model] scores at first; each [challengers.NAME] learns beside it on the same examples. One
    that proves better scores from the next epoch on ([learning] promote = "auto"), or when asked
    to ("manual"). Every change is a record with a position: a replay repeats it.
    """


@models.command("list")
@config_option
@json_option
def list_(config_file: Path | None, as_json: bool) -> None:
    """All models, how good they were on examples before learning them, and who scores."""
    config = load(config_file)
    with told(*ERRORS), looking(config) as (_, overview):
        if as_json:
            for row in rows(config.spec, overview):
                click.echo(orjson.dumps(row))
        else:
            Console().print(*standing(config.spec, overview), sep="\n")


@models.command()
@config_option
@click.argument("name", required=False)
@json_option
def show(config_file: Path | None, name: str | None, as_json: bool) -> None:
    """One model in full (default: the one that scores): versions, evidence, reigns and reasons."""
    config = load(config_file)
    with told(*ERRORS), looking(config) as (_, overview):
        name = _known(config, overview, name)
        if as_json:
            row = next(row for row in rows(config.spec, overview) if row["model"] == name)
            changes = [
                {"epoch": epoch, "valid_from": valid_from, "reign": reign}
                for epoch, valid_from, reign in overview.changes
            ]
            click.echo(orjson.dumps({**row, "changes": changes}))
        else:
            Console().print(*particulars(config.spec, overview, name), sep="\n")


@models.command()
@config_option
@click.argument("name")
@note_option
def promote(config_file: Path | None, name: str, note: str) -> None:
    """Let model NAME score: its newest version, always. Undo: ebbline models rollback.

    Also ends what a rollback holds: evidence may promote again.
    """
    _ask(config_file, "promote", name, None, note)


@models.command()
@config_option
@click.option("--to-version", type=click.IntRange(min=1), help="Go back to this version and stay.")
@click.option("--model", help="Of this model.  [default: the one that scores]")
@click.option("--before", type=Moment(), help="All models: go back to before wrong data came.")
@click.option(
    "--without",
    "stretches",
    type=Stretch(),
    multiple=True,
    help="For --before: the wrong data. May be repeated.  [default: what churn.sources tells of]",
)
@note_option
def rollback(
    config_file: Path | None,
    to_version: int | None,
    model: str | None,
    before: int | None,
    stretches: tuple[LeftOut, ...],
    note: str,
) -> None:
    """Undo the last change of champion; or go back to an earlier version and stay there.

    Nothing is promoted by evidence afterwards until the next: ebbline models promote.

    With --before, when wrong data were found out late: every model goes back to its last snapshot
    before that time, and learns the examples since then again, but for those that the wrong data
    may be in. The result is that of a trainer that never saw them. Evidence begins anew, and what
    evidence has decided since is undone.
    """
    if stretches and before is None:
        raise click.UsageError("--without needs --before.")
    if before is not None:
        if model is not None or to_version is not None:
            raise click.UsageError("--before is about all models: no --model, no --to-version.")
        _learn_again(config_file, before, stretches, note)
        return
    if model is not None and to_version is None:
        raise click.UsageError("--model needs --to-version; to change the model: promote NAME.")
    _ask(config_file, "rollback", model, to_version, note)


models.add_command(diagnose)


def _ask(
    config_file: Path | None,
    action: Literal["promote", "rollback"],
    model: str | None,
    version: int | None,
    note: str,
) -> None:
    config = load(config_file)
    with told(*ERRORS), looking(config) as (clients, overview):
        request = make_request(config.spec.app, overview, action, model, version, note)
        place = send(config, clients, request)
    _told_where(config, place)


def _learn_again(
    config_file: Path | None, before: int, stretches: Sequence[LeftOut], note: str
) -> None:
    config = load(config_file)
    with told(*ERRORS), looking(config) as (clients, overview):
        left_out = stretches or wrong_since(config, clients, before)
        if not left_out:
            raise click.UsageError(
                "churn.sources tells of no wrong data since then, so there is nothing to leave "
                "out. Say what: --without SOURCE=FROM/UNTIL"
            )
        app = config.spec.app
        request = make_request(app, overview, "rollback", None, None, note, before, left_out)
        place = send(config, clients, request)
    for one in left_out:
        end = "now on" if one.until is None else format_time(one.until)
        click.echo(f"without {one.source}: {format_time(one.begin)} to {end}")
    _told_where(config, place)


def _told_where(config: Config, place: str) -> None:
    learning = config.spec.learning
    every, delay = map(format_duration, (learning.every, learning.activation_delay))
    click.echo(
        f"Asked at {place}. The trainer carries it out at the end of the epoch at hand (one every "
        f"{every}); scores follow {delay} after that. See: ebbline models list."
    )


def _known(config: Config, overview: Overview, name: str | None) -> str:
    if name is None:
        name = overview.reign.name if overview.reign is not None else config.spec.model.name
    if name not in overview.manifests:
        known = ", ".join(overview.manifests)
        raise click.BadParameter(
            f"{config.path} has no model {name!r}; there are: {known}", param_hint="NAME"
        )
    return name
