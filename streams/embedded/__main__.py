"""`python -m streams.embedded`: a real Kafka and a real Redis until Ctrl-C.

For those without Docker. Prints the two `export` lines for other terminals; `make services` runs
this.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

from streams.embedded.errors import ServiceUnavailable
from streams.embedded.kafka import LocalKafka
from streams.embedded.redis import LocalRedis
from streams.embedded.services import KAFKA_VARIABLE, REDIS_VARIABLE


def main(arguments: Sequence[str] | None = None) -> int:
    """Start both, say where they are, wait for a signal, stop both. 1 if one can't be had."""
    options = _parser().parse_args(arguments)
    ended = _until_signal()
    try:
        with ExitStack() as cleanup:
            redis = cleanup.enter_context(_redis(options))
            print(f"export {REDIS_VARIABLE}={redis.url}", flush=True)
            kafka = cleanup.enter_context(_kafka(options))
            print(f"export {KAFKA_VARIABLE}={kafka.bootstrap_servers}", flush=True)
            _say("ready; Ctrl-C stops both" + _keeping(options.data))
            return _watch(ended, kafka, redis)
    except ServiceUnavailable as error:
        _say(str(error))
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m streams.embedded", description=__doc__)
    parser.add_argument("--kafka-port", type=int, help="default: a free one")
    parser.add_argument("--redis-port", type=int, help="default: a free one")
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="keep the data here; default: keep nothing"
    )
    return parser


def _kafka(options: argparse.Namespace) -> LocalKafka:
    folder = options.data.resolve() / "kafka" if options.data else None
    return LocalKafka(folder, port=options.kafka_port)


def _redis(options: argparse.Namespace) -> LocalRedis:
    folder = options.data.resolve() / "redis" if options.data else None
    return LocalRedis(folder, port=options.redis_port)


def _keeping(data: Path | None) -> str:
    return f", their data stay in {data}" if data else ", their data go with them"


def _until_signal() -> threading.Event:
    """Set by Ctrl-C and SIGTERM. A second signal while we stop changes nothing."""
    ended = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        ended.set()

    signal.signal(signal.SIGINT, on_signal)
    signal.signal(signal.SIGTERM, on_signal)
    return ended


def _watch(ended: threading.Event, kafka: LocalKafka, redis: LocalRedis) -> int:
    while not ended.wait(0.5):
        for name, service in (("Kafka", kafka), ("Redis", redis)):
            if not service.running:
                _say(f"{name} has ended by itself, see {service.log_path}; stopping the other")
                return 1
    _say("stopping both")
    return 0


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
