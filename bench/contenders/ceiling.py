"""The ceiling: Ebbline's worker with its own batch hand-over, orjson for each record, no work."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import orjson

import streams.worker
from bench.contenders import first_fetch
from bench.notes import Notes, settings
from models.engine.records import Record
from streams.cli import main
from streams.scoring.hub import ScoreHub


class Reader(ScoreHub):
    """The worker's hub, but records are parsed and dropped."""

    left: ClassVar[int]
    notes: ClassVar[Notes]

    def wants(self, topic: str, partition: int) -> bool:  # noqa: ARG002 - the hub's signature
        """Always room for more."""
        return True

    def push(self, topic: str, partition: int, records: Sequence[Record]) -> None:  # noqa: ARG002
        """Parse the records."""
        for record in records:
            orjson.loads(record.value or b"null")
        Reader.left -= len(records)
        if Reader.left <= 0:
            self.notes.last()


if __name__ == "__main__":
    given, Reader.notes = settings()
    Reader.left = given["events"]
    first_fetch.watch(Reader.notes, given["topics"])
    streams.worker.ScoreHub = Reader  # type: ignore[attr-defined]  # not its API
    main(["worker", "--roles", "score", "--config", given["config"], "--log-level", "WARNING"])
