"""Rows into records: who a row is about and when it would have arrived.

User and time are read by the very decoder that the workers use, so that what is published is
what they will understand.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import compress

import numpy as np

from schemas.events import decode_batch
from schemas.mapping import SourceMapping
from streams.faults import Events, Fault, faulty_events
from streams.publish.arrival import Arrival
from streams.publish.chunks import Chunk, chunk_of


class UnreadableRows(ValueError):
    """Not one row of a source's first block has a user and a time."""


@dataclass
class Placed:
    """Turns blocks of rows of one source into chunks, and counts what it had to leave out."""

    name: str
    source: int
    mapping: SourceMapping
    arrival: Arrival
    faults: tuple[Fault, ...] = ()
    skipped: Counter[str] = field(default_factory=Counter)
    seen: int = 0

    def chunks(self, blocks: Iterable[list[bytes]]) -> Iterator[Chunk]:
        """One chunk for each block, with what the faults have made of it."""
        for events in self.events(blocks):
            spoilt = faulty_events(self.faults, events)
            yield chunk_of(self.source, spoilt.arrivals, spoilt.keys, spoilt.values)

    def events(self, blocks: Iterable[list[bytes]]) -> Iterator[Events]:
        """Each block as columns; rows without a user or a time stay out."""
        place = replace(self.mapping, fields=(), outcome=None, event_id=None)
        for values in blocks:
            batch = decode_batch(place, values, [()] * len(values))
            if values and len(batch.rejects) == len(values) and not self.seen:
                raise UnreadableRows(self._hint(values[0], *batch.rejects[0]))
            self.seen += len(values)
            self.skipped.update(str(reason) for reason, _ in batch.rejects.values())
            keep = np.ones(len(values), dtype=np.bool_)
            keep[list(batch.rejects)] = False
            kept = keep.tolist()
            users = compress(batch.users, kept)
            keys = [None if user is None else user.encode() for user in users]
            times = batch.times[keep]
            yield Events(times, self.arrival.of(times), keys, list(compress(values, kept)))

    def _hint(self, row: bytes, reason: str, message: str) -> str:
        shown = row[:300].decode(errors="replace")
        return (
            f"source {self.name}: no row can be placed in time ({reason}: {message}). The first "
            f"row is {shown}. Let `user` and `time` of [sources.{self.name}] name its columns."
        )
