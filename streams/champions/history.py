"""The examples of a deployment by epoch: from its topic, or from a file of the same records.

Told with hindsight: what requests to learn again leave out (``ebbline models rollback --before``)
is marked from the beginning, as it would be if everything were learned again now.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from models.learning.relearning import asked_for, mark
from models.spec import Spec
from schemas.codec import CodecError, decode_example
from schemas.examples import EpochEnd, Example, ModelRequest
from schemas.snapshots import Relearned
from streams.config import Config
from streams.connections import Connections
from streams.topics.clients import connect, opened
from streams.topics.reading import ends, read_until
from streams.training.epochs import Epochs


def by_epoch(spec: Spec, values: Iterable[bytes | None]) -> tuple[dict[int, list[Example]], int]:
    """Examples of the app and its feature set by epoch, repeats left out; and how many others.

    Those that wrong data may be in, as far as is known by now, are marked as such.
    """
    found: dict[int, dict[str, Example]] = defaultdict(dict)
    asked = _Asked(spec.learning.every)
    others = 0
    for offset, value in enumerate(values):
        try:
            record = decode_example(value)
        except CodecError:
            others += 1
            continue
        if record.app == spec.app:
            asked.add(offset, record)
        if not isinstance(record, Example):
            continue
        if record.app != spec.app or record.feature_set != spec.feature_set:
            others += 1
        else:
            found[record.epoch].setdefault(record.id, record)
    again = asked.relearned()
    marked = {
        epoch: list(mark(spec, again, epoch, list(examples.values())))
        for epoch, examples in found.items()
    }
    return marked, others


class _Asked:
    """What was asked to be learned again, up to the epochs at whose ends the trainer does it.

    every: length of an epoch, microseconds.
    """

    def __init__(self, every: int) -> None:
        self._books = Epochs(every)
        self._found: list[Relearned] = []

    def add(self, offset: int, record: Example | EpochEnd | ModelRequest) -> None:
        """Take in a record of the examples topic."""
        self._books.add(offset, record)
        while (epoch := self._books.complete()) is not None:
            self._close(epoch)

    def relearned(self) -> list[Relearned]:
        """All of it, what is still to be done with the epoch that comes next."""
        following = self._books.following()
        if following is not None:
            self._close(following)
        return self._found

    def _close(self, epoch: int) -> None:
        requests = [request for _, request in self._books.take(epoch).requests]
        again = asked_for(requests, epoch)
        if again is not None:
            self._found.append(again)


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
