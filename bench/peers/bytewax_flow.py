"""Bytewax: Kafka in, a stateful step keyed by user, Kafka out.

Its documentation's advice: batches from the source (1,000, its default), batched steps where
there is no state, ``stateful_flat_map`` where there is, recovery switched on with its default
epoch of ten seconds. Its sink flushes each batch, so the producer must not linger before that.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import bytewax.operators as op
import orjson
from bytewax.connectors.kafka import KafkaSinkMessage, KafkaSource
from bytewax.connectors.kafka import operators as kop
from bytewax.dataflow import Dataflow
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.run import cli_main

from bench.notes import settings
from bench.peers.scoring import Scoring

EPOCH = timedelta(seconds=10)

if __name__ == "__main__":
    given, notes = settings()
    scoring = Scoring.load(given["about"])

    def decode(messages: list[Any]) -> list[tuple[str, dict[str, Any]]]:
        """Key and event of each message."""
        notes.first()
        return [(message.key.decode(), orjson.loads(message.value)) for message in messages]

    def encode(scores: list[tuple[str, dict[str, Any]]]) -> list[KafkaSinkMessage[bytes, bytes]]:
        """Each score as a message."""
        return [KafkaSinkMessage(user.encode(), orjson.dumps(score)) for user, score in scores]

    brokers = [given["bootstrap_servers"]]
    flow = Dataflow("scores")
    source = KafkaSource(brokers, given["topics"], batch_size=1000)
    events = op.flat_map_batch("decode", op.input("events", flow, source), decode)
    scores = op.stateful_flat_map("score", events, scoring.on_event)
    messages = op.flat_map_batch("encode", scores, encode)
    kop.output(
        "scores", messages, brokers=brokers, topic=given["output"], add_config={"linger.ms": "0"}
    )

    folder = Path(given["folder"]) / "recovery"
    folder.mkdir()
    init_db_dir(folder, 1)
    cli_main(flow, recovery_config=RecoveryConfig(str(folder)), epoch_interval=EPOCH)
