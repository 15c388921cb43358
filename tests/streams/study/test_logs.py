"""A share of a log's users, and faults among them."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import pytest

from schemas.mapping import SourceMapping, TimeMapping
from streams.faults import Events, read_fault
from streams.study.logs import from_files
from streams.study.worlds import specification

START = 1_700_000_000_000
MAPPING = SourceMapping(user=("u",), time=TimeMapping(("at",), "ms"))


def taken(folder: Path, share: float, users: int) -> Events:
    """The events of the log's share; each of its users has one."""
    path = folder / "usage.jsonl"
    rows = [orjson.dumps({"u": f"u{n}", "at": START + n}) for n in range(users)]
    path.write_bytes(b"\n".join(rows))
    spec = specification()
    sources = tuple(replace(one, mapping=MAPPING) for one in spec.sources if one.name == "usage")
    log = from_files(replace(spec, sources=sources), {"usage": [path]}, share, lambda *_: None)
    return log.events[0]


@pytest.mark.parametrize("seed", [1, 2])
def test_a_share_of_the_users_and_a_fault_of_some_choose_each_for_itself(
    tmp_path: Path, seed: int
) -> None:
    events = taken(tmp_path, 0.1, 20_000)
    assert len(events) == pytest.approx(2_000, rel=0.1)
    wrong = read_fault(f"skew by=1d users=0.5 seed={seed}", MAPPING).events(events)
    assert np.mean(wrong.times != events.times) == pytest.approx(0.5, abs=0.05)


def test_millions_of_events_can_be_held(tmp_path: Path) -> None:
    path = tmp_path / "usage.csv"
    path.write_text("u,at\n" + "".join(f"u{n},{START + n}\n" for n in range(5_000)))
    spec = specification()
    sources = tuple(replace(one, mapping=MAPPING) for one in spec.sources if one.name == "usage")
    from_files(replace(spec, sources=sources), {"usage": [path]}, 0.01, lambda *_: None)
    tracemalloc.start()
    try:
        log = from_files(replace(spec, sources=sources), {"usage": [path]}, 1.0, lambda *_: None)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held / len(log) < 500, "bytes an event of 30"
