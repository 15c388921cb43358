"""``ebbline deadletters``: what was rejected and why, and sending it again."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Any

import click
from kafka.errors import KafkaError
from rich.console import Console

from schemas.codec import encode
from schemas.reasons import Reject
from schemas.times import TimeError, parse_duration, parse_time
from streams.cli.common import config_option, load, told
from streams.config import Config
from streams.connections import Connections
from streams.deadletters.letters import Letters, Selection
from streams.deadletters.retry import AS_IT_WAS, LEFT_OUT, OMITTED
from streams.deadletters.run import LetterRun
from streams.deadletters.show import tables
from streams.topics.clients import KafkaUnreachable, connect
from streams.topics.reading import TopicNotReadable

REASONS = click.Choice([reason.value for reason in Reject])
SHOWN_RETRIES = 5


class Since(click.ParamType):
    """A moment: RFC 3339, or how long ago (``2h``). Gives microseconds."""

    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read the option's text."""
        for read in (parse_time, _ago):
            try:
                return read(value)
            except TimeError:
                continue
        return self.fail(
            f"{value!r} is neither a time (2026-01-31T12:00:00Z) nor a duration (2h)", param, ctx
        )


def _ago(text: str) -> int:
    return time.time_ns() // 1_000 - parse_duration(text)


@click.command()
@config_option
@click.option("--reason", type=REASONS, help="Only letters with this reason code.")
@click.option("--source", help="Only letters of this source.")
@click.option("--since", type=Since(), help="Only those rejected since: 2h, or an RFC 3339 time.")
@click.option("--limit", type=click.IntRange(min=0), default=20, help="How many to list.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, bytes in base64.")
@click.option("--retry", is_flag=True, help="Send the selected records to their topics again.")
@click.option("--dry-run", is_flag=True, help="With --retry: say what would be sent.")
@click.option("--yes", is_flag=True, help="With --retry: do not ask.")
def deadletters(
    config_file: Path | None,
    reason: str | None,
    source: str | None,
    since: int | None,
    limit: int,
    as_json: bool,
    retry: bool,
    dry_run: bool,
    yes: bool,
) -> None:
    """List records that were not used; with --retry send them again.

    A retry sends the same bytes, so it helps once the configuration has changed; records of
    wrong-partition are given the right key. Retrying twice counts once.
    """
    config = load(config_file)
    _check_source(config, source)
    selection = Selection(config.spec.app, reason, source, since)
    with told(KafkaUnreachable, TopicNotReadable, KafkaError):
        run = LetterRun.start(config, connect(Connections.from_env()), selection)
        letters = run.read(limit)
        _list(letters, as_json=as_json)
        if not retry or not letters.total:
            return
        if not (yes or dry_run):
            click.confirm(f"Send {letters.origins} records again?", abort=True, err=as_json)
        _retry(run, dry_run=dry_run, as_json=as_json)


def _check_source(config: Config, source: str | None) -> None:
    names = [s.name for s in config.spec.sources]
    if source is not None and source not in names:
        raise click.BadParameter(
            f"{source!r} is no source of {config.path}; there are: {', '.join(names)}",
            param_hint="--source",
        )


def _list(letters: Letters, *, as_json: bool) -> None:
    if letters.unreadable:
        click.echo(f"{letters.unreadable} records of the topic are no dead letters.", err=True)
    if as_json:
        for letter in letters.newest():
            click.echo(encode(letter))
    elif letters.total:
        Console().print(*tables(letters), sep="\n")
    else:
        click.echo("No dead letters.")


def _retry(run: LetterRun, *, dry_run: bool, as_json: bool) -> None:
    done: Counter[str] = Counter()
    for retry in run.retry(dry_run=dry_run):
        done[retry.done] += 1
        if done[retry.done] <= SHOWN_RETRIES:
            click.echo(f"{retry.origin} → {retry.topic}: {retry.done}", err=as_json)
    verb = "Would send" if dry_run else "Sent"
    sent = done.total() - done[LEFT_OUT] - done[OMITTED]
    changed = sent - done[AS_IT_WAS]
    click.echo(f"{verb} {sent} records again, {changed} of them changed.", err=as_json)
