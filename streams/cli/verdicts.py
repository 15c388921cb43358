"""``ebbline sources reject`` and ``ebbline sources accept``: what is to become of wrong data."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import click
import redis
from kafka.errors import KafkaError

from models.grid import NEVER
from models.spec import Spec
from models.staleness.corruption import FOREVER, Interval
from models.state.layout import StateError
from schemas.times import format_time
from schemas.verdicts import Verdict
from streams.cli.common import config_option, load, told
from streams.cli.stretches import Moment
from streams.cli.watch import Seconds
from streams.config import Config
from streams.connections import Connections
from streams.topics.admin import group_members
from streams.topics.clients import KafkaUnreachable, connect, opened
from streams.topics.reading import TopicNotReadable, partitions
from streams.verdicts.asking import accepting, rejecting, rejecting_marked, send
from streams.verdicts.state import Partitions

POLL_S = 0.2
STAYS = (
    "{source}: NOT taken out of the state. It is computed again from the first record of every "
    "input topic on, and these begin later (retention): {begins}. The interval stays out of all "
    "windows, and so do corrected events with times in it: publishing them changes nothing. Last "
    "and lifetime values that lie in it are not known. Keep records longer (topic setting "
    "retention.ms) before the next fault."
)
ERRORS = (KafkaUnreachable, TopicNotReadable, KafkaError, redis.RedisError, StateError)

source_argument = click.argument("source")
until_option = click.option(
    "--until", type=Moment(), help="Newest event time of it.  [default: the newest event seen]"
)
reason_option = click.option("--reason", default="", help="Why; stays with the interval.")
wait_option = click.option(
    "--wait",
    type=Seconds(),
    default="60s",
    show_default=True,
    help="How long to wait for the workers to carry it out; 0s: only ask.",
)


@click.command()
@config_option
@source_argument
@click.option("--from", "begin", type=Moment(), required=True, help="Events after this time.")
@until_option
@click.option(
    "--marked",
    is_flag=True,
    help="Only what is marked already, where it is: partitions that were well lose nothing.",
)
@reason_option
@wait_option
def reject(
    config_file: Path | None,
    source: str,
    begin: int,
    until: int | None,
    marked: bool,
    reason: str,
    wait: float,
) -> None:
    """Take the events of SOURCE with --from < event time <= --until out of the state again.

    The state is computed again from the topics, as if they had never come: windows, last values,
    lifetime values, membership, watermarks. Scores that were sent stay as they are, and so do
    events that arrive later: publish corrected ones, within allowed_lateness they count.
    Intervals known already that touch this one are rejected as a whole; of accepted ones only
    those that lie in this one. What models have learned: ebbline models rollback.

    It goes to every partition: one in which the data was right loses them, too, and nothing brings
    them back. With --marked it takes, of each, only what ebbline sources tells of.

    It takes all input topics of the partition, back to their first record. Where retention has
    deleted some, the events stay in the state, but out of all windows, and corrected ones of
    these times with them.

    Exit code 1 when it was not carried out in time (it stays asked), or could not be, for want of
    old records.
    """
    until = _after(begin, until)
    everywhere = rejecting(source, begin, until, reason)
    marked_only = partial(rejecting_marked, source, begin=begin, until=until, reason=reason)
    _ask(config_file, source, marked_only if marked else lambda _: everywhere, (begin, until), wait)


@click.command()
@config_option
@source_argument
@click.option("--from", "begin", type=Moment(), help="Events after this time.  [default: all]")
@until_option
@reason_option
@wait_option
def accept(
    config_file: Path | None,
    source: str,
    begin: int | None,
    until: int | None,
    reason: str,
    wait: float,
) -> None:
    """Say that data of SOURCE that were marked wrong are right: windows use everything again.

    Means every interval that touches --from < event time <= --until, as a whole. What was
    rejected and taken out of the state does not come back.
    """
    meant = begin, _after(begin, until)
    verdicts = accepting(source, *meant, reason)
    _ask(config_file, source, lambda _: verdicts, meant, wait)


def _after(begin: int | None, until: int | None) -> int | None:
    if begin is not None and until is not None and until <= begin:
        raise click.BadParameter("must be after --from", param_hint="--until")
    return until


def _ask(
    config_file: Path | None,
    source: str,
    ask: Callable[[Iterable[Interval]], Sequence[Verdict]],
    meant: tuple[int | None, int | None],
    wait: float,
) -> None:
    """ask: what to ask of a partition, by the intervals that it knows. meant: begin and end."""
    config = load(config_file)
    names = [one.name for one in config.spec.sources]
    if source not in names:
        known = ", ".join(names)
        message = f"{config.path} has no source {source!r}; there are: {known}"
        raise click.BadParameter(message, param_hint="SOURCE")
    with told(*ERRORS), _opened(Connections.from_env()) as (consumer, producer, admin, client):
        states = Partitions(client, config, source)
        declared = config.spec.sources[names.index(source)]
        numbers = [place.partition for place in partitions(consumer, declared.input_topic)]
        verdicts = {number: ask(states.intervals(number)) for number in numbers}
        places = send(consumer, producer, declared, verdicts, _clocks(config, states, numbers))
        listed = ", ".join(f"{n}-{offset}" for n, offset in places.items())
        click.echo(f"{source}: asked in {declared.input_topic}, partition-offset {listed or '-'}")
        done = _carried_out(states, places, wait)
        if done:
            stuck = _tell(source, states, places, meant)
            if stuck:
                begins = (
                    ", ".join(begun_later(consumer, config.spec, stuck)) or "(which is unknown)"
                )
                click.echo(STAYS.format(source=source, begins=begins), err=True)
                raise SystemExit(1)
        elif not group_members(admin, config.spec.app):
            click.echo(f"{source}: no worker is running; the next one begins with it")
        else:
            click.echo(f"{source}: not carried out yet; the workers have not come that far")
    if wait and not done:
        raise SystemExit(1)


def _clocks(config: Config, states: Partitions, numbers: Sequence[int]) -> dict[int, int]:
    if config.spec.clock == "live":
        return dict.fromkeys(numbers, time.time_ns() // 1_000_000)
    return {number: states.clock_ms(number) for number in numbers}


def _carried_out(states: Partitions, places: Mapping[int, int], wait: float) -> bool:
    deadline = time.monotonic() + wait
    while not (done := states.carried_out(places)) and time.monotonic() < deadline:
        time.sleep(POLL_S)
    return done


def begun_later(consumer: Any, spec: Spec, numbers: Collection[int]) -> list[str]:
    """Input topics' partitions of these numbers whose first records are gone, in words."""
    places = [
        place
        for source in spec.sources
        for place in partitions(consumer, source.input_topic)
        if place.partition in numbers
    ]
    begins = consumer.beginning_offsets(places)
    return [
        f"{place.topic}, partition {place.partition}, at offset {begins[place]}"
        for place in places
        if begins[place] > 0
    ]


def _tell(
    source: str,
    states: Partitions,
    places: Mapping[int, int],
    meant: tuple[int | None, int | None],
) -> set[int]:
    """What became of the intervals that were meant. Returns partitions in which one is stuck."""
    begin, until = meant[0] or NEVER, meant[1] or FOREVER
    found = {
        (number, one.begin, one.end, one.state)
        for number in places
        for one in states.intervals(number)
        if one.touches(begin, until)
    }
    alike = Counter((start, end, state) for _, start, end, state in found)
    for (start, end, state), number in sorted(alike.items(), key=str):
        through = "now" if end is None else format_time(end)
        click.echo(
            f"{source}: {format_time(start)} to {through}: {state} in {number} of "
            f"{len(places)} partitions"
        )
    if not found:
        click.echo(f"{source}: nothing was marked there")
    return {number for number, *_, state in found if state == "rejected"}


@contextmanager
def _opened(connections: Connections) -> Iterator[tuple[Any, Any, Any, Any]]:
    """Consumer, producer and admin of Kafka, and a client of Redis."""
    kafka = connect(connections)
    with ExitStack() as stack:
        consumer = stack.enter_context(opened(kafka.consumer()))
        producer = stack.enter_context(opened(kafka.producer()))
        admin = stack.enter_context(opened(kafka.admin()))
        client = redis.Redis.from_url(connections.redis_url, socket_timeout=10)
        yield consumer, producer, admin, stack.enter_context(opened(client))
