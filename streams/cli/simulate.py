"""``ebbline simulate``: simulated users on the topics of a deployment."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path

import click
from kafka import TopicPartition
from kafka.errors import KafkaError

from schemas.times import format_time
from streams.cli.common import config_option, load, told
from streams.config import Config
from streams.connections import Connections
from streams.demo.standalone import NotSimulated, Simulation, require_simulated
from streams.topics.clients import KafkaClients, KafkaUnreachable, connect, opened

TICK_S = 0.1
LINE_EVERY_S = 10.0


@click.command()
@config_option
@click.option(
    "--speed",
    type=click.FloatRange(0.001, 10),
    default=0.1,
    show_default=True,
    help="Simulated days for each second.",
)
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Of users.")
def simulate(config_file: Path | None, speed: float, seed: int) -> None:
    """Send the events of simulated users until Ctrl-C: two weeks at once, then as time goes by.

    For trying a deployment out, with the configuration that `ebbline init --simulated` writes; on
    topics of their own, which nobody else writes to. Started again with the same seed it goes on
    where the topics end.
    """
    config = load(config_file)
    with told(NotSimulated, KafkaUnreachable, KafkaError):
        require_simulated(config)
        _run(config, speed, seed)


def _run(config: Config, speed: float, seed: int) -> None:
    ending = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ending.set())
    clients = connect(Connections.from_env())
    topics = {source.name: source.topic for source in config.spec.sources}
    there = _there(clients, list(topics.values()))
    partitions = max(partition for _, partition in there) + 1
    producer = clients.producer(linger_ms=20)
    simulation = Simulation(producer, topics, partitions, there, seed, speed)
    began = said = time.monotonic()
    _say(simulation)
    while not ending.wait(TICK_S):
        simulation.advance(time.monotonic() - began, time.time_ns() // 1000)
        if time.monotonic() - said >= LINE_EVERY_S:
            said = time.monotonic()
            _say(simulation)
    simulation.close()
    _say(simulation)


def _there(clients: KafkaClients, topics: list[str]) -> dict[tuple[str, int], int]:
    """How many records each partition of the topics holds. Raises NotSimulated without topics."""
    with opened(clients.consumer()) as consumer:
        places = []
        for topic in topics:
            found = consumer.partitions_for_topic(topic)
            if not found:
                raise NotSimulated(f"there is no topic {topic}: run `ebbline topics create` first")
            places += [TopicPartition(topic, partition) for partition in found]
        ends = consumer.end_offsets(places)
    return {(place.topic, place.partition): end for place, end in ends.items()}


def _say(simulation: Simulation) -> None:
    click.echo(f"simulated time {format_time(simulation.now)}, {simulation.sent} records sent")
