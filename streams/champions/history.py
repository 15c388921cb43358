"""The examples of a deployment by epoch: from its topic, or from a file of the same records."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from models.spec import Spec
from schemas.codec import CodecError, decode_example
from schemas.examples import Example
from streams.config import Config
from streams.connections import Connections
from streams.topics.clients import connect, opened
from streams.topics.reading import ends, read_until


def by_epoch(spec: Spec, values: Iterable[bytes | None]) -> tuple[dict[int, list[Example]], int]:
    """Examples of the app and its feature set by epoch, repeats left out; and how many others."""
    found: dict[int, dict[str, Example]] = defaultdict(dict)
    others = 0
    for value in values:
        try:
            record = decode_example(value)
        except CodecError:
            others += 1
            continue
        if not isinstance(record, Example):
            continue
        if record.app != spec.app or record.feature_set != spec.feature_set:
            others += 1
        else:
            found[record.epoch].setdefault(record.id, record)
    return {epoch: list(examples.values()) for epoch, examples in found.items()}, others


def of_topic(config: Config) -> Iterator[bytes | None]:
    """Every record of the examples topic, up to its present end."""
    clients = connect(Connections.from_env())
    with opened(clients.consumer()) as consumer:
        for record in read_until(consumer, ends(consumer, [config.topics.examples])):
            yield record.value


def of_file(path: Path) -> Iterator[bytes]:
    """Every line of a file that holds one record each."""
    with path.open("rb") as lines:
        yield from (line for line in lines if line.strip())
