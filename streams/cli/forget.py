"""``ebbline forget``: erase users' state, timers and waiting cuts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import click
import redis
from kafka.errors import KafkaError

from models.state.layout import StateError
from schemas.cells import MAX_USER_BYTES
from streams.cli.common import config_option, load, told
from streams.cli.watch import Seconds
from streams.config import Config
from streams.connections import Connections
from streams.forget.asking import ask, home
from streams.forget.state import UserState
from streams.topics.admin import group_members
from streams.topics.clients import KafkaUnreachable, connect, opened
from streams.topics.reading import TopicNotReadable

POLL_S = 0.2
STAYS = (
    "What stays: the user's records on the sources' topics, scores, examples and dead letters, and "
    "what the model has learned. docs/security.md says how to be rid of them."
)


@click.command()
@config_option
@click.argument("users", nargs=-1, required=True, metavar="USER...")
@click.option(
    "--wait",
    type=Seconds(),
    default="30s",
    show_default=True,
    help="How long to wait for the worker to carry it out; 0s: only ask.",
)
def forget(config_file: Path | None, users: tuple[str, ...], wait: float) -> None:
    """Erase all state of USERs: features, membership, timers, waiting cuts.

    The request is a record on every source's topic; the worker that owns the user carries it out
    at that place, and a replay repeats it. Asking twice changes nothing. Without a running worker
    it is carried out when one starts, before anything that came after it. Exit code 1 when it was
    not carried out in time; it stays asked.
    """
    config = load(config_file)
    wrong = [user for user in users if not 0 < len(user.encode()) <= MAX_USER_BYTES or "\0" in user]
    if wrong:
        raise click.BadParameter(f"{wrong[0]!r} can be no user's id", param_hint="USER")
    with (
        told(KafkaUnreachable, TopicNotReadable, KafkaError, redis.RedisError, StateError),
        _opened(Connections.from_env()) as clients,
    ):
        late = [user for user in users if not _forget(config, clients, user, wait)]
    click.echo(STAYS)
    if late and wait:
        raise SystemExit(1)


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


def _forget(config: Config, clients: tuple[Any, Any, Any, Any], user: str, wait: float) -> bool:
    """Ask and wait; whether it was carried out."""
    consumer, producer, admin, client = clients
    partition = home(config, consumer, user)
    state = UserState(client, config, user, partition)
    known = "" if state.traces() else " (no state is known: events of theirs may still wait)"
    older = state.erase_other_feature_sets()
    moment = time.time_ns() // 1_000_000 if config.spec.clock == "live" else state.clock_ms()
    request = ask(config, consumer, producer, user, partition, moment)
    places = ", ".join(f"{t}-{partition}-{offset}" for t, offset in request.places.items())
    click.echo(f"{user}: asked{known} at {places or 'no topic: all are empty'}")
    if older:
        click.echo(f"{user}: erased from earlier feature sets: {', '.join(older)}")
    deadline = time.monotonic() + wait
    while not (done := state.carried_out(request)) and time.monotonic() < deadline:
        time.sleep(POLL_S)
    if done:
        click.echo(f"{user}: {_erased(state)}")
    elif not group_members(admin, config.spec.app):
        click.echo(f"{user}: no worker is running; the next one begins with it")
    else:
        click.echo(f"{user}: not carried out yet; the worker has not come that far")
    return done


def _erased(state: UserState) -> str:
    """What is left once the request has been passed: only later events can have written it."""
    left = state.traces()
    return f"a new start, by events since: {', '.join(left)}" if left else "forgotten"
