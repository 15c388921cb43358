"""``ebbline topics``: make the topics that a configuration needs, and check them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from streams.cli.common import config_option, load, told
from streams.config import Config
from streams.connections import Connections
from streams.topics.admin import TopicCreationError, create_topics, observe
from streams.topics.clients import KafkaClients, KafkaUnreachable, connect, opened
from streams.topics.cluster import Problem, TopicState
from streams.topics.creation import Creation, decide
from streams.topics.plan import plan_topics
from streams.topics.preflight import check as preflight

MARKS = {"error": "[red]error[/]", "warning": "[yellow]warning[/]", "skipped": "[dim]skipped[/]"}


@click.group()
def topics() -> None:
    """Create and check the topics of a configuration."""


@topics.command()
@config_option
@click.option("--partitions", type=click.IntRange(min=1), help="Of the inputs, scores, letters.")
@click.option("--replication", type=click.IntRange(min=1), help="Default: the broker's own.")
@click.option(
    "--history/--live",
    default=None,
    help="Inputs keep published history for ever, or live events.  [default: as the clock]",
)
@click.option("--dry-run", is_flag=True, help="Say what would be made; make nothing.")
def create(
    config_file: Path | None,
    partitions: int | None,
    replication: int | None,
    history: bool | None,
    dry_run: bool,
) -> None:
    """Make the topics that are missing. What exists is never changed, only compared."""
    config = load(config_file)
    with told(KafkaUnreachable, TopicCreationError):
        clients = connect(Connections.from_env())
        creation = decide(config, _existing(config, clients), partitions, history=history)
        _say(creation)
        if creation.conflict:
            raise click.ClickException(creation.conflict)
        if not dry_run and creation.missing:
            _make(clients, creation, replication or -1)


def _existing(config: Config, clients: KafkaClients) -> dict[str, TopicState]:
    names = [plan.name for plan in plan_topics(config)]
    return dict(observe(clients, names).topics)


def _say(creation: Creation) -> None:
    for state in creation.existing:
        click.echo(f"exists    {state.name} ({state.partitions} partitions)")
    for line in creation.disagreements:
        click.echo(f"differs   {line}")
    for plan in creation.missing:
        settings = ", ".join(f"{k}={v}" for k, v in plan.configs.items()) or "broker's defaults"
        click.echo(f"missing   {plan.name} ({plan.partitions} partitions, {settings})")


def _make(clients: KafkaClients, creation: Creation, replication: int) -> None:
    if clients.imitation:
        raise click.ClickException("librdkafka's in-memory cluster cannot create topics")
    with opened(clients.admin()) as admin:
        for name in create_topics(admin, creation.missing, replication):
            click.echo(f"created   {name}")


@topics.command()
@config_option
def check(config_file: Path | None) -> None:
    """Check topics, consumer group and Redis as a starting worker does. Exit code 1 on errors."""
    config = load(config_file)
    with told():
        problems = preflight(config, Connections.from_env())
    _table(problems)
    if any(p.severity == "error" for p in problems):
        raise SystemExit(1)


def _table(problems: Sequence[Problem]) -> None:
    console = Console()
    if not problems:
        console.print("Topics, consumer group and Redis are as they should be.")
        return
    table = Table("", "subject", "what is wrong, and what to do", box=None, pad_edge=False)
    for problem in sorted(problems, key=lambda p: list(MARKS).index(p.severity)):
        text = f"{problem.message} [bold]{problem.remedy}[/]" if problem.remedy else problem.message
        table.add_row(MARKS[problem.severity], problem.subject, text)
    console.print(table)
