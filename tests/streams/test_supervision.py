"""Which of several failures ends a process, and how."""

from __future__ import annotations

import pytest

from streams import supervision
from streams.supervision import Crashed, Fatal, StartAnew, Supervisor


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervision, "SPACING", 0.01)


FIRST, CRASH = RuntimeError("the event loop is closed"), Crashed("a commit failed")


@pytest.mark.parametrize(
    ("failures", "told"),
    [
        ([FIRST, StartAnew("later")], FIRST),
        ([FIRST, CRASH], CRASH),
        ([Fatal("topic gone"), CRASH], "topic gone"),
        ([CRASH, FIRST], CRASH),
    ],
)
async def test_the_first_failure_counts_or_the_crash_behind_it(failures, told) -> None:
    supervisor = Supervisor()
    for failure in failures:
        supervisor.fail(failure)
    await supervisor.ended()
    assert str(supervisor.error) == str(told)


async def test_beginning_anew_waits_for_the_services() -> None:
    asked = iter([False, False, True])

    async def ready() -> bool:
        return next(asked)

    assert await Supervisor().may_start_anew(ready)
    assert list(asked) == []


async def test_who_is_told_to_stop_does_not_begin_anew() -> None:
    supervisor, asked = Supervisor(), 0

    async def never() -> bool:
        nonlocal asked
        asked += 1
        if asked == 3:
            supervisor.stop()
        return False

    assert not await supervisor.may_start_anew(never)
    assert asked == 3
    assert not await supervisor.may_start_anew(never)
