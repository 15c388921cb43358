"""What passes by itself is waited for; everything else gets out."""

from __future__ import annotations

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError, ResponseError

from streams import patience
from streams.patience import REDIS_AWAY, patiently
from streams.telemetry.metrics import Metrics

PASSING = [
    RedisConnectionError("refused"),
    OutOfMemoryError("command not allowed when used memory > 'maxmemory'."),
    ResponseError("MISCONF Redis is configured to save RDB snapshots, but is unable to persist"),
    ResponseError("NOREPLICAS Not enough good replicas to write."),
    ResponseError(  # Redis 6
        "Error running script (call to f_39711216fa1d): @user_script:18: @user_script: 18: "
        "-OOM command not allowed when used memory > 'maxmemory'."
    ),
]
OTHERS = [
    ResponseError("ERR unknown command"),
    ResponseError("WRONGTYPE Operation against a key holding the wrong kind of value"),
    ResponseError("Error running script (call to f_1): @user_script:3: attempt to index nil"),
    ValueError("a bug"),
]


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "FIRST_PAUSE", 0.001)


@pytest.mark.parametrize("error", PASSING, ids=str)
async def test_waited_for_and_shown(error: Exception) -> None:
    metrics, seen = Metrics(), []

    async def operation() -> str:
        labels = {"service": "redis"}
        seen.append(metrics.registry.get_sample_value("ebbline_waiting", labels) or 0)
        if len(seen) < 4:
            raise error
        return "done"

    assert await patiently(operation, REDIS_AWAY, "redis", metrics) == "done"
    assert seen == [0, 1, 1, 1]
    assert metrics.registry.get_sample_value("ebbline_waiting", {"service": "redis"}) == 0
    assert metrics.registry.get_sample_value("ebbline_retries_total", {"service": "redis"}) == 3


@pytest.mark.parametrize("error", OTHERS, ids=str)
async def test_not_swallowed(error: Exception) -> None:
    async def operation() -> None:
        raise error

    with pytest.raises(type(error)):
        await patiently(operation, REDIS_AWAY, "redis", Metrics())
