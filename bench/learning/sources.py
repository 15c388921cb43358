"""From event files and from the simulator to records in the order of their arrival."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.learning.driver import Record
from models.spec import SourceSpec, Spec
from schemas.times import DAY
from streams.demo.feed import HEARTBEAT_HEADERS
from streams.demo.simulator import Simulator
from streams.publish import prepare
from streams.publish.arrival import Arrival
from streams.publish.heartbeats import heartbeat_headers
from streams.publish.plan import Feed, Plan, Progress

DAY_MS = DAY // 1000
GROUP = 20_000


def from_files(spec: Spec, files: dict[str, Path], close_at: int) -> Iterator[list[Record]]:
    """What ``ebbline publish --heartbeats 1d --close-at`` sends, a block at a time.

    close_at: µs; everything that can mature has matured by then.
    """
    feeds = tuple(Feed(source, (files[source.name],), Arrival()) for source in spec.sources)
    plan = Plan(feeds, DAY_MS, -(-close_at // 1000), spec.sources)
    headers = [tuple(heartbeat_headers(source.mapping)) for source in plan.sources]
    with tempfile.TemporaryDirectory(prefix="ebbline-bench-") as folder:
        rows = prepare.read(plan, Path(folder), Progress(), lambda _name, _more: None)
        block: list[Record] = []
        for chunk in prepare.records(plan, rows):
            columns = (chunk.sources.tolist(), chunk.arrivals.tolist(), chunk.keys, chunk.values)
            for source, arrival, key, value in zip(*columns, strict=True):
                mark = headers[source] if key is None else ()
                block.append((source, arrival, key, value, mark))
            if len(block) >= GROUP:
                yield block
                block = []
        yield block


def from_simulator(
    simulator: Simulator, sources: tuple[SourceSpec, ...], days: int, turn: Callable[[float], None]
) -> Iterator[list[Record]]:
    """What the simulated product's systems send, in blocks. turn: called with each day."""
    places = {source.name: i for i, source in enumerate(sources)}
    beat: tuple[tuple[str, bytes | None], ...] = tuple(HEARTBEAT_HEADERS)
    block: list[Record] = []
    for day in range(days):
        turn(float(day))
        for record in simulator.advance(simulator.now + DAY):
            key = None if record.user is None else record.user.encode()
            mark = beat if key is None else ()
            at = record.arrival // 1000
            block.append((places[record.source], at, key, record.value, mark))
        if len(block) >= GROUP:
            yield block
            block = []
    yield block
