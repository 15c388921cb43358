"""Where a source's copying begins, whatever order rebalances come in."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from streams.config import parse_config
from streams.rekey.hub import RekeyHub
from streams.rekey.routing import Copy
from streams.scoring.inflow import LogEnd
from streams.supervision import Fatal, Supervisor
from streams.telemetry.metrics import Metrics

CONFIG = """
[app]
name = "a"
[sources.orders]
topic = "orders"
rekey = true
user = "u"
time = { path = "t", unit = "ms" }
[[features]]
name = "n"
agg = "count"
source = "orders"
window = "7d"
[labels]
rule = "inactivity"
horizon = "7d"
sources = ["orders"]
min_events = 1
within = "7d"
[scores]
schedule = { every = "1d" }
"""
COMMITTED = {("orders", 0): 3, ("orders", 1): 68}


class Sender:
    async def partitions(self) -> int:
        return 2

    async def send(self, copies: Sequence[Sequence[Copy]]) -> None:
        raise AssertionError(f"nothing is there to be copied: {copies}")


async def begun(ends: Sequence[int], *, resumed_first: bool) -> BaseException | None:
    """What is said where the group resumes while, or after, the ends are asked for."""
    config, supervisor = parse_config(CONFIG), Supervisor()
    hub = RekeyHub(config, config.rekeyed[0], Sender(), Metrics(), supervisor)  # type: ignore[arg-type]

    async def ask(places: Sequence[tuple[str, int]]) -> dict[tuple[str, int], LogEnd]:
        if resumed_first:
            hub.resume_at(COMMITTED)
        return {place: LogEnd(end, 0) for place, end in zip(places, ends, strict=True)}

    await hub.claim(2, ask)
    if not resumed_first:
        hub.resume_at(COMMITTED)
    await asyncio.sleep(0)
    await hub.release()
    return supervisor.error


@pytest.mark.parametrize("resumed_first", [True, False])
async def test_it_goes_on_where_the_group_committed(resumed_first: bool) -> None:
    assert await begun([3, 68], resumed_first=resumed_first) is None


@pytest.mark.parametrize("resumed_first", [True, False])
async def test_a_topic_that_is_shorter_than_its_copies_is_refused(resumed_first: bool) -> None:
    error = await begun([3, 67], resumed_first=resumed_first)
    assert isinstance(error, Fatal)
    assert "orders partition 1 was copied up to offset 68, but ends at 67" in str(error)
